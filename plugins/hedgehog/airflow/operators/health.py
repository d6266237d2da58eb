"""Operators of the health DAGs and of the self-test: plan, look, and say in words what was found.

A task that finds a fault succeeds: the fault is recorded, and alerts come from there. A task is red when it could not
look, and for every failed check of a self-test.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.steps import Batches, Result, SummaryOperator, WorkOperator
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of
from hedgehog.fabric.shown import first_lines

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.services.observe.self_test import SelfTestResult
    from hedgehog.store.database import Connection
    from hedgehog.store.health import HealthResult

logger = logging.getLogger(__name__)

LOOKS = "looks"
"""XCom key under which a task leaves what it found: names, words and the first reasons."""
_MOST_REASONS = 3
_LONGEST_REASON = 300
_PAUSE = 2.0


def health_result(look: HealthResult) -> Result:
    """A look for XCom and logs."""
    reasons = first_lines((reason[:_LONGEST_REASON] for reason in look.summary.reasons), _MOST_REASONS)
    return {"scope": look.scope.value, "name": look.name, "health": look.summary.health.value, "reasons": reasons}


def _log_health(look: Result) -> None:
    level = logging.INFO if look["health"] in ("Healthy", "Progressing") else logging.WARNING
    reasons = "; ".join(look["reasons"])
    logger.log(level, "%s %s: %s%s", look["scope"], look["name"], look["health"], f" ({reasons})" if reasons else "")


class PlanHealthOperator(BaseOperator):
    """Finds the fabrics to check and returns them in batches, those of one cluster together.

    :param fabrics: look at these only. (templated)
    """

    template_fields: Sequence[str] = ("fabrics",)
    ui_color = "#e8f0fe"

    def __init__(self, *, fabrics: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def execute(self, context: Context) -> Batches:
        """Return batches of fabric names; an empty list skips everything downstream."""
        from hedgehog.services.observe import health

        with fabric_database() as connection:
            batches = health.plan(connection, fabrics=list(self.fabrics) or None)
        logger.info("fabrics to check: %s; batches: %s", sum(map(len, batches)), len(batches))
        return batches


class PlanRepositoryHealthOperator(BaseOperator):
    """Finds the repositories to check and returns them in batches."""

    ui_color = "#e8f0fe"

    def execute(self, context: Context) -> Batches:
        """Return batches of repository names; an empty list skips the look at repositories."""
        from hedgehog.services.observe import remotes as remote_health

        with fabric_database() as connection:
            return remote_health.plan(connection)


class _LookOperator(WorkOperator):
    """What all looks share: words. A fault that is found makes no task red."""

    key = LOOKS

    def as_result(self, result: HealthResult) -> Result:
        """Names, the word and the first reasons."""
        return health_result(result)

    def log_result(self, result: HealthResult) -> None:
        """One line."""
        _log_health(health_result(result))


class FabricHealthOperator(_LookOperator):
    """Looks at a batch of fabrics: each of their clusters is asked once, all at the same time.

    :param fabrics: fabric names. (templated, mappable)
    """

    batch = "fabrics"
    template_fields: Sequence[str] = ("fabrics",)

    def __init__(self, *, fabrics: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def work(self, connection: Connection, context: Context) -> list[HealthResult]:
        """Run `hedgehog.services.observe.health.check_fabrics`."""
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.observe import health

        return health.check_fabrics(connection, self.names, open_cluster=open_cluster, run_id=run_id_of(context))


class RepositoryHealthOperator(_LookOperator):
    """Looks at a batch of repositories: one ls-remote each, one call a credential of an API.

    :param repositories: names of repositories. (templated, mappable)
    """

    batch = "repositories"
    template_fields: Sequence[str] = ("repositories",)

    def __init__(self, *, repositories: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.repositories = repositories

    def work(self, connection: Connection, context: Context) -> list[HealthResult]:
        """Run `hedgehog.services.observe.remotes.check_repositories`."""
        return _check_repositories(connection, self.names, run_id_of(context))


class ServiceHealthOperator(_LookOperator):
    """Looks at the fabric database and, through the API server, at the parts of Airflow."""

    def work(self, connection: Connection, context: Context) -> list[HealthResult]:
        """Run `hedgehog.services.observe.remotes.check_services`."""
        return _check_services(connection, run_id_of(context))


class HostsHealthOperator(_LookOperator):
    """Checks the fabric database, Airflow and all repositories, in one task."""

    def work(self, connection: Connection, context: Context) -> list[HealthResult]:
        """What is near comes first: a Git host that does not answer must not hide a dead triggerer."""
        from hedgehog.services.observe import remotes as remote_health

        run_id = run_id_of(context)
        looks = _check_services(connection, run_id)
        for names in remote_health.plan(connection):
            looks += _check_repositories(connection, names, run_id)
        return looks


def _check_repositories(connection: Connection, names: Sequence[str], run_id: str) -> list[HealthResult]:
    from hedgehog.airflow.adapters.health_adapters import find_host
    from hedgehog.airflow.adapters.hooks import host_name, open_mirror
    from hedgehog.services.observe import remotes as remote_health
    from hedgehog.services.repository.hosts import note_hosts

    note_hosts(connection, names, host_name)
    return remote_health.check_repositories(
        connection, names, open_mirror=open_mirror, find_host=find_host, run_id=run_id
    )


def _check_services(connection: Connection, run_id: str) -> list[HealthResult]:
    from hedgehog.airflow.adapters.health_adapters import airflow_health
    from hedgehog.services.observe import remotes as remote_health

    return remote_health.check_services(connection, airflow_health=airflow_health(), run_id=run_id)


class HealthSummaryOperator(SummaryOperator):
    """Says in one place what every look of the run found, the worst first; red when a look was lost.

    :param also: tasks that are not mapped and looked as well.
    """

    key = LOOKS
    work_task_id = "check"
    again = "the next run checks again"
    error = AirflowFailException
    with_open_problems = False

    def __init__(self, *, also: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.also = also

    def left(self, context: Context) -> list[Any]:
        """What every task found; the others have looked, too, when the plan failed."""
        batches = [] if self.planned is None else super().left(context)
        ti = context["ti"]
        return [*batches, *(ti.xcom_pull(task_ids=name, key=LOOKS, map_indexes=None) for name in self.also)]

    def lost(self, left: Sequence[Any], results: Sequence[Result]) -> list[str]:
        """Tasks without a look."""
        names = [f"{self.work_task_id} {index}" for index in range(len(left) - len(self.also))] + [*self.also]
        lost = [name for name, looks in zip(names, left, strict=True) if looks is None]
        return ["plan", *lost] if self.planned is None else lost

    def log_results(self, results: Sequence[Result]) -> None:
        """One line per look, the worst first."""
        for look in _worst_first(results):
            _log_health(look)
        logger.info("%s", ", ".join(f"{count} {health}" for health, count in _totals(results).items()))

    def summary(self, results: list[Result], lost: list[str]) -> dict[str, Any]:
        """How many there are of each health, and one entry for each that is not Healthy."""
        from hedgehog.fabric.health import Health

        not_healthy = [look for look in _worst_first(results) if look["health"] != Health.HEALTHY]
        return {"totals": _totals(results), "not_healthy": not_healthy}

    def failures(self, results: Sequence[Result], lost: Sequence[str]) -> list[str]:
        """A look that is missing; what a look found is not a failure."""
        return ["a task ended without a result, its log says why; the next run checks again"] if lost else []


def fabric_health_tasks(**plan_arguments: Any) -> PlanHealthOperator:
    """The tasks `plan`, which is returned and takes *plan_arguments*, `check` and `summary` of the DAG being defined."""
    plan = PlanHealthOperator(
        task_id="plan",
        priority_weight=6,
        doc_md="Groups the fabrics by cluster, and the clusters into a few batches.",
        **plan_arguments,
    )
    check = FabricHealthOperator.partial(
        task_id="check",
        priority_weight=6,
        map_index_template="♥ {{ fabrics }}",
        doc_md="Asks each cluster of the batch once, all at the same time, and records the health of its fabrics.",
    ).expand(fabrics=plan.output)
    summary = HealthSummaryOperator(
        task_id="summary",
        planned=plan.output,
        trigger_rule="none_skipped",
        priority_weight=6,
        doc_md="Says what was found, the worst first; red when a check was lost. Skipped when no fabric has a cluster.",
    )
    check >> summary
    return plan


def _worst_first(looks: Sequence[Result]) -> list[Result]:
    from hedgehog.fabric.health import SEVERITY, Health

    return sorted(looks, key=lambda look: (-SEVERITY[Health(look["health"])], look["scope"], look["name"]))


def _totals(looks: Sequence[Result]) -> dict[str, int]:
    """How many there are of each health; every health is a key."""
    from hedgehog.fabric.health import Health

    return {health.value: sum(look["health"] == health for look in looks) for health in Health}


class ReachQueueOperator(BaseOperator):
    """Runs where its queue sends it and says where that was: that it ran is the proof."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> dict[str, Any]:
        """Return (XCom) queue, machine and process."""
        import os
        import socket

        place = {"queue": self.queue, "host": socket.gethostname(), "pid": os.getpid()}
        logger.info("queue %s reaches %s, process %s", *place.values())
        return place


class SelfTestOperator(BaseOperator):
    """Checks from inside a worker all that our DAGs rest on; fails naming every check that failed.

    :param queues: each has a task `reach_<queue>` in the run, which must have run.
    :param patience: seconds that those tasks are waited for.
    """

    ui_color = "#fef7e0"

    def __init__(self, *, queues: Sequence[str], patience: float = 120.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.queues = queues
        self.patience = patience

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return (XCom) every check with its result."""
        from hedgehog.airflow.self_test import checks

        found = [*checks(), *self._reached(context)]
        for one in found:
            logger.log(logging.INFO if one.passed else logging.ERROR, "%s", one)
        results = [{"check": one.name, "passed": one.passed, "text": one.text} for one in found]
        failed = [str(one) for one in found if not one.passed]
        if failed:
            context["ti"].xcom_push(key="return_value", value=results)
            raise AirflowFailException(f"{len(failed)} of {len(found)} checks failed: {'; '.join(failed)}"[:2000])
        return results

    def _reached(self, context: Context) -> list[SelfTestResult]:
        """A check a queue: whether its task ran, now or while we wait."""
        from hedgehog.services.observe.self_test import SelfTestResult

        places: dict[str, Any] = {}
        end = time.monotonic() + self.patience
        while True:
            for queue in set(self.queues) - places.keys():
                place = context["ti"].xcom_pull(task_ids=f"reach_{queue}", key="return_value", map_indexes=None)
                places |= {queue: place} if place else {}
            if len(places) == len(self.queues) or time.monotonic() >= end:
                break
            time.sleep(_PAUSE)
        absent = (
            f"no task ran within {self.patience:.0f} s; start a worker for it, or wait until its pool has a free slot"
        )
        return [
            SelfTestResult(
                f"queue {queue}", queue in places, f"reached {places[queue]['host']}" if queue in places else absent
            )
            for queue in self.queues
        ]
