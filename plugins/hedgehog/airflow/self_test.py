"""The checks of `hedgehog setup`, `hedgehog self-test` and the DAG hedgehog_self_test: one list, in the same words.

`setup` adds what it makes itself, the tables and pools, and whether the DAGs are parsed; the DAG adds the queues.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from hedgehog.airflow import settings

if TYPE_CHECKING:
    from hedgehog.services.observe.self_test import SelfTestResult


def check_settings() -> list[SelfTestResult]:
    """One result for each setting that is wrong; one in all if none is."""
    from hedgehog.services.observe.self_test import SelfTestResult

    problems = settings.problems()
    failed = [SelfTestResult("settings", False, problem) for problem in problems]
    return failed or [SelfTestResult("settings", True, settings.SUMMARY)]


def check_connections() -> Iterator[SelfTestResult]:
    """The fabric database, and every connection that a repository or a fabric names."""
    from hedgehog.airflow.adapters.health_adapters import find_host
    from hedgehog.airflow.adapters.hooks import open_cluster, open_database, open_mirror
    from hedgehog.services.observe import self_test

    yield from self_test.run_checks(
        open_database, open_mirror=open_mirror, find_host=find_host, open_cluster=open_cluster
    )


def checks() -> list[SelfTestResult]:
    """Try everything now, Airflow's API included where a connection leads to it."""
    from hedgehog.airflow.adapters.health_adapters import airflow_health
    from hedgehog.services.observe import self_test

    found = [*check_settings(), *check_connections()]
    ask = airflow_health()
    if ask is not None:
        found.append(self_test.attempt("Airflow's API", lambda: f"it answers for {len(ask())} parts"))
    return found
