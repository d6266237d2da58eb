"""The subject of a commit says what changed, in as many words as fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from devstack.objects import make
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import GitRepository, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.services.git.messages import body, credits_of, subject
from hedgehog.services.git.plan import FileChange, FilePlan
from hedgehog.store.git_files import GitFile

NOW = datetime(2026, 3, 4, tzinfo=UTC)
REPOSITORY = GitRepository(1, "net", "https://git.example.com/net")


def vpc(**spec: Any) -> Manifest:
    """A VPC with one subnet."""
    return make("VPC", "vpc-3", {"subnets": {"default": {"subnet": "10.0.3.0/24", "vlan": 1001}}, **spec})


def plan(*changes: tuple[Manifest, Action]) -> FilePlan:
    """The plan that makes *changes*."""
    entries = [FileChange(f"f/{one['metadata']['name']}", ObjectRef.of(one), action) for one, action in changes]
    written = [GitFile(f"f/{one['metadata']['name']}", ObjectRef.of(one), "", None, one) for one, _ in changes]
    return FilePlan(tuple(entries), written=tuple(written))


def changed(after: Manifest, before: Manifest | None = None) -> str:
    """The subject of a commit that changes one object."""
    before = vpc() if before is None else before
    return subject("gen", plan((after, Action.CONFIGURED)), {f"f/{before['metadata']['name']}": before})


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (
            {"subnets": {"default": {"subnet": "10.0.4.0/24", "vlan": 1001}}},
            "gen: VPC vpc-3 subnet default 10.0.3.0/24 → 10.0.4.0/24",
        ),
        (
            {"subnets": {"default": {"subnet": "10.0.3.0/24", "vlan": 1002}}},
            "gen: VPC vpc-3 subnet default vlan 1001 → 1002",
        ),
        (
            {"subnets": {"default": {"subnet": "10.0.4.0/24", "vlan": 1002}}},
            "gen: VPC vpc-3 subnet default, subnet default vlan",
        ),
        ({"mode": "l3vni"}, "gen: VPC vpc-3 mode (none) → l3vni"),
        ({"permit": [["default", "x"]]}, 'gen: VPC vpc-3 permit (none) → [["default","x"]]'),
        ({"mode": "x" * 50}, "gen: VPC vpc-3 mode"),
        ({f"field-{n}": n for n in range(9)}, "gen: VPC vpc-3 configured"),
        ({"mode": "fixes #12"}, "gen: VPC vpc-3 mode"),
        ({"mode": "@acme/all"}, "gen: VPC vpc-3 mode"),
        ({"mode": "x [skip ci]"}, "gen: VPC vpc-3 mode"),
        ({"mode": "[no-ci]"}, "gen: VPC vpc-3 mode"),
        ({"mode": "a\nb\x1b[2J\u202e"}, "gen: VPC vpc-3 mode (none) → a b\ufffd[2J\ufffd"),
    ],
)
def test_one_changed_object_is_told_by_its_fields(spec, said):
    """With values while they fit and no host would act on them; on one line."""
    assert changed(vpc(**spec)) == said


def test_a_subnet_keeps_its_name():
    """However it ends."""
    before = make("VPC", "v", {"subnets": {"dns": {"vlan": 1}}})
    assert changed(make("VPC", "v", {"subnets": {"dns": {"vlan": 2}}}), before) == "gen: VPC v subnet dns vlan 1 → 2"


def test_secrets_are_not_told():
    """Everybody with the repository reads its messages."""
    said = changed(vpc(password="new"), vpc(password="old"))
    assert ("old" in said, "new" in said) == (False, False)


def test_other_changes_are_told_by_their_number():
    """Or by the one object."""
    vpcs = [(make("VPC", f"v-{n}"), Action.CREATED) for n in range(11)]
    assert subject("gen", plan(*vpcs, (make("Server", "s"), Action.DELETED)), {}) == "gen: 12 objects of 2 kinds"
    assert subject("gen", plan(vpcs[0]), {}) == "gen: VPC v-0 created"
    assert subject("gen", plan((make("Server", "s"), Action.DELETED)), {}) == "gen: Server s deleted"
    assert subject("gen", FilePlan(), {}) == "gen: layout"
    moved = plan((vpc(), Action.CREATED), (vpc(), Action.DELETED))
    assert subject("gen", moved, {}) == "gen: VPC vpc-3 moved"


def test_the_settings_of_a_fabric_are_told_if_nothing_else_changed():
    """They are in its own resource."""
    before, after = (
        {"kind": "Fabric", "metadata": {"name": "gen", "namespace": "x"}, "spec": {"asn": n}} for n in (1, 2)
    )
    entry = (after, Action.CONFIGURED)
    assert subject("gen", plan(entry), {"f/gen": before}) == "gen: Fabric asn 1 → 2"
    assert subject("gen", plan(entry, (vpc(), Action.CREATED)), {}) == "gen: VPC vpc-3 created"


def test_a_subject_is_never_longer_than_hosts_show():
    """The longest names there are."""
    said = subject("f" * 63, plan((make("VPC", "v" * 253), Action.CREATED)), {})
    assert (len(said), said[-1]) == (72, "…")


def test_a_body_wraps_reasons_and_counts_files():
    """Many reasons are cut."""
    reasons = [" ".join(["word"] * 30), *(f"reason {n}" for n in range(30))]
    lines = body({"created": 2, "deleted": 0}, reasons).splitlines()
    assert max(map(len, lines)) <= 72
    assert lines[-3:] == ["and 11 more", "", "Files: 2 created."]
    assert body({}, []) == "Files: layout only."


@pytest.mark.parametrize(
    ("who", "via", "author"),
    [
        ("Ada Lovelace <ada@example.com>", Via.GIT, ("Ada Lovelace", "ada@example.com")),
        ("<ada@example.com>", Via.GIT, ("ada@example.com", "ada@example.com")),
        ("ops@build-7", Via.CLI, ("ops@build-7", "hedgehog@localhost")),
        ("ops@build.example.com", Via.CLI, ("ops@build.example.com", "hedgehog@localhost")),
        ("ada@example.com", Via.API, ("ada@example.com", "ada@example.com")),
        ("kubectl-edit", Via.CLUSTER, ("kubectl-edit", "hedgehog@localhost")),
        ("<<>>", Via.SQL, ("somebody", "hedgehog@localhost")),
        ("a\0b <x y>", Via.SQL, ("a\ufffdb x y", "hedgehog@localhost")),
        ("x" * 300, Via.SQL, ("x" * 100, "hedgehog@localhost")),
    ],
)
def test_who_asked_is_the_author(who, via, author):
    """With an address only if it is theirs."""
    found = credits_of([Origin(who=who, via=via)], REPOSITORY, NOW).author
    assert (found.name, found.email) == author
    assert found.signature().name == author[0]


def test_the_beginning_of_the_history_has_no_author():
    """What there was before is nobody's change."""
    origins = [Origin(who="postgres", via=Via.MIGRATION)]
    assert credits_of(origins, REPOSITORY, NOW).author.name == "Hedgehog on Airflow"
