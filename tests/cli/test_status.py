"""`hedgehog status` and `hedgehog explain` as people and scripts meet them."""

from __future__ import annotations

import argparse
import io
import json
from datetime import UTC, datetime

import pytest

from hedgehog.cli import output
from hedgehog.cli.output import Screen
from hedgehog.cli.status import _explanation
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.services.observe.status import target_statuses
from hedgehog.store import fabrics, sync_state
from hedgehog.store.database import transaction
from tests.cli.lab import connection_uri, hedgehog

__all__ = ["connection_uri", "hedgehog"]

LONG = "a very long reason " * 20 + "whose end says what to do"


@pytest.fixture
def lab(hedgehog, database):
    """The command on three fabrics: one in sync, one with six refused objects, one suspended."""
    for name in ("good", "bad", "quiet"):
        fabrics.save_fabric(database, name, {"enable_k8s_sync": True, "kubernetes_connection_id": f"k8s_{name}"})
    problems = tuple(SyncProblem(ProblemKind.REFUSED, f"VPC/default/v-{n}", f"{LONG} {n}") for n in range(6))
    ends = {"good": (OutcomeStatus.SUCCESS, ()), "bad": (OutcomeStatus.HELD, problems)}
    for name, (status, found) in ends.items():
        outcome = Outcome(name, Target.KUBERNETES, status, generation=1, problems=found, reason=f"{LONG} (and 5 more)")
        with transaction(database) as cursor:
            sync_state.finish(cursor, fabrics.load_fabric(database, name).id, outcome, run_id="r")
    fabrics.suspend(database, "quiet", reason="CHG-17", until=None)
    return hedgehog


def test_reasons_are_whole_where_nothing_limits_them(lab, monkeypatch):
    """A pipe has no width, whatever COLUMNS says; of many, the way to the rest is named."""
    monkeypatch.setenv("COLUMNS", "80")
    status, out, _ = lab("status")
    lines = out.splitlines()
    assert status == 0
    assert lines[1].endswith(f"VPC/default/v-0: {LONG} 0")
    assert lines[4].strip() == "and 3 more; see `hedgehog explain bad`"
    assert "(and 5 more)" not in out
    assert "suspended: CHG-17" in out
    assert lines[-2] == "3 fabrics: 1 in_sync, 1 out_of_sync, 1 suspended; 6 problems for somebody"
    assert all(f"VPC/default/v-{number}: {LONG} {number}" in lab("status", "--verbose")[1] for number in range(6))


def test_a_check_ends_with_1_while_anything_needs_somebody(lab):
    """Of what is selected; a suspended fabric needs nobody."""
    assert [lab("status", *words, "--check")[0] for words in ((), ("good",), ("bad",), ("quiet",))] == [1, 0, 1, 0]
    assert lab("status", "--check", "--select", "cluster=k8s_g*")[0] == 0


def test_rows_are_selected(lab):
    """By what people know of them, with patterns; all selectors must fit."""

    def names(*words):
        return [row["fabric"] for row in json.loads(lab("status", *words, "--output", "json")[1])]

    assert names() == ["bad", "good", "quiet"]
    assert names("--not-in-sync") == ["bad", "quiet"]
    assert names("--status", "in_sync,suspended") == ["good", "quiet"]
    assert names("--status", "in_sync,suspended", "--select", "fabric=q*") == ["quiet"]
    assert names("--target", "git") == []
    assert lab("status", "good", "--not-in-sync")[1] == "every fabric is in sync\n"
    assert lab("status", "--status", "parked", "--select", "fabric=q*") == (
        0,
        "no fabric fits fabric=q* and --status parked\n",
        "",
    )


def test_an_explanation_names_everything_and_what_to_do(lab):
    """And its exit status is an answer."""
    status, out, _ = lab("explain", "bad")
    assert status == 1
    assert out.startswith("bad is not in sync; 6 problems for you\n")
    assert "refused-object (6, since" in out
    assert all(f"VPC/default/v-{number}: {LONG} {number}" in out for number in range(6))
    assert "→ correct the object or file, where it is kept" in out
    checks = "hedgehog fabric export bad | hedgehog validate --fabric bad - --against-cluster"
    assert [line.strip() for line in out.splitlines()].count(checks) == 1
    status, out, _ = lab("explain", "good")
    assert (status, out.startswith("good is in sync")) == (0, True)
    status, out, _ = lab("explain", "quiet")
    assert (status, "`hedgehog fabric resume quiet`" in out) == (0, True)
    told = json.loads(lab("explain", "bad", "--output", "json")[1])
    assert (told["needs_somebody"], len(told["targets"][0]["problems"])) == (True, 6)


@pytest.mark.parametrize("width", [40, 80])
def test_a_command_is_on_a_line_of_its_own_however_narrow_the_screen(lab, database, width):
    """To be copied; half a command with a line break behind it would run."""
    fabric = fabrics.load_fabric(database, "bad")
    rows = target_statuses(database, ["bad"], now=datetime.now(UTC))
    lines = list(_explanation(fabric, rows, datetime.now(UTC), Screen(width), every=True))
    commands = [problem.command for problem in rows[0].problems]
    assert {line.strip() for line in lines} >= set(commands)
    assert "".join(lines).count("whose end says") == 6


def test_watching_shows_it_again_until_it_is_interrupted(lab, monkeypatch):
    """Ctrl-C is the way out and no error of anybody."""
    pauses = []

    def sleep(seconds):
        pauses.append(seconds)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    monkeypatch.setattr("hedgehog.cli.status.time.sleep", sleep)
    status, out, err = lab("status", "good", "--watch", "5")
    assert (status, pauses, err) == (130, [5.0, 5.0, 5.0], "")
    assert out.count("FABRIC  TARGET") == 3


@pytest.mark.parametrize("width", [20, 80, 120, 200])
def test_a_table_fits_its_screen(width):
    """The last column is wrapped, and stands below its row where there is no room beside it."""
    rows = [("gen", "out_of_sync", "word " * 60), ("lab", "in_sync", None), ("a", "b", ["one", "two"])]
    text = output.table(("fabric", "status", "reason"), rows, nothing="", screen=Screen(width))
    assert all(len(line) <= max(width, 36) for line in text.splitlines())
    assert text.count("word") == 60
    assert [line.split() for line in text.splitlines()[-2:]] in (
        [["a", "b", "one"], ["two"]],
        [["one"], ["two"]],
    )


class _Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.mark.parametrize(
    ("stdout", "variables", "coloured"),
    [
        (_Terminal(), {}, True),
        (_Terminal(), {"NO_COLOR": "1"}, False),
        (_Terminal(), {"TERM": "dumb"}, False),
        (io.StringIO(), {}, False),
    ],
)
def test_colours_are_for_terminals_that_want_them(monkeypatch, stdout, variables, coloured):
    """Never in a pipe."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    found = output.screen(argparse.Namespace(stdout=stdout))
    text = output.table(("a", "status"), [("x", "parked")], nothing="", screen=found)
    assert ("\x1b[31mparked\x1b[0m" in text) is coloured
    assert text.replace("\x1b[31m", "").replace("\x1b[0m", "").splitlines()[1] == "x  parked"
