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
"""The annotation that makes a fabric take over an object of another tool; its value is "true". For an object of another
installation the value is the id of that installation, because a "true" may date from when it took the object over."""

_MANAGED_BY = "managed-by"
"""The name of a key, with any domain or none, whose value names a tool."""
_HERITAGE = "heritage"
"""The label of charts of before `app.kubernetes.io/managed-by`; its value is that of Helm, or of its former server."""
_HELM = frozenset({"Helm", "Tiller"})
_INSTANCE = "app.kubernetes.io/instance"
"""By default the only label that Argo CD sets; people set it, too."""
_MARKS: Mapping[str, tuple[str, str]] = {
    "projectsveltos.io/owner-name": ("Sveltos", ""),
    "meta.helm.sh/release-name": ("Helm release", "meta.helm.sh/release-namespace"),
    "helm.toolkit.fluxcd.io/name": ("Flux HelmRelease", "helm.toolkit.fluxcd.io/namespace"),
    "kustomize.toolkit.fluxcd.io/name": ("Flux Kustomization", "kustomize.toolkit.fluxcd.io/namespace"),
    "fluxcd.io/sync-gc-mark": ("Flux", ""),
    "argocd.argoproj.io/tracking-id": ("Argo CD application", ""),
    "argocd.argoproj.io/instance": ("Argo CD application", ""),
    "argocd.argoproj.io/installation-id": ("Argo CD", ""),
    "kapp.k14s.io/app": ("kapp app", ""),
    "kapp.k14s.io/identity": ("kapp", ""),
    "configsync.gke.io/resource-id": ("Config Sync", ""),
    "configmanagement.gke.io/managed": ("Config Sync", ""),
    "config.k8s.io/owning-inventory": ("kpt inventory", ""),
    "agent.gitlab.com/id": ("GitLab agent", ""),
    "applyset.kubernetes.io/part-of": ("ApplySet", ""),
    "objectset.rio.cattle.io/id": ("Rancher Fleet bundle", ""),
    "objectset.rio.cattle.io/owner-name": ("Rancher object set of", "objectset.rio.cattle.io/owner-namespace"),
    "crossplane.io/composite": ("Crossplane composite", ""),
    "crossplane.io/claim-name": ("Crossplane claim", "crossplane.io/claim-namespace"),
    "olm.owner": ("Operator Lifecycle Manager", "olm.owner.namespace"),
    "olm.operatorframework.io/owner-name": ("Operator Lifecycle Manager", ""),
    "addonmanager.kubernetes.io/mode": ("Kubernetes addon manager", ""),
    "app.oam.dev/name": ("KubeVela application", "app.oam.dev/namespace"),
    "kubefed.io/managed": ("KubeFed", ""),
    "k0s.k0sproject.io/stack": ("k0s stack", ""),
    "skaffold.dev/run-id": ("Skaffold", ""),
    "kluctl.io/discriminator": ("Kluctl deployment", ""),
    "qbec.io/application": ("qbec application", ""),
    "tanka.dev/environment": ("Tanka environment", ""),
    "kots.io/app-slug": ("KOTS application", ""),
    "generate.kyverno.io/policy-name": ("Kyverno policy", "generate.kyverno.io/policy-namespace"),
    "hnc.x-k8s.io/inherited-from": ("Hierarchical namespace", ""),
    "apps.open-cluster-management.io/hosting-subscription": ("Open Cluster Management subscription", ""),
}
"""Label or annotation → the words before its value, and the label or annotation with the namespace of that value."""
_RELEASED = {"configmanagement.gke.io/managed": "disabled", "addonmanager.kubernetes.io/mode": "EnsureExists"}
"""Labels and annotations with the value that says that their tool does not manage the object."""
_DOMAINS: Mapping[str, str] = {
    "configsync.gke.io": "Config Sync",
    "objectset.rio.cattle.io": "Rancher Fleet",
    "olm.operatorframework.io": "Operator Lifecycle Manager",
    "operators.coreos.com": "Operator Lifecycle Manager",
    "projectsveltos.io": "Sveltos",
    "karmada.io": "Karmada",
}
"""Domains, with those below them, of which any label or annotation says that the tool owns the object."""
_MANAGERS: Mapping[str, str] = {
    "terraform": "Terraform",
    "hashicorp": "Terraform",
    "opentofu": "OpenTofu",
    "pulumi-": "Pulumi",
    "argocd-": "Argo CD",
    "apiextensions.crossplane.io/": "Crossplane",
    "provider-kubernetes": "Crossplane",
    "crossplane-kubernetes-provider": "Crossplane",
    "work-agent": "Open Cluster Management",
}
"""Prefixes, in lower case, of the names of field managers whose tools may set neither label nor annotation."""


INSTALLATION_ID = r"^[a-z0-9]{8,40}$"


@dataclass(frozen=True, slots=True)
class Installation:
    """One fabric database, and the ids whose objects are its own: its own, and those of installations it replaced."""

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
    """The id of the other installation that wrote *live* last; "" when that was *ours*, or an unknown one."""
    mark = str((live["metadata"].get("annotations") or {}).get(INSTALLATION) or "")
    return "" if mark in ours.known else mark


def is_owned_by(live: Mapping[str, Any], ours: Installation) -> bool:
    """Whether this product wrote *live*, and no other installation of it has since."""
    return bool(owned_fields(live, FIELD_MANAGER)) and not other_installation(live, ours)


def owner(live: Mapping[str, Any], ours: Installation, *wanted: Mapping[str, Any] | None) -> Owner | None:
    """Who, other than us, says that it owns *live*: `Helm release default/net (meta.helm.sh/release-name)`.

    *wanted* is the object as the fabric desires it, or did before: a label that people also set is ignored if it is there.
    """
    other = other_installation(live, ours)
    if other:
        return Owner(f"another installation of Hedgehog on Airflow ({other})", other)
    tool = _controller(live) or _marked(live) or _manager(live) or _instance(live, wanted)
    return Owner(tool) if tool else None


def _controller(live: Mapping[str, Any]) -> str:
    references = live["metadata"].get("ownerReferences") or ()
    for reference in sorted(references, key=lambda one: not one.get("controller")):
        return f"{reference.get('kind')} {reference.get('name')} (ownerReferences)"
    return ""


def _marked(live: Mapping[str, Any]) -> str:
    """The tool that set a label or annotation. One that we applied ourselves is ignored: the fabric desires it."""
    marks = {**_foreign(live, "labels"), **_foreign(live, "annotations")}
    marks = {key: value for key, value in marks.items() if key not in _RELEASED or value != _RELEASED[key]}
    for key, (what, namespace) in _MARKS.items():
        if key in marks:
            place = f"{marks[namespace]}/" if namespace in marks else ""
            return f"{what} {place}{str(marks[key]).partition(':')[0]} ({key})"
    for key, value in sorted(marks.items()):
        domain = key.rpartition("/")[0]
        known = [what for tools, what in _DOMAINS.items() if f".{domain}".endswith(f".{tools}")]
        if known:
            return f"{known[0]} ({key})"
        if key.rpartition("/")[2] == _MANAGED_BY and value and value != FIELD_MANAGER:
            return f"{value} ({key})"
        if key == _HERITAGE and value in _HELM:
            return f"Helm ({key})"
    return ""


def _manager(live: Mapping[str, Any]) -> str:
    """The tool that owns fields of the object itself, by the name under which it writes."""
    for entry in live["metadata"].get("managedFields") or ():
        manager = str(entry.get("manager") or "")
        known = [what for name, what in _MANAGERS.items() if manager.lower().startswith(name)]
        if known and not entry.get("subresource"):
            return f"{known[0]} (field manager {manager})"
    return ""


def _instance(live: Mapping[str, Any], wanted: tuple[Mapping[str, Any] | None, ...]) -> str:
    value = _foreign(live, "labels").get(_INSTANCE)
    metadata = [(one or {}).get("metadata") or {} for one in wanted]
    same = any((one.get("labels") or {}).get(_INSTANCE) == value for one in metadata)
    return f"application {value} ({_INSTANCE})" if value and not same else ""


def is_adopted(owner: Owner, *manifests: Mapping[str, Any] | None) -> bool:
    """Whether any of *manifests* says that the fabric takes the object over from *owner*."""
    found = [((one or {}).get("metadata") or {}).get("annotations") or {} for one in manifests]
    return any(annotations.get(ADOPT) == owner.consent for annotations in found)


def _foreign(live: Mapping[str, Any], field: str) -> dict[str, Any]:
    """The labels or annotations that we have not applied."""
    ours = owned_fields(live, FIELD_MANAGER).get("f:metadata", {}).get(f"f:{field}", {})
    return {key: value for key, value in (live["metadata"].get(field) or {}).items() if f"f:{key}" not in ours}
