"""Operators of maintenance: settings and params in, the report out, errors sorted by reaction."""

from __future__ import annotations

import json
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from hedgehog.airflow.adapters import backup_storage
from hedgehog.airflow.operators.maintenance import (
    BackUpOperator,
    RepairLostRunsOperator,
    ReplayDeadLettersOperator,
    RotateLogsOperator,
    SweepDagRunsOperator,
    SweepHistoriesOperator,
)
from hedgehog.airflow.trouble import FabricTrouble
from hedgehog.errors import InvalidInput, NotFound
from hedgehog.fabric.changes import Outcome, OutcomeStatus
from hedgehog.fabric.model import SyncStatus, Target
from hedgehog.services.transfer import backup_manifest
from hedgehog.services.transfer.backup_manifest import MANIFEST_FILE
from hedgehog.services.transfer.restore import restore
from hedgehog.store import fabrics, sync_state
from hedgehog.store.database import Connection, transaction
from tests.origins import SOMEBODY

DAY = 86400.0


@pytest.fixture
def parked(fabric_database, database: Connection) -> Connection:
    """The fabric database with fabric `lab`, parked at its cluster."""
    fabrics.save_fabric(database, "lab", {"enable_k8s_sync": True, "kubernetes_connection_id": "c"})
    outcome = Outcome("lab", Target.KUBERNETES, OutcomeStatus.ERROR, reason="no", error_class="NotFound")
    with transaction(database) as cursor:
        sync_state.finish(cursor, fabrics.load_fabric(database, "lab").id, outcome, run_id="r")
    return database


def jobs(database: Connection) -> dict[str, dict]:
    """The last report of each job."""
    with transaction(database) as cursor:
        cursor.execute("SELECT job, report FROM hedgehog.maintenance")
        return dict(cursor.fetchall())


def test_a_replay_is_recorded_with_its_run(parked, context):
    """The values of the trigger form are native."""
    done = ReplayDeadLettersOperator(task_id="replay", fabrics=["lab"], target="both").execute(context)
    assert [one["fabric"] for one in done["replayed"]] == ["lab"]
    with transaction(parked) as cursor:
        cursor.execute("SELECT status, closed_by FROM hedgehog.dead_letter")
        assert cursor.fetchall() == [("replayed", "hedgehog_git_sync/manual__2026-01-01")]
    json.dumps(done)


def test_a_replay_of_everything_at_one_target_can_be_a_dry_run(parked, context):
    """A dry run."""
    operator = ReplayDeadLettersOperator(task_id="replay", target="kubernetes", every=True, dry_run=True)
    assert [one["id"] for one in operator.execute(context)["replayed"]] == [1]
    assert sync_state.states(parked, ["lab"])[0].status is SyncStatus.PARKED
    other = ReplayDeadLettersOperator(task_id="replay", target="git", every=True)
    assert other.execute(context)["replayed"] == []


def test_an_empty_target_of_a_replay_means_both(parked, context):
    """The form sends null."""
    emptied = ReplayDeadLettersOperator(task_id="replay", target=None, every=True, dry_run=True)
    assert len(emptied.execute(context)["replayed"]) == 1


def test_a_replay_without_a_selection_fails_at_once(parked, context):
    """A retry would not help."""
    with pytest.raises(AirflowFailException, match="which dead letters"):
        ReplayDeadLettersOperator(task_id="replay").execute(context)


def test_a_lost_run_gets_an_outcome(parked, context):
    """No process holds its lock."""
    sync_state.begin(parked, Target.KUBERNETES, [fabrics.load_fabric(parked, "lab").id], run_id="dag/killed")
    lost = [{"fabric": "lab", "target": "kubernetes", "run_id": "dag/killed"}]
    assert RepairLostRunsOperator(task_id="repair", dry_run=True).execute(context) == lost
    assert RepairLostRunsOperator(task_id="repair").execute(context) == lost
    assert RepairLostRunsOperator(task_id="repair").execute(context) == []


def test_histories_are_deleted_by_their_settings_and_the_report_is_kept(parked, context, monkeypatch):
    """A dry run keeps no report: it must not silence the alert that the cleanup is late."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__SYNC_EVENT_RETENTION_DAYS", "0.5")
    with transaction(parked) as cursor:
        cursor.execute("UPDATE hedgehog.sync_event SET finished_at = now() - interval '13 hours'")
    report = SweepHistoriesOperator(task_id="sweep", dry_run=True).execute(context)
    assert (report["sync_event"], jobs(parked)) == ({"days": 0.5, "rows": 1, "more": False}, {})
    assert SweepHistoriesOperator(task_id="sweep").execute(context) == report
    assert jobs(parked) == {"result_cleanup": report}


@pytest.mark.parametrize("days", ["0", "-1", "a month"])
def test_a_retention_that_is_not_a_number_above_0_fails_at_once(fabric_database, context, monkeypatch, days):
    """The message names the setting."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__INBOX_RETENTION_DAYS", days)
    with pytest.raises(AirflowFailException, match="inbox_retention_days"):
        SweepHistoriesOperator(task_id="sweep").execute(context)


def test_without_the_api_connection_airflows_runs_are_kept(context, monkeypatch):
    """The task says so; it is an option, not a failure."""

    def absent(connection_id: str) -> None:
        raise NotFound(connection_id)

    monkeypatch.setattr("hedgehog.airflow.adapters.connections._from_airflow", absent)
    with pytest.raises(
        AirflowSkipException, match="no connection hedgehog_airflow_api, so Airflow's own old runs are not deleted"
    ):
        SweepDagRunsOperator(task_id="sweep_runs").execute(context)


def test_the_logs_of_our_dags_are_rotated(fabric_database, database, context, monkeypatch, tmp_path):
    """In Airflow's own log folder, as the settings say."""
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", str(tmp_path))
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_COMPRESS_DAYS", "3")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_KEEP", "1")
    for dag_id, days in (("hedgehog_backup", 40), ("hedgehog_backup", 4), ("hedgehog_backup", 2), ("other", 40)):
        path = tmp_path / f"dag_id={dag_id}" / f"run_id={days}" / "task_id=t" / "attempt=1.log"
        path.parent.mkdir(parents=True)
        path.write_text("text")
        os.utime(path, (time.time() - days * DAY,) * 2)
    dry = RotateLogsOperator(task_id="rotate", dry_run=True).execute(context)
    assert (dry["compressed"], dry["deleted"], jobs(database)) == (1, 1, {})
    wet = RotateLogsOperator(task_id="rotate").execute(context)
    assert (wet["compressed"], wet["deleted"], wet["open"]) == (1, 1, 0)
    assert jobs(database) == {"log_rotation": wet}
    left = sorted(str(path.relative_to(tmp_path)) for path in tmp_path.rglob("attempt*"))
    assert left == [
        "dag_id=hedgehog_backup/run_id=2/task_id=t/attempt=1.log",
        "dag_id=hedgehog_backup/run_id=4/task_id=t/attempt=1.gz",
        "dag_id=other/run_id=40/task_id=t/attempt=1.log",
    ]


def test_a_missing_log_folder_fails_at_once(context, monkeypatch):
    """A setting is wrong."""
    monkeypatch.setenv("AIRFLOW__LOGGING__BASE_LOG_FOLDER", "/nowhere")
    with pytest.raises(AirflowFailException, match="base_log_folder"):
        RotateLogsOperator(task_id="rotate").execute(context)


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_backup_in_a_directory_or_object_storage_can_be_restored(
    parked, context, monkeypatch, tmp_path, postgres, scheme
):
    """Both have the same files; the report is kept."""
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_DIRECTORY", f"{scheme}{tmp_path}/backups")
    dry = BackUpOperator(task_id="backup", dry_run=True).execute(context)
    assert (dry["fabrics"], dry["removed"], jobs(parked), list(tmp_path.iterdir())) == (1, [], {}, [])
    done = BackUpOperator(task_id="backup").execute(context)
    assert (done["fabrics"], done["place"]) == (1, f"{scheme}{tmp_path}/backups/{done['name']}")
    assert jobs(parked) == {"backup": done}
    place = Path(done["place"])
    if scheme:
        place = backup_storage.fetch(done["place"], tmp_path / "fetched")
    fabrics.delete_fabric(parked, "lab")
    assert restore(parked, place, origin=SOMEBODY).fabrics == {"lab": "created"}


@pytest.mark.parametrize("scheme", ["", "file://"])
def test_a_backup_without_a_fabric_is_red_and_the_last_with_it_is_kept(
    parked, context, monkeypatch, tmp_path, caplog, scheme
):
    """It leaves no report, so that alerts see that the backup is late."""
    place = f"{scheme}{tmp_path}/backups"
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_DIRECTORY", place)
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__BACKUP_KEEP", "1")
    whole = backup_storage.back_up(parked, place, keep=1, now=datetime(2026, 5, 1, tzinfo=UTC))
    fabrics.save_fabric(parked, "well", {})
    with transaction(parked) as cursor:
        cursor.execute("""UPDATE hedgehog.fabric SET settings = '{"nonsense": 1}' WHERE name = 'lab'""")
    with pytest.raises(FabricTrouble, match=r"fabric lab is not in the backup: .*settings\.nonsense"):
        BackUpOperator(task_id="backup").execute(context)
    assert "fabric lab is not in the backup" in caplog.text
    left = sorted(path.name for path in (tmp_path / "backups").iterdir())
    assert (len(left), left[0], jobs(parked)) == (2, whole.name, {})
    assert backup_manifest.backed_up_fabrics(tmp_path / "backups" / left[1]) == {"well"}


def test_object_storage_keeps_the_newest_backups_and_other_files(parked, tmp_path):
    """An incomplete backup does not count."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    place = f"file://{tmp_path}"
    (tmp_path / "hedgehog-20200101T000000Z").mkdir()
    (tmp_path / "notes").mkdir()
    names = []
    for day in range(4):
        done = backup_storage.back_up(parked, place, keep=2, now=start + timedelta(days=day))
        names.append(done.name)
        assert done.removed == ((names[day - 2],) if day >= 2 else ())
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["hedgehog-20200101T000000Z", *names[2:], "notes"]


def test_a_bucket_cannot_make_a_restore_write_elsewhere(parked, tmp_path):
    """Only files of the manifest, whose paths have known forms, are fetched."""
    done = backup_storage.back_up(parked, f"file://{tmp_path}/bucket", keep=2, now=datetime(2026, 5, 1, tzinfo=UTC))
    place = tmp_path / "bucket" / done.name
    (place / "evil.yaml").write_text("kind: VPC")
    fetched = backup_storage.fetch(done.place, tmp_path / "fetched")
    assert sorted(path.name for path in fetched.iterdir()) == sorted(
        path.name for path in place.iterdir() if path.name != "evil.yaml"
    )
    manifest = json.loads((place / MANIFEST_FILE).read_text())
    manifest["files"]["../escaped"] = {"sha256": "0" * 64, "bytes": 4}
    (place / MANIFEST_FILE).write_text(json.dumps(manifest))
    (tmp_path / "bucket" / "escaped").write_text("evil")
    with pytest.raises(InvalidInput, match="is not a file of a backup"):
        backup_storage.fetch(done.place, tmp_path / "again")
    assert not (tmp_path / "escaped").exists()


def test_a_file_that_grew_in_a_bucket_is_not_read_to_its_end(parked, tmp_path):
    """No more bytes are fetched than the manifest says."""
    done = backup_storage.back_up(parked, f"file://{tmp_path}", keep=2, now=datetime(2026, 5, 1, tzinfo=UTC))
    with (tmp_path / done.name / "state.json").open("ab") as file:
        file.truncate(2**33)
    with pytest.raises(InvalidInput, match="has more than"):
        backup_storage.fetch(done.place, tmp_path / "fetched")


def test_backups_are_signed_if_there_is_a_key(parked, context, monkeypatch, tmp_path):
    """The key is the password of a connection; with it, an unsigned backup is refused before it is fetched."""
    place = f"file://{tmp_path}/bucket"
    unsigned = backup_storage.back_up(parked, place, keep=5, now=datetime(2026, 5, 1, tzinfo=UTC))
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_BACKUP_KEY", '{"conn_type": "generic", "password": "k"}')
    signed = backup_storage.back_up(parked, place, keep=5, now=datetime(2026, 5, 2, tzinfo=UTC))
    fetched = backup_storage.fetch(signed.place, tmp_path / "fetched")
    assert restore(parked, fetched, replace=True, key="k", origin=SOMEBODY).fabrics == {"lab": "unchanged"}
    with pytest.raises(InvalidInput, match="is not signed"):
        backup_storage.fetch(unsigned.place, tmp_path / "again")


def test_a_place_without_a_storage_provider_is_reported():
    """The provider is not installed, or the URL is mistyped."""
    with pytest.raises(InvalidInput, match="no object storage"):
        backup_storage.fetch("nothing://bucket/x", Path("/tmp"))


def test_a_backup_without_a_place_asks_for_one(monkeypatch):
    """From a clone there is no AIRFLOW_HOME."""
    monkeypatch.delenv("AIRFLOW_HOME")
    with pytest.raises(InvalidInput, match="backup_directory"):
        backup_storage.backup_place()
