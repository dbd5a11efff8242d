"""The checklist of an incident as rows: the card it is of, and who ticked which step when.

The card is kept with the first tick, and never changes then: ticks are of its steps. Lock order:
after the incident.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from server.dispatch.runcards import SHIPPED_VERSION, RunCard, RunCards, plain_card

# Keep the card that the first tick is of.
KEEP = """
INSERT INTO checklist (incident_id, version, card) VALUES ($1, $2, $3)
ON CONFLICT (incident_id) DO NOTHING
"""

KEPT = "SELECT version, card FROM checklist WHERE incident_id = $1"

TICK = """
INSERT INTO checklist_tick (incident_id, step, ticked_by, ticked_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (incident_id, step) DO NOTHING RETURNING step
"""

UNTICK = "DELETE FROM checklist_tick WHERE incident_id = $1 AND step = $2 RETURNING step"

TICKS = """
SELECT step, ticked_by, ticked_at FROM checklist_tick WHERE incident_id = $1 ORDER BY step
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A step that was done."""

    step: int
    """Place in the card's steps, from 0."""
    ticked_by: str
    ticked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Checklist:
    """Of one incident."""

    version: int
    """Of the run cards."""
    card: RunCard
    ticks: list[Tick]


async def load(conn: Any, incident_id: str, type_code: str, cards: RunCards) -> Checklist:
    """Of the card that was kept, else of the one in force."""
    kept = await conn.fetchrow(KEPT, incident_id)
    if kept is None:
        return Checklist(version=cards.version, card=cards.card(type_code), ticks=[])
    return Checklist(
        version=kept["version"] or SHIPPED_VERSION,
        card=msgspec.convert(kept["card"], RunCard),
        ticks=[Tick(**row) for row in await conn.fetch(TICKS, incident_id)],
    )


async def keep(conn: Any, incident_id: str, found: Checklist) -> None:
    """Its ticks are of this card from now on; nothing happens when one is kept."""
    await conn.execute(KEEP, incident_id, found.version or None, plain_card(found.card))


async def tick(conn: Any, incident_id: str, step: int, *, by: str, at: datetime) -> bool:
    """False: it is ticked already."""
    return await conn.fetchval(TICK, incident_id, step, by, at) is not None


async def untick(conn: Any, incident_id: str, step: int) -> bool:
    """False: it is not ticked."""
    return await conn.fetchval(UNTICK, incident_id, step) is not None
