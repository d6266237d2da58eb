"""How many calls a credential has left at GitHub. Asking is free of charge, and a wrong credential is refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from hedgehog.errors import NotFound, RemoteUnavailable
from hedgehog.hosts.github.client import Client


@dataclass(frozen=True, slots=True)
class RateLimit:
    """The window of one credential for ordinary calls."""

    limit: int
    remaining: int
    resets_at: datetime


def rate_limit(client: Client) -> RateLimit | None:
    """What GitHub says at this moment; None where the host counts nothing (GitHub Enterprise, by its own setting)."""
    try:
        core = client.get("/rate_limit")["resources"]["core"]
        return RateLimit(core["limit"], core["remaining"], datetime.fromtimestamp(core["reset"], UTC))
    except NotFound:
        return None
    except (KeyError, TypeError, ValueError, OverflowError):
        raise RemoteUnavailable("GET /rate_limit: what answered is not GitHub's API; check the base URL") from None
