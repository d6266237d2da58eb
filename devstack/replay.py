"""`make replay`: recorded answers of a real API server with Hedgehog's webhooks, tried on our own engine.

Prints a confusion table by kind and operation and every difference; 1 when something was refused that was accepted.
"""

from __future__ import annotations

import argparse
import copy
import gzip
import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hedgehog.fabric.kinds import FABRICATOR
from hedgehog.fabric.settings import FabricSettings, Upstream, from_webhook_config
from hedgehog.schemas import yaml
from hedgehog.schemas.admission import Admission, Verdict

VERSIONS = {
    "SwitchProfile": "wiring.githedgehog.com/v1beta1",
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="make replay", description=__doc__)
    parser.add_argument("cases", type=Path)
    parser.add_argument("--kind", action="append")
    parser.add_argument("--op", action="append")
    parser.add_argument("--fabric", action="append")
    parser.add_argument("--upstream", choices=[one.value for one in Upstream], default="v0.126")
    parser.add_argument("--show", type=int, default=40, help="differences to print in full")
    parser.add_argument("--canonical", action="store_true", help="only show differences of the stored form")
    arguments = parser.parse_args()
    directory = arguments.cases.parent
    fabrics: dict[tuple[str, str], Admission] = {}
    confusion: Counter[tuple[str, str, str, str]] = Counter()
    stored_wrong: Counter[str] = Counter()
    shown = 0
    for case in _read(arguments.cases):
        if arguments.kind and case["kind"] not in arguments.kind or arguments.op and case["op"] not in arguments.op:
            continue
        if arguments.fabric and case["fabric"] not in arguments.fabric:
            continue
        upstream = Upstream.V0_129 if case["fabric"] == "v0129" else Upstream(arguments.upstream)
        case = _seen_by(case, upstream)
        if case is None:
            continue
        key = (case["fabric"], upstream)
        if key not in fabrics:
            fabrics[key] = _load(directory, case["fabric"], upstream)
        admission = fabrics[key]
        verdict = _answer(admission, case)
        ours = "accepted" if verdict.accepted else "rejected"
        confusion[case["kind"], case["op"], case["verdict"], ours] += 1
        if ours != case["verdict"]:
            if shown < arguments.show and not arguments.canonical:
                shown += 1
                print(f"-- {case['id']} {case['fabric']} {case['op']} {case['kind']}/{case['name']} {case['tag'] if 'tag' in case else ''}")
                print(f"   theirs {case['verdict']}: {case.get('message', '')[:600]}")
                print(f"   ours   {ours}: {'; '.join(f'{v.rule.id} {v}' for v in verdict.violations)}")
        elif verdict.accepted and case["op"] != "delete":
            want = _canonical(_stored(case))
            have = _canonical(verdict.stored)
            if want != have:
                stored_wrong[case["kind"]] += 1
                if shown < arguments.show:
                    shown += 1
                    print(f"-- {case['id']} {case['fabric']} {case['op']} {case['kind']}/{case['name']} {case.get('tag')}: stored differs")
                    print(f"   theirs {json.dumps(want, sort_keys=True)[:1500]}")
                    print(f"   ours   {json.dumps(have, sort_keys=True)[:1500]}")
    print(f"{'kind':20} {'op':8} {'true+':>6} {'true-':>6} {'false+':>6} {'false-':>6}   (false-: refused, though the cluster accepts)")
    for kind, op in sorted({(kind, op) for kind, op, _, _ in confusion}):
        cells = [confusion[kind, op, a, b] for a, b in (("accepted", "accepted"), ("rejected", "rejected"), ("rejected", "accepted"), ("accepted", "rejected"))]
        print(f"{kind:20} {op:8} " + " ".join(f"{cell:>6}" for cell in cells))
    total = sum(confusion.values())
    equal = sum(n for (_, _, a, b), n in confusion.items() if a == b)
    false = sum(n for (_, _, a, b), n in confusion.items() if (a, b) == ("accepted", "rejected"))
    print(f"{equal} of {total} verdicts equal ({equal / max(total, 1):.4%}), {false} false rejections, stored differs: {dict(stored_wrong)}")
    return 1 if false else 0


def _seen_by(case: dict[str, Any], upstream: Upstream) -> dict[str, Any] | None:
    """The case as *upstream* answered it; None when it was not asked."""
    if upstream is Upstream.V0_126 or case.get("upstream"):
        return case
    if str(case.get("tag", "")).startswith("combo:"):
        return None
    other = case.get("v0129")
    if other is None:
        return case
    merged = {**case, **other}
    for ours, theirs in (("stored", "stored_patch"), ("stored_patch", "stored")):
        if ours in other and theirs not in other:
            merged.pop(theirs, None)
    return merged


def _read(path: Path) -> Iterator[dict[str, Any]]:
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def _load(directory: Path, fabric: str, upstream: Upstream) -> Admission:
    config = json.loads((directory / "fabric-config.json").read_text())
    about = config["fabrics"][fabric]
    settings = from_webhook_config(config["configs"][about["config"]], upstream=upstream)
    suffix = {"air": "air", "v0129": "v0129"}.get(fabric, "v0129" if upstream is Upstream.V0_129 else "default")
    profiles = json.loads((directory / "fabrics" / f"_switchprofiles-{suffix}.json").read_text())
    left_out = set(about["switch_profiles_not_loaded"])
    objects = [
        {"apiVersion": VERSIONS["SwitchProfile"], "kind": "SwitchProfile", **profile}
        for profile in profiles
        if profile["metadata"]["name"] not in left_out
    ]
    for document in yaml.load((directory / "fabrics" / f"{fabric}.yaml").read_bytes(), file=fabric):
        manifest = document.manifest
        if manifest["kind"] == "VPCInfo" and about["vpcinfo_status_internalID_set"]:
            manifest = {**manifest, "status": {"internalID": f"{len(objects):05d}"}}
        objects.append(manifest)
    return Admission(settings, objects)


def _answer(admission: Admission, case: dict[str, Any]) -> Verdict:
    removed = []
    for ref in (case.get("context") or {}).get("removed", ()):
        kind, name = ref.split("/", 1)
        manifest = admission.world.get(kind, name)
        if manifest is not None:
            removed.append(manifest)
            admission.remove(kind, name)
    try:
        if case["op"] == "delete":
            return admission.delete(case["kind"], case["name"])
        if case["op"] == "create":
            return admission.create(case["object"])
        if "patch" in case:
            return admission.patch(case["kind"], case["name"], case["patch"])
        return admission.update(case["object"], name=case["name"])
    finally:
        for manifest in removed:
            admission.put(manifest)


def _stored(case: dict[str, Any]) -> dict[str, Any]:
    if "stored" in case:
        return case["stored"]
    return _merge(copy.deepcopy(case["object"]), case["stored_patch"])


def _merge(target: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge(result.get(key), value)
    return result


def _canonical(manifest: Any) -> Any:
    metadata = {key: value for key, value in manifest["metadata"].items() if key in ("name", "namespace", "labels", "annotations")}
    return {**{key: value for key, value in manifest.items() if key != "status"}, "metadata": metadata}


if __name__ == "__main__":
    sys.exit(main())
