"""Recorded verdicts of the dataplane validator are our verdicts, and name the same rules."""

from __future__ import annotations

import json
import sys

import pytest

from devstack import replay_gateway as replays
from devstack.replay_gateway import RULES, SAMPLE, Answer, replay_gateway, report_gateway


def test_sets_of_our_own_have_the_verdicts_that_upstream_describes():
    """Among them all that a count of addresses alone gets wrong."""
    tally = replay_gateway(SAMPLE)
    assert tally.differences == [], report_gateway(tally)
    assert tally.rules.total() > 25


def test_every_recorded_set_has_the_recorded_verdict_and_rule(reference):
    """Also when everything is stored already, and with the validator of other releases."""
    tally = replay_gateway(reference / "gateway" / "cases.jsonl.gz")
    table = report_gateway(tally)
    sys.stdout.write(f"{table}\n")
    assert tally.differences == [], table
    assert tally.false_rejections == 0
    assert tally.rules.total() >= 366
    assert {name for name, _ in tally.rules} <= {"ok", *RULES.values()}


@pytest.mark.parametrize(
    ("theirs", "ours", "false_rejections"),
    [
        ({"rule": "dp-acl-empty", "on_create": {}, "on_rewrite": {}, "verdict": "refused"}, Answer({}, {}), 0),
        (
            {"rule": "", "on_create": {}, "on_rewrite": {}, "verdict": "ok"},
            Answer({"GatewayPeering/one": "dp-acl-empty"}, {}),
            1,
        ),
    ],
)
def test_a_difference_is_told_and_ends_with_1(theirs, ours, false_rejections, tmp_path, monkeypatch, capsys):
    """A set that we refuse by mistake is counted separately."""
    file = tmp_path / "cases.jsonl"
    file.write_text(json.dumps({"id": "case", "objects": [], "upstream": "v0.24.0", **theirs}))
    monkeypatch.setattr(replays, "ask", lambda objects, release: ours)
    monkeypatch.setattr(sys, "argv", ["replay-gateway", str(file)])
    assert replays.main() == 1
    printed = capsys.readouterr().out
    assert "-- case v0.24.0" in printed
    assert f"{false_rejections} false rejections" in printed
