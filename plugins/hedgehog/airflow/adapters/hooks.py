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
    from hedgehog.gitops.signing import OpenPGPKey, SigningKey
    from hedgehog.hosts.host import Access, Host, HostType
    from hedgehog.kube.client import Cluster
    from hedgehog.store.database import Connection


_BY_HOST = "host"


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
    """What the repository's connection holds: login and password (a token), or extra `private_key`, `known_hosts`; and
    with extra `signing_key` (or `signing_key_file`), what our commits are signed with, or with `signing`, that the host
    makes and signs them.

    Takes the fields of Airflow's own `git` and `github` connection types as well. A GitHub App's installation enters
    over https with a token of the next hour, which is asked for here.
    """
    from hedgehog.gitops.remote import GitCredentials

    if repository.connection_id is None:
        return GitCredentials()
    values = _credential_of(repository, repository.connection_id)
    extra = values.extra
    token = values.password or None
    if token is None and extra.get("app_id") and repository.url.startswith("https://"):
        with closing(open_host(repository)) as host:
            token = host.git_token()
    return GitCredentials(
        username=values.login or None,
        token=token,
        private_key=extra.get("private_key") or None,
        private_key_path=extra.get("key_file") or None,
        known_hosts=extra.get("known_hosts") or None,
        signing_key=_signing_key(values),
        signed_by_host=_is_signed_by_host(values),
    )


def _is_signed_by_host(values: ConnectionValues) -> bool:
    signing = values.extra.get("signing")
    if signing in (None, ""):
        return False
    if signing != _BY_HOST:
        raise InvalidInput(
            f"connection {values.connection_id}: signing in its extra can only be {_BY_HOST!r}; for a key of your own, "
            "give signing_key"
        )
    if values.extra.get("signing_key") or values.extra.get("signing_key_file"):
        raise InvalidInput(
            f"connection {values.connection_id}: its extra has signing: {_BY_HOST} and a signing_key; remove one of them"
        )
    return True


def _signing_key(values: ConnectionValues) -> SigningKey | OpenPGPKey | None:
    from hedgehog.gitops.signing import OpenPGPKey, SigningKey

    subject = f"connection {values.connection_id}: signing_key in its extra"
    text, path = values.extra.get("signing_key"), values.extra.get("signing_key_file")
    if not text and path:
        try:
            text = Path(str(path)).read_text()
        except (OSError, ValueError) as error:
            reason = type(error).__name__
            raise InvalidInput(
                f"connection {values.connection_id}: signing_key_file {path} in its extra cannot be read ({reason})"
            ) from None
    if text and OpenPGPKey.is_in(str(text)):
        return OpenPGPKey(str(text))
    return SigningKey.of(str(text), subject) if text else None


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


def open_host(repository: GitRepository) -> Host:
    """The API of the host of *repository*, entered with the repository's connection.

    Which host it is: the extra `host` of the connection (`github`, `gitea`, …), else GitHub for a connection of type
    `github`, else the name of the server. The host of a `github` connection, and the extra `api_url` of any, is the
    API's URL; else it follows from the repository's URL. Raises InvalidInput for a host without an API, and for a
    connection without a credential for it.
    """
    if repository.connection_id is None:
        raise InvalidInput(
            f"git_repository {repository.name} names no connection; pull requests need a token or an app"
        )
    of, access = host_access(repository, _credential_of(repository, repository.connection_id))
    return of.enter(access)


def host_name(repository: GitRepository) -> str:
    """The name of the type of the repository's host, as its connection or else its URL says. Sends nothing."""
    from hedgehog.gitops.addresses import RepositoryAddress
    from hedgehog.hosts.registry import host_type

    if repository.connection_id is None:
        return host_type(RepositoryAddress.of(repository.url).host).name
    return host_access(repository, read_connection(repository.connection_id))[0].name


def refuse_unoffered(repository: GitRepository) -> None:
    """Raise InvalidInput for settings that the repository's host cannot serve: pull requests, auto-merge. Sends nothing."""
    from hedgehog.fabric.model import PushMode
    from hedgehog.fabric.request_settings import RequestSettings
    from hedgehog.hosts.host import Feature

    if repository.push is not PushMode.PULL_REQUEST:
        return
    with closing(open_host(repository)) as host:
        wanted = {Feature.PULL_REQUESTS}
        if RequestSettings.of(repository.pull_requests).auto_merge:
            wanted.add(Feature.AUTO_MERGE)
        missing = sorted(wanted - host.offers)
        if missing:
            raise InvalidInput(
                f"git_repository {repository.name}: {host.type.title} does not offer: {', '.join(missing)}"
            )


def host_access(repository: GitRepository, values: ConnectionValues) -> tuple[HostType, Access]:
    """The type of a repository's host, and what is needed to enter it with the connection *values*."""
    from hedgehog.gitops.addresses import RepositoryAddress
    from hedgehog.hosts.host import Access
    from hedgehog.hosts.registry import host_type

    address = RepositoryAddress.of(repository.url)
    port = f":{address.port}" if address.port and not address.over_ssh else ""
    is_github = values.conn_type == "github"
    api_url = str(values.extra.get("api_url") or (values.host if is_github else "") or "")
    access = Access(
        connection_id=values.connection_id,
        server=f"{address.host}{port}",
        full_name=address.path,
        over_https=not repository.url.startswith("http://"),
        api_url=api_url if "://" in api_url or not api_url else f"https://{api_url}",
        username=values.login,
        token=values.password,
        extra=values.extra,
    )
    named = str(values.extra.get("host") or ("github" if is_github else ""))
    return host_type(address.host, named=named, subject=f"connection {values.connection_id}"), access


def _credential_of(repository: GitRepository, connection_id: str) -> ConnectionValues:
    """The repository's connection, which may say for which hosts it is meant."""
    from hedgehog.gitops.addresses import RepositoryAddress

    values = read_connection(connection_id)
    refuse_other_host(values, RepositoryAddress.of(repository.url).host)
    return values
