"""Parsing a DAG file is cheap: it loads no module that only tasks need."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("*.py"))

HEAVY = {
    "aiohttp",
    "fastapi",
    "github",
    "kubernetes",
    "kubernetes_asyncio",
    "numpy",
    "pandas",
    "psycopg",
    "psycopg2",
    "pydantic",
    "pygit2",
    "requests",
    "sqlalchemy",
    "urllib3",
    "yaml",
}
"""Packages that belong into tasks, unless `airflow.sdk` has loaded them anyway."""

PARSE_EACH = """
import json, os, runpy, sys
import airflow.sdk

def loaded():
    return {name.partition(".")[0] for name in sys.modules}

before = loaded()
for file in sys.argv[1:]:
    if os.fork() == 0:
        runpy.run_path(file)
        os.write(1, (json.dumps({"file": file, "new": sorted(loaded() - before)}) + "\\n").encode())
        os._exit(0)
    if os.wait()[1]:
        sys.exit(f"{file} cannot be parsed")
"""


@pytest.mark.parametrize("path", DAG_FILES, ids=lambda path: path.stem)
def test_a_dag_file_imports_only_the_sdk_and_our_glue(path):
    """Services and adapters are reached through operators; anything else would be loaded with every parse."""
    tree = ast.parse(path.read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {name for name in imported if name != "airflow.sdk" and not name.startswith("hedgehog.airflow.")} == set()


def test_parsing_loads_no_heavy_library(tmp_path):
    """Each file in a fresh process that has `airflow.sdk`: an import at module level costs every task seconds."""
    done = subprocess.run(
        [sys.executable, "-c", PARSE_EACH, *map(str, DAG_FILES)],
        env={**os.environ, "AIRFLOW_HOME": str(tmp_path), "PYTHONPATH": str(ROOT / "plugins")},
        capture_output=True,
        text=True,
        check=True,
    )
    answers = [json.loads(line) for line in done.stdout.splitlines() if line.startswith('{"file"')]
    assert {answer["file"]: HEAVY & set(answer["new"]) for answer in answers} == {
        str(path): set() for path in DAG_FILES
    }
