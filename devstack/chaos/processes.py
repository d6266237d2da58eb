"""Runs operations in their own processes, and kills them, or the git that they started, on demand."""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from devstack.airflow import ROOT

KILLED = -int(signal.SIGKILL)


@dataclass
class Child:
    """One running operation."""

    verb: str
    pid: int
    ended: threading.Event = field(default_factory=threading.Event)
    status: int | None = None

    def kill(self) -> bool:
        """SIGKILL the process, not the git that it started: that runs on, as when the kernel kills a task."""
        return not self.ended.is_set() and _kill(self.pid)

    def kill_git(self) -> bool:
        """SIGKILL a git of this process, if one runs at this moment."""
        try:
            gits = [one for one in psutil.Process(self.pid).children(recursive=True) if one.name().startswith("git")]
        except psutil.Error:
            return False
        return bool(gits) and _kill(random.choice(gits).pid)

    def wait(self, limit: float) -> bool:
        """Wait for the end; after *limit* seconds the task is killed, as Airflow does."""
        if self.ended.wait(limit):
            return True
        self.kill()
        self.ended.wait()
        return False


class Workers:
    """The processes, one per lane, started once; an operation that starts while its lane is busy gets a new lane."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        self._environment = {**os.environ, **environment, "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
        self._log = log
        self._free: list[_Lane] = []
        self._all: list[_Lane] = []
        self._lock = threading.Lock()

    def start(self, verb: str, run_id: str, **arguments: Any) -> Child:
        """Start an operation, and return as soon as its process exists."""
        with self._lock:
            lane = self._free.pop() if self._free else None
        if lane is None:
            lane = _Lane(self._environment, self._log)
            self._all.append(lane)
        return lane.start(verb, run_id, arguments, self._give_back)

    def _give_back(self, lane: _Lane) -> None:
        with self._lock:
            self._free.append(lane)

    def stop(self) -> None:
        """End every process, including children."""
        for lane in self._all:
            lane.stop()


class _Lane:
    """One `worker` process, which runs one child at a time."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        reading, writing = os.pipe()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "devstack.chaos.worker", str(writing)],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                text=True,
                env=dict(environment),
                pass_fds=[writing],
                cwd=ROOT,
            )
        os.close(writing)
        self._answers = os.fdopen(reading)
        self._child: Child | None = None
        self._reader: threading.Thread | None = None

    def start(self, verb: str, run_id: str, arguments: dict[str, Any], done: Any) -> Child:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"verb": verb, "run_id": run_id, "arguments": arguments}) + "\n")
        self._process.stdin.flush()
        self._child = child = Child(verb, json.loads(self._answers.readline())["pid"])
        self._reader = threading.Thread(target=self._await, args=(child, done), daemon=True)
        self._reader.start()
        return child

    def _await(self, child: Child, done: Any) -> None:
        line = self._answers.readline()
        child.status = json.loads(line)["status"] if line else KILLED
        child.ended.set()
        done(self)

    def stop(self) -> None:
        if self._child is not None:
            self._child.kill()
        self._process.kill()
        self._process.wait()
        if self._reader is not None:
            self._reader.join()
        self._answers.close()
        if self._process.stdin is not None:
            self._process.stdin.close()


def _kill(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
        return True
    return False


def kill_git_soon(child: Child, draw: random.Random, *, limit: float = 10.0) -> bool:
    """SIGKILL a git of *child* a moment after it has started; returns whether there was one."""
    pause, started = draw.uniform(0, 0.03), time.monotonic()
    while not child.ended.is_set() and time.monotonic() - started < limit:
        if child.kill_git():
            return True
        time.sleep(pause)
    return False
