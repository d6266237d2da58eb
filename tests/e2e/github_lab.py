"""Shared by the tests of GitHub: a GitHub with a Git host, repositories with fabrics, and signed deliveries."""

from __future__ import annotations

import hashlib
import hmac
import http.client
import itertools
import json
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.git_server import GitServer, Person
from devstack.github import GitHub, Pull
from devstack.stack import Stack
from hedgehog.fabric.model import Manifest

TOKEN = "ghp_0123456789abcdef0123456789abcdef0123"
SECRET = "the secret of the e2e webhook"
NO_COMMIT = "0" * 40
EXAMPLES = Path(__file__).resolve().parents[1] / "services" / "repository" / "webhook_examples"


class GitHubLab:
    """A GitHub that the stack knows by its connections `e2e_github_app` and `e2e_github_token`, and its webhook."""

    def __init__(self, stack: Stack, git: GitServer, hub: GitHub, directory: Path, key: str) -> None:
        self.stack = stack
        self.git = git
        self.hub = hub
        self.directory = directory
        self._people = itertools.count(1)
        app = {"app_id": hub.app_id, "installation_id": hub.installation, "private_key": key}
        self.connect("e2e_github_app", conn_type="github", host=hub.url, extra=app)
        self.connect("e2e_github_token", conn_type="github", host=hub.url, password=TOKEN)
        self.connect("hedgehog_github_webhook", conn_type="generic", password=SECRET)

    def connect(self, connection_id: str, *, extra: Mapping[str, Any] | None = None, **values: Any) -> None:
        """Create an Airflow connection, as in the web UI."""
        made = {"connection_id": connection_id, "extra": json.dumps(extra or {}), **values}
        action = {"action": "create", "entities": [made], "action_on_existence": "overwrite"}
        self.stack.airflow.call("PATCH", "/connections", {"actions": [action]})

    def add_repository(self, name: str, files: Mapping[str, str], *, by: str = "e2e_github_app") -> Person:
        """The repository `acme/<name>` with one commit, its row, and somebody who works on its branch `main`."""
        repository = f"acme/{name}"
        self.git.create(repository)
        self.stack.add_repository(name, url=self.git.url(repository), connection_id=by)
        person = self.person(repository)
        person.commit(files, "Begin")
        return person

    def person(self, repository: str, branch: str = "main") -> Person:
        """Somebody who works on *branch*, which begins at `main`."""
        person = Person(self.directory / f"person-{next(self._people)}", self.git.url(repository), branch=branch)
        if branch != "main":
            person.git("fetch", "--quiet", "origin", "main")
            person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        return person

    # Deliveries -------------------------------------------------------------------------------------------------------

    def send(self, event: str, body: bytes, headers: Mapping[str, str]) -> tuple[int, dict[str, Any]]:
        """POST to the webhook, as GitHub does, with these headers added or (empty) left out; status and answer."""
        given = {"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": str(uuid.uuid4())}
        given = {name: value for name, value in {**given, **headers}.items() if value}
        url = f"{self.stack.airflow.url}/hedgehog/webhooks/github"
        request = urllib.request.Request(url, data=body, headers=given)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def announce(self, size: int) -> int:
        """The answer to the head of a delivery of *size* bytes: the webhook need not wait for the body of a large one."""
        host = urllib.parse.urlsplit(self.stack.airflow.url)
        connection = http.client.HTTPConnection(host.netloc, timeout=120)
        connection.putrequest("POST", "/hedgehog/webhooks/github")
        connection.putheader("Content-Type", "application/json")
        connection.putheader("X-Hub-Signature-256", sign(b"the body that was not sent"))
        connection.putheader("Content-Length", str(size))
        connection.endheaders()
        status = connection.getresponse().status
        connection.close()
        return status

    def deliver(self, event: str, payload: Mapping[str, Any]) -> str:
        """A signed delivery that is accepted; its id."""
        body, delivery = json.dumps(payload).encode(), str(uuid.uuid4())
        status, answer = self.send(event, body, {"X-GitHub-Delivery": delivery, "X-Hub-Signature-256": sign(body)})
        assert (status, answer) == (202, {"status": "accepted"})
        return delivery

    def worked_on(self, delivery: str) -> tuple[str, str]:
        """Wait until a delivery is processed; returns its status and the reason."""
        rows: list[tuple[str, str]] = []

        def look() -> bool:
            rows[:] = self.query("SELECT status, reason FROM hedgehog.inbox WHERE delivery_id = %s", delivery)
            return rows[0][0] not in ("received", "processing")

        self.stack.airflow.wait(look, f"delivery {delivery} to be worked on")
        return rows[0]

    def query(self, sql: str, *values: Any) -> list[Any]:
        """Rows of the fabric database."""
        with self.stack.database as connection, connection.cursor() as cursor:
            cursor.execute(sql, values)
            return cursor.fetchall() if cursor.description else []

    def check(self, pull: Pull, action: str) -> str:
        """GitHub announces a pull request; returns the result of its check."""
        status, reason = self.worked_on(self.deliver("pull_request", self.told_of(pull, action)))
        assert status == "done", reason
        return reason

    def told_of(self, pull: Pull, action: str) -> dict[str, Any]:
        """The payload of a `pull_request` event."""
        payload = self._example(f"pull_request_{action}", pull.repository)
        payload["number"] = payload["pull_request"]["number"] = pull.number
        refs = self.hub.repositories
        head = refs.git(pull.repository, "rev-parse", f"refs/pull/{pull.number}/head")
        base = refs.git(pull.repository, "rev-parse", f"refs/heads/{pull.base}")
        payload["pull_request"]["head"] |= {"ref": pull.head, "sha": head}
        payload["pull_request"]["base"] |= {"ref": pull.base, "sha": base}
        return payload

    def push(self, repository: str, before: str, after: str) -> str:
        """GitHub announces a push to `main`; returns the id of the delivery."""
        repository = f"acme/{repository}"
        payload = self._example("push", repository)
        payload |= {"ref": "refs/heads/main", "before": before, "after": after, "created": before == NO_COMMIT}
        marks = "%H%x00%ce%x00%B%x01"
        span = after if before == NO_COMMIT else f"{before}..{after}"
        told = self.hub.repositories.git(repository, "log", "--reverse", f"--format={marks}", span)
        commits = [one.strip("\n").split("\0") for one in told.split("\x01") if one.strip()]
        payload["commits"] = [
            {**payload["head_commit"], "id": commit, "message": message, "committer": {"email": email}}
            for commit, email, message in commits
        ]
        payload["head_commit"] = payload["commits"][-1]
        return self.deliver("push", payload)

    def _example(self, name: str, repository: str) -> dict[str, Any]:
        """GitHub's own example of a payload, as if of *repository*."""
        payload: dict[str, Any] = json.loads((EXAMPLES / f"{name}.json").read_text())
        short = repository.partition("/")[2]
        payload["repository"] |= {"name": short, "full_name": repository, "clone_url": self.git.url(repository)}
        return payload

    def refusals(self) -> dict[str, int]:
        """Refused deliveries by reason, as operators see them."""
        airflow = self.stack.airflow
        login = json.dumps({"username": "admin", "password": airflow.password}).encode()
        json_type = {"Content-Type": "application/json"}
        with urllib.request.urlopen(urllib.request.Request(f"{airflow.url}/auth/token", login, json_type)) as answer:
            token = json.load(answer)["access_token"]
        asked = urllib.request.Request(
            f"{airflow.url}/hedgehog/api/inbox", headers={"Authorization": f"Bearer {token}"}
        )
        with urllib.request.urlopen(asked, timeout=120) as answer:
            return dict(json.load(answer)["refusals"])


def sign(body: bytes, secret: str = SECRET) -> str:
    """As GitHub does it."""
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def make_vpc(name: str, subnet: str, vlan: int) -> Manifest:
    """A VPC with the subnet `default`, in the default namespaces."""
    return {
        "apiVersion": "vpc.githedgehog.com/v1beta1",
        "kind": "VPC",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"subnets": {"default": {"subnet": subnet, "vlan": vlan}}},
    }
