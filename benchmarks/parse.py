"""How long each DAG file takes to parse.

Airflow's DAG processor forks a fresh process for every file and every look at it (each 30 seconds), and every task
parses its file again. This does the same: a figure is the least of some fresh forks of a process that has loaded what
the DAG processor has (`airflow.sdk` and more of Airflow's own) and nothing of ours. On a busy machine processor time is
stretched, too; so a limit is a ratio to a peer of the same run.

    python benchmarks/parse.py            prints the figures
    python benchmarks/parse.py --check    and ends with 1 for a file that is not far cheaper than the peer
"""

from __future__ import annotations

import argparse
import gc
import importlib
import importlib.util
import os
import sys
import tempfile
import time
import traceback
from pathlib import Path

from benchmarks.report import Figure, emit

ROOT = Path(__file__).resolve().parents[1]
FILE_GOAL = 0.100
LEAST_RATIO = 4
"""Times that a file must be cheaper than the peer; one import of a client library at its top breaks it."""
ROUNDS = 5


def measure(file: Path, rounds: int = ROUNDS) -> float:
    """The least of some parses, in seconds of processor time. Raises RuntimeError with the traceback of a file that
    cannot be parsed."""
    return min(_in_fork(file) for _ in range(rounds))


def _in_fork(file: Path) -> float:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            pipe.write(_parse(file))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    try:
        return float(answer)
    except ValueError:
        raise RuntimeError(f"{file.name} cannot be parsed:\n{answer}") from None


def _parse(file: Path) -> str:
    """The seconds, or the traceback."""
    started = time.process_time()
    try:
        specification = importlib.util.spec_from_file_location(f"parsed_{file.stem}", file)
        assert specification and specification.loader
        specification.loader.exec_module(importlib.util.module_from_spec(specification))
    except BaseException:
        return traceback.format_exc()
    return str(time.process_time() - started)


def _load_airflow(home: str) -> None:
    """Load what the DAG processor has, with nobody's configuration and without a database."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    settings = {"CORE__LOAD_EXAMPLES": "False", "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db"}
    os.environ.update({"AIRFLOW_HOME": home, **{f"AIRFLOW__{name}": value for name, value in settings.items()}})
    importlib.import_module("airflow.dag_processing.processor")
    importlib.import_module("airflow.timetables.base")  # the first DAG of a process without a cron expression loads it
    gc.collect()
    gc.freeze()  # as the DAG processor does: else a collection in a fork copies all of the memory
    sys.path.append(str(ROOT / "plugins"))


_PEER = """
from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
from airflow.providers.postgres.hooks.postgres import PostgresHook
from airflow.sdk import dag

@dag(schedule=None)
def peer():
    assert KubernetesHook and PostgresHook

peer()
"""
"""What a DAG file costs that imports its hooks at the top, as many do."""
_PEER_NAME = "a DAG file that imports its hooks at the top"


def _emit(figures: dict[str, float], peer: float) -> None:
    emit(
        [
            Figure.of(f"parse {file}", seconds * 1000, "ms", _PEER_NAME, peer * 1000, goal=FILE_GOAL * 1000)
            for file, seconds in figures.items()
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; with --check return 1 when a file is not LEAST_RATIO times cheaper than the peer."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="end with 1 for a file that costs too much")
    parser.add_argument("files", nargs="*", type=Path, default=sorted((ROOT / "dags").glob("*.py")))
    options = parser.parse_args(arguments)
    figures = {}
    with tempfile.TemporaryDirectory(prefix="hedgehog-parse-") as home:
        _load_airflow(home)
        for file in options.files:
            figures[file.name] = measure(file)
            print(f"{figures[file.name] * 1000:7.1f} ms  {file.name}", flush=True)
        peer_file = Path(home) / "peer.py"
        peer_file.write_text(_PEER)
        peer = measure(peer_file, rounds=2)
    print(f"{peer * 1000:7.1f} ms  {_PEER_NAME}")
    if not options.check:
        _emit(figures, peer)
    slow = {name: seconds for name, seconds in figures.items() if seconds * LEAST_RATIO > peer}
    for name, seconds in slow.items():
        told = f"{name} takes {seconds:.3f} s, one part in {peer / seconds:.0f} of the peer; it must be {LEAST_RATIO}"
        print(f"too slow: {told}", file=sys.stderr)
    return 1 if options.check and slow else 0


if __name__ == "__main__":
    sys.exit(main())
