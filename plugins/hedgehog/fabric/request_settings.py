"""What the pull requests of a repository get besides their change, as the setting `pull_requests` says; and their branches. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from hedgehog.fabric.model import Fabric
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.shown import shown

OUR_BRANCHES = "hedgehog/"
"""What the names of the branches that we push begin with; no other is ever overwritten."""
_MOST = 20
_LABEL = re.compile(r"[^,\x00-\x1f\x7f]{1,50}")
_LOGIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}")
_REF_SUFFIX = ".lock"


def request_branch(fabric: Fabric) -> str:
    """The branch from which the changes of *fabric* are merged. Git takes no name that ends in `.lock`."""
    name = f"{OUR_BRANCHES}{fabric.name}"
    return f"{name}-" if name.endswith(_REF_SUFFIX) else name


@dataclass(frozen=True, slots=True)
class RequestSettings:
    """The setting `pull_requests`: labels and reviewers of each, and whether the host is to merge it by itself."""

    labels: tuple[str, ...] = ()
    reviewers: tuple[str, ...] = ()
    """Logins at the host."""
    auto_merge: bool = False
    """As soon as the rules of the host allow it."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> RequestSettings:
        """From a value in which `requests_fault` finds nothing wrong."""
        words = {name: tuple(values.get(name) or ()) for name in ("labels", "reviewers")}
        return cls(**words, auto_merge=bool(values.get("auto_merge", False)))


def requests_fault(values: Mapping[Any, Any]) -> str:
    """What is wrong with a value of the setting; empty for a valid one."""
    known = [one.name for one in fields(RequestSettings)]
    for name, value in values.items():
        if name not in known:
            return f"{shown(name)} is not known; {did_you_mean(str(name), known, otherwise=f'known are {known}')}"
        if name == "auto_merge" and not isinstance(value, bool):
            return f"auto_merge: {shown(value)} is not true or false"
        if name != "auto_merge" and (wrong := _words_fault(value, _LABEL if name == "labels" else _LOGIN)):
            return f"{name}: {wrong}"
    return ""


def _words_fault(value: Any, pattern: re.Pattern[str]) -> str:
    if not isinstance(value, list) or len(value) > _MOST:
        return f"{shown(value)} is not a list of at most {_MOST} names"
    wrong = next((one for one in value if not isinstance(one, str) or not pattern.fullmatch(one)), None)
    return "" if wrong is None else f"{shown(wrong)} is not a name that a host takes"
