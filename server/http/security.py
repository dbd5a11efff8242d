"""What guards every request before any handler sees it: origin, size, time, security headers.

Pure ASGI, so it holds for WebSocket handshakes too. Knows no user.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.http.errors import ApiError, error_response, respond

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
DISCARD_FACTOR = 16
"""So many times the largest body is read and thrown away before an answer that refuses it."""
HSTS_AGE_S = 30 * 24 * 3600

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "worker-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
HEADERS = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(self), microphone=(), payment=(), usb=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}


class SecurityMiddleware:
    """Refuses foreign origins, large and slow bodies; sets `HEADERS` on every answer."""

    def __init__(
        self,
        app: ASGIApp,
        body_bytes_max: int,
        body_s_max: float,
        tls: bool = False,
        larger: Mapping[str, int] | None = None,
    ) -> None:
        """`larger`: paths whose bodies may have so many bytes."""
        self._app = app
        self._larger = dict(larger or {})
        self._body_s_max = body_s_max
        self._body_bytes_max = body_bytes_max
        self._headers = dict(HEADERS)
        if tls:
            self._headers["strict-transport-security"] = f"max-age={HSTS_AGE_S}"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] in {"http.response.start", "websocket.http.response.start"}:
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        try:
            self._check_origin(scope)
            if self._is_announced_too_large(scope):
                await self._refuse_body(receive, self._bytes_max(scope))
        except ApiError as error:
            await respond(scope, receive, send_with_headers, error_response(error))
            return
        bytes_max = self._bytes_max(scope)
        limited = self._limited(receive, bytes_max) if scope["type"] == "http" else receive
        await self._app(scope, limited, send_with_headers)

    def _check_origin(self, scope: Scope) -> None:
        """Browsers always send Origin with these; other programs send none."""
        if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
            return
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is not None and not is_same_origin(origin, headers.get("host"), scope["scheme"]):
            message = "This request comes from a page of another site, so it was refused."
            raise ApiError(403, "foreign_origin", message)

    def _is_announced_too_large(self, scope: Scope) -> bool:
        announced = Headers(scope=scope).get("content-length", "0")
        return announced.isdigit() and int(announced) > self._bytes_max(scope)

    def _bytes_max(self, scope: Scope) -> int:
        return self._larger.get(scope["path"], self._body_bytes_max)

    def _limited(self, receive: Receive, bytes_max: int) -> Receive:
        """Count what comes, announced or not, and how long it takes."""
        read_bytes, complete = 0, False
        deadline_s = asyncio.get_running_loop().time() + self._body_s_max

        async def counted() -> Message:
            nonlocal read_bytes, complete
            if complete:
                return await receive()  # whether the client has left
            try:
                async with asyncio.timeout_at(deadline_s):
                    message = await receive()
            except TimeoutError:
                raise ApiError(408, "too_slow", "The body did not come in time.") from None
            complete = not message.get("more_body", False)
            read_bytes += len(message.get("body", b""))
            if read_bytes > bytes_max:
                more = message.get("more_body", False)
                await self._refuse_body(receive, bytes_max, read_bytes, more)
            return message

        return counted

    async def _refuse_body(
        self, receive: Receive, bytes_max: int, read_bytes: int = 0, more: bool = True
    ) -> None:
        """Raise, after throwing away what still comes: an answer before would be lost by a reset.

        Only so much; who sends more than that is cut off.
        """
        while more and read_bytes < DISCARD_FACTOR * bytes_max:
            message = await receive()
            read_bytes += len(message.get("body", b""))
            more = message.get("more_body", False)
        raise ApiError(413, "too_large", f"The body is larger than {bytes_max} bytes.")


def is_same_origin(origin: str, host: str | None, scheme: str) -> bool:
    """Whether the page that asks was served by us.

    Compared with the Host header. Under TLS the page must be of TLS too; without, a proxy before us
    may have ended it.
    """
    try:
        parts = urlsplit(origin)
    except ValueError:  # no URL at all
        return False
    if parts.scheme not in {"http", "https"} or not host:
        return False
    if scheme in {"https", "wss"} and parts.scheme != "https":
        return False
    return parts.netloc.lower() == host.lower()
