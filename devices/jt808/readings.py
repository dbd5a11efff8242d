"""A terminal's report in no protocol's words: for the judgement of all devices' fixes."""

from __future__ import annotations

from typing import Final

from devices.reading import Reading
from geo.datum import Datum
from protocols.jt808.flags import Status
from protocols.jt808.location import Location
from protocols.jt808.session import Heartbeat

KMH_PER_MPS: Final = 3.6
BATTERY_HEARTBEAT_BYTES: Final = 3
"""Seen from wearables: battery in per cent, signal, status; the standard's heartbeat is empty."""


def reading_of(location: Location) -> Reading:
    """Without a position where the terminal has no valid fix, or its clock names no time.

    A place of which nobody knows when it was true must not move a marker; the battery counts.
    """
    values = location.values
    charging = bool(values.charging) or bool(location.status_bits & Status.CHARGING)
    if not location.has_fix or location.observed_at is None:
        return Reading(
            observed_at=location.observed_at, battery_pct=values.battery_pct, charging=charging
        )
    return Reading(
        observed_at=location.observed_at,
        lon=location.lon,
        lat=location.lat,
        datum=Datum.GCJ02 if location.is_gcj02 else None,
        speed_mps=location.speed_kmh / KMH_PER_MPS,
        heading_deg=location.heading_deg,
        battery_pct=values.battery_pct,
        charging=charging,
    )


def reading_of_heartbeat(heartbeat: Heartbeat) -> Reading | None:
    """What a heartbeat says of the battery; None: nothing, as by the standard."""
    body = heartbeat.extra
    if len(body) != BATTERY_HEARTBEAT_BYTES or body[0] > 100:
        return None
    return Reading(battery_pct=body[0])
