"""What of a manifest a fabric holds, and what it refuses."""

from __future__ import annotations

import pytest

from hedgehog.manifests import intake, yaml


def accepted_or_problems(text, *, namespace="default"):
    """What happens to the only object of *text*."""
    (document,) = yaml.load(text, file="f.yaml")
    (item,) = intake.items(document)
    return intake.accept_manifest(item, namespace=namespace)


def make(kind="VPC", api="vpc.githedgehog.com/v1beta1", metadata="{name: a}", rest="spec: {}"):
    """A manifest as text."""
    return f"apiVersion: {api}\nkind: {kind}\nmetadata: {metadata}\n{rest}\n"


def test_only_what_a_person_set_is_kept():
    """As `kubectl get -o yaml` shows an object."""
    accepted = accepted_or_problems("""
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata:
  name: vpc-1
  namespace: default
  uid: 0b5c3c66
  resourceVersion: "12"
  generation: 3
  creationTimestamp: "2026-01-01T00:00:00Z"
  finalizers: [x/y]
  labels: {fabric.githedgehog.com/ipv4ns: default, team: net}
  annotations:
    kubectl.kubernetes.io/last-applied-configuration: "{}"
    note: keep me
spec:
  mode: null
  subnets: {a: {subnet: 10.0.0.0/24, vlan: 1e3, dhcp: null}}
status: {}
""")
    assert accepted.manifest == {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {
            "name": "vpc-1",
            "namespace": "default",
            "labels": {"team": "net"},
            "annotations": {"note": "keep me"},
        },
        "spec": {"subnets": {"a": {"subnet": "10.0.0.0/24", "vlan": 1000}}},
    }
    assert str(accepted.ref) == "VPC/default/vpc-1"
    assert accepted.left_out == (
        "status",
        "metadata.uid",
        "metadata.resourceVersion",
        "metadata.generation",
        "metadata.creationTimestamp",
        "metadata.finalizers",
        "label fabric.githedgehog.com/ipv4ns",
        "annotation kubectl.kubernetes.io/last-applied-configuration",
    )


def test_a_peer_named_with_null_is_a_peer():
    """As the official documentation writes peerings."""
    accepted = accepted_or_problems(make("VPCPeering", rest="spec:\n  permit:\n  - a:\n    b:\n"))
    assert accepted.manifest["spec"] == {"permit": [{"a": {}, "b": {}}]}


@pytest.mark.parametrize(
    ("text", "namespace"),
    [
        (make(), "default"),
        (make("ControlNode", "fabricator.githedgehog.com/v1beta1"), "fab"),
        (make("SwitchGroup", "wiring.githedgehog.com/v1beta1"), "elsewhere"),
        (make("SwitchGroup", "wiring.githedgehog.com/v1beta1", "{name: a, namespace: elsewhere}"), "elsewhere"),
    ],
)
def test_a_missing_namespace_is_filled_in(text, namespace):
    """The kind's own, or the fabric's where the kind accepts any."""
    assert accepted_or_problems(text, namespace="elsewhere").ref.namespace == namespace


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            make("Agent", "agent.githedgehog.com/v1beta1"),
            "f.yaml:2:1: Agent is written by Hedgehog's controllers, never by users; remove it",
        ),
        (
            make("Peering", "gateway.githedgehog.com/v1alpha1"),
            "f.yaml:2:1: gateway.githedgehog.com/v1alpha1 Peering is an old kind: it is called GatewayPeering since March 2026",
        ),
        (
            make("Rack", "wiring.githedgehog.com/v1alpha2"),
            "f.yaml:2:1: wiring.githedgehog.com/v1alpha2 Rack was removed in Beta-1 (October 2024); remove it",
        ),
        (
            make("ControlNode", "wiring.githedgehog.com/v1alpha2"),
            "f.yaml:2:1: wiring.githedgehog.com/v1alpha2 ControlNode was removed in Beta-1 (October 2024); remove it",
        ),
        (
            make(api="vpc.githedgehog.com/v1alpha2"),
            "f.yaml:1:1: vpc.githedgehog.com/v1alpha2 VPC is not served since Beta-1 (October 2024); "
            "port it to vpc.githedgehog.com/v1beta1",
        ),
        (
            make(api="vpc.githedgehog.com/v2"),
            "f.yaml:1:1: vpc.githedgehog.com/v2 VPC does not exist; write vpc.githedgehog.com/v1beta1",
        ),
        (
            make("Fabric", "wiring.githedgehog.com/v1beta1"),
            "f.yaml:2:1: wiring.githedgehog.com/v1beta1 Fabric is not ours; "
            "write wiring.githedgehog.com/v1alpha2 or hedgehog-airflow/v1",
        ),
        (
            make("VPCAttachement"),
            "f.yaml:2:1: vpc.githedgehog.com/v1beta1 VPCAttachement is not a kind that a fabric holds; did you mean "
            "VPCAttachment",
        ),
        (make("Deployment", "apps/v1"), "f.yaml:2:1: apps/v1 Deployment is not a kind that a fabric holds; known are "),
        ("a: 1", "f.yaml:1:1: apiVersion and kind are missing; this is not a Kubernetes object"),
        ("kind: 5\napiVersion: v1", "f.yaml:1:1: apiVersion and kind are missing; this is not a Kubernetes object"),
        (make(metadata="{}"), "f.yaml:3:1: VPC/default/?: .metadata.name: is missing"),
        (make(metadata="[]"), "f.yaml:1:1: VPC/default/?: .: metadata is missing or is not a mapping"),
        (make(metadata="{name: A_b}"), "f.yaml:3:12: VPC/default/A_b: .metadata.name: 'A_b' is not a Kubernetes name"),
        (make(metadata=f"{{name: {'a' * 254}}}"), f"f.yaml:3:12: VPC/default/{'a' * 254}: .metadata.name: "),
        (
            make(metadata="{name: a, namespace: b}"),
            "f.yaml:3:21: VPC/b/a: .metadata.namespace: 'b': VPC lives in namespace default only",
        ),
        (
            make(rest="spec:\n  subnets:\n    a:\n      vlan: '70000'"),
            "f.yaml:7:7: VPC/default/a: .spec.subnets.a.vlan: '70000' is not an integer; remove the quotes",
        ),
        (make(rest="spec: {permit: [null]}"), "f.yaml:4:17: VPC/default/a: .spec.permit[0]: null is not a list"),
    ],
)
def test_kinds_that_no_fabric_holds_are_refused_with_their_place(text, said):
    """And with what to do."""
    assert accepted_or_problems(text)[0].startswith(said)


def test_all_problems_of_an_object_are_reported():
    """Name, namespace and shape."""
    found = accepted_or_problems(make(metadata="{name: A, namespace: b}", rest="spec: {x: 1, mode: 2}"))
    assert len(found) == 4


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ("{config: {control: {defaultUser: {password: $5$x$y}}}}", ".spec.config.control.defaultUser.password"),
        ("{config: {control: {joinToken: abc}}}", ".spec.config.control.joinToken"),
        (
            "{config: {fabric: {defaultSwitchUsers: {admin: {role: admin, password: $5$x}}}}}",
            ".spec.config.fabric.defaultSwitchUsers.admin.password",
        ),
    ],
)
def test_a_secret_is_refused_and_not_repeated(spec, path):
    """It would reach Git."""
    text = make("Fabricator", "fabricator.githedgehog.com/v1beta1", "{name: default}", f"spec: {spec}")
    (found,) = accepted_or_problems(text)
    assert f"Fabricator/fab/default: {path}: holds a secret" in found
    assert "$5$" not in found
    assert "abc" not in found


def test_a_password_in_a_url_is_a_secret():
    """Wherever it stands."""
    manifest = {"apiVersion": "fabricator.githedgehog.com/v1beta1", "spec": {"targets": ["https://me:word@host/push"]}}
    assert [str(found).split(":")[0] for found in intake.secrets(manifest)] == [".spec.targets[0]"]
    manifest["spec"]["targets"] = ["https://host:443/push", "ssh://git@host"]
    assert intake.secrets(manifest) == []


def test_the_items_of_a_kubectl_list_are_read():
    """With the place of each."""
    text = "apiVersion: v1\nkind: List\nitems:\n" + "".join(
        f"- apiVersion: vpc.githedgehog.com/v1beta1\n  kind: VPC\n  metadata: {{name: {name}}}\n"
        for name in ("a", "B", "c")
    )
    (document,) = yaml.load(text, file="f.yaml")
    found = [intake.accept_manifest(item, namespace="default") for item in intake.items(document)]
    assert [getattr(one, "ref", None) and one.ref.name for one in found] == ["a", None, "c"]
    assert found[1][0].startswith("f.yaml:9:14: VPC/default/B: .metadata.name")


def test_a_list_item_that_is_not_an_object_is_refused():
    """It has a place, too."""
    (document,) = yaml.load("apiVersion: v1\nkind: List\nitems: [5]\n", file="f.yaml")
    (item,) = intake.items(document)
    assert intake.accept_manifest(item, namespace="default") == [
        "f.yaml:3:9: apiVersion and kind are missing; this is not a Kubernetes object"
    ]


@pytest.mark.parametrize("kind", ["SwitchGroup", "ServerProfile"])
def test_a_kind_of_any_namespace_is_in_that_of_its_fabric(kind):
    """A user who may push must not be able to write into the namespaces of others."""
    (line,) = accepted_or_problems(make(kind, "wiring.githedgehog.com/v1beta1", "{name: a, namespace: kube-system}"))
    assert f"'kube-system': {kind} lives in the namespace of its fabric default only" in line


def test_a_password_in_a_url_is_a_secret_wherever_the_colon_is():
    """And nothing else is."""

    def fabricator(value):
        return accepted_or_problems(
            make("Fabricator", "fabricator.githedgehog.com/v1beta1", rest=f"spec: {{config: {{x: '{value}'}}}}")
        )

    for url in ("https://a:b@h/x", "x://:b@h", "see http://h/ and ftp://u:p@h"):
        assert "holds a secret" in "".join(fabricator(url))
    for text in ("https://a@h", "https://h:80/x@y", "a:b@h", "x://a:@h"):
        assert "holds a secret" not in "".join(fabricator(text))


def test_values_that_no_database_accepts_are_refused():
    """An object read from a cluster may hold NUL, or half a surrogate pair."""
    for bad, said in (("a\0b", "U+0000"), ("\ud800", "U+D800"), (10**5000, "bits")):
        manifest = {
            "apiVersion": "vpc.githedgehog.com/v1beta1",
            "kind": "VPC",
            "metadata": {"name": "a"},
            "spec": {"x": bad},
        }
        (line,) = intake.accept_manifest(intake.Item(manifest, "cluster"), namespace="default")
        assert line.startswith("cluster: VPC/?/a: .spec.x: ")
        assert said in line
