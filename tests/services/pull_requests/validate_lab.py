"""What the tests of pull requests share: a fabric in a real repository, a GitHub over it, and the database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from devstack.git_server import GitServer, Person
from devstack.github import GitHub, Pull
from hedgehog.fabric.model import GitRepository, Manifest
from hedgehog.gitops.mirror import Mirror
from hedgehog.gitops.remote import Remote
from hedgehog.hosts.github.client import Client, Credentials
from hedgehog.hosts.github.repository import Repository
from hedgehog.services.pull_requests import validate as pull_request
from hedgehog.services.pull_requests.verdict import Validation
from hedgehog.store import fabrics as fabric_store
from hedgehog.store.database import Connection

TOKEN = "ghp_0123456789abcdef0123456789abcdef0123"
FILES = {
    "fabrics/lab/namespaces.yaml": """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: VLANNamespace
metadata: {name: default, namespace: default}
spec: {ranges: [{from: 1000, to: 2999}]}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: IPv4Namespace
metadata: {name: default, namespace: default}
spec: {subnets: [10.0.0.0/16]}
""",
    "fabrics/lab/README.md": "# lab\n",
    "README.md": "# net\n",
}


def vpc(name: str, subnet: str, vlan: int) -> Manifest:
    """A valid VPC."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"subnets": {"default": {"subnet": subnet, "vlan": vlan}}},
    }


def text(*manifests: Manifest) -> str:
    """A file with these objects."""
    return yaml.safe_dump_all(manifests, sort_keys=False)


class Lab:
    """The repository `acme/net` with fabric `lab`, which has two namespaces and VPC `vpc-1`."""

    def __init__(self, database: Connection, git: GitServer, hub: GitHub, directory: Path, key: str) -> None:
        self.database = database
        self.git = git
        self.hub = hub
        self.directory = directory
        self.key = key
        self.as_app = True
        self._people = 0
        git.create("acme/net")
        self.main = self.person("main")
        self.main.commit({**FILES, "fabrics/lab/vpc-1.yaml": text(vpc("vpc-1", "10.0.1.0/24", 1001))})
        fabric_store.save_repository(database, "net", {"url": git.url("acme/net"), "connection_id": "net"})
        self.add_fabric("lab")

    def add_fabric(self, name: str, **settings: Any) -> None:
        """A fabric of repository `net`, in a directory of its name."""
        defaults = {"git_repository": "net", "git_directory": f"fabrics/{name}", "git_sync_enabled": True}
        fabric_store.save_fabric(self.database, name, {**defaults, **settings})

    def person(self, branch: str, repository: str = "acme/net") -> Person:
        """Somebody who works on *branch*, which begins at main."""
        self._people += 1
        person = Person(self.directory / f"person-{self._people}", self.git.url(repository), branch=branch)
        if branch != "main":
            person.git("fetch", "--quiet", "origin", "main")
            person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
            person.git("push", "--quiet", "origin", f"HEAD:{branch}")
        return person

    def propose(self, files: Mapping[str, str | None], **options: Any) -> Pull:
        """A pull request with one commit that writes (None: removes) *files*."""
        self.person("change").commit(files)
        return self.hub.open_pull("acme/net", "change", **options)

    def push(self, pull: Pull, files: Mapping[str, str | None]) -> str:
        """One more commit on the branch of a pull request."""
        person = Person(self.directory / f"pusher-{self._people}", self.git.url(pull.head_repository), branch=pull.head)
        self._people += 1
        person.commit(files)
        return self.hub.synchronize(pull)

    def open_host(self, repository: GitRepository) -> Repository:
        """As the Airflow hook does."""
        app = Credentials(app_id=str(self.hub.app_id), installation_id=self.hub.installation, private_key=self.key)
        credentials = app if self.as_app else Credentials(token=TOKEN)
        return Repository(Client(credentials, base_url=self.hub.url, write_pause=0), "acme/net")

    def open_mirror(self, repository: GitRepository) -> Mirror:
        """As the Airflow hook does."""
        return Mirror(self.directory / "cache", Remote(repository.url, repository.branch, timeout=300))

    def protect_main(self) -> Path:
        """Let the host refuse pushes to main; what is to be removed to allow them again."""
        hook = self.git.path("acme/net") / "hooks" / "update"
        hook.write_text('#!/bin/sh\n[ "$1" != refs/heads/main ] || { echo "GH006: Protected branch" >&2; exit 1; }\n')
        hook.chmod(0o755)
        return hook

    def validate(self, number: int = 1, repository: str = "acme/net", **options: Any) -> Validation:
        """Check a pull request."""
        given = {"open_host": self.open_host, "open_mirror": self.open_mirror}
        return pull_request.validate(self.database, repository, number, **{**given, **options})


@contextmanager
def open_lab(database: Connection, directory: Path, key: str) -> Iterator[Lab]:
    """A lab; nothing that GitHub does not describe may pass between it and us."""
    with GitServer(directory / "host") as git, GitHub(git, token=TOKEN) as hub:
        yield Lab(database, git, hub, directory, key)
        assert hub.undescribed == []


VPC_2 = "fabrics/lab/vpc-2.yaml"
OVERLAPS = text(vpc("vpc-2", "10.0.1.0/25", 1002))


@pytest.fixture(scope="module")
def key() -> str:
    """A key of an app."""
    pem, none = serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    made = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return made.private_bytes(serialization.Encoding.PEM, pem, none).decode()


@pytest.fixture
def lab(database, tmp_path: Path, key: str) -> Iterator[Lab]:
    """A fabric in a repository on GitHub."""
    with open_lab(database, tmp_path, key) as found:
        yield found
