"""Hedgehog's admission of one cluster: AdmissionReviews in, AdmissionReviews out, by our own engine. No I/O.

`make replay` compares the engine's answers with recorded ones; this module adds what controller-runtime adds.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from hedgehog.admission.controllers import ControlledFabric
from hedgehog.admission.review import AdmissionResponse, Stage
from hedgehog.fabric.defaults import stored
from hedgehog.fabric.kinds import KINDS, Kind
from hedgehog.fabric.model import Manifest
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import decode
from hedgehog.manifests.rule import Severity, Violation
from hedgehog.manifests.schema import KNOWN

Review = dict[str, Any]

ADMITTED: tuple[Kind, ...] = tuple(
    kind for kind in (*KINDS.values(), KNOWN["SwitchProfile"], KNOWN["VPCInfo"]) if kind.namespace != "fab"
)
"""Every kind of a fabric. Upstream has no webhook for SwitchGroup and ServerProfile; ours must know them, and admits all."""
NAMESPACE = "default"
_CHANGED = (("metadata", "labels"), ("metadata", "annotations"), ("spec",))
"""The fields that mutating webhooks write."""
_CODES = {Stage.DECODE: 400, Stage.SCHEMA: 422, Stage.WEBHOOK: 403}


class Reviewer:
    """The answers of Hedgehog's webhooks of one cluster. Its model of the cluster is updated with every admitted request.

    Safe for threads: one request after the other, as with upstream's lock. A write that fails after admission (a
    conflict) leaves the model ahead until the next write of that object.
    """

    def __init__(self, settings: FabricSettings, objects: Iterable[Manifest] = ()) -> None:
        """*objects* are what the cluster holds, as it stores them."""
        self._settings = settings
        self._fabric = ControlledFabric(settings, objects)
        self._lock = threading.Lock()

    def mutate(self, review: Mapping[str, Any]) -> Review:
        """The defaults of a created or updated object as a JSON patch, or a refusal of what Go could not decode."""
        request = review["request"]
        plain, found = decode.decode(request["object"], self._settings)
        if plain is None:
            return _refusal(request, found, 400)
        patch = _patch(request["object"], stored(plain, self._settings))
        if not patch:
            return _answer(request, {"allowed": True})
        encoded = base64.b64encode(orjson.dumps(patch)).decode()
        return _answer(request, {"allowed": True, "patchType": "JSONPatch", "patch": encoded})

    def validate(self, review: Mapping[str, Any]) -> Review:
        """Whether an object may be created, updated or deleted."""
        request = review["request"]
        is_ours = request.get("namespace") == NAMESPACE
        if not is_ours and request["operation"] != "CREATE":
            # Only kinds without webhook upstream can be there, or what was there before us.
            return _answer(request, {"allowed": True})
        with self._lock:
            verdict = self._judge(request)
            if verdict.accepted and is_ours and not request.get("dryRun"):
                self._follow(request, verdict)
        errors = [one for one in verdict.violations if one.rule.severity is Severity.ERROR]
        if verdict.stage in _CODES:
            return _refusal(request, errors, _CODES[verdict.stage])
        # Absent, or there already: the API server says so itself.
        return _answer(request, {"allowed": True})

    def _judge(self, request: Mapping[str, Any]) -> AdmissionResponse:
        old = request.get("oldObject")
        if old is not None:
            self._fabric.put(old)
        match request["operation"]:
            case "CREATE":
                return self._fabric.create(request["object"])
            case "UPDATE":
                return self._fabric.update(request["object"])
            case _:
                return self._fabric.delete(old["kind"], old["metadata"]["name"])

    def _follow(self, request: Mapping[str, Any], verdict: AdmissionResponse) -> None:
        if verdict.stored is not None:
            self._fabric.put(verdict.stored)
        elif request["operation"] == "DELETE":
            old = request["oldObject"]
            self._fabric.remove(old["kind"], old["metadata"]["name"])


def _patch(sent: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The JSON patch (RFC 6902) from *sent* to the labels, annotations and spec of *wanted*, each as a whole."""
    operations = []
    for path in _CHANGED:
        before, after = _at(sent, path), _at(wanted, path)
        pointer = "/" + "/".join(path)
        if after is None and before is not None:
            operations.append({"op": "remove", "path": pointer})
        elif after != before:
            operations.append({"op": "add", "path": pointer, "value": after})
    return operations


def _at(manifest: Any, path: tuple[str, ...]) -> Any:
    for part in path:
        manifest = manifest.get(part) or {} if part == "metadata" else manifest.get(part)
    return manifest


def _refusal(request: Mapping[str, Any], found: Iterable[Violation], code: int) -> Review:
    message = "; ".join(f"{one} ({one.rule.id})" for one in found)
    return _answer(request, {"allowed": False, "status": {"message": message, "code": code}})


def _answer(request: Mapping[str, Any], response: Mapping[str, Any]) -> Review:
    return {
        "apiVersion": "admission.k8s.io/v1",
        "kind": "AdmissionReview",
        "response": {"uid": request["uid"], **response},
    }
