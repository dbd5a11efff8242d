"""One TAK client's connection: the I/O around a `TakSession`, and what is made of what it says.

Four tasks: `_read` takes bytes and handles their events one after the other (a slow store stops the
reading, and TCP holds the client back), `_write` sends what the session has, `_watch` keeps its
deadlines, `_attend` finds out which device of ours it is and tells it that device's commands. The
first to end ends all.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from devices.tak.routing import Contact
from devices.tak.sending import Parcel
from devices.tak.session import TakLimits, TakSession
from protocols.cot.event import Event
from server.gateways.guests.guest import Guest
from server.gateways.guests.letters import Outlived
from server.gateways.guests.registry import Guests
from server.gateways.tak.correspondence import Correspondence, Person, Post
from server.gateways.tak.hearing import Hearing
from server.gateways.tak.phrases import phrase
from server.gateways.tak.picture import TakPicture
from server.gateways.tak.readings import described, reading_of
from server.gateways.tak.room import TakRoom, loop_s
from server.gateways.tak.wires import Wire
from server.ids import new_id
from server.stores.away import STORE_AWAY
from server.stores.takcerts import Certificate

logger = logging.getLogger(__name__)

PROTOCOL: Final = "tak"
SERVER_VERSION: Final = "ridgeline-1"
STRANGER_S: Final = 5.0
"""Between two looks whether a client that is nobody's device has become one."""
CATCH_UP_S: Final = 60.0
"""Between two times that a slow reader is told everything again."""
CLOSE_S_MAX: Final = 2.0
"""To hand what still waits to a client that may not be reading."""
ENDS_SOON: Final = timedelta(days=30)
"""A certificate's end is told of so long before, at each connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """What all clients share."""

    room: TakRoom
    picture: TakPicture
    guests: Guests
    post: Post
    limits: TakLimits


class TakClient:
    """Serves one connection until it ends."""

    def __init__(
        self,
        office: Office,
        wire: Wire,
        *,
        certificate: Certificate | None,
        address: str,
    ) -> None:
        """`certificate`: None on the plain port alone."""
        self.certificate = certificate
        self.contact: Contact | None = None
        self.guest: Guest | None = None
        self._office, self._wire, self.address = office, wire, address
        self._metrics = office.post.metrics
        self._clock = office.post.clock
        self.session = TakSession(
            office.limits,
            now=loop_s(),
            own_uid="" if certificate is None else certificate.uid,
            framed=wire.framed,
        )
        self.letters = Correspondence(office.post, self.person, self.tell)
        self.report: Event | None = None
        """Its newest report of itself."""
        self._hearing = Hearing(self, office.room, office.post, office.limits)
        self._behind: deque[str] = deque()
        """Uids of what it has not been told yet since it came, or since some gave way."""
        self._missed = 0
        """Positions that gave way, as far as it was told them again."""
        self._catch_up_at = 0.0
        self._to_write, self._to_watch, self._to_attend = (asyncio.Event() for _ in range(3))
        self._attended = asyncio.Event()
        """It is known whether it is a device of ours."""

    # -- as the room sees it -------------------------------------------------------------

    @property
    def uid(self) -> str:
        return self.session.own_uid

    @property
    def owner(self) -> str:
        """Whose is what it puts on the map."""
        return self.uid if self.certificate is None else self.certificate.username

    def tell(self, parcel: Parcel, name: str = "") -> None:
        self.session.tell(parcel, loop_s(), name)
        self._wake()

    def tell_position(self, parcel: Parcel) -> None:
        """Not its own position, back as its unit's."""
        if self.guest is not None and (
            self._office.picture.device_of(parcel) == self.guest.device_id
        ):
            return
        self.session.tell_position(parcel, loop_s())
        self._wake()

    def catch_up(self, uids: list[str]) -> None:
        self._behind = deque(uids)
        self._wake()

    def close(self, reason: str) -> None:
        """End the connection from outside; the first reason stands."""
        self.session.close(reason)
        self._wake()

    # -- life ----------------------------------------------------------------------------

    async def serve(self) -> None:
        """Until the client leaves, the session closes, or the server cancels."""
        picture, room = self._office.picture, self._office.room
        self.session.start(new_id(), SERVER_VERSION, self._clock())
        room.join(self, picture.contact())
        jobs: list[Callable[[], Any]] = [self._read, self._write, self._watch, self._attend]
        tasks = [asyncio.create_task(job(), name=f"tak-{job.__name__}") for job in jobs]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            results = await asyncio.gather(*tasks, return_exceptions=True)
            self.session.close("the client left")
            room.leave(self)
            await self._wire.close(CLOSE_S_MAX)
        for result in results:
            if isinstance(result, Exception) and not isinstance(result, OSError):
                raise result
        self._metrics.count("tak_closed", why=_kind_of(self.session.closing))
        logger.info("TAK client %s of %s ended: %s", self.uid, self.owner, self.session.closing)

    def _wake(self) -> None:
        self._to_write.set()
        self._to_watch.set()

    async def _read(self) -> None:
        while self.session.closing is None:
            data = await self._wire.read()
            if not data:
                self.session.ended()
                return
            self.session.receive(data, self._clock, loop_s())
            while events := self.session.events():
                for event in events:
                    await self._hearing.take(event)
            self._wake()
            pause_s = max(self.session.throttle_s(loop_s()), self._hearing.throttle_s())
            if pause_s:
                self._metrics.count("tak_throttled")
                await asyncio.sleep(pause_s)

    async def _write(self) -> None:
        while True:
            self._to_write.clear()
            self._top_up()
            while data := self.session.data_to_send(loop_s()):
                await self._wire.write(data)
                await self.letters.written(self.guest, self.session.told())
                self._top_up()
            self._see_what_gave_way()
            if self.session.closing is not None:
                return
            await self._to_write.wait()

    def _top_up(self) -> None:
        """As much of what it is to catch up with as there is room for, as it stands now."""
        queue, room = self.session.queue, self._office.room
        while self._behind and queue.bytes_waiting < self._office.limits.queue_bytes_max // 2:
            parcel = room.newest(self._behind.popleft())
            if parcel is not None and parcel.event.uid != self.uid:
                self.tell_position(parcel)

    def _see_what_gave_way(self) -> None:
        """Once it has read all that waited: everything again, for some of it was dropped."""
        missed = self.session.queue.dropped - self._missed
        if missed and not self._behind and loop_s() >= self._catch_up_at:
            self._metrics.count("tak_positions_dropped", missed)
            self._missed = self.session.queue.dropped
            self._catch_up_at = loop_s() + CATCH_UP_S
            self.catch_up(self._office.room.standing())

    async def _watch(self) -> None:
        while self.session.closing is None:
            self._to_watch.clear()
            try:
                async with asyncio.timeout_at(self.session.next_deadline()):
                    await self._to_watch.wait()
            except TimeoutError:
                self.session.expire(loop_s())
                self._to_write.set()

    async def _attend(self) -> None:
        """As soon as it is a device of ours, be its guest."""
        try:
            await self._to_attend.wait()
            self._tell_end_of_certificate()
            while not await self._be_guest():
                self._attended.set()
                await asyncio.sleep(STRANGER_S)
        except STORE_AWAY as error:
            self.store_away(error)
        except Outlived:
            self.close("a newer connection took over")

    async def _be_guest(self) -> bool:
        """False: it is nobody's device."""
        guests = self._office.guests
        identity = await guests.identify(PROTOCOL, self.uid)
        if identity is None:
            await guests.stranger(PROTOCOL, self.uid, address=self.address, said=self._says())
            return False
        app = " ".join(filter(None, (self._says().get("platform"), self._says().get("version"))))
        async with guests.present(identity, app=app[:64], on_close=self._guest_left) as guest:
            if not guest.closing:
                self.guest = guest
                if self.report is not None:
                    await guest.take(reading_of(self.report))
                self._attended.set()
                await self.letters.run(guest)
            self.close(guest.closing or "its identity is not accepted any more")
        return True

    def _guest_left(self) -> None:
        if self.guest is not None and self.guest.closing:
            self.close(self.guest.closing)

    def store_away(self, error: Exception) -> None:
        self._metrics.count("tak_store_failures")
        logger.warning("a TAK client is sent away, PostgreSQL is away: %s", error)
        self.close("the store is away")

    def attend(self) -> None:
        """It has said who it is."""
        self._to_attend.set()

    # -- who it is -----------------------------------------------------------------------

    async def known(self) -> Guest | None:
        """The guest it is, once that is found out."""
        if self._to_attend.is_set():
            await self._attended.wait()
        return self.guest

    def person(self) -> Person:
        known = self.certificate
        return Person(
            uid=self.uid,
            callsign="" if self.contact is None else self.contact.callsign,
            username="" if known is None else known.username,
            badge=(known.badge or "") if known is not None else "",
            point=None if self.report is None else self.report.point,
        )

    def _says(self) -> dict[str, str]:
        """Of itself, for whoever makes it a device of ours."""
        said = {} if self.report is None else described(self.report)
        if self.certificate is not None:
            said |= {"user": self.certificate.username, "badge": self.certificate.badge or ""}
        return {name: value[:128] for name, value in said.items() if value}

    def _tell_end_of_certificate(self) -> None:
        if self.certificate is None:
            return
        left = self.certificate.expires_at - self._clock()
        if left < ENDS_SOON:
            days = max(0, left.days)
            language = self._office.post.words.language
            self.letters.note(
                f"ends-{self.certificate.serial[:16]}-{days}", phrase("ends", language, days=days)
            )


def _kind_of(closing: str | None) -> str:
    """A closed set for the metric."""
    known = {
        "the client left": "left",
        "reading too slowly": "slow",
        "speaks as others": "foreign",
        "a newer connection took over": "replaced",
        "its certificate is not in force any more": "revoked",
        "the server is stopping": "draining",
        "the store is away": "store",
    }
    return known.get(closing or "", "other")
