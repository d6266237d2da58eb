"""Operators of hedgehog_repository_changes: which repositories to look at, the looks, and what came of them.

As in `operators`: a permanent error fails a task at once, a lost fabric database is left to Airflow's retries, and what
is wrong with single repositories and fabrics is recorded by the service and makes the task red.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow import trouble
from hedgehog.airflow.operators.sync import (
    describe,
    fabric_database,
    open_problems,
    run_id_of,
    short,
    short_revision,
    time_limit,
    waiting_for_somebody,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.services.repository.changes import Look

logger = logging.getLogger(__name__)

VERB = "repository_changes"
"""The DAG, without its prefix."""
LOOKS = "looks"
"""XCom key under which a look task leaves what it found, failed or not."""


class PlanRepositoryChangesOperator(BaseOperator):
    """Finds the repositories to look at and returns their names in batches, one mapped task each.

    :param repository: look at this one only: its name, a URL, or `owner/name`. (templated)
    :param branch: only where this branch is followed. (templated)
    :param fabrics: only repositories of these fabrics. (templated)
    :param at_once: all of them, also those whose time has not come: a person waits. (templated)
    """

    template_fields: Sequence[str] = ("repository", "branch", "fabrics", "at_once")
    ui_color = "#e8f0fe"

    def __init__(
        self, *, repository: Any = "", branch: Any = "", fabrics: Any = (), at_once: Any = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.at_once = at_once
        self.repository = repository
        self.branch = branch
        self.fabrics = fabrics

    def execute(self, context: Context) -> list[list[str]]:
        """Return batches of repository names; an empty list skips everything downstream, which open problems prevent."""
        from hedgehog.services.repository import plan as repository_plan

        with fabric_database() as connection:
            batches = repository_plan.plan(
                connection,
                repository=str(self.repository or ""),
                branch=str(self.branch or ""),
                fabrics=list(self.fabrics),
                at_once=bool(self.at_once),
            )
            problems = [] if batches else trouble.find(connection, VERB)
        logger.info("repositories to look at: %s", sum(len(batch) for batch in batches))
        return trouble.NOTHING_BUT_TROUBLE if problems else batches


class FollowRepositoriesOperator(BaseOperator):
    """Looks at a batch of repositories: takes in what was pushed, and wakes who must act on it.

    :param repositories: names of repositories. (templated, mappable)
    :param fabrics: only these fabrics of them. (templated)
    :param forced: compare every file although nothing moved. (templated)
    :param at_once: ask also the fabrics whose time has not come. (templated)
    """

    template_fields: Sequence[str] = ("repositories", "fabrics", "forced", "at_once")
    ui_color = "#e6f4ea"

    def __init__(
        self, *, repositories: Any, fabrics: Any = (), forced: Any = False, at_once: Any = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.at_once = at_once
        self.repositories = repositories
        self.fabrics = fabrics
        self.forced = forced

    def execute(self, context: Context) -> None:
        """Look at the batch. Leaves what was found in XCom before it fails, so that the summary has it."""
        from hedgehog.airflow.adapters.hooks import open_mirror
        from hedgehog.services.repository import changes as repository_changes

        names = [self.repositories] if isinstance(self.repositories, str) else list(self.repositories)
        context["repositories"] = short(names) or "nothing to look at"  # type: ignore[typeddict-unknown-key]  # map_index_template reads it
        if not names:
            return
        with fabric_database() as connection:
            looks = repository_changes.follow(
                connection,
                names,
                open_mirror=open_mirror,
                run_id=run_id_of(context),
                fabrics=list(self.fabrics),
                forced=bool(self.forced),
                at_once=bool(self.at_once),
                **time_limit(self),
            )
        for look in looks:
            _tell(look)
        found = [look.as_dict() for look in looks]
        context["ti"].xcom_push(key=LOOKS, value=found)
        failed = [line for look in found for line in _failures(look)]
        if trouble.is_red():
            failed += [f"{fabric}: {reason}" for fabric, reason in _held(found).items()]
        if failed:
            raise trouble.FabricTrouble("; ".join(failed)[:2000])


def _tell(look: Look) -> None:
    found = look.as_dict()
    logger.log(
        logging.ERROR if look.error else logging.INFO, "%s: %s", look.repository, found["error"] or _found(found)
    )
    for outcome in look.outcomes:
        level = trouble.level(outcome.status)
        logger.log(level, "  %s", describe(outcome.as_dict()))
        for line in outcome.details:
            logger.log(level, "    %s", line)


def _found(look: dict[str, Any]) -> str:
    head = (
        f"{short_revision(look['revision'])}, {'moved' if look['moved'] else 'as it was'}" if look["revision"] else ""
    )
    parts = [head or "nobody has pushed its branch yet"]
    if look["deliveries"]:
        parts.append(f"{look['deliveries']} deliveries")
    if look["replaced"]:
        parts.append(f"force-pushed over {look['replaced'][:12]}")
    if look["woken"]:
        parts.append(f"files of {short(look['woken'])} were touched")
    return "; ".join(parts)


def _failures(look: dict[str, Any]) -> list[str]:
    if look["error"]:
        return [f"{look['repository']}: {look['error']}"]
    return [f"{one['fabric']}: {one['reason']}" for one in look["fabrics"] if one["status"] == "error"]


def _held(looks: Iterable[dict[str, Any]]) -> dict[str, str]:
    """The fabrics that wait for somebody, and why."""
    return {one["fabric"]: one["reason"] for look in looks for one in look["fabrics"] if one["status"] == "held"}


class RepositoryChangesSummaryOperator(BaseOperator):
    """Says in one place what was found in every repository of the run and what is open, and fails when one failed or
    waits for somebody.

    :param planned: the batches of the plan task. (templated)
    :param task_id_of_looks: the mapped task whose looks are summed up.
    :param verb: the DAG, without its prefix, whose open problems are named; empty: none.
    :param fabrics: only problems of these; empty: of all. (templated)
    """

    template_fields: Sequence[str] = ("planned", "fabrics")
    ui_color = "#fef7e0"

    def __init__(
        self, *, planned: Any, task_id_of_looks: str = "follow", verb: str = "", fabrics: Any = (), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.task_id_of_looks = task_id_of_looks
        self.verb = verb
        self.fabrics = fabrics

    def execute(self, context: Context) -> dict[str, Any]:
        """Return (XCom) the totals and one entry a repository."""
        if self.planned is None:
            raise AirflowFailException("nothing was looked at: the plan failed; the log of the task `plan` says why")
        batches: list[list[str]] = list(self.planned)
        ti = context["ti"]
        pulled = ti.xcom_pull(task_ids=[self.task_id_of_looks], key=LOOKS, map_indexes=range(len(batches))) or []
        looks = [look for batch in pulled if batch for look in batch]
        lost = sorted({name for batch in batches for name in batch} - {look["repository"] for look in looks})
        failures = [line for look in looks for line in _failures(look)]
        for look in looks:
            logger.info("%s: %s", look["repository"], look["error"] or _found(look))
            for one in look["fabrics"]:
                logger.log(trouble.level(one["status"]), "  %s", describe(one))
        for name in lost:
            logger.error("%s: its task ended without a result; the next run takes it up", name)
        totals = {"repositories": len(looks), "moved": sum(look["moved"] for look in looks)}
        totals |= {"fabrics": sum(len(look["fabrics"]) for look in looks), "failed": len(failures), "lost": len(lost)}
        problems = open_problems(self.verb, self.fabrics)
        summary = {"totals": totals, "repositories": looks, "lost": lost}
        summary["open"] = [problem.as_dict() for problem in problems[: trouble.MOST_TOLD]]
        verdict = [f"{len(failures) + len(lost)} failed: {short([*failures, *lost])}"] if failures or lost else []
        verdict += waiting_for_somebody(problems, _held(looks))
        if verdict:
            ti.xcom_push(key="return_value", value=summary)
            raise trouble.FabricTrouble("; ".join(verdict))
        return summary
