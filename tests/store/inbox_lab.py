"""Deliveries as they arrive."""

from __future__ import annotations

import itertools

from hedgehog.store import inbox
from hedgehog.store.inbox import BRANCH, PULL_REQUEST, Arrival

_numbers = itertools.count(1)


def make_arrival(**values):
    """A push to main, with an id and a body of its own."""
    number = next(_numbers)
    given = {
        "delivery_id": f"00000000-0000-0000-0000-{number:012}",
        "digest": f"{number:064x}",
        "kind": BRANCH,
        "event": "push",
        "repository": "acme/net",
        "url": "https://git.example.com/acme/net.git",
        "branch": "main",
        "after": "a" * 40,
    }
    return Arrival(**{**given, **values})


def take(connection, **options):
    """Claim deliveries of all kinds."""
    return inbox.claim(connection, (BRANCH, PULL_REQUEST), **options)
