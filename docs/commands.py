"""The page `commands.md`: every command of `hedgehog`, from the parsers that also print its help."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any

INTRODUCTION = """\
`bin/hedgehog` runs from a clone, and as `python -m hedgehog`, with no Airflow running. `hedgehog COMMAND --help` says the
same. Every command takes `--verbose`, and those that need them `--output json` and `--database URL`. Exit status: 0 done,
1 it could not be done, 2 it was asked wrongly; a check ends with 0 when everything is in order, 1 when it is not, 2
when it could not be checked."""
_EVERYWHERE = "options of every command"


def commands_page(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The parts of the page: one section per command that does something, in the order of the help."""
    yield "# Commands"
    yield INTRODUCTION
    for name, command in commands(parser):
        yield f"## hedgehog {name}"
        yield command.description or ""
        rows = [row for group in command._action_groups if group.title != _EVERYWHERE for row in _rows(group)]
        if rows:
            yield "\n".join(
                ["| argument | meaning |", "| --- | --- |", *(f"| {argument} | {what} |" for argument, what in rows)]
            )
        examples = [line.strip() for line in (command.epilog or "").splitlines()[1:]]
        if examples:
            yield "\n".join(f"    {line}" for line in examples)


def commands(parser: argparse.ArgumentParser, above: str = "") -> Iterator[tuple[str, Any]]:
    """Each command that does something, by its words."""
    below = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not below:
        fill = getattr(parser, "fill", None)
        if fill is not None:
            fill(parser)
        yield above, parser
    for action in below:
        for name, command in action.choices.items():
            yield from commands(command, f"{above} {name}".strip())


def _rows(group: Any) -> Iterator[tuple[str, str]]:
    for action in group._group_actions:
        if not isinstance(action, argparse._HelpAction) and action.help not in {None, argparse.SUPPRESS}:
            yield _cell(f"`{_spelt(action)}`"), _cell(_meaning(action))


def _spelt(action: Any) -> str:
    """As it is typed: `--until TIME`, `NAME…`."""
    value = action.metavar or (",".join(map(str, action.choices)) if action.choices else action.dest.upper())
    value = " ".join(value) if isinstance(value, tuple) else str(value)
    if not action.option_strings:
        return f"{value} …" if action.nargs in {"+", "*"} else value
    words = ", ".join(action.option_strings)
    return words if action.nargs == 0 else f"{words} {value}"


def _meaning(action: Any) -> str:
    return " ".join(str(action.help or "").split()).replace("%(default)s", str(action.default)).replace("%%", "%")


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
