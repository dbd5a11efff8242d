"""Photos in PostgreSQL: what is known of each, the images, and uploads under way.

An image never changes, and goes only by the doors of the database: with a redaction, or with the
days of its incident. Knows no format.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import msgspec

from server.photoviews import PhotoView
from server.stores.pool import Connection


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What a device says of a photo before it sends it."""

    order: str
    """Id of the command that brought the order."""
    sha256: str
    size: int
    by: str = ""
    taken_at: datetime | None = None
    lon: float | None = None
    lat: float | None = None
    accuracy_m: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """The order that a photo is of."""

    id: str
    number: int
    incident_id: str
    incident_number: int
    call_sign: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    claim: Claim
    received: int


# The order that a task brought to this device.
ORDER = """
SELECT dispatch_order.id, dispatch_order.number, incident_id, incident.number AS incident_number,
       call_sign
FROM command
JOIN dispatch_order ON dispatch_order.id = command.order_id
JOIN incident ON incident.id = incident_id
JOIN unit ON unit.id = dispatch_order.unit_id
WHERE command.id = $2 AND command.device_id = $1 AND command.kind = 'task'
"""

# Whether the device sent it before: its order and hash.
STORED = """
SELECT order_id, encode(sha256, 'hex') AS sha256 FROM photo WHERE (device_id, client_id) = ($1, $2)
"""

UPLOAD = """
SELECT claim, received FROM photo_upload WHERE (device_id, client_id) = ($1, $2) FOR UPDATE
"""

# Until commit nobody counts but us.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('photos'))"

# What the limits are about; photos that are gone count for an order, too, and for a device's day.
COUNTS = """
SELECT (SELECT count(*) FROM photo WHERE order_id = $2)
       + (SELECT count(*) FROM photo_upload WHERE claim->>'order' = $3) AS of_order,
       (SELECT count(*) FROM photo_upload WHERE device_id = $1) AS under_way,
       (SELECT count(*) FROM photo WHERE device_id = $1 AND received_at > $4) AS of_day
"""

# On disk: whole photos, and those under way as if they were.
BYTES = """
SELECT coalesce((SELECT sum(size) FROM photo WHERE gone_at IS NULL), 0)
       + coalesce((SELECT sum(size) FROM photo_upload), 0)
"""

BEGIN = """
INSERT INTO photo_upload (device_id, client_id, claim, size, last_at) VALUES ($1, $2, $3, $4, $5)
"""

ADD = "INSERT INTO photo_part (device_id, client_id, at, bytes) VALUES ($1, $2, $3, $4)"
MOVE = """
UPDATE photo_upload SET received = $3, last_at = $4 WHERE (device_id, client_id) = ($1, $2)
"""
WHOLE = """
SELECT string_agg(bytes, '' ORDER BY at) FROM photo_part WHERE (device_id, client_id) = ($1, $2)
"""
END = "DELETE FROM photo_upload WHERE (device_id, client_id) = ($1, $2)"
FORGET = "DELETE FROM photo_upload WHERE last_at < $1"

INSERT = """
INSERT INTO photo (id, device_id, client_id, order_id, incident_id, badge, sha256, size, type,
                   width, height, taken_at, lon, lat, accuracy_m, received_at)
VALUES ($1, $2, $3, $4, $5, $6, decode($7, 'hex'), $8, $9, $10, $11, $12, $13, $14, $15, $16)
"""
INSERT_IMAGE = "INSERT INTO photo_image (photo_id, image, small) VALUES ($1, $2, $3)"

# Of an incident, oldest first.
OF_INCIDENT = """
SELECT photo.id, photo.number, order_id, dispatch_order.number AS "order", call_sign, device_id,
       badge AS by, type, size, width, height, encode(sha256, 'hex') AS sha256, taken_at, lon, lat,
       accuracy_m, received_at, gone_why AS gone
FROM photo JOIN dispatch_order ON dispatch_order.id = order_id
JOIN unit ON unit.id = dispatch_order.unit_id
WHERE photo.incident_id = $1 ORDER BY photo.number LIMIT $2
"""
OF_INCIDENT_MAX = 1000

IMAGE = """
SELECT image, type, number FROM photo_image JOIN photo ON photo.id = photo_id WHERE photo_id = $1
"""
SMALL = """
SELECT small, 'image/jpeg' AS type, number FROM photo_image JOIN photo ON photo.id = photo_id
WHERE photo_id = $1
"""
SMALL_OF = "SELECT photo_id, small FROM photo_image WHERE photo_id = ANY($1::uuid[])"

# Images that came before a day and may go.
DUE = """
SELECT count(*) FROM photo
WHERE gone_at IS NULL AND received_at < $1::date::timestamp AT TIME ZONE 'UTC'
  AND NOT EXISTS (SELECT FROM held_incident WHERE held_incident.id = photo.incident_id)
"""
DROP = "SELECT drop_photos($1, $2)"


async def order_of(conn: Connection, device_id: str, command_id: str) -> Order | None:
    """None: no such order was sent to this device."""
    row = await conn.fetchrow(ORDER, device_id, command_id)
    return None if row is None else Order(**row)


async def stored(conn: Connection, device_id: str, client_id: str) -> Any | None:
    """`order_id`, `sha256` (empty once redacted); None: it is not here."""
    return await conn.fetchrow(STORED, device_id, client_id)


async def upload(conn: Connection, device_id: str, client_id: str) -> Upload | None:
    """Locked until commit. None: none is under way."""
    row = await conn.fetchrow(UPLOAD, device_id, client_id)
    if row is None:
        return None
    return Upload(claim=msgspec.convert(row["claim"], Claim), received=row["received"])


async def lock(conn: Connection) -> None:
    """Until commit nobody else begins an upload."""
    await conn.execute(LOCK)


async def counts(
    conn: Connection, device_id: str, order: Order, command_id: str, *, since: datetime
) -> tuple[int, int, int]:
    """Photos of the order; uploads of the device under way; its photos since a time."""
    row = await conn.fetchrow(COUNTS, device_id, order.id, command_id, since)
    return row["of_order"], row["under_way"], row["of_day"]


async def bytes_kept(conn: Connection) -> int:
    """Of all photos, those under way included."""
    return int(await conn.fetchval(BYTES))


async def begin(
    conn: Connection, device_id: str, client_id: str, claim: Claim, *, at: datetime
) -> None:
    told = msgspec.to_builtins(claim)
    await conn.execute(BEGIN, device_id, client_id, told, claim.size, at)


async def add(
    conn: Connection, device_id: str, client_id: str, offset: int, part: bytes, *, at: datetime
) -> None:
    """The next bytes."""
    await conn.execute(ADD, device_id, client_id, offset, part)
    await conn.execute(MOVE, device_id, client_id, offset + len(part), at)


async def whole(conn: Connection, device_id: str, client_id: str) -> bytes:
    """What has come so far, put together."""
    found: bytes = await conn.fetchval(WHOLE, device_id, client_id) or b""
    return found


async def end(conn: Connection, device_id: str, client_id: str) -> None:
    """No upload any more; its parts go with it."""
    await conn.execute(END, device_id, client_id)


async def forget(conn: Connection, *, before: datetime) -> None:
    """Uploads that did not go on since; their devices begin anew."""
    await conn.execute(FORGET, before)


async def insert(
    conn: Connection,
    photo_id: str,
    device_id: str,
    client_id: str,
    order: Order,
    claim: Claim,
    *,
    type_: str,
    width: int,
    height: int,
    image: bytes,
    small: bytes,
    at: datetime,
) -> None:
    await conn.execute(
        INSERT,
        *(photo_id, device_id, client_id, order.id, order.incident_id, claim.by, claim.sha256),
        *(claim.size, type_, width, height, claim.taken_at, claim.lon, claim.lat),
        *(claim.accuracy_m, at),
    )
    await conn.execute(INSERT_IMAGE, photo_id, image, small)


async def of_incident(conn: Connection, incident_id: str) -> list[PhotoView]:
    """Oldest first; empty also where there is no such incident."""
    rows = await conn.fetch(OF_INCIDENT, incident_id, OF_INCIDENT_MAX)
    return [PhotoView(**row) for row in rows]


async def image(conn: Connection, photo_id: str, *, small: bool) -> tuple[bytes, str, int] | None:
    """The image, its type and the photo's number. None: there is none, or no more."""
    row = await conn.fetchrow(SMALL if small else IMAGE, photo_id)
    return None if row is None else (row[0], row[1], row[2])


async def small_ones(conn: Connection, photo_ids: Sequence[str]) -> dict[str, bytes]:
    """Of those that have an image, by id."""
    return {row[0]: row[1] for row in await conn.fetch(SMALL_OF, list(photo_ids))}


async def due(conn: Connection, *, before: date) -> int:
    """How many images that came before a day are not held for an incident."""
    return int(await conn.fetchval(DUE, before))


async def drop(conn: Connection, *, before: date, by: str) -> int:
    """Some of the oldest of them; the database logs it. Returns how many."""
    return int(await conn.fetchval(DROP, before, by))
