"""The register: every trouble of a fabric is in it until it is over, with its cause, its age and what to do."""

from __future__ import annotations

import pytest

from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from hedgehog.store import problems, sync_state
from hedgehog.store.problems import open_problems

EDIT = SyncProblem(ProblemKind.HELD_EDIT, "lab/vpcs/a.yaml", "lab/vpcs/a.yaml was edited by Ann")
REFUSED = SyncProblem(ProblemKind.REFUSED, "VPC/default/b", "VPC/default/b is refused: its VLAN is taken")


def outcome(status=OutcomeStatus.HELD, *problems, target=Target.GIT, **parts):
    """What a run found."""
    return Outcome("lab", target, status, problems=problems, **parts)


def failure(*, retryable, **parts):
    """A run that failed as a whole."""
    return outcome(OutcomeStatus.ERROR, reason="no route", error_class="X", retryable=retryable, **parts)


def known(bench, **options):
    """Kind, subject and whether it needs somebody, of all that is open."""
    found = open_problems(bench.connection, **options)
    return [(one.kind.value, one.subject, one.needs_somebody) for one in found]


def test_what_a_sync_leaves_alone_is_open_until_a_sync_finds_it_no_more(bench):
    """Not only in the run that met it."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT, REFUSED))
    assert known(bench) == [("held-edit", EDIT.subject, True), ("refused-object", REFUSED.subject, True)]
    bench.finish(fabric, outcome(OutcomeStatus.HELD, REFUSED))
    assert known(bench) == [("refused-object", REFUSED.subject, True)]
    bench.finish(fabric, outcome(OutcomeStatus.SKIPPED))
    assert known(bench) == []


def test_a_problem_keeps_its_age_while_its_cause_is_reported_again(bench):
    """Since when is what says how urgent it is."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    (first,) = open_problems(bench.connection)
    bench.finish(fabric, outcome(OutcomeStatus.HELD, SyncProblem(EDIT.kind, EDIT.subject, "edited by Bob")))
    (now,) = open_problems(bench.connection)
    assert (now.since, now.cause) == (first.since, "edited by Bob")


def test_a_run_that_could_not_read_keeps_the_known_problems(bench):
    """A host that is unreachable does not resolve a held edit."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    bench.finish(fabric, failure(retryable=True))
    assert known(bench) == [("held-edit", EDIT.subject, True)]


def test_what_fails_is_open_and_needs_nobody_until_it_is_given_up(bench):
    """It is retried automatically; parked it waits for a person, who is told how to go on."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, failure(retryable=True))
    assert known(bench) == [("failing", "", False)]
    assert known(bench, only_for_people=True) == []
    bench.finish(fabric, failure(retryable=False))
    ((number,),) = bench.execute("SELECT id::text FROM hedgehog.dead_letter")
    (problem,) = open_problems(bench.connection)
    assert (problem.kind, problem.needs_somebody) == (ProblemKind.PARKED, True)
    assert (problem.cause, problem.command) == ("no route", f"hedgehog dead-letters replay {number}")
    assert problem.since < bench.state().last_attempt_at
    bench.finish(fabric, outcome(OutcomeStatus.SUCCESS, generation=bench.generation()))
    assert known(bench) == []


def test_an_object_that_is_tried_again_needs_nobody_while_one_that_is_refused_does(bench):
    """They may be of one run."""
    fabric = bench.synced_fabric()
    passing = SyncProblem(ProblemKind.FAILING, "VPC/default/c", "the webhook did not answer")
    bench.finish(
        fabric,
        outcome(OutcomeStatus.ERROR, passing, REFUSED, target=Target.KUBERNETES, retryable=True, reason="2 failed"),
    )
    assert known(bench) == [("refused-object", REFUSED.subject, True), ("failing", passing.subject, False)]


def test_a_suspended_fabric_needs_nobody(bench):
    """It is left alone on purpose; what is wrong stays known."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    bench.execute("UPDATE hedgehog.fabric SET suspended = true")
    assert known(bench) == [("held-edit", EDIT.subject, False)]


def test_a_sync_that_is_switched_off_has_no_problems(bench):
    """Nobody wants anything of it any more."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    bench.fabric("lab", git_sync_enabled=False)
    assert known(bench) == []


@pytest.mark.parametrize(("source", "verb"), [("database", "git_sync"), ("git", "repository_changes")])
def test_a_problem_belongs_to_the_dag_that_can_end_it(bench, source, verb):
    """Each summary names its own, and those of the fabrics it was asked for."""
    fabric = bench.synced_fabric(source_of_truth=source)
    other = bench.synced_fabric("other")
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    bench.finish(other, outcome(OutcomeStatus.HELD, REFUSED, target=Target.KUBERNETES))
    assert known(bench, verbs=[verb]) == [("held-edit", EDIT.subject, True)]
    assert known(bench, verbs=["kubernetes_sync"]) == [("refused-object", REFUSED.subject, True)]
    assert known(bench, fabrics=["other"]) == [("refused-object", REFUSED.subject, True)]


def test_remarks_about_one_file_are_one_problem_and_their_number_is_bounded(bench):
    """A pushed file with ten thousand mistakes must not fill the database."""
    fabric = bench.synced_fabric()
    many = [SyncProblem(ProblemKind.REFUSED, f"{n}.yaml", "x" * 5000) for n in range(problems.MOST_PROBLEMS + 5)]
    bench.finish(fabric, outcome(OutcomeStatus.HELD, *many, SyncProblem(ProblemKind.REFUSED, "0.yaml", "twice")))
    assert len(open_problems(bench.connection)) == problems.MOST_PROBLEMS
    bench.finish(
        fabric, outcome(OutcomeStatus.HELD, *[SyncProblem(REFUSED.kind, "a.yaml", f"line {n}") for n in (1, 2)])
    )
    assert [one.cause for one in open_problems(bench.connection)] == ["line 1; line 2"]


def test_a_killed_run_resolves_nothing(bench):
    """What was known before it is known after it."""
    fabric = bench.synced_fabric()
    bench.finish(fabric, outcome(OutcomeStatus.HELD, EDIT))
    sync_state.begin(bench.connection, Target.GIT, [fabric.id], run_id="killed")
    assert known(bench) == [("held-edit", EDIT.subject, True)]


@pytest.mark.parametrize(("source", "command"), [("database", "hedgehog sync git lab"), ("git", "hedgehog pull")])
def test_what_is_to_be_tried_again_is_tried_by_the_command_that_can(bench, source, command):
    """A sync writes nothing to Git for a fabric that lives there, so it would end nothing."""
    bench.finish(bench.synced_fabric(source_of_truth=source), failure(retryable=True))
    assert [one.command for one in open_problems(bench.connection)] == [command]


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_every_problem_says_what_to_do(bench, kind):
    """In words, and with a command that names the fabric or the letter."""
    fabric = bench.synced_fabric()
    bench.execute(
        "INSERT INTO hedgehog.finding (fabric_id, target, kind, subject, cause) VALUES (%s, 'git', %s, 'VPC/default/a', 'why')",
        fabric.id,
        kind.value,
    )
    (problem,) = open_problems(bench.connection)
    assert problem.advice
    assert problem.command.startswith("hedgehog ")
    assert "{" not in problem.command
    assert problem.as_dict()["kind"] == kind.value
    assert f"{problem.advice}: `{problem.command}`" in str(problem)
