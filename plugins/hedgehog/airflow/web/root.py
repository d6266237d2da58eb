"""Airflow's own web application, within reach of ours: so an action asks Airflow's REST API in the same process, with
the user's own login, and Airflow decides whether that user may. Imports nothing: Airflow loads it in every process.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Scope = MutableMapping[str, Any]
Application = Callable[..., Awaitable[None]]

KEY = "hedgehog.airflow"


class RootApplication:
    """A middleware of Airflow's application that tells ours which one that is."""

    def __init__(self, app: Application) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            scope[KEY] = scope["app"]
        await self._app(scope, receive, send)
