"""What the commands say of a change that is a commit in Git."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from hedgehog.cli.output import cell
from hedgehog.fabric.shown import counted
from hedgehog.fabric.versions import short_commit

if TYPE_CHECKING:
    from hedgehog.services.steer.git_change import GitAccess, GitChange
    from hedgehog.store.database import Connection


def git_access(connection: Connection, name: str) -> GitAccess | None:
    """How to change a fabric in Git; None for one whose source of truth is the database."""
    from hedgehog.fabric.model import SourceOfTruth
    from hedgehog.store.fabrics import load_fabric

    if load_fabric(connection, name).source_of_truth is not SourceOfTruth.GIT:
        return None
    from hedgehog.airflow.adapters.hooks import open_host, open_mirror
    from hedgehog.services.steer.git_change import GitAccess

    return GitAccess(open_mirror, open_host, datetime.now(UTC))


def git_change_lines(done: GitChange, *, dry_run: bool, listed: bool = False) -> Iterator[str]:
    """Which files a change writes, with *listed* by name, and where it is."""
    if not done.files:
        yield "Git has it already; `hedgehog pull` takes it in at once"
        return
    were = "would be" if dry_run else "was" if len(done.files) == 1 else "were"
    yield f"{counted(len(done.files), 'file')} {were} written in Git"
    yield from (f"  {cell(path)}" for path in done.files if listed)
    if done.pull_request:
        yield f"the branch takes no pushes: merge {cell(done.pull_request)}"
        yield from [cell(done.note)] if done.note else []
    elif done.note:
        yield f"the branch takes no pushes: merge the branch {cell(done.branch)} ({cell(done.note)})"
    elif done.commit:
        yield f"committed as {short_commit(done.commit)} to {cell(done.branch)}; `hedgehog pull` takes it in at once"
