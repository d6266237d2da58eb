"""`make demo`: the whole product on one machine, on real servers, from scratch.

PostgreSQL, a Kubernetes API server with Hedgehog's CRDs and simulated switches, a Git host with pages and Airflow are
started in `.demo/`; example fabrics are imported; the DAGs sync them to Git and to the cluster automatically. The next
start uses the existing data again. With Gitea as the Git host, there is a pull request to merge. With --trouble there is
trouble of every kind as well. `source .demo/environment`
makes the commands `hedgehog` and `airflow` work in any shell.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shlex
import shutil
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit, urlunsplit

import yaml

from devstack import postgres
from devstack.agents import Agents
from devstack.airflow import ROOT, Airflow
from devstack.cluster import DevCluster
from devstack.demo_host import HOSTS, REPOSITORY, DemoHost, PlainHost, choose_host, start_git_server, start_gitea
from devstack.github import GitHub
from devstack.trouble import FABRICS as TROUBLED
from devstack.trouble import FILE as TROUBLE_FILE
from devstack.trouble import Place, make_trouble

STATE = ROOT / ".demo"
ENVIRONMENT = STATE / "environment"
EXAMPLES = ROOT / "examples"
DATABASE_VARIABLE = "HEDGEHOG_DEMO_DB"
HEALTH_DAG = "hedgehog_kubernetes_health"
SYNC_DAGS = ("hedgehog_git_sync", "hedgehog_kubernetes_sync")
CHANGES = (
    """\
apiVersion: wiring.githedgehog.com/v1beta1
kind: Server
metadata: {name: srv-01}
spec: {description: "server 1, with a second disk"}
""",
    """\
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPC
metadata: {name: backup}
spec: {subnets: {default: {subnet: 10.10.20.0/24, vlan: 1020}}}
---
apiVersion: vpc.githedgehog.com/v1beta1
kind: VPCAttachment
metadata: {name: backup--srv-02}
spec: {subnet: backup/default, connection: srv-02--bundled--leaf-02}
""",
)
"""What somebody does with the small fabric: another description, then a network for a server."""
_SYNC_LIMIT = 600.0


def say(text: str) -> None:
    """One line of progress, with the time since the start."""
    print(f"[{time.monotonic() - _STARTED:6.1f} s] {text}", flush=True)


_STARTED = time.monotonic()


def main() -> int:
    """Parse the command line and run the demo; 0 when everything is as expected."""
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="check everything, then stop (ONCE=1)")
    parser.add_argument("--trouble", action="store_true", help="add trouble of every kind to look at (TROUBLE=1)")
    parser.add_argument("--reset", action="store_true", help="delete the state of earlier runs first (RESET=1)")
    parser.add_argument("--host", choices=HOSTS, help="the Git host (HOST=gitea); else Gitea where it is built")
    arguments = parser.parse_args()
    if arguments.once and arguments.trouble:
        parser.error("--once checks that everything is in order, which --trouble prevents; choose one of them")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have started us with it ignored
    if arguments.reset:
        shutil.rmtree(STATE, ignore_errors=True)
    try:
        with ExitStack() as stack:
            return Demo(stack, trouble=arguments.trouble).run(once=arguments.once, host=arguments.host)
    except KeyboardInterrupt:
        say("stopped")
        return 0


class Demo:
    """The parts of a running demo; *stack* stops them in reverse."""

    def __init__(self, stack: ExitStack, *, trouble: bool = False) -> None:
        self.stack = stack
        self.trouble = trouble
        self.started = datetime.now(UTC)
        STATE.mkdir(exist_ok=True)

    def run(self, *, once: bool, host: str | None) -> int:
        """Start everything, sync the examples, print the result; then check it or wait for Ctrl-C."""
        metadata, fabrics = self.start_database()
        self.start_cluster()
        self.start_git_host(host)
        self.airflow = Airflow(STATE / "airflow", metadata, {})
        self.airflow.environment = self.environment(fabrics)
        self.write_environment()
        say("starting Airflow (api-server, scheduler, dag-processor, triggerer)")
        self.stack.callback(self.airflow.stop)
        self.airflow.migrate()
        self.hedgehog("migrate")
        self.airflow.start(say)
        say(f"Airflow is up: {self.airflow.url}")
        self.set_up()
        self.import_examples()
        self.wait_in_sync()
        self.work_a_little()
        self.host.open_office(partial(self.hedgehog, quiet=True))
        self.wait_in_sync()
        self.wait_healthy()
        self.host.propose(say)
        if self.trouble:
            self.make_trouble()
        self.summary()
        if once:
            return self.check()
        say("running; Ctrl-C stops everything it started")
        signal.pause()
        return 0

    def start_database(self) -> tuple[str, str]:
        """URIs of Airflow's metadata database and of the fabric database."""
        named = os.environ.get(DATABASE_VARIABLE)
        if named:
            say(f"using the PostgreSQL server of {DATABASE_VARIABLE}")
            server, uri = _foreign_server(named)
        else:
            say("starting PostgreSQL")
            server = postgres.start(STATE / "postgres")
            self.stack.callback(postgres.stop, STATE / "postgres")
            uri = server.uri
        for name in ("hedgehog_demo_airflow", "hedgehog_demo_fabrics"):
            server.database(name)
        return uri("hedgehog_demo_airflow", scheme="postgresql+psycopg2"), uri("hedgehog_demo_fabrics")

    def start_cluster(self) -> None:
        """The Kubernetes API server, with the CRDs of Hedgehog's kinds."""
        say("starting the Kubernetes API server")
        self.cluster = DevCluster.of_environment(STATE / "cluster")
        self.cluster.start()
        self.stack.callback(self.cluster.stop)
        self.cluster.install_crds()
        self.stack.enter_context(Agents(self.cluster))

    def start_git_host(self, wanted: str | None) -> None:
        """The host of the demo's repository, and the plain Git server where that is it, or where trouble needs it."""
        name, why = choose_host(wanted, STATE)
        say(why)
        if name == "plain" or self.trouble or (STATE / TROUBLE_FILE).exists():
            self.git = start_git_server(self.stack, STATE)
        self.host: DemoHost = PlainHost(self.git) if name == "plain" else start_gitea(self.stack, STATE)

    def environment(self, fabrics: str) -> dict[str, str]:
        """What Airflow's processes and the `hedgehog` command need to know."""
        cluster = {"conn_type": "kubernetes", "extra": {"kube_config_path": str(self.cluster.kubeconfig)}}
        login = {"login": "admin", "password": self.airflow.password}
        api = {"conn_type": "http", "host": "127.0.0.1", "port": self.airflow.port, **login}
        return {
            "AIRFLOW_CONN_HEDGEHOG_AIRFLOW_API": json.dumps(api),
            "AIRFLOW_CONN_HEDGEHOG_DB": fabrics,
            "AIRFLOW_CONN_DEMO_CLUSTER": json.dumps(cluster),
            "AIRFLOW__HEDGEHOG__GIT_CACHE_DIRECTORY": str(STATE / "mirrors"),
            **self.host.connections,
        }

    def write_environment(self) -> None:
        """What a shell sources to use the commands; readable by its owner only, because it has passwords. Gone at the
        end.
        """
        ours = {
            name: value
            for name, value in self.airflow.variables().items()
            if name.startswith(("AIRFLOW", "HEDGEHOG", "PYTHON"))
        }
        lines = [f"export {name}={shlex.quote(value)}" for name, value in sorted(ours.items())]
        path = f"{ROOT / 'bin'}:{Path(sys.executable).parent}"
        text = "\n".join(
            [
                "# The running demo: source this file to use `hedgehog` and `airflow` with it.",
                *lines,
                f"export PATH={shlex.quote(path)}:$PATH",
                "",
            ]
        )
        ENVIRONMENT.unlink(missing_ok=True)
        with os.fdopen(os.open(ENVIRONMENT, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        self.stack.callback(ENVIRONMENT.unlink, missing_ok=True)

    def set_up(self) -> None:
        """What an operator runs once. It also tries every connection, and one of them is refused if that is wanted."""
        try:
            self.hedgehog("setup")
        except SystemExit:
            if not (STATE / TROUBLE_FILE).exists():
                raise

    def hedgehog(self, *arguments: str, quiet: bool = False) -> str:
        """Run the `hedgehog` command; return its output if *quiet*, otherwise show it."""
        command = [sys.executable, str(ROOT / "bin" / "hedgehog"), *arguments]
        done = subprocess.run(
            command, env=self.airflow.variables(), text=True, check=False, stdout=subprocess.PIPE if quiet else None
        )
        if done.returncode:
            raise SystemExit(f"hedgehog {' '.join(arguments)} failed with status {done.returncode}")
        return done.stdout or ""

    def import_examples(self) -> None:
        """The small fabric as it is in the repository, and a generated one of 64 switches."""
        say("importing the example fabrics")
        repository = {
            "apiVersion": "hedgehog-airflow/v1",
            "kind": "GitRepository",
            "metadata": {"name": REPOSITORY},
            "spec": {"url": self.host.url, "branch": "main", **self.host.settings},
        }
        (STATE / "repository.yaml").write_text(yaml.safe_dump(repository, sort_keys=False))
        large = STATE / "large"
        subprocess.run([sys.executable, str(EXAMPLES / "generate_large.py"), str(large)], check=True)
        for path in (STATE / "repository.yaml", EXAMPLES / "gen", large):
            told = self.hedgehog("fabric", "import", str(path), quiet=True).splitlines()
            print("\n".join(line for line in told if not line.startswith("  ")), flush=True)

    def work_a_little(self) -> None:
        """A few changes of the small fabric, one after the other, so that its timeline has something to show."""
        done = STATE / "worked"
        if done.exists():
            return
        say("changing the small fabric a few times")
        for text in CHANGES:
            (STATE / "change.yaml").write_text(text)
            self.hedgehog("fabric", "import", str(STATE / "change.yaml"), "--fabric", "gen", quiet=True)
            self.wait_in_sync()
        done.touch()

    def make_trouble(self) -> None:
        """Trouble of every kind, each once."""
        say("making trouble: the fabrics edge and lost")
        hub = self.stack.enter_context(GitHub(self.git))
        command = partial(self.hedgehog, quiet=True)
        token = secrets.token_urlsafe(24)
        make_trouble(Place(command, self.airflow, self.cluster, "demo_cluster", self.git, token, STATE), hub)

    def states(self) -> list[dict[str, Any]]:
        """What `hedgehog status` says, as data."""
        found: list[dict[str, Any]] = json.loads(self.hedgehog("status", "--output", "json", quiet=True))
        return [state for state in found if state["fabric"] not in TROUBLED]

    def wait_in_sync(self) -> None:
        """Wait until the DAGs, woken by the import, have brought every fabric to Git and to the cluster."""
        say("the DAGs are syncing the fabrics")
        started, told = time.monotonic(), 0.0
        while True:
            states = self.states()
            open_work = [state for state in states if state["status"] != "in_sync"]
            if states and not open_work:
                return
            stuck = [state for state in open_work if state["needs_somebody"]]
            if stuck or time.monotonic() - started > _SYNC_LIMIT:
                lines = [f"{s['fabric']} → {s['target']}: {s['status']} {s['reason']}" for s in stuck or open_work]
                raise SystemExit("not in sync:\n  " + "\n  ".join(lines))
            if time.monotonic() - told > 5:
                say("waiting for " + ", ".join(f"{s['fabric']} → {s['target']} ({s['status']})" for s in open_work))
                told = time.monotonic()
            time.sleep(0.5)

    def wait_healthy(self) -> None:
        """Look at the health until every fabric is Healthy and every switch has applied the last sync: until then each look
        may write the status of a `Fabric`, which would be taken for a write of the forced syncs."""
        started = time.monotonic()
        while True:
            self.airflow.finished(HEALTH_DAG, self.airflow.trigger(HEALTH_DAG), limit=_SYNC_LIMIT)
            found = json.loads(self.hedgehog("health", "--output", "json", quiet=True))
            looked = [one for one in found if one["scope"] == "fabric" and one["name"] not in TROUBLED]
            ill = [one for one in looked if one["health"] != "Healthy" or not one["facts"].get("converged")]
            if looked and not ill:
                return
            lines = [f"{one['name']} is {one['health']}: {'; '.join(one['reasons']) or 'not converged'}" for one in ill]
            if time.monotonic() - started > _SYNC_LIMIT:
                raise SystemExit("not healthy:\n  " + "\n  ".join(lines))
            say("; ".join(lines) or "waiting for the first health check")
            time.sleep(5)

    def commits(self) -> int:
        """Commits in the repository."""
        command = ["git", "-C", str(self.host.path), "rev-list", "--count", "main"]
        return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)

    def live(self) -> dict[str, str]:
        """Every object of our kinds in the cluster with its resourceVersion."""
        from hedgehog.fabric.kinds import FABRIC, KINDS
        from hedgehog.kube.live import list_live

        cluster = self.cluster.connect()
        try:
            live = list_live(cluster, [(kind, kind.default_namespace) for kind in (FABRIC, *KINDS.values())])
            if live.failed:
                raise SystemExit(f"cannot list the cluster: {live.failed}")
            return {str(ref): item["metadata"]["resourceVersion"] for ref, item in live.objects.items()}
        finally:
            cluster.close()

    def wanted(self) -> set[str]:
        """Every object that the examples ask for, and the Fabric resource of each fabric."""
        found = set()
        for fabric in json.loads(self.hedgehog("fabric", "list", "--output", "json", quiet=True)):
            shown = self.hedgehog("fabric", "show", fabric["name"], "--output", "json", quiet=True)
            found |= set(json.loads(shown)["object_refs"])
            found.add(f"Fabric/hedgehog-system/{fabric['name'].lower()}")
        return found

    def summary(self) -> None:
        """Where everything is, and how to see it."""
        live = self.live()
        office = f"{self.airflow.url}/plugin/hedgehog/fabrics/office"
        say("done")
        print(
            f"""
  pages        {self.airflow.url}/plugin/hedgehog   login admin / {self.airflow.password}
  DAGs         {self.airflow.url}/dags?tags=hedgehog
  in a shell   source {_relative(ENVIRONMENT)}
  fabrics      {len({state["fabric"] for state in self.states()})}, all in sync: hedgehog status
  Git          {self.commits()} commits: {self.host.url.removesuffix(".git")}{self.host.told(office)}
  cluster      {len(live)} objects: kubectl --kubeconfig {_relative(self.cluster.kubeconfig)} get switches,vpcs,connections
""",
            flush=True,
        )

    def check(self) -> int:
        """Every wanted object is there, and a forced run of both DAGs makes no commit and no write."""
        live, commits = self.live(), self.commits()
        missing = sorted(self.wanted() - live.keys())
        if missing or commits < 1:
            say(f"FAILED: {commits} commits; missing in the cluster: {', '.join(missing) or 'nothing'}")
            return 1
        say(f"all {len(self.wanted())} wanted objects are in the cluster; forcing both DAGs once more")
        for dag_id in SYNC_DAGS:
            state = self.airflow.finished(dag_id, self.airflow.trigger(dag_id, force=True), limit=_SYNC_LIMIT)
            if state != "success":
                say(f"FAILED: the forced run of {dag_id} ended as {state}")
                return 1
        written = [ref for ref, version in self.live().items() if live.get(ref) != version]
        if self.commits() != commits or written:
            say(f"FAILED: {self.commits() - commits} new commits; written again: {', '.join(written) or 'nothing'}")
            return 1
        if problems := list(self.host.problems()):
            say(f"FAILED: {'; '.join(problems)}")
            return 1
        if red := self.red_runs():
            say(f"FAILED: not all runs are green: {', '.join(red)}")
            return 1
        say("ok: the forced runs made no commit and no write, and every run is green")
        return 0

    def red_runs(self) -> list[str]:
        """The runs of this demo that failed."""
        since = quote(self.started.isoformat())
        runs = self.airflow.call("GET", f"/dags/~/dagRuns?state=failed&limit=100&start_date_gte={since}")["dag_runs"]
        return [f"{run['dag_id']} {run['dag_run_id']}" for run in runs]


def _relative(path: Path) -> Path:
    return path.relative_to(ROOT) if path.is_relative_to(ROOT) else path


def _foreign_server(named: str) -> tuple[postgres.Postgres, Any]:
    """The server of a URI, and a function that makes URIs of its databases."""
    parts = urlsplit(named)
    values = {"host": parts.hostname, "port": parts.port, "user": parts.username, "password": parts.password}

    def uri(name: str, *, scheme: str = "postgresql") -> str:
        return urlunsplit((scheme, parts.netloc, f"/{name}", parts.query, ""))

    return postgres.Postgres({key: value for key, value in values.items() if value}), uri


if __name__ == "__main__":
    sys.exit(main())
