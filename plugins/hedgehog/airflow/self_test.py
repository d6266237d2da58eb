"""The self-test with the connections of this Airflow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hedgehog.airflow import settings

if TYPE_CHECKING:
    from hedgehog.services.observe.self_test import SelfTestResult


def checks() -> list[SelfTestResult]:
    """Try everything now."""
    from hedgehog.airflow.adapters.health_adapters import airflow_health, open_github_of
    from hedgehog.airflow.adapters.hooks import open_cluster, open_database, open_mirror
    from hedgehog.services.observe import self_test

    problems = settings.problems()
    found = [
        self_test.SelfTestResult("settings", not problems, "; ".join(problems) or settings.SUMMARY),
        *self_test.run_checks(
            open_database, open_mirror=open_mirror, open_github=open_github_of, open_cluster=open_cluster
        ),
    ]
    ask = airflow_health()
    if ask is not None:
        found.append(self_test.attempt("Airflow's API", lambda: f"it answers for {len(ask())} parts"))
    return found
