"""What all our DAGs share: default arguments, pools, params, timeouts."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import Asset, AssetAny, AssetOrTimeSchedule, CronTriggerTimetable, Param

from hedgehog.airflow.names import TAG
from hedgehog.airflow.settings import GIT_TIMEOUT, Setting, log_problems
from hedgehog.fabric.near import near, suggestion

if TYPE_CHECKING:
    from airflow.sdk import Context

log_problems()  # where DAG files are parsed: with each of them, in its log

TASK_TIMEOUT = max(timedelta(minutes=10), timedelta(seconds=1.25 * GIT_TIMEOUT.read()))
"""Longer only where git may take longer: a task that is killed in a clone starts it over the next time."""
DAGRUN_TIMEOUT = 3 * TASK_TIMEOUT


def clock(schedule: Setting[str]) -> CronTriggerTimetable:
    """Run by the clock of that setting, in UTC."""
    return CronTriggerTimetable(schedule.read(), timezone="UTC")


def every_minute() -> CronTriggerTimetable:
    """Run every minute."""
    return CronTriggerTimetable("* * * * *", timezone="UTC")


def clock_or(asset: Asset | AssetAny, schedule: Setting[str]) -> AssetOrTimeSchedule:
    """Run when *asset* has an event, and by the clock of that setting, in UTC."""
    return AssetOrTimeSchedule(timetable=clock(schedule), assets=asset)


def dag_defaults(pool: str, purpose: str, page: str | None) -> dict[str, Any]:
    """The arguments of all our DAGs: the work belongs to *pool*, and missed runs are not made up for.

    Lists show the title of its *page* as its name, and how the page begins as its description; *purpose* is the tag by
    which it is found among ours.
    """
    if not page:
        raise ValueError("a DAG file has no docstring, which is its page")
    title, _, text = page.removeprefix("# ").partition("\n")
    return {
        "dag_display_name": title,
        "description": _lead(text),
        "doc_md": page,
        "catchup": False,
        "dagrun_timeout": DAGRUN_TIMEOUT,
        "is_paused_upon_creation": False,
        "render_template_as_native_obj": True,
        "default_args": default_args(pool),
        "tags": [TAG, purpose],
    }


def _lead(text: str) -> str:
    """The first sentence, without what follows a colon: what fits into a list."""
    paragraph = " ".join(text.strip().partition("\n\n")[0].split())
    return re.split(r"[.:](?: |$)", paragraph, maxsplit=1)[0] + "."


def default_args(pool: str) -> dict[str, Any]:
    """Task defaults of a DAG whose work belongs to *pool*.

    Retries here are for lost workers and an unreachable database only: failing remotes are retried by the store.
    """
    return {
        "owner": "hedgehog",
        "pool": pool,
        "queue": pool,
        "weight_rule": "absolute",
        "retries": 3,
        "retry_delay": timedelta(seconds=10),
        "retry_exponential_backoff": 2.0,
        "max_retry_delay": timedelta(minutes=5),
        "execution_timeout": TASK_TIMEOUT,
        "pre_execute": refuse_unknown_conf,
    }


def refuse_unknown_conf(context: Context) -> None:
    """Fail the task when its run was started with a key that the DAG does not know: a mistyped `dry_run` must not write.

    Airflow takes any key: neither the form nor the REST API can refuse one.
    """
    given = context["dag_run"].conf or {}
    known = sorted(context["dag"].params)
    unknown = sorted(given.keys() - set(known))
    if not unknown:
        return
    from airflow.sdk.exceptions import AirflowFailException

    hints = [f"{key!r}{_hint(key, known)}" for key in unknown]
    takes = f"it takes {', '.join(known)}" if known else "it takes no parameters"
    raise AirflowFailException(
        f"the conf of this run has keys that {context['dag'].dag_id} does not know: {', '.join(hints)}; {takes}. "
        "Nothing was done; trigger it again"
    )


def _hint(key: str, known: list[str]) -> str:
    # Of "dryrun" and "DRY-RUN" the letters are those of "dry_run".
    plain = {re.sub(r"[^a-z]", "", name): name for name in known}
    meant = suggestion(repr(plain[one]) for one in near(re.sub(r"[^a-z]", "", key.lower()), plain))
    return f" ({meant})" if meant else ""


def fabrics_param(description: str) -> Param:
    """The fabrics that a run is for, one name per line; *description* says what no name means.

    As all our params it may be null: the form marks what may not as required.
    """
    return Param(
        [],
        type=["array", "null"],
        items={"type": "string", "minLength": 1, "maxLength": 63},
        uniqueItems=True,
        title="Fabrics",
        description=description,
    )


def dry_run_param(description: str) -> Param:
    """A switch for runs that only report; *description* says what they do not do."""
    return Param(False, type=["boolean", "null"], title="Dry run", description=description)


def sync_params() -> dict[str, Param]:
    """The trigger form of a sync DAG."""
    return {
        "fabrics": fabrics_param("One fabric name per line. Empty: every fabric that is due."),
        "force": Param(
            False,
            type=["boolean", "null"],
            title="Check everything",
            description="Include fabrics that are not due, also parked ones, and compare every object again. "
            "Never overwrites changes that are held for a person.",
        ),
        "dry_run": dry_run_param("Only plan: the summary says what would be done; nothing is written or recorded."),
        "override_window": Param(
            None,
            type=["string", "null"],
            maxLength=1000,
            title="Override change windows",
            description="Why the fabrics named above are written although no change window of theirs is open. It is "
            "recorded. A freeze holds all the same.",
        ),
    }
