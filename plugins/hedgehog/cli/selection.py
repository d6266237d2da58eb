"""Which fabrics a command is for: by name, with `--select`, or all. One mechanism for every command."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.selectors import PROPERTIES, Selector, parse_selector
from hedgehog.store.database import Connection
from hedgehog.store.fabrics import load_fabric, selected_names


def selector(text: str) -> Selector:
    """The value of `--select`."""
    try:
        return parse_selector(text)
    except InvalidInput as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def add_selection(parser: argparse.ArgumentParser, *, default: str = "", everything: bool = False) -> None:
    """Names and `--select`; *default* says what none of them means (empty: one is required), *everything* adds `--all`."""
    parser.add_argument("fabrics", nargs="*", metavar="NAME", help=f"default: {default}" if default else None)
    add_select(parser)
    if everything:
        parser.add_argument("--all", action="store_true", dest="every_fabric", help="all fabrics")


def add_select(parser: argparse.ArgumentParser) -> None:
    """`--select` alone; given several times, fabrics must fit all."""
    parser.add_argument(
        "--select", type=selector, action="append", default=[], metavar="SELECTOR",
        help="fabrics by label, as in site=fra,tier!=lab,env in (a,b),!retired, and by "
        f"{', '.join(PROPERTIES[:-1])} or {PROPERTIES[-1]}, whose values may be patterns: cluster=dc1_*",
    )  # fmt: skip


def selection(arguments: argparse.Namespace) -> Selector | None:
    """What `--select` and `--all` say; None without either. Exits with status 2 where that is not one way to choose."""
    ways = [bool(arguments.fabrics), bool(arguments.select), getattr(arguments, "every_fabric", False)]
    if sum(ways) > 1:
        arguments.parser.error("name fabrics, or choose them with --select or --all; not both")
    if arguments.select:
        return Selector.all_of(arguments.select)
    return Selector() if ways[2] else None


def chosen_fabrics(arguments: argparse.Namespace, connection: Connection) -> list[str] | None:
    """The names of the fabrics that a command is for, each once; None when nothing says which.

    Raises NotFound for a name that no fabric has, and for a selector that fits none.
    """
    wanted = selection(arguments)
    if wanted is None:
        return _known(connection, arguments.fabrics) if arguments.fabrics else None
    found = selected_names(connection, wanted)
    if not found:
        raise NotFound("there are no fabrics" if not wanted.requirements else f"no fabric fits {wanted}")
    return found


def required_fabrics(arguments: argparse.Namespace, connection: Connection) -> list[str]:
    """As `chosen_fabrics`; exits with status 2 when nothing says which."""
    require_selection(arguments)
    return chosen_fabrics(arguments, connection) or []


def require_selection(arguments: argparse.Namespace) -> None:
    """Exit with status 2 unless the command says which fabrics it is for."""
    if selection(arguments) is None and not arguments.fabrics:
        arguments.parser.error("name fabrics, or choose them with --select")


def _known(connection: Connection, names: Sequence[str]) -> list[str]:
    for name in names:
        load_fabric(connection, name)  # raises NotFound with near names
    return list(dict.fromkeys(names))
