"""Draws the sample of recorded cases that lies in the repository: `python -m devstack.sample_cases FILE`.

Only fabrics that were made for the recording are taken (OWN), never those that come from samples of others; and no
SwitchProfile, for those are Hedgehog's own: the sample is replayed with our table of them. The same file gives the
same sample.
"""

from __future__ import annotations

import argparse
import gzip
import json
import shutil
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from devstack.replay import SAMPLE
from devstack.webhook_config import from_webhook_config

OWN = ("gen", "mclag", "gw-full", "gw-notready", "extra-profiles", "custom-profiles", "v0129")
EACH = 5
"""Cases of one kind, operation, fabric and stage."""
LONGEST_MESSAGE = 160

Row = dict[str, Any]


def main() -> None:
    """Write the sample over the one in the repository."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("cases", type=Path)
    source: Path = parser.parse_args().cases
    target = SAMPLE.parent
    (target / "fabrics").mkdir(parents=True, exist_ok=True)
    with gzip.open(source, "rt", encoding="utf-8") as lines:
        rows = [_shortened(row) for row in _drawn([json.loads(line) for line in lines])]
    text = "".join(json.dumps(row, separators=(",", ":"), sort_keys=True) + "\n" for row in rows)
    SAMPLE.write_bytes(gzip.compress(text.encode(), mtime=0))
    for fabric in OWN:
        shutil.copyfile(source.parent / "fabrics" / f"{fabric}.yaml", target / "fabrics" / f"{fabric}.yaml")
    config = _config(json.loads((source.parent / "fabric-config.json").read_text(encoding="utf-8")))
    (target / "fabric-config.json").write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    print(f"{len(rows)} cases, {SAMPLE.stat().st_size} bytes")


def _drawn(rows: list[Row]) -> Iterator[Row]:
    """Evenly spaced over the mutations of each group."""
    groups: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        if row["fabric"] in OWN and (row["kind"] != "SwitchProfile" or row["op"] == "delete"):
            groups[row["kind"], row["op"], row["fabric"], row.get("stage") or ""].append(row)
    for _, members in sorted(groups.items()):
        members.sort(key=lambda row: (str(row.get("tag")), row["id"]))
        step = max(1, len(members) // EACH)
        yield from members[::step][:EACH]


def _shortened(row: Row) -> Row:
    return {**row, "message": str(row.get("message", ""))[:LONGEST_MESSAGE]}


def _config(config: Row) -> Row:
    """The settings that the fabrics of the sample use."""
    fabrics = {name: config["fabrics"][name] for name in OWN}
    used = {about["config"] for about in fabrics.values()}
    return {"configs": {name: _read_keys(config["configs"][name]) for name in sorted(used)}, "fabrics": fabrics}


class _Noting(dict[str, Any]):
    """A mapping that remembers which of its keys were read."""

    def __init__(self, values: Row) -> None:
        super().__init__(values)
        self.read: Row = {}

    def __getitem__(self, key: str) -> Any:
        self.read[key] = super().__getitem__(key)
        return self.read[key]

    def get(self, key: str, default: Any = None) -> Any:
        self.read |= {key: self[key]} if key in self else {}
        return self.read.get(key, default)


def _read_keys(settings: Row) -> Row:
    noting = _Noting(settings)
    from_webhook_config(noting)
    return noting.read


if __name__ == "__main__":
    main()
