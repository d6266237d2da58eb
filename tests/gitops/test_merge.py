"""What a branch would hold after a merge, without a trace of it in the repository."""

from __future__ import annotations

import pytest

from devstack.git_server import Person
from hedgehog.errors import InvalidInput, PushRace
from hedgehog.gitops.merge import merge


@pytest.fixture
def other(host, person, tmp_path):
    """Somebody on branch `change`, which begins where main is."""
    person.commit({"kept.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", "gone.yaml": "x: 1\n"})
    other = Person(tmp_path / "eve", host.url("net"), branch="change", name="Eve")
    other.git("fetch", "--quiet", "origin", "main")
    other.git("reset", "--quiet", "--hard", "FETCH_HEAD")
    other.git("push", "--quiet", "origin", "HEAD:change")
    return other


def merged(mirror, base, head, ref="refs/heads/change"):
    """The merge result, and its files with their content."""
    mirror.fetch(base)
    mirror.fetch(head, ref=ref)
    found = merge(mirror, base, head)
    return found, {path: mirror.read(blob).decode() for path, blob in found.files.items()}


def test_changes_of_both_sides_come_together(mirror, person, other):
    """Also within one file; what one side deletes is gone."""
    head = other.commit({"kept.yaml": "a: 9\nb: 2\nc: 3\nd: 4\ne: 5\n", "gone.yaml": None, "new.yaml": "n: 1\n"})
    base = person.commit({"kept.yaml": "a: 1\nb: 2\nc: 3\nd: 4\ne: 9\n", "meanwhile.yaml": "m: 1\n"})
    found, files = merged(mirror, base, head)
    assert files == {"kept.yaml": "a: 9\nb: 2\nc: 3\nd: 4\ne: 9\n", "new.yaml": "n: 1\n", "meanwhile.yaml": "m: 1\n"}
    assert (found.conflicts, found.skipped) == (frozenset(), frozenset())


def test_a_conflict_is_named_and_has_no_content(mirror, person, other):
    """Nobody can say what the file would hold."""
    head = other.commit({"kept.yaml": "a: 8\n"})
    base = person.commit({"kept.yaml": "a: 9\n"})
    found, files = merged(mirror, base, head)
    assert (found.conflicts, set(files)) == ({"kept.yaml"}, {"gone.yaml"})


def test_links_are_never_followed(mirror, person, other):
    """A link could show a file of another fabric."""
    (other.directory / "link.yaml").symlink_to("kept.yaml")
    head = other.publish()
    found, _ = merged(mirror, person.git("rev-parse", "HEAD").strip(), head)
    assert (found.skipped, "link.yaml" in found.files) == ({"link.yaml"}, False)


def test_nothing_is_left_behind(mirror, person, other):
    """No reference of the mirror moved, and none is new but that of the branch."""
    head = other.commit({"new.yaml": "n: 1\n"})
    base = person.commit({"meanwhile.yaml": "m: 1\n"})
    merged(mirror, base, head)
    assert mirror.git(["for-each-ref", "--format=%(refname) %(objectname)"]).out == f"refs/remotes/origin/main {base}\n"


def test_commits_without_a_common_past_are_refused(mirror, person, other):
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
