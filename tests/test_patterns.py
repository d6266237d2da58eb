"""Every regular expression of the package takes time in proportion to the text, whatever the text."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import hedgehog
from hedgehog.fabric import durations
from tests.growth import grows_too_fast

PLUGINS = Path(hedgehog.__path__[0])
SEARCHES = "search|sub|subn|split|findall|finditer"
"""What looks for a pattern everywhere; an anchored one may look from the beginning alone."""
WHOLE_TEXT_MATCHES = {durations._PART}
"""Searched for in a text only that is known to be a row of it, which leaves nowhere to look in vain."""
Found = tuple[str, int, bool]
"""Pattern, flags, and whether it is searched for."""
PIECES = (
    *(
        "a",
        "0",
        "-",
        ".",
        ":",
        "/",
        " ",
        "\n",
        "#",
        "\\",
        "<",
        "a.",
        "a-",
        "0.",
        "1e",
        "://",
        "://a:",
        ":a@",
        "a b ",
        "a=1;",
    ),
)
END = "!\n"
"""So that what matched nearly does not in the end."""


def _modules() -> Iterator[object]:
    """The modules that compile a pattern, except for the glue, whose imports take long: its patterns are read from the source."""
    for path in sorted(PLUGINS.rglob("*.py")):
        if "re.compile(" in path.read_text() and "airflow" not in path.parts:
            yield importlib.import_module(".".join(("hedgehog", *path.relative_to(PLUGINS).with_suffix("").parts)))


def _compiled() -> Iterator[Found]:
    for module in _modules():
        source = inspect.getsource(module)
        for name, value in vars(module).items():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield value.pattern, value.flags, re.search(rf"\b{name}\.(?:{SEARCHES})\(", source) is not None


def _inline() -> Iterator[Found]:
    """Patterns within a call: `re.fullmatch("…", text)`, and those that a function compiles."""
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first, owner = node.args[0], node.func.value
                text = first.value if isinstance(first, ast.Constant) else None
                if isinstance(owner, ast.Name) and owner.id == "re" and isinstance(text, str):
                    yield text, re.compile(text).flags, node.func.attr in SEARCHES


def _beginning(source: str) -> str:
    """The text with which every match begins: without it, what follows in the pattern is not tried at all."""
    return re.match(r"(?:[\w:/ @=-]|\\\.)*(?![*+?{|])", source)[0].replace("\\", "")


PATTERNS = sorted({*_compiled(), *_inline()})


def test_the_patterns_are_found():
    """A test of no patterns would pass."""
    assert len(PATTERNS) > 40
    assert any("://" in pattern for pattern, _, _ in PATTERNS)
    assert {is_searched for *_, is_searched in PATTERNS} == {True, False}


@pytest.mark.parametrize(("source", "flags", "is_searched"), PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_the_text(source, flags, is_searched):
    """A stranger's text must not block a check: 16,000 colons once took three seconds."""
    pattern = re.compile(source, flags & ~re.DEBUG)
    use = pattern.search if is_searched and source not in WHOLE_TEXT_MATCHES else pattern.fullmatch
    for start, piece in itertools.product(dict.fromkeys(("", _beginning(source))), PIECES):

        def text(length: int, start: str = start, piece: str = piece) -> str:
            return start + piece * (length // len(piece)) + END

        assert not grows_too_fast(use, text), f"{piece!r} repeated after {start!r}"


@pytest.mark.parametrize("source", [r"a*b", r"0*(?:1|2)", r"://[^/@\s]*:[^/@\s]+@"])
def test_a_quadratic_pattern_would_be_found(source):
    """One with as many starting points as there are characters, each of which reads all the rest."""
    with pytest.raises(AssertionError, match="repeated"):
        test_a_pattern_takes_time_in_proportion_to_the_text(source, re.UNICODE, True)
