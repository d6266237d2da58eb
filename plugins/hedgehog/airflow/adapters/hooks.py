"""Connections become adapters: the composition root. Every function is called inside a task, a command or a test."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.airflow.adapters.connections import (
    DATABASE_CONNECTION,
    ConnectionValues,
    database_parameters,
    git_cache_directory,
    read_connection,
    refuse_other_host,
)
from hedgehog.airflow.settings import GIT_TIMEOUT, KUBECONFIG_ALLOW
from hedgehog.errors import InvalidInput

if TYPE_CHECKING:
    from hedgehog.fabric.model import GitRepository
    from hedgehog.gitops.mirror import Mirror
    from hedgehog.gitops.remote import GitCredentials
    from hedgehog.hosts.github.client import Client, Credentials
    from hedgehog.kube.client import Cluster
    from hedgehog.store.database import Connection


def open_database(connection_id: str = DATABASE_CONNECTION) -> Connection:
    """An open connection to the fabric database, migrated if it was not. Raises SchemaMismatch on a newer schema."""
    from hedgehog.store import database, migrate

    connection = database.connect(database_parameters(connection_id))
    try:
        migrate.ensure_migrated(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_mirror(repository: GitRepository) -> Mirror:
    """The kept bare clone of *repository*, with the credentials of its Airflow connection, if it names one."""
    from hedgehog.gitops.mirror import Mirror
    from hedgehog.gitops.remote import Remote

    remote = Remote(repository.url, repository.branch, git_credentials(repository), timeout=GIT_TIMEOUT.read())
    return Mirror(git_cache_directory(), remote)


def git_credentials(repository: GitRepository) -> GitCredentials:
    """What the repository's connection holds: login and password (a token), or extra `private_key`, `known_hosts`.

    Takes the fields of Airflow's own `git` and `github` connection types as well. A GitHub App's installation enters
    over https with a token of the next hour, which is asked for here.
    """
    from hedgehog.gitops.remote import GitCredentials

    if repository.connection_id is None:
        return GitCredentials()
    values = _credential_of(repository, repository.connection_id)
    extra = values.extra
    token = values.password or None
    if token is None and _is_app(values) and repository.url.startswith("https://"):
        with closing(open_github(repository)) as client:
            token = client.token()
    return GitCredentials(
        username=values.login or None,
        token=token,
        private_key=extra.get("private_key") or None,
        private_key_path=extra.get("key_file") or None,
        known_hosts=extra.get("known_hosts") or None,
    )


def open_kubeconfig(path: str | Path, *, name: str | None = None) -> Cluster:
    """A client of the cluster that a kubeconfig file names; what such a file may do is the operator's setting."""
    from hedgehog.kube.client import Cluster
    from hedgehog.kube.kubeconfig import Permitted

    permitted = Permitted.of(KUBECONFIG_ALLOW.read())
    return Cluster.from_kubeconfig(Path(path).expanduser(), name=name, permitted=permitted)


_CLUSTER_KEYS = ("in_cluster", "kube_config_path", "kube_config", "config_dict")


def open_cluster(connection_id: str) -> Cluster:
    """A client of the cluster that a `kubernetes` connection names. There is no fallback to an ambient kubeconfig.

    Its kubeconfig may run no program, leave no TLS unchecked and name no file of this machine, unless the operator's
    `[hedgehog] kubeconfig_allow` permits that.
    """
    from hedgehog.kube.client import Cluster
    from hedgehog.kube.kubeconfig import Permitted, is_yes

    values = read_connection(connection_id)
    if values.conn_type != "kubernetes":
        raise InvalidInput(
            f"connection {connection_id} has type {values.conn_type!r}; it must be a kubernetes connection"
        )
    extra = _cluster_fields(values)
    way = _way_to_cluster(connection_id, extra)
    if way == "in_cluster":
        return Cluster.in_cluster(name=connection_id)
    given = extra[way]
    return Cluster.from_kubeconfig(
        Path(str(given)).expanduser() if way == "kube_config_path" else given,
        extra.get("cluster_context") or None,
        name=connection_id,
        permitted=Permitted.of(KUBECONFIG_ALLOW.read()),
        skip_tls=is_yes(extra.get("disable_verify_ssl")),
    )


def _cluster_fields(values: ConnectionValues) -> dict[str, Any]:
    """The extra of a `kubernetes` connection; a plain key wins over its old form with a prefix."""
    prefix = "extra__kubernetes__"
    extra = {key.removeprefix(prefix): value for key, value in values.extra.items() if key.startswith(prefix)}
    return extra | {key: value for key, value in values.extra.items() if value not in (None, "")}


def _way_to_cluster(connection_id: str, extra: Mapping[str, Any]) -> str:
    """The one field that says which cluster it is. Raises InvalidInput for none and for several."""
    from hedgehog.kube.kubeconfig import is_yes

    ways = [key for key in _CLUSTER_KEYS if (is_yes(extra.get(key)) if key == "in_cluster" else extra.get(key))]
    if len(ways) != 1:
        found = f"names a cluster in {len(ways)} ways" if ways else "names no cluster"
        raise InvalidInput(
            f"connection {connection_id} {found}; set one of {', '.join(_CLUSTER_KEYS)} in its extra "
            "(a kubeconfig of the machine is never used)"
        )
    return ways[0]


def open_github(repository: GitRepository) -> Client:
    """The API of the GitHub host of *repository*, entered with the repository's connection.

    The connection holds a token (its password) or a GitHub App (extra `app_id`, `installation_id` and `private_key` or
    `key_path`, as Airflow's `github` type has them). The host of a `github` connection is the API's URL; else it
    follows from the repository's URL. Raises InvalidInput for a connection that holds neither.
    """
    from hedgehog.hosts.github.client import Client, api_url
    from hedgehog.services.pull_requests.fabrics import repository_name

    if repository.connection_id is None:
        raise InvalidInput(
            f"git_repository {repository.name} names no connection; pull requests need a token or an app"
        )
    values = _credential_of(repository, repository.connection_id)
    base_url = api_url(repository_name(repository.url).partition("/")[0])
    if values.conn_type == "github" and values.host:
        base_url = values.host if "://" in values.host else f"https://{values.host}"
    return Client(_github_credentials(values), base_url=base_url)


def _credential_of(repository: GitRepository, connection_id: str) -> ConnectionValues:
    """The repository's connection, which may say for which hosts it is meant."""
    from hedgehog.gitops.addresses import RepositoryAddress

    values = read_connection(connection_id)
    refuse_other_host(values, RepositoryAddress.of(repository.url).host)
    return values


def _is_app(values: ConnectionValues) -> bool:
    return bool(values.extra.get("app_id"))


def _github_credentials(values: ConnectionValues) -> Credentials:
    from hedgehog.hosts.github.client import Credentials

    if values.password or not _is_app(values):
        return Credentials(token=values.password)
    extra = values.extra
    installation, permissions = str(extra.get("installation_id") or ""), extra.get("token_permissions")
    if not installation.isdigit():
        raise InvalidInput(f"connection {values.connection_id}: installation_id in its extra is not a number")
    return Credentials(
        app_id=str(extra["app_id"]),
        installation_id=int(installation),
        private_key=extra.get("private_key") or _key_text(values.connection_id, extra.get("key_path")),
        permissions=permissions if isinstance(permissions, dict) else None,
    )


def _key_text(connection_id: str, path: str | None) -> str | None:
    if not path:
        return None
    try:
        return Path(path).read_text()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"connection {connection_id}: key_path {path} cannot be read ({error})") from None
