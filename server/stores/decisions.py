"""Recommendations and decisions as rows: written once, never changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, TypeAlias

from server.dispatch.reckoned import Reckoned
from server.views import RecommendationView

PAGE_LEN_MAX: Final = 200

Etas: TypeAlias = Mapping[str, tuple[float | None, float | None]]
"""By unit id, in s: median, and what nine journeys in ten keep, as the dispatcher saw them."""

# Keep a recommendation whole, as the dispatcher saw it.
INSERT_RECOMMENDATION = """
INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body)
VALUES ($1, $2, $3, $4, $5)
"""

# What a recommendation of this incident says of these units, and nothing of all the others; and of
# a pair whose two wait for each other, where both are among them.
ETAS = """
SELECT jsonb_path_query_array(body, '$.*[*] ? (@.unit_id == $units[*] && exists(@.eta_s))',
                              jsonb_build_object('units', $3::uuid[])) AS each_alone,
       CASE WHEN (body->'pair'->>'meets_before')::bool
                 AND jsonb_typeof(body->'pair'->'meeting') = 'object'
                 AND to_jsonb($3::uuid[]) @> (body->'pair'->'unit_ids')
            THEN body->'pair' END AS together
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

# Newest first, with whom a dispatcher sent on them.
PAGE = """
SELECT r.id, i.number AS incident_number, i.type AS incident_type, r.computed_at, r.computed_by,
       k.rules, r.body->>'map_id' AS map_id, (r.body->>'road_version')::bigint AS road_version,
       r.body #>> '{candidates,0,call_sign}' AS best,
       jsonb_array_length(r.body->'candidates') AS candidates,
       jsonb_array_length(r.body->'excluded') AS excluded,
       ARRAY(SELECT u.call_sign FROM decision d JOIN unit u ON u.id = ANY (d.unit_ids)
             WHERE d.recommendation_id = r.id ORDER BY u.call_sign) AS sent
FROM recommendation r
JOIN incident i ON i.id = r.incident_id
LEFT JOIN recommendation_record k ON k.recommendation_id = r.id
WHERE $1::bigint IS NULL OR i.number = $1
ORDER BY r.computed_at DESC, r.id DESC LIMIT $2
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
class Line:
    """One recommendation in a list."""

    id: str
    incident_number: int
    incident_type: str
    computed_at: datetime
    computed_by: str
    rules: int | None
    map_id: str
    road_version: int
    best: str | None
    candidates: int
    excluded: int
    sent: Sequence[str]
    """Call signs of whom a dispatcher sent on it."""


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


async def page(conn: Any, *, incident_number: int | None = None, limit: int = 20) -> list[Line]:
    """Newest first."""
    rows = await conn.fetch(PAGE, incident_number, max(1, min(limit, PAGE_LEN_MAX)))
    return [Line(**row) for row in rows]


async def etas(
    conn: Any, recommendation_id: str, incident_id: str, unit_ids: Sequence[str]
) -> Etas | None:
    """What a recommendation of this incident says of these units; None: there is no such.

    Two who meet before the place are there when the later one is. A unit that came on duty later is
    missing.
    """
    row = await conn.fetchrow(ETAS, recommendation_id, incident_id, list(unit_ids))
    if row is None:
        return None
    found = {each["unit_id"]: (each["eta_s"], each.get("eta_p90_s")) for each in row["each_alone"]}
    if (pair := row["together"]) is None:
        return found
    return found | dict.fromkeys(pair["unit_ids"], (pair["both_s"], pair["both_p90_s"]))


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
