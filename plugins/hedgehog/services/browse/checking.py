"""What a cluster would say of files or of a text, beside the other objects of a fabric or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hedgehog.admission.files import check_files
from hedgehog.errors import NotFound
from hedgehog.fabric.model import Fabric, Manifest
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests.report import ValidationReport
from hedgehog.manifests.rule import RULES
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import load_objects

_TEXT = "text"
"""What the report calls a text without a file."""


def fabric_objects(connection: Connection, name: str) -> tuple[Fabric, list[Manifest]]:
    """A fabric and its objects. Raises NotFound."""
    fabric = load_fabric(connection, name)
    return fabric, [stored.manifest for stored in load_objects(connection, [fabric.id])[fabric.id]]


def check_beside(
    files: Mapping[str, bytes],
    fabric: Fabric | None,
    objects: Sequence[Manifest],
    *,
    strict: bool = False,
    upstream: Upstream | None = None,
) -> ValidationReport:
    """The verdicts on *files* (name → content), with the settings of *fabric* and beside its *objects*, if there is one."""
    settings = fabric.settings if fabric else FabricSettings()
    if upstream:
        settings = replace(settings, upstream=upstream)
    namespace = fabric.kubernetes_namespace if fabric else "default"
    return check_files(files, settings, before=objects, partial=True, strict=strict, namespace=namespace)


def check_text(
    connection: Connection, text: str, *, fabric: str | None, strict: bool, upstream: Upstream | None
) -> ValidationReport:
    """The verdicts on a text. Raises NotFound for an unknown fabric."""
    found, objects = fabric_objects(connection, fabric) if fabric else (None, [])
    return check_beside({_TEXT: text.encode()}, found, objects, strict=strict, upstream=upstream)


def rule_text(name: str) -> dict[str, str]:
    """What a rule demands, why, and what to do. Raises NotFound."""
    found = RULES.get(name)
    if found is None:
        raise NotFound(f"there is no rule {name!r}; docs/rules.md has them all")
    return {
        "id": found.id,
        "severity": found.severity.value,
        "what": found.what,
        "why": found.why,
        "source": found.source,
        "fix": found.fix,
    }
