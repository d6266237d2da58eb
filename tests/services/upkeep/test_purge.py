"""The end of a fabric: it goes from Git and cluster, or says what is left; whatever stops it, nothing is lost."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from devstack.objects import make, make_server
from hedgehog.errors import InvalidInput, LockHeld, RemoteUnavailable
from hedgehog.fabric.drift_detection import Drift, DriftState
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import ObjectRef
from hedgehog.kube.apply import apply_one
from hedgehog.kube.live import list_live
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.upkeep import purge
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, open_drift, watch
from hedgehog.store.database import Lock
from tests.kube.clusters import CRDS, api, cluster
from tests.kube.objects_lab import write_as
from tests.origins import SOMEBODY
from tests.services.git.sync_lab import open_lab, trust

__all__ = ["api", "cluster"]

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
A = ObjectRef("Server", "default", "a")
FILES = [f"fabrics/lab/{name}" for name in ("README.md", "fabric.yaml", "servers/a.yaml", "servers/b.yaml")]


@pytest.fixture
def lab(database, tmp_path, api, cluster):
    """A fabric in Git and in a real cluster, in sync."""
    with open_lab(database, tmp_path) as lab:
        lab.dependencies = {
            "open_mirror": lab.open_mirror,
            "open_cluster": lambda name: cluster.connect(name=name),
            "now": NOW,
        }
        settings = {"enable_k8s_sync": True, "kubernetes_connection_id": "k8s_lab", "publish_fabric_resource": False}
        lab.add_fabric("lab", 0, **settings)
        lab.save("lab", make_server("a"), make_server("b"))
        lab.sync("lab")
        kubernetes_sync.sync(
            database, ["lab"], open_cluster=lab.dependencies["open_cluster"], run_id="run-1", find_refusals=trust
        )
        assert servers(api) == {"a", "b"}
        yield lab


def servers(api):
    """The names of the servers in the cluster."""
    return {ref.name for ref in list_live(api, [(KINDS["Server"], "default")]).objects}


def look(lab):
    """What there is of the fabric."""
    return purge.find_remains(lab.database, "lab", **lab.dependencies)


def remove(lab, seen, **others):
    """Purge what was seen of the fabric; a commit that we push enters no host."""
    given = {**lab.dependencies, "open_host": no_host, **others}
    return purge.purge(lab.database, seen, origin=SOMEBODY, **given, run_id="run-2")


def no_host(repository):
    """Nobody is to ask for it."""
    raise AssertionError(repository)


def test_a_purge_leaves_what_another_tool_has_marked(lab, api, cluster):
    """With its name; the rest goes, the fabric as well, and it is not pruned as an orphan later either."""
    write_as(api, "helm", make("Server", "a", annotations={"meta.helm.sh/release-name": "net"}))
    left, problems = remove(lab, look(lab))
    assert (left.done, problems, servers(api)) == (True, [], {"a"})
    owner = "Helm release net (meta.helm.sh/release-name)"
    assert left.as_dict()["objects_of_others"] == {"k8s_lab": {"Server/default/a": owner}}
    assert fabrics.fabric_names(lab.database) == []
    with store_database.transaction(lab.database) as cursor:
        open_drift.note(cursor, "k8s_lab", [Drift(A, DriftState.ORPHAN)])
    client = cluster.connect(name="k8s_lab")
    try:
        place = purge.orphans(lab.database, "k8s_lab", client)
    finally:
        client.close()
    assert (place.live, place.others) == ({}, {A: owner})


def test_a_purge_removes_files_and_objects_and_forgets_the_fabric(lab, api):
    """And nothing else: other people's files and objects stay."""
    apply_one(api, make_server("theirs"))
    lab.person().commit({"fabrics/lab/notes.txt": "x\n", "elsewhere/file": "y\n"})
    seen = look(lab)
    assert (list(seen.files), seen.foreign) == (FILES, ("fabrics/lab/notes.txt",))
    left, problems = remove(lab, seen)
    assert (left.done, problems) == (True, [])
    assert sorted(lab.files()) == ["elsewhere/file", "fabrics/lab/notes.txt"]
    assert lab.log()[0] == "lab: fabric removed"
    assert servers(api) == {"theirs"}
    assert fabrics.fabric_names(lab.database) == []


def test_an_edited_file_stays_and_is_reported(lab):
    """Nobody's edit is lost, not even by the end of the fabric."""
    lab.person().commit({FILES[2]: "# by Ada\n"})
    seen = look(lab)
    assert (seen.edited, FILES[2] in seen.files) == ((FILES[2],), False)
    left, _ = remove(lab, seen)
    assert (left.done, left.edited, sorted(lab.files())) == (True, (FILES[2],), [FILES[2]])


def test_what_cannot_be_read_is_not_taken_for_gone(lab):
    """A cluster that is unreachable: nothing is removed anywhere."""

    def away(name):
        raise RemoteUnavailable(f"{name} is away")

    with pytest.raises(RemoteUnavailable):
        purge.find_remains(lab.database, "lab", **(lab.dependencies | {"open_cluster": away}))
    assert len(lab.files()) == len(FILES)


def test_a_purge_that_is_cut_off_is_taken_up_again_or_taken_back(lab, api):
    """The fabric is suspended until its end, so nobody writes again what was removed."""

    def away(name):
        raise RemoteUnavailable(f"{name} is away")

    with pytest.raises(RemoteUnavailable):
        remove(lab, look(lab), open_cluster=away)
    assert lab.files() == {}
    assert lab.sync("lab").reason.startswith("suspended")
    assert servers(api) == {"a", "b"}
    fabrics.resume(lab.database, "lab")
    lab.sync("lab")
    assert sorted(lab.files()) == FILES
    left, _ = remove(lab, look(lab))
    assert (left.done, servers(api)) == (True, set())


def test_an_object_that_waits_for_its_finalizer_keeps_the_fabric(lab, api):
    """Until it is gone: forgotten, nobody would tell of it."""
    held = make("Server", "held", {"description": "x"})
    held["metadata"]["finalizers"] = ["example.com/wait"]
    lab.save("lab", held)
    lab.sync("lab")
    row = fabrics.load_fabric(lab.database, "lab")
    with store_database.transaction(lab.database) as cursor:
        from hedgehog.store import inventory

        inventory.record(cursor, "k8s_lab", row.id, applied={}, adopted={}, gone=[])
    apply_one(api, held)
    with store_database.transaction(lab.database) as cursor:
        ref = purge.ObjectRef("Server", "default", "held")
        inventory.record(cursor, "k8s_lab", row.id, applied={ref: held}, adopted={}, gone=[])
    left, problems = remove(lab, look(lab))
    assert left.done is False
    assert "example.com/wait" in " ".join(problems)
    assert fabrics.fabric_names(lab.database) == ["lab"]
    del held["metadata"]["finalizers"]
    apply_one(api, {**held, "metadata": {**held["metadata"], "finalizers": []}}, force_conflicts=True)
    left, _ = remove(lab, look(lab))
    assert left.done is True


def test_a_fabric_that_is_suspended_for_another_reason_is_left_alone(lab):
    """Left alone on purpose means by us, too."""
    fabrics.suspend(lab.database, "lab", reason="CHG-17", until=None)
    with pytest.raises(InvalidInput, match="lab is suspended: CHG-17; resume it first"):
        look(lab)


def test_a_fabric_that_a_run_works_on_is_not_purged(lab, database_parameters):
    """It would write again what is removed; nor is it forgotten: what it writes would be on no record."""
    seen = look(lab)
    other = store_database.connect(database_parameters)
    try:
        store_database.try_locks(other, Lock.KUBERNETES, [seen.fabric.id])
        with pytest.raises(LockHeld):
            remove(lab, seen)
        with pytest.raises(LockHeld, match="a run works on lab; delete it when that is done"):
            purge.forget(lab.database, "lab", origin=SOMEBODY)
    finally:
        other.close()
    assert len(lab.files()) == len(FILES)
    assert fabrics.fabric_names(lab.database) == ["lab"]


def test_what_a_forgotten_fabric_leaves_is_on_record_as_orphans(lab):
    """Also when no fabric uses the cluster any more, so that nobody watches it."""
    left = purge.forget(lab.database, "lab", origin=SOMEBODY)
    assert (len(left.files), [place.connection_id for place in left.clusters]) == (4, ["k8s_lab"])
    watch.forget_others(lab.database, [])
    found = [one.drift for one in open_drift.listing(lab.database)]
    assert [(str(one.ref), one.state) for one in found] == [
        ("Server/default/a", DriftState.ORPHAN),
        ("Server/default/b", DriftState.ORPHAN),
    ]


def test_only_orphans_that_we_wrote_and_nobody_wants_are_pruned(lab, api, cluster):
    """A fabric that took one over keeps it; what somebody else created again in its place stays."""
    purge.forget(lab.database, "lab", origin=SOMEBODY)
    fabrics.save_fabric(lab.database, "heir", {"kubernetes_connection_id": "k8s_lab"})
    lab.save("heir", make_server("a"))
    client = cluster.connect(name="k8s_lab")
    try:
        place = purge.orphans(lab.database, "k8s_lab", client)
        assert [ref.name for ref in place.live] == ["b"]
        assert purge.prune_orphans(lab.database, place, client) == []
    finally:
        client.close()
    assert servers(api) == {"a"}


def test_a_purge_ends_when_the_definition_went_with_the_objects(lab, api, cluster):
    """Somebody who uninstalls Hedgehog first gets rid of the fabric as well."""
    servers_crd = f"{CRDS}/servers.wiring.githedgehog.com"
    api.call("DELETE", "DELETE", servers_crd, subject="CRD")
    while api.send("GET", "GET", servers_crd, subject="CRD").ok:
        pass
    try:
        left, problems = remove(lab, look(lab))
        assert (left.done, problems, fabrics.fabric_names(lab.database)) == (True, [], [])
    finally:
        cluster.install_crds()
