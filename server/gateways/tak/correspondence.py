"""Orders to one TAK client and its answers: chat with a command's id as the message's id.

An order, a recall, a check or a notice goes out as a line of chat from the room. ATAK's receipts
say how far it came: `b-t-f-d` is received by the device, `b-t-f-r` is shown to a person who opened
the conversation. What only a person can say, he answers in agreed words (`devices.tak.answers`),
and it counts as the word of the officer whom the certificate names. Said again after a reconnect, a
line changes nothing: the client knows it by its id.

A line to the room that answers nothing is not lost: it waits in the inbox. Each is confirmed to its
sender, and only once it is durable. Knows no socket.
"""

from __future__ import annotations

import hashlib
import logging
import uuid
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from devices.session_flow import Budget, SessionLimits
from devices.tak import answers
from devices.tak.answers import Answer
from devices.tak.naming import ROOM
from devices.tak.sending import Parcel
from protocols.cot import chat
from protocols.cot.chat import Destination, Message, Outcome, Receipt
from protocols.cot.event import Point
from protocols.native import Report
from server.dispatch.errors import DispatchError
from server.dispatch.fieldwords import Wording, tag_of, wording
from server.gateways.guests.guest import Guest
from server.gateways.guests.letters import Letter
from server.gateways.tak.phrases import phrase, refusal_of
from server.gateways.tak.picture import Words
from server.gateways.tak.room import loop_s
from server.intakedesk import IntakeDesk, NewIntake
from server.metrics import Metrics
from server.ports import Clock
from server.stores import commands
from server.stores.away import STORE_AWAY
from server.stores.orders import ReportOutcome
from server.stores.pool import Pool
from server.views import Priority

logger = logging.getLogger(__name__)

SEEN_LEN_MAX: Final = 256
"""Lines of one client that are known when they come again."""
TOLD_LEN_MAX: Final = 512
"""Commands of one connection whose receipts may still come."""
INBOX_PACE: Final = SessionLimits(frames_per_s_max=1 / 30, frames_burst_max=20)
"""Of one client: so many lines into the inbox at once, then one in 30 s; more are refused and told
so, for the inbox is everybody's."""
SOURCE_LEN_MAX: Final = 100
_OF_ORDER: Final = frozenset(
    {Report.STANDBY, Report.EN_ROUTE, Report.ON_SCENE, Report.DONE, Report.FEEDBACK}
)
"""Answers about the order itself, whatever else was asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """What all correspondences share."""

    pool: Pool
    clock: Clock
    metrics: Metrics
    words: Words
    inbox: IntakeDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who holds the client."""

    uid: str
    callsign: str
    username: str
    """Empty: nobody's certificate."""
    badge: str
    """Empty: not an officer's."""
    point: Point | None = None
    """Where it was last."""

    @property
    def actor(self) -> str:
        return f"user:{self.username}" if self.username else f"tak:{self.uid}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asking:
    """A command that somebody may answer."""

    id: str
    kind: str
    number: int | None
    words: Wording


class Correspondence:
    """With one client, as long as it is connected."""

    def __init__(
        self, post: Post, person: Callable[[], Person], tell: Callable[[Parcel, str], None]
    ) -> None:
        self._post, self._person, self._tell = post, person, tell
        self._told: OrderedDict[str, Letter] = OrderedDict()
        self._seen: OrderedDict[str, None] = OrderedDict()
        self._inbox_pace = Budget(INBOX_PACE, loop_s())

    # -- what it is told -----------------------------------------------------------------

    async def run(self, guest: Guest) -> None:
        """Tell every command as it comes, until the guest goes. Raises what the store raises."""
        while (letter := await guest.letters.next()) is not None:
            await self._send(guest, letter)

    async def _send(self, guest: Guest, letter: Letter) -> None:
        words = self._post.words
        said = wording(letter.id, letter.kind, letter.body, words.language, words.types())
        if said is None:
            await self._cannot_be_said(guest, letter)
            return
        self._told[letter.id] = letter
        if len(self._told) > TOLD_LEN_MAX:
            self._told.popitem(last=False)
        is_task = letter.kind == "task"
        text = "\n".join(filter(None, (said.text, choices_of(said, is_task, words.language))))
        self._say(letter.id, text, at=letter.command.created_at)

    async def _cannot_be_said(self, guest: Guest, letter: Letter) -> None:
        """Nothing for a person; what a machine should keep to, this one cannot."""
        if letter.kind == "limits" and letter.body.get("mitigations"):
            await guest.report(letter, Report.REFUSED, reason="unsupported", settles=True)
        else:
            await guest.letters.settle(letter)

    async def written(self, guest: Guest | None, names: list[str]) -> None:
        """These lines have left; when that is not stored now, they are only not marked as sent."""
        for name in names:
            if guest is not None and (letter := self._told.get(name)) is not None:
                try:
                    await guest.letters.mark_sent(letter)
                except STORE_AWAY as error:
                    logger.warning("that %s was sent is not stored: %s", name, error)

    def note(self, name: str, text: str) -> None:
        """A line from the room that no receipt is expected for; `name` without a dot."""
        self._say(f"note-{name}", text, at=self._post.clock())

    def _say(self, name: str, text: str, *, at: datetime) -> None:
        person = self._person()
        message = Message(
            id=name,
            sender_uid=ROOM,
            sender_callsign=self._post.words.callsign,
            to=person.uid,
            room=person.callsign or person.uid,
            text=text,
            sent_at=at,
            destinations=(Destination(callsign=person.callsign, uid=person.uid),),
        )
        self._tell(Parcel(chat.write_message(message)), name)

    # -- what it answers -----------------------------------------------------------------

    async def receipt(self, guest: Guest, receipt: Receipt) -> None:
        """ATAK's word that a line arrived, or was read."""
        says = {Outcome.DELIVERED: Report.RECEIVED, Outcome.READ: Report.SHOWN}.get(receipt.outcome)
        if says is None:
            self._post.metrics.count("tak_receipts_other", outcome=receipt.outcome)
        elif (letter := self._told.get(receipt.message_id)) is not None:
            await guest.report(letter, says, settles=True)
        elif _is_command(receipt.message_id):
            await guest.report_by_id(receipt.message_id, says)

    async def line(self, guest: Guest | None, message: Message) -> None:
        """A line of chat to the room. Confirmed once what it says is durable."""
        if message.id in self._seen:
            self._confirm(message)
            return
        answer = answers.read(message.text)
        reply = "" if answer is None else await self._take(guest, answer, message)
        self._seen[message.id] = None
        if len(self._seen) > SEEN_LEN_MAX:
            self._seen.popitem(last=False)
        self._confirm(message)
        if reply:
            self.note(hashlib.sha256(message.id.encode()).hexdigest()[:24], reply)

    async def _take(self, guest: Guest | None, answer: Answer, message: Message) -> str:
        """What becomes of an answer, in words for its sender."""
        language = self._post.words.language
        asking = [] if guest is None else await self._asking(guest)
        meant = _meant(answer, asking)
        if guest is None or meant is None:
            return await self.inbox(message.text, "routine", ref=message.id)
        outcome = await self._report(guest, meant.id, answer)
        if outcome is not None and outcome.applied:
            self._post.metrics.count("tak_answers", says=answer.report)
            return phrase(answer.report, language, tag=tag_of(meant.number))
        if answer.report is Report.FEEDBACK:
            return await self.inbox(message.text, "routine", ref=message.id)
        why = None if outcome is None else outcome.why
        return refusal_of(why, language, tag=tag_of(meant.number))

    async def _report(self, guest: Guest, command_id: str, answer: Answer) -> ReportOutcome | None:
        declined = answer.report is Report.DECLINED
        reason, note = (answer.text, "") if declined else ("", answer.text)
        says, by = answer.report, self._person().badge
        letter = self._told.get(command_id)
        if letter is not None and not letter.missed:
            return await guest.report(letter, says, by=by, reason=reason, note=note, settles=True)
        return await guest.report_by_id(command_id, says, by=by, reason=reason, note=note)

    async def _asking(self, guest: Guest) -> list[_Asking]:
        """Commands that are still of use and ask for an answer, the newest last."""
        words = self._post.words
        async with self._post.pool.acquire() as conn:
            found = await commands.open_for(conn, guest.device_id, now=self._post.clock())
        asking = []
        for each in found:
            said = wording(each.id, each.kind, each.body, words.language, words.types())
            if said is not None and said.choices:
                number = each.body.get("number")
                asking.append(
                    _Asking(
                        id=said.answers_to or each.id,
                        kind="task" if each.kind == "notice" else each.kind,
                        number=number if isinstance(number, int) else None,
                        words=said,
                    )
                )
        return asking

    async def inbox(self, text: str, urgency: Priority, *, ref: str) -> str:
        """Into the inbox, where a dispatcher sees it; in words for its sender what became of it."""
        language = self._post.words.language
        if urgency != "emergency":
            if self._inbox_pace.wait_s(loop_s()) > 0:
                self._post.metrics.count("tak_inbox_refused")
                return phrase("too_many", language)
            self._inbox_pace.spend(1, loop_s())
        taken = await self._is_taken(text, urgency, ref=ref)
        return phrase("inbox" if taken else "too_many", language)

    async def call_for_help(self, text: str, *, ref: str) -> bool:
        """Of nobody's device, into the inbox. False: it is full, and the call is to come again."""
        return await self._is_taken(text, "emergency", ref=ref)

    async def _is_taken(self, text: str, urgency: Priority, *, ref: str) -> bool:
        person = self._person()
        name = hashlib.sha256(f"{person.uid}/{ref}".encode()).hexdigest()[:40]
        known = person.point is not None and person.point.is_known
        wanted = NewIntake(
            request_id=f"tak-{name}",
            kind="warning",
            source=f"TAK {person.callsign or person.uid}"[:SOURCE_LEN_MAX],
            urgency=urgency,
            text=text.replace("\0", ""),
            lon=person.point.lon if known and person.point is not None else None,
            lat=person.point.lat if known and person.point is not None else None,
        )
        try:
            await self._post.inbox.receive(wanted, by=person.actor)
        except DispatchError as error:
            logger.warning("a line of %s is not taken into the inbox: %s", person.uid, error)
            self._post.metrics.count("tak_inbox_refused")
            return False
        return True

    def _confirm(self, message: Message) -> None:
        """The line has arrived. That a person has read it, nobody can say."""
        receipt = chat.write_receipt(
            message,
            Outcome.DELIVERED,
            callsign=self._post.words.callsign,
            now=self._post.clock(),
        )
        self._tell(Parcel(receipt), "")


def choices_of(said: Wording, is_task: bool, language: str) -> str:
    """How to answer, in one line."""
    if not said.choices:
        return ""
    labels = [each.label for each in said.choices]
    if is_task:
        labels += [phrase(each, language) for each in ("set_off", "arrived", "finished")]
    return "  ".join(f"{number} {label}" for number, label in enumerate(labels, start=1))


def _meant(answer: Answer, asking: list[_Asking]) -> _Asking | None:
    """What an answer is about: what it names, else what was asked last."""
    fits = [
        each
        for each in asking
        if (answer.number is None or each.number == answer.number)
        and (answer.report not in _OF_ORDER or each.kind == "task")
    ]
    return fits[-1] if fits else None


def _is_command(message_id: str) -> bool:
    try:
        return str(uuid.UUID(message_id)) == message_id
    except ValueError:
        return False
