"""Selectors: which fabrics are meant, in the grammar of Kubernetes' label selectors. Pure.

`site=fra,tier!=lab,env in (a,b),!retired`. Besides the labels of fabrics, a selector may ask for PROPERTIES, whose values
may be patterns: `cluster=dc1_*`. The only translation to SQL is the function `hedgehog.selects`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.shown import shown

PROPERTIES = ("fabric", "repository", "cluster")
"""What every fabric can be chosen by; no label has such a key."""
MOST_LABELS = 64
MOST_VARIABLES = 256
LONGEST_VARIABLE = 1000
_LONGEST_SELECTOR = 2000
_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_KEY = re.compile(rf"(?:[a-z0-9](?:[-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_NAME}")
_VALUE = re.compile(rf"(?:{_NAME})?")
_PATTERN = re.compile(r"[-A-Za-z0-9_./*]{1,253}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")
_SET = re.compile(r"(?P<key>\S+)\s+(?P<operator>in|notin)\s*\((?P<values>[^()]*)\)")
_EQUALITY = re.compile(r"(?P<key>[^!=]+)(?P<operator>!=|==?)(?P<values>[^!=]*)")
_EXAMPLE = "write site=fra, tier!=lab, env in (a,b), env notin (a,b), site or !site, with commas in between"


class Operator(StrEnum):
    """How a requirement compares. `NOT_IN` fits a fabric without the label, too."""

    IN = "in"
    NOT_IN = "not_in"
    EXISTS = "exists"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Requirement:
    """One condition of a selector."""

    key: str
    operator: Operator
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.operator is Operator.EXISTS:
            return self.key
        if self.operator is Operator.MISSING:
            return f"!{self.key}"
        if len(self.values) == 1:
            return f"{self.key}{'=' if self.operator is Operator.IN else '!='}{self.values[0]}"
        return f"{self.key} {'in' if self.operator is Operator.IN else 'notin'} ({','.join(self.values)})"


@dataclass(frozen=True, slots=True)
class Selector:
    """Fabrics that fit every requirement; without any, all. Its text is what `parse_selector` reads."""

    requirements: tuple[Requirement, ...] = ()

    def __str__(self) -> str:
        return ",".join(map(str, self.requirements))

    def as_data(self) -> list[dict[str, Any]]:
        """Plain data for `hedgehog.selects`; `Selector.of` gives it back."""
        return [
            {"key": one.key, "operator": one.operator.value, "values": list(one.values)} for one in self.requirements
        ]

    @classmethod
    def of(cls, found: Iterable[Mapping[str, Any]]) -> Selector:
        """The selector that was stored as data."""
        return cls(tuple(Requirement(one["key"], Operator(one["operator"]), tuple(one["values"])) for one in found))

    @classmethod
    def named(cls, fabrics: Iterable[str]) -> Selector:
        """The one that fits these fabrics."""
        return cls((Requirement("fabric", Operator.IN, tuple(sorted(set(fabrics)))),))

    @classmethod
    def of_cluster(cls, connection_id: str) -> Selector:
        """The one that fits the fabrics of a cluster connection."""
        return cls((Requirement("cluster", Operator.IN, (connection_id,)),))

    @classmethod
    def all_of(cls, selectors: Iterable[Selector]) -> Selector:
        """The one that fits what all *selectors* fit."""
        return cls(_sorted(one for selector in selectors for one in selector.requirements))

    def describe(self) -> str:
        """Which fabrics, in words: `all fabrics`, `fabrics with site=fra`."""
        return f"fabrics with {self}" if self.requirements else "all fabrics"


def parse_selector(text: str) -> Selector:
    """The selector that *text* is. Raises InvalidInput that names the part which is not one."""
    if len(text) > _LONGEST_SELECTOR:
        raise InvalidInput(f"a selector has at most {_LONGEST_SELECTOR} characters")
    parts = list(_parts(text))
    if not any(parts):
        raise InvalidInput(f"{shown(text)} selects nothing; {_EXAMPLE}")
    return Selector(_sorted(_requirement(part) for part in parts))


def _sorted(requirements: Iterable[Requirement]) -> tuple[Requirement, ...]:
    """Each once, in an order of their own, so that two texts of one selector are equal."""
    return tuple(sorted(set(requirements), key=lambda one: (one.key, one.operator, one.values)))


def _parts(text: str) -> Iterator[str]:
    """What stands between the commas that are not in parentheses."""
    depth, start = 0, 0
    for at, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            yield text[start:at].strip()
            start = at + 1
    yield text[start:].strip()


def _requirement(part: str) -> Requirement:
    if match := _SET.fullmatch(part):
        values = tuple(dict.fromkeys(value.strip() for value in match["values"].split(",")))
        return _checked(part, match["key"], Operator.IN if match["operator"] == "in" else Operator.NOT_IN, values)
    if match := _EQUALITY.fullmatch(part):
        operator = Operator.NOT_IN if match["operator"] == "!=" else Operator.IN
        return _checked(part, match["key"].strip(), operator, (match["values"].strip(),))
    if part.startswith("!"):
        return _checked(part, part[1:].strip(), Operator.MISSING, ())
    return _checked(part, part, Operator.EXISTS, ())


def _checked(part: str, key: str, operator: Operator, values: tuple[str, ...]) -> Requirement:
    if not _KEY.fullmatch(key):
        raise InvalidInput(f"{shown(part)} is not a condition on fabrics; {_EXAMPLE}")
    allowed = _PATTERN if key in PROPERTIES else _VALUE
    for value in values:
        if not allowed.fullmatch(value):
            said = "a name or a pattern with *" if key in PROPERTIES else "the value of a label"
            raise InvalidInput(f"{shown(part)}: {shown(value)} is not {said}; {_EXAMPLE}")
    return Requirement(key, operator, tuple(sorted(values)))


def labels_fault(labels: Mapping[Any, Any]) -> str:
    """What is wrong with the labels of a fabric; empty when the fabric database accepts them."""
    if len(labels) > MOST_LABELS:
        return f"has {len(labels)} labels; at most {MOST_LABELS} are allowed"
    for key, value in labels.items():
        if key in PROPERTIES:
            return f"{key!r} cannot be a label: every fabric is chosen by its {key} anyway"
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            return f"{shown(key)} is not the key of a label: 1 to 63 letters, digits, '-', '_' and '.', a prefix/ before it"
        if not isinstance(value, str) or not _VALUE.fullmatch(value):
            return f"{shown(value)} is not the value of a label ({key}): a string of at most 63 letters, digits, '-', '_', '.'"
    return ""


def variables_fault(variables: Mapping[Any, Any]) -> str:
    """What is wrong with the variables of a fabric; empty when the fabric database accepts them."""
    if len(variables) > MOST_VARIABLES:
        return f"has {len(variables)} variables; at most {MOST_VARIABLES} are allowed"
    for name, value in variables.items():
        if not isinstance(name, str) or not _VARIABLE.fullmatch(name):
            return f"{shown(name)} is not the name of a variable: 1 to 63 letters, digits and '_', no digit first"
        if not isinstance(value, str | int | float | bool):
            return f"{shown(value)} is not the value of a variable ({name}): a string, a number, true or false"
        if isinstance(value, float) and not math.isfinite(value):
            return f"{shown(value)} is not a finite number ({name})"
        if len(str(value)) > LONGEST_VARIABLE:
            return f"{name} has {len(str(value))} characters; at most {LONGEST_VARIABLE} are allowed"
    return ""
