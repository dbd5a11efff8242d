"""What people do with spares: add one, take it, put it somewhere, take it out of service.

Each step is one transaction with the command log; a spare is held during it, so that two who take
the same one are not both told that they have it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.spares import SpareKind
from server.ids import new_id
from server.journal.kinds import JournalKind as Kind
from server.ports import Clock
from server.reasons import require_reason
from server.spareviews import SpareView
from server.stores import journal, roster, spares
from server.stores.pool import Connection, Pool
from server.stores.spares import SPARES_LEN_MAX, Place

FITS_LEN_MAX: Final = 20
"""Models that one spare fits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whereabouts:
    """Where a spare lies, by the names that people use: one of the two."""

    station: str | None = None
    unit: str | None = None
    """Call sign."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewSpare:
    label: str
    kind: SpareKind
    fits: tuple[str, ...]
    lies: Whereabouts
    charged: bool


async def add_spare(conn: Connection, wanted: NewSpare, *, by: str) -> str:
    """Returns the id; ends a transaction.

    Raises `Conflict` (`exists`, `too_many`), `Impossible` (`no_place`, `unknown_station`,
    `unknown_unit`).
    """
    place = await _place(conn, wanted.lies)
    if await spares.count(conn) >= SPARES_LEN_MAX:
        text = f"There are {SPARES_LEN_MAX:,} spares, the most a county may have; retire some."
        raise Conflict("too_many", text)
    spare_id = new_id()
    fits = sorted(set(wanted.fits))
    if not await spares.insert(
        conn,
        spare_id=spare_id,
        label=wanted.label,
        kind=wanted.kind,
        fits=fits,
        place=place,
        charged=wanted.charged,
    ):
        text = f"There is or was a spare {wanted.label}; write another label on this one."
        raise Conflict("exists", text)
    body = {"kind": wanted.kind, "fits": fits, "charged": wanted.charged, **_where(wanted.lies)}
    await _log(conn, by, spare_id, wanted.label, Kind.SPARE_CREATED, body)
    return spare_id


class SpareDesk:
    """`by` is who acts: `user:<username>`."""

    def __init__(self, *, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock

    async def list(self) -> list[SpareView]:
        """Those in service, by label."""
        return await spares.load_all(self._pool)

    async def add(self, wanted: NewSpare, *, by: str) -> SpareView:
        """Raises as `add_spare`."""
        async with self._pool.acquire() as conn, conn.transaction():
            spare_id = await add_spare(conn, wanted, by=by)
        return await self._load(spare_id)

    async def take(self, spare_id: str, *, badge: str, by: str) -> SpareView:
        """An officer has it now. Raises `NotFound`, `Conflict` (`taken`), `Impossible`
        (`unknown_officer`)."""
        async with self._held(spare_id) as (conn, spare):
            if spare.taken_by is not None:
                who = spare.taken_name or spare.taken_by.removeprefix("officer:")
                detail = {"taken_by": spare.taken_by, "taken_at": spare.taken_at}
                raise Conflict("taken", f"{spare.label} was taken by {who} already.", detail)
            if not await roster.officer_exists(conn, badge):
                raise Impossible("unknown_officer", f"Nobody has the badge {badge}.")
            await spares.take(conn, spare.id, taken_by=f"officer:{badge}", at=self._clock())
            was = {"badge": badge, "station": spare.station, "unit": spare.call_sign}
            await _log(conn, by, spare.id, spare.label, Kind.SPARE_TAKEN, was)
        return await self._load(spare_id)

    async def put(self, spare_id: str, lies: Whereabouts, *, charged: bool, by: str) -> SpareView:
        """It lies there now, charged or not: brought back, moved, or off its charger.

        Raises `NotFound`, `Impossible` (`no_place`, `unknown_station`, `unknown_unit`).
        """
        async with self._held(spare_id) as (conn, spare):
            await spares.put(conn, spare.id, await _place(conn, lies), charged=charged)
            body = {"charged": charged, **_where(lies)}
            await _log(conn, by, spare.id, spare.label, Kind.SPARE_PUT, body)
        return await self._load(spare_id)

    async def retire(self, spare_id: str, *, reason: str, by: str) -> None:
        """Lost or worn out. Raises `NotFound`, `Impossible` (`no_reason`)."""
        require_reason(reason)
        async with self._held(spare_id) as (conn, spare):
            await spares.retire(conn, spare.id, at=self._clock())
            body = {"reason": reason.strip()}
            await _log(conn, by, spare.id, spare.label, Kind.SPARE_RETIRED, body)

    @asynccontextmanager
    async def _held(self, spare_id: str) -> AsyncIterator[tuple[Connection, SpareView]]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn, _found(await spares.hold(conn, spare_id))

    async def _load(self, spare_id: str) -> SpareView:
        return _found(await spares.load(self._pool, spare_id))


def _found(spare: SpareView | None) -> SpareView:
    if spare is None:
        raise NotFound("not_found", "There is no such spare in service.")
    return spare


async def _place(conn: Connection, lies: Whereabouts) -> Place:
    """Raises `Impossible` (`no_place`, `unknown_station`, `unknown_unit`)."""
    if (lies.station is None) == (lies.unit is None):
        raise Impossible("no_place", "Say where it lies: a station, or a unit for its vehicle.")
    if lies.unit is not None:
        unit_id = await roster.unit_id(conn, lies.unit)
        if unit_id is None:
            raise Impossible("unknown_unit", f"There is no unit {lies.unit} in service.")
        return Place(unit_id=unit_id)
    station_id = await roster.station_id(conn, str(lies.station))
    if station_id is None:
        raise Impossible("unknown_station", f"There is no station {lies.station}.")
    return Place(station_id=station_id)


def _where(lies: Whereabouts) -> dict[str, str | None]:
    return {"station": lies.station, "unit": lies.unit}


async def _log(
    conn: Connection, by: str, spare_id: str, label: str, kind: Kind, body: dict[str, Any]
) -> None:
    told = {"label": label, **body}
    await journal.append(conn, actor=by, subject=f"spare:{spare_id}", kind=kind, body=told)
