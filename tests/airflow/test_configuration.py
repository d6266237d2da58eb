"""Airflow's configuration is read as Airflow reads it, whether it is loaded or not."""

from __future__ import annotations

import pytest

from hedgehog.airflow import configuration
from hedgehog.errors import InvalidInput


@pytest.fixture
def config_file(monkeypatch, tmp_path):
    """Write airflow.cfg."""
    path = tmp_path / "airflow.cfg"
    monkeypatch.setenv("AIRFLOW_CONFIG", str(path))
    return path.write_text


def test_the_environment_goes_before_the_file(config_file, monkeypatch):
    """As everywhere in Airflow."""
    config_file("[hedgehog]\ngit_timeout = 60\n")
    assert configuration.written_option("hedgehog", "git_timeout") == "60"
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMEOUT", "90")
    assert configuration.written_option("hedgehog", "git_timeout") == "90"
    assert configuration.option("hedgehog", "git_timeout") == "90"


def test_what_is_not_set_is_none(config_file):
    """A default is somebody else's."""
    config_file("[hedgehog]\ngit_timeout =\n[database]\nload_default_connections = False\n")
    assert configuration.written_option("hedgehog", "git_timeout") is None
    assert configuration.option("hedgehog", "git_timeout") is None
    assert configuration.written_option("core", "executor") is None


def test_the_names_of_a_section_are_those_of_file_and_environment(config_file, monkeypatch):
    """A variable that is not in capitals is read by nobody, and named as it is written."""
    config_file("[hedgehog]\nGit_Timeout = 60\n[core]\nexecutor = LocalExecutor\n")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_KEEP", "3")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__Open_Problems", "warn")
    assert configuration.written_names("hedgehog") == {"git_timeout", "log_keep", "Open_Problems"}


def test_a_file_that_cannot_be_read_is_named(config_file):
    """And none of it is quoted."""
    config_file("s3cr3t")
    with pytest.raises(InvalidInput, match=r"airflow\.cfg cannot be read") as refused:
        configuration.written_names("hedgehog")
    assert "s3cr3t" not in str(refused.value)
