"""Every DAG file follows the rules of the project: docs, limits, pools, typed params."""

from __future__ import annotations

import ast
import copy
import itertools
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.sdk.api.datamodels._generated import DagRunType
from airflow.sdk.exceptions import ParamValidationError
from airflow.serialization.serialized_objects import DagSerialization
from croniter import croniter

from hedgehog.airflow.clocks import SHARED, has_struck
from hedgehog.airflow.defaults import refuse_unknown_conf
from hedgehog.airflow.names import POOLS
from hedgehog.airflow.operators.periodic import TRIGGERED

ROOT = Path(__file__).resolve().parents[2]
DAG_FILES = sorted((ROOT / "dags").glob("**/*.py"))
DAG_IDS = [path.stem for path in DAG_FILES]

PURPOSES = {"sync", "validation", "health", "metrics", "cache", "maintenance", "approval"}
"""The closed list of tags beside `hedgehog`: operators filter by these words, so a new one is a decision."""

POOL_AND_WEIGHTS = {
    "hedgehog_git_sync": ("git_sync", {6, 7, 8}),
    "hedgehog_kubernetes_sync": ("kubernetes", {7, 8}),
    "hedgehog_repository_changes": ("git_sync", {8}),
    "hedgehog_pull_request_validation": ("git_sync", {6}),
    "hedgehog_cache_refresh": ("cache_refresh", {4}),
    "hedgehog_cache_cleanup": ("cache_refresh", {2}),
    "hedgehog_kubernetes_health": ("monitoring", {6}),
    "hedgehog_github_health": ("monitoring", {5}),
    "hedgehog_self_test": ("monitoring", {9}),
    "hedgehog_metrics": ("monitoring", {4}),
    "hedgehog_periodic": ("monitoring", {4, 5, 6, 7, 2}),
    "hedgehog_result_cleanup": ("maintenance", {2}),
    "hedgehog_log_rotation": ("maintenance", {1}),
    "hedgehog_backup": ("maintenance", {3}),
    "hedgehog_dead_letter_replay": ("maintenance", {5}),
    "hedgehog_adoption": ("git_sync", {8}),
    "hedgehog_git_change": ("git_sync", {8}),
    "hedgehog_rollout": ("git_sync", {8}),
    "hedgehog_approval": ("git_sync", {8}),
}
"""What the design promises: who goes first when slots are short."""

IN_EVERY_POOL = {"hedgehog_self_test"}
"""Has a task in each queue, to show that somebody serves it."""

OF_ANOTHER_CLASS = {
    ("hedgehog_git_sync", "apply"): "kubernetes",
    ("hedgehog_rollout", "apply"): "kubernetes",
    ("hedgehog_periodic", "refresh_cache"): "cache_refresh",
    ("hedgehog_periodic", "clean_up_cache"): "cache_refresh",
}
"""Tasks that take their slots elsewhere than the rest of their DAG: the pool bounds the work per class."""

HARD_LIMIT = timedelta(seconds=600)
"""What no task may outlast."""

WITHOUT_CLOCK = {
    "hedgehog_adoption",
    "hedgehog_dead_letter_replay",
    "hedgehog_git_change",
    "hedgehog_pull_request_validation",
    "hedgehog_self_test",
}
"""Started manually, or by an event; a scheduled DAG does the work if the event is lost."""
PERIODS = {
    "hedgehog_git_sync": "*/5 * * * *",
    "hedgehog_kubernetes_sync": "*/3 * * * *",
    "hedgehog_repository_changes": "*/5 * * * *",
    "hedgehog_rollout": "*/5 * * * *",
    "hedgehog_cache_refresh": "*/5 * * * *",
    "hedgehog_cache_cleanup": "*/30 * * * *",
    "hedgehog_kubernetes_health": "*/2 * * * *",
    "hedgehog_github_health": "*/3 * * * *",
    "hedgehog_metrics": "* * * * *",
    "hedgehog_result_cleanup": "17 * * * *",
    "hedgehog_log_rotation": "40 3 * * *",
    "hedgehog_backup": "20 2 * * *",
    "hedgehog_approval": "*/30 * * * *",
}
"""The periods of the Celery system, and of what it forgot to schedule."""

AT_ONCE = {
    "hedgehog_git_sync": 2,
    "hedgehog_kubernetes_sync": 2,
    "hedgehog_repository_changes": 2,
    "hedgehog_git_change": 4,
    "hedgehog_periodic": 4,
    "hedgehog_rollout": 64,
    "hedgehog_approval": 16,
}
"""A run that waits for people keeps no other from asking. A hanging remote keeps one run (decisions 0009 and 0015)."""
RUNS_BEFORE = 181
"""Of an idle hour, when every kind of periodic work had runs of its own."""
_PARAM_TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


@pytest.fixture(params=DAG_IDS)
def dag(request: pytest.FixtureRequest, dag_bag: Any) -> Any:
    """Each DAG in turn."""
    assert request.param in dag_bag.dags, dag_bag.import_errors
    return dag_bag.dags[request.param]


def test_every_file_imports_without_an_error(dag_bag):
    """A DAG with an import error silently does not run."""
    assert dag_bag.import_errors == {}


def test_every_file_holds_exactly_the_dag_it_is_named_after(dag_bag):
    """`dags/<dag_id>.py`: a reader finds a DAG by its name, and every file has one."""
    assert {dag.fileloc: dag_id for dag_id, dag in dag_bag.dags.items()} == {str(path): path.stem for path in DAG_FILES}


def test_every_dag_file_has_our_prefix_and_is_at_the_top():
    """Many installations share the folder with other DAGs."""
    assert [str(path.relative_to(ROOT)) for path in DAG_FILES] == [f"dags/{dag_id}.py" for dag_id in DAG_IDS]
    assert all(re.fullmatch(r"hedgehog_[a-z][a-z_]*", dag_id) for dag_id in DAG_IDS)


def test_the_docstring_of_the_file_is_the_page_in_the_web_ui(dag):
    """A title, then prose: what it does, when it runs, what to do when it is red."""
    docstring = ast.get_docstring(ast.parse(Path(dag.fileloc).read_text()), clean=False)
    assert dag.doc_md == docstring
    assert re.match(r"# \S.*\n\n\S", docstring)


def test_a_dag_has_our_tag_and_one_for_its_purpose(dag):
    """Every DAG is found by `hedgehog`, and among ours by its purpose."""
    assert "hedgehog" in dag.tags
    assert len(dag.tags) == 2
    assert set(dag.tags) - {"hedgehog"} <= PURPOSES


def test_lists_show_the_title_of_the_page_and_how_its_text_begins(dag):
    """The web UI shows the name in place of the id, and the description when the mouse is over it."""
    title, _, text = dag.doc_md.removeprefix("# ").partition("\n")
    assert dag.dag_display_name == title
    assert re.fullmatch(r"[A-Z].{20,150}\.", dag.description)
    assert " ".join(text.split()).startswith(dag.description.removesuffix("."))


def test_no_two_dags_have_the_same_name_in_lists(dag_bag):
    """The web UI does not show the id beside it."""
    names = [dag.dag_display_name for dag in dag_bag.dags.values()]
    assert sorted(set(names)) == sorted(names)


def test_a_dag_has_an_owner_and_its_limits(dag):
    """It does not catch up on missed runs, has a time limit and a limit of active runs, and is not paused at
    creation."""
    assert dag.owner not in ("", "airflow")
    assert dag.catchup is False
    assert "max_active_runs" in _arguments(dag)
    assert dag.max_active_runs == AT_ONCE.get(dag.dag_id, 1)
    assert dag.dagrun_timeout is not None
    assert dag.is_paused_upon_creation is False


def test_a_dag_has_a_schedule_in_addition_to_its_assets(dag):
    """A wake-up may be lost, so an asset alone is not a schedule: it has a timetable, or hedgehog_periodic sees to it."""
    if dag.dag_id == "hedgehog_periodic":
        assert cron_of(dag) == "* * * * *"
        return
    shared = SHARED.get(dag.dag_id)
    assert (shared.default if shared else cron_of(dag)) == PERIODS.get(dag.dag_id)
    assert not (shared and cron_of(dag))
    assert (dag.dag_id in PERIODS) != (dag.dag_id in WITHOUT_CLOCK)


def test_periodic_work_shares_runs_and_keeps_its_periods(dag_bag):
    """At most half of the runs of an idle hour, counted from the timetables; the work itself is as frequent as before."""
    runs = sum(strikes(cron_of(dag)) for dag in dag_bag.dags.values() if cron_of(dag)) / 24
    assert runs <= RUNS_BEFORE / 2
    before = [cron for dag_id, cron in PERIODS.items() if dag_id != "hedgehog_approval"]  # which came later
    assert round(sum(map(strikes, before)) / 24) == RUNS_BEFORE

    minutes = [datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minute) for minute in range(24 * 60 + 1)]
    done = {
        dag_id: sum(has_struck(clock, after=one, until=another) for one, another in pairwise(minutes))
        for dag_id, clock in SHARED.items()
    }
    assert done == {dag_id: strikes(PERIODS[dag_id]) for dag_id in SHARED}


def test_every_shared_schedule_has_its_work_or_its_event(dag_bag):
    """A DAG without a timetable whose work nobody does would stand still unnoticed."""
    due = dag_bag.dags["hedgehog_periodic"].get_task("due")
    assert {*due.work} == {*SHARED}
    assert {task_id for tasks in due.work.values() for task_id in tasks} == {
        task.task_id for task in dag_bag.dags["hedgehog_periodic"].tasks
    } - {"due"}
    for dag_id in TRIGGERED:
        (task_id,) = due.work[dag_id]
        (event,) = dag_bag.dags["hedgehog_periodic"].get_task(task_id).outlets
        assert event.name in [asset.name for asset in dag_bag.dags[dag_id].timetable.asset_condition.objects]


def cron_of(dag: Any) -> str | None:
    """The cron expression of a DAG's own timetable."""
    return getattr(getattr(dag.timetable, "timetable", dag.timetable), "expression", None)


def strikes(cron: str) -> int:
    """How often a clock strikes in a day."""
    start = datetime(2026, 3, 1, tzinfo=UTC)
    times = croniter(cron, start)
    return sum(1 for _ in itertools.takewhile(lambda at: at <= start + timedelta(days=1), times.all_next(datetime)))


def test_every_param_has_a_type_a_title_and_a_description(dag):
    """The trigger form explains itself, and a wrong value is refused before a run starts."""
    for name in dag.params:
        param = dag.params.get_param(name)
        types = param.schema.get("type", "")
        assert ({types} if isinstance(types, str) else set(types)) <= _PARAM_TYPES, name
        assert param.schema["title"], name
        assert re.search(r"[.?]$", param.description), name
        param.resolve()


def test_the_trigger_form_opens_unfolded_with_the_fabrics_first_and_marks_nothing_as_required(dag):
    """Airflow 3.3 opens the section of the params that name none and folds every other, and puts a red star on those
    whose type has no `null`; the form shows them in the order in which the serialized DAG has them.
    """
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag)).params
    schemas = {name: stored.get_param(name).schema for name in stored}
    assert "fabrics" not in list(schemas)[1:]
    assert [name for name, schema in schemas.items() if "section" in schema] == []
    assert [name for name, schema in schemas.items() if "null" not in schema["type"]] == []


WRONG = {
    "fabrics": ["gen", 5, {"gen": 1}, [5], [None], [""], ["gen", "gen"], [["gen"]], True],
    "dry_run": ["true", 1, [], {}],
    "force": ["true", 1],
    "all": ["true", 1],
    "allow_large_prune": ["true", 1],
    "target": ["gitt", 5, ""],
    "repository": [5, ["net"], "x" * 600],
    "branch": [5, "x" * 300],
    "pull_request": [0, -1, "5", 1.5, True, 10**30],
    "fabric": [5, ["gen"], "x" * 64],
    "objects": ["VPC/default/a", 5, [5], [None], [""], ["a", "a"], ["x" * 1001]],
    "place": ["gitt", 5, ""],
    "plan": [5, ["a"], "x" * 65],
    "reason": [5, ["x"], "x" * 1001],
    "rollback_to": [0, "3", 1.5, True],
    "allow_invalid": ["true", 1],
    "override_window": [5, ["outage"], "x" * 1001, True],
}
"""Values that a param must not have."""


def test_wrong_values_are_refused_before_a_run_and_null_is_accepted(dag):
    """Airflow checks them whenever a run is created; an emptied field of the form is null."""
    stored = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    for name in dag.params:
        stored.params.deep_merge({name: None}).validate()
        for value in WRONG[name]:
            with pytest.raises(ParamValidationError, match=f"Invalid input for param {name}"):
                stored.params.deep_merge({name: value}).validate()


def test_every_task_refuses_a_mistyped_conf(dag):
    """The first task ends the run before anything is done; tasks that always run do nothing either."""
    hooks = {task.task_id: _argument(task, "_pre_execute_hook", "pre_execute") for task in dag.tasks}
    assert hooks == dict.fromkeys(hooks, refuse_unknown_conf)


def test_every_task_is_explained_and_limited(dag):
    """A task says what it does, cannot hang for ever, and survives a lost worker."""
    for task in dag.tasks:
        assert task.doc_md, task.task_id
        assert task.execution_timeout, task.task_id
        assert task.execution_timeout <= min(dag.dagrun_timeout, HARD_LIMIT), task.task_id
        assert task.retries >= 1, task.task_id


def test_every_task_takes_a_slot_of_its_pool_at_its_own_weight(dag):
    """The pool limits the work per class, the queue selects the workers, the weight the order."""
    pool, weights = POOL_AND_WEIGHTS[dag.dag_id]
    assert pool in POOLS
    pools = POOLS if dag.dag_id in IN_EVERY_POOL else {pool}
    for task in dag.tasks:
        own = OF_ANOTHER_CLASS.get((dag.dag_id, task.task_id))
        assert task.pool in ({own} if own else pools)
        assert (task.queue, task.weight_rule) == (task.pool, "absolute")
    assert {task.pool for task in dag.tasks} >= set(pools)
    assert {task.priority_weight for task in dag.tasks} == weights


def test_a_mapped_task_is_named_after_what_it_works_on(dag):
    """A list of numbers tells an operator nothing."""
    assert all(task.map_index_template for task in dag.tasks if is_mapped(task))


@pytest.mark.parametrize("label", ["fabric-1", "12", "1.10", "None", "0x10", "1, 2", "a, b, c +9"])
def test_the_name_of_a_mapped_task_is_text(dag, label):
    """DAGs render natively, so a fabric called `12` would become a number, which fails the task after its work."""
    for task in dag.tasks:
        if is_mapped(task):
            names = dict.fromkeys(("fabrics", "repositories", "pull_requests", "proposal"), label)
            rendered = dag.get_template_env().from_string(task.map_index_template).render(names)
            assert isinstance(rendered, str)
            assert label in rendered


@pytest.mark.parametrize("dag_id", ["hedgehog_git_sync", "hedgehog_kubernetes_sync"])
def test_the_values_of_the_trigger_form_reach_the_tasks_with_their_types(dag_bag, dag_id):
    """Rendered natively: a list stays a list, and false is not the string "False", which would be true."""
    dag = dag_bag.dags[dag_id]
    params = {**dag.params.dump(), "fabrics": ["fabric-1", "12"], "force": True}
    plan = copy.copy(dag.get_task("plan"))
    plan.render_template_fields({"params": params, "dag": dag})
    assert (plan.fabrics, plan.force) == (["fabric-1", "12"], True)


@pytest.mark.parametrize("repository", ["", "12", "acme/net", "None", 'a"b', "git@host:acme/net.git", "<1 & '2'>"])
def test_the_name_of_a_repository_reaches_the_tasks_as_text(dag_bag, repository):
    """Rendered natively, `12` would be a number and `None` nothing."""
    dag = dag_bag.dags["hedgehog_repository_changes"]
    plan = copy.copy(dag.get_task("plan"))
    params = {**dag.params.dump(), "repository": repository}
    plan.render_template_fields({"params": params, "dag": dag, "dag_run": SimpleNamespace(run_type="manual")})
    assert (plan.repository, plan.branch, plan.fabrics, plan.at_once) == (repository, "", [], True)


@pytest.mark.parametrize(("run_type", "at_once"), [("manual", True), ("scheduled", False), ("asset_triggered", False)])
def test_only_a_manual_run_reads_repositories_that_are_not_due(dag_bag, run_type, at_once):
    """Scheduled and woken runs leave alone what was just read."""
    dag = dag_bag.dags["hedgehog_repository_changes"]
    plan = copy.copy(dag.get_task("plan"))
    run = SimpleNamespace(run_type=DagRunType(run_type))
    plan.render_template_fields({"params": dag.params.dump(), "dag": dag, "dag_run": run})
    assert plan.at_once is at_once
    assert dag.get_task("follow").partial_kwargs["at_once"] == dag.get_task("plan").at_once


@pytest.mark.parametrize(
    ("params", "fields"),
    [
        ({}, ("", None)),
        ({"repository": "acme/net", "pull_request": 7}, ("acme/net", 7)),
        ({"repository": "12", "pull_request": None}, ("12", None)),
    ],
)
def test_the_name_of_a_pull_request_reaches_the_tasks_with_its_types(dag_bag, params, fields):
    """Text stays text, a number stays a number, and null stays null."""
    dag = dag_bag.dags["hedgehog_pull_request_validation"]
    plan = copy.copy(dag.get_task("plan"))
    plan.render_template_fields({"params": {**dag.params.dump(), **params}, "dag": dag})
    assert (plan.repository, plan.pull_request) == fields


def test_what_a_batch_published_is_applied_whatever_became_of_the_others(dag_bag):
    """A hanging Git host delays no other batch, and one failed push keeps no other fabric from its cluster."""
    dag = dag_bag.dags["hedgehog_git_sync"]
    apply = dag.get_task("apply")
    assert (apply.upstream_task_ids, apply.trigger_rule) == ({"plan", "sync"}, "none_skipped")
    assert apply.get_closest_mapped_task_group() is dag.get_task("sync").get_closest_mapped_task_group() is not None
    assert dag.get_task("summary").upstream_task_ids == {"plan", "apply"}


def is_mapped(task: Any) -> bool:
    """Whether a task has an instance per batch, by itself or with its group."""
    return bool(task.is_mapped or task.get_closest_mapped_task_group())


def _argument(task: Any, attribute: str, argument: str) -> Any:
    """An argument of a task; a mapped task keeps it for its instances."""
    return task.partial_kwargs.get(argument) if task.is_mapped else getattr(task, attribute)


def _arguments(dag: Any) -> set[str]:
    """The keyword arguments that the file passes to `@dag`: a default of Airflow's configuration does not count."""
    return {keyword.arg for call in _dag_calls(Path(dag.fileloc)) for keyword in call.keywords if keyword.arg}


def _dag_calls(path: Path) -> Iterator[ast.Call]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dag":
            yield node
