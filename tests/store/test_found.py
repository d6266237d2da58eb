"""Objects of all fabrics are found by the words in them."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devstack.objects import make, make_server
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.search import parse_wanted, places, words_of
from hedgehog.services.browse.find import found_page
from hedgehog.services.transfer.load import read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.store.database import jsonb, transaction
from hedgehog.store.fabrics import load_fabric, save_fabric
from hedgehog.store.objects import save_objects
from tests.cli.lab import ROOT

LINK = {"unbundled": {"link": {"server": {"port": "server-17/enp1"}, "switch": {"port": "leaf-1/E1/7"}}}}
PEERING = {"permit": [{"vpc-1": {"subnets": ["default"]}, "vpc-2": {}}]}
GATEWAY_PEERING = {"peering": {"vpc-1": {"expose": [{"ips": [{"cidr": "10.3.0.0/16"}]}]}, "ext.internet": {}}}
EXTERNAL = {"ipv4Namespace": "default", "inboundCommunity": "65102:5000", "outboundCommunity": "50000:50001"}


@pytest.fixture
def fleet(database):
    """Two fabrics."""
    objects = {
        "ams": [
            make("VPC", "vpc-1", {"subnets": {"web": {"subnet": "10.3.0.0/24", "vlan": 1200}}, "mtu": 1200}),
            make("VPCPeering", "vpc-1--vpc-2", PEERING),
            make("IPv4Namespace", "default", {"subnets": ["10.0.0.0/8"]}),
        ],
        "fra": [
            make("VPC", "vpc-1", {"subnets": {"db": {"subnet": "10.4.0.0/24", "vlan": 1300}}}),
            make_server("server-17"),
            make("Connection", "server-17--leaf-1", LINK),
            make("External", "internet", EXTERNAL),
            make("GatewayPeering", "out", GATEWAY_PEERING),
        ],
    }
    for name, manifests in objects.items():
        save_fabric(database, name, {})
        save_objects(database, load_fabric(database, name).id, manifests)
    return database


def found(database, text, **options):
    """Fabric, object and fields of what is found."""
    page = found_page(database, text, **{"limit": 100, **options})
    return [(one["fabric"], f"{one['kind']}/{one['name']}", [at["path"] for at in one["places"]]) for one in page.items]


def test_a_number_is_found_in_every_field_or_in_one(fleet):
    """A VLAN is only a number to those who do not say more."""
    web = ".spec.subnets.web.vlan"
    assert found(fleet, "1200") == [("ams", "VPC/vpc-1", [".spec.mtu", web])]
    assert found(fleet, "vlan=1200") == [("ams", "VPC/vpc-1", [web])]
    assert found(fleet, "vlan=1201") == []


def test_an_address_is_found_in_the_subnets_that_contain_it(fleet):
    """A subnet as well, in itself and in those around it."""
    namespace = ("ams", "IPv4Namespace/default", [".spec.subnets[0]"])
    ams = [namespace, ("ams", "VPC/vpc-1", [".spec.subnets.web.subnet"])]
    peering = ("fra", "GatewayPeering/out", [".spec.peering.vpc-1.expose[0].ips[0].cidr"])
    assert found(fleet, "10.3.0.7") == [*ams, peering]
    assert found(fleet, "10.3.0.0/24") == [*ams, peering]
    assert found(fleet, "10.3.0.0/20") == [namespace, peering]
    assert found(fleet, "subnet=10.3.0.7") == ams[1:]
    assert found(fleet, "11.3.0.7") == []


def test_a_name_is_found_where_it_is_a_part_or_a_key(fleet):
    """A server in its connections, a VPC in its peerings, an external in the way that gateway peerings write it."""
    assert found(fleet, "server-17") == [
        ("fra", "Connection/server-17--leaf-1", [".spec.unbundled.link.server.port"]),
        ("fra", "Server/server-17", [".metadata.name"]),
    ]
    assert ("ams", "VPCPeering/vpc-1--vpc-2", [".spec.permit[0].vpc-2"]) in found(fleet, "vpc-2")
    assert ("fra", "GatewayPeering/out", [".spec.peering.ext.internet"]) in found(fleet, "internet")
    assert found(fleet, "65102:5000") == [("fra", "External/internet", [".spec.inboundCommunity"])]


def test_one_fabric_can_be_searched(fleet):
    """Which must exist."""
    assert [one[0] for one in found(fleet, "vpc-1", fabric="fra")] == ["fra", "fra"]
    with pytest.raises(NotFound, match="did you mean fra"):
        found_page(fleet, "vpc-1", fabric="fr", limit=1)


@pytest.mark.parametrize("text", ["vpc-1", "subnet=10.3.0.7", "1200"])
def test_what_is_found_comes_page_by_page(fleet, text):
    """Each object once, by fabric and name."""
    whole = found_page(fleet, text, limit=100)
    pages, cursor = [], None
    while True:
        page = found_page(fleet, text, limit=1, cursor=cursor)
        pages += page.items
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == list(whole.items)
    assert len({(one["fabric"], one["ref"]) for one in pages}) == len(pages) > 0


@pytest.mark.parametrize("text", ["", "  ", "vlan= ", "a\0b"])
def test_there_must_be_something_to_look_for(fleet, text):
    """Otherwise everything would be found."""
    with pytest.raises(InvalidInput, match="there is nothing to look for"):
        found_page(fleet, text, limit=1)


def test_an_object_that_cannot_be_read_hides_no_other(fleet):
    """PostgreSQL has numbers that no client has."""
    with transaction(fleet) as cursor:
        cursor.execute(
            "UPDATE hedgehog.fabric_object SET manifest = jsonb_set(manifest, '{spec,weight}', '1e400') WHERE name = 'server-17'"
        )
    assert [one[1] for one in found(fleet, "server-17")] == ["Connection/server-17--leaf-1", "Server/server-17"]


def test_a_search_uses_the_index(fleet):
    """And costs the same with a million objects."""
    with transaction(fleet) as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(
            "EXPLAIN SELECT name FROM hedgehog.fabric_object WHERE hedgehog.words_of(manifest) && ARRAY['1200']"
        )
        plan = "\n".join(row[0] for row in cursor.fetchall())
    assert "fabric_object_words" in plan


TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), max_size=8) | st.sampled_from(
    ["server-1/enp1", "/", "a//b", "10.3.0.0/24", "x" * 201]
)
VALUES = st.recursive(
    TEXTS | st.integers(-(2**63), 2**64 - 1) | st.booleans() | st.none() | st.floats(1e-5, 1e20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
SPECS = st.dictionaries(st.sampled_from(["permit", "peering", "subnets"]), VALUES) | VALUES


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spec=SPECS)
def test_the_database_finds_the_same_words_as_we_do(database, spec):
    """The index and the fields that are shown must agree."""
    manifest = {"metadata": {"name": "one"}, "spec": spec}
    assert _stored_words(database, manifest) == words_of(manifest)


def _stored_words(database, manifest):
    with transaction(database) as cursor:
        cursor.execute("SELECT hedgehog.words_of(%s)", (jsonb(manifest),))
        return frozenset(cursor.fetchone()[0])


def test_every_word_of_an_object_finds_it(database):
    """In the example fabric, which has most kinds."""
    documents = read_documents(read_paths([ROOT / "examples" / "gen"]))
    assert len(documents) > 70
    for manifest in (document.manifest for document in documents):
        words = _stored_words(database, manifest)
        assert words == words_of(manifest)
        assert all(places(manifest, parse_wanted(word)) for word in words if word.strip() and "=" not in word)
