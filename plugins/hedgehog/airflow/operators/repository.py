"""Operators of hedgehog_repository_changes: which repositories to look at, the looks, and what came of them."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

from hedgehog.airflow import trouble
from hedgehog.airflow.operators.outcomes import log_outcome, outcome_line
from hedgehog.airflow.operators.steps import (
    Batches,
    Result,
    SummaryOperator,
    WorkOperator,
    names_without_result,
    or_open_problems,
)
from hedgehog.airflow.operators.tasks import fabric_database, run_id_of, short, short_revision, time_limit

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.services.repository.changes import RepositoryOutcome
    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

VERB = "repository_changes"
"""The DAG, without its prefix."""
LOOKS = "looks"
"""XCom key under which a look task leaves what it found, failed or not."""


class PlanRepositoryChangesOperator(BaseOperator):
    """Finds the repositories to read and returns their names in batches, one mapped task each.

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

    def execute(self, context: Context) -> Batches:
        """Return batches of repository names; an empty list skips everything downstream, which open problems prevent."""
        from hedgehog.services.repository import plan as repository_plan

        with fabric_database() as connection:
            found = repository_plan.plan(
                connection,
                repository=str(self.repository or ""),
                branch=str(self.branch or ""),
                fabrics=list(self.fabrics),
                at_once=bool(self.at_once),
            )
            batches = or_open_problems(connection, VERB, found)
        logger.info("repositories to read: %s", sum(map(len, found)))
        return batches


class FollowRepositoriesOperator(WorkOperator):
    """Looks at a batch of repositories: takes in what was pushed, and wakes who must act on it.

    :param repositories: names of repositories. (templated, mappable)
    :param fabrics: only these fabrics of them. (templated)
    :param force: compare every file although nothing moved. (templated)
    :param at_once: ask also the fabrics whose time has not come. (templated)
    """

    key = LOOKS
    batch = "repositories"
    nothing = "nothing to read"
    template_fields: Sequence[str] = ("repositories", "fabrics", "force", "at_once")

    def __init__(
        self, *, repositories: Any, fabrics: Any = (), force: Any = False, at_once: Any = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.at_once = at_once
        self.repositories = repositories
        self.fabrics = fabrics
        self.force = force

    def work(self, connection: Connection, context: Context) -> list[RepositoryOutcome]:
        """Run `hedgehog.services.repository.changes.follow`."""
        from hedgehog.airflow.adapters.hooks import open_host, open_mirror
        from hedgehog.services.repository import changes as repository_changes

        return repository_changes.follow(
            connection,
            self.names,
            open_mirror=open_mirror,
            run_id=run_id_of(context),
            fabrics=list(self.fabrics),
            force=bool(self.force),
            at_once=bool(self.at_once),
            open_host=open_host,
            **time_limit(self),
        )

    def log_result(self, result: RepositoryOutcome) -> None:
        """One line, and more for each of its fabrics."""
        level = logging.ERROR if result.error else logging.INFO
        logger.log(level, "%s: %s", result.repository, _line(result.as_dict()))
        for outcome in result.outcomes:
            log_outcome(outcome, "  ")

    def failures(self, results: Sequence[RepositoryOutcome]) -> list[str]:
        """Repositories and fabrics that failed, and fabrics that wait for somebody."""
        found = [self.as_result(look) for look in results]
        failed = [line for look in found for line in _failures(look)]
        if trouble.is_red():
            failed += [f"{fabric}: {reason}" for fabric, reason in _held(found).items()]
        return failed


def _line(look: Result) -> str:
    """What went wrong, or what was found; one line."""
    return look["error"] or _found(look)


def _found(look: Result) -> str:
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
    if look["closed"]:
        parts.append(f"closed {short(look['closed'])}, which nobody needs any more")
    return "; ".join(parts)


def _failures(look: Result) -> list[str]:
    unclosed = [f"{look['repository']}: {one}" for one in look["not_closed"]]
    if look["error"]:
        return [f"{look['repository']}: {look['error']}", *unclosed]
    return [f"{one['fabric']}: {one['reason']}" for one in look["fabrics"] if one["status"] == "error"] + unclosed


def _held(looks: Iterable[Result]) -> dict[str, str]:
    """The fabrics that wait for somebody, and why."""
    return {one["fabric"]: one["reason"] for look in looks for one in look["fabrics"] if one["status"] == "held"}


class RepositoryChangesSummaryOperator(SummaryOperator):
    """Says in one place what was found in every repository of the run and what is open, and fails when one failed or
    waits for somebody.
    """

    key = LOOKS
    work_task_id = "follow"
    nothing_done = "nothing was read"

    def lost(self, left: Sequence[Any], results: Sequence[Result]) -> list[str]:
        """Repositories without a look."""
        return sorted(names_without_result(self.planned, {look["repository"] for look in results}))

    def log_results(self, results: Sequence[Result]) -> None:
        """One line per repository, and one for each of its fabrics."""
        for look in results:
            logger.info("%s: %s", look["repository"], _line(look))
            for one in look["fabrics"]:
                logger.log(trouble.level(one["status"]), "  %s", outcome_line(one))

    def summary(self, results: list[Result], lost: list[str]) -> dict[str, Any]:
        """The totals and one entry per repository."""
        totals = {
            "repositories": len(results),
            "moved": sum(look["moved"] for look in results),
            "fabrics": sum(len(look["fabrics"]) for look in results),
            "failed": sum(len(_failures(look)) for look in results),
            "lost": len(lost),
        }
        return {"totals": totals, "repositories": results, "lost": lost}

    def failures(self, results: Sequence[Result], lost: Sequence[str]) -> list[str]:
        """Each repository and fabric that failed, and what was lost."""
        failed = [line for look in results for line in _failures(look)] + [*lost]
        return [f"{len(failed)} failed: {short(failed)}"] if failed else []

    def held(self, results: Sequence[Result]) -> dict[str, str]:
        """Fabrics that were taken over but for something."""
        return _held(results)
