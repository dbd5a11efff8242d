"""An event as one JSON object: what a person wants to see of it, and all of its detail."""

from __future__ import annotations

from typing import Any

from protocols.cot.alerts import read_emergency
from protocols.cot.chat import read_message, read_receipt
from protocols.cot.event import Event, instant_text
from protocols.cot.units import read_unit
from protocols.cot.xmltext import element_text


def described(event: Event) -> dict[str, Any]:
    """Speed in km/h; None where it is not known. 0, 0 is no place."""
    unit, point = read_unit(event), event.point
    return {
        "uid": event.uid,
        "type": event.type,
        "how": event.how or None,
        "time": instant_text(event.time_at),
        "start": instant_text(event.start_at),
        "stale": instant_text(event.stale_at),
        "lat": point.lat,
        "lon": point.lon,
        "hae_m": point.hae_m,
        "ce_m": point.ce_m,
        "le_m": point.le_m,
        "callsign": unit.callsign or None,
        "battery_pct": unit.battery_pct,
        "speed_kmh": None if unit.speed_mps is None else round(unit.speed_mps * 3.6, 2),
        "heading_deg": unit.course_deg,
        "team": unit.team or None,
        "role": unit.role or None,
        "chat": _chat(event),
        "receipt": _receipt(event),
        "emergency": _emergency(event),
        "marks": dict(event.marks),
        "detail": element_text(event.detail),
    }


def _chat(event: Event) -> dict[str, Any] | None:
    message = read_message(event)
    if message is None:
        return None
    return {
        "id": message.id,
        "sender_uid": message.sender_uid,
        "sender_callsign": message.sender_callsign,
        "to": message.to,
        "room": message.room,
        "direct": message.is_direct,
        "text": message.text,
    }


def _receipt(event: Event) -> dict[str, Any] | None:
    receipt = read_receipt(event)
    if receipt is None:
        return None
    return {
        "message_id": receipt.message_id,
        "outcome": receipt.outcome.name.lower(),
        "by_uid": receipt.by_uid,
        "by_callsign": receipt.by_callsign,
    }


def _emergency(event: Event) -> dict[str, Any] | None:
    emergency = read_emergency(event)
    if emergency is None:
        return None
    return {
        "alert_uid": emergency.alert_uid,
        "person_uid": emergency.person_uid,
        "callsign": emergency.callsign,
        "kind": emergency.kind,
        "cancelled": emergency.is_cancelled,
    }
