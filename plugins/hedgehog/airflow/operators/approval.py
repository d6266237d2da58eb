"""The operators that ask people about proposals, in Airflow's list of required actions."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import BaseOperator, Param
from airflow.sdk.exceptions import AirflowSkipException

from hedgehog.airflow.operators.tasks import answering_user, fabric_database, run_id_of, time_limit

if TYPE_CHECKING:
    from airflow.sdk import Context

    from hedgehog.fabric.change_plan import ChangePlan
    from hedgehog.fabric.proposals import Proposal

logger = logging.getLogger(__name__)

PATIENCE = timedelta(hours=4)
"""How long a question stays open. What nobody has answered is asked again, unless it was decided elsewhere meanwhile."""
RUN_LIMIT = PATIENCE + timedelta(hours=1)
_LONGEST_BODY = 60_000
_REASON = "reason"


class FindProposalsOperator(BaseOperator):
    """Supersedes proposals that no longer hold, and returns the numbers of those that nobody is asked about yet."""

    ui_color = "#e6f4ea"

    def execute(self, context: Context) -> list[int]:
        """The numbers; skipped when there are none."""
        from hedgehog.services.steer.proposals import refresh
        from hedgehog.store.proposals import ask

        with fabric_database() as connection:
            for done in refresh(connection):
                logger.info("proposal %s is superseded: %s", done.proposal.id, "; ".join(done.differences))
            numbers = ask(connection, PATIENCE.total_seconds())
        if not numbers:
            raise AirflowSkipException("there is nothing to ask about")
        return numbers


class AskApprovalOperator(ApprovalOperator):
    """Shows the plan of a proposal, waits for an answer without holding a slot, and does what was decided.

    :param proposal: the number of the proposal. (templated)
    """

    template_fields: Sequence[str] = ("subject", "body", "proposal")
    ui_color = "#e6f4ea"

    def __init__(self, *, proposal: Any, **kwargs: Any) -> None:
        super().__init__(
            subject="A change waits for approval",
            response_timeout=PATIENCE,
            params={_REASON: Param("", type=["string", "null"], maxLength=1000, title="Why")},
            **kwargs,
        )
        self.proposal = proposal

    def execute(self, context: Context) -> Any:
        """Ask; skipped when the proposal was decided meanwhile."""
        from hedgehog.fabric.proposals import ProposalStatus
        from hedgehog.store.plans import load_plan
        from hedgehog.store.proposals import load_proposal

        with fabric_database() as connection:
            proposal = load_proposal(connection, int(self.proposal))
            plan = load_plan(connection, proposal.plan_id).plan
        context["proposal"] = f"{proposal.id} {proposal.fabric}"  # type: ignore[typeddict-unknown-key]  # its name in lists
        if proposal.status is not ProposalStatus.WAITING:
            raise AirflowSkipException(f"proposal {proposal.id} was {proposal.status} meanwhile")
        self.subject = f"Proposal {proposal.id}: change fabric {proposal.fabric}?"
        self.body = _body(proposal, plan)
        return super().execute(context)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """Do what was decided, in the name of who answered; what nobody answered is asked again."""
        from hedgehog.fabric.origin import Origin, Via
        from hedgehog.services.steer.proposals import approve, reject
        from hedgehog.store.proposals import ask_again

        number = int(self.proposal)
        if "error" in event:
            with fabric_database() as connection:
                ask_again(connection, number)
            raise AirflowSkipException(f"nobody answered about proposal {number}; it is asked again")
        decide = approve if event["chosen_options"] == [self.APPROVE] else reject
        who = answering_user(event.get("responded_by_user"))
        why = (event.get("params_input") or {}).get(_REASON) or ""
        with fabric_database(**time_limit(self)) as connection:
            ask_again(connection, number)  # should the decision be refused: the author's own, for example
            origin = Origin(who=who, via=Via.API, why=str(why), run=run_id_of(context))
            done = decide(connection, number, origin=origin)
        for line in done.differences:
            logger.warning("proposal %s no longer held: %s", number, line)
        return {"proposal": number, "status": done.proposal.status.value, "by": who}


def _body(proposal: Proposal, plan: ChangePlan) -> str:
    """The proposal as Markdown; what others wrote is quoted."""
    from hedgehog.hosts.markdown import quoted
    from hedgehog.services.plans.markdown import plan_markdown

    why = f": {proposal.origin.why}" if proposal.origin.why else ""
    head = f"By {quoted(proposal.origin.who + why)}. Needs approval by {quoted('; '.join(proposal.reasons))}."
    reviews = f" Reviews: {quoted(proposal.review)}." if proposal.review else ""
    text = f"{head}{reviews}\n\n{plan_markdown(plan)}"
    return (
        text if len(text) <= _LONGEST_BODY else f"{text[:_LONGEST_BODY]}\n\n… (`hedgehog proposals show {proposal.id}`)"
    )
