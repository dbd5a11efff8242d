"""Incidents as rows and as views with their orders. Knows no rule."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from server.dispatch.incidents import IncidentStatus
from server.stores import order_rows
from server.views import IncidentView, Priority

PAGE_LEN_MAX = 200
"""Incidents of one page; a larger wish is cut to this."""
OPEN_LEN_MAX = 1000
"""Incidents that are not closed, as a console shows them at once."""

PLACES_LEN_MAX = 100_000
"""Three hundred a day for a year."""

Which = Literal["open", "closed", "all"]

# Open one; no row when the request was seen before.
INSERT = """
INSERT INTO incident (id, request_id, type, priority, note, place, lon, lat, opened_by, opened_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (request_id) DO NOTHING
RETURNING id, number, type, priority, note, place, lon, lat, status, opened_by, opened_at,
          closed_by, closed_at, outcome
"""

# What an earlier, equal request opened.
ID_BY_REQUEST = "SELECT id FROM incident WHERE request_id = $1"

# One incident.
BY_ID = """
SELECT id, number, type, priority, note, place, lon, lat, status, opened_by, opened_at,
       closed_by, closed_at, outcome, claimed_by, claimed_at, claim_reason,
       (SELECT count(*) FROM checklist_tick WHERE incident_id = incident.id) AS steps_done,
       (SELECT count(*) FROM photo WHERE incident_id = incident.id) AS photos
FROM incident WHERE id = $1
"""

# Incidents by id, oldest first.
SOME = """
SELECT id, number, type, priority, note, place, lon, lat, status, opened_by, opened_at,
       closed_by, closed_at, outcome, claimed_by, claimed_at, claim_reason,
       (SELECT count(*) FROM checklist_tick WHERE incident_id = incident.id) AS steps_done,
       (SELECT count(*) FROM photo WHERE incident_id = incident.id) AS photos
FROM incident WHERE id = ANY($1::uuid[]) ORDER BY number
"""

# Lock one incident: the first lock of every step of an order.
LOCK = """
SELECT id, number, type, priority, note, place, lon, lat, status, opened_by, opened_at,
       closed_by, closed_at, outcome, claimed_by, claimed_at, claim_reason
FROM incident WHERE id = $1 FOR NO KEY UPDATE
"""

# One page, newest first; of those of these types, of this number, or with this text in place,
# outcome or a unit's call sign.
PAGE = """
SELECT id, number, type, priority, note, place, lon, lat, status, opened_by, opened_at,
       closed_by, closed_at, outcome, claimed_by, claimed_at, claim_reason,
       (SELECT count(*) FROM checklist_tick WHERE incident_id = incident.id) AS steps_done,
       (SELECT count(*) FROM photo WHERE incident_id = incident.id) AS photos
FROM incident
WHERE ($1 = 'all' OR (status = 'closed') = ($1 = 'closed'))
  AND ($2::bigint IS NULL OR number < $2)
  AND ($4 = '' OR number::text = ltrim($4, '#') OR type = ANY($5::text[])
       OR strpos(lower(place), lower($4)) > 0 OR strpos(lower(outcome), lower($4)) > 0
       OR EXISTS (SELECT FROM dispatch_order JOIN unit ON unit.id = unit_id
                  WHERE incident_id = incident.id AND lower(call_sign) = lower($4)))
ORDER BY number DESC
LIMIT $3
"""

# Where they were, newest first.
PLACES = """
SELECT lon, lat FROM incident WHERE opened_at > $1 AND type <> ALL($2::text[])
ORDER BY number DESC LIMIT $3
"""

WAITING = "SELECT count(*) FROM incident WHERE status = 'open' AND type <> ALL($1::text[])"

# Back to open, or assigned.
SET_STATUS = "UPDATE incident SET status = $2 WHERE id = $1"

# The end; nobody works on it any more.
CLOSE = """
UPDATE incident SET status = 'closed', closed_by = $2, closed_at = $3, outcome = $4,
    claimed_by = NULL, claimed_at = NULL, claim_reason = ''
WHERE id = $1
"""


async def waiting(conn: Any, *, without: Sequence[str]) -> int:
    """How many have nobody; `without`: types that do not count."""
    return int(await conn.fetchval(WAITING, list(without)))


async def places(
    conn: Any, since: datetime, *, without: Sequence[str]
) -> list[tuple[float, float]]:
    """(lon, lat) of those opened since, newest first, but of these types."""
    rows = await conn.fetch(PLACES, since, list(without), PLACES_LEN_MAX)
    return [(row["lon"], row["lat"]) for row in rows]


async def insert(
    conn: Any,
    *,
    incident_id: str,
    request_id: str,
    type_code: str,
    priority: Priority,
    note: str,
    place: str,
    lon: float,
    lat: float,
    opened_by: str,
    at: datetime,
) -> IncidentView | None:
    """Open an incident; None when this request opened one before."""
    row = await conn.fetchrow(
        INSERT,
        incident_id,
        request_id,
        type_code,
        priority,
        note,
        place,
        lon,
        lat,
        opened_by,
        at,
    )
    return None if row is None else IncidentView(**row)


async def id_by_request(conn: Any, request_id: str) -> str | None:
    """Id of the incident that this request opened."""
    found: str | None = await conn.fetchval(ID_BY_REQUEST, request_id)
    return found


async def lock(conn: Any, incident_id: str) -> IncidentView | None:
    """Lock an incident until commit; the view carries no orders. None: no such incident."""
    row = await conn.fetchrow(LOCK, incident_id)
    return None if row is None else IncidentView(**row)


async def load(conn: Any, incident_id: str, *, with_events: bool = True) -> IncidentView | None:
    """One incident with its orders, and their events where wanted. None: no such incident."""
    row = await conn.fetchrow(BY_ID, incident_id)
    if row is None:
        return None
    return (await _with_orders(conn, [IncidentView(**row)], with_events=with_events))[0]


async def load_some(conn: Any, incident_ids: Sequence[str]) -> list[IncidentView]:
    """Those of the incidents that exist, oldest first, with orders but without events."""
    rows = await conn.fetch(SOME, list(incident_ids))
    return await _with_orders(conn, [IncidentView(**row) for row in rows], with_events=False)


async def load_page(
    conn: Any,
    *,
    which: Which = "all",
    before: int | None = None,
    limit: int = 50,
    text: str = "",
    types: Sequence[str] = (),
) -> list[IncidentView]:
    """Newest first, numbers below `before`, with orders but without events.

    `text`: that is their number, in their place or outcome, or the call sign of a unit of theirs;
    `types`: that the text says as well.
    """
    limit = max(1, min(limit, PAGE_LEN_MAX))
    rows = await conn.fetch(PAGE, which, before, limit, text, list(types))
    return await _with_orders(conn, [IncidentView(**row) for row in rows], with_events=False)


async def load_open(conn: Any) -> list[IncidentView]:
    """Every incident that is not closed, newest first, with orders but without events."""
    rows = await conn.fetch(PAGE, "open", None, OPEN_LEN_MAX, "", [])
    return await _with_orders(conn, [IncidentView(**row) for row in rows], with_events=False)


async def set_status(conn: Any, incident_id: str, status: IncidentStatus) -> None:
    """Open or assigned; `close` is apart."""
    assert status is not IncidentStatus.CLOSED
    await conn.execute(SET_STATUS, incident_id, status)


async def close(conn: Any, incident_id: str, *, by: str, at: datetime, outcome: str) -> None:
    """The end of an incident."""
    await conn.execute(CLOSE, incident_id, by, at, outcome)


async def _with_orders(
    conn: Any, incidents: Sequence[IncidentView], *, with_events: bool
) -> list[IncidentView]:
    ids = [each.id for each in incidents]
    orders = await order_rows.views_of_incidents(conn, ids, with_events=with_events)
    return [msgspec.structs.replace(each, orders=orders.get(each.id, [])) for each in incidents]
