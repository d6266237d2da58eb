"""Webhooks lead to looks at repositories."""

from __future__ import annotations

import pytest

from hedgehog.services.repository import plan as repository_plan
from tests.services.repository.changes_lab import (
    LAB,
    ada,
    delivery,
    execute,
    follow,
    lab,
    make_vpc,
    objects,
    push,
    text,
)
from tests.store.benches import PUBLISHED, Ear

__all__ = ["ada", "lab"]


def test_a_lost_webhook_is_made_up_for_by_the_clock(lab, ada):
    """One request per repository, and only if the previous one was some minutes ago."""
    ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    assert repository_plan.plan(lab.database) == []
    execute(lab, "UPDATE hedgehog.repository_head SET checked_at = now() - interval '241 seconds'")
    assert repository_plan.plan(lab.database) == [["net"]]
    follow(lab)
    assert "c" in objects(lab)
    assert repository_plan.plan(lab.database) == []


def test_a_webhook_has_its_repository_looked_at_at_once(lab, ada):
    """And is done afterwards."""
    head = ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    push(lab, head)
    assert repository_plan.plan(lab.database) == [["net"]]
    assert follow(lab).deliveries == 1
    assert delivery(lab) == ("done", f"read main@sha1:{head}")
    assert repository_plan.plan(lab.database) == []


def test_what_was_taken_in_wakes_its_cluster_and_no_other_sync(lab, ada):
    """Nothing is left to read, and nothing to write to Git."""
    ada.commit({f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))})
    ear = Ear.beside(lab.database)
    follow(lab)
    assert ear.heard() == [(PUBLISHED, "lab")]
    ear.connection.close()


def test_ten_webhooks_are_one_look(lab, ada):
    """A burst of pushes: the last head counts."""
    for number in range(10):
        push(lab, "a" * 40, number)
    assert follow(lab).deliveries == 10
    assert execute(lab, "SELECT DISTINCT status FROM hedgehog.inbox") == [("done",)]


@pytest.mark.parametrize(
    "changes", [{"branch": "develop"}, {"url": "https://git.example.com/net.git"}], ids=["branch", "host"]
)
def test_a_delivery_of_another_branch_or_host_is_ignored(lab, ada, changes):
    """An `acme/net` elsewhere is not ours."""
    push(lab, "a" * 40, **changes)
    assert repository_plan.plan(lab.database) == []
    assert delivery(lab)[0] == "ignored"
