"""`make soak`: an undisturbed installation with two fabrics in sync, while hours are simulated in minutes.

    make soak                # every schedule at least ten times
    make soak RUNS=3         # the short form, which `make test` runs

Every schedule of the product runs each minute, retentions are hours, and the times in the fabric database and of the
logs are moved after each run of all cleanups. Every page, endpoint and command is requested each minute.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from devstack import stack as stacks
from devstack.moved_clock import move_clock
from devstack.objects import small_fabric
from devstack.soak.clocks import CLEANING, HOURS_AT_ONCE, OUTLIVED_HOURS, SCHEDULED, age_logs, settings
from devstack.soak.pages import Pages
from devstack.soak.watching import Watching
from devstack.stack import Stack

LIMIT = 3600.0
_LOOK_EVERY = 45.0
"""Seconds from one round of checks to the next."""


@dataclass
class Soaked:
    """The results."""

    watching: Watching
    pages: Pages
    minutes: float = 0.0
    hours: float = 0.0
    """Simulated hours in the fabric database."""
    longest_pause: float = 0.0
    """Seconds between two rounds of checks."""
    findings: list[str] = field(default_factory=list)

    def text(self) -> str:
        """The table."""
        ended = self.watching.ended()
        lines = [f"{'DAG':36}{'runs':>6}"]
        lines += [f"{dag:36}{ended[dag]:>6}" for dag in SCHEDULED]
        lines += ["", f"{'table':36}{'first':>8}{'last':>8}"]
        lines += [f"{name:36}{counts[0]:>8}{counts[-1]:>8}" for name, counts in sorted(self.watching.rows.items())]
        lines += [f"{name + ' (bytes)':36}{sizes[0]:>8}{sizes[-1]:>8}" for name, sizes in self.watching.sizes.items()]
        lines.append("")
        lines.append(
            f"{len(self.pages.asked)} pages, endpoints and commands were requested {self.pages.asked.total()} times"
        )
        lines.append(f"at most {self.longest_pause:.0f} s lay between two rounds of checks")
        lines.append(
            f"{self.hours:.0f} hours were simulated in {self.minutes:.1f} minutes; {len(self.findings)} findings"
        )
        return "\n".join([*lines, *(f"  {one}" for one in self.findings)])


def soak(stack: Stack, *, runs: int, say: Callable[[str], None], limit: float = LIMIT) -> Soaked:
    """Check *stack* repeatedly until every schedule has had *runs* successful runs; change nothing."""
    started = time.monotonic()
    found = Soaked(Watching(stack), Pages(stack))
    for number, name in enumerate(("soak-one", "soak-two")):
        stack.add_fabric(name, small_fabric(name[:7].replace("-", "") + str(number), 100 + number))
    stack.wait_in_sync("soak-one", "soak-two")
    say("two fabrics are in sync")
    cleaned, begun = 0, time.monotonic()
    while (
        (missing := found.watching.waiting_for(runs)) or found.hours < OUTLIVED_HOURS
    ) and time.monotonic() - started < limit:
        found.pages.ask()
        found.watching.look()
        say(
            f"waiting for {len(missing)} of {len(SCHEDULED)} schedules; {len(found.watching.red)} red, {len(found.pages.wrong)} wrong"
        )
        if (rounds := min(found.watching.ended()[dag] for dag in CLEANING)) > cleaned:
            cleaned = rounds
            move_clock(stack.database, HOURS_AT_ONCE * 3600)
            age_logs(stack.airflow.home / "logs", HOURS_AT_ONCE)
            found.hours += HOURS_AT_ONCE
        time.sleep(max(0.0, begun + _LOOK_EVERY - time.monotonic()))
        found.longest_pause = max(found.longest_pause, time.monotonic() - begun)
        begun = time.monotonic()
    found.watching.look()
    found.minutes = (time.monotonic() - started) / 60
    found.findings += [f"{name} was {state}" for name, state in sorted(found.watching.red.items())]
    found.findings += [f"{dag} ran less than {runs} times" for dag in found.watching.waiting_for(runs)]
    found.findings += [
        *found.pages.wrong,
        *found.watching.too_old(),
        *found.watching.grown(),
        *found.watching.logged.values(),
    ]
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Soak and print; 1 when anything was found."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that everything is stopped
    began = time.monotonic()

    def say(text: str) -> None:
        print(f"[{time.monotonic() - began:6.1f} s] {text}", flush=True)

    with stacks.running(progress=say, settings=settings()) as stack:
        connect_the_api(stack)
        found = soak(stack, runs=options.runs, say=say)
    print(found.text())
    return 1 if found.findings else 0


def connect_the_api(stack: Stack) -> None:
    """The connection with which old runs of Airflow are deleted."""
    values = {"connection_id": "hedgehog_airflow_api", "conn_type": "http", "host": stack.airflow.url}
    stack.airflow.call("POST", "/connections", {**values, "login": "admin", "password": stack.airflow.password})


if __name__ == "__main__":
    sys.exit(main())
