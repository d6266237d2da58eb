"""Airflow's own REST API, the only way to its metadata: a login, JSON in and out, and our own errors."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Any
from urllib.parse import quote

import requests

from hedgehog.airflow.adapters import connections
from hedgehog.airflow.adapters.connections import ConnectionValues
from hedgehog.airflow.names import TAG
from hedgehog.errors import (
    AuthenticationFailed,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
)
from hedgehog.services.upkeep.maintenance import DagRun

API_CONNECTION = "hedgehog_airflow_api"
"""An `http` connection: the URL of the API server, with a login and its password, or a token as password alone."""
_PREFIX = "hedgehog_"
_TIMEOUT = 30.0
_ENDED = ("success", "failed")


class AirflowApi:
    """One session with the API server; use it as a context manager.

    The login is exchanged for a token when it is first needed, and again when that has expired.
    """

    def __init__(self, url: str, *, login: str | None, password: str | None, timeout: float = _TIMEOUT) -> None:
        self.url = url.rstrip("/")
        self._login = login
        self._password = password
        self._timeout = timeout
        self._token = None if login else password
        self._session = requests.Session()

    def __enter__(self) -> AirflowApi:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._session.close()

    def get(self, path: str, parameters: Mapping[str, Any] | None = None) -> Any:
        """The answer to GET *path*, below /api/v2. Raises errors of hedgehog.errors."""
        return self._call("GET", path, parameters).json()

    def delete(self, dag_id: str, run_id: str) -> bool:
        """Delete a run with its task instances and XComs; False when Airflow keeps it, because it runs again."""
        try:
            self._call("DELETE", f"/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}")
        except NotFound:
            return True
        except InvalidInput:
            return False
        return True

    def our_dags(self) -> list[str]:
        """The ids of the DAGs with our tag and our prefix, sorted."""
        answer = self.get("/dags", {"tags": TAG, "limit": 100, "exclude_stale": False})
        return sorted(dag["dag_id"] for dag in answer["dags"] if dag["dag_id"].startswith(_PREFIX))

    def newest(self, dag_id: str, limit: int, *, state: str | None = None) -> list[DagRun]:
        """Ended runs, the newest first."""
        return self._runs(dag_id, state=[state] if state else list(_ENDED), order_by="-run_after", limit=limit)

    def ended_before(self, dag_id: str, moment: datetime, *, offset: int, limit: int) -> list[DagRun]:
        """Runs that ended before *moment*, the oldest first."""
        ended = {"end_date_lt": moment.isoformat(), "state": list(_ENDED)}
        return self._runs(dag_id, order_by="end_date", limit=limit, offset=offset, **ended)

    def _runs(self, dag_id: str, **parameters: Any) -> list[DagRun]:
        answer = self.get(f"/dags/{quote(dag_id, safe='')}/dagRuns", parameters)
        return [DagRun(run["dag_run_id"], run["state"]) for run in answer["dag_runs"]]

    def _call(self, method: str, path: str, parameters: Mapping[str, Any] | None = None) -> requests.Response:
        answer = self._send(method, f"/api/v2{path}", params=parameters, headers=self._authorization())
        if answer.status_code == 401 and self._login:
            self._token = None
            answer = self._send(method, f"/api/v2{path}", params=parameters, headers=self._authorization())
        return self._good(answer, f"{method} {path}")

    def _authorization(self) -> dict[str, str]:
        if self._token is None and self._login:
            login = {"username": self._login, "password": self._password or ""}
            answer = self._good(self._send("POST", "/auth/token", json=login), "the login")
            self._token = str(answer.json()["access_token"])
        return {"Authorization": f"Bearer {self._token}"} if self._token else {}

    def _send(self, method: str, path: str, **options: Any) -> requests.Response:
        try:
            return self._session.request(
                method, f"{self.url}{path}", timeout=self._timeout, allow_redirects=False, **options
            )
        except requests.RequestException as error:
            raise RemoteUnavailable(
                f"Airflow's API at {self.url} cannot be reached ({type(error).__name__}); correct the connection "
                f"{API_CONNECTION} if the address is wrong"
            ) from None  # its text may quote what was sent

    def _good(self, answer: requests.Response, what: str) -> requests.Response:
        if answer.status_code < 300:
            return answer
        raise _error(answer.status_code, f"Airflow's API at {self.url}: {what}")


def _error(status: int, what: str) -> HedgehogError:
    if status == 401:
        return AuthenticationFailed(f"{what} was refused (401); correct login and password of {API_CONNECTION}")
    if status == 403:
        return PermissionDenied(
            f"{what} is not allowed (403); give the user of {API_CONNECTION} the permission to do it"
        )
    if status == 404:
        return NotFound(f"{what} does not exist (404); check that the connection's URL is that of the API server")
    if status == 429:
        return RateLimited(f"{what}: too many requests (429)")
    if status >= 500:
        return RemoteUnavailable(f"{what} failed ({status})")
    return InvalidInput(f"{what} was not accepted ({status})")


def open_api(connection_id: str = API_CONNECTION) -> AirflowApi | None:
    """The API of the Airflow that a connection names; None where there is no such connection."""
    try:
        values = connections.read_connection(connection_id)
    except NotFound:
        return None
    return AirflowApi(_url(values), login=values.login or None, password=values.password or None)


def _url(values: ConnectionValues) -> str:
    host = values.host or ""
    if "://" in host:
        return host
    if not host:
        raise InvalidInput(f"connection {values.connection_id} has no host; give the URL of Airflow's API server")
    scheme = values.schema or (values.conn_type if values.conn_type in ("http", "https") else "http")
    return f"{scheme}://{host}:{values.port}" if values.port else f"{scheme}://{host}"
