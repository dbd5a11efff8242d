"""Who leads a unit, and asking him when nobody of the unit answers an order.

He is asked by a `check` on each handset of his own, which he answers himself: that he sees to it,
or that he cannot. Whatever he says, the order stays as it is: only its unit can answer it. Inside
the caller's transaction, after incident and order are locked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

import msgspec

from server.dispatch.orders import Mark
from server.dispatch.worklist import ItemKind
from server.journal.kinds import JournalKind
from server.stores import commands, order_rows, worklist
from server.stores.county import BROWSER_MODEL
from server.stores.journal import Entry
from server.stores.order_rows import Event, LockedOrder
from server.stores.recalls import CHECK_TTL
from server.stores.steps import Hint, Marked, about, step_body
from server.views import IncidentView, Priority
from server.watchviews import LeaderView

WHY: Final = "leader"
"""Of the check."""

OF_UNIT = "SELECT leader FROM unit_leader WHERE unit_id = $1"

# Handsets that an officer carries: browsers that he signed in at, and those of the unit he is in,
# whatever they speak.
# A browser's id is web-BADGE-16 hexadecimal digits.
HANDSETS = """
SELECT device.id FROM device
WHERE kind = 'handset' AND disabled_at IS NULL
  AND (token_hash IS NOT NULL OR takes_orders(device) AND EXISTS (
       SELECT FROM device_identity WHERE device_id = device.id))
  AND CASE WHEN model = $2 THEN left(device.id, -17) = 'web-' || $1
           ELSE unit_id = (SELECT unit_id FROM unit_officer JOIN officer
                           ON officer.id = unit_officer.officer_id WHERE badge = $1) END
ORDER BY device.id
"""

NOTE_ASKED = "UPDATE escalation SET leader = $2, leader_devices = $3 WHERE id = $1"

# What a leader says counts once, and while it matters; but that he cannot, also after he said on
# another handset that he sees to it.
NOTE_ANSWER = """
UPDATE escalation SET leader_answer = $2, leader_reason = $3, leader_answered_at = $4
WHERE id = $1 AND settled_at IS NULL
  AND (leader_answer IS NULL OR leader_answer = 'accepted' AND $2 = 'declined')
RETURNING leader
"""

# The checks of one escalation, by device id.
CHECKS = """
SELECT device_id, id FROM command
WHERE order_id = $1 AND kind = 'check' AND body ->> 'escalation' = $2 ORDER BY device_id
"""


async def of_unit(conn: Any, unit_id: str) -> LeaderView | None:
    """As the roster has him; None: the unit has no leader."""
    return msgspec.convert(await conn.fetchval(OF_UNIT, unit_id), LeaderView | None)


def for_log(leader: LeaderView | None) -> dict[str, str | None] | None:
    """Without his telephone number: the command log is for ever."""
    if leader is None:
        return None
    return {"badge": leader.badge, "name": leader.name, "call_sign": leader.call_sign}


async def handsets(conn: Any, badge: str) -> list[str]:
    """Devices that reach an officer himself, by id."""
    return [row["id"] for row in await conn.fetch(HANDSETS, badge, BROWSER_MODEL)]


async def ask(
    conn: Any,
    order: LockedOrder,
    incident: IncidentView,
    escalation_id: str,
    leader: LeaderView,
    devices: Sequence[str],
    *,
    at: datetime,
) -> tuple[Hint, ...]:
    """Tell the leader on his devices that nobody answers; without any, a person must call him."""
    await conn.execute(NOTE_ASKED, escalation_id, leader, list(devices))
    body = {
        "order": order.id,
        "number": order.number,
        "ref": order.id,
        "why": WHY,
        "leader": leader.badge,
        "escalation": escalation_id,
        "unit": order.call_sign,
        "scene": {
            "incident": incident.number,
            "type": incident.type,
            "priority": incident.priority,
            "place": incident.place,
        },
    }
    for device_id in devices:
        await commands.enqueue(
            conn,
            device_id=device_id,
            kind="check",
            priority=incident.priority,
            body=body,
            order_id=order.id,
            expires_at=at + CHECK_TTL,
            now=at,
        )
    return tuple(("device", device_id) for device_id in devices)


async def tell_over(
    conn: Any,
    order: LockedOrder,
    escalation_id: str,
    *,
    priority: Priority,
    became: str,
    at: datetime,
) -> tuple[Hint, ...]:
    """The order needs its leader no more: its state is `became`."""
    told: list[Hint] = []
    for row in await conn.fetch(CHECKS, order.id, escalation_id):
        await commands.enqueue(
            conn,
            device_id=row["device_id"],
            kind="notice",
            priority=priority,
            body={"ref": row["id"], "number": order.number, "why": "closed", "became": became},
            order_id=order.id,
            expires_at=at + CHECK_TTL,
            now=at,
        )
        told.append(("device", row["device_id"]))
    return tuple(told)


async def answered(
    conn: Any, order: LockedOrder, event: Event, escalation_id: str, *, takes: bool
) -> Marked | None:
    """The leader says that he sees to it, or that he cannot; None: it came too late to matter."""
    answer = "accepted" if takes else "declined"
    asked = await conn.fetchval(NOTE_ANSWER, escalation_id, answer, event.reason, event.server_at)
    if asked is None:
        return None
    mark = Mark.LEADER_TOOK if takes else Mark.LEADER_DECLINED
    event = replace(event, state=mark, ver=order.ver, applied=True)
    await order_rows.add_event(conn, event)
    said = {"leader": asked, "leader_answer": answer}
    entry = Entry(
        actor=event.actor,
        subject=f"order:{order.id}",
        kind=JournalKind.ORDER_LEADER_ANSWERED,
        body=step_body(order, event)
        | said
        | {"leader": for_log(msgspec.convert(asked, LeaderView))},
    )
    told, hints = worklist.told(await _told(conn, order, event, said, takes=takes))
    return Marked(entries=(entry, *told), hints=(("incident", order.incident_id), *hints))


async def _told(
    conn: Any, order: LockedOrder, event: Event, said: dict[str, Any], *, takes: bool
) -> list[worklist.Changed]:
    """The item of the escalation says what he said; that nobody sees to it is one of its own."""
    amended = await worklist.amend(conn, ItemKind.ESCALATED, about(order).subject, body=said)
    items = [] if amended is None else [amended]
    if not takes:
        body = step_body(order, event) | said
        items.append(
            await worklist.raise_item(
                conn, ItemKind.LEADER_DECLINED, about(order), body=body, at=event.server_at
            )
        )
    return items
