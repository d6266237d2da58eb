"""What each fabric owns in each cluster."""

from __future__ import annotations

import pytest

from hedgehog.fabric.model import ObjectRef
from hedgehog.store import inventory
from hedgehog.store.database import transaction
from tests.store.benches import make_vpc


def ref(name):
    """A VPC by name."""
    return ObjectRef("VPC", "default", name)


@pytest.fixture
def record(bench):
    """Write what a sync did."""

    def write(fabric, cluster="one", applied=(), adopted=(), gone=()):
        with transaction(bench.connection) as cursor:
            inventory.record(
                cursor,
                cluster,
                fabric.id,
                applied={ref(name): make_vpc(name) for name in applied},
                adopted={ref(name): make_vpc(name, mode="l3vni") for name in adopted},
                gone=[ref(name) for name in gone],
            )

    return write


def owned(bench, fabrics, cluster="one", names=()):
    """Names, owners and adoption of what is owned."""
    found = inventory.owned(bench.connection, cluster, [fabric.id for fabric in fabrics], [ref(name) for name in names])
    return {entry.name: (one.fabric, one.adopted) for entry, one in found.items()}


def test_what_was_applied_is_owned_until_it_is_gone(bench, record):
    """In that cluster only."""
    lab = bench.fabric()
    record(lab, applied=["a", "b"])
    record(lab, gone=["a"])
    assert owned(bench, [lab]) == {"b": ("lab", False)}
    assert owned(bench, [lab], cluster="two") == {}


def test_the_owner_of_a_wanted_object_is_known_even_if_it_is_another_fabric(bench, record):
    """So that nobody takes it."""
    lab, other = bench.fabric(), bench.fabric("other")
    record(other, applied=["theirs", "not-asked"])
    assert owned(bench, [lab], names=["theirs", "nobodys"]) == {"theirs": ("other", False)}


def test_another_fabric_cannot_take_over_or_forget_what_is_owned(bench, record):
    """The first one keeps it."""
    lab, other = bench.fabric(), bench.fabric("other")
    record(lab, applied=["a"])
    record(other, applied=["a"])
    record(other, gone=["a"])
    assert owned(bench, [lab, other]) == {"a": ("lab", False)}


def test_what_was_adopted_is_ours_once_it_was_applied(bench, record):
    """And stays so when it is found as wanted again."""
    lab = bench.fabric()
    record(lab, adopted=["a"])
    assert owned(bench, [lab]) == {"a": ("lab", True)}
    record(lab, applied=["a"])
    record(lab, adopted=["a"])
    assert owned(bench, [lab]) == {"a": ("lab", False)}


def test_the_manifest_is_that_of_the_last_sync(bench, record):
    """What a three-way comparison needs."""
    lab = bench.fabric()
    record(lab, applied=["a"])
    record(lab, adopted=["a"])
    (found,) = inventory.owned(bench.connection, "one", [lab.id], []).values()
    assert found.manifest == make_vpc("a", mode="l3vni")
