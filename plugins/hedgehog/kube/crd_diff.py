"""Where our custom resource definitions and those of a cluster differ, field by field.

Some differences are meant: ours demand less, because admission fills it in, and describe less of what nothing here
reads. They are listed with their reason; any other means that this package and the cluster do not fit each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from hedgehog.fabric.kinds import FABRIC
from hedgehog.kube.client import Cluster
from hedgehog.kube.crds import render_all
from hedgehog.kube.fabric_crd import SCHEMAS
from hedgehog.kube.failures import failure

Node = Mapping[str, Any]

NEWER = "new in fabric v0.129, absent in v0.126"
ADMISSION = "admission fills it in before the API server looks for it, a valid manifest may omit it"
CONTROLLER = "a controller fills it in, a manifest never holds it"
SERVER = "the API server demands metadata of every object, rendered CRDs do not repeat it"
COMPILED = "compiled from the other objects by the controller; nothing here reads it"
TELEMETRY = "telemetry that neither health nor inventory reads"
VERSIONS = "versions of images; only developers override them, and nothing here reads them"

ALLOWED: Mapping[tuple[str, str, str], str] = {
    ("vpcs", ".spec.subnets.*.hostBGPMinPrefixLen", "only ours"): NEWER,
    ("vpcs", ".spec.subnets.*.hostBGPMaxPrefixLen", "only ours"): NEWER,
    ("vpcs", ".spec.subnets.*.hostBGPExtraPrefixes", "only ours"): NEWER,
    ("switches", ".spec.portLocators", "only ours"): NEWER,
    ("switchprofiles", ".spec.features.portLocator", "only ours"): NEWER,
    ("vpcs", ".spec.subnets.*.dhcp.options", "required interfaceMTU"): ADMISSION,
    ("vpcs", ".spec.subnets.*.dhcp.options", "required leaseTimeSeconds"): ADMISSION,
    ("externalattachments", ".spec", "required neighbor"): ADMISSION,
    ("externalattachments", ".spec", "required switch"): ADMISSION,
    ("gatewaypeerings", ".spec.acl", "required default"): ADMISSION,
    ("gatewaygroups", "", "required metadata"): SERVER,
    ("fabricators", ".status", "required conditions"): CONTROLLER,
    ("agents", ".status", "required conditions"): CONTROLLER,
    ("agents", ".spec.switch", "required role"): CONTROLLER,
}
"""Definition, field and what differs → why it may."""

PARTIAL: Mapping[tuple[str, str], str] = {
    ("fabricators", ".spec.overrides.versions"): VERSIONS,
    ("fabricators", ".status.versions"): VERSIONS,
    ("agents", ".spec"): COMPILED,
    ("agents", ".status"): TELEMETRY,
    ("gatewayagents", ".spec"): COMPILED,
    ("gatewayagents", ".status"): TELEMETRY,
}
"""Definition and subtree → why we describe less of it; such a subtree keeps unknown fields."""

_PARTIAL_WHATS = frozenset({"only theirs", "x-kubernetes-preserve-unknown-fields: ours True, theirs None"})
_PATH = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
_CHILDREN = frozenset({"description", "properties", "items", "additionalProperties", "required"})


@dataclass(frozen=True, order=True, slots=True)
class CrdDifference:
    """One thing that a rendered CRD and another say differently."""

    plural: str
    path: str
    what: str

    @property
    def reason(self) -> str | None:
        """Why it may be so; None if it may not."""
        exact = ALLOWED.get((self.plural, self.path, self.what))
        return exact or (PARTIAL[self.subtree] if self.subtree else None)

    @property
    def subtree(self) -> tuple[str, str] | None:
        """The partly described subtree that explains it."""
        if self.what not in _PARTIAL_WHATS:
            return None
        found = (key for key in PARTIAL if key[0] == self.plural and f"{self.path}.".startswith(f"{key[1]}."))
        return next(found, None)


def diff_with(cluster: Cluster) -> list[CrdDifference]:
    """How our CRDs and those of *cluster* differ, in a fixed order; what is meant has a `reason`."""
    return diff(render_all(SCHEMAS), _crds(cluster))


def diff(ours: Iterable[Node], theirs: Iterable[Node]) -> list[CrdDifference]:
    """The same for CRDs at hand. Our own kind Fabric is left out: a sync installs it where it is missing."""
    mine = {crd["metadata"]["name"]: crd for crd in ours if crd["spec"]["names"]["kind"] != FABRIC.kind}
    others = {crd["metadata"]["name"]: crd for crd in theirs}
    return sorted(found for name in mine for found in _of_crd(mine[name], others.get(name)))


def _of_crd(ours: Node, theirs: Node | None) -> Iterator[CrdDifference]:
    plural = ours["spec"]["names"]["plural"]
    (version,) = ours["spec"]["versions"]
    if theirs is None:
        yield CrdDifference(plural, "", "the cluster has no such kind")
        return
    served = {one["name"]: one for one in theirs["spec"]["versions"] if one.get("served")}
    if version["name"] not in served:
        yield CrdDifference(
            plural, "", f"version: ours {version['name']}, theirs {', '.join(sorted(served)) or 'none'}"
        )
        return
    schemas = [one["schema"]["openAPIV3Schema"] for one in (version, served[version["name"]])]
    yield from (CrdDifference(plural, path, what) for path, what in schema_differences(*schemas))


def schema_differences(ours: Node, theirs: Node, path: str = "") -> Iterator[tuple[str, str]]:
    """Path and kind of every difference between two structural schemas; prose is left out.

    Every keyword counts, also those this module does not know. Below a field that one side lacks nothing is reported.
    """
    for name in sorted(set(ours.get("required", ())) ^ set(theirs.get("required", ()))):
        yield path, f"required {name}"
    for key in sorted((ours.keys() | theirs.keys()) - _CHILDREN):
        mine, other = ours.get(key), theirs.get(key)
        if key == "enum" and mine and other:
            mine, other = sorted(mine), sorted(other)
        if mine != other:
            yield path, f"{key}: ours {mine}, theirs {other}"
    below, above = _children(ours), _children(theirs)
    for piece in below | above:
        if piece in below and piece in above:
            yield from schema_differences(below[piece], above[piece], path + piece)
        else:
            yield path + piece, "only ours" if piece in below else "only theirs"


def _children(node: Node) -> dict[str, Node]:
    """The nodes below *node*, by their piece of the path."""
    below: dict[str, Node] = {f".{name}": child for name, child in node.get("properties", {}).items()}
    below |= {"[]": node["items"]} if "items" in node else {}
    return below | ({".*": node["additionalProperties"]} if "additionalProperties" in node else {})


def _crds(cluster: Cluster) -> list[Node]:
    subject = "list of custom resource definitions"
    answer = cluster.send("LIST", "GET", _PATH, subject=subject)
    if not answer.ok:
        raise failure(answer, subject, cluster=cluster.name)
    found: list[Node] = answer.json().get("items") or []
    return [crd for crd in found if crd["spec"]["group"].endswith("githedgehog.com")]
