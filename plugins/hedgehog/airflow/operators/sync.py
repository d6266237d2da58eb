"""Operators of the syncs: which fabrics are due, one batch of them to Git or to its clusters, and what came of it.

A run that publishes to Git also applies what it published, so that one run shows the whole way of a change.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hedgehog.airflow import trouble
from hedgehog.airflow.links import CommitLink, FabricLink, PageLink, commit_page, directory_page, fabric_page
from hedgehog.airflow.operators.outcomes import log_outcome, outcome_line
from hedgehog.airflow.operators.steps import (
    Batches,
    Result,
    SummaryOperator,
    WorkOperator,
    names_without_result,
    or_open_problems,
)
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of, short, time_limit, triggering_user
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.fabric.shown import counted

if TYPE_CHECKING:
    from airflow.sdk import BaseOperatorLink, Context

    from hedgehog.services.waits import WindowOverride
    from hedgehog.store.database import Connection
    from hedgehog.store.problems import Problem

logger = logging.getLogger(__name__)

OUTCOMES = "outcomes"
"""XCom key under which a sync task leaves its outcomes, failed or not."""


class PlanSyncOperator(BaseOperator):
    """Finds the fabrics that are due at *target* and returns them in batches, one mapped sync task each.

    :param target: `git` or `kubernetes`.
    :param fabrics: names to sync whether due or not; empty: all that are due. (templated)
    :param force: take every enabled fabric, due or not. (templated)
    """

    template_fields: Sequence[str] = ("fabrics", "force")
    ui_color = "#e8f0fe"

    def __init__(self, *, target: str, fabrics: Any = (), force: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.target = target
        self.fabrics = fabrics
        self.force = force

    def execute(self, context: Context) -> Batches:
        """Return batches of fabric names; an empty list skips everything downstream, which open problems prevent."""
        from hedgehog.airflow.adapters.connection_digests import digests
        from hedgehog.services import connection_edits
        from hedgehog.services.git import sync as git_sync
        from hedgehog.services.kubernetes import sync as kubernetes_sync

        target = Target(self.target)
        plan = git_sync.plan if target is Target.GIT else kubernetes_sync.plan
        with fabric_database() as connection:
            if not self.fabrics and (woken := connection_edits.wake(connection, target, digests())):
                logger.info("retried because their connections may have changed: %s", short(woken))
            due = plan(connection, fabrics=list(self.fabrics) or None, force=bool(self.force))
            batches = or_open_problems(connection, f"{self.target}_sync", due)
        if due:
            logger.info("fabrics to sync to %s: %s; batches: %s", self.target, sum(map(len, due)), len(due))
        else:
            logger.info("no fabric is due at %s", self.target)
        return batches


class _FabricSyncOperator(WorkOperator):
    """What the two sync operators share."""

    key = OUTCOMES
    batch = "fabrics"
    plans = True
    """Whether a dry run finds out something."""
    template_fields: Sequence[str] = ("fabrics", "is_dry_run", "due_only", "override_window")
    operator_extra_links: tuple[BaseOperatorLink, ...] = (PageLink(),)

    def __init__(
        self, *, fabrics: Any, dry_run: Any = False, due_only: Any = False, override_window: Any = None, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.override_window = override_window
        self.fabrics = fabrics
        self.is_dry_run = dry_run
        self.due_only = due_only

    @abstractmethod
    def sync(
        self, connection: Connection, names: list[str], run_id: str, override: WindowOverride | None
    ) -> list[Outcome]:
        """Call the service."""

    def work(self, connection: Connection, context: Context) -> list[Outcome]:
        """Sync the batch, and renew the read models of its fabrics; of a dry run keep what it found."""
        from hedgehog.store.dry_runs import record_dry_runs

        self.page_link = fabric_page(self.names)
        outcomes = self.sync(connection, self.names, run_id_of(context), self._override(context))
        if not self.is_dry_run:
            _renew_read_models(connection, self.names)
        elif self.plans:
            record_dry_runs(connection, outcomes, run_id=context["dag_run"].run_id)
        return outcomes

    def _override(self, context: Context) -> WindowOverride | None:
        """Who triggered the run and why it may write outside of change windows, if it may."""
        from hedgehog.services.waits import WindowOverride

        if self.override_window in (None, ""):
            return None
        return WindowOverride(str(self.override_window), triggering_user(context))

    def log_result(self, result: Outcome) -> None:
        """One line, and one for each change."""
        log_outcome(result)

    def failures(self, results: Sequence[Outcome]) -> list[str]:
        """Fabrics that failed or wait for somebody."""
        return [f"{outcome.fabric}: {outcome.reason}" for outcome in results if trouble.fails(outcome)]


def _renew_read_models(connection: Connection, names: list[str]) -> None:
    from hedgehog.services.observe import cache

    try:
        cache.refresh(connection, names)
    except Exception as error:  # the sync is done and recorded; its pages follow five minutes later
        logger.warning("the read models of %s were not renewed: %s", short(names), error)


class FabricGitSyncOperator(_FabricSyncOperator):
    """Publishes a batch of fabrics to Git: one commit per fabric, one push per repository.

    :param fabrics: fabric names. (templated, mappable)
    :param dry_run: a dry run: say what would be committed; write nothing. (templated)
    :param due_only: leave out fabrics that another run was quicker with. (templated)
    :param override_window: why fabrics are written although no change window of theirs is open. (templated)
    :param force: compare every file again, even where nothing seems to have changed. (templated)
    """

    template_fields: Sequence[str] = (*_FabricSyncOperator.template_fields, "force")
    operator_extra_links = (PageLink(), CommitLink(), FabricLink())

    def __init__(self, *, force: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force

    def sync(
        self, connection: Connection, names: list[str], run_id: str, override: WindowOverride | None
    ) -> list[Outcome]:
        """Run `hedgehog.services.git.sync.sync`."""
        from hedgehog.airflow.adapters.hooks import open_host, open_mirror
        from hedgehog.services.git import sync as git_sync
        from hedgehog.services.plans.publication import request_access

        outcomes = git_sync.sync(
            connection,
            names,
            open_mirror=open_mirror,
            requests=request_access(open_host),
            run_id=run_id,
            force=bool(self.force),
            dry_run=bool(self.is_dry_run),
            due_only=bool(self.due_only),
            override=override,
            wake_kubernetes=False,  # ApplyPublishedOperator follows, and the summary sees to what it left
            **time_limit(self),
        )
        self._link(connection, names, outcomes)
        return outcomes

    def _link(self, connection: Connection, names: list[str], outcomes: list[Outcome]) -> None:
        from hedgehog.airflow.adapters.hooks import host_name
        from hedgehog.services.repository.hosts import note_hosts
        from hedgehog.store.fabrics import load_fabrics

        loaded = load_fabrics(connection, names)
        repositories = [fabric.git_repository for fabric in loaded if fabric.git_repository is not None]
        if new := {one.name for one in repositories if one.host is None}:
            note_hosts(connection, new, host_name)
            loaded = load_fabrics(connection, names)
        fabrics = {fabric.name: fabric for fabric in loaded}
        for outcome in outcomes:
            fabric = fabrics.get(outcome.fabric)
            if fabric is None or fabric.git_repository is None:
                continue
            self.fabric_link = directory_page(fabric.git_repository, fabric.git_directory)
            if outcome.commit:
                self.commit_link = commit_page(fabric.git_repository, outcome.commit)
                return


class FabricKubernetesSyncOperator(_FabricSyncOperator):
    """Applies a batch of fabrics to their clusters: only what differs, in waves, and prunes what is no longer wanted.

    :param fabrics: fabric names. (templated, mappable)
    :param dry_run: a dry run: say what would be applied and deleted; write nothing. (templated)
    :param due_only: leave out fabrics that another run was quicker with. (templated)
    :param override_window: why fabrics are written although no change window of theirs is open. (templated)
    :param allow_large_prune: delete more than the fabrics' thresholds allow. (templated)
    """

    template_fields: Sequence[str] = (*_FabricSyncOperator.template_fields, "allow_large_prune")

    def __init__(self, *, allow_large_prune: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allow_large_prune = allow_large_prune

    def sync(
        self, connection: Connection, names: list[str], run_id: str, override: WindowOverride | None
    ) -> list[Outcome]:
        """Run `hedgehog.services.kubernetes.sync.sync`."""
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.kubernetes import sync as kubernetes_sync

        return kubernetes_sync.sync(
            connection,
            names,
            open_cluster=open_cluster,
            run_id=run_id,
            dry_run=bool(self.is_dry_run),
            due_only=bool(self.due_only),
            override=override,
            allow_large_prune=bool(self.allow_large_prune),
            **time_limit(self),
        )


class ApplyPublishedOperator(_FabricSyncOperator):
    """Applies to their clusters what the Git sync of the same run has published; a fabric that is not applied is skipped with
    the reason, and hedgehog_kubernetes_sync is woken for those that still wait.

    :param fabrics: fabric names. (templated, mappable)
    :param dry_run: a dry run, which has published nothing: apply nothing. (templated)
    :param override_window: why fabrics are written although no change window of theirs is open. (templated)
    """

    plans = False

    def sync(
        self, connection: Connection, names: list[str], run_id: str, override: WindowOverride | None
    ) -> list[Outcome]:
        """Run `hedgehog.services.kubernetes.published.apply_published`."""
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.kubernetes import published

        dry_run = bool(self.is_dry_run)
        outcomes = published.apply_published(
            connection,
            names,
            open_cluster=open_cluster,
            run_id=run_id,
            dry_run=dry_run,
            override=override,
            **time_limit(self),
        )
        if not dry_run:
            _hand_over(connection, names)
        return outcomes


def _hand_over(connection: Connection, names: Sequence[str]) -> None:
    from hedgehog.services.kubernetes import published

    if left := published.hand_over(connection, names):
        logger.info("left to hedgehog_kubernetes_sync, which is woken: %s", short(left))


class SyncSummaryOperator(SummaryOperator):
    """Says in one place what happened to every fabric of the run and what is open, and fails when one failed or waits
    for somebody.

    Tells a fabric whose task was lost (a killed worker) from one that failed; both are due again by themselves.

    :param applied_by: the mapped task that applied what the run published; empty: the run has one half only.
    """

    key = OUTCOMES
    work_task_id = "sync"
    nothing_done = "no fabric was synced"
    again = "it stays due and the next run takes it up"

    def __init__(self, *, applied_by: str = "", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.applied_by = applied_by

    def left(self, context: Context) -> list[Any]:
        """The outcomes of the one half, then those of the other."""
        return [*super().left(context), *(self.left_by(self.applied_by, context) if self.applied_by else ())]

    def lost(self, left: Sequence[Any], results: Sequence[Result]) -> list[str]:
        """Fabrics without an outcome of a half."""
        size = len(self.planned)
        halves = [left[:size], left[size:]] if self.applied_by else [left]
        found = [{outcome["fabric"] for batch in half for outcome in batch or ()} for half in halves]
        return names_without_result(self.planned, set.intersection(*found))

    def hand_on(self, lost: Sequence[str]) -> None:
        """Wake who applies what was published and not applied."""
        if self.applied_by:
            with fabric_database() as connection:
                _hand_over(connection, lost)

    def problems(self, connection: Connection, results: Sequence[Result]) -> list[Problem]:
        """Those of this DAG, and at their clusters those of the fabrics that the run applied."""
        found = super().problems(connection, results)
        applied = {one["fabric"] for one in results if one["target"] == Target.KUBERNETES and not _is_skipped(one)}
        if self.applied_by and applied:
            found += trouble.problems_of(connection, f"{Target.KUBERNETES}_sync", applied)
        return found

    def log_results(self, results: Sequence[Result]) -> None:
        """One line per fabric and half, the worst first."""
        for outcome in sorted(results, key=_worst_first):
            logger.log(trouble.level(outcome["status"]), "%s", outcome_line(outcome))
        logger.info("%s", ", ".join(f"{count} {status}" for status, count in _totals(results).items()))

    def summary(self, results: list[Result], lost: list[str]) -> dict[str, Any]:
        """The totals, an entry for each fabric and half, and which of those that failed are retried automatically."""
        applied = [outcome for outcome in results if self.applied_by and outcome["target"] == Target.KUBERNETES]
        return {
            "totals": {**_totals(results), "lost": len(lost)},
            "fabrics": [outcome for outcome in results if outcome not in applied],
            **({"applied": applied} if self.applied_by else {}),
            "lost": lost,
            "retrying": [*dict.fromkeys([*_retried(_failed(results)), *lost])],
        }

    def failures(self, results: Sequence[Result], lost: Sequence[str]) -> list[str]:
        """How many failed, and how many of them are retried."""
        errors = _failed(results)
        failed = [*dict.fromkeys([*(outcome["fabric"] for outcome in errors), *lost])]
        if not failed:
            return []
        retrying = len({*_retried(errors), *lost})
        again = f"; {retrying} of them are retried automatically" if retrying else ""
        fabrics = {*(outcome["fabric"] for outcome in results), *lost}
        return [f"{len(failed)} of {counted(len(fabrics), 'fabric')} failed: {short(failed)}{again}"]

    def held(self, results: Sequence[Result]) -> list[str]:
        """What is held is in the register with what it needs, but for a dry run, which records nothing."""
        held = [outcome for outcome in results if outcome["status"] == OutcomeStatus.HELD]
        return [outcome["fabric"] for outcome in held if outcome["dry_run"] or not self.verb]


_ORDER: dict[str, int] = {
    OutcomeStatus.ERROR: 0,
    OutcomeStatus.HELD: 1,
    OutcomeStatus.SUCCESS: 2,
    OutcomeStatus.SKIPPED: 3,
}


def _worst_first(outcome: Result) -> tuple[int, str]:
    return _ORDER[outcome["status"]], outcome["fabric"]


def _totals(outcomes: Sequence[Result]) -> dict[str, int]:
    """How many fabrics there are of each status, of its two halves the worse; every status is a key."""
    worst: dict[str, str] = {}
    for outcome in sorted(outcomes, key=_worst_first):
        worst.setdefault(outcome["fabric"], outcome["status"])
    return {status.value: sum(found == status for found in worst.values()) for status in OutcomeStatus}


def _is_skipped(outcome: Result) -> bool:
    return bool(outcome["status"] == OutcomeStatus.SKIPPED)


def _failed(outcomes: Sequence[Result]) -> list[Result]:
    return [outcome for outcome in outcomes if outcome["status"] == OutcomeStatus.ERROR]


def _retried(errors: Sequence[Result]) -> list[str]:
    """The fabrics all of whose *errors* are retried automatically."""
    final = {outcome["fabric"] for outcome in errors if not outcome["retryable"]}
    return [outcome["fabric"] for outcome in errors if outcome["fabric"] not in final]
