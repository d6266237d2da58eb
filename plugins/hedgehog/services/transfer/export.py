"""Fabric database → files: a fabric's settings, its repository and its objects. Importing them changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from hedgehog.fabric.kinds import FABRIC
from hedgehog.fabric.model import Fabric, Manifest
from hedgehog.fabric.render import dump, object_path
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests.configuration import REPOSITORY, document
from hedgehog.store import fabrics as store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection

CONFIGURATION_FILE = "configuration.yaml"
"""Not `fabric.yaml`: that is what a sync writes to Git for the cluster."""

_SEPARATOR = b"---\n"


def export(connection: Connection, name: str) -> dict[str, bytes]:
    """The files of a fabric by relative path, the configuration first; importing them changes nothing.

    The same fabric gives the same bytes. There are no secrets in them: connections are only named. Suspension, sync state
    and history are not included. Raises NotFound, and InvalidInput if something stored cannot be read.
    """
    fabric = store.load_fabric(connection, name)
    objects = object_store.load_objects(connection, [fabric.id])[fabric.id]
    root = replace(fabric, git_directory="")
    files = {CONFIGURATION_FILE: _SEPARATOR.join(dump(manifest) for manifest in _configuration(fabric))}
    files |= {object_path(root, stored.ref): dump(stored.manifest) for stored in objects}
    return files


def stream(files: Mapping[str, bytes]) -> bytes:
    """The files of an export as one YAML stream, in their order."""
    return _SEPARATOR.join(files.values())


def _configuration(fabric: Fabric) -> list[Manifest]:
    documents = []
    if fabric.git_repository is not None:
        values = {name: plain(getattr(fabric.git_repository, name)) for name in sorted(store.REPOSITORY_SETTINGS)}
        documents.append(document(REPOSITORY, fabric.git_repository.name, values))
    return [*documents, document(FABRIC.kind, fabric.name, settings_of(fabric))]


def settings_of(fabric: Fabric) -> dict[str, Any]:
    """What a Fabric document sets for *fabric* to be as it is."""
    settings = {name: plain(fabric.setting(name)) for name in sorted(store.FABRIC_SETTINGS)}
    settings["git_repository"] = fabric.git_repository.name if fabric.git_repository else None
    return settings


def plain(value: Any) -> Any:
    """A setting as plain data: an enum is a string, a mapping a dict; of the rules' settings, those that are set."""
    if isinstance(value, FabricSettings):
        return value.as_dict()
    if isinstance(value, Mapping):
        return dict(value)
    return str(value) if isinstance(value, str) else value
