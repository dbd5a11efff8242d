"""Calls for help as rows: taken from a device, acknowledged by a dispatcher, placed on the map.

A call opens an incident of its own where anybody knows the place: the position that the device
sent, or the newest fix of its unit, whichever is younger. Another call of the unit soon after, from
the same place, belongs to that incident; a later one, or one from elsewhere, opens its own, for
help is sent to where the incident is. A call is never refused: what is wrong in it is left out.

`take` appends to the command log, so it comes last in its transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from devices.intake import distance_m
from protocols.native import Sos, SosSays
from server.dispatch.runcards import OFFICER_NEEDS_HELP
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import commands, entries, incidents, journal
from server.stores.journal import Entry
from server.stores.stepping import COMMAND_TTL
from server.stores.steps import Hint
from server.views import IncidentView, RecommendationView, SosView

OPEN_LEN_MAX = 200
"""Open calls that a console shows at once, oldest first; the next follow as these are settled."""
TOPIC: Final = "sos"
JOINS_WITHIN: Final = timedelta(minutes=15)
"""After the unit's last call of an incident, another one belongs to it (starting value)."""
JOINS_WITHIN_M: Final = 300.0
"""From the incident, as the crow flies; what the fix may be wrong comes on top (starting value)."""
ACCURACY_M_MAX: Final = 1_000.0
"""A fix that says it is worse counts as this."""

NamePlace = Callable[[float, float], str | None]
"""(lon, lat) → the place in words; None: outside the map."""


def coordinates(lon: float, lat: float) -> str:
    """A `NamePlace` without a map."""
    return f"{lat:.5f}, {lon:.5f}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whose device calls."""

    unit_id: str | None
    call_sign: str | None
    name: str | None
    """Of the officer with the badge that was said."""
    in_crew: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Where, and since when that is known."""

    lon: float
    lat: float
    accuracy_m: float | None
    at: datetime


CALLER = """
SELECT device.unit_id, unit.call_sign, officer.name,
       EXISTS (SELECT FROM unit_officer WHERE unit_officer.officer_id = officer.id
               AND unit_officer.unit_id = device.unit_id) AS in_crew
FROM device LEFT JOIN unit ON unit.id = device.unit_id LEFT JOIN officer ON officer.badge = $2
WHERE device.id = $1
"""

# Where the device was seen last, or another device of its unit.
LAST_SPOT = """
SELECT lon, lat, accuracy_m, least(observed_at, received_at) AS at
FROM last_position
WHERE device_id = $1
   OR device_id IN (SELECT id FROM device WHERE unit_id = $2)
ORDER BY at DESC LIMIT 1
"""

# No row when the device has said it before.
INSERT = """
INSERT INTO sos_call (id, device_id, ref, unit_id, badge, note, raised_at, received_at, lon, lat,
                      accuracy_m, position_at, battery_pct, incident_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
ON CONFLICT (device_id, ref) DO NOTHING RETURNING number
"""

# Running incidents of what this unit called for since $2, the newest call's first.
RUNNING_INCIDENTS = """
SELECT incident.id, incident.lon, incident.lat
FROM sos_call JOIN incident ON incident.id = sos_call.incident_id
WHERE sos_call.unit_id = $1 AND incident.status <> 'closed'
GROUP BY incident.id HAVING max(sos_call.received_at) >= $2
ORDER BY max(sos_call.number) DESC
"""

# Two devices of a unit that call in the same moment make one incident.
LOCK_UNIT = "SELECT id FROM unit WHERE id = $1 FOR NO KEY UPDATE"

KNOWN = "SELECT true FROM sos_call WHERE device_id = $1 AND ref = $2"

WITHDRAW = """
UPDATE sos_call SET withdrawn_at = $3, withdrawn_note = $4
WHERE device_id = $1 AND ref = $2 AND withdrawn_at IS NULL RETURNING id, number
"""

# The first dispatcher counts.
ACKNOWLEDGE = """
UPDATE sos_call SET acknowledged_by = $2, acknowledged_at = $3
WHERE id = $1 AND acknowledged_at IS NULL RETURNING device_id, ref, number
"""

LOCK = "SELECT incident_id FROM sos_call WHERE id = $1 FOR UPDATE"
PLACE = "UPDATE sos_call SET incident_id = $2 WHERE id = $1"

VIEW = """
SELECT sos_call.id, sos_call.number, sos_call.device_id, device.kind AS device_kind,
       sos_call.unit_id, unit.call_sign, badge, officer.name AS officer_name, sos_call.note,
       raised_at, received_at, sos_call.lon, sos_call.lat, accuracy_m, position_at, battery_pct,
       withdrawn_at, withdrawn_note, acknowledged_by, acknowledged_at, incident_id,
       incident.number AS incident_number, incident.place
FROM sos_call JOIN device ON device.id = sos_call.device_id
LEFT JOIN unit ON unit.id = sos_call.unit_id
LEFT JOIN officer USING (badge)
LEFT JOIN incident ON incident.id = sos_call.incident_id
"""

# What a dispatcher must still look at: not acknowledged, or nobody knows where.
OPEN = f"""{VIEW}
WHERE acknowledged_at IS NULL OR (incident_id IS NULL AND withdrawn_at IS NULL)
ORDER BY acknowledged_at IS NOT NULL, sos_call.number LIMIT $1
"""

BY_ID = f"{VIEW} WHERE sos_call.id = $1"

# Units whose officers called for help where this incident is.
IN_NEED = "SELECT DISTINCT unit_id FROM sos_call WHERE incident_id = $1 AND unit_id IS NOT NULL"


# Units of which somebody calls for help, until it is acknowledged and its incident closed.
CALLERS = """
SELECT DISTINCT unit_id FROM sos_call LEFT JOIN incident ON incident.id = sos_call.incident_id
WHERE unit_id IS NOT NULL AND (acknowledged_at IS NULL OR incident.status <> 'closed')
"""

# One process at a time has units ranked for a call; the call itself stays free to be acknowledged.
LOCK_NEAREST = "SELECT pg_advisory_xact_lock(hashtext('sos nearest'), hashtext($1))"

NEAREST = """
SELECT recommendation.body
FROM sos_call JOIN recommendation ON recommendation.id = sos_call.nearest_id
WHERE sos_call.id = $1
"""

KEEP_NEAREST = "UPDATE sos_call SET nearest_id = $2 WHERE id = $1"


async def take(
    conn: Any, *, device_id: str, sos: Sos, received_at: datetime, name_place: NamePlace
) -> tuple[Hint, ...]:
    """Write what a device says down; what to publish after the commit."""
    if sos.s is SosSays.WITHDRAWN:
        return await _withdraw(conn, device_id, sos, received_at)
    if await conn.fetchval(KNOWN, device_id, sos.id):
        return ()
    caller = Caller(**await conn.fetchrow(CALLER, device_id, sos.by))
    actor = f"officer:{sos.by}" if caller.in_crew else f"device:{device_id}"
    spot = await _spot(conn, device_id, caller, sos, received_at)
    place = None if spot is None else name_place(spot.lon, spot.lat)
    call_id = new_id()
    written: list[Entry] = []
    incident_id = await _running_incident(conn, caller, spot, since=received_at - JOINS_WITHIN)
    if incident_id is None and spot is not None and place is not None:
        incident = await open_incident(
            conn, call_id, _who(caller, sos, device_id), lon=spot.lon, lat=spot.lat, place=place,
            by=actor, at=received_at,
        )  # fmt: skip
        incident_id = incident.id
        written = [entries.incident_opened(incident)]
    number = await conn.fetchval(
        INSERT, call_id, device_id, sos.id, caller.unit_id, sos.by, sos.note,
        _instant(sos.at), received_at,
        spot and spot.lon, spot and spot.lat, spot and spot.accuracy_m, spot and spot.at,
        sos.bat, incident_id,
    )  # fmt: skip
    raised = Entry(
        actor=actor,
        subject=f"sos:{call_id}",
        kind=JournalKind.SOS_RAISED,
        body={
            "number": number,
            "device": device_id,
            "unit": caller.unit_id,
            "call_sign": caller.call_sign,
            "badge": sos.by,
            "note": sos.note,
            "raised_at": _instant(sos.at),
            "lon": spot and spot.lon,
            "lat": spot and spot.lat,
            "position_at": spot and spot.at,
            "place": place,
            "incident": incident_id,
        },
    )
    await journal.append_all(conn, [raised, *written])
    changed: tuple[Hint, ...] = () if incident_id is None else (("incident", incident_id),)
    return ((TOPIC, call_id), *changed)


async def open_incident(
    conn: Any, call_id: str, who: str, *, lon: float, lat: float, place: str, by: str, at: datetime
) -> IncidentView:
    """The incident of one call: an emergency, its note says who needs help."""
    opened = await incidents.insert(
        conn,
        incident_id=new_id(),
        request_id=f"sos:{call_id}",
        type_code=OFFICER_NEEDS_HELP,
        priority="emergency",
        note=who,
        place=place,
        lon=lon,
        lat=lat,
        opened_by=by,
        at=at,
    )
    assert opened is not None, "its call has no incident"
    return opened


async def acknowledge(conn: Any, call_id: str, *, by: str, at: datetime) -> tuple[Hint, ...] | None:
    """A dispatcher has seen it; the device is told. None: somebody was quicker, or no such call."""
    row = await conn.fetchrow(ACKNOWLEDGE, call_id, by, at)
    if row is None:
        return None
    await commands.enqueue(
        conn,
        device_id=row["device_id"],
        kind="notice",
        priority="emergency",
        body={"ref": row["ref"], "why": "heard", "at": round(at.timestamp() * 1000)},
        order_id=None,
        expires_at=at + COMMAND_TTL,
        now=at,
    )
    entry = Entry(
        actor=by,
        subject=f"sos:{call_id}",
        kind=JournalKind.SOS_ACKNOWLEDGED,
        body={"number": row["number"], "device": row["device_id"]},
    )
    await journal.append_all(conn, [entry])
    return (TOPIC, call_id), ("device", row["device_id"])


async def place(
    conn: Any, call: SosView, *, lon: float, lat: float, place: str, by: str, at: datetime
) -> tuple[Hint, ...] | None:
    """A dispatcher has found out where; the incident is opened. None: it has one already."""
    if (await conn.fetchrow(LOCK, call.id))["incident_id"] is not None:
        return None
    who = _names(call.call_sign or call.device_id, call.officer_name, call.badge)
    incident = await open_incident(conn, call.id, who, lon=lon, lat=lat, place=place, by=by, at=at)
    await conn.execute(PLACE, call.id, incident.id)
    placed = Entry(
        actor=by,
        subject=f"sos:{call.id}",
        kind=JournalKind.SOS_PLACED,
        body={"number": call.number, "place": place, "incident": incident.id},
    )
    await journal.append_all(conn, [placed, entries.incident_opened(incident)])
    return (TOPIC, call.id), ("incident", incident.id)


async def load_open(conn: Any) -> list[SosView]:
    """Those that a dispatcher must still look at, unacknowledged and oldest first."""
    return [SosView(**row) for row in await conn.fetch(OPEN, OPEN_LEN_MAX)]


async def load(conn: Any, call_id: str) -> SosView | None:
    """One call. None: there is none."""
    row = await conn.fetchrow(BY_ID, call_id)
    return None if row is None else SosView(**row)


async def nearest(conn: Any, call_id: str) -> RecommendationView | None:
    """The units ranked for this call; until the caller commits, nobody else ranks for it."""
    await conn.execute(LOCK_NEAREST, call_id)
    body = await conn.fetchval(NEAREST, call_id)
    return None if body is None else msgspec.convert(body, RecommendationView)


async def keep_nearest(conn: Any, call_id: str, recommendation_id: str) -> None:
    """From now on this is the answer for everybody."""
    await conn.execute(KEEP_NEAREST, call_id, recommendation_id)


async def in_need(conn: Any, incident_id: str) -> frozenset[str]:
    """Ids of the units that cannot be sent there: they are the ones who call."""
    return frozenset(row["unit_id"] for row in await conn.fetch(IN_NEED, incident_id))


async def callers(conn: Any) -> frozenset[str]:
    """Ids of the units that call for help, wherever."""
    return frozenset(row["unit_id"] for row in await conn.fetch(CALLERS))


async def _withdraw(conn: Any, device_id: str, sos: Sos, received_at: datetime) -> tuple[Hint, ...]:
    """A statement of the officer. It silences nothing: a dispatcher still has to acknowledge."""
    caller = Caller(**await conn.fetchrow(CALLER, device_id, sos.by))
    row = await conn.fetchrow(WITHDRAW, device_id, sos.id, received_at, sos.note)
    if row is None:
        return ()
    entry = Entry(
        actor=f"officer:{sos.by}" if caller.in_crew else f"device:{device_id}",
        subject=f"sos:{row['id']}",
        kind=JournalKind.SOS_WITHDRAWN,
        body={"number": row["number"], "device": device_id, "badge": sos.by, "note": sos.note},
    )
    await journal.append_all(conn, [entry])
    return ((TOPIC, row["id"]),)


async def _running_incident(
    conn: Any, caller: Caller, spot: Spot | None, *, since: datetime
) -> str | None:
    """Locked, so that it is not closed under the call that joins it."""
    if caller.unit_id is None:
        return None
    await conn.execute(LOCK_UNIT, caller.unit_id)
    for row in await conn.fetch(RUNNING_INCIDENTS, caller.unit_id, since):
        if spot is None or _is_at(spot, row["lon"], row["lat"]):
            locked = await incidents.lock(conn, row["id"])
            if locked is not None and locked.status != "closed":
                return locked.id
    return None


def _is_at(spot: Spot, lon: float, lat: float) -> bool:
    within_m = JOINS_WITHIN_M + min(spot.accuracy_m or 0.0, ACCURACY_M_MAX)
    return distance_m(spot.lon, spot.lat, lon, lat) <= within_m


async def _spot(
    conn: Any, device_id: str, caller: Caller, sos: Sos, received_at: datetime
) -> Spot | None:
    row = await conn.fetchrow(LAST_SPOT, device_id, caller.unit_id)
    stored = None if row is None else Spot(**row)
    if sos.lon is None or sos.lat is None:
        return stored
    claimed = _instant(sos.fix) or _instant(sos.at) or received_at
    own = Spot(lon=sos.lon, lat=sos.lat, accuracy_m=sos.acc, at=min(claimed, received_at))
    return stored if stored is not None and stored.at > own.at else own


def _who(caller: Caller, sos: Sos, device_id: str) -> str:
    """For the note that those who are sent will read, in no language."""
    who = _names(caller.call_sign or device_id, caller.name, sos.by)
    return f"{who}\n{sos.note}".strip()


def _names(unit: str, name: str | None, badge: str) -> str:
    """The badge once: some names hold it."""
    return " · ".join(filter(None, (unit, name, "" if name and badge in name else badge)))


def _instant(unix_ms: int | None) -> datetime | None:
    return None if unix_ms is None else datetime.fromtimestamp(unix_ms / 1000, UTC)
