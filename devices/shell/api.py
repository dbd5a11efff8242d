"""A small client of the server's HTTP API: JSON over the standard library, one session cookie.

Blocking calls run in worker threads, so that the event loop goes on.
"""

from __future__ import annotations

import asyncio
import http.cookiejar
import urllib.error
import urllib.request
from typing import Any, Final

import msgspec

TIMEOUT_S: Final = 15.0
ANSWER_BYTES_MAX: Final = 8 << 20


class ApiProblem(Exception):
    """The server said no; `code` is the one of the API's error body."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code = status, code


class Unreachable(Exception):
    """Nobody answers at that address."""


class Api:
    """One signed-in user of one server."""

    def __init__(self, url: str) -> None:
        """`url`: http://host:port. Raises ValueError for anything else."""
        if not url.startswith(("http://", "https://")):
            raise ValueError(f"{url!r} is no address of a server: it begins with http or https")
        self._url = url.rstrip("/")
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()),
        )

    async def sign_in(self, username: str, password: str) -> None:
        """Raises ApiProblem, Unreachable."""
        await self.post("/api/login", {"username": username, "password": password})

    async def get(self, path: str) -> Any:
        """Raises ApiProblem, Unreachable."""
        return await asyncio.to_thread(self._call, "GET", path, None)

    async def post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        """Raises ApiProblem, Unreachable."""
        return await asyncio.to_thread(self._call, "POST", path, body or {})

    def _call(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        request = urllib.request.Request(  # noqa: S310 - the scheme is checked above
            self._url + path,
            data=None if body is None else msgspec.json.encode(body),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            method=method,
        )
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                content = answer.read(ANSWER_BYTES_MAX)
        except urllib.error.HTTPError as error:
            with error:
                raise _problem(error.code, error.read(ANSWER_BYTES_MAX)) from None
        except (urllib.error.URLError, OSError) as error:
            raise Unreachable(str(getattr(error, "reason", error))) from None
        return msgspec.json.decode(content) if content else None


def _problem(status: int, content: bytes) -> ApiProblem:
    try:
        error = msgspec.json.decode(content)["error"]
        return ApiProblem(status, str(error["code"]), str(error["message"]))
    except (msgspec.DecodeError, KeyError, TypeError):
        return ApiProblem(status, "unknown", f"the server answered {status}")
