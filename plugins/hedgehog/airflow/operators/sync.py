"""Operators: templated arguments in, one service call, a small result out. The only place that knows retries.

A permanent error fails the task at once; a retryable one raised by the call itself (the fabric database is away) is
left to Airflow's retries. Errors of single fabrics are neither: the service records them and sets the next attempt;
the task turns red so that they are seen, and is not retried.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow import trouble
from hedgehog.airflow.links import CommitLink, FabricLink, commit_page, directory_page
from hedgehog.errors import PermanentError
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import Target

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.store.database import Connection
    from hedgehog.store.problems import Problem

logger = logging.getLogger(__name__)

OUTCOMES = "outcomes"
"""XCom key under which a sync task leaves its outcomes, failed or not."""
_NAMES_SHOWN = 3
USABLE_TIME = 0.85
"""Part of a task's time limit after which it begins nothing more. Airflow would kill it before it has told anything."""
_SHORT_COMMIT = 8
_CAUSE_SHOWN = 300


@contextmanager
def fabric_database() -> Iterator[Connection]:
    """The fabric database for one task; permanent errors of the block fail the task without a retry."""
    from hedgehog.airflow.adapters.hooks import open_database

    try:
        connection = open_database()
        try:
            yield connection
        finally:
            connection.close()
    except PermanentError as error:
        raise AirflowFailException(str(error)) from error


def known_fabrics(connection: Connection, names: Collection[str]) -> list[str]:
    """The *names* that a person gave. Raises NotFound, with near names, for one that no fabric has."""
    from hedgehog.store.fabrics import load_fabric

    return [load_fabric(connection, name).name for name in names]


def short(names: Sequence[str]) -> str:
    """The first names and how many more there are, for titles and messages."""
    shown = ", ".join(names[:_NAMES_SHOWN])
    return shown + (f" +{len(names) - _NAMES_SHOWN}" if len(names) > _NAMES_SHOWN else "")


def short_revision(revision: str) -> str:
    """A revision with the first digits of its commit, for people."""
    branch, mark, commit = revision.partition("@sha1:")
    return f"{branch}{mark}{commit[:_SHORT_COMMIT]}"


def time_limit(operator: BaseOperator) -> dict[str, Any]:
    """The argument `deadline` (of `time.monotonic`) for the service of a task that begins now; none without a limit.

    What is left of the limit after it is for recording.
    """
    limit = operator.execution_timeout
    return {} if limit is None else {"deadline": time.monotonic() + USABLE_TIME * limit.total_seconds()}


def run_id_of(context: Context) -> str:
    """How a run is called in the fabric database and in commits."""
    return f"{context['dag_run'].dag_id}/{context['dag_run'].run_id}"


def open_problems(verb: str, fabrics: Sequence[str]) -> list[Problem]:
    """What is open in the DAG of *verb*, told in the log."""
    if not verb:
        return []
    with fabric_database() as connection:
        problems = trouble.find(connection, verb, fabrics)
    trouble.tell(problems)
    return problems


def waiting_for_somebody(problems: Sequence[Problem], held: Collection[str] = ()) -> list[str]:
    """Why a run is red although nothing of it failed: what waits for a person, and the fabrics that it left *held*."""
    open_ = [problem for problem in problems if problem.needs_somebody]
    names = sorted({*(problem.fabric for problem in open_), *held})
    if not names or not trouble.is_red():
        return []
    told = open_[0].cause[:_CAUSE_SHOWN] if len(open_) == len(names) == 1 else f"{len(open_)} problems"
    why = f" ({told})" if open_ else ""
    return [f"somebody must look at {short(names)}{why}; see `hedgehog status`"]


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

    def execute(self, context: Context) -> list[list[str]]:
        """Return batches of fabric names; an empty list skips everything downstream, which open problems prevent."""
        from hedgehog.airflow.adapters.connection_digests import digests
        from hedgehog.services import connection_edits
        from hedgehog.services.git import sync as git_sync
        from hedgehog.services.kubernetes import sync as kubernetes_sync

        target = Target(self.target)
        plan = git_sync.plan if target is Target.GIT else kubernetes_sync.plan
        with fabric_database() as connection:
            if not self.fabrics and (woken := connection_edits.wake(connection, target, digests())):
                logger.info("looked at again, for their connections may be others now: %s", short(woken))
            batches = plan(connection, fabrics=list(self.fabrics) or None, force=bool(self.force))
            problems = [] if batches else trouble.find(connection, f"{self.target}_sync")
        if batches:
            total = sum(len(batch) for batch in batches)
            logger.info("fabrics to sync to %s: %s; batches: %s", self.target, total, len(batches))
            return batches
        logger.info("no fabric is due at %s", self.target)
        return trouble.NOTHING_BUT_TROUBLE if problems else []


class _FabricSyncOperator(BaseOperator):
    """What the two sync operators share: run the service over a batch, tell every outcome, fail if one failed."""

    template_fields: Sequence[str] = ("fabrics", "plan_only", "due_only")
    ui_color = "#e6f4ea"

    def __init__(self, *, fabrics: Any, plan_only: Any = False, due_only: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics
        self.plan_only = plan_only
        self.due_only = due_only

    @abstractmethod
    def sync(self, connection: Connection, names: list[str], run_id: str) -> list[Outcome]:
        """Call the service."""

    def execute(self, context: Context) -> None:
        """Sync the batch. Leaves the outcomes in XCom before it fails, so that the summary has them."""
        names = [self.fabrics] if isinstance(self.fabrics, str) else list(self.fabrics)
        context["fabrics"] = short(names) or "nothing is due"  # type: ignore[typeddict-unknown-key]  # map_index_template reads it
        if not names:
            return
        with fabric_database() as connection:
            outcomes = self.sync(connection, names, run_id_of(context))
            if not self.plan_only:
                _renew_read_models(connection, names)
        for outcome in outcomes:
            _tell(outcome)
        context["ti"].xcom_push(key=OUTCOMES, value=[outcome.as_dict() for outcome in outcomes])
        failed = [outcome for outcome in outcomes if trouble.fails(outcome)]
        if failed:
            raise trouble.FabricTrouble("; ".join(f"{outcome.fabric}: {outcome.reason}" for outcome in failed)[:2000])


def _renew_read_models(connection: Connection, names: list[str]) -> None:
    from hedgehog.services.observe import cache

    try:
        cache.refresh(connection, names)
    except Exception as error:  # the sync is done and recorded; its pages follow five minutes later
        logger.warning("the read models of %s were not renewed: %s", short(names), error)


def _tell(outcome: Outcome) -> None:
    level = trouble.level(outcome.status)
    logger.log(level, "%s", describe(outcome.as_dict()))
    for line in outcome.details:
        logger.log(level, "  %s", line)


def describe(outcome: dict[str, Any]) -> str:
    """One line about one fabric, for people."""
    counts = ", ".join(f"{count} {action}" for action, count in outcome["counts"].items() if count)
    parts = [
        f"{outcome['fabric']} → {outcome['target']}: {'would be ' if outcome['dry_run'] else ''}{outcome['status']}",
        outcome["reason"],
        counts,
        short_revision(outcome["revision"] or ""),
    ]
    return "; ".join(part for part in parts if part)


class FabricGitSyncOperator(_FabricSyncOperator):
    """Publishes a batch of fabrics to Git: one commit per fabric, one push per repository.

    :param fabrics: fabric names. (templated, mappable)
    :param plan_only: a dry run: say what would be committed; write nothing. (templated)
    :param due_only: leave out fabrics that another run was quicker with. (templated)
    :param force: compare every file anew, even where nothing seems to have changed. (templated)
    """

    template_fields: Sequence[str] = (*_FabricSyncOperator.template_fields, "force")
    operator_extra_links = (CommitLink(), FabricLink())

    def __init__(self, *, force: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.force = force

    def sync(self, connection: Connection, names: list[str], run_id: str) -> list[Outcome]:
        """Run `hedgehog.services.git.sync.sync`."""
        from hedgehog.airflow.adapters.hooks import open_mirror
        from hedgehog.services.git import sync as git_sync

        outcomes = git_sync.sync(
            connection,
            names,
            open_mirror=open_mirror,
            run_id=run_id,
            force=bool(self.force),
            dry_run=bool(self.plan_only),
            due_only=bool(self.due_only),
            **time_limit(self),
        )
        self._link(connection, names, outcomes)
        return outcomes

    def _link(self, connection: Connection, names: list[str], outcomes: list[Outcome]) -> None:
        from hedgehog.store.fabrics import load_fabrics

        fabrics = {fabric.name: fabric for fabric in load_fabrics(connection, names)}
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
    :param plan_only: a dry run: say what would be applied and deleted; write nothing. (templated)
    :param due_only: leave out fabrics that another run was quicker with. (templated)
    :param allow_large_prune: delete more than the fabrics' thresholds allow. (templated)
    """

    template_fields: Sequence[str] = (*_FabricSyncOperator.template_fields, "allow_large_prune")

    def __init__(self, *, allow_large_prune: Any = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.allow_large_prune = allow_large_prune

    def sync(self, connection: Connection, names: list[str], run_id: str) -> list[Outcome]:
        """Run `hedgehog.services.kubernetes.sync.sync`."""
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.kubernetes import sync as kubernetes_sync

        return kubernetes_sync.sync(
            connection,
            names,
            open_cluster=open_cluster,
            run_id=run_id,
            dry_run=bool(self.plan_only),
            due_only=bool(self.due_only),
            allow_large_prune=bool(self.allow_large_prune),
            **time_limit(self),
        )


class SyncSummaryOperator(BaseOperator):
    """Says in one place what became of every fabric of the run and what is open, and fails when one failed or waits
    for somebody.

    Tells a fabric whose task was lost (a killed worker) from one that failed; both are due again by themselves.

    :param planned: the batches of the plan task. (templated)
    :param sync_task_id: the mapped task whose outcomes are summed up.
    :param verb: the DAG, without its prefix, whose open problems are named; empty: none.
    :param fabrics: only problems of these; empty: of all. (templated)
    """

    template_fields: Sequence[str] = ("planned", "fabrics")
    ui_color = "#fef7e0"

    def __init__(
        self, *, planned: Any, sync_task_id: str = "sync", verb: str = "", fabrics: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.sync_task_id = sync_task_id
        self.verb = verb
        self.fabrics = fabrics

    def execute(self, context: Context) -> dict[str, Any]:
        """Return (XCom) the totals, one entry a fabric, and which of those that failed are tried again by themselves."""
        ti = context["ti"]
        if self.planned is None:
            raise AirflowFailException("no fabric was synced: the plan failed; the log of the task `plan` says why")
        batches: list[list[str]] = list(self.planned)
        pulled = ti.xcom_pull(task_ids=[self.sync_task_id], key=OUTCOMES, map_indexes=range(len(batches))) or []
        outcomes = [outcome for batch in pulled if batch for outcome in batch]
        told = {outcome["fabric"] for outcome in outcomes}
        lost = [name for batch in batches for name in batch if name not in told]
        totals = {status.value: 0 for status in OutcomeStatus}
        for outcome in sorted(outcomes, key=_worst_first):
            totals[outcome["status"]] += 1
            logger.log(trouble.level(outcome["status"]), "%s", describe(outcome))
        for name in lost:
            logger.error("%s: its task ended without a result; it stays due and the next run takes it up", name)
        logger.info("%s", ", ".join(f"{count} {status}" for status, count in totals.items()))
        summary: dict[str, Any] = {"totals": {**totals, "lost": len(lost)}, "fabrics": outcomes, "lost": lost}
        errors = [outcome for outcome in outcomes if outcome["status"] == OutcomeStatus.ERROR]
        failed = [outcome["fabric"] for outcome in errors] + lost
        retrying = summary["retrying"] = [outcome["fabric"] for outcome in errors if outcome["retryable"]] + lost
        verdict = []
        if failed:
            again = f"; {len(retrying)} of them are tried again without you" if retrying else ""
            verdict.append(f"{len(failed)} of {len(told) + len(lost)} fabrics failed: {short(failed)}{again}")
        # What is held is in the register with what it needs, but for a dry run, which records nothing.
        unrecorded = [
            one for one in outcomes if one["status"] == OutcomeStatus.HELD and (one["dry_run"] or not self.verb)
        ]
        held = [one["fabric"] for one in unrecorded]
        problems = open_problems(self.verb, self.fabrics)
        summary["open"] = [problem.as_dict() for problem in problems[: trouble.MOST_TOLD]]
        verdict += waiting_for_somebody(problems, held)
        if verdict:
            ti.xcom_push(key="return_value", value=summary)
            raise trouble.FabricTrouble("; ".join(verdict))
        return summary


_ORDER: dict[str, int] = {
    OutcomeStatus.ERROR: 0,
    OutcomeStatus.HELD: 1,
    OutcomeStatus.SUCCESS: 2,
    OutcomeStatus.SKIPPED: 3,
}


def _worst_first(outcome: dict[str, Any]) -> tuple[int, str]:
    return _ORDER[outcome["status"]], outcome["fabric"]
