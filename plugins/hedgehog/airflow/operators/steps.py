"""The steps of the DAGs that work in batches: a plan, one mapped task per batch, and a summary of what came of them.

An operator of such a DAG says what is its own: which service it calls, how a result reads, and what of it is a failure.
"""

from __future__ import annotations

import logging
from abc import abstractmethod
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowFailException

from hedgehog.airflow import trouble
from hedgehog.airflow.operators.tasks import fabric_database, short

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.store.database import Connection
    from hedgehog.store.problems import Problem

logger = logging.getLogger(__name__)

_CAUSE_SHOWN = 300
_LONGEST_MESSAGE = 2000

Result = dict[str, Any]
"""What happened to one fabric, repository or pull request, as XCom has it."""
Batches = list[list[str]]


def or_open_problems(connection: Connection, verb: str, batches: Batches) -> Batches:
    """The *batches* of a plan; without any, one that is empty if the DAG of *verb* has open problems to report.

    Airflow skips everything after a plan of nothing, the summary included.
    """
    if batches or not trouble.problems_of(connection, verb):
        return batches
    return trouble.NOTHING_BUT_TROUBLE


class WorkOperator(BaseOperator):
    """Works on one batch, leaves what came of it for the summary, and fails when something of it failed.

    `batch` is the field with the names of the batch, under which `map_index_template` finds them as well; a task whose
    batch is empty does nothing. Without it the operator is not mapped and always works.
    """

    key: ClassVar[str]
    """The XCom key under which the results are left."""
    batch: ClassVar[str] = ""
    nothing: ClassVar[str] = "nothing is due"
    ui_color = "#e6f4ea"

    @abstractmethod
    def work(self, connection: Connection, context: Context) -> Sequence[Any]:
        """Call the service."""

    @abstractmethod
    def log_result(self, result: Any) -> None:
        """Say in the log what happened to one."""

    def as_result(self, result: Any) -> Result:
        """A result of the service for XCom."""
        found: Result = result.as_dict()
        return found

    def failures(self, results: Sequence[Any]) -> list[str]:
        """Why the task is red; empty where no result makes it so."""
        return []

    @property
    def names(self) -> list[str]:
        """The names of the batch, of which one alone may stand without a list."""
        given = getattr(self, self.batch)
        return [given] if isinstance(given, str) else list(given)

    def execute(self, context: Context) -> None:
        """Work on the batch. The results are in XCom before the task fails, so that the summary has them."""
        if self.batch:
            context[self.batch] = short(self.names) or self.nothing  # type: ignore[literal-required]  # for map_index_template
            if not self.names:
                return
        with fabric_database() as connection:
            results = self.work(connection, context)
        for result in results:
            self.log_result(result)
        context["ti"].xcom_push(key=self.key, value=[self.as_result(result) for result in results])
        if failed := self.failures(results):
            raise trouble.FabricTrouble("; ".join(failed)[:_LONGEST_MESSAGE])


class SummaryOperator(BaseOperator):
    """Says in one place what happened to everything that was planned and what is open, and fails when something failed,
    was lost, or waits for somebody.

    :param planned: what the plan returned. (templated)
    :param verb: the DAG, without its prefix, whose open problems are named; empty: none.
    :param fabrics: only problems of these; empty: of all. (templated)
    """

    key: ClassVar[str]
    """The XCom key under which the tasks that worked left their results."""
    work_task_id: ClassVar[str]
    """The mapped task whose results are summed up."""
    nothing_done: ClassVar[str] = "nothing was done"
    """What a plan that failed means."""
    again: ClassVar[str] = "the next run takes it up"
    """What comes of something that was lost."""
    error: ClassVar[type[AirflowFailException]] = trouble.FabricTrouble
    with_open_problems: ClassVar[bool] = True
    """Whether XCom keeps the open problems; health has none of its own."""

    template_fields: Sequence[str] = ("planned", "fabrics")
    ui_color = "#fef7e0"

    def __init__(self, *, planned: Any, verb: str = "", fabrics: Any = (), **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.planned = planned
        self.verb = verb
        self.fabrics = fabrics

    @abstractmethod
    def lost(self, left: Sequence[Any], results: Sequence[Result]) -> list[str]:
        """What was planned and has no result, for its task was killed."""

    @abstractmethod
    def log_results(self, results: Sequence[Result]) -> None:
        """Say in the log what happened to each."""

    @abstractmethod
    def summary(self, results: list[Result], lost: list[str]) -> dict[str, Any]:
        """What XCom keeps: the totals, and an entry for each."""

    @abstractmethod
    def failures(self, results: Sequence[Result], lost: Sequence[str]) -> list[str]:
        """Why the run is red; empty where nothing failed."""

    def held(self, results: Sequence[Result]) -> Collection[str]:
        """The fabrics that wait for somebody without being among the open problems."""
        return ()

    def left(self, context: Context) -> list[Any]:
        """The results that each task left; None for one that was lost. Raises AirflowFailException without a plan."""
        if self.planned is None:
            raise AirflowFailException(f"{self.nothing_done}: the plan failed; the log of the task `plan` says why")
        return self.left_by(self.work_task_id, context)

    def left_by(self, task_id: str, context: Context) -> list[Any]:
        """What each instance of a mapped task left; None for one that was lost."""
        indexes = range(len(self.planned))
        return context["ti"].xcom_pull(task_ids=[task_id], key=self.key, map_indexes=indexes) or []

    def execute(self, context: Context) -> dict[str, Any]:
        """Return (XCom) the summary, which is there for a run that failed, too."""
        left = self.left(context)
        results = [result for batch in left for result in batch or ()]
        lost = self.lost(left, results)
        self.log_results(results)
        for name in lost:
            logger.error("%s: its task ended without a result; %s", name, self.again)
        if lost:
            self.hand_on(lost)
        summary = self.summary(results, lost)
        problems = self._open_problems(results)
        if self.with_open_problems:
            summary["open"] = [problem.as_dict() for problem in problems[: trouble.MOST_LISTED]]
        red = [*self.failures(results, lost), *_waiting_for_somebody(problems, self.held(results))]
        if red:
            context["ti"].xcom_push(key="return_value", value=summary)
            raise self.error("; ".join(red))
        return summary

    def hand_on(self, lost: Sequence[str]) -> None:
        """See to it that what was lost is taken up, where that does not happen by itself."""

    def problems(self, connection: Connection, results: Sequence[Result]) -> list[Problem]:
        """What is open in this DAG."""
        return trouble.problems_of(connection, self.verb, self.fabrics)

    def _open_problems(self, results: Sequence[Result]) -> list[Problem]:
        """What is open, told in the log."""
        if not self.verb:
            return []
        with fabric_database() as connection:
            problems = self.problems(connection, results)
        trouble.log_open_problems(problems)
        return problems


def _waiting_for_somebody(problems: Sequence[Problem], held: Collection[str]) -> list[str]:
    """Why a run is red although nothing of it failed: what waits for a person, and the fabrics that it left *held*."""
    open_ = [problem for problem in problems if problem.needs_somebody]
    names = sorted({*(problem.fabric for problem in open_), *held})
    if not names or not trouble.is_red():
        return []
    cause = open_[0].cause[:_CAUSE_SHOWN] if len(open_) == len(names) == 1 else f"{len(open_)} problems"
    why = f" ({cause})" if open_ else ""
    return [f"a person must look at {short(names)}{why}; see `hedgehog status`"]


def names_without_result(batches: Batches, found: Collection[str]) -> list[str]:
    """The names of *batches* of which nothing was *found*, in their order, each once."""
    return [name for name in dict.fromkeys(name for batch in batches for name in batch) if name not in found]
