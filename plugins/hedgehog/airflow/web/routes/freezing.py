"""Freezes and change windows: read, made, changed and ended."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from fastapi import APIRouter

from hedgehog.airflow.web.access import User
from hedgehog.airflow.web.models.actions import Changed
from hedgehog.airflow.web.models.freezing import (
    DeleteWindowBody,
    Freeze,
    FreezeBody,
    UnfreezeBody,
    Window,
    WindowBody,
)
from hedgehog.airflow.web.routes.actions import action, changed
from hedgehog.airflow.web.routes.parameters import Database, WritableDatabase
from hedgehog.airflow.web.routes.selection import selector_of, selectors_of
from hedgehog.fabric.changes import Action
from hedgehog.fabric.windows import checked_window
from hedgehog.services.steer.freezing import Steered, delete_window, freeze_fabrics, set_window, unfreeze_fabrics
from hedgehog.store.freezes import active_freezes
from hedgehog.store.windows import StoredWindow, stored_windows

router = APIRouter(tags=["freezing"])


@router.get("/freezes")
def list_freezes(database: Database) -> list[Freeze]:
    """The freezes that are in force, the oldest first."""
    return [
        Freeze(
            selector=str(one.selector),
            reason=one.reason,
            until=one.until,
            frozen_by=one.frozen_by,
            frozen_at=one.frozen_at,
        )
        for one in active_freezes(database)
    ]


@router.get("/windows")
def list_windows(database: Database) -> list[Window]:
    """The change windows by name, and when each opens."""
    now = datetime.now(UTC)
    return [_window(one, now) for one in stored_windows(database)]


def _window(one: StoredWindow, now: datetime) -> Window:
    window = one.window
    return Window(
        name=window.name,
        selector=str(window.selector),
        fabrics=one.fabrics,
        cron=window.cron,
        minutes=int(window.duration.total_seconds() // 60),
        time_zone=window.time_zone,
        is_open=window.is_open(now),
        opens_at=window.next_opening(now),
        created_by=one.created_by,
    )


@action("freeze")
def freeze(user: User, database: WritableDatabase, body: FreezeBody) -> Changed:
    """Write nothing of fabrics to Git or a cluster for a while; they are watched and planned as before."""
    actor = user.get_name()
    done = freeze_fabrics(
        database,
        selectors_of(database, body),
        reason=body.reason,
        until=body.until,
        now=datetime.now(UTC),
        actor=actor,
    )
    return _steered("freeze", actor, done, "frozen")


@action("unfreeze")
def unfreeze(user: User, database: WritableDatabase, body: UnfreezeBody) -> Changed:
    """Lift freezes; what waited for them is due at once."""
    actor = user.get_name()
    return _steered(
        "unfreeze", actor, unfreeze_fabrics(database, selectors_of(database, body), actor=actor), "unfrozen"
    )


@action("set-window")
def put_window(user: User, database: WritableDatabase, body: WindowBody) -> Changed:
    """Create or change a change window: its fabrics are written only while a window of theirs is open."""
    actor = user.get_name()
    wanted = selector_of(database, body)
    span = timedelta(minutes=body.minutes)
    window = checked_window(body.name, wanted, cron=body.cron, duration=span, time_zone=body.time_zone)
    done = set_window(database, window, actor=actor)
    return changed("set-window", actor, [(window.name, done.action.value, window.selector.describe())])


@action("delete-window")
def remove_window(user: User, database: WritableDatabase, body: DeleteWindowBody) -> Changed:
    """Delete a change window; what waited for it is planned again."""
    actor = user.get_name()
    done = delete_window(database, body.name, actor=actor)
    return changed("delete-window", actor, [(body.name, done.action.value, done.selector.describe())])


def _steered(word: str, actor: str, done: Sequence[Steered], done_word: str) -> Changed:
    return changed(
        word,
        actor,
        (
            (
                one.selector.describe(),
                "unchanged" if one.action is Action.UNCHANGED else done_word,
                ", ".join(one.fabrics),
            )
            for one in done
        ),
    )
