"""Runs of our DAGs that an action triggers: by Airflow's REST API, in process, with the login of the request."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import anyio.from_thread
import httpx
from fastapi import HTTPException, Request

from hedgehog.airflow.web.answers import run_page
from hedgehog.airflow.web.models.actions import RunStarted
from hedgehog.airflow.web.root import KEY
from hedgehog.errors import InvalidInput, NotFound, RemoteUnavailable
from hedgehog.store.actions import Deed, record_action
from hedgehog.store.database import Connection, transaction

_PASSED_ON = ("authorization", "cookie", "referer", "user-agent")
_LONGEST_NOTE = 900


@dataclass(frozen=True, slots=True)
class Triggered:
    """A run that Airflow has queued."""

    dag_id: str
    run_id: str


def new_run_id() -> str:
    """A run id as Airflow makes it for runs that people trigger, and that no other run has."""
    return f"manual__{datetime.now(UTC).isoformat()}_{secrets.token_hex(4)}"


def start(request: Request, database: Connection, deed: Deed, dag_id: str, conf: Mapping[str, Any]) -> RunStarted:
    """Trigger a run and record who did: if it cannot be triggered, nothing is recorded. Raises as `trigger`."""
    run_id = new_run_id()
    with transaction(database) as cursor:
        record_action(cursor, replace(deed, dag_id=dag_id, run_id=run_id))
        started = trigger(request, dag_id, conf, run_id=run_id, note=f"{deed.action} by {deed.actor}, on a page")
    return RunStarted(
        action=deed.action,
        actor=deed.actor,
        fabrics=list(deed.fabrics),
        dag_id=dag_id,
        run_id=started.run_id,
        run_url=run_page(dag_id, started.run_id),
    )


def trigger(request: Request, dag_id: str, conf: Mapping[str, Any], *, run_id: str, note: str = "") -> Triggered:
    """Have Airflow queue a run of *dag_id* for the user of *request*. To be called in a worker thread.

    Raises HTTPException as Airflow refuses it (401, 403), NotFound for a DAG that it does not know, InvalidInput for
    parameters that it does not take.
    """
    body = {"dag_run_id": run_id, "logical_date": None, "conf": dict(conf), "note": note[:_LONGEST_NOTE] or None}
    answer = anyio.from_thread.run(_post, request, f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns", body)
    if answer.status_code < 300:
        return Triggered(dag_id, str(answer.json()["dag_run_id"]))
    detail = _detail(answer)
    if answer.status_code in (401, 403):
        raise HTTPException(answer.status_code, f"Airflow does not let you trigger {dag_id}: {detail}")
    if answer.status_code == 404:
        raise NotFound(f"Airflow does not know {dag_id} (yet); is its DAG file parsed? {detail}")
    if answer.status_code < 500:
        raise InvalidInput(f"Airflow does not take the run of {dag_id}: {detail}")
    raise RemoteUnavailable(f"Airflow could not trigger {dag_id} ({answer.status_code}); its log says more")


async def _post(request: Request, path: str, body: Mapping[str, Any]) -> httpx.Response:
    """The answer of Airflow's own application, asked as the request was: by the same host, with the same login."""
    headers = {name: request.headers[name] for name in _PASSED_ON if name in request.headers}
    transport = httpx.ASGITransport(app=request.scope[KEY], raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://airflow", headers=headers) as client:
        return await client.post(path, json=body)


def _detail(answer: httpx.Response) -> str:
    try:
        detail = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"status {answer.status_code}"
    return detail if isinstance(detail, str) else f"status {answer.status_code}"
