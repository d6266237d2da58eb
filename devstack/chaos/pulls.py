"""Pull requests during chaos: opened, announced by a webhook, and finally checked once, with one comment."""

from __future__ import annotations

import itertools
import json
import uuid
from dataclasses import dataclass, field

import yaml

from devstack.chaos.wishes import Wishes
from devstack.chaos.world import SOURCE, World
from devstack.git_server import Person
from devstack.github_repositories import Pull
from devstack.objects import make_server
from hedgehog.hosts.github.webhook import WEBHOOK
from hedgehog.services.repository import webhook


@dataclass
class Pulls:
    """The open ones, by the head that must be checked."""

    world: World
    wishes: Wishes
    waiting: dict[str, Pull] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def open(self) -> None:
        """Propose another server for gamma; the host announces it."""
        number = next(self._numbers)
        branch = f"topic-{number}"
        person = Person(self.world.directory / f"ada-{branch}", self.world.clone_url(SOURCE), branch=branch)
        person.git("fetch", "--quiet", "origin", "main")
        person.git("reset", "--quiet", "--hard", "FETCH_HEAD")
        text = yaml.safe_dump(make_server(f"gamma-p{number}"))
        (person.directory / f"fabrics/gamma/server-gamma-p{number}.yaml").write_text(text)
        head = person.publish(f"Propose {number}")
        pull = self.world.hub.open_pull(SOURCE, branch)
        self.waiting[head] = pull
        self._deliver(pull, head)

    def _deliver(self, pull: Pull, head: str) -> None:
        repository = {"full_name": SOURCE, "clone_url": self.world.proxied_url(SOURCE)}
        payload = {
            "action": "opened",
            "number": pull.number,
            "repository": repository,
            "pull_request": {"head": {"ref": pull.head, "sha": head}, "base": {"ref": "main", "sha": head}},
        }
        body = json.dumps(payload).encode()
        headers = {"x-github-event": "pull_request", "x-github-delivery": str(uuid.uuid4())}
        webhook.receive(self.world.database, WEBHOOK, headers, body)

    def unchecked(self) -> list[str]:
        """Those that still wait for a result, or have more than one comment; the others are closed."""
        found = []
        for head, pull in list(self.waiting.items()):
            told = [one for one in self.world.hub.statuses if one["sha"] == head]  # a cut request has no state
            verdicts = [one for one in told if one.get("state", "pending") != "pending"]
            ours = [one for one in pull.comments if one["user"]["login"] == self.world.hub.login]
            if len(ours) > 1:
                found.append(f"pull request {pull.number} has {len(ours)} comments")
            elif not verdicts or not ours:
                found.append(f"pull request {pull.number} waits for its check")
            elif verdicts[-1]["state"] != "success":
                found.append(f"pull request {pull.number} is {verdicts[-1]['state']}, but it has no fault")
            else:
                pull.state = "closed"
                del self.waiting[head]
        return found
