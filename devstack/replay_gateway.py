"""`make replay-gateway`: compares recorded verdicts of the dataplane validator on whole sets of objects with ours.

Each set is written in the order in which people apply it, where what is refused is not stored; then everything is stored,
and each Gateway and GatewayPeering is written again. Verdict and rule must be equal for every write. Prints a table and
every difference. Ends with 1 when there is any.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hedgehog.admission.check import load
from hedgehog.admission.review import AdmissionResponse
from hedgehog.admission.rules.dataplane.release import RELEASES, Release
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import decode
from hedgehog.manifests.rule import Severity

ROOT = Path(__file__).resolve().parents[1]
SAMPLE = ROOT / "tests" / "admission" / "gateway_cases" / "cases.jsonl"
REFERENCE = ROOT.parent / "shared" / "reference" / "gateway" / "cases.jsonl.gz"
JUDGED = ("Gateway", "GatewayPeering")
RULES = {
    "gateway-log-level": "dp-gateway-log-level",
    "gateway-vtep-mac-length": "dp-gateway-vtep-mac",
    "gateway-vtep-mac-notation": "dp-gateway-vtep-mac",
    "gateway-interface-mtu": "dp-gateway-interface-mtu",
    "gateway-interface-pci-notation": "dp-gateway-pci",
    "gateway-vtep-ip-broadcast": "dp-gateway-vtep-ip",
    "gateway-interface-vtep": "dp-gateway-interface-vtep",
    "gateway-peering-group-gateway": "dp-group-of-other-gateway",
    "gateway-peering-expose-missing": "dp-expose-missing",
    "gateway-peering-port-spaces": "dp-port-range-format",
    "gateway-acl-direction-same": "dp-acl-direction",
    "gateway-acl-protocol-range": "dp-acl-protocol",
    "gateway-peering-default-twice": "dp-default-twice",
    "gateway-peering-only-excluded": "dp-ips-empty",
    "gateway-peering-as-only-excluded": "dp-as-empty",
    "gateway-peering-ip-version-mixed": "dp-ip-version-mixed",
    "gateway-peering-special-use": "dp-special-use",
    "gateway-peering-all-excluded": "dp-all-excluded",
    "gateway-peering-static-sizes": "dp-static-sizes",
    "gateway-peering-port-forward-exclusion": "dp-port-forward-exclusion",
    "gateway-peering-port-forward-prefix": "dp-port-forward-single-prefix",
    "gateway-peering-port-forward-sizes": "dp-port-forward-sizes",
    "gateway-peering-expose-overlap": "dp-expose-overlap",
    "gateway-peering-list-overlap": "dp-expose-overlap",
    "gateway-peering-ip-version-exposes": "dp-ip-version-exposes",
    "gateway-peering-duplicate": "dp-peering-duplicate",
    "gateway-peering-default-both": "dp-default-both-sides",
    "gateway-peering-ip-version-sides": "dp-ip-version-sides",
    "gateway-peering-default-destinations": "dp-default-destinations",
    "gateway-peering-overlap-groups": "dp-overlap-groups",
    "gateway-peering-overlap": "dp-route-overlap",
    "gateway-peering-nat-stateful": "dp-nat-combination",
    "peering-pair-duplicate": "dp-peering-duplicate",
    "gateway-acl-empty": "dp-acl-empty",
    "gateway-acl-name-duplicate": "dp-acl-name-duplicate",
    "gateway-acl-ports-protocol": "dp-acl-ports-protocol",
    "gateway-acl-ip-version": "dp-acl-ip-version",
    "gateway-acl-match-outside": "dp-acl-match-outside",
    "gateway-acl-scope-flow": "dp-acl-scope-flow",
}
"""What the recording calls each of our rules."""
Refusals = dict[str, str]
"""The rule that refused each object, `Kind/name`."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What was refused of a set, and how."""

    on_create: Refusals
    on_rewrite: Refusals

    @property
    def rule(self) -> str:
        """The rule of the set: the first that refused anything; empty where everything was accepted."""
        return next(iter((*self.on_create.values(), *self.on_rewrite.values())), "")


@dataclass
class GatewayTally:
    """The results so far."""

    rules: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """By the rule of the recording (`ok` for none), whether ours is equal."""
    differences: list[str] = field(default_factory=list)
    false_rejections: int = 0
    others: Counter[bool] = field(default_factory=Counter)
    """Whether the verdicts of the other releases are equal, where they were recorded as well."""


def gateway_cases(path: Path) -> Iterator[dict[str, Any]]:
    """The cases of a file, gzipped or not, one JSON object a line."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def release_of(version: str) -> Release:
    """The release in our own terms of a version like v0.24.0."""
    return Release(int(version.removeprefix("v").split(".")[1]))


def settings_for(release: Release) -> FabricSettings:
    """The settings of a fabric whose cluster loads *release*."""
    upstream = next(upstream for upstream, loaded in RELEASES.items() if loaded is release)
    return replace(FabricSettings(), upstream=upstream)


def ask(objects: Sequence[Mapping[str, Any]], release: Release) -> Answer:
    """What we refuse of a set."""
    settings = settings_for(release)
    manifests = sorted((_complete(one) for one in objects), key=_order)
    admission, on_create, on_rewrite = load([], settings), {}, {}
    for manifest in manifests:
        verdict = admission.create(manifest)
        if verdict.stored is None:
            on_create[_named(manifest)] = _refusal(verdict)
        else:
            admission.put(verdict.stored)
    for manifest in manifests:
        plain, _ = decode.decode(manifest, settings)
        if plain is not None:
            admission.put(stored(plain, settings))
    for manifest in manifests:
        verdict = admission.update(manifest)
        if verdict.stored is None:
            on_rewrite[_named(manifest)] = _refusal(verdict)
    return Answer(on_create, on_rewrite)


def _complete(manifest: Mapping[str, Any]) -> Manifest:
    metadata = {"namespace": "default", **manifest["metadata"]}
    return {**manifest, "metadata": metadata}


def _order(manifest: Manifest) -> tuple[int, int]:
    """VPCs and Externals before the gateways that route between them; the order of one kind stays."""
    wave = KINDS[manifest["kind"]].wave
    return (JUDGED.index(manifest["kind"]) + 1 if manifest["kind"] in JUDGED else 0), wave


def _named(manifest: Manifest) -> str:
    return f"{manifest['kind']}/{manifest['metadata']['name']}"


def _refusal(verdict: AdmissionResponse) -> str:
    first = next(one for one in verdict.violations if one.rule.severity is Severity.ERROR)
    return RULES.get(first.rule.id, first.rule.id)


def replay_gateway(path: Path) -> GatewayTally:
    """Our answers to all cases of a file, compared with the recorded ones."""
    tally = GatewayTally()
    for case in gateway_cases(path):
        ours = ask(case["objects"], release_of(case["upstream"]))
        theirs = Answer(case["on_create"], case["on_rewrite"])
        is_equal = ours == theirs and ours.rule == case["rule"]
        tally.rules[case["rule"] or "ok", is_equal] += 1
        tally.false_rejections += bool(ours.rule) and case["verdict"] == "ok"
        if not is_equal:
            tally.differences.append(_difference(case, ours))
        for version, verdict in case.get("other_versions", {}).items():
            other = ask(case["objects"], release_of(version)).rule
            tally.others[bool(other) == (verdict == "refused")] += 1
            if bool(other) != (verdict == "refused"):
                tally.differences.append(f"-- {case['id']} {version}: theirs {verdict}, ours {other or 'ok'}")
    return tally


def _difference(case: Mapping[str, Any], ours: Answer) -> str:
    return (
        f"-- {case['id']} {case['upstream']}\n"
        f"   theirs: {case['rule'] or 'ok'} create {case['on_create']} rewrite {case['on_rewrite']}\n"
        f"   ours:   {ours.rule or 'ok'} create {ours.on_create} rewrite {ours.on_rewrite}"
    )


def report_gateway(tally: GatewayTally) -> str:
    """The differences, then the table and the sums as text."""
    lines = [*tally.differences, "{:32}{:>8}{:>12}".format("rule", "equal", "different")]
    for name in sorted({name for name, _ in tally.rules}):
        lines.append(f"{name:32}{tally.rules[name, True]:>8}{tally.rules[name, False]:>12}")
    equal = sum(count for (_, is_equal), count in tally.rules.items() if is_equal)
    lines.append(
        f"{equal} of {tally.rules.total()} sets equal in every verdict and rule, {tally.false_rejections} false "
        f"rejections; {tally.others[True]} of {tally.others.total()} verdicts of other releases equal"
    )
    return "\n".join(lines)


def main() -> int:
    """Replay a file; 1 when anything differs."""
    parser = argparse.ArgumentParser(prog="make replay-gateway", description=__doc__)
    default = REFERENCE if REFERENCE.exists() else SAMPLE
    parser.add_argument("cases", type=Path, nargs="?", default=default, help="file of cases; CASES=FILE")
    options = parser.parse_args()
    tally = replay_gateway(options.cases)
    print(f"== {options.cases.name}\n{report_gateway(tally)}")
    return 1 if tally.differences else 0


if __name__ == "__main__":
    sys.exit(main())
