"""Police stations as the roster has them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

STATIONS_LEN_MAX = 200
"""Of one county."""

LIST = "SELECT id, name, lon, lat FROM station ORDER BY name LIMIT $1"


@dataclass(frozen=True, slots=True, kw_only=True)
class StationRow:
    id: str
    name: str
    lon: float
    lat: float


async def load_all(conn: Any) -> list[StationRow]:
    """Every station, by name; the first STATIONS_LEN_MAX of them."""
    rows = await conn.fetch(LIST, STATIONS_LEN_MAX)
    return [
        StationRow(id=str(row["id"]), name=row["name"], lon=row["lon"], lat=row["lat"])
        for row in rows
    ]
