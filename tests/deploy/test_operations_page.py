"""`docs/operations.md` names every error and only commands, DAGs and settings that exist."""

from __future__ import annotations

import argparse
import inspect
import re
from pathlib import Path

import yaml

from hedgehog import errors
from hedgehog.__main__ import build_parser
from hedgehog.store.migrate import MIGRATIONS
from tests.deploy.settings import FREE, unknown

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()


def commands(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """The commands that a parser knows."""
    groups = [it for it in parser._actions if isinstance(it, argparse._SubParsersAction)]
    return {name: sub for group in groups for name, sub in group.choices.items()}


def test_every_error_has_a_row() -> None:
    """An operator searches for the name that a table or a log shows."""
    rows = re.findall(r"^\| \[(\w+)\]\(errors\.md\) \|", PAGE, re.MULTILINE)
    names = {name for name, it in inspect.getmembers(errors, inspect.isclass) if it.__module__ == errors.__name__}
    assert sorted(rows) == sorted(names - {"HedgehogError"})


def test_every_alert_has_a_row() -> None:
    """It says where an operator should look first."""
    rules = yaml.safe_load((ROOT / "deploy" / "alerts" / "hedgehog.yaml").read_text())
    alerts = {rule["alert"] for group in rules["groups"] for rule in group["rules"]}
    assert set(re.findall(r"Hedgehog[A-Z]\w+", PAGE)) == alerts


def test_every_command_that_is_named_exists() -> None:
    """Including its subcommand, if it has one."""
    known = commands(build_parser())
    named = {tuple(match.split()) for match in re.findall(r"`hedgehog ([a-z-]+(?: [a-z]+)?)", PAGE)}
    assert [it for it in named if it[0] not in known] == []
    assert [it for it in named if (nested := commands(known[it[0]])) and it[1:] and it[1] not in nested] == []


def test_every_dag_that_is_named_exists() -> None:
    """One file per DAG."""
    connections = {
        f"hedgehog_{name}"
        for name in (
            "db",
            "webhook_db",
            "actions_db",
            "airflow_api",
            "github_webhook",
            "gitea_webhook",
            "metrics_token",
            "backup_key",
        )
    }
    roles = {path.stem for path in (MIGRATIONS / "roles").glob("*.sql")}
    named = set(re.findall(r"hedgehog_\w+", PAGE)) - connections - roles
    assert named - {path.stem for path in (ROOT / "dags").glob("*.py")} == set()


def test_every_setting_that_is_named_exists() -> None:
    """Airflow's and our own."""
    named = {(section, option) for section, option in re.findall(r"`\[(\w+)\]\s(\w+)", PAGE)}
    assert unknown(named) == []
    assert {section for section, _ in named} & FREE == FREE
