"""Rules and violations as values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from enum import StrEnum

Path = tuple[str | int, ...]
"""From the root of an object to one of its fields: ("spec", "subnets", "a", "vlan")."""

_PLAIN_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")


class Severity(StrEnum):
    """A cluster refuses an error; it accepts what a warning is about, which is almost certainly a mistake."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing that is checked. Make one with `rule`, at module level, so that it has its row in `RULES`."""

    id: str
    """`<kind or subject>-<what>`, lower case with dashes; never reused or renamed, because people suppress and search
    by it.
    """
    what: str
    """What must hold, one sentence."""
    why: str
    """What goes wrong otherwise."""
    source: str
    """Where upstream says so: file of githedgehog/fabric and function; or `ours`."""
    fix: str
    """What to do; the hint of a violation that has no better one. Best with an example."""
    severity: Severity = Severity.ERROR
    absent: str = ""
    """The kind of the object whose absence breaks the rule; empty for rules that are not about an absent object."""

    def at(self, path: Path, message: str, hint: str = "") -> Violation:
        """The violation of this rule at *path* (of the object as sent, or as admission stores it)."""
        return Violation(self, path, message, hint or self.fix)


@dataclass(frozen=True, slots=True)
class Violation:
    """One place of one object that breaks a rule; printed `.spec.subnets.a.vlan: what is wrong`."""

    rule: Rule
    path: Path
    message: str
    hint: str

    def __str__(self) -> str:
        return f"{printed(self.path)}: {self.message}"


RULES: dict[str, Rule] = {}
"""Every rule by its id."""


def rule(
    id: str,
    *,
    what: str,
    why: str,
    source: str,
    fix: str,
    severity: Severity = Severity.ERROR,
    absent: str = "",
) -> Rule:
    """A new rule, which is added to `RULES`. Raises ValueError for an id that is taken."""
    if id in RULES:
        raise ValueError(f"the rule id {id} is taken")
    RULES[id] = Rule(id, what, why, source, fix, severity, absent)
    return RULES[id]


def printed(path: Path) -> str:
    """A path as people write it: `.spec.links[0].switch`, `.spec.portBreakouts["E1/1"]`; the whole object is `.`."""
    return "".join(map(_step, path)) or "."


def _step(part: str | int) -> str:
    if isinstance(part, str) and _PLAIN_KEY.fullmatch(part):
        return f".{part}"
    return f"[{json.dumps(part, ensure_ascii=False)}]"
