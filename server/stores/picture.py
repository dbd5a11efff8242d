"""Last position and last contact of every device: what the board begins with. Reads only."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from server.stores.presence import DeviceFix

# Last position of every device.
LAST_FIXES = """
SELECT device_id, observed_at, received_at, lon, lat, accuracy_m, speed_mps, heading_deg,
       battery_pct, charging, mode
FROM last_position
"""

# When each device was last connected, by any of its installations.
LAST_SEEN = "SELECT device_id, max(last_seen_at) AS at FROM installation GROUP BY device_id"


async def last_fixes(conn: Any) -> list[DeviceFix]:
    """One per device that ever reported."""
    return [DeviceFix(**row) for row in await conn.fetch(LAST_FIXES)]


async def last_seen(conn: Any) -> dict[str, datetime]:
    """By device id; devices never seen are missing."""
    return {row["device_id"]: row["at"] for row in await conn.fetch(LAST_SEEN)}
