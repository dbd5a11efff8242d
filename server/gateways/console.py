"""The consoles' door: `/v1/console`, sub-protocol `ridgeline.console.v1.json` (docs/http-api.md).

Who may look is `server.http.auth`'s business, and foreign origins are refused by
`server.http.security` before they come here. What is told is the hub's.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import Final, Protocol

from starlette.responses import PlainTextResponse
from starlette.routing import BaseRoute, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from protocols.native import CloseCode
from server.accesslog import AccessLog
from server.gateways.conversation import TRY_AGAIN_LATER
from server.gateways.hub import Console, ConsoleHub
from server.http.auth import address_of, require
from server.http.errors import ApiError
from server.journal.attendance import Full
from server.stores.away import STORE_AWAY

__all__ = ["PATH", "SUBPROTOCOL", "ConsoleHub", "routes", "serve"]

logger = logging.getLogger(__name__)

PATH: Final = "/v1/console"
SUBPROTOCOL: Final = "ridgeline.console.v1.json"
ROLES: Final = ("dispatcher", "supervisor")
CLOSE_S_MAX: Final = 2.0
SESSION_OVER: Final = 4002
SEQ_DIGITS_MAX: Final = 18


class Services(Protocol):
    """What this door needs of the wired services."""

    @property
    def hub(self) -> ConsoleHub: ...
    @property
    def access(self) -> AccessLog: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    hub, access = services.hub, services.access

    async def console(socket: WebSocket) -> None:
        user = await require(socket, *ROLES)
        if SUBPROTOCOL not in socket.scope["subprotocols"]:
            text = f"This door speaks the WebSocket sub-protocol {SUBPROTOCOL}; offer it."
            await socket.send_denial_response(PlainTextResponse(text, 400))
            return
        if hub.is_full:
            raise _no_place()
        try:
            async with access.at_the_map(user.actor, address_of(socket)):
                await _let_in(socket, hub, user.username)
        except Full:
            raise _no_place() from None

    return [WebSocketRoute(PATH, console)]


def _no_place() -> ApiError:
    return ApiError(503, "unavailable", "No more consoles just now; try again.")


async def _let_in(socket: WebSocket, hub: ConsoleHub, username: str) -> None:
    await socket.accept(subprotocol=SUBPROTOCOL)
    try:
        async with hub.joined(*_stood_at(socket), username=username) as joined:
            await serve(socket, joined, hub)
    except TimeoutError:
        await socket.close(TRY_AGAIN_LATER, "the server is not ready")


def _stood_at(socket: WebSocket) -> tuple[str, int]:
    """Epoch and seq of the last message that the console had; what is no number is none."""
    query = socket.query_params
    seq = query.get("seq", "")
    number = int(seq) if seq.isascii() and seq.isdigit() and len(seq) <= SEQ_DIGITS_MAX else -1
    return query.get("epoch", ""), number


async def serve(socket: WebSocket, console: Console, hub: ConsoleHub) -> None:
    """Send to one console until either side ends it, or its user is not signed in any more."""
    tasks = [
        asyncio.create_task(_send(socket, console), name="console-send"),
        asyncio.create_task(_listen(socket, console), name="console-listen"),
        asyncio.create_task(_watch(socket, console, hub), name="console-watch"),
    ]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        results = await asyncio.gather(*tasks, return_exceptions=True)
    for result in results:
        if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
            raise result
    if console.closing is None:
        return
    code, reason = console.closing
    hub.metrics.count("console_closed", code=str(code))
    try:
        async with asyncio.timeout(CLOSE_S_MAX):
            await socket.close(code, reason)
    except (WebSocketDisconnect, TimeoutError):
        logger.info("a console was gone before its close frame (%d)", code)


async def _send(socket: WebSocket, console: Console) -> None:
    while (text := await console.next()) is not None:
        await socket.send_text(text)


async def _listen(socket: WebSocket, console: Console) -> None:
    """A console has nothing to say; what it says ends the connection."""
    message = await socket.receive()
    if message["type"] == "websocket.receive":
        console.close(CloseCode.PROTOCOL, "this feed only speaks")


async def _watch(socket: WebSocket, console: Console, hub: ConsoleHub) -> None:
    """Ends when the console is closed from outside while its socket takes nothing, too."""
    while console.closing is None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(hub.limits.signed_in_s):
                await console.stirred.wait()
        if console.closing is None:
            console.stirred.clear()
            await _check_signed_in(socket, console)


async def _check_signed_in(socket: WebSocket, console: Console) -> None:
    del socket.state.session  # asked of the database again
    try:
        await require(socket, *ROLES)
    except ApiError as error:
        console.close(SESSION_OVER, error.message)
    except STORE_AWAY as error:
        logger.info("whether a console's user is signed in is not known now: %s", error)
