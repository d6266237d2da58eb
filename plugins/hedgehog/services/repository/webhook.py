"""A delivery of GitHub: whether it is signed, what it says, and whether it needs work.

What is stored of a payload is where to look (repository, branch, number, commits) and who sent it. Texts that people
wrote are not stored, and an unsigned delivery is not even parsed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import orjson

from hedgehog.errors import InvalidInput
from hedgehog.fabric.model import GitRepository
from hedgehog.gitops.addresses import same_repository
from hedgehog.gitops.commit import FABRIC_TRAILER, RUN_TRAILER
from hedgehog.gitops.history import trailers
from hedgehog.store import fabrics, inbox
from hedgehog.store.database import Connection
from hedgehog.store.inbox import Arrival, Receipt

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_FULL_NAME = re.compile(r"[A-Za-z0-9._-]{1,100}/[A-Za-z0-9._-]{1,100}")
_URL = re.compile(r"https?://[^\s@]{1,490}")
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_BRANCH = re.compile(r"[^\x00-\x20\x7f~^:?*\[\\]{1,255}")
_LOGIN = re.compile(r"[A-Za-z0-9_-]{1,100}(?:\[bot\])?")
_HEADS = "refs/heads/"
_CHECKED_ACTIONS = frozenset({"opened", "synchronize", "reopened", "ready_for_review", "edited"})
"""Drafts are not checked until they are ready; an edit may choose another base, to which the old verdict does not
apply.
"""
_MOST_COMMITS_LISTED = 2048
"""GitHub lists no more commits of a push: a list of that length may not be all."""


@dataclass(frozen=True, slots=True)
class Ignored:
    """A signed delivery of which nothing is stored, and why."""

    reason: str


PONG = Ignored("pong")
"""The answer to GitHub's ping."""


def is_signed(body: bytes, signature: str, secrets: Sequence[str]) -> bool:
    """Whether *signature* (`sha256=<hex>`) is the HMAC-SHA256 of *body* under one of *secrets*.

    Takes the same time for every wrong signature. False without secrets.
    """
    match = _SIGNATURE.fullmatch(signature)
    if match is None:
        return False
    given = bytes.fromhex(match[1])
    made = [hmac.digest(secret.encode(), body, hashlib.sha256) for secret in secrets if secret]
    return any([hmac.compare_digest(given, one) for one in made])


def receive(connection: Connection, event: str, delivery_id: str, body: bytes) -> Receipt | Ignored:
    """Store what a signed delivery says, or say why it is not needed. Raises InvalidInput when it cannot be understood."""
    if event == "ping":
        return PONG
    if event not in _READERS:
        return Ignored(f"event {event[:40]!r} is of no use here; subscribe to {', '.join(sorted(_READERS))}")
    payload = _parse(body)
    found = read_payload(event, delivery_id, payload, digest=hashlib.sha256(body).hexdigest())
    if isinstance(found, Ignored):
        return found
    if found.kind == inbox.BRANCH and not found.ignored:
        found = replace(found, ignored=_unneeded(found, payload, fabrics.load_repositories(connection)))
    return inbox.store_delivery(connection, found)


def read_payload(event: str, delivery_id: str, payload: Mapping[str, Any], *, digest: str) -> Arrival | Ignored:
    """What the payload of one of our events says. Raises InvalidInput for any other payload; never quotes it."""
    if not _DELIVERY_ID.fullmatch(delivery_id):
        raise InvalidInput("the header X-GitHub-Delivery is missing or no delivery id")
    repository = _Part(payload, "").mapping("repository")
    arrival = Arrival(
        delivery_id,
        digest,
        inbox.BRANCH,
        event,
        repository.text("full_name", _FULL_NAME),
        repository.text("clone_url", _URL),
        action=_action(payload),
        summary=_sender(payload),
    )
    return _READERS[event](_Part(payload, ""), arrival)


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInput("the body is not JSON; choose content type application/json in the webhook") from None
    if not isinstance(payload, dict):
        raise InvalidInput("the body is not a JSON object")
    return payload


@dataclass(frozen=True, slots=True)
class _Part:
    """A mapping of the payload; its getters raise InvalidInput, with the path, for what is missing or has the wrong shape."""

    values: Mapping[str, Any]
    path: str

    def mapping(self, key: str) -> _Part:
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise InvalidInput(f"the payload has no {self.path}{key}")
        return _Part(value, f"{self.path}{key}.")

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InvalidInput(f"{self.path}{key} is missing in the payload, or is not what GitHub sends there")
        return value

    def number(self, key: str) -> int:
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
            raise InvalidInput(f"{self.path}{key} is missing in the payload, or is not a number")
        return value


def _action(payload: Mapping[str, Any]) -> str:
    action = payload.get("action", "")
    return action if isinstance(action, str) and re.fullmatch(r"[a-z_]{0,40}", action) else ""


def _sender(payload: Mapping[str, Any]) -> dict[str, Any]:
    sender = payload.get("sender")
    login = sender.get("login") if isinstance(sender, dict) else None
    return {"sender": login} if isinstance(login, str) and _LOGIN.fullmatch(login) else {}


def _read_push(payload: _Part, arrival: Arrival) -> Arrival | Ignored:
    ref = payload.text("ref", re.compile(rf"refs/[a-z]+/{_BRANCH.pattern}"))
    before, after = payload.text("before", _COMMIT), payload.text("after", _COMMIT)
    arrival = replace(arrival, branch=ref.removeprefix(_HEADS)[:255], before=before, after=after)
    if payload.values.get("forced") is True:
        arrival = replace(arrival, summary={**arrival.summary, "forced": True})
    if not ref.startswith(_HEADS):
        return replace(arrival, ignored=f"{ref[:200]} is not a branch")
    if payload.values.get("deleted") is True or not after.strip("0"):
        return replace(arrival, ignored=f"branch {arrival.branch} was deleted")
    return arrival


def _read_create(payload: _Part, arrival: Arrival) -> Arrival | Ignored:
    arrival = replace(arrival, branch=payload.text("ref", _BRANCH))
    kind = payload.values.get("ref_type")
    return arrival if kind == "branch" else replace(arrival, ignored=f"{arrival.branch[:200]} is a tag, no branch")


def _read_delete(payload: _Part, arrival: Arrival) -> Arrival | Ignored:
    arrival = replace(arrival, branch=payload.text("ref", _BRANCH))
    kind = "branch" if payload.values.get("ref_type") == "branch" else "tag"
    return replace(arrival, ignored=f"{kind} {arrival.branch[:200]} was deleted")


def _read_pull_request(payload: _Part, arrival: Arrival) -> Arrival | Ignored:
    pull_request = payload.mapping("pull_request")
    head, base = pull_request.mapping("head"), pull_request.mapping("base")
    arrival = replace(arrival, number=payload.number("number"), base=base.text("ref", _BRANCH))
    if arrival.action in _CHECKED_ACTIONS:
        branch, commit = head.text("ref", _BRANCH), head.text("sha", _COMMIT)
        return replace(arrival, kind=inbox.PULL_REQUEST, branch=branch, head=commit)
    if arrival.action != "closed":
        return Ignored(f"pull requests are checked when opened, changed, reopened or merged, not {arrival.action!r}")
    if pull_request.values.get("merged") is not True:
        return replace(arrival, kind=inbox.PULL_REQUEST, ignored="closed without merging")
    return replace(arrival, branch=arrival.base, head=head.text("sha", _COMMIT))


_READERS = {"push": _read_push, "pull_request": _read_pull_request, "create": _read_create, "delete": _read_delete}


def _unneeded(arrival: Arrival, payload: Mapping[str, Any], repositories: Iterable[GitRepository]) -> str:
    """Why a moved branch need not be processed; empty when it must."""
    here = [one for one in repositories if one.branch == arrival.branch and same_repository(one.url, arrival.url)]
    if not here:
        return f"no git_repository has branch {arrival.branch[:200]} of {arrival.url[:500]}"
    if arrival.event == "push" and all(_is_ours(payload, one) for one in here):
        return "our own commits"
    return ""


def _is_ours(payload: Mapping[str, Any], repository: GitRepository) -> bool:
    """Whether every commit of a push was made by our sync: our trailers and our committer.

    A forger of both only delays the processing of their push until the next scheduled run.
    """
    commits = payload.get("commits")
    if not isinstance(commits, list) or not 0 < len(commits) < _MOST_COMMITS_LISTED or payload.get("forced") is True:
        return False
    return all(isinstance(commit, dict) and _has_our_marks(commit, repository) for commit in commits)


def _has_our_marks(commit: Mapping[str, Any], repository: GitRepository) -> bool:
    committer, message = commit.get("committer"), commit.get("message")
    if not isinstance(committer, dict) or not isinstance(message, str):
        return False
    return (
        committer.get("email") == repository.author_email and {FABRIC_TRAILER, RUN_TRAILER} <= trailers(message).keys()
    )
