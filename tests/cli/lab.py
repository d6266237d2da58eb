"""The command, run as people run it."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
REPOSITORY = "apiVersion: hedgehog-airflow/v1\nkind: GitRepository\nmetadata: {name: demo}\nspec: {url: 'file:///tmp/demo.git'}\n"


@pytest.fixture
def connection_uri(postgres, database_parameters):
    """The fabric database as an Airflow connection."""
    return postgres.uri(database_parameters["dbname"], scheme="postgres")


@pytest.fixture
def hedgehog(command, connection_uri, monkeypatch):
    """The same, with an empty fabric database of its own."""
    monkeypatch.setenv("AIRFLOW_CONN_HEDGEHOG_DB", connection_uri)
    return command


@pytest.fixture
def filled(hedgehog, tmp_path):
    """The same, with the example fabric imported."""
    (tmp_path / "repository.yaml").write_text(REPOSITORY)
    status, _, err = hedgehog("fabric", "import", tmp_path / "repository.yaml", EXAMPLES / "gen")
    assert (status, err) == (0, "")
    return hedgehog
