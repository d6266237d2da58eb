"""Ports as upstream's GatewayPeering reads them, with numbers as Go's strconv.Atoi reads them."""

from __future__ import annotations

from hedgehog.fabric.atoi import atoi

_LAST = 65535


def parse_ports(text: str) -> tuple[int, int] | str:
    """First and last port of `80` or `8000-8099`; otherwise what is wrong with *text*."""
    if text != text.strip():
        return "has spaces around it"
    begin, dash, end = text.partition("-")
    # Upstream accepts spaces around the dash.
    first, last = (atoi(part.strip()) for part in (begin, end if dash else begin))
    if first is None or last is None:
        return "is neither a port nor a range of two, a-b" if text else "is empty"
    if not (1 <= first <= _LAST and 1 <= last <= _LAST):
        return f"is not within 1..{_LAST}"
    return (first, last) if first <= last else "ends before it begins"
