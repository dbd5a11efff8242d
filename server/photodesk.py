"""Photos: taken from devices piece by piece, once in effect; and shown to those who may see them.

A device says what it will send (order, hash, size), then sends the bytes in order, and goes on
where we say that we are, after whatever broke in between. What is whole, fits its hash and is an
image becomes a photo, with an entry of the command log in the same transaction; said and sent
again, it stays that one. Knows no HTTP and no face.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from datetime import timedelta
from typing import Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.limits import Limits
from server.metrics import Metrics
from server.photofile import BadPhoto, Photo, look
from server.photoviews import PhotoView, UploadView
from server.ports import Clock, FanOut
from server.stores import journal, photos
from server.stores.photos import Claim, Order
from server.stores.pool import Connection, Pool

logger = logging.getLogger(__name__)

AT_ONCE_MAX: Final = 3
"""Of the connections to the database: orders and positions have the others."""
DAY: Final = timedelta(days=1)


class PhotosFull(Exception):
    """No more photos just now; the device keeps what it has. `code` says which limit it is."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


class PhotoDesk:
    """`device_id` was let in before it comes here."""

    def __init__(
        self, *, pool: Pool, fanout: FanOut, clock: Clock, limits: Limits, metrics: Metrics
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._limits, self._metrics = limits, metrics
        self._turns = asyncio.Semaphore(AT_ONCE_MAX)
        self._kept_bytes = 0
        metrics.gauge("photos_kept_bytes", lambda: self._kept_bytes)
        metrics.gauge("photos_kept_bytes_max", lambda: limits.photos_total_bytes_max)

    # -- devices --

    async def begin(self, device_id: str, client_id: str, claim: Claim) -> UploadView:
        """Begin, or say how far it has come.

        Raises `NotFound` for an order that is not this device's, `Conflict` for another photo of
        that id, `Impossible` for one that is too large, `PhotosFull`.
        """
        try:
            async with self._turns, self._pool.acquire() as conn, conn.transaction():
                return await self._begin(conn, device_id, client_id, claim)
        except (PhotosFull, Impossible) as error:
            self._refused(device_id, error.code)
            raise

    async def _begin(
        self, conn: Connection, device_id: str, client_id: str, claim: Claim
    ) -> UploadView:
        order = await _order(conn, device_id, claim)
        stored = await photos.stored(conn, device_id, client_id)
        if stored is not None:
            _same(stored["order_id"] == order.id and stored["sha256"] in ("", claim.sha256))
            return UploadView(received=claim.size, stored=True)
        await photos.lock(conn)
        under_way = await photos.upload(conn, device_id, client_id)
        if under_way is not None:
            _same(_bytes_of(under_way.claim) == _bytes_of(claim))
            return UploadView(received=under_way.received, stored=False)
        await self._room(conn, device_id, order, claim)
        await photos.begin(conn, device_id, client_id, claim, at=self._clock())
        return UploadView(received=0, stored=False)

    async def _room(self, conn: Connection, device_id: str, order: Order, claim: Claim) -> None:
        """Whether there is any. Raises `Impossible`, `PhotosFull`."""
        limits = self._limits
        if claim.size > limits.photo_bytes_max:
            text = f"A photo has {limits.photo_bytes_max} bytes at most, not {claim.size}."
            raise Impossible("too_large", text, {"bytes_max": limits.photo_bytes_max})
        since = self._clock() - DAY
        of_order, under_way, of_day = await photos.counts(
            conn, device_id, order, claim.order, since=since
        )
        if of_order >= limits.photos_per_order_max:
            text = f"Order {order.number} has {of_order} photos, and takes no more."
            raise Impossible("order_full", text, {"photos_max": limits.photos_per_order_max})
        if under_way >= limits.photo_uploads_per_device_max:
            raise PhotosFull("too_many_at_once", f"{under_way} uploads of this device are open.")
        if under_way + of_day >= limits.photos_per_device_day_max:
            raise PhotosFull("day_full", f"This device sent {of_day} photos within a day.")
        self._kept_bytes = await photos.bytes_kept(conn)
        if self._kept_bytes + claim.size > limits.photos_total_bytes_max:
            logger.error("no room for photos: %d bytes are kept", self._kept_bytes)
            text = "The server has no room for photos; an administrator must make some."
            raise PhotosFull("photos_full", text)

    async def add(self, device_id: str, client_id: str, offset: int, part: bytes) -> UploadView:
        """The bytes from `offset` on; those that are here already change nothing.

        Raises `NotFound` where no upload is under way, `Conflict` (`out_of_step`, with `received`)
        for a gap, `Impossible` for what is not taken: its upload is forgotten.
        """
        async with self._turns, self._pool.acquire() as conn:
            try:
                async with conn.transaction():
                    added, incident_id = await self._add(conn, device_id, client_id, offset, part)
            except BadPhoto as bad:
                await photos.end(conn, device_id, client_id)
                self._refused(device_id, bad.code)
                raise Impossible(bad.code, bad.message) from None
        if incident_id is not None:
            self._metrics.count("photos_stored")
            self._fanout.publish("incident", incident_id)
        return added

    async def _add(
        self, conn: Connection, device_id: str, client_id: str, offset: int, part: bytes
    ) -> tuple[UploadView, str | None]:
        """With the incident that has one photo more."""
        found = await photos.upload(conn, device_id, client_id)
        if found is None:
            stored = await photos.stored(conn, device_id, client_id)
            if stored is None:
                raise NotFound("no_upload", "Say first what is to come.")
            return UploadView(received=offset + len(part), stored=True), None
        claim, received = found.claim, found.received
        if offset > received:
            text = f"{received} bytes are here; the next one is missing."
            raise Conflict("out_of_step", text, {"received": received})
        new = part[received - offset :]
        if received + len(new) > claim.size:
            raise BadPhoto("wrong_size", f"It was to have {claim.size} bytes, and has more.")
        if new:
            await photos.add(conn, device_id, client_id, received, new, at=self._clock())
        received += len(new)
        if received < claim.size:
            return UploadView(received=received, stored=False), None
        incident_id = await self._store(conn, device_id, client_id, claim)
        return UploadView(received=received, stored=True), incident_id

    async def _store(self, conn: Connection, device_id: str, client_id: str, claim: Claim) -> str:
        """It is whole; returns the incident. Raises `BadPhoto`, `NotFound`."""
        image = await photos.whole(conn, device_id, client_id)
        seen = await asyncio.to_thread(_looked_at, image, claim)
        order = await _order(conn, device_id, claim)
        photo_id, now = new_id(), self._clock()
        await photos.insert(
            conn,
            photo_id,
            device_id,
            client_id,
            order,
            claim,
            type_=seen.type,
            width=seen.width,
            height=seen.height,
            image=image,
            small=seen.small,
            at=now,
        )
        await photos.end(conn, device_id, client_id)
        body = {
            "photo": photo_id,
            "number": order.number,
            "incident": order.incident_id,
            "incident_number": order.incident_number,
            "call_sign": order.call_sign,
            "by": claim.by,
            "sha256": claim.sha256,
            "bytes": claim.size,
            "type": seen.type,
            "taken_at": claim.taken_at,
            "lon": claim.lon,
            "lat": claim.lat,
        }
        await journal.append(
            conn,
            actor=f"device:{device_id}",
            subject=f"order:{order.id}",
            kind=JournalKind.PHOTO_STORED,
            body={name: value for name, value in body.items() if value not in (None, "")},
        )
        return order.incident_id

    def _refused(self, device_id: str, why: str) -> None:
        self._metrics.count("photos_refused", why=why)
        logger.warning("a photo of %s is not taken: %s", device_id, why)

    # -- the room --

    async def of_incident(self, incident_id: str) -> list[PhotoView]:
        """Oldest first."""
        async with self._pool.acquire() as conn:
            return await photos.of_incident(conn, incident_id)

    async def image(self, photo_id: str, *, small: bool) -> tuple[bytes, str, int]:
        """Bytes, type, number. Raises `NotFound`."""
        async with self._pool.acquire() as conn:
            found = await photos.image(conn, photo_id, small=small)
        if found is None:
            raise NotFound("not_found", "There is no such photo, or none any more.")
        return found

    async def forget_uploads(self) -> None:
        """Those that have not gone on for days; their devices begin anew when they come back."""
        kept = timedelta(days=self._limits.photo_upload_days)
        async with self._pool.acquire() as conn:
            await photos.forget(conn, before=self._clock() - kept)
            self._kept_bytes = await photos.bytes_kept(conn)


async def _order(conn: Connection, device_id: str, claim: Claim) -> Order:
    order = await photos.order_of(conn, device_id, claim.order)
    if order is None:
        raise NotFound("no_order", "No such order was sent to this device.")
    return order


def _same(yes: bool) -> None:
    if not yes:
        raise Conflict("another_photo", "This device sent another photo by that id.")


def _bytes_of(claim: Claim) -> tuple[str, str, int]:
    return claim.order, claim.sha256, claim.size


def _looked_at(image: bytes, claim: Claim) -> Photo:
    """Raises `BadPhoto`."""
    if hashlib.sha256(image).hexdigest() != claim.sha256:
        raise BadPhoto("wrong_hash", "The bytes that came are not those that were announced.")
    return look(image)
