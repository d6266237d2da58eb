"""Commits hold exactly the changes, and a push loses nothing."""

from __future__ import annotations

import random
import subprocess
import threading
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.git_server import GitServer, Person
from hedgehog.errors import HedgehogError, InvalidInput, PermissionDenied, PushRace
from hedgehog.fabric.model import Fabric
from hedgehog.gitops.commit import Author, blob_id, build, check_path, message, push
from hedgehog.gitops.history import edits, trailers
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from tests.gitops.conftest import AUTHOR, OpenMirror

Files = dict[str, bytes]


def made(mirror: Mirror, parent: str | None, changes: dict[str, bytes | None]) -> str:
    """A commit that must come into being."""
    commit = build(mirror, parent, changes, "Change\n", AUTHOR)
    assert commit is not None
    return commit


def contents(mirror: Mirror, commit: str) -> Files:
    """All files of a commit."""
    return {path: mirror.read(blob) for path, blob in mirror.files(commit, "").items()}


names = st.sampled_from(["a", "b", "c.yaml"])
paths = st.lists(names, min_size=1, max_size=3).map("/".join)


def has_clash(files: set[str]) -> bool:
    """Whether one path is a directory of another."""
    return any(other.startswith(f"{path}/") for path in files for other in files)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(paths, st.binary(max_size=3), max_size=6),
    changes=st.dictionaries(paths, st.none() | st.binary(max_size=3), max_size=6),
)
def test_a_commit_is_its_parent_with_the_changes(
    before: Files, changes: dict[str, bytes | None], tmp_path: Path
) -> None:
    """The law of `build`; None exactly when nothing differs; nothing unnamed is ever lost."""
    if has_clash(set(before) | set(changes)):
        return
    mirror = Mirror(tmp_path / "cache", Remote("file:///nowhere", "main"))
    parent = build(mirror, None, before, "Before\n", AUTHOR)
    assert (parent is None) == (not before)
    wanted = {path: content for path, content in {**before, **changes}.items() if content is not None}
    commit = build(mirror, parent, changes, "After\n", AUTHOR)
    assert (commit is None) == (wanted == before)
    if commit is not None:
        assert contents(mirror, commit) == wanted


def test_the_same_input_is_the_same_commit(mirror: Mirror) -> None:
    """Nothing comes from the machine."""
    assert made(mirror, None, {"a": b"1"}) == made(mirror, None, {"a": b"1"})


def test_an_empty_directory_vanishes(mirror: Mirror) -> None:
    """Up to the first that still holds something."""
    first = made(mirror, None, {"a/b/c": b"1", "a/d": b"2"})
    assert contents(mirror, made(mirror, first, {"a/b/c": None})) == {"a/d": b"2"}
    assert mirror.tree_id(made(mirror, first, {"a/b/c": None}), "a/b") is None
    assert contents(mirror, made(mirror, first, {"a/b/c": None, "a/d": None})) == {}


def test_many_files_of_any_size_are_packed(mirror: Mirror) -> None:
    """As one pack instead of hundreds of small files; git finds nothing wrong with it."""
    sizes = [0, 1, 15, 16, 17, 2047, 2048, 300_000, *range(100, 200)]
    files = {f"d{size % 7}/{size}": bytes(size) for size in sizes}
    commit = made(mirror, None, dict[str, bytes | None](files))
    assert {path: mirror.read(blob) for path, blob in mirror.files(commit, "").items()} == files
    git = ["git", f"--git-dir={mirror.path}"]
    subprocess.run([*git, "fsck", "--strict", "--no-dangling", commit], check=True)
    assert len(list((mirror.path / "objects" / "pack").glob("*.pack"))) == 1


def test_git_agrees_with_what_was_built(mirror: Mirror) -> None:
    """fsck finds nothing wrong, author and time are as given, also in another time zone."""
    author = Author(
        "Zoë", "zoe@example.com", datetime(2026, 5, 6, 7, 8, 9, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))
    )
    commit = build(mirror, made(mirror, None, {"x/y": b"1"}), {"x-y": b"2", "x.y": b"3"}, "Subject\n\nBody\n", author)
    git = ["git", f"--git-dir={mirror.path}"]
    done = subprocess.run(
        [*git, "fsck", "--strict", "--no-dangling", str(commit)], check=True, capture_output=True, text=True
    )
    assert "error" not in done.stderr
    shown = subprocess.run(
        [*git, "log", "-1", "--format=%an|%ae|%aI|%s", str(commit)], check=True, capture_output=True, text=True
    )
    assert shown.stdout == "Zoë|zoe@example.com|2026-05-06T07:08:09-03:30|Subject\n"


@pytest.mark.parametrize(
    "path",
    ["", "/etc/passwd", "../x", "a/../b", "a//b", "a/", ".", ".git/config", "a/.GIT/x", ".git ", ".git.", "GIT~1/x",
     "a\\b", "a:b", "a\nb", "a\x00b", "x" * 256, "d/" * 600 + "x", ".g\u200cit/x", "a\ud800"],
)  # fmt: skip
def test_a_path_that_could_leave_the_repository_is_refused(path: str, mirror: Mirror) -> None:
    """Names come from a database that people write to."""
    with pytest.raises(InvalidInput):
        check_path(path)
    with pytest.raises(InvalidInput):
        build(mirror, None, {path: b"x"}, "x\n", AUTHOR)


@pytest.mark.parametrize(
    "path", ["README.md", "fabrics/lab 1/vpcs/vpc-1.yaml", ".gitignore", "a/.github/x", "ü/ß.yaml"]
)
def test_ordinary_paths_are_taken(path: str) -> None:
    """Hidden files and other alphabets do no harm."""
    assert check_path(path) == path


def test_a_directory_is_never_replaced_by_a_file(mirror: Mirror) -> None:
    """What is below it belongs to somebody."""
    first = made(mirror, None, {"a/b": b"1", "c": b"2"})
    for changes in ({"a": b"x"}, {"a": None}, {"c/d": b"x"}, {"e": b"1", "e/f": b"2"}, {"e/f": b"2", "e": b"1"}):
        with pytest.raises(InvalidInput):
            build(mirror, first, dict[str, bytes | None](changes), "x\n", AUTHOR)


def test_a_message_is_a_subject_a_body_and_trailers() -> None:
    """Names with line breaks cannot add trailers."""
    fabric = Fabric(id=1, name="lab", resource_name="lab", generation=7)
    text = message(fabric, "lab: layout", "Files: 2 created.", run_id="dag/run\nEvil: x", others=["Ada\nEvil: y <a@b>"])
    assert text == (
        "lab: layout\n\nFiles: 2 created.\n\nCo-authored-by: Ada Evil: y <a@b>\n"
        "Hedgehog-Fabric: lab\nHedgehog-Generation: 7\nHedgehog-Run: dag/run Evil: x\n"
    )
    assert set(trailers(text)) == {"Co-authored-by", "Hedgehog-Fabric", "Hedgehog-Generation", "Hedgehog-Run"}


def test_a_commit_can_have_another_author(mirror: Mirror) -> None:
    """Who asked for it; the product commits."""
    commit = build(mirror, None, {"a": b"1"}, "x\n", AUTHOR, author=Author("Ada", "ada@example.com", AUTHOR.when))
    assert commit is not None
    found = edits(mirror, commit, {"a"})["a"]
    assert (found.author, found.committer_email) == ("Ada <ada@example.com>", AUTHOR.email)


def test_a_push_begins_an_empty_repository(host: GitServer, mirror: Mirror, person: Person) -> None:
    """And the next one continues it."""
    first = made(mirror, None, {"a": b"1"})
    push(mirror, first, None)
    second = made(mirror, first, {"a": b"2"})
    push(mirror, second, first)
    assert mirror.head() == second
    person.pull()
    assert (person.directory / "a").read_text() == "2"


def test_a_large_push_arrives_whole(mirror: Mirror, person: Person) -> None:
    """git sends it in chunks once it is above a megabyte."""
    noise = random.Random(1).randbytes(3 * 2**20)
    push(mirror, made(mirror, None, {"big": noise}), None)
    person.pull()
    assert (person.directory / "big").read_bytes() == noise


def test_a_branch_that_moved_is_a_race(mirror: Mirror, person: Person) -> None:
    """Nothing is written, the person's commit stays."""
    first = made(mirror, None, {"a": b"1"})
    push(mirror, first, None)
    theirs = person.commit({"b": "2"})
    with pytest.raises(PushRace):
        push(mirror, made(mirror, first, {"a": b"2"}), first)
    assert mirror.head() == theirs


def test_a_branch_that_was_created_meanwhile_is_a_race(mirror: Mirror, person: Person) -> None:
    """We expected none."""
    theirs = person.commit({"b": "2"})
    with pytest.raises(PushRace):
        push(mirror, made(mirror, None, {"a": b"1"}), None)
    assert mirror.head() == theirs


@pytest.mark.parametrize("fate", ["reset", "deleted"])
def test_a_branch_that_was_reset_or_deleted_is_not_restored(fate: str, mirror: Mirror, person: Person) -> None:
    """A plain push would undo what the person did."""
    first = made(mirror, None, {"a": b"1"})
    push(mirror, first, None)
    second = made(mirror, first, {"a": b"2"})
    push(mirror, second, first)
    person.pull()
    source = f"+{first}" if fate == "reset" else ""
    person.git("push", "--quiet", "origin", f"{source}:refs/heads/main")
    with pytest.raises(PushRace):
        push(mirror, made(mirror, second, {"a": b"3"}), second)
    assert mirror.head() == (first if fate == "reset" else None)


def test_a_commit_that_drops_the_expected_head_is_never_pushed(mirror: Mirror) -> None:
    """The lease alone would allow it."""
    first = made(mirror, None, {"a": b"1"})
    push(mirror, first, None)
    with pytest.raises(PushRace, match="does not contain"):
        push(mirror, made(mirror, None, {"z": b"1"}), first)
    assert mirror.head() == first


@pytest.mark.parametrize("scheme", ["http", "file"])
@pytest.mark.parametrize("hook", ["pre-receive", "update"])
def test_a_refusing_hook_is_a_denied_permission_with_its_message(
    scheme: str, hook: str, host: GitServer, tmp_path: Path
) -> None:
    """Trying again would not help, and the operator must read why."""
    script = host.path("net") / "hooks" / hook
    script.write_text("#!/bin/sh\necho 'GL-HOOK-ERR: main is protected' >&2\nexit 1\n")
    script.chmod(0o755)
    url = host.url("net") if scheme == "http" else f"file://{host.path('net')}"
    mirror = Mirror(tmp_path / "cache", Remote(url, "main"))
    with pytest.raises(PermissionDenied, match="main is protected"):
        push(mirror, made(mirror, None, {"a": b"1"}), None)
    assert mirror.head() is None


def test_a_storm_of_writers_loses_nothing(open_mirror: OpenMirror, tmp_path: Path, host: GitServer) -> None:
    """Each writer plans again when it loses; the history is one line with every commit."""
    writers, commits = 3, 5
    failures: list[BaseException] = []

    def write(writer: int) -> None:
        remote = Remote(host.url("net"), "main", timeout=300)
        mirror = Mirror(tmp_path / f"cache-{writer % 2}", remote)  # two of them share a cache
        for number in range(commits):
            for _ in range(200):
                head = mirror.head()
                try:
                    if head is not None:
                        mirror.fetch(head)
                    push(mirror, made(mirror, head, {f"w{writer}/{number}": b"x"}), head)
                except PushRace:
                    continue
                except HedgehogError as error:
                    failures.append(error)
                break

    threads = [threading.Thread(target=write, args=(writer,)) for writer in range(writers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    mirror = open_mirror()
    head = mirror.head()
    assert head is not None
    mirror.fetch(head)
    assert len(mirror.files(head, "")) == writers * commits
    log = subprocess.run(
        ["git", f"--git-dir={host.path('net')}", "rev-list", "--parents", "main"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    assert len(log) == writers * commits
    assert max(len(line.split()) for line in log) == 2


def test_blob_ids_are_those_of_git() -> None:
    """They are compared with what Git has."""
    assert blob_id(b"") == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"


def test_the_time_is_given_by_the_caller(mirror: Mirror) -> None:
    """Another time, another commit; the same tree."""
    later = Author(AUTHOR.name, AUTHOR.email, datetime(2027, 1, 1, tzinfo=UTC))
    assert build(mirror, None, {"a": b"1"}, "x\n", later) != build(mirror, None, {"a": b"1"}, "x\n", AUTHOR)
