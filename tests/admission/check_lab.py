"""Objects as somebody writes them, and what a check finds of them."""

from __future__ import annotations

from hedgehog.admission.check import check_objects
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.settings import FabricSettings

SETTINGS = FabricSettings()


def make(kind, name, spec, group="vpc", version="v1beta1"):
    """An object as somebody writes it."""
    return {
        "apiVersion": f"{group}.githedgehog.com/{version}",
        "kind": kind,
        "metadata": {"name": name},
        "spec": spec,
    }


def make_namespaces():
    """What every VPC needs."""
    return [
        make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/8"]}),
        make("VLANNamespace", "default", {"ranges": [{"from": 1000, "to": 2999}]}, "wiring"),
    ]


def make_vpc(name, number=1, **subnet):
    """A VPC with one subnet."""
    return make("VPC", name, {"subnets": {"a": {"subnet": f"10.0.{number}.0/24", "vlan": 1000 + number, **subnet}}})


def make_peering(left, right):
    """A peering of two VPCs."""
    return make("VPCPeering", f"{left}--{right}", {"permit": [{left: {}, right: {}}]})


def ref(text):
    """`Kind/name` in namespace default."""
    kind, name = text.split("/")
    return ObjectRef(kind, "default", name)


def findings(objects, *, before=(), **options):
    """Each finding as (operation, rules, root)."""
    found = check_objects(objects, SETTINGS, before=before, **options)
    return {
        f"{one.kind}/{one.name}": (
            finding.operation.value,
            [violation.rule.id for violation in finding.violations],
            finding.because_of and f"{finding.because_of.kind}/{finding.because_of.name}",
        )
        for one, finding in found.items()
    }
