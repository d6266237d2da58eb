"""The HTTP side of the stand-ins for GitHub and GitLab: JSON in, JSON out, and a log of what passed."""

from __future__ import annotations

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import urlsplit

from devstack import http_server

Answer = tuple[int, dict[str, str], Any]
"""Status, headers, and what becomes the JSON body; None: there is none."""

_WITHOUT_BODY = (204, 304)


class Server(http_server.Server):
    """Listens on a free port of 127.0.0.1 and hands every request to *answer*.

    `requests` has what was asked and how it was answered (`GET /repos/o/r/pulls/1 200`); `undescribed` what *answer*
    raised, which the client sees as 500.
    """

    def __init__(self, answer: Callable[..., Answer], prefix: str) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.answer = answer
        self.prefix = prefix
        self.requests: list[str] = []
        self.undescribed: list[str] = []


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # headers and body leave together
    disable_nagle_algorithm = True
    server: Server

    def do_GET(self) -> None:
        """Read something."""
        self._serve()

    def do_POST(self) -> None:
        """Create something."""
        self._serve()

    def do_PATCH(self) -> None:
        """Change something."""
        self._serve()

    def do_PUT(self) -> None:
        """Replace something."""
        self._serve()

    def do_DELETE(self) -> None:
        """Delete something."""
        self._serve()

    def log_message(self, format: str, *args: object) -> None:
        """Print nothing: `Server.requests` is the log."""

    def _serve(self) -> None:
        server = self.server
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            status, extra, body = server.answer(self.command, self.path, headers, json.loads(raw) if raw else None)
        except Exception as error:
            server.undescribed.append(f"{self.command} {self.path}: {type(error).__name__}: {error}")
            status, extra, body = 500, {}, {"message": f"stand-in: {error}"}
        server.requests.append(f"{self.command} {urlsplit(self.path).path.removeprefix(server.prefix)} {status}")
        content = b"" if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json; charset=utf-8", **extra}.items():
            self.send_header(name, value)
        if status not in _WITHOUT_BODY:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if status not in _WITHOUT_BODY:
            self.wfile.write(content)
        self.wfile.flush()
