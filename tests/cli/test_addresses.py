"""`hedgehog addresses`."""

from __future__ import annotations

import json

import pytest

from devstack import unhydrated
from tests.cli.lab import connection_uri, hedgehog

__all__ = ["connection_uri", "hedgehog"]


@pytest.fixture
def lab(hedgehog, tmp_path):
    """The command, with a hydrated fabric."""
    unhydrated.write(tmp_path / "lab", unhydrated.make_fab(), unhydrated.make_wiring())
    assert hedgehog("fabric", "import", "--fabric", "lab", tmp_path / "lab")[0] == 0
    return hedgehog


def test_the_totals_of_every_range_are_shown(lab):
    """Used, free, and what comes next."""
    status, out, _ = lab("addresses", "lab")
    lines = {line.split()[0]: line.split() for line in out.splitlines()[1:]}
    assert (status, list(lines)) == (0, ["management", "dummy", "protocol", "vtep", "links", "leaf-asn"])
    assert lines["leaf-asn"] == ["leaf-asn", "65101", "-", "65533", "2", "431", "65103"]


def test_a_range_lists_who_has_what(lab):
    """Or all of them as JSON."""
    out = lab("addresses", "lab", "leaf-asn")[1]
    assert out.splitlines()[1].split() == ["leaf-asn", "65101", "Switch/default/leaf-01", "spec.asn"]
    data = json.loads(lab("addresses", "lab", "--output", "json")[1])
    assert [one["name"] for one in data["ranges"]][-1] == "leaf-asn"
    assert data["ranges"][-1]["uses"][0]["object"] == "Switch/default/leaf-01"


def test_an_unknown_range_is_refused_with_a_hint(lab):
    """As an unknown fabric is."""
    status, _, err = lab("addresses", "lab", "leaf-asns")
    assert (status, "did you mean leaf-asn?" in err) == (1, True)
    assert lab("addresses", "nope")[0] == 1
