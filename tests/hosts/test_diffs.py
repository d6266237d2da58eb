"""The lines that a diff shows, whatever the files are called and hold."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedgehog.hosts.diffs import line_pairs, lines_by_file, lines_shown

LINES = st.lists(
    st.sampled_from(["a", "", "-- x", "++ b/y", "@@ -1 +1 @@", "\\ odd", "+++ b/evil", "é\x0cff"]), max_size=12
)


def git(directory: Path, *arguments: str) -> str:
    """What git prints."""
    login = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(["git", *login, *arguments], cwd=directory, check=True, capture_output=True)
    return done.stdout.decode("utf-8", "replace")


@pytest.mark.parametrize("name", ["a.yaml", "dir/b c.yaml", 'a"b.yaml', "tab\t.yaml", "größe.yaml", "back\\slash"])
def test_a_path_is_the_files_own(tmp_path: Path, name: str) -> None:
    """Git quotes unusual ones."""
    git(tmp_path, "init", "-q")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text("a: 1\n")
    git(tmp_path, "add", "-A")
    assert lines_by_file(git(tmp_path, "diff", "--cached")) == {name: frozenset({1})}


@given(before=LINES, after=LINES)
def test_lines_that_look_like_a_diff_are_content(
    tmp_path_factory: pytest.TempPathFactory, before: list[str], after: list[str]
) -> None:
    """Hunks are counted: no line of a file opens another file or moves the count."""
    directory = tmp_path_factory.mktemp("diff")
    for name, lines in (("old", before), ("new", after)):
        (directory / name).write_text("".join(f"{line}\n" for line in lines), newline="")
    command = ["git", "diff", "--no-index", "--unified=100", "old", "new"]
    diff = subprocess.run(command, cwd=directory, capture_output=True, check=False).stdout.decode()
    shown = lines_by_file(diff).get("new", frozenset())
    assert shown in (frozenset(), frozenset(range(1, len(after) + 1)))
    assert bool(shown) == (before != after and bool(after))


def test_a_patch_of_one_file_needs_no_header() -> None:
    """As GitHub gives it with each file."""
    assert lines_shown("@@ -1,2 +1,3 @@ spec\n a: 1\n-b: 2\n+b: 3\n+c: 4\n\\ No newline at end of file") == {1, 2, 3}
    assert lines_shown("") == frozenset()


def test_a_line_that_stayed_has_a_number_in_the_old_file() -> None:
    """GitLab asks for both."""
    assert line_pairs("@@ -5,3 +7,3 @@ spec\n a: 1\n-b: 2\n+b: 3\n c: 4\n") == {7: 5, 8: None, 9: 7}
