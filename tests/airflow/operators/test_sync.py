"""Plans and syncs: one service call, a small result, and the right colour."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from datetime import timedelta

import pytest
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.sync import (
    OUTCOMES,
    ApplyPublishedOperator,
    FabricGitSyncOperator,
    FabricKubernetesSyncOperator,
    PlanSyncOperator,
    outcome_line,
)
from hedgehog.errors import AuthenticationFailed, NotFound, RemoteUnavailable
from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.problems import ProblemKind, SyncProblem
from tests.airflow.operators.fakes import COMMIT, HELD, REVISION, make_error, make_outcome


@pytest.mark.parametrize(("target", "module"), [("git", "git.sync"), ("kubernetes", "kubernetes.sync")])
def test_a_plan_asks_the_service_of_its_target(service, context, fake_database, target, module):
    """Without names: every fabric that is due."""
    planned = service(f"{module}.plan", [["fabric-1"], ["fabric-2"]])
    operator = PlanSyncOperator(task_id="plan", target=target)
    assert operator.execute(context) == [["fabric-1"], ["fabric-2"]]
    assert planned.calls == [((fake_database,), {"fabrics": None, "force": False})]
    assert fake_database.closed


def test_a_plan_passes_on_names_and_force(service, context, fake_database):
    """As in the trigger form."""
    planned = service("git.sync.plan", [["fabric-1"]])
    PlanSyncOperator(task_id="plan", target="git", fabrics=["fabric-1"], force=True).execute(context)
    assert planned.calls == [((fake_database,), {"fabrics": ["fabric-1"], "force": True})]


def test_a_plan_without_due_fabrics_is_empty_and_says_so(service, context, caplog):
    """Most scheduled runs end here; the mapped task and the summary are skipped."""
    caplog.set_level(logging.INFO)
    service("git.sync.plan", [])
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    assert "no fabric is due at git" in caplog.text


def test_an_unknown_fabric_fails_the_plan_without_a_retry(service, context, fake_database):
    """Waiting does not correct a typing error."""
    service("git.sync.plan", NotFound("there is no fabric 'fabrc-1'; did you mean fabric-1?"))
    with pytest.raises(AirflowFailException, match="did you mean fabric-1"):
        PlanSyncOperator(task_id="plan", target="git", fabrics=["fabrc-1"]).execute(context)
    assert fake_database.closed


def test_an_unreachable_database_is_left_to_airflows_retries(monkeypatch, context):
    """The only failure that cannot be recorded in a table."""

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


def test_a_git_sync_passes_its_batch_to_the_service(service, context, fake_database):
    """With the name of the run, which ends up in commit trailers and in the history."""
    synced = service("git.sync.sync", [make_outcome()])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"], force=True, dry_run=True).execute(context)
    ((arguments, options),) = synced.calls
    assert arguments == (fake_database, ["fabric-1"])
    assert options.pop("open_mirror").__name__ == "open_mirror"
    assert options.pop("requests").open_host.__name__ == "open_host"
    assert options == {
        "run_id": "hedgehog_git_sync/manual__2026-01-01",
        "force": True,
        "dry_run": True,
        "due_only": False,
        "wake_kubernetes": False,
        "override": None,
    }
    assert fake_database.closed


@pytest.mark.parametrize(("dry_run", "woken"), [(False, [["fabric-1", "fabric-2"]]), (True, [])])
def test_what_was_published_is_applied_and_who_still_waits_is_handed_over(
    service, context, fake_database, ti, caplog, dry_run, woken
):
    """A dry run has nothing to hand over."""
    caplog.set_level(logging.INFO)
    applied = service("kubernetes.published.apply_published", [make_outcome(target=Target.KUBERNETES)])
    handed = service("kubernetes.published.hand_over", ["fabric-2"])
    operator = ApplyPublishedOperator(task_id="apply", fabrics=["fabric-1", "fabric-2"], dry_run=dry_run)
    operator.execute(context)
    ((arguments, options),) = applied.calls
    assert arguments == (fake_database, ["fabric-1", "fabric-2"])
    assert options.pop("open_cluster").__name__ == "open_cluster"
    assert options == {"run_id": "hedgehog_git_sync/manual__2026-01-01", "dry_run": dry_run, "override": None}
    assert [names for (_, names), _ in handed.calls] == woken
    assert ("left to hedgehog_kubernetes_sync, which is woken: fabric-2" in caplog.text) is not dry_run
    assert [outcome["target"] for outcome in ti.pushed[OUTCOMES]] == ["kubernetes"]


@pytest.mark.parametrize(
    ("operator", "module", "kept"),
    [
        (FabricGitSyncOperator, "git.sync.sync", ["fabric-1"]),
        (FabricKubernetesSyncOperator, "kubernetes.sync.sync", ["fabric-1"]),
        (ApplyPublishedOperator, "kubernetes.published.apply_published", []),
    ],
)
def test_a_dry_run_keeps_what_it_found_where_it_looked(
    service, context, fake_database, monkeypatch, operator, module, kept
):
    """The half that applies what was published finds nothing, and must not cover what a dry run of the cluster found."""
    found: list[str] = []
    monkeypatch.setattr(
        "hedgehog.store.dry_runs.record_dry_runs",
        lambda connection, outcomes, *, run_id: found.extend(one.fabric for one in outcomes),
    )
    service(module, [make_outcome(dry_run=True)])
    operator(task_id="sync", fabrics=["fabric-1"], dry_run=True).execute(context)
    assert found == kept


def test_a_cluster_that_failed_turns_the_second_half_red_after_the_hand_over(service, context):
    """As a failed push turns the first half red."""
    service("kubernetes.published.apply_published", [make_error("fabric-1", "the cluster is unreachable")])
    handed = service("kubernetes.published.hand_over", [])
    with pytest.raises(AirflowFailException, match="fabric-1: the cluster is unreachable"):
        ApplyPublishedOperator(task_id="apply", fabrics=["fabric-1"]).execute(context)
    assert len(handed.calls) == 1


def test_a_kubernetes_sync_passes_its_batch_to_the_service(service, context, fake_database):
    """A large prune only if requested."""
    synced = service("kubernetes.sync.sync", [make_outcome(target=Target.KUBERNETES)])
    FabricKubernetesSyncOperator(task_id="sync", fabrics=["fabric-1"], allow_large_prune=True).execute(context)
    ((arguments, options),) = synced.calls
    assert arguments == (fake_database, ["fabric-1"])
    assert options.pop("open_cluster").__name__ == "open_cluster"
    assert options == {
        "run_id": "hedgehog_git_sync/manual__2026-01-01",
        "dry_run": False,
        "due_only": False,
        "allow_large_prune": True,
        "override": None,
    }


@pytest.mark.parametrize(
    ("operator", "function"),
    [
        (FabricGitSyncOperator, "git.sync.sync"),
        (FabricKubernetesSyncOperator, "kubernetes.sync.sync"),
        (ApplyPublishedOperator, "kubernetes.published.apply_published"),
    ],
)
def test_a_service_knows_the_deadline_of_its_task(service, context, operator, function):
    """Before Airflow ends the task, so that finished work can be recorded."""
    service("kubernetes.published.hand_over", [])
    synced = service(function, [])
    before = time.monotonic()
    operator(task_id="sync", fabrics=["fabric-1"], execution_timeout=timedelta(hours=10)).execute(context)
    ((_, options),) = synced.calls
    assert before + 8 * 3600 < options["deadline"] < time.monotonic() + 9.5 * 3600


def test_a_sync_leaves_its_outcomes_for_the_summary_and_returns_nothing(service, context, ti):
    """Names, counts and revisions; never manifests."""
    service(
        "git.sync.sync", [make_outcome(revision=REVISION, counts={"created": 2}, details=("VPC/default/a created",))]
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


def test_a_failing_fabric_makes_the_task_red_after_the_outcomes_are_kept(service, context, ti):
    """Red so that it is seen, and not retried: the fabric database has set the next attempt."""
    service(
        "git.sync.sync", [make_outcome("fabric-1"), make_error("fabric-2"), make_error("fabric-3", "no such branch")]
    )
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1", "fabric-2", "fabric-3"])
    with pytest.raises(AirflowFailException) as caught:
        operator.execute(context)
    assert str(caught.value) == "fabric-2: the Git host is unreachable; fabric-3: no such branch"
    assert [outcome["status"] for outcome in ti.pushed[OUTCOMES]] == ["success", "error", "error"]


@pytest.mark.parametrize("status", [OutcomeStatus.SUCCESS, OutcomeStatus.SKIPPED])
def test_outcomes_that_need_no_person_are_green(service, context, ti, status):
    """There is nothing to see."""
    service("git.sync.sync", [make_outcome(status=status)])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    assert ti.pushed[OUTCOMES][0]["status"] == status.value


def test_a_held_fabric_is_red_and_logged_as_a_warning(service, context, ti, caplog):
    """It waits for a person, who looks at red tasks; the reason comes before all counts."""
    caplog.set_level(logging.INFO)
    service("git.sync.sync", [HELD])
    with pytest.raises(AirflowFailException, match=r"fabric-1: fabric\.yaml was edited by Ann"):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    assert ti.pushed[OUTCOMES][0]["status"] == "held"
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("WARNING", "fabric-1 → git: held; fabric.yaml was edited by Ann; main@sha1:5394cb7f"),
        ("WARNING", "  Fabric/default/f skipped"),
    ]


def test_a_fabric_that_only_waits_for_a_finalizer_is_green(service, context):
    """Most finalizers end soon; one that stays for an hour is a problem that makes the summary red."""
    passing = SyncProblem(ProblemKind.FINALIZER, "VPC/default/a", "waits for its finalizer x")
    service("git.sync.sync", [replace(HELD, problems=(passing,))])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)
    edit = SyncProblem(ProblemKind.HELD_EDIT, "a.yaml", "was edited")
    service("git.sync.sync", [replace(HELD, problems=(passing, edit))])
    with pytest.raises(AirflowFailException):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_with_a_setting_a_held_fabric_is_only_a_warning(service, context, monkeypatch):
    """For installations whose alerts use the metrics."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "warn")
    service("git.sync.sync", [HELD])
    FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_an_invalid_setting_is_reported(service, context, monkeypatch):
    """Otherwise an operator might believe that something is switched off."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__OPEN_PROBLEMS", "off")
    service("git.sync.sync", [HELD])
    with pytest.raises(AirflowFailException, match=r"open_problems is 'off'; it must be 'fail' or 'warn'"):
        FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"]).execute(context)


def test_an_empty_batch_syncs_nothing(service, context):
    """It stands for open problems, which the summary names."""
    synced = service("git.sync.sync", [])
    FabricGitSyncOperator(task_id="sync", fabrics=[]).execute(context)
    assert (synced.calls, context["fabrics"]) == ([], "nothing is due")


def test_a_batch_of_a_thousand_failures_has_a_short_message(service, context, ti):
    """The message is stored in Airflow's database and shown in one line."""
    names = [f"fabric-{number}" for number in range(1000)]
    service("git.sync.sync", [make_error(name) for name in names])
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
    """`map_index_template` reads it, before the work and after a failure."""
    service("git.sync.sync", RemoteUnavailable("away"))
    with pytest.raises(RemoteUnavailable):
        FabricGitSyncOperator(task_id="sync", fabrics=names).execute(context)
    assert context["fabrics"] == label


def test_the_log_has_a_line_for_every_change(service, context, caplog):
    """Failures as errors, so that Airflow's log view colours them."""
    caplog.set_level(logging.INFO)
    service(
        "git.sync.sync",
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
        ("ERROR", "fabric-2 → git: error; the Git host is unreachable"),
    ]


def test_a_push_gives_the_task_its_buttons(service, context):
    """The commit that was pushed, and the directory of its fabric."""
    service("git.sync.sync", [make_outcome("fabric-1"), make_outcome("fabric-2", commit=COMMIT)])
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1", "fabric-2"])
    operator.execute(context)
    links = [link.get_link(operator, ti_key=None) for link in operator.operator_extra_links]
    assert links == [
        "plugin/hedgehog",
        f"https://git.example.com/net/fabrics/commit/{COMMIT}",
        "https://git.example.com/net/fabrics/src/branch/main/fabrics/fabric-2",
    ]


def test_a_sync_without_changes_still_links_to_the_fabric(service, context):
    """There is no commit, and no button for one."""
    service("git.sync.sync", [make_outcome("fabric-1")])
    operator = FabricGitSyncOperator(task_id="sync", fabrics=["fabric-1"])
    operator.execute(context)
    links = [link.get_link(operator, ti_key=None) for link in operator.operator_extra_links]
    assert links == [
        "plugin/hedgehog/fabrics/fabric-1",
        "",
        "https://git.example.com/net/fabrics/src/branch/main/fabrics/fabric-1",
    ]


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
    assert outcome_line(outcome.as_dict()) == line


def test_an_operator_works_on_a_real_fabric_database(fabric_database, context):
    """The connection `hedgehog_db` is opened, the schema is checked, and nothing is due in an empty database."""
    assert PlanSyncOperator(task_id="plan", target="git").execute(context) == []
    assert PlanSyncOperator(task_id="plan", target="kubernetes", force=True).execute(context) == []
