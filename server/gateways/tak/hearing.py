"""What one TAK client says, and what becomes of it.

    a report of itself      its unit's position; to everybody
    a line of chat          to whom it is for; to the room: an answer, or the inbox
    a receipt               how far an order has come
    an alert                a call for help, until it is called off
    a thing on the map      to everybody, as long as it is nobody else's

Knows no socket.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from devices.session_flow import Budget, SessionLimits
from devices.tak.callsigns import folded, renamed
from devices.tak.routing import Contact, is_for_room
from devices.tak.sending import Parcel
from devices.tak.session import Claim, Refused, Said, TakEvent, TakLimits
from protocols.cot import alerts, chat, control
from protocols.cot.event import Event
from protocols.cot.units import is_unit, read_unit
from server.gateways.guests.guest import Guest
from server.gateways.guests.letters import Outlived
from server.gateways.tak.correspondence import Post
from server.gateways.tak.phrases import phrase
from server.gateways.tak.readings import reading_of
from server.gateways.tak.room import TakRoom, loop_s
from server.ids import new_id
from server.stores import takcerts
from server.stores.away import STORE_AWAY

if TYPE_CHECKING:
    from server.gateways.tak.client import TakClient

logger = logging.getLogger(__name__)

WORD_COST_EVENTS: Final = 5
"""Words go to everybody's queue and give way to nothing: they count as so many events."""
WORD_BYTES_MAX: Final = 32 * 1024
"""Of a word that is passed on."""
TOLD_CHARS_MAX: Final = 64
"""Of a call sign that is refused, in the words about it."""


class Hearing:
    """Of one client, one event after the other."""

    def __init__(self, client: TakClient, room: TakRoom, post: Post, limits: TakLimits) -> None:
        self._client, self._room, self._post = client, room, post
        self._words_pace = Budget(
            SessionLimits(
                frames_per_s_max=limits.events_per_s_max,
                frames_burst_max=limits.events_burst_max,
            ),
            loop_s(),
        )
        self._told_of = ""
        """The name, somebody else's, that the client was told of last."""

    def throttle_s(self) -> float:
        """How long to wait before its next words."""
        return self._words_pace.wait_s(loop_s())

    async def take(self, item: TakEvent) -> None:
        try:
            match item:
                case Claim(uid=uid, event=event):
                    await self._claim(uid, event)
                case Said(event=event, own=True):
                    await self._said_of_itself(event)
                case Said(event=event):
                    self._said_of_a_thing(event)
                case Refused(reason=reason, uid=uid):
                    self._refuse(reason, uid)
        except STORE_AWAY as error:
            self._client.store_away(error)
        except Outlived:
            self._client.close("a newer connection took over")

    def _refuse(self, reason: str, uid: str) -> None:
        self._post.metrics.count("tak_refused")
        logger.info(
            "what %s says (%s) is refused: %s",
            self._client.owner or self._client.address,
            uid,
            reason,
        )

    async def _claim(self, uid: str, event: Event) -> None:
        """The uid becomes its certificate's, unless somebody else speaks as it."""
        if (holder := await self._holder(uid)) is not None:
            self._client.session.refuse_claim(f"{uid} is {holder}'s")
            return
        self._client.session.bound(uid)
        await self._said_of_itself(event)

    async def _holder(self, uid: str) -> str | None:
        """Whose the uid is, if not this client's to take."""
        room = self._room
        holder = room.owner_of(uid)
        if self._client.certificate is None:
            return None if holder == uid else holder
        if holder not in (None, self._client.owner):
            return holder
        async with self._post.pool.acquire() as conn, conn.transaction():
            holder = await takcerts.claim_uid(
                conn, self._client.certificate.id, uid, now=self._post.clock()
            )
        if holder is None:
            room.claimed[uid] = self._client.owner
        return holder

    async def _said_of_itself(self, event: Event) -> None:
        event = self._in_its_own_name(event)
        if is_unit(event):
            await self._reported(event)
        elif event.type == chat.CHAT:
            await self._chatted(event)
        elif (receipt := chat.read_receipt(event)) is not None:
            self._spread_word(event)
            if (guest := await self._client.known()) is not None:
                await self._client.letters.receipt(guest, receipt)
        elif (alert := alerts.read_emergency(event)) is not None:
            self._spread_word(event)
            await self._alarmed(event, alert)

    def _in_its_own_name(self, event: Event) -> Event:
        """Nobody is shown under the dispatcher's name, or under one that somebody else goes by;
        what he says is not lost for that."""
        corrected = renamed(event, self._callsign)
        if corrected is not event:
            self._post.metrics.count("tak_callsigns_corrected")
        return corrected

    def _callsign(self, wanted: str) -> str:
        name = self._room.callsign_of(self._client.owner, wanted)
        if name != wanted and self._told_of != folded(wanted):
            self._told_of = folded(wanted)
            logger.info("%s is not called %r but %r", self._client.owner, wanted, name)
            text = phrase(
                "callsign", self._post.words.language, callsign=wanted[:TOLD_CHARS_MAX], shown=name
            )
            self._client.letters.note(f"callsign-{new_id()[:8]}", text)
        return name

    async def _reported(self, event: Event) -> None:
        said = read_unit(event)
        self._client.report = event
        self._client.contact = Contact(callsign=said.callsign or self._client.uid, team=said.team)
        self._room.make_way(self._client, self._client.uid)
        self._spread(event, position=True)
        self._client.attend()
        if (guest := await self._client.known()) is not None:
            await self._guest_takes(guest, event)

    async def _guest_takes(self, guest: Guest, event: Event) -> None:
        if pause_s := guest.wait_s():
            await asyncio.sleep(pause_s)
        await guest.take(reading_of(event))

    async def _chatted(self, event: Event) -> None:
        message = chat.read_message(event)
        assert message is not None, "the session knows its sender"
        callsign = self._post.words.callsign
        self._spread_word(event, message)
        if is_for_room(event, message, callsign):
            await self._client.letters.line(await self._client.known(), message)

    async def _alarmed(self, event: Event, alert: alerts.Emergency) -> None:
        """A call for help, or its end. Of nobody's device it is an emergency of the inbox."""
        guest, reading = await self._client.known(), reading_of(event)
        language = self._post.words.language
        badge = self._client.person().badge
        if guest is None:
            await self._stranger_alarmed(alert)
        elif alert.is_cancelled:
            if await guest.alarm_over(by=badge):
                self._client.letters.note(
                    f"alarm-over-{new_id()[:8]}", phrase("alarm_over", language)
                )
        else:
            taken = await guest.take(reading)
            if await guest.alarm(on=True, reading=reading, taken=taken, by=badge, lapses=True):
                self._client.letters.note(f"alarm-{new_id()}", phrase("alarm", language))

    async def _stranger_alarmed(self, alert: alerts.Emergency) -> None:
        """Once until it is called off, whatever connection it comes by."""
        calls, uid = self._room.calls, self._client.uid
        if alert.is_cancelled:
            calls.over(uid)
        elif calls.is_on(uid):
            calls.said(uid)
        else:
            text = f"{alert.kind or 'SOS'}: {alert.callsign or self._client.person().callsign}"
            if await self._client.letters.call_for_help(text, ref=f"alert-{new_id()}"):
                calls.said(uid)

    def _said_of_a_thing(self, event: Event) -> None:
        """Something on the map, or that it is gone: only its owner may."""
        uids = control.deleted_uids(event) if event.type == control.DELETE else [event.uid]
        room = self._room
        for uid in uids:
            if uid != self._client.uid and room.owner_of(uid) not in (None, self._client.owner):
                self._refuse("is somebody else's", uid)
                return
        if event.type == control.DELETE:
            self._spread_word(event)
        else:
            self._spread(event, position=True)

    def _spread_word(self, event: Event, message: chat.Message | None = None) -> None:
        self._words_pace.spend(WORD_COST_EVENTS, loop_s())
        if len(Parcel(event).xml) > WORD_BYTES_MAX:
            self._refuse(f"is longer than {WORD_BYTES_MAX} bytes", event.uid)
            return
        self._spread(event, position=False, message=message)

    def _spread(self, event: Event, *, position: bool, message: chat.Message | None = None) -> None:
        self._post.metrics.count("tak_events", kind="position" if position else "word")
        self._room.spread(
            event,
            sender=self._client.uid,
            owner=self._client.owner,
            position=position,
            message=message,
        )
