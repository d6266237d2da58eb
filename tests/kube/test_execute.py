"""A plan that a cluster takes only step by step is carried out in that order."""

from __future__ import annotations

from devstack.objects import make_server
from hedgehog.fabric.changes import Action, Change, Round
from hedgehog.fabric.model import Fabric, Manifest, ObjectRef, PrunePolicy
from hedgehog.fabric.tools import Installation
from hedgehog.kube.execute import execute
from hedgehog.kube.live import Live
from hedgehog.kube.plan import Desired, Plan, spare
from tests.kube.fake_server import Reply, Request, serve
from tests.kube.objects_lab import seen

FIRST, SECOND, THIRD, OLD = (ObjectRef("Server", "default", name) for name in ("third", "second", "first", "old"))
"""Their names run against the order of the rounds."""


def make_plan(policy: PrunePolicy) -> Plan:
    """Write one; then another and delete the old one; then the last one, which takes its place."""
    wanted: dict[ObjectRef, Manifest] = {ref: make_server(ref.name) for ref in (FIRST, SECOND, THIRD)}
    (old,) = seen(make_server(OLD.name))
    rounds = [([FIRST], []), ([SECOND], [OLD]), ([THIRD], [])]
    fabric = Fabric(id=1, name="lab", resource_name="lab", git_directory="f", prune_policy=policy)
    desired = Desired(wanted, {OLD: make_server(OLD.name)}, frozenset(), {}, {}, Installation("", frozenset({""})))
    plan = Plan(
        desired=desired,
        live=Live({OLD: old}),
        settled={},
        to_apply={ref: Change(ref, Action.CREATED) for ref in wanted},
        to_delete={OLD: old},
        adopted={},
        recognised={},
        gone=frozenset(),
        rounds=tuple(Round(frozenset(writes), frozenset(deletes)) for writes, deletes in rounds),
    )
    return spare(plan, fabric)


def carried_out(policy: PrunePolicy) -> tuple[list[str], dict[str, str]]:
    """What was asked of the server, and what happened to every object."""

    def reply(request: Request) -> Reply:
        return Reply(201, request.body) if request.method == "PATCH" else Reply(200, {"kind": "Status"})

    with serve(reply) as fake:
        results = execute(fake.cluster, make_plan(policy))
    asked = [f"{request.method} {request.path.partition('?')[0].rpartition('/')[2]}" for request in fake.requests]
    return asked, {ref.name: result.change.action.value for ref, result in results.items()}


def test_rounds_follow_one_another() -> None:
    """Each with its writes, then its deletes."""
    assert carried_out(PrunePolicy.DELETE) == (
        ["PATCH third", "PATCH second", "DELETE old", "PATCH first"],
        {"third": "created", "second": "created", "old": "deleted", "first": "created"},
    )


def test_only_what_follows_a_spared_deletion_waits_for_it() -> None:
    """The policy keeps the old object, so what takes its place cannot be written; all before it can."""
    assert carried_out(PrunePolicy.ORPHAN) == (
        ["PATCH third", "PATCH second"],
        {"third": "created", "second": "created", "old": "skipped", "first": "skipped"},
    )
