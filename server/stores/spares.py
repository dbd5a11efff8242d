"""Spares in PostgreSQL: where they lie and who has them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.dispatch.spares import Spare, SpareKind
from server.spareviews import SpareView

SPARES_LEN_MAX: Final = 2_000
"""In service, of one county."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a spare lies: one of the two."""

    station_id: str | None = None
    unit_id: str | None = None


_VIEW = """
SELECT spare.id, label, spare.kind, fits, station.name AS station, station.lon, station.lat,
       spare.unit_id, unit.call_sign, charged, taken_by, taken_at, officer.name AS taken_name
FROM spare
LEFT JOIN station ON station.id = spare.station_id
LEFT JOIN unit ON unit.id = spare.unit_id
LEFT JOIN officer ON 'officer:' || officer.badge = taken_by
"""
# Those in service, by label.
LIST = f"{_VIEW} WHERE spare.retired_at IS NULL ORDER BY label LIMIT $1"
# One in service.
ONE = f"{_VIEW} WHERE spare.id = $1 AND spare.retired_at IS NULL"
# Nobody else takes or moves it until commit.
HOLD = "SELECT id FROM spare WHERE id = $1 AND retired_at IS NULL FOR UPDATE"
# Nobody else adds one until commit.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('spare'))"
COUNT = "SELECT count(*) FROM spare WHERE retired_at IS NULL"
# A new one; nothing when the label is taken.
INSERT = """
INSERT INTO spare (id, label, kind, fits, station_id, unit_id, charged)
VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (label) DO NOTHING RETURNING id
"""
TAKE = """
UPDATE spare SET taken_by = $2, taken_at = $3, station_id = NULL, unit_id = NULL WHERE id = $1
"""
PUT = """
UPDATE spare SET station_id = $2, unit_id = $3, charged = $4, taken_by = NULL, taken_at = NULL
WHERE id = $1
"""
RETIRE = "UPDATE spare SET retired_at = $2 WHERE id = $1"


async def load_all(conn: Any) -> list[SpareView]:
    """Those in service, by label."""
    return [_view(row) for row in await conn.fetch(LIST, SPARES_LEN_MAX)]


async def load_spares(conn: Any) -> list[Spare]:
    """Those in service as the decision sees them, by label."""
    return [_spare(row) for row in await conn.fetch(LIST, SPARES_LEN_MAX)]


async def load(conn: Any, spare_id: str) -> SpareView | None:
    """None: none in service."""
    row = await conn.fetchrow(ONE, spare_id)
    return None if row is None else _view(row)


async def hold(conn: Any, spare_id: str) -> SpareView | None:
    """As `load`; nobody else takes or moves it before the caller commits."""
    await conn.execute(HOLD, spare_id)
    return await load(conn, spare_id)


async def count(conn: Any) -> int:
    """Of those in service; nobody else adds one before the caller commits."""
    await conn.execute(LOCK)
    return int(await conn.fetchval(COUNT))


async def insert(
    conn: Any,
    *,
    spare_id: str,
    label: str,
    kind: SpareKind,
    fits: list[str],
    place: Place,
    charged: bool,
) -> bool:
    """False when the label is taken."""
    row = await conn.fetchval(
        INSERT, spare_id, label, kind, fits, place.station_id, place.unit_id, charged
    )
    return row is not None


async def take(conn: Any, spare_id: str, *, taken_by: str, at: datetime) -> None:
    await conn.execute(TAKE, spare_id, taken_by, at)


async def put(conn: Any, spare_id: str, place: Place, *, charged: bool) -> None:
    await conn.execute(PUT, spare_id, place.station_id, place.unit_id, charged)


async def retire(conn: Any, spare_id: str, *, at: datetime) -> None:
    await conn.execute(RETIRE, spare_id, at)


def _view(row: Any) -> SpareView:
    return SpareView(
        id=str(row["id"]),
        label=row["label"],
        kind=SpareKind(row["kind"]),
        fits=row["fits"],
        station=row["station"],
        unit_id=None if row["unit_id"] is None else str(row["unit_id"]),
        call_sign=row["call_sign"],
        charged=row["charged"],
        taken_by=row["taken_by"],
        taken_name=row["taken_name"],
        taken_at=row["taken_at"],
    )


def _spare(row: Any) -> Spare:
    return Spare(
        id=str(row["id"]),
        label=row["label"],
        kind=SpareKind(row["kind"]),
        fits=frozenset(row["fits"]),
        station=row["station"],
        at=None if row["station"] is None else (row["lon"], row["lat"]),
        unit_id=None if row["unit_id"] is None else str(row["unit_id"]),
        charged=row["charged"],
        taken=row["taken_by"] is not None,
    )
