"""What a merge queue would merge is checked as the branch would be after it, and told on the queue's own commit."""

from __future__ import annotations

import json
import uuid

import pytest

from devstack import github_api
from devstack.github import Pull
from devstack.github_api import Undescribed
from hedgehog.hosts.github.webhook import WEBHOOK
from hedgehog.services.pull_requests import queue
from hedgehog.services.pull_requests.queue import Task
from hedgehog.services.pull_requests.verdict import Validation, ValidationStatus
from hedgehog.services.repository import webhook
from hedgehog.store.database import transaction
from hedgehog.store.inbox import Receipt
from hedgehog.store.listings.places import pull_request_rows
from tests.services.pull_requests.validate_lab import OVERLAPS, VPC_2, Lab, key, lab, text, vpc

__all__ = ["key", "lab"]

GOOD = text(vpc("vpc-2", "10.0.2.0/24", 1002))


def announce(lab: Lab, pull: Pull) -> str:
    """Queue *pull*, and have that announced; the queue's commit."""
    payload = lab.hub.merging.queue(pull)
    headers = {"x-github-event": "merge_group", "x-github-delivery": str(uuid.uuid4())}
    assert webhook.receive(lab.database, WEBHOOK, headers, json.dumps(payload).encode()) is Receipt.ACCEPTED
    return str(payload["merge_group"]["head_sha"])


def check(lab: Lab) -> Validation:
    """Check the one merge that waits, as the DAG does."""
    (planned,) = queue.plan(lab.database)
    task = Task.of(json.loads(json.dumps(planned.as_dict())))
    assert task == planned
    return queue.work(
        lab.database, task, lambda name, number: lab.validate(number, name, merge=task.merge), lambda *_: pytest.fail()
    )


def deliveries(lab: Lab) -> list[tuple[str, str]]:
    """What became of the deliveries."""
    with transaction(lab.database) as cursor:
        cursor.execute("SELECT status, reason FROM hedgehog.inbox ORDER BY id")
        return cursor.fetchall()


@pytest.mark.parametrize("as_app", [True, False])
def test_the_queues_commit_gets_the_check_and_the_pull_request_no_comment(lab: Lab, as_app: bool) -> None:
    """A check, or with a token a status; a merge queue has no page, and is in no list of pull requests."""
    lab.as_app = as_app
    pull = lab.propose({VPC_2: GOOD})
    head = announce(lab, pull)
    found = check(lab)
    assert (found.status, found.number, found.head) == (ValidationStatus.SUCCESS, 0, head)
    if as_app:
        (made,) = lab.hub.checks
        assert (made["head_sha"], made["name"], made["conclusion"]) == (head, "Hedgehog fabrics", "success")
        assert made["external_id"].startswith("refs/heads/gh-readonly-queue/main/pr-1-")
    else:
        (made,) = lab.hub.statuses
        assert (made["sha"], made["context"], made["state"]) == (head, "Hedgehog fabrics", "success")
    assert (pull.comments, lab.hub.reviews) == ([], [])
    assert deliveries(lab) == [("done", "1 fabric checked, no problems")]
    assert pull_request_rows(lab.database, repository=None, after=None, limit=9) == []


def test_what_is_wrong_only_together_is_refused_in_the_queue(lab: Lab) -> None:
    """Each of two pull requests was without fault; with both, subnets overlap."""
    pull = lab.propose({VPC_2: OVERLAPS.replace("10.0.1.0/25", "10.0.3.0/25")})
    assert lab.validate().status is ValidationStatus.SUCCESS
    lab.main.commit({"fabrics/lab/vpc-3.yaml": text(vpc("vpc-3", "10.0.3.0/24", 1003))})
    head = announce(lab, pull)
    found = check(lab)
    assert (found.status, found.head) == (ValidationStatus.FAILURE, head)
    assert lab.hub.checks[-1]["conclusion"] == "failure"
    assert [one["path"] for one in lab.hub.checks[-1]["annotations"]] == [VPC_2]


def test_a_merge_that_has_left_the_queue_is_skipped(lab: Lab) -> None:
    """GitHub deletes its branch; nothing is published, and nothing is retried."""
    announce(lab, lab.propose({VPC_2: GOOD}))
    ref = lab.hub.repositories.git("acme/net", "for-each-ref", "--format=%(refname)", "refs/heads/gh-readonly-queue")
    lab.hub.repositories.git("acme/net", "update-ref", "-d", ref)
    found = check(lab)
    assert (found.status, found.reason) == (ValidationStatus.SKIPPED, "it is no longer in the merge queue")
    assert (lab.hub.checks, deliveries(lab)) == ([], [("ignored", "it is no longer in the merge queue")])


def test_each_commit_of_the_queue_is_a_check_of_its_own(lab: Lab) -> None:
    """Pull requests beside them are others still; the names are for people."""
    pull = lab.propose({VPC_2: GOOD})
    first = announce(lab, pull)
    lab.main.commit({"README.md": "# networks\n"})
    second = announce(lab, pull)
    tasks = queue.plan(lab.database)
    assert [task.merge and task.merge.head_sha for task in tasks] == [first, second]
    assert [str(task) for task in tasks] == [f"acme/net@{first[:8]}", f"acme/net@{second[:8]}"]


def test_what_the_stand_in_delivers_is_as_github_describes_it() -> None:
    """A misspelt action does not pass."""
    with pytest.raises(Undescribed, match="action"):
        github_api.delivery("merge-group-checks-requested", {"action": "check_requested"})
