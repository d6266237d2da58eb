"""Chaos with a real Airflow: its components and tasks are killed, connections are cut, and its own schedules recover.

make chaos AIRFLOW=1 KILLS=10 OUTAGES=5
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from devstack.airflow import Airflow
from devstack.chaos.converge import Convergence, not_in_step
from devstack.chaos.proxy import Mode
from devstack.chaos.report import Report
from devstack.chaos.verdict import Verdict
from devstack.chaos.wishes import Wishes
from devstack.chaos.world import PLACES, World
from devstack.moved_clock import move_clock
from devstack.stack import set_up

PARTS = ("scheduler", "triggerer", "dag-processor", "api-server")
KINDS = ("scheduler", "triggerer", "task", "task", "task", "worker", "dag-processor", "api-server")
CLOCKS = ("git_sync", "kubernetes_sync", "repository_changes", "result_cleanup")
_SETTINGS = {
    **{f"AIRFLOW__HEDGEHOG__{name.upper()}_SCHEDULE": "* * * * *" for name in CLOCKS},
    # How soon Airflow notices what was killed; a deployment has minutes.
    "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "10",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "30",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT_DETECTION_INTERVAL": "5",
}
LIMIT = 600.0
_SKIPPED_AT_ONCE = 60.0


@contextmanager
def airflow_of(world: World, say: Callable[[str], None]) -> Iterator[Airflow]:
    """A running Airflow whose connections lead through the proxies."""
    environment = {**world.environment, **_SETTINGS}
    home = Airflow(world.directory / "airflow", world.airflow_uri(), environment)
    try:
        home.migrate()
        set_up(home)
        say("starting Airflow")
        home.start(say)
        yield home
    finally:
        home.stop()


@dataclass
class AirflowRounds:
    """Kills and outages in turn, each during runs."""

    world: World
    airflow: Airflow
    draw: random.Random
    report: Report
    say: Callable[[str], None]

    def __post_init__(self) -> None:
        self.wishes = Wishes(self.world, self.draw)
        self.verdict = Verdict(self.world, self.wishes)

    def begin(self) -> None:
        """Bring everything in sync once."""
        self.verdict.begin()
        self.wishes.begin()
        self._judge("nothing yet")

    def go(self, *, kills: int, outages: int, until: float) -> None:
        """Rounds until both numbers are reached, or time is up."""
        while time.monotonic() < until and (self.report.kills < kills or self.report.outages < outages):
            self.report.rounds += 1
            self.draw.seed(f"{self.report.seed}/{self.report.rounds}")
            for place in self.draw.sample(PLACES, 2):
                self.wishes.ask(place.name, self.wishes.change(place.name))
                self.report.changes += 1
            time.sleep(self.draw.uniform(0.5, 8))  # so that something of the runs is hit
            is_kill = self.draw.random() * (kills + outages) < kills
            self._judge(self._kill() if is_kill else self._cut())

    def _kill(self) -> str:
        kind = self.draw.choice(KINDS)
        if kind in PARTS:
            self.airflow.kill_part(kind)
            self.airflow.start_part(kind)
            self.report.faults[f"kill {kind}"] += 1
            return f"kill {kind}"
        victims = [one for one in self._below_the_scheduler() if ("LocalExecutor" in _title(one)) == (kind == "worker")]
        started = time.monotonic()
        while not victims and time.monotonic() - started < 60:
            time.sleep(0.05)
            victims = [
                one for one in self._below_the_scheduler() if ("LocalExecutor" in _title(one)) == (kind == "worker")
            ]
        if not victims:
            self.report.missed[f"kill {kind}"] += 1
            return f"kill {kind} (none there)"
        self.draw.choice(victims).kill()
        self.report.faults[f"kill {kind}"] += 1
        return f"kill {kind}"

    def _below_the_scheduler(self) -> list[psutil.Process]:
        scheduler = psutil.Process(self.airflow.processes["scheduler"].pid)
        return [one for one in scheduler.children(recursive=True) if not one.name().startswith("git")]

    def _cut(self) -> str:
        link = self.draw.choice(("database", "git", "api"))
        mode = self.draw.choice((Mode.REFUSE, Mode.RESET, Mode.SILENT, Mode.SLOW, Mode.CUT))
        self.world.proxies[link].set(mode)
        time.sleep(self.draw.uniform(3, 15))
        self.world.proxies[link].set(Mode.PASS)
        self.report.faults[f"outage {link} {mode}"] += 1
        return f"outage {link} {mode}"

    def _judge(self, told: str) -> None:
        found = self._converge()
        self.report.seconds.append(found.seconds)
        if not found.reached:
            self.report.stuck.append(f"round {self.report.rounds}: {'; '.join(found.left[:6])}")
        self.report.wrong_deletes += [f"round {self.report.rounds}: {one}" for one in self.verdict.wrong_deletes()]
        self.report.duplicates += [f"round {self.report.rounds}: {one}" for one in self.verdict.duplicate_commits()]
        self.say(
            f"round {self.report.rounds}: {told}: {'in sync' if found.reached else 'NOT IN SYNC'} after "
            f"{found.seconds:.1f} s"
        )

    def _converge(self) -> Convergence:
        """Wait for Airflow's own schedules; back-offs are skipped by moving the clock of the fabric database."""
        started, skipped, moved = time.monotonic(), 0.0, time.monotonic()
        left: list[str] = []
        while (now := time.monotonic()) - started < LIMIT:
            left = not_in_step(self.world) + self.verdict.differences()
            if not left:
                return Convergence(True, now - started + skipped, 0)
            if now - moved > _SKIPPED_AT_ONCE / 2:
                move_clock(self.world.database, _SKIPPED_AT_ONCE)
                skipped, moved = skipped + _SKIPPED_AT_ONCE, now
            time.sleep(0.5)
        return Convergence(False, LIMIT + skipped, 0, tuple(left))


def _title(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
