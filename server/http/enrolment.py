"""How a device comes to a unit: an officer's browser as handset, and the order the unit is on.

Two transactions, in this order. The first makes the device the unit's, and holds the unit's row: an
order that is being issued to the unit is committed before, and one issued later finds the device.
The second gives the device the order that the unit is on, where it has not got it, and says so if
it is war. So no order falls between the two, in whichever instant the device comes.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Final

from server.dispatch.stance import StanceMode, in_force
from server.http.auth import hash_token, new_token
from server.http.errors import ApiError
from server.http.ratelimit import RateLimiter
from server.ids import new_id
from server.journal.kinds import JournalKind
from server.stores import issue, journal, roster, stance
from server.stores.county import BROWSER_MODEL
from server.stores.pool import Connection, Pool

BROWSERS_PER_OFFICER_MAX: Final = 5
"""The one unseen for longest is a handset no longer when one more is enrolled."""
ENROLMENTS_MAX: Final = 30
"""Of one officer within the window, then 429: each may leave a device behind in the records."""
ENROLMENTS_WINDOW_S: Final = 3600.0
OFFICERS_TRACKED_MAX: Final = 10_000


def enrolment_limiter() -> RateLimiter:
    """Counts enrolments by badge."""
    return RateLimiter(
        failures_max=ENROLMENTS_MAX, window_s=ENROLMENTS_WINDOW_S, keys_max=OFFICERS_TRACKED_MAX
    )


async def hold_unit(conn: Connection, unit_id: str) -> str:
    """The call sign; until commit nobody issues an order to the unit. Raises `ApiError` 422."""
    call_sign = await roster.hold_unit(conn, unit_id)
    if call_sign is None:
        raise ApiError(422, "unknown_unit", "There is no such unit in service.")
    return call_sign


async def enrol_browser(
    conn: Connection, install_id: str, *, unit_id: str, badge: str, by: str
) -> tuple[str, str]:
    """The device id and a fresh token of this browser as the officer's handset; first transaction.

    The same browser and officer keep their device; its former token ends.
    """
    call_sign = await hold_unit(conn, unit_id)
    # No separator can occur in a badge, so two pairs never make one name.
    digest = hashlib.sha256(f"{badge}/{install_id}".encode()).hexdigest()[:16]
    device_id = f"web-{badge}-{digest}"
    token = new_token()
    token_hash = hash_token(token)
    new = await roster.add_device(
        conn,
        device_id=device_id,
        kind="handset",
        model=BROWSER_MODEL,
        unit_id=unit_id,
        token_hash=token_hash,
        epoch=new_id(),
    )
    if not new and not await roster.reenrol_device(
        conn, device_id=device_id, token_hash=token_hash, unit_id=unit_id
    ):
        raise ApiError(403, "device_disabled", "This browser was taken out of service.")
    body = {"kind": "handset", "model": BROWSER_MODEL, "unit_id": unit_id, "again": not new}
    entries = [_entry(by, device_id, JournalKind.DEVICE_ENROLLED, body)]
    retired = await roster.retire_browsers(
        conn, badge=badge, model=BROWSER_MODEL, keep=device_id, len_max=BROWSERS_PER_OFFICER_MAX
    )
    left: dict[str, object] = {"changed": {"unit": {"from": call_sign, "to": None}}}
    entries += [_entry(by, each, JournalKind.DEVICE_CHANGED, left) for each in retired]
    await journal.append_all(conn, entries)
    return device_id, token


async def tell_running(pool: Pool, device_id: str, unit_id: str) -> None:
    """Give the device the order that its unit is on, and that of war; second transaction."""
    now = datetime.now(UTC)
    async with pool.acquire() as conn, conn.transaction():
        await _tell_war(conn, device_id, now)
        running = await issue.running(conn, unit_id)
        if running is not None:
            await issue.tell_late(conn, running, device_id, now=now)


async def _tell_war(conn: Connection, device_id: str, now: datetime) -> None:
    await stance.lock(conn)  # who gives an order tells the handsets that are there by then
    newest = await stance.newest(conn)
    holding = in_force([newest.order] if newest else [], now)
    if holding is None or holding.mode is not StanceMode.WAR:
        return
    if device_id in await stance.handsets(conn):
        await stance.tell(conn, [device_id], holding, at=now)


def _entry(by: str, device_id: str, kind: JournalKind, body: dict[str, object]) -> journal.Entry:
    return journal.Entry(actor=by, subject=f"device:{device_id}", kind=kind, body=body)
