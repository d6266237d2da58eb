"""Recorded answers of a real API server with Hedgehog's webhooks: the cases, and the fabrics for which they were recorded.

A file of cases (one JSON object a line, maybe gzipped) has beside it `fabric-config.json` and `fabrics/NAME.yaml`, the
objects that were there. SwitchProfiles lie in `fabrics/_switchprofiles-*.json`; where they do not, ours are taken.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.webhook_config import from_webhook_config
from hedgehog.admission.review import Admission, AdmissionResponse, Operation
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.profiles import default_profiles
from hedgehog.fabric.settings import FabricSettings, Upstream
from hedgehog.manifests import decode, yaml

_PROFILES = "_switchprofiles-"
_NEWER = "v0129"
_STORED = frozenset({"stored", "stored_patch"})
_COMPARED = frozenset({"name", "namespace", "labels", "annotations", "finalizers", "generateName"})


@dataclass(frozen=True, slots=True)
class Case:
    """One request and its answer."""

    id: str
    fabric: str
    op: Operation
    kind: str
    name: Any
    """The target; of a create the name as sent, which may be anything."""
    request: Mapping[str, Any]
    """What was recorded: object or patch, and context."""
    tag: str
    accepted: bool
    stage: str | None
    message: str
    stored: Manifest | None
    """The stored object of an accepted write, without values that only a server knows."""

    def __str__(self) -> str:
        return f"{self.id} {self.fabric} {self.op} {self.kind}/{self.name} {self.tag}".rstrip()


def cases(path: Path, upstream: Upstream) -> Iterator[Case]:
    """The cases of a file that *upstream* answered, with its answers."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            row = _seen_by(json.loads(line), upstream)
            if row is not None:
                yield _case(row)


def _seen_by(row: dict[str, Any], upstream: Upstream) -> dict[str, Any] | None:
    """The row as *upstream* answered it; None when it was not asked, which the data's description says of some."""
    if row.get("upstream"):
        return row if upstream is Upstream.V0_129 else None
    if upstream is Upstream.V0_126:
        return row
    if str(row.get("tag", "")).startswith("combo:") or _is_stored_mclag(row):
        return None
    newer: dict[str, Any] = row.get(_NEWER, {})
    replaced = _STORED if _STORED & newer.keys() or _is_generated(row) else frozenset()
    return {key: value for key, value in row.items() if key not in replaced} | newer


def _is_stored_mclag(row: Mapping[str, Any]) -> bool:
    """v0.129 does not admit the MCLAG connections of the fabric, so they could not be changed."""
    return row["fabric"] == "gen" and row["op"] != "create" and row["name"] in ("old-mclag", "old-mclag-domain")


def _is_generated(row: Mapping[str, Any]) -> bool:
    """Of objects with a made-up name only the first release's stored form was recorded."""
    sent = row.get("object")
    metadata = sent.get("metadata") if isinstance(sent, dict) else None
    return isinstance(metadata, dict) and "generateName" in metadata and _NEWER not in row


def _case(row: Mapping[str, Any]) -> Case:
    accepted = row["verdict"] == "accepted"
    stored = _stored(row) if accepted and row.keys() & _STORED else None
    return Case(
        id=row["id"],
        fabric=row["fabric"],
        op=Operation(row["op"]),
        kind=row["kind"],
        name=row["name"],
        request=row,
        tag=row.get("tag", ""),
        accepted=accepted,
        stage=None if accepted else row["stage"],
        message=row.get("message", ""),
        stored=stored,
    )


def _stored(row: Mapping[str, Any]) -> Manifest:
    stored: Manifest = row["stored"] if "stored" in row else decode.merge_patch(row["object"], row["stored_patch"])
    return comparable(stored)


def comparable(stored: Mapping[str, Any]) -> Manifest:
    """A stored object without what a server makes up: status, times, a generated name."""
    metadata = {key: value for key, value in stored["metadata"].items() if key in _COMPARED}
    if "generateName" in metadata:
        del metadata["name"]
    return {**{key: value for key, value in stored.items() if key != "status"}, "metadata": metadata}


class Fabrics:
    """The fabrics beside a file of cases, each loaded when it is first asked."""

    def __init__(self, cases: Path, upstream: Upstream) -> None:
        self._directory = cases.parent
        self._upstream = upstream
        self._config = json.loads((cases.parent / "fabric-config.json").read_text(encoding="utf-8"))
        self._loaded: dict[str, Admission] = {}

    def answer(self, case: Case) -> AdmissionResponse:
        """Our own verdict. The fabric is left as it was."""
        if case.fabric not in self._loaded:
            self._loaded[case.fabric] = self._load(case.fabric)
        admission = self._loaded[case.fabric]
        removed = _take_out(admission, case)
        verdict = _ask(admission, case)
        for manifest in removed:
            admission.put(manifest)
        return verdict

    def _load(self, fabric: str) -> Admission:
        about = self._config["fabrics"][fabric]
        settings = from_webhook_config(self._config["configs"][about["config"]], upstream=self._upstream)
        left_out = set(about["switch_profiles_not_loaded"])
        profiles = [one for one in self._profiles(fabric, settings) if one["metadata"]["name"] not in left_out]
        documents = yaml.load((self._directory / "fabrics" / f"{fabric}.yaml").read_bytes(), file=fabric)
        own = [document.manifest for document in documents]
        if about["vpcinfo_status_internalID_set"]:
            own = [_with_internal_id(manifest, number) for number, manifest in enumerate(own)]
        return Admission(settings, [*profiles, *own], has_dataplane=False)  # the recording cluster did not load it

    def _profiles(self, fabric: str, settings: FabricSettings) -> list[Manifest]:
        release = _NEWER if self._upstream is Upstream.V0_129 else "default"
        files = [self._directory / "fabrics" / f"{_PROFILES}{name}.json" for name in (release, fabric)]
        if not files[0].exists():
            return list(default_profiles(settings))
        # The release has the last word: the file of a fabric is of one release, and only adds models.
        rows = [
            row for file in reversed(files) if file.exists() for row in json.loads(file.read_text(encoding="utf-8"))
        ]
        by_name = {row["metadata"]["name"]: row for row in rows}
        return [
            {"apiVersion": "wiring.githedgehog.com/v1beta1", "kind": "SwitchProfile", **row} for row in by_name.values()
        ]


def _with_internal_id(manifest: Manifest, number: int) -> Manifest:
    return {**manifest, "status": {"internalID": f"{number:05d}"}} if manifest["kind"] == "VPCInfo" else manifest


def _take_out(admission: Admission, case: Case) -> list[Manifest]:
    removed = []
    for ref in (case.request.get("context") or {}).get("removed", ()):
        kind, name = ref.split("/", 1)
        manifest = admission.state.get(kind, name)
        if manifest is not None:
            removed.append(manifest)
            admission.remove(kind, name)
    return removed


def _ask(admission: Admission, case: Case) -> AdmissionResponse:
    match case.op:
        case Operation.DELETE:
            return admission.delete(case.kind, case.name)
        case Operation.CREATE:
            return admission.create(case.request["object"])
    if "patch" in case.request:
        return admission.patch(case.kind, case.name, case.request["patch"])
    return admission.update(case.request["object"], name=case.name)
