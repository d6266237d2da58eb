"""Task logs on this machine: old and large ones are compressed, very old ones deleted, the newest of each DAG kept.

Airflow's layout is `dag_id=…/run_id=…/task_id=…/[map_index=…/]attempt=N.log`. Only the
directories of the given DAGs are read; links are never followed. A file that a process has open, or that was written a
short while ago, is left alone. A compressed log is `attempt=N.gz`, which the web UI does not show; under the old name it
would fail to read it.
"""

from __future__ import annotations

import gzip
import os
import shutil
from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from hedgehog.errors import InvalidInput

LOG = ".log"
COMPRESSED = ".gz"
_HALF_DONE = ".gz.part"
_DAY = 86400.0


@dataclass(frozen=True, slots=True)
class RotationPolicy:
    """When logs are compressed and when they are deleted. Sizes are in bytes."""

    compress_days: float
    delete_days: float
    total_size: int
    """The size of all logs of the DAGs above which the oldest are deleted early."""
    keep: int
    """How many of the newest logs of each DAG stay, whatever their age and size."""
    compress_size: int = 1_000_000
    """A larger log is compressed as soon as it is finished."""
    rest_hours: float = 1.0
    """Hours without a write after which a log counts as finished: longer than any of our tasks may run."""


@dataclass(slots=True)
class RotationReport:
    """What was done, or in a dry run would be; paths are relative to the log folder. Sizes are in bytes."""

    compressed: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    open: int = 0
    """How many logs were left alone because a process writes to them, or did so a short while ago."""
    before: int = 0
    after: int = 0
    """In a dry run, without what compression would save."""
    dry_run: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Counts and sizes, for XCom."""
        return {
            "compressed": len(self.compressed),
            "deleted": len(self.deleted),
            "open": self.open,
            "bytes_before": self.before,
            "bytes_after": self.after,
            "dry_run": self.dry_run,
        }


@dataclass(frozen=True, slots=True)
class _Log:
    path: Path
    dag_id: str
    size: int
    written: float
    is_busy: bool = False
    """It is open, or was written recently."""
    is_spared: bool = False
    """It is busy, or among the newest of its DAG: it is not deleted."""


def rotate(
    folder: Path, dag_ids: Collection[str], policy: RotationPolicy, *, now: float, dry_run: bool = False
) -> RotationReport:
    """Rotate the logs below *folder* of the DAGs *dag_ids*, at the time *now* (seconds since the epoch).

    Deletes what is too old, compresses, and then deletes the oldest until the rest fits. Raises InvalidInput if *folder*
    does not exist or *policy* is contradictory.
    """
    _refuse(folder, policy)
    if not dry_run:
        _remove_half_done(folder, dag_ids)
    found = _classified(_logs(folder, dag_ids), policy, now)
    report = RotationReport(
        before=sum(log.size for log in found), open=sum(log.is_busy for log in found), dry_run=dry_run
    )
    rotation = _Rotation(folder, report)
    too_old = [log for log in found if not log.is_spared and log.written < now - policy.delete_days * _DAY]
    rotation.delete(too_old)
    rest = [rotation.compress(log) if _is_due(log, policy, now) else log for log in found if log not in too_old]
    too_many = _beyond(rest, policy.total_size)
    rotation.delete(too_many)
    report.after = sum(log.size for log in rest) - sum(log.size for log in too_many)
    return report


def _refuse(folder: Path, policy: RotationPolicy) -> None:
    if not folder.is_dir():
        raise InvalidInput(f"{folder}: there is no such directory; is it [logging] base_log_folder of this machine?")
    if policy.compress_days > policy.delete_days or min(policy.compress_days, policy.keep) < 0:
        raise InvalidInput("logs must be compressed before they are deleted, and nothing may be negative")


def _directories(folder: Path, dag_ids: Collection[str]) -> Iterator[tuple[str, Path]]:
    for dag_id in sorted(dag_ids):
        directory = folder / f"dag_id={dag_id}"
        if directory.is_dir() and not directory.is_symlink():
            yield dag_id, directory


def _remove_half_done(folder: Path, dag_ids: Collection[str]) -> None:
    """Remove partial files of a killed rotation, whose sources are intact. Only one rotation runs at a time per machine."""
    for _, directory in _directories(folder, dag_ids):
        for path in directory.rglob(f"*{_HALF_DONE}"):
            path.unlink(missing_ok=True)


def _logs(folder: Path, dag_ids: Collection[str]) -> Iterator[_Log]:
    opened = _open_files()
    for dag_id, directory in _directories(folder, dag_ids):
        for place, _, names in os.walk(directory):
            for name in names:
                path = Path(place, name)
                if path.suffix in (LOG, COMPRESSED) and not path.is_symlink():
                    with suppress(FileNotFoundError):  # another process removed it
                        status = path.stat()
                        is_open = (status.st_dev, status.st_ino) in opened
                        yield _Log(path, dag_id, status.st_size, status.st_mtime, is_busy=is_open)


def _open_files() -> set[tuple[int, int]]:
    """Device and inode of every file that is open in a process whose descriptors we may read."""
    found = set()
    for descriptors in Path("/proc").glob("[0-9]*/fd"):
        with suppress(OSError):
            for descriptor in descriptors.iterdir():
                with suppress(OSError):
                    status = descriptor.stat()
                    found.add((status.st_dev, status.st_ino))
    return found


def _classified(logs: Iterable[_Log], policy: RotationPolicy, now: float) -> list[_Log]:
    """The logs, the oldest first, marked as busy or spared."""
    ordered = sorted(logs, key=lambda log: (log.written, str(log.path)))
    newer = Counter(log.dag_id for log in ordered)
    judged = []
    for log in ordered:
        newer[log.dag_id] -= 1
        is_busy = log.is_busy or log.written > now - policy.rest_hours * 3600
        judged.append(replace(log, is_busy=is_busy, is_spared=is_busy or newer[log.dag_id] < policy.keep))
    return judged


def _is_due(log: _Log, policy: RotationPolicy, now: float) -> bool:
    if log.is_busy or log.path.suffix == COMPRESSED:
        return False
    return log.size > policy.compress_size or log.written < now - policy.compress_days * _DAY


def _beyond(logs: list[_Log], total_size: int) -> list[_Log]:
    """The oldest logs that must be deleted so that the rest fits."""
    total = sum(log.size for log in logs)
    found = []
    for log in logs:
        if total > total_size and not log.is_spared:
            found.append(log)
            total -= log.size
    return found


@dataclass(frozen=True, slots=True)
class _Rotation:
    """Deletes and compresses, and adds it to the report; a dry run only reports."""

    folder: Path
    report: RotationReport

    def delete(self, logs: Iterable[_Log]) -> None:
        """Delete files, and the directories that are empty then."""
        for log in logs:
            self.report.deleted.append(self._shown(log))
            if not self.report.dry_run:
                log.path.unlink(missing_ok=True)
                self._remove_empty(log.path.parent)

    def _remove_empty(self, place: Path) -> None:
        while place != self.folder:
            try:
                place.rmdir()
            except OSError:
                return  # something is left in it
            place = place.parent

    def compress(self, log: _Log) -> _Log:
        """The log in its compressed form."""
        self.report.compressed.append(self._shown(log))
        return log if self.report.dry_run else _compress(log)

    def _shown(self, log: _Log) -> str:
        return str(log.path.relative_to(self.folder))


def _compress(log: _Log) -> _Log:
    """Replace a log by its compressed form.

    The log is deleted only when its compressed form is safely written, and nobody has written to the log meanwhile. An
    existing compressed form is extended.
    """
    stem = log.path.name.replace(LOG, "")
    target, partial = (log.path.with_name(stem + suffix) for suffix in (COMPRESSED, _HALF_DONE))
    with log.path.open("rb") as source, partial.open("wb") as raw:
        if target.exists():
            raw.write(target.read_bytes())  # one gzip file may hold several
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=log.written) as compressed:
            shutil.copyfileobj(source, compressed, 1 << 20)
        raw.flush()
        os.fsync(raw.fileno())
    status = log.path.stat()
    if (status.st_size, status.st_mtime) != (log.size, log.written):
        partial.unlink()
        return replace(log, size=status.st_size)
    shutil.copystat(log.path, partial)
    partial.replace(target)
    log.path.unlink()
    return replace(log, path=target, size=target.stat().st_size)
