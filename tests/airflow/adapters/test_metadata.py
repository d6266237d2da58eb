"""A command reads Airflow's stored connections as Airflow itself does, without importing it; on a real Airflow database."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

PLUGINS = Path(__file__).resolve().parents[3] / "plugins"
KEYS = [Fernet.generate_key().decode() for _ in range(2)]

STORE = """
from airflow.models import Connection
from airflow.models.base import Base
from airflow.models.pool import Pool
from airflow.models.team import Team
from airflow.utils.session import create_session
from airflow import settings

Base.metadata.create_all(settings.engine, tables=[m.__table__ for m in (Team, Connection, Pool)])
with create_session() as session:
    session.add(Connection("full", "git", None, "git.example.com", "robot", "s3cr3t: p%w/", "sch", 8443, {"hosts": "a"}))
    session.add(Connection("bare", "kubernetes", extra={"kube_config": "{}"}))
    session.add(Connection("by_uri", uri="postgresql://ada:p%3Aw@db:5433/fabrics?sslmode=require"))
    session.add(Pool(pool="git_sync", slots=8, description="", include_deferred=False))
"""
READ = """
import dataclasses, json, sys
from hedgehog.airflow.adapters import connections
from hedgehog.errors import HedgehogError

def value(name):
    try:
        return dataclasses.asdict(connections.read_connection(name))
    except HedgehogError as error:
        return [error.reason, str(error)]

print(json.dumps([{name: value(name) for name in ("full", "bare", "by_uri", "absent")}, "airflow" in sys.modules]))
"""


class Airflow:
    """An installation by its environment."""

    def __init__(self, home: Path, **environment: str) -> None:
        kept = {name: text for name, text in os.environ.items() if not name.startswith("AIRFLOW")}
        self.environment = {
            **kept,
            "AIRFLOW_HOME": str(home),
            "PYTHONPATH": str(PLUGINS),
            "HOME": str(home),
            **environment,
        }

    def run(self, code: str) -> subprocess.CompletedProcess[str]:
        """Execute *code* in a process of its own."""
        command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False)

    def read(self, before: str = "") -> tuple[dict[str, Any], bool, str]:
        """The connections, whether Airflow was loaded for them, and the output on stderr."""
        done = self.run(before + READ)
        assert done.returncode == 0, done.stderr
        found, loaded = json.loads(done.stdout.splitlines()[-1])
        return found, loaded, done.stderr


@pytest.fixture
def airflow(database_parameters: dict[str, Any], tmp_path: Path) -> Airflow:
    """An Airflow whose database has some connections, encrypted with two Fernet keys."""
    url = f"postgresql+psycopg2://{database_parameters['user']}@/{database_parameters['dbname']}"
    found = Airflow(
        tmp_path,
        AIRFLOW__DATABASE__SQL_ALCHEMY_CONN=f"{url}?host={database_parameters['host']}",
        AIRFLOW__CORE__FERNET_KEY=",".join(KEYS),
    )
    stored = found.run(STORE)
    assert stored.returncode == 0, stored.stderr
    return found


def test_a_command_reads_the_same_connections_as_airflow(airflow):
    """Every field of every connection, secrets decrypted, and a missing connection; in a fraction of the time."""
    quickly, loaded, said = airflow.read()
    assert (loaded, said) == (False, "")
    assert quickly["full"]["password"] == "s3cr3t: p%w/"
    assert (quickly["full"]["extra"], quickly["absent"][0]) == ({"hosts": "a"}, "NotFound")
    by_airflow, loaded, _ = airflow.read(
        "from hedgehog.airflow.adapters import connections; connections.enter_airflow(); import airflow.sdk\n"
    )
    assert (loaded, quickly) == (True, by_airflow)
    pools = airflow.run("from hedgehog.airflow.adapters import metadata; print(metadata.pools())")
    assert pools.stdout == "{'git_sync'}\n"


def test_the_configuration_file_counts_like_the_environment(airflow, tmp_path):
    """Including our own settings, and percent signs and variables as Airflow expands them."""
    url = airflow.environment.pop("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN").replace("%", "%%")
    keys = airflow.environment.pop("AIRFLOW__CORE__FERNET_KEY")
    own = "[hedgehog]\nkubeconfig_allow = plugins\ngit_cache_directory = $HOME/a%%b\n"
    (tmp_path / "airflow.cfg").write_text(f"[database]\nsql_alchemy_conn = {url}\n[core]\nfernet_key = {keys}\n{own}")
    found, loaded, _ = airflow.read()
    assert (found["full"]["password"], loaded) == ("s3cr3t: p%w/", False)
    code = """
    from hedgehog.airflow.adapters import connections
    from hedgehog.airflow import settings
    print(*settings.KUBECONFIG_ALLOW.read(), connections.git_cache_directory(), settings.OPEN_PROBLEMS.read())
    """
    assert airflow.run(code).stdout == f"plugins {tmp_path}/a%b fail\n"


@pytest.mark.parametrize(
    "settings",
    [
        {"AIRFLOW__SECRETS__BACKEND": "airflow.secrets.local_filesystem.LocalFilesystemBackend"},
        {"AIRFLOW__CORE__FERNET_KEY": "", "AIRFLOW__CORE__FERNET_KEY_CMD": f"echo {','.join(KEYS)}"},
    ],
    ids=["a secrets backend", "a key from a command"],
)
def test_connections_that_only_airflow_can_read_load_airflow(airflow, settings):
    """With a note, because it is slow."""
    airflow.environment.update(settings)
    if "AIRFLOW__CORE__FERNET_KEY_CMD" in settings:
        del airflow.environment["AIRFLOW__CORE__FERNET_KEY"]
    found, loaded, said = airflow.read()
    assert (found["full"]["password"], loaded) == ("s3cr3t: p%w/", True)
    assert "loading Airflow, because only it can read the connection full" in said


def test_a_wrong_key_and_a_lost_database_are_reported_without_a_secret(airflow, tmp_path):
    """And without loading Airflow."""
    airflow.environment["AIRFLOW__CORE__FERNET_KEY"] = Fernet.generate_key().decode()
    found, loaded, said = airflow.read()
    assert (found["full"][0], loaded, said) == ("InvalidInput", False, "")
    assert "cannot be decrypted with [core] fernet_key" in found["full"][1]
    airflow.environment["AIRFLOW__DATABASE__SQL_ALCHEMY_CONN"] = f"postgresql://ada:s3cr3t@/x?host={tmp_path}"
    found, _, said = airflow.read()
    assert (found["full"][0], said) == ("RemoteUnavailable", "")
    assert "s3cr3t" not in json.dumps(found)


def test_without_an_airflow_nothing_is_loaded_or_created(tmp_path):
    """Importing Airflow would create files in the user's home."""
    found, loaded, said = Airflow(tmp_path).read()
    assert (found["full"][0], loaded, said, list(tmp_path.iterdir())) == ("NotFound", False, "", [])
