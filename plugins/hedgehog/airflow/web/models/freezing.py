"""When nothing may be written of fabrics: freezes and change windows."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field, StringConstraints

from hedgehog.airflow.web.models.actions import MOST_FABRICS, FabricName, Reason
from hedgehog.airflow.web.models.common import ActionBody, Model

SelectorText = Annotated[str, StringConstraints(strip_whitespace=True, max_length=2000)]
WindowName = Annotated[str, StringConstraints(min_length=1, max_length=63)]


class SelectionBody(ActionBody):
    """Which fabrics are meant: some by name, those that fit a selector, or all; one of the three."""

    fabrics: Annotated[list[FabricName], Field(max_length=MOST_FABRICS)] = Field(default_factory=list)
    select: SelectorText = ""
    """`site=fra,tier!=lab`, as in `hedgehog freeze --select`."""
    all: bool = False
    """All fabrics, also those that are added later."""


class FreezeBody(SelectionBody):
    """What to freeze, why, and until when."""

    reason: Reason
    """Shown wherever something waits for it."""
    until: AwareDatetime | None = None
    """When it ends by itself; null: when somebody lifts it."""


class UnfreezeBody(SelectionBody):
    """Which freezes to lift: chosen as they were frozen."""


class WindowBody(SelectionBody):
    """A change window as it is to be."""

    name: WindowName
    cron: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    """When it opens: minute, hour, day, month, weekday."""
    minutes: Annotated[int, Field(ge=1, le=7 * 24 * 60)]
    """How long it stays open."""
    time_zone: Annotated[str, StringConstraints(min_length=1, max_length=100)]
    """Whose clock counts, as in `Europe/Berlin`."""


class DeleteWindowBody(ActionBody):
    """Which window to delete."""

    name: WindowName


class Freeze(Model):
    """Nothing is written of the fabrics that it is for."""

    selector: str
    """Which fabrics; empty: all."""
    reason: str
    until: datetime | None
    frozen_by: str
    frozen_at: datetime


class Window(Model):
    """When fabrics may be written."""

    name: str
    selector: str
    """Which fabrics; empty: all."""
    fabrics: int
    """How many it is for now."""
    cron: str
    minutes: int
    time_zone: str
    is_open: bool
    opens_at: datetime | None
    """When it opens next; null: never."""
    created_by: str
