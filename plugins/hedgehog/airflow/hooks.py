"""Connections become adapters: the composition root. Every function is called inside a task, a command or a test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgehog.airflow.connections import DATABASE_CONNECTION, database_parameters, git_cache_directory, read
from hedgehog.errors import InvalidInput

if TYPE_CHECKING:
    from hedgehog.fabric.model import GitRepository
    from hedgehog.gitops.mirror import Mirror
    from hedgehog.gitops.remote import GitCredentials
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

    return Mirror(git_cache_directory(), Remote(repository.url, repository.branch, git_credentials(repository)))


def git_credentials(repository: GitRepository) -> GitCredentials:
    """What the repository's connection holds: login and password (a token), or extra `private_key`, `known_hosts`.

    Takes the fields of Airflow's own `git` and `github` connection types as well.
    """
    from hedgehog.gitops.remote import GitCredentials

    if repository.connection_id is None:
        return GitCredentials()
    values = read(repository.connection_id)
    extra = values.extra
    return GitCredentials(
        username=values.login or None,
        token=values.password or None,
        private_key=extra.get("private_key") or None,
        private_key_path=extra.get("key_file") or None,
        known_hosts=extra.get("known_hosts") or None,
    )


def open_cluster(connection_id: str) -> Cluster:
    """A client of the cluster that a `kubernetes` connection names. There is no fallback to an ambient kubeconfig."""
    values = read(connection_id)
    if values.conn_type != "kubernetes":
        raise InvalidInput(
            f"connection {connection_id} has type {values.conn_type!r}; it must be a kubernetes connection"
        )
    keys = ("in_cluster", "kube_config_path", "kube_config", "config_dict")
    if not any(values.extra.get(key) or values.extra.get(f"extra__kubernetes__{key}") for key in keys):
        raise InvalidInput(
            f"connection {connection_id} names no cluster; set one of {', '.join(keys)} in its extra "
            "(a kubeconfig of the machine is never used)"
        )
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook

    from hedgehog.kube.client import Cluster

    try:
        api_client = KubernetesHook(conn_id=connection_id).api_client
    except Exception as error:  # whatever the loaders of a kubeconfig raise; their texts may quote it
        raise InvalidInput(
            f"connection {connection_id} holds no usable kubeconfig ({type(error).__name__}); correct its extra"
        ) from None
    return Cluster(api_client, name=connection_id)
