"""A mirror shows what the host has, fetches only what is new, and heals itself."""

from __future__ import annotations

import os
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest

from devstack.git_server import GitServer, Person
from hedgehog.errors import InvalidInput, NotFound, PushRace
from hedgehog.gitops import history, packing
from hedgehog.gitops.commit import blob_id
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from tests.gitops.bombs import plant_bomb
from tests.gitops.conftest import OpenMirror
from tests.gitops.mirror_lab import fetched


def test_an_empty_repository_has_no_head(mirror: Mirror) -> None:
    """That is where the first sync begins."""
    assert mirror.head() is None


def test_a_missing_branch_has_no_head(person: Person, open_mirror: OpenMirror) -> None:
    """Other branches do not count, not even one whose name ends the same."""
    person.commit({"a": "1"})
    person.git("push", "--quiet", "origin", "HEAD:x/live")
    assert open_mirror(branch="live").head() is None


def test_files_are_listed_by_walking_the_tree(person: Person, mirror: Mirror) -> None:
    """A path from the root and a blob id each; only the directory asked for."""
    person.commit({"f/fabric.yaml": "a\n", "f/vpcs/v.yaml": "b\n", "other/x": "c\n"})
    head = fetched(mirror)
    assert mirror.files(head, "f") == {"f/fabric.yaml": blob_id(b"a\n"), "f/vpcs/v.yaml": blob_id(b"b\n")}
    assert len(mirror.files(head, "")) == 3
    assert mirror.files(head, "f/vpcs/v.yaml") == {}
    assert mirror.files(head, "absent/deep") == {}
    assert mirror.read(blob_id(b"b\n")) == b"b\n"


def test_links_and_submodules_are_skipped_and_reported(person: Person, mirror: Mirror) -> None:
    """A link could point out of the repository; nothing follows it."""
    head = person.commit({"f/run.sh": "x\n"})
    (person.directory / "f" / "run.sh").chmod(0o755)
    (person.directory / "f" / "link.yaml").symlink_to("/etc/passwd")
    person.git("update-index", "--add", "--cacheinfo", f"160000,{head},f/module")
    person.git("add", "f/run.sh", "f/link.yaml")
    person.git("commit", "--quiet", "--message", "Add links")
    person.git("push", "--quiet", "origin", "HEAD:main")
    listing = mirror.listing(fetched(mirror), "f")
    assert listing.files == {"f/run.sh": blob_id(b"x\n")}
    assert {path: one.why for path, one in listing.opaque.items()} == {
        "f/link.yaml": "is a symbolic link, which is never followed",
        "f/module": "is a submodule",
    }


def test_a_name_that_is_not_a_utf8_does_not_stop_the_listing(person: Person, mirror: Mirror) -> None:
    """Foreign files may be called anything."""
    (person.directory / "f").mkdir()
    Path(os.fsdecode(os.fsencode(person.directory) + b"/f/\xff\xfe")).write_text("x\n")
    (person.directory / "f" / "new\nline.yaml").write_text("y\n")
    person.commit({"f/a.yaml": "a\n"})
    listing = mirror.listing(fetched(mirror), "f")
    assert listing.files == {"f/a.yaml": blob_id(b"a\n")}
    assert {path: one.key for path, one in listing.opaque.items()} == {
        "f/\\xff\\xfe": blob_id(b"x\n"),
        "f/new\\nline.yaml": blob_id(b"y\n"),
    }


def test_what_is_here_is_not_fetched_again(host: GitServer, person: Person, mirror: Mirror) -> None:
    """ls-remote is all that an unchanged repository costs."""
    person.commit({"a": "1"})
    head = fetched(mirror)
    before = len(host.requests)
    mirror.fetch(head)
    assert len(host.requests) == before


def test_a_file_above_the_limit_is_refused(person: Person, mirror: Mirror, tmp_path: Path) -> None:
    """Before it is loaded."""
    person.commit({"big": "x" * 2000})
    small = Mirror(tmp_path / "cache", mirror.remote, file_limit=1999)
    fetched(small)
    with pytest.raises(InvalidInput, match="2000 bytes"):
        small.read(blob_id(b"x" * 2000))


def test_an_unknown_blob_is_not_found(person: Person, host: GitServer, tmp_path: Path) -> None:
    """Nor is an id that is none."""
    person.commit({"a": "1"})
    mirror = Mirror(tmp_path / "cache", Remote(f"file://{host.path('net')}", "main"))
    fetched(mirror)
    for name in ("0" * 39 + "1", "xyz"):
        with pytest.raises(NotFound):
            mirror.read(name)


def test_ancestors_are_distinguished_from_replaced_history(person: Person, mirror: Mirror) -> None:
    """A force-pushed branch does not contain what was there before."""
    first = person.commit({"a": "1"})
    second = person.commit({"a": "2"})
    fetched(mirror)
    person.git("reset", "--quiet", "--hard", first)
    person.git("commit", "--quiet", "--allow-empty", "--message", "Elsewhere")
    person.git("push", "--quiet", "--force", "origin", "HEAD:main")
    third = fetched(mirror)
    assert mirror.is_ancestor(first, second)
    assert mirror.is_ancestor(second, second)
    assert not mirror.is_ancestor(second, third)
    assert not mirror.is_ancestor("0" * 39 + "1", third)


def test_a_head_that_is_gone_is_a_race(person: Person, mirror: Mirror) -> None:
    """Between head and fetch the branch was replaced, or deleted: plan again."""
    with pytest.raises(PushRace, match="deleted"):
        mirror.fetch("0" * 39 + "1")
    person.commit({"a": "1"})
    with pytest.raises(PushRace, match="replaced"):
        mirror.fetch("0" * 39 + "1")


@pytest.mark.parametrize("kind", ["tag", "tree"])
def test_a_branch_that_points_to_something_else_is_reported(kind: str, host: GitServer, person: Person, mirror: Mirror):
    """Not every host looks at what is pushed; the clone is not to blame."""
    person.commit({"a": "1"})
    person.git("tag", "-am", "x", "v1")
    person.git("push", "--quiet", "origin", "v1")
    oid = person.git("rev-parse", "v1" if kind == "tag" else "HEAD^{tree}")
    (host.path("net") / "refs/heads/main").write_text(oid)
    with pytest.raises(InvalidInput, match=f"points to a {kind}, not to a commit"):
        fetched(mirror)


def test_equal_directories_have_equal_ids(person: Person, mirror: Mirror) -> None:
    """One comparison tells that a commit to another fabric changed nothing here."""
    first = person.commit({"f/a": "1", "g/a": "1"})
    second = person.commit({"g/a": "2"})
    fetched(mirror)
    assert mirror.tree_id(first, "f") == mirror.tree_id(second, "f") is not None
    assert mirror.tree_id(first, "g") != mirror.tree_id(second, "g")
    assert mirror.tree_id(first, "h") is None


def empty_every_object(mirror: Mirror) -> None:
    for path in (mirror.path / "objects").rglob("*"):
        if path.is_file():
            path.unlink()  # truncating a file that is mapped into memory would kill this process
            path.write_bytes(b"")


def remove_head(mirror: Mirror) -> None:
    (mirror.path / "HEAD").unlink()


def remove_everything(mirror: Mirror) -> None:
    shutil.rmtree(mirror.path)
    mirror.path.write_text("not a directory")


@pytest.mark.parametrize("harm", [empty_every_object, remove_head, remove_everything])
def test_a_damaged_mirror_is_created_again(harm: object, person: Person, open_mirror: OpenMirror) -> None:
    """It is a cache: nothing in it is worth a failed run."""
    person.commit({"a": "1\n"})
    fetched(open_mirror())
    assert callable(harm)
    harm(open_mirror())
    mirror = open_mirror()
    head = fetched(mirror)
    assert mirror.files(head, "") == {"a": blob_id(b"1\n")}
    person.commit({"a": "2\n"})
    assert mirror.files(fetched(mirror), "") == {"a": blob_id(b"2\n")}


def test_damage_below_the_commit_is_found_while_reading(person: Person, open_mirror: OpenMirror) -> None:
    """The commit is readable, a directory is not."""
    person.commit({"deep/down/a": "1\n"})
    mirror = open_mirror()
    head = fetched(mirror)
    git = ["git", f"--git-dir={mirror.path}"]
    tree = subprocess.run(
        [*git, "rev-parse", f"{head}:deep/down"], check=True, capture_output=True, text=True
    ).stdout.strip()
    packs = list((mirror.path / "objects" / "pack").glob("*.pack"))
    for pack in packs:
        moved = mirror.path / pack.name
        pack.rename(moved)
        for rest in pack.parent.glob(f"{pack.stem}.*"):
            rest.unlink()
        with moved.open("rb") as stream:
            subprocess.run([*git, "unpack-objects", "-q"], check=True, stdin=stream)
    (mirror.path / "objects" / tree[:2] / tree[2:]).unlink()
    reopened = open_mirror()
    reopened.fetch(head)
    assert reopened.files(head, "") == {"deep/down/a": blob_id(b"1\n")}


def test_concurrent_processes_create_one_mirror(person: Person, open_mirror: OpenMirror) -> None:
    """The lock lets one work and the others find its result."""
    head = person.commit({f"d/{number}": str(number) for number in range(50)})
    results: list[int] = []

    def work() -> None:
        mirror = open_mirror()
        mirror.fetch(head)
        results.append(len(mirror.files(head, "d")))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [50] * 6


def test_leftovers_of_killed_processes_are_removed(person: Person, mirror: Mirror) -> None:
    """Old ones only: a young one may be in use."""
    person.commit({"a": "1"})
    fetched(mirror)
    pack = mirror.path / "objects" / "pack"
    old, young = pack / "tmp_pack_old", pack / "tmp_pack_young"
    gone = mirror.path.parent / "new-abandoned"
    gone.mkdir()
    loose = mirror.path / "objects" / "17" / "tmp_obj_old"
    loose.parent.mkdir()
    for leftover in (old, young, loose):
        leftover.write_bytes(b"x")
    for leftover in (old, gone, loose, mirror.path / "hedgehog-swept"):
        os.utime(leftover, (time.time() - 7200, time.time() - 7200))
    person.commit({"a": "2"})
    fetched(mirror)
    assert not old.exists()
    assert not gone.exists()
    assert not loose.exists()
    assert young.exists()


def test_many_loose_objects_are_packed(person: Person, mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> None:
    """Years of small commits must not become a directory of a million files."""
    monkeypatch.setattr(packing, "_LOOSE_IN_A_FOLDER", -1)
    person.commit({f"d/{number}": str(number) for number in range(40)})
    head = fetched(mirror)
    assert len(list((mirror.path / "objects" / "pack").glob("*.pack"))) == 1
    assert len(mirror.files(head, "d")) == 40
    head = person.commit({"d/more": "x"})
    mirror.fetch(head)
    assert len(mirror.files(head, "d")) == 41


def test_an_edit_names_the_person_who_wrote_it(person: Person, mirror: Mirror) -> None:
    """Newest first, and a merge does not hide the author."""
    base = person.commit({"f/a": "1", "f/b": "1"}, "Begin")
    person.git("checkout", "--quiet", "-b", "side")
    (person.directory / "f" / "a").write_text("2")
    person.git("commit", "--quiet", "--all", "--message", "Side", "--author=Grace <grace@example.com>")
    side = person.git("rev-parse", "HEAD").strip()
    person.git("checkout", "--quiet", "main")
    person.commit({"f/c": "1"}, "Main")
    person.git("merge", "--quiet", "--no-ff", "side", "--message", "Merge")
    person.git("push", "--quiet", "origin", "HEAD:main")
    head = fetched(mirror)
    found = history.edits(mirror, head, ["f/a"], since=base)
    assert str(found["f/a"]) == f"Grace <grace@example.com> in {side[:12]}"
    assert history.edits(mirror, head, ["f/b"])["f/b"].commit == base
    assert history.edits(mirror, head, ["f/b", "never"], since=base) == {}


def test_an_edit_names_committer_and_trailers(person: Person, mirror: Mirror) -> None:
    """By them our own commits are known."""
    body = "Subject\n\nBody: not a trailer\n\nHedgehog-Fabric: lab\nHedgehog-Run: a: b"
    commit = person.commit({"f/a": "1"}, body)
    edit = history.edits(mirror, fetched(mirror), ["f/a"])["f/a"]
    trailers = {"Hedgehog-Fabric": "lab", "Hedgehog-Run": "a: b"}
    tree = person.git("rev-parse", "HEAD^{tree}").strip()
    assert edit == history.Edit(commit, "Ada <ada@example.com>", "Subject", "ada@example.com", trailers, tree)


def test_an_edit_is_found_whatever_else_its_commit_brings(person: Person, mirror: Mirror) -> None:
    """A thousand million files elsewhere are not looked at, and neither is what the file's directory has beside it."""
    person.commit({"f/a": "1", "g/b": "1"}, "Begin")
    person.commit({"f/a": "2"}, "Edit")
    plant_bomb(person, "g/bomb", levels=9)
    bombed = fetched(mirror)
    found = history.edits(mirror, bombed, ["f/a", "g/b", "g/bomb"])
    assert {path: edit.commit == bombed for path, edit in found.items()} == {"f/a": False, "g/b": False, "g/bomb": True}
