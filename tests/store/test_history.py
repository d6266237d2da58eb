"""The history of what is wanted, as the database writes it itself."""

from __future__ import annotations

import itertools
import json

import pytest

from hedgehog.errors import HedgehogError
from hedgehog.fabric.model import ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, migrate, objects, retention
from hedgehog.store.database import transaction
from hedgehog.store.migrate import MIGRATIONS
from hedgehog.store.origins import set_origin
from hedgehog.store.retention import SweepResult
from tests.origins import origins
from tests.store.benches import make_vpc

ANNA = Origin(who="anna", via=Via.CLI, why="CHG-7", run="run-1")


def rows(connection, statement, *values):
    """What a statement returns."""
    with transaction(connection) as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()


def versions(connection):
    """Every version of every object of a fabric: change, object, whether it was there before and is there after."""
    return rows(
        connection,
        "SELECT dense_rank() OVER (ORDER BY change_id), kind, name, before IS NOT NULL, after IS NOT NULL "
        "FROM hedgehog.object_version WHERE fabric_id <> 0 ORDER BY id",
    )


def test_a_transaction_is_one_change_with_its_origin_and_the_generation_that_it_made(bench):
    """However many statements it has."""
    fabric = bench.fabric()
    with transaction(bench.connection) as cursor:
        set_origin(cursor, ANNA)
        objects.save_objects(bench.connection, fabric.id, [make_vpc("a"), make_vpc("b")])
        objects.save_objects(bench.connection, fabric.id, [make_vpc("a", mtu=9000)], delete_missing=True)
        fabrics.save_fabric(bench.connection, "lab", {"asn": 65001})
    found = rows(
        bench.connection,
        "SELECT who, via, why, run_id, commit_id, generation, role = session_user FROM hedgehog.change "
        "WHERE fabric_id = %s ORDER BY id DESC",
        fabric.id,
    )
    assert found[0] == ("anna", "cli", "CHG-7", "run-1", None, bench.generation(), True)
    assert len(found) == 2
    assert versions(bench.connection) == [
        (1, "Fabric", "lab", False, True),
        (2, "VPC", "a", False, True),
        (2, "VPC", "b", False, True),
        (2, "VPC", "a", True, True),
        (2, "VPC", "b", True, False),
        (2, "Fabric", "lab", True, True),
    ]


def test_a_statement_that_somebody_types_is_recorded_as_that_of_the_role(bench):
    """Nobody can forget to record."""
    fabric = bench.fabric()
    objects.save_objects(bench.connection, fabric.id, [make_vpc("a")])
    with transaction(bench.connection) as cursor:
        cursor.execute("UPDATE hedgehog.fabric_object SET manifest = jsonb_set(manifest, '{spec}', '{\"mtu\": 1500}')")
    (role,) = rows(bench.connection, "SELECT session_user")[0]
    assert origins(bench.connection)[-1] == (role, "sql", "")


def test_the_origin_of_a_transaction_ends_with_it(bench):
    """The next one on the same connection is somebody else's."""
    with transaction(bench.connection) as cursor:
        set_origin(cursor, ANNA)
        bench.fabric()
    bench.fabric(asn=65001)
    assert [via for _, via, _ in origins(bench.connection)] == ["cli", "sql"]


def test_a_transaction_with_two_origins_is_two_changes(bench):
    """A push has commits of several people."""
    fabric = bench.fabric()
    with transaction(bench.connection) as cursor:
        for who, name in (("ann", "a"), ("bob", "b")):
            set_origin(cursor, Origin(who=who, via=Via.GIT, commit="c" * 40))
            objects.save_objects(bench.connection, fabric.id, [make_vpc(name)])
    assert [who for who, _, _ in origins(bench.connection)][1:] == ["ann", "bob"]


def test_what_changes_nothing_leaves_no_trace(bench):
    """Neither equal content, nor what a sync writes, nor a suspension, which is no change of what is wanted."""
    fabric = bench.fabric()
    objects.save_objects(bench.connection, fabric.id, [make_vpc("a")])
    before = len(versions(bench.connection)), len(origins(bench.connection))
    objects.save_objects(bench.connection, fabric.id, [make_vpc("a")])
    bench.fabric(asn=fabric.asn)
    fabrics.suspend(bench.connection, "lab", reason="x", until=None)
    with transaction(bench.connection) as cursor:
        cursor.execute("UPDATE hedgehog.fabric_object SET updated_at = now()")
    assert (len(versions(bench.connection)), len(origins(bench.connection))) == before


def test_the_end_of_a_fabric_is_recorded_with_everything_that_it_had(bench):
    """What is deleted can be looked up, and restored."""
    fabric = bench.fabric()
    objects.save_objects(bench.connection, fabric.id, [make_vpc("a"), make_vpc("b")])
    with transaction(bench.connection) as cursor:
        set_origin(cursor, ANNA)
        fabrics.delete_fabric(bench.connection, "lab")
    assert origins(bench.connection)[-1] == ("anna", "cli", "CHG-7")
    gone = [(3, "Fabric", "lab", True, False), (3, "VPC", "a", True, False), (3, "VPC", "b", True, False)]
    assert sorted(versions(bench.connection)[-3:]) == gone


def test_an_object_that_is_renamed_is_gone_and_new(bench):
    """By hand, for no command renames."""
    fabric = bench.fabric()
    objects.save_objects(bench.connection, fabric.id, [make_vpc("a")])
    with transaction(bench.connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.fabric_object SET name = 'z', manifest = jsonb_set(manifest, '{metadata,name}', '\"z\"')"
        )
    assert sorted(versions(bench.connection)[-2:]) == [(3, "VPC", "a", True, False), (3, "VPC", "z", False, True)]


def test_a_repository_has_a_history(bench):
    """Where the fabrics are kept is a part of what is wanted."""
    bench.repository()
    bench.repository(branch="next")
    fabrics.delete_repository(bench.connection, "net")
    found = rows(
        bench.connection,
        "SELECT v.name, k.manifest #>> '{spec,branch}' FROM hedgehog.object_version v LEFT JOIN hedgehog.object_content k "
        "ON (k.fabric_id, k.digest) = (v.fabric_id, v.after) WHERE v.kind = 'GitRepository' ORDER BY v.id",
    )
    assert found == [("net", "main"), ("net", "next"), ("net", None)]


def test_a_content_is_stored_once(bench):
    """A change back and forth costs two rows of digests."""
    fabric = bench.fabric()
    for mtu in (1500, 9000, 1500, 9000, 1500):
        objects.save_objects(bench.connection, fabric.id, [make_vpc("a", mtu=mtu)])
    found = rows(bench.connection, "SELECT manifest FROM hedgehog.object_content WHERE manifest ->> 'kind' = 'VPC'")
    assert sorted(one["spec"]["mtu"] for (one,) in found) == [1500, 9000]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE hedgehog.change SET who = 'somebody else'",
        "DELETE FROM hedgehog.change",
        "UPDATE hedgehog.object_version SET after = before",
        "DELETE FROM hedgehog.object_version",
        "UPDATE hedgehog.object_content SET manifest = '{}'",
        "DELETE FROM hedgehog.object_content",
        "TRUNCATE hedgehog.change",
        "TRUNCATE hedgehog.object_version",
        "TRUNCATE hedgehog.object_content",
    ],
)
def test_the_history_cannot_be_rewritten(settled, statement):
    """Not even by the owner of its tables."""
    with pytest.raises(HedgehogError, match=r"the history in hedgehog\.\w+ is never changed"):
        rows(settled.connection, statement)


def test_old_contents_go_and_the_last_of_each_object_stays(bench):
    """Of what is deleted as well; who changed it and when is always kept."""
    fabric = bench.fabric()
    for mtu in (1500, 9000, 9216):
        objects.save_objects(bench.connection, fabric.id, [make_vpc("a", mtu=mtu), make_vpc("b", mtu=1500)])
    objects.delete_objects(bench.connection, fabric.id, [ObjectRef("VPC", "default", "b")])
    before = len(versions(bench.connection))
    assert retention.prune_history(bench.connection, 1).rows == 0
    assert retention.prune_history(bench.connection, 0, dry_run=True).rows == 2
    assert retention.prune_history(bench.connection, 0) == SweepResult(0, 2)
    assert retention.prune_history(bench.connection, 0).rows == 0
    found = rows(
        bench.connection,
        "SELECT manifest #>> '{metadata,name}', (manifest #>> '{spec,mtu}')::int FROM hedgehog.object_content "
        "WHERE manifest ->> 'kind' = 'VPC' ORDER BY 1",
    )
    assert (found, len(versions(bench.connection))) == ([("a", 9216), ("b", 1500)], before)


def test_what_there_was_before_the_history_is_its_beginning(postgres, tmp_path):
    """Of a fabric that a former release stored, the first change can be taken back, too."""
    former = tmp_path / "sql"
    former.mkdir()
    for path in itertools.takewhile(lambda one: "history" not in one.name, sorted(MIGRATIONS.glob("*.sql"))):
        (former / path.name).write_bytes(path.read_bytes())
    connection = store_database.connect(postgres.database("before_the_history"))
    try:
        migrate.migrate(connection, former)
        with connection.cursor() as cursor:  # the code of today does not know the tables of then
            cursor.execute(
                "WITH net AS (INSERT INTO hedgehog.git_repository (name, url) VALUES ('net', 'https://git.example.com/n') "
                "RETURNING id), lab AS (INSERT INTO hedgehog.fabric (name, git_repository_id) SELECT 'lab', id FROM net "
                "RETURNING id) INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest) "
                "SELECT id, 'VPC', 'default', 'a', %s FROM lab",
                [json.dumps(make_vpc("a"))],
            )
        connection.commit()
        migrate.migrate(connection)
        assert [via for _, via, _ in origins(connection)] == ["migration"]
        assert sorted(versions(connection)) == [(1, "Fabric", "lab", False, True), (1, "VPC", "a", False, True)]
        contents = rows(connection, "SELECT manifest -> 'spec' -> 'git_repository' FROM hedgehog.object_content")
        assert ("net",) in contents
    finally:
        connection.close()
        postgres.drop("before_the_history")
