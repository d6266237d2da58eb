"""Addresses and prefixes say what `ipaddress` says, and refuse what Go refuses."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.fabric.addresses import Address, Prefix, PrefixIndex, parse_address, parse_prefix

NETWORKS = st.one_of(
    st.builds(lambda value, bits: Prefix(4, value, bits), st.integers(0, 2**32 - 1), st.integers(0, 32)),
    st.builds(lambda value, bits: Prefix(6, value, bits), st.integers(0, 2**128 - 1), st.integers(0, 128)),
)
CROWDED = st.builds(lambda value, bits: Prefix(4, 10 << 24 | value << 20, bits), st.integers(0, 15), st.integers(6, 16))
"""Prefixes so close together that they often overlap."""


def python(prefix: Prefix) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    """The same as `ipaddress` has it."""
    return ipaddress.ip_network(str(prefix), strict=False)


@given(NETWORKS)
def test_printed_addresses_are_parsed_back(prefix):
    """For addresses and prefixes of both versions."""
    assert parse_prefix(str(prefix)) == prefix
    assert parse_address(str(prefix.address)) == prefix.address


@given(NETWORKS)
def test_size_and_bounds_agree_with_ipaddress(prefix):
    """With host bits or without."""
    network = python(prefix)
    assert (prefix.size, prefix.first, prefix.last) == (
        network.num_addresses,
        int(network.network_address),
        int(network.broadcast_address),
    )
    assert str(prefix.network) == str(network)


@given(st.one_of(st.tuples(NETWORKS, NETWORKS), st.tuples(CROWDED, CROWDED)))
def test_relations_of_two_prefixes_agree_with_ipaddress(pair):
    """Two versions never meet."""
    one, other = pair
    mine, theirs = python(one), python(other)
    same = one.version == other.version
    assert one.overlaps(other) == (same and mine.overlaps(theirs))
    assert one.covers(other) == (same and theirs.subnet_of(mine))
    assert one.contains(other.address) == (same and ipaddress.ip_address(str(other.address)) in mine)


@given(st.text(alphabet="0123456789.:/abf% ", max_size=24))
def test_whatever_is_parsed_python_parses_too(text):
    """Go's rules are stricter, never laxer."""
    if parse_address(text) is not None:
        ipaddress.ip_address(text)
    if parse_prefix(text) is not None:
        ipaddress.ip_interface(text)


@pytest.mark.parametrize(
    "text",
    [
        *("", "10.0.0", "10.0.0.0.0", "10.0.0.256", "010.0.0.1", "10.0.0.1 ", " 10.0.0.1", "10.0.0.1\n", "1723020011"),
        *("::1%eth0", "1::2::3", "12345::", "٣.0.0.1", "10.0.0.-1", "+1.0.0.0", "10,0,0,1"),
    ],
)
def test_addresses_that_go_refuses_are_refused(text):
    """Leading zeros, zones, spaces, digits of other scripts."""
    assert parse_address(text) is None


@pytest.mark.parametrize(
    "text", ["", "10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/08", "10.0.0.0/+8", "10.0.0.0/8/8", "/8", "::/129"]
)
def test_prefixes_that_go_refuses_are_refused(text):
    """Lengths without a number, out of bounds, with zeros or signs in front."""
    assert parse_prefix(text) is None


def test_an_ipv4_mapped_address_is_ipv6():
    """As netip reads it."""
    assert parse_address("::ffff:10.0.0.1") == Address(6, 0xFFFF << 32 | 10 << 24 | 1)


def test_host_bits_are_kept_except_in_the_network():
    """10.0.1.7/24 is accepted upstream."""
    prefix = parse_prefix("10.0.1.7/24")
    assert prefix is not None
    assert (str(prefix), str(prefix.network), str(prefix.address)) == ("10.0.1.7/24", "10.0.1.0/24", "10.0.1.7")


@given(st.lists(st.tuples(st.sampled_from(["add", "remove"]), CROWDED, st.integers(0, 3)), max_size=40), CROWDED)
def test_an_index_agrees_with_a_scan_of_all_prefixes(changes, asked):
    """After any additions and removals; an owner that noted a prefix twice is found twice."""
    index: PrefixIndex[int] = PrefixIndex()
    noted: list[tuple[Prefix, int]] = []
    for change, prefix, owner in changes:
        entry = (prefix.network, owner)
        if change == "add":
            index.add(prefix, owner)
            noted.append(entry)
        elif entry in noted:
            index.remove(prefix, owner)
            noted.remove(entry)
    found = sorted(index.overlapping(asked))
    assert found == sorted(entry for entry in noted if entry[0].overlaps(asked))


def test_removing_every_prefix_empties_the_index():
    """An index of a fabric that changes for years does not grow."""
    index: PrefixIndex[str] = PrefixIndex()
    prefix = Prefix(4, 10 << 24, 24)
    index.add(prefix, "a")
    index.remove(prefix, "a")
    assert vars(index) == vars(PrefixIndex())
