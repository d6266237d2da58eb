"""What cannot be read is never taken for absent: it is told with its path, and nothing it may hold is deleted."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from devstack.git_server import Person
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.services.repository import changes as repository_changes
from tests.gitops.bombs import commit_entry, plant_bomb
from tests.services.git.sync_lab import Lab, trust
from tests.services.repository.follow_lab import follow, lab, objects, text

__all__ = ["lab"]

VPCS = "fabrics/lab/vpcs"


@pytest.fixture
def ada(lab: Lab) -> Person:
    """Somebody who pushes; she has pushed the VPCs a and b, a file each."""
    ada = lab.person()
    ada.commit({f"{VPCS}/a.yaml": text("a"), f"{VPCS}/b.yaml": text("b"), "fabrics/lab/x": "1\n"})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    return ada


def told(outcome: Outcome) -> str:
    """All that is said."""
    return "\n".join((outcome.reason, *outcome.details))


def replace_with_link(person: Person, path: str, target: str) -> None:
    """What is at *path* moves to *target*, and a link stays."""
    (person.directory / target).parent.mkdir(parents=True, exist_ok=True)
    person.git("mv", path, target)
    (person.directory / path).symlink_to(os.path.relpath(target, Path(path).parent))
    person.publish()


@pytest.mark.parametrize(
    "path", [VPCS, f"{VPCS}/a.yaml", "fabrics/lab", "fabrics"], ids=["directory", "file", "fabric", "above the fabric"]
)
def test_a_link_deletes_nothing(lab, ada, path):
    """Not what it stands for, and not what may have moved behind it."""
    replace_with_link(ada, path, f"elsewhere/{path.replace('/', '-')}")
    outcome = follow(lab)
    assert objects(lab) == ["a", "b"]
    assert outcome.status in (OutcomeStatus.HELD, OutcomeStatus.ERROR)
    assert f"{path} is a symbolic link, which is never followed" in told(outcome).replace(f"{path}: is", f"{path} is")
    assert objects(lab) == ["a", "b"]


@pytest.mark.parametrize("mode", ["160000", "120000"], ids=["submodule", "link to nowhere"])
def test_a_directory_that_became_something_else_deletes_nothing(lab, ada, mode):
    """What is in there, nobody can say."""
    oid = ada.git("rev-parse", "HEAD:fabrics/lab/x" if mode == "120000" else "HEAD").strip()
    commit_entry(ada, VPCS, mode, oid)
    assert follow(lab).status is OutcomeStatus.HELD
    assert objects(lab) == ["a", "b"]


@pytest.mark.parametrize(
    "new", ["a.yaml.bak", "a.yaml~", "a.json", ".a.yaml", "a", "a.txt", "../.vpcs/a.yaml", "sub/.hidden/a.yaml"]
)
def test_a_file_that_was_renamed_so_that_nobody_reads_it_deletes_nothing(lab, ada, new):
    """Whoever means to delete the object removes the file; the rest of the push proceeds."""
    target = os.path.normpath(f"{VPCS}/{new}")
    (ada.directory / target).parent.mkdir(parents=True, exist_ok=True)
    ada.git("mv", f"{VPCS}/a.yaml", target)
    ada.git("rm", "--quiet", f"{VPCS}/b.yaml")
    (ada.directory / VPCS).mkdir(exist_ok=True)
    (ada.directory / VPCS / "c.yaml").write_text(text("c"))
    ada.publish()
    outcome = follow(lab)
    assert objects(lab) == ["a", "c"]
    assert outcome.status is OutcomeStatus.HELD
    assert f"VPC/default/a is not deleted: {target} seems to have it, which is not read" in told(outcome)
    ada.commit({target: None})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["c"]


def test_a_file_that_only_speaks_of_an_object_keeps_nothing(lab, ada):
    """Words are not a manifest."""
    ada.commit({"fabrics/lab/README.md": f"# lab\n\n    {text('a')}\n", f"{VPCS}/a.yaml": None})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["b"]


@pytest.mark.parametrize("new", ["a.YAML", "a.Yml"])
def test_the_case_of_a_suffix_does_not_matter(lab, ada, new):
    """A rename changes no object."""
    ada.git("mv", f"{VPCS}/a.yaml", f"{VPCS}/{new}")
    ada.publish()
    assert follow(lab).status is OutcomeStatus.SKIPPED
    assert objects(lab) == ["a", "b"]
    ada.commit({f"{VPCS}/{new}": text("a", "c")})
    assert follow(lab).counts["created"] == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [(b"a\xff.yaml", r"a\xff.yaml"), (b"a\x1b[2J.yaml", r"a\x1b[2J.yaml"), (b"d\xe4r/a.yaml", r"d\xe4r/a.yaml")],
    ids=["no UTF-8", "control character", "directory"],
)
def test_a_name_that_cannot_be_used_parks_that_file_alone(lab, ada, name, shown):
    """It is told as text that can do nothing; its object stays as it was, the rest of the push proceeds."""
    moved = Path(os.fsdecode(os.fsencode(ada.directory / VPCS) + b"/" + name))
    moved.parent.mkdir(exist_ok=True)
    (ada.directory / VPCS / "a.yaml").rename(moved)
    ada.commit({f"{VPCS}/b.yaml": None, f"{VPCS}/c.yaml": text("c")})
    outcome = follow(lab)
    assert objects(lab) == ["a", "c"]
    assert outcome.status is OutcomeStatus.HELD
    assert f"{VPCS}/{shown}: has a name that is not UTF-8 or has control characters; rename it" in told(outcome)


@pytest.mark.parametrize(
    "deep", ["/".join(["d"] * 40), "x" * 230 + "/" + "y" * 240 + "/" + "z" * 240 + "/" + "w" * 240 + "/" + "v" * 200]
)
def test_a_path_beyond_the_limits_is_reported_and_deletes_nothing(lab, ada, deep):
    """It may hold what vanished."""
    blob = ada.git("rev-parse", f"HEAD:{VPCS}/a.yaml").strip()
    ada.commit({f"{VPCS}/a.yaml": None})
    commit_entry(ada, f"{VPCS}/{deep}/a.yaml", "100644", blob)
    assert follow(lab).status is OutcomeStatus.HELD
    assert objects(lab) == ["a", "b"]


def test_an_unexpected_error_in_one_repository_stops_no_other(lab, ada):
    """It is told without the text of the error, which may quote a secret."""
    lab.host.create("other")
    lab.add_repository("other")
    lab.add_fabric("there", 0, git_repository="other", source_of_truth="git")
    ada.commit({f"{VPCS}/c.yaml": text("c")})

    def open_mirror(repository):
        if repository.name == "other":
            raise ValueError("s3cret")
        return lab.open_mirror(repository)

    looks = repository_changes.follow(
        lab.database, ["other", "net"], open_mirror=open_mirror, run_id="run-1", find_refusals=trust
    )
    assert [(one.repository, one.failed) for one in looks] == [("other", True), ("net", False)]
    assert (objects(lab), looks[0].outcomes[0].fabric) == (["a", "b", "c"], "there")
    assert "s3cret" not in json.dumps([one.as_dict() for one in looks])


def test_a_tree_bomb_stops_only_its_fabric(lab, ada):
    """A million files of one fabric are counted no further than the limit; its neighbour is taken in."""
    lab.add_fabric("other", 0, source_of_truth="git")
    ada.commit({"fabrics/other/v.yaml": text("v")})
    plant_bomb(ada, f"{VPCS}/bomb")
    outcome = follow(lab)
    assert (outcome.status, outcome.error_class) == (OutcomeStatus.ERROR, "InvalidInput")
    assert "fabrics/lab: too large: there are more than 20000 files and directories" in outcome.reason
    assert (objects(lab), objects(lab, "other")) == (["a", "b"], ["v"])


def test_one_content_in_many_files_counts_each_time(lab, ada):
    """Three hundred names of one large file are refused before anything is read."""
    large = text("z") + "# " + "x" * 1_000_000 + "\n"
    (ada.directory / "large").write_text(large)
    blob = ada.git("hash-object", "-w", "large").strip()
    listed = "".join(f"100644 blob {blob}\tf{number}.yaml\n" for number in range(300))
    made = subprocess.run(
        ["git", "mktree"], cwd=ada.directory, input=listed, capture_output=True, check=True, text=True
    )
    commit_entry(ada, f"{VPCS}/many", "040000", made.stdout.strip())
    outcome = follow(lab)
    assert "too large: its YAML files have" in outcome.reason
    assert objects(lab) == ["a", "b"]


def test_more_objects_than_a_fabric_may_have_are_refused_as_a_whole(lab, ada):
    """A list holds them in three bytes each."""
    ada.commit({f"{VPCS}/list.yaml": "kind: List\nitems: [" + "{}," * 10_001 + "]\n"})
    assert "fabrics/lab: too large: there are more than 10000 objects" in follow(lab).reason
    assert objects(lab) == ["a", "b"]


@pytest.mark.parametrize("name", ["CHG#17.yaml", "CHG#17#VPC.yaml", "a b.yaml", "ä.yaml", "a:b.yaml", "a%2f.yaml"])
def test_a_broken_file_of_any_name_keeps_its_own_objects_alone(lab, ada, name):
    """Others of the same push are deleted."""
    ada.commit({f"{VPCS}/{name}": text("c", "d", "e")})
    follow(lab)
    ada.commit({f"{VPCS}/{name}": "a: [", f"{VPCS}/b.yaml": None})
    assert follow(lab).status is OutcomeStatus.HELD
    assert objects(lab) == ["a", "c", "d", "e"]
    ada.commit({f"{VPCS}/{name}": text("c", "e")})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["a", "c", "e"]


def test_an_object_that_moved_into_a_broken_file_of_another_is_not_deleted(lab, ada):
    """The file names it, though it cannot be read."""
    ada.commit({f"{VPCS}/a.yaml": text("a", "b") + "\n: [", f"{VPCS}/b.yaml": None})
    assert f"it may have moved into {VPCS}/a.yaml" in told(follow(lab))
    assert objects(lab) == ["a", "b"]


def test_a_directory_that_became_a_file_deletes_nothing(lab, ada):
    """Where links are written as text, a link is an ordinary file."""
    ada.git("rm", "-r", "--quiet", VPCS)
    (ada.directory / VPCS).write_text("../shared/vpcs")
    ada.publish()
    assert f"its file was {VPCS}/a.yaml, and {VPCS} is no longer a directory" in told(follow(lab))
    assert objects(lab) == ["a", "b"]
    ada.commit({VPCS: None})
    (ada.directory / "fabrics/lab").mkdir(exist_ok=True)
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == []


@pytest.mark.parametrize("packed", ["vpcs/a.yaml.gz", "vpcs/a.gpg", "vpcs/.a.yaml.swp", "vpcs.tgz"])
def test_a_copy_that_nobody_can_read_keeps_what_it_is_a_copy_of(lab, ada, packed):
    """Packed or encrypted, it may still be meant; other objects of the push go."""
    ada.git("rm", "--quiet", *([f"{VPCS}/a.yaml"] if packed.startswith("vpcs/") else ["-r", VPCS]))
    (ada.directory / "fabrics/lab" / packed).write_bytes(b"\x1f\x8b\xff" * 20)
    ada.publish()
    outcome = follow(lab)
    assert f"VPC/default/a is not deleted: it may be in fabrics/lab/{packed}, which cannot be read" in told(outcome)
    assert objects(lab) == ["a", "b"]


def test_a_renamed_file_above_the_limit_deletes_nothing(lab, ada):
    """Nobody looks into it."""
    ada.commit({f"{VPCS}/a.yaml": None, f"{VPCS}/a.bak": text("a") + "#" * 1_100_000, f"{VPCS}/b.yaml": None})
    assert f"it may be in {VPCS}/a.bak, which cannot be read" in told(follow(lab))
    assert objects(lab) == ["a"]


def test_an_object_that_moved_into_a_file_above_the_limit_is_not_deleted(lab, ada):
    """Nor is any other that vanished with it."""
    ada.commit({f"{VPCS}/a.yaml": None, f"{VPCS}/big.yaml": text("a") + "#" * 1_100_000})
    assert f"it may have moved into {VPCS}/big.yaml, which cannot be read" in told(follow(lab))
    assert objects(lab) == ["a", "b"]


def test_other_files_are_looked_into_however_many_bytes_there_are(lab, ada):
    """Pictures and captures before it hide no renamed file; those beyond the limit keep everything."""
    pictures = {f"{VPCS}/0{number}.svg": f"{number}" * 1_000_000 for number in range(6)}
    ada.commit({**pictures, f"{VPCS}/a.yaml": None, f"{VPCS}/z.bak": text("a")})
    assert f"{VPCS}/z.bak seems to have it" in told(follow(lab))
    assert objects(lab) == ["a", "b"]
    (ada.directory / "1").write_text("1" * 1_000_000)
    blob = ada.git("hash-object", "-w", "1").strip()
    listed = "".join(f"100644 blob {blob}\t{number}.svg\n" for number in range(40))
    made = subprocess.run(
        ["git", "mktree"], cwd=ada.directory, input=listed, capture_output=True, check=True, text=True
    )
    ada.commit({f"{VPCS}/b.yaml": None, f"{VPCS}/z.bak": None})
    commit_entry(ada, f"{VPCS}/many", "040000", made.stdout.strip())
    assert "bytes in files that are not YAML; move them away" in told(follow(lab))
    assert objects(lab) == ["a", "b"]


def test_a_hidden_file_is_to_be_shown_not_to_end_in_yaml(lab, ada):
    """It ends so already."""
    ada.git("mv", f"{VPCS}/a.yaml", f"{VPCS}/.a.yaml")
    ada.publish()
    assert "give that file a name whose path has no part that begins with a dot" in told(follow(lab))


ODD_LISTS = {
    "VPCList": "apiVersion: vpc.githedgehog.com/v1beta1\nkind: VPCList\nitems: [{metadata: {name: a}}]\n",
    "a list of text": f"apiVersion: v1\nkind: List\nitems: |\n{'  '.join(['', *text('a').splitlines(True)])}",
    "a list of nothing that is known": "apiVersion: v1\nkind: List\nitems: [H4sIAAAAAAAAA8tIzcnJBwCGphA2BQAAAA==]\n",
    "a list without entries": "apiVersion: v1\nkind: List\n",
    "encrypted with sops": "apiVersion: ENC[x]\nkind: ENC[x]\nmetadata: {name: ENC[x]}\nsops: {version: 3.8.1}\n",
    "a list in a list": "apiVersion: v1\nkind: List\nitems: [{apiVersion: v1, kind: List, items: []}]\n",
    "another kind that holds it": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: x}}\ndata: {json.dumps({'a': text('a')})}\n",
    "a slip in the kind": text("a", kind="VCP"),
    "a kind in lower case": text("a", kind="vpc"),
    "an old version": text("a", apiVersion="vpc.githedgehog.com/v1alpha2"),
}


@pytest.mark.parametrize("written", ODD_LISTS.values(), ids=ODD_LISTS)
@pytest.mark.parametrize("place", ["list.yaml", "b.yaml", "a.yaml"])
def test_an_object_that_moved_into_a_document_that_is_refused_is_not_deleted(lab, ada, written, place):
    """Into a new file, into that of another object, or where it was."""
    kept = text("b") + "---\n" if place == "b.yaml" else ""
    ada.commit({f"{VPCS}/a.yaml": None, f"{VPCS}/{place}": kept + written})
    outcome = follow(lab)
    assert outcome.status is OutcomeStatus.HELD
    assert f"{VPCS}/{place}" in told(outcome)
    nothing_known = place == "b.yaml" and "name: a" not in written.replace(r"\n", "\n")
    assert objects(lab) == (["b"] if nothing_known else ["a", "b"])


def test_a_link_written_as_text_keeps_what_may_have_moved_behind_it(lab, ada):
    """As a link does."""
    (ada.directory / "fabrics/lab/more").write_text("../../shared/more")
    ada.commit({f"{VPCS}/a.yaml": None})
    assert "fabrics/lab/more may be where its directory was; remove that file" in told(follow(lab))
    assert objects(lab) == ["a", "b"]


@pytest.mark.parametrize(
    "added",
    ["resources: [../../base]", "resources: ['https://git.example.com/base']", "components: [more]", "namePrefix: x-"],
)
def test_an_object_that_moved_to_where_a_kustomization_takes_it_from_is_not_deleted(lab, ada, added):
    """Kustomize would find it there; here nobody looks."""
    ada.commit({f"{VPCS}/a.yaml": None, "base/a.yaml": text("a"), "fabrics/lab/kustomization.yaml": f"{added}\n"})
    outcome = follow(lab)
    assert outcome.status is OutcomeStatus.HELD
    assert "it may have moved into fabrics/lab/kustomization.yaml, which cannot be read" in told(outcome)
    assert objects(lab) == ["a", "b"]
    ada.commit({"fabrics/lab/kustomization.yaml": "resources: [vpcs]\n"})
    assert follow(lab).status is OutcomeStatus.SUCCESS
    assert objects(lab) == ["b"]
