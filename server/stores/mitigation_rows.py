"""Mitigations as rows: insert, move on, measure, end, read. Knows no command and no rule.

At most one of a kind is open for a device, so a device has at most as many open as there are kinds.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from server.dispatch.mitigation import Mitigation
from server.mitigationviews import EffectView, MeasuredView, MitigationState, MitigationView
from server.views import Priority

OF_ORDER_LEN_MAX: Final = 100
"""Mitigations of one order that are shown, the newest."""
READINGS_LEN_MAX: Final = 2000
"""Levels read to measure one drain."""
RECEIPTS: Final = ("sent", "received", "shown")
"""How far one got by machines; only upward."""

# No row where one of this kind is open for the device.
INSERT = """
INSERT INTO mitigation (id, kind, device_id, order_id, by_device, state, expected, sent_by, sent_at)
VALUES ($1, $2, $3, $4, $5, 'sent', $6, $7, $8)
ON CONFLICT (device_id, kind) WHERE ended_at IS NULL DO NOTHING
RETURNING id
"""

BY_ID = "SELECT * FROM mitigation WHERE id = $1"

OPEN_ONE = "SELECT * FROM mitigation WHERE device_id = $1 AND kind = $2 AND ended_at IS NULL"

OF_ORDER = "SELECT * FROM mitigation WHERE order_id = $1 ORDER BY number DESC LIMIT $2"

# Lock several, by id; those that exist.
LOCK = "SELECT * FROM mitigation WHERE id = ANY($1::uuid[]) ORDER BY id FOR NO KEY UPDATE"

# Nobody else tells the device anything until commit.
HOLD_DEVICE = "SELECT id FROM device WHERE id = $1 FOR NO KEY UPDATE"

# What a device is asked to keep to by itself.
BY_DEVICE = """
SELECT id, kind FROM mitigation
WHERE device_id = $1 AND by_device AND ended_at IS NULL ORDER BY number
"""

# Everything open, with its order.
OPEN = """
SELECT mitigation.*, dispatch_order.closed_at IS NOT NULL AS order_over
FROM mitigation JOIN dispatch_order ON dispatch_order.id = mitigation.order_id
WHERE ended_at IS NULL ORDER BY mitigation.number
"""

SET_RECEIPT = "UPDATE mitigation SET state = $2 WHERE id = $1 AND state = ANY($3::text[])"

# One answer counts.
ANSWER = """
UPDATE mitigation SET state = $2, answered_by = $3, answered_at = $4, reason = $5
WHERE id = $1 AND answered_at IS NULL AND ended_at IS NULL
RETURNING *
"""

MEASURED = """
UPDATE mitigation SET measured = $2, measured_at = $3
WHERE id = $1 AND measured IS NULL AND ended_at IS NULL RETURNING *
"""

END = """
UPDATE mitigation SET ended_at = $2, ended_by = $3, ended_why = $4
WHERE id = $1 AND ended_at IS NULL RETURNING *
"""

# Of the order, for whoever is told.
ORDER_OF = """
SELECT dispatch_order.id, dispatch_order.number, dispatch_order.incident_id, unit_id, call_sign,
       priority, dispatch_order.closed_at
FROM dispatch_order
JOIN unit ON unit.id = dispatch_order.unit_id
JOIN incident ON incident.id = dispatch_order.incident_id
WHERE dispatch_order.id = $1
"""

# What the installation that was heard last can do by itself.
CAPS = """
SELECT caps FROM installation WHERE device_id = $1 ORDER BY last_seen_at DESC LIMIT 1
"""

# Devices of a unit that show a person something.
SHOWING = """
SELECT id, kind FROM device
WHERE unit_id = $1 AND disabled_at IS NULL AND takes_orders(device) ORDER BY id
"""

# Levels since; partitions of the days before are left out by `received_at`.
LEVELS = """
SELECT observed_at, battery_pct, charging, mode FROM position
WHERE device_id = $1 AND observed_at > $2 AND received_at > $2 AND battery_pct IS NOT NULL
ORDER BY observed_at LIMIT $3
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderOf:
    """The order of a mitigation, as far as commands and words about it need it."""

    id: str
    number: int
    incident_id: str
    unit_id: str
    call_sign: str
    priority: Priority
    closed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A level as a device told it with a fix."""

    at: datetime
    level_pct: int
    charging: bool
    mode: str


async def insert(
    conn: Any,
    *,
    mitigation_id: str,
    kind: Mitigation,
    device_id: str,
    order_id: str,
    by_device: bool,
    expected: EffectView,
    by: str,
    at: datetime,
) -> bool:
    """False: one of this kind is open for the device."""
    found = await conn.fetchval(
        INSERT,
        mitigation_id,
        kind,
        device_id,
        order_id,
        by_device,
        msgspec.to_builtins(expected),
        by,
        at,
    )
    return found is not None


async def load(conn: Any, mitigation_id: str) -> MitigationView | None:
    row = await conn.fetchrow(BY_ID, mitigation_id)
    return None if row is None else _view(row)


async def open_one(conn: Any, device_id: str, kind: Mitigation) -> MitigationView | None:
    """The open one of a kind for a device."""
    row = await conn.fetchrow(OPEN_ONE, device_id, kind)
    return None if row is None else _view(row)


async def of_order(conn: Any, order_id: str) -> list[MitigationView]:
    """Newest first."""
    return [_view(row) for row in await conn.fetch(OF_ORDER, order_id, OF_ORDER_LEN_MAX)]


async def open_all(conn: Any) -> list[tuple[MitigationView, bool]]:
    """Everything open, and whether its order is over."""
    return [(_view(row), row["order_over"]) for row in await conn.fetch(OPEN)]


async def lock(conn: Any, ids: list[str]) -> list[MitigationView]:
    """Those that exist, by id, until the caller commits."""
    return [_view(row) for row in await conn.fetch(LOCK, ids)]


async def hold_device(conn: Any, device_id: str) -> None:
    """What is read of it afterwards holds until the caller commits."""
    await conn.execute(HOLD_DEVICE, device_id)


async def by_device(conn: Any, device_id: str) -> list[tuple[str, Mitigation]]:
    """(id, kind) of what a device is asked to keep to by itself."""
    rows = await conn.fetch(BY_DEVICE, device_id)
    return [(row["id"], Mitigation(row["kind"])) for row in rows]


async def receipt(conn: Any, mitigation_id: str, state: str) -> bool:
    """A machine has it, or shows it; False: that is no news."""
    below = list(RECEIPTS[: RECEIPTS.index(state)])
    done: str = await conn.execute(SET_RECEIPT, mitigation_id, state, below)
    return done == "UPDATE 1"


async def answer(
    conn: Any, mitigation_id: str, state: MitigationState, *, by: str, at: datetime, reason: str
) -> MitigationView | None:
    """None: it was answered before, or is over."""
    row = await conn.fetchrow(ANSWER, mitigation_id, state, by, at, reason)
    return None if row is None else _view(row)


async def keep_measured(
    conn: Any, mitigation_id: str, measured: MeasuredView, at: datetime
) -> MitigationView | None:
    """None: it was measured before, or is over."""
    row = await conn.fetchrow(MEASURED, mitigation_id, msgspec.to_builtins(measured), at)
    return None if row is None else _view(row)


async def end(
    conn: Any, mitigation_id: str, *, by: str, at: datetime, why: str
) -> MitigationView | None:
    """None: it was over before."""
    row = await conn.fetchrow(END, mitigation_id, at, by, why)
    return None if row is None else _view(row)


async def order_of(conn: Any, order_id: str) -> OrderOf | None:
    """None: no such order."""
    row = await conn.fetchrow(ORDER_OF, order_id)
    return None if row is None else OrderOf(**row)


async def caps(conn: Any, device_id: str) -> frozenset[str]:
    """What a device says it can do by itself."""
    return frozenset(await conn.fetchval(CAPS, device_id) or ())


async def showing(conn: Any, unit_id: str) -> list[str]:
    """Devices by which a person of the unit is told: its handsets, or else its cameras; by id."""
    rows = await conn.fetch(SHOWING, unit_id)
    handsets = [row["id"] for row in rows if row["kind"] == "handset"]
    return handsets or [row["id"] for row in rows]


async def levels(conn: Any, device_id: str, since: datetime) -> list[Level]:
    """Oldest first."""
    rows = await conn.fetch(LEVELS, device_id, since, READINGS_LEN_MAX)
    return [
        Level(
            at=row["observed_at"],
            level_pct=row["battery_pct"],
            charging=row["charging"],
            mode=row["mode"],
        )
        for row in rows
    ]


def _view(row: Any) -> MitigationView:
    known = {name: row[name] for name in MitigationView.__struct_fields__}
    return msgspec.convert(known, MitigationView)
