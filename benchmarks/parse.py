"""How long a DAG file takes to parse, and which heavy libraries it loads.

Airflow's DAG processor forks a fresh process for every file and every look at it (each 30 seconds), and every task
parses its file again. This does the same: a figure is the median over fresh forks of a process that has loaded what
the DAG processor has (`airflow.sdk`) and nothing of ours.

    python benchmarks/parse.py            prints the figures
    python benchmarks/parse.py --check    and ends with 1 above a limit, or when a file loads a heavy library
"""

from __future__ import annotations

import argparse
import importlib
import importlib.util
import json
import os
import statistics
import sys
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
FILE_LIMIT = 0.100
TOTAL_LIMIT = 1.0
ROUNDS = 5
HEAVY = frozenset(
    {"aiohttp", "fastapi", "github", "kubernetes", "kubernetes_asyncio", "numpy", "pandas", "psycopg", "psycopg2"}
    | {"pydantic", "pygit2", "requests", "sqlalchemy", "urllib3", "yaml"}
)
"""Top-level packages that belong into tasks; what `airflow.sdk` brings itself does not count."""


@dataclass(frozen=True)
class Figure:
    """What parsing one file took (median, seconds) and which heavy libraries it loaded."""

    name: str
    seconds: float
    heavy: tuple[str, ...]

    @property
    def complaints(self) -> list[str]:
        """What breaks a limit, in words."""
        slow = [f"takes {self.seconds * 1000:.0f} ms, limit {FILE_LIMIT * 1000:.0f} ms"] * (self.seconds > FILE_LIMIT)
        loads = [f"loads {', '.join(self.heavy)}: import inside the task"] * bool(self.heavy)
        return [f"{self.name} {complaint}" for complaint in slow + loads]


def figures(files: list[Path], rounds: int = ROUNDS) -> Iterator[Figure]:
    """Parse every file *rounds* times. Raises RuntimeError with the traceback of a file that cannot be parsed.

    A file above the limit is measured once more and the better figure counts: a busy machine is no slow file.
    """
    for file in files:
        figure = _measure(file, rounds)
        if figure.seconds > FILE_LIMIT:
            figure = min(figure, _measure(file, rounds), key=lambda either: either.seconds)
        yield figure


def _measure(file: Path, rounds: int) -> Figure:
    answers = [_in_fork(file) for _ in range(rounds)]
    heavy = sorted({name for answer in answers for name in answer["heavy"]})
    return Figure(file.name, statistics.median(answer["seconds"] for answer in answers), tuple(heavy))


def _load_airflow(home: str) -> None:
    """Load what the DAG processor has, with nobody's configuration and without a database."""
    for name in [name for name in os.environ if name.startswith("AIRFLOW")]:
        del os.environ[name]
    settings = {"CORE__LOAD_EXAMPLES": "False", "DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home}/airflow.db"}
    os.environ.update({"AIRFLOW_HOME": home, **{f"AIRFLOW__{name}": value for name, value in settings.items()}})
    importlib.import_module("airflow.dag_processing.processor")
    sys.path[:] = [
        *(entry for entry in sys.path if Path(entry or ".").resolve() != ROOT / "plugins"),
        str(ROOT / "plugins"),
    ]


def _in_fork(file: Path) -> dict[str, Any]:
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reader)
        with os.fdopen(writer, "w") as pipe:
            pipe.write(json.dumps(_parse(file)))
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as pipe:
        answer: dict[str, Any] = json.loads(pipe.read())
    os.waitpid(child, 0)
    if "error" in answer:
        raise RuntimeError(f"{file.name} cannot be parsed:\n{answer['error']}")
    return answer


def _parse(file: Path) -> dict[str, Any]:
    before = _packages()
    started = time.monotonic()
    try:
        specification = importlib.util.spec_from_file_location(f"parsed_{file.stem}", file)
        assert specification and specification.loader
        specification.loader.exec_module(importlib.util.module_from_spec(specification))
    except BaseException:
        return {"error": traceback.format_exc()}
    seconds = time.monotonic() - started
    return {"seconds": seconds, "heavy": sorted((_packages() - before) & HEAVY)}


def _packages() -> set[str]:
    return {name.partition(".")[0] for name in sys.modules}


def main(arguments: list[str] | None = None) -> int:
    """Print the figures; with --check return 1 when a limit is broken."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="end with 1 when a limit is broken")
    parser.add_argument("files", nargs="*", type=Path, default=sorted((ROOT / "dags").glob("*.py")))
    options = parser.parse_args(arguments)
    found = []
    with tempfile.TemporaryDirectory(prefix="hedgehog-parse-") as home:
        _load_airflow(home)
        for figure in figures(options.files):
            print(f"{figure.seconds * 1000:7.1f} ms  {figure.name}", flush=True)
            found.append(figure)
    total = sum(figure.seconds for figure in found)
    print(f"{total * 1000:7.1f} ms  all {len(found)} files")
    complaints = [complaint for figure in found for complaint in figure.complaints]
    if total > TOTAL_LIMIT:
        complaints.append(f"all files together take {total:.2f} s, limit {TOTAL_LIMIT:.2f} s")
    for complaint in complaints:
        print(f"too heavy: {complaint}", file=sys.stderr)
    return 1 if options.check and complaints else 0


if __name__ == "__main__":
    sys.exit(main())
