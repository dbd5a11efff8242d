"""Everything that was kept of one incident, for looking at it afterwards. Only reads.

Knows no rule and no words: what it means is `server.afteraction`'s.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from server.dispatch.stance import StanceOrder
from server.dispatch.timers import TimerTable
from server.photoviews import PhotoView
from server.stores import incidents, photos, retention, stance, timersets, tracks
from server.stores.tracks import Track
from server.views import IncidentView

PHOTOS_SHOWN_MAX: Final = 60
"""With their images, small; of more, that there are."""
ROWS_MAX: Final = 2_000
"""Of each kind that belongs to one incident; the first ones."""
READINGS_MAX: Final = 2_000
"""Of each device over the whole incident, about."""
LEAD: Final = timedelta(minutes=15)
"""So long before the incident the batteries are looked at."""
SETTLE: Final = timedelta(minutes=10)
"""After its end, for what a device kept while it had no signal."""
STALE_S: Final = 120.0

ID_OF = "SELECT id FROM incident WHERE number = $1"

CALLED = "SELECT min(received_at) FROM intake WHERE incident_id = $1"

# Recommendations, oldest first; their answers only of those on which somebody was sent.
RECOMMENDATIONS = """
SELECT id, computed_at, computed_by, jsonb_array_length(body->'candidates') AS candidates,
       CASE WHEN EXISTS (SELECT FROM decision WHERE recommendation_id = recommendation.id)
            THEN body END AS body
FROM recommendation WHERE incident_id = $1 ORDER BY computed_at, id LIMIT $2
"""

DECISIONS = """
SELECT id, recommendation_id, unit_ids, reason, decided_by, decided_at
FROM decision WHERE incident_id = $1 ORDER BY decided_at, id LIMIT $2
"""

NUMBERS = "SELECT id, number FROM dispatch_order WHERE id = ANY($1::uuid[])"

# Which devices were to show an order, and when each was sent it.
SENT = """
SELECT order_id, device_id, sent_at, refused_at FROM command
WHERE order_id = ANY($1::uuid[]) AND kind = 'task' ORDER BY order_id, device_id LIMIT $2
"""

ESCALATIONS = """
SELECT order_id, level, opened_at, settled_at, why, leader->>'name' AS leader, leader_answer
FROM escalation WHERE order_id = ANY($1::uuid[]) ORDER BY opened_at LIMIT $2
"""

TROUBLES = """
SELECT kind, severity, order_id, raised_at, settled_at, times, why FROM work_item
WHERE incident_id = $1 OR order_id = ANY($2::uuid[]) ORDER BY raised_at, number LIMIT $3
"""

# Foretold silences of these units that reach into a span.
STAYS = """
SELECT unit_id, silent_since, ended_at, place, overdue_at FROM zone_stay
WHERE unit_id = ANY($1::uuid[]) AND silent_since < $3 AND coalesce(ended_at, 'infinity') > $2
ORDER BY silent_since LIMIT $4
"""

MITIGATIONS = """
SELECT order_id, device_id, kind, state, expected, measured, sent_at FROM mitigation
WHERE order_id = ANY($1::uuid[]) ORDER BY number LIMIT $2
"""

CALLS_FOR_HELP = """
SELECT number, received_at, acknowledged_at, acknowledged_by, withdrawn_at, call_sign
FROM sos_call LEFT JOIN unit ON unit.id = sos_call.unit_id
WHERE incident_id = $1 ORDER BY number LIMIT $2
"""

# How drives were matched, with the first version of travel times that was learned with each.
TRIPS = """
SELECT order_id, vehicle, mode, condition, map_id, fixes, unmatched_s, note,
       arc, begin_share, end_share, enter_s, leave_s, left_out,
       (SELECT min(version) FROM learned_version
        WHERE learned_version.map_id = matched_trip.map_id
          AND learned_version.created_at >= matched_trip.matched_at) AS version
FROM matched_trip WHERE order_id = ANY($1::uuid[])
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trip:
    """A drive as it was matched to roads, in (n,) columns of passages."""

    order_id: str
    vehicle: str
    mode: str
    condition: str
    map_id: str
    fixes: int
    unmatched_s: float
    note: str
    """Why nothing was matched, where nothing was."""
    arcs: NDArray[np.int64]
    shares: NDArray[np.float64]
    """Of each arc, that was driven."""
    took_s: NDArray[np.float64]
    counts: NDArray[np.bool_]
    """Not left out: it neither stood there, nor was the road another than modelled."""
    version: int | None
    """Of travel times, the first that was learned with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What was kept. Rows are mappings with the columns of their statements."""

    incident: IncidentView
    """With its orders and all that was told of them."""
    called_at: datetime | None
    recommendations: Sequence[Any]
    decisions: Sequence[Any]
    sent: Sequence[Any]
    escalations: Sequence[Any]
    troubles: Sequence[Any]
    stays: Sequence[Any]
    mitigations: Sequence[Any]
    calls_for_help: Sequence[Any]
    trips: dict[str, Trip]
    """By order id."""
    tracks: Sequence[Track]
    """Of the units that were sent, in seconds after the incident was opened."""
    step_s: float
    """Of tracks, at most one position in so many seconds."""
    coarse: bool
    """Of part of it one position in a quarter of an hour is left."""
    successors: dict[str, int]
    """Numbers of the orders that took the place of these, by id."""
    stances: Sequence[StanceOrder]
    timers: Sequence[tuple[datetime, TimerTable]]
    """As they were set, each with since when; oldest first."""
    photos: Sequence[PhotoView]
    """Oldest first."""
    small: dict[str, bytes]
    """JPEGs of the first photos that still have an image, by id."""


async def id_of(conn: Any, number: int) -> str | None:
    """None: there is no such incident."""
    found: str | None = await conn.fetchval(ID_OF, number)
    return found


async def load(conn: Any, incident_id: str, now: datetime) -> Material | None:
    """None: there is no such incident."""
    incident = await incidents.load(conn, incident_id)
    if incident is None:
        return None
    order_ids = [each.id for each in incident.orders]
    unit_ids = sorted({each.unit_id for each in incident.orders})
    since, until = incident.opened_at, (incident.closed_at or now) + SETTLE
    step_s = max(1.0, (until - since).total_seconds() / READINGS_MAX)
    trips = [_trip(row) for row in await conn.fetch(TRIPS, order_ids)]
    taken = await photos.of_incident(conn, incident_id)
    shown = [each.id for each in taken if each.gone is None][:PHOTOS_SHOWN_MAX]
    successor_ids = [each.successor_id for each in incident.orders if each.successor_id]
    return Material(
        incident=incident,
        called_at=await conn.fetchval(CALLED, incident_id),
        recommendations=await conn.fetch(RECOMMENDATIONS, incident_id, ROWS_MAX),
        decisions=await conn.fetch(DECISIONS, incident_id, ROWS_MAX),
        sent=await conn.fetch(SENT, order_ids, ROWS_MAX),
        escalations=await conn.fetch(ESCALATIONS, order_ids, ROWS_MAX),
        troubles=await conn.fetch(TROUBLES, incident_id, order_ids, ROWS_MAX),
        stays=await conn.fetch(STAYS, unit_ids, since, until, ROWS_MAX),
        mitigations=await conn.fetch(MITIGATIONS, order_ids, ROWS_MAX),
        calls_for_help=await conn.fetch(CALLS_FOR_HELP, incident_id, ROWS_MAX),
        trips={each.order_id: each for each in trips},
        tracks=await tracks.load(
            conn,
            since,
            until,
            lead=LEAD,
            step_s=step_s,
            stale_s=STALE_S,
            unit_ids=unit_ids,
        ),
        step_s=step_s,
        coarse=await retention.any_coarse(conn, since - LEAD, until),
        successors={row["id"]: row["number"] for row in await conn.fetch(NUMBERS, successor_ids)},
        stances=await stance.around(conn, since, until),
        timers=await timersets.before(conn, until),
        photos=taken,
        small=await photos.small_ones(conn, shown),
    )


def _trip(row: Any) -> Trip:
    begin, end = (np.array(row[name], np.float64) for name in ("begin_share", "end_share"))
    enter_s, leave_s = (np.array(row[name], np.float64) for name in ("enter_s", "leave_s"))
    return Trip(
        order_id=row["order_id"],
        vehicle=row["vehicle"],
        mode=row["mode"],
        condition=row["condition"],
        map_id=row["map_id"],
        fixes=row["fixes"],
        unmatched_s=row["unmatched_s"],
        note=row["note"],
        arcs=np.array(row["arc"], np.int64),
        shares=np.abs(end - begin),
        took_s=leave_s - enter_s,
        counts=~np.array(row["left_out"], np.bool_),
        version=row["version"],
    )
