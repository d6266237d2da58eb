"""What `hhfab` refuses in a loaded and hydrated wiring: every object beside all others.

Upstream: ValidateFabricGateway in pkg/util/apiutil of githedgehog/fabricator, which stops at the first fault. It
calls the rules of the webhooks, but knows neither the schemas and label rules of an API server nor what controllers
would add. Therefore MCLAG connections and ASNs above 2147483647 pass, and a GatewayPeering needs a VPCInfo.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from hedgehog.admission.controllers import built_in_profiles
from hedgehog.admission.hhfab.nodes import Placed
from hedgehog.admission.review import Admission
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import decode, metadata, schema
from hedgehog.manifests.limits import unverified_violation
from hedgehog.manifests.rule import Severity, Violation

logger = logging.getLogger(__name__)
_WEBHOOKS_ONLY = frozenset(
    {
        "connection-mclag-removed",
        "connection-vpc-missing",
        "gateway-peering-group-empty",
        "gateway-vpcinfo-not-ready",
        "profile-built-in",
        "profile-not-built-in",
    }
)
"""Rules that upstream has around its validation, in the webhooks or in the API server."""
_BY_LABELS: Mapping[str, str] = {
    "attachment-duplicate": "VPCAttachment",
    "attachment-native-vlan-taken": "VPCAttachment",
    "external-attachment-vlan-taken": "ExternalAttachment",
    "vpc-subnet-taken": "VPC",
    "vpc-vlan-taken": "VPC",
}
"""Rules for which upstream finds other objects of a kind by their computed labels; files rarely have these."""
_LABEL = "fabric.githedgehog.com/"
_DATAPLANE = "githedgehog/dataplane"
"""Source of the rules of the validator that a cluster loads beside the webhooks' own."""
_NAMESPACE = "default"
_ZEROS: Mapping[str, Mapping[str, Any]] = {
    "Switch": {"vlanNamespaces": [], "redundancy": {}},
    "VPC": {"vlanNamespace": "", "ipv4Namespace": "", "mode": "", "subnets": {}},
    "External": {"ipv4Namespace": ""},
    "Gateway": {"groups": []},
}
"""Zero values of Go in place of fields that rules expect."""


def object_violations(objects: Collection[Manifest], settings: FabricSettings) -> Iterator[Placed]:
    """Every error of *objects*, which are all there are; they are decoded and hydrated, and lie in some namespace."""
    admission = Admission(settings, built_in_profiles(settings))
    together: dict[ObjectRef, Manifest] = {}
    for manifest in objects:
        ref = ObjectRef.of(manifest)
        try:
            together[ref] = stored(manifest, settings)
            if ref.namespace == _NAMESPACE:
                admission.put(_without_defaults(manifest))
        except Exception as error:  # it lacks what an API server requires; the others are judged all the same
            yield ref, _unjudged(ref, manifest, error)
    labelled = {one["kind"] for one in objects if any(_LABEL in key for key in one["metadata"].get("labels") or ())}
    for ref, manifest in together.items():
        if ref.namespace != _NAMESPACE:
            place = ("metadata", "namespace")
            yield ref, metadata.NAMESPACE.at(place, f"{ref.namespace!r}: {ref.kind} lives in default only")
            continue
        try:
            found = [one for one in admission.faults(manifest) if _is_known_to_hhfab(one, labelled)]
        except Exception as error:  # as above
            found = [_unjudged(ref, manifest, error)]
        yield from ((ref, one) for one in found if one.rule.severity is Severity.ERROR)


def _without_defaults(manifest: Manifest) -> Manifest:
    """An object as others find it: hhfab fills in defaults, and labels, only while it validates the object itself."""
    spec = manifest.get("spec") or {}
    zeros = {name: value for name, value in _ZEROS.get(manifest["kind"], {}).items() if name not in spec}
    return {**manifest, "spec": {**zeros, **spec}} if zeros or "spec" not in manifest else manifest


def _is_known_to_hhfab(violation: Violation, labelled: Collection[str]) -> bool:
    if violation.rule.id in _BY_LABELS:
        return _BY_LABELS[violation.rule.id] in labelled
    return violation.rule.id not in _WEBHOOKS_ONLY and not violation.rule.source.startswith(_DATAPLANE)


def _unjudged(ref: ObjectRef, manifest: Manifest, error: Exception) -> Violation:
    """Why an object cannot be judged: rules rely on the schema, which is not checked here."""
    logger.debug("%s: %s", ref, error)
    wrong = schema.shape_violations(manifest)
    return decode.SHAPE.at(wrong[0].path, wrong[0].message) if wrong else unverified_violation(ref, error)
