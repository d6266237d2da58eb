"""Every route of ours in the API server needs a login and a permission, except for those listed here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from fastapi.routing import APIRoute
from starlette.testclient import TestClient

from hedgehog.airflow.plugin import HedgehogPlugin
from hedgehog.store import database as store_database
from hedgehog.store import inbox

WEBHOOKS = ("github", "gitea", "gitlab", "bitbucket", "generic/{repository}")
PUBLIC = {*(("POST", f"/hedgehog/webhooks/{one}") for one in WEBHOOKS), ("GET", "/hedgehog/static/{name}")}
"""Every route of ours that needs no login. A new one is a decision."""
TOKEN = {("GET", "/hedgehog/metrics/prometheus")}
"""Every route of ours that needs a token of its own instead of a login."""
NOTHING = {"received": 0, "processing": 0, "done": 0, "failed": 0, "ignored": 0}


@pytest.fixture(scope="module")
def apps() -> dict[str, Any]:
    """Our applications by prefix, as the API server mounts them."""
    return {found["url_prefix"]: found["app"] for found in HedgehogPlugin().fastapi_apps}


def routes(apps: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Every route of ours: method, full path, and the route."""
    for prefix, app in apps.items():
        for route in app.routes:
            for method in sorted(getattr(route, "methods", None) or {"?"}):
                yield method, prefix + route.path, route


def dependencies(dependant: Any) -> Iterator[str]:
    """The names of everything that a route depends on."""
    for one in dependant.dependencies:
        yield getattr(one.call, "__qualname__", type(one.call).__name__)
        yield from dependencies(one)


def test_only_webhooks_and_the_code_of_the_pages_are_public(apps):
    """Airflow does not protect routes of plugins: each requires a login and a permission, or is listed here."""
    open_to_all, with_token = set(), set()
    for method, path, route in routes(apps):
        names = set(dependencies(route.dependant)) if isinstance(route, APIRoute) else set()
        if any(name.endswith("requires_token") for name in names):
            with_token.add((method, path))
        elif "get_user" not in names or not any(name.startswith("requires_access_") for name in names):
            open_to_all.add((method, path))
    assert open_to_all == PUBLIC
    assert with_token == TOKEN


def test_without_a_login_every_other_route_answers_401(apps):
    """Tested over HTTP, as from outside; a mount, which no dependency guards, has no method and fails."""
    for method, path, _ in routes(apps):
        if (method, path) in PUBLIC:
            continue
        prefix = max((prefix for prefix in apps if path.startswith(prefix + "/")), key=len)
        answer = TestClient(apps[prefix]).request(method, path.removeprefix(prefix))
        assert (path, answer.status_code) == (path, 401)


def test_an_operator_can_read_the_numbers_of_received_and_refused_deliveries(apps, fabric_database):
    """Behind Airflow's login, which this test does not cover."""
    from airflow.api_fastapi.core_api.security import get_user

    app = {found["url_prefix"]: found["app"] for found in HedgehogPlugin().fastapi_apps}["/hedgehog/api"]
    permissions = [one.dependency for one in app.router.dependencies]
    app.dependency_overrides = {get_user: lambda: None, **{one: lambda: None for one in permissions}}
    connection = store_database.connect(fabric_database)
    inbox.count_refusals(connection, {"unsigned": 3})
    connection.close()
    answer = TestClient(app).get("/inbox")
    assert answer.json() == {"deliveries": NOTHING, "refusals": {"unsigned": 3}}
