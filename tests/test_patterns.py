"""Every regular expression of the package takes time in proportion to the text, whatever the text."""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import hedgehog

PLUGINS = Path(hedgehog.__path__[0])
SHORT, TIMES = 200, 16
TOO_MUCH = 80
"""Times; linear growth is TIMES, quadratic growth 256."""
QUICK = 0.004
"""Seconds of processor time below which growth cannot be measured, and does not matter."""
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
    """Those that compile a pattern, but for the glue, whose imports take long: its patterns are found as they stand."""
    for path in sorted(PLUGINS.rglob("*.py")):
        if "re.compile(" in path.read_text() and "airflow" not in path.parts:
            yield importlib.import_module(".".join(("hedgehog", *path.relative_to(PLUGINS).with_suffix("").parts)))


def _compiled() -> Iterator[re.Pattern[str]]:
    for module in _modules():
        for value in vars(module).values():
            if isinstance(value, re.Pattern) and isinstance(value.pattern, str):
                yield value


def _inline() -> Iterator[re.Pattern[str]]:
    """Patterns that stand in a call: `re.fullmatch("…", text)`, and those that a function compiles."""
    for path in PLUGINS.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args:
                first, owner = node.args[0], node.func.value
                if isinstance(owner, ast.Name) and owner.id == "re" and isinstance(first, ast.Constant):
                    yield re.compile(first.value)


PATTERNS = sorted({(one.pattern, one.flags) for one in (*_compiled(), *_inline()) if isinstance(one.pattern, str)})


def _cost(pattern: re.Pattern[str], text: str) -> float:
    """Seconds of the dearer way to use it; the least of some tries where it matters, for the machine may be busy."""
    return max(_least(pattern.search, text), _least(pattern.fullmatch, text))


def _least(use: Callable[[str], object], text: str) -> float:
    first = _seconds(use, text)
    return first if first < QUICK else min(first, *(_seconds(use, text) for _ in range(3)))


def _seconds(use: Callable[[str], object], text: str) -> float:
    started = time.thread_time()
    use(text)
    return time.thread_time() - started


def test_the_patterns_are_found():
    """A test of none would be green."""
    assert len(PATTERNS) > 40
    assert any("://" in pattern for pattern, _ in PATTERNS)


@pytest.mark.parametrize(("source", "flags"), PATTERNS)
def test_a_pattern_takes_time_in_proportion_to_the_text(source, flags):
    """A text of a stranger must not stop a check: 16,000 colons took three seconds."""
    pattern = re.compile(source, flags & ~re.DEBUG)
    for piece in PIECES:
        short, long = (piece * (length // len(piece)) + END for length in (SHORT, SHORT * TIMES))
        cost = _cost(pattern, long)
        if cost > QUICK:
            assert cost < TOO_MUCH * max(_cost(pattern, short), QUICK / TOO_MUCH), f"{piece!r} repeated"


def test_a_quadratic_pattern_would_be_found():
    """The one that was."""
    with pytest.raises(AssertionError, match="repeated"):
        test_a_pattern_takes_time_in_proportion_to_the_text(r"://[^/@\s]*:[^/@\s]+@.*x|a*a*b", re.UNICODE)
