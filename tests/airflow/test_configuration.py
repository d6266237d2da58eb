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


def test_the_environment_takes_precedence_over_the_file(config_file, monkeypatch):
    """As everywhere in Airflow."""
    config_file("[hedgehog]\ngit_timeout = 60\n")
    assert configuration.written_option("hedgehog", "git_timeout") == "60"
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__GIT_TIMEOUT", "90")
    assert configuration.written_option("hedgehog", "git_timeout") == "90"
    assert configuration.option("hedgehog", "git_timeout") == "90"


def test_an_option_that_is_not_set_is_none(config_file):
    """Defaults are not part of the configuration."""
    config_file("[hedgehog]\ngit_timeout =\n[database]\nload_default_connections = False\n")
    assert configuration.written_option("hedgehog", "git_timeout") is None
    assert configuration.option("hedgehog", "git_timeout") is None
    assert configuration.written_option("core", "executor") is None


def test_the_names_of_a_section_come_from_file_and_environment(config_file, monkeypatch):
    """A variable that is not in capitals is not read, and is reported as it is written."""
    config_file("[hedgehog]\nGit_Timeout = 60\n[core]\nexecutor = LocalExecutor\n")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__LOG_KEEP", "3")
    monkeypatch.setenv("AIRFLOW__HEDGEHOG__Open_Problems", "warn")
    assert configuration.written_names("hedgehog") == {"git_timeout", "log_keep", "Open_Problems"}


def test_an_unreadable_file_is_named(config_file):
    """And none of it is quoted."""
    config_file("s3cr3t")
    with pytest.raises(InvalidInput, match=r"airflow\.cfg cannot be read") as refused:
        configuration.written_names("hedgehog")
    assert "s3cr3t" not in str(refused.value)
