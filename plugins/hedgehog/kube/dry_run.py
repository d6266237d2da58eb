"""Asking a cluster what it would say to objects, without writing any: server-side apply with dryRun=All.

A dry run sees the cluster as it is, not as it will be: an object whose references are new too cannot be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from hedgehog.errors import AdmissionRefused, DefinitionMissing, HedgehogError, InvalidInput, NotFound, PermissionDenied
from hedgehog.fabric.canonical import differs
from hedgehog.fabric.kinds import ALL_KINDS, FIELD_MANAGER
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.references import references, waves
from hedgehog.kube.client import APPLY_PATCH, Cluster
from hedgehog.kube.live import Scope, list_live
from hedgehog.kube.resources import crd_name, kind_of, object_path

_PARAMETERS = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict", "dryRun": "All", "force": "true"}
_WEBHOOKS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"


@dataclass(frozen=True, slots=True)
class Answers:
    """What a cluster said: `refused` and why, `unchecked` and why not. Whatever is in neither would be taken."""

    refused: Mapping[ObjectRef, str] = field(default_factory=dict)
    unchecked: Mapping[ObjectRef, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def dry_run(cluster: Cluster, manifests: Iterable[Manifest]) -> Answers:
    """Ask about every manifest, wave by wave. Another manager's fields are not an obstacle: values are asked about.

    Writes nothing. Raises when the cluster cannot be reached or does not know the user; what only one object or kind
    is about becomes an answer.
    """
    ordered = [manifest for wave in waves(manifests) for manifest in wave]
    wanted = {ObjectRef.of(manifest): manifest for manifest in ordered}
    live, unserved = _live(cluster, wanted)
    changed = {ref for ref, manifest in wanted.items() if ref not in live or differs(manifest, live[ref])}
    refused: dict[ObjectRef, str] = {}
    unchecked: dict[ObjectRef, str] = {ref: unserved[ref.kind] for ref in wanted if ref.kind in unserved}
    asked: list[Manifest] = []
    for ref, manifest in wanted.items():
        absent = sorted(target for target in references(manifest) if target in wanted and target not in live)
        if ref not in unchecked and absent:
            unchecked[ref] = f"refers to {absent[0]}, which is not in the cluster yet"
        elif ref not in unchecked:
            asked.append(manifest)
    for manifest, error in zip(asked, _ask(cluster, asked), strict=True):
        if error is not None:
            ref = ObjectRef.of(manifest)
            altered = sorted(references(manifest) & changed)
            said = str(error).removeprefix(f"{ref}: ")
            if altered:
                unchecked[ref] = f"refers to {altered[0]}, which changes too; as that is now, the answer is: {said}"
            else:
                refused[ref] = said
    return Answers(refused, unchecked, tuple(_notes(cluster)))


def _live(
    cluster: Cluster, wanted: Mapping[ObjectRef, Manifest]
) -> tuple[Mapping[ObjectRef, Manifest], Mapping[str, str]]:
    """The objects of the kinds in question, and the kinds that the cluster does not serve, with the reason."""
    kinds = {(ref.kind, ref.namespace) for ref in wanted}
    kinds |= {(target.kind, target.namespace) for manifest in wanted.values() for target in references(manifest)}
    scopes: set[Scope] = {(ALL_KINDS[kind], namespace) for kind, namespace in kinds if kind in ALL_KINDS}
    live = list_live(cluster, scopes)
    for error in live.failed.values():
        if not isinstance(error, DefinitionMissing | PermissionDenied):
            raise error
    return live.objects, {kind: str(error) for kind, error in live.failed.items()}


def _ask(cluster: Cluster, manifests: Sequence[Manifest]) -> list[HedgehogError | None]:
    with ThreadPoolExecutor(cluster.concurrency, "dry-run") as pool:
        return list(pool.map(lambda manifest: _refusal(cluster, manifest), manifests))


def _refusal(cluster: Cluster, manifest: Manifest) -> HedgehogError | None:
    ref, kind = ObjectRef.of(manifest), kind_of(manifest)
    try:
        cluster.call(
            "DRY-RUN",
            "PATCH",
            object_path(kind, ref),
            subject=str(ref),
            query=_PARAMETERS,
            body=manifest,
            content_type=APPLY_PATCH,
            crd=crd_name(kind),
        )
    except (AdmissionRefused, InvalidInput, NotFound) as error:
        return error
    return None


def _notes(cluster: Cluster) -> Iterable[str]:
    """Whether Hedgehog's admission webhooks answered at all."""
    try:
        found = cluster.call("LIST", "GET", _WEBHOOKS, subject="list of admission webhooks").json()
    except PermissionDenied:
        yield f"{cluster.name} does not show its admission webhooks; whether they answered is not known"
        return
    groups = {
        group
        for configuration in found.get("items") or ()
        for webhook in configuration.get("webhooks") or ()
        for rule in webhook.get("rules") or ()
        for group in rule.get("apiGroups") or ()
    }
    if not any(group.endswith("githedgehog.com") for group in groups):
        yield f"{cluster.name} has no admission webhooks of Hedgehog: only its schemas were asked"
