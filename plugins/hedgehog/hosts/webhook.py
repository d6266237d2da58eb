"""What a webhook delivers, in our own words, and how each host proves that a delivery is its own. Pure.

What is kept of a payload is where to look (repository, branch, number, commits) and who sent it. Texts that people
wrote are not kept, and a delivery without proof is not even parsed.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from hedgehog.errors import InvalidInput

_SIGNATURE = re.compile(r"sha256=([0-9a-f]{64})")
_DELIVERY_ID = re.compile(r"[A-Za-z0-9-]{1,64}")


@dataclass(frozen=True, slots=True)
class Ignored:
    """A proven delivery of which nothing is stored, and why."""

    reason: str


PONG = Ignored("pong")
"""The answer to a ping."""


@dataclass(frozen=True, slots=True)
class PushedCommit:
    """What a delivery says of one commit, to tell ours from others'."""

    committer: str
    """The e-mail address; empty where the host does not say it."""
    message: str


@dataclass(frozen=True, slots=True)
class Announcement:
    """A branch that moved, or (with *is_pull_request*) a pull request that is to be checked.

    Without a *number*, that is what a merge queue would merge: the commit *head* of the queue's own *branch*.
    """

    delivery_id: str
    digest: str
    """The SHA-256 of the body: the id is not proven by a signature."""
    event: str
    repository: str = ""
    url: str = ""
    """The clone URL over https."""
    action: str = ""
    sender: str = ""
    is_pull_request: bool = False
    number: int | None = None
    branch: str = ""
    before: str = ""
    after: str = ""
    head: str = ""
    base: str = ""
    forced: bool = False
    commits: tuple[PushedCommit, ...] | None = None
    """All commits of a push; None where they are not known."""
    ignored: str = ""
    """Why it needs no work, although it is recorded."""


@dataclass(frozen=True, slots=True)
class Part:
    """A mapping of the payload; its getters raise InvalidInput, with the path, for what is missing or has the wrong shape."""

    values: Mapping[str, Any]
    path: str = ""

    def mapping(self, key: str) -> Part:
        """The mapping below *key*."""
        value = self.values.get(key)
        if not isinstance(value, dict):
            raise InvalidInput(f"the payload has no {self.path}{key}")
        return Part(value, f"{self.path}{key}.")

    def text(self, key: str, pattern: re.Pattern[str]) -> str:
        """The text below *key*, all of which is like *pattern*."""
        value = self.values.get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise InvalidInput(f"{self.path}{key} is missing in the payload, or is not what the host sends there")
        return value

    def number(self, key: str) -> int:
        """The positive number below *key*."""
        value = self.values.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 0 < value < 2**31:
            raise InvalidInput(f"{self.path}{key} is missing in the payload, or is not a number")
        return value

    def word(self, key: str, pattern: re.Pattern[str]) -> str:
        """The text below *key*, or nothing where it is another."""
        value = self.values.get(key)
        return value if isinstance(value, str) and pattern.fullmatch(value) else ""


IsProven = Callable[[bytes, str, Sequence[str]], bool]
"""Whether a body with the value of the proving header comes from somebody who knows one of the secrets."""
IsSigned = Callable[[bytes, Mapping[str, str], Sequence[str], datetime], bool]
"""The same of a body with all headers at a time: see `hedgehog.hosts.signed_messages`."""
Read = Callable[[Part, Announcement], Announcement | Ignored]
"""Fills in what the payload of one of the events says. Raises InvalidInput for any other payload; never quotes it."""


@dataclass(frozen=True, slots=True)
class Webhook:
    """The webhook of a host: its headers by name, and what it announces."""

    proof: str
    is_proven: IsProven
    events: Mapping[str, Read]
    event: str = ""
    """The header that names the event; without one, every delivery is the only event there is."""
    delivery: str = ""
    """The header with the delivery's id; without one (or without its header), it is known by its body."""
    subscriptions: frozenset[str] = frozenset()
    """The events as the host's API names them, where we make the webhook."""
    ping: str = ""
    """The event by which a host tries a new webhook."""
    signature: str = ""
    """The header of another proof, which takes several headers together; empty: there is none."""
    is_signed: IsSigned | None = None

    @property
    def proofs(self) -> tuple[str, ...]:
        """The headers, one of which a proven delivery has."""
        return (self.proof, self.signature) if self.signature else (self.proof,)

    def is_believed(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str], *, now: datetime) -> bool:
        """Whether a delivery comes from somebody who knows one of *secrets*; *headers* have lower-case names."""
        proof = headers.get(self.proof.lower(), "")
        if proof and self.is_proven(body, proof, secrets):
            return True
        return self.is_signed is not None and self.is_signed(body, headers, secrets, now)

    def announced(self, headers: Mapping[str, str], body: bytes) -> Announcement | Ignored:
        """What a proven delivery says; *headers* have lower-case names. Raises InvalidInput where it is not understood."""
        event = headers.get(self.event.lower(), "") if self.event else next(iter(self.events))
        if not event:
            raise InvalidInput(f"the header {self.event} is missing")
        if event == self.ping:
            return PONG
        if event not in self.events:
            return Ignored(f"event {event[:40]!r} is of no use here; subscribe to {', '.join(sorted(self.events))}")
        return self.read(event, headers.get(self.delivery.lower(), ""), _parse(body), hashlib.sha256(body).hexdigest())

    def read(self, event: str, delivery_id: str, payload: Mapping[str, Any], digest: str) -> Announcement | Ignored:
        """What the payload of one of our events says. Raises InvalidInput for any other payload; never quotes it."""
        if not self.delivery:
            delivery_id = delivery_id or digest
        if not _DELIVERY_ID.fullmatch(delivery_id):
            raise InvalidInput(f"the header {self.delivery} is missing or no delivery id")
        return self.events[event](Part(payload), Announcement(delivery_id, digest, event))


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


def is_secret(_: bytes, token: str, secrets: Sequence[str]) -> bool:
    """Whether *token* is one of *secrets*; takes the same time for every wrong one, whatever its length."""
    key = b"compare"
    given = hmac.digest(key, token.encode("utf-8", "surrogatepass"), hashlib.sha256)
    made = [hmac.digest(key, secret.encode(), hashlib.sha256) for secret in secrets if secret]
    return any([hmac.compare_digest(given, one) for one in made])


def _parse(body: bytes) -> Mapping[str, Any]:
    try:
        payload = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidInput("the body is not JSON; choose content type application/json in the webhook") from None
    if not isinstance(payload, dict):
        raise InvalidInput("the body is not a JSON object")
    return payload
