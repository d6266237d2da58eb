"""HTTP requests over urllib3's connections without urllib3's request layer.

urllib3 opens, keeps and checks the connections (TLS, client certificates, proxies as the library configured them); what
goes over them is written in one piece and read by the standard library. urllib3's own way costs a request three times
the processor time and sends head and body apart, which the server waits for: a quarter of the rate of small writes.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import urllib3

from hedgehog.errors import InvalidInput
from hedgehog.kube.failures import Answer

_TARGET = re.compile(r"/[\x21-\x7e]*")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]*")


class Connections:
    """Kept connections to the one server at *host*; safe for threads.

    As many are kept as the pool of *manager* holds. `exchange` sends each request once; retrying is the caller's.
    """

    def __init__(self, manager: urllib3.PoolManager, host: str, *, connect_timeout: float, read_timeout: float) -> None:
        parts = urlsplit(host.rstrip("/"))
        if parts.scheme == "http" and isinstance(manager, urllib3.ProxyManager):
            raise InvalidInput(f"{parts.netloc}: an API server behind a proxy is reached by https, not by http")
        self._manager = manager
        self._pool = manager.connection_from_url(host)
        self._prefix = parts.path  # "" but for API servers behind a gateway, such as Rancher's
        self._host = parts.netloc.rpartition("@")[2]
        self._connect_timeout = connect_timeout
        self._read_timeout = read_timeout

    def close(self) -> None:
        """Close the idle connections."""
        self._manager.clear()

    def exchange(self, method: str, target: str, *, headers: Mapping[str, str], body: bytes | None) -> Answer:
        """Send one request and read its answer to the end.

        Raises what sockets, TLS, urllib3 and http.client raise; the connection is then gone. Raises InvalidInput for a
        target or header that would not stay on its line.
        """
        request = self._head(method, self._prefix + target, headers, body) + (body or b"")
        connection = self._pool._get_conn()
        try:
            if connection.sock is None:
                self._connect(connection)
            connection.sock.settimeout(self._read_timeout)
            connection.sock.sendall(request)
            response = http.client.HTTPResponse(connection.sock, method=method)
            response.begin()
            answer = Answer(response.status, response.read(), _seconds(response.headers.get("Retry-After")))
            if response.will_close:
                connection.close()
        except BaseException:
            connection.close()
            raise
        finally:
            self._pool._put_conn(connection)
        return answer

    def _connect(self, connection: urllib3.connection.HTTPConnection) -> None:
        connection.timeout = self._connect_timeout
        if self._pool.proxy is not None:
            self._pool._prepare_proxy(connection)
        else:
            connection.connect()

    def _head(self, method: str, target: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
        if not _TARGET.fullmatch(target) or not all(_HEADER_VALUE.fullmatch(value) for value in headers.values()):
            raise InvalidInput(f"a {method} request to {self._host} would have a blank or line break where none may be")
        length = "" if body is None else f"Content-Length: {len(body)}\r\n"
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"{method} {target} HTTP/1.1\r\nHost: {self._host}\r\n{lines}{length}\r\n".encode("ascii")


def _seconds(header: str | None) -> float | None:
    """Retry-After in seconds; its date form is not used by API servers and counts as absent."""
    try:
        return max(0.0, float(header)) if header else None
    except ValueError:
        return None
