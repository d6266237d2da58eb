"""What hydration assigned before stays when the object is written again without it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from hedgehog.fabric.hydration.wiring import Fields, WiringLink, links_of, part_of, text_in
from hedgehog.fabric.model import Manifest, plain_copy

_OF_SWITCH = ("ip", "protocolIP", "asn", "vtepIP")
_OF_GATEWAY = ("asn", "protocolIP", "vtepIP", "vtepMAC", "vtepMTU", "neighbors")


def keep_assigned(wanted: Manifest, stored: Manifest) -> Manifest:
    """*wanted* with what *stored*, the same object as it was, has and *wanted* leaves out; only what hydration assigns.

    A link is the same if it joins the same ports. A switch in another role gets an ASN and addresses of its own.
    """
    if not all(isinstance(one.get("spec"), Mapping) for one in (wanted, stored)):
        return wanted
    result: Manifest = plain_copy(wanted)
    for fields, old, names in _pairs(result, stored):
        for name in names:
            if old.get(name) and not fields.get(name):
                fields[name] = plain_copy(old[name])
    return result


def _pairs(wanted: Manifest, stored: Manifest) -> Iterator[tuple[Fields, Mapping[str, Any], tuple[str, ...]]]:
    """Mappings of the object as it is wanted and as it was, with the fields that hydration assigns in them."""
    kind, spec, old = wanted["kind"], wanted["spec"], stored["spec"]
    if kind in ("ControlNode", "FabNode"):
        yield from ((part_of(spec, name), old[name], ("ip",)) for name in ("management", "dummy") if old.get(name))
    elif kind == "Switch" and spec.get("role") == old.get("role"):
        yield spec, old, _OF_SWITCH
    elif kind == "Gateway":
        yield spec, old, _OF_GATEWAY
        for name, before in (old.get("interfaces") or {}).items():
            if before and name in (spec.get("interfaces") or {}):
                yield part_of(spec["interfaces"], name), before, ("ips", "mtu")
    elif kind == "Connection":
        yield from _links(wanted, stored)


def _links(wanted: Manifest, stored: Manifest) -> Iterator[tuple[Fields, Mapping[str, Any], tuple[str, ...]]]:
    known = {_ports(link): link for link in links_of(plain_copy(stored))}
    for link in links_of(wanted):
        old = known.get(_ports(link))
        if old is not None:
            yield from ((side, before, ("ip",)) for side, before in zip(link.sides, old.sides, strict=True))


def _ports(link: WiringLink) -> tuple[str, ...]:
    return (link.type, *(text_in(side, "port") for side in link.sides))
