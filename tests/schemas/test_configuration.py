"""Our own configuration documents."""

from __future__ import annotations

import pytest

from hedgehog.fabric.model import Fabric
from hedgehog.fabric.render import dump, fabric_resource
from hedgehog.schemas import configuration, intake, yaml

KNOWN = {
    "GitRepository": frozenset({"url", "branch", "connection_id"}),
    "Fabric": frozenset(
        {"description", "asn", "git_sync_enabled", "git_repository", "switch_config", "git_drift_policy", "spine_count"}
        | {"kubernetes_connection_id", "settings"}
    ),
}


def read(text):
    """The settings or problems of the only document."""
    (document,) = yaml.load(text, file="c.yaml")
    (item,) = intake.items(document)
    assert configuration.is_configuration(item.manifest)
    return configuration.read(item, known=KNOWN)


def make(spec, kind="Fabric", metadata="{name: gen}"):
    """A configuration document as text."""
    return f"apiVersion: hedgehog-airflow/v1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


def test_settings_are_what_the_document_says_and_no_more():
    """A null is said, too; a 0 stays 0."""
    found = read(make("{asn: 0, git_repository: null, switch_config: {a: null}, git_drift_policy: adopt}"))
    assert (found.kind, found.name) == ("Fabric", "gen")
    assert found.values == {"asn": 0, "git_repository": None, "switch_config": {"a": None}, "git_drift_policy": "adopt"}
    assert found.place("asn") == "c.yaml:4:8"


def test_a_document_may_say_nothing():
    """Then the fabric is made with what the database takes by default."""
    assert read("apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {name: gen}\n").values == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (make("{asm: 5}"), "c.yaml:4:8: Fabric/gen: .spec.asm: there is no such setting; did you mean asn?"),
        (make("{asn: '5'}"), "c.yaml:4:8: Fabric/gen: .spec.asn: '5' is not an integer"),
        (make("{asn: true}"), "c.yaml:4:8: Fabric/gen: .spec.asn: True is not an integer"),
        (make("{asn: null}"), "c.yaml:4:8: Fabric/gen: .spec.asn: None is not an integer"),
        (make("{git_sync_enabled: 1}"), "c.yaml:4:8: Fabric/gen: .spec.git_sync_enabled: 1 is not true or false"),
        (make("{switch_config: []}"), "c.yaml:4:8: Fabric/gen: .spec.switch_config: [] is not a mapping"),
        (make("{settings: []}"), "c.yaml:4:8: Fabric/gen: .spec.settings: [] is not a mapping"),
        (
            make("{settings: {spine_asn: x}}"),
            "c.yaml:4:19: Fabric/gen: .spec.settings.spine_asn: 'x' is no number from 0",
        ),
        (make("{git_repository: 5}"), "c.yaml:4:8: Fabric/gen: .spec.git_repository: 5 is not a string or null"),
        (
            make("{git_drift_policy: keep}"),
            "c.yaml:4:8: Fabric/gen: .spec.git_drift_policy: 'keep' is not one of hold, overwrite, adopt",
        ),
        (
            make("{url: 'https://ghp_canary@git.example.com/a.git'}", kind="GitRepository"),
            "c.yaml:4:8: GitRepository/gen: .spec.url: the URL carries a login; put it into an Airflow connection",
        ),
        (make("[]"), "c.yaml:4:1: Fabric/gen: spec is no mapping"),
        (make("{}", metadata="{}"), "c.yaml:3:1: Fabric: metadata.name is missing"),
        (
            make("{}", kind="Cluster"),
            "c.yaml:2:1: hedgehog-airflow/v1 has kinds Fabric and GitRepository, not 'Cluster'",
        ),
        (make("{}") + "asn: 5\n", "c.yaml:5:1: Fabric/gen: there is no such field; settings stand under spec"),
    ],
)
def test_a_wrong_document_is_refused_with_its_place(text, said):
    """And with what to do."""
    assert read(text)[0].startswith(said)


def test_all_wrong_settings_are_told():
    """Not the first only."""
    assert len(read(make("{asm: 5, asn: x, git_sync_enabled: 2}"))) == 3


def test_the_published_fabric_resource_sets_what_it_shows():
    """Under its own group or the fallback; the name is that of the database."""
    fabric = Fabric(7, "Lab", "lab", description="d", asn=65001, spine_count=0, switch_config={"mtu": 9000})
    for group in ("wiring.githedgehog.com", "airflow.githedgehog.com"):
        found = read(dump(fabric_resource(fabric, group=group)).decode())
        assert (found.kind, found.name) == ("Fabric", "Lab")
        assert found.values == {
            "description": "d",
            "asn": 65001,
            "spine_count": 0,
            "leaf_count": 0,
            "spine_leaf_links": {},
            "vpc_peering_config": {},
            "switch_config": {"mtu": 9000},
        }


def test_a_fabric_resource_of_another_name_is_refused():
    """Its name and its resource's name are one name."""
    text = dump(fabric_resource(Fabric(7, "Lab", "other"))).decode()
    assert "'Lab' is not the fabric that metadata.name 'other' stands for" in read(text)[0]


def test_a_fabric_resource_has_the_shape_of_its_schema():
    """A zero is an ASN no more than a string is."""
    text = dump(fabric_resource(Fabric(7, "lab", "lab", asn=0))).decode()
    assert ".spec.asn" in read(text)[0]


def test_a_document_is_read_as_it_was_written():
    """The two directions agree."""
    values = {"url": "https://git.example.com/a.git", "branch": "main", "connection_id": None}
    written = configuration.document("GitRepository", "net", values)
    found = read(dump(written).decode())
    assert (found.name, found.values) == ("net", values)
