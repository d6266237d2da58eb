"""The webhooks of Git hosts: a web application with a route for each, which needs a signature instead of a login.

Loaded by the API server only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from hedgehog.airflow.adapters.connections import read_connection
from hedgehog.airflow.settings import GITHUB_WEBHOOK_PREVIOUS_SECRET, GITHUB_WEBHOOK_SECRET
from hedgehog.airflow.web.bodies import Bodies, Body, NoRoom
from hedgehog.airflow.web.database import open_for_web
from hedgehog.errors import HedgehogError, InvalidInput, NotFound
from hedgehog.hosts.plain import HOST as PLAIN
from hedgehog.hosts.plain import WEBHOOK as GENERIC_WEBHOOK
from hedgehog.hosts.registry import host_types
from hedgehog.hosts.webhook import PONG, Ignored, Webhook
from hedgehog.services.repository import webhook
from hedgehog.store import inbox
from hedgehog.store.database import Connection
from hedgehog.store.inbox import Receipt

logger = logging.getLogger(__name__)

GITHUB = "github"
GENERIC = "generic"
"""The route of hosts that have no webhook of their own: any program may announce a push of a repository that is named."""
WEBHOOK_DATABASE_CONNECTION = "hedgehog_webhook_db"
"""The fabric database with a role that may only add deliveries; where there is none, `hedgehog_db` is used."""
BODY_LIMIT = 3 * 1024 * 1024
"""Bytes of the largest delivery that is read. A larger push is noticed by the clock of hedgehog_repository_changes."""
_SECONDS_TO_SEND = 10.0
_KEEP_SECRETS = 30.0
"""Seconds after which a changed secret counts, and after which secrets that could not be read are retried."""
_FLUSH_AFTER = 1.0
_MOST_WAITING = 64
_STATEMENT_TIMEOUT = 5.0
_BUSY = "too many deliveries at once; it may be delivered again"

T = TypeVar("T")
Secrets = tuple[str, ...]


class _Refused(Exception):
    """A delivery that is not taken: what to answer, and under which reason it is counted."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


def secret_connection(route: str) -> str:
    """The connection whose password is the secret of a route."""
    return f"hedgehog_{route}_webhook"


def webhook_secrets(route: str) -> Secrets:
    """The active secrets of a route: password and extra `previous` of the connection `hedgehog_<route>_webhook`; for
    GitHub also `[hedgehog] github_webhook_secret` and `github_webhook_previous_secret`. Empty when none is configured.
    """
    try:
        values = read_connection(secret_connection(route))
        found = (values.password, values.extra.get("previous"))
    except NotFound:
        if route != GITHUB:
            return ()
        found = (GITHUB_WEBHOOK_SECRET.read(), GITHUB_WEBHOOK_PREVIOUS_SECRET.read())
    return tuple(secret for secret in found if isinstance(secret, str) and secret)


@dataclass(frozen=True, slots=True)
class _Route:
    """Where a delivery arrived: how its host proves and announces, the name of its secret, and the repository, if the path
    names one."""

    webhook: Webhook
    name: str
    repository: str = ""


@dataclass(frozen=True, slots=True)
class _KeptSecrets:
    """What was read of a route's secrets, and until when that counts."""

    secrets: Secrets
    until: float
    is_unknown: bool = False


class _Receiver:
    """What the webhooks keep between requests: one worker thread with one database connection, the secrets for half a
    minute, and counters of refusals, which are written at most once a second.

    The thread is its own: a database that hangs must not block the threads that Airflow's own pages need.
    """

    def __init__(self, read_secrets: Callable[[str], Secrets]) -> None:
        self._read_secrets = read_secrets
        self._worker = ThreadPoolExecutor(1, thread_name_prefix="hedgehog-webhook")
        self._waiting = 0
        self._connection: Connection | None = None
        self._secrets: dict[str, _KeptSecrets] = {}
        self._reading_secrets = asyncio.Lock()
        self.bodies = Bodies()
        self._refusals: Counter[str] = Counter()
        self._flush: asyncio.TimerHandle | None = None

    async def secrets(self, route: str) -> Secrets:
        """The active secrets of a route, at most half a minute old. A backend that fails is asked just as rarely."""
        async with self._reading_secrets:
            kept = self._secrets.get(route)
            if kept is None or time.monotonic() >= kept.until:
                kept = self._secrets[route] = await self._read(route)
        if kept.is_unknown:
            raise _Refused(503, "no secret", "the secret of the webhook cannot be read")
        return kept.secrets

    async def _read(self, route: str) -> _KeptSecrets:
        found: Secrets = ()
        is_unknown = False
        try:
            found = await self._run(self._read_secrets, route)
        except _Refused:
            raise
        except Exception as error:  # its text may hold anything
            is_unknown = True
            logger.error("the secret of the webhook of %s cannot be read: %s", route, type(error).__name__)
        return _KeptSecrets(found, time.monotonic() + _KEEP_SECRETS, is_unknown)

    async def receive(self, route: _Route, headers: Mapping[str, str], body: bytes) -> Receipt | Ignored:
        """Store a proven delivery."""
        return await self._run(
            self._in_database,
            lambda found: webhook.receive(found, route.webhook, headers, body, repository=route.repository),
        )

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        if self._waiting >= _MOST_WAITING:
            raise _Refused(503, "busy", _BUSY)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._worker, work, *arguments)
        finally:
            self._waiting -= 1

    def _in_database(self, work: Callable[[Connection], T]) -> T:
        """In the worker thread: do *work*, on a new connection if the kept one is lost. That stores nothing twice,
        because the same delivery again is a duplicate."""
        if self._connection is not None:
            try:
                return work(self._connection)
            except HedgehogError as error:
                if isinstance(error, InvalidInput):
                    raise
                logger.info("connecting to the fabric database again: %s", error)
                self._close()
        self._connection = _connect()
        return work(self._connection)

    def _close(self) -> None:
        if self._connection is not None:
            with suppress(Exception):  # it may be broken already, and nothing is lost
                self._connection.close()
            self._connection = None

    def count(self, reason: str) -> None:
        """Count a refusal; a flood of them costs one statement a second."""
        self._refusals[reason] += 1
        if self._flush is None:
            loop = asyncio.get_running_loop()
            self._flush = loop.call_later(_FLUSH_AFTER, lambda: loop.run_in_executor(self._worker, self._write_counts))

    def _write_counts(self) -> None:
        self._flush = None
        refusals, self._refusals = self._refusals, Counter()
        try:
            self._in_database(lambda connection: inbox.count_refusals(connection, refusals))
        except Exception as error:  # the counts are lost; nothing else may fail because of them
            logger.warning("%s refusals could not be counted: %s", refusals.total(), type(error).__name__)

    async def close(self) -> None:
        """Write what is counted, and close everything."""
        if self._flush is not None:
            self._flush.cancel()
        if self._refusals:
            await asyncio.get_running_loop().run_in_executor(self._worker, self._write_counts)
        self._worker.submit(self._close)
        self._worker.shutdown()


def _connect() -> Connection:
    """The fabric database, with limits that answer before a host gives up."""
    return open_for_web(
        "hedgehog webhook", connection_id=WEBHOOK_DATABASE_CONNECTION, statement_timeout=_STATEMENT_TIMEOUT
    )


def webhook_app(read_secrets: Callable[[str], Secrets] = webhook_secrets) -> FastAPI:
    """The application below `/hedgehog/webhooks`: `POST /<host>` for each host with a webhook, and
    `POST /generic/<repository>`, for everybody who knows the secret of that route.
    """
    receiver = _Receiver(read_secrets)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        await receiver.close()

    app = FastAPI(title="Hedgehog webhooks", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    for host in host_types().values():
        if host.webhook is not None and host is not PLAIN:
            route = _Route(host.webhook, host.name)
            app.add_api_route(f"/{host.name}", _endpoint(receiver, route), methods=["POST"])

    @app.post(f"/{GENERIC}/{{repository}}")
    async def generic(request: Request, repository: str) -> JSONResponse:
        """Receive a push of a repository that the path names."""
        return await _answered(receiver, request, _Route(GENERIC_WEBHOOK, GENERIC, repository))

    return app


def _endpoint(receiver: _Receiver, route: _Route) -> Callable[[Request], Awaitable[JSONResponse]]:
    async def receive(request: Request) -> JSONResponse:
        return await _answered(receiver, request, route)

    return receive


async def _answered(receiver: _Receiver, request: Request, route: _Route) -> JSONResponse:
    """Receive a delivery: size, signature, content, one row, in this order."""
    address = request.client.host if request.client else ""
    try:
        with receiver.bodies.of(address) as body:
            await _read_proven(receiver, request, route, body)
            return await _store(receiver, request, route, bytes(body.content))
    except _Refused as refusal:
        receiver.count(refusal.reason)
        headers = {"Retry-After": "60"} if refusal.status == 503 else {}
        return _answer(refusal.status, "refused", str(refusal), headers)


async def _store(receiver: _Receiver, request: Request, route: _Route, body: bytes) -> JSONResponse:
    try:
        found = await receiver.receive(route, dict(request.headers), body)
    except InvalidInput as error:
        raise _Refused(400, "malformed", str(error)) from None
    except _Refused:
        raise
    except Exception as error:  # nothing of the delivery may reach a log or an answer by way of an error text
        logger.error("a delivery could not be kept: %s", type(error).__name__)
        raise _Refused(503, "database away", "the delivery could not be kept; it may be delivered again") from None
    if found is Receipt.DUPLICATE:
        receiver.count("replayed")
        return _answer(200, "duplicate", "this delivery is known already")
    if isinstance(found, Ignored):
        return _answer(200, "pong" if found is PONG else "ignored", found.reason)
    return _answer(202, str(found), "")


async def _read_proven(receiver: _Receiver, request: Request, route: _Route, body: Body) -> None:
    """Read all of the body, and check its size and what proves where it comes from."""
    secrets = await receiver.secrets(route.name)
    if not secrets:
        name = secret_connection(route.name)
        raise _Refused(503, "no secret", f"no secret is configured; create the connection {name}")
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refused(415, "wrong content type", "choose content type application/json in the webhook")
    proofs = route.webhook.proofs
    if not any(request.headers.get(name) for name in proofs):
        raise _Refused(401, "unsigned", f"the header {' or '.join(proofs)} is missing; give the webhook its secret")
    await _read(request, body)
    if not route.webhook.is_believed(dict(request.headers), bytes(body.content), secrets, now=datetime.now(UTC)):
        clocks = f", and for {route.webhook.signature} that the clocks agree" if route.webhook.signature else ""
        raise _Refused(
            401,
            "bad signature",
            f"{' or '.join(proofs)} does not match; check that the secret is the same on both sides{clocks}",
        )


async def _read(request: Request, body: Body) -> None:
    """All of the body, unless it is too large, too slow, or dropped for others: then no more of it is read."""
    too_large = _Refused(413, "too large", f"a delivery has at most {BODY_LIMIT} bytes")
    announced = request.headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced[:20]) > BODY_LIMIT:
        raise too_large
    try:
        async with body.reading(_SECONDS_TO_SEND):
            async for chunk in request.stream():
                if len(body.content) + len(chunk) > BODY_LIMIT:
                    raise too_large
                body.take(chunk)
    except NoRoom:
        raise _Refused(503, "busy", _BUSY) from None
    except TimeoutError:
        raise _Refused(408, "too slow", f"the delivery took longer than {_SECONDS_TO_SEND:g} s") from None
    except ClientDisconnect:
        raise _Refused(400, "broken off", "the delivery was aborted") from None


def _answer(status: int, word: str, reason: str, headers: dict[str, str] | None = None) -> JSONResponse:
    content = {"status": word, "reason": reason} if reason else {"status": word}
    return JSONResponse(content, status_code=status, headers=headers)
