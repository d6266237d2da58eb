"""What is left alone in repositories that other tools read as well."""

from __future__ import annotations

import pytest

from hedgehog.fabric.render import dump
from hedgehog.manifests import intake, yaml
from hedgehog.manifests.intake import Item
from hedgehog.manifests.other_tools import is_kustomization, kustomization_problems, tool_of

DIRECTORY = "fabrics/lab"


def item(**manifest: object) -> Item:
    """A document of a file."""
    (document,) = yaml.load(dump(manifest), file=f"{DIRECTORY}/kustomization.yaml")
    return intake.items(document)[0]


@pytest.mark.parametrize(
    ("version", "kind", "tool"),
    [
        ("kustomize.toolkit.fluxcd.io/v1", "Kustomization", "Flux"),
        ("source.toolkit.fluxcd.io/v1beta2", "OCIRepository", "Flux"),
        ("image.toolkit.fluxcd.io/v1", "ImagePolicy", "Flux"),
        ("argoproj.io/v1alpha1", "Application", "Argo CD"),
        ("v1", "Namespace", "Kubernetes"),
        ("v1", "ConfigMap", "Kubernetes"),
        ("apps/v1", "Deployment", "Kubernetes"),
        ("gateway.networking.k8s.io/v1", "HTTPRoute", "Kubernetes"),
        ("cert-manager.io/v1", "Certificate", "cert-manager.io"),
        ("example.com/v1", "VPCPeerings", None),
        ("", "ConfigMap", None),
        ("vpc.githedgehog.com/v1beta1", "VPC", None),
        ("toolkit.fluxcd.io.example.com/v1", "VPC", None),
        ("argoproj.io/v1alpha1", "ApplicationList", None),
    ],
)
def test_documents_of_other_tools_are_known_by_their_group(version, kind, tool):
    """A list is none of them: it is not known what is in it; nor is what may be a slip in a kind of Hedgehog."""
    assert tool_of({"apiVersion": version, "kind": kind, "metadata": {"name": "a"}}) == tool


def test_an_encrypted_document_is_nobodys():
    """Its kind may be anything."""
    assert tool_of({"apiVersion": "v1", "kind": "Namespace", "sops": {"mac": "x"}}) is None


def test_a_kustomization_is_known_by_its_group_or_its_file():
    """Kustomize itself takes one that says nothing."""
    bare = item(resources=["a.yaml"])
    assert is_kustomization(bare, f"{DIRECTORY}/kustomization.yaml")
    assert not is_kustomization(bare, f"{DIRECTORY}/other.yaml")
    assert is_kustomization(item(apiVersion="kustomize.config.k8s.io/v1beta1", kind="Kustomization"), "any.yaml")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"resources": ["a.yaml", "./b", "../lab/c.yaml"]}, None),
        ({"resources": [], "patches": [], "namespace": "default"}, None),
        ({"resources": ["a.yaml"], "namespace": "other"}, "it has namespace"),
        ({"patches": [{"path": "p.yaml"}], "namePrefix": "x-"}, "it has namePrefix, patches"),
        ({"configMapGenerator": [{"name": "a"}]}, "it has configMapGenerator"),
        ({"resources": ["../../base"]}, "lies outside fabrics/lab"),
        ({"resources": ["https://github.com/acme/base"]}, "lies outside fabrics/lab"),
        ({"resources": ["github.com/acme/base"]}, "lies outside fabrics/lab"),
        ({"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}, "of Kustomize cannot be followed"),
    ],
)
def test_a_kustomization_that_changes_objects_cannot_be_followed(given, said):
    """One that only lists files of the directory changes nothing."""
    path = f"{DIRECTORY}/kustomization.yaml"
    found = kustomization_problems(item(**given), path, directory=DIRECTORY, namespace="default")
    assert (found == []) if said is None else (len(found) == 1 and said in found[0])
