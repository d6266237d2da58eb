"""Fabrics that take in signed revisions only."""

from __future__ import annotations

import pytest

from hedgehog.fabric.changes import OutcomeStatus
from hedgehog.fabric.problems import ProblemKind
from hedgehog.store import fabrics as fabric_store
from tests.gitops.keys import Key, ssh_key
from tests.origins import origins
from tests.services.git.sync_lab import Lab
from tests.services.repository.follow_lab import follow, lab, objects, text

__all__ = ["lab"]


@pytest.fixture
def key() -> Key:
    """The key of the only allowed signer."""
    return ssh_key("ada@example.com")


def demand(lab: Lab, key: Key, verify: str = "require") -> None:
    """Verify revisions from now on."""
    fabric_store.save_repository(lab.database, "net", {"verify": verify, "allowed_signers": key.allowed})


def test_what_nobody_signed_is_not_taken_in(lab: Lab, key: Key) -> None:
    """What was taken in last stays, and the reason is recorded; once it is signed, it is taken in."""
    ada = lab.person()
    key.sign_with(ada)
    ada.commit({"fabrics/lab/a.yaml": text("a")})
    demand(lab, key)
    good = follow(lab)
    assert (good.status, objects(lab)) == (OutcomeStatus.SUCCESS, ["a"])
    ada.git("config", "commit.gpgSign", "false")
    bad = ada.commit({"fabrics/lab/b.yaml": text("b"), "fabrics/lab/a.yaml": None})
    outcome = follow(lab)
    assert (outcome.status, outcome.revision, objects(lab)) == (OutcomeStatus.HELD, None, ["a"])
    assert f"commit {bad[:12]} is not signed, and net has verify: require" in outcome.reason
    assert [(one.kind, one.subject) for one in outcome.problems] == [(ProblemKind.SIGNATURE, bad[:12])]
    assert follow(lab, force=True).status is OutcomeStatus.HELD
    ada.git("config", "commit.gpgSign", "true")
    ada.commit({"fabrics/lab/c.yaml": text("c")})
    assert (follow(lab).status, objects(lab)) == (OutcomeStatus.SUCCESS, ["b", "c"])


def test_a_signed_commit_elsewhere_does_not_vouch_for_the_fabric(lab: Lab, key: Key) -> None:
    """Nor does an unsigned one elsewhere hold it."""
    ada = lab.person()
    key.sign_with(ada)
    ada.commit({"fabrics/lab/a.yaml": text("a")})
    demand(lab, key)
    follow(lab)
    ada.git("config", "commit.gpgSign", "false")
    ada.commit({"README.md": "unsigned"})
    assert (follow(lab, force=True).status, objects(lab)) == (OutcomeStatus.SKIPPED, ["a"])
    ada.commit({"fabrics/lab/b.yaml": text("b")})
    ada.git("config", "commit.gpgSign", "true")
    ada.commit({"README.md": "signed"})
    assert (follow(lab).status, objects(lab)) == (OutcomeStatus.HELD, ["a"])


def test_a_signed_merge_vouches_for_what_it_merges(lab: Lab, key: Key) -> None:
    """As when a reviewer merges the branch of somebody who signs nothing."""
    ada = lab.person()
    ada.commit({"README.md": "first"})
    ada.git("checkout", "--quiet", "-b", "work")
    (ada.directory / "fabrics" / "lab").mkdir(parents=True)
    (ada.directory / "fabrics" / "lab" / "a.yaml").write_text(text("a"))
    ada.git("add", "--all")
    ada.git("commit", "--quiet", "--message", "Unsigned work")
    ada.git("checkout", "--quiet", "main")
    key.sign_with(ada)
    ada.git("merge", "--quiet", "--no-ff", "--message", "Merge work", "work")
    ada.git("push", "--quiet", "origin", "HEAD:main")
    demand(lab, key)
    assert (follow(lab).status, objects(lab)) == (OutcomeStatus.SUCCESS, ["a"])


def test_with_a_warning_it_is_taken_in(lab: Lab, key: Key) -> None:
    """And the outcome says so."""
    commit = lab.person().commit({"fabrics/lab/a.yaml": text("a")})
    demand(lab, key, "warn")
    outcome = follow(lab)
    assert (outcome.status, objects(lab)) == (OutcomeStatus.SUCCESS, ["a"])
    assert f"was taken in, although commit {commit[:12]} is not signed" in outcome.reason


def test_a_key_that_was_replaced_is_not_needed_any_more(lab: Lab, key: Key) -> None:
    """The list of allowed signers is read at each look."""
    ada = lab.person()
    key.sign_with(ada)
    ada.commit({"fabrics/lab/a.yaml": text("a")})
    new = ssh_key("ada@example.com")
    demand(lab, new)
    assert (follow(lab).status, objects(lab)) == (OutcomeStatus.HELD, [])
    new.sign_with(ada)
    ada.commit({"fabrics/lab/b.yaml": text("b")})
    assert (follow(lab).status, objects(lab)) == (OutcomeStatus.SUCCESS, ["a", "b"])


def test_a_fabric_that_is_taken_in_first_has_the_author_of_its_own_files(lab: Lab) -> None:
    """Not that of whoever pushed something else since."""
    ada, bob = lab.person(), lab.person(name="Bob")
    ada.commit({"fabrics/lab/a.yaml": text("a")}, "Begin the lab")
    bob.commit({"README.md": "other"}, "Say hello")
    follow(lab)
    assert origins(lab.database)[-1] == ("Ada <ada@example.com>", "git", "Begin the lab")
