"""A fabric of the NetBox plugin that this product replaces → fabric database; docs/decisions has what becomes of what."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from hedgehog.fabric.kinds import FABRIC, KINDS
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.render import dump
from hedgehog.manifests import configuration, yaml
from hedgehog.manifests.configuration import Settings
from hedgehog.manifests.intake import Item
from hedgehog.services.transfer.from_git import GitSource, use_repository
from hedgehog.services.transfer.load import (
    ImportOptions,
    ImportReport,
    import_documents,
    raise_problems,
    read_settings,
)
from hedgehog.store import fabrics as store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.netbox import NetBoxFabric, NetBoxObject
from hedgehog.store.origins import set_origin

_BRANCH = "main"


def import_from_netbox(
    connection: Connection, found: NetBoxFabric, *, place: str, settings: Mapping[str, Any], options: ImportOptions
) -> ImportReport:
    """Store a fabric of the plugin with its objects, which are validated as an import of files is.

    A fabric that does not exist is created with *settings* and no sync enabled; an existing one keeps its settings. Its
    repository is used if it is known with its URL and branch, and added otherwise. Credentials are not taken over: notes
    say which connections are to be created. *place* is what messages call the database. Done again, it changes nothing.
    """
    documents = [one for row in found.objects if not row.is_being_deleted for one in _documents(row, place)]
    notes = [f"{_ref(row)}: left out, it is being deleted" for row in found.objects if row.is_being_deleted]
    with transaction(connection, keep=not options.dry_run) as cursor:
        set_origin(cursor, options.origin)
        given: list[Settings] = []
        if not store.load_fabrics(connection, [found.name]):
            values, told = _settings(connection, found)
            given = _read({**values, **settings}, found.name, place)
            notes += told
        report = import_documents(
            connection,
            documents,
            origin=options.origin,
            fabric=found.name,
            replace=options.replace,
            allow_large_prune=options.allow_large_prune,
            allow_invalid=options.allow_invalid,
            mode=options.mode,
            given=given,
        )
    return replace(report, notes=(*report.notes, *notes), dry_run=options.dry_run)


def _read(values: Mapping[str, Any], name: str, place: str) -> list[Settings]:
    given, problems = read_settings([Item(configuration.document(FABRIC.kind, name, values), place)])
    raise_problems(problems)
    return given


def _settings(connection: Connection, found: NetBoxFabric) -> tuple[dict[str, Any], list[str]]:
    """The settings of a new fabric, and what is to be done manually."""
    values: dict[str, Any] = {"description": found.description, "publish_fabric_resource": False}
    notes = []
    if found.namespace:
        values["kubernetes_namespace"] = found.namespace
    if found.cluster:
        notes.append(
            f"{found.name}: its cluster is {found.cluster}: create an Airflow connection for it, and set "
            "kubernetes_connection_id and enable_k8s_sync of the fabric; the token was not read"
        )
    if found.repository:
        repository, _ = use_repository(connection, GitSource(found.repository, "", found.branch or _BRANCH))
        values["git_repository"] = repository.name
        values["git_directory"] = posixpath.normpath(found.directory.strip("/") or ".").removeprefix(".")
        if repository.connection_id is None:
            notes.append(
                f"{found.name}: create an Airflow connection with the credentials of {repository.url}, set connection_id of "
                f"git_repository {repository.name}, and git_sync_enabled of the fabric; the credentials were not read"
            )
    return values, notes


def _documents(row: NetBoxObject, place: str) -> Iterator[yaml.Document]:
    return iter(yaml.load(dump(_manifest(row)), file=f"{place}/{_ref(row)}"))


def _manifest(row: NetBoxObject) -> Manifest:
    metadata = {"name": row.name, "namespace": row.namespace}
    others = {name: value for name, value in (("labels", row.labels), ("annotations", row.annotations)) if value}
    return {
        "apiVersion": KINDS[row.kind].api_version,
        "kind": row.kind,
        "metadata": {**metadata, **others},
        "spec": row.spec,
    }


def _ref(row: NetBoxObject) -> ObjectRef:
    return ObjectRef(row.kind, row.namespace, row.name)
