"""`hedgehog approval` and `hedgehog proposals`, as people use them."""

from __future__ import annotations

import json

import pytest

from hedgehog.services.observe.metrics import collect
from hedgehog.store.proposals import note_review
from tests.cli.lab import EXAMPLES, connection_uri, filled, hedgehog

__all__ = ["connection_uri", "filled", "hedgehog"]

SERVER = "apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {name: new}\nspec: {}\n"


@pytest.fixture
def guarded(filled, tmp_path):
    """Every change of `gen` needs approval; one waits."""
    assert filled("approval", "require", "gen", "--select", "fabric=gen")[0] == 0
    (tmp_path / "s.yaml").write_text(SERVER)
    assert filled("fabric", "import", "--fabric", "gen", tmp_path / "s.yaml", "--reason", "a\x1b[31m reason")[0] == 0
    return filled


def waiting(command):
    """The proposals that wait."""
    return json.loads(command("proposals", "list", "--output", "json")[1])


def test_a_change_waits_and_its_author_cannot_approve_it(guarded):
    """The person who runs the command made it."""
    (proposal,) = waiting(guarded)
    assert (proposal["fabric"], proposal["status"], proposal["author_may_approve"]) == ("gen", "waiting", False)
    status, out, err = guarded("proposals", "approve", proposal["id"])
    assert (status, out, "somebody else must approve it" in err) == (1, "", True)
    assert guarded("object", "get", "gen", "server/new")[0] == 1
    assert guarded("proposals", "reject", proposal["id"], "--reason", "no")[0] == 0
    assert waiting(guarded) == []
    status, _, err = guarded("proposals", "reject", proposal["id"])
    assert (status, "was rejected by" in err) == (1, True)


def test_an_import_of_what_is_there_needs_no_approval(guarded):
    """It changes nothing."""
    _, out, err = guarded("fabric", "import", EXAMPLES / "gen", "--output", "json")
    assert (json.loads(out)["proposal"], err) == (None, "")


def test_a_proposal_is_shown_with_its_plan_and_nothing_of_it_acts(guarded):
    """Reasons are text of others."""
    (proposal,) = waiting(guarded)
    status, out, _ = guarded("proposals", "show", proposal["id"])
    assert (status, "+ Server/default/new created" in out, "\x1b" in out) == (0, True, False)
    shown = json.loads(guarded("proposals", "show", proposal["id"], "--output", "json")[1])
    assert shown["document"]["id"] == proposal["plan"]


def test_what_the_reviews_say_is_shown(guarded, database):
    """With the pull request; what others wrote does not act."""
    (proposal,) = waiting(guarded)
    assert (proposal["review_decides"], proposal["review"]) == (False, "")  # there is no pull request of an import
    note_review(database, proposal["id"], "eve\x1b asked for changes", "https://git.example.com/net/pull/7")
    _, out, _ = guarded("proposals", "show", proposal["id"])
    assert ("reviews: eve" in out, "asked for changes" in out, "\x1b" in out) == (True, True, False)
    (proposal,) = waiting(guarded)
    assert proposal["pull_request"] == "https://git.example.com/net/pull/7"


def test_a_deletion_and_a_plan_wait_as_well(guarded):
    """Each with a note that says so."""
    _, out, err = guarded("object", "delete", "gen", "vpc/solo", "--yes")
    assert ("would be deleted" in out, "waits for approval as proposal" in err) == (True, True)
    plan = json.loads(guarded("plan", "gen", "--delete", "vpc/solo", "--output", "json")[1])
    _, out, err = guarded("apply", plan["id"])
    assert ("waits for approval as proposal" in out, len(waiting(guarded))) == (True, 2)


def test_metrics_say_what_waits_and_how_long(guarded, database):
    """Fabrics without a proposal have no series."""
    found = {
        (one.name, tuple(one.labels.values())): one.value for one in collect(database, {}) if "proposal" in one.name
    }
    assert found["hedgehog_proposals", ("gen",)] == 1
    assert found["hedgehog_proposal_oldest_seconds", ()] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("proposals", "approve", "x"), 2, "'x' is not a number"),
        (("proposals", "approve", "99"), 1, "there is no proposal 99"),
        (("approval", "require", "Gen", "--select", "fabric=gen"), 1, "'Gen' is not a name of a rule"),
        (("approval", "require", "gen", "--select", "fabric="), 1, ""),
        (("approval", "require", "gen", "--select", "fabric=gen", "--kinds", "VPX"), 1, "is not a kind of objects"),
        (("approval", "drop", "gne"), 1, "there is no approval rule 'gne'"),
        (("approval", "require", "gen"), 2, "--select"),
    ],
)
def test_wrong_use_is_one_clear_line(filled, arguments, code, says):
    """And changes nothing."""
    status, out, err = filled(*arguments)
    assert (status, says in err) == (code, True), (out, err)
    assert json.loads(filled("approval", "list", "--output", "json")[1]) == ([] if code else [{}])


def test_rules_are_listed_replaced_and_dropped(filled):
    """By their names."""
    filled("approval", "require", "gen", "--select", "fabric=gen", "--above-deleted", "5", "--kinds", "switch,vpcs")
    assert "more than 5 deleted objects or objects of Switch, VPC" in filled("approval", "list")[1]
    filled("approval", "require", "gen", "--select", "tier=prod")
    (rule,) = json.loads(filled("approval", "list", "--output", "json")[1])
    assert (rule["select"], rule["above_deleted"], rule["kinds"]) == ("tier=prod", None, [])
    assert rule["review_decides"] is True
    filled("approval", "require", "gen", "--select", "tier=prod", "--without-reviews")
    (rule,) = json.loads(filled("approval", "list", "--output", "json")[1])
    assert rule["review_decides"] is False
    assert filled("approval", "drop", "gen")[0] == 0
    assert "no change needs approval" in filled("approval", "list")[1]
