"""One fabric of a large repository: 100,000 files of 200 fabrics, 10,000 commits, ten files to change.

Ours is the whole sync of the fabric: find what changed in the database, fetch what others pushed meanwhile, plan, commit,
push, record. The peer is what GitOps writers do that keep nothing: `git clone --depth 1`, write the files, add, commit,
push. Both push to the same bare repository by file:// in memory, and somebody else pushes before each of them.

    python -m benchmarks.git_scale
"""

from __future__ import annotations

import argparse
import multiprocessing
import re
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.git_commit import ENVIRONMENT, git, peer
from benchmarks.report import Figure, emit, say
from devstack import postgres
from devstack.files import workplace
from devstack.objects import make_server
from hedgehog.fabric.model import GitRepository, Manifest
from hedgehog.fabric.render import dump
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.services.git import sync as git_sync
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store.database import Connection, connect
from hedgehog.store.migrate import migrate

FABRICS, FILES, COMMITS, CHANGED = 200, 100_000, 10_000, 10
TIMES = 20.0
MEGABYTES = 300.0
TIMEOUT = 1800.0


def server(number: int, text: str) -> Manifest:
    """An object of a few hundred bytes."""
    return make_server(f"server-{number:03}", f"{text}, in rack {number}")


def fill(connection: Connection, url: str, fabrics: int, objects: int) -> None:
    """The fabrics with their objects, in one repository."""
    migrate(connection)
    fabric_store.save_repository(connection, "net", {"url": url})
    for number in range(fabrics):
        name = f"fabric-{number:03}"
        place = {"git_repository": "net", "git_directory": f"fabrics/{name}", "git_sync_enabled": True}
        fabric_store.save_fabric(connection, name, place)
        found = fabric_store.load_fabric(connection, name).id
        object_store.save_objects(connection, found, [server(one, name) for one in range(objects)])


def grow(bare: Path, commits: int) -> None:
    """Add commits of other people: each changes one note."""
    head = git("rev-parse", "main", cwd=bare).strip()
    lines = []
    for number in range(commits):
        text = f"note {number}"
        lines += [
            "commit refs/heads/main",
            f"committer Ada <ada@example.com> {1_700_000_000 + number} +0000",
            f"data {len(text)}\n{text}",
            f"from {head}" if number == 0 else "",
            f"M 100644 inline notes/{number % 100}.txt",
            f"data {len(text)}\n{text}\n",
        ]
    stream = "\n".join(line for line in lines if line).encode()
    command = ["git", "fast-import", "--quiet", "--force"]
    subprocess.run(command, cwd=bare, env=ENVIRONMENT, input=stream, check=True, capture_output=True)


class Sync:
    """The sync of a fabric, with the mirror that is kept between runs."""

    def __init__(self, connection: Connection, cache: Path) -> None:
        self.connection = connection
        self._cache = cache

    def run(self, names: list[str]) -> float:
        """Seconds that it took; all must have succeeded."""
        dependencies = git_sync.Dependencies(find_refusals=lambda *_: Refusals())
        started = time.perf_counter()
        outcomes = git_sync.sync(
            self.connection, names, open_mirror=self._mirror, run_id="bench", dependencies=dependencies
        )
        taken = time.perf_counter() - started
        if bad := [one for one in outcomes if one.commit is None]:
            raise AssertionError(f"{bad[0].fabric}: {bad[0].reason}")
        return taken

    def _mirror(self, repository: GitRepository) -> Mirror:
        return Mirror(self._cache, Remote(repository.url, repository.branch, timeout=TIMEOUT))


def rounds(parameters: Mapping[str, Any], bare: Path, count: int, objects: int, out: Any) -> None:
    """Both in turns; sends the seconds of each, and the peak memory of our process and of the gits that it started."""
    connection = connect(parameters)
    sync = Sync(connection, bare.parent / "cache")
    found = fabric_store.load_fabric(connection, "fabric-000").id
    changed = [number * objects // CHANGED for number in range(CHANGED)]
    ours: list[float] = []
    for number in range(count):
        grow(bare, 1)
        object_store.save_objects(connection, found, [server(one, f"round {number}") for one in changed])
        ours.append(sync.run(["fabric-000"]))
    kilobytes = [_peak(), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss]
    theirs: list[float] = []
    for number in range(count):
        grow(bare, 1)
        files = {
            f"fabrics/fabric-001/servers/server-{one:03}.yaml": dump(server(one, f"round {number}")) for one in changed
        }
        with tempfile.TemporaryDirectory(dir=bare.parent) as directory:
            theirs.append(peer(Path(directory), f"file://{bare}", files))
    out.put((ours, theirs, max(kilobytes) / 1000))


def _peak() -> int:
    """The most kilobytes that this process had; `getrusage` would count those of its parent as well."""
    found = re.search(r"^VmHWM:\s+([0-9]+) kB$", Path("/proc/self/status").read_text(), re.MULTILINE)
    if found is None:
        raise AssertionError("the kernel does not tell the peak memory of a process")
    return int(found[1])


def measure(directory: Path, place: postgres.Postgres, arguments: argparse.Namespace) -> list[Figure]:
    """The figures of one repository."""
    bare = directory / "net.git"
    git("init", "--quiet", "--bare", "--initial-branch=main", str(bare), cwd=directory)
    git("config", "uploadpack.allowFilter", "true", cwd=bare)  # as the large hosts have it
    parameters = place.database("scale")
    connection = connect(parameters)
    objects = arguments.files // arguments.fabrics
    say(f"{arguments.fabrics} fabrics with {objects} objects each")
    fill(connection, f"file://{bare}", arguments.fabrics, objects)
    say("their first commits")
    Sync(connection, directory / "cache").run(fabric_store.fabric_names(connection))
    say(f"{arguments.commits} commits of others")
    grow(bare, arguments.commits)
    git("gc", "--quiet", cwd=bare)
    connection.close()
    say(f"{arguments.rounds} rounds")
    context = multiprocessing.get_context("spawn")
    out = context.Queue()
    worker = context.Process(target=rounds, args=(parameters, bare, arguments.rounds, objects, out))
    worker.start()
    ours, theirs, megabytes = out.get(timeout=TIMEOUT)
    worker.join()
    name = f"{CHANGED} of {arguments.files} files, after {arguments.commits} commits"
    mine, peers = statistics.median(ours) * 1000, statistics.median(theirs) * 1000
    return [
        Figure.of(f"{name}: sync", mine, "ms", "clone, add, commit, push", peers, times=TIMES),
        Figure.of(f"{name}: memory", megabytes, "MB", goal=MEGABYTES),
    ]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fabrics", type=int, default=FABRICS)
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--commits", type=int, default=COMMITS)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of which the median counts")
    parser.add_argument("--directory", default=workplace(), help="where to work, if not in memory")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-", dir=arguments.directory) as name:
        directory = Path(name)
        directory.chmod(0o755)
        server_ = postgres.start(directory / "data")
        server_.tune_for_tests()
        try:
            figures = measure(directory, server_, arguments)
        finally:
            postgres.stop(directory / "data")
    emit(figures)


if __name__ == "__main__":
    main()
