"""Files to fabric database: all or nothing."""

from __future__ import annotations

import io

import pytest

from hedgehog.errors import AlreadyExists, InvalidInput, NotFound, PruneRefused
from hedgehog.fabric.changes import Action
from hedgehog.manifests import yaml
from hedgehog.services.transfer.load import import_documents, read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import SOMEBODY

VPC = "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def vpc(name="vpc-1", spec="{subnets: {a: {subnet: 10.0.1.0/24, vlan: 1001}}}"):
    """A VPC as text."""
    return VPC.format(name=name, spec=spec)


def fabric_document(name="lab", spec="{}"):
    """A configuration document as text."""
    return f"apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def repository_document(name="net", spec="{url: 'https://git.example.com/net.git'}"):
    """A configuration document as text."""
    return f"apiVersion: hedgehog-airflow/v1\nkind: GitRepository\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def load(*texts):
    """The documents of the texts, each a file of its own: f0.yaml, f1.yaml …"""
    return [document for number, text in enumerate(texts) for document in yaml.load(text, file=f"f{number}.yaml")]


@pytest.fixture
def imported(database):
    """Import the texts into the database, whatever a cluster would say of them."""

    def do(*texts, **options):
        return import_documents(database, load(*texts), allow_invalid=True, origin=SOMEBODY, **options)

    return do


def names(database, fabric="lab"):
    """The stored objects of a fabric."""
    row = fabrics.load_fabric(database, fabric)
    return [str(stored.ref) for stored in object_store.load_objects(database, [row.id])[row.id]]


def refused(call, *texts, error=InvalidInput, **options):
    """The lines of the refusal."""
    with pytest.raises(error) as raised:
        call(*texts, **options)
    return str(raised.value).splitlines()


def test_settings_and_objects_are_stored_together(imported, database):
    """The order of the documents does not matter."""
    spec = "{git_repository: net, git_directory: lab, git_sync_enabled: true, asn: 65001}"
    report = imported(vpc(), fabric_document(spec=spec), repository_document())
    assert (report.repositories, report.fabrics) == ({"net": Action.CREATED}, {"lab": Action.CREATED})
    assert (report.fabric, [str(change) for change in report.objects.changes]) == ("lab", ["VPC/default/vpc-1 created"])
    fabric = fabrics.load_fabric(database, "lab")
    assert (fabric.asn, fabric.git_repository.name, names(database)) == (65001, "net", ["VPC/default/vpc-1"])


def test_a_second_import_of_the_same_changes_nothing(imported, database):
    """No new generation either."""
    texts = (repository_document(), fabric_document(spec="{switch_config: {mtu: 9000}}"), vpc())
    imported(*texts)
    before = fabrics.load_fabric(database, "lab")
    report = imported(*texts)
    assert (report.repositories, report.fabrics) == ({"net": Action.UNCHANGED}, {"lab": Action.UNCHANGED})
    assert report.objects.counts()["unchanged"] == 1
    assert fabrics.load_fabric(database, "lab") == before


def test_objects_go_to_the_fabric_that_is_named(imported, database):
    """What was there before stays."""
    imported(fabric_document(), vpc("a"))
    imported(vpc("b"), fabric="lab")
    assert names(database) == ["VPC/default/a", "VPC/default/b"]


def test_replace_removes_what_is_not_imported(imported, database):
    """And says so."""
    imported(fabric_document(), vpc("a"), vpc("b"))
    report = imported(vpc("b", "{mode: l3vni}"), fabric="lab", replace=True)
    assert [str(change) for change in report.objects.changes] == ["VPC/default/b configured", "VPC/default/a deleted"]
    assert names(database) == ["VPC/default/b"]


def test_replace_stops_at_the_prune_threshold(imported, database):
    """Unless somebody means it."""
    many = [vpc(f"v{number:02}") for number in range(12)]
    imported(fabric_document(), *many)
    (line,) = refused(imported, many[0], fabric="lab", replace=True, error=PruneRefused)
    assert line.startswith(
        "lab: 11 of its 12 objects would be removed, more than 10 objects and 20 %; nothing was changed."
    )
    assert len(names(database)) == 12
    imported(many[0], fabric="lab", replace=True, allow_large_prune=True)
    assert len(names(database)) == 1


def test_a_dry_run_answers_like_the_real_thing_and_changes_nothing(imported, database):
    """Refusals of the database included."""
    report = imported(repository_document(), fabric_document(), vpc(), dry_run=True)
    assert (report.fabrics, report.objects.counts()["created"], report.dry_run) == ({"lab": Action.CREATED}, 1, True)
    assert (fabrics.fabric_names(database), fabrics.load_repositories(database)) == ([], [])
    assert "asn is 1 to 4294967295" in refused(imported, fabric_document(spec="{asn: 0}"), dry_run=True)[0]


def test_all_problems_of_all_documents_are_reported_and_nothing_is_stored(imported, database):
    """Each with its place."""
    lines = refused(
        imported,
        fabric_document(spec="{asm: 1}"),
        vpc("a", "{subnets: {a: {vlan: '70000'}}}") + "---\n" + vpc("B"),
        vpc("good"),
        "apiVersion: vpc.githedgehog.com/v1beta1\nkind: Vpc\n",
    )
    assert [line.split(": ")[0] for line in lines] == ["f0.yaml:4:8", "f1.yaml:4:22", "f1.yaml:8:12", "f3.yaml:2:1"]
    assert lines[1] == "f1.yaml:4:22: VPC/default/a: .spec.subnets.a.vlan: '70000' is not an integer; remove the quotes"
    assert fabrics.fabric_names(database) == []


def test_what_the_database_refuses_rolls_everything_back(imported, database):
    """The repository before it, too."""
    collision = fabric_document("LAB")
    imported(fabric_document("lab"))
    refused(imported, repository_document(), collision, vpc(), error=AlreadyExists)
    assert (fabrics.load_repositories(database), names(database)) == ([], [])


def test_a_repository_whose_host_cannot_serve_it_rolls_everything_back(imported, database):
    """It is judged as it would be; one that stays as it is, is not judged again."""
    asking = repository_document(spec="{url: 'https://git.example.com/net.git', push: pull_request}")
    judged = []

    def refuse(repository):
        judged.append(repository.push)
        raise InvalidInput(f"{repository.name}: plain Git does not offer pull requests")

    said = refused(imported, asking, fabric_document(), check_repository=refuse)
    assert said == ["net: plain Git does not offer pull requests"]
    assert (fabrics.load_repositories(database), fabrics.fabric_names(database)) == ([], [])
    imported(asking, check_repository=lambda _: None)
    imported(asking, check_repository=refuse)
    assert judged == ["pull_request"]


def test_an_object_that_is_there_twice_is_refused_with_both_places(imported):
    """A namespace that is filled in counts."""
    (line,) = refused(
        imported, fabric_document(), vpc("a"), "# again\n" + VPC.format(name="a, namespace: default", spec="{}")
    )
    assert line == "f2.yaml:2:1: VPC/default/a appears twice, first in f1.yaml:1:1; remove one"


def test_a_setting_that_is_given_twice_may_not_differ(imported, database):
    """Equal ones are put together."""
    lines = refused(imported, fabric_document(spec="{asn: 1}"), fabric_document(spec="{asn: 2, description: x}"))
    assert lines == ["f1.yaml:4:8: Fabric/lab: .spec.asn: has another value in f0.yaml:4:8; remove one of the two"]
    imported(fabric_document(spec="{asn: 1}"), fabric_document(spec="{asn: 1, description: x}"))
    assert fabrics.load_fabric(database, "lab").description == "x"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (
            [vpc()],
            "which fabric do the objects belong to? no document configures a fabric; say so with --fabric NAME",
        ),
        (
            [fabric_document("a"), fabric_document("b"), vpc()],
            "which fabric do the objects belong to? the documents configure 2 fabrics; say so with --fabric NAME",
        ),
    ],
)
def test_objects_without_a_fabric_are_refused(imported, texts, said):
    """Nobody guesses."""
    assert refused(imported, *texts) == [said]


def test_settings_of_several_fabrics_can_be_imported_together(imported, database):
    """As long as there are no objects."""
    report = imported(fabric_document("a"), fabric_document("b"), repository_document())
    assert (list(report.fabrics), report.fabric) == (["a", "b"], None)


def test_objects_for_one_fabric_beside_the_settings_of_another_are_refused(imported):
    """One of the two is a mistake."""
    (line,) = refused(imported, fabric_document("a"), vpc(), fabric="b")
    assert line == "the documents configure fabric a, not b; leave --fabric out"


def test_an_unknown_fabric_is_refused_with_similar_names(imported):
    """A typo makes no fabric."""
    imported(fabric_document("fabric-1"))
    (line,) = refused(imported, vpc(), fabric="fabrik-1", error=NotFound)
    assert line == "there is no fabric 'fabrik-1'; did you mean fabric-1?"


@pytest.mark.parametrize("spec", ["{kubernetes_namespace: racks}", "{}"])
def test_an_object_that_may_live_anywhere_goes_where_its_fabric_says(imported, database, spec):
    """Now, or as it was said before."""
    imported(fabric_document(spec="{kubernetes_namespace: racks}"))
    group = "apiVersion: wiring.githedgehog.com/v1beta1\nkind: SwitchGroup\nmetadata: {name: g}\nspec: {}\n"
    imported(fabric_document(spec=spec), group)
    imported(group, fabric="lab")
    assert names(database) == ["SwitchGroup/racks/g"]


def test_the_published_fabric_resource_sets_its_eight_fields(imported, database):
    """And no more; a 0 is a 0."""
    imported(fabric_document("Lab", "{asn: 65001, git_drift_policy: adopt, leaf_count: 4}"))
    resource = """
apiVersion: wiring.githedgehog.com/v1alpha2
kind: Fabric
metadata: {name: lab, namespace: hedgehog-system, uid: x}
spec: {name: Lab, description: d, asn: 65002, leaf_count: 0, switch_config: {mtu: 9000}}
status: {phase: in_sync}
"""
    report = imported(resource, vpc())
    assert (report.fabrics, report.fabric) == ({"Lab": Action.CONFIGURED}, "Lab")
    fabric = fabrics.load_fabric(database, "Lab")
    assert (fabric.description, fabric.asn, fabric.leaf_count, fabric.switch_config) == ("d", 65002, 0, {"mtu": 9000})
    assert fabric.git_drift_policy.value == "adopt"


def test_what_is_left_out_is_noted_in_one_line(imported):
    """With the number of objects."""
    exported = (
        VPC.replace("{{name: {name}}}", "{{name: {name}, uid: x, labels: {{fabric.githedgehog.com/vpc: y}}}}")
        + "status: {{}}\n"
    )
    report = imported(fabric_document(), exported.format(name="a", spec="{}"), exported.format(name="b", spec="{}"))
    assert report.notes[:1] == (
        "left out what the cluster sets by itself (in so many objects): "
        "label fabric.githedgehog.com/vpc (2), metadata.uid (2), status (2)",
    )


def test_a_name_that_no_label_can_hold_is_noted(imported):
    """It is allowed, and surprising later."""
    long = "c" * 64
    text = f"apiVersion: wiring.githedgehog.com/v1beta1\nkind: Server\nmetadata: {{name: {long}}}\nspec: {{}}\n"
    report = imported(fabric_document(), text)
    assert report.notes == (f"Server/default/{long}: the name is longer than 63, so no other object can refer to it",)


def test_files_are_read_in_their_order_and_directories_below_each_other(tmp_path):
    """Hidden ones are left out; so is what is not YAML."""
    for name in ("b.yaml", "a/x.yml", "a/deep/y.yaml", ".hidden/z.yaml", "a/.z.yaml", "README.md", "c.txt"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"name: {name}\n")
    (tmp_path / "c.txt").write_text("name: c.txt\n")
    found = read_documents(read_paths([tmp_path / "c.txt", tmp_path, "-", "-"], stdin=io.BytesIO(b"name: stdin\n")))
    assert [document.manifest["name"] for document in found] == ["c.txt", "a/deep/y.yaml", "a/x.yml", "b.yaml", "stdin"]
    assert found[-1].place == "stdin:1"


def test_the_problems_of_all_files_are_reported_at_once(tmp_path):
    """Reading goes on after a bad one."""
    (tmp_path / "a.yaml").write_text("a: [\n")
    (tmp_path / "b.yaml").write_text("a: 1\na: 2\n")
    with pytest.raises(InvalidInput) as raised:
        read_documents(read_paths([tmp_path]))
    lines = str(raised.value).splitlines()
    assert [line.split(":")[0].rsplit("/", 1)[1] for line in lines] == ["a.yaml", "b.yaml"]


def test_a_file_that_is_not_there_is_named():
    """Nothing else is read then."""
    with pytest.raises(NotFound, match=r"/nowhere/x.yaml: there is no such file or directory"):
        read_documents(read_paths(["/nowhere/x.yaml"]))


FLUX = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: net}\n"
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: net}\n"
OVERLAY = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n"


def test_documents_of_other_tools_are_left_alone_with_a_note(imported, database):
    """As in a repository that is taken over; a kustomization that only lists files changes nothing."""
    report = imported(fabric_document(), vpc(), FLUX, CONFIG_MAP, f"{OVERLAY}resources: [f1.yaml]\n", fabric="lab")
    assert names(database) == ["VPC/default/vpc-1"]
    assert [note for note in report.notes if "left alone" in note] == [
        "f2.yaml:1:1: Kustomization is left alone: it is a document of Flux",
        "f3.yaml:1:1: ConfigMap is left alone: it is a document of Kubernetes",
    ]


def test_a_kustomization_that_cannot_be_followed_is_refused(imported, database):
    """The objects would be others than those that it makes."""
    (line,) = refused(imported, fabric_document(), vpc(), f"{OVERLAY}namePrefix: a-\n")
    assert "f2.yaml:1:1: this kustomization cannot be followed, because it has namePrefix" in line
    assert fabrics.fabric_names(database) == []
