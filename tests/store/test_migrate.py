"""Migrations: once, in order, by whoever comes first, never over what they do not know."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hedgehog.errors import SchemaMismatch
from hedgehog.store import database as store_database
from hedgehog.store import migrate as migrations
from hedgehog.store.database import transaction
from tests.store.benches import Bench, make_vpc

PLUGINS = Path(__file__).resolve().parents[2] / "plugins"


@pytest.fixture
def empty(postgres, request):
    """libpq parameters of a database without our tables."""
    name = f"empty_{request.node.name[:40]}_{id(request)}"
    yield postgres.database(name)
    postgres.drop(name)


@pytest.fixture
def directory(tmp_path):
    """A copy of the migrations that a test may change."""
    return Path(shutil.copytree(migrations.MIGRATIONS, tmp_path / "sql"))


def applied(connection):
    """The versions in the database."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT version FROM hedgehog.migration ORDER BY version")
        return [row[0] for row in cursor.fetchall()]


def test_a_second_migration_finds_nothing_to_do(empty):
    """The first one says what it did."""
    connection = store_database.connect(empty)
    assert migrations.migrate(connection) == [one.name for one in migrations.load()]
    assert migrations.migrate(connection) == []
    migrations.ensure_migrated(connection)
    connection.close()


def test_four_processes_at_once_migrate_once(empty):
    """One works, the others wait."""
    script = (
        "import sys, ast\n"
        "from hedgehog.store.database import connect\n"
        "from hedgehog.store.migrate import migrate\n"
        "print(len(migrate(connect(ast.literal_eval(sys.argv[1])))))\n"
    )
    command = [sys.executable, "-c", script, repr(dict(empty))]
    running = [
        subprocess.Popen(command, env={"PYTHONPATH": str(PLUGINS)}, stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]
    done = [process.communicate()[0].strip() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0, 0]
    assert sorted(done) == ["0", "0", "0", str(len(migrations.load()))]


def test_a_filled_database_is_migrated_with_its_rows(database, directory):
    """The next release may add a column that must not be null."""
    bench = Bench(database)
    fabric = bench.synced_fabric()
    bench.execute("INSERT INTO hedgehog.fabric_object (fabric_id, kind, namespace, name, manifest) VALUES (%s, 'VPC', "
                  "'default', 'vpc-1', %s)", fabric.id, store_database.jsonb(make_vpc()))  # fmt: skip
    number = len(migrations.load()) + 1
    sql = "ALTER TABLE hedgehog.fabric ADD COLUMN colour text NOT NULL DEFAULT 'blue'; UPDATE hedgehog.fabric SET colour = 'red';"
    (directory / f"{number:04}_colours.sql").write_text(sql)
    assert migrations.migrate(database, directory) == [f"{number:04}_colours"]
    assert bench.execute("SELECT name, colour FROM hedgehog.fabric") == [("lab", "red")]
    assert applied(database)[-1] == number


def test_a_migration_that_fails_leaves_the_database_as_it_was(database, directory):
    """Also what came before it in the same call."""
    number = len(migrations.load()) + 1
    (directory / f"{number:04}_good.sql").write_text("CREATE TABLE hedgehog.extra (id integer);")
    (directory / f"{number + 1:04}_bad.sql").write_text("CREATE TABLE nonsense.extra (id integer);")
    with pytest.raises(Exception, match="nonsense"):
        migrations.migrate(database, directory)
    assert applied(database) == [one.version for one in migrations.load()]
    assert Bench(database).execute("SELECT to_regclass('hedgehog.extra')") == [(None,)]


def test_a_database_that_is_newer_than_the_package_is_refused(database):
    """Nothing is read or written."""
    Bench(database).execute("INSERT INTO hedgehog.migration (version, name, digest) VALUES (99, '0099_future', 'x')")
    for call in (migrations.migrate, migrations.ensure_migrated):
        with pytest.raises(SchemaMismatch, match="is at version 99, this package knows only up to"):
            call(database)


def test_an_edited_migration_is_refused(database, directory):
    """What was applied is history."""
    first = sorted(directory.glob("*.sql"))[0]
    first.write_text(first.read_text() + "-- better\n")
    with pytest.raises(SchemaMismatch, match=f"{first.stem} was edited after it was applied"):
        migrations.migrate(database, directory)


@pytest.mark.parametrize(
    ("name", "said"),
    [("0003_late.sql", "without a gap"), ("late.sql", "late.sql is not a migration; name it NNNN_what_it_does.sql")],
)
def test_a_directory_with_gaps_or_other_files_is_refused(tmp_path, name, said):
    """Before anything is applied."""
    (tmp_path / name).write_text("SELECT 1;")
    with pytest.raises(SchemaMismatch, match=said):
        migrations.load(tmp_path)
