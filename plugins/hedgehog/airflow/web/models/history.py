"""Who changed what is wanted, what differs between two moments, and how far a change has come."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import AliasChoices, Field

from hedgehog.airflow.web.models.common import Model


class RecordedChange(Model):
    """One change of what is wanted."""

    id: int
    fabric: str
    """Empty for a change of Git repositories."""
    generation: int | None
    """The generation that it made; null for the end of a fabric."""
    at: datetime
    who: str
    via: str
    """Through what: `cli`, `api`, `run`, `git`, `cluster`, `rollout`, `restore`, `sql`, `migration`."""
    why: str
    run_id: str | None
    commit_id: str | None
    """The commit that it was read from."""
    role: str
    """The role of the database that wrote it."""


class ChangeRow(RecordedChange):
    """A change in a list, with what it touched."""

    counts: dict[str, int]
    """Objects by what happened to them: `created`, `configured`, `deleted`."""
    objects: list[str]
    """The first of them."""


class ChangedField(Model):
    """A field of an object before and after; a missing one is null. Secrets are covered, long values are cut."""

    path: str
    before: Any = Field(default=None, validation_alias=AliasChoices("from", "before"))
    after: Any = Field(default=None, validation_alias=AliasChoices("to", "after"))


class ObjectDifference(Model):
    """How one object differs between two moments."""

    object: str
    action: str
    fields: list[ChangedField]
    note: str
    """Why the fields are not known; mostly empty."""


class Comparison(Model):
    """What differs between two moments of a fabric."""

    fabric: str
    first: str = Field(validation_alias="from")
    """The earlier moment, in words."""
    second: str = Field(validation_alias="to")
    objects: list[ObjectDifference]


class FieldOrigin(Model):
    """A field of an object, and the change that gave it its value."""

    path: str
    value: Any = None
    change: RecordedChange | None
    """Null: it had this value before everything that is kept of its history."""


class TraceStage(Model):
    """One stage of a change on its way to the switches."""

    name: str
    """`changed`, `committed`, `applied` or `converged`."""
    at: datetime | None
    by: str
    """Who or what did it: a person, a commit, a run."""
    waits_for: str
    """What must happen first; empty for a stage that is reached."""
    note: str
    """Why there is no such stage; mostly empty."""


class Trace(Model):
    """How far one change has come."""

    change: RecordedChange
    stages: list[TraceStage]
