"""Our own configuration documents."""

from __future__ import annotations

import pytest

from hedgehog.fabric.model import Fabric
from hedgehog.fabric.render import dump, fabric_resource
from hedgehog.fabric.settings import FabricSettings
from hedgehog.manifests import configuration, intake, yaml
from hedgehog.store import fabrics as store


def document(text):
    """The settings of the only document."""
    found = read(text)
    assert isinstance(found, configuration.Settings), found
    return found


def read(text):
    """The settings or problems of the only document."""
    (document,) = yaml.load(text, file="c.yaml")
    (item,) = intake.items(document)
    assert configuration.is_configuration(item.manifest)
    return configuration.read_configuration(item)


def make(spec, kind="Fabric", metadata="{name: gen}"):
    """A configuration document as text."""
    return f"apiVersion: hedgehog-airflow/v1\nkind: {kind}\nmetadata: {metadata}\nspec: {spec}\n"


def test_a_document_sets_only_what_it_names():
    """A null is a value, too; a 0 stays 0."""
    found = read(make("{asn: 1, git_repository: null, switch_config: {a: null}, git_drift_policy: adopt}"))
    assert (found.kind, found.name) == ("Fabric", "gen")
    assert found.values == {"asn": 1, "git_repository": None, "switch_config": {"a": None}, "git_drift_policy": "adopt"}
    assert found.place("asn") == "c.yaml:4:8"


def test_a_document_may_set_nothing():
    """Then the fabric is created with the database's defaults."""
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
            "c.yaml:4:19: Fabric/gen: .spec.settings.spine_asn: 'x' is not a number from 0",
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
        (
            make("{url: 'HTTPS://u:ghp_canary@git.example.com/a.git'}", kind="GitRepository"),
            "c.yaml:4:8: GitRepository/gen: .spec.url: 'HTTPS://***@git.example.com/a.git' is not the URL of a Git repository",
        ),
        (
            make("{branch: refs/heads/main}", kind="GitRepository"),
            "c.yaml:4:8: GitRepository/gen: .spec.branch: 'refs/heads/main' is not the name of one branch; write its short",
        ),
        (
            make("{url: 'https://[::1/x'}", kind="GitRepository"),
            "c.yaml:4:8: GitRepository/gen: .spec.url: 'https://[::1/x' is not the URL of a Git repository",
        ),
        (make("[]"), "c.yaml:4:1: Fabric/gen: .spec: [] is not a mapping"),
        (make("{}", metadata="{}"), "c.yaml:3:1: Fabric: .metadata.name: is missing"),
        (
            make("{}", metadata="{name: 4711}"),
            "c.yaml:3:12: Fabric: .metadata.name: 4711 is not a string; write it in quotes if that is the name",
        ),
        (
            make("{}", kind="Cluster"),
            "c.yaml:2:1: .kind: hedgehog-airflow/v1 has kinds Fabric and GitRepository, not 'Cluster'",
        ),
        (make("{}") + "asn: 5\n", "c.yaml:5:1: Fabric/gen: .asn: there is no such field; settings belong under spec"),
    ],
)
def test_an_invalid_document_is_refused_with_its_place(text, said):
    """And with what to do."""
    assert read(text)[0].startswith(said)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("{asn: 99999999999}", ".spec.asn: 99999999999 is out of bounds; asn is 1 to 4294967295"),
        ("{spine_count: 2147483648}", ".spec.spine_count: 2147483648 is out of bounds"),
        ("{leaf_count: -1}", ".spec.leaf_count: -1 is out of bounds"),
        ("{resync_seconds: 59}", ".spec.resync_seconds: 59 is out of bounds; resync_seconds is 60 to 86400"),
        ("{prune_max_percent: 101}", ".spec.prune_max_percent: 101 is out of bounds"),
        ("{git_directory: ../x}", ".spec.git_directory: '../x' is not a relative path"),
        ("{kubernetes_namespace: A_B}", ".spec.kubernetes_namespace: 'A_B' is not a Kubernetes name"),
        ("{kubernetes_connection_id: 'a b'}", ".spec.kubernetes_connection_id: 'a b' is not 1 to 200 letters"),
        (
            "{drift_policies: {VPC: report, Servr: report}}",
            ".spec.drift_policies: 'Servr' is not a kind; did you mean Server?",
        ),
        ("{drift_policies: {VPC: keep}}", ".spec.drift_policies: 'keep' is none of report, correct, adopt"),
        ("{settings: {spine_asn: 99999999999}}", ".spec.settings.spine_asn: 99999999999 is too large"),
        ("{settings: {enforce: true}}", ".spec.settings.enforce: there is no such setting; did you mean enforced?"),
    ],
)
def test_a_value_that_the_fabric_database_would_refuse_is_refused(spec, said):
    """With its place, before anybody asks the database."""
    (line,) = read(make(spec))
    assert line.startswith("c.yaml:4:")
    assert said in line


@pytest.mark.parametrize(
    "version", ["hedgehog-airflow/v2", "hedgehog_airflow/v1", "hedgehog-airfow/v1", "hedgehog-airflow"]
)
def test_a_mistyped_api_version_is_not_another_product(version):
    """It would be left out, and the setting silently not set."""
    (line,) = read(make("{asn: 5}").replace("hedgehog-airflow/v1", version))
    assert line == f"c.yaml:1:1: .apiVersion: {version!r} is not served; write hedgehog-airflow/v1"


def test_the_settings_are_those_of_the_fabric_database():
    """One list, derived from the models; the columns of `save_…` are the same."""
    assert {
        "GitRepository": store.REPOSITORY_SETTINGS,
        "Fabric": store.FABRIC_SETTINGS | {"git_repository"},
    } == configuration.SETTINGS


def test_git_cannot_set_whether_rules_are_enforced():
    """Neither to switch it off nor, by saying nothing of it, to switch it on."""
    on, off = Fabric(1, "gen", "gen"), Fabric(1, "gen", "gen", settings=FabricSettings(enforced=False))
    for fabric, value in ((on, "false"), (off, "true")):
        found = document(make(f"{{description: x, settings: {{enforced: {value}}}}}"))
        values, (problem,) = configuration.taken_from_git(found, fabric)
        assert values == {"description": "x"}
        assert str(problem).startswith(
            ".spec.settings.enforced: is set in the fabric database, not in Git: a push must not"
        )
    values, problems = configuration.taken_from_git(document(make("{settings: {spine_asn: 65000}}")), off)
    assert (values, problems) == ({"settings": {"spine_asn": 65000, "enforced": False}}, [])


def test_all_invalid_settings_are_reported():
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


def test_documents_are_written_and_read_back():
    """The two directions agree."""
    values = {"url": "https://git.example.com/a.git", "branch": "main", "connection_id": None}
    written = configuration.document("GitRepository", "net", values)
    found = read(dump(written).decode())
    assert (found.name, found.values) == ("net", values)
