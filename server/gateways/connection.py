"""One device's WebSocket: the I/O around a `Conversation`.

Four tasks: `_read` turns frames into events and handles them one after the other (so a slow store
stops the reading, and TCP holds the device back), `_write` sends what the session has, `_fetch`
fills the session from the device's log, `_watch` keeps its deadlines. The first to end ends all.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Any, Final

from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState

from protocols.native import CloseCode
from server.gateways.conversation import Conversation, House
from server.gateways.field import Field
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

RETRY_S: Final = 1.0
"""Until the log is read again after the store failed."""
CLOSE_S_MAX: Final = 2.0
"""To hand the close frame to a peer that may not be reading."""


class Connection(Conversation):
    """Serves one accepted WebSocket until it ends."""

    def __init__(self, socket: WebSocket, field: Field, house: House, *, token: str) -> None:
        super().__init__(field, house, token=token)
        self._socket = socket
        self._to_write, self._to_fetch, self._to_watch = (asyncio.Event() for _ in range(3))

    async def serve(self) -> None:
        """Until the peer leaves, the session closes, or the server cancels."""
        jobs: list[Callable[[], Any]] = [self._read, self._write, self._fetch, self._watch]
        tasks = [asyncio.create_task(job(), name=f"device-{job.__name__}") for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self.finished.set()
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, WebSocketDisconnect):
                raise result
        await self._say_goodbye()

    def wake(self) -> None:
        self._to_write.set()
        self._to_watch.set()

    def log_grew(self) -> None:
        super().log_grew()
        self._to_fetch.set()

    async def _read(self) -> None:
        while self.session.closing is None:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if (text := message.get("text")) is None:
                self.session.close(CloseCode.PROTOCOL, "text frames only")
            else:
                self.session.receive(text, _now())
            for event in self.session.events():
                await self.handle(event)
            self.wake()
            if pause_s := self.session.throttle_s(_now()):
                self._metrics.count("device_throttled")
                await asyncio.sleep(pause_s)

    async def _write(self) -> None:
        while True:
            self._to_write.clear()
            for frame in self.session.data_to_send():
                await self._socket.send({"type": "websocket.send", "text": frame.decode()})
            if self.device is not None:
                sent = self.session.commands_sent()
                self._feed.written(sent)
                if sent or self._feed.has_more:
                    self._to_fetch.set()
            if not self.session.queue_bytes:
                await self._to_write.wait()

    async def _fetch(self) -> None:
        """One page at a time; the writer asks for the next when this one has left."""
        while True:
            await self._to_fetch.wait()
            self._to_fetch.clear()
            try:
                await self._feed.mark_sent()
                if await self._feed.fill():
                    self.wake()
            except STORE_AWAY as error:
                self._metrics.count("device_feed_failures")
                logger.warning("the log of %s cannot be read now: %s", self.key[0], error)
                self._feed.has_more = True
                await asyncio.sleep(RETRY_S)
                self._to_fetch.set()

    async def _watch(self) -> None:
        while (deadline := self.session.next_deadline()) is not None:
            self._to_watch.clear()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._to_watch.wait()
            except TimeoutError:
                self.session.expire(_now())
                self._to_write.set()

    async def _say_goodbye(self) -> None:
        closing = self.session.closing
        if closing is None or self._socket.client_state is WebSocketState.DISCONNECTED:
            return
        self._metrics.count("device_closed", code=str(closing.code))
        try:
            async with asyncio.timeout(CLOSE_S_MAX):
                await self._socket.close(closing.code, closing.reason)
        except (WebSocketDisconnect, TimeoutError):
            logger.info("a device was gone before its close frame (%d)", closing.code)


def _now() -> float:
    return asyncio.get_running_loop().time()
