"""What the tests of the Git sync share: a real database, a real Git host, and shorthand for what is done with them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from devstack.git_server import GitServer, Person
from hedgehog.fabric.changes import Outcome
from hedgehog.fabric.model import GitRepository, Manifest, Target
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import GitCredentials, Remote
from hedgehog.services.git import sync as git_sync
from hedgehog.services.validation import Refusals
from hedgehog.store import fabrics as fabric_store
from hedgehog.store import objects as object_store
from hedgehog.store import sync_state
from hedgehog.store.database import Connection

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)


def make_vpc(name: str, vlan: int = 1001) -> Manifest:
    """The smallest valid VPC."""
    subnets = {"default": {"subnet": "10.0.1.0/24", "vlan": vlan}}
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"ipv4Namespace": "default", "vlanNamespace": "default", "subnets": subnets},
    }


def trust(*_: object) -> Refusals:
    """Everything may be published: the VPCs of a lab all have one subnet."""
    return Refusals()


class Lab:
    """A database, a Git host, and what tests do with them."""

    def __init__(self, database: Connection, host: GitServer, directory: Path) -> None:
        self.database = database
        self.host = host
        self.directory = directory
        self.pauses: list[float] = []
        self.token: str | None = None
        self._people = 0

    def add_repository(self, name: str = "net", branch: str = "main") -> None:
        """A repository row and, unless it is to be missing, the repository."""
        fabric_store.save_repository(self.database, name, {"url": self.host.url(name), "branch": branch})

    def add_fabric(self, name: str, vpcs: int = 2, **settings: Any) -> None:
        """A fabric with some VPCs, in a directory of its name."""
        defaults = {"git_repository": "net", "git_directory": f"fabrics/{name}", "git_sync_enabled": True}
        fabric_store.save_fabric(self.database, name, defaults | settings)
        self.save(name, *(make_vpc(f"vpc-{number}") for number in range(vpcs)))

    def id(self, name: str) -> int:
        """The id of a fabric."""
        return fabric_store.load_fabric(self.database, name).id

    def save(self, name: str, *manifests: Manifest, delete_missing: bool = False) -> None:
        """Store objects of a fabric."""
        object_store.save_objects(self.database, self.id(name), manifests, delete_missing=delete_missing)

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """As the Airflow hook does."""
        credentials = GitCredentials(username="robot", token=self.token)
        return Mirror(self.directory / "cache", Remote(repository.url, repository.branch, credentials, timeout=300))

    def sync_all(self, *names: str, **options: Any) -> list[Outcome]:
        """Sync the named fabrics in one batch."""
        dependencies = git_sync.Dependencies(find_refusals=trust, clock=lambda: NOW, pause=self.pauses.append)
        defaults: dict[str, Any] = {"open_mirror": self.open_mirror, "run_id": "run-1", "dependencies": dependencies}
        return git_sync.sync(self.database, names, **(defaults | options))

    def sync(self, name: str, **options: Any) -> Outcome:
        """Sync one fabric."""
        return self.sync_all(name, **options)[0]

    def person(self, repository: str = "net", name: str = "Ada") -> Person:
        """Somebody new with a clone."""
        self._people += 1
        return Person(self.directory / f"person-{self._people}", self.host.url(repository), name=name)

    def files(self, repository: str = "net", branch: str = "main") -> dict[str, str]:
        """What is at the branch's head, by path."""
        git = ["git", f"--git-dir={self.host.path(repository)}"]
        listed = subprocess.run([*git, "ls-tree", "-r", "-z", "--name-only", branch], capture_output=True, check=False)
        paths = [path for path in listed.stdout.decode().split("\0") if path]
        return {path: subprocess.check_output([*git, "show", f"{branch}:{path}"], text=True) for path in paths}

    def log(self, repository: str = "net", branch: str = "main") -> list[str]:
        """Subjects of the commits, newest first."""
        git = ["git", f"--git-dir={self.host.path(repository)}", "log", "--format=%s", branch]
        return subprocess.run(git, capture_output=True, check=False, text=True).stdout.splitlines()

    def state(self, name: str) -> sync_state.SyncState:
        """The fabric's state at Git."""
        found = sync_state.states(self.database, [name])
        return next(state for state in found if state.target is Target.GIT)

    def pushes(self) -> int:
        """How often somebody sent commits to the host."""
        return sum(
            request.endswith("git-receive-pack") and request.startswith("POST") for request in self.host.requests
        )


EDITED = "fabrics/lab/vpcs/vpc-1.yaml"
"""A file of the fabric `lab` that people edit."""


def edited_text(vlan: int = 1500) -> str:
    """A person's version: another VLAN, a comment, another indentation."""
    return "# by Ada\n" + yaml.safe_dump(make_vpc("vpc-1", vlan), indent=4)


@contextmanager
def open_lab(database: Connection, directory: Path) -> Iterator[Lab]:
    """A lab whose Git host has the empty repository `net`."""
    with GitServer(directory / "host") as host:
        host.create("net")
        lab = Lab(database, host, directory)
        lab.add_repository()
        yield lab
