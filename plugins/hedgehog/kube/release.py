"""Which release of Hedgehog a cluster runs, as far as its definitions tell."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from hedgehog.errors import NotFound, PermissionDenied
from hedgehog.fabric.kinds import FABRIC, VPC_GROUP, WIRING
from hedgehog.fabric.settings import Upstream
from hedgehog.kube.client import Cluster

_NEWER: Mapping[str, frozenset[str]] = {
    f"{VPC_GROUP}/v1beta1": frozenset({"vpcinterconnects"}),
    f"{WIRING}/v1beta1": frozenset({FABRIC.plural}),
    "fcint.githedgehog.com/v1alpha1": frozenset({"fabriccontrollers"}),
}
"""Group and version → kinds that only releases have which are newer than this package knows."""
_SUBNETS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/vpcs.vpc.githedgehog.com"
_SINCE_V0_129 = "hostBGPMinPrefixLen"
Get = Callable[[str, str], Any]
"""From a path and what it is about to the JSON there; raises NotFound where there is none."""


def is_newer(get: Get) -> bool:
    """Whether a cluster serves kinds of releases that are newer than this package knows: three small requests."""
    return any(kinds & _served(get, version) for version, kinds in _NEWER.items())


def detect_release(cluster: Cluster) -> Upstream | None:
    """The release that *cluster* runs; None where its definitions may not be read, or there are none."""

    def get(path: str, subject: str) -> Any:
        return cluster.call("GET", "GET", path, subject=subject).json()

    if is_newer(get):
        return Upstream.NEWER
    try:
        versions = get(_SUBNETS, "CRD of VPCs")["spec"]["versions"]
    except (NotFound, PermissionDenied):
        return None
    spec = _field(versions[0], "schema", "openAPIV3Schema", "properties", "spec", "properties")
    if "topology" in spec:
        return Upstream.NEWER
    subnet = _field(spec, "subnets", "additionalProperties", "properties")
    return Upstream.V0_129 if _SINCE_V0_129 in subnet else Upstream.V0_126


def _served(get: Get, version: str) -> set[str]:
    try:
        found = get(f"/apis/{version}", version)
    except NotFound:
        return set()
    return {str(one["name"]) for one in found.get("resources") or ()}


def _field(value: Mapping[str, Any], *names: str) -> Mapping[str, Any]:
    for name in names:
        value = value.get(name) or {}
    return value
