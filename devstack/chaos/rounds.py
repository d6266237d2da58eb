"""The rounds of a chaos run: something is changed, a fault occurs and ends, and everything must recover automatically."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field

from devstack.chaos.converge import Convergence, converge
from devstack.chaos.faults import Killer, Outages
from devstack.chaos.processes import Child
from devstack.chaos.pulls import Pulls
from devstack.chaos.report import Report
from devstack.chaos.rivals import Rivals
from devstack.chaos.verdict import Verdict
from devstack.chaos.wishes import Objects, Wishes
from devstack.chaos.worker import FOREIGN
from devstack.chaos.world import World
from hedgehog.store.inbox import MOST_KILLED

VERBS = ("git", "git", "kubernetes", "kubernetes", "changes", "import", "pulls")
IMPORTED = ("alpha", "beta", "delta")
"""Fabrics whose source of truth is the database."""
LIMIT_IN_TROUBLE = 8.0
"""Seconds that a task may take during a fault; then it is killed, as by Airflow's time limit."""
LIMIT = 90.0
_JUMPS = (0, 0, 0, 86400, -86400)
"""The error of the clock of a task's machine, in seconds."""


@dataclass(frozen=True)
class _Import:
    name: str
    objects: Objects
    child: Child


@dataclass
class Rounds:
    """Draws the rounds and carries them out on running servers."""

    world: World
    draw: random.Random
    report: Report
    say: Callable[[str], None]
    _imports: list[_Import] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.wishes = Wishes(self.world, self.draw)
        self.verdict = Verdict(self.world, self.wishes)
        self.pulls = Pulls(self.world, self.wishes)
        self.killer = Killer(self.world, self.draw)
        self.outages = Outages(self.world, self.draw)
        self.rivals = Rivals(self.world, self.wishes, self.verdict, self.draw)
        self.report.left_out.update(self.outages.left_out)

    def begin(self) -> None:
        """Bring everything in sync once, without faults."""
        self.verdict.begin()
        self.wishes.begin()
        self.watch = self.world.workers.start("watch", "watch/0")
        self._judge("nothing yet")

    def go(self, *, kills: int, outages: int, until: float) -> None:
        """Rounds until both numbers are reached, or time is up."""
        while time.monotonic() < until:
            if self.report.kills >= kills and self.report.outages >= outages:
                return
            self.report.rounds += 1
            # A round of its own: what it does depends on the seed and its number, not on how the rounds before went.
            self.draw.seed(f"{self.report.seed}/{self.report.rounds}")
            with ExitStack() as others:
                self._let_others_in(others)
                is_kill = self.draw.random() * (kills + outages) < kills
                told = self._kill_round() if is_kill else self._outage_round()
            self._judge(told)

    def end(self) -> None:
        """Checks that are possible only at the end."""
        text = self.world.log.read_text(errors="replace")
        if "Traceback" in text:
            place = text.index("Traceback")
            self.report.foreign.append(text[max(0, place - 300) : place + 2500])
        for path, note in self.rivals.notes.items():
            if self.verdict.git("network", "show", f"main:{path}") != note:
                self.report.lost.append(f"{path}, which a person pushed")

    def _let_others_in(self, others: ExitStack) -> None:
        if self.draw.random() < 0.3:
            others.enter_context(self.rivals.pushing())
            self.report.faults["two writers"] += 1
        if self.draw.random() < 0.4:
            self.report.faults[self.rivals.act()] += 1

    def _kill_round(self) -> str:
        """Three to six operations, one after the other, each killed at its own moment."""
        told = []
        for _ in range(self.draw.randint(3, 6)):
            if self.draw.random() < 0.08:
                told.append(self._kill_watch())
                continue
            verb = self.draw.choice(VERBS)
            if verb == "pulls" and told.count("kill pulls") >= MOST_KILLED - 1:
                verb = "git"  # a check that is killed once more is given up, as it should be
            self._prepare(verb)
            kill = self.killer.arm(verb)(lambda verb=verb: self._start(verb))  # type: ignore[misc]
            kill.child.wait(LIMIT)
            self.killer.done()
            self._note(kill.child)
            (self.report.faults if kill.hit() else self.report.missed)[kill.kind] += 1
            told.append(kill.kind if kill.hit() else f"{kill.kind} (too late)")
        return ", ".join(told)

    def _kill_watch(self) -> str:
        self.watch.kill()
        self.watch.ended.wait()
        self.watch = self.world.workers.start("watch", f"watch/{self.report.rounds}")
        self.report.faults["kill watch"] += 1
        return "kill watch"

    def _prepare(self, verb: str) -> None:
        """Give the operation something to do."""
        if verb == "import":
            return
        if verb == "pulls":
            self.pulls.open()
            return
        self._ask("gamma" if verb == "changes" else self.draw.choice(IMPORTED))
        if verb == "changes" and self.draw.random() < 0.8:  # the webhook of the others was lost
            self.wishes.tell_of_push()
        if verb == "kubernetes" and self.draw.random() < 0.8:
            self._start("git").wait(LIMIT)

    def _ask(self, name: str) -> None:
        self._settle_imports(name)
        self.wishes.ask(name, self.wishes.change(name))
        self.report.changes += 1

    def _start(self, verb: str) -> Child:
        run_id = f"round-{self.report.rounds}/{verb}"
        if verb != "import":
            return self.world.workers.start(verb, run_id, clock_jump=self.draw.choice(_JUMPS))
        taken = {one.name for one in self._imports}
        name = self.draw.choice([one for one in IMPORTED if one not in taken] or IMPORTED)
        self._settle_imports(name)
        objects = self.wishes.change(name)
        child = self.wishes.start_import(name, objects)
        self._imports.append(_Import(name, objects, child))
        self.report.changes += 1
        return child

    def _outage_round(self) -> str:
        """Three faults while tasks run and people make changes; then they end."""
        return ", ".join(self._outage(3 * self.report.rounds + number) for number in range(3))

    def _outage(self, number: int) -> str:
        kind = self.outages.kinds[number % len(self.outages.kinds)]
        for name in self.draw.sample((*IMPORTED, "gamma"), 2):
            self._ask(name)
        self.report.faults[kind] += 1
        with self.outages.happening(kind):
            for _ in range(self.draw.randint(1, 2)):
                started = [self._start(verb) for verb in self._at_once()]
                for child in started:
                    if not child.wait(LIMIT_IN_TROUBLE):
                        self.report.faults["kill at the time limit"] += 1
                    self._note(child)
        return kind

    def _at_once(self) -> list[str]:
        """The operations that run in parallel during an outage."""
        found = self.draw.sample(("git", "kubernetes", "changes"), self.draw.randint(2, 3))
        if self.draw.random() < 0.3:
            self.pulls.open()
            found.append("pulls")
        return [*found, "import"] if self.draw.random() < 0.3 else found

    def _note(self, child: Child) -> None:
        if child.status == FOREIGN:
            self.report.foreign.append(f"round {self.report.rounds}: {child.verb} ended with an unexpected exception")

    def _settle_imports(self, only: str = "") -> None:
        """Find out the result of imports that may have been killed."""
        for one in [one for one in self._imports if not only or one.name == only]:
            one.child.wait(LIMIT)
            wrong = self.wishes.settle_import(one.name, one.objects, one.child)
            if wrong:
                self._breach(self.report.lost, wrong)
            self._imports.remove(one)

    def _judge(self, told: str) -> None:
        """Wait until everything has recovered, and compare."""
        self._settle_imports()
        found = converge(self.world, self.verdict, self.pulls, f"round-{self.report.rounds}/heal")
        self.report.seconds.append(found.seconds)
        if not found.reached:
            self._tell_stuck(found)
        for one in self.verdict.wrong_deletes(settled=found.reached):
            self._breach(self.report.wrong_deletes, one)
        for one in self.verdict.duplicate_commits():
            self._breach(self.report.duplicates, one)
        verdict = f"in sync after {found.seconds:.1f} s" if found.reached else "NOT IN SYNC"
        self.say(f"round {self.report.rounds}: {told}: {verdict}")

    def _tell_stuck(self, found: Convergence) -> None:
        self._breach(self.report.stuck, "; ".join(found.left[:6]))
        for line in found.left:
            if " is missing" in line or " and should be" in line:
                self._breach(self.report.lost, line)

    def _breach(self, found: list[str], text: str) -> None:
        found.append(f"round {self.report.rounds}: {text}")
        self.say(f"  BREACH {found[-1]}")
