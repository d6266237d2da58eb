"""The faults that can affect a sync: killed processes, unreachable or faulty servers, a full disk, a deleted
clone.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from devstack.chaos.processes import Child, kill_git_soon
from devstack.chaos.proxy import Mode
from devstack.chaos.world import World
from hedgehog.errors import RemoteUnavailable
from hedgehog.store import database

LINKS = ("database", "git", "api", "github")
BAD = (Mode.REFUSE, Mode.RESET, Mode.SILENT, Mode.SLOW, Mode.TRICKLE, Mode.CUT)
_USED = {
    "git": ("database", "git"),
    "changes": ("database", "git"),
    "kubernetes": ("database", "api"),
    "import": ("database",),
    "pulls": ("database", "git", "github"),
}
"""The servers that an operation uses."""


@dataclass
class Kill:
    """A planned SIGKILL: what it hit is known once the operation has ended."""

    kind: str
    child: Child
    hit: Callable[[], bool]


class Killer:
    """Kills operations at random moments: at a message to or from a server, or after a random time."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world, self.draw = world, draw
        self._messages = {
            ("git", "database"): 40,
            ("git", "git"): 8,
            ("changes", "database"): 30,
            ("changes", "git"): 6,
        }
        self._messages |= {("kubernetes", "database"): 40, ("kubernetes", "api"): 40, ("import", "database"): 20}
        self._messages |= {("pulls", "database"): 20, ("pulls", "git"): 6, ("pulls", "github"): 20}

    def arm(self, verb: str) -> Callable[[Callable[[], Child]], Kill]:
        """Draw a moment; the returned function starts the operation and kills it then."""
        way = self.draw.choice(("message", "message", "message", "git child" if verb in ("git", "changes") else "time"))
        if way == "git child":
            return lambda start: self._kill_git(start())
        if way == "time":
            after = self.draw.uniform(0.0, 0.6)
            return lambda start: self._kill_later(verb, start(), after)
        link = self.draw.choice(_USED[verb])
        at = self.draw.randint(1, self._messages[verb, link])
        after_it = self.draw.random() < 0.5
        return lambda start: self._kill_at(verb, link, at, after_it, start)

    def _kill_at(self, verb: str, link: str, at: int, after: bool, start: Callable[[], Child]) -> Kill:
        proxy = self.world.proxies[link]
        children: list[Child] = []
        there = threading.Event()
        hits: list[bool] = []

        def act() -> None:
            there.wait(10)
            hits.append(children[0].kill())

        trip = proxy.trip(at, act, after=after)
        children.append(start())
        there.set()

        def hit() -> bool:
            if not trip.done:  # it says less than was thought
                self._messages[verb, link] = max(3, (self._messages[verb, link] + trip.seen) // 2)
            return any(hits)

        return Kill(f"kill {verb}", children[0], hit)

    def _kill_later(self, verb: str, child: Child, seconds: float) -> Kill:
        hits: list[bool] = []
        timer = threading.Timer(seconds, lambda: hits.append(child.kill()))
        timer.daemon = True
        timer.start()
        return Kill(f"kill {verb}", child, lambda: any(hits))

    def _kill_git(self, child: Child) -> Kill:
        hit = kill_git_soon(child, self.draw)
        return Kill("kill git child", child, lambda: hit)

    def done(self) -> None:
        """Cancel the planned kill."""
        for proxy in self.world.proxies.values():
            proxy.disarm()


class Outages:
    """Every fault of a server or a disk, and how it ends."""

    def __init__(self, world: World, draw: random.Random) -> None:
        self.world, self.draw = world, draw
        self.left_out: dict[str, str] = {}
        kinds = [f"outage {link} {mode}" for link in LINKS for mode in BAD]
        kinds += ["outage git 503", "outage api restart", "outage database restart", "outage clone lost"]
        kinds += ["outage clone locked", "outage disk full"]
        if not world.disk.mounted:
            kinds.remove("outage disk full")
            self.left_out["outage disk full"] = "no file system may be mounted here"
        self.kinds = draw.sample(kinds, len(kinds))

    @contextmanager
    def happening(self, kind: str) -> Iterator[None]:
        """Cause the fault *kind* for the duration of a block."""
        _, place, *what = kind.split()
        match place, what[0]:
            case "git", "503":
                yield from self._git_status(503)
            case "api", "restart":
                self.world.cluster.stop()
                yield
                self.world.cluster.start()
            case "database", "restart":
                yield from self._database_restart()
            case "clone", _:
                yield from self._clone(what[0])
            case "disk", _:
                self.world.disk.fill(leave=self.draw.choice((0, 0, 4096, 65536)))
                try:
                    yield
                finally:
                    self.world.disk.free()
            case _:
                yield from self._link(place, Mode(what[0]))

    def _link(self, place: str, mode: Mode) -> Iterator[None]:
        """Beginning now, or at some message."""
        proxy = self.world.proxies[place]
        if self.draw.random() < 0.5:
            proxy.set(mode)
        else:
            proxy.trip(self.draw.randint(1, 30), lambda: proxy.set(mode), after=self.draw.random() < 0.5)
        try:
            yield
        finally:
            proxy.disarm()
            proxy.set(Mode.PASS)

    def _git_status(self, status: int) -> Iterator[None]:
        self.world.git.outage = status
        try:
            yield
        finally:
            self.world.git.outage = None

    def _database_restart(self) -> Iterator[None]:
        """All of its sessions end at once, as when the server is killed; it runs again before the block ends."""
        witness = database.connect(self.world.parameters)
        timer = threading.Timer(self.draw.uniform(0, 0.5), self._crash)
        timer.start()
        try:
            yield
        finally:
            timer.join()
            _wait_for_the_end(witness)
            _ = self.world.database  # there once the server takes sessions again

    def _crash(self) -> None:
        data = self.world.directory / "postgres"
        line = (data / "postmaster.pid").read_text().splitlines()[0]
        # A killed back end makes the server end every session and go through crash recovery. The witness has one.
        for one in psutil.Process(int(line)).children():
            with contextlib.suppress(psutil.NoSuchProcess):
                if "fabrics" in " ".join(one.cmdline()):
                    one.kill()
                    return

    def _clone(self, what: str) -> Iterator[None]:
        clones = self.world.disk.clones
        if what == "lost":
            timer = threading.Timer(self.draw.uniform(0, 0.4), shutil.rmtree, (clones,), {"ignore_errors": True})
            timer.start()
            yield
            timer.join()
            return
        for clone in clones.glob("*/") if clones.exists() else ():
            for name in self.draw.sample(("HEAD.lock", "packed-refs.lock", "config.lock", "shallow.lock"), 2):
                if (clone / "HEAD").exists():
                    _leave_lock(clone / name)
            for ref in (clone / "refs").rglob("main"):
                _leave_lock(ref.with_name("main.lock"))
        yield


def _wait_for_the_end(witness: database.Connection, limit: float = 30.0) -> None:
    """A server that loses a back end takes a moment until it has ended the others."""
    started = time.monotonic()
    with contextlib.closing(witness), contextlib.suppress(RemoteUnavailable):
        while time.monotonic() - started < limit:
            with database.transaction(witness) as cursor:
                cursor.execute("SELECT pg_sleep(0.01)")


def _leave_lock(path: Path) -> None:
    """As left by a git that was killed yesterday."""
    path.touch()
    yesterday = time.time() - 86400
    os.utime(path, (yesterday, yesterday))
