"""The objects of a fabric in the database, in Git and in the cluster as it was last applied."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from hedgehog.airflow.web.models.common import Model as _Model
from hedgehog.airflow.web.models.common import ObjectName, Problem
from hedgehog.airflow.web.models.drift import Drift
from hedgehog.services.browse.object_states import ObjectState, PlaceState


class ObjectRow(ObjectName):
    """One object in a list."""

    state: ObjectState
    reason: str
    """Why it is not in order; may be empty."""
    wanted: bool
    """Whether the database has it; else it is to be deleted."""
    git: PlaceState
    cluster: PlaceState
    changed_at: datetime | None
    """When it last changed in the database."""
    refers_to: list[str]
    """The objects that it refers to."""


class Version(_Model):
    """An object as one place has it. Secrets are covered."""

    manifest: dict[str, Any]
    at: datetime | None
    """When it was stored, published or applied."""
    path: str | None = None
    """Its file in Git."""
    url: str | None = None
    """Where people can read that file."""


class PlaceDifference(_Model):
    """A field in which the three places differ; null where a place has no such field, or not the object at all."""

    path: str
    database: Any = None
    git: Any = None
    cluster: Any = None


class Reference(ObjectName):
    """An object that this one refers to, or that refers to it."""

    exists: bool
    """Whether the fabric has it."""
    state: ObjectState | None
    """Null: it does not exist."""


class Refusal(_Model):
    """Why an object is not written."""

    rules: list[str]
    """The ids of the rules (docs/rules.md); empty where the cluster or a file is the cause."""
    reason: str
    since: datetime


class ObjectEvent(_Model):
    """What a sync did to the object."""

    at: datetime
    target: str
    what: str
    revision: str | None
    run_id: str | None
    dag_id: str | None
    """Null for what somebody did with the command."""


class ObjectDetail(ObjectName):
    """One object at all places."""

    fabric: str
    state: ObjectState
    reason: str
    digest: str | None
    """Of the content in the database; an edit says which one it is based on."""
    database: Version | None
    git: Version | None
    """As it was last published, or taken in, from Git."""
    cluster: Version | None
    """As it was last applied."""
    differences: list[PlaceDifference]
    drift: list[Drift]
    """What others changed, in the cluster and in Git."""
    refusals: list[Refusal]
    problems: list[Problem]
    refers_to: list[Reference]
    referred_by: list[Reference]
    events: list[ObjectEvent]
    """The last ones, the newest first."""
    text: str | None
    """The content in the database as YAML, to be edited."""


class FoundField(_Model):
    """A field that holds what was looked for."""

    path: str
    value: str


class FoundUse(ObjectName):
    """An object that uses what was looked for."""

    fabric: str
    places: list[FoundField]
    """Empty: its content in the fabric database cannot be read."""


class RuleText(_Model):
    """A rule that objects must keep."""

    id: str
    severity: str
    """`error` or `warning`."""
    what: str
    """What must hold."""
    why: str
    source: str
    """Where upstream says so; `ours` for a rule of this product."""
    fix: str
    """What to do."""
