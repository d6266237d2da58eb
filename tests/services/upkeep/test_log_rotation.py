"""Task logs: compressed when they are old or large, gone when they are very old, whole at every moment."""

from __future__ import annotations

import gzip
import os
from dataclasses import replace
from pathlib import Path

import pytest

from hedgehog.errors import InvalidInput
from hedgehog.services.upkeep.log_rotation import RotationPolicy, RotationReport, rotate

NOW = 1_800_000_000.0
OURS = {"hedgehog_git_sync", "hedgehog_backup"}
POLICY = RotationPolicy(compress_days=1.0, delete_days=30.0, total_size=2_000_000_000, keep=20)
NONE_KEPT = replace(POLICY, keep=0)


@pytest.fixture
def logs(tmp_path: Path):
    """Write a log that is some hours old; returns its path."""

    def write(
        name: str = "attempt=1.log",
        *,
        hours: float,
        size: int = 100,
        dag_id: str = "hedgehog_git_sync",
        run: str = "r1",
    ) -> Path:
        path = tmp_path / f"dag_id={dag_id}" / f"run_id={run}" / "task_id=plan" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((b"a line of text\n" * (size // 15 + 1))[:size])
        os.utime(path, (NOW - hours * 3600,) * 2)
        return path

    return write


def rotated(folder: Path, policy: RotationPolicy = NONE_KEPT, *, dry_run: bool = False) -> RotationReport:
    """Rotate what is in the folder."""
    return rotate(folder, OURS, policy, now=NOW, dry_run=dry_run)


def names(folder: Path) -> list[str]:
    """Every file below the folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def test_a_log_of_yesterday_is_compressed_and_keeps_its_text_and_its_time(logs, tmp_path):
    """Under a name that the web UI does not take for a log."""
    path = logs(hours=30, size=5000)
    text, mode = path.read_bytes(), path.stat().st_mode
    report = rotated(tmp_path)
    (left,) = tmp_path.rglob("*.gz")
    assert (left.name, left.stat().st_mtime, left.stat().st_mode) == ("attempt=1.gz", NOW - 30 * 3600, mode)
    assert gzip.decompress(left.read_bytes()) == text
    assert not path.exists()
    assert report.as_dict() == {
        "compressed": 1,
        "deleted": 0,
        "open": 0,
        "bytes_before": 5000,
        "bytes_after": left.stat().st_size,
        "dry_run": False,
    }
    assert rotated(tmp_path).compressed == []


def test_a_large_log_is_compressed_as_soon_as_it_is_at_rest(logs, tmp_path):
    """A small one of the same age is left readable in the web UI."""
    logs("attempt=1.log", hours=2, size=2_000_000)
    logs("attempt=2.log", hours=2)
    assert [Path(path).name for path in rotated(tmp_path).compressed] == ["attempt=1.log"]


def test_a_log_that_is_open_is_left_alone_however_old(logs, tmp_path):
    """Its writer would write into a file that nobody finds any more."""
    path = logs(hours=24 * 400)
    with path.open("ab"):
        report = rotated(tmp_path)
        assert (report.open, path.exists()) == (1, True)
    assert rotated(tmp_path).deleted == [str(path.relative_to(tmp_path))]


def test_a_log_that_was_just_written_is_left_alone(logs, tmp_path):
    """Its writer may be on another machine, where we cannot see it."""
    logs(hours=0.5, size=2_000_000)
    report = rotated(tmp_path)
    assert (report.open, report.compressed, report.deleted) == (1, [], [])


def test_a_very_old_log_goes_with_its_empty_directories(logs, tmp_path):
    """Compressed or not; what is younger stays where it is."""
    logs(hours=24 * 31, run="r1")
    logs("attempt=1.gz", hours=24 * 31, run="r2")
    logs(hours=3, run="r3")
    rotated(tmp_path)
    assert [path.name for path in (tmp_path / "dag_id=hedgehog_git_sync").iterdir()] == ["run_id=r3"]


def test_the_newest_of_each_dag_stay_however_old(logs, tmp_path):
    """The last run of a DAG that is paused tells why."""
    for number in range(4):
        logs(hours=24 * (100 - number), run=f"r{number}")
    logs(hours=24 * 400, dag_id="hedgehog_backup")
    rotated(tmp_path, replace(POLICY, keep=2))
    assert names(tmp_path) == [
        "dag_id=hedgehog_backup/run_id=r1/task_id=plan/attempt=1.gz",
        "dag_id=hedgehog_git_sync/run_id=r2/task_id=plan/attempt=1.gz",
        "dag_id=hedgehog_git_sync/run_id=r3/task_id=plan/attempt=1.gz",
    ]


def test_the_oldest_go_first_when_all_of_it_is_too_much(logs, tmp_path):
    """Until the rest fits."""
    for number in range(4):
        logs(hours=20 - number, size=1000, run=f"r{number}")
    report = rotated(tmp_path, replace(POLICY, keep=1, total_size=2500))
    assert [path.split("/")[1] for path in report.deleted] == ["run_id=r0", "run_id=r1"]
    assert (report.before, report.after) == (4000, 2000)


def test_other_dags_and_other_places_are_not_touched(logs, tmp_path):
    """Nor what a link leads to."""
    logs(hours=24 * 400, dag_id="accounting")
    outside = logs("precious.log", hours=24 * 400, dag_id="elsewhere")
    ours = logs(hours=3).parent
    (ours / "attempt=2.log").symlink_to(outside)
    (ours / "map_index=1").symlink_to(outside.parent, target_is_directory=True)
    (tmp_path / "dag_id=hedgehog_backup").symlink_to(outside.parents[2], target_is_directory=True)
    before = names(tmp_path)
    report = rotated(tmp_path)
    assert (report.compressed, report.deleted, names(tmp_path)) == ([], [], before)


def test_a_dry_run_says_the_same_and_writes_nothing(logs, tmp_path):
    """But for the sizes that compressing will give."""
    logs(hours=30)
    logs(hours=24 * 31, run="old")
    before = names(tmp_path)
    dry = rotated(tmp_path, dry_run=True)
    assert names(tmp_path) == before
    wet = rotated(tmp_path)
    assert (dry.compressed, dry.deleted, dry.before) == (wet.compressed, wet.deleted, wet.before)
    assert dry.dry_run


def test_what_a_killed_rotation_left_is_done_again(logs, tmp_path):
    """A half-written form beside the whole log."""
    path = logs(hours=30)
    text = path.read_bytes()
    path.with_name("attempt=1.gz.part").write_bytes(b"half")
    rotated(tmp_path)
    (left,) = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert (left.name, gzip.decompress(left.read_bytes())) == ("attempt=1.gz", text)


def test_a_compressed_form_that_is_there_is_added_to(logs, tmp_path):
    """Killed between the new name and the end of the old: twice is better than not at all."""
    path = logs(hours=30)
    text = path.read_bytes()
    logs("attempt=1.gz", hours=30).write_bytes(gzip.compress(b"before\n"))
    os.utime(path.with_name("attempt=1.gz"), (NOW - 30 * 3600,) * 2)
    rotated(tmp_path)
    assert gzip.decompress(path.with_name("attempt=1.gz").read_bytes()) == b"before\n" + text


def test_the_log_of_a_trigger_is_not_a_log_for_the_web_ui_when_compressed(logs, tmp_path):
    """It looks for `attempt=1.log*` and reads that as text."""
    logs("attempt=1.log.trigger.7.log", hours=30)
    rotated(tmp_path)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["attempt=1.trigger.7.gz"]


@pytest.mark.parametrize("policy", [replace(POLICY, compress_days=8, delete_days=7), replace(POLICY, keep=-1)])
def test_a_policy_that_makes_no_sense_is_refused(policy, tmp_path):
    """Before anything is touched."""
    with pytest.raises(InvalidInput):
        rotated(tmp_path, policy)


def test_a_folder_that_is_not_there_is_said(tmp_path):
    """A wrong setting is not an empty folder."""
    with pytest.raises(InvalidInput, match="base_log_folder"):
        rotated(tmp_path / "nowhere")
