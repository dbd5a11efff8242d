"""Records of recommendations as rows: written once with the recommendation, never changed.

The SHA-256 of the record and of the answer stand in the command log, too; what lay over the map is
kept once for as many recommendations as it held for. Knows no rule and no map.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from server.dispatch.premises import sha256
from server.dispatch.reckoned import Reckoned
from server.dispatch.record import Recommended, pack
from server.stores import decisions

# What lay over the map, unless it is kept already, and the record that names it.
INSERT = """
WITH kept AS (
    INSERT INTO road_picture (sha256, map_id, body) VALUES ($2, $3, $4) ON CONFLICT DO NOTHING
)
INSERT INTO recommendation_record (recommendation_id, roads, rules, sha256, body)
VALUES ($1, $2, $5, $6, $7)
"""

# By its own id, or by that of a decision that was taken on it.
LOAD = """
SELECT r.id, r.incident_id, i.number AS incident_number, r.computed_at, r.computed_by,
       r.body AS answer, k.rules, k.sha256, k.body AS packed, k.roads AS roads_sha256,
       p.body AS roads, j.body AS logged
FROM recommendation r
JOIN incident i ON i.id = r.incident_id
LEFT JOIN recommendation_record k ON k.recommendation_id = r.id
LEFT JOIN road_picture p ON p.sha256 = k.roads
LEFT JOIN journal_entry j ON j.subject = 'incident:' || r.incident_id
    AND j.kind = 'recommendation.computed' AND j.body->>'recommendation' = r.id::text
WHERE r.id = coalesce((SELECT recommendation_id FROM decision WHERE id = $1), $1)
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """A record as bytes, and their SHA-256."""

    body: bytes
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptRecord:
    """Everything that is kept of one recommendation."""

    id: str
    incident_id: str
    incident_number: int
    computed_at: datetime
    computed_by: str
    answer: dict[str, Any]
    """As the dispatcher saw it."""
    rules: int | None
    sha256: str | None
    packed: bytes | None
    roads_sha256: str | None
    roads: bytes | None
    """All of these None: made before records were kept."""
    logged: dict[str, Any] | None
    """What the command log says of it."""


def packed(made: Recommended) -> Packed:
    """Some 3 ms for 200 units."""
    body = pack(made.record)
    return Packed(body=body, sha256=sha256(body))


async def insert(conn: Any, made: Recommended, record: Packed, *, by: str) -> None:
    """Keep a recommendation with all that it was made from."""
    await decisions.insert_recommendation(conn, made.view, made.reckoned, by=by)
    await conn.execute(
        INSERT,
        made.view.id,
        made.record.circumstances.roads,
        made.view.map_id,
        made.roads,
        made.record.rules,
        record.sha256,
        record.body,
    )


async def load(conn: Any, any_id: str) -> tuple[KeptRecord, Reckoned] | None:
    """By the id of a recommendation or of a decision; None: there is none."""
    row = await conn.fetchrow(LOAD, any_id)
    if row is None:
        return None
    kept = KeptRecord(**row)
    reckoned = await decisions.reckoned_with(conn, kept.id)
    return kept, reckoned or Reckoned(version=None)
