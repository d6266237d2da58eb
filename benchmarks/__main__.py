"""`make bench`: every benchmark in a process of its own, then one table and `benchmarks/results.json`."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from benchmarks.report import RESULTS, Figure, table

HERE = Path(__file__).resolve().parent
NAMES = (
    "parse",
    "plan",
    "validate",
    "hydrate",
    "git_commit",
    "git_scale",
    "kube_sync",
    "fleet",
    "listener",
    "idle",
    "command",
    "pages",
    "find",
    "history",
    "rollout",
)


def main() -> int:
    """Run the named benchmarks (all by default); 1 when one could not be run, but not for a missed goal."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)}; make bench BENCH=plan")
    names = parser.parse_args().names or NAMES
    unknown = sorted(set(names) - set(NAMES))
    if unknown:
        parser.error(f"there is no benchmark {', '.join(unknown)}; known are {', '.join(NAMES)}")
    results = HERE / "results.json"
    results.unlink(missing_ok=True)
    broken = []
    for name in names:
        print(f"== {name}", file=sys.stderr, flush=True)
        environment = {**os.environ, RESULTS: str(results)}
        if subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=environment, check=False).returncode:
            broken.append(name)
    figures = [Figure(**row) for row in json.loads(results.read_text())] if results.exists() else []
    print()
    print(table(figures))
    missed = [figure.name for figure in figures if figure.met is False]
    if missed:
        print(f"\ngoals missed: {'; '.join(missed)}")
    for name in broken:
        print(f"{name} could not be run", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    sys.exit(main())
