"""A directory as `hhfab init` makes it → fabric database: the wiring and what else lies in include/, and the settings.

`hhfab` reads fab.yaml and the YAML files directly in include/, and so does this. The Fabricator itself is not stored: it
holds secrets, and the control node has it. Its settings become those of the fabric.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hedgehog.errors import InvalidInput
from hedgehog.fabric.fabricator import is_fabricator, read_fabricator, settings_beside_fabricator
from hedgehog.fabric.kinds import FABRIC
from hedgehog.manifests import configuration, yaml
from hedgehog.manifests.configuration import Settings
from hedgehog.manifests.intake import Item
from hedgehog.services.transfer.load import read_settings
from hedgehog.store import fabrics as store
from hedgehog.store.database import Connection

FAB, INCLUDE = "fab.yaml", "include"


def hhfab_paths(path: Path | str) -> list[Path] | None:
    """What `hhfab` reads of the directory *path*; None if it is not one of its directories."""
    directory = Path(path)
    if not (directory / FAB).is_file() or not (directory / INCLUDE).is_dir():
        return None
    files = sorted(one for one in (directory / INCLUDE).iterdir() if one.suffix == ".yaml" and not one.is_dir())
    return [directory / FAB, *files]


def take_fabricator(
    connection: Connection, documents: Sequence[yaml.Document], *, fabric: str | None, values: Mapping[str, Any]
) -> tuple[list[yaml.Document], list[Settings]]:
    """*documents* without the Fabricator, and the settings that follow from it for *fabric*, which may be new.

    *values* are other settings of the fabric. Raises InvalidInput for a Fabricator whose settings cannot be read.
    """
    found = [one for one in documents if is_fabricator(one.manifest)]
    others = [one for one in documents if not is_fabricator(one.manifest)]
    name = fabric or _configured(others)
    if name is None:
        raise InvalidInput("which fabric is it? say so with --fabric NAME; a new one is created")
    settings: dict[str, Any] = {}
    for document in found:
        read, problems = read_fabricator(document.manifest)
        if problems:
            lines = (
                f"{Item(document.manifest, document).place(path)}: {'.'.join(path)}: {why}" for path, why in problems
            )
            raise InvalidInput("\n".join(lines))
        stored = store.load_fabrics(connection, [name])
        settings = settings_beside_fabricator(read, stored[0].settings if stored else None).as_dict()
    wanted = {**values, "settings": {**settings, **_given_settings(others), **(values.get("settings") or {})}}
    given, faults = read_settings([Item(configuration.document(FABRIC.kind, name, wanted), FAB)])
    if faults:
        raise InvalidInput("\n".join(faults))
    return others, given


def _configured(documents: Sequence[yaml.Document]) -> str | None:
    """The one fabric that configuration documents name."""
    names = {_name(one) for one in documents if _configures_fabric(one)}
    return names.pop() if len(names) == 1 else None


def _given_settings(documents: Sequence[yaml.Document]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for document in documents:
        if _configures_fabric(document):
            found |= (document.manifest.get("spec") or {}).get("settings") or {}
    return found


def _configures_fabric(document: yaml.Document) -> bool:
    return configuration.is_configuration(document.manifest) and document.manifest.get("kind") == FABRIC.kind


def _name(document: yaml.Document) -> str:
    return str((document.manifest.get("metadata") or {}).get("name"))
