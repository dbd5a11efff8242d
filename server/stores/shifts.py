"""What units did in the weeks behind: hours on duty, and jobs with somebody on scene."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

SCENE_MIN_MAX: Final = 720
"""An order that was left open longer says nothing of how long the job took."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Jobs:
    """Of one unit and one type of incident."""

    unit_id: str
    type: str
    number: int
    scene_min: float
    """Of all of them, from on scene to the end."""


# Hours on duty of each unit between $1 and $2.
HOURS = """
SELECT unit_id, sum(extract(epoch FROM least(coalesce(off_at, $2), $2) - greatest(on_at, $1))
                    / 3600.0)::float8 AS hours
FROM shift WHERE on_at < $2 AND coalesce(off_at, $2) > $1 GROUP BY unit_id
"""
# Jobs that ended since $1.
JOBS = """
SELECT unit_id, incident.type, count(*) AS number,
       sum(least(extract(epoch FROM job.closed_at - there.at) / 60.0, $2))::float8 AS scene_min
FROM dispatch_order AS job JOIN incident ON incident.id = incident_id
CROSS JOIN LATERAL (SELECT min(server_at) AS at FROM order_event
                    WHERE order_id = job.id AND order_event.state = 'on_scene' AND applied) AS there
WHERE job.closed_at >= $1 AND there.at IS NOT NULL
GROUP BY unit_id, incident.type
"""


async def hours_on_duty(conn: Any, *, since: datetime, until: datetime) -> dict[str, float]:
    """By unit."""
    return {row["unit_id"]: row["hours"] for row in await conn.fetch(HOURS, since, until)}


async def jobs(conn: Any, *, since: datetime) -> list[Jobs]:
    return [Jobs(**row) for row in await conn.fetch(JOBS, since, SCENE_MIN_MAX)]
