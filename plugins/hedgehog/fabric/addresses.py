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


_Key = tuple[int, int, int]
"""Version, value and length, as a `Prefix` has them: equal to one, and cheaper to make."""
_STEP = 4
"""With a shorter step adding costs more; with a longer one, a search inside a prefix looks at more prefixes outside."""
_ADDRESSES = {4: ipaddress.IPv4Address, 6: ipaddress.IPv6Address}
_WIDTHS = {4: 32, 6: 128}


@functools.lru_cache(maxsize=1 << 16)
def parse_address(text: str) -> Address | None:
    """The address that `netip.ParseAddr` reads, without a zone; None where that fails."""
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
    """The prefix that `netip.ParsePrefix` reads, host bits kept; None where that fails."""
    head, slash, tail = text.rpartition("/")
    address = parse_address(head) if slash else None
    if address is None or not _BITS.fullmatch(tail):
        return None
    bits = int(tail)
    return Prefix(address.version, address.value, bits) if bits <= _WIDTHS[address.version] else None


def parse_cidr(text: str) -> Prefix | None:
    """The prefix that `net.ParseCIDR` reads, host bits kept: unlike `netip.ParsePrefix` it accepts `10.0.0.0/08`."""
    head, _, bits = text.rpartition("/")
    return parse_prefix(f"{head}/{int(bits)}" if bits.isascii() and bits.isdigit() else text)


class PrefixIndex(Generic[Owner]):
    """Prefixes with their owners, searched for overlaps. What an operation costs does not depend on how many it holds."""

    def __init__(self) -> None:
        self._owners: dict[_Key, list[Owner]] = {}
        self._lengths: dict[tuple[int, int], int] = {}
        """How many prefixes there are of each version and length: no others need to be searched for."""
        self._below: dict[_Key, dict[Prefix, None]] = {}
        """The prefixes below each ancestor of each prefix, at every _STEP-th length."""

    def add(self, prefix: Prefix, owner: Owner) -> None:
        """Note that *owner* uses *prefix*."""
        network = prefix.network
        owners = self._owners.get(network)
        if owners is None:
            owners = self._owners[network] = []
            length = network.version, network.bits
            self._lengths[length] = self._lengths.get(length, 0) + 1
            for ancestor in _steps(network):
                self._below.setdefault(ancestor, {})[network] = None
        owners.append(owner)

    def remove(self, prefix: Prefix, owner: Owner) -> None:
        """Undo one `add`."""
        network = prefix.network
        owners = self._owners[network]
        owners.remove(owner)
        if not owners:
            del self._owners[network]
            self._forget(network)

    def overlapping(self, prefix: Prefix) -> Iterator[tuple[Prefix, Owner]]:
        """Every prefix in the index that shares an address with *prefix*, with its owner; wider ones first."""
        network = prefix.network
        for found in (*self._around(network), *self._inside(network)):
            for owner in self._owners.get(found, ()):
                yield found, owner

    def _around(self, network: Prefix) -> Iterator[Prefix]:
        """The prefixes that cover *network*, itself included, of lengths that the index has."""
        width = _WIDTHS[network.version]
        for version, bits in sorted(self._lengths):
            if version == network.version and bits <= network.bits:
                yield Prefix(version, network.value >> (width - bits) << (width - bits), bits)

    def _inside(self, network: Prefix) -> Iterator[Prefix]:
        """The prefixes in the index that are inside *network* and longer."""
        shift = _WIDTHS[network.version] - network.bits
        step = network.bits - network.bits % _STEP
        start = _WIDTHS[network.version] - step
        below = self._below.get((network.version, network.value >> start << start, step), ())
        if step == network.bits:
            return iter(below)
        number = network.value >> shift
        return (found for found in below if found.bits > network.bits and found.value >> shift == number)

    def _forget(self, network: Prefix) -> None:
        length = network.version, network.bits
        self._lengths[length] -= 1
        if not self._lengths[length]:
            del self._lengths[length]
        for ancestor in _steps(network):
            below = self._below[ancestor]
            del below[network]
            if not below:
                del self._below[ancestor]


def _steps(network: Prefix) -> Iterator[_Key]:
    """The ancestors of *network* at every _STEP-th length."""
    version, value, bits = network
    for step in range(0, bits, _STEP):
        shift = _WIDTHS[version] - step
        yield version, value >> shift << shift, step
