"""Airflow's own web application in this process, with its database, our DAGs, and users of every role."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from starlette.testclient import TestClient

ROLES: Mapping[str, str | None] = {"nobody": None, "viewer": "viewer", "user": "user", "op": "op", "admin": "admin"}
"""User → role of Airflow's SimpleAuthManager; without a role somebody is logged in and may do nothing."""


@contextmanager
def airflow_application(dag_bag: Any) -> Iterator[TestClient]:
    """A client of the whole application, our plugin included, without a login."""
    os.environ["AIRFLOW__API_AUTH__JWT_SECRET"] = "0123456789abcdef" * 4
    from airflow.api_fastapi.app import create_app, purge_cached_app
    from airflow.dag_processing.dagbag import sync_bag_to_db
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.db import initdb
    from airflow.utils.session import create_session

    initdb()
    with create_session() as session:
        session.merge(DagBundleModel(name="hedgehog"))
    sync_bag_to_db(dag_bag, "hedgehog", None)
    purge_cached_app()
    app = create_app(apps="core")
    try:
        with TestClient(app, raise_server_exceptions=False) as client:
            yield client
    finally:
        purge_cached_app()


def login(name: str) -> dict[str, str]:
    """The header with which *name* is logged in."""
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    user = SimpleAuthManagerUser(username=name, role=ROLES[name])
    return {"Authorization": f"Bearer {get_auth_manager().generate_jwt(user)}"}


def runs_of(dag_id: str) -> list[tuple[str, dict[str, Any], str | None]]:
    """The runs of a DAG in Airflow's database: id, conf, and who triggered it."""
    from airflow.models.dagrun import DagRun
    from airflow.utils.session import create_session
    from sqlalchemy import select

    with create_session() as session:
        found = session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id))
        return [(run.run_id, run.conf, run.triggering_user_name) for run in found]
