"""`docs/DAGS.md` matches the DAG files."""

from __future__ import annotations

from pathlib import Path

from docs import generate
from hedgehog.airflow.names import POOLS

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_fresh(dag_bag):
    """`make format` writes it again."""
    assert generate.stale(ROOT / "docs", {"DAGS.md": generate.dags_page(dag_bag.dags, POOLS)}) == ""


def test_the_page_has_every_dag_task_and_param(dag_bag):
    """Nothing that an operator sees in the web UI is missing here."""
    page = generate.dags_page(dag_bag.dags, POOLS)
    for dag in dag_bag.dags.values():
        section = page.split(f"\n## {dag.dag_id}\n")[1].split("\n## ")[0]
        assert all(f"| `{task.task_id}`" in section for task in dag.tasks)
        assert all(f"| `{name}` |" in section for name in dag.params)
        assert f"| Runs at once | {dag.max_active_runs} |" in section


def test_the_page_is_the_same_on_every_machine(dag_bag):
    """No path, and no order that depends on the file system."""
    backwards = dict(reversed(dag_bag.dags.items()))
    page = generate.dags_page(backwards, POOLS)
    assert page == generate.dags_page(dag_bag.dags, POOLS)
    assert str(ROOT) not in page
