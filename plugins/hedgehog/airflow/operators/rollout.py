"""Operators of hedgehog_rollout: what is next, the changes whose turn it is, and the watch until the wave has ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowSkipException

from hedgehog.airflow.operators.steps import Batches
from hedgehog.airflow.operators.tasks import answering_user, fabric_database, run_id_of, short, time_limit

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.store.database import Connection

logger = logging.getLogger(__name__)

ROLLOUTS = "rollouts"
"""XCom key under which the plan leaves the numbers of the rollouts that its run moves on."""
APPROVE, PAUSE = "Approve", "Pause"
PATIENCE = timedelta(hours=4)
"""How long a question stays open. What nobody has answered is asked again, unless it was decided elsewhere meanwhile."""
LONGEST_RUN = timedelta(days=8)
"""A wave may soak for days; after that, the next run goes on."""
LEASE = timedelta(minutes=12)
"""How long a run keeps a rollout without a sign of life: longer than any task may take."""


class PlanRolloutOperator(BaseOperator):
    """Takes the rollouts that no run moves on, looks at each, and returns the fabrics whose turn it is, in batches."""

    ui_color = "#e8f0fe"

    def execute(self, context: Context) -> Batches:
        """Return batches of fabric names; the rollouts are left in XCom."""
        from hedgehog.services.claims import batches
        from hedgehog.store import rollouts as store

        run_id = run_id_of(context)
        with fabric_database() as connection:
            taken = [str(number) for number in store.take_rollouts(connection, run_id=run_id, lease=LEASE)]
            turns = [name for number in taken for name in _look(connection, number, run_id).store]
        context["ti"].xcom_push(key=ROLLOUTS, value=taken)
        logger.info("rollouts: %s; fabrics whose turn it is: %s", short(taken) or "none", short(turns) or "none")
        return batches(turns)


def _look(connection: Connection, number: str, run_id: str) -> Any:
    from hedgehog.airflow.adapters.hooks import open_cluster
    from hedgehog.services.rollouts.look import look
    from hedgehog.store import rollouts as store

    row = store.load_rollout(connection, number)
    decision = look(connection, row, open_cluster=open_cluster, run_id=run_id, now=datetime.now(UTC))
    for fabric, (state, reason) in decision.moves.items():
        logger.info("%s: %s is %s%s", row.name, fabric, state, f": {reason}" if reason else "")
    if decision.reason:
        logger.warning("%s: %s: %s", row.name, decision.state, decision.reason)
    return decision


class FindQuestionsOperator(BaseOperator):
    """Takes the rollouts whose next wave waits to be approved, and that nobody was asked about."""

    ui_color = "#e8f0fe"

    def execute(self, context: Context) -> list[dict[str, Any]]:
        """Return the arguments of one question each."""
        from hedgehog.store import rollouts as store

        with fabric_database() as connection:
            taken = store.take_approvals(connection, run_id=run_id_of(context), lease=PATIENCE + LEASE)
            return [_question(connection, number) for number in taken]


def _question(connection: Connection, number: str) -> dict[str, Any]:
    from hedgehog.store import rollouts as store

    row = store.load_rollout(connection, number)
    rollout = store.loaded(connection, row)
    wave = rollout.wave or 0
    names = [one.fabric for one in rollout.members if one.wave == wave]
    return {
        "rollout": number,
        "wave": wave,
        "subject": f"Rollout {row.name}: wave {wave + 1} of {rollout.waves}",
        "body": f"{len(names)} fabrics: {short(names)}. `hedgehog rollout show {row.name}` says how the waves before went.",
    }


class StoreChangesOperator(BaseOperator):
    """Stores the change of their rollout in the fabrics of a batch, each in a transaction of its own.

    :param fabrics: fabric names. (templated, mappable)
    """

    template_fields: Sequence[str] = ("fabrics",)
    ui_color = "#e6f4ea"

    def __init__(self, *, fabrics: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.fabrics = fabrics

    def execute(self, context: Context) -> list[str]:
        """Return the names of the fabrics that want the change now."""
        from hedgehog.services.rollouts.advance import store_changes
        from hedgehog.store import rollouts as store

        context["fabrics"] = short(list(self.fabrics))  # type: ignore[typeddict-unknown-key]  # for map_index_template
        run_id, done = run_id_of(context), list[str]()
        with fabric_database() as connection:
            for number, names in store.turns(connection, list(self.fabrics)).items():
                store.renew(connection, [int(number)], run_id=run_id, lease=LEASE)
                row = store.load_rollout(connection, number)
                done += store_changes(connection, row, names, run_id=run_id, now=datetime.now(UTC))
        logger.info("stored in %s", short(done) or "none")
        return done


class WatchRolloutsOperator(BaseOperator):
    """Watches the waves under way until each has ended, failed, or has further fabrics whose turn it is.

    It waits deferred, which holds no worker. Then the rollouts are left to the next run, which is woken.

    :param rollouts: their numbers. (templated)
    """

    template_fields: Sequence[str] = ("rollouts",)
    ui_color = "#fef7e0"

    def __init__(self, *, rollouts: Any, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.rollouts = rollouts

    def execute(self, context: Context) -> None:
        """Look, and defer until the next look."""
        self._watch(context, [str(number) for number in self.rollouts or ()])

    def resume(self, context: Context, event: Any, rollouts: Sequence[str]) -> None:
        """Look again."""
        self._watch(context, rollouts)

    def _watch(self, context: Context, rollouts: Sequence[str]) -> None:
        from hedgehog.store import rollouts as store

        run_id, going, moments = run_id_of(context), list[str](), list[datetime]()
        with fabric_database() as connection:
            for number in rollouts:
                decision = _look(connection, number, run_id)
                next_look = decision.look_again_at
                if decision.store or next_look is None or next_look <= datetime.now(UTC):
                    store.let_go(connection, [int(number)], run_id=run_id)
                else:
                    going.append(number)
                    moments.append(next_look)
            if going:
                lease = LEASE + (min(moments) - datetime.now(UTC))
                store.renew(connection, list(map(int, going)), run_id=run_id, lease=lease)
        if going:
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger

            self.defer(trigger=DateTimeTrigger(moment=min(moments)), method_name="resume", kwargs={"rollouts": going})


class ApproveWaveOperator(HITLOperator):
    """Asks whether the next wave of a rollout may begin: one of Airflow's *Required Actions*, which holds no worker.

    The answer is recorded with who gave it. One that comes after somebody decided otherwise changes nothing. What nobody
    answers within PATIENCE is asked again by another run, so that none is kept by what was decided elsewhere.

    :param rollout: its number. (templated, mappable)
    :param wave: the wave, counted from 0. (templated, mappable)
    """

    template_fields: Sequence[str] = (*HITLOperator.template_fields, "rollout", "wave")
    ui_color = "#fce8e6"

    def __init__(self, *, rollout: Any, wave: Any, **kwargs: Any) -> None:
        super().__init__(options=[APPROVE, PAUSE], response_timeout=PATIENCE, **kwargs)
        self.rollout = rollout
        self.wave = wave

    def execute(self, context: Context) -> Any:
        """Ask, and wait for the answer."""
        context["fabrics"] = self.subject  # type: ignore[typeddict-unknown-key]  # for map_index_template
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> str:
        """Do what was answered, and return it."""
        from hedgehog.errors import InvalidInput
        from hedgehog.services.rollouts.steering import approve_rollout, pause_rollout
        from hedgehog.store.rollouts import let_go

        if "error" in event:
            with fabric_database() as connection:
                let_go(connection, [int(self.rollout)], run_id=run_id_of(context))
            raise AirflowSkipException(
                f"nobody answered about rollout {self.rollout}; it is asked again if it still waits"
            )
        answer = super().execute_complete(context, event)
        name, actor, now = str(self.rollout), answering_user(answer["responded_by_user"]), datetime.now(UTC)
        with fabric_database(**time_limit(self)) as connection:
            try:
                if answer["chosen_options"] == [APPROVE]:
                    why, wave = "approved in Airflow", int(self.wave)
                    approve_rollout(connection, name, wave=wave, reason=why, actor=actor, now=now)
                else:
                    pause_rollout(connection, name, reason="not approved in Airflow", actor=actor, now=now)
            except InvalidInput as error:
                logger.warning("%s; the answer changes nothing", error)
                return "nothing to do"
        return str(answer["chosen_options"][0])
