"""A unit's or a person's own report: where they are, how charged, under which name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from protocols.cot.event import Element, Event, Point, number, number_text

GROUND_UNIT = "a-f-G-U-C"
VEHICLE = "a-f-G-E-V-C"
COMMAND_POST = "a-f-G-U-C-I"
BY_GPS, BY_HAND = "m-g", "h-e"
CHAT_ENDPOINT = "*:-1:stcp"
"""A contact with this endpoint can be written to over the stream it was heard on."""
SPEED_MPS_MAX = 350.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """What the detail of a report says; None and empty where it does not."""

    callsign: str = ""
    endpoint: str = ""
    battery_pct: int | None = None
    speed_mps: float | None = None
    course_deg: float | None = None
    """0–360, clockwise from north."""
    team: str = ""
    """A colour: Cyan, Dark Blue, …"""
    role: str = ""
    device: str = ""
    platform: str = ""
    os: str = ""
    version: str = ""


def is_unit(event: Event) -> bool:
    """Whether it is about somebody or something in the world, not about words or lines."""
    return event.type.startswith("a-")


def read_unit(event: Event) -> Unit:
    """Values that cannot be are left out one by one; the rest counts."""
    takv = event.find("takv") or Element("takv")
    return Unit(
        callsign=event.said("contact", "callsign"),
        endpoint=event.said("contact", "endpoint"),
        battery_pct=_battery(event.said("status", "battery")),
        speed_mps=_within(event.said("track", "speed"), SPEED_MPS_MAX),
        course_deg=_within(event.said("track", "course"), 360.0),
        team=event.said("__group", "name"),
        role=event.said("__group", "role"),
        device=takv.get("device"),
        platform=takv.get("platform"),
        os=takv.get("os"),
        version=takv.get("version"),
    )


def unit_report(
    uid: str,
    unit: Unit,
    *,
    point: Point,
    at: datetime,
    valid: timedelta,
    kind: str = GROUND_UNIT,
    how: str = BY_GPS,
    remarks: str = "",
) -> Event:
    """`valid`: 3 to 5 times the interval between reports, or clients grey it in between."""
    children = [
        Element("contact", _said(callsign=unit.callsign, endpoint=unit.endpoint)),
        Element("uid", {"Droid": unit.callsign}),
    ]
    if unit.team:
        children.append(Element("__group", {"name": unit.team, "role": unit.role or "Team Member"}))
    if unit.battery_pct is not None:
        children.append(Element("status", {"battery": str(unit.battery_pct)}))
    if unit.speed_mps is not None and unit.course_deg is not None:
        speed, course = number_text(unit.speed_mps), number_text(unit.course_deg)
        children.append(Element("track", {"speed": speed, "course": course}))
    if unit.device or unit.platform:
        children.append(Element("takv", _takv(unit)))
    if point.is_known:
        source = "GPS" if how == BY_GPS else "USER"
        attributes = {"geopointsrc": source, "altsrc": source if point.hae_m is not None else "???"}
        children.append(Element("precisionlocation", attributes))
    if remarks:
        children.append(Element("remarks", text=remarks))
    return Event(
        uid=uid,
        type=kind,
        how=how,
        time_at=at,
        start_at=at,
        stale_at=at + valid,
        point=point,
        detail=Element("detail", children=tuple(children)),
    )


def _takv(unit: Unit) -> dict[str, str]:
    return {
        "device": unit.device,
        "platform": unit.platform,
        "os": unit.os,
        "version": unit.version,
    }


def _said(**attributes: str) -> dict[str, str]:
    return {name: value for name, value in attributes.items() if value}


def _battery(text: str) -> int | None:
    value = number(text)
    return round(value) if value is not None and 0 <= value <= 100 else None


def _within(text: str, highest: float) -> float | None:
    value = number(text)
    return value if value is not None and 0 <= value <= highest else None
