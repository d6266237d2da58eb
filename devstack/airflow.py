"""A real Airflow on this machine: api-server, scheduler (LocalExecutor), dag-processor and triggerer on PostgreSQL."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[1]
COMPONENTS = ("api-server", "scheduler", "dag-processor", "triggerer")
USERS = {"admin": "admin", "viewer": "viewer"}
"""Users of the web UI and of the REST API, and the role of each."""
LIMIT = 600.0
"""Seconds to wait for anything: long enough for a busy machine."""
_ANSWER = 120.0
"""Seconds that a busy API server may take for an answer."""
_PAUSES = (0.1, 2.0)
"""The shortest and the longest time in seconds from one check of a condition to the next."""
_PAUSE_SHARE = 0.05
"""A condition is checked the less often, the longer it takes: after a pause of this share of the time waited so far."""
_PORTS = range(15000, 32000)
"""Below those that the system gives to outgoing connections: one of these would take a port that is chosen, or whose
server is unreachable for a moment."""
NO_NOISE = "ignore:GitWildMatchPattern:DeprecationWarning,ignore:Could not import graphviz:UserWarning"
"""Airflow 3.3 names a class of pathspec by its old name; else every task log begins with that. As in the Dockerfile.
`airflow dags` regrets that it can draw nothing."""


def free_port() -> int:
    """A free TCP port of 127.0.0.1 that the system does not assign to outgoing connections."""
    while True:
        port = random.choice(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


@dataclass
class Airflow:
    """One Airflow installation in *home*; the parts are started and stopped one by one or together."""

    home: Path
    metadata_uri: str
    environment: Mapping[str, str]
    """More variables for every part: connections, settings."""
    port: int = 0
    parallelism: int = 8
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    log_ports: tuple[int, int] = field(default_factory=lambda: (free_port(), free_port()))
    _token: str = ""

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        kept = self.home / "port"
        self.port = self.port or (int(kept.read_text()) if kept.exists() else free_port())
        kept.write_text(str(self.port))
        file = self.home / "passwords.json"
        file.touch(0o600)
        passwords = {user: base64.b32encode(os.urandom(10)).decode().lower() for user in USERS}
        file.write_text(json.dumps(passwords | json.loads(file.read_text() or "{}")))

    @property
    def url(self) -> str:
        """Base URL of the web UI and the REST API."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def password(self) -> str:
        """Password of the user `admin`."""
        return self.password_of("admin")

    def password_of(self, user: str) -> str:
        """Password of one of USERS."""
        return str(json.loads((self.home / "passwords.json").read_text())[user])

    def variables(self) -> dict[str, str]:
        """The whole environment of an Airflow process of this installation."""
        secret = hashlib.sha256(f"{self.home}{self.password}".encode()).digest()
        settings = {
            "CORE__DAGS_FOLDER": ROOT / "dags",
            "CORE__PLUGINS_FOLDER": ROOT / "plugins",
            "CORE__LOAD_EXAMPLES": False,
            "CORE__EXECUTOR": "LocalExecutor",
            "CORE__PARALLELISM": self.parallelism,
            "CORE__FERNET_KEY": base64.urlsafe_b64encode(secret).decode(),
            "CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(f"{user}:{role}" for user, role in USERS.items()),
            "CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": self.home / "passwords.json",
            "DATABASE__SQL_ALCHEMY_CONN": self.metadata_uri,
            "API__HOST": "127.0.0.1",
            "API__PORT": self.port,
            "API__BASE_URL": self.url,
            "API__WORKERS": 1,
            "API__SECRET_KEY": secret.hex(),
            "API_AUTH__JWT_SECRET": secret.hex(),
            # The pause between two looks of an idle scheduler: the default of 1 s is most of a small run's latency.
            "SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.1",
            "SCHEDULER__MAX_DAGRUNS_TO_CREATE_PER_LOOP": 20,
            "DAG_PROCESSOR__REFRESH_INTERVAL": 30,
            "DAG_PROCESSOR__PARSING_PROCESSES": 1,
            # The files do not change; with the default of 30 s parsing is most of the cost of an idle Airflow.
            "DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": 300,
            # A busy machine does not leave out a DAG until then.
            "DAG_PROCESSOR__DAG_FILE_PROCESSOR_TIMEOUT": 600,
            "CORE__DAGBAG_IMPORT_TIMEOUT": 600,
            # A busy machine is not a lost API server: by default three answers that take 5 s end a task.
            "WORKERS__EXECUTION_API_TIMEOUT": 60,
            "WORKERS__MAX_FAILED_HEARTBEATS": 20,
            "LOGGING__BASE_LOG_FOLDER": self.home / "logs",
            "LOGGING__WORKER_LOG_SERVER_PORT": self.log_ports[0],
            "LOGGING__TRIGGER_LOG_SERVER_PORT": self.log_ports[1],
            "USAGE_DATA_COLLECTION__ENABLED": False,
        }
        return {
            **{key: value for key, value in os.environ.items() if not key.startswith("AIRFLOW")},
            "AIRFLOW_HOME": str(self.home),
            "PYTHONWARNINGS": NO_NOISE,
            "PATH": f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}",
            **{f"AIRFLOW__{key}": str(value) for key, value in settings.items()},
            **self.environment,
        }

    def command(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run an `airflow` command to its end. Raises CalledProcessError."""
        return subprocess.run(
            [sys.executable, "-m", "airflow", *arguments],
            env=self.variables(),
            check=True,
            text=True,
            capture_output=True,
            **options,
        )

    def migrate(self) -> None:
        """Create or upgrade Airflow's own tables, if that was not done for this home yet."""
        done = self.home / "migrated"
        if not done.exists():
            self.command("db", "migrate")
            done.touch()

    def start_part(self, name: str, *command: str, **environment: str) -> None:
        """Start one component, `airflow <name>` unless *command* says otherwise; its output goes to `<home>/<name>.log`."""
        log = (self.home / f"{name}.log").open("ab")
        self.processes[name] = subprocess.Popen(
            [sys.executable, "-m", "airflow", *(command or (name,))],
            env=self.variables() | environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        log.close()

    def start(self, progress: Callable[[str], None] = lambda text: None) -> None:
        """Start every component and return when all are healthy. Raises RuntimeError with a log's end."""
        self.migrate()
        for name in COMPONENTS:
            if name != "scheduler":
                self.start_part(name)
        # A task whose API server does not listen yet fails its first attempt.
        self.wait(lambda: self.health() is not None, "Airflow's API server", limit=LIMIT, progress=progress)
        self.start_part("scheduler")
        self.wait(self.healthy, "Airflow to be healthy", limit=LIMIT, progress=progress)

    def healthy(self) -> bool:
        """Whether every component has a fresh heartbeat. Raises RuntimeError when one has ended."""
        health = self.health()
        parts = ("metadatabase", "scheduler", "triggerer", "dag_processor")
        return health is not None and all((health.get(part) or {}).get("status") == "healthy" for part in parts)

    def health(self) -> dict[str, Any] | None:
        """What the API server says of every component, or None while it does not answer. Raises RuntimeError when a
        component has ended."""
        for name, process in self.processes.items():
            if process.poll() is not None:
                tail = (self.home / f"{name}.log").read_text(errors="replace")[-3000:]
                raise RuntimeError(f"airflow {name} ended with status {process.returncode}:\n{tail}")
        try:
            with urllib.request.urlopen(f"{self.url}/api/v2/monitor/health", timeout=30) as answer:
                return dict(json.load(answer))
        except OSError:
            return None

    def stop_part(self, name: str, sign: signal.Signals = signal.SIGTERM) -> None:
        """Stop one component with its children."""
        process = self.processes.pop(name, None)
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, sign)
        try:
            process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            _kill(process)

    def kill_part(self, name: str) -> None:
        """SIGKILL one component with all its descendants, as when its machine is lost."""
        _kill(self.processes.pop(name))

    def stop(self, *names: str) -> None:
        """Stop the named parts, or everything that was started; the scheduler first: its tasks need workers and API server."""
        chosen = names or tuple(reversed(self.processes))
        if "scheduler" in chosen:
            self.stop_part("scheduler")
        for name in chosen:
            with contextlib.suppress(KeyError, ProcessLookupError):
                os.killpg(self.processes[name].pid, signal.SIGTERM)
        for name in chosen:
            self.stop_part(name)

    def call(self, method: str, path: str, body: Any = None, *, retry_login: bool = True) -> Any:
        """One REST call (`path` below /api/v2); returns the decoded answer. Raises urllib.error.HTTPError."""
        if not self._token:
            self._token = self.login()
        request = urllib.request.Request(
            f"{self.url}/api/v2{path}",
            method=method,
            data=json.dumps(body).encode() if body is not None else None,
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=_ANSWER) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            if error.code == 401 and retry_login:
                self._token = ""
                return self.call(method, path, body, retry_login=False)
            raise
        return json.loads(text) if text else None

    def login(self, user: str = "admin") -> str:
        """A token of one of USERS for the API."""
        body = json.dumps({"username": user, "password": self.password_of(user)}).encode()
        request = urllib.request.Request(
            f"{self.url}/auth/token", data=body, headers={"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=_ANSWER) as answer:
            return str(json.load(answer)["access_token"])

    def trigger(self, dag_id: str, **conf: Any) -> str:
        """Start a manual run; returns its run id."""
        return str(self.call("POST", f"/dags/{dag_id}/dagRuns", {"logical_date": None, "conf": conf})["dag_run_id"])

    def run_state(self, dag_id: str, run_id: str) -> str:
        """The state of a run."""
        return str(self.call("GET", f"/dags/{dag_id}/dagRuns/{run_id}")["state"])

    def finished(self, dag_id: str, run_id: str, *, limit: float = LIMIT) -> str:
        """Wait until the run has ended and return `success` or `failed`."""
        self.wait(lambda: self.run_state(dag_id, run_id) in ("success", "failed"), f"{dag_id} {run_id}", limit=limit)
        return self.run_state(dag_id, run_id)

    def succeed(self, dag_id: str, run_id: str) -> None:
        """Wait until the run has ended. Raises RuntimeError with the logs of its failed tasks unless it succeeded."""
        if self.finished(dag_id, run_id) != "success":
            path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances?state=failed"
            logs = [
                self.log(dag_id, run_id, task["task_id"], map_index=task["map_index"], attempt=task["try_number"])
                for task in self.call("GET", path)["task_instances"]
            ]
            raise RuntimeError("\n".join([f"{dag_id} {run_id} failed", *logs]))

    def xcom(self, dag_id: str, run_id: str, task_id: str, key: str = "return_value", map_index: int = -1) -> Any:
        """An XCom value of a task instance."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/xcomEntries/{key}?map_index={map_index}&deserialize=true"
        return self.call("GET", path)["value"]

    def log(self, dag_id: str, run_id: str, task_id: str, *, map_index: int = -1, attempt: int = 1) -> str:
        """The text of a task log."""
        path = f"/dags/{dag_id}/dagRuns/{run_id}/taskInstances/{task_id}/logs/{attempt}?map_index={map_index}&full_content=true"
        return json.dumps(self.call("GET", path))

    def wait(
        self,
        condition: Callable[[], bool],
        what: str,
        *,
        limit: float = LIMIT,
        progress: Callable[[str], None] = lambda text: None,
    ) -> None:
        """Wait until *condition* holds. Raises TimeoutError with *what* after *limit* seconds."""
        started = told = time.monotonic()
        while not condition():
            now = time.monotonic()
            if now - started > limit:
                raise TimeoutError(f"waited {limit:.0f} s for {what}")
            if now - told > 5:
                progress(f"waiting for {what} ({now - started:.0f} s)")
                told = now
            # Most conditions ask the API server: asked all the time, it would slow down what is waited for.
            time.sleep(min(max((now - started) * _PAUSE_SHARE, _PAUSES[0]), _PAUSES[1]))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL *process* and its descendants. Tasks have process groups of their own: a signal to its group would not
    reach them."""
    root = psutil.Process(process.pid)
    for victim in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    process.wait()


@contextlib.contextmanager
def running(airflow: Airflow) -> Iterator[Airflow]:
    """Start *airflow* for the length of a block."""
    try:
        airflow.start()
        yield airflow
    finally:
        airflow.stop()


@contextlib.contextmanager
def scheduling_with(airflow: Airflow, settings: Mapping[str, str]) -> Iterator[None]:
    """Have the scheduler run with more *settings* for the length of a block; it is restarted at both ends.

    Whatever else is started inside the block has the settings, too.
    """
    before = airflow.environment
    airflow.stop_part("scheduler")
    airflow.environment = {**before, **settings}
    airflow.start_part("scheduler")
    try:
        yield
    finally:
        airflow.stop_part("scheduler")
        airflow.environment = before
        airflow.start_part("scheduler")
