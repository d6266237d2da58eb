"""Parsing: options of every command, suggestions for mistyped words, times and settings as values."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, BinaryIO, NoReturn

from hedgehog.errors import InvalidInput
from hedgehog.fabric.near import did_you_mean
from hedgehog.fabric.shown import printable
from hedgehog.manifests.scalars import resolve

Run = Callable[[argparse.Namespace], int]
"""Carries out a parsed command and returns the exit status."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_LONGEST_DURATION = timedelta(days=36_500)
_DURATION = re.compile(r"([1-9][0-9]{0,5})([smhdw])")
_BRACKETS = ("[", "{")
_INVALID_CHOICE = re.compile(r"invalid choice: '([^']*)'")

OBJECT_HELP = "Kind/namespace/name, or Kind/name where that is clear"
"""How objects are named."""


class Parser(argparse.ArgumentParser):
    """An argument parser that accepts no abbreviations and suggests similar words when it refuses one.

    `fill`, if set, adds more arguments when they are needed, for a command whose options are in a slow module.
    """

    fill: Callable[[Parser], None] | None = None

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter, **options)

    def add_argument(self, *names: str, **options: Any) -> Any:
        """Add it as the base class does, but never list what may be left out among the arguments that are missing."""
        if options.get("nargs") == "*":
            options.setdefault("default", [])
        return super().add_argument(*names, **options)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Parse as the base class does, after `fill`."""
        fill, self.fill = self.fill, None
        if fill is not None:
            fill(self)
        return super().parse_known_args(args, namespace)

    def error(self, message: str) -> NoReturn:
        """Print the error with a suggestion and exit with status 2."""
        found = _INVALID_CHOICE.search(message)
        if found:
            message = f"there is no {found[1]!r} here; {self._near(found[1], self._choices())}"
        print(f"hedgehog: error: {printable(message)}\n{self.format_usage().strip()}", file=sys.stderr)
        raise SystemExit(2)

    def refuse_unknown(self, words: Sequence[str]) -> None:
        """Exit with status 2 if arguments are left over."""
        if words:
            options = [option for action in self._actions for option in action.option_strings]
            self.error(f"unknown argument {words[0]!r}; {self._near(words[0].partition('=')[0], options)}")

    def _choices(self) -> list[str]:
        return [str(choice) for action in self._actions for choice in action.choices or ()]

    @staticmethod
    def _near(word: str, known: Sequence[str]) -> str:
        return did_you_mean(word, known, most=2, like=0.5, otherwise=f"known are {', '.join(known)}")


def add_command(
    commands: Any, name: str, run: Run, *, summary: str, examples: str = "", without: Collection[str] = ()
) -> Parser:
    """Add a command with the options of all commands, except those in *without*.

    *examples* are shown at the end of its help, one per line.
    """
    parser: Parser = commands.add_parser(name, help=summary, description=_sentence(summary), epilog=_epilog(examples))
    add_common(parser, inherited=True, without=without)
    parser.set_defaults(run=run, parser=parser)
    return parser


def add_group(commands: Any, name: str, *, summary: str) -> Any:
    """Add a command that only has subcommands."""
    parser: Parser = commands.add_parser(name, help=summary, description=_sentence(summary))
    parser.set_defaults(parser=parser)
    return parser.add_subparsers(metavar="COMMAND", required=True, title="commands")


def add_common(parser: argparse.ArgumentParser, *, inherited: bool = False, without: Collection[str] = ()) -> None:
    """The options that may come before or after the command; *inherited* ones keep values given before it."""
    group = parser.add_argument_group("options of every command")
    if "output" not in without:
        group.add_argument(
            "--output",
            choices=("table", "json"),
            default=argparse.SUPPRESS if inherited else "table",
            help="tables are for people, JSON has stable keys for programs (default: table)",
        )
    if "database" not in without:
        group.add_argument(
            "--database",
            metavar="URL",
            default=argparse.SUPPRESS if inherited else None,
            help="postgresql://user@host/name of the fabric database, without a password (PGPASSWORD, ~/.pgpass); "
            "default: the Airflow connection hedgehog_db, from AIRFLOW_CONN_HEDGEHOG_DB if set",
        )
    group.add_argument(
        "--verbose",
        action="store_true",
        default=argparse.SUPPRESS if inherited else False,
        help="log to stderr what is done, and list every change",
    )


def _sentence(summary: str) -> str:
    return summary[0].upper() + summary[1:] + "."


def _epilog(examples: str) -> str | None:
    if not examples:
        return None
    lines = "\n".join(f"  {line.strip()}" for line in examples.strip().splitlines())
    return f"examples:\n{lines}"


def add_reason(parser: argparse.ArgumentParser) -> None:
    """The option that says why a command changes something."""
    parser.add_argument("--reason", metavar="TEXT", help="why, for the history")


def duration(text: str) -> timedelta:
    """`90s`, `45m`, `2h`, `3d`, `1w`."""
    match = _DURATION.fullmatch(text)
    if match is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration; write 90s, 45m, 2h, 3d or 1w")
    found = timedelta(**{_UNITS[match[2]]: int(match[1])})
    if found > _LONGEST_DURATION:
        raise argparse.ArgumentTypeError(f"{text!r} is longer than {_LONGEST_DURATION.days} days")
    return found


def iso_time(text: str) -> datetime:
    """An ISO date and time, in UTC, which it is without an offset."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a time; write 2026-05-01T18:00+02:00") from None
    try:
        return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
    except OverflowError:
        raise argparse.ArgumentTypeError(f"{text!r} is outside of the years 1 to 9999 of UTC") from None


def add_end(parser: argparse.ArgumentParser) -> None:
    """`--until` and `--for`, of which at most one is given."""
    end = parser.add_mutually_exclusive_group()
    end.add_argument("--until", type=iso_time, metavar="TIME", help="ISO time at which it ends by itself")
    end.add_argument("--for", type=duration, dest="span", metavar="DURATION", help="90s, 45m, 2h, 3d, 1w")


def end_of(arguments: argparse.Namespace, now: datetime) -> datetime | None:
    """The time that `--until` or `--for` says; None without either. Exits with status 2 for a time that has passed."""
    until: datetime | None = now + arguments.span if arguments.span else arguments.until
    if until is not None and until <= now:
        arguments.parser.error(f"--until {until.isoformat()} has passed")
    return until


def setting(text: str) -> tuple[str, Any]:
    """`NAME=VALUE`; the value is read as unquoted YAML, or as a list or mapping of it in brackets."""
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"{text!r} is not a setting; write NAME=VALUE")
    return name, _bracketed(value) if value.startswith(_BRACKETS) else resolve(value)


def _bracketed(text: str) -> Any:
    from hedgehog.manifests import yaml

    try:
        ((_, value),) = [pair for found in yaml.load(f"value: {text}", file="value") for pair in found.manifest.items()]
    except (InvalidInput, ValueError):
        raise argparse.ArgumentTypeError(f"{text!r} is not YAML; write it like [1, 2] or {{key: value}}") from None
    return value


def standard_input() -> BinaryIO | None:
    """The bytes that are piped into the command; None if stdin is closed."""
    return sys.stdin.buffer if sys.stdin is not None else None
