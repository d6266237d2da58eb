"""Sets of addresses: what a list of prefixes includes without what another one excludes. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from hedgehog.fabric.addresses import Prefix

_WIDTHS = {4: 32, 6: 128}
Span = tuple[int, int, int]
"""Version, first and last address."""


@dataclass(frozen=True)
class AddressSet:
    """Addresses as the fewest spans, in order; spans never touch each other."""

    spans: tuple[Span, ...]

    @property
    def size(self) -> int:
        """How many addresses it has."""
        return sum(last - first + 1 for _, first, last in self.spans)

    @cached_property
    def prefixes(self) -> tuple[Prefix, ...]:
        """The fewest prefixes that have the same addresses."""
        return tuple(prefix for span in self.spans for prefix in _prefixes(*span))

    def overlaps(self, other: AddressSet) -> bool:
        """Whether they share an address."""
        return any(_overlap(one, another) for one in self.spans for another in other.spans)

    def shared(self, other: AddressSet) -> tuple[Prefix, Prefix] | None:
        """The first two prefixes, one of each, that share an address; None where none do."""
        if not self.overlaps(other):
            return None
        pairs = ((one, another) for one in self.prefixes for another in other.prefixes)
        return next(pair for pair in pairs if pair[0].overlaps(pair[1]))

    def __bool__(self) -> bool:
        return bool(self.spans)


def address_set(included: Iterable[Prefix], excluded: Iterable[Prefix] = ()) -> AddressSet:
    """The addresses of *included* that are not in *excluded*."""
    spans = joined(_span(prefix) for prefix in included)
    for prefix in excluded:
        spans = [part for span in spans for part in _without(span, _span(prefix))]
    return AddressSet(tuple(spans))


def joined(spans: Iterable[Span]) -> list[Span]:
    """The fewest spans with the same addresses, in order."""
    result: list[Span] = []
    for version, first, last in sorted(spans):
        if result and result[-1][0] == version and first <= result[-1][2] + 1:
            result[-1] = (version, result[-1][1], max(last, result[-1][2]))
        else:
            result.append((version, first, last))
    return result


def _span(prefix: Prefix) -> Span:
    return prefix.version, prefix.first, prefix.last


def _overlap(one: Span, other: Span) -> bool:
    return one[0] == other[0] and one[1] <= other[2] and other[1] <= one[2]


def _without(span: Span, gap: Span) -> Iterator[Span]:
    if not _overlap(span, gap):
        yield span
        return
    version, first, last = span
    if first < gap[1]:
        yield version, first, gap[1] - 1
    if gap[2] < last:
        yield version, gap[2] + 1, last


def _prefixes(version: int, first: int, last: int) -> Iterator[Prefix]:
    width = _WIDTHS[version]
    while first <= last:
        aligned = width if first == 0 else (first & -first).bit_length() - 1
        host_bits = min(aligned, (last - first + 1).bit_length() - 1)
        yield Prefix(version, first, width - host_bits)
        first += 1 << host_bits
