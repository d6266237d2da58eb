"""Where a change of what is wanted comes from: who made it, through what, and why. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Via(StrEnum):
    """Through what somebody changed something."""

    CLI = "cli"
    API = "api"
    RUN = "run"
    """A run of a DAG that somebody started."""
    GIT = "git"
    """A push to the branch of a fabric, or an edit there that the fabric adopted."""
    CLUSTER = "cluster"
    """An edit in the cluster that the fabric adopted."""
    ROLLOUT = "rollout"
    RESTORE = "restore"
    SQL = "sql"
    """A statement that said nothing else."""
    MIGRATION = "migration"
    """What there was when the history began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """What the history says of a change: who made it, through what, and why."""

    who: str
    """A user, the author of a commit, a field manager, or a role of the database."""
    via: Via
    why: str = ""
    run: str | None = None
    """The id of the run that stored it."""
    commit: str | None = None
    """The commit that it was read from."""
