"""The pages for newcomers name only existing files, and every room states its purpose."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from docs.rooms import promises, with_rooms

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "plugins" / "hedgehog"
PAGE = (ROOT / "docs" / "architecture.md").read_text()
MAP = (ROOT / "CONTRIBUTING.md").read_text().split("## Where things are")[1].split("\n\n    ")[1].split("\n\n")[0]


@pytest.mark.parametrize(("room", "what", "never"), [(str(room), *rest) for room, *rest in promises(PACKAGE)])
def test_every_room_says_what_belongs_there_and_what_it_never_does(room, what, never):
    """In the docstring of its package, in one paragraph each."""
    assert what.endswith("."), f"{room}: a sentence on what belongs there"
    assert never.startswith("Never "), f"{room}: a paragraph that begins with Never"


def test_every_file_that_the_page_names_exists():
    """Paths are relative to the repository or to the package."""
    named = set(re.findall(r"`([\w./-]+\.(?:py|sql))`", PAGE))
    assert len(named) > 25
    assert [path for path in sorted(named) if not (ROOT / path).is_file() and not (PACKAGE / path).is_file()] == []


def test_every_path_that_a_recipe_names_exists():
    """Newcomers open these next."""
    recipes = (ROOT / "CONTRIBUTING.md").read_text().split("## Recipes")[1].split("\n## ")[0]
    named = {path for path in re.findall(r"`([\w./-]+)`", recipes) if "/" in path}
    assert len(named) > 15
    assert [path for path in sorted(named) if not (ROOT / path).exists() and not (PACKAGE / path).exists()] == []


def test_every_folder_that_the_page_names_exists():
    """Also in the picture and in the table of where to put a line of code."""
    named = set(re.findall(r"(?:`|^ {2,}|   )([a-z_/]+)/(?=`|\s)", PAGE, re.MULTILINE))
    assert {"admission/rules", "store", "manifests", "dags"} <= named
    assert [path for path in sorted(named) if not (ROOT / path).is_dir() and not (PACKAGE / path).is_dir()] == []


def test_the_table_of_rooms_is_fresh():
    """`make format` writes it again."""
    assert with_rooms(PAGE, PACKAGE) == PAGE
    assert all(f"| `{room.name}/` |" in PAGE for room in PACKAGE.iterdir() if (room / "__init__.py").exists())


def entries() -> dict[str, str]:
    """The entries of CONTRIBUTING's map and their text; rooms of the package begin with `hedgehog/`."""
    found: dict[str, str] = {}
    for line in MAP.splitlines():
        match = re.match(r"( *)((?:\S+/|\S+\.py)(?:, \S+)*)(?: {2,}(.*))?$", line.removeprefix("    "))
        if match and len(match[1]) <= 2:
            for name in match[2].split(", "):
                found["hedgehog/" * bool(match[1]) + name] = match[3] or ""
        else:
            found[list(found)[-1]] += f" {line.strip()}"
    return found


def test_the_map_of_the_repository_matches_the_tree():
    """Each folder once, and none that does not exist."""
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.split()
    folders = {path.split("/")[0] for path in tracked if "/" in path and not path.startswith(".")}
    named = {name.split("/")[0] for name in entries() if not name.startswith("hedgehog/")}
    assert named == folders
    paths = [name for name in entries() if not name.startswith("hedgehog/")]
    assert [name for name in paths if not (ROOT / name).is_dir()] == []


def test_the_map_of_the_package_matches_the_tree():
    """Each room, and each folder that the map names in it."""
    rooms = {f"hedgehog/{path.name}{'/' * path.is_dir()}" for path in PACKAGE.iterdir() if path.name[0] not in "_."}
    told = {name: text for name, text in entries().items() if name.startswith("hedgehog/")}
    assert told.keys() == rooms | {"hedgehog/__main__.py"}
    for name, text in told.items():
        inside = re.findall(r"\b(\w+)/", text)
        assert [folder for folder in inside if not (PACKAGE / name.removeprefix("hedgehog/") / folder).is_dir()] == []
