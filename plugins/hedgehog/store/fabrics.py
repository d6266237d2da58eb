"""The desired repositories and fabrics. The objects of fabrics are in `objects`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Action
from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import (
    ConflictPolicy,
    DriftOutsideWindows,
    DriftPolicy,
    Fabric,
    GitDriftPolicy,
    GitRepository,
    PrunePolicy,
    PushMode,
    SourceOfTruth,
    attribute_of,
)
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.selectors import Selector
from hedgehog.fabric.settings import UnreadableSettings, parse_settings
from hedgehog.fabric.signers import Verify
from hedgehog.store.database import Connection, UnreadableJSON, jsonb, transaction
from hedgehog.store.refusals import refusals

_FABRIC_FIELDS = (
    "id",
    "name",
    "resource_name",
    "description",
    "asn",
    "spine_count",
    "leaf_count",
    "spine_leaf_links",
    "vpc_peering_config",
    "switch_config",
    "git_directory",
    "git_sync_enabled",
    "enable_k8s_sync",
    "kubernetes_connection_id",
    "kubernetes_namespace",
    "publish_fabric_resource",
    "source_of_truth",
    "git_drift_policy",
    "drift_policy",
    "drift_policies",
    "drift_outside_windows",
    "prune_policy",
    "prune_max_objects",
    "prune_max_percent",
    "conflict_policy",
    "resync_seconds",
    "settings",
    "labels",
    "variables",
    "suspended",
    "suspended_reason",
    "suspended_until",
    "generation",
    "last_updated",
)
_REPOSITORY_FIELDS = (
    "id",
    "name",
    "url",
    "branch",
    "connection_id",
    "author_name",
    "author_email",
    "verify",
    "allowed_signers",
    "push",
    "pull_requests",
    "host",
)
_ENUMS = {
    "source_of_truth": SourceOfTruth,
    "git_drift_policy": GitDriftPolicy,
    "drift_policy": DriftPolicy,
    "drift_outside_windows": DriftOutsideWindows,
    "prune_policy": PrunePolicy,
    "conflict_policy": ConflictPolicy,
}
_JSON_FIELDS = frozenset(
    {
        "spine_leaf_links",
        "vpc_peering_config",
        "switch_config",
        "settings",
        "drift_policies",
        "labels",
        "variables",
    }
)

_COLUMNS = {
    "suspended_until": "CASE WHEN f.suspended_until IS NOT NULL "
    "THEN least(greatest(f.suspended_until, '0001-01-02Z'), '9999-12-30Z') END"
}
"""The columns that need SQL to be read: PostgreSQL has times that no client can represent."""

FABRIC_SETTINGS = frozenset(_FABRIC_FIELDS[2:]) - {
    "resource_name",
    "suspended",
    "suspended_reason",
    "suspended_until",
    "generation",
    "last_updated",
}
"""The columns of a fabric that `save_fabric` sets, besides `git_repository` (a repository name)."""

REPOSITORY_SETTINGS = frozenset(_REPOSITORY_FIELDS[2:]) - {"host"}
"""The columns of a repository that `save_repository` sets."""


def _select(where: str) -> str:
    columns = ", ".join(
        [*(_COLUMNS.get(name, f"f.{name}") for name in _FABRIC_FIELDS), *(f"r.{name}" for name in _REPOSITORY_FIELDS)]
    )
    return (
        f"SELECT {columns} FROM hedgehog.fabric f LEFT JOIN hedgehog.git_repository r ON r.id = "
        f"f.git_repository_id {where}"
    )


def _fabric(row: Sequence[Any]) -> Fabric:
    values = {attribute_of(name): value for name, value in zip(_FABRIC_FIELDS, row, strict=False)}
    for name, enum in _ENUMS.items():
        values[name] = enum(values[name])
    for name in _JSON_FIELDS:
        if isinstance(values[name], UnreadableJSON):
            values[name] = values[name].of(f"fabric {values['name']}: {name}")
    try:
        values["settings"] = parse_settings(values["settings"], owner=f"fabric {values['name']}: settings")
    except (
        InvalidInput
    ) as error:  # an error only for those who use them, not for other fabrics that are loaded with this one
        reasons = "; ".join(str(error).splitlines())
        values["settings"] = UnreadableSettings(f"{reasons}; import the fabric's document with settings that are right")
    repository = row[len(_FABRIC_FIELDS) :]
    return Fabric(**values, git_repository=_repository(repository) if repository[0] is not None else None)


def _repository(row: Sequence[Any]) -> GitRepository:
    values = dict(zip(_REPOSITORY_FIELDS, row, strict=True))
    enums = {"verify": Verify(values["verify"]), "push": PushMode(values["push"])}
    if isinstance(values["pull_requests"], UnreadableJSON):
        values["pull_requests"] = values["pull_requests"].of(f"git_repository {values['name']}: pull_requests")
    return GitRepository(**values | enums)


def load_fabrics(connection: Connection, names: Sequence[str] | None = None) -> list[Fabric]:
    """The named fabrics, or all, by name. Names that no fabric has are left out."""
    with transaction(connection) as cursor:
        if names is None:
            cursor.execute(_select("ORDER BY f.name"))
        else:
            cursor.execute(_select("WHERE f.name = ANY(%s) ORDER BY f.name"), (list(names),))
        return [_fabric(row) for row in cursor.fetchall()]


def selected_names(connection: Connection, selector: Selector) -> list[str]:
    """The names of the fabrics that *selector* fits, sorted."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name FROM hedgehog.fabric f WHERE hedgehog.selects(%s, f) ORDER BY f.name",
            (jsonb(selector.as_data()),),
        )
        return [row[0] for row in cursor.fetchall()]


def load_fabric(connection: Connection, name: str) -> Fabric:
    """One fabric. Raises NotFound, with similar names."""
    found = load_fabrics(connection, [name])
    if found:
        return found[0]
    raise NotFound(unknown_fabric(name, fabric_names(connection)))


def unknown_fabric(name: str, known: Iterable[str]) -> str:
    """The message that no fabric of *known* has this name, with similar names."""
    hint = did_you_mean(name, known, most=3, otherwise="`hedgehog fabric list` shows them all")
    return f"there is no fabric {name!r}; {hint}"


def fabric_ids(connection: Connection, names: Sequence[str]) -> list[int]:
    """The ids of those of *names* that a fabric has."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM hedgehog.fabric WHERE name = ANY(%s)", (list(names),))
        return [row[0] for row in cursor.fetchall()]


def fabric_names(connection: Connection) -> list[str]:
    """The names of all fabrics, sorted."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT name FROM hedgehog.fabric ORDER BY name")
        return [row[0] for row in cursor.fetchall()]


def load_repositories(connection: Connection) -> list[GitRepository]:
    """All repositories by name."""
    with transaction(connection) as cursor:
        cursor.execute(f"SELECT {', '.join(_REPOSITORY_FIELDS)} FROM hedgehog.git_repository ORDER BY name")
        return [_repository(row) for row in cursor.fetchall()]


def load_repository(connection: Connection, name: str) -> GitRepository:
    """One repository. Raises NotFound, with similar names."""
    found = {repository.name: repository for repository in load_repositories(connection)}
    if name not in found:
        hint = did_you_mean(name, found, most=3, otherwise="`hedgehog repository list` shows them all")
        raise NotFound(f"there is no git_repository {name!r}; {hint}")
    return found[name]


def delete_repository(connection: Connection, name: str) -> None:
    """Delete a repository that no fabric uses. Raises NotFound, InvalidInput for one that is in use."""
    repository = load_repository(connection, name)
    with transaction(connection) as cursor:
        cursor.execute("SELECT name FROM hedgehog.fabric WHERE git_repository_id = %s ORDER BY name", (repository.id,))
        users = [row[0] for row in cursor.fetchall()]
        if users:
            raise InvalidInput(f"{name} is used by {', '.join(users)}; delete them or give them another git_repository")
        cursor.execute("DELETE FROM hedgehog.git_repository WHERE id = %s", (repository.id,))


def save_repository(connection: Connection, name: str, settings: Mapping[str, Any]) -> Action:
    """Create or update a repository; only the given settings are set. Equal content changes nothing.

    Raises InvalidInput on an unknown setting or a value the database refuses, naming it.
    """
    _refuse_unknown(settings, REPOSITORY_SETTINGS, f"git_repository {name}")
    values = {key: jsonb(value) if key == "pull_requests" else value for key, value in settings.items()}
    return _upsert(connection, "git_repository", name, values)


def note_host(connection: Connection, repository: GitRepository, host: str) -> None:
    """Note the type of the host of *repository*, unless its row has changed since it was read."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.git_repository SET host = %s WHERE (id, url) = (%s, %s) "
            "AND connection_id IS NOT DISTINCT FROM %s AND host IS DISTINCT FROM %s",
            (host, repository.id, repository.url, repository.connection_id, host),
        )


def save_fabric(connection: Connection, name: str, settings: Mapping[str, Any]) -> Action:
    """Create or update a fabric; only the given settings are set. Equal content changes nothing (no new generation).

    `git_repository` names a repository. Raises InvalidInput on an unknown setting or a value the database refuses,
    AlreadyExists on a collision, NotFound for an unknown repository.
    """
    _refuse_unknown(settings, FABRIC_SETTINGS | {"git_repository"}, f"fabric {name}")
    _refuse_unknown_kinds(settings.get("drift_policies") or (), f"fabric {name}: drift_policies")
    if "settings" in settings:
        read = parse_settings(settings["settings"], owner=f"fabric {name}: settings")
        settings = {**settings, "settings": read.as_dict()}
    values = {
        key: jsonb(value) if key in _JSON_FIELDS else value
        for key, value in settings.items()
        if key != "git_repository"
    }
    if "git_repository" in settings:
        values["git_repository_id"] = _repository_id(connection, settings["git_repository"])
    return _upsert(connection, "fabric", name, values)


def _refuse_unknown(settings: Mapping[str, Any], known: frozenset[str], owner: str) -> None:
    for key in settings:
        if key not in known:
            hint = did_you_mean(key, known, otherwise=f"known are {', '.join(sorted(known))}")
            raise InvalidInput(f"{owner} has no setting {key!r}; {hint}")


def _refuse_unknown_kinds(kinds: Iterable[str], owner: str) -> None:
    for kind in kinds:
        if kind not in KINDS and kind != FABRIC.kind:
            hint = did_you_mean(kind, KINDS)
            raise InvalidInput(f"{owner}: {kind!r} is not a kind" + (f"; {hint}" if hint else ""))


def _repository_id(connection: Connection, name: str | None) -> int | None:
    if name is None:
        return None
    with transaction(connection) as cursor:
        cursor.execute("SELECT id FROM hedgehog.git_repository WHERE name = %s", (name,))
        row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no git_repository {name!r}; import one first")
    return int(row[0])


def _upsert(connection: Connection, table: str, name: str, values: dict[str, Any]) -> Action:
    """Insert or update one row by name. Table and column names come from this module, never from a caller's data."""
    columns = ["name", *values]
    holes = ", ".join(["%s"] * len(columns))
    with transaction(connection) as cursor, refusals(f"{table} {name}"):
        cursor.execute(
            f"SELECT to_jsonb(t) - 'last_updated' FROM hedgehog.{table} t WHERE name = %s FOR UPDATE", (name,)
        )
        before = cursor.fetchone()
        if before is None:
            cursor.execute(
                f"INSERT INTO hedgehog.{table} ({', '.join(columns)}) VALUES ({holes})", [name, *values.values()]
            )
            return Action.CREATED
        if values:
            assignments = ", ".join(f"{column} = %s" for column in values)
            cursor.execute(
                f"UPDATE hedgehog.{table} SET {assignments} WHERE name = %s RETURNING to_jsonb({table}) - 'last_updated'",
                [*values.values(), name],
            )
            if cursor.fetchone() != before:
                return Action.CONFIGURED
        return Action.UNCHANGED


def suspend(connection: Connection, name: str, *, reason: str, until: datetime | None) -> None:
    """Suspend a fabric until *until* or until it is resumed. Raises NotFound."""
    _update(connection, name, "suspended = true, suspended_reason = %s, suspended_until = %s", (reason, until))


def resume(connection: Connection, name: str) -> bool:
    """Resume a fabric, which is due at once then; False for one that is not suspended. Raises NotFound."""
    assignments = "suspended = false, suspended_reason = NULL, suspended_until = NULL"
    return _update(connection, name, assignments, (), where="AND suspended")


def _update(connection: Connection, name: str, assignments: str, values: Sequence[Any], *, where: str = "") -> bool:
    with transaction(connection) as cursor:
        cursor.execute(f"UPDATE hedgehog.fabric SET {assignments} WHERE name = %s {where}", (*values, name))
        touched = bool(cursor.rowcount)
    if not touched:
        load_fabric(connection, name)  # raises NotFound with near names
    return touched


def delete_fabric(connection: Connection, name: str) -> None:
    """Delete a fabric from the database; its files in Git and its objects in the cluster stay. Raises NotFound."""
    fabric = load_fabric(connection, name)
    with transaction(connection) as cursor:
        cursor.execute("DELETE FROM hedgehog.fabric WHERE id = %s", (fabric.id,))
