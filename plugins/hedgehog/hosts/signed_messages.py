"""Deliveries that are signed as Standard Webhooks are: an id and a time are signed with the body. Pure.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from datetime import datetime

SIGNATURE = "webhook-signature"
TOLERANCE = 300.0
"""Seconds by which the time of a delivery may differ from ours: an older one is a replay."""
_KEY = "whsec_"
_ID = re.compile(r"[!-~]{1,200}")
_TIME = re.compile(r"[0-9]{1,12}")
_MOST_SIGNATURES = 8
"""While a key is being changed there are two."""


def is_signing_key(secret: str) -> bool:
    """Whether *secret* signs deliveries, and so is never sent itself."""
    return secret.startswith(_KEY)


def is_signed_message(body: bytes, headers: Mapping[str, str], secrets: Sequence[str], now: datetime) -> bool:
    """Whether the headers (with lower-case names) sign *body* under one of *secrets*, and did so about *now*.

    Takes the same time for every wrong signature. False without a signing key among *secrets*.
    """
    name, time, signatures = (headers.get(one, "") for one in ("webhook-id", "webhook-timestamp", SIGNATURE))
    if not _ID.fullmatch(name) or not _TIME.fullmatch(time) or abs(now.timestamp() - int(time)) > TOLERANCE:
        return False
    message = f"{name}.{time}.".encode() + body
    made = [hmac.digest(key, message, hashlib.sha256) for key in map(_key_of, secrets) if key]
    given = [_bytes_of(one.removeprefix("v1,")) for one in signatures.split(" ", _MOST_SIGNATURES) if one[:3] == "v1,"]
    return any([hmac.compare_digest(one, other) for one in given for other in made])


def _key_of(secret: str) -> bytes:
    """The key of a secret; empty for a secret that is none."""
    return _bytes_of(secret.removeprefix(_KEY)) if is_signing_key(secret) else b""


def _bytes_of(text: str) -> bytes:
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        return b""
