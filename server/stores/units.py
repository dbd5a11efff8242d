"""Units with their crews, devices, shift and open order, as PostgreSQL knows them.

Knows no position and no presence: the board adds those.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from server.dispatch.orders import OrderState
from server.dispatch.units import unit_status
from server.views import DeviceKind, DeviceView, OfficerView, UnitKind, UnitStatus, UnitView
from server.watchviews import LeaderView

UNITS_LEN_MAX = 5000
"""Units of one county; more are a sign of a wrong import."""
SHOW_ORDERS: Final[frozenset[DeviceKind]] = frozenset({"handset", "body_camera"})
"""Kinds of devices that can show an order to a person, where nothing else is said of one."""


class DeviceRow(msgspec.Struct, frozen=True, kw_only=True):
    """An enabled device of a unit."""

    id: str
    kind: DeviceKind
    model: str
    shows_orders: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitRow:
    """A `UnitView` without position, presence and batteries."""

    id: str
    call_sign: str
    kind: UnitKind
    station: str | None
    status: UnitStatus
    order_id: str | None
    order_number: int | None
    incident_id: str | None
    officers: list[OfficerView]
    devices: list[DeviceRow]
    leader: LeaderView | None = None
    station_at: tuple[float, float] | None = None
    """Of its own station: lon, lat."""
    on_duty_since: datetime | None = None
    """None: off duty."""
    rest_s: float | None = None
    """Of whoever of its crew rested least before this shift; None: nobody knows."""


# Units in service, by call sign; all, or those named.
LOAD = """
SELECT unit.id, unit.call_sign, unit.kind, station.name AS station,
       station.lon AS station_lon, station.lat AS station_lat,
       shift.id IS NOT NULL AS on_duty, shift.on_at, shift.rest_s,
       running.id AS order_id, running.number AS order_number, running.incident_id,
       running.state AS order_state,
       (SELECT leader FROM unit_leader WHERE unit_id = unit.id) AS leader,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('badge', officer.badge, 'name', officer.name,
                                                     'phone', officer.phone,
                                                     'skills', officer.skills)
                                  ORDER BY officer.badge), '[]')
        FROM unit_officer JOIN officer ON officer.id = unit_officer.officer_id
        WHERE unit_officer.unit_id = unit.id) AS officers,
       (SELECT coalesce(jsonb_agg(jsonb_build_object('id', device.id, 'kind', device.kind,
                                                     'model', device.model,
                                                     'shows_orders', takes_orders(device))
                                  ORDER BY device.id), '[]')
        FROM device
        WHERE device.unit_id = unit.id AND device.disabled_at IS NULL) AS devices
FROM unit
LEFT JOIN station ON station.id = unit.station_id
LEFT JOIN shift ON shift.unit_id = unit.id AND shift.off_at IS NULL
LEFT JOIN dispatch_order AS running ON running.unit_id = unit.id AND running.closed_at IS NULL
    AND running.recall_why IS DISTINCT FROM 'superseded'
WHERE unit.retired_at IS NULL AND ($1::uuid[] IS NULL OR unit.id = ANY($1))
ORDER BY unit.call_sign, unit.id
LIMIT $2
"""

# What each unit in service is doing.
DOING = """
SELECT unit.id, shift.id IS NOT NULL AS on_duty, running.number, running.state
FROM unit
LEFT JOIN shift ON shift.unit_id = unit.id AND shift.off_at IS NULL
LEFT JOIN dispatch_order AS running ON running.unit_id = unit.id AND running.closed_at IS NULL
    AND running.recall_why IS DISTINCT FROM 'superseded'
WHERE unit.retired_at IS NULL
"""

# Hold the running shifts of these units until commit: nobody goes off duty under a new order.
HOLD_SHIFTS = """
SELECT unit_id FROM shift WHERE unit_id = ANY($1::uuid[]) AND off_at IS NULL
ORDER BY unit_id FOR SHARE
"""

# Begin a shift with whoever is in the unit; nothing when one runs already. Who was on duty in the
# two days before, in whatever unit, has rested since.
START_SHIFT = """
INSERT INTO shift (id, unit_id, on_at, crew, rest_s)
SELECT $1, $2, $3, crew.ids,
       (SELECT extract(epoch FROM $3::timestamptz - max(earlier.off_at))::float8
        FROM shift AS earlier
        WHERE earlier.crew && crew.ids
          AND earlier.off_at BETWEEN $3::timestamptz - interval '2 days' AND $3)
FROM (SELECT coalesce(array_agg(officer_id ORDER BY officer_id), '{}') AS ids
      FROM unit_officer WHERE unit_id = $2) AS crew
ON CONFLICT (unit_id) WHERE off_at IS NULL DO NOTHING
RETURNING id
"""

# End the running shift, not before it began.
END_SHIFT = """
UPDATE shift SET off_at = greatest(on_at, $2) WHERE unit_id = $1 AND off_at IS NULL RETURNING id
"""

# Badges of the officers of a unit.
CREW = """
SELECT officer.badge FROM unit_officer JOIN officer ON officer.id = unit_officer.officer_id
WHERE unit_officer.unit_id = $1
"""

# Enabled devices that can show an order to a person, in the order in which they are locked.
ORDER_DEVICES = """
SELECT id, unit_id FROM device
WHERE unit_id = ANY($1::uuid[]) AND disabled_at IS NULL AND takes_orders(device)
ORDER BY id
"""


# Lock the devices that were told of orders or asked about them (the leader's, too), and those that
# orders to units go to, by id.
HOLD_DEVICES = """
SELECT id FROM device
WHERE id IN (SELECT device_id FROM command
              WHERE order_id = ANY($1::uuid[]) AND kind IN ('task', 'check'))
   OR unit_id = ANY($2::uuid[]) AND disabled_at IS NULL AND takes_orders(device)
   OR id = ANY($3::text[])
ORDER BY id FOR NO KEY UPDATE
"""


async def load_units(conn: Any, unit_id: str | None = None) -> list[UnitRow]:
    """All units in service by call sign, or the one named (an empty list: there is none)."""
    return await load_some(conn, None if unit_id is None else [unit_id])


async def load_some(conn: Any, unit_ids: Sequence[str] | None) -> list[UnitRow]:
    """The units named, by call sign; those that do not exist are missing. None: all."""
    wanted = None if unit_ids is None else list(unit_ids)
    return [_row(each) for each in await conn.fetch(LOAD, wanted, UNITS_LEN_MAX)]


def bare_view(row: UnitRow) -> UnitView:
    """The unit as far as PostgreSQL knows it: no position, nothing connected."""
    return UnitView(
        id=row.id,
        call_sign=row.call_sign,
        kind=row.kind,
        station=row.station,
        status=row.status,
        order_id=row.order_id,
        incident_id=row.incident_id,
        officers=row.officers,
        leader=row.leader,
        on_duty_since=row.on_duty_since,
        rest_s=row.rest_s,
        position=None,
        devices=[
            DeviceView(
                id=each.id,
                kind=each.kind,
                model=each.model,
                shows_orders=each.shows_orders,
                online=False,
                last_seen_at=None,
                battery_pct=None,
                battery_at=None,
                charging=False,
                mode="",
            )
            for each in row.devices
        ],
    )


async def doing(conn: Any) -> dict[str, tuple[UnitStatus, int | None]]:
    """Status and number of the open order of each unit in service, by unit id."""
    return {
        row["id"]: (_status(row["on_duty"], row["state"]), row["number"])
        for row in await conn.fetch(DOING)
    }


async def hold_shifts(conn: Any, unit_ids: Sequence[str]) -> frozenset[str]:
    """The units of these that are on duty, and stay so until the caller commits."""
    rows = await conn.fetch(HOLD_SHIFTS, list(unit_ids))
    return frozenset(row["unit_id"] for row in rows)


async def start_shift(conn: Any, *, shift_id: str, unit_id: str, at: datetime) -> bool:
    """Begin a shift; False when the unit is on duty already."""
    return await conn.fetchval(START_SHIFT, shift_id, unit_id, at) is not None


async def end_shift(conn: Any, *, unit_id: str, at: datetime) -> bool:
    """End the running shift; False when the unit is off duty already."""
    return await conn.fetchval(END_SHIFT, unit_id, at) is not None


async def crew(conn: Any, unit_id: str) -> frozenset[str]:
    """Badges of the officers who may answer for the unit."""
    return frozenset(row["badge"] for row in await conn.fetch(CREW, unit_id))


async def hold_devices(
    conn: Any, order_ids: Sequence[str], unit_ids: Sequence[str], *, also: Sequence[str] = ()
) -> None:
    """Lock all devices of a step that tells of several orders, before the first of them."""
    await conn.fetch(HOLD_DEVICES, list(order_ids), list(unit_ids), list(also))


async def order_devices(conn: Any, unit_ids: Sequence[str]) -> list[tuple[str, str]]:
    """(device id, unit id) of every device an order goes to, by device id."""
    rows = await conn.fetch(ORDER_DEVICES, list(unit_ids))
    return [(row["id"], row["unit_id"]) for row in rows]


def _row(row: Any) -> UnitRow:
    return UnitRow(
        id=row["id"],
        call_sign=row["call_sign"],
        kind=row["kind"],
        station=row["station"],
        status=_status(row["on_duty"], row["order_state"]),
        order_id=row["order_id"],
        order_number=row["order_number"],
        incident_id=row["incident_id"],
        officers=msgspec.convert(row["officers"], list[OfficerView]),
        devices=msgspec.convert(row["devices"], list[DeviceRow]),
        leader=msgspec.convert(row["leader"], LeaderView | None),
        station_at=None if row["station"] is None else (row["station_lon"], row["station_lat"]),
        on_duty_since=row["on_at"],
        rest_s=row["rest_s"],
    )


def _status(on_duty: bool, order_state: str | None) -> UnitStatus:
    order = None if order_state is None else OrderState(order_state)
    return unit_status(on_duty=on_duty, order=order)
