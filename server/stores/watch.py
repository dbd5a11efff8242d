"""The watch over an order as rows: what is known of it, its timers, its escalation.

Knows no rule: those are in `server.dispatch.timers` and `worklist`. Lock order: everything here
comes after the incident and the order it belongs to.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

import msgspec

from server.dispatch.orders import OrderState
from server.dispatch.timers import TimerKind, Watched
from server.dispatch.worklist import Situation
from server.ids import new_id
from server.views import Priority
from server.watchviews import ProposalView

# Orders that changed since they were looked at, whose timer rings, or that wait for a unit to come
# out of a dead zone.
DUE = """
SELECT id FROM (
    SELECT id, '-infinity'::timestamptz AS at FROM dispatch_order WHERE look_again
    UNION
    SELECT order_id, min(coalesce(stretched_to, due_at)) FROM order_timer
    WHERE fired_at IS NULL AND (coalesce(stretched_to, due_at) <= $1 OR stretched_to IS NOT NULL)
    GROUP BY order_id
) AS due WHERE id <> ALL($3::uuid[]) GROUP BY id ORDER BY min(at), id LIMIT $2
"""

# When the next timer rings.
NEXT_DUE = """
SELECT min(coalesce(stretched_to, due_at)) FROM order_timer
WHERE fired_at IS NULL AND order_id <> ALL($1::uuid[])
"""

# Open orders that went out in the place of an order that nobody answered, or of such a one in turn.
SENT_INSTEAD = """
WITH RECURSIVE instead AS (
    SELECT order_id, unnest(offered_ids) AS offered_id
    FROM escalation WHERE order_id = ANY($1::uuid[])
    UNION
    SELECT instead.order_id, unnest(escalation.offered_ids)
    FROM escalation JOIN instead ON escalation.order_id = instead.offered_id
)
SELECT order_id, id, number FROM instead JOIN dispatch_order ON dispatch_order.id = offered_id
WHERE closed_at IS NULL ORDER BY number
"""

# All that the watch knows of an order. A person's word: an officer's step or answer, also by voice.
# Sent again: after its end, or in its place; units of one decision are no answer to each other.
KNOWN = """
SELECT dispatch_order.id, dispatch_order.state, dispatch_order.issued_at, dispatch_order.expires_at,
       dispatch_order.eta_p90_s, dispatch_order.instruction, dispatch_order.closed_at,
       dispatch_order.end_received_at IS NOT NULL AS end_received,
       CASE WHEN state = 'standby' THEN standby_until END AS standby_until,
       CASE WHEN recall_state <> 'declined' THEN recall_at END AS recall_asked_at,
       recall_state = 'declined' AS recall_declined,
       incident.priority, incident.type, incident.status = 'closed' AS incident_closed,
       (SELECT count(*) FROM unit_officer WHERE unit_officer.unit_id = dispatch_order.unit_id) = 1
           AS alone,
       EXISTS (SELECT FROM dispatch_order AS later WHERE later.incident_id = incident.id
               AND (later.issued_at > dispatch_order.closed_at
                    OR later.id = dispatch_order.successor_id AND later.closed_at IS NULL))
           AS sent_again,
       told.*
FROM dispatch_order
JOIN incident ON incident.id = dispatch_order.incident_id
JOIN LATERAL (
    SELECT min(server_at) FILTER (
               WHERE state IN ('accepted', 'en_route', 'on_scene', 'feedback')) AS accepted_at,
           min(server_at) FILTER (WHERE state IN ('en_route', 'on_scene')) AS en_route_at,
           min(server_at) FILTER (WHERE state = 'on_scene') AS on_scene_at,
           max(server_at) FILTER (WHERE state IN (
               'standby', 'accepted', 'unable', 'en_route', 'on_scene', 'feedback', 'done',
               'recalled', 'superseded', 'handed_over', 'recall_declined', 'welfare_ok',
               'welfare_alarm')) AS heard_at,
           max(server_at) FILTER (WHERE state = 'welfare_asked') AS welfare_asked_at
    FROM order_event WHERE order_id = dispatch_order.id AND applied
) AS told ON true
WHERE dispatch_order.id = ANY($1::uuid[])
"""

# What lost its cause.
DROP_TIMERS = """
DELETE FROM order_timer
WHERE order_id = ANY($1::uuid[])
  AND (order_id, kind) NOT IN (SELECT * FROM unnest($2::uuid[], $3::text[]))
RETURNING order_id
"""

# What is waited for, as far as it is new. Another moment is another timer; the same moment keeps
# whether it fired. A stretched one whose time is over stays so: the unit did not come out, whatever
# explains it now.
PUT_TIMERS = """
INSERT INTO order_timer (order_id, kind, due_at, stretched_to)
SELECT * FROM unnest($1::uuid[], $2::text[], $3::timestamptz[], $4::timestamptz[])
ON CONFLICT (order_id, kind) DO UPDATE SET
    due_at = EXCLUDED.due_at, stretched_to = EXCLUDED.stretched_to,
    fired_at = CASE WHEN order_timer.due_at = EXCLUDED.due_at THEN order_timer.fired_at END
WHERE order_timer.due_at <> EXCLUDED.due_at
   OR (order_timer.fired_at IS NULL
       AND order_timer.stretched_to IS DISTINCT FROM EXCLUDED.stretched_to
       AND (order_timer.stretched_to <= $5) IS NOT TRUE)
RETURNING order_id
"""

# Take the timers that ring: each is given out once.
CLAIM = """
UPDATE order_timer SET fired_at = $2
WHERE order_id = $1 AND fired_at IS NULL AND coalesce(stretched_to, due_at) <= $2
RETURNING kind, due_at, stretched_to
"""

LOOKED_AT = """
UPDATE dispatch_order SET look_again = false WHERE id = ANY($1::uuid[]) AND look_again
"""

# Lock the incidents of these orders, but none that somebody is changing.
HOLD_INCIDENTS = """
SELECT id FROM incident
WHERE id IN (SELECT incident_id FROM dispatch_order WHERE id = ANY($1::uuid[]))
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""

# Then those of the orders that are of these incidents.
HOLD_ORDERS = """
SELECT id, incident_id, unit_id FROM dispatch_order
WHERE id = ANY($1::uuid[]) AND incident_id = ANY($2::uuid[])
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""

# Those of these orders that more is to be done about than plan: something rings, or is open.
UNSETTLED = """
SELECT order_id FROM order_timer
WHERE order_id = ANY($1::uuid[]) AND fired_at IS NULL AND coalesce(stretched_to, due_at) <= $2
UNION
SELECT order_id FROM work_item WHERE order_id = ANY($1::uuid[]) AND settled_at IS NULL
UNION
SELECT order_id FROM escalation WHERE order_id = ANY($1::uuid[]) AND settled_at IS NULL
"""

ALL_LOOK_AGAIN = "UPDATE dispatch_order SET look_again = true WHERE closed_at IS NULL"

# Open an escalation; no row while one is open.
ESCALATE = """
INSERT INTO escalation (id, order_id, level, opened_at, proposal) VALUES ($1, $2, 'leader', $3, $4)
ON CONFLICT (order_id) WHERE settled_at IS NULL DO NOTHING
RETURNING id
"""

OFFERED = "UPDATE escalation SET offered_ids = $2 WHERE id = $1"

# A dispatcher sends others, as an escalation of this incident proposes, while none is on it.
FOLLOW = """
UPDATE escalation SET offered_ids = offered_ids || $3::uuid[] FROM dispatch_order
WHERE escalation.id = $1 AND dispatch_order.id = order_id AND incident_id = $2
  AND NOT EXISTS (SELECT FROM dispatch_order AS sent
                  WHERE sent.id = ANY(offered_ids) AND sent.closed_at IS NULL)
RETURNING escalation.id
"""

# Numbers of the orders that an alarm about this one has named.
TOLD_INSTEAD = """
SELECT jsonb_array_elements(body -> 'sent_instead')::bigint AS number FROM work_item
WHERE order_id = $1 AND kind = 'two_units'
"""

TO_SUPERVISOR = """
UPDATE escalation SET level = 'supervisor' WHERE order_id = $1 AND settled_at IS NULL
RETURNING level, proposal, leader, leader_devices, leader_answer
"""

SETTLE_ESCALATION = """
UPDATE escalation SET settled_at = $2, why = $3 WHERE order_id = $1 AND settled_at IS NULL
RETURNING id
"""

# The newest recommendation of an incident, and the units that had an order of it.
LAST_RECOMMENDED = """
SELECT id, body,
       ARRAY(SELECT unit_id::text FROM dispatch_order WHERE incident_id = $1) AS had_order
FROM recommendation WHERE incident_id = $1 ORDER BY computed_at DESC, id DESC LIMIT 1
"""


Plan: TypeAlias = Mapping[TimerKind, tuple[datetime, datetime | None]]
"""Of one order: (due, stretched to) of all that is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """An order that nobody else can change until the transaction ends, nor its incident."""

    id: str
    incident_id: str
    unit_id: str


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """All that the watch knows of an order."""

    state: OrderState
    issued_at: datetime
    expires_at: datetime
    eta_p90_s: float | None
    instruction: str
    closed_at: datetime | None
    end_received: bool
    standby_until: datetime | None
    recall_asked_at: datetime | None
    recall_declined: bool | None
    priority: Priority
    type: str
    """Of the incident."""
    incident_closed: bool
    alone: bool
    sent_again: bool
    sent_instead: dict[int, str]
    """Numbers and ids of the open orders that went out in the place of this one, oldest first."""
    accepted_at: datetime | None
    en_route_at: datetime | None
    on_scene_at: datetime | None
    heard_at: datetime | None
    welfare_asked_at: datetime | None

    @property
    def watched(self) -> Watched:
        return Watched(
            state=self.state,
            issued_at=self.issued_at,
            expires_at=self.expires_at,
            standby_until=self.standby_until,
            accepted_at=self.accepted_at,
            en_route_at=self.en_route_at,
            on_scene_at=self.on_scene_at,
            heard_at=self.heard_at,
            welfare_asked_at=self.welfare_asked_at,
            eta_p90_s=self.eta_p90_s,
            alone=self.alone,
            recall_asked_at=self.recall_asked_at,
            closed_at=self.closed_at,
            end_received=self.end_received,
        )

    def put_off(self, now: datetime) -> bool:
        """Whether the unit asked to wait, and the time is not over."""
        return self.standby_until is not None and now < self.standby_until

    def situation(self, now: datetime) -> Situation:
        return Situation(
            state=self.state,
            put_off=self.put_off(now),
            heard_at=self.heard_at,
            recall_declined=bool(self.recall_declined),
            recall_wanted=self.recall_asked_at is not None,
            incident_closed=self.incident_closed,
            sent_again=self.sent_again,
            sent_instead=bool(self.sent_instead),
            end_received=self.end_received,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ringing:
    """A timer that was claimed."""

    kind: TimerKind
    due_at: datetime
    stretched_to: datetime | None
    """When its unit should have been out of the dead zone."""


async def due(conn: Any, now: datetime, limit: int, *, without: Sequence[str] = ()) -> list[str]:
    """Orders to look at, longest due first."""
    return [row["id"] for row in await conn.fetch(DUE, now, limit, list(without))]


async def next_due_at(conn: Any, *, without: Sequence[str] = ()) -> datetime | None:
    """When the next timer rings; None: nothing is waited for."""
    at: datetime | None = await conn.fetchval(NEXT_DUE, list(without))
    return at


async def hold_free(conn: Any, order_ids: Sequence[str]) -> list[Held]:
    """Lock those of these orders that nobody is changing, with their incidents; waits for none."""
    incident_ids = [row["id"] for row in await conn.fetch(HOLD_INCIDENTS, list(order_ids))]
    rows = await conn.fetch(HOLD_ORDERS, list(order_ids), incident_ids)
    return [Held(**row) for row in rows]


async def known(conn: Any, order_ids: Sequence[str]) -> dict[str, Known]:
    """What is known of orders that exist, by id."""
    rows = await conn.fetch(KNOWN, list(order_ids))
    instead: dict[str, dict[int, str]] = defaultdict(dict)
    for row in await conn.fetch(SENT_INSTEAD, list(order_ids)):
        instead[row["order_id"]][row["number"]] = row["id"]
    return {
        row["id"]: msgspec.convert(dict(row) | {"sent_instead": instead[row["id"]]}, Known)
        for row in rows
    }


async def put_plans(conn: Any, plans: Mapping[str, Plan], now: datetime) -> frozenset[str]:
    """All that is waited for of these orders; the rest has lost its cause.

    Returns the orders of which anything was different before.
    """
    timers = [(order_id, kind) for order_id, plan in plans.items() for kind in plan]
    moments = [moment for plan in plans.values() for moment in plan.values()]
    names = [order_id for order_id, _ in timers], [str(kind) for _, kind in timers]
    dropped = await conn.fetch(DROP_TIMERS, list(plans), *names)
    put = await conn.fetch(
        PUT_TIMERS, *names, [due for due, _ in moments], [to for _, to in moments], now
    )
    return frozenset(row["order_id"] for row in (*dropped, *put))


async def unsettled(conn: Any, order_ids: Sequence[str], now: datetime) -> frozenset[str]:
    """Those of locked orders that something rings of, or that a person has to see to."""
    rows = await conn.fetch(UNSETTLED, list(order_ids), now)
    return frozenset(row["order_id"] for row in rows)


async def claim(conn: Any, order_id: str, now: datetime) -> list[Ringing]:
    """The timers of a locked order that ring now, in the order of `TimerKind`."""
    rows = [
        Ringing(kind=TimerKind(row["kind"]), due_at=row["due_at"], stretched_to=row["stretched_to"])
        for row in await conn.fetch(CLAIM, order_id, now)
    ]
    kinds = list(TimerKind)
    return sorted(rows, key=lambda each: (each.due_at, kinds.index(each.kind)))


async def looked_at(conn: Any, order_ids: Sequence[str]) -> None:
    """The plans of these locked orders are those of what is known."""
    await conn.execute(LOOKED_AT, list(order_ids))


async def look_at_all(conn: Any) -> None:
    """The table of times may have changed: every running order is planned anew."""
    await conn.execute(ALL_LOOK_AGAIN)


async def escalate(
    conn: Any, order_id: str, *, at: datetime, proposal: ProposalView | None
) -> str | None:
    """Open an escalation and return its id; None: one is open, and one is enough."""
    escalation_id: str | None = await conn.fetchval(ESCALATE, new_id(), order_id, at, proposal)
    return escalation_id


async def offered(conn: Any, escalation_id: str, order_ids: Sequence[str]) -> None:
    """The orders that others have in the place of this one."""
    await conn.execute(OFFERED, escalation_id, list(order_ids))


async def follow(
    conn: Any, escalation_id: str, *, incident_id: str, order_ids: Sequence[str]
) -> bool:
    """A dispatcher's orders do what an escalation proposes.

    False: the escalation is none of this incident, or a unit that was sent for it is still on it.
    """
    return await conn.fetchval(FOLLOW, escalation_id, incident_id, list(order_ids)) is not None


async def told_instead(conn: Any, order_id: str) -> frozenset[int]:
    """Numbers of the orders in this one's place that a person was told of."""
    return frozenset(row["number"] for row in await conn.fetch(TOLD_INSTEAD, order_id))


async def to_supervisor(conn: Any, order_id: str) -> dict[str, Any] | None:
    """Raise the open escalation to the supervisor, and how it stands; None: none is open."""
    row = await conn.fetchrow(TO_SUPERVISOR, order_id)
    return None if row is None else dict(row)


async def settle_escalation(conn: Any, order_id: str, *, at: datetime, why: str) -> str | None:
    """End the open escalation and return its id; None: none is open."""
    escalation_id: str | None = await conn.fetchval(SETTLE_ESCALATION, order_id, at, why)
    return escalation_id


async def last_recommended(conn: Any, incident_id: str) -> tuple[str, Any, frozenset[str]] | None:
    """(id, body, units that had an order) of the incident's newest recommendation."""
    row = await conn.fetchrow(LAST_RECOMMENDED, incident_id)
    return None if row is None else (row["id"], row["body"], frozenset(row["had_order"]))
