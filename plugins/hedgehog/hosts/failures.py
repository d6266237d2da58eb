"""What the API of a host says when it refuses, sorted by the reaction it needs. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from hedgehog.errors import (
    AuthenticationFailed,
    HedgehogError,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RateLimited,
    RemoteUnavailable,
    RetryableError,
    bounded_wait,
    wait_of,
)

SHORTEST_WAIT = 60.0
"""Seconds to wait after a refusal because of load that does not say how long: GitHub asks for at least a minute."""
_TEXT_LIMIT = 500
_MOVED = "the repository has moved, correct its URL"
_ABSENT = "check the name, and that the token or the app may see the repository"
_REACTIONS: dict[int, tuple[type[HedgehogError], str]] = {
    401: (AuthenticationFailed, "correct the token or the app's key in the repository's connection"),
    404: (NotFound, _ABSENT),
    409: (RetryableError, "what it is about has changed meanwhile; the next try reads it again"),
    410: (NotFound, _ABSENT),
}
_LOAD = ("rate limit", "abuse detection", "retry your request again later", "wait a few minutes")


def refusal(status: int, headers: Mapping[str, str], body: Any, doing: str, *, title: str) -> HedgehogError:
    """The error of an answer of host *title* with *status* 300 or more. *headers* have lower-case names, *body* is JSON or text."""
    text = _text(body)
    if status == 429 or (status == 403 and _is_for_load(headers, text)):
        wait = _wait(headers)
        what = f"the rate limit of {title} is used up; it is free again in {wait:.0f} s"
        return RateLimited(f"{doing}: {what} ({text})", retry_after=wait)
    subject = f"{doing}: {title} answered {status} ({text})"
    if status >= 500 or status == 408:
        return RemoteUnavailable(subject, retry_after=wait_of(headers.get("retry-after")))
    if status == 403:
        needed = headers.get("x-accepted-github-permissions")
        wanted = f" ({needed})" if needed else ""
        return PermissionDenied(f"{subject}; give the token or the app the permission{wanted} in this repository")
    error, advice = _REACTIONS.get(status) or (InvalidInput, _MOVED if status < 400 else "")
    return error(f"{subject}; {advice}" if advice else subject)


def _is_for_load(headers: Mapping[str, str], text: str) -> bool:
    if "retry-after" in headers or _window(headers, "remaining") == "0":
        return True
    return any(words in text.lower() for words in _LOAD)


def _wait(headers: Mapping[str, str]) -> float:
    """Seconds until the limit is lifted: as the host says, else until its window ends, else a minute."""
    asked = wait_of(headers.get("retry-after"))
    if asked is not None:
        return asked
    if _window(headers, "remaining") != "0":
        return SHORTEST_WAIT
    try:
        left = bounded_wait(float(_window(headers, "reset")) - _now(headers))
    except ValueError:
        return SHORTEST_WAIT
    return SHORTEST_WAIT if left is None else max(left, 1.0)


def _window(headers: Mapping[str, str], name: str) -> str:
    """What is said of the window of calls: GitLab's headers have no `x-` before them."""
    return headers.get(f"x-ratelimit-{name}") or headers.get(f"ratelimit-{name}") or ""


def _now(headers: Mapping[str, str]) -> float:
    """Seconds since 1970 by the host's own clock, if it sends the time: ours may be wrong."""
    try:
        return parsedate_to_datetime(headers["date"]).timestamp()
    except (KeyError, ValueError, OverflowError):
        return datetime.now(UTC).timestamp()


def _text(body: Any) -> str:
    """The host's own words: the message, and what it says of single fields."""
    if not isinstance(body, Mapping):
        return " ".join(str(body or "no reason given").split())[:_TEXT_LIMIT]
    parts = [_words(body.get("message") or body.get("error"))]
    errors = body.get("errors")
    for error in errors if isinstance(errors, list) else ():
        parts.append(_detail(error) if isinstance(error, Mapping) else str(error))
    return ("; ".join(part for part in parts if part) or "no reason given")[:_TEXT_LIMIT]


def _words(value: Any) -> str:
    """A message: text, or as GitLab has it, a list of texts, also one for each field."""
    if isinstance(value, Mapping):
        return "; ".join(f"{field}: {_words(texts)}" for field, texts in value.items())
    if isinstance(value, list):
        return ", ".join(str(one) for one in value)
    return str(value or "")


def _detail(error: Mapping[str, Any]) -> str:
    field = ".".join(str(error[key]) for key in ("resource", "field") if error.get(key))
    what = str(error.get("message") or error.get("code") or "invalid")
    return f"{field}: {what}" if field else what
