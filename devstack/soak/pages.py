"""All pages, endpoints and commands. Requested repeatedly, each must give the same answer."""

from __future__ import annotations

import hashlib
import hmac
import json
import subprocess
import sys
import urllib.error
import urllib.request
import uuid
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from devstack.airflow import ROOT
from devstack.soak.clocks import DAGS, SECRET, TOKEN
from devstack.stack import Stack

COMMANDS = (
    ("status", "--check"),
    ("explain", "soak-one"),
    ("metrics",),
    ("fabric", "list", "--output", "json"),
    ("fabric", "show", "soak-two"),
    ("repository", "list"),
    ("drift", "list"),
    ("dead-letters", "list"),
    ("health",),
    ("self-test",),
)
REST = (
    "/monitor/health",
    "/version",
    "/importErrors",
    "/dags?tags=hedgehog",
    "/dags/~/dagRuns?limit=100&order_by=-start_date",
    "/pools",
    "/assets",
    "/eventLogs?limit=10",
    "/plugins",
    *(f"/dags/{dag}/details" for dag in DAGS),
    *(f"/dagSources/{dag}" for dag in DAGS),
)
SCREENS = ("/", "/dags", *(f"/dags/{dag}" for dag in DAGS))


@dataclass
class Pages:
    """What was requested, how often, and which answers were wrong."""

    stack: Stack
    asked: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def ask(self) -> None:
        """Everything once."""
        for path in REST:
            self._try(f"api/v2{path}", lambda path=path: bool(self.stack.airflow.call("GET", path)))  # type: ignore[misc]
        for dag in DAGS:
            self._try(f"the newest run of {dag}", lambda dag=dag: self._run_can_be_read(dag))  # type: ignore[misc]
        for path in SCREENS:
            self._try(path, lambda path=path: b"<html" in self._get(path)[1].lower())  # type: ignore[misc]
        self._try("metrics", self._metrics_are_whole)
        self._try("metrics without a token", lambda: self._get("/hedgehog/metrics/prometheus")[0] == 401)
        self._try("webhook", lambda: self._deliver("ping", {}, SECRET) == 200)
        self._try("webhook, a push", lambda: self._deliver("push", _push(), SECRET) in (200, 202))
        self._try("webhook, another secret", lambda: self._deliver("ping", {}, "another") == 401)
        self._try("hedgehog/api", self._inbox_is_told)
        self._try("hedgehog/api without a login", lambda: self._get("/hedgehog/api/inbox")[0] == 401)
        for command in COMMANDS:
            self._try(f"hedgehog {' '.join(command)}", lambda command=command: self._run(command))  # type: ignore[misc]

    def _try(self, name: str, is_right: Callable[[], bool]) -> None:
        self.asked[name] += 1
        try:
            if not is_right():
                self.wrong.append(f"{name} answered something else")
        except Exception as error:  # whatever it is, it is what we are here to see
            self.wrong.append(f"{name}: {type(error).__name__}: {error}"[:600])

    def _metrics_are_whole(self) -> bool:
        status, text = self._get("/hedgehog/metrics/prometheus", TOKEN)
        return status == 200 and b"hedgehog_" in text and b"hedgehog_metric_failed{" not in text

    def _run_can_be_read(self, dag: str) -> bool:
        """Tasks, log, result and links of the newest run that has ended, as its page shows them."""
        call = self.stack.airflow.call
        ended = call("GET", f"/dags/{dag}/dagRuns?limit=1&order_by=-run_after&state=success")["dag_runs"]
        for run in ended:
            at = f"/dags/{dag}/dagRuns/{run['dag_run_id']}/taskInstances"
            for task in call("GET", at)["task_instances"]:
                one, index = f"{at}/{task['task_id']}", task["map_index"]
                call("GET", f"{one}/links?map_index={index}")
                call("GET", f"{one}/xcomEntries?map_index={index}")
                if attempt := task["try_number"]:
                    self.stack.airflow.log(dag, run["dag_run_id"], task["task_id"], map_index=index, attempt=attempt)
        return True

    def _inbox_is_told(self) -> bool:
        status, text = self._get("/hedgehog/api/inbox", self.stack.airflow.login())
        return status == 200 and set(json.loads(text)) == {"deliveries", "refusals"}

    def _get(self, path: str, token: str = "") -> tuple[int, bytes]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._send(urllib.request.Request(self.stack.airflow.url + path, headers=headers))

    def _send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def _deliver(self, event: str, payload: Mapping[str, object], secret: str) -> int:
        body = json.dumps(payload).encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={hmac.digest(secret.encode(), body, hashlib.sha256).hex()}",
        }
        url = f"{self.stack.airflow.url}/hedgehog/webhooks/github"
        return self._send(urllib.request.Request(url, data=body, headers=headers, method="POST"))[0]

    def _run(self, command: tuple[str, ...]) -> bool:
        line = [sys.executable, str(ROOT / "bin" / "hedgehog"), *command]
        done = subprocess.run(line, env=self.stack.airflow.variables(), capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"status {done.returncode}: {done.stderr[-400:]}")
        return True


def _push() -> dict[str, object]:
    """Of an unknown repository: stored in the inbox, and ignored."""
    repository = {"full_name": "acme/other", "clone_url": "https://git.example.com/acme/other.git"}
    return {"ref": "refs/heads/main", "before": "0" * 40, "after": uuid.uuid4().hex + "0" * 8, "repository": repository}
