"""The page about the seed has every row of it, and names only what exists."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "seed-coverage.md"
SPECIFICATION = "original-system.md"
HEAD = ["Seed element", "What stands for it here", "Tests or decision"]


def table(text: str, *head: str) -> list[list[str]]:
    """The cells of each row of the table that begins with *head*."""
    _, _, rest = text.partition(f"\n| {' | '.join(head)} |\n")
    found = [line for line in rest.split("\n\n")[0].splitlines() if line.startswith("| ")]
    return [[cell.replace(r"\|", "|") for cell in re.split(r" (?<!\\)\| ", line[2:-2])] for line in found[1:]]


ROWS = table(PAGE.read_text(), *HEAD)
ELEMENTS = [row[0] for row in ROWS]


@cache
def functions(path: Path) -> frozenset[str]:
    """Every function of a file, those in classes too."""
    tree = ast.parse(path.read_text())
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def plain(text: str) -> str:
    """A text without line breaks."""
    return " ".join(text.split())


def test_the_page_has_rows_of_three_cells():
    """In a table that cannot be read, nothing would be found wrong."""
    assert {len(row) for row in ROWS} == {3}
    assert all(cell.strip() for row in ROWS for cell in row)


def test_no_row_appears_twice():
    """One place for each element."""
    assert len(set(ELEMENTS)) == len(ELEMENTS)


@pytest.mark.parametrize("row", ROWS, ids=ELEMENTS)
def test_every_test_that_a_row_names_exists(row):
    """Each row names at least one, and none twice."""
    named = re.findall(r"`(tests/[^`]*)`", row[2])
    assert named
    assert len(set(named)) == len(named)
    split = [(ROOT / path, function) for path, _, function in (one.partition("::") for one in named)]
    assert [one for one in split if not one[0].is_file() or one[1] not in functions(one[0])] == []
    assert [one[1] for one in split if not one[1].startswith("test_")] == []


@pytest.mark.parametrize("row", ROWS, ids=ELEMENTS)
def test_every_page_that_a_row_names_exists_and_contains_the_quotation(row):
    """A changed decision has other words."""
    named = re.findall(r'\]\(([^)]+)\)(?:: "([^"]+)")?', " ".join(row[1:]))
    assert [path for path, _ in named if not (PAGE.parent / path).is_file()] == []
    assert [words for path, words in named if words not in plain((PAGE.parent / path).read_text())] == []
    assert row[2].count('"') == 2 * sum(bool(words) for _, words in named)


def test_the_rows_match_the_seed(reference):
    """All of them, in their order."""
    specification = reference / SPECIFICATION
    if not specification.is_file():
        pytest.skip(f"the description of the original system ({specification}) is not on this machine")
    wanted = table(specification.read_text(), "Seed element", "A complete implementation must")
    assert [row[0] for row in wanted] == ELEMENTS
