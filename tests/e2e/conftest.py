"""One running stack for all end-to-end tests: real PostgreSQL, git over HTTP, Kubernetes API server and Airflow."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack import stack as devstack
from devstack.git_server import GitServer
from devstack.github import GitHub
from tests.e2e.github_lab import TOKEN, GitHubLab

_numbers = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Everything in this folder is an e2e test."""
    for item in items:
        if "/tests/e2e/" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def stack() -> Iterator[devstack.Stack]:
    """The running servers. All schedules run every minute, so that tests can wait for them."""
    settings = {
        "AIRFLOW__HEDGEHOG__GIT_SYNC_SCHEDULE": "* * * * *",
        "AIRFLOW__HEDGEHOG__KUBERNETES_SYNC_SCHEDULE": "* * * * *",
    }
    with devstack.running(settings=settings) as running:
        yield running


@pytest.fixture
def name() -> str:
    """A fabric name that no other test uses, short enough to start the names of its objects."""
    return f"t{next(_numbers):02d}"


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
