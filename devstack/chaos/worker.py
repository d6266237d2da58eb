"""The process in which syncs run, one child each, as an executor runs tasks: `python -m devstack.chaos.worker`.

Reads one order per line: `{"verb": …, "run_id": …, "arguments": {…}}`. Forks, prints the child's process id, then how it
ended. The child calls the services exactly as the DAGs do, with the product's own adapters of connections; it may be
killed at any moment.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hedgehog.airflow.adapters import hooks
from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.errors import HedgehogError
from hedgehog.fabric.origin import Origin, Via
from hedgehog.kube.client import Cluster
from hedgehog.services.git import sync as git_sync
from hedgehog.services.kubernetes import sync as kubernetes_sync
from hedgehog.services.kubernetes import watch
from hedgehog.services.observe import cache
from hedgehog.services.pull_requests import queue as pull_request_queue
from hedgehog.services.pull_requests import validate as pull_request
from hedgehog.services.pull_requests.verdict import Validation
from hedgehog.services.repository import changes as repository_changes
from hedgehog.services.repository import plan as repository_plan
from hedgehog.services.transfer import load as fabric_import
from hedgehog.services.transfer import local_files
from hedgehog.services.upkeep import maintenance

DONE, REFUSED, FOREIGN = 0, 3, 4
"""How a child ends: success; an error of `hedgehog.errors` (the database is unreachable); anything else."""

Arguments = dict[str, Any]


def open_cluster(connection_id: str) -> Cluster:
    """The cluster of a connection. Without the hook, whose imports of Airflow take seconds."""
    return Cluster.from_kubeconfig(Path(read_connection(connection_id).extra["kube_config_path"]), name=connection_id)


def sync_git(run_id: str, arguments: Arguments) -> None:
    """`hedgehog_git_sync`: plan, sync each batch, renew the read models."""
    dependencies = git_sync.Dependencies(clock=_clock(arguments))
    with closing(hooks.open_database()) as connection:
        for batch in git_sync.plan(connection):
            outcomes = git_sync.sync(
                connection,
                batch,
                open_mirror=hooks.open_mirror,
                run_id=run_id,
                due_only=True,
                dependencies=dependencies,
            )
            _tell(outcomes)
            cache.refresh(connection, batch)


def sync_kubernetes(run_id: str, arguments: Arguments) -> None:
    """`hedgehog_kubernetes_sync`."""
    with closing(hooks.open_database()) as connection:
        for batch in kubernetes_sync.plan(connection):
            outcomes = kubernetes_sync.sync(connection, batch, open_cluster=open_cluster, run_id=run_id, due_only=True)
            _tell(outcomes)
            cache.refresh(connection, batch)


def follow_repositories(run_id: str, arguments: Arguments) -> None:
    """`hedgehog_repository_changes`."""
    with closing(hooks.open_database()) as connection:
        for batch in repository_plan.plan(connection):
            looks = repository_changes.follow(connection, batch, open_mirror=hooks.open_mirror, run_id=run_id)
            for look in looks:
                print(f"  {look.repository}: {look.error or look.revision}")
                _tell(look.outcomes)


def import_files(run_id: str, arguments: Arguments) -> None:
    """`hedgehog fabric import --replace`."""
    documents = fabric_import.read_documents(local_files.read_paths([arguments["path"]]))
    with closing(hooks.open_database()) as connection:
        origin = Origin(who="chaos", via=Via.CLI, run=run_id)
        fabric_import.import_documents(connection, documents, origin=origin, fabric=arguments["fabric"], replace=True)


def repair_lost_runs(run_id: str, arguments: Arguments) -> None:
    """The part of `hedgehog_result_cleanup` that records killed runs."""
    with closing(hooks.open_database()) as connection:
        maintenance.repair_lost_runs(connection)


def check_pull_requests(run_id: str, arguments: Arguments) -> None:
    """`hedgehog_pull_request_validation`: each pull request is its own task, and fails alone."""
    ways: dict[str, Any] = {"open_host": hooks.open_host, "open_mirror": hooks.open_mirror}
    with closing(hooks.open_database()) as connection:

        def check(repository: str, number: int) -> Validation:
            return pull_request.validate(connection, repository, number, **ways)

        def give_up(repository: str, number: int, why: str) -> Validation:
            return pull_request.give_up(connection, repository, number, why, **ways)

        for task in pull_request_queue.plan(connection):
            try:
                print(f"  {task}: {pull_request_queue.work(connection, task, check, give_up).status}")
            except HedgehogError as error:
                print(f"  {task}: {type(error).__name__}: {error}")


def watch_clusters(run_id: str, arguments: Arguments) -> None:
    """The watch of the triggerer; ends only when it is killed."""
    watch.Watch(open_database=hooks.open_database, open_cluster=open_cluster, wake=lambda names: None).run()


VERBS: dict[str, Callable[[str, Arguments], None]] = {
    "git": sync_git,
    "kubernetes": sync_kubernetes,
    "changes": follow_repositories,
    "import": import_files,
    "pulls": check_pull_requests,
    "repair": repair_lost_runs,
    "watch": watch_clusters,
}


def _clock(arguments: Arguments) -> Callable[[], datetime]:
    jump = timedelta(seconds=arguments.get("clock_jump", 0))
    return lambda: datetime.now(UTC) + jump


def _tell(outcomes: Any) -> None:
    for outcome in outcomes:
        print(f"  {outcome.fabric} → {outcome.target}: {outcome.status} {outcome.reason}")


def main() -> None:
    """Process orders until the input ends."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING, format="  %(levelname)s %(name)s: %(message)s")
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _carry_out(order)
        _answer({"pid": child})
        _, status = os.waitpid(child, 0)
        _answer({"status": os.waitstatus_to_exitcode(status)})


def _answer(answer: dict[str, int]) -> None:
    os.write(int(sys.argv[1]), (json.dumps(answer) + "\n").encode())


def _carry_out(order: dict[str, Any]) -> None:
    """Run a child."""
    os.setsid()
    status = DONE
    try:
        print(f"{order['run_id']} {order['verb']}")
        VERBS[order["verb"]](order["run_id"], order.get("arguments", {}))
    except HedgehogError as error:
        print(f"  {type(error).__name__}: {error}")
        status = REFUSED
    except BaseException:
        traceback.print_exc()
        status = FOREIGN
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


if __name__ == "__main__":
    main()
