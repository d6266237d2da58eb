"""The check for unwanted phrases finds a phrase even across lines."""

from __future__ import annotations

import pytest

from docs import prose

UNWANTED = prose.phrases("# a comment\n\none commit an? fabric -> one commit per fabric\n")


@pytest.mark.parametrize(
    "text",
    [
        "\n\nOne commit a fabric.",
        "\n\nwith one commit\n    a fabric",
        "\n\n    # with one\n    # commit a fabric",
        '\n\n    "with one commit "\n    "a fabric"',
    ],
    ids=["sentence", "docstring", "comment", "message"],
)
def test_a_phrase_is_found_across_lines(text):
    """Line and replacement are shown."""
    ((line, phrase, instead),) = prose.found(text, UNWANTED)
    assert (line, instead) == (3, "one commit per fabric")
    assert phrase.casefold().startswith("one")


@pytest.mark.parametrize("text", ["one commit per fabric", "one commit a fabricator", "done commit a fabric"])
def test_a_similar_word_is_not_reported(text):
    """Only whole words count."""
    assert list(prose.found(text, UNWANTED)) == []


def test_a_phrase_without_a_replacement_is_refused():
    """Otherwise it would be a phrase that is never found."""
    with pytest.raises(ValueError, match="'one commit'"):
        prose.phrases("one commit\n")


def test_the_pages_are_found():
    """A check of no pages would pass."""
    names = {path.name for path in prose.pages()}
    assert {"README.md", "DAGS.md", "hedgehog_git_sync.py", "kinds.py"} <= names
    assert len(names) > 200
