"""Which fabrics a selector fits: the one translation to SQL, on the real database."""

from __future__ import annotations

import json

import psycopg2
import pytest

from hedgehog.errors import HedgehogError, InvalidInput
from hedgehog.fabric.selectors import Selector, parse_selector
from hedgehog.store import fabrics
from hedgehog.store.database import transaction


@pytest.fixture
def fleet(bench):
    """Four fabrics of two sites; `plain` has no labels."""
    bench.synced_fabric("fra-1", labels={"site": "fra", "tier": "prod"})
    bench.synced_fabric("fra-2", labels={"site": "fra", "tier": "lab"})
    bench.synced_fabric("ber-1", labels={"site": "ber", "acme.com/x": "1"})
    bench.fabric("plain")
    return bench


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("site=fra", ["fra-1", "fra-2"]),
        ("site=fra,tier!=lab", ["fra-1"]),
        ("site!=fra", ["ber-1", "plain"]),
        ("site in (fra,ber),!tier", ["ber-1"]),
        ("site notin (fra,ber)", ["plain"]),
        ("site", ["ber-1", "fra-1", "fra-2"]),
        ("!site", ["plain"]),
        ("acme.com/x=1", ["ber-1"]),
        ("fabric=fra-*", ["fra-1", "fra-2"]),
        ("fabric in (plain,fra-2)", ["fra-2", "plain"]),
        ("repository=ber-*", ["ber-1"]),
        ("cluster!=fra*", ["ber-1", "plain"]),
        ("cluster=fra_1-cluster", []),
        ("site=none", []),
    ],
)
def test_a_selector_fits_what_it_says(fleet, text, names):
    """An underscore is one character, not any; a missing label is not equal to anything."""
    assert fabrics.selected_names(fleet.connection, parse_selector(text)) == names


def test_the_empty_selector_fits_every_fabric(fleet):
    """As `--all`."""
    assert fabrics.selected_names(fleet.connection, Selector()) == ["ber-1", "fra-1", "fra-2", "plain"]


@pytest.mark.parametrize("labels", ['{"a b": "c"}', '{"a": 1}', '{"fabric": "x"}', "[]", '{"a": "b\\n"}'])
def test_the_database_refuses_other_labels_itself(bench, labels):
    """SQL by hand is held to the same syntax."""
    bench.fabric()
    with (
        pytest.raises((HedgehogError, psycopg2.Error), match="fabric_labels_check"),
        transaction(bench.connection) as cursor,
    ):
        cursor.execute("UPDATE hedgehog.fabric SET labels = %s", (labels,))


@pytest.mark.parametrize("variables", ['{"1a": "c"}', '{"a": null}', '{"a": {}}', "[]"])
def test_the_database_refuses_other_variables_itself(bench, variables):
    """The same."""
    with pytest.raises(InvalidInput, match="variables is a mapping of names to strings"):
        fabrics.save_fabric(bench.connection, "lab", {"variables": json.loads(variables)})


def test_labels_and_variables_are_stored_as_given(bench):
    """A number stays a number."""
    fabric = bench.fabric(labels={"site": "fra"}, variables={"vlan": 1200, "name": "x", "on": False})
    assert fabric.labels == {"site": "fra"}
    assert fabric.variables == {"vlan": 1200, "name": "x", "on": False}
