"""Every kind of the table has all parts that a kind needs; a missing one has no other check."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from hedgehog.admission.rules.table import rules
from hedgehog.fabric import defaults, references
from hedgehog.fabric.kinds import ALL_KINDS, FABRICATOR, KINDS, Kind
from hedgehog.fabric.permissions import permissions_for

ROOT = Path(__file__).resolve().parents[1]
EVERY_KIND = pytest.mark.parametrize("kind", KINDS.values(), ids=list(KINDS))

STORED_AS_SENT = {"ServerProfile", "SwitchGroup", "GatewayGroup", "Fabricator", "ControlNode", "FabNode"}
"""Kinds whose `Default()` upstream changes nothing."""
REFER_TO_NOTHING = {
    *("VLANNamespace", "IPv4Namespace", "SwitchGroup", "ServerProfile", "GatewayGroup", "Server"),
    *("Fabricator", "ControlNode", "FabNode"),
}
"""Kinds that name no other object that admission would look up."""
WITHOUT_RULES = {row.kind for row in KINDS.values() if row.group == FABRICATOR}
"""Kinds of which upstream's webhooks ask nothing that files can tell."""


@EVERY_KIND
def test_every_kind_has_a_schema(kind: Kind) -> None:
    """Named after group, kind and version."""
    assert (ROOT / "include" / "schemas" / kind.group / f"{kind.kind.lower()}_{kind.version}.json").is_file()


@EVERY_KIND
def test_every_kind_has_defaults(kind: Kind) -> None:
    """In `fabric/defaults`, unless it is stored as it is sent."""
    assert (kind.kind in defaults._DEFAULTERS) != (kind.kind in STORED_AS_SENT)


@EVERY_KIND
def test_every_kind_has_references(kind: Kind) -> None:
    """A finder in `fabric/references.py`, unless it refers to nothing: the order of a sync follows from it."""
    assert (kind.kind in references._FINDERS) != (kind.kind in REFER_TO_NOTHING)


@EVERY_KIND
def test_every_kind_has_rules(kind: Kind) -> None:
    """A row in `KINDS` of a module of `admission/rules`."""
    assert (kind.kind in rules()) != (kind.kind in WITHOUT_RULES)


@pytest.mark.parametrize("kind", ALL_KINDS.values(), ids=list(ALL_KINDS))
def test_every_kind_has_permissions(kind: Kind) -> None:
    """In `deploy/kubernetes/clusterrole.yaml`, bound in the namespace of the kind."""
    manifests = list(yaml.safe_load_all((ROOT / "deploy" / "kubernetes" / "clusterrole.yaml").read_text()))
    bound = {
        one["roleRef"]["name"]
        for one in manifests
        if one["kind"] == "RoleBinding" and one["metadata"]["namespace"] == kind.default_namespace
    }
    given = {
        (verb, group, resource)
        for one in manifests
        if one["kind"] == "ClusterRole" and one["metadata"]["name"] in bound
        for rule in one["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    wanted = {(right.verb, right.group, right.resource) for right in permissions_for(kind, kind.default_namespace)}
    assert wanted - given == set()


def test_the_lists_name_only_existing_kinds() -> None:
    """The lists above have only kinds of the table."""
    assert KINDS.keys() >= STORED_AS_SENT | REFER_TO_NOTHING | WITHOUT_RULES
