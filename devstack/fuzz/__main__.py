"""`make fuzz`: runs every reader of outside input in turn until the time is up, and prints the findings.

    make fuzz                     # one minute
    make fuzz MINUTES=10 SEED=3

Each target runs in its own process, so that its memory can be measured. A finding is reduced, and printed with the
input that causes it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings

from devstack.airflow import ROOT
from devstack.fuzz.targets import Target, lab

MEMORY = 512
"""Megabytes that no target may exceed, including the interpreter and everything that it imports."""
SLOWEST = 10.0
"""Seconds of processor time that no input may take; other work on the machine does not count."""
TARGETS = 8
_EXAMPLES = 100
_ADDRESS_SPACE = 3 * 1024**3
_TOO_LONG = 120
"""Seconds after which an input is given up, so that the others have their turn."""


@dataclass
class Told:
    """The results of one target."""

    name: str
    inputs: int = 0
    memory: int = 0
    slowest: float = 0.0
    findings: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz and print; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--minutes", type=float, default=1.0)
    parser.add_argument("--target", type=int, help="one target only, in this process")
    options = parser.parse_args(arguments)
    if options.target is not None:
        print(json.dumps(asdict(fuzz(options.target, options.seed, options.minutes * 60))))
        return 0
    print(f"seed {options.seed}, {options.minutes:g} minutes", flush=True)
    told = fuzz_all(options.seed, options.minutes)
    print(table(told))
    print(f"again with: make fuzz SEED={options.seed} MINUTES={options.minutes:g}")
    return 1 if any(one.findings for one in told) else 0


def fuzz_all(seed_of_all: int, minutes: float) -> list[Told]:
    """Run every target in its own process, one after the other, each with its share of the time."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT / 'plugins'}:{ROOT}"}
    told = []
    for number in range(TARGETS):
        share = str(minutes / TARGETS)
        command = [sys.executable, "-m", "devstack.fuzz", "--target", str(number), "--seed", str(seed_of_all)]
        done = subprocess.run(
            [*command, "--minutes", share], stdout=subprocess.PIPE, text=True, check=False, cwd=ROOT, env=environment
        )
        line = (done.stdout.splitlines() or [""])[-1]
        if done.returncode or not line.startswith("{"):
            told.append(Told(str(number), findings=[f"the process of target {number} ended with {done.returncode}"]))
        else:
            told.append(Told(**json.loads(line)))
    return told


def table(told: Sequence[Told]) -> str:
    """For people."""
    lines = [f"{'target':22}{'inputs':>8}{'memory':>10}{'slowest':>10}{'findings':>10}"]
    for one in told:
        lines.append(f"{one.name:22}{one.inputs:>8}{one.memory:>7} MB{one.slowest:>8.1f} s{len(one.findings):>10}")
    for one in told:
        lines += [f"\n{one.name}: {text}" for text in one.findings]
    return "\n".join(lines)


def fuzz(number: int, seed_of_all: int, seconds: float) -> Told:
    """Run one target for that time, in this process."""
    signal.signal(signal.SIGALRM, _give_up)
    logging.disable(logging.CRITICAL)
    resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_SPACE, _ADDRESS_SPACE))
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-fuzz-"))
    directory.chmod(0o755)
    try:
        with lab(directory) as running:
            return _Fuzzing(running.targets()[number], seed_of_all).run(seconds)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class _Fuzzing:
    """Run one target under hypothesis, a hundred inputs at a time; known findings are ignored from then on."""

    def __init__(self, target: Target, seed_of_all: int) -> None:
        self.target, self.seed = target, seed_of_all
        self.told = Told(target.name)
        self.known: set[str] = set()
        self.last: Any = None
        """The input of the last finding: the smallest, once hypothesis has reduced it."""

    def run(self, seconds: float) -> Told:
        until, turn = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            turn += 1
            self._turn(turn, until)
        self.told.memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
        if self.told.memory > MEMORY:
            self.told.findings.append(f"{self.told.memory} MB of memory; no more than {MEMORY} is promised")
        return self.told

    def _turn(self, turn: int, until: float) -> None:
        def body(drawn: Any) -> None:
            if time.monotonic() < until or not self.told.inputs:  # a busy machine may need all the time for the first
                self._try(drawn)

        checked = settings(
            max_examples=_EXAMPLES,
            deadline=None,
            database=None,
            print_blob=False,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
        )(given(self.target.drawn)(body))
        try:
            seed(self.seed * 10_000 + turn)(checked)()
        except BaseException as error:
            if isinstance(error, KeyboardInterrupt):
                raise
            self._note(error)

    def _try(self, drawn: Any) -> None:
        started = _work()
        signal.alarm(_TOO_LONG)
        try:
            self.target.read(drawn)
        except (Exception, TooSlow) as error:
            if _place(error) not in self.known:
                self.last = drawn
                raise
        finally:
            signal.alarm(0)
            self.told.inputs += 1
            self._measure(_work() - started, drawn)

    def _measure(self, took: float, drawn: Any) -> None:
        self.told.slowest = max(self.told.slowest, took)
        if took > SLOWEST and "slow" not in self.known:
            self.known.add("slow")
            self.told.findings.append(f"took {took:.1f} s: {_short(drawn)}")

    def _note(self, error: BaseException) -> None:
        errors = error.exceptions if isinstance(error, BaseExceptionGroup) else (error,)
        for one in errors:
            self.known.add(_place(one))
            self.told.findings.append(
                f"{type(one).__name__}: {str(one)[:300]}\n  at {_place(one)}\n  {_short(self.last)}"
            )


def _work() -> float:
    """Seconds of processor time of this process and of its ended children, mainly git."""
    return sum(os.times()[:4])


class TooSlow(BaseException):
    """An input was given up. The product does not catch it."""


def _give_up(*_: object) -> None:
    raise TooSlow(f"not done after {_TOO_LONG} s")


def _place(error: BaseException) -> str:
    """Where in the product it was raised: errors from one place are one finding."""
    frames = traceback.extract_tb(error.__traceback__)
    ours = [frame for frame in frames if f"{os.sep}plugins{os.sep}hedgehog{os.sep}" in frame.filename] or frames[-1:]
    last = ours[-1]
    return f"{type(error).__name__} {last.filename.removeprefix(f'{ROOT}{os.sep}')}:{last.lineno}"


def _short(value: Any) -> str:
    text = value if isinstance(value, str) else repr(value)
    return text if len(text) <= 1500 else f"{text[:1500]}… ({len(text)} characters)"


if __name__ == "__main__":
    sys.exit(main())
