"""The `hedgehog` command as people and scripts meet it."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog import __version__
from hedgehog.__main__ import build_parser, main
from hedgehog.cli import output
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import database as store_database
from hedgehog.store import sync_state
from hedgehog.store.fabrics import load_fabric, save_fabric
from tests.cli.lab import EXAMPLES, REPOSITORY, ROOT, connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def example_uri(postgres):
    """A database with fabric gen, for tests that change nothing."""
    connection = store_database.connect(postgres.database("example", template="hedgehog_template"))
    save_fabric(connection, "gen", {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    connection.close()
    yield postgres.uri("example", scheme="postgres")
    postgres.drop("example")


def shell(*arguments, environment=None, stdin=None):
    """Run bin/hedgehog as from a shell."""
    return subprocess.run(
        [sys.executable, ROOT / "bin" / "hedgehog", *arguments],
        env={**os.environ, **(environment or {})},
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
    )


def test_from_a_clone_it_needs_no_airflow_and_no_pythonpath(connection_uri):
    """Standard input in, JSON out."""
    environment = {"AIRFLOW_CONN_HEDGEHOG_DB": connection_uri, "PYTHONPATH": ""}
    done = shell("fabric", "import", "-", "--output", "json", environment=environment, stdin=REPOSITORY)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["repositories"] == {"demo": "created"}


def test_an_error_is_a_line_on_stderr_and_never_a_traceback():
    """Status 1."""
    done = shell("status", environment={"AIRFLOW_CONN_HEDGEHOG_DB": "postgres://x:canary@127.0.0.1:1/none"})
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("hedgehog: error: the fabric database at 127.0.0.1:1 cannot be reached")
    assert len(done.stderr.splitlines()) == 1
    assert "canary" not in done.stderr


def test_a_closed_pipe_is_not_an_error(connection_uri):
    """As with `| head`."""
    command = f"{sys.executable} {ROOT}/bin/hedgehog crds render | head -c 10"
    done = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", ["--help", "status --help", "fabric list", "no-such-command 2>&1"])
def test_a_closed_pipe_is_not_an_error_for_short_output(connection_uri, words):
    """Output that fits into a buffer is written at the end."""
    command = f"{sys.executable} {ROOT}/bin/hedgehog {words} | true"
    environment = {**os.environ, "AIRFLOW_CONN_HEDGEHOG_DB": connection_uri}
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_characters_that_the_terminal_cannot_show_are_escaped(tmp_path, encoding):
    """Names and values are Unicode; not every terminal is."""
    file = tmp_path / "vpc-\u00e9\u2192.yaml"
    file.write_text("kind: \u2192")
    command = [sys.executable, str(ROOT / "bin" / "hedgehog"), "validate", str(file)]
    done = subprocess.run(command, capture_output=True, check=False, env={**os.environ, "PYTHONIOENCODING": encoding})
    assert (done.returncode, b"Traceback" in done.stderr, b"\\u2192.yaml" in done.stdout) == (1, False, True)


@pytest.mark.parametrize(("words", "status"), [("--help", 0), ("validate nothing.yaml", 2)])
def test_closed_streams_are_not_an_error(words, status):
    """As some supervisors leave them."""
    command = f"{sys.executable} {ROOT}/bin/hedgehog {words} >&- 2>&-; echo $?"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout == f"{status}\n"


@pytest.mark.parametrize(
    ("module", "status"), [("hedgehog.__main__", -signal.SIGINT), ("hedgehog.manifests.outputs", 130)]
)
def test_an_interrupt_leaves_no_traceback(module, status):
    """While the command is imported, and while it works."""
    script = (
        "import os, runpy, signal, sys\n"
        "class Interrupt:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name == {module!r}: os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.meta_path.insert(0, Interrupt())\n"
        f"sys.argv = ['hedgehog', 'validate', {str(EXAMPLES / 'gen' / 'vpcs.yaml')!r}]\n"
        f"runpy.run_path({str(ROOT / 'bin' / 'hedgehog')!r}, run_name='__main__')\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (status, "", "")


def test_a_command_imports_only_what_it_needs():
    """Airflow, Git, clusters and pydantic take seconds to import; the parser of all commands imports none of them."""
    script = (
        "import sys; from hedgehog.__main__ import build_parser; build_parser(); "
        "print(*sorted({name.partition('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    environment = {"PYTHONPATH": str(ROOT / "plugins"), "PATH": os.environ["PATH"]}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment)
    slow = {"airflow", "kubernetes", "pydantic", "pygit2", "urllib3", "yaml", "jsonschema", "github"}
    assert slow & set(done.stdout.split()) == set()
    setup = [sys.executable, "-X", "importtime", str(ROOT / "bin" / "hedgehog"), "setup", "--help"]
    done = subprocess.run(setup, capture_output=True, text=True, check=True)
    assert " airflow.sdk" not in done.stderr


def test_the_command_shows_its_version(command):
    """For bug reports."""
    assert command("--version") == (0, f"hedgehog {__version__}\n", "")


def test_without_arguments_the_command_shows_its_help(command):
    """With status 0."""
    status, out, _ = command()
    assert status == 0
    assert out.startswith("usage: hedgehog")
    assert "hedgehog fabric import fabric.yaml" in out


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("fabric",),
        ("fabric", "import"),
        ("fabric", "export"),
        ("fabric", "list"),
        ("fabric", "show"),
        ("fabric", "suspend"),
        ("fabric", "resume"),
        ("fabric", "delete"),
        ("status",),
        ("explain",),
        ("repository", "list"),
        ("drift", "prune"),
        ("sync", "git"),
        ("sync", "kubernetes"),
        ("crds", "render"),
        ("migrate",),
    ],
)
def test_every_command_has_help(command, words):
    """Status 0, on stdout."""
    status, out, err = command(*words, "--help")
    assert (status, err) == (0, "")
    assert f"usage: {' '.join(('hedgehog', *words))}" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fabrci"], "there is no 'fabrci' here; did you mean fabric?"),
        (["fabric", "improt"], "there is no 'improt' here; did you mean import or export?"),
        (["status", "--ouput", "json"], "unknown argument '--ouput'; did you mean --output?"),
        (["status", "--output", "jsn"], "there is no 'jsn' here; did you mean json?"),
        (["fabric"], "the following arguments are required: COMMAND"),
        (["object", "find", "vlan=7"], "name a fabric, or say --all\n"),
        (["fabric", "show"], "the following arguments are required: NAME\n"),
        (["addresses"], "the following arguments are required: NAME\n"),
        (["rollout", "start"], "the following arguments are required: CHANGE\n"),
        (["history", "--since", "yesterday"], "'yesterday' is not a time; write 2026-05-01T18:00+02:00, or 2d for"),
        (["history", "--since", "2 days"], "'2 days' is not a duration; write 90s, 45m"),
        (["fabric", "suspend", "--reason", "r"], "name fabrics, or choose them with --select"),
        (["fabric", "suspend", "a", "--select", "a=b", "--reason", "r"], "name fabrics, or choose them with --select"),
        (["repository", "delete", "demo"], "the following arguments are required: --yes"),
        (["status", "--select", "color=red,="], "'=' is not a condition on fabrics; write site=fra, tier!=lab"),
        (["status", "--status", "fine"], "'fine' is not a status; known are never_synced"),
        (["status", "--watch", "often"], "'often' is not a pause; write seconds"),
        (["fabric", "suspend", "gen"], "the following arguments are required: --reason"),
        (
            ["fabric", "suspend", "gen", "--reason", "r", "--for", "2 hours"],
            "'2 hours' is not a duration; write 90s, 45m",
        ),
        (
            ["fabric", "suspend", "gen", "--reason", "r", "--until", "noon"],
            "'noon' is not a time; write 2026-05-01T18:00",
        ),
        (
            ["fabric", "suspend", "gen", "--reason", "r", "--for", "999999w"],
            "'999999w' is longer than 36500 days",
        ),
        (
            ["fabric", "suspend", "gen", "--reason", "r", "--until", "9999-12-31T23:59-12:00"],
            "'9999-12-31T23:59-12:00' is outside of the years 1 to 9999 of UTC",
        ),
        (
            ["fabric", "suspend", "gen", "--reason", "r", "--until", "2020-01-01"],
            "2020-01-01T00:00:00+00:00 has passed",
        ),
        (["fabric", "import"], "name files to import, or clusters with --from-cluster"),
        (["fabric", "import", "x", "--from-cluster", "y"], "name files to import, or clusters with --from-cluster"),
        (["fabric", "import", "x", "--set", "a=1"], "--set goes with --from-cluster"),
        (["fabric", "import", "--from-cluster", "y", "--set", "a"], "'a' is not a setting; write NAME=VALUE"),
    ],
)
def test_wrong_arguments_are_answered_with_advice(command, words, said):
    """Status 2, and the correct usage."""
    status, out, err = command(*words)
    assert (status, out) == (2, "")
    assert err.startswith("hedgehog: error: ")
    assert said in err.splitlines(keepends=True)[0]
    assert err.splitlines()[1].startswith("usage: hedgehog")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["fabric", "show", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["status", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["fabric", "suspend", "gem", "--reason", "r"], "there is no fabric 'gem'; did you mean gen?"),
        (["fabric", "delete", "gem", "--yes"], "there is no fabric 'gem'; did you mean gen?"),
        (["fabric", "delete", "gem", "--purge"], "there is no fabric 'gem'; did you mean gen?"),
        (["fabric", "resume", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["explain", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["repository", "show", "gem"], "there is no git_repository 'gem'; `hedgehog repository list` shows them all"),
        (["sync", "git", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["sync", "kubernetes", "gem"], "there is no fabric 'gem'; did you mean gen?"),
        (["fabric", "import", "/nowhere"], "/nowhere: there is no such file or directory"),
        (["status", "--database", "postgresql://me:canary@h/db"], "--database carries a password"),
        (["status", "--database", "host=h password=canary"], "--database carries a password"),
        (["status", "--database", "what is this"], "--database is not a PostgreSQL URL"),
        (["fabric", "export", "gen", "--directory", "/etc"], "/etc exists and is not an empty directory"),
    ],
)
def test_a_failure_is_reported_in_one_line(command, example_uri, monkeypatch, words, said):
    """Status 1; a password is not repeated."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", example_uri)
    status, out, err = command(*words)
    assert (status, out) == (1, "")
    assert err.startswith(f"hedgehog: error: {said}")
    assert len(err.splitlines()) == 1
    assert "canary" not in err


def test_each_problem_of_an_import_has_its_own_line(hedgehog, tmp_path):
    """With place, object, path and advice."""
    vpc = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {name: a}\nspec: {mode: 5, x: 1}\n"
    (tmp_path / "a.yaml").write_text(vpc)
    status, _, err = hedgehog("fabric", "import", tmp_path, "--fabric", "lab")
    assert (status, err) == (1, "hedgehog: error: there is no fabric 'lab'; `hedgehog fabric list` shows them all\n")
    status, _, err = hedgehog("fabric", "import", tmp_path)
    assert (status, err.splitlines()) == (
        1,
        [
            "hedgehog: error: which fabric do the objects belong to? no document configures a fabric; "
            "say so with --fabric NAME",
            f"hedgehog: error: {tmp_path}/a.yaml:4:8: VPC/default/a: .spec.mode: 5 is not a string; write it in quotes",
            f"hedgehog: error: {tmp_path}/a.yaml:4:17: VPC/default/a: .spec.x: there is no such field; "
            "known here are defaultIsolated, defaultRestricted, ipv4Namespace, mode, permit, staticRoutes, subnets, vlanNamespace",
        ],
    )


def test_the_status_says_how_far_each_target_is(filled, database_parameters):
    """Generation, revision, ages, reason."""
    connection = store_database.connect(database_parameters)
    fabric = load_fabric(connection, "gen")
    revision = "main@sha1:" + "5394cb7f" * 5
    success = Outcome("gen", Target.GIT, OutcomeStatus.SUCCESS, generation=2, revision=revision)
    failure = Outcome("gen", Target.KUBERNETES, OutcomeStatus.ERROR, reason="no\x1b[2J route\nat all", retryable=False)
    with store_database.transaction(connection) as cursor:
        for outcome in (success, failure):
            sync_state.finish(cursor, fabric.id, outcome, run_id="r")
    connection.close()
    _, out, _ = filled("status")
    lines = [line.split() for line in out.splitlines()]
    assert lines[1][:5] == ["gen", "git", "in_sync", "2/2", "main@5394cb7f"]
    assert lines[2][:6] == ["gen", "kubernetes", "parked", "0/2", "-", "-"]
    assert "no [2J route at all" in out
    assert out.endswith("what to do: `hedgehog explain gen`\n")
    _, out, _ = filled("status", "gen", "--output", "json")
    assert [(state["target"], state["revision"]) for state in json.loads(out)] == [
        ("git", revision),
        ("kubernetes", None),
    ]


def test_the_tables_are_created_on_request_or_when_needed(postgres, monkeypatch, capsys):
    """A new database needs no separate step."""
    postgres.drop("fresh")
    uri = postgres.uri(postgres.database("fresh")["dbname"])
    monkeypatch.delenv("AIRFLOW_CONN_HEDGEHOG_DB", raising=False)
    assert main(["migrate", "--database", uri]) == 0
    assert capsys.readouterr().out.startswith("applied 0001_")
    assert main(["--database", uri, "migrate"]) == 0
    assert capsys.readouterr().out == "the fabric database is up to date\n"
    postgres.drop("fresh")


def test_custom_resource_definitions_are_written_to_a_directory(command, tmp_path):
    """One file per kind."""
    status, out, _ = command("crds", "render", "--output", tmp_path / "crds")
    assert (status, out.endswith(f" definitions written to {tmp_path}/crds\n")) == (0, True)
    written = {path.name for path in (tmp_path / "crds").iterdir()}
    assert {"vpcs.vpc.githedgehog.com.yaml", "fabrics.wiring.githedgehog.com.yaml"} <= written


def test_a_sync_to_git_runs_without_airflow(filled, tmp_path, monkeypatch):
    """A dry run writes nothing; a real one publishes."""
    bare = tmp_path / "demo.git"
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", bare], check=True)
    document = REPOSITORY.replace("file:///tmp/demo.git", bare.as_uri())
    (tmp_path / "repository.yaml").write_text(document)
    filled("fabric", "import", tmp_path / "repository.yaml")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    status, out, err = filled("sync", "git", "gen", "--dry-run", "--output", "json")
    assert (status, json.loads(out)[0]["dry_run"]) == (0, True), err
    assert not list((bare / "refs" / "heads").iterdir())
    status, out, err = filled("sync", "git")
    assert status == 0, err
    assert out.splitlines()[1].split()[:2] == ["gen", "success"]
    names = subprocess.run(["git", "-C", bare, "ls-tree", "-r", "--name-only", "main"], check=True, capture_output=True)
    assert b"fabrics/gen/vpcs/prod.yaml" in names.stdout
    assert filled("sync", "git")[1] == "no fabric is due\n"


def test_a_failed_sync_ends_with_status_1(filled, monkeypatch, tmp_path):
    """With the reason in the table."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY", str(tmp_path / "cache"))
    status, out, _ = filled("sync", "git", "gen")
    assert status == 1
    assert out.splitlines()[1].split()[:2] == ["gen", "error"]


def test_only_results_are_written_to_stdout(capsys):
    """Airflow logs to stdout, from which a program reads JSON."""
    arguments = argparse.Namespace(output="json")
    with output.own_stdout(arguments):
        sys.stdout.write("2026-11-22 [info] a log line\n")
        output.show(arguments, {"b": 1, "a": 2}, lambda: "")
    captured = capsys.readouterr()
    assert json.loads(captured.out) == {"a": 2, "b": 1}
    assert captured.err == "2026-11-22 [info] a log line\n"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0, "0s"), (59.9, "59s"), (60, "1m"), (3599, "59m"), (3600, "1h"), (86399, "23h"), (86400, "1d"), (-5, "0s")],
)
def test_an_age_is_one_number_and_one_letter(seconds, said):
    """As kubectl shows it."""
    assert output.age(NOW - timedelta(seconds=seconds), NOW) == said


def test_the_next_run_is_now_or_later_or_never():
    """A time in the past is shown as now."""
    moments = (NOW - timedelta(hours=1), NOW + timedelta(seconds=90), None)
    assert [output.until(moment, NOW) for moment in moments] == ["now", "in 1m", None]


def test_a_table_has_one_line_per_row():
    """Whatever the cells contain."""
    text = output.table(("a", "b"), [("x\ny", None), (True, {"k": 1})], nothing="-")
    assert text == 'A    B\nx y  -\nyes  {"k":1}'


def test_a_refusal_cannot_act_on_the_terminal(capsys):
    """A script may pass on a name that a stranger chose, and argparse repeats it."""
    with pytest.raises(SystemExit):
        build_parser().error("there is no \x1b[2J\u202e\udcff")
    assert "there is no \N{REPLACEMENT CHARACTER}[2J\N{REPLACEMENT CHARACTER}" in capsys.readouterr().err
