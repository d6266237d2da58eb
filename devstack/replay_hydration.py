"""`make replay-hydration`: compares recorded runs of upstream's `hhfab validate` with ours.

Compared are the hydration status before and after, whether and in which stage a wiring is refused, and every object as it
is hydrated. Prints a table and the differences, and ends with 1 if there is one that is not a known fault of upstream.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hedgehog.admission.hhfab.command import HHFabResult, HHFabStage, validate
from hedgehog.fabric.model import Manifest

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "admission" / "hhfab" / "cases.jsonl"
REFERENCE = ROOT.parent / "shared" / "reference" / "hydration" / "cases.jsonl.gz"

Record = Mapping[str, Any]
Objects = dict[tuple[str, str, str], Any]
_SET_BY_SERVER = ("resourceVersion", "generation", "uid", "creationTimestamp")
_LONGEST = 600


@dataclass(frozen=True, slots=True)
class Answer:
    """What is compared of one run."""

    before: str | None
    after: str | None
    stage: str | None
    objects: Objects


@dataclass(slots=True)
class Tally:
    """The results so far."""

    equal: Counter[str] = field(default_factory=Counter)
    """By source of the records."""
    known: Counter[str] = field(default_factory=Counter)
    """By source: only equal without known faults of upstream."""
    faults: Counter[str] = field(default_factory=Counter)
    """How often each of them shows."""
    different: list[tuple[Record, Answer, Answer, HHFabResult]] = field(default_factory=list)
    """Record, theirs, ours, and our reasons."""


def replay(path: Path) -> Tally:
    """Run all records of a file."""
    tally = Tally()
    for record in _records(path):
        result = validate(record["fab"], record["wiring"], record["mode"])
        theirs, ours = recorded(record), _ours(result)
        if theirs == ours:
            tally.equal[record["source"]] += 1
            continue
        corrected, faults = _corrected(record, theirs)
        if corrected == ours:
            tally.known[record["source"]] += 1
            tally.faults.update(faults)
        else:
            tally.different.append((record, theirs, ours, result))
    return tally


def recorded(record: Record) -> Answer:
    """What upstream did."""
    hydrated = _by_ref(record.get("hydrated") or ())
    return Answer(record["status_before"], record["status_after"], record["stage"], hydrated)


def _corrected(record: Record, theirs: Answer) -> tuple[Answer, list[str]]:
    """What upstream would do without its known faults, and those that show here."""
    faults = []
    for name, correct in FAULTS.items():
        corrected = correct(record, theirs)
        if corrected != theirs:
            faults.append(name)
        theirs = corrected
    return theirs, faults


def report(tally: Tally, *, show: int) -> str:
    """The results as text: at most *show* differences in full, then the table."""
    lines = [_difference(*one) for one in tally.different[:show]]
    lines.append(f"{'source':42}{'equal':>8}{'known fault':>14}{'different':>12}")
    different = Counter(record["source"] for record, *_ in tally.different)
    for source in sorted({*tally.equal, *tally.known, *different}):
        lines.append(f"{source:42}{tally.equal[source]:>8}{tally.known[source]:>14}{different[source]:>12}")
    total = tally.equal.total() + tally.known.total() + different.total()
    lines += [f"known fault of upstream: {name}: {count}" for name, count in sorted(tally.faults.items())]
    lines.append(
        f"{tally.equal.total()} of {total} equal, {tally.known.total()} known faults, {different.total()} different"
    )
    return "\n".join(lines)


def _without_node_error(record: Record, theirs: Answer) -> Answer:
    """`override` renumbers all nodes, but upstream compares each with the addresses that the others had in the file."""
    is_it = record.get("step") == "fab-node" and "already in use" in str(record.get("error"))
    return replace(theirs, stage=None) if is_it and record["mode"] == "override" else theirs


def _without_old_neighbors(record: Record, theirs: Answer) -> Answer:
    """Upstream adds a neighbor for each link of a gateway and keeps what the interface had, so every run doubles them."""
    if record["mode"] != "override" and theirs.before != "none":
        return theirs  # nothing was assigned
    linked = set(_linked_ports(record))
    cleaned = dict(theirs.objects)
    for ref, gateway in _by_ref(record["wiring"]).items():
        old = _neighbors(gateway) if ref[0] == "Gateway" else []
        if old and ref in cleaned:
            after = _neighbors(cleaned[ref])
            kept = [one for one in after[: len(old)] if (ref[2], one.get("source")) not in linked] + after[len(old) :]
            cleaned[ref] = {**cleaned[ref], "spec": {**cleaned[ref]["spec"], "neighbors": kept}}
    return replace(theirs, objects=cleaned)


FAULTS: Mapping[str, Callable[[Record, Answer], Answer]] = {
    "override compares nodes with the addresses they had": _without_node_error,
    "old neighbors of gateways stay, and are doubled": _without_old_neighbors,
}
"""Faults of upstream that ours does not have, each with what upstream would answer without it; see docs/hydration.md."""


def _linked_ports(record: Record) -> Iterator[tuple[str, str]]:
    """Gateway and port of each link that is hydrated."""
    for connection in record["wiring"]:
        spec = connection.get("spec") if connection.get("kind") == "Connection" else None
        gateway = (spec or {}).get("gateway") or {}
        for link in gateway.get("links") or ():
            device, _, port = str((link.get("gateway") or {}).get("port")).partition("/")
            yield device, port


def _neighbors(gateway: Manifest) -> list[Any]:
    return list((gateway.get("spec") or {}).get("neighbors") or ())


def _records(path: Path) -> Iterator[Record]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        yield from (json.loads(line) for line in lines)


def _ours(result: HHFabResult) -> Answer:
    before: str | None = result.before.value if result.before is not None else None
    if before is None and result.stage is HHFabStage.HYDRATE:
        before = "error"
    after = "full" if result.stage in (None, HHFabStage.VALIDATE) else None
    return Answer(before, after, result.stage.value if result.stage else None, _by_ref(result.hydrated))


def _by_ref(objects: Any) -> Objects:
    return {
        (one["kind"], one["metadata"]["namespace"], one["metadata"]["name"]): _without_zeros(one)
        for one in map(_named, (one for one in objects if isinstance(one.get("metadata"), dict)))
    }


def _named(manifest: Manifest) -> Manifest:
    """As it is loaded: in a namespace, without what a server sets."""
    metadata = {name: value for name, value in manifest["metadata"].items() if name not in _SET_BY_SERVER}
    metadata = {"namespace": "default", "name": "", **metadata}
    return {**{name: value for name, value in manifest.items() if name != "status"}, "metadata": metadata}


def _without_zeros(value: Any) -> Any:
    """Go drops them in some places and writes them in others."""
    if isinstance(value, dict):
        kept = {name: _without_zeros(one) for name, one in value.items()}
        return {name: one for name, one in kept.items() if one not in (None, 0, "", [], {})}
    return [_without_zeros(one) for one in value] if isinstance(value, list) else value


def _difference(record: Record, theirs: Answer, ours: Answer, result: HHFabResult) -> str:
    lines = [
        f"-- {record['id']} ({record['source']}, {record['mode']})",
        f"   theirs: {_shown(theirs)} {record.get('error') or ''}"[:_LONGEST],
        f"   ours:   {_shown(ours)} {'; '.join(result.reasons)}"[:_LONGEST],
    ]
    for ref in sorted(
        ref for ref in {*theirs.objects, *ours.objects} if theirs.objects.get(ref) != ours.objects.get(ref)
    )[:1]:
        lines += [
            f"   {'/'.join(ref)}: {json.dumps(one.objects.get(ref), sort_keys=True)}"[:_LONGEST]
            for one in (theirs, ours)
        ]
    return "\n".join(lines)


def _shown(answer: Answer) -> str:
    return f"{answer.stage or 'accepted'}, status {answer.before} -> {answer.after}"


def main() -> int:
    """Replay a file; 1 when something differs."""
    parser = argparse.ArgumentParser(prog="make replay-hydration", description=__doc__)
    default = REFERENCE if REFERENCE.exists() else SAMPLE
    parser.add_argument("cases", type=Path, nargs="?", default=default, help="file of records; CASES=FILE")
    parser.add_argument("--show", type=int, default=20, help="differences to print in full (default: 20)")
    options = parser.parse_args()
    tally = replay(options.cases)
    print(f"{options.cases.name}\n{report(tally, show=options.show)}")
    return 1 if tally.different else 0


if __name__ == "__main__":
    sys.exit(main())
