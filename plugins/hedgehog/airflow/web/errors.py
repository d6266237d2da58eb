"""Every error of the API as problem details (RFC 9457). Nothing of an unforeseen error reaches an answer."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from hedgehog.airflow.web.guard import HEADERS
from hedgehog.errors import (
    AlreadyExists,
    HedgehogError,
    InvalidInput,
    LockHeld,
    NotFound,
    PermanentError,
    PruneRefused,
    RateLimited,
    RetryableError,
    Superseded,
)

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/problem+json"
_STATUS: tuple[tuple[type[HedgehogError], int], ...] = (
    (NotFound, 404),
    (AlreadyExists, 409),
    (Superseded, 409),
    (PruneRefused, 409),
    (LockHeld, 409),
    (InvalidInput, 422),
    (RateLimited, 503),
    (RetryableError, 503),
    (PermanentError, 502),
)
"""What fits first counts. A permanent error of another kind is one of a cluster, a Git host or the database."""
_WORDS = {400: "BadRequest", 401: "NotAuthenticated", 403: "Forbidden", 404: "NotFound", 405: "MethodNotAllowed",
          413: "TooLarge", 415: "UnsupportedMediaType"}  # fmt: skip
_RETRY_AFTER = 5


def answer_problems(app: FastAPI) -> None:
    """Have *app* answer all its errors as problem details."""
    app.add_exception_handler(StarletteHTTPException, _on_http)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HedgehogError, _on_ours)
    app.add_exception_handler(Exception, _on_unforeseen)


def _answer(
    request: Request,
    status: int,
    reason: str,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    errors: Sequence[Mapping[str, str]] = (),
) -> JSONResponse:
    content = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": request.url.path,
        "reason": reason,
        "errors": list(errors),
    }
    return JSONResponse(content, status, headers={**HEADERS, **(headers or {})}, media_type=MEDIA_TYPE)


async def _on_http(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HTTPException | StarletteHTTPException):
        raise error
    status, headers = error.status_code, dict(error.headers or {})
    if status == 401:
        headers.setdefault("WWW-Authenticate", "Bearer")
    return _answer(request, status, _WORDS.get(status, HTTPStatus(status).name), str(error.detail), headers=headers)


async def _on_invalid(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, RequestValidationError):
        raise error
    errors = [{"pointer": "/".join(map(str, one["loc"])), "detail": _said(one)} for one in error.errors()]
    told = "; ".join(f"{one['pointer']}: {one['detail']}" for one in errors[:5])
    return _answer(request, 422, "InvalidRequest", told, errors=errors)


def _said(error: Mapping[str, Any]) -> str:
    """What is wrong, without the value that was sent."""
    return str(error["msg"])


async def _on_ours(request: Request, error: Exception) -> JSONResponse:
    if not isinstance(error, HedgehogError):
        raise error
    status = next((status for kind, status in _STATUS if isinstance(error, kind)), 500)
    headers = {}
    if status == 503:
        wait = error.retry_after if isinstance(error, RetryableError) else None
        headers["Retry-After"] = str(max(1, round(wait or _RETRY_AFTER)))
    return _answer(request, status, error.reason, str(error), headers=headers)


async def _on_unforeseen(request: Request, error: Exception) -> JSONResponse:
    """Its text may hold anything, so only the log has it. The middleware that adds the headers is not passed then."""
    logger.error("%s %s failed", request.method, request.url.path, exc_info=error)
    what = f"an unforeseen {type(error).__name__}; the log of Airflow's API server says more"
    return _answer(request, 500, "Unforeseen", what)
