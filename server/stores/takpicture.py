"""What of the county TAK clients are shown beside the units: calls for help that still matter.

Knows no client.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.stores.pool import Connection

CALLS_LEN_MAX: Final = 200
CLAIMED_LEN_MAX: Final = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningCall:
    """A call for help until somebody takes it back or its incident is closed."""

    id: str
    device_id: str
    tak_uid: str | None
    """Where a TAK client called: its own alert is the same one."""
    unit_id: str | None
    call_sign: str | None
    officer: str | None
    at: datetime
    lon: float | None
    lat: float | None
    accuracy_m: float | None


RUNNING_CALLS = """
SELECT sos_call.id, sos_call.device_id, sos_call.unit_id, unit.call_sign, officer.name AS officer,
       received_at AS at, sos_call.lon, sos_call.lat, accuracy_m,
       (SELECT external_id FROM device_identity AS known
        WHERE known.device_id = sos_call.device_id AND known.protocol = 'tak'
        ORDER BY created_at DESC LIMIT 1) AS tak_uid
FROM sos_call LEFT JOIN unit ON unit.id = sos_call.unit_id
LEFT JOIN officer USING (badge)
LEFT JOIN incident ON incident.id = sos_call.incident_id
WHERE withdrawn_at IS NULL
  AND (incident.status <> 'closed' OR (incident.id IS NULL AND acknowledged_at IS NULL))
ORDER BY sos_call.number DESC LIMIT $1
"""

# Who may speak as which uid: of certificates in force.
CLAIMED = """
SELECT DISTINCT ON (uid) uid, app_user.username
FROM tak_certificate JOIN app_user ON app_user.id = user_id
WHERE uid <> '' AND revoked_at IS NULL AND expires_at > $1
ORDER BY uid, issued_at DESC LIMIT $2
"""


async def running_calls(conn: Connection) -> list[RunningCall]:
    """Newest first."""
    return [RunningCall(**row) for row in await conn.fetch(RUNNING_CALLS, CALLS_LEN_MAX)]


async def claimed_uids(conn: Any, *, now: datetime) -> dict[str, str]:
    """Uid → username."""
    rows = await conn.fetch(CLAIMED, now, CLAIMED_LEN_MAX)
    return {row["uid"]: row["username"] for row in rows}
