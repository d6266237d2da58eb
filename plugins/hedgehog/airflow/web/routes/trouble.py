"""What is not as it should be: drift, held, problems, dead letters."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from hedgehog.airflow.web.models.common import Page, Problem
from hedgehog.airflow.web.models.drift import DeadLetter, Drift, DriftPlace
from hedgehog.airflow.web.routes.parameters import Cursor, Database, FabricFilter, Limit
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind
from hedgehog.services.browse.dead_letters import letter_detail, letter_page
from hedgehog.services.browse.drift import drift_page
from hedgehog.services.browse.problems import HELD, problem_page

router = APIRouter(tags=["trouble"])

TargetFilter = Annotated[Target | None, Query(description="Only at this target.")]


@router.get("/drift")
def list_drift(
    database: Database,
    fabric: FabricFilter = None,
    place: Annotated[DriftPlace | None, Query(description="Only there.")] = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Drift]:
    """What others changed in clusters and in Git, our value and theirs, and what the next sync will do about it."""
    at = place.value if place else None
    return Page[Drift].model_validate(drift_page(database, fabric=fabric, place=at, limit=limit, cursor=cursor))


@router.get("/held")
def list_held(
    database: Database,
    fabric: FabricFilter = None,
    target: TargetFilter = None,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Problem]:
    """What waits for a decision: edits in Git, conflicts, large deletions, drift that policy leaves to people."""
    found = problem_page(database, fabric=fabric, target=target, kinds=HELD, limit=limit, cursor=cursor)
    return Page[Problem].model_validate(found)


@router.get("/problems")
def list_problems(
    database: Database,
    *,
    fabric: FabricFilter = None,
    target: TargetFilter = None,
    kind: Annotated[list[ProblemKind], Query(description="Only of these kinds.")] = [],  # noqa: B006
    needs_somebody: Annotated[bool, Query(description="Leave out what ends by itself.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[Problem]:
    """All that is wrong now, by fabric and target, each with what to do about it."""
    found = problem_page(
        database,
        fabric=fabric,
        target=target,
        kinds=tuple(kind) or None,
        only_for_people=needs_somebody,
        limit=limit,
        cursor=cursor,
    )
    return Page[Problem].model_validate(found)


@router.get("/dead-letters")
def list_dead_letters(
    database: Database,
    *,
    fabric: FabricFilter = None,
    target: TargetFilter = None,
    closed: Annotated[bool, Query(description="The replayed, resolved and discarded ones as well.")] = False,
    limit: Limit = 100,
    cursor: Cursor = None,
) -> Page[DeadLetter]:
    """Work that was given up, the newest failure first."""
    found = letter_page(database, fabric=fabric, target=target, closed=closed, limit=limit, cursor=cursor)
    return Page[DeadLetter].model_validate(found)


@router.get("/dead-letters/{letter}")
def get_dead_letter(database: Database, letter: Annotated[int, Path(ge=1, lt=2**63)]) -> DeadLetter:
    """One dead letter, whatever happened to it."""
    return DeadLetter.model_validate(letter_detail(database, letter))
