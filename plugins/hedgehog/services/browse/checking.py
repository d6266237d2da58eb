"""What a cluster would say of files or of a text, beside the other objects of a fabric or alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from hedgehog.admission.files import SourceFile, check_files, check_sources, read_source
from hedgehog.admission.followers import summarize_followers
from hedgehog.errors import NotFound
from hedgehog.fabric.hydration.hydrate import HydrationMode
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, SourceOfTruth
from hedgehog.fabric.settings import FabricSettings, Upstream, release_of
from hedgehog.manifests import intake
from hedgehog.manifests.report import ValidationReport
from hedgehog.manifests.rule import RULES
from hedgehog.services.transfer.completion import Completion, complete
from hedgehog.services.transfer.load import accept_all
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
    mode: HydrationMode = HydrationMode.NEVER,
) -> ValidationReport:
    """The verdicts on *files* (name → content), with the settings of *fabric* and beside its *objects*, if there is one.

    A wiring without addresses is hydrated in memory, as *mode* says. What follows from one fault is said once.
    """
    settings = fabric.settings if fabric else FabricSettings()
    if upstream:
        settings = replace(settings, upstream=upstream)
    namespace = fabric.kubernetes_namespace if fabric else "default"
    report = check_files(files, settings, before=objects, partial=True, strict=strict, namespace=namespace, mode=mode)
    return summarize_followers(report)


def check_text(
    connection: Connection, text: str, *, fabric: str | None, strict: bool, upstream: Upstream | None
) -> ValidationReport:
    """The verdicts on a text. Raises NotFound for an unknown fabric.

    What the text leaves out is judged as an import into the fabric would assign it; without a fabric, as `hhfab validate`
    does. In a fabric whose source of truth is Git nothing is assigned: free values are suggested.
    """
    if fabric is None:
        mode = HydrationMode.IF_NOT_PRESENT
        return check_beside({_TEXT: text.encode()}, None, (), strict=strict, upstream=upstream, mode=mode)
    found, objects = fabric_objects(connection, fabric)
    settings = replace(found.settings, upstream=upstream) if upstream else found.settings
    source = read_source(_TEXT, text.encode())
    in_git = found.source_of_truth is SourceOfTruth.GIT
    completed = Completion() if in_git else _completed(replace(found, settings=settings), objects, source)
    report = check_sources(
        [source],
        settings,
        before=objects,
        partial=True,
        strict=strict,
        namespace=found.kubernetes_namespace,
        completed=completed.objects,
        suggest=in_git,
    )
    notes = (*report.notes, *completed.notes, *completed.problems)
    return summarize_followers(replace(report, notes=notes))


def _completed(fabric: Fabric, objects: Sequence[Manifest], source: SourceFile) -> Completion:
    """What an import of *source* would assign."""
    items = [item for document in source.documents for item in intake.items(document)]
    accepted, _ = accept_all(items, namespace=fabric.kubernetes_namespace, upstream=release_of(fabric.settings))
    before = {ObjectRef.of(one): one for one in objects}
    imported = {one.ref: one.manifest for one in accepted}
    return complete(fabric, before, imported, replace=False, mode=HydrationMode.MISSING)


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
