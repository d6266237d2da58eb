"""A GitLab with one project in nested groups, and our way in."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from hedgehog.hosts.gitlab.repository import Repository
from hedgehog.hosts.host import Host
from tests.hosts.gitlab_lab import GitLabLab, gitlab_lab


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[GitLabLab]:
    """The project, where people work."""
    (tmp_path / "lab").mkdir()
    with gitlab_lab(tmp_path / "lab") as found:
        yield found


@pytest.fixture
def host(lab: GitLabLab) -> Iterator[Host]:
    """The project, entered with a token."""
    entered = lab.enter()
    assert isinstance(entered, Repository)
    yield entered
    entered.close()
