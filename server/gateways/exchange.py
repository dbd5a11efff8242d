"""The devices' door for networks that let no WebSocket pass: `/v1/up` and `/v1/cmd`.

One request is one short conversation of the same kind: it says hello and brings frames, the answer
brings frames, one a line (docs/protocol.md). `up` takes records and acknowledges what is durable;
`cmd` waits for commands, and is the installation's live conversation while it waits, so a newer
one, or a WebSocket, takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import Annotated, Any, Final, Protocol

import msgspec
from msgspec import Meta
from starlette.background import BackgroundTask
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from devices.session_flow import Budget
from protocols import native
from protocols.errors import MALFORMED_JSON
from protocols.native import CloseCode, Hello
from server.gateways.conversation import TRY_AGAIN_LATER, Conversation, House
from server.gateways.device import RETRY_AFTER_S, address_of, bearer
from server.gateways.door import Full
from server.gateways.field import Field
from server.gateways.sessions import Sessions
from server.http.errors import ApiError
from server.http.texts import in_words
from server.stores import devices
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

UP_PATH: Final = "/v1/up"
COMMANDS_PATH: Final = "/v1/cmd"
WAIT_S_MAX: Final = 30
"""Below the minute after which proxies cut a request that stays silent."""
UPLINKS_PER_DEVICE_MAX: Final = 4
"""Requests to `up` of one device at once; more get 503."""
BUDGETS_LEN_MAX: Final = 10_000
"""Installations whose pace is remembered between two requests; the oldest is forgotten."""
MEDIA_TYPE: Final = "application/x-ndjson"

_ANSWERS: Final = {
    int(CloseCode.REPLACED): (409, "replaced"),
    int(CloseCode.AUTH): (401, "not_accepted"),
    int(CloseCode.PROTOCOL): (400, "protocol"),
}
"""What a close code is over HTTP; every other is 503."""


class Services(Protocol):
    """What this door needs of the wired services."""

    @property
    def sessions(self) -> Sessions: ...


class _Asked(msgspec.Struct, frozen=True, kw_only=True):
    """The query of `cmd` besides the hello."""

    wait: Annotated[float, Meta(ge=0, le=WAIT_S_MAX)] = 0


class Exchange(Conversation):
    """One request and its answer."""

    def __init__(self, field: Field, house: House, *, token: str, pace: Pace) -> None:
        super().__init__(field, house, token=token)
        self._pace = pace
        self._woken = asyncio.Event()

    def wake(self) -> None:
        self._woken.set()

    async def say(self, frames: Iterable[bytes]) -> None:
        """Take the device's frames one after the other, until the last, or until one closes."""
        for frame in frames:
            self.session.receive(frame, _now())
            for event in self.session.events():
                await self.handle(event)
            if self.session.closing is not None:
                return
            if self.device is not None:
                self.session.budget = self._pace.of(self.key, self.session.budget)
            if pause_s := self.session.throttle_s(_now()):
                self._metrics.count("device_throttled")
                await asyncio.sleep(pause_s)

    async def settle(self) -> None:
        """Acknowledge what was taken as soon as it is durable. Raises what the store raises."""
        device_id, install_id = self.key
        await self._uplink.flush()
        async with self._field.pool.acquire() as conn:
            stored = await devices.up_seq(conn, device_id=device_id, install_id=install_id)
        self.session.ack(stored, _now())
        self.session.ack_now(_now())

    async def listen(self, wait_s: float, gone: Awaitable[object]) -> None:
        """Fill the session with commands; while there is none, wait for one."""
        deadline = _now() + wait_s
        left = asyncio.ensure_future(gone)
        try:
            while self.session.closing is None and not left.done():
                self._woken.clear()
                if await self._feed.fill() or _now() >= deadline:
                    return
                woken = asyncio.ensure_future(self._woken.wait())
                await asyncio.wait(
                    {woken, left}, timeout=deadline - _now(), return_when=asyncio.FIRST_COMPLETED
                )
                woken.cancel()
        finally:
            left.cancel()

    def answer(self) -> Response:
        """What the session has to say. Raises `ApiError` when it was closed."""
        if (closing := self.session.closing) is not None:
            self._metrics.count("device_closed", code=str(closing.code))
            raise _refusal(closing.code, closing.reason)
        lines = b"".join(frame + b"\n" for frame in self.session.data_to_send())
        self._feed.written(self.session.commands_sent())
        return Response(
            lines,
            headers={"cache-control": "no-store"},
            media_type=MEDIA_TYPE,
            background=BackgroundTask(self._mark_sent),
        )

    async def _mark_sent(self) -> None:
        try:
            await self._feed.mark_sent()
        except STORE_AWAY as error:
            logger.info("when commands were sent over HTTP is not stored: %s", error)


class Pace:
    """How fast installations may go on, kept from one request to the next."""

    def __init__(self) -> None:
        self._budgets: OrderedDict[tuple[str, str], Budget] = OrderedDict()

    def of(self, key: tuple[str, str], fresh: Budget) -> Budget:
        """The installation's budget; `fresh` is kept where there is none."""
        budget = self._budgets.setdefault(key, fresh)
        self._budgets.move_to_end(key)
        if len(self._budgets) > BUDGETS_LEN_MAX:
            self._budgets.popitem(last=False)
        return budget


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    sessions = services.sessions
    pace = Pace()
    uplinks: Counter[str] = Counter()

    async def up(request: Request) -> Response:
        lines = [line for line in (await request.body()).splitlines() if line.strip()]

        async def take(exchange: Exchange) -> None:
            await exchange.say(lines[:1])
            if exchange.device is None or exchange.session.closing is not None:
                return
            with _counted(uplinks, exchange):
                await exchange.say(lines[1:])
                if exchange.session.closing is None:
                    await exchange.settle()

        if not lines:
            raise ApiError(400, "malformed", "The first line of the body is the hello.")
        return await _converse(sessions, request, take, pace=pace, lives=False)

    async def cmd(request: Request) -> Response:
        hello, wait_s = _question(request)

        async def take(exchange: Exchange) -> None:
            await exchange.say([native.encode(hello)])
            if exchange.session.closing is None:
                await exchange.listen(wait_s, _gone(request))

        return await _converse(sessions, request, take, pace=pace, lives=True)

    return [
        Route(UP_PATH, up, methods=["POST"]),
        Route(COMMANDS_PATH, cmd, methods=["GET"]),
    ]


async def _converse(
    sessions: Sessions,
    request: Request,
    take: Callable[[Exchange], Awaitable[None]],
    *,
    pace: Pace,
    lives: bool,
) -> Response:
    """`lives`: it is the installation's one live conversation, and a sign of life."""
    try:
        with sessions.place(address_of(request)) as place:
            house = sessions.house(place, lives=lives)
            exchange = Exchange(sessions.field, house, token=bearer(request), pace=pace)
            async with sessions.present(exchange, stays=False):
                try:
                    await take(exchange)
                finally:
                    exchange.finished.set()
            return exchange.answer()
    except Full:
        raise _refusal(TRY_AGAIN_LATER, "no more connections just now") from None


def _question(request: Request) -> tuple[Hello, float]:
    """The hello and the seconds to wait, from the query. Raises `ApiError` 400."""
    query: dict[str, Any] = dict(request.query_params)
    query.pop("tok", None)  # a secret has no place in an address
    query["caps"] = request.query_params.getlist("caps")
    try:
        return (
            msgspec.convert(query, Hello, strict=False),
            msgspec.convert(query, _Asked, strict=False).wait,
        )
    except MALFORMED_JSON as error:
        why = in_words(str(error))
        raise ApiError(400, "malformed", f"The query is not what this call takes: {why}") from None


@contextlib.contextmanager
def _counted(uplinks: Counter[str], exchange: Exchange) -> Iterator[None]:
    device_id = exchange.key[0]
    if uplinks[device_id] >= UPLINKS_PER_DEVICE_MAX:
        exchange.close(TRY_AGAIN_LATER, "too many requests of this device at once")
    uplinks[device_id] += 1
    try:
        yield
    finally:
        uplinks[device_id] -= 1
        if not uplinks[device_id]:
            del uplinks[device_id]


async def _gone(request: Request) -> None:
    """Return when the client has left."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _refusal(code: int, reason: str) -> ApiError:
    status, name = _ANSWERS.get(code, (503, "unavailable"))
    headers = {"retry-after": str(RETRY_AFTER_S)} if status == 503 else {}
    return ApiError(status, name, reason, {"close": code}, headers=headers)


def _now() -> float:
    return asyncio.get_running_loop().time()
