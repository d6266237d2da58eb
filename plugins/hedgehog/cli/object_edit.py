"""`hedgehog object edit`: an object in the editor of the person who changes it.

What a person wrote is never lost: a text that is not stored stays in its file, and the command takes it up again.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hedgehog.cli.arguments import OBJECT_HELP, add_command, standard_input
from hedgehog.cli.git_change import git_access, git_change_lines
from hedgehog.cli.output import cell, first_lines_of, note, progress, show
from hedgehog.cli.proposals import note_proposal
from hedgehog.cli.session import fabric_database, origin
from hedgehog.errors import InvalidInput
from hedgehog.fabric.changes import Action
from hedgehog.fabric.shown import printable

if TYPE_CHECKING:
    from hedgehog.services.steer.edits import ObjectEdit
    from hedgehog.store.database import Connection
    from hedgehog.store.objects import StoredObject

STDIN = "-"
_EDITOR = "vi"
_SHOWN = 20
"""How many differences are shown."""
_HEAD = "# {ref} of fabric {fabric}. Lines that begin with # are left out.\n# version {digest}\n"
_VERSION = re.compile(r"^# version ([0-9a-f]{32})$", re.MULTILINE)


def add_command_to(group: Any) -> None:
    """Add `edit`."""
    parser = add_command(
        group,
        "edit",
        _edit,
        summary="change an object in your editor ($VISUAL, else $EDITOR); it is checked and shown before it is stored",
        examples="""
        hedgehog object edit gen VPC/default/prod
        hedgehog object edit gen vpc/prod --reason "CHG-17: a wider subnet"
        hedgehog object get gen vpc/prod | sed s/1001/1011/ | hedgehog object edit gen vpc/prod --file - --reason CHG-18
        """,
    )
    parser.add_argument("fabric", metavar="FABRIC")
    parser.add_argument("object", metavar="OBJECT", help=OBJECT_HELP)
    parser.add_argument("--file", metavar="FILE", help="take the text from this file, - for stdin; opens no editor")
    parser.add_argument("--reason", metavar="TEXT", help="why, for the history; without it, you are asked")
    parser.add_argument("--dry-run", action="store_true", help="check and show the change, and store nothing")
    parser.add_argument(
        "--allow-invalid",
        action="store_true",
        help="store what a cluster would refuse, too; it is held until it is corrected",
    )


def _edit(arguments: argparse.Namespace) -> int:
    from hedgehog.cli.objects import chosen_objects

    if arguments.reason is None and not arguments.dry_run and (arguments.file == STDIN or not _is_terminal()):
        arguments.parser.error("there is nobody to ask why; say --reason TEXT")
    with fabric_database(arguments) as connection:
        (before,) = chosen_objects(connection, arguments.fabric, [arguments.object])
    if arguments.file:
        return _store(arguments, before, _read(arguments.file))
    original = _original(arguments, before)
    draft = _written(f"{arguments.fabric}-{before.ref.kind}-{before.ref.name}-", original)
    stored = False
    try:
        _open_editor(draft)
        status = _store(arguments, before, _read(str(draft)))
        stored = status == 0 and not arguments.dry_run
        return status
    finally:
        if stored or draft.read_bytes() == original:
            draft.unlink()
        else:
            again = shlex.join([arguments.fabric, str(before.ref), "--file", str(draft)])
            note(f"your text is kept in {draft}; to go on with it: `hedgehog object edit {again}`")


def _is_terminal() -> bool:
    """Whether there is somebody to ask."""
    stdin = standard_input()
    return stdin is not None and stdin.isatty()


def _original(arguments: argparse.Namespace, before: StoredObject) -> bytes:
    from hedgehog.fabric.render import dump

    head = _HEAD.format(ref=before.ref, fabric=arguments.fabric, digest=before.digest)
    return head.encode() + dump(before.manifest)


def _read(name: str) -> str:
    from hedgehog.services.transfer.local_files import read_file

    return _decoded(read_file(name, stdin=standard_input()), name)


def _decoded(content: bytes, name: str) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"{name}: is not UTF-8 at byte {error.start}") from None


def _written(prefix: str, content: bytes) -> Path:
    handle, name = tempfile.mkstemp(prefix=prefix, suffix=".yaml")
    with os.fdopen(handle, "wb") as file:
        file.write(content)
    return Path(name)


def _open_editor(path: Path) -> None:
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or _EDITOR
    try:
        done = subprocess.run([*shlex.split(command), str(path)], check=False)
    except (OSError, ValueError) as error:
        raise InvalidInput(f"the editor {command!r} cannot be started ({error}); set VISUAL or EDITOR") from None
    if done.returncode:
        raise InvalidInput(f"the editor {command!r} ended with status {done.returncode}; nothing was stored")


def _store(arguments: argparse.Namespace, before: StoredObject, text: str) -> int:
    with fabric_database(arguments) as connection:
        with progress(arguments, "checking the change"):
            done = _write(arguments, connection, before, text, dry_run=True)
        for line in done.notes:
            note(line)
        if done.action is not Action.UNCHANGED and not arguments.dry_run:
            if arguments.reason is None:
                arguments.reason = _ask(done, every=arguments.verbose)
            if not arguments.reason:
                note("no reason was given, so nothing was stored")
                return 1
            done = _write(arguments, connection, before, text, dry_run=False)
    data = {
        "object": str(done.ref),
        "action": done.action.value,
        "changes": [one.as_dict() for one in done.differences],
        "notes": list(done.notes),
        "dry_run": done.dry_run,
        "proposal": done.proposal.as_dict() if done.proposal else None,
        "git": done.git.as_dict() if done.git else None,
    }
    lines = [f"{done.ref} {'would be ' if done.proposal else ''}{done.action}", *_lines(done, every=arguments.verbose)]
    show(arguments, data, lambda: "\n".join([*lines, "dry run: nothing was changed"] if arguments.dry_run else lines))
    if done.proposal is not None:
        note_proposal(done.proposal)
    return 0


def _write(
    arguments: argparse.Namespace, connection: Connection, before: StoredObject, text: str, *, dry_run: bool
) -> ObjectEdit:
    from hedgehog.services.steer.edits import edit_object
    from hedgehog.services.steer.git_edits import edit_in_git

    version = _VERSION.search(text)
    options: dict[str, Any] = {
        "digest": version[1] if version else before.digest,
        "origin": origin(arguments),
        "ref": before.ref,
        "dry_run": dry_run,
        "allow_invalid": arguments.allow_invalid,
    }
    git = git_access(connection, arguments.fabric)
    if git is None:
        return edit_object(connection, arguments.fabric, text, **options)
    return edit_in_git(connection, arguments.fabric, text, git=git, **options)


def _lines(done: ObjectEdit, *, every: bool) -> list[str]:
    fields = first_lines_of([cell(one) for one in done.differences], _SHOWN, every=every)
    in_git = git_change_lines(done.git, dry_run=done.dry_run, listed=True) if done.git else ()
    return [*(f"  {line}" for line in fields), *in_git]


def _ask(done: ObjectEdit, *, every: bool) -> str:
    """Show the change and ask why it is made; empty for a change of mind."""
    for line in (f"{done.ref} would be {done.action}", *_lines(done, every=every)):
        print(printable(line), file=sys.stderr)
    print("Why? (Enter alone stores nothing) ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip()
