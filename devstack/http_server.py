"""The HTTP server of our stand-ins: a client that disconnects during an answer causes no traceback."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """A thread per connection; the threads end with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report failures of the server, but not disconnected clients: these were killed or cut off on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
