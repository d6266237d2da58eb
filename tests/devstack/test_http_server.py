"""The failures that the HTTP server of our stand-ins reports."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler

import pytest

from devstack.http_server import Server


@pytest.mark.parametrize(
    ("error", "told"), [(BrokenPipeError(), False), (ConnectionResetError(), False), (ValueError("a slip"), True)]
)
def test_only_our_own_failures_are_reported(capsys, error, told):
    """A client that was killed is not one of them."""
    with Server(("127.0.0.1", 0), BaseHTTPRequestHandler) as server:
        try:
            raise error
        except (OSError, ValueError):
            server.handle_error(None, ("127.0.0.1", 1))
    assert ("a slip" in capsys.readouterr().err) is told
