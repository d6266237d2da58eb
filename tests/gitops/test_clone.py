"""The clone is only a cache: whatever is wrong with it ends in a new one, or in an error that names the path."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from devstack.git_server import GitServer, Person
from hedgehog.errors import DiskUnavailable, PushRace, RemoteUnavailable
from hedgehog.gitops.commit import blob_id, build, push
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from tests.gitops.conftest import AUTHOR, OpenMirror
from tests.gitops.mirror_lab import fetched

NOBODY = 65534
as_root = pytest.mark.skipif(os.getuid() != 0, reason="only root can be two users")


def lock(name: str, *, old: bool = True) -> Callable[[Path], None]:
    """Leaves a lock as a killed process does."""

    def harm(clone: Path) -> None:
        place = clone / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("")
        if old:
            os.utime(place, (time.time() - 86400, time.time() - 86400))

    return harm


def write(name: str, content: str) -> Callable[[Path], None]:
    """Replaces a file."""
    return lambda clone: (clone / name).write_text(content) and None


def occupy(name: str) -> Callable[[Path], None]:
    """A file where a directory is needed, or the other way round."""

    def harm(clone: Path) -> None:
        place = clone / name
        if place.is_dir():
            shutil.rmtree(place)
            place.write_text("")
        else:
            place.unlink(missing_ok=True)
            (place / "x").mkdir(parents=True)

    return harm


def truncate(pattern: str) -> Callable[[Path], None]:
    """Cuts files in half, as a full disk does."""

    def harm(clone: Path) -> None:
        for path in (clone / "objects").glob(pattern):
            content = path.read_bytes()
            path.unlink()
            path.write_bytes(content[: len(content) // 2])

    return harm


HARMS = {
    "an old lock of the branch": lock("refs/remotes/origin/main.lock"),
    "a young lock of the branch": lock("refs/remotes/origin/main.lock", old=False),
    "a lock of the packed refs": lock("packed-refs.lock", old=False),
    "a lock of HEAD": lock("HEAD.lock", old=False),
    "a lock of the configuration": lock("config.lock", old=False),
    "a lock of the shallow list": lock("shallow.lock", old=False),
    "no HEAD": lambda clone: (clone / "HEAD").unlink(),
    "a HEAD of nonsense": write("HEAD", "nonsense\n"),
    "a configuration of nonsense": write("config", "[core\nnonsense"),
    "a format of the future": write("config", "[core]\n\trepositoryformatversion = 99\n\tbare = true\n"),
    "a branch of nonsense": write("refs/remotes/origin/main", "nonsense\n"),
    "a branch without its commit": write("refs/remotes/origin/main", "1" * 40 + "\n"),
    "another branch without its commit": lambda clone: (
        (clone / "refs/remotes/origin/gone").write_text("1" * 40 + "\n") and None
    ),
    "packed refs of nonsense": write("packed-refs", "nonsense\n"),
    "a shallow list of nonsense": write("shallow", "nonsense\n"),
    "a branch in the way of another": occupy("refs/remotes/origin/main"),
    "a directory of refs that is a file": occupy("refs/remotes"),
    "a directory of packs that is a file": occupy("objects/pack"),
    "a directory of objects that is a file": occupy("objects"),
    "half a pack": truncate("pack/*.pack"),
    "half an index": truncate("pack/*.idx"),
    "half of every object": truncate("??/*"),
    "no objects": lambda clone: shutil.rmtree(clone / "objects"),
    "a link to nowhere": lambda clone: (shutil.rmtree(clone), clone.symlink_to("/nowhere"), None)[2],
    "an alternative that is gone": lambda clone: (
        (clone / "objects" / "info").mkdir(exist_ok=True),
        (clone / "objects" / "info" / "alternates").write_text("/nowhere/objects\n"),
        None,
    )[2],
}


@pytest.mark.parametrize("what", HARMS)
def test_a_clone_with_trouble_shows_the_next_push(what: str, person: Person, open_mirror: OpenMirror) -> None:
    """Whatever was found in it, reading and writing go on."""
    person.commit({"d/a": "1\n"})
    fetched(open_mirror())
    HARMS[what](open_mirror().path)
    person.commit({"d/a": "2\n"})
    mirror = open_mirror()
    head = fetched(mirror)
    assert mirror.files(head, "d") == {"d/a": blob_id(b"2\n")}
    assert mirror.read(blob_id(b"2\n")) == b"2\n"
    commit = build(mirror, head, {"d/b": b"b\n"}, "Add\n", AUTHOR)
    assert commit is not None
    push(mirror, commit, head)
    assert open_mirror().head() == commit


@pytest.mark.parametrize("what", HARMS)
def test_a_clone_with_trouble_takes_a_commit(what: str, person: Person, open_mirror: OpenMirror) -> None:
    """Found only when something is written: the next plan, if not this one, succeeds."""
    person.commit({"d/a": "1\n"})
    mirror = open_mirror()
    head = fetched(mirror)
    HARMS[what](mirror.path)
    many = {f"d/{number}": f"{number}\n".encode() for number in range(60)}
    for attempt in (open_mirror, open_mirror, open_mirror):
        try:
            again = attempt()
            again.fetch(head)
            commit = build(again, head, many, "Add\n", AUTHOR)
            assert commit is not None
            push(again, commit, head)
            break
        except PushRace:
            continue
    assert open_mirror().head() == commit


def test_a_branch_below_one_that_is_gone_can_be_fetched(person: Person, open_mirror: OpenMirror) -> None:
    """`release` became `release/1`: of the two, a clone can hold one."""
    person.commit({"a": "1"})
    person.git("push", "--quiet", "origin", "HEAD:release")
    fetched(open_mirror(branch="release"))
    person.git("push", "--quiet", "origin", ":release")
    person.commit({"a": "2"})
    person.git("push", "--quiet", "origin", "HEAD:release/1")
    mirror = open_mirror(branch="release/1")
    assert mirror.files(fetched(mirror), "") == {"a": blob_id(b"2")}


def test_the_clone_is_for_us_alone(person: Person, mirror: Mirror, tmp_path: Path) -> None:
    """What a repository holds is not for everybody on the machine."""
    person.commit({"a": "1"})
    fetched(mirror)
    for directory in (tmp_path / "cache", mirror.path):
        assert stat.S_IMODE(directory.stat().st_mode) == 0o700


def as_nobody(cache: Path, url: str) -> str:
    """What an ordinary user's process says of the files at the branch."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(NOBODY)
            os.setuid(NOBODY)
            mirror = Mirror(cache, Remote(url, "main"))
            told = str(sorted(mirror.files(fetched(mirror), "")))
        except BaseException as error:
            told = f"{type(error).__name__} {error}"
        os.write(writing, told.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as stream:
        told = stream.read()
    os.waitpid(child, 0)
    return told


@pytest.fixture
def readable(tmp_path: Path) -> Iterator[Path]:
    """A directory that every user can reach."""
    place = Path("/tmp") / f"hedgehog-{os.getpid()}-{tmp_path.name}"
    place.mkdir(mode=0o755)
    yield place
    shutil.rmtree(place)


@as_root
def test_a_cache_that_root_created_is_reported_by_its_path(person: Person, host: GitServer, readable: Path) -> None:
    """A first run by hand, as root; the workers are somebody else."""
    person.commit({"a": "1"})
    cache = readable / "cache"
    cache.mkdir(mode=0o755)
    told = as_nobody(cache, host.url("net"))
    assert told.startswith("DiskUnavailable ")
    assert str(cache) in told
    assert "let the user of this worker read and write it" in told


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o755])
def test_a_clone_that_root_created_is_moved_aside(mode: int, person: Person, host: GitServer, readable: Path) -> None:
    """The directory is ours, what lies in it is not."""
    person.commit({"a": "1"})
    cache = readable / "cache"
    fetched(Mirror(cache, Remote(host.url("net"), "main")))
    clone = Mirror(cache, Remote(host.url("net"), "main")).path
    os.chown(cache, NOBODY, NOBODY)
    os.chown(cache / "calls", NOBODY, NOBODY)
    (cache / f"{clone.name}.lock").chmod(0o644)
    clone.chmod(mode)
    assert as_nobody(cache, host.url("net")) == "['a']"
    assert clone.stat().st_uid == NOBODY


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    if subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", place], capture_output=True, check=False
    ).returncode:
        pytest.skip("file systems cannot be mounted here")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


def fill(place: Path) -> Path:
    """Leaves no room."""
    filler = place / "filler"
    with filler.open("wb", buffering=0) as stream:
        try:
            while stream.write(b"x" * 65536):
                pass
        except OSError:
            pass
    return filler


def test_a_full_disk_is_reported_and_costs_no_clone(person: Person, host: GitServer, small_disk: Path) -> None:
    """At the first clone, at a fetch and at a commit; with room again all goes on."""
    person.commit({"a": "1\n"})
    remote = Remote(host.url("net"), "main")
    filler = fill(small_disk)
    with pytest.raises(DiskUnavailable, match=r"No space left on device; free space there"):
        fetched(Mirror(small_disk / "cache", remote))
    filler.unlink()
    mirror = Mirror(small_disk / "cache", remote)
    head = fetched(mirror)
    kept = mirror.path.stat().st_ino
    person.commit({"big": os.urandom(4_000_000).hex()})
    with pytest.raises(DiskUnavailable, match=str(small_disk)):
        mirror.files(fetched(mirror), "")
    assert not list(mirror.path.glob("objects/pack/tmp_*"))
    filler = fill(small_disk)
    for files in (3, 60):
        with pytest.raises(DiskUnavailable, match="free space there"):
            build(mirror, head, {f"d/{n}": os.urandom(5000) for n in range(files)}, "Add\n", AUTHOR)
    filler.unlink()
    assert build(mirror, head, {"d/x": b"x"}, "Add\n", AUTHOR) is not None
    assert mirror.path.stat().st_ino == kept


def test_the_first_commit_on_a_full_disk_is_not_a_lost_race(host: GitServer, small_disk: Path) -> None:
    """Of an empty repository nothing is fetched; building the first commit meets the disk."""
    mirror = Mirror(small_disk / "cache", Remote(host.url("net"), "main"))
    assert mirror.head() is None
    fill(small_disk)
    with pytest.raises(DiskUnavailable, match="free space there"):
        build(mirror, None, {"a": os.urandom(5000)}, "Add\n", AUTHOR)


def test_a_limit_of_the_file_size_is_a_full_disk(person: Person, mirror: Mirror) -> None:
    """git is killed for it, which leaves no word."""
    person.commit({"big": os.urandom(500_000).hex()})
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(DiskUnavailable, match="free space there"):
            mirror.files(fetched(mirror), "")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert mirror.files(fetched(mirror), "")


def test_a_partial_pack_of_a_killed_fetch_is_removed(
    person: Person, mirror: Mirror, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each try would leave another, and fill the disk."""
    person.commit({"a": "1"})
    fetched(mirror)
    run = Remote.run

    def killed(remote: Remote, arguments: list[str], **options: object) -> object:
        if arguments[0] == "fetch":
            (mirror.path / "objects" / "pack" / "tmp_pack_XYZ").write_bytes(b"x")
            raise RemoteUnavailable("no end after 1 s")
        return run(remote, arguments, **options)  # type: ignore[arg-type]

    person.commit({"a": "2"})
    monkeypatch.setattr(Remote, "run", killed)
    with pytest.raises(RemoteUnavailable):
        fetched(mirror)
    assert not list(mirror.path.glob("objects/pack/tmp_*"))
