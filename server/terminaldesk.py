"""What a dispatcher asks of one terminal at once: where it is now, and video.

Not an order: nobody answers for it, and nothing waits for a terminal that is not there. Whichever
process holds its link does it and says what came of it, over the fan-out. Who asked is in the log
before the terminal is. Knows no link.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from server.dispatch.errors import Conflict, NotFound
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.jt808settings import MediaServer
from server.ports import Clock, FanOut
from server.stores import journal
from server.stores.pool import Pool

logger = logging.getLogger(__name__)

ASK_TOPIC: Final = "terminal_ask"
TOLD_TOPIC: Final = "terminal_told"
THERE_S_MAX: Final = 2.0
"""Until some process says that it holds the link."""
ANSWER_S_MAX: Final = 15.0
"""Until the terminal has answered; it is asked again within it."""
WAITING_MAX: Final = 200
"""Questions that wait for an answer at once; more are refused."""

ANSWERS_MAX: Final = 8
"""Of one question; two are due, and a device may be connected in two processes for a moment."""

What = Literal["locate", "stream", "stream_end"]
Outcome = Literal["asked", "done", "failed", "unsupported", "limited", "no_answer"]
"""`asked`: its link is here; `limited`: its battery is spared and it is not to stream."""

DEVICE = """
SELECT device.id, unit.call_sign FROM device LEFT JOIN unit ON unit.id = device.unit_id
WHERE device.id = $1 AND device.disabled_at IS NULL
"""


class Ask(Struct, frozen=True, kw_only=True):
    """As it travels on the fan-out."""

    id: str
    device_id: str
    what: What
    channel: int = 1
    sub_stream: bool = True


class Told(Struct, frozen=True, kw_only=True):
    """What came of it."""

    id: str
    outcome: Outcome
    phone: str = ""
    """By which the media server knows the terminal."""


class StreamView(Struct, frozen=True, kw_only=True):
    """POST /api/devices/{id}/stream: the terminal sends video there."""

    device_id: str
    phone: str
    channel: int
    media: str
    """host:port of the media server."""


_REFUSALS: Final[dict[Outcome, str]] = {
    "failed": "The terminal says that it failed.",
    "unsupported": "The terminal does not support it.",
    "limited": "Its battery is spared: it is not to stream now.",
    "no_answer": "The terminal does not answer.",
}
_KINDS: Final[dict[What, JournalKind]] = {
    "locate": JournalKind.DEVICE_POSITION_ASKED,
    "stream": JournalKind.DEVICE_VIDEO_ASKED,
    "stream_end": JournalKind.DEVICE_VIDEO_ENDED,
}


class TerminalDesk:
    """`by` is who asks: `user:<username>`."""

    def __init__(
        self, *, pool: Pool, fanout: FanOut, clock: Clock, media: MediaServer | None
    ) -> None:
        self._pool, self._fanout, self._clock, self._media = pool, fanout, clock, media
        self._waiting: dict[str, asyncio.Queue[Told]] = {}
        fanout.subscribe(TOLD_TOPIC, self._told)

    async def locate(self, device_id: str, *, by: str) -> None:
        """Ask it for its position; it comes like any other. Raises `NotFound`, `Conflict`."""
        await self._ask(Ask(id=new_id(), device_id=device_id, what="locate"), by)

    async def start_stream(
        self, device_id: str, *, channel: int, sub_stream: bool, by: str
    ) -> StreamView:
        """Have it stream to the media server. Raises `NotFound`, `Conflict`."""
        media = self._require_media()
        told = await self._ask(
            Ask(
                id=new_id(),
                device_id=device_id,
                what="stream",
                channel=channel,
                sub_stream=sub_stream,
            ),
            by,
        )
        return StreamView(
            device_id=device_id,
            phone=told.phone,
            channel=channel,
            media=f"{media.host}:{media.port}",
        )

    async def end_stream(self, device_id: str, *, channel: int, by: str) -> None:
        """Raises `NotFound`, `Conflict`."""
        self._require_media()
        ask = Ask(id=new_id(), device_id=device_id, what="stream_end", channel=channel)
        await self._ask(ask, by)

    def _require_media(self) -> MediaServer:
        if self._media is None:
            raise Conflict(
                "no_media_server",
                "No media server is set up: name one as RIDGELINE_MEDIA_SERVER.",
            )
        return self._media

    async def _ask(self, ask: Ask, by: str) -> Told:
        if len(self._waiting) >= WAITING_MAX:
            raise Conflict("busy", "Too many terminals are being asked; try again.")
        await self._log(ask, by)
        answers: asyncio.Queue[Told] = asyncio.Queue(ANSWERS_MAX)
        self._waiting[ask.id] = answers
        try:
            self._fanout.publish(ASK_TOPIC, msgspec.json.encode(ask).decode())
            try:
                told = await asyncio.wait_for(answers.get(), THERE_S_MAX)
            except TimeoutError:
                raise Conflict("not_connected", "The device is not connected.") from None
            try:
                async with asyncio.timeout(ANSWER_S_MAX):
                    while told.outcome == "asked":
                        told = await answers.get()
            except TimeoutError:
                told = Told(id=ask.id, outcome="no_answer")
        finally:
            del self._waiting[ask.id]
        if told.outcome != "done":
            raise Conflict(told.outcome, _REFUSALS[told.outcome])
        return told

    async def _log(self, ask: Ask, by: str) -> None:
        async with self._pool.acquire() as conn, conn.transaction():
            row = await conn.fetchrow(DEVICE, ask.device_id)
            if row is None:
                raise NotFound("not_found", "There is no such device.")
            body: dict[str, Any] = {"device": ask.device_id, "call_sign": row["call_sign"]}
            if ask.what != "locate":
                body["channel"] = ask.channel
            await journal.append(
                conn,
                actor=by,
                subject=f"device:{ask.device_id}",
                kind=_KINDS[ask.what],
                body=body,
            )

    def _told(self, payload: str) -> None:
        told = msgspec.json.decode(payload, type=Told)
        waiting = self._waiting.get(told.id)
        if waiting is not None and not waiting.full():
            waiting.put_nowait(told)
