"""Histories written by hand: incidents, orders, what was told of them, stances, drives."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from server.ids import new_id
from tests.small_county import CENTRE


async def add_incident(
    pool: Any,
    opened_at: datetime,
    *,
    type_code: str = "theft",
    priority: str = "priority",
    place: tuple[float, float] = CENTRE,
    called_at: datetime | None = None,
    closed_at: datetime | None = None,
) -> str:
    """An incident, from the inbox where the moment of the call is given; returns its id."""
    incident_id = new_id()
    await pool.execute(
        "INSERT INTO incident (id, type, priority, place, lon, lat, status, opened_by, opened_at, "
        "closed_by, closed_at) VALUES ($1, $2, $3, '', $4, $5, $6, 'user:wang', $7, $8, $9)",
        incident_id,
        type_code,
        priority,
        *place,
        "open" if closed_at is None else "closed",
        opened_at,
        None if closed_at is None else "user:wang",
        closed_at,
    )
    if called_at is not None:
        await pool.execute(
            "INSERT INTO intake (id, request_id, kind, source, urgency, text, place, received_by, "
            "received_at, outcome, incident_id, settled_by, settled_at) VALUES ($1, "
            "gen_random_uuid()::text, 'warning', '110', 'priority', '', '', 'user:wang', $2, "
            "'opened', $3, 'user:wang', $4)",
            new_id(),
            called_at,
            incident_id,
            opened_at,
        )
    return incident_id


async def add_order(
    pool: Any,
    incident_id: str,
    unit_id: str,
    issued_at: datetime,
    *,
    state: str = "issued",
    closed_at: datetime | None = None,
    at_place_at: datetime | None = None,
) -> str:
    """An order with its recommendation and decision; returns its id."""
    order_id, recommendation_id, decision_id = new_id(), new_id(), new_id()
    await pool.execute(
        "INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body) "
        "VALUES ($1, $2, $3, 'user:wang', '{}')",
        recommendation_id,
        incident_id,
        issued_at,
    )
    await pool.execute(
        "INSERT INTO decision (id, incident_id, recommendation_id, unit_ids, decided_by, "
        "decided_at) VALUES ($1, $2, $3, $4::uuid[], 'user:wang', $5)",
        decision_id,
        incident_id,
        recommendation_id,
        [unit_id],
        issued_at,
    )
    await pool.execute(
        "INSERT INTO dispatch_order (id, incident_id, decision_id, unit_id, state, issued_by, "
        "issued_at, state_at, closed_at, at_place_at, expires_at) "
        "VALUES ($1, $2, $3, $4, $5, 'user:wang', $6, $6, $7, $8, $9)",
        order_id,
        incident_id,
        decision_id,
        unit_id,
        state,
        issued_at,
        closed_at,
        at_place_at,
        issued_at + timedelta(hours=4),
    )
    return order_id


async def tell(
    pool: Any,
    order_id: str,
    state: str,
    server_at: datetime,
    *,
    device_at: datetime | None = None,
    clock_offset_s: float | None = None,
    actor: str = "officer:B-1",
    applied: bool = True,
) -> None:
    """One report of an order; by voice where the device's time is left out."""
    await pool.execute(
        "INSERT INTO order_event (order_id, ver, state, applied, actor, device_id, device_at, "
        "server_at, clock_offset_s) VALUES ($1, 1, $2, $3, $4, $5, $6, $7, $8)",
        order_id,
        state,
        applied,
        actor,
        None if device_at is None else "handset-1",
        device_at,
        server_at,
        clock_offset_s,
    )


async def add_job(
    pool: Any, unit_id: str, opened_at: datetime, *, drive_s: float = 600.0, **incident: Any
) -> str:
    """A whole job: an order after 40 s, then 2, 10 and 30 s, the drive, 60 and 900 s.

    Returns its order.
    """
    clock = opened_at + timedelta(seconds=40)
    steps = {
        "delivered": 2.0,
        "accepted": 10.0,
        "en_route": 30.0,
        "on_scene": drive_s,
        "feedback": 60.0,
        "done": 900.0,
    }
    ended_at = clock + timedelta(seconds=sum(steps.values()))
    incident_id = await add_incident(pool, opened_at, closed_at=ended_at, **incident)
    order_id = await add_order(pool, incident_id, unit_id, clock, state="done", closed_at=ended_at)
    for state, seconds in steps.items():
        clock += timedelta(seconds=seconds)
        await tell(pool, order_id, state, clock, device_at=clock)
    return order_id


async def add_stance(
    pool: Any,
    number: int,
    mode: str,
    issued_at: datetime,
    expires_at: datetime | None,
    *,
    ended_at: datetime | None = None,
) -> None:
    await pool.execute(
        "INSERT INTO stance_order (number, request_id, mode, scope, reason, offers, reoptimise, "
        "authority, off_duty_reports, issued_by, issued_at, expires_at, note, verifier, ended_at, "
        "ended_by) VALUES ($1, $2, $3, 'county', 'flood', false, 'proposals', 'supervisor', "
        "false, 'user:li', $4, $5, '', '', $6, $7)",
        number,
        str(number),
        mode,
        issued_at,
        expires_at,
        ended_at,
        None if ended_at is None else "system",
    )


async def add_drive(
    pool: Any,
    order_id: str,
    unit_id: str,
    from_at: datetime,
    *,
    map_id: str,
    arcs: list[int],
    condition: str = "dry",
) -> None:
    """A drive over the whole of each arc, one after the other."""
    length = len(arcs)
    await pool.execute(
        "INSERT INTO matched_trip (id, order_id, unit_id, vehicle, mode, condition, map_id, "
        "from_at, to_at, fixes, unmatched_s, run, arc, begin_share, end_share, enter_s, leave_s, "
        "reach_m, left_out, matched_at) VALUES ($1, $2, $3, 'patrol_car', 'routine', $4, $5, $6, "
        "$6, 9, 0, $7, $8, $9, $10, $9, $10, $9, $11, $6)",
        new_id(),
        order_id,
        unit_id,
        condition,
        map_id,
        from_at,
        [0] * length,
        arcs,
        [0.0] * length,
        [1.0] * length,
        [False] * length,
    )
