"""A fabric that lives in Git is rolled back there: with a commit, or with a pull request where the branch is protected."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hedgehog.errors import InvalidInput, PermissionDenied
from hedgehog.fabric.changes import Action
from hedgehog.fabric.model import GitRepository, Manifest, ObjectRef
from hedgehog.fabric.origin import Origin, Via
from hedgehog.gitops.mirror import Mirror
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.steer.git_rollback import GitRollback, roll_back_in_git
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import origins
from tests.services.git.sync_lab import trust
from tests.services.pull_requests.validate_lab import Lab, key, lab, text, vpc

__all__ = ["key", "lab"]

VPC_1, VPC_2 = ObjectRef("VPC", "default", "vpc-1"), ObjectRef("VPC", "default", "vpc-2")
ANNA = Origin(who="Anna <anna@example.com>", via=Via.CLI, why="CHG-7")
FIRST = "# of the tenant\n" + text(vpc("vpc-1", "10.0.1.0/24", 1001))
FIRST_GENERATION: dict[Lab, int] = {}
"""The generation before the change of `followed`: one push may raise it more than once."""
FILE, BOTH = "fabrics/lab/vpc-1.yaml", "fabrics/lab/both.yaml"


@pytest.fixture
def followed(lab: Lab) -> Lab:
    """Fabric `lab` follows Git: VPC vpc-1, with a comment in its file, and then another VLAN and VPC vpc-2."""
    fabrics.save_fabric(lab.database, "lab", {"source_of_truth": "git"})
    lab.main.commit({FILE: FIRST}, "Begin")
    take_in(lab)
    FIRST_GENERATION[lab] = generation(lab)
    changed = {
        FILE: text(vpc("vpc-1", "10.0.1.0/24", 1111)),
        "fabrics/lab/vpc-2.yaml": text(vpc("vpc-2", "10.0.2.0/24", 1002)),
    }
    lab.main.commit(changed, "Change it")
    take_in(lab)
    return lab


def take_in(lab: Lab) -> None:
    """What the DAG does after a push."""
    (look,) = repository_changes.follow(
        lab.database, ["net"], open_mirror=lab.open_mirror, run_id="run-1", find_refusals=trust
    )
    assert look.error is None


def generation(lab: Lab) -> int:
    """The fabric's generation."""
    return fabrics.load_fabric(lab.database, "lab").generation


def objects(lab: Lab) -> dict[ObjectRef, Manifest]:
    """What the database has."""
    row = fabrics.load_fabric(lab.database, "lab").id
    return {one.ref: one.manifest for one in object_store.load_objects(lab.database, [row])[row]}


def roll_back(lab: Lab, moment: object, *refs: ObjectRef, **options: Any) -> GitRollback:
    """Roll back."""
    dependencies = {"open_mirror": lab.open_mirror, "open_host": lab.open_host, "now": datetime.now(UTC)}
    return roll_back_in_git(lab.database, "lab", str(moment), refs=refs, origin=ANNA, **{**dependencies, **options})


def in_git(lab: Lab, *arguments: str) -> str:
    """What git says at the host."""
    git = ["git", f"--git-dir={lab.git.path('acme/net')}", *arguments]
    return subprocess.run(git, capture_output=True, check=True, text=True).stdout


def test_a_commit_makes_the_files_again_what_they_were(followed: Lab) -> None:
    """Comments included; its author is who asked, and the database follows as after every push."""
    first, second = FIRST_GENERATION[followed], generation(followed)
    dry = roll_back(followed, first, dry_run=True)
    assert (dry.git.commit, dry.git.files) == (None, (FILE, "fabrics/lab/vpc-2.yaml"))
    done = roll_back(followed, first)
    assert (done.git.branch, done.git.commit) == ("main", in_git(followed, "rev-parse", "main").strip())
    assert in_git(followed, "show", f"main:{FILE}") == FIRST
    assert in_git(followed, "log", "-1", "--format=%an <%ae>: %s", "main") == (
        f"Anna <anna@example.com>: lab: roll back to generation {first}\n"
    )
    assert "CHG-7" in in_git(followed, "log", "-1", "--format=%b", "main")
    take_in(followed)
    assert VPC_2 not in objects(followed)
    assert objects(followed)[VPC_1]["spec"]["subnets"]["default"]["vlan"] == 1001
    assert origins(followed.database)[-1][:2] == ("Anna <anna@example.com>", "git")
    assert roll_back(followed, first).rollback.is_empty
    roll_back(followed, second)
    take_in(followed)
    assert objects(followed)[VPC_1]["spec"]["subnets"]["default"]["vlan"] == 1111


def test_the_host_signs_the_commit_where_the_connection_says_so(followed: Lab, tmp_path: Path) -> None:
    """On the branch itself only: a pull request would need a commit that is pushed."""

    def open_mirror(repository: GitRepository) -> Mirror:
        remote = followed.open_mirror(repository).remote
        credentials = replace(remote.credentials, signed_by_host=True)
        return Mirror(tmp_path / "signed", replace(remote, credentials=credentials))

    first, second = FIRST_GENERATION[followed], generation(followed)
    done = roll_back(followed, first, open_mirror=open_mirror)
    assert (done.git.branch, done.git.commit) == ("main", in_git(followed, "rev-parse", "main").strip())
    assert in_git(followed, "show", f"main:{FILE}") == FIRST
    assert "gpgsig" in in_git(followed, "cat-file", "commit", "main")
    take_in(followed)
    assert VPC_2 not in objects(followed)
    fabrics.save_repository(followed.database, "net", {"push": "pull_request"})
    with pytest.raises(PermissionDenied, match="the host signs no pull requests of ours: with a signing_key"):
        roll_back(followed, second, open_mirror=open_mirror)


def test_one_object_of_a_file_with_others_is_rolled_back_alone(followed: Lab) -> None:
    """The rest of its file stays."""
    before = generation(followed)
    both = text(vpc("vpc-1", "10.0.1.0/24", 1222), vpc("vpc-2", "10.0.2.0/24", 1333))
    followed.main.commit({FILE: None, "fabrics/lab/vpc-2.yaml": None, BOTH: both}, "One file")
    take_in(followed)
    done = roll_back(followed, before, VPC_1)
    assert done.git.files == (BOTH,)
    assert [(one.ref, one.action) for one in done.rollback.plan.changes] == [(VPC_1, Action.CONFIGURED)]
    take_in(followed)
    vlans = {
        ref.name: one["spec"]["subnets"]["default"]["vlan"]
        for ref, one in objects(followed).items()
        if ref.kind == "VPC"
    }
    assert vlans == {"vpc-1": 1111, "vpc-2": 1333}


def test_what_is_in_a_file_beside_objects_is_never_lost(followed: Lab) -> None:
    """A file with something that cannot be read is left to a person."""
    before = generation(followed)
    strange = text(vpc("vpc-1", "10.0.1.0/24", 1222)) + "---\nkind: Strange\n"
    followed.main.commit({FILE: strange}, "Something else")
    take_in(followed)
    followed.main.commit({FILE: text(vpc("vpc-1", "10.0.1.0/24", 1333)) + "---\nkind: Strange\n"}, "Again")
    with pytest.raises(InvalidInput, match=f"{FILE}: holds more than objects"):
        roll_back(followed, before)


def test_a_protected_branch_gets_a_pull_request(followed: Lab) -> None:
    """What the host refuses to take on the branch is asked for; merging it is the rollback."""
    hook = followed.protect_main()
    first, before = FIRST_GENERATION[followed], in_git(followed, "rev-parse", "main")
    done = roll_back(followed, first)
    assert in_git(followed, "rev-parse", "main") == before
    assert done.git.pull_request.startswith("https://")
    (pull,) = followed.hub.pulls.values()
    assert (pull.title, pull.base, pull.head) == (f"lab: roll back to generation {first}", "main", done.git.branch)
    hook.unlink()
    in_git(followed, "update-ref", "refs/heads/main", done.git.commit or "")
    take_in(followed)
    assert VPC_2 not in objects(followed)


def test_a_repository_that_takes_pull_requests_only_is_not_pushed_to(followed: Lab) -> None:
    """Whatever the host would allow; reviewers are asked as for every change."""
    settings = {"push": "pull_request", "pull_requests": {"labels": ["network"], "reviewers": ["ada", "eve"]}}
    fabrics.save_repository(followed.database, "net", settings)
    before = in_git(followed, "rev-parse", "main")
    done = roll_back(followed, FIRST_GENERATION[followed])
    assert in_git(followed, "rev-parse", "main") == before
    (pull,) = followed.hub.pulls.values()
    assert (pull.head, pull.labels, pull.reviewers) == (done.git.branch, ["network"], ["ada", "eve"])


def test_without_a_pull_request_the_branch_is_named(followed: Lab) -> None:
    """Not every host has an API that we know."""
    hook = followed.git.path("acme/net") / "hooks" / "update"
    hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ]\n')
    hook.chmod(0o755)

    def unknown(_: object) -> Any:
        raise InvalidInput("git_repository net names no connection")

    done = roll_back(followed, FIRST_GENERATION[followed], open_host=unknown)
    assert (done.git.pull_request, "no pull request could be opened: git_repository net names no" in done.git.note) == (
        "",
        True,
    )
    assert in_git(followed, "rev-parse", done.git.branch).strip() == done.git.commit
