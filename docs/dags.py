"""The page `DAGS.md`: every DAG with its clock, pool, params and tasks, from the DAG files."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

from docs.text import NOTICE, join, table, unique


def dags_page(dags: Mapping[str, Any], pools: Mapping[str, tuple[int, str]]) -> str:
    """One section per DAG, by name, after a table of all."""
    ordered = [dags[dag_id] for dag_id in sorted(dags)]
    overview = table(
        ("DAG", "clock", "woken by", "pool", "what"),
        (
            (f"[{dag.dag_id}](#{dag.dag_id})", _clock(dag), _wake_ups(dag), _pool(dag), _title(dag.doc_md))
            for dag in ordered
        ),
    )
    head = [NOTICE.format(source="the files in dags/"), "# DAGs", _INTRODUCTION, overview]
    return join([*head, *(section for dag in ordered for section in _section(dag, pools))])


_INTRODUCTION = """\
The same text is on each DAG's page in the web UI. Schedules are in UTC. A DAG that is *woken* runs at once when the named
asset has an event; its clock is the fallback. Of the tasks that wait for a slot of a pool, the one with the highest weight
goes first."""


def _section(dag: Any, pools: Mapping[str, tuple[int, str]]) -> Iterator[str]:
    yield f"## {dag.dag_id}"
    yield dag.doc_md.strip().replace("# ", "### ", 1)
    yield table(("", ""), _facts(dag, pools))
    if dag.params:
        yield "**Params**"
        yield table(
            ("param", "title", "type", "default", "meaning"),
            (_param(name, param) for name, param in dag.params.items()),
        )
    yield "**Tasks**"
    yield table(("task", "after", "weight", "what"), map(_task, dag.topological_sort()))


def _param(name: str, param: Any) -> tuple[str, ...]:
    default = json.dumps(param.value, ensure_ascii=False)
    return f"`{name}`", param.schema["title"], _type(param.schema), f"`{default}`", param.description


def _task(task: Any) -> tuple[str, ...]:
    is_mapped = task.is_mapped or task.get_closest_mapped_task_group() is not None
    name = f"`{task.task_id}`" + (" (mapped)" if is_mapped else "")
    after = ", ".join(f"`{name}`" for name in sorted(task.upstream_task_ids))
    return name, after, str(task.priority_weight), task.doc_md.strip()


def _facts(dag: Any, pools: Mapping[str, tuple[int, str]]) -> Iterator[tuple[str, str]]:
    tasks = list(dag.tasks)
    clock = _cron(dag)
    yield "Clock", f"{_clock(dag)} (`{clock}` UTC)" if clock else _clock(dag)
    yield "Woken by", _wake_ups(dag) or "nothing"
    for pool in unique(task.pool for task in tasks):
        slots, description = pools[pool]
        yield "Pool and queue", f"`{pool}`, {slots} {'slot' if slots == 1 else 'slots'} ({description})"
    yield "Runs at once", str(dag.max_active_runs)
    limits = unique(_duration(task.execution_timeout) for task in tasks)
    yield "Timeouts", f"run {_duration(dag.dagrun_timeout)}, task {' or '.join(limits)}"
    yield "Retries of a task", " or ".join(unique(_retries(task) for task in tasks))
    yield "Tags", ", ".join(f"`{tag}`" for tag in sorted(dag.tags))


def _retries(task: Any) -> str:
    growth = ", doubling" if task.retry_exponential_backoff else ""
    limit = f" up to {_duration(task.max_retry_delay)}" if task.max_retry_delay else ""
    return f"{task.retries}, after {_duration(task.retry_delay)}{growth}{limit}"


def _cron(dag: Any) -> str:
    return str(getattr(getattr(dag.timetable, "timetable", dag.timetable), "expression", ""))


def _clock(dag: Any) -> str:
    from cron_descriptor import get_description  # noqa: PLC0415 - comes with Airflow, loaded by then

    from hedgehog.airflow.clocks import SHARED  # noqa: PLC0415 - imports Airflow's settings

    expression, shared = _cron(dag), SHARED.get(dag.dag_id)
    if shared:
        return f"{get_description(shared.default)}, by `hedgehog_periodic`"
    return str(get_description(expression)) if expression else "none"


def _wake_ups(dag: Any) -> str:
    return ", ".join(f"`{name}`" for name in _asset_names(getattr(dag.timetable, "asset_condition", None)))


def _asset_names(condition: Any) -> list[str]:
    if condition is None:
        return []
    if hasattr(condition, "objects"):
        return [name for one in condition.objects for name in _asset_names(one)]
    return [condition.name]


def _pool(dag: Any) -> str:
    return ", ".join(f"`{pool}`" for pool in unique(task.pool for task in dag.tasks))


def _title(doc_md: str) -> str:
    return doc_md.strip().splitlines()[0].removeprefix("# ")


def _type(schema: Mapping[str, Any]) -> str:
    types = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    words = " or ".join(types)
    items = schema.get("items")
    return f"{words} of {_type(items)}s" if items else words


def _duration(value: timedelta) -> str:
    seconds = round(value.total_seconds())
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
