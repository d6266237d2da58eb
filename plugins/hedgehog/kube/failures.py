"""What a Kubernetes API server's refusals mean, as this product's own exceptions. Pure: reads answers, sends nothing.

A message names the object, the server's words (cut at `TEXT_LIMIT`) and what to do next; request headers, where the
token is, never get near it.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from hedgehog.errors import (
    AdmissionRefused,
    AlreadyExists,
    AuthenticationFailed,
    DefinitionMissing,
    FieldConflict,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
    RetryableError,
    TooLarge,
)
from hedgehog.fabric.model import ObjectRef

logger = logging.getLogger(__name__)

TEXT_LIMIT = 1000
"""Most characters of a server's text that reach a message, a log or a row."""

_WEBHOOK = re.compile(r'admission webhook "[^"]+" denied the request')
_NOT_READY = ("retry later", "retry shortly")
"""How Hedgehog's admission ends when a controller has not numbered a new VPC yet (gateway_ctrl.go), or, in releases after
v0.129, when the fabric controller has not started after an upgrade."""
_NO_VPCINFO = re.compile("dp-validator: .*(non-existent VPC|Found 0 vpcs but [0-9]+ peerings)", re.IGNORECASE)
"""What the gateway's validator says while a controller has not made the VPCInfo of a new VPC or External yet."""
_PASSING = re.compile(
    "because it is being terminated"  # a namespace: 403
    "|object is being deleted: "  # one that was to be created: 409
    "|not allowed while custom resource definition is terminating"  # 405
    "|not yet ready to handle request"  # an admission plugin of a server that has just started: 403
    "|status unknown for quota"  # a quota that nobody has counted yet: 403
)
"""What API servers say of a state that ends by itself, under codes that otherwise mean "never"."""
_QUOTA = re.compile("exceeded quota: ([^ ,]+)")
_UNTYPED = b"failed to create typed patch object"
"""Server-side apply answers 500, not 422, to a field that the schema does not have or has with another type."""

_SILENT_WEBHOOK = re.compile(
    rb"failed calling webhook.*(deadline exceeded|Timeout exceeded|i/o timeout|handshake timeout)", re.DOTALL
)
"""An admission webhook that did not answer in time: each further try would take as long."""
_FAILED_WEBHOOK = re.compile(r'failed calling webhook "([^"]*)"')

_TOO_LARGE = re.compile(
    rb"etcdserver: request is too large|trying to send message larger than max|request entity too large", re.IGNORECASE
)
"""An object that etcd does not take is answered with 500, one that the API server does not take with 413."""

_SERVER_S = re.compile("timed out|timeout|leader|unavailable")
"""What an internal error says that is the server's, not the object's."""

_TRANSIENT = frozenset({429, 500, 502, 503, 504})
_MANAGER = re.compile(r'conflict with "([^"]*)"')


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response, read to its end."""

    status: int
    body: bytes
    retry_after: float | None = None

    @property
    def ok(self) -> bool:
        """Whether the server did what was asked."""
        return 200 <= self.status < 300

    @property
    def transient(self) -> bool:
        """Whether the same request may succeed a moment later."""
        lasting = _UNTYPED in self.body or _TOO_LARGE.search(self.body) or _SILENT_WEBHOOK.search(self.body)
        return self.status in _TRANSIENT and not lasting

    def json(self) -> Any:
        """The body as plain data. Raises RemoteUnavailable when it is not JSON: a proxy answered, not an API server."""
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            text = cut(self.body.decode(errors="replace"))
            raise RemoteUnavailable(f"the answer ({self.status}) is not JSON: {text}") from error


def failure(answer: Answer, subject: str, *, cluster: str, crd: str = "") -> HedgehogError:
    """The exception for a refused request about *subject*, sorted by the reaction it needs.

    *crd* ("vpcs.vpc.githedgehog.com") names the CRD that a request needs; without it a missing path is NotFound.
    """
    status = _status(answer)
    text = cut(str(status.get("message") or answer.body.decode(errors="replace")))
    error: HedgehogError = InvalidInput(f"{subject}: refused ({answer.status}): {text}")
    if 400 <= answer.status < 500 and _PASSING.search(text) and not _WEBHOOK.search(text):
        return RetryableError(f"{subject}: {cluster} does not take it at this moment ({answer.status}): {text}")
    if answer.status == 413 or (answer.status >= 500 and _TOO_LARGE.search(answer.body)):
        return TooLarge(
            f"{subject}: larger than {cluster} stores ({answer.status}: {text}); make it smaller or split it: etcd takes "
            "1.5 MB an object by default, its managedFields included"
        )
    match answer.status:
        case 401:
            error = AuthenticationFailed(f"{cluster} refused the credential (401: {text}); correct the connection")
        case 403:
            error = _forbidden(text, subject, cluster)
        case 404:
            error = _not_found(status, text, subject, cluster, crd)
        case 409:
            error = _conflict(status, text, subject)
        case 429:
            error = RateLimited(f"{cluster} is overloaded (429) at {subject}: {text}", retry_after=answer.retry_after)
        case 408 | 410:
            error = RetryableError(f"{subject}: {cluster} gave up ({answer.status}): {text}")
        case code if code >= 500 and _UNTYPED not in answer.body:
            error = RemoteUnavailable(f"{subject}: {cluster} failed ({code}): {text}", retry_after=answer.retry_after)
    return error


def is_absent(answer: Answer, name: str) -> bool:
    """Whether an API server says that there is no object *name*, rather than no such path, or a proxy no such page."""
    return answer.status == 404 and (_status(answer).get("details") or {}).get("name") == name


def is_object(answered: Any, ref: ObjectRef | None = None) -> bool:
    """Whether *answered* is an object as API servers write it, and that of *ref* if there is one: a proxy, or a server
    with trouble of its own, may answer anything."""
    metadata = answered.get("metadata") if isinstance(answered, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(metadata.get(name), str) for name in ("name", "namespace")):
        return False
    return ref is None or (answered.get("kind"), metadata["namespace"], metadata["name"]) == (
        ref.kind,
        ref.namespace,
        ref.name,
    )


def no_answer(subject: str, cluster: str) -> RemoteUnavailable:
    """The error for a write that was answered with something else than an API server answers: it may have happened."""
    return RemoteUnavailable(f"{subject}: what answered for {cluster} is not an API server; it may have been done")


def of_object(subject: str, error: Exception) -> HedgehogError:
    """What kept one object from being worked on: *error* itself, or what nobody foresaw as something to try again."""
    if isinstance(error, HedgehogError):
        return error
    logger.error("%s: nobody foresaw this error", subject, exc_info=error)
    return RetryableError(
        f"{subject}: unforeseen {type(error).__name__}; the log of this run has the traceback: report it"
    )


def outage(error: HedgehogError) -> tuple[str, bool] | None:
    """What failed, in words that are the same for every object, when that is not the object's own fault; else None: an
    outage, or a credential that was revoked or has expired under way.

    And whether it is an admission webhook, which concerns some kinds only.
    """
    if isinstance(error, AuthenticationFailed):
        return "the credential", False
    if not isinstance(error, RemoteUnavailable | RateLimited):
        return None
    webhook = _FAILED_WEBHOOK.search(str(error))
    if webhook:
        return webhook[1], True
    if isinstance(error, RateLimited):
        return "overloaded", False
    text = str(error).partition(": ")[2]
    # An internal error may be about this one object; such errors are returned at once, so that trying all objects costs
    # little.
    return None if " failed (500): " in text and not _SERVER_S.search(text) else (text, False)


def cut(text: str) -> str:
    """*text* on one line and not longer than `TEXT_LIMIT`."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LIMIT else line[: TEXT_LIMIT - 1] + "…"


def _status(answer: Answer) -> Mapping[str, Any]:
    """The Status object of a refusal; {} when the answer is something else, such as plain text."""
    try:
        found = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) and found.get("kind") == "Status" else {}


def _forbidden(text: str, subject: str, cluster: str) -> HedgehogError:
    if _WEBHOOK.search(text):
        is_early = text.rstrip().endswith(_NOT_READY) or _NO_VPCINFO.search(text)
        refusal = RetryableError if is_early else AdmissionRefused
        return refusal(f"{subject}: {text}")
    quota = _QUOTA.search(text)
    if quota:
        return PermissionDenied(f"{subject}: {text}; raise quota {quota[1]} of {cluster}, or make room in it")
    return PermissionDenied(f"{subject}: {cluster} does not allow it: {text}; grant the connection's user the right")


def _not_found(status: Mapping[str, Any], text: str, subject: str, cluster: str, crd: str) -> HedgehogError:
    """An absent object has a name in the answer's details; an absent path does not."""
    if crd and not (status.get("details") or {}).get("name"):
        return DefinitionMissing(
            f"{subject}: {cluster} does not serve this kind; install CRD {crd} "
            "(kubectl api-resources does not list it in this version), then sync again"
        )
    return NotFound(f"{subject}: {text}")


def _conflict(status: Mapping[str, Any], text: str, subject: str) -> HedgehogError:
    causes = (status.get("details") or {}).get("causes") or []
    owned = [cause for cause in causes if cause.get("reason") == "FieldManagerConflict"]
    if owned:
        fields: dict[str, list[str]] = {}
        for cause in owned:
            manager = _MANAGER.search(cause.get("message") or "")
            fields.setdefault(manager[1] if manager else "another manager", []).append(str(cause.get("field")))
        whose = "; ".join(f"'{manager}' owns {', '.join(paths)}" for manager, paths in sorted(fields.items()))
        return FieldConflict(
            f"{subject}: {cut(whose)}; release it there, drop it from the fabric, or set conflict_policy to force"
        )
    if status.get("reason") == "AlreadyExists":
        return AlreadyExists(f"{subject}: {text}")
    return RetryableError(f"{subject} changed while we worked on it: {text}")
