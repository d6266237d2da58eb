"""Recorded answers of a real API server with Hedgehog's webhooks are our answers."""

from __future__ import annotations

import sys

import pytest

from devstack.replay import RECORDED, SAMPLE, replay, report
from hedgehog.fabric.kinds import KINDS

RELEASES = pytest.mark.parametrize("upstream", RECORDED, ids=str)


@RELEASES
def test_the_sample_is_answered_as_the_cluster_answered(upstream):
    """Some hundred creates, updates and deletes; run with -s for the table."""
    tally = replay(SAMPLE, upstream)
    table = report(tally, show=20)
    sys.stdout.write(f"{table}\n")
    assert tally.good, table
    assert {kind for kind, *_ in tally.verdicts} >= {row.kind for row in KINDS.values() if row.namespace != "fab"}


@pytest.mark.real  # not quick: every recorded case, where they are at hand
@RELEASES
def test_every_recorded_case_is_answered_as_the_cluster_answered(reference, upstream):
    """Also what admission made of each accepted object."""
    tally = replay(reference / "admission" / "cases.jsonl.gz", upstream)
    table = report(tally, show=20)
    sys.stdout.write(f"{table}\n")
    assert tally.good, table
    assert tally.verdicts.total() > 24_000
