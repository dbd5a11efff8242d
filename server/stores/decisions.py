"""Recommendations and decisions as rows: written once, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from server.dispatch.battery import Reckoned
from server.views import RecommendationView

Etas: TypeAlias = Mapping[str, tuple[float | None, float | None]]
"""By unit id, in s: median, and what nine journeys in ten keep, as the dispatcher saw them."""

# Keep a recommendation whole, as the dispatcher saw it.
INSERT_RECOMMENDATION = """
INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body)
VALUES ($1, $2, $3, $4, $5)
"""

# What a recommendation of this incident says of these units, and nothing of all the others.
ETAS = """
SELECT jsonb_path_query_array(body, '$.*[*] ? (@.unit_id == $units[*] && exists(@.eta_s))',
                              jsonb_build_object('units', $3::uuid[]))
FROM recommendation WHERE id = $1 AND incident_id = $2
"""

# The unit that a recommendation puts first, where its travel time is known.
FIRST = """
SELECT best->>'unit_id' AS unit_id, best->>'call_sign' AS call_sign
FROM (SELECT body->'candidates'->0 AS best
      FROM recommendation WHERE id = $1 AND incident_id = $2) AS found
WHERE best->>'eta_s' IS NOT NULL
"""

# What it was reckoned with.
INSERT_RECKONED = """
INSERT INTO recommendation_battery (recommendation_id, version, device_ids, numbers)
VALUES ($1, $2, $3, $4)
"""
RECKONED = """
SELECT version, device_ids, numbers FROM recommendation_battery WHERE recommendation_id = $1
"""

# Take a decision; its request was not seen before.
INSERT_DECISION = """
INSERT INTO decision
    (id, request_id, incident_id, recommendation_id, unit_ids, reason, decided_by, decided_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
ON CONFLICT (request_id) DO NOTHING
RETURNING id
"""

# What an earlier, equal request decided.
BY_REQUEST = """
SELECT id, request_id, incident_id, recommendation_id, unit_ids, reason, decided_by, decided_at
FROM decision WHERE request_id = $1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Which units to send to an incident, on which recommendation, and why."""

    id: str
    request_id: str
    incident_id: str
    recommendation_id: str
    unit_ids: Sequence[str]
    reason: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class First:
    """Whom a recommendation puts first."""

    unit_id: str
    call_sign: str


async def insert_recommendation(
    conn: Any, found: RecommendationView, reckoned: Reckoned, *, by: str
) -> None:
    """Keep what was recommended, and what batteries it was reckoned with."""
    await conn.execute(
        INSERT_RECOMMENDATION, found.id, found.incident_id, found.computed_at, by, found
    )
    if reckoned.device_ids:
        await conn.execute(
            INSERT_RECKONED,
            found.id,
            reckoned.version,
            list(reckoned.device_ids),
            reckoned.numbers,
        )


async def reckoned_with(conn: Any, recommendation_id: str) -> Reckoned | None:
    """What batteries a recommendation was reckoned with; None: with none."""
    row = await conn.fetchrow(RECKONED, recommendation_id)
    if row is None:
        return None
    return Reckoned(
        version=row["version"], device_ids=tuple(row["device_ids"]), numbers=row["numbers"]
    )


async def etas(
    conn: Any, recommendation_id: str, incident_id: str, unit_ids: Sequence[str]
) -> Etas | None:
    """What a recommendation of this incident says of these units; None: there is no such.

    A unit that came on duty later is missing.
    """
    found = await conn.fetchval(ETAS, recommendation_id, incident_id, list(unit_ids))
    if found is None:
        return None
    return {each["unit_id"]: (each["eta_s"], each.get("eta_p90_s")) for each in found}


async def first(conn: Any, recommendation_id: str, incident_id: str) -> First | None:
    """Whom it puts first; None: no unit's time is known, or it is of another incident."""
    row = await conn.fetchrow(FIRST, recommendation_id, incident_id)
    return None if row is None else First(**row)


async def insert_decision(conn: Any, decision: Decision) -> bool:
    """Keep what was decided; False when this request decided something before."""
    found = await conn.fetchval(
        INSERT_DECISION,
        decision.id,
        decision.request_id,
        decision.incident_id,
        decision.recommendation_id,
        list(decision.unit_ids),
        decision.reason,
        decision.decided_by,
        decision.decided_at,
    )
    return found is not None


async def by_request(conn: Any, request_id: str) -> Decision | None:
    """What an earlier request of this id decided."""
    row = await conn.fetchrow(BY_REQUEST, request_id)
    return None if row is None else Decision(**row)
