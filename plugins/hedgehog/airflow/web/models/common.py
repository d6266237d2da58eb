"""What the models share: their settings, pages, errors, refs of objects and differences of fields."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from hedgehog.fabric.health import Health
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind

Item = TypeVar("Item")


class Model(BaseModel):
    """A part of an answer: it is made from the values of the services, field by field."""

    model_config = ConfigDict(use_attribute_docstrings=True, from_attributes=True, frozen=True)


class ActionBody(BaseModel):
    """The body of an action: a field that nobody knows is refused."""

    model_config = ConfigDict(use_attribute_docstrings=True, extra="forbid", frozen=True)


class Page(Model, Generic[Item]):
    """A part of a list."""

    items: list[Item]
    next_cursor: str | None = None
    """Give it as `cursor`, with the same filter and order, to read on; null: this is the end."""
    total: int | None = None
    """How many there are with this filter; null where counting would cost too much."""


class FieldError(Model):
    """What is wrong with one field of a request."""

    pointer: str
    """Where it stands: `body/fabrics/0`, `query/limit`."""
    detail: str


class ProblemDetails(Model):
    """An error, as RFC 9457 describes it (`application/problem+json`)."""

    type: str
    """Names the kind of the error: `about:blank`, or a place in docs/api.md."""
    title: str
    status: int = Field(ge=400, le=599)
    detail: str
    """What is wrong and what to do next, for people."""
    instance: str
    """The path that was asked for."""
    reason: str
    """A stable word: a class of docs/errors.md, or one of those in docs/api.md."""
    errors: list[FieldError] = Field(default_factory=list)
    """What is wrong with single fields of the request."""


class ObjectName(Model):
    """Names one object of a fabric."""

    ref: str
    """`Kind/namespace/name`."""
    kind: str
    namespace: str
    name: str


class FieldDifference(Model):
    """One field with its values; a missing one is null. Secrets are covered, long values are cut."""

    path: str
    ours: Any = None
    """As the fabric has it."""
    theirs: Any = None
    """As others made it."""
    by: str | None = None
    """The field manager that set it last, where the cluster names one."""


class HealthState(Model):
    """A verdict with its reasons, the worst first."""

    health: Health
    reasons: list[str]
    since: datetime | None
    """When it became so; null: nobody has looked yet."""
    checked_at: datetime | None


class Problem(Model):
    """Something that keeps a fabric from being as it is wanted, until a run no longer finds it."""

    fabric: str
    target: Target
    dag: str
    """The DAG it belongs to."""
    kind: ProblemKind
    subject: str
    """An object, a path, or the number of a dead letter; empty: all of the fabric."""
    cause: str
    since: datetime
    needs_somebody: bool
    """False for what is retried automatically, and while the fabric is suspended."""
    meaning: str
    advice: str
    command: str
    """The command that does it, or shows how."""
    actions: list[str]
    """The actions of this API that end it, the most likely first; empty where a person must correct something."""
    rules: list[str]
    """The ids of the rules that the object breaks (docs/rules.md)."""
