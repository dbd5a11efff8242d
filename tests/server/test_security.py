"""Guards before any handler: origin, size, headers, and one form of errors; over a real socket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from server.accesslog import AccessLog
from server.http import pages
from server.http.app import assemble
from server.http.auth import Auth, require
from server.http.errors import ApiError, FailureMiddleware, json
from server.http.security import is_same_origin
from server.limits import Limits
from server.metrics import Metrics
from server.stores.pool import Pool
from tests.http_server import client_of, serving
from tests.patience import PATIENCE_S

BODY_BYTES_MAX = 1000


async def echo(request: Request) -> Response:
    return json({"bytes": len(await request.body())})


async def bug(request: Request) -> Response:
    raise RuntimeError("a bug")


async def database_away(request: Request) -> Response:
    raise asyncpg.ConnectionDoesNotExistError("gone")


async def bad_id(request: Request) -> Response:
    pool: Pool = request.app.state.pool
    return json(await pool.fetchval("SELECT 1 WHERE $1::uuid IS NULL", request.query_params["id"]))


async def feed(websocket: WebSocket) -> None:
    await require(websocket, "dispatcher")
    raise AssertionError("nobody is signed in here")


async def open_feed(websocket: WebSocket) -> None:
    await websocket.accept()
    await websocket.send_text("hello")
    raise RuntimeError("a bug")


ROUTES: list[BaseRoute] = [
    Route("/echo", echo, methods=["POST", "GET"]),
    Route("/bug", bug),
    Route("/away", database_away),
    Route("/bad-id", bad_id),
    WebSocketRoute("/feed", feed),
    WebSocketRoute("/open-feed", open_feed),
]


@pytest.fixture
async def app(pool: Pool) -> AsyncIterator[Starlette]:
    auth = Auth(pool, Limits())
    app = assemble(ROUTES, auth=auth, access=AccessLog(pool), body_bytes_max=BODY_BYTES_MAX)
    app.state.pool = pool
    yield app
    auth.close()


@pytest.fixture
async def url(app: Starlette) -> AsyncIterator[str]:
    async with serving(app) as address:
        yield address


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# -- origin -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("origin", "scheme", "expected"),
    [
        ("http://county.example:8080", "http", True),
        ("https://county.example:8080", "http", True),  # a proxy before us ended TLS
        ("https://county.example:8080", "https", True),
        ("http://county.example:8080", "https", False),
        ("http://county.example", "http", False),
        ("http://county.example:8080.evil.example", "http", False),
        ("http://evil.example", "http", False),
        ("null", "http", False),
        ("", "http", False),
        ("file://county.example:8080", "http", False),
    ],
)
def test_origin_is_compared_with_the_host(origin: str, scheme: str, expected: bool) -> None:
    assert is_same_origin(origin, "county.example:8080", scheme) is expected


async def test_foreign_origin_may_read_but_not_change(url: str) -> None:
    async with httpx.AsyncClient(
        base_url=url, headers={"origin": "http://evil.example"}, timeout=PATIENCE_S
    ) as evil:
        assert error_of(await evil.post("/echo")) == (403, "foreign_origin")
        assert (await evil.get("/echo")).status_code == 200


async def test_programs_without_origin_are_served(url: str) -> None:
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE_S) as program:
        assert (await program.post("/echo", content=b"abc")).json() == {"bytes": 3}


@pytest.mark.parametrize(("origin", "status"), [("http://evil.example", 403), (None, 401)])
async def test_websocket_of_a_foreign_page_is_refused_before_the_user_is_asked(
    url: str, origin: str | None, status: int
) -> None:
    address = url.replace("http", "ws") + "/feed"

    with pytest.raises(websockets.InvalidStatus) as refused:
        await websockets.connect(
            address,
            origin=origin,  # type: ignore[arg-type]
            proxy=None,
            open_timeout=PATIENCE_S,
        )

    assert refused.value.response.status_code == status
    assert "content-security-policy" in refused.value.response.headers


# -- size ---------------------------------------------------------------------------------


async def test_oversized_body_is_refused_whether_announced_or_not(url: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    async with client_of(url) as client:
        announced = await client.post("/echo", content=b"x" * (BODY_BYTES_MAX + 1))
        chunked = await client.post("/echo", content=chunks())
        largest = await client.post("/echo", content=b"x" * BODY_BYTES_MAX)

    assert error_of(announced) == (413, "too_large")
    assert error_of(chunked) == (413, "too_large")
    assert largest.json() == {"bytes": BODY_BYTES_MAX}


# -- headers and errors -------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/echo", "/bug", "/away", "/nowhere"])
async def test_every_answer_carries_the_guards(url: str, path: str) -> None:
    async with client_of(url) as client:
        headers = (await client.get(path)).headers

    policy = dict(rule.split(" ", 1) for rule in headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'self'"
    assert policy["script-src"] == policy["style-src"] == "'self'"  # nothing inline, nothing eval
    assert policy["frame-ancestors"] == policy["object-src"] == "'none'"
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["x-frame-options"] == "DENY"
    assert headers["referrer-policy"] == "same-origin"
    assert "geolocation=(self)" in headers["permissions-policy"]
    assert "strict-transport-security" not in headers


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("/bug", (500, "internal")),
        ("/away", (503, "unavailable")),
        ("/bad-id?id=7", (404, "not_found")),
        ("/nowhere", (404, "not_found")),
    ],
)
async def test_errors_have_one_form_and_tell_nothing(
    url: str, path: str, expected: tuple[int, str]
) -> None:
    async with client_of(url) as client:
        answer = await client.get(path)

    assert error_of(answer) == expected
    assert "a bug" not in answer.text


async def test_wrong_method_is_a_405(url: str) -> None:
    async with client_of(url) as client:
        answer = await client.post("/bug")

    assert error_of(answer) == (405, "method_not_allowed")
    assert "GET" in answer.headers["allow"]


async def test_failing_websocket_is_closed_with_1011(url: str) -> None:
    async with websockets.connect(
        url.replace("http", "ws") + "/open-feed", proxy=None, open_timeout=PATIENCE_S
    ) as websocket:
        assert await websocket.recv() == "hello"
        with pytest.raises(websockets.ConnectionClosedError) as closed:
            await websocket.recv()

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1011


def test_api_error_is_readable_in_a_log() -> None:
    assert str(ApiError(409, "exists", "There is one already.")) == "There is one already."


# -- pages --------------------------------------------------------------------------------


class SomePages:
    """Services of the pages, with checks that can be switched."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.metrics = Metrics()
        self.well = True
        self.checks: dict[str, pages.Check] = {"postgresql": self._check}
        self.helpers: dict[str, pages.Check] = {"valkey": self._check}

    async def _check(self) -> bool:
        return self.well


def built(folder: Path) -> Path:
    (folder / "assets").mkdir()
    (folder / "assets" / "login-ABC.js").write_text("x" * 2000)
    (folder / "login.html").write_text("<!doctype html>")
    (folder / "sw.js").write_text("self")
    return folder


async def test_pages_are_asked_for_again_and_assets_never(pool: Pool, tmp_path: Path) -> None:
    auth = Auth(pool, Limits())
    routes = pages.routes(SomePages(pool), built(tmp_path))
    async with (
        serving(assemble(routes, auth=auth, access=AccessLog(pool), body_bytes_max=1)) as url,
        client_of(url) as client,
    ):
        page, asset = await client.get("/login"), await client.get("/assets/login-ABC.js")
        worker, outside = await client.get("/sw.js"), await client.get("/assets/../login.html")
        fresh = await client.get("/login", headers={"if-none-match": page.headers["etag"]})
        gone = await client.get("/assets/old-123.js")
    auth.close()

    assert page.headers["cache-control"] == worker.headers["cache-control"] == "no-cache"
    assert asset.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert asset.headers["content-encoding"] == "gzip"
    assert "javascript" in worker.headers["content-type"]
    assert (outside.status_code, gone.status_code, fresh.status_code) == (404, 404, 304)


async def test_missing_build_says_what_to_do(pool: Pool, tmp_path: Path) -> None:
    auth = Auth(pool, Limits())
    routes = pages.routes(SomePages(pool), tmp_path / "nowhere")
    async with (
        serving(assemble(routes, auth=auth, access=AccessLog(pool), body_bytes_max=1)) as url,
        client_of(url) as client,
    ):
        page, asset = await client.get("/login"), await client.get("/assets/x.js")
    auth.close()

    assert page.status_code == 503
    assert "make setup" in page.text
    assert error_of(asset) == (404, "not_found")


async def test_metrics_are_for_this_machine_and_for_administrators(
    pool: Pool, tmp_path: Path
) -> None:
    auth, services = Auth(pool, Limits()), SomePages(pool)
    services.metrics.count("frames_refused", 3)
    routes = pages.routes(services, tmp_path)
    async with (
        serving(assemble(routes, auth=auth, access=AccessLog(pool), body_bytes_max=1)) as url,
        client_of(url) as client,
    ):
        here = await client.get("/metrics")
        elsewhere = await client.get("/metrics", headers={"x-forwarded-for": "192.0.2.7"})
    auth.close()

    assert here.text == "ridgeline_frames_refused_total 3\n"
    assert error_of(elsewhere) == (401, "not_signed_in")


async def test_readiness_says_what_is_down(pool: Pool, tmp_path: Path) -> None:
    auth, services = Auth(pool, Limits()), SomePages(pool)
    routes = pages.routes(services, tmp_path)
    async with (
        serving(assemble(routes, auth=auth, access=AccessLog(pool), body_bytes_max=1)) as url,
        client_of(url) as client,
    ):
        ready = await client.get("/readyz")
        services.well = False
        down, alive = await client.get("/readyz"), await client.get("/healthz")
    auth.close()

    assert ready.json() == {"status": "ok", "without": []}
    assert (down.status_code, down.json()["error"]["detail"]) == (503, {"down": ["postgresql"]})
    assert alive.json() == {"status": "ok"}


async def test_who_leaves_before_the_answer_is_no_failure(caplog: pytest.LogCaptureFixture) -> None:
    async def accept(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "websocket.accept"})

    async def gone(message: Message) -> None:
        raise OSError("the other end has gone")  # what ASGI asks of a server

    async def nothing() -> Message:
        raise AssertionError("nobody asks")

    await FailureMiddleware(accept)({"type": "websocket", "path": "/feed"}, nothing, gone)

    assert caplog.records == []
