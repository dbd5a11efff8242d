"""Which older maps' drives count on a newer one, as rows. Only ever added; the newest counts."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from geo.learning.carrying import Carrying, Counted

SOURCES_MAX: Final = 20
"""Older maps of one map."""

_FORM = struct.Struct("<4sI")
_MAGIC = b"RLC1"
_INTS, _REALS = ("old_edge", "new_edge"), ("old_from", "old_to", "new_from", "new_to")

INSERT = """
INSERT INTO map_carry (map_id, from_map_id, carried_at, carried_by, reason, edges, edges_lost, km,
    km_lost, pieces)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""

# The older maps that count now, with their pieces.
SOURCES = """
SELECT from_map_id, pieces FROM (
    SELECT DISTINCT ON (from_map_id) from_map_id, pieces FROM map_carry
    WHERE map_id = $1 ORDER BY from_map_id, id DESC) AS newest
WHERE pieces IS NOT NULL ORDER BY from_map_id LIMIT $2
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An older map whose drives count."""

    map_id: str
    carrying: Carrying


async def insert(
    conn: Any,
    carrying: Carrying | None,
    counted: Counted,
    *,
    map_id: str,
    from_map_id: str,
    at: datetime,
    by: str,
    reason: str,
) -> None:
    """`carrying`: None takes back what was carried before."""
    await conn.execute(
        INSERT,
        map_id,
        from_map_id,
        at,
        by,
        reason,
        counted.edges,
        counted.edges_lost,
        counted.km,
        counted.km_lost,
        None if carrying is None else pack(carrying),
    )


async def sources(conn: Any, map_id: str) -> list[Source]:
    """The older maps whose drives count on a map, at most SOURCES_MAX."""
    rows = await conn.fetch(SOURCES, map_id, SOURCES_MAX)
    return [Source(map_id=row["from_map_id"], carrying=unpack(row["pieces"])) for row in rows]


def pack(carrying: Carrying) -> bytes:
    """Pieces as bytes: "RLC1", their number (uint32), then deflated columns old_edge and new_edge
    (int32), old_from, old_to, new_from and new_to (float32), everything little-endian."""
    columns = [getattr(carrying, name).astype("<i4") for name in _INTS]
    columns += [getattr(carrying, name).astype("<f4") for name in _REALS]
    body = zlib.compress(b"".join(column.tobytes() for column in columns), level=6)
    return _FORM.pack(_MAGIC, len(carrying.old_edge)) + body


def unpack(data: bytes) -> Carrying:
    """The reverse of `pack`. Raises ValueError for anything else."""
    try:
        magic, count = _FORM.unpack_from(data)
        body = zlib.decompress(data[_FORM.size :])
    except (struct.error, zlib.error) as error:
        raise ValueError("these are no pieces of roads") from error
    if magic != _MAGIC or len(body) != 24 * count:
        raise ValueError("these are no pieces of roads")
    ints = np.frombuffer(body, "<i4", 2 * count).astype(np.int64).reshape(2, count)
    reals = np.frombuffer(body, "<f4", offset=8 * count).astype(np.float64).reshape(4, count)
    return Carrying(
        old_edge=ints[0],
        new_edge=ints[1],
        old_from=reals[0],
        old_to=reals[1],
        new_from=reals[2],
        new_to=reals[3],
    )
