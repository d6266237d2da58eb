"""Partial clones: contents of files come when a directory is listed, and where a host offers none of that all is complete."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from devstack import git_server
from devstack.git_server import GitServer, Person
from hedgehog.errors import NotFound
from hedgehog.gitops import packing
from hedgehog.gitops.commit import build, push
from hedgehog.gitops.merge import merge_directories
from hedgehog.gitops.mirror import Mirror
from tests.gitops.conftest import AUTHOR, OpenMirror


def size(mirror: Mirror) -> int:
    """Bytes of the clone."""
    return sum(one.stat().st_size for one in mirror.path.rglob("*") if one.is_file())


def packs(mirror: Mirror) -> int:
    """How many packs the clone has."""
    return len(list(mirror.path.glob("objects/pack/*.pack")))


def content(mirror: Mirror, head: str, path: str) -> bytes:
    """The file at *path*, read as the syncs do."""
    return mirror.read(mirror.lookup(head, [path]).files[path])


def take_away(host: GitServer) -> None:
    """Have the host answer 404 for the repository."""
    host.path("net").rename(host.root / "away.git")


@pytest.fixture
def large(person: Person) -> str:
    """A commit with two fabrics and a megabyte of other things."""
    other = {f"manuals/{number}": os.urandom(50_000).hex() for number in range(10)}
    return person.commit({"fabrics/a/1.yaml": "one: 1\n", "fabrics/b/2.yaml": "two: 2\n", **other})


def test_only_contents_of_listed_directories_are_fetched(large: str, mirror: Mirror, host: GitServer) -> None:
    """With one call for all of a directory; what is here needs no host."""
    mirror.fetch(large)
    assert size(mirror) < 100_000
    files = mirror.files(large, "fabrics/a")
    take_away(host)
    assert mirror.read(files["fabrics/a/1.yaml"]) == b"one: 1\n"
    assert mirror.files(large, "fabrics/a") == files
    assert mirror.size(files["fabrics/a/1.yaml"]) == 7
    with pytest.raises(NotFound, match="net"):
        mirror.files(large, "fabrics/b")


def test_what_could_not_be_fetched_is_neither_absent_nor_damage(large: str, mirror: Mirror, host: GitServer) -> None:
    """The clone stays as it is, and goes on once the host answers again."""
    mirror.fetch(large)
    kept = mirror.path.stat().st_ino
    take_away(host)
    with pytest.raises(NotFound, match=r"git fetch http://.*net\.git"):
        mirror.files(large, "fabrics/b")
    (host.root / "away.git").rename(host.path("net"))
    assert content(mirror, large, "fabrics/b/2.yaml") == b"two: 2\n"
    assert mirror.path.stat().st_ino == kept


def test_a_commit_on_top_needs_no_other_files(large: str, mirror: Mirror, person: Person) -> None:
    """Neither to be made nor to be pushed; and the host has all that was there."""
    mirror.fetch(large)
    commit = build(mirror, large, {"fabrics/a/new.yaml": b"new: 1\n"}, "Add\n", AUTHOR)
    assert commit is not None
    push(mirror, commit, large)
    assert size(mirror) < 100_000
    person.git("pull", "--quiet", "origin", "main")
    assert len(list((person.directory / "manuals").iterdir())) == 10
    assert (person.directory / "fabrics/a/new.yaml").read_text() == "new: 1\n"


def test_a_host_that_leaves_nothing_out_has_complete_clones(large: str, mirror: Mirror, host: GitServer) -> None:
    """Plain Git servers, as they are set up."""
    subprocess.run(["git", "-C", host.path("net"), "config", "uploadpack.allowFilter", "false"], check=True)
    mirror.fetch(large)
    assert size(mirror) > 500_000
    take_away(host)
    assert content(mirror, large, "fabrics/b/2.yaml") == b"two: 2\n"


def test_a_host_that_sends_no_single_files_has_complete_clones(
    large: str, mirror: Mirror, host: GitServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An old one, or one that is entered with git's first protocol; that is found out once."""
    monkeypatch.setattr(git_server, "PROTOCOL", "version=0")
    caplog.set_level(logging.INFO)
    mirror.fetch(large)
    assert content(mirror, large, "fabrics/a/1.yaml") == b"one: 1\n"
    assert size(mirror) > 500_000
    assert content(mirror, large, "fabrics/b/2.yaml") == b"two: 2\n"
    assert [one.getMessage() for one in caplog.records if "single files" in one.getMessage()] == [
        f"{mirror.remote} sends no single files; all are fetched"
    ]


def test_a_damaged_clone_is_created_again_with_what_is_needed(large: str, open_mirror: OpenMirror) -> None:
    """Of a listed directory, too."""
    mirror = open_mirror()
    mirror.fetch(large)
    shutil.rmtree(mirror.path / "objects" / "pack")
    mirror = open_mirror()
    mirror.fetch(large)
    assert content(mirror, large, "fabrics/a/1.yaml") == b"one: 1\n"


def test_packing_loses_neither_pushed_nor_unpushed_work(
    large: str, mirror: Mirror, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    """git's own collection of garbage deletes, in a partial clone, what we made once the host refers to it."""
    monkeypatch.setattr(packing, "_MANY_PACKS", 3)
    mirror.fetch(large)
    head = large
    for number in range(8):
        contents = {f"fabrics/a/{number}-{one}.yaml": f"{one}: {number}\n".encode() for one in range(60)}
        commit = build(mirror, head, contents, "Add\n", AUTHOR)
        assert commit is not None
        push(mirror, commit, head)
        person.git("pull", "--quiet", "origin", "main")
        head = person.commit({"notes": str(number)})
        unpushed = build(mirror, commit, {"fabrics/b/mine.yaml": str(number).encode()}, "Mine\n", AUTHOR)
        assert unpushed is not None
        for old in mirror.path.rglob("objects/??/*"):
            os.utime(old, (time.time() - 1800, time.time() - 1800))
        mirror.fetch(head)
        assert content(mirror, head, "fabrics/a/0-1.yaml") == b"1: 0\n"
        assert mirror.is_ancestor(commit, unpushed)
    assert packs(mirror) <= 5
    assert len(mirror.files(head, "fabrics/a")) == 1 + 8 * 60
    assert size(mirror) < 300_000


def test_unreachable_objects_go_with_time(large: str, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commits that were never pushed, for example."""
    monkeypatch.setattr(packing, "_MANY_PACKS", -1)
    mirror.fetch(large)
    lost = build(mirror, large, {"fabrics/a/lost": os.urandom(200_000)}, "Lost\n", AUTHOR)
    assert lost is not None
    for old in mirror.path.rglob("objects/??/*"):
        os.utime(old, (time.time() - 7200, time.time() - 7200))
    before = size(mirror)
    packing.repack(
        lambda words: mirror.remote.run(words, state=mirror.path.parent, repository=mirror.path), mirror.path
    )
    assert size(mirror) < before - 150_000
    assert content(mirror, large, "fabrics/a/1.yaml") == b"one: 1\n"


def test_a_directory_that_both_sides_changed_is_merged_with_what_is_fetched(
    large: str, mirror: Mirror, host: GitServer, tmp_path: Path
) -> None:
    """Of a pull request, only the fabric's own files."""
    ada, bob = (Person(tmp_path / name, host.url("net")) for name in ("one", "two"))
    head = bob.commit({"fabrics/a/bob.yaml": "b: 1\n"})
    bob.git("reset", "--quiet", "--hard", large)
    bob.git("push", "--quiet", "--force", "origin", "HEAD:main", f"{head}:refs/heads/bob")
    base = ada.commit({"fabrics/a/ada.yaml": "a: 1\n"})
    mirror.fetch(base)
    mirror.fetch(head, ref="refs/heads/bob")
    merged = merge_directories(mirror, base, head, ["fabrics/a"])["fabrics/a"]
    assert merged.after.tree is not None
    files = mirror.tree_listing(head, merged.after.tree, "fabrics/a").files
    assert sorted(files) == ["fabrics/a/1.yaml", "fabrics/a/ada.yaml", "fabrics/a/bob.yaml"]
    assert mirror.read(files["fabrics/a/ada.yaml"]) == b"a: 1\n"
    assert size(mirror) < 100_000
