"""Former contents of objects: what changed between two of them, and which change set each field. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.differences import FieldDifference, between, flattened, shown_value
from hedgehog.fabric.model import Manifest, ObjectRef

_DIGITS = re.compile(r"[0-9]{1,18}", re.ASCII)
_COMMIT = re.compile(r"[0-9a-f]{7,64}", re.ASCII)
_AGO = re.compile(r"([1-9][0-9]{0,5})([smhdw])", re.ASCII)
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_SHORT_COMMIT = 8


@dataclass(frozen=True, slots=True)
class RecordedChange:
    """One change of what is wanted, as the history has it."""

    id: int
    fabric: str
    """Empty for a change of Git repositories."""
    generation: int | None
    """The generation that it made; None for the end of a fabric."""
    at: datetime
    who: str
    via: str
    why: str
    run_id: str | None
    commit_id: str | None
    role: str
    """The role of the database that wrote it."""

    def __str__(self) -> str:
        made = f"generation {self.generation}" if self.generation is not None else "its end"
        return f"{made} ({self.at.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC, {self.who})"

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Content:
    """What an object was; `manifest` is None where it is not kept any more."""

    digest: str
    manifest: Manifest | None


@dataclass(frozen=True, slots=True)
class ObjectVersion:
    """What one change made of an object; None: there was, or is, no such object."""

    change: RecordedChange
    before: Content | None
    after: Content | None


@dataclass(frozen=True, slots=True)
class ObjectDifference:
    """How an object differs between two states of a fabric."""

    ref: ObjectRef
    action: Action
    fields: tuple[FieldDifference, ...] = ()
    note: str = ""
    """Why the fields are not known."""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        fields = [{"path": one.path, "from": one.ours, "to": one.theirs} for one in self.fields]
        return {"object": str(self.ref), "action": self.action.value, "fields": fields, "note": self.note}


@dataclass(frozen=True, slots=True)
class FieldOrigin:
    """A field of an object: its value, and the change that gave it this value.

    `change` is None where that was before everything that the history still has of the object.
    """

    path: str
    value: Any
    change: RecordedChange | None


def moment_of(text: str, now: datetime) -> int | datetime | str | None:
    """What a person calls a moment of a fabric: a generation, a time (ISO, or `2d` for two days ago) or a commit.

    None for now. Raises InvalidInput for anything else.
    """
    if text == "now":
        return None
    if _DIGITS.fullmatch(text):
        return int(text)
    ago = _AGO.fullmatch(text)
    if ago:
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    if _COMMIT.fullmatch(text):
        return text
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{text!r} is neither a generation (12), nor a time (2026-05-01T18:00, 2d), nor a commit (at least 7 digits)"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def compare(before: Mapping[ObjectRef, Content], after: Mapping[ObjectRef, Content]) -> list[ObjectDifference]:
    """What differs between two states, field by field, by object."""
    return [
        _difference(ref, before.get(ref), after.get(ref))
        for ref in sorted(before.keys() | after.keys())
        if _digest(before.get(ref)) != _digest(after.get(ref))
    ]


def _digest(content: Content | None) -> str | None:
    return content.digest if content else None


def _difference(ref: ObjectRef, before: Content | None, after: Content | None) -> ObjectDifference:
    action = Action.CREATED if before is None else Action.DELETED if after is None else Action.CONFIGURED
    old, new = before.manifest if before else {}, after.manifest if after else {}
    if old is None or new is None:
        return ObjectDifference(ref, action, note="its content is not kept any more")
    fields = between(old, new) if action is Action.CONFIGURED else []
    return ObjectDifference(ref, action, tuple(fields))


def blame(versions: Iterable[ObjectVersion]) -> list[FieldOrigin]:
    """Which change gave each field of an object its value, by path; *versions* are all of it, the newest first.

    Only as many of them are taken as are needed. A field that was removed is not listed. An object that does not exist
    (any more) has no fields.
    """
    remaining: dict[str, Any] | None = None
    found: list[FieldOrigin] = []
    for version in versions:
        after = _fields(version.after)
        if remaining is None:
            if after is None:
                return []
            remaining = dict(after)
        before = _fields(version.before) if version.before is not None else {}
        if before is None:
            break
        news = [path for path, value in remaining.items() if path not in before or not _same(before[path], value)]
        found += [FieldOrigin(path, shown_value(path, remaining.pop(path)), version.change) for path in news]
        if not remaining:
            break
    found += [FieldOrigin(path, shown_value(path, value), None) for path, value in (remaining or {}).items()]
    return sorted(found, key=lambda one: one.path)


def _fields(content: Content | None) -> dict[str, Any] | None:
    return None if content is None or content.manifest is None else dict(flattened(content.manifest))


def _same(one: Any, other: Any) -> bool:
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def short_commit(commit: str) -> str:
    """The first digits of a commit, for people."""
    return commit[:_SHORT_COMMIT]
