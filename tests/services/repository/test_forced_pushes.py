"""A branch that is replaced, and what its old head had."""

from __future__ import annotations

import subprocess
from typing import Any

from hedgehog.services.repository.branch import REPLACED_REF
from hedgehog.store import fabrics as fabric_store
from tests.services.repository.changes_lab import (
    LAB,
    ada,
    execute,
    follow,
    lab,
    make_vpc,
    objects,
    published,
    text,
)

__all__ = ["ada", "lab"]


def force_push(ada: Any, files: dict[str, str]) -> str:
    """Replace the last commit by another one."""
    ada.git("reset", "--quiet", "--hard", "HEAD~1")
    for path, content in files.items():
        (ada.directory / path).write_text(content)
    ada.git("add", "--all")
    ada.git("commit", "--quiet", "--message", "Instead")
    ada.git("push", "--quiet", "--force", "origin", "HEAD:main")
    return ada.git("rev-parse", "HEAD").strip()


def test_a_forced_push_is_taken_over_reported_and_what_it_dropped_is_kept(lab, ada):
    """Nobody's commits are lost without a word."""
    dropped = ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    follow(lab)
    head = force_push(ada, {f"{LAB}/vpcs/a.yaml": text(make_vpc("a", 1111))})
    look = follow(lab)
    assert (look.revision, look.replaced) == (f"main@sha1:{head}", dropped)
    assert objects(lab) == published(lab) == {"a": 1111, "b": 1002}
    reason = f"branch main was force-pushed: {dropped[:12]} is no longer part of it"
    assert look.outcomes[0].reason.startswith(reason)
    told = execute(lab, "SELECT reason FROM hedgehog.sync_event ORDER BY id DESC LIMIT 1")[0][0]
    assert told.startswith(reason)
    repository = fabric_store.load_repositories(lab.database)[0]
    mirror = lab.open_mirror(repository).path
    kept = ["git", f"--git-dir={mirror}", "rev-parse", f"{REPLACED_REF}{dropped}"]
    assert subprocess.check_output(kept, text=True).strip() == dropped
    assert execute(lab, "SELECT commit_id, replaced_commit FROM hedgehog.repository_head") == [(head, dropped)]
    assert follow(lab).replaced is None


def test_a_plain_push_leaves_no_reference_behind(lab, ada):
    """The note before the fetch was only a precaution."""
    ada.commit({f"{LAB}/vpcs/c.yaml": text(make_vpc("c", 1003))})
    assert follow(lab).replaced is None
    mirror = lab.open_mirror(fabric_store.load_repositories(lab.database)[0]).path
    listed = subprocess.check_output(["git", f"--git-dir={mirror}", "for-each-ref", "--format=%(refname)"], text=True)
    assert listed.split() == ["refs/remotes/origin/main"]


def test_a_forced_push_is_reported_to_a_fabric_of_the_database_too(lab, ada):
    """Its files may be as they were; its history says what happened to the branch."""
    lab.add_fabric("base")
    lab.sync("base")
    follow(lab)
    ada.pull()
    ada.commit({"notes.txt": "one"})
    follow(lab)
    force_push(ada, {"notes.txt": "two"})
    look = follow(lab)
    assert look.woken == ()
    query = (
        "SELECT status FROM hedgehog.sync_event WHERE fabric = 'base' AND reason LIKE 'branch main was force-pushed%%'"
    )
    assert execute(lab, query) == [("success",)]
