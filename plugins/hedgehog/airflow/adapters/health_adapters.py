"""What health checks need of the outside: the API of a repository's host, and Airflow's own report."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.airflow.configuration import option

if TYPE_CHECKING:
    from hedgehog.airflow.adapters.rest import AirflowApi
    from hedgehog.fabric.model import GitRepository
    from hedgehog.hosts.host import Host


def find_host(repository: GitRepository) -> Host | None:
    """The API of the repository's host; None for one that has none (plain Git), or is entered without a credential
    that an API takes (an SSH key).
    """
    from hedgehog.airflow.adapters.hooks import host_access, open_host

    if repository.connection_id is None or repository.url.startswith("file:"):
        return None
    of, access = host_access(repository, read_connection(repository.connection_id))
    return open_host(repository) if of.open is not None and of.can_enter(access) else None


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
