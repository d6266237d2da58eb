"""MAC addresses as Go's net.ParseMAC reads them. Pure."""

from __future__ import annotations

import re

_BYTE, _PAIR = "[0-9A-Fa-f]{2}", "[0-9A-Fa-f]{4}"
_MAC = re.compile(
    "|".join(
        rf"{unit}(?:{separator}{unit}){{{count // size - 1}}}"
        for count in (6, 8, 20)
        for unit, separator, size in ((_BYTE, ":", 1), (_BYTE, "-", 1), (_PAIR, r"\.", 2))
    )
)


def parse_mac(text: str) -> str | None:
    """The address as Go prints it, `0c:20:12:fe:01:01`; None where `net.ParseMAC` fails.

    6, 8 or 20 bytes, with colons, dashes, or dots between pairs of bytes.
    """
    if _MAC.fullmatch(text) is None:
        return None
    digits = re.sub("[^0-9a-f]", "", text.lower())
    return ":".join(digits[at : at + 2] for at in range(0, len(digits), 2))
