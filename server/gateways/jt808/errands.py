"""What a terminal is told: its log, one command after the other, claiming no more than is known.

    command            goes out as                        comes back          is reported as
    task, recall,      0x8302, answers to choose from     0x0001 result 0     received
    check, advice,                                        0x0302              a person's answer
    repeated order     where that is not supported:
                       0x8300, "answer by radio"          0x0001 result 0     received, no more
    other notices      0x8300                             0x0001 result 0     received
    limits             0x8103, 0x9102                     0x0001 result 0     applied, what was done
    call was heard     0x8203 and 0x8300                  0x0001              –

A result that is not 0 on the last way is `refused`: the next path is tried. So is a terminal that
speaks and does not answer. One that is silent loses the link, and is told again when it is back:
nobody knows what it heard, so every text begins with the order's tag, and whoever hears it twice
knows it for the same. Knows no wire.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from devices.jt808.sayings import a_question, a_text, fits_question
from protocols.jt808.flags import Alarm
from protocols.jt808.layout import Body
from protocols.jt808.orders import AlarmConfirmation
from protocols.jt808.parameters import (
    REPORT_ASLEEP_S,
    REPORT_EMERGENCY_S,
    REPORT_S,
    REPORT_SCHEME,
    REPORT_STRATEGY,
    Parameter,
    SetParameters,
)
from protocols.jt808.session import Result
from protocols.jt808.video import LiveCommand, LiveControl
from protocols.native import Limits, Report
from server.dispatch.fieldwords import Wording, unanswerable, wording
from server.gateways.guests.guest import Guest
from server.gateways.guests.letters import Letter

if TYPE_CHECKING:
    from server.gateways.jt808.link import Link

REPORT_USUAL_S: Final = 10
"""Between two reports where nothing is limited, unless its identity says otherwise (`report_s`)."""
REPORT_S_MAX: Final = 3600
EMERGENCY_S_MAX: Final = 10
"""A call for help is never thinned."""
ALL_REPORTS: Final = 0
_SUB_STREAM: Final = 1


class Errands:
    """Of one link, while its terminal is known."""

    def __init__(self, link: Link, guest: Guest) -> None:
        self._link, self._guest = link, guest
        self._letters = guest.letters
        self._metrics = link.house.metrics
        self._can_ask = True
        """Until the terminal says that it knows no questions."""

    async def run(self) -> None:
        """Until the conversation is over."""
        while (letter := await self._letters.next()) is not None:
            match letter.kind:
                case "limits":
                    await self._limit(letter)
                case "notice" if letter.body.get("why") == "heard":
                    await self._call_was_heard(letter)
                case _:
                    await self._tell(letter)

    # -- to a person ---------------------------------------------------------------------

    async def _tell(self, letter: Letter) -> None:
        house = self._link.house
        said = wording(letter.id, letter.kind, letter.body, house.language, house.types())
        if said is None:
            await self._letters.settle(letter)
            return
        began = asyncio.get_running_loop().time()
        result = await self._say(letter, said)
        if result == Result.OK:
            await self._received(letter)
        elif result is not None:
            await self._refused(letter, f"result {result}")
        elif self._link.heard_since(began):
            await self._refused(letter, "no answer")
        else:
            self._link.close("does not answer")

    async def _say(self, letter: Letter, said: Wording) -> int | None:
        """The terminal's result on the last way that was tried."""
        urgent = letter.command.priority == "emergency"
        if said.choices and self._can_ask:
            labels = [each.label for each in said.choices]
            text = said.text if fits_question(said.text) else said.short
            if text != said.text:  # all of it first; the question that follows is what counts
                await self._ask(letter, self._text(said.text, urgent=urgent))
            result = await self._ask(letter, a_question(text, labels, urgent=urgent))
            if result == Result.OK:
                return result
            if result == Result.NOT_SUPPORTED:
                self._can_ask = False
                self._metrics.count("jt808_without_questions")
        text = unanswerable(said, self._link.house.language) if said.choices else said.text
        return await self._ask(letter, self._text(text, urgent=urgent))

    def _text(self, text: str, *, urgent: bool) -> Body:
        terminal = self._link.session.terminal
        assert terminal is not None
        return a_text(text, terminal.dialect, urgent=urgent)

    async def _ask(self, letter: Letter, message: Body) -> int | None:
        """Write it, remember that it was written, and wait for the answer."""
        answer = self._link.say(message, command_seq=letter.seq)
        await self._letters.mark_sent(letter)
        return await answer

    async def _received(self, letter: Letter) -> None:
        if letter.kind == "notice" and letter.command.order_id is None:
            await self._letters.settle(letter)
        else:
            await self._guest.report(letter, Report.RECEIVED, settles=True)

    async def _refused(self, letter: Letter, why: str) -> None:
        self._metrics.count("jt808_refused", why="command")
        await self._guest.report(letter, Report.REFUSED, reason=why, settles=True)

    # -- to the terminal itself ----------------------------------------------------------

    async def _call_was_heard(self, letter: Letter) -> None:
        """A dispatcher has seen the call: the alarm is off, and the person knows."""
        self._link.alarm_taken = True
        confirmation = AlarmConfirmation(report=ALL_REPORTS, alarm_bits=int(Alarm.EMERGENCY))
        await self._ask(letter, confirmation)
        await self._tell(letter)

    async def _limit(self, letter: Letter) -> None:
        """What the terminal itself is to keep to; what it cannot is left to people."""
        limits: dict[str, Any] = letter.body["limits"]
        began = asyncio.get_running_loop().time()
        paced = await self._pace(letter, limits.get("fix_s"))
        streamed = await self._limit_streams(limits.get("stream"))
        if paced is None and not self._link.heard_since(began):
            self._link.close("does not answer")
            return
        did = Limits(
            fix_s=limits.get("fix_s") if paced == Result.OK else None,
            stream=limits.get("stream") if streamed == Result.OK else None,
        )
        says = Report.APPLIED if did != Limits() or not limits else Report.REFUSED
        results = {"fix_s": paced, "stream": streamed}
        reason = "" if says is Report.APPLIED else _why_not(results, limits)
        await self._guest.report(letter, says, did=did, reason=reason, settles=True)

    async def _pace(self, letter: Letter, fix_s: int | None) -> int | None:
        self._link.fix_s = fix_s
        every_s = fix_s or _usual_s(self._guest.identity.settings)
        parameters = (
            Parameter.of(REPORT_STRATEGY, 0),
            Parameter.of(REPORT_SCHEME, 0),
            Parameter.of(REPORT_ASLEEP_S, every_s),
            Parameter.of(REPORT_EMERGENCY_S, min(every_s, EMERGENCY_S_MAX)),
            Parameter.of(REPORT_S, every_s),
        )
        return await self._ask(letter, SetParameters(parameters=parameters))

    async def _limit_streams(self, at_most: str | None) -> int | None:
        """OK: no stream that we asked for goes beyond it; else what the terminal said to it."""
        self._link.stream_limit = at_most
        if at_most is None:
            return Result.OK
        low = at_most == "low"
        command = LiveCommand.SWITCH_STREAM if low else LiveCommand.CLOSE
        said: int | None = Result.OK
        for channel in list(self._link.streams):
            result = await self._link.say(
                LiveControl(
                    channel=channel, command=command, close=0, stream=_SUB_STREAM if low else 0
                )
            )
            if result != Result.OK:
                said = result
            elif not low:
                self._link.streams.discard(channel)
        return said


def _why_not(results: Mapping[str, int | None], asked: Mapping[str, Any]) -> str:
    """Of what a terminal of this kind can be asked to keep to, what it said to it."""
    for name, result in results.items():
        if name in asked:
            return "no answer" if result is None else f"result {result}"
    return "not supported"


def _usual_s(settings: Mapping[str, Any]) -> int:
    """As an administrator set it; what makes no sense is left out."""
    said = settings.get("report_s")
    fits = isinstance(said, int | float) and 1 <= said <= REPORT_S_MAX
    return int(said) if fits and said is not None else REPORT_USUAL_S
