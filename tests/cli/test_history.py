"""`hedgehog history|diff|blame|trace` as people and scripts meet them."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime

import pytest
import yaml

from hedgehog.cli.session import user
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import sync_state
from hedgehog.store.database import transaction
from hedgehog.store.fabrics import load_fabric
from tests.cli.lab import connection_uri, hedgehog
from tests.services.git.sync_lab import make_vpc

__all__ = ["connection_uri", "hedgehog"]

COMMIT = "5394cb7f" + "0" * 32


@pytest.fixture
def lab(hedgehog, database, tmp_path):
    """The command on a database with fabric `lab`, whose VPCs were changed by two people."""
    file = tmp_path / "vpcs.yaml"

    def store(reason, *manifests):
        file.write_text(yaml.safe_dump_all(manifests))
        assert hedgehog("fabric", "import", "--fabric", "lab", file, "--reason", reason, "--allow-invalid")[0] == 0

    (tmp_path / "lab.yaml").write_text(
        "apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {name: lab}\nspec: {}\n"
    )
    assert hedgehog("fabric", "import", tmp_path / "lab.yaml")[0] == 0
    store("new tenants", make_vpc("a", 1001), make_vpc("b", 1002))
    store("CHG-7\x1b[31m", make_vpc("a", 1111))
    with transaction(database) as cursor:
        cursor.execute("DELETE FROM hedgehog.fabric_object WHERE name = 'b'")
    return hedgehog


def lines(out):
    """The cells of a table, without how long ago something was."""
    return [re.split(r" {2,}", re.sub(r"[0-9]+s ago", "0s ago", line)) for line in out.splitlines()]


def test_history_lists_who_changed_what_and_why(lab, database):
    """The newest first; text of strangers controls no terminal."""
    (role,) = re.findall(r"user=(\S+)", database.dsn)
    status, out, err = lab("history", "lab")
    assert (status, err) == (0, "")
    assert lines(out) == [
        ["WHEN", "FABRIC", "GENERATION", "WHO", "VIA", "OBJECTS", "WHY"],
        ["0s ago", "lab", "4", role, "sql", "VPC/default/b deleted", "-"],
        ["0s ago", "lab", "3", user(), "cli", "VPC/default/a configured", "CHG-7 [31m"],
        ["0s ago", "lab", "2", user(), "cli", "2 created", "new tenants"],
        ["0s ago", "lab", "1", user(), "cli", "Fabric/default/lab created", "-"],
    ]
    _, out, _ = lab("history", "lab", "--object", "vpc/b", "--output", "json")
    assert [(one["generation"], one["counts"]) for one in json.loads(out)] == [
        (4, {"created": 0, "configured": 0, "deleted": 1}),
        (2, {"created": 2, "configured": 0, "deleted": 0}),
    ]
    assert len(lab("history", "--by", role.upper())[1].splitlines()) == 2
    assert len(lab("history", "--since", "1h")[1].splitlines()) == 5
    assert lab("history", "lab", "--since", "2030-01-01")[1] == "no change fits\n"
    status, out, err = lab("history", "lab", "--limit", "1")
    assert (len(out.splitlines()), err) == (2, "hedgehog: note: there are older ones; --limit 10 shows more\n")


def test_diff_shows_field_by_field_what_is_different(lab):
    """The last change without arguments; between any two moments; backwards, too."""
    _, out, _ = lab("diff", "lab")
    assert out.splitlines()[1:] == ["VPC/default/b deleted"]
    _, out, _ = lab("diff", "lab", "--from", "2", "--to", "3")
    assert out.splitlines()[1:] == ["VPC/default/a configured", "    .spec.subnets.default.vlan: 1001 → 1111"]
    _, out, _ = lab("diff", "lab", "--from", "now", "--to", "2", "--output", "json")
    assert json.loads(out)["objects"] == [
        {
            "object": "VPC/default/a",
            "action": "configured",
            "fields": [{"path": ".spec.subnets.default.vlan", "from": 1111, "to": 1001}],
            "note": "",
        },
        {"object": "VPC/default/b", "action": "created", "fields": [], "note": ""},
    ]
    assert lab("diff", "lab", "--from", "4")[1].splitlines()[1:] == ["nothing differs"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--from", "99"), "lab: its history has no generation 99; `hedgehog history lab` shows what there is"),
        (("--from", "2d"), "lab: its history begins after"),
        (("--from", "abcdef0"), "lab: no change of it belongs to commit abcdef0"),
        (("--from", "yesterday"), "'yesterday' is neither a generation"),
        (("--to", "git"), "fabric lab is not kept in Git"),
        (("--to", "cluster"), "fabric lab names no cluster"),
    ],
)
def test_a_moment_that_is_not_there_is_named(lab, arguments, why):
    """One line that says what there is."""
    status, out, err = lab("diff", "lab", *arguments)
    assert (status, out) == (1, "")
    assert err.startswith(f"hedgehog: error: {why}")


def test_git_and_the_cluster_are_what_a_fabric_is_compared_with(lab):
    """And not what it was."""
    status, _, err = lab("diff", "lab", "--from", "git")
    assert (status, err.splitlines()[0]) == (
        2,
        "hedgehog: error: --from is a moment of the fabric; only --to may be git",
    )


def test_blame_names_the_change_of_each_field(lab):
    """Of settings as well; of what was deleted, the change that did it."""
    _, out, _ = lab("blame", "lab", "VPC/default/a", "--output", "json")
    found = {one["path"]: (one["value"], one["change"]["generation"]) for one in json.loads(out)}
    assert found[".spec.subnets.default.vlan"] == (1111, 3)
    assert found[".spec.subnets.default.subnet"][1] == 2
    assert "CHG-7" in lab("blame", "lab", "vpcs/a")[1]
    assert [lab("blame", "lab", word)[0] for word in ("Fabric/default/lab", "fabric/lab")] == [0, 0]
    status, _, err = lab("blame", "lab", "VPC/default/b")
    assert (status, "VPC/default/b was deleted in generation 4" in err) == (1, True)
    status, _, err = lab("blame", "lab", "VPC/default/z")
    assert (status, "lab never had an object VPC/default/z" in err) == (1, True)
    assert "lab never had an object VPC/z" in lab("blame", "lab", "vpc/z")[2]
    assert "'VPCC' is not a kind of objects; did you mean VPC" in lab("blame", "lab", "VPCC/default/a")[2]


def test_an_object_that_is_gone_is_rolled_back_by_its_short_name(lab):
    """The history knows its namespace."""
    status, out, _ = lab("rollback", "lab", "--to", "3", "--object", "vpc/b", "--dry-run", "--allow-invalid")
    assert (status, "VPC/default/b" in out) == (0, True)


def test_a_deleted_fabric_still_has_a_history(lab):
    """Its end is the newest change."""
    assert lab("fabric", "delete", "lab", "--yes", "--reason", "moved")[0] == 0
    _, out, _ = lab("history", "lab", "--output", "json")
    assert next((one["generation"], one["why"]) for one in json.loads(out)) == (None, "moved")
    assert "VPC/default/a deleted" in lab("diff", "lab")[1]
    assert lab("history", "nobody")[0] == 1


def test_trace_shows_how_far_the_last_change_has_come(lab, database):
    """And what each stage that it has not reached waits for."""
    settings = "git_repository_id = 1, git_sync_enabled = true, enable_k8s_sync = true, kubernetes_connection_id = 'c'"
    with transaction(database) as cursor:
        cursor.execute("INSERT INTO hedgehog.git_repository (name, url) VALUES ('net', 'https://git.example.com/net')")
        cursor.execute(f"UPDATE hedgehog.fabric SET {settings}")
    fabric = load_fabric(database, "lab")

    def finish(target, **values):
        outcome = Outcome("lab", target, OutcomeStatus.SUCCESS, fabric.generation, counts={"created": 1}, **values)
        with transaction(database) as cursor:
            sync_state.finish(cursor, fabric.id, outcome, run_id=f"run-{target}")

    def stages(subject="lab"):
        (found,) = json.loads(lab("trace", subject, "--output", "json")[1])
        return {one["name"]: (one["by"], one["waits_for"]) for one in found["stages"] if one["name"] != "changed"}

    assert stages()["committed"] == ("", "the next run; no run has synced it yet")
    finish(Target.GIT, revision=f"main@sha1:{COMMIT}", commit=COMMIT)
    assert stages()["committed"] == ("5394cb7f", "")
    assert stages()["applied"][1] != ""
    finish(Target.KUBERNETES, revision=f"main@sha1:{COMMIT}")
    found = stages(COMMIT[:10])
    assert found["applied"] == ("run-kubernetes", "")
    assert found["converged"][1] == "the next look at the cluster"
    with transaction(database) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.convergence (event_id, fabric_id, generation, applied_at, converged_at) SELECT id, "
            "fabric_id, generation, finished_at, finished_at + interval '9 s' FROM hedgehog.sync_event WHERE target = 'kubernetes'"
        )
    assert re.search(rf"^converged +{datetime.now(UTC):%Y}-", lab("trace", "lab")[1], re.MULTILINE)
    status, _, err = lab("trace", "abcdef0")
    assert (status, "is neither a fabric nor a commit that changed one" in err) == (1, True)
