"""One word per thing: public classes and functions share a name only where they are the same idea. No migrations share one."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

from hedgehog.store import migrate

HERE = Path(__file__).resolve().parent
PACKAGE = HERE.parent / "plugins" / "hedgehog"


def shared(sources: list[str]) -> set[str]:
    """The names that more than one of these modules gives a public class or function at its top level."""
    names = Counter(
        name
        for source in sources
        for name in {
            node.name
            for node in ast.parse(source).body
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_")
        }
    )
    return {name for name, modules in names.items() if modules > 1}


def allowed() -> dict[str, str]:
    """The names of `homonyms.txt` with their reasons."""
    lines = [line for line in (HERE / "homonyms.txt").read_text().splitlines() if line and not line.startswith("#")]
    return {name: reason.strip() for name, _, reason in (line.partition(" ") for line in lines)}


def test_public_names_have_one_meaning():
    """A reader who searches for a word finds one thing, or things for which the list gives a reason."""
    found = shared([path.read_text() for path in PACKAGE.rglob("*.py")])
    assert {"new": found - allowed().keys(), "gone": allowed().keys() - found} == {"new": set(), "gone": set()}


def test_every_allowed_homonym_has_a_reason():
    """A line without one is an excuse."""
    assert [name for name, reason in allowed().items() if len(reason.split()) < 2] == []


def test_a_shared_name_is_found():
    """Also of a class and a function; private names and methods do not count."""
    one = "class Report:\n    def read(self): ...\ndef write(): ...\ndef _write(): ...\n"
    other = "async def write(): ...\nclass Report: ...\ndef _write(): ...\ndef read(): ...\n"
    assert shared([one, other]) == {"Report", "write"}
    assert shared([one]) == set()


def test_migrations_have_numbers_of_their_own():
    """Two branches that add one each must not add the same number."""
    assert [migration.version for migration in migrate.load()] == [*range(1, len(migrate.load()) + 1)]
