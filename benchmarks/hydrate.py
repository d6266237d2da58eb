"""What hydration costs: a wiring of ten thousand connections, and `hedgehog validate` of three thousand bare objects.

The peer only reads the same wiring, with the C parser of PyYAML.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import yaml

from benchmarks.report import Figure, emit, say
from devstack.unhydrated import make_fab, make_wiring, text, write
from hedgehog.fabric.hydration.hydrate import HydrationMode, hydrate
from hedgehog.fabric.hydration.ranges import Ranges, ranges_of
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings

GOAL = 2.0
"""Seconds, for each figure."""
LINES = 20
"""At most so many lines say that one switch of a folder is wrong."""
ROUNDS = 3
HEDGEHOG = Path(__file__).resolve().parents[1] / "bin" / "hedgehog"
LARGE = {"spines": 24, "leaves": 416, "gateways": 2}
FOLDER = {"spines": 4, "leaves": 30, "gateways": 2, "servers": 1420}


def large_ranges() -> Ranges:
    """Room for ten thousand links."""
    settings = FabricSettings(protocol_subnet="10.1.0.0/16", vtep_subnet="10.2.0.0/16", fabric_subnet="10.4.0.0/14")
    return ranges_of(settings)


def hydrations() -> list[Figure]:
    """A wiring without anything, one in which a tenth of the connections has nothing, and one with everything."""
    ranges, bare = large_ranges(), [*make_fab(gateways=2), *make_wiring(**LARGE)]
    connections = sum(one["kind"] == "Connection" for one in bare)
    say(f"hydrating {connections} connections")
    full = list(hydrate(bare, ranges, HydrationMode.MISSING).objects)
    by_name = {one["metadata"]["name"]: one for one in bare if "fabric" in one["spec"]}
    part = [by_name.get(one["metadata"]["name"], one) if number % 10 == 0 else one for number, one in enumerate(full)]
    stream = text(bare)
    peer = _seconds(lambda: list(yaml.load_all(stream, yaml.CSafeLoader)), rounds=1)
    return [
        Figure.of(
            f"hydrate {connections} connections, {what}",
            _seconds(lambda objects=objects: _hydrated(objects, ranges)),
            "s",
            "PyYAML (C) reads them",
            peer,
            goal=GOAL,
        )
        for what, objects in (("none hydrated", bare), ("a tenth missing", part), ("all hydrated", full))
    ]


def _hydrated(objects: list[Manifest], ranges: Ranges) -> None:
    result = hydrate(objects, ranges, HydrationMode.MISSING)
    if result.problems:
        raise RuntimeError(str(result.problems[0]))


def validations() -> list[Figure]:
    """`hedgehog validate` of a folder as hhfab has it: right, and with one wrong switch."""
    figures = []
    for what, profile in (("valid", None), ("one wrong switch", "celestica-ds2001")):
        wiring = make_wiring(**FOLDER)
        if profile is not None:
            next(one for one in wiring if one["metadata"]["name"] == "leaf-07")["spec"]["profile"] = profile
        with tempfile.TemporaryDirectory(prefix="hedgehog-hydrate-") as directory:
            write(Path(directory), make_fab(gateways=2), wiring)
            stream = (Path(directory) / "include" / "wiring.yaml").read_text()
            peer = _seconds(lambda stream=stream: list(yaml.load_all(stream, yaml.CSafeLoader)), rounds=1)
            said: list[str] = []
            took = _seconds(lambda directory=directory, said=said: said.append(_validate(directory)))
        figures.append(
            Figure.of(
                f"validate {len(wiring)} bare objects, {what}", took, "s", "PyYAML (C) reads them", peer, goal=GOAL
            )
        )
        lines = len(said[0].splitlines())
        figures.append(Figure.of(f"validate {len(wiring)} bare objects, {what}: output", lines, "lines", goal=LINES))
    return figures


def _validate(directory: str) -> str:
    command = [sys.executable, str(HEDGEHOG), "validate", directory]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout


def _seconds(work: Callable[[], object], *, rounds: int = ROUNDS) -> float:
    taken = []
    for _ in range(rounds):
        started = time.perf_counter()
        work()
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def main() -> None:
    """Run the benchmark."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    emit([*hydrations(), *validations()])


if __name__ == "__main__":
    main()
