"""The page about validation shows what happens."""

from __future__ import annotations

import doctest
import re
from dataclasses import fields
from pathlib import Path

import yaml

from hedgehog.fabric.settings import FabricSettings

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "validation.md"


def test_every_example_in_python_gives_what_the_page_says():
    """Run as they stand there."""
    result = doctest.testfile(str(PAGE), module_relative=False, encoding="utf-8", optionflags=doctest.ELLIPSIS)
    assert result.failed == 0
    assert result.attempted > 20


def test_every_setting_of_a_fabric_is_reported():
    """In the table, by its name."""
    told = set(re.findall(r"`([a-z_0-9]+)`", PAGE.read_text()))
    assert {field.name for field in fields(FabricSettings)} - told == set()


def test_the_hook_and_the_action_run_existing_commands():
    """Both by the same script, with inputs that the command knows."""
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert (ROOT / hook["entry"]).stat().st_mode & 0o111
    action = yaml.safe_load((ROOT / "action.yml").read_text())
    (setup, run) = action["runs"]["steps"]
    assert hook["entry"] in run["run"]
    assert "${{" not in run["run"]
    given = " ".join([*run["env"].values(), *setup["with"].values()])
    assert set(re.findall(r"inputs\.([a-z-]+)", given)) == set(action["inputs"])


def test_the_packages_that_the_script_installs_are_locked():
    """Each of them, with hashes."""
    names = re.search(r"keep = /\^\((.+?)\)==/", (ROOT / "bin" / "hedgehog-validate").read_text())[1].split("|")
    lock = (ROOT / "requirements.txt").read_text()
    assert [name for name in names if not re.search(rf"^{name}==\S+ \\\n    --hash=", lock, re.MULTILINE)] == []
