"""`hedgehog hydrate`: fill in the addresses and ASNs that a wiring leaves out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import add_command
from hedgehog.cli.output import cell, note, progress, show, table
from hedgehog.errors import InvalidInput
from hedgehog.fabric.shown import counted

if TYPE_CHECKING:
    from hedgehog.services.transfer.hydrate import HydratedFiles


def add_commands(commands: Any) -> None:
    """Add `hydrate`."""
    from hedgehog.fabric.hydration.hydrate import HydrationMode

    parser = add_command(
        commands,
        "hydrate",
        _hydrate,
        summary="assign the addresses and ASNs that the files of a wiring leave out, as hhfab does",
        examples="""
        hedgehog hydrate .                            # show what would be assigned
        hedgehog hydrate --in-place fab.yaml include/ # write it into the files; comments and order stay
        hedgehog hydrate --write-to hydrated/ .       # write the files that change somewhere else
        """,
    )
    parser.add_argument("paths", nargs="+", metavar="PATH", help="file, or directory (its *.yaml and *.yml)")
    parser.add_argument(
        "--mode",
        choices=[mode.value for mode in HydrationMode],
        default=HydrationMode.MISSING.value,
        help="missing: what is missing, keeping what is assigned (default); if-not-present: everything, if nothing is there "
        "yet; override: everything again; never: nothing, refuse what is incomplete",
    )
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--in-place", action="store_true", help="write the files")
    where.add_argument(
        "--write-to", metavar="DIRECTORY", type=Path, help="write the files that change to a new directory"
    )


def _hydrate(arguments: argparse.Namespace) -> int:
    from hedgehog.fabric.hydration.hydrate import HydrationMode
    from hedgehog.services.transfer.hydrate import hydrate_files
    from hedgehog.services.transfer.local_files import STDIN, read_paths

    if STDIN in arguments.paths:
        raise InvalidInput("-: standard input has no place to write to; name files")
    files = read_paths(arguments.paths)
    if files.opaque:
        raise InvalidInput("\n".join(f"{path}: {why}" for path, why in sorted(files.opaque.items())))
    if not files.contents:
        raise InvalidInput(f"{', '.join(arguments.paths)}: no YAML file was found; nothing was assigned")
    with progress(arguments, f"hydrating {counted(len(files.contents), 'file')}"):
        found = hydrate_files(files.contents, HydrationMode(arguments.mode))
    _write(arguments, found)
    show(arguments, found.as_dict(), lambda: _shown(found))
    if found.contents and not (arguments.in_place or arguments.write_to):
        note("nothing was written; do it with --in-place or --write-to DIRECTORY")
    return 0


def _write(arguments: argparse.Namespace, found: HydratedFiles) -> None:
    """Write the files that change, if that is asked for, once it is known where each goes."""
    if arguments.write_to:
        targets = {name: arguments.write_to / _relative(name) for name in found.contents}
    else:
        targets = {name: Path(name) for name in found.contents if arguments.in_place}
    for name, path in targets.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, found.contents[name])


def _relative(name: str) -> Path:
    path = Path(name)
    if ".." in path.parts:
        raise InvalidInput(f"{name}: is outside of this directory; run the command from one that holds all files")
    return path.relative_to(path.anchor)


def _replace(path: Path, content: bytes) -> None:
    """Write it whole or not at all."""
    beside = path.with_name(f".{path.name}.new")
    beside.write_bytes(content)
    if path.exists():
        beside.chmod(path.stat().st_mode)
    beside.replace(path)


def _shown(found: HydratedFiles) -> str:
    rows = [
        (one.place.rsplit(":", 1)[0], cell(one.ref), ".".join(map(str, one.path)), cell(one.value))
        for one in found.assigned
    ]
    return table(("where", "object", "field", "value"), rows, nothing="nothing is missing")
