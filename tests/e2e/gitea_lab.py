"""Shared by the tests of Gitea: a real one, which the stack enters and which announces to its webhook."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from devstack.git_server import Person
from devstack.gitea.server import Gitea
from devstack.stack import Stack
from hedgehog.store import fabrics
from tests.gitops.keys import Key

SECRET = "the secret of Gitea's webhook"
CONNECTION = "e2e_gitea"
SIGNING_CONNECTION = "e2e_gitea_signing"


class GiteaStack:
    """A Gitea that the stack enters as `robot` with its connection `e2e_gitea`, and where `ada` works."""

    def __init__(self, stack: Stack, gitea: Gitea, directory: Path) -> None:
        self.stack = stack
        self.gitea = gitea
        self.directory = directory
        self._people = itertools.count(1)
        gitea.user("robot")
        robot = {"login": "robot", "password": gitea.user("robot"), "extra": json.dumps({"host": "gitea"})}
        self._connect(CONNECTION, conn_type="git", **robot)
        self._connect("hedgehog_gitea_webhook", conn_type="generic", password=SECRET)

    def _connect(self, connection_id: str, **values: Any) -> None:
        action = {"action": "create", "entities": [{"connection_id": connection_id, **values}]}
        self.stack.airflow.call("PATCH", "/connections", {"actions": [{**action, "action_on_existence": "overwrite"}]})

    def add_repository(self, name: str, files: Mapping[str, str], *, secret: str = "") -> Person:
        """The repository `acme/<name>` with *files*, its row, and somebody who works on `main`; and its webhook, as an
        operator makes it, or by hand with another *secret*."""
        url = self.gitea.create(f"acme/{name}", "ada")
        self.call("PUT", name, "/collaborators/robot", {"permission": "admin"})  # webhooks need that
        ada = self.person(name)
        ada.commit(files, "Begin")
        self.stack.add_repository(name, url=url, connection_id=CONNECTION)
        if not secret:
            self.stack.hedgehog("webhook", "install", name, "--airflow", self.stack.airflow.url)
            return ada
        target = f"{self.stack.airflow.url}/hedgehog/webhooks/gitea"
        config = {"url": target, "content_type": "json", "secret": secret}
        hook = {"type": "gitea", "active": True, "events": ["push"], "config": config}
        self.call("POST", name, "/hooks", hook)
        return ada

    def person(self, name: str, branch: str = "main") -> Person:
        """Ada on *branch*, which begins at `main`."""
        url = self.gitea.clone_url(f"acme/{name}", "ada")
        person = Person(self.directory / f"ada-{next(self._people)}", url, branch=branch)
        if branch != "main":
            person.git("fetch", "--quiet", "origin", "main")
            person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        return person

    def sign_with(self, name: str, key: Key) -> None:
        """Have our commits to a repository signed with *key*, which Gitea knows as one of `robot`'s."""
        self.gitea.trust_key("robot", key.allowed.partition(" ")[2].strip())
        robot = {"login": "robot", "password": self.gitea.user("robot")}
        extra = json.dumps({"host": "gitea", "signing_key": key.private})
        self._connect(SIGNING_CONNECTION, conn_type="git", **robot, extra=extra)
        values = {"connection_id": SIGNING_CONNECTION, "author_email": "robot@example.com"}
        fabrics.save_repository(self.stack.database, name, values)

    def verification(self, name: str, commit: str) -> tuple[bool, str]:
        """Whether Gitea shows a commit as verified, and whose signature that is."""
        found = self.call("GET", name, f"/git/commits/{commit}")["commit"]["verification"]
        return found["verified"], (found["signer"] or {}).get("email", "")

    def call(self, method: str, name: str, path: str, body: Any = None, *, by: str = "acme") -> Any:
        """A request about the repository `acme/<name>`."""
        return self.gitea.call(method, f"/repos/acme/{name}{path}", body, by=by)

    def status(self, name: str, commit: str) -> tuple[str, str]:
        """State and description of the one status of a commit."""
        (found,) = self.call("GET", name, f"/commits/{commit}/status")["statuses"]
        assert found["context"] == "Hedgehog fabrics"
        return found["status"], found["description"]

    def worked_on(self, name: str, **values: str) -> str:
        """Wait until the delivery about this repository with these values is processed; returns the reason."""
        rows: list[tuple[str, str]] = []
        where = "".join(f" AND {column} = %s" for column in values)
        sql = f"SELECT status, reason FROM hedgehog.inbox WHERE repository = %s{where} ORDER BY id DESC LIMIT 1"

        def look() -> bool:
            with self.stack.database as connection, connection.cursor() as cursor:
                cursor.execute(sql, (f"acme/{name}", *values.values()))
                rows[:] = cursor.fetchall()
            return bool(rows) and rows[0][0] not in ("received", "processing")

        self.stack.airflow.wait(look, f"the delivery of {name} with {values} to be worked on")
        assert rows[0][0] == "done", rows
        return rows[0][1]
