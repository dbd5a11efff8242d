"""What a span of time had in it: incidents, orders step by step, shifts, silences, as rows.

Everything that lay in the span or reached into it, from its beginning, so that whoever replays it
knows how things stood at any moment. Only reads; knows no picture.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.clock import happened_at
from server.dispatch.orders import OrderState
from server.playbackviews import (
    PastIncidentView,
    PastOrderView,
    PastStepView,
    PastUnitView,
    ShiftView,
    SilenceView,
)
from server.stores.logsearch import SPAN
from server.views import JournalEntryView

LATE_MAX: Final = timedelta(days=1)
"""So long after a span is looked for what devices told of it."""
LEN_MAX: Final = 2_000
"""Of each kind; of more, whoever asks is told to ask for a shorter span."""

INCIDENTS = """
SELECT id, number, type, priority, place, lon, lat, opened_at, closed_at, outcome FROM incident
WHERE opened_at < $2 AND (closed_at IS NULL OR closed_at > $1) ORDER BY number LIMIT $3
"""

ORDERS = """
SELECT id, number, incident_id, unit_id, issued_at, closed_at FROM dispatch_order
WHERE issued_at < $2 AND (closed_at IS NULL OR closed_at > $1) ORDER BY number LIMIT $3
"""

# Only what moved them.
STEPS = """
SELECT order_id, state, device_at, clock_offset_s, server_at FROM order_event
WHERE order_id = ANY($1::uuid[]) AND applied AND state = ANY($2::text[]) ORDER BY id
"""

SHIFTS = """
SELECT unit_id, on_at, off_at FROM shift
WHERE on_at < $2 AND (off_at IS NULL OR off_at > $1) ORDER BY on_at LIMIT $3
"""

SILENCES = """
SELECT unit_id, silent_since, foretold_at, back_at, latest_at, overdue_at, ended_at FROM zone_stay
WHERE silent_since < $2 AND (ended_at IS NULL OR ended_at > $1) ORDER BY silent_since LIMIT $3
"""

# By call sign.
UNITS = "SELECT id, call_sign, kind FROM unit WHERE id = ANY($1::uuid[]) ORDER BY call_sign, id"


# Entries between two places of the log that tell what happened in a span, the newest first: those
# that were written in it, and those until $4 in which a device says that it happened within.
ENTRIES = """
SELECT l.seq, e.at, e.actor, e.subject, e.kind, e.body,
       ARRAY(SELECT jsonb_object_keys(l.redacted)) AS redacted
FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id
WHERE l.seq >= $5 AND l.seq < $6 AND split_part(e.kind, '.', 1) = ANY($1::text[])
  AND e.at >= $2 AND (e.at < $3 OR (e.at < $4 AND jsonb_typeof(e.body->'device_at') = 'string'
                                    AND (e.body->>'device_at')::timestamptz < $3))
ORDER BY l.seq DESC LIMIT $7
"""


async def entries(
    conn: Any, kinds: Collection[str], since: datetime, until: datetime, *, limit: int
) -> list[JournalEntryView]:
    """The newest entries of these kinds, by their first part, that tell of the span; oldest first.

    Told at most LATE_MAX after it.
    """
    told_until = until + LATE_MAX
    low, high, _ = await conn.fetchrow(SPAN, since, told_until)
    if low is None:
        return []
    rows = await conn.fetch(ENTRIES, list(kinds), since, until, told_until, low, high, limit)
    return [JournalEntryView(**row) for row in reversed(rows)]


async def incidents(conn: Any, since: datetime, until: datetime) -> list[PastIncidentView]:
    """By number; one more than LEN_MAX where there are more."""
    rows = await conn.fetch(INCIDENTS, since, until, LEN_MAX + 1)
    return [PastIncidentView(**row) for row in rows]


async def orders(conn: Any, since: datetime, until: datetime) -> list[PastOrderView]:
    """By number, with every step that moved them; one more than LEN_MAX where there are more."""
    rows = await conn.fetch(ORDERS, since, until, LEN_MAX + 1)
    steps: defaultdict[str, list[PastStepView]] = defaultdict(list)
    for row in await conn.fetch(STEPS, [row["id"] for row in rows], list(map(str, OrderState))):
        steps[row["order_id"]].append(_step(row))
    return [PastOrderView(**row, steps=steps[row["id"]]) for row in rows]


async def shifts(conn: Any, since: datetime, until: datetime) -> list[ShiftView]:
    """By their beginning; one more than LEN_MAX where there are more."""
    return [ShiftView(**row) for row in await conn.fetch(SHIFTS, since, until, LEN_MAX + 1)]


async def silences(conn: Any, since: datetime, until: datetime) -> list[SilenceView]:
    """Units in dead zones, as it was foretold; one more than LEN_MAX where there are more."""
    return [SilenceView(**row) for row in await conn.fetch(SILENCES, since, until, LEN_MAX + 1)]


async def units(conn: Any, unit_ids: set[str]) -> list[PastUnitView]:
    """By call sign, those retired since included."""
    return [PastUnitView(**row) for row in await conn.fetch(UNITS, sorted(unit_ids))]


def _step(row: Any) -> PastStepView:
    return PastStepView(
        state=row["state"],
        at=happened_at(row["device_at"], row["clock_offset_s"], row["server_at"]),
        heard_at=row["server_at"],
    )
