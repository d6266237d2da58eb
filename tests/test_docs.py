"""Pages that can be derived are generated, and all others name only what exists."""

from __future__ import annotations

import inspect
import re
from datetime import timedelta
from pathlib import Path

import pytest

from docs import dags, generate, text
from docs.commands import commands
from hedgehog import errors
from hedgehog.__main__ import build_parser
from hedgehog.fabric.changes import Action
from hedgehog.fabric.health import Health
from hedgehog.fabric.model import ObjectRef, Revision, SourceOfTruth, SyncStatus, Target
from hedgehog.fabric.problems import REMEDIES, ProblemKind

ROOT = Path(__file__).resolve().parents[1]
DECISIONS = sorted((ROOT / "docs" / "decisions").glob("*.md"))
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("**/*.md"))]
CLASSES = [one for _, one in inspect.getmembers(errors, inspect.isclass) if one.__module__ == errors.__name__]


# errors


def test_the_page_of_the_errors_is_fresh():
    """`make format` writes it again."""
    assert generate.stale(ROOT / "docs", {"errors.md": generate.errors_page(errors)}) == ""


def test_the_drawn_tree_matches_the_classes():
    """Every class is drawn once, below the class that it derives from."""
    drawn: dict[str, str | None] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.match(r" {4}([│├└─ ]*)(\w+)", line)
        if match:
            depth = len(match[1]) // 4
            above = [*above[:depth], match[2]]
            drawn[match[2]] = above[depth - 1] if depth else None
    assert drawn == {
        one.__name__: one.__base__.__name__ if one is not errors.HedgehogError else None for one in CLASSES
    }


@pytest.mark.parametrize("error", CLASSES, ids=lambda one: one.__name__)
def test_every_error_has_a_reaction_and_a_meaning(error):
    """An operator wants to know what happens next."""
    (row,) = [line for line in generate.errors_page(errors).splitlines() if line.startswith(f"| `{error.__name__}` |")]
    _, _, reaction, meaning, _ = [cell.strip() for cell in row.split("|")]
    wanted = {errors.RetryableError: "retry", errors.PermanentError: "park"}
    assert reaction == next((word for base, word in wanted.items() if issubclass(error, base)), "")
    assert meaning.endswith(".")


# problems


def test_the_page_of_the_problems_is_fresh():
    """`make format` writes it again."""
    assert set(REMEDIES) == set(ProblemKind)
    assert generate.stale(ROOT / "docs", {"problems.md": generate.problems_page(REMEDIES)}) == ""


# rules


def test_the_page_of_the_rules_has_every_rule_and_is_fresh():
    """`make format` writes it again; a rule whose module is not imported would be missing."""
    page = generate.pages()["rules.md"]()
    sources = [path.read_text() for path in (ROOT / "plugins" / "hedgehog").rglob("*.py")]
    written = {name for text in sources for name in re.findall(r"= rule\(\s*\"([a-z0-9-]+)\"", text)}
    assert written - set(re.findall(r"^\| `([a-z0-9-]+)` \|", page, re.MULTILINE)) == set()
    assert generate.stale(ROOT / "docs", {"rules.md": page}) == ""


# commands


def test_the_page_of_the_commands_has_every_command_and_is_fresh():
    """`make format` writes it again."""
    page = generate.pages()["commands.md"]()
    words = [name for name, _ in commands(build_parser())]
    assert len(words) > 30
    assert [name for name in words if f"## hedgehog {name}\n" not in page] == []
    assert generate.stale(ROOT / "docs", {"commands.md": page}) == ""


@pytest.mark.parametrize(("name", "command"), list(commands(build_parser())))
def test_every_argument_of_a_command_is_explained(name, command):
    """Options have a help text; positional arguments may have a telling name instead."""
    silent = [action.option_strings for action in command._actions if action.option_strings and not action.help]
    assert silent == []


# glossary


def glossary() -> list[tuple[str, str]]:
    """The words of the README's list with their meaning; a row may explain several, separated by semicolons."""
    section = (ROOT / "README.md").read_text().split("## Words")[1].split("\n\n")[1]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines()[2:]]
    return [(words, meaning) for words, meaning in rows]


def test_every_row_of_the_glossary_explains_all_of_its_words():
    """As many meanings as words, and no word twice."""
    words = [word for row, _ in glossary() for word in row.split("; ")]
    assert len(words) > 25
    assert len(set(words)) == len(words)
    uneven = [row for row, meaning in glossary() if len(row.split("; ")) > len(meaning.split("; "))]
    assert uneven == []


@pytest.mark.parametrize(
    ("word", "values"),
    [
        ("change set", [*Action]),
        ("status", [*SyncStatus]),
        ("health", [*Health]),
        ("target", [*Target]),
        ("source of truth", [*SourceOfTruth]),
        ("object; object ref", [str(ObjectRef("Kind", "namespace", "name"))]),
        ("revision", [str(Revision("branch", "commit"))]),
    ],
)
def test_the_glossary_lists_the_values_that_the_code_has(word, values):
    """All of them, in the order of the code."""
    assert re.findall(r"`([^`]+)`", dict(glossary())[word]) == values


def test_every_word_of_the_glossary_is_used():
    """In the pages, and in the package: a word that the product does not use explains nothing."""
    pages = " ".join(page.read_text() for page in PAGES if page.name != "README.md").lower()
    package = " ".join(path.read_text() for path in (ROOT / "plugins" / "hedgehog").rglob("*.py")).lower()
    words = [word for row, _ in glossary() for word in row.split("; ")]
    unused = [word for word in words if word not in pages or not re.search(word.replace(" ", "[ _-]?"), package)]
    assert unused == []


# the generator


@pytest.fixture
def made(monkeypatch):
    """One page, made without Airflow."""
    monkeypatch.setattr(generate, "pages", lambda: {"PAGE.md": lambda: "# Page\n\nnew\n"})


def test_a_stale_page_is_shown_as_a_difference_and_left_alone(made, tmp_path, capsys):
    """`make check` shows what `make format` would change."""
    (tmp_path / "PAGE.md").write_text("# Page\n\nold\n")
    assert generate.main(["--check", "--directory", str(tmp_path)]) == 1
    shown = capsys.readouterr().out
    assert "-old\n" in shown
    assert "+new\n" in shown
    assert (tmp_path / "PAGE.md").read_text() == "# Page\n\nold\n"


def test_a_page_that_was_just_written_is_fresh(made, tmp_path, capsys):
    """A missing page is stale; writing it makes it fresh; the check of a fresh page prints nothing."""
    assert generate.main(["--check", "--directory", str(tmp_path)]) == 1
    assert generate.main(["--directory", str(tmp_path)]) == 0
    capsys.readouterr()
    assert generate.main(["--check", "--directory", str(tmp_path)]) == 0
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (45, "45 s"), (60, "1 min"), (90, "90 s"), (600, "10 min"), (3600, "1 h"), (5400, "90 min")],
)
def test_a_duration_is_in_the_largest_unit_that_is_exact(seconds, words):
    """90 seconds are not "1 min"."""
    assert dags._duration(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("schema", "words"),
    [
        ({"type": "boolean"}, "boolean"),
        ({"type": ["string", "null"]}, "string or null"),
        ({"type": "array", "items": {"type": "string"}}, "array of strings"),
    ],
)
def test_the_type_of_a_param_is_in_words(schema, words):
    """Operators read it, not validators."""
    assert dags._type(schema) == words


def test_a_cell_cannot_break_its_table():
    """A newline would end the row, a bar the cell."""
    assert text.table(("a",), [("one\ntwo | three",)]) == "| a |\n| --- |\n| one two \\| three |"


# written by hand


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_to_a_file(page):
    """Links within this repository; others are not checked."""
    text = re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL)
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    dead = [link for link in links if not (page.parent / link.partition("#")[0]).exists()]
    assert dead == []


@pytest.mark.parametrize("page", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_is_named_exists(page):
    """Readers copy these commands."""
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:`|^ {4})make ([a-z][a-z-]*)", page.read_text(), re.MULTILINE))
    assert named - targets == set()


def test_every_make_target_says_what_it_is_about_to_do():
    """The first line of its recipe prints its text of `make help`."""
    recipes = re.findall(r"^([a-z-]+):.*## .*\n((?:\t.*\n)*)", (ROOT / "Makefile").read_text(), re.MULTILINE)
    silent = {name for name, recipe in recipes if not recipe.startswith("\t@$(SAY)\n")}
    assert silent == {"help", "install"}


def test_contributing_explains_every_make_target():
    """Its table is `make help` with more room."""
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE))
    explained = re.findall(r"^\| `make ([a-z-]+)` \|", (ROOT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert sorted(explained) == sorted(targets - {"help"})


def test_decisions_are_numbered_without_a_gap():
    """A number is never used again."""
    assert [int(path.name[:4]) for path in DECISIONS] == list(range(1, len(DECISIONS) + 1))


@pytest.mark.parametrize("path", DECISIONS, ids=lambda path: path.stem)
def test_a_decision_has_its_four_parts(path):
    """The title carries the number and the decision; then status, context, decision, consequences."""
    text = path.read_text()
    assert text.startswith(f"# {path.name[:4]} ")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Status", "Context", "Decision", "Consequences"]
    status = text.split("## Status\n\n")[1].splitlines()[0]
    assert re.fullmatch(r"Accepted|Superseded by \[\d{4}\]\([\w-]+\.md\)", status)


def test_the_changelog_has_the_expected_structure():
    """Keep a Changelog: the newest version on top, changes under the six headings."""
    text = (ROOT / "CHANGELOG.md").read_text()
    versions = re.findall(r"^## \[(.+?)\]", text, re.MULTILINE)
    assert versions[0] == "Unreleased"
    kinds = set(re.findall(r"^### (.+)$", text, re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
