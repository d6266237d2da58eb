"""The table of Git hosts in `hosts.md`, from what each host declares."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hedgehog.hosts.host import Feature, HostType

_TABLE = re.compile(
    r"(?<=<!-- hosts: made by docs/generate\.py from what each host declares -->\n).*?(?=<!-- /hosts -->)", re.S
)


def with_hosts(page: str, types: Mapping[str, HostType]) -> str:
    """*page* with the table created again between its marks."""
    hosts = sorted(types.values(), key=lambda one: (-len(one.features), one.title))
    rows = [
        "| | " + " | ".join(one.title for one in hosts) + " |",
        "|---|" + "---|" * len(hosts),
        "| extra `host` | " + " | ".join(f"`{one.name}`" for one in hosts) + " |",
        "| recognized by | "
        + " | ".join(", ".join(f"`{name}`" for name in one.servers) or "-" for one in hosts)
        + " |",
        *(
            f"| {feature.value} | " + " | ".join("yes" if feature in one.features else "no" for one in hosts) + " |"
            for feature in Feature
        ),
        "| links to commits, files and pull requests | "
        + " | ".join("yes" if one.pages is not None else "no" for one in hosts)
        + " |",
    ]
    return _TABLE.sub(lambda _: "\n".join(["", *rows, "", ""]), page)
