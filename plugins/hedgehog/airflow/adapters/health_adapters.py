"""What health checks need of the outside: the API of a repository's GitHub host, and Airflow's own report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.airflow.configuration import option
from hedgehog.gitops.addresses import RepositoryAddress

if TYPE_CHECKING:
    from hedgehog.airflow.adapters.rest import AirflowApi
    from hedgehog.fabric.model import GitRepository
    from hedgehog.hosts.github.client import Client


def open_github_of(repository: GitRepository) -> Client | None:
    """The API of the repository's GitHub host; None for one that is not on GitHub, or is entered without a credential.

    A host is GitHub by its name, or because the repository's connection has the type `github`.
    """
    from hedgehog.airflow.adapters.hooks import open_github

    if repository.connection_id is None or repository.url.startswith("file:"):
        return None
    values = read_connection(repository.connection_id)
    host = RepositoryAddress.of(repository.url).host
    if values.conn_type != "github" and host != "github.com" and not host.endswith(".ghe.com"):
        return None
    if not values.password and not values.extra.get("app_id"):
        return None  # entered with an SSH key, which the API does not take
    return open_github(repository)


def airflow_api() -> AirflowApi | None:
    """Airflow's API: that of the connection `hedgehog_airflow_api`, else at `[api] base_url` without a login; None when
    neither is set."""
    from hedgehog.airflow.adapters.rest import AirflowApi, open_api

    found = open_api()
    if found is not None:
        return found
    url = option("api", "base_url")
    return AirflowApi(url, login=None, password=None) if url else None


def airflow_health() -> Callable[[], Mapping[str, Any]] | None:
    """A function that asks the API server how the parts of Airflow are; None when its address is not known."""
    api = airflow_api()
    if api is None:
        return None

    def ask() -> Mapping[str, Any]:
        with api:
            report: Mapping[str, Any] = api.get("/monitor/health")
        return report

    return ask
