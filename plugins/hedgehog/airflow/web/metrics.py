"""The metrics for Prometheus, in a web application of their own: a scraper has no Airflow login, but a token."""

from __future__ import annotations

import hmac
import logging
import time
from collections.abc import Callable
from contextlib import closing
from threading import Lock

from fastapi import Depends, FastAPI, HTTPException, Request
from fastapi.responses import PlainTextResponse

from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.airflow.clocks import intervals
from hedgehog.airflow.settings import METRICS_TOKEN
from hedgehog.airflow.web.database import open_for_web
from hedgehog.errors import HedgehogError, NotFound

logger = logging.getLogger(__name__)

TOKEN_CONNECTION = "hedgehog_metrics_token"  # noqa: S105 - the name of a connection
_KEEP = 5.0
"""Seconds for which a text is served again, however many scrapers ask."""
_KEEP_TOKEN = 30.0

CachedText = tuple[float, int, str]
"""Until when, the status, and the text."""


def scrape_token() -> str:
    """The password of the connection `hedgehog_metrics_token`, else `[hedgehog] metrics_token`; empty when neither is."""
    try:
        return read_connection(TOKEN_CONNECTION).password or ""
    except NotFound:
        return METRICS_TOKEN.read()


class _Cache:
    """Metrics at most _KEEP old, collected by one thread at a time; an unreachable database is asked just as rarely."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._cached: CachedText = (0.0, 503, "")

    def page(self) -> PlainTextResponse:
        """The metrics, or 503 with what is wrong."""
        with self._lock:
            if time.monotonic() >= self._cached[0]:
                status, text = self._collect()
                self._cached = (time.monotonic() + _KEEP, status, text)
            _, status, text = self._cached
        from hedgehog.services.observe.metrics import CONTENT_TYPE

        return PlainTextResponse(text, status, media_type=CONTENT_TYPE if status == 200 else None)

    def _collect(self) -> tuple[int, str]:
        try:
            return 200, _metrics_text()
        except HedgehogError as error:
            logger.warning("no figures for Prometheus: %s", error)
            return 503, f"{error}\n"


class _Token:
    """The token, at most _KEEP_TOKEN old, read by one thread at a time. A backend that fails is asked just as rarely: it
    may be a service that charges for each call, or that is overloaded."""

    def __init__(self, read_token: Callable[[], str]) -> None:
        self._source = read_token
        self._lock = Lock()
        self._until = 0.0
        self._token: str | None = None

    def current(self) -> str:
        """The token; empty where there is none. Raises 503 while it cannot be read."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._token = self._read_token()
                self._until = time.monotonic() + _KEEP_TOKEN
            token = self._token
        if token is None:
            raise HTTPException(503, f"the token cannot be read: connection {TOKEN_CONNECTION}; the log says more")
        return token

    def _read_token(self) -> str | None:
        try:
            return self._source()
        except Exception as error:  # a secrets backend is anybody's code, and its text may hold anything
            logger.error("the token of the figures cannot be read: %s", type(error).__name__)
            return None


def _metrics_text() -> str:
    from hedgehog.services.observe.metrics import collect, exposition

    with closing(open_for_web("hedgehog metrics")) as connection:
        return exposition(collect(connection, intervals()))


def metrics_app(read_token: Callable[[], str] = scrape_token) -> FastAPI:
    """The application below `/hedgehog/metrics`: `GET /prometheus`, for everybody who has the token."""
    token = _Token(read_token)
    cache = _Cache()

    def requires_token(request: Request) -> None:
        """Refuse requests without the token, and all requests while there is no token."""
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        wanted = token.current().encode()
        if scheme.lower() != "bearer" or not wanted or not hmac.compare_digest(given.strip().encode(), wanted):
            hint = "send its password" if wanted else "create it, with a token as password"
            raise HTTPException(401, f"a bearer token is needed: connection {TOKEN_CONNECTION}; {hint}")

    app = FastAPI(
        title="Hedgehog metrics",
        dependencies=[Depends(requires_token)],
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )

    @app.get("/prometheus")
    def prometheus() -> PlainTextResponse:
        """All our metrics, as of now, in Prometheus' text format."""
        return cache.page()

    return app
