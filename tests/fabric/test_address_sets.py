"""Sets of addresses hold exactly what they are said to hold."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.address_sets import address_set
from hedgehog.fabric.addresses import Prefix, parse_prefix

BITS = st.integers(24, 32)
PREFIXES = st.lists(
    st.builds(lambda bits, host: Prefix(4, 0x0A000000 + host, bits), BITS, st.integers(0, 255)), max_size=6
)


def numbers(prefixes) -> set[int]:
    """Every address of *prefixes*."""
    return {number for prefix in prefixes for number in range(prefix.first, prefix.last + 1)}


@given(PREFIXES, PREFIXES)
def test_a_set_is_what_is_included_without_what_is_excluded(included, excluded):
    """Whatever overlaps, repeats or lies elsewhere; as prefixes that do not overlap and cannot be joined."""
    found = address_set(included, excluded)
    expected = numbers(included) - numbers(excluded)
    assert found.size == len(expected)
    assert numbers(found.prefixes) == expected
    assert sum(prefix.size for prefix in found.prefixes) == len(expected)
    siblings = {(prefix.first ^ prefix.size, prefix.bits) for prefix in found.prefixes}
    assert not siblings & {(prefix.first, prefix.bits) for prefix in found.prefixes}


@given(PREFIXES, PREFIXES)
def test_two_sets_overlap_if_they_share_an_address(one, other):
    """And then there are two prefixes that do."""
    left, right = address_set(one), address_set(other)
    assert left.overlaps(right) == bool(numbers(one) & numbers(other))
    shared = left.shared(right)
    assert (shared is not None) == left.overlaps(right)
    assert shared is None or shared[0].overlaps(shared[1])


def test_ipv4_and_ipv6_are_apart():
    """Also where their numbers are the same."""
    mixed = address_set([parse_prefix("0.0.0.0/32"), parse_prefix("::/128")])
    assert [str(prefix) for prefix in mixed.prefixes] == ["0.0.0.0/32", "::/128"]
    assert not address_set([parse_prefix("0.0.0.0/0")]).overlaps(address_set([parse_prefix("::/0")]))
