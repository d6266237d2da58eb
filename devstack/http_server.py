"""The HTTP server below our stand-ins: a client that goes away in the midst of an answer is not worth a traceback."""

from __future__ import annotations

import sys
from http.server import ThreadingHTTPServer
from typing import Any


class Server(ThreadingHTTPServer):
    """A thread per connection; the threads end with the process."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell what went wrong here, not that the other side is gone: it was killed, or cut off on purpose."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)
