"""Changes of fabrics whose source of truth is Git: the API server cannot reach Git, so a run of a DAG makes the commit."""

from __future__ import annotations

from typing import Any

from fastapi import Request

from hedgehog.airflow.web.access import GIT_CHANGE
from hedgehog.airflow.web.models.actions import RunStarted
from hedgehog.airflow.web.runs import start
from hedgehog.store.actions import Deed
from hedgehog.store.database import Connection


def start_commit(
    request: Request,
    database: Connection,
    deed: Deed,
    plan_id: str,
    *,
    rollback_to: int | None = None,
    allow_invalid: bool = False,
) -> RunStarted:
    """Trigger the run that commits the change of a kept plan in the name of the user, and record who asked for it."""
    conf: dict[str, Any] = {"plan": plan_id, "reason": deed.reason, "allow_invalid": allow_invalid}
    if rollback_to is not None:
        conf["rollback_to"] = rollback_to
    return start(request, database, deed, GIT_CHANGE, conf)
