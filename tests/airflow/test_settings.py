"""Every setting is one row of one table, by which it is read, checked, documented and deployed."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from docs import generate
from hedgehog.airflow import settings
from hedgehog.airflow.clocks import SHARED
from hedgehog.airflow.settings import GROUPS, RETENTIONS, SETTINGS, Setting
from hedgehog.errors import InvalidInput
from hedgehog.kube.kubeconfig import Permitted

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "plugins" / "hedgehog" / "airflow" / "settings.py"
CODE = [path for folder in ("plugins", "dags") for path in sorted((ROOT / folder).rglob("*.py")) if path != TABLE]
TEXTS = [
    *CODE,
    *(ROOT / "devstack").rglob("*.py"),
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("*.md"),
    *(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
]
ROWS = {name: value for name, value in vars(settings).items() if isinstance(value, Setting)}
SECRET = "s3cr3t"

VALUES = {
    "git_timeout": ("7200", 7200.0, "an hour", "5", "1e9", "nan", ""),
    "git_cache_directory": ("/srv/git", Path("/srv/git"), ""),
    "kubeconfig_allow": (" plugins ,files", {"plugins", "files"}, "exec", "plugins files"),
    "open_problems": ("warn", "warn", "off", ""),
    "backup_directory": ("s3://conn@bucket/path", "s3://conn@bucket/path", ""),
    "notifiers": ('[{"notifier": "a.B", "kwargs": {"c": 1}}]', (("a.B", {"c": 1}),), "{", '["a.B"]'),
    "notify_again_minutes": ("0.5", 0.5, "soon", "-1", "inf"),
    "metrics_token": (SECRET, SECRET),
    "github_webhook_secret": (SECRET, SECRET),
    "github_webhook_previous_secret": (SECRET, SECRET),
    "log_compress_days": ("0", 0.0, "-1"),
    "log_total_megabytes": ("0.5", 0.5, "2 GB"),
    "log_keep": ("0", 0, "-1", "2.5", "all"),
    "backup_keep": ("1", 1, "0"),
    **{row.name: ("@daily", "@daily", "daily", "* * * *", "61 * * * *", "") for row in GROUPS["Schedules"]},
    **{row.name: ("0.5", 0.5, "0", "-1", "a month", "1e9") for row in GROUPS["Retention"]},
    "log_retention_days": ("0.5", 0.5, "0"),
    "history_retention_days": ("0", 0.0, "-1", "a month", "1e9"),
}
"""By name: a text, what is read from it, and texts that are refused."""


@pytest.fixture
def configure(monkeypatch):
    """Set one."""
    return lambda name, text: monkeypatch.setenv(f"AIRFLOW__HEDGEHOG__{name.upper()}", text)


# The table


def test_every_row_has_a_place_in_the_table():
    """Once."""
    placed = [row for rows in GROUPS.values() for row in rows]
    assert sorted(row.name for row in placed) == sorted(SETTINGS)
    assert {id(row) for row in placed} == {id(row) for row in (*ROWS.values(), *RETENTIONS.values())}


def test_every_setting_is_read_somewhere():
    """A setting without effect is worse than none."""
    code = "\n".join(path.read_text() for path in CODE)
    assert [name for name in (*ROWS, "RETENTIONS") if not re.search(rf"\b{name}\b", code)] == []


def test_only_settings_of_the_table_are_read():
    """No code reads the section directly, or names a setting that is not in the table."""
    past = [path for path in CODE if re.search(r"""["']hedgehog["'], *["']|__HEDGEHOG__""", path.read_text())]
    assert past == []
    named = {
        (name.lower(), path.name)
        for path in TEXTS
        for name in re.findall(r"AIRFLOW__HEDGEHOG__([A-Z_]+)\b|\[hedgehog\]\s+([a-z_]+)\b", path.read_text())
        for name in name
        if name
    }
    assert {one for one in named if one[0] not in SETTINGS} == set()
    assert {name for name, _ in named} >= {"git_timeout", "backup_directory", "notifiers"}


def test_every_schedule_is_named_after_its_dag(dag_bag):
    """So that nobody has to look it up."""
    clocks = {dag_id: getattr(dag.timetable, "timetable", dag.timetable) for dag_id, dag in dag_bag.dags.items()}
    crons = {dag_id: clock.expression for dag_id, clock in clocks.items() if hasattr(clock, "expression")}
    assert crons.pop("hedgehog_periodic") == "* * * * *"
    shared = {dag_id: setting.default for dag_id, setting in SHARED.items()}
    assert crons | shared == {
        f"hedgehog_{row.name.removesuffix('_schedule')}": row.default for row in GROUPS["Schedules"]
    }
    assert not crons.keys() & shared.keys() and shared.keys() <= clocks.keys()


def test_every_word_of_kubeconfig_allow_permits_something():
    """A word that is allowed but has no effect would mislead."""
    words = settings.KUBECONFIG_ALLOW.allowed.parse(",".join(field.name for field in fields(Permitted)))
    assert Permitted.of(words) == Permitted(plugins=True, insecure=True, files=True)


def test_the_page_is_fresh_and_the_readme_agrees():
    """`make format` writes the page again; the README has the most important settings."""
    assert generate.stale(ROOT / "docs", {"settings.md": generate.settings_page(GROUPS)}) == ""
    section = (ROOT / "README.md").read_text().split("### Settings")[1].split("\n#")[0]
    rows = re.findall(r"^\| `(\w+)` \| `?([^`|]*?)`? ?\|", section, re.MULTILINE)
    assert rows == [(name, SETTINGS[name].default_text) for name, _ in rows]
    assert len(rows) == 5


def test_it_loads_no_airflow_and_no_library():
    """DAG files, the plugin and commands import it."""
    code = "import sys, hedgehog.airflow.settings; print(*sys.modules)"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(
        command, env={"PYTHONPATH": "plugins"}, cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert {"airflow", "croniter", "orjson", "yaml", "psycopg2"} & set(loaded.stdout.split()) == set()


# Reading


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_is_its_environment_variable_or_its_default(configure, name):
    """And the written default is the default."""
    setting = SETTINGS[name]
    assert setting.read() == setting.default
    if setting.default_text and setting.default is not None:
        assert setting.allowed.parse(setting.default_text) == setting.default
    text, value, *_ = VALUES[name]
    configure(name, text)
    assert setting.read() == value
    assert settings.problems() == []


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, (_, _, *texts) in VALUES.items() for text in texts])
def test_a_value_that_is_not_allowed_is_refused_with_the_allowed_ones(configure, name, text):
    """By the name of the setting."""
    configure(name, text)
    with pytest.raises(InvalidInput) as refused:
        SETTINGS[name].read()
    said = str(refused.value)
    assert said.startswith(f"[hedgehog] {name} ")
    assert f"must be {SETTINGS[name].allowed.words}" in said
    assert settings.problems() == [said]


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("open_problems", "x" * 200, f"[hedgehog] open_problems is '{'x' * 38}…; it must be 'fail' or 'warn'"),
        (
            "git_timeout",
            f"https://ada:{SECRET}@host/",
            "[hedgehog] git_timeout is 'https://***@host/'; it must be a number",
        ),
        ("notifiers", SECRET, "[hedgehog] notifiers must be a JSON list"),
    ],
)
def test_a_refused_value_is_quoted_briefly_and_without_secrets(configure, name, text, said):
    """Logs are read by more people than settings, and tables have narrow columns."""
    configure(name, text)
    with pytest.raises(InvalidInput) as refused:
        SETTINGS[name].read()
    assert str(refused.value).startswith(said)
    assert SECRET not in str(refused.value)
    assert refused.value.__cause__ is None


# Validation


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("GIT_TIMOUT", "'git_timout', which is not a setting; did you mean git_timeout?"),
        ("Git_Timeout", "'Git_Timeout', which is not a setting; did you mean git_timeout?"),
        ("METRICS_TOKEN_CMD", "'metrics_token_cmd', which is not a setting; did you mean metrics_token?"),
        ("COLOUR", "'colour', which is not a setting; docs/settings.md lists all settings"),
    ],
)
def test_an_unknown_name_is_reported_with_a_similar_one(monkeypatch, caplog, name, hint):
    """Its value is not shown: it may be a secret under a wrong name."""
    monkeypatch.setenv(f"AIRFLOW__HEDGEHOG__{name}", SECRET)
    assert settings.problems() == [f"[hedgehog] has {hint}"]
    settings.log_problems()
    assert [(one.levelname, one.message) for one in caplog.records] == [("ERROR", f"[hedgehog] has {hint}")]


def test_every_wrong_setting_is_reported(configure):
    """At once."""
    configure("log_kep", "3")
    configure("log_keep", "few")
    configure("backup_schedule", "daily")
    assert len(settings.problems()) == 3


def test_an_unreadable_configuration_is_reported(monkeypatch, tmp_path):
    """Raising would keep the plugin from being loaded."""
    (tmp_path / "airflow.cfg").write_text(SECRET)
    monkeypatch.setenv("AIRFLOW_CONFIG", str(tmp_path / "airflow.cfg"))
    assert settings.problems() == [f"{tmp_path}/airflow.cfg cannot be read (MissingSectionHeaderError)"]
