"""How many manifests per second are validated, on one core: only their shape, everything, and unchanged ones.

The manifests are those of one realistic fabric (devstack/pods.py), a file each; seconds are those of the processor.
The peer is kubeconform with the same schemas and files in the same run: it parses and looks at the shape, which is the
figure it is compared with; the other rules have no peer offline.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from benchmarks import kubeconform
from benchmarks.report import Figure, emit, say
from devstack import pods
from hedgehog.admission.check import Finding, check_objects
from hedgehog.admission.result_cache import ResultCache
from hedgehog.fabric.model import Manifest, ObjectRef
from hedgehog.fabric.render import dump
from hedgehog.manifests import schema, yaml

SIZE = 10_000
SMALLEST, LARGEST = 600, 60_000
ROUNDS = 5
CHANGED = 10
"""Objects that are new when all others are as before."""
GOAL_COLD = 4_000
GOAL_CACHED = 40_000
GOAL_LINEAR = 1.5
"""How much more an object of the largest fabric may cost than one of the smallest: processor caches are small."""


def parsed(files: Mapping[str, bytes]) -> list[Manifest]:
    """The objects in the files."""
    return [document.manifest for name, content in files.items() for document in yaml.load(content, file=name)]


def check_shape(files: Mapping[str, bytes]) -> None:
    """What kubeconform does."""
    for manifest in parsed(files):
        if schema.schema_violations(manifest):
            raise AssertionError(f"not valid: {manifest['metadata']}")


def check_all(files: Mapping[str, bytes]) -> None:
    """What a cluster does with all of them."""
    must_be_fine(check_objects(parsed(files), pods.SETTINGS))


def must_be_fine(findings: Mapping[ObjectRef, Finding]) -> None:
    """Raises AssertionError if the fabric has a fault."""
    if findings:
        raise AssertionError(f"{len(findings)} findings in a fabric that is valid: {next(iter(findings.values()))}")


def seconds(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """The median, in seconds of processor time."""
    taken = []
    for _ in range(rounds):
        started = time.process_time()
        work()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def cold(files: Mapping[str, bytes], directory: Path) -> list[Figure]:
    """Everything is new: against the peer, and with all rules."""
    for name, content in files.items():
        (directory / name).write_bytes(content)
    size, (shape, peer) = len(files), beside_kubeconform(directory)
    return [
        Figure.of(
            f"validate {size} files, schema only", size / shape, "objects/s", "kubeconform", size / peer, times=1.0
        ),
        Figure.of(
            f"validate {size} files, all rules", size / seconds(lambda: check_all(files)), "objects/s", goal=GOAL_COLD
        ),
    ]


def beside_kubeconform(directory: Path) -> tuple[float, float]:
    """Our seconds and the peer's for all files of a directory, measured in turns: the machine may be busy."""
    binary = kubeconform.build()
    ours, peers = [], []
    for _ in range(ROUNDS):
        peers.append(kubeconform.processor_seconds(binary, directory))
        ours.append(seconds(lambda: check_shape({path.name: path.read_bytes() for path in directory.iterdir()}), 1))
    return statistics.median(ours), statistics.median(peers)


def cached(objects: Sequence[Manifest]) -> Figure:
    """All but a few blobs are known: their documents are cached, and so are the results for each."""
    cache = ResultCache(pods.SETTINGS)
    must_be_fine(check_objects(objects, pods.SETTINGS, before=objects, cache=cache))
    old, new = objects[:-CHANGED], objects[-CHANGED:]
    texts = {f"{number}.yaml": dump(manifest) for number, manifest in enumerate(new)}

    def again() -> None:
        must_be_fine(check_objects([*old, *parsed(texts)], pods.SETTINGS, before=old, cache=cache))

    rate = len(objects) / seconds(again)
    return Figure.of(f"validate {len(objects)} files, {CHANGED} of them new", rate, "objects/s", goal=GOAL_CACHED)


def growth(small: int, large: int) -> Figure:
    """The cost of an object in a large fabric, compared with that in a small one."""
    name = f"validate, an object of {large} against one of {small}"
    return Figure.of(name, cost_of_one(large, 1) / cost_of_one(small, 10 * ROUNDS), "times", goal=GOAL_LINEAR)


def cost_of_one(size: int, rounds: int) -> float:
    """Seconds that an object takes among that many."""
    objects = pods.objects(size)
    return seconds(lambda: must_be_fine(check_objects(objects, pods.SETTINGS)), rounds) / size


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=SIZE)
    size: int = parser.parse_args().objects
    say(f"preparing {size} manifests")
    objects = pods.objects(size)
    files = {f"{number:05}.yaml": dump(manifest) for number, manifest in enumerate(objects)}
    with tempfile.TemporaryDirectory(prefix="hedgehog-bench-") as directory:
        figures = cold(files, Path(directory))
    emit([*figures, cached(objects), growth(SMALLEST, LARGEST)])


if __name__ == "__main__":
    main()
