"""An HTTP server that answers what a test tells it, for what a real API server does not do on demand."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from kubernetes.client import ApiClient, Configuration

from hedgehog.kube.client import Cluster

TOKEN = "canary-token-that-must-never-be-seen"


@dataclass(frozen=True)
class Request:
    """What arrived."""

    method: str
    path: str
    authorization: str | None
    body: Any


@dataclass(frozen=True)
class Reply:
    """What goes back; *delay* seconds later. A status of 0 closes the connection without an answer."""

    status: int = 200
    body: Any = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0


@dataclass
class FakeServer:
    """Answers with *reply*, a function of the request, and remembers every request."""

    cluster: Cluster
    api_client: ApiClient
    requests: list[Request]
    naps: list[float]


def status(code: int, message: str, **details: Any) -> Reply:
    """A refusal as API servers write it."""
    return Reply(code, {"kind": "Status", "status": "Failure", "message": message, "code": code} | details)


@contextmanager
def serve(reply: Callable[[Request], Reply]) -> Iterator[FakeServer]:
    """Run a server for the block."""
    requests: list[Request] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            request = Request(self.command, self.path, self.headers.get("Authorization"), body)
            requests.append(request)
            answer = reply(request)
            time.sleep(answer.delay)
            if answer.status == 0:
                self.close_connection = True
                return
            data = answer.body.encode() if isinstance(answer.body, str) else json.dumps(answer.body).encode()
            self.send_response(answer.status)
            for key, value in answer.headers.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_PATCH = do_POST = do_DELETE = _answer

        def log_message(self, *_: Any) -> None:
            """Nothing: the requests are kept."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    configuration = type.__call__(Configuration)
    configuration.host = f"http://127.0.0.1:{server.server_address[1]}"
    configuration.api_key = {"authorization": f"Bearer {TOKEN}"}
    api_client = ApiClient(configuration)
    naps: list[float] = []
    cluster = Cluster(api_client, name="fake", sleep=naps.append)
    try:
        yield FakeServer(cluster, api_client, requests, naps)
    finally:
        cluster.close()
        server.shutdown()
        server.server_close()
