"""What pull requests of a repository get, and from which branch they come."""

from __future__ import annotations

from typing import Any

import pytest

from hedgehog.fabric.model import Fabric
from hedgehog.fabric.request_settings import RequestSettings, request_branch, requests_fault


def test_settings_are_read() -> None:
    """What is left out is nothing."""
    values = {"labels": ["network"], "reviewers": ["ada", "eve"], "auto_merge": True}
    assert requests_fault(values) == ""
    assert RequestSettings.of(values) == RequestSettings(("network",), ("ada", "eve"), True)
    assert RequestSettings.of({}) == RequestSettings()


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"label": []}, "'label' is not known; did you mean labels?"),
        ({"labels": "network"}, "labels: 'network' is not a list of at most 20 names"),
        ({"labels": ["a,b"]}, "labels: 'a,b' is not a name that a host takes"),
        ({"reviewers": ["@ada"]}, "reviewers: '@ada' is not a name that a host takes"),
        ({"reviewers": ["ada"] * 21}, "is not a list of at most 20 names"),
        ({"auto_merge": "yes"}, "auto_merge: 'yes' is not true or false"),
    ],
)
def test_a_wrong_setting_is_named(values: dict[str, Any], fault: str) -> None:
    """Where it is written, not at the host."""
    assert fault in requests_fault(values)


@pytest.mark.parametrize(("name", "branch"), [("Gen-1", "hedgehog/Gen-1"), ("a.lock", "hedgehog/a.lock-")])
def test_every_fabric_has_a_branch_that_git_takes(name: str, branch: str) -> None:
    """A name that ends in `.lock` is none."""
    assert request_branch(Fabric(1, name, name.lower())) == branch
