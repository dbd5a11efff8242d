"""What was covered in each quarter of an hour, as rows. Knows no rule of cover."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

KEPT: Final = timedelta(days=540)
"""As long as drives are."""
PAGE_LEN: Final = 500
"""Looks read at once."""

INSERT = """
INSERT INTO cover_look (at, map_id, limit_s, free_units, units_in_time)
VALUES ($1, $2, $3, $4, $5) ON CONFLICT (at) DO NOTHING
"""

# One page, oldest first.
PAGE = """
SELECT at, map_id, limit_s, free_units, units_in_time FROM cover_look
WHERE at >= $1 AND at < $2 AND ($3::timestamptz IS NULL OR at > $3) ORDER BY at LIMIT $4
"""

# Under which limit the newest look over a map was.
NEWEST_LIMIT = """
SELECT limit_s FROM cover_look WHERE map_id = $1 AND at >= $2 AND at < $3 ORDER BY at DESC LIMIT 1
"""

FORGET = "DELETE FROM cover_look WHERE at < $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverLook:
    """One moment."""

    at: datetime
    map_id: str
    limit_s: float
    free_units: int
    units_in_time: NDArray[np.uint8]
    """(V,) of each village of the map, in its order: 0, 1, or 2 and more."""


async def keep(conn: Any, look: CoverLook) -> bool:
    """False where the quarter of an hour had its look before."""
    status = await conn.execute(
        INSERT,
        look.at,
        look.map_id,
        look.limit_s,
        look.free_units,
        look.units_in_time.tobytes(),
    )
    return bool(status == "INSERT 0 1")


async def pages(conn: Any, since: datetime, until: datetime) -> AsyncIterator[list[CoverLook]]:
    """Every look at or after `since` and before `until`, oldest first."""
    after: datetime | None = None
    while True:
        rows = await conn.fetch(PAGE, since, until, after, PAGE_LEN)
        if not rows:
            return
        yield [_look(row) for row in rows]
        after = rows[-1]["at"]


async def newest_limit_s(conn: Any, map_id: str, since: datetime, until: datetime) -> float | None:
    """Of the looks at or after `since` and before `until`; None: there were none."""
    found: float | None = await conn.fetchval(NEWEST_LIMIT, map_id, since, until)
    return found


async def forget(conn: Any, now: datetime) -> None:
    """Delete what is older than KEPT."""
    await conn.execute(FORGET, now - KEPT)


def _look(row: Any) -> CoverLook:
    counts = np.frombuffer(row["units_in_time"], dtype=np.uint8)
    return CoverLook(**(dict(row) | {"units_in_time": counts}))
