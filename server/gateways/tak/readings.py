"""A TAK client's report of itself, as any device's reading, and in words."""

from __future__ import annotations

from devices.reading import Reading
from geo.datum import Datum
from protocols.cot.event import Event
from protocols.cot.units import read_unit


def reading_of(event: Event) -> Reading:
    """A client's report of itself as any device's reading."""
    said = read_unit(event)
    known = event.point.is_known
    return Reading(
        observed_at=event.time_at,
        lon=event.point.lon if known else None,
        lat=event.point.lat if known else None,
        datum=Datum.WGS84,
        accuracy_m=event.point.ce_m,
        speed_mps=said.speed_mps,
        heading_deg=said.course_deg,
        battery_pct=said.battery_pct,
    )


def described(event: Event) -> dict[str, str]:
    """What it says of itself."""
    said = read_unit(event)
    return {
        "callsign": said.callsign,
        "model": said.device,
        "platform": said.platform,
        "version": said.version,
        "team": said.team,
    }
