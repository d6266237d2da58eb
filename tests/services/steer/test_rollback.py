"""A fabric becomes again what it was: exactly, also in the cluster, and also while the Git host is down."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.objects import make_server
from devstack.objects import make_vpc as make_whole_vpc
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import ObjectRef, SyncStatus, Target
from hedgehog.fabric.origin import Origin, Via
from hedgehog.services.browse.history import blame_object
from hedgehog.services.observe.status import target_statuses
from hedgehog.services.steer.rollback import Rollback, roll_back
from hedgehog.store import actions, fabrics, schedule
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, transaction
from hedgehog.store.origins import set_origin
from tests.kube.clusters import api, cluster
from tests.origins import SOMEBODY, origins
from tests.services.git.sync_lab import Lab, open_lab
from tests.services.kubernetes.worlds import World, world

__all__ = ["api", "cluster", "world"]

A, B = ObjectRef("Server", "default", "a"), ObjectRef("Server", "default", "b")
ANNA = Origin(who="anna", via=Via.CLI, why="CHG-7")


def to(database: Connection, moment: str | int, *refs: ObjectRef, fabric: str = "lab", **options: Any) -> Rollback:
    """Roll back."""
    given_: dict[str, Any] = {"origin": ANNA, "now": datetime.now(UTC), **options}
    return roll_back(database, fabric, str(moment), refs=refs, **given_)


def store(database: Connection, *manifests: Any, **values: Any) -> int:
    """Make a fabric have exactly these objects, and these settings; its generation."""
    with transaction(database) as cursor:
        set_origin(cursor, SOMEBODY)
        fabrics.save_fabric(database, "lab", values)
        row = fabrics.load_fabric(database, "lab")
        object_store.save_objects(database, row.id, manifests, delete_missing=True)
    return fabrics.load_fabric(database, "lab").generation


def content(database: Connection) -> tuple[Any, ...]:
    """What the fabric wants."""
    row = fabrics.load_fabric(database, "lab")
    found = {one.ref: one.manifest for one in object_store.load_objects(database, [row.id])[row.id]}
    return found, row.asn, row.description, dict(row.switch_config)


STATES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(["a", "b", "c", "d"]), st.sampled_from(["one", "two", "three"]), max_size=4),
        st.integers(65000, 65003),
    ),
    min_size=2,
    max_size=6,
)


@given(STATES, st.data())
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_rollback_restores_exactly_and_can_be_rolled_back(database: Connection, states: Any, data: Any) -> None:
    """For every history, to every moment of it; the history itself only grows."""
    if "lab" in fabrics.fabric_names(database):
        fabrics.delete_fabric(database, "lab")
    seen = {}
    for objects, asn in states:
        generation = store(database, *(make_server(name, text) for name, text in objects.items()), asn=asn)
        seen[generation] = content(database)
    last = max(seen)
    chosen = data.draw(st.sampled_from(sorted(seen)))
    before = len(origins(database))
    dry = to(database, chosen, dry_run=True)
    assert content(database) == seen[last]
    done = to(database, chosen)
    assert content(database) == seen[chosen]
    assert list(done.plan.changes) == list(dry.plan.changes)
    assert len(origins(database)) == before + (not done.is_empty)
    to(database, last)
    assert content(database) == seen[last]
    assert to(database, last).is_empty


def test_a_rollback_is_a_change_of_who_asked_for_it(database: Connection) -> None:
    """With the reason, in the history and among the actions."""
    first = store(database, make_server("a"), make_server("b"))
    store(database, make_server("a", "changed"))
    done = to(database, first)
    assert (done.generation, origins(database)[-1]) == (
        fabrics.load_fabric(database, "lab").generation,
        ("anna", "cli", "Roll back to generation " + str(first) + ": CHG-7"),
    )
    blamed = {one.path: one.change.who for one in blame_object(database, "lab", A) if one.change}
    assert blamed[".spec.description"] == "anna"
    (row,) = actions.action_rows(database, "lab", after=None, limit=1)
    assert (row["actor"], row["action"], row["subjects"]) == ("anna", "rollback", [str(A), str(B)])


def test_single_objects_are_rolled_back_alone(database: Connection) -> None:
    """Also one that is gone, and one that was not there."""
    first = store(database, make_server("a"), make_server("b"), asn=65001)
    store(database, make_server("a", "changed"), make_server("c"), asn=65002)
    to(database, first, B, ObjectRef("Server", "default", "c"))
    objects, asn, *_ = content(database)
    assert (sorted(ref.name for ref in objects), objects[A], asn) == (["a", "b"], make_server("a", "changed"), 65002)
    to(database, first, ObjectRef("Fabric", "default", "lab"))
    assert (content(database)[0], content(database)[1]) == (objects, 65001)
    with pytest.raises(NotFound, match="lab has no Server/default/z now, and had none then"):
        to(database, first, ObjectRef("Server", "default", "z"))


def test_where_a_fabric_is_kept_is_not_rolled_back(database: Connection) -> None:
    """An old connection or policy would send the old content to the wrong place."""
    first = store(database, make_server("a"), asn=65001, prune_max_objects=1)
    store(database, make_server("a"), asn=65002, prune_max_objects=99)
    done = to(database, first)
    assert done.kept_settings == ("prune_max_objects",)
    row = fabrics.load_fabric(database, "lab")
    assert (row.asn, row.prune_max_objects) == (65001, 99)


def test_by_time(database: Connection) -> None:
    """People know when it still worked."""
    store(database, make_server("a"))
    between = datetime.now(UTC)
    store(database, make_server("a", "changed"))
    to(database, between.isoformat())
    assert content(database)[0] == {A: make_server("a")}
    with pytest.raises(NotFound, match="its history begins after"):
        to(database, (between - timedelta(days=1)).isoformat())


def test_what_a_cluster_would_refuse_is_refused(database: Connection) -> None:
    """The old content may not fit what stays; nothing is changed then."""
    taken = make_whole_vpc("b", 1)
    first = store(database, make_whole_vpc("a", 1))
    store(database, taken)
    ref = ObjectRef("VPC", "default", "a")
    with pytest.raises(InvalidInput, match=r"(?s)VPC/default/.*nothing was changed; --allow-invalid"):
        to(database, first, ref)
    assert list(content(database)[0]) == [ObjectRef.of(taken)]
    assert to(database, first, ref, dry_run=True).plan.refused
    to(database, first, ref, allow_invalid=True)
    assert len(content(database)[0]) == 2


def test_a_content_that_is_not_kept_is_named(database: Connection) -> None:
    """Rather than a rollback to a part of what was."""
    first = store(database, make_server("a", "old"), make_server("b"))
    store(database, make_server("a", "newer"), make_server("b"))
    store(database, make_server("a", "newest"), make_server("b"))
    with transaction(database) as cursor:
        cursor.execute("SELECT hedgehog.prune_history(now() + interval '1 h', 100)")
    with pytest.raises(InvalidInput, match="Server/default/a: its content of that time is not kept any more"):
        to(database, first)
    to(database, first, B)


def test_the_cluster_follows(world: World) -> None:
    """Created, configured and deleted, as it was."""
    world.fabric("lab", make_server("a"), make_server("b"))
    assert world.sync("lab").status is OutcomeStatus.SUCCESS
    first = fabrics.load_fabric(world.database, "lab").generation
    before = {ref: one["spec"] for ref, one in world.live("Server").items()}
    world.fabric("lab", make_server("a", "changed"), make_server("c"))
    world.sync("lab")
    assert {ref: one["spec"] for ref, one in world.live("Server").items()} != before
    to(world.database, first)
    assert world.sync("lab").status is OutcomeStatus.SUCCESS
    assert {ref: one["spec"] for ref, one in world.live("Server").items()} == before


@pytest.fixture
def lab(world: World, tmp_path: Path) -> Iterator[Lab]:
    """A Git host beside the cluster; fabric `lab` goes to both."""
    with open_lab(world.database, tmp_path) as lab:
        cluster_ = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_a", "publish_fabric_resource": False}
        lab.add_fabric("lab", 0, **cluster_)
        yield lab


def test_without_git_the_cluster_comes_first_and_git_follows(lab: Lab, world: World) -> None:
    """The host is down: the cluster gets the rollback at once, keeps it, and the state says so until Git has it."""
    database = lab.database
    lab.save("lab", make_server("a"))
    first = fabrics.load_fabric(database, "lab").generation
    lab.sync("lab")
    world.sync("lab")
    lab.save("lab", make_server("a", "broken"))
    lab.sync("lab")
    world.sync("lab")
    assert world.live("Server")[A]["spec"]["description"] == "broken"

    url = fabrics.load_repository(database, "net").url
    fabrics.save_repository(database, "net", {"url": "http://127.0.0.1:9/net.git"})
    done = to(database, first, without_git=True)
    assert [one.name for one in schedule.due(database, Target.KUBERNETES)] == ["lab"]
    assert lab.sync("lab").status is OutcomeStatus.ERROR
    for _ in range(2):  # and the next regular sync does not undo it
        assert world.sync("lab", due_only=False).status in {OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED}
        assert world.live("Server")[A]["spec"]["description"] == "a server"
    (status,) = (
        one
        for one in target_statuses(database, ["lab"], now=datetime.now(UTC))
        if one.state.target is Target.KUBERNETES
    )
    said = f"has generation {done.generation} already; Git follows when its host takes it"
    assert (status.state.status, status.reason) == (SyncStatus.WAITING, said)

    fabrics.save_repository(database, "net", {"url": url})
    assert lab.sync("lab").status is OutcomeStatus.SUCCESS
    assert world.sync("lab", due_only=False).status in {OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED}
    assert world.live("Server")[A]["spec"]["description"] == "a server"
    assert [one.state.status for one in target_statuses(database, ["lab"], now=datetime.now(UTC))] == [
        SyncStatus.IN_SYNC,
        SyncStatus.IN_SYNC,
    ]
    lab.save("lab", make_server("a", "later"))
    lab.sync("lab")
    world.sync("lab")
    assert world.live("Server")[A]["spec"]["description"] == "later"
