"""An import takes what `validate` takes of the fabric as it would be, and never takes a file it cannot read for none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from hedgehog.errors import AlreadyExists, InvalidInput
from hedgehog.manifests import yaml
from hedgehog.services.transfer.load import import_documents, read_documents
from hedgehog.services.transfer.local_files import read_paths
from hedgehog.store import fabrics
from hedgehog.store import objects as object_store
from tests.origins import SOMEBODY

NAMESPACES = """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: VLANNamespace
metadata: {name: default}
spec: {ranges: [{from: 1000, to: 2999}]}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: IPv4Namespace
metadata: {name: default}
spec: {subnets: [10.0.0.0/16]}
"""
EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "gen"


def vpc(name: str, vlan: int = 1001) -> str:
    """A VPC with a subnet of its own."""
    subnet = f"10.0.{vlan % 250}.0/24"
    spec = f"{{subnets: {{default: {{subnet: {subnet}, vlan: {vlan}}}}}}}"
    return f"apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPC\nmetadata: {{name: {name}}}\nspec: {spec}\n"


def fabric(spec: str = "{}") -> str:
    """A configuration document of the fabric `lab`."""
    return f"apiVersion: hedgehog-airflow/v1\nkind: Fabric\nmetadata: {{name: lab}}\nspec: {spec}\n"


def repository(name: str, url: str, branch: str = "main") -> str:
    """A configuration document of a repository."""
    spec = f"{{url: '{url}', branch: {branch}}}"
    return f"apiVersion: hedgehog-airflow/v1\nkind: GitRepository\nmetadata: {{name: {name}}}\nspec: {spec}\n"


@pytest.fixture
def imported(database):
    """Import texts, each a file of its own: f0.yaml, f1.yaml …"""

    def do(*texts, **options):
        found = [document for number, text in enumerate(texts) for document in yaml.load(text, file=f"f{number}.yaml")]
        return import_documents(database, found, origin=SOMEBODY, **options)

    return do


@pytest.fixture
def directory(database, tmp_path, imported):
    """The fabric `lab` has what the files in a directory say."""
    imported(fabric(), NAMESPACES, vpc("a", 1001), vpc("b", 1002))
    for name, text in {
        "fabric.yaml": fabric(),
        "n.yaml": NAMESPACES,
        "vpcs/a.yaml": vpc("a"),
        "b.yaml": vpc("b", 1002),
    }.items():
        path = tmp_path / "lab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "lab"


def names(database) -> list[str]:
    """The VPCs that are stored."""
    row = fabrics.load_fabric(database, "lab")
    return [one.ref.name for one in object_store.load_objects(database, [row.id])[row.id] if one.ref.kind == "VPC"]


def replaced(database, directory):
    """Import the directory as `fabric import --replace` does."""
    files = read_paths([directory], search_hidden=True)
    return import_documents(
        database, read_documents(files), replace=True, allow_large_prune=True, unread=files.unread, origin=SOMEBODY
    )


# What a cluster would refuse


@pytest.mark.parametrize("dry_run", [False, True])
def test_what_validate_refuses_is_not_stored(database, imported, dry_run):
    """Each error with its place; nothing at all is stored."""
    imported(fabric(), NAMESPACES)
    with pytest.raises(InvalidInput) as raised:
        imported(vpc("a", 1001), vpc("b", 4000), fabric="lab", dry_run=dry_run)
    first, last = str(raised.value).splitlines()
    assert first.startswith("f1.yaml:4:")
    assert "VPC/default/b: .spec.subnets.default.vlan: 4000 is not in the VLANNamespace default" in first
    assert last == "nothing was stored; --allow-invalid stores it all the same"
    assert names(database) == []


def test_a_removal_that_a_cluster_would_refuse_is_refused(database, imported):
    """The VPCs need their namespace."""
    imported(fabric(), NAMESPACES, vpc("a"))
    with pytest.raises(InvalidInput, match="IPv4Namespace"):
        imported(NAMESPACES.partition("---")[0], vpc("a"), fabric="lab", replace=True, allow_large_prune=True)
    assert names(database) == ["a"]


def test_invalid_objects_are_stored_on_demand_and_what_will_be_held_is_said(database, imported):
    """They wait for somebody, as a sync would say."""
    report = imported(fabric(), NAMESPACES, vpc("a", 4000), allow_invalid=True)
    assert names(database) == ["a"]
    assert [note.partition(": ")[0] for note in report.notes] == ["stored, but held until it is corrected"]


def test_the_settings_of_the_same_import_count(database, imported):
    """The fabric is judged as it would be, and one whose rules are not enforced takes everything."""
    report = imported(fabric("{settings: {enforced: false}}"), NAMESPACES, vpc("a", 4000))
    assert names(database) == ["a"]
    assert report.notes[0].startswith("stored; its rules are not enforced: f2.yaml:4:")


def test_warnings_are_shown(imported):
    """A reference that nobody can check."""
    assert [note.partition(":")[0] for note in imported(fabric(), vpc("a")).notes] == ["warning", "warning"]


def test_an_object_that_stays_as_it_is_is_not_a_fault(database, imported):
    """What is wrong with it was stored before."""
    imported(fabric(), NAMESPACES, vpc("a", 4000), allow_invalid=True)
    imported(NAMESPACES, vpc("a", 4000), vpc("b", 1002), fabric="lab")
    assert names(database) == ["a", "b"]


def test_the_demos_own_files_can_be_imported_again(database):
    """Nothing changes, nothing is refused."""
    documents = read_documents(read_paths([EXAMPLE]))
    fabrics.save_repository(database, "demo", {"url": "https://git.example.com/demo.git"})
    import_documents(database, documents, origin=SOMEBODY)
    assert import_documents(database, documents, origin=SOMEBODY).objects.writes == ()


# Fabrics that follow Git, repositories that are the same


def test_objects_of_a_fabric_that_follows_git_are_refused_with_the_way_to_do_it(database, imported):
    """They would be reverted at the next look."""
    imported(
        repository("net", "https://git.example.com/net.git"),
        fabric("{git_repository: net, git_directory: fabrics/lab}"),
    )
    imported(NAMESPACES, vpc("a"), fabric="lab")
    imported(fabric("{source_of_truth: git}"))
    with pytest.raises(
        InvalidInput, match=r"Push the change to fabrics/lab of https://git.example.com/net.git \(branch main\)"
    ):
        imported(vpc("b", 1002), fabric="lab")
    imported(vpc("a"), fabric="lab")
    assert names(database) == ["a"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("https://git.example.com/net", "https://git.example.com/net/"),
        ("https://git.example.com/net", "https://git.example.com/net.git"),
        ("https://git.example.com/net", "https://GIT.example.com/net"),
        ("ssh://git@git.example.com/net.git", "git@git.example.com:net.git"),
        ("ssh://git@git.example.com:22/net.git", "https://git.example.com/net"),
    ],
)
def test_a_second_row_of_one_repository_is_refused(imported, one, other):
    """Two rows of one branch would fight; another branch is another place."""
    imported(repository("net", one))
    with pytest.raises(AlreadyExists, match=r"git_repository again: .* is the git_repository net already"):
        imported(repository("again", other))
    imported(repository("again", other, branch="lab"))
    with pytest.raises(AlreadyExists):
        imported(repository("again", other))


# What cannot be read


@pytest.mark.parametrize(
    ("hide", "said"),
    [
        (lambda lab: link(lab / "vpcs"), "vpcs: is a symbolic link, which is never followed"),
        (lambda lab: link(lab / "b.yaml"), "b.yaml: is a symbolic link, which is never followed"),
        (
            lambda lab: (lab / "b.yaml").unlink() or os.mkfifo(lab / "b.yaml"),
            "b.yaml: is not an ordinary file or directory",
        ),
        (lambda lab: (lab / "b.yaml").rename(lab / "b\x1b.yaml"), r"b\x1b.yaml: has a name that is not UTF-8"),
        (lambda lab: (lab / "b.yaml").rename(os.fsdecode(os.fsencode(lab) + b"/\xff.yaml")), r"\xff.yaml: has a name"),
        (lambda lab: (lab / "b.yaml").write_text("#" * (11 * 2**20)), "above the limit"),
        (lambda lab: bury(lab, 40), "is nested deeper than 32 directories"),
    ],
    ids=["directory link", "file link", "pipe", "control character", "no UTF-8", "too large", "too deep"],
)
def test_what_cannot_be_read_ends_the_import(database, directory, hide, said):
    """Nothing is stored, above all nothing is removed."""
    hide(directory)
    with pytest.raises(InvalidInput) as raised:
        replaced(database, directory)
    assert said in str(raised.value)
    assert names(database) == ["a", "b"]


@pytest.mark.parametrize("new", ["b.yaml.bak", ".b.yaml", "b.json", ".hidden/b.yaml"])
def test_a_file_that_nobody_reads_any_more_removes_nothing(database, directory, new):
    """Whoever means to remove the object removes the file."""
    (directory / new).parent.mkdir(exist_ok=True)
    (directory / "b.yaml").rename(directory / new)
    with pytest.raises(InvalidInput, match=r"VPC/default/b is not deleted: .* seems to have it, which is not read"):
        replaced(database, directory)
    (directory / new).unlink()
    assert replaced(database, directory).objects.counts()["deleted"] == 1
    assert names(database) == ["a"]


@pytest.mark.parametrize("content", ["", "../elsewhere/vpcs", "../elsewhere/vpcs\n"])
@pytest.mark.parametrize("name", ["vpcs", "VPCs", "site-1"])
def test_a_file_where_a_directory_was_removes_nothing(database, directory, name, content):
    """Nobody noted where an imported object came from, so any name that a directory may have counts."""
    shutil.rmtree(directory / "vpcs")
    (directory / name).write_text(content)
    with pytest.raises(InvalidInput, match=rf"VPC/default/a is not deleted: .*/{name} may be where its directory was"):
        replaced(database, directory)
    assert names(database) == ["a", "b"]
    (directory / name).rename(directory / "README")
    assert replaced(database, directory).objects.counts()["deleted"] == 1
    assert names(database) == ["b"]


@pytest.mark.parametrize("content", [b"\x1f\x8b\xff", b"-----BEGIN PGP MESSAGE-----\n"], ids=["binary", "text"])
@pytest.mark.parametrize("name", ["vpcs.tgz", "old/all.ZIP", "vpcs.yaml.age", "x.gpg"])
def test_what_is_packed_or_encrypted_may_hold_any_object(database, directory, name, content):
    """Whatever it is called; a picture does not."""
    (directory / "b.yaml").unlink()
    (directory / name).parent.mkdir(exist_ok=True)
    (directory / name).write_bytes(content)
    with pytest.raises(
        InvalidInput, match=f"VPC/default/b is not deleted: it may be in .*{name}, which cannot be read"
    ):
        replaced(database, directory)
    (directory / name).rename(directory / "plan.png")
    assert replaced(database, directory).objects.counts()["deleted"] == 1


def test_the_clone_around_the_files_is_not_searched(database, directory):
    """Git keeps old versions of everything."""
    (directory / ".git").mkdir()
    (directory / "b.yaml").rename(directory / ".git" / "b.yaml")
    assert replaced(database, directory).objects.counts()["deleted"] == 1


def test_the_case_of_a_suffix_does_not_matter(database, directory):
    """`*.YAML` is read."""
    (directory / "b.yaml").rename(directory / "b.YAML")
    assert replaced(database, directory).objects.writes == ()


def test_what_somebody_names_is_followed(database, directory, tmp_path):
    """A link on the command line is meant."""
    (tmp_path / "there").symlink_to(directory)
    assert replaced(database, tmp_path / "there").objects.writes == ()


def link(path: Path) -> None:
    """What is at *path* moves away, and a link stays."""
    target = path.parent.parent / "elsewhere"
    path.rename(target)
    path.symlink_to(target)


def bury(directory: Path, depth: int) -> None:
    """A file moves down many directories."""
    deep = directory.joinpath(*["d"] * depth)
    deep.mkdir(parents=True)
    (directory / "b.yaml").rename(deep / "b.yaml")
