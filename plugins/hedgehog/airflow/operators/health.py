"""Operators of the health DAGs and of the self-test: plan, look, and say in words what was found.

A look that finds a fault is a good end of a task: the fault is recorded, and alerts come from there. Red is a task that
could not look, and every failed check of a self-test.
"""

from __future__ import annotations

import logging
import time
from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow.operators.sync import fabric_database, run_id_of, short

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.services.observe.self_test import Check
    from hedgehog.store.database import Connection
    from hedgehog.store.health import Look

logger = logging.getLogger(__name__)

LOOKS = "looks"
"""XCom key under which a task leaves what it found: names, words and the first reasons."""
_MOST_REASONS = 3
_LONGEST_REASON = 300
_PAUSE = 2.0


def plain(look: Look) -> dict[str, Any]:
    """A look for XCom and logs."""
    reasons = [reason[:_LONGEST_REASON] for reason in look.verdict.reasons[:_MOST_REASONS]]
    more = len(look.verdict.reasons) - len(reasons)
    reasons += [f"and {more} more"] if more else []
    return {"scope": look.scope.value, "name": look.name, "health": look.verdict.health.value, "reasons": reasons}


def _tell(look: dict[str, Any]) -> None:
    level = logging.INFO if look["health"] in ("Healthy", "Progressing") else logging.WARNING
    reasons = "; ".join(look["reasons"])
    logger.log(level, "%s %s: %s%s", look["scope"], look["name"], look["health"], f" ({reasons})" if reasons else "")


class PlanHealthOperator(BaseOperator):
    """Finds the fabrics to look at and returns them in batches, those of one cluster together.

    :param fabrics: look at these only. (templated)
    """

    template_fields: Sequence[str] = ("fabrics",)
    ui_color = "#e8f0fe"

    def __init__(self, *, fabrics: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def execute(self, context: Context) -> list[list[str]]:
        """Return batches of fabric names; an empty list skips everything downstream."""
        from hedgehog.services.observe import health

        with fabric_database() as connection:
            batches = health.plan(connection, fabrics=list(self.fabrics) or None)
        logger.info("fabrics to look at: %s; batches: %s", sum(map(len, batches)), len(batches))
        return batches


class PlanRepositoryHealthOperator(BaseOperator):
    """Finds the repositories to look at and returns them in batches."""

    ui_color = "#e8f0fe"

    def execute(self, context: Context) -> list[list[str]]:
        """Return batches of repository names; an empty list skips the look at repositories."""
        from hedgehog.services.observe import remotes as remote_health

        with fabric_database() as connection:
            return remote_health.plan(connection)


class _LookOperator(BaseOperator):
    """What all looks share: ask, tell, leave it in XCom."""

    ui_color = "#e6f4ea"

    @abstractmethod
    def look(self, connection: Connection, context: Context) -> list[Look]:
        """Call the service."""

    def execute(self, context: Context) -> None:
        """Look, and leave what was found for the summary."""
        with fabric_database() as connection:
            looks = [plain(look) for look in self.look(connection, context)]
        for look in looks:
            _tell(look)
        context["ti"].xcom_push(key=LOOKS, value=looks)


class FabricHealthOperator(_LookOperator):
    """Looks at a batch of fabrics: each of their clusters is asked once, all at the same time.

    :param fabrics: fabric names. (templated, mappable)
    """

    template_fields: Sequence[str] = ("fabrics",)

    def __init__(self, *, fabrics: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def look(self, connection: Connection, context: Context) -> list[Look]:
        """Run `hedgehog.services.observe.health.check`."""
        from hedgehog.airflow.adapters.hooks import open_cluster
        from hedgehog.services.observe import health

        names = [self.fabrics] if isinstance(self.fabrics, str) else list(self.fabrics)
        context["fabrics"] = short(names)  # type: ignore[typeddict-unknown-key]  # map_index_template reads it
        return health.check(connection, names, open_cluster=open_cluster, run_id=run_id_of(context))


class RepositoryHealthOperator(_LookOperator):
    """Looks at a batch of repositories: one ls-remote each, one rate-limit call a GitHub credential.

    :param repositories: names of repositories. (templated, mappable)
    """

    template_fields: Sequence[str] = ("repositories",)

    def __init__(self, *, repositories: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.repositories = repositories

    def look(self, connection: Connection, context: Context) -> list[Look]:
        """Run `hedgehog.services.observe.remotes.check_repositories`."""
        from hedgehog.airflow.adapters.health_adapters import open_github_of
        from hedgehog.airflow.adapters.hooks import open_mirror
        from hedgehog.services.observe import remotes as remote_health

        names = [self.repositories] if isinstance(self.repositories, str) else list(self.repositories)
        context["repositories"] = short(names)  # type: ignore[typeddict-unknown-key]  # map_index_template reads it
        return remote_health.check_repositories(
            connection, names, open_mirror=open_mirror, open_github=open_github_of, run_id=run_id_of(context)
        )


class ServiceHealthOperator(_LookOperator):
    """Looks at the fabric database and, through the API server, at the parts of Airflow."""

    def look(self, connection: Connection, context: Context) -> list[Look]:
        """Run `hedgehog.services.observe.remotes.check_services`."""
        from hedgehog.airflow.adapters.health_adapters import airflow_health
        from hedgehog.services.observe import remotes as remote_health

        return remote_health.check_services(connection, airflow_health=airflow_health(), run_id=run_id_of(context))


class HealthSummaryOperator(BaseOperator):
    """Says in one place what every look of the run found, the worst first; red when a look was lost.

    :param planned: the batches of the plan task. (templated)
    :param look_task_id: the mapped task whose looks are summed up.
    :param also: tasks that are not mapped and looked as well.
    """

    template_fields: Sequence[str] = ("planned",)
    ui_color = "#fef7e0"

    def __init__(self, *, planned: Any, look_task_id: str, also: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.look_task_id = look_task_id
        self.also = also

    def execute(self, context: Context) -> dict[str, Any]:
        """Return (XCom) how many there are of each health, and one entry for each that is not Healthy."""
        from hedgehog.fabric.health import SEVERITY, Health

        ti, batches = context["ti"], list(self.planned or ())
        pulled = ti.xcom_pull(task_ids=[self.look_task_id], key=LOOKS, map_indexes=range(len(batches))) or []
        for task_id in self.also:
            pulled += [ti.xcom_pull(task_ids=task_id, key=LOOKS, map_indexes=None)]
        looks = [look for batch in pulled for look in batch or ()]
        looks.sort(key=lambda look: (-SEVERITY[Health(look["health"])], look["scope"], look["name"]))
        for look in looks:
            _tell(look)
        totals = Counter(look["health"] for look in looks)
        counted = {health.value: totals[health.value] for health in Health}
        logger.info("%s", ", ".join(f"{count} {health}" for health, count in counted.items()))
        summary = {"totals": counted, "not_healthy": [look for look in looks if look["health"] != Health.HEALTHY]}
        lost = self.planned is None or any(batch is None for batch in pulled)
        if lost:
            ti.xcom_push(key="return_value", value=summary)
            raise AirflowFailException("a task ended without a result, its log says why; the next run looks again")
        return summary


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

    def _reached(self, context: Context) -> list[Check]:
        """A check a queue: whether its task ran, now or while we wait."""
        from hedgehog.services.observe.self_test import Check

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
            Check(f"queue {queue}", queue in places, f"reached {places[queue]['host']}" if queue in places else absent)
            for queue in self.queues
        ]
