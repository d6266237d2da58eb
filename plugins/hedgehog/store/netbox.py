"""The tables of the NetBox plugin that this product replaces: read, and never written.

Columns that hold credentials are not read at all. Which tables and columns there are depends on the plugin's version.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg2 import sql

from hedgehog.errors import NotFound
from hedgehog.store.database import Connection, transaction

_PREFIX = "netbox_hedgehog_"
_FABRIC, _REPOSITORY = f"{_PREFIX}hedgehogfabric", f"{_PREFIX}gitrepository"
_KINDS = (
    *("Connection", "External", "ExternalAttachment", "ExternalPeering", "IPv4Namespace", "Server"),
    *("Switch", "SwitchGroup", "VLANNamespace", "VPC", "VPCAttachment", "VPCPeering"),
)
"""Each has a table of its own."""
_OF_FABRIC = (
    *("id", "name", "description", "kubernetes_server", "kubernetes_namespace"),
    *("git_repository_id", "gitops_directory", "git_repository_url", "git_branch", "git_path"),
)
_OF_REPOSITORY = ("id", "url", "default_branch", "push_branch")
_OF_OBJECT = ("fabric_id", "namespace", "name", "labels", "annotations", "spec", "kubernetes_status")
_DELETING = "deleting"
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class NetBoxObject:
    """A row of one of the tables of objects."""

    kind: str
    namespace: str
    name: str
    labels: Any
    annotations: Any
    spec: Any
    is_being_deleted: bool


@dataclass(frozen=True, slots=True)
class NetBoxFabric:
    """A fabric of the plugin, where its files are, and its objects."""

    name: str
    description: str
    namespace: str
    cluster: str
    """The address of the API server; empty: none is set."""
    repository: str = ""
    """The URL; empty: none is set."""
    branch: str = ""
    directory: str = ""
    objects: Sequence[NetBoxObject] = field(default_factory=tuple, repr=False)


def read_fabrics(connection: Connection) -> list[NetBoxFabric]:
    """All fabrics of the plugin, by name, at one moment. Raises NotFound in a database without its tables."""
    connection.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with transaction(connection) as cursor:
        known = _columns(cursor)
        if _FABRIC not in known:
            raise NotFound(
                f"there is no table {_FABRIC}; name the connection of the database of NetBox with the plugin"
            )
        repositories = {row["id"]: row for row in _rows(cursor, known, _REPOSITORY, _OF_REPOSITORY)}
        objects: dict[int, list[NetBoxObject]] = {}
        for kind in _KINDS:
            for row in _rows(cursor, known, f"{_PREFIX}{kind.lower()}", _OF_OBJECT):
                objects.setdefault(row["fabric_id"], []).append(_object(kind, row))
        rows = sorted(_rows(cursor, known, _FABRIC, _OF_FABRIC), key=lambda row: str(row["name"]))
        return [_fabric(row, repositories, objects.get(row["id"], ())) for row in rows]


def _columns(cursor: Any) -> dict[str, set[str]]:
    """The columns of each table of the plugin."""
    cursor.execute(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = ANY (current_schemas(false)) AND starts_with(table_name, %s)",
        (_PREFIX,),
    )
    found: dict[str, set[str]] = {}
    for table, column in cursor.fetchall():
        found.setdefault(table, set()).add(column)
    return found


def _rows(cursor: Any, known: Mapping[str, set[str]], table: str, columns: Sequence[str]) -> Iterator[Row]:
    """The rows of a table, with those of *columns* that it has; none if there is no such table."""
    present = [column for column in columns if column in known.get(table, ())]
    if present:
        names = sql.SQL(", ").join(map(sql.Identifier, present))
        cursor.execute(sql.SQL("SELECT {} FROM {} ORDER BY id").format(names, sql.Identifier(table)))
        yield from (dict(zip(present, row, strict=True)) for row in cursor.fetchall())


def _object(kind: str, row: Row) -> NetBoxObject:
    is_being_deleted = row.get("kubernetes_status") == _DELETING
    labels, annotations = row.get("labels"), row.get("annotations")
    return NetBoxObject(kind, row["namespace"], row["name"], labels, annotations, row["spec"], is_being_deleted)


def _fabric(row: Row, repositories: Mapping[int, Row], objects: Sequence[NetBoxObject]) -> NetBoxFabric:
    """Older versions have the repository in the fabric itself."""
    repository = repositories.get(row.get("git_repository_id") or 0)
    if repository is not None:
        url, directory = repository["url"], row.get("gitops_directory")
        branch = repository.get("push_branch") or repository.get("default_branch")
    else:
        url, branch, directory = row.get("git_repository_url"), row.get("git_branch"), row.get("git_path")
    return NetBoxFabric(
        row["name"],
        row.get("description") or "",
        row.get("kubernetes_namespace") or "",
        row.get("kubernetes_server") or "",
        url or "",
        branch or "",
        directory or "",
        tuple(objects),
    )
