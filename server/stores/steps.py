"""What every step of an order says in the log, on the worklist and to a device; shapes only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from server.dispatch.answers import NATIVE
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.worklist import About

Hint = tuple[str, str]
"""(topic, payload) for the fan-out."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """Something written beside the states of an order: for the log, then whom to wake."""

    entries: tuple[Entry, ...] = ()
    hints: tuple[Hint, ...] = ()


def step_body(order: LockedOrder, event: Event) -> dict[str, Any]:
    """Who said what of which order, when by the device and where."""
    return _way(event) | {
        "number": order.number,
        "incident": order.incident_id,
        "unit": order.unit_id,
        "call_sign": order.call_sign,
        "device": event.device_id,
        "device_at": event.device_at,
        "clock_offset_s": event.clock_offset_s,
        "lon": event.lon,
        "lat": event.lat,
        "reason": event.reason,
        "note": event.note,
    }


def _way(event: Event) -> dict[str, Any]:
    """By which way a guest said it, and what is claimed of who answered."""
    told = {"path": event.path, "claim": str(event.claim)}
    return {name: value for name, value in told.items() if value not in {"", NATIVE.name}}


def about(order: LockedOrder) -> About:
    """An item of the worklist about an order."""
    return About(
        subject=f"order:{order.id}",
        order_id=order.id,
        incident_id=order.incident_id,
        unit_id=order.unit_id,
    )


def command_body(order: LockedOrder, task_id: str) -> dict[str, Any]:
    """What a command about an order begins with: `ref` is the task that the device was given."""
    return {"ref": task_id, "order": order.id, "number": order.number}
