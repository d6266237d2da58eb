"""The worked examples of a page, run as they stand there.

An example is a `console` block: lines that start with `$ ` are commands, the others are all that they print. `…` stands
for any text of a line, and alone on a line for any number of lines; `{word}` for text that is the same wherever the word
appears in its section, in commands as well. Columns are as wide as they need to be.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

_SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_ANY_LINES = "(?:[^\n]*\n)*?"
_ANY_TEXT = "[^\n]*?"


def examples_of(page: Path) -> dict[str, list[str]]:
    """The examples of each section that has any, by its title."""
    sections = {title: _BLOCK.findall(text) for title, text in _SECTION.findall(page.read_text())}
    return {title: found for title, found in sections.items() if found}


def run(examples: Sequence[str], command: Callable[..., tuple[int, str, str]]) -> None:
    """Run the examples of a section and compare all that they print; *command* runs the words after `hedgehog`."""
    known: dict[str, str] = {}
    for line, printed in (step for example in examples for step in _steps(example)):
        words = shlex.split(line.format(**known))
        assert words[0] == "hedgehog", line
        status, out, err = command(*words[1:])
        match = re.fullmatch(_pattern(printed, known), out + err)
        assert match, f"$ {line}\n{out}{err}\nis not\n{printed}"
        assert (status != 0) == ("hedgehog: error: " in printed), (status, line)
        known |= match.groupdict()


def fits(printed: str, said: str) -> bool:
    """Whether *said* is what an example shows as *printed*."""
    return re.fullmatch(_pattern(printed, {}), said) is not None


def _steps(example: str) -> Iterator[tuple[str, str]]:
    """The commands of an example, each with what it prints."""
    for part in re.split(r"^\$ ", example, flags=re.MULTILINE)[1:]:
        line, _, printed = part.partition("\n")
        yield line, printed


def _pattern(printed: str, known: Mapping[str, str]) -> str:
    seen = {*known}
    return "".join(
        _ANY_LINES if line.strip() == "…" else _pattern_of_line(line.strip(), known, seen)
        for line in printed.splitlines()
    )


def _pattern_of_line(line: str, known: Mapping[str, str], seen: set[str]) -> str:
    found = " *"
    for part in re.split(r"( *… *| +|\{\w+\})", line):
        if "…" in part:
            found += _ANY_TEXT
        elif part and not part.strip():
            found += " +"
        elif re.fullmatch(r"\{\w+\}", part):
            found += _named(part[1:-1], known, seen)
        else:
            found += re.escape(part)
    return f"{found} *\n"


def _named(word: str, known: Mapping[str, Any], seen: set[str]) -> str:
    if word in known:
        return re.escape(known[word])
    if word in seen:
        return f"(?P={word})"
    seen.add(word)
    return f"(?P<{word}>[^\n]+?)"
