"""Which tool, or which other installation of this product, owns an object in a cluster, by the labels and annotations
that such tools leave. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.canonical import owned_fields
from hedgehog.fabric.kinds import FIELD_MANAGER
from hedgehog.fabric.labels import INSTALLATION

ADOPT = "hedgehog-airflow/adopt"
"""The annotation by which somebody has a fabric take over an object of another tool; its value is "true". For one of
another installation the value is the id of that installation: a "true" may be as old as that installation's own."""

_MANAGED_BY = "app.kubernetes.io/managed-by"
_MARKS: Mapping[str, tuple[str, str]] = {
    "meta.helm.sh/release-name": ("Helm release", "meta.helm.sh/release-namespace"),
    "helm.toolkit.fluxcd.io/name": ("Flux HelmRelease", "helm.toolkit.fluxcd.io/namespace"),
    "kustomize.toolkit.fluxcd.io/name": ("Flux Kustomization", "kustomize.toolkit.fluxcd.io/namespace"),
    "argocd.argoproj.io/tracking-id": ("Argo CD application", ""),
    "argocd.argoproj.io/instance": ("Argo CD application", ""),
    "kapp.k14s.io/app": ("kapp app", ""),
    "configsync.gke.io/resource-id": ("Config Sync", ""),
    "configmanagement.gke.io/managed": ("Config Sync", ""),
    "config.kubernetes.io/owning-inventory": ("kpt inventory", ""),
    "applyset.kubernetes.io/part-of": ("ApplySet", ""),
    "objectset.rio.cattle.io/id": ("Rancher Fleet bundle", ""),
    "crossplane.io/composite": ("Crossplane composite", ""),
}
"""Label or annotation → the words before its value, and where the namespace stands that belongs to that."""


INSTALLATION_ID = r"^[a-z0-9]{8,40}$"


@dataclass(frozen=True, slots=True)
class Installation:
    """One fabric database, and those whose objects are its own: itself, and installations that it took the place of."""

    id: str
    known: frozenset[str]


@dataclass(frozen=True, slots=True)
class Owner:
    """Who owns an object, in words, and the value that ADOPT must have for a fabric to take it over."""

    name: str
    consent: str = "true"

    def __str__(self) -> str:
        return self.name


def other_installation(live: Mapping[str, Any], ours: Installation) -> str:
    """The id of the other installation that wrote *live* last; "" when that was *ours*, or one that left no mark."""
    mark = str((live["metadata"].get("annotations") or {}).get(INSTALLATION) or "")
    return "" if mark in ours.known else mark


def is_ours(live: Mapping[str, Any], ours: Installation) -> bool:
    """Whether the product wrote *live*, and no other installation of it did since."""
    return bool(owned_fields(live, FIELD_MANAGER)) and not other_installation(live, ours)


def owner(live: Mapping[str, Any], ours: Installation) -> Owner | None:
    """Who, other than us, says that it owns *live*: `Helm release default/net (meta.helm.sh/release-name)`."""
    other = other_installation(live, ours)
    if other:
        return Owner(f"another installation of Hedgehog on Airflow ({other})", other)
    tool = _tool(live)
    return Owner(tool) if tool else None


def _tool(live: Mapping[str, Any]) -> str:
    """The tool that says that it owns *live*; "" for none.

    A mark that we applied ourselves says nothing: the fabric wants it so.
    """
    metadata = live["metadata"]
    references = metadata.get("ownerReferences") or ()
    for reference in sorted(references, key=lambda one: not one.get("controller")):
        return f"{reference.get('kind')} {reference.get('name')} (ownerReferences)"
    marks = {**_foreign(live, "labels"), **_foreign(live, "annotations")}
    for key, (what, namespace) in _MARKS.items():
        if key in marks:
            place = f"{marks[namespace]}/" if namespace in marks else ""
            return f"{what} {place}{str(marks[key]).partition(':')[0]} ({key})"
    manager = marks.get(_MANAGED_BY)
    return f"{manager} ({_MANAGED_BY})" if manager and manager != FIELD_MANAGER else ""


def is_adopted(owner: Owner, *manifests: Mapping[str, Any] | None) -> bool:
    """Whether somebody has said, in any of *manifests*, that the fabric takes the object over from *owner*."""
    found = [((one or {}).get("metadata") or {}).get("annotations") or {} for one in manifests]
    return any(annotations.get(ADOPT) == owner.consent for annotations in found)


def _foreign(live: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The labels or annotations that we have not applied."""
    ours = owned_fields(live, FIELD_MANAGER).get("f:metadata", {}).get(f"f:{field}", {})
    return {key: value for key, value in (live["metadata"].get(field) or {}).items() if f"f:{key}" not in ours}
