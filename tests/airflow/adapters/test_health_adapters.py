"""Which repositories have a GitHub API to ask, and where Airflow's own report comes from."""

from __future__ import annotations

import json
from typing import Any

import pytest

from hedgehog.airflow.adapters.health_adapters import airflow_api, airflow_health, find_host
from hedgehog.fabric.model import GitRepository

TOKEN = {"conn_type": "git", "password": "ghp_x"}


@pytest.mark.parametrize(
    ("url", "connection", "api"),
    [
        ("https://github.com/acme/net", TOKEN, "https://api.github.com"),
        ("git@github.com:acme/net.git", TOKEN, "https://api.github.com"),
        ("https://acme.ghe.com/acme/net", TOKEN, "https://api.acme.ghe.com"),
        ("https://git.acme.com/acme/net", {**TOKEN, "conn_type": "github"}, "https://git.acme.com/api/v3"),
        ("https://git.acme.com/acme/net", TOKEN, None),
        ("https://evilgithub.com/acme/net", TOKEN, None),
        ("git@github.com:acme/net.git", {"conn_type": "git", "extra": {"private_key": "x"}}, None),
        ("https://github.com/acme/net", None, None),
        ("file:///srv/net.git", TOKEN, None),
    ],
)
def test_only_github_hosts_with_a_credential_have_an_api(
    monkeypatch: pytest.MonkeyPatch, url: str, connection: dict[str, Any] | None, api: str | None
) -> None:
    """By the name of the host, or by the type of the connection; a token is sent to no other host."""
    monkeypatch.setenv("AIRFLOW_CONN_ROBOT", json.dumps(connection or {}))
    host = find_host(GitRepository(1, "net", url, connection_id="robot" if connection else None))
    assert (host.base_url if host else None) == api
    if host:
        host.close()


def test_airflows_api_comes_from_the_connection_or_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without either, the components of Airflow are not checked."""
    assert (airflow_api(), airflow_health()) == (None, None)
    monkeypatch.setenv("AIRFLOW__API__BASE_URL", "https://airflow.example.com/")
    found = airflow_api()
    assert found is not None
    assert found.url == "https://airflow.example.com"
    monkeypatch.setenv(
        "AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API", json.dumps({"conn_type": "http", "host": "http://api:8080"})
    )
    found = airflow_api()
    assert found is not None
    assert found.url == "http://api:8080"
