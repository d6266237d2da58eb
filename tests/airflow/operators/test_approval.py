"""The operators that ask people about proposals, on a real fabric database."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput

from hedgehog.airflow.adapters import hooks
from hedgehog.airflow.operators import approval
from hedgehog.airflow.operators.approval import AskApprovalOperator, FindProposalsOperator
from hedgehog.errors import RemoteUnavailable
from hedgehog.fabric.origin import Origin, Via
from hedgehog.fabric.proposals import ApprovalRule, ProposalStatus
from hedgehog.fabric.selectors import parse_selector
from hedgehog.services.steer.proposals import keep_rule, reject
from hedgehog.services.transfer.load import import_documents
from hedgehog.store.database import Connection
from hedgehog.store.proposals import load_proposal
from tests.services.plans.fabrics import documents, filled_fabric, make_vpc_of

ADA = Origin(who="ada", via=Via.CLI, why="CHG-1 <img src=x>")


@pytest.fixture
def lab(fabric_database, database: Connection) -> Connection:
    """The fabric database with a fabric, every change of which needs approval."""
    filled_fabric(database, "lab")
    keep_rule(database, ApprovalRule("all", parse_selector("fabric=lab")), actor="root")
    return database


@pytest.fixture
def proposal(lab: Connection) -> int:
    """A change that waits."""
    made = import_documents(lab, documents(make_vpc_of("a", 1500)), origin=ADA, fabric="lab").proposal
    assert made is not None
    return made.id


def answer(option: str, user: str = "bob", **params: Any) -> dict[str, Any]:
    """What Airflow passes on when somebody has answered."""
    return {
        "chosen_options": [option],
        "params_input": params,
        "responded_at": datetime(2026, 1, 1, tzinfo=UTC),
        "responded_by_user": {"id": user, "name": user},
    }


def ask(number: int) -> AskApprovalOperator:
    """The task of one proposal."""
    return AskApprovalOperator(task_id="ask", proposal=number)


def test_a_proposal_is_asked_about_once(lab, proposal, context):
    """The next run finds nothing, until the question has ended without an answer."""
    find = FindProposalsOperator(task_id="find")
    assert find.execute(context) == [proposal]
    with pytest.raises(AirflowSkipException):
        find.execute(context)
    with pytest.raises(AirflowSkipException, match="nobody answered"):
        ask(proposal).execute_complete(context, {"error": "late", "error_type": "timeout"})
    assert find.execute(context) == [proposal]


def test_the_question_shows_the_plan_and_waits_without_a_slot(lab, proposal, context, monkeypatch):
    """What others wrote is quoted."""
    asked: dict[str, Any] = {}
    monkeypatch.setattr(
        "airflow.providers.standard.operators.hitl.upsert_hitl_detail", lambda **given: asked.update(given)
    )
    with pytest.raises(TaskAwaitingInput) as waits:
        ask(proposal).execute({**context, "task_instance": SimpleNamespace(id="ti")})
    assert waits.value.timeout == approval.PATIENCE
    assert asked["subject"] == f"Proposal {proposal}: change fabric lab?"
    assert asked["options"] == ["Approve", "Reject"]
    assert "VPC/default/a configured" in asked["body"]
    assert r"CHG-1 \<img src=x\>" in asked["body"]


def test_an_approval_is_carried_out_in_the_name_of_who_answered(lab, proposal, context):
    """With the reason that was typed."""
    done = ask(proposal).execute_complete(context, answer("Approve", reason="looks fine"))
    assert done == {"proposal": proposal, "status": "applied", "by": "bob"}
    found = load_proposal(lab, proposal)
    assert (found.status, found.decided_by, found.decision) == (ProposalStatus.APPLIED, "bob", "looks fine")


def test_an_answer_waits_for_a_database_that_does_not_answer(lab, proposal, context, monkeypatch):
    """If the task were begun again, Airflow would ask again and forget the answer."""
    opened, waited = hooks.open_database, list[float]()

    def open_late() -> Connection:
        if len(waited) < 2:
            raise RemoteUnavailable("the fabric database does not answer")
        return opened()

    monkeypatch.setattr(hooks, "open_database", open_late)
    monkeypatch.setattr("hedgehog.airflow.operators.tasks.time.sleep", waited.append)
    patient = AskApprovalOperator(task_id="ask", proposal=proposal)
    patient.execution_timeout = timedelta(minutes=10)
    assert patient.execute_complete(context, answer("Approve"))["status"] == "applied"
    assert len(waited) == 2
    waited.clear()
    with pytest.raises(RemoteUnavailable):
        ask(proposal).execute_complete(context, answer("Approve"))


def test_a_rejection_drops_the_change(lab, proposal, context):
    """For good."""
    assert ask(proposal).execute_complete(context, answer("Reject"))["status"] == "rejected"


def test_the_author_is_refused_and_somebody_else_is_asked(lab, proposal, context):
    """The task is red, and says why."""
    find = FindProposalsOperator(task_id="find")
    find.execute(context)
    with pytest.raises(AirflowFailException, match="somebody else must approve it"):
        ask(proposal).execute_complete(context, answer("Approve", user="Ada"))
    assert load_proposal(lab, proposal).status is ProposalStatus.WAITING
    assert find.execute(context) == [proposal]


def test_nobody_is_asked_about_what_was_decided_elsewhere(lab, proposal, context):
    """Between the run that found it and its task."""
    reject(lab, proposal, origin=Origin(who="bob", via=Via.CLI))
    with pytest.raises(AirflowSkipException, match="was rejected meanwhile"):
        ask(proposal).execute(context)
