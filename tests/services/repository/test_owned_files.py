"""Pushes that touch the files of a fabric that lives in the database."""

from __future__ import annotations

import pytest

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.model import Target
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import schedule
from tests.services.git.sync_lab import EDITED, edited_text
from tests.services.git.sync_lab import make_vpc as make_any_vpc
from tests.services.repository.changes_lab import (
    LAB,
    follow,
    lab,
)

__all__ = ["lab"]


@pytest.fixture
def owned(lab):
    """Fabric `lab` owned by the database and published; Ada has the clone."""
    fabric_store.save_fabric(lab.database, "lab", {"source_of_truth": "database"})
    lab.save("lab", make_any_vpc("vpc-0", 1001), make_any_vpc("vpc-1", 1002))
    lab.sync("lab")
    return lab.person()


def test_our_own_push_makes_nothing_due(lab, owned):
    """Even when the webhook for it was lost, or came before the push was recorded."""
    assert follow(lab).woken == ()
    lab.save("lab", make_any_vpc("vpc-0", 1777))
    lab.sync("lab")
    look = follow(lab)
    assert (look.moved, look.woken) == (True, ())


def test_an_edit_of_our_file_makes_the_fabric_due_at_git(lab, owned):
    """Where it is held, overwritten or adopted, as the fabric says."""
    follow(lab)
    owned.commit({EDITED: edited_text()})
    assert follow(lab).woken == ("lab",)
    assert [one.name for one in schedule.due(lab.database, Target.GIT)] == ["lab"]
    assert lab.sync("lab").status is OutcomeStatus.HELD
    assert follow(lab).woken == ()


def test_a_removed_file_makes_the_fabric_due_at_git_and_foreign_ones_do_not(lab, owned):
    """Foreign files are left alone."""
    follow(lab)
    owned.commit({f"{LAB}/notes.txt": "mine"})
    assert follow(lab).woken == ()
    owned.commit({EDITED: None})
    assert follow(lab).woken == ("lab",)


def test_a_held_edit_makes_nothing_due_when_something_else_is_pushed(lab, owned):
    """It was reported once."""
    owned.commit({EDITED: edited_text()})
    follow(lab)
    lab.sync("lab")
    owned.commit({f"{LAB}/notes.txt": "mine"})
    assert follow(lab).woken == ()
