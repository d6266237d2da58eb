"""`hedgehog dead-letters …` as people and scripts meet it."""

from __future__ import annotations

import getpass
import json
import socket

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import database as store_database
from hedgehog.store import fabrics, sync_state
from tests.cli.lab import connection_uri, hedgehog

__all__ = ["connection_uri", "hedgehog"]

PERSON = f"{getpass.getuser()}@{socket.gethostname()}"


def park(parameters, name):
    """Make a fabric that its cluster refuses."""
    connection = store_database.connect(parameters)
    fabrics.save_fabric(connection, name, {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    outcome = Outcome(
        name, Target.KUBERNETES, OutcomeStatus.ERROR, reason="no\x1b[2J login", error_class="AuthenticationFailed"
    )
    with store_database.transaction(connection) as cursor:
        sync_state.finish(cursor, fabrics.load_fabric(connection, name).id, outcome, run_id="dag/run")
    connection.close()


@pytest.fixture
def parked(hedgehog, database_parameters):
    """The command on a database with the parked fabrics `a` and `b`, letters 1 and 2."""
    for name in ("a", "b"):
        park(database_parameters, name)
    return hedgehog


def listed(command, *arguments):
    """Fabric and status of the letters that `list` shows."""
    status, out, err = command("dead-letters", "list", *arguments, "--output", "json")
    assert (status, err) == (0, "")
    return sorted((letter["fabric"], letter["status"]) for letter in json.loads(out))


def test_the_list_is_a_line_a_letter(parked):
    """What a remote said cannot move the cursor."""
    _, out, _ = parked("dead-letters", "list")
    lines = [line.split() for line in out.splitlines()]
    assert lines[0] == ["ID", "FABRIC", "TARGET", "STATUS", "ATTEMPTS", "ERROR", "SINCE", "LAST", "MESSAGE"]
    assert lines[1][:6] == ["2", "b", "kubernetes", "parked", "1", "AuthenticationFailed"]
    assert lines[2][-3:] == ["no", "[2J", "login"]


def test_an_empty_list_says_so(hedgehog):
    """Which is good news."""
    assert hedgehog("dead-letters", "list") == (0, "there are no dead letters\n", "")


def test_one_is_shown_with_all_that_is_known(parked):
    """The run that gave up, and what to trigger."""
    _, out, _ = parked("dead-letters", "show", "1", "--output", "json")
    letter = json.loads(out)
    assert (letter["run_id"], letter["verb"], letter["conf"]) == ("dag/run", "kubernetes_sync", {"fabrics": ["a"]})


def test_replaying_makes_it_due_and_says_so(parked):
    """A dry run says the same and does nothing."""
    status, out, _ = parked("dead-letters", "replay", "1", "--dry-run")
    assert (status, out) == (0, "1: a → kubernetes would be due again\n")
    assert listed(parked) == [("a", "parked"), ("b", "parked")]
    status, out, _ = parked("dead-letters", "replay", "--fabric", "a")
    assert (status, out) == (0, "1: a → kubernetes is due again\n")
    assert (listed(parked), listed(parked, "--closed")) == ([("b", "parked")], [("a", "replayed"), ("b", "parked")])


def test_a_suspended_fabric_stays_parked_and_is_reported(parked, database_parameters):
    """Together with those that are replayed; it was parked while a run was still at it."""
    connection = store_database.connect(database_parameters)
    fabrics.suspend(connection, "b", reason="work", until=None)
    connection.close()
    park(database_parameters, "b")
    _, out, _ = parked("dead-letters", "replay", "--all", "--target", "kubernetes")
    assert out.splitlines() == [
        "1: a → kubernetes is due again",
        "3: b → kubernetes stays parked: the fabric is suspended, or its sync is switched off",
    ]


def test_a_discarded_one_keeps_who_and_why(parked):
    """Off the list, but not forgotten."""
    status, out, _ = parked("dead-letters", "discard", "2", "--reason", "site closed")
    assert (status, out) == (0, "2: b → kubernetes is removed from the list and stays parked\n")
    assert listed(parked) == [("a", "parked")]
    _, out, _ = parked("dead-letters", "show", "2", "--output", "json")
    assert (json.loads(out)["closed_by"], json.loads(out)["note"]) == (PERSON, "site closed")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("replay",), "which dead letters? give their numbers, fabrics, or say that all are meant"),
        (("replay", "7"), "there is no dead letter 7; `hedgehog dead-letters list --closed` shows them all"),
        (("replay", "--fabric", "aa"), "there is no fabric 'aa'; did you mean a?"),
        (("discard", "1", "--reason", " "), "say why with --reason, for those who look at the fabric later"),
    ],
)
def test_what_is_not_clear_is_refused(parked, words, said):
    """Nothing is touched."""
    assert parked("dead-letters", *words) == (1, "", f"hedgehog: error: {said}\n")
    assert listed(parked) == [("a", "parked"), ("b", "parked")]


def test_what_was_closed_cannot_be_replayed_and_says_what_became_of_it(parked):
    """Somebody else was quicker."""
    parked("dead-letters", "replay", "1")
    assert parked("dead-letters", "replay", "1") == (
        1,
        "",
        "hedgehog: error: dead letter 1 (a → kubernetes) is not parked: it was replayed\n",
    )
