"""What a `hedgehog` command costs before it does anything, beside Airflow's own import.

Processor time of fresh processes, so that other work on the machine does not stretch it: the best of some rounds.
Commands that need no database are run as they are; `status` reads a database that is made for it.

    python -m benchmarks.command
"""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.report import Figure, emit
from devstack import postgres

ROOT = Path(__file__).resolve().parents[1]
ROUNDS = 5
GOAL = 1.5
"""Seconds of any command that asks no host, on an idle machine."""
COMMANDS = (("--help",), ("validate", str(ROOT / "examples" / "gen")), ("status",), ("drift", "list"), ("health",))


def seconds(command: Sequence[str], environment: Mapping[str, str]) -> float:
    """The processor time of *command*, the best of ROUNDS."""

    def once() -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    return min(once() for _ in range(ROUNDS))


def main() -> None:
    """Measure and print."""
    directory = Path(tempfile.mkdtemp(prefix="hedgehog-bench-"))
    directory.chmod(0o755)
    server = postgres.start(directory / "data")
    try:
        server.database("command")
        environment = {"AIRFLOW_CONN_HEDGEHOG_DB": server.uri("command", scheme="postgres")}
        command = [sys.executable, str(ROOT / "bin" / "hedgehog")]
        subprocess.run([*command, "migrate"], check=True, stdout=subprocess.DEVNULL, env={**os.environ, **environment})
        peer = seconds([sys.executable, "-c", "import airflow.sdk; airflow.sdk.Connection"], environment)
        figures = [
            Figure.of(
                f"hedgehog {' '.join(Path(word).name for word in words)}",
                seconds([*command, *words], environment),
                "s of processor",
                "python -c 'import airflow.sdk'",
                peer,
                goal=GOAL,
            )
            for words in COMMANDS
        ]
    finally:
        postgres.stop(directory / "data")
        shutil.rmtree(directory, ignore_errors=True)
    emit(figures)


if __name__ == "__main__":
    main()
