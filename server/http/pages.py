"""The pages of the faces, their assets, the service worker; and whether the server is well.

`make setup` builds them into server/web: one HTML file a face, assets named by their content.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Protocol

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import (
    FileResponse,
    HTMLResponse,
    PlainTextResponse,
    RedirectResponse,
    Response,
)
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from server.http.auth import require, session_of
from server.http.errors import ApiError, json
from server.http.faces import FACES, faces_of
from server.metrics import Metrics
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool

WEB_DIR = Path(__file__).parent.parent / "web"
READY_S_MAX = 2.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})
"""Who may read the metrics without signing in: a scraper on this machine."""
FORWARDED = ("forwarded", "x-forwarded-for", "x-real-ip", "via")
"""What proxies add."""
_FOREVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"
_NOT_BUILT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Ridgeline</title>
<h1>The pages are not built</h1><p>Ridgeline runs, but its web pages are missing. In the source
folder run <code>make setup</code>, then load this page again.</p>
<p lang="zh">服务正在运行，但网页尚未构建。请在源代码目录运行 <code>make setup</code>，再刷新。</p>
</html>"""
_NO_FACE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>Ridgeline</title>
<h1>Nothing to show for this role</h1><p>You are signed in as {name}. {why}</p>
<p><a href="/login">Sign in as somebody else</a></p></html>"""

Check = Callable[[], Awaitable[bool]]


class PagesServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def pool(self) -> Pool: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def checks(self) -> Mapping[str, Check]:
        """What the server cannot work without."""

    @property
    def helpers(self) -> Mapping[str, Check]:
        """What it can do without for a while."""


class Assets(StaticFiles):
    """Files whose names change with their content."""

    async def check_config(self) -> None:
        """Without a build every asset is a plain 404; the pages say what to do."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers["cache-control"] = _FOREVER
        return response


def routes(services: PagesServices, web_dir: Path = WEB_DIR) -> list[BaseRoute]:
    async def home(request: Request) -> Response:
        session = await session_of(request)
        if session is None or session.user.must_change_password:
            return RedirectResponse("/login", 303)
        for face, roles in FACES.items():
            if set(roles) & set(session.user.roles):
                return RedirectResponse(f"/{face}", 303)
        return _no_face(session.user.username, "This account has no role.")

    def open_page(name: str) -> Route:
        """Shown to whoever asks: nothing of the county is on it."""

        async def serve(request: Request) -> Response:
            return _file(request, web_dir / f"{name}.html")

        return Route(f"/{name}", serve)

    def face(name: str) -> Callable[[Request], Awaitable[Response]]:
        async def page(request: Request) -> Response:
            session = await session_of(request)
            if session is None or session.user.must_change_password:
                return RedirectResponse(f"/login?next=/{name}", 303)
            if name not in faces_of(session.user.roles):
                why = f"This page is for the role {' or '.join(FACES[name])}."
                return _no_face(session.user.username, why, 403)
            return _file(request, web_dir / f"{name}.html")

        return page

    def plain(name: str) -> Route:
        async def serve(request: Request) -> Response:
            return _file(request, web_dir / name)

        return Route(f"/{name}", serve)

    async def healthz(request: Request) -> Response:
        return json({"status": "ok"})

    async def readyz(request: Request) -> Response:
        if failing := await down(services.checks):
            told = {"down": failing}
            raise ApiError(503, "unavailable", f"Down: {', '.join(failing)}.", told)
        return json({"status": "ok", "without": await down(services.helpers)})

    async def metrics(request: Request) -> Response:
        if not _is_of_this_machine(request):
            await require(request, "admin")
        return PlainTextResponse(services.metrics.text(), headers={"cache-control": "no-store"})

    return [
        Route("/", home),
        open_page("login"),
        open_page("styleguide"),
        *(Route(f"/{name}", face(name)) for name in FACES),
        plain("sw.js"),
        plain("manifest.webmanifest"),
        Mount("/assets", Assets(directory=web_dir / "assets", check_dir=False)),
        Mount("/licenses", Assets(directory=web_dir / "licenses", check_dir=False)),
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
    ]


def _is_of_this_machine(request: Request) -> bool:
    """And not somebody else's, handed on by a proxy here."""
    here = request.client is not None and request.client.host in LOOPBACK
    return here and not any(name in request.headers for name in FORWARDED)


def _file(request: Request, path: Path) -> Response:
    """A page is asked for again each time; its assets are not."""
    if not path.is_file():
        if path.suffix == ".html":
            return HTMLResponse(_NOT_BUILT, 503, {"cache-control": "no-store"})
        raise HTTPException(404)
    response = FileResponse(path, stat_result=path.stat(), headers={"cache-control": _ASK_AGAIN})
    if response.headers["etag"] in request.headers.get("if-none-match", ""):
        kept = {name: response.headers[name] for name in ("etag", "cache-control")}
        return Response(status_code=304, headers=kept)
    return response


def _no_face(name: str, why: str, status: int = 200) -> Response:
    """User names hold no character that HTML minds."""
    return HTMLResponse(_NO_FACE.format(name=name, why=why), status, {"cache-control": "no-store"})


async def down(checks: Mapping[str, Check]) -> list[str]:
    """Names of those that fail, or do not answer in time."""
    answers = await asyncio.gather(*(_answers(check) for check in checks.values()))
    return [name for name, well in zip(checks, answers, strict=True) if not well]


async def _answers(check: Check) -> bool:
    try:
        async with asyncio.timeout(READY_S_MAX):
            return await check()
    except STORE_AWAY:
        return False
