"""`make chaos`: draw rounds from a seed until enough was killed and cut, wait until each has converged, and compare.

A short run: `make chaos`; the long one: `make chaos SEED=7 KILLS=200 OUTAGES=100 MINUTES=120`; with a real Airflow, whose
parts are killed: `make chaos AIRFLOW=1 KILLS=10 OUTAGES=5`.
"""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from collections.abc import Sequence

from devstack.chaos import world
from devstack.chaos.report import Report
from devstack.chaos.rounds import Rounds
from devstack.chaos.with_airflow import AirflowRounds, airflow_of

_STARTED = time.monotonic()


def say(text: str) -> None:
    """One line of progress, with the time since the start."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {text}", flush=True)


def run(*, seed: int, kills: int, outages: int, minutes: float, quiet: bool = False) -> Report:
    """A whole chaos run; returns its report."""
    report = Report(seed)
    tell = (lambda text: None) if quiet else say
    with world.running(tell) as running:
        rounds = Rounds(running, random.Random(seed), report, tell)
        try:
            rounds.begin()
            rounds.go(kills=kills, outages=outages, until=time.monotonic() + minutes * 60)
        except Exception:
            tell(f"this run itself failed; so far:\n{report.text()}")
            raise
        rounds.end()
    return report


def run_airflow(*, seed: int, kills: int, outages: int, minutes: float) -> Report:
    """The same with a real Airflow, whose parts are killed and whose schedules do the work."""
    report = Report(seed)
    with world.running(say) as running, airflow_of(running, say) as home:
        rounds = AirflowRounds(running, home, random.Random(seed), report, say)
        rounds.begin()
        rounds.go(kills=kills, outages=outages, until=time.monotonic() + minutes * 60)
    return report


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print the table; 1 when a promise was not kept."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--outages", type=int, default=20)
    parser.add_argument("--minutes", type=float, default=15.0, help="the run ends after the round that passes this")
    parser.add_argument("--airflow", action="store_true", help="with a real Airflow, whose parts are killed")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    say(f"seed {options.seed}")
    start = run_airflow if options.airflow else run
    report = start(seed=options.seed, kills=options.kills, outages=options.outages, minutes=options.minutes)
    print(report.text())
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
