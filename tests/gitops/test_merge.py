"""What a branch would hold after a merge, without a trace of it in the repository."""

from __future__ import annotations

import pytest

from devstack.git_server import Person
from hedgehog.errors import InvalidInput, PushRace
from hedgehog.gitops.merge import merge_directories
from tests.gitops.bombs import plant_bomb


@pytest.fixture
def other(host, person, tmp_path):
    """Somebody on branch `change`, which begins where main is."""
    person.commit({"kept.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", "gone.yaml": "x: 1\n"})
    other = Person(tmp_path / "eve", host.url("net"), branch="change", name="Eve")
    other.git("fetch", "--quiet", "origin", "main")
    other.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    other.git("push", "--quiet", "origin", "HEAD:change")
    return other


def merged(mirror, base, head, ref="refs/heads/change", directory=""):
    """The merge result of a directory, and its files with their content."""
    mirror.fetch(base)
    mirror.fetch(head, ref=ref)
    found = merge_directories(mirror, base, head, [directory])[directory]
    listing = mirror.tree_listing(base, found.after.tree, directory)
    return found, {path: mirror.read(blob).decode() for path, blob in listing.files.items()}


def test_changes_of_both_sides_come_together(mirror, person, other):
    """Also within one file; what one side deletes is gone."""
    head = other.commit({"kept.yaml": "a: 9\nb: 2\nc: 3\nd: 4\ne: 5\n", "gone.yaml": None, "new.yaml": "n: 1\n"})
    base = person.commit({"kept.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 9\n", "meanwhile.yaml": "m: 1\n"})
    found, files = merged(mirror, base, head)
    assert files == {"kept.yaml": "a: 9\nb: 2\nc: 3\nd: 4\ne: 9\n", "new.yaml": "n: 1\n", "meanwhile.yaml": "m: 1\n"}
    assert (found.conflicts, found.is_touched) == ((), True)


def test_a_file_that_one_side_renamed_and_the_other_changed_is_one_file(mirror, person, other):
    """As hosts merge it."""
    head = other.commit({"kept.yaml": None, "named.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n"})
    base = person.commit({"kept.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 9\n"})
    found, files = merged(mirror, base, head)
    assert (found.conflicts, files) == ((), {"named.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 9\n", "gone.yaml": "x: 1\n"})


def test_a_conflict_is_named_and_has_no_content(mirror, person, other):
    """Nobody can say what the file would hold."""
    head = other.commit({"kept.yaml": "a: 8\n"})
    base = person.commit({"kept.yaml": "a: 9\n"})
    found, files = merged(mirror, base, head)
    assert (found.conflicts, set(files)) == (("kept.yaml",), {"gone.yaml"})


def test_a_directory_that_one_side_replaced_and_the_other_changed_conflicts_as_a_whole(mirror, person, other):
    """Neither can be taken."""
    person.commit({"f/a.yaml": "a: 1\n"})
    other.git("pull", "--quiet", "origin", "main")
    other.git("rm", "--quiet", "-r", "f")
    (other.directory / "f").symlink_to("elsewhere")
    head = other.publish()
    base = person.commit({"f/a.yaml": "a: 2\n"})
    mirror.fetch(base)
    mirror.fetch(head, ref="refs/heads/change")
    assert merge_directories(mirror, base, head, ["f"])["f"].conflicts == ("f",)


def test_a_directory_behind_a_link_is_not_there(mirror, person, other):
    """A link could show the files of another fabric."""
    (other.directory / "f").symlink_to("elsewhere")
    head = other.publish()
    base = person.git("rev-parse", "HEAD").strip()
    mirror.fetch(base)
    mirror.fetch(head, ref="refs/heads/change")
    after = merge_directories(mirror, base, head, ["f/lab"])["f/lab"].after
    assert (after.tree, after.at) == (None, "f")


def test_what_is_elsewhere_in_the_repository_is_never_expanded(mirror, person, other):
    """A tree of a few hundred bytes can stand for a million files."""
    person.commit({"f/a.yaml": "a: 1\n"})
    other.git("pull", "--quiet", "origin", "main")
    head = plant_bomb(other, "elsewhere")
    base = person.commit({"f/a.yaml": "a: 2\n"})
    found, files = merged(mirror, base, head, directory="f")
    assert (found.error, files) == (None, {"f/a.yaml": "a: 2\n"})


@pytest.mark.parametrize("changed", ["one side", "both sides"])
def test_a_tree_bomb_in_the_directory_is_refused_before_it_is_expanded(mirror, person, other, changed):
    """The refusal names the limit."""
    person.commit({"f/a.yaml": "a: 1\n"})
    other.git("pull", "--quiet", "origin", "main")
    head = plant_bomb(other, "f/b")
    base = person.commit({"f/a.yaml": "a: 2\n"} if changed == "both sides" else {"x": "y\n"})
    mirror.fetch(base)
    mirror.fetch(head, ref="refs/heads/change")
    found = merge_directories(mirror, base, head, ["f"])["f"]
    with pytest.raises(InvalidInput, match=r"f: too large: there are more than 20000 files and directories"):
        raise found.error or refused(mirror, base, found.after.tree)


def refused(mirror, base, tree):
    """The error of a listing."""
    with pytest.raises(InvalidInput) as raised:
        mirror.tree_listing(base, tree, "f")
    return raised.value


def test_nothing_is_left_behind(mirror, person, other):
    """No reference of the mirror moved, and none is new but that of the branch."""
    head = other.commit({"new.yaml": "n: 1\n"})
    base = person.commit({"meanwhile.yaml": "m: 1\n"})
    merged(mirror, base, head)
    assert mirror.git(["for-each-ref", "--format=%(refname) %(objectname)"]).out == f"refs/remotes/origin/main {base}\n"


def test_commits_without_a_common_history_are_refused(mirror, person, other):
    """As by every host."""
    other.git("checkout", "--quiet", "--orphan", "alone")
    other.git("commit", "--quiet", "--message", "Begin again")
    other.git("push", "--quiet", "origin", "HEAD:alone")
    head = other.git("rev-parse", "HEAD").strip()
    with pytest.raises(InvalidInput, match="no history"):
        merged(mirror, person.git("rev-parse", "HEAD").strip(), head, ref="refs/heads/alone")


def test_a_commit_that_the_ref_no_longer_has_is_a_race(mirror, other):
    """Somebody pushed meanwhile: look again."""
    with pytest.raises(PushRace, match="gone"):
        mirror.fetch("0" * 39 + "1", ref="refs/heads/change")
