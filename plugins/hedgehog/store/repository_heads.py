"""The head at which each branch was last read. It shows pushes whose webhook was lost, and forced pushes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hedgehog.fabric.model import SourceOfTruth
from hedgehog.store.database import Connection, transaction

_FABRICS = (
    "SELECT 1 FROM hedgehog.fabric f JOIN hedgehog.sync_state s ON s.fabric_id = f.id AND s.target = 'git' "
    "WHERE f.git_repository_id = r.id AND f.git_sync_enabled"
)


def last_seen(connection: Connection, repository_id: int) -> str | None:
    """The head of the branch when it was last ingested; None if it never was."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT commit_id FROM hedgehog.repository_head WHERE git_repository_id = %s", (repository_id,))
        row = cursor.fetchone()
        return row[0] if row else None


MOST_KILLED = 3
"""How many reads in a row may be killed before a repository is read only once per _PATIENCE."""
_PATIENCE = "1 hour"


def begin(connection: Connection, repository_id: int) -> None:
    """Note, under the lock of the repository, that a read begins; a previous read without an end was killed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.repository_head AS h (git_repository_id, checked_at, begun_at, running) "
            "SELECT id, '-infinity', now(), true FROM hedgehog.git_repository WHERE id = %s "
            "ON CONFLICT (git_repository_id) DO UPDATE SET begun_at = now(), running = true, "
            "killed = h.killed + h.running::integer",
            (repository_id,),
        )


def end(connection: Connection, repository_id: int) -> None:
    """Note that a read has ended, successfully or not."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.repository_head SET running = false, killed = 0 WHERE git_repository_id = %s",
            (repository_id,),
        )


def killed(connection: Connection) -> dict[int, int]:
    """How many reads in a row were killed lately or are running, by repository id; zeros are left out."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT git_repository_id, killed + running::integer FROM hedgehog.repository_head "
            f"WHERE killed + running::integer > 0 AND begun_at > now() - interval '{_PATIENCE}'"
        )
        return dict(cursor.fetchall())


def answered(connection: Connection, repository_id: int) -> bool:
    """Note that the branch could be read, and return whether the previous read had failed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "UPDATE hedgehog.repository_head SET trouble = NULL WHERE git_repository_id = %s AND trouble IS NOT NULL "
            "RETURNING 1",
            (repository_id,),
        )
        return cursor.fetchone() is not None


def record(
    connection: Connection,
    repository_id: int,
    commit: str | None,
    *,
    replaced: str | None = None,
    trouble: str | None = None,
) -> None:
    """Note that the branch was read. *commit* is its head, which was ingested; None if it could not be read.

    *replaced* is the head before, when the new one does not contain it; *trouble* the class of the error.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.repository_head AS h (git_repository_id, commit_id, moved_at, replaced_commit, "
            "replaced_at, trouble) SELECT id, %(commit)s, CASE WHEN %(commit)s IS NOT NULL THEN now() END, %(replaced)s, "
            "CASE WHEN %(replaced)s IS NOT NULL THEN now() END, %(trouble)s FROM hedgehog.git_repository WHERE id = %(id)s "
            "ON CONFLICT (git_repository_id) DO UPDATE SET checked_at = now(), "
            "commit_id = coalesce(excluded.commit_id, h.commit_id), "
            "moved_at = CASE WHEN excluded.commit_id <> coalesce(h.commit_id, '') THEN now() ELSE h.moved_at END, "
            "replaced_commit = coalesce(excluded.replaced_commit, h.replaced_commit), "
            "replaced_at = coalesce(excluded.replaced_at, h.replaced_at), trouble = excluded.trouble",
            {"commit": commit, "id": repository_id, "replaced": replaced, "trouble": trouble},
        )
        if commit is not None:
            cursor.execute(
                "INSERT INTO hedgehog.known_branch (url, branch) SELECT url, branch FROM hedgehog.git_repository "
                "WHERE id = %s ON CONFLICT DO NOTHING",
                (repository_id,),
            )


def known_urls(connection: Connection, branch: str) -> set[str]:
    """The URLs of the repositories where *branch* has been found."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT url FROM hedgehog.known_branch WHERE branch = %s", (branch,))
        return {row[0] for row in cursor.fetchall()}


def last_commits(connection: Connection, repository_id: int, branch: str) -> set[str]:
    """The commits of *branch* at which fabrics were last synced, and its head when it was last ingested."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT DISTINCT right(s.revision, 40) FROM hedgehog.sync_state s JOIN hedgehog.fabric f ON f.id = s.fabric_id "
            "WHERE f.git_repository_id = %(id)s AND s.target = 'git' "
            "AND left(s.revision, length(%(branch)s) + 1) = %(branch)s || '@' UNION "
            "SELECT commit_id FROM hedgehog.repository_head WHERE git_repository_id = %(id)s AND commit_id IS NOT NULL",
            {"id": repository_id, "branch": branch},
        )
        return {row[0] for row in cursor.fetchall()}


def remember(connection: Connection, url: str, branch: str) -> None:
    """Note that the branch exists, or existed."""
    with transaction(connection) as cursor:
        cursor.execute(
            "INSERT INTO hedgehog.known_branch (url, branch) VALUES (%s, %s) ON CONFLICT DO NOTHING", (url, branch)
        )


def enabled_fabrics(connection: Connection, repository_id: int) -> list[str]:
    """The names of the fabrics in the repository whose Git sync is enabled, sorted."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT name FROM hedgehog.fabric WHERE git_repository_id = %s AND git_sync_enabled ORDER BY name",
            (repository_id,),
        )
        return [row[0] for row in cursor.fetchall()]


def directories(connection: Connection) -> list[tuple[str, str, str, str]]:
    """Every fabric that has a repository, its sync enabled or not: name, URL, branch, directory."""
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT f.name, r.url, r.branch, f.git_directory FROM hedgehog.fabric f "
            "JOIN hedgehog.git_repository r ON r.id = f.git_repository_id ORDER BY f.name"
        )
        return cursor.fetchall()


@dataclass(frozen=True, slots=True)
class LeftDirectory:
    """A directory that a fabric left when it was deleted or moved; its files belong to no fabric."""

    url: str
    branch: str
    directory: str
    fabric: str
    """The fabric that left it."""


def left_directories(connection: Connection) -> list[LeftDirectory]:
    """The directories that fabrics left and that no fabric uses again."""
    with transaction(connection) as cursor:
        cursor.execute("SELECT url, branch, directory, fabric FROM hedgehog.left_directory ORDER BY directory, url")
        return [LeftDirectory(*row) for row in cursor.fetchall()]


def forget_left(connection: Connection, gone: Iterable[LeftDirectory]) -> None:
    """Note that these directories are empty."""
    with transaction(connection) as cursor:
        for one in gone:
            cursor.execute(
                "DELETE FROM hedgehog.left_directory WHERE (url, branch, directory) = (%s, %s, %s)",
                (one.url, one.branch, one.directory),
            )


def due(connection: Connection, *, seconds: float) -> set[int]:
    """The ids of the repositories to read, whether a webhook reported a push or not.

    Those with an enabled fabric that were not read for *seconds*, those with a fabric whose source of truth is Git
    and that is due at Git (one that failed, or whose rows somebody changed), and those with pull requests to close.
    """
    with transaction(connection) as cursor:
        cursor.execute(
            "SELECT r.id FROM hedgehog.git_repository r LEFT JOIN hedgehog.repository_head h ON h.git_repository_id = r.id "
            f"WHERE (coalesce(h.checked_at, '-infinity') <= now() - make_interval(secs => %s) AND EXISTS ({_FABRICS})) "
            f"OR EXISTS ({_FABRICS} AND f.source_of_truth = %s AND s.due_at <= now() AND NOT coalesce("
            "f.suspended AND coalesce(f.suspended_until > now(), true), false)) "
            "OR EXISTS (SELECT 1 FROM hedgehog.left_request l WHERE l.git_repository_id = r.id AND l.next_attempt_at <= now())",
            (seconds, SourceOfTruth.GIT.value),
        )
        return {row[0] for row in cursor.fetchall()}
