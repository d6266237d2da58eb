"""The tasks of a running Airflow by CeleryExecutor: a Redis server as broker and one worker per queue."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from devstack import redis
from devstack.airflow import Airflow, scheduling_with

_NO_METADATA = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": "postgresql+psycopg2://nobody@127.0.0.1:9/none",
    "AIRFLOW__CORE__FERNET_KEY": "",
    "AIRFLOW__API_AUTH__JWT_SECRET": "",
}
"""Workers have no way into Airflow's own tables and no key of theirs, as in `deploy/compose`."""


@dataclass(frozen=True)
class Celery:
    """What runs: `broker` is the URL of Redis."""

    airflow: Airflow
    broker: str

    def start_worker(self, queue: str) -> None:
        """Start the worker of *queue*. Task instances that it ran say so: their `unixname` is the worker's name."""
        name = worker_name(queue)
        options = ("--queues", queue, "--celery-hostname", f"{queue}@%h", "--concurrency", "2", "--skip-serve-logs")
        self.airflow.start_part(name, "celery", "worker", *options, LOGNAME=name, **_NO_METADATA)

    def kill_worker(self, queue: str) -> None:
        """SIGKILL the worker of *queue* with the tasks that it runs."""
        self.airflow.kill_part(worker_name(queue))

    def unacknowledged(self) -> int:
        """How many messages were delivered and are not acknowledged yet."""
        from redis import Redis

        with contextlib.closing(Redis.from_url(self.broker)) as client:
            return int(client.hlen("unacked"))


def worker_name(queue: str) -> str:
    """What the worker of *queue* is called: its log is `<home>/<name>.log`."""
    return f"worker-{queue}"


@contextlib.contextmanager
def running(airflow: Airflow, queues: Sequence[str], settings: Mapping[str, str]) -> Iterator[Celery]:
    """Run *airflow* with CeleryExecutor for the duration of a block; *settings* are added."""
    with redis.running(airflow.home / "redis") as broker:
        executor = {
            "AIRFLOW__CORE__EXECUTOR": "CeleryExecutor",
            "AIRFLOW__CELERY__BROKER_URL": broker,
            "AIRFLOW__CELERY__RESULT_BACKEND": f"db+{airflow.metadata_uri}",
        }
        with scheduling_with(airflow, {**executor, **settings}):
            celery = Celery(airflow, broker)
            try:
                for queue in queues:
                    celery.start_worker(queue)
                yield celery
            finally:
                airflow.stop("scheduler", *map(worker_name, queues))
