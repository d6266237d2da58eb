"""Where two forms of one object differ, field by field, with both values. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

MOST = 50
"""At most so many differences of one object are kept."""
SECRET_FIELDS = frozenset({"password", "joinToken", "bearerToken"})
"""Fields of a manifest whose value must not be shown."""
_HIDDEN = "(a secret)"
_LONGEST = 400
_WIDEST = 63
"""Bits of the largest integer that every JSON reader accepts."""


@dataclass(frozen=True, slots=True)
class FieldDifference:
    """One field: as we have it and as others set it; None where there is no such field.

    Made by `between` and `at`, it holds no secret, and only the beginning of a value that is longer than a screen.
    """

    path: str
    ours: Any = None
    theirs: Any = None
    by: str = ""
    """The field manager that set it last, where a cluster names one."""

    def __str__(self) -> str:
        return f"{self.path}: {field_text(self.ours)} → {field_text(self.theirs)}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        values = {"path": self.path, "ours": self.ours, "theirs": self.theirs}
        return {**values, "by": self.by} if self.by else values

    @classmethod
    def of(cls, data: Mapping[str, Any]) -> FieldDifference:
        """The inverse of `as_dict`."""
        return cls(str(data["path"]), data.get("ours"), data.get("theirs"), data.get("by", ""))


def field_text(value: Any) -> str:
    """A value of a field, for people."""
    if value is None:
        return "(none)"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _shown(path: str, ours: Any, theirs: Any) -> FieldDifference:
    secret = path.rpartition(".")[2] in SECRET_FIELDS
    return FieldDifference(
        path, *(_HIDDEN if secret and one is not None else _short(without_secrets(one)) for one in (ours, theirs))
    )


def without_secrets(value: Any) -> Any:
    """*value* with its secrets hidden, and without what JSON or a jsonb column cannot hold."""
    if isinstance(value, dict):
        return {
            _storable_text(key): _HIDDEN if key in SECRET_FIELDS else without_secrets(child)
            for key, child in value.items()
        }
    if isinstance(value, list):
        return [without_secrets(child) for child in value]
    if isinstance(value, str):
        return _HIDDEN if "@" in value.partition("://")[2].partition("/")[0] else _storable_text(value)
    return str(value) if isinstance(value, int) and value.bit_length() > _WIDEST else value


def _storable_text(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _short(value: Any) -> Any:
    text = field_text(value)
    return value if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def between(ours: Mapping[str, Any], theirs: Mapping[str, Any]) -> list[FieldDifference]:
    """The fields in which two canonical manifests differ, by path; the first MOST."""
    found = sorted(_between(ours, theirs, ""), key=lambda one: one.path)
    return found[:MOST]


def _between(ours: Any, theirs: Any, path: str) -> Iterator[FieldDifference]:
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in ours.keys() | theirs.keys():
            yield from _between(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, bool) != isinstance(theirs, bool) or ours != theirs:
        yield _shown(path, ours, theirs)


def flattened(manifest: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    """The fields of a manifest with their paths and values; a list is one field, as in `between`."""
    for key, found in manifest.items():
        if isinstance(found, dict) and found:
            yield from flattened(found, f"{path}.{key}")
        else:
            yield f"{path}.{key}", found


def shown_value(path: str, value: Any) -> Any:
    """The value of a field without secrets, cut where it is longer than a screen."""
    return _shown(path, value, None).ours


def at(ours: Mapping[str, Any], theirs: Mapping[str, Any], paths: Iterable[str]) -> list[FieldDifference]:
    """The values of both at *paths*, as `canonical.differs` writes them; the first MOST."""
    return [_shown(path, value(ours, path), value(theirs, path)) for path in list(paths)[:MOST]]


def value(manifest: Mapping[str, Any], path: str) -> Any:
    """What *manifest* has at a path like `.spec.subnets.web.vlan` or `.spec.permit[0]`; None where it has nothing."""
    found: Any = manifest
    rest = path
    while rest:
        if rest.startswith("["):
            index, _, rest = rest[1:].partition("]")
            if not (isinstance(found, list) and index.isdecimal() and len(index) < 10 and int(index) < len(found)):
                return None
            found = found[int(index)]
        elif isinstance(found, dict):
            # A key may contain dots (labels do): take the longest one that matches.
            keys = [key for key in found if rest.startswith(f".{key}") and rest[len(key) + 1 :][:1] in ("", ".", "[")]
            if not keys:
                return None
            key = max(keys, key=len)
            found, rest = found[key], rest[len(key) + 1 :]
        else:
            return None
    return found
