"""Recommendations and decisions as rows: written once, never changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec

from server.views import RecommendationView

# Keep a recommendation whole, as the dispatcher saw it.
INSERT_RECOMMENDATION = """
INSERT INTO recommendation (id, incident_id, computed_at, computed_by, body)
VALUES ($1, $2, $3, $4, $5)
"""

# A recommendation of this incident.
RECOMMENDATION = "SELECT body FROM recommendation WHERE id = $1 AND incident_id = $2"

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


async def insert_recommendation(conn: Any, found: RecommendationView, *, by: str) -> None:
    """Keep what was recommended."""
    await conn.execute(
        INSERT_RECOMMENDATION, found.id, found.incident_id, found.computed_at, by, found
    )


async def recommendation(
    conn: Any, recommendation_id: str, incident_id: str
) -> RecommendationView | None:
    """A recommendation of this incident; None: there is no such."""
    body = await conn.fetchval(RECOMMENDATION, recommendation_id, incident_id)
    return None if body is None else msgspec.convert(body, RecommendationView)


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
