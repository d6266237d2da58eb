"""Which tool owns an object, by the labels, annotations and field managers that tools leave."""

from __future__ import annotations

from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.tools import Installation, Owner, is_adopted, owner

HERE = Installation("here", frozenset({"", "here", "before"}))


def marked(**metadata: Any) -> Any:
    """A Server with labels, annotations and the like."""
    return make("Server", "s", **metadata)


def by(manager: str, **rest: str) -> dict[str, str]:
    """An entry of managedFields."""
    return {"manager": manager, "operation": "Update", **rest}


HELM = {"meta.helm.sh/release-name": "net", "meta.helm.sh/release-namespace": "prod"}
OWNER = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "d", "uid": "1"}


@pytest.mark.parametrize(
    ("metadata", "who"),
    [
        ({}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "hedgehog-airflow"}}, ""),
        ({"labels": {"app.kubernetes.io/name": "net", "team": "a"}}, ""),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}, "annotations": HELM}, "Helm release prod/net"),
        ({"labels": {"app.kubernetes.io/managed-by": "Helm"}}, "Helm (app.kubernetes.io/managed-by)"),
        ({"labels": {"app.kubernetes.io/managed-by": "pulumi"}}, "pulumi"),
        ({"labels": {"managed-by": "terraform"}}, "terraform (managed-by)"),
        ({"labels": {"acme.example/not-managed-by": "x"}}, ""),
        ({"labels": {"heritage": "Tiller", "release": "net"}}, "Helm (heritage)"),
        ({"labels": {"heritage": "ours"}}, ""),
        ({"labels": {"argocd.argoproj.io/instance": "net"}}, "Argo CD application net"),
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "net:vpc.githedgehog.com/VPC:default/v"}},
            "Argo CD application net (",
        ),
        (
            {"labels": {"kustomize.toolkit.fluxcd.io/name": "net", "kustomize.toolkit.fluxcd.io/namespace": "flux"}},
            "Flux Kustomization flux/net",
        ),
        ({"labels": {"helm.toolkit.fluxcd.io/name": "net"}}, "Flux HelmRelease net"),
        ({"labels": {"kapp.k14s.io/app": "1"}}, "kapp app 1"),
        ({"annotations": {"configmanagement.gke.io/managed": "enabled"}}, "Config Sync"),
        ({"annotations": {"configmanagement.gke.io/managed": "disabled"}}, ""),
        ({"annotations": {"configsync.gke.io/manager": ":root"}}, "Config Sync (configsync.gke.io/manager)"),
        ({"annotations": {"config.k8s.io/owning-inventory": "1-2"}}, "kpt inventory 1-2"),
        ({"labels": {"objectset.rio.cattle.io/hash": "a"}}, "Rancher Fleet (objectset.rio.cattle.io/hash)"),
        ({"labels": {"olm.owner": "x.v1", "olm.owner.namespace": "ops"}}, "Operator Lifecycle Manager ops/x.v1"),
        ({"labels": {"operators.coreos.com/x.ops": ""}}, "Operator Lifecycle Manager ("),
        ({"annotations": {"projectsveltos.io/owner-name": "net"}}, "Sveltos net"),
        ({"labels": {"projectsveltos.io/reference-name": "net"}}, "Sveltos ("),
        ({"labels": {"crossplane.io/claim-name": "n", "crossplane.io/claim-namespace": "p"}}, "Crossplane claim p/n"),
        ({"labels": {"work.karmada.io/permanent-id": "1"}}, "Karmada ("),
        ({"labels": {"kluctl.io/discriminator": "net"}}, "Kluctl deployment net"),
        ({"labels": {"qbec.io/application": "net"}}, "qbec application net"),
        ({"labels": {"tanka.dev/environment": "net"}}, "Tanka environment net"),
        ({"annotations": {"kots.io/app-slug": "net"}}, "KOTS application net"),
        (
            {"labels": {"generate.kyverno.io/policy-name": "p", "generate.kyverno.io/policy-namespace": "n"}},
            "Kyverno policy n/p",
        ),
        ({"labels": {"hnc.x-k8s.io/inherited-from": "above"}}, "Hierarchical namespace above"),
        (
            {"annotations": {"apps.open-cluster-management.io/hosting-subscription": "ns/net"}},
            "Open Cluster Management subscription ns/net",
        ),
        ({"labels": {"addonmanager.kubernetes.io/mode": "Reconcile"}}, "Kubernetes addon manager Reconcile"),
        ({"labels": {"addonmanager.kubernetes.io/mode": "EnsureExists"}}, ""),
        ({"annotations": {"tilt.dev/managed-by": "tilt"}}, "tilt (tilt.dev/managed-by)"),
        ({"annotations": {"example.com/owner": "team a"}}, ""),
        ({"labels": {"app.kubernetes.io/instance": "net"}}, "application net (app.kubernetes.io/instance)"),
        ({"managedFields": [by("Terraform")]}, "Terraform (field manager Terraform)"),
        ({"managedFields": [by("pulumi-kubernetes-1a2b")]}, "Pulumi ("),
        ({"managedFields": [by("argocd-controller")]}, "Argo CD ("),
        ({"managedFields": [by("apiextensions.crossplane.io/composed/1a")]}, "Crossplane ("),
        ({"managedFields": [by("argocd-controller", subresource="status")]}, ""),
        ({"managedFields": [by("kubectl"), by("kubectl-client-side-apply")]}, ""),
        ({"labels": {"applyset.kubernetes.io/part-of": "applyset-x-v1"}}, "ApplySet applyset-x-v1"),
        ({"annotations": {"hedgehog-airflow/installation": "here"}}, ""),
        ({"annotations": {"hedgehog-airflow/installation": "before"}}, ""),
        (
            {"annotations": {"hedgehog-airflow/installation": "there"}},
            "another installation of Hedgehog on Airflow (there)",
        ),
        ({"ownerReferences": [OWNER, {**OWNER, "name": "boss", "controller": True}]}, "Deployment boss"),
    ],
)
def test_labels_and_annotations_of_a_tool_name_the_owner(metadata: dict[str, Any], who: str) -> None:
    """With the release, application or controller, and where it says so."""
    found = owner(marked(**metadata), HERE)
    assert str(found or "").startswith(who)
    assert (found is None) == (not who)


def test_a_label_that_we_applied_ourselves_names_no_owner() -> None:
    """The fabric wants the label; another one beside it is not ours."""
    fields = {"f:metadata": {"f:labels": {"f:app.kubernetes.io/managed-by": {}}}}
    ours = [{"manager": "hedgehog-airflow", "operation": "Apply", "fieldsV1": fields}]
    labels = {"app.kubernetes.io/managed-by": "Helm"}
    assert owner(marked(labels=labels, managedFields=ours), HERE) is None
    assert owner(marked(labels=labels | {"kapp.k14s.io/app": "1"}, managedFields=ours), HERE) is not None


def test_a_label_that_people_also_set_names_no_owner_if_desired() -> None:
    """The same value; that of Argo CD is not in the fabric."""
    live = marked(labels={"app.kubernetes.io/instance": "net"})
    assert owner(live, HERE, None, live) is None
    assert owner(live, HERE, marked(labels={"app.kubernetes.io/instance": "lab"})) is not None
    assert owner(live | {"metadata": live["metadata"] | {"managedFields": [by("argocd-controller")]}}, HERE, live)


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("", False)])
def test_an_annotation_allows_taking_over(value: str, expected: bool) -> None:
    """In any of the manifests in question."""
    assert is_adopted(Owner("Helm"), None, marked(), marked(annotations={"hedgehog-airflow/adopt": value})) is expected


@pytest.mark.parametrize(("value", "expected"), [("true", False), ("there", True), ("here", False)])
def test_taking_over_from_an_installation_needs_its_id(value: str, expected: bool) -> None:
    """A "true" may be that installation's own, of the time when it took the object over from a tool."""
    there = owner(marked(annotations={"hedgehog-airflow/installation": "there"}), HERE)
    assert there is not None
    assert is_adopted(there, marked(annotations={"hedgehog-airflow/adopt": value})) is expected
