"""IPv4 and IPv6 addresses and prefixes as Go's net/netip reads them, which is stricter than `ipaddress` in places.

Pure. Values are plain tuples of integers: comparing thousands of subnets must be cheap.
"""

from __future__ import annotations

import functools
import ipaddress
import re
from collections.abc import Hashable, Iterator
from typing import Generic, NamedTuple, TypeVar

Owner = TypeVar("Owner", bound=Hashable)

_V4 = re.compile(r"(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})\.(0|[1-9][0-9]{0,2})", re.ASCII)
_BITS = re.compile(r"0|[1-9][0-9]{0,2}", re.ASCII)


class Address(NamedTuple):
    """One address: version 4 or 6, and its number."""

    version: int
    value: int

    def __str__(self) -> str:
        return str(_ADDRESSES[self.version](self.value))


class Prefix(NamedTuple):
    """An address with a prefix length. The address may have host bits, as in `10.0.1.7/24`."""

    version: int
    value: int
    bits: int

    @property
    def size(self) -> int:
        """How many addresses it spans."""
        return int(1 << (_WIDTHS[self.version] - self.bits))

    @property
    def first(self) -> int:
        """The number of its network address."""
        return self.value & -self.size

    @property
    def last(self) -> int:
        """The number of its broadcast address."""
        return self.first + self.size - 1

    @property
    def network(self) -> Prefix:
        """The same without host bits."""
        return Prefix(self.version, self.first, self.bits)

    @property
    def address(self) -> Address:
        """The address alone."""
        return Address(self.version, self.value)

    def contains(self, address: Address) -> bool:
        """Whether *address* is inside."""
        return address.version == self.version and self.first <= address.value <= self.last

    def covers(self, other: Prefix) -> bool:
        """Whether all of *other* is inside."""
        return other.version == self.version and self.first <= other.first and other.last <= self.last

    def overlaps(self, other: Prefix) -> bool:
        """Whether they share an address."""
        return other.version == self.version and self.first <= other.last and other.first <= self.last

    def __str__(self) -> str:
        return f"{self.address}/{self.bits}"


_ADDRESSES = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
_WIDTHS = {4: 32, 6: 128}


@functools.lru_cache(maxsize=1 << 16)
def parse_address(text: str) -> Address | None:
    """The address that `netip.ParseAddr` reads, without a zone; None where it refuses."""
    match = _V4.fullmatch(text)
    if match is not None:
        a, b, c, d = (int(part) for part in match.groups())
        return Address(4, a << 24 | b << 16 | c << 8 | d) if max(a, b, c, d) <= 255 else None
    if ":" not in text or "%" in text or not text.isascii():
        return None
    try:
        return Address(6, int(ipaddress.IPv6Address(text)))
    except ValueError:
        return None


@functools.lru_cache(maxsize=1 << 16)
def parse_prefix(text: str) -> Prefix | None:
    """The prefix that `netip.ParsePrefix` reads, host bits kept; None where it refuses."""
    head, slash, tail = text.rpartition("/")
    address = parse_address(head) if slash else None
    if address is None or not _BITS.fullmatch(tail):
        return None
    bits = int(tail)
    return Prefix(address.version, address.value, bits) if bits <= _WIDTHS[address.version] else None


def parse_cidr(text: str) -> Prefix | None:
    """The prefix that `net.ParseCIDR` reads, host bits kept: unlike `netip.ParsePrefix` it takes `10.0.0.0/08`."""
    head, _, bits = text.rpartition("/")
    return parse_prefix(f"{head}/{int(bits)}" if bits.isascii() and bits.isdigit() else text)


class PrefixIndex(Generic[Owner]):
    """Prefixes with their owners, asked for overlaps. Adding, removing and asking cost the same however many it holds."""

    def __init__(self) -> None:
        # For each prefix length in use: the prefixes of that length, and for each of their ancestors how many are below.
        self._owners: dict[Prefix, list[Owner]] = {}
        self._below: dict[Prefix, dict[Prefix, None]] = {}

    def add(self, prefix: Prefix, owner: Owner) -> None:
        """Note that *owner* uses *prefix*."""
        network = prefix.network
        owners = self._owners.setdefault(network, [])
        if not owners:
            for ancestor in _ancestors(network):
                self._below.setdefault(ancestor, {})[network] = None
        owners.append(owner)

    def remove(self, prefix: Prefix, owner: Owner) -> None:
        """Undo one `add`."""
        network = prefix.network
        owners = self._owners[network]
        owners.remove(owner)
        if not owners:
            del self._owners[network]
            for ancestor in _ancestors(network):
                below = self._below[ancestor]
                del below[network]
                if not below:
                    del self._below[ancestor]

    def overlapping(self, prefix: Prefix) -> Iterator[tuple[Prefix, Owner]]:
        """Every noted prefix that shares an address with *prefix*, with its owner."""
        network = prefix.network
        for found in (*_ancestors(network), network, *self._below.get(network, ())):
            for owner in self._owners.get(found, ()):
                yield found, owner


def _ancestors(network: Prefix) -> Iterator[Prefix]:
    version, value, width = network.version, network.value, _WIDTHS[network.version]
    for bits in range(network.bits - 1, -1, -1):
        yield Prefix(version, value & -(1 << (width - bits)), bits)
