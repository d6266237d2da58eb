"""A repository that could not be entered is retried as soon as a look at it works, not when an hour is over."""

from __future__ import annotations

import pytest

from hedgehog.errors import AuthenticationFailed
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services.git import sync as git_sync
from hedgehog.services.repository import changes as repository_changes
from hedgehog.store import schedule
from hedgehog.store.database import transaction
from tests.services.git.sync_lab import Lab, open_lab


@pytest.fixture
def lab(database, tmp_path):
    """A Git host with the repository `net` and the fabric `lab`, which the database owns."""
    with open_lab(database, tmp_path) as lab:
        lab.add_fabric("lab", 1)
        yield lab


def refuse(_):
    """Open no repository: its credential has expired."""
    raise AuthenticationFailed("the token has expired")


def look(lab: Lab, open_mirror):
    """What the regular look at repositories does."""
    return repository_changes.follow(lab.database, ["net"], open_mirror=open_mirror, run_id="look")[0]


def due(lab: Lab) -> list[str]:
    """Who is synced to Git by the next run."""
    return [one.name for one in schedule.due(lab.database, Target.GIT)]


def test_a_corrected_credential_is_used_by_the_next_call(lab):
    """It was parked; the look itself is the proof. A look that always worked is not news."""
    assert look(lab, refuse).failed
    (outcome,) = git_sync.sync(lab.database, ["lab"], open_mirror=refuse, run_id="run-1")
    assert (outcome.error_class, lab.state("lab").status) == ("AuthenticationFailed", SyncStatus.PARKED)
    assert (due(lab), lab.state("lab").due_at is None) == ([], False)
    assert look(lab, refuse).failed
    assert due(lab) == []
    lab.person().commit({"README.md": "x"})
    assert not look(lab, lab.open_mirror).failed
    assert due(lab) == ["lab"]
    with transaction(lab.database) as cursor:
        cursor.execute("UPDATE hedgehog.sync_state SET due_at = now() + interval '1 hour'")
    assert not look(lab, lab.open_mirror).failed
    assert due(lab) == []
