"""The objects of a fabric are listed, shown, edited and deleted with the command."""

from __future__ import annotations

import json
import os
import pty
import shlex
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
import yaml

from hedgehog.store.actions import action_rows
from hedgehog.store.database import connect
from hedgehog.store.fabrics import load_fabric
from hedgehog.store.objects import load_objects
from tests.cli.lab import ROOT, connection_uri, filled, hedgehog
from tests.origins import origins

__all__ = ["connection_uri", "filled", "hedgehog"]

PROD = "VPC/default/prod"


@pytest.fixture
def edited(filled, database_parameters, monkeypatch, tmp_path):
    """Edit an object with a command in the place of the editor, at a terminal where somebody types *typed*; status and
    what the terminal shows."""
    drafts = tmp_path / "drafts"
    drafts.mkdir()
    monkeypatch.setenv("TMPDIR", str(drafts))

    def edit(editor: str, *arguments: str, typed: str = "") -> tuple[int, str]:
        monkeypatch.setenv("VISUAL", editor)
        here, there = pty.openpty()
        command = [sys.executable, str(ROOT / "bin" / "hedgehog"), "object", "edit", "gen", *arguments]
        os.write(here, typed.encode())
        done = subprocess.run(command, stdin=there, capture_output=True, text=True, check=False)
        os.close(here)
        os.close(there)
        return done.returncode, done.stdout + done.stderr

    return edit


def stored(parameters, ref=PROD):
    """The manifest of an object as the database has it; None without one."""
    with closing(connect(parameters)) as connection:
        found = {str(one.ref): one.manifest for one in load_objects(connection, [load_fabric(connection, "gen").id])[1]}
    return found.get(ref)


def history(parameters):
    """Through what and why the fabric was changed last."""
    with closing(connect(parameters)) as connection:
        return origins(connection, "gen")[-1][1:]


def actions(parameters):
    """What was done to which objects and why, the newest first."""
    with closing(connect(parameters)) as connection:
        return [
            (row["action"], row["subjects"], row["reason"])
            for row in action_rows(connection, "gen", after=None, limit=9)
        ]


def vlan(parameters):
    """The VLAN of a subnet of the VPC prod."""
    return stored(parameters)["spec"]["subnets"]["web"]["vlan"]


def drafts() -> list[Path]:
    """The texts that are kept."""
    return list(Path(os.environ["TMPDIR"]).iterdir())


def test_objects_are_listed_with_how_they_stand(filled):
    """By kind, name and state."""
    status, out, _ = filled("object", "list", "gen", "--kind", "vpcs", "--search", "r")
    assert status == 0
    assert out.splitlines()[0].split() == ["OBJECT", "STATE", "CHANGED", "WHY"]
    assert [line.split()[:2] for line in out.splitlines()[1:]] == [[PROD, "pending"], ["VPC/default/stor", "pending"]]
    _, out, _ = filled("object", "list", "gen", "--output", "json")
    assert len(json.loads(out)) == 75
    assert filled("object", "list", "gen", "--state", "refused")[1] == "fabric gen has no such objects\n"


def test_more_objects_than_a_page_are_listed(filled, monkeypatch):
    """All pages of the service."""
    monkeypatch.setattr("hedgehog.cli.objects._PAGE", 7)
    assert len(json.loads(filled("object", "list", "gen", "--output", "json")[1])) == 75


@pytest.mark.parametrize("word", [PROD, "vpc/prod", "vpcs/prod", "VPC/prod"])
def test_an_object_is_printed_as_yaml(filled, database_parameters, word):
    """By its whole name or a short one; the text can be imported again."""
    status, out, err = filled("object", "get", "gen", word)
    assert (status, err) == (0, "")
    assert yaml.safe_load(out) == stored(database_parameters)


def test_several_objects_are_one_stream(filled):
    """As an import reads it; or JSON."""
    _, out, _ = filled("object", "get", "gen", "vpc/prod", "vpc/stor", "vpc/prod")
    assert [one["metadata"]["name"] for one in yaml.safe_load_all(out)] == ["prod", "stor"]
    _, out, _ = filled("object", "get", "gen", "vpc/prod", "--output", "json")
    assert json.loads(out)[0]["metadata"]["name"] == "prod"


@pytest.mark.parametrize(
    ("word", "said"),
    [
        ("vpc/prd", "fabric gen has no vpc/prd; did you mean VPC/prod"),
        ("VPC/default/nothing-like-it", "`hedgehog object list gen --kind VPC` shows all"),
        ("VCP/prod", "'VCP' is not a kind of objects; did you mean VPC"),
        ("prod", "'prod' is not an object; write Kind/namespace/name, or Kind/name"),
    ],
)
def test_an_object_that_is_not_there_is_one_clear_line(filled, word, said):
    """With what was probably meant."""
    status, out, err = filled("object", "get", "gen", word)
    assert (status, out, len(err.splitlines())) == (1, "", 1)
    assert said in err


def test_an_edit_is_checked_shown_explained_and_stored(edited, database_parameters):
    """The person says why; the text in the editor says what it is."""
    status, said = edited("sed -i s/1001/1011/", "vpc/prod", typed="CHG-17\n")
    assert (status, vlan(database_parameters)) == (0, 1011)
    assert "VPC/default/prod would be configured\n  .spec.subnets.web.vlan: 1001 → 1011\nWhy?" in said
    assert actions(database_parameters) == [("edit", [PROD], "CHG-17")]
    assert history(database_parameters) == ("cli", "CHG-17")
    assert drafts() == []


def test_an_edit_with_a_reason_asks_nothing(edited, database_parameters):
    """For scripts, and for those who know it before."""
    assert edited("sed -i s/1001/1012/", "vpc/prod", "--reason", "CHG-18")[0] == 0
    assert (vlan(database_parameters), actions(database_parameters)[0][2]) == (1012, "CHG-18")


def test_without_a_reason_nothing_is_stored_and_the_text_is_kept(edited, database_parameters):
    """Enter alone is a change of mind; the command that is shown takes the text up again."""
    status, said = edited("sed -i s/1001/1013/", "vpc/prod", typed="\n")
    assert (status, vlan(database_parameters)) == (1, 1001)
    (draft,) = drafts()
    again = said.split("to go on with it: `")[1].split("`")[0]
    assert shlex.split(again)[:5] == ["hedgehog", "object", "edit", "gen", PROD]
    status, _ = edited("false", *shlex.split(again)[4:], "--reason", "CHG-19")
    assert (status, vlan(database_parameters)) == (0, 1013)
    assert draft.exists()


def test_a_refused_text_is_kept(edited, database_parameters):
    """What breaks a rule is not stored, unless that is allowed."""
    status, said = edited("sed -i s/1001/1002/", "vpc/prod", "--reason", "x")
    assert (status, vlan(database_parameters)) == (1, 1001)
    assert "hedgehog: error: " in said
    assert "1002" in drafts()[0].read_text()
    assert edited("true", "vpc/prod", "--file", str(drafts()[0]), "--reason", "x", "--allow-invalid")[0] == 0
    assert vlan(database_parameters) == 1002


def test_a_text_that_is_not_changed_changes_nothing(edited, database_parameters):
    """Nobody is asked, nothing is recorded, and no file stays."""
    status, said = edited("true", "vpc/prod")
    assert (status, said) == (0, "VPC/default/prod unchanged\n")
    assert (actions(database_parameters), drafts()) == ([], [])


def test_an_editor_that_fails_stores_nothing(edited, database_parameters):
    """As one that is left with an error on purpose."""
    status, said = edited("false", "vpc/prod")
    assert (status, drafts()) == (1, [])
    assert "the editor 'false' ended with status 1; nothing was stored" in said
    assert "the editor '/no/editor' cannot be started" in edited("/no/editor", "vpc/prod")[1]


def test_a_change_by_others_is_not_overwritten(edited, filled, tmp_path, database_parameters):
    """Somebody changed the object while the editor was open: the text says on which content it is based."""
    script = tmp_path / "editor"
    command = f"{sys.executable} {ROOT}/bin/hedgehog object edit gen vpc/prod --file - --reason theirs"
    script.write_text(f'#!/bin/sh\nsed s/1001/1021/ "$1" | {command} && sed -i s/1001/1031/ "$1"\n')
    script.chmod(0o755)
    status, said = edited(str(script), "vpc/prod", "--reason", "mine")
    assert (status, vlan(database_parameters)) == (1, 1021)
    assert "was changed by others since you read it" in said
    assert "1031" in drafts()[0].read_text()


def test_an_edit_does_not_turn_an_object_into_another(edited):
    """It would be a copy."""
    _, said = edited("sed -i s/prod/other/", "vpc/prod", "--reason", "x")
    assert "the text holds VPC/default/other, not VPC/default/prod" in said


def test_a_dry_run_of_an_edit_shows_the_change(edited, database_parameters):
    """And keeps the text."""
    status, said = edited("sed -i s/1001/1014/", "vpc/prod", "--dry-run")
    assert (status, vlan(database_parameters), len(drafts())) == (0, 1001, 1)
    assert ".spec.subnets.web.vlan: 1001 → 1014\ndry run: nothing was changed" in said


def test_without_a_terminal_an_edit_needs_a_reason(filled):
    """Nobody could be asked."""
    status, _, err = filled("object", "edit", "gen", "vpc/prod")
    assert (status, err.splitlines()[0]) == (2, "hedgehog: error: there is nobody to ask why; say --reason TEXT")


def test_an_object_of_a_fabric_that_follows_git_is_edited_in_git_alone(edited, filled, database_parameters):
    """The next look at Git would revert what is stored; here, Git does not answer."""
    filled("fabric", "set", "gen", "source_of_truth=git")
    assert "your text is kept in" in edited("sed -i s/1001/1014/", "vpc/prod", "--reason", "x")[1]
    status, _, err = filled("object", "delete", "gen", "vpc/prod", "--yes", "--allow-invalid")
    assert (status, "check the URL" in err, vlan(database_parameters)) == (1, True, 1001)


def test_a_deletion_says_what_still_needs_the_object(filled, database_parameters):
    """And changes nothing without a yes; a cluster would keep the object."""
    status, out, err = filled("object", "delete", "gen", "vpc/prod")
    assert (status, err) == (1, "hedgehog: note: nothing was changed; do it with --yes\n")
    assert out.splitlines()[0] == "VPC/default/prod would be deleted"
    assert "  refused: " in out
    assert "  needed by VPCAttachment/default/" in out
    status, out, err = filled("object", "delete", "gen", "vpc/prod", "--yes")
    assert (status, out) == (1, "")
    assert "VPC/default/prod cannot be deleted: " in err
    assert stored(database_parameters) is not None


def test_an_object_is_deleted_with_what_needs_it(filled, database_parameters):
    """All of them in one change, which is recorded with the reason."""
    words, before = [PROD], 0
    while len(words) > before:
        _, out, _ = filled("object", "delete", "gen", *words, "--dry-run", "--output", "json")
        before = len(words)
        words += sorted({user for one in json.loads(out)["objects"] for user in one["needed_by"]})
    assert len(words) > 3
    status, out, err = filled("object", "delete", "gen", *words, "--yes", "--reason", "the tenant left")
    assert (status, err) == (0, "")
    assert out.splitlines() == [f"{word} is deleted" for word in words]
    assert stored(database_parameters) is None
    assert actions(database_parameters) == [("delete", words, "the tenant left")]
    assert history(database_parameters) == ("cli", "the tenant left")


def test_what_a_cluster_would_keep_can_leave_the_database(filled, database_parameters):
    """If somebody insists."""
    assert filled("object", "delete", "gen", "vpc/prod", "--yes", "--allow-invalid")[0] == 0
    assert stored(database_parameters) is None


@pytest.mark.parametrize(
    ("redirection", "said"),
    [
        ("<&-", "stdin is closed; pipe a file into the command, or name one"),
        ("</dev/zero", "stdin: is larger than 10485760 bytes; split it"),
    ],
)
def test_a_text_that_cannot_be_read_is_refused_in_a_line(filled, database_parameters, redirection, said):
    """A supervisor that closes stdin, a pipe that never ends."""
    before = stored(database_parameters)
    command = f"{sys.executable} {ROOT}/bin/hedgehog object edit gen vpc/prod --reason x --file - {redirection}"
    done = subprocess.run(["bash", "-c", f"ulimit -v 4000000; {command}"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"hedgehog: error: {said}\n")
    assert stored(database_parameters) == before
