"""A commit to a repository of 10,000 files: ours compared with a fresh clone and git's own commands.

Ours is what a sync does once its changes are known: ls-remote, a commit from tree entries in the kept mirror, push. The
peer is what GitOps writers do that keep nothing: `git clone --depth 1`, write the files, add, commit, push. Both push to
bare repositories by file:// in memory (/dev/shm), where neither a network nor a slow disk flatters us: on a disk the
peer's checkout of 10,000 files makes our lead many times larger. Rounds take turns; the median counts.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.report import Figure, emit
from devstack.files import workplace
from hedgehog.fabric import render
from hedgehog.gitops.commit import Author, build, push
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote

FILES = 10_000
DIRECTORIES = 10
CHANGED = {10: 8.0, 1000: None}
"""How many files change, and how many times faster than the peer we want to be."""

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.com",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.com",
}


def git(*arguments: str, cwd: Path) -> str:
    """Run git and return what it printed."""
    return subprocess.run(
        ["git", *arguments], cwd=cwd, env=ENVIRONMENT, check=True, capture_output=True, text=True
    ).stdout


def content(number: int, version: str) -> bytes:
    """A VPC of about 900 bytes."""
    subnets = {
        f"subnet-{index}": {
            "subnet": f"10.{number % 250}.{index}.0/24",
            "gateway": f"10.{number % 250}.{index}.1",
            "vlan": 1000 + index,
            "dhcp": {"enable": True, "range": {"start": f"10.{number % 250}.{index}.10"}},
        }
        for index in range(5)
    }
    return render.dump(
        {
            "apiVersion": "vpc.githedgehog.com/v1beta1",
            "kind": "VPC",
            "metadata": {"name": f"vpc-{number}", "namespace": "default", "annotations": {"version": version}},
            "spec": {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets},
        }
    )


def changes(count: int, version: str) -> dict[str, bytes]:
    """New content for *count* files, spread over the directories."""
    step = FILES // count
    return {
        f"fabrics/f{number % DIRECTORIES}/vpcs/vpc-{number}.yaml": content(number, version)
        for number in range(0, FILES, step)
    }


def ours(mirror: Mirror, changed: Mapping[str, bytes]) -> float:
    """Seconds for one commit with *changed*."""
    started = time.perf_counter()
    head = mirror.head()
    if head is not None:
        mirror.fetch(head)
    author = Author("Bench", "bench@example.com", datetime.now(UTC))
    commit = build(mirror, head, dict(changed), "Update fabric\n", author)
    assert commit is not None
    push(mirror, commit, head)
    return time.perf_counter() - started


def peer(directory: Path, url: str, changed: Mapping[str, bytes]) -> float:
    """Seconds for the same with a fresh clone; throwing the clone away is not counted."""
    tree = directory / "tree"
    started = time.perf_counter()
    git("clone", "--quiet", "--depth", "1", url, str(tree), cwd=directory)
    for path, data in changed.items():
        (tree / path).write_bytes(data)
    git("add", "--all", cwd=tree)
    git("commit", "--quiet", "--message", "Update fabric", cwd=tree)
    git("push", "--quiet", "origin", "HEAD:main", cwd=tree)
    return time.perf_counter() - started


def prepare(directory: Path) -> str:
    """A bare repository with FILES files; returns its URL."""
    bare = directory / "net.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(bare), cwd=directory)
    url = f"file://{bare}"
    ours(Mirror(directory / "first", Remote(url, "main")), changes(FILES, "initial"))
    return url


def measure(count: int, rounds: int, place: str | None) -> tuple[float, float]:
    """Median seconds of ours and of the peer, each on a repository of its own."""
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-git-", dir=place) as name:
        mine, theirs = Path(name) / "mine", Path(name) / "theirs"
        mine.mkdir()
        theirs.mkdir()
        mirror = Mirror(mine / "cache", Remote(prepare(mine), "main"))
        mirror.fetch(mirror.head() or "")  # kept from earlier runs
        url = prepare(theirs)
        ours_seconds, peer_seconds = [], []
        for number in range(rounds):
            changed = changes(count, f"round {number}")
            ours_seconds.append(ours(mirror, changed))
            with tempfile.TemporaryDirectory(dir=theirs) as directory:
                peer_seconds.append(peer(Path(directory), url, changed))
        return statistics.median(ours_seconds), statistics.median(peer_seconds)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median counts")
    parser.add_argument("--directory", default=workplace(), help="where to work, if not in memory")
    arguments = parser.parse_args()
    figures = []
    for count, times in CHANGED.items():
        mine, theirs = measure(count, arguments.rounds, arguments.directory)
        name = f"{count} of {FILES} files: commit and push"
        figures.append(Figure.of(name, mine * 1000, "ms", "clone, add, commit, push", theirs * 1000, times=times))
    emit(figures)


if __name__ == "__main__":
    main()
