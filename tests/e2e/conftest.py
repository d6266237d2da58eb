"""One running stack for all end-to-end tests: real PostgreSQL, git over HTTP, Kubernetes API server and Airflow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack import stack as devstack
from devstack.git_server import GitServer
from devstack.gitea.server import Gitea
from devstack.github import GitHub
from tests.e2e.gitea_lab import GiteaStack
from tests.e2e.github_lab import TOKEN, GitHubLab
from tests.e2e.looks import suspend_all

_numbers = itertools.count(1)


_LONGEST = ("test_rollouts.py", "test_gitea.py", "test_changes.py", "test_soak.py", "test_every_page.py")
"""Files that take longest. They come first, so that no test process ends long after the others."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an e2e test."""
    for item in items:
        if "/tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
    items.sort(key=lambda item: _LONGEST.index(item.path.name) if item.path.name in _LONGEST else len(_LONGEST))


@pytest.fixture(scope="session")
def stack() -> Iterator[devstack.Stack]:
    """The running servers. The schedules of syncs run every minute, so that tests can wait for them."""
    settings = {
        "AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE": "* * * * *",
        "AIRFLOW__HEDGEHOG__KUBERNETES_SYNC_SCHEDULE": "* * * * *",
        # Several schedulers share the machine, and what they do while idle slows all tests down.
        "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "1.0",
        "AIRFLOW__HEDGEHOG__METRICS_SCHEDULE": "*/5 * * * *",
    }
    with devstack.running(settings=settings) as running:
        yield running


@pytest.fixture
def name(request: pytest.FixtureRequest) -> Iterator[str]:
    """A fabric name that no other test uses, short enough to start the names of its objects. Fabrics whose names begin
    with it are suspended in the end, so that the runs of later tests have nothing to do with them."""
    chosen = f"t{next(_numbers):02d}"
    yield chosen
    if "stack" in request.fixturenames:
        suspend_all(request.getfixturevalue("stack"), chosen)


@pytest.fixture(scope="session")
def github(stack: devstack.Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitHubLab]:
    """A GitHub with its own Git host; only requests and answers that GitHub describes may pass between it and the stack."""
    directory = tmp_path_factory.mktemp("github")
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.PrivateFormat.TraditionalOpenSSL
    text = key.private_bytes(serialization.Encoding.PEM, pem, serialization.NoEncryption()).decode()
    with GitServer(directory / "host") as git, GitHub(git, token=TOKEN) as hub:
        yield GitHubLab(stack, git, hub, directory, text)
        assert hub.undescribed == []


@pytest.fixture(scope="session")
def gitea_stack(stack: devstack.Stack, gitea: Gitea, tmp_path_factory: pytest.TempPathFactory) -> GiteaStack:
    """A real Gitea beside the stack."""
    return GiteaStack(stack, gitea, tmp_path_factory.mktemp("gitea"))
