"""Rollouts: read, begun, and steered by people."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Query

from hedgehog.airflow.web.access import User
from hedgehog.airflow.web.models.actions import Changed
from hedgehog.airflow.web.models.rollouts import (
    ApproveRolloutBody,
    Rollout,
    RolloutBody,
    RolloutDetail,
    RolloutReasonBody,
    StartedRollout,
    StartRolloutBody,
)
from hedgehog.airflow.web.routes.actions import action, changed
from hedgehog.airflow.web.routes.parameters import Database, Limit, WritableDatabase
from hedgehog.airflow.web.routes.selection import selector_of
from hedgehog.fabric.rollouts import RolloutPolicy
from hedgehog.services.browse.rollouts import rollout_detail, rollout_list
from hedgehog.services.rollouts import steering as steer
from hedgehog.services.rollouts.preview import planned_rollout
from hedgehog.services.rollouts.start import RolloutPlan, begin_rollout, plan_rollout
from hedgehog.services.rollouts.template import read_template
from hedgehog.store.database import Connection
from hedgehog.store.rollouts import RolloutRow

router = APIRouter(tags=["rollouts"])

_FILE = "text"
"""What messages call the change."""


@router.get("/rollouts")
def get_rollouts(
    database: Database,
    open_only: Annotated[bool, Query(alias="open", description="Only those that are not over.")] = False,
    limit: Limit = 100,
) -> list[Rollout]:
    """Rollouts with how far each is, the newest first."""
    return [Rollout.model_validate(one) for one in rollout_list(database, open_only=open_only, limit=limit)]


@router.get("/rollouts/{rollout}")
def get_rollout(
    database: Database, rollout: Annotated[str, Path(max_length=63, description="Its number or name.")]
) -> RolloutDetail:
    """A rollout with its change, its waves, and how far it is with each fabric."""
    return RolloutDetail.model_validate(rollout_detail(database, rollout))


@action("start-rollout")
def start_rollout(user: User, database: WritableDatabase, body: StartRolloutBody) -> StartedRollout:
    """Plan and validate a change for every fabric, then begin with the first wave."""
    plan = _plan(database, body)
    number = None if body.dry_run else begin_rollout(database, plan, why=body.reason, actor=user.get_name())
    return StartedRollout.model_validate(planned_rollout(database, plan, number))


def _plan(database: Connection, body: StartRolloutBody) -> RolloutPlan:
    return plan_rollout(
        database,
        body.name,
        read_template(body.text.encode(), file=_FILE),
        selector_of(database, body),
        policy=RolloutPolicy(
            soak=timedelta(seconds=body.soak_seconds),
            timeout=timedelta(seconds=body.timeout_seconds),
            approve=body.approve,
            on_failure=body.on_failure,
        ),
        canary=body.canary,
        sizes=body.waves,
        most=body.max_unavailable,
    )


@action("pause-rollout")
def pause_rollout(user: User, database: WritableDatabase, body: RolloutReasonBody) -> Changed:
    """Let no further fabric begin; what has begun goes on."""
    return _moved("pause-rollout", steer.pause_rollout, user, database, body)


@action("resume-rollout")
def resume_rollout(user: User, database: WritableDatabase, body: RolloutBody) -> Changed:
    """Go on with a paused rollout; fabrics that failed are watched again."""
    return _moved("resume-rollout", steer.resume_rollout, user, database, body)


@action("approve-rollout")
def approve_rollout(user: User, database: WritableDatabase, body: ApproveRolloutBody) -> Changed:
    """Let the wave begin that waits to be approved."""
    actor, now = user.get_name(), datetime.now(UTC)
    wave = body.wave - 1 if body.wave is not None else None
    row = steer.approve_rollout(database, body.rollout, wave=wave, reason=body.reason, actor=actor, now=now)
    return _answer("approve-rollout", actor, row)


@action("abort-rollout")
def abort_rollout(user: User, database: WritableDatabase, body: RolloutReasonBody) -> Changed:
    """End a rollout where it is: what has the change keeps it, nothing else gets it."""
    return _moved("abort-rollout", steer.abort_rollout, user, database, body)


@action("rollback-rollout")
def roll_back_rollout(user: User, database: WritableDatabase, body: RolloutReasonBody) -> Changed:
    """Give every fabric that has the change what it had before, unless somebody changed it since."""
    actor = user.get_name()
    row, left = steer.roll_back_rollout(
        database,
        body.rollout,
        reason=body.reason,
        actor=actor,
        run_id="",
        now=datetime.now(UTC),
    )
    items = [(row.name, row.state.value, ""), *((fabric, "left", why) for fabric, why in sorted(left.items()))]
    return changed("rollback-rollout", actor, items)


def _moved(word: str, move: Callable[..., RolloutRow], user: User, database: Connection, body: RolloutBody) -> Changed:
    actor = user.get_name()
    return _answer(word, actor, move(database, body.rollout, reason=body.reason, actor=actor, now=datetime.now(UTC)))


def _answer(word: str, actor: str, row: RolloutRow) -> Changed:
    return changed(word, actor, [(row.name, row.state.value, row.reason)])
