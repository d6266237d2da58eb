"""Operators: one service call in between, a small result out, and the right colour."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators import sync as operators
from hedgehog.airflow.operators.sync import (
    OUTCOMES,
    FabricGitSyncOperator,
    FabricKubernetesSyncOperator,
    PlanSyncOperator,
    SyncSummaryOperator,
    describe,
)
from hedgehog.errors import AuthenticationFailed, NotFound, RemoteUnavailable
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Fabric, GitRepository, Target
from hedgehog.fabric.problems import Finding, ProblemKind

REVISION = "main@sha1:5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
COMMIT = "5394cb7f48332b2de7c17dd8b8384bbc84b7e738"
REPOSITORY = GitRepository(id=1, name="network", url="https://git.example.com/net/fabrics.git")


def make_outcome(fabric: str = "fabric-1", status: OutcomeStatus = OutcomeStatus.SUCCESS, **parts: Any) -> Outcome:
    """The outcome of a sync of *fabric* to Git."""
    return Outcome(fabric=fabric, target=parts.pop("target", Target.GIT), status=status, **parts)


def make_error(fabric: str, reason: str = "the Git host is away") -> Outcome:
    """The outcome of a failed sync."""
    return make_outcome(fabric, OutcomeStatus.ERROR, reason=reason, error_class="RemoteUnavailable", retryable=True)


def make_fabric(name: str = "fabric-1") -> Fabric:
    """A fabric with a directory in REPOSITORY."""
    return Fabric(id=1, name=name, resource_name=name, git_repository=REPOSITORY, git_directory=f"fabrics/{name}")


class FakeDatabase:
    """A connection that can be closed."""

    closed = False

    def close(self) -> None:
        """Close it."""
        self.closed = True


@pytest.fixture
def fake_database(monkeypatch: pytest.MonkeyPatch) -> FakeDatabase:
    """What operators get for the fabric database."""
    found = FakeDatabase()
    monkeypatch.setattr("hedgehog.airflow.adapters.hooks.open_database", lambda: found)
    monkeypatch.setattr("hedgehog.services.observe.cache.refresh", lambda connection, names: {})
    monkeypatch.setattr("hedgehog.services.connection_edits.wake", lambda connection, target, digest: [])
    monkeypatch.setattr("hedgehog.store.problems.open_problems", lambda connection, fabrics, *, verbs: [])
    monkeypatch.setattr(
        "hedgehog.store.fabrics.load_fabrics", lambda connection, names: [make_fabric(n) for n in names]
    )
    return found


class Service:
    """A use case that remembers how it was called and answers as told; an answer that is an error is raised."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.calls: list[tuple[tuple[Any, ...], dict[str, Any]]] = []

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        self.calls.append((arguments, options))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, fake_database: FakeDatabase) -> Callable[[str, Any], Service]:
    """Puts a Service in the place of a function below `hedgehog.services`."""

    def put(name: str, answer: Any) -> Service:
        found = Service(answer)
        monkeypatch.setattr(f"hedgehog.services.{name}", found)
        return found

    return put


# plan


@pytest.mark.parametrize(("target", "module"), [("git", "git_sync"), ("kubernetes", "kubernetes_sync")])
def test_a_plan_asks_the_service_of_its_target(service, context, fake_database, target, module):
    """Without names: every fabric that is due."""
    planned = service(f"{module}.plan", [["fabric-1"], ["fabric-2"]])
    operator = PlanSyncOperator(task_id="plan", target=target)
    assert operator.execute(context) == [["fabric-1"], ["fabric-2"]]
    assert planned.calls == [((fake_database,), {"fabrics": None, "force": False})]
    assert fake_database.closed


def test_a_plan_passes_names_and_force_on(service, context, fake_database):
    """What the trigger form said."""
    planned = service("git_sync.plan", [["fabric-1"]])
    PlanSyncOperator(task_id="plan", target="git", fabrics=["fabric-1"], force=True).execute(context)
    assert planned.calls == [((fake_database,), {"fabrics": ["fabric-1"], "force": True})]


def test_nothing_due_is_an_empty_plan_that_says_so(service, context, caplog):
    """Most runs of the clock end here; the mapped task and the summary are skipped."""
    caplog.set_level(logging.INFO)
    service("git_sync.plan", [])
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    assert "no fabric is due at git" in caplog.text


def test_an_unknown_fabric_fails_the_plan_without_a_retry(service, context, fake_database):
    """A typing error does not get better by waiting."""
    service("git_sync.plan", NotFound("there is no fabric 'fabrc-1'; did you mean fabric-1?"))
    with pytest.raises(AirflowFailException, match="did you mean fabric-1"):
        PlanSyncOperator(task_id="plan", target="git", fabrics=["fabrc-1"]).execute(context)
    assert fake_database.closed


def test_a_database_that_is_away_is_left_to_airflows_retries(monkeypatch, context):
    """The one trouble that no table can remember."""

    def away() -> None:
        raise RemoteUnavailable("the fabric database at db:5432 cannot be reached")

    monkeypatch.setattr("hedgehog.airflow.adapters.hooks.open_database", away)
    with pytest.raises(RemoteUnavailable):
        PlanSyncOperator(task_id="plan", target="git").execute(context)


def test_a_refused_database_login_fails_without_a_retry(monkeypatch, context):
    """Somebody must correct the connection; the chain of causes is kept."""

    def refused() -> None:
        raise AuthenticationFailed("the fabric database at db:5432 refused the login")

    monkeypatch.setattr("hedgehog.airflow.adapters.hooks.open_database", refused)
    with pytest.raises(AirflowFailException, match="refused the login") as caught:
        PlanSyncOperator(task_id="plan", target="git").execute(context)
    assert isinstance(caught.value.__cause__, AuthenticationFailed)


# sync


def test_a_git_sync_hands_its_batch_to_the_service(service, context, fake_database):
    """With the run's name, which ends in commit trailers and in the history."""
    synced = service("git_sync.sync", [make_outcome()])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"], force=True, plan_only=True).execute(context)
    ((arguments, options),) = synced.calls
    assert arguments == (fake_database, ["fabric-1"])
    assert options.pop("open_mirror").__name__ == "open_mirror"
    assert options == {
        "run_id": "hedgehog_git_sync/manual__2026-01-01",
        "force": True,
        "dry_run": True,
        "due_only": False,
    }
    assert fake_database.closed


def test_a_kubernetes_sync_hands_its_batch_to_the_service(service, context, fake_database):
    """A large prune only where it was asked for."""
    synced = service("kubernetes_sync.sync", [make_outcome(target=Target.KUBERNETES)])
    FabricKubernetesSyncOperator(task_id="sync", fabrics=["fabric-1"], allow_large_prune=True).execute(context)
    ((arguments, options),) = synced.calls
    assert arguments == (fake_database, ["fabric-1"])
    assert options.pop("open_cluster").__name__ == "open_cluster"
    assert options == {
        "run_id": "hedgehog_git_sync/manual__2026-01-01",
        "dry_run": False,
        "due_only": False,
        "allow_large_prune": True,
    }


@pytest.mark.parametrize(
    ("operator", "function"),
    [(FabricGitSyncOperator, "git_sync.sync"), (FabricKubernetesSyncOperator, "kubernetes_sync.sync")],
)
def test_a_service_is_told_when_the_task_s_time_is_up(service, context, operator, function):
    """Before Airflow ends the task, so that what was done can be recorded."""
    synced = service(function, [])
    before = time.monotonic()
    operator(task_id="sync", fabrics=["fabric-1"], execution_timeout=timedelta(hours=10)).execute(context)
    ((_, options),) = synced.calls
    assert before + 8 * 3600 < options["deadline"] < time.monotonic() + 9.5 * 3600


def test_a_sync_leaves_its_outcomes_for_the_summary_and_returns_nothing(service, context, ti):
    """Names, counts and revisions; never manifests."""
    service(
        "git_sync.sync", [make_outcome(revision=REVISION, counts={"created": 2}, details=("VPC/default/a created",))]
    )
    assert FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context) is None
    assert ti.pushed == {
        OUTCOMES: [
            {
                "fabric": "fabric-1",
                "target": "git",
                "status": "success",
                "commit": None,
                "revision": REVISION,
                "counts": {"created": 2},
                "reason": "",
                "error_class": None,
                "retryable": False,
                "duration": 0.0,
                "dry_run": False,
            }
        ]
    }


def test_a_failing_fabric_turns_the_task_red_after_the_outcomes_are_kept(service, context, ti):
    """Red so that it is seen, and not retried: the fabric database has set the next attempt."""
    service(
        "git_sync.sync", [make_outcome("fabric-1"), make_error("fabric-2"), make_error("fabric-3", "no such branch")]
    )
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1", "fabric-2", "fabric-3"])
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(context)
    assert str(caught.value) == "fabric-2: the Git host is away; fabric-3: no such branch"
    assert [outcome["status"] for outcome in ti.pushed[OUTCOMES]] == ["success", "error", "error"]


@pytest.mark.parametrize("status", [OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED])
def test_what_needs_nobody_is_green(service, context, ti, status):
    """There is nothing to see."""
    service("git_sync.sync", [make_outcome(status=status)])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    assert ti.pushed[OUTCOMES][0]["status"] == status.value


HELD = make_outcome(
    status=OutcomeStatus.HELD,
    reason="fabric.yaml was edited by Ann",
    revision=REVISION,
    details=("Fabric/default/f skipped",),
)


def test_what_is_held_is_red_and_told_as_a_warning(service, context, ti, caplog):
    """It waits for a person, who looks at what is red; the reason comes before all figures."""
    caplog.set_level(logging.INFO)
    service("git_sync.sync", [HELD])
    with pytest.raises(AirflowFailException, match=r"fabric-1: fabric\.yaml was edited by Ann"):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    assert ti.pushed[OUTCOMES][0]["status"] == "held"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "fabric-1 → git: held; fabric.yaml was edited by Ann; main@sha1:5394cb7f"),
        ("WARNING", "  Fabric/default/f skipped"),
    ]


def test_what_waits_for_a_finalizer_only_is_green(service, context):
    """Most go by themselves; one that stays for an hour is a problem that makes the summary red."""
    passing = Finding(ProblemKind.FINALIZER, "VPC/default/a", "waits for its finalizer x")
    service("git_sync.sync", [replace(HELD, findings=(passing,))])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    edit = Finding(ProblemKind.HELD_EDIT, "a.yaml", "was edited")
    service("git_sync.sync", [replace(HELD, findings=(passing, edit))])
    with pytest.raises(AirflowFailException):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_a_setting_leaves_what_is_held_at_a_warning(service, context, monkeypatch):
    """For those whose alerts look at the metrics."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "warn")
    service("git_sync.sync", [HELD])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_a_setting_that_is_none_is_said(service, context, monkeypatch):
    """Nobody wants to think that he switched something off."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "off")
    service("git_sync.sync", [HELD])
    with pytest.raises(AirflowFailException, match=r"open_problems is 'off'; it must be 'fail' or 'warn'"):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_an_empty_batch_is_no_work(service, context):
    """It stands for open problems, which the summary names."""
    synced = service("git_sync.sync", [])
    FabricGitSyncOperator(task_id="sync", fabrics=[]).execute(context)
    assert (synced.calls, context["fabrics"]) == ([], "nothing is due")


def test_a_batch_of_a_thousand_failures_has_a_short_message(service, context, ti):
    """The message is kept in Airflow's database and shown in one line."""
    names = [f"fabric-{number}" for number in range(1000)]
    service("git_sync.sync", [make_error(name) for name in names])
    with pytest.raises(AirflowFailException) as caught:
        FabricGitSyncOperator(task_id="sync", fabrics=names).execute(context)
    assert len(str(caught.value)) <= 2000
    assert len(ti.pushed[OUTCOMES]) == 1000


@pytest.mark.parametrize(
    ("names", "label"),
    [
        (["fabric-1"], "fabric-1"),
        ("fabric-1", "fabric-1"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d", "e"], "a, b, c +2"),
    ],
)
def test_a_mapped_task_is_labelled_with_its_fabrics(service, context, names, label):
    """`map_index_template` reads it, before the work and after a failure of it."""
    service("git_sync.sync", RemoteUnavailable("away"))
    with pytest.raises(RemoteUnavailable):
        FabricGitSyncOperator(task_id="sync", fabrics=names).execute(context)
    assert context["fabrics"] == label


def test_the_log_has_a_line_for_every_change(service, context, caplog):
    """Failures as errors, so that Airflow's log view colours them."""
    caplog.set_level(logging.INFO)
    service(
        "git_sync.sync",
        [
            make_outcome("fabric-1", counts={"created": 1, "unchanged": 3}, details=("VPC/default/a created",)),
            make_error("fabric-2"),
        ],
    )
    with pytest.raises(AirflowFailException):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1", "fabric-2"]).execute(context)
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("INFO", "fabric-1 → git: success; 1 created, 3 unchanged"),
        ("INFO", "  VPC/default/a created"),
        ("ERROR", "fabric-2 → git: error; the Git host is away"),
    ]


def test_a_push_gives_the_task_its_buttons(service, context):
    """The commit that was pushed and the directory of its fabric."""
    service("git_sync.sync", [make_outcome("fabric-1"), make_outcome("fabric-2", commit=COMMIT)])
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1", "fabric-2"])
    operator.execute(context)
    links = [link.get_link(operator, ti_key=None) for link in operator.operator_extra_links]
    assert links == [
        f"https://git.example.com/net/fabrics/commit/{COMMIT}",
        "https://git.example.com/net/fabrics/tree/main/fabrics/fabric-2",
    ]


def test_a_sync_that_changed_nothing_still_shows_where_the_fabric_lies(service, context):
    """No commit, so no button for one."""
    service("git_sync.sync", [make_outcome("fabric-1")])
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"])
    operator.execute(context)
    links = [link.get_link(operator, ti_key=None) for link in operator.operator_extra_links]
    assert links == ["", "https://git.example.com/net/fabrics/tree/main/fabrics/fabric-1"]


# summary


def summarise(batches: list[list[str]] | None, results: dict[int, list[Outcome]], make_ti: Any) -> tuple[Any, Any]:
    """Run the summary over what the mapped tasks left; returns its result (or error) and its task instance."""
    xcoms = {("sync", OUTCOMES, index): [one.as_dict() for one in found] for index, found in results.items()}
    ti = make_ti(xcoms)
    try:
        return SyncSummaryOperator(task_id="summary", planned=batches).execute({"ti": ti}), ti
    except AirflowFailException as error:
        return error, ti


@pytest.fixture
def make_ti(ti):
    """Makes task instances from XComs."""
    return type(ti)


def test_a_summary_counts_every_fabric(make_ti):
    """All kinds of outcomes are in the totals, those that did not occur as well."""
    outcomes = {0: [make_outcome("fabric-1")], 1: [make_outcome("fabric-2", OutcomeStatus.SKIPPED, reason="as it was")]}
    summary, ti = summarise([["fabric-1"], ["fabric-2"]], outcomes, make_ti)
    assert summary["totals"] == {"success": 1, "skipped": 1, "held": 0, "error": 0, "lost": 0}
    assert [outcome["fabric"] for outcome in summary["fabrics"]] == ["fabric-1", "fabric-2"]
    assert summary["lost"] == []
    assert ti.pushed == {}


def test_a_summary_is_red_when_one_failed_and_still_tells_of_the_others(make_ti):
    """Its result is in XCom before it fails."""
    batches = [["fabric-1", "fabric-2"], ["fabric-3"]]
    outcomes = {0: [make_outcome("fabric-1"), make_error("fabric-2")], 1: [make_outcome("fabric-3")]}
    error, ti = summarise(batches, outcomes, make_ti)
    assert str(error) == "1 of 3 fabrics failed: fabric-2; 1 of them are tried again without you"
    assert ti.pushed["return_value"]["totals"] == {"success": 2, "skipped": 0, "held": 0, "error": 1, "lost": 0}


def test_what_is_tried_again_is_told_from_what_waits_for_somebody(make_ti):
    """A host that is away comes back; a refused credential does not become right."""
    refused = make_outcome("fabric-2", OutcomeStatus.ERROR, reason="401", error_class="AuthenticationFailed")
    error, ti = summarise([["fabric-1", "fabric-2"]], {0: [make_error("fabric-1"), refused]}, make_ti)
    assert str(error) == "2 of 2 fabrics failed: fabric-1, fabric-2; 1 of them are tried again without you"
    assert ti.pushed["return_value"]["retrying"] == ["fabric-1"]


def test_a_summary_is_red_when_something_is_held(make_ti):
    """As the task that met it."""
    error, ti = summarise([["fabric-1"]], {0: [HELD]}, make_ti)
    assert str(error) == "somebody must look at fabric-1; see `hedgehog status`"
    assert ti.pushed["return_value"]["totals"]["held"] == 1


def test_a_lost_batch_is_told_from_a_failed_one(make_ti, caplog):
    """A killed worker leaves no outcome; its fabrics are still due."""
    error, ti = summarise([["fabric-1"], ["fabric-2", "fabric-3"]], {0: [make_outcome("fabric-1")]}, make_ti)
    assert str(error) == "2 of 3 fabrics failed: fabric-2, fabric-3; 2 of them are tried again without you"
    assert ti.pushed["return_value"]["lost"] == ["fabric-2", "fabric-3"]
    assert ti.pushed["return_value"]["totals"]["lost"] == 2
    assert "fabric-2: its task ended without a result; it stays due" in caplog.text


def test_the_worst_comes_first_in_the_log(make_ti, caplog):
    """Nobody scrolls through a thousand lines of success."""
    caplog.set_level(logging.INFO)
    outcomes = [
        make_outcome("d", OutcomeStatus.SKIPPED, reason="suspended"),
        make_outcome("c"),
        make_outcome("b", OutcomeStatus.HELD, reason="an edit"),
        make_error("a"),
        make_outcome("a2"),
    ]
    summarise([[outcome.fabric for outcome in outcomes]], {0: outcomes}, make_ti)
    assert [(record.levelname, record.getMessage().split(" ")[0]) for record in caplog.records] == [
        *(("ERROR", "a"), ("WARNING", "b")),
        *(("INFO", name) for name in ("a2", "c", "d", "2")),
    ]


def test_a_run_whose_plan_failed_has_failed(make_ti):
    """The plan leaves nothing behind; its log has the reason, such as a name that no fabric has."""
    failure, _ = summarise(None, {}, make_ti)
    assert "the plan failed" in str(failure)


def test_a_summary_of_nothing_is_all_zeros(make_ti):
    """Airflow skips it when nothing was due; run by hand it is no error."""
    summary, _ = summarise([], {}, make_ti)
    assert summary["totals"] == {"success": 0, "skipped": 0, "held": 0, "error": 0, "lost": 0}


# words


@pytest.mark.parametrize(
    ("outcome", "line"),
    [
        (make_outcome(), "fabric-1 → git: success"),
        (
            make_outcome(counts={"created": 1, "configured": 0, "deleted": 2}, revision=REVISION),
            "fabric-1 → git: success; 1 created, 2 deleted; main@sha1:5394cb7f",
        ),
        (make_outcome(dry_run=True, counts={"created": 1}), "fabric-1 → git: would be success; 1 created"),
        (
            make_outcome(
                "f", OutcomeStatus.ERROR, target=Target.KUBERNETES, reason="the cluster refused the credential"
            ),
            "f → kubernetes: error; the cluster refused the credential",
        ),
    ],
)
def test_an_outcome_is_one_line_for_people(outcome, line):
    """Zero counts and empty reasons are left out."""
    assert describe(outcome.as_dict()) == line


def test_every_status_has_its_place_in_the_order():
    """A status without one would break the summary the first time it occurs."""
    assert set(operators._ORDER) == set(OutcomeStatus)


def test_an_operator_works_on_a_real_fabric_database(fabric_database, context):
    """The connection `hedgehog_db` is opened, the schema checked, and nothing is due in an empty database."""
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    assert PlanSyncOperator(task_id="plan", target="kubernetes", force=True).execute(context) == []
