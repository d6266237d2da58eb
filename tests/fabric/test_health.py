"""Words and reasons of health, and what rules say of permissions."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest

from hedgehog.fabric.agents import Agent, Convergence, convergence
from hedgehog.fabric.health import (
    MOST_REASONS,
    Fabricator,
    Health,
    HealthIssue,
    HealthSummary,
    fabricator_issues,
    summarize_health,
)
from hedgehog.fabric.kinds import KINDS
from hedgehog.fabric.permissions import Permission, describe_permissions, not_granted, permissions_for

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
VPCS = permissions_for(KINDS["VPC"], "default")


def test_the_worst_issue_decides_in_any_order() -> None:
    """The order of severity is fixed: that in which the words are listed."""
    issues = [HealthIssue(health, health.value) for health in Health]
    worst_first = ("Unknown", "Missing", "Degraded", "Progressing", "Healthy")
    for order in itertools.permutations(issues):
        assert summarize_health(order) == HealthSummary(Health.UNKNOWN, worst_first)
    assert summarize_health([]) == HealthSummary(Health.HEALTHY, ())


def test_reasons_beyond_the_limit_are_counted() -> None:
    """A fabric of a thousand silent switches is one sentence less than a thousand."""
    found = summarize_health(HealthIssue(Health.DEGRADED, str(number)) for number in range(MOST_REASONS + 7))
    assert (len(found.reasons), found.reasons[-1]) == (MOST_REASONS + 1, "and 7 more")


def test_a_running_installer_is_progressing() -> None:
    """What is not ready meanwhile is not a fault; without conditions there is nothing to say."""
    busy = Fabricator("default", 3, 2, {"Applied": "False", "Ready": "False"})
    assert {issue.health for issue in fabricator_issues(busy)} == {Health.PROGRESSING}
    assert list(fabricator_issues(Fabricator("default", 3, 3))) == []


@pytest.mark.parametrize(
    ("rules", "left"),
    [
        ([], "create, delete, list, patch, watch"),
        ([{"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}], ""),
        (
            [{"verbs": ["list", "watch"], "apiGroups": ["vpc.githedgehog.com"], "resources": ["vpcs"]}],
            "create, delete, patch",
        ),
        (
            [{"verbs": ["*"], "apiGroups": ["wiring.githedgehog.com"], "resources": ["*"]}],
            "create, delete, list, patch, watch",
        ),
        (
            [{"verbs": ["*"], "apiGroups": ["*"], "resources": ["vpcs"], "resourceNames": ["one"]}],
            "create, delete, list, patch, watch",
        ),
    ],
)
def test_permissions_that_rules_grant_need_no_review(rules: list[dict[str, list[str]]], left: str) -> None:
    """Wildcards count; a rule for named objects does not."""
    words = describe_permissions(not_granted(VPCS, {"default": rules}))
    assert words == ([f"{left} vpcs.vpc.githedgehog.com in default"] if left else [])


def test_a_subresource_needs_its_own_permission() -> None:
    """All of a resource is not all of its status."""
    permission = Permission("patch", "wiring.githedgehog.com", "fabrics/status", "x")
    rule = {"verbs": ["*"], "apiGroups": ["*"]}
    assert not_granted([permission], {"x": [rule | {"resources": ["fabrics"]}]}) == [permission]
    assert not_granted([permission], {"x": [rule | {"resources": ["*/status"]}]}) == []


def agent(name: str, applied: int = 1, **parts: datetime) -> Agent:
    """An Agent at generation 1 that reported just now."""
    return Agent("Agent", name, 1, applied, heartbeat=parts.pop("heartbeat", NOW), **parts)


def test_convergence_is_the_time_of_the_last_switch() -> None:
    """A switch that had nothing to do says nothing about it; without switches the write is the moment."""
    wrote, late = NOW - timedelta(minutes=1), NOW - timedelta(seconds=20)
    agents = [agent("a", applied_at=NOW - timedelta(hours=1)), agent("b", applied_at=late)]
    assert convergence(agents, wrote, NOW) == Convergence(
        True, "all 2 switches and gateways applied their generation", late
    )
    assert convergence([], wrote, NOW).at == wrote


def test_a_silent_switch_has_not_converged() -> None:
    """What it applied is not known."""
    agents = [agent("a"), agent("b", heartbeat=NOW - timedelta(minutes=1)), agent("c", applied=0)]
    assert convergence(agents, None, NOW) == Convergence(False, "1 of 3 are current; not yet: b, c")
