"""What a person asks of a terminal whose link is here: its position now, and video.

The video itself never comes here: the terminal opens a connection of its own to the media server
(JT/T 1078-2016, 0x9101).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

import msgspec

from protocols.jt808.fields import CannotEncode
from protocols.jt808.layout import Body
from protocols.jt808.orders import WhereNow
from protocols.jt808.session import Result
from protocols.jt808.video import Live, LiveCommand, LiveControl, LiveType
from server.gateways.jt808.house import House
from server.gateways.jt808.link import Gone, Link
from server.terminaldesk import ASK_TOPIC, TOLD_TOPIC, Ask, Outcome, Told

logger = logging.getLogger(__name__)

_OUTCOMES: dict[int | None, Outcome] = {
    None: "no_answer",
    int(Result.OK): "done",
    int(Result.NOT_SUPPORTED): "unsupported",
}
ASKED_AT_ONCE_MAX = 200
"""Questions under way in this process; more get no answer."""


class Asks:
    """Hears them on the fan-out and answers for the links of this process."""

    def __init__(self, house: House, of_device: Callable[[str], Link | None]) -> None:
        self._house, self._of_device = house, of_device
        self._fanout = house.guests.field.fanout
        self._tasks: set[asyncio.Task[None]] = set()
        self._fanout.subscribe(ASK_TOPIC, self._asked)

    def _asked(self, payload: str) -> None:
        ask = msgspec.json.decode(payload, type=Ask)
        link = self._of_device(ask.device_id)
        if link is None or len(self._tasks) >= ASKED_AT_ONCE_MAX:
            return
        self._tell(Told(id=ask.id, outcome="asked"))
        task = asyncio.create_task(self._serve(ask, link), name="terminal-ask")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, ask: Ask, link: Link) -> None:
        terminal = link.session.terminal
        phone = terminal.display_id if terminal is not None else ""
        self._tell(Told(id=ask.id, outcome=await self._outcome(ask, link), phone=phone))

    async def _outcome(self, ask: Ask, link: Link) -> Outcome:
        message = self._message(ask, link)
        if message is None:
            return "limited"
        try:
            async with asyncio.timeout(self._house.limits.answer_s_max):
                result = await link.say(message)
        except TimeoutError:
            result = None
        except (Gone, CannotEncode) as error:
            logger.info("a terminal is not asked: %s", error)
            return "failed"
        if result == Result.OK:
            self._remember(ask, link)
        return _OUTCOMES.get(result, "failed")

    def _message(self, ask: Ask, link: Link) -> Body | None:
        """None: it is not to do so now."""
        if ask.what == "locate":
            return WhereNow()
        if ask.what == "stream_end":
            return LiveControl(channel=ask.channel, command=LiveCommand.CLOSE, close=0, stream=0)
        media = self._house.media
        if media is None or link.stream_limit == "off":
            return None
        return Live(
            host=media.host,
            tcp_port=media.port,
            udp_port=0,
            channel=ask.channel,
            kind=LiveType.AUDIO_VIDEO,
            stream=int(ask.sub_stream or link.stream_limit == "low"),
        )

    def _remember(self, ask: Ask, link: Link) -> None:
        if ask.what == "stream":
            link.streams.add(ask.channel)
        elif ask.what == "stream_end":
            link.streams.discard(ask.channel)

    def _tell(self, told: Told) -> None:
        self._fanout.publish(TOLD_TOPIC, msgspec.json.encode(told).decode())
