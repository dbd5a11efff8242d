"""How the HTTP API says no, and how it reads and writes JSON: `docs/http-api.md`, Errors.

ApiError      any refusal, with its status, its code, and a sentence for a person
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any, TypeVar

import asyncpg
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from protocols.errors import MALFORMED_JSON
from server.http.texts import in_words
from server.stores.away import NO_ANSWER

logger = logging.getLogger(__name__)

T = TypeVar("T")
PATH_SHOWN_LEN_MAX = 200
"""Of a path that leads nowhere, in the answer."""
POLICY_VIOLATION, INTERNAL_ERROR = 1008, 1011
"""Close codes (RFC 6455 §7.4.1)."""

Handler = Callable[[Request, Exception], Awaitable[Response]]

_encoder = msgspec.json.Encoder()
_CODES = {
    400: "malformed",
    401: "not_signed_in",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    413: "too_large",
    429: "rate_limited",
    503: "unavailable",
}


class ApiError(Exception):
    """A refusal; `server.http` turns it into a response wherever it is raised."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        detail: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.detail = dict(detail or {})
        self.headers = dict(headers or {})


def json(view: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Any view, list or dict as a JSON response, never cached."""
    kept = {"cache-control": "no-store", **(headers or {})}
    return Response(_encoder.encode(view), status, kept, media_type="application/json")


async def read_body(request: Request, shape: type[T]) -> T:
    """The request's JSON body as `shape`. Raises `ApiError` 400 that names the wrong field."""
    try:
        return msgspec.json.decode(await request.body(), type=shape)
    except MALFORMED_JSON as error:
        why = in_words(str(error))
        raise ApiError(400, "malformed", f"The body is not what this call takes: {why}") from None


def error_response(error: ApiError) -> Response:
    body = {"code": error.code, "message": error.message, "detail": error.detail}
    return json({"error": body}, error.status, error.headers)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)
    return error_response(error)


async def _http_exception(request: Request, error: Exception) -> Response:
    """What Starlette itself raises: no such path, wrong method."""
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "refused")
    path = request.url.path[:PATH_SHOWN_LEN_MAX]
    message = f"{HTTPStatus(error.status_code).phrase}: {request.method} {path}"
    return error_response(ApiError(error.status_code, code, message, headers=error.headers))


async def _database_away(request: Request, error: Exception) -> Response:
    logger.warning("the database is away: %s: %s", type(error).__name__, error)
    message = "The database does not answer just now. Try again in a moment."
    return error_response(ApiError(503, "unavailable", message, headers={"retry-after": "2"}))


def _shown(request: Request) -> str:
    """The path as a log may have it: what says who somebody is is left out."""
    token = request.path_params.get("token")
    return request.url.path.replace(token, "…") if token else request.url.path


async def _bad_value(request: Request, error: Exception) -> Response:
    """A value that the database cannot take at all, such as an id that is no UUID."""
    logger.warning("%s %s: %s", request.method, _shown(request), error)
    return error_response(ApiError(404, "not_found", "There is no such thing by that id."))


async def _client_library(request: Request, error: Exception) -> Response:
    """asyncpg's own refusals: a value of the wrong form, or a connection that has ended."""
    if isinstance(error, ValueError):
        return await _bad_value(request, error)
    return await _database_away(request, error)


HANDLERS: dict[type[Exception], Handler] = {
    **dict.fromkeys(NO_ANSWER, _database_away),
    ApiError: _refused,
    HTTPException: _http_exception,
    asyncpg.DataError: _bad_value,
    asyncpg.InterfaceError: _client_library,
}
STARLETTE_HANDLERS = {HTTPException: _http_exception}
"""For `Starlette(exception_handlers=…)`: what Starlette would answer itself."""


class FailureMiddleware:
    """Answers whatever goes wrong in a request, in our form; what nobody expected is logged."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = left = False

        async def watched_send(message: Message) -> None:
            nonlocal started, left
            started = True
            try:
                await send(message)
            except OSError:  # what ASGI servers raise when the other end has gone
                left = True
                raise

        try:
            await self._app(scope, receive, watched_send)
        except Exception as error:
            if scope["type"] not in {"http", "websocket"}:
                raise
            if left and isinstance(error, OSError):
                return
            if not started:
                await respond(scope, receive, send, await _answer(scope, error))
            elif scope["type"] == "http":
                raise  # half an answer is out: the connection must break
            else:
                logger.exception("the WebSocket %s failed", scope["path"])
                await send({"type": "websocket.close", "code": INTERNAL_ERROR, "reason": ""})


async def respond(scope: Scope, receive: Receive, send: Send, response: Response) -> None:
    """Answer a request; or refuse a WebSocket handshake, with the same answer where possible."""
    if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
        await response(scope, receive, send)
    else:
        await send({"type": "websocket.close", "code": POLICY_VIOLATION, "reason": ""})


async def _answer(scope: Scope, error: Exception) -> Response:
    request = Request({"method": "GET", **scope, "type": "http"})
    for kind in type(error).__mro__:
        if handler := HANDLERS.get(kind):
            return await handler(request, error)
    logger.exception("%s %s failed", request.method, _shown(request), exc_info=error)
    message = "Ridgeline failed on this request; its log says why."
    return error_response(ApiError(500, "internal", message))
