"""Orders of peace or war as rows: given, announced to end, ended; never changed or deleted.

Every change takes the lock first and holds it until commit: numbers are dense, and of two processes
that see the same order run out, one ends it. Knows no rule and no key.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.stance import Authority, Effects, Reoptimise, StanceMode, StanceOrder
from server.journal.kinds import JournalKind as Kind
from server.stanceviews import SignedOrderView, StanceOrderView
from server.stores import commands
from server.stores.commands import Draft
from server.stores.journal import Entry
from server.stores.steps import Hint

PAGE_LEN_MAX: Final = 200
"""Orders of one page of the history; a larger wish is cut to this."""

PEACE_TTL: Final = timedelta(days=7)
"""How long a handset may be told of a peace without an end; it lets go of war by itself."""

LOCK = "SELECT pg_advisory_xact_lock(hashtext('stance'))"

_COLUMNS = """number, mode, scope, reason, offers, reoptimise, authority, off_duty_reports,
       issued_by, issued_at, expires_at, note, verifier, warned_at, ended_at, ended_by, end_reason,
       end_note"""

# The one that holds, if any does.
NEWEST = f"SELECT {_COLUMNS} FROM stance_order ORDER BY number DESC LIMIT 1"  # noqa: S608 (ours)

BY_REQUEST = f"SELECT {_COLUMNS} FROM stance_order WHERE request_id = $1"  # noqa: S608 (ours)

PAGE = f"""
SELECT {_COLUMNS} FROM stance_order
WHERE $1::bigint IS NULL OR number < $1 ORDER BY number DESC LIMIT $2
"""  # noqa: S608 (ours)

# What may have held at any moment from $1 on and before $2.
AROUND = f"""
SELECT {_COLUMNS} FROM stance_order
WHERE issued_at < $2
  AND number >= (SELECT coalesce(max(number), 0) FROM stance_order WHERE issued_at <= $1)
ORDER BY number
"""  # noqa: S608 (ours)

INSERT = """
INSERT INTO stance_order (request_id, number, mode, scope, reason, offers, reoptimise, authority,
                          off_duty_reports, issued_by, issued_at, expires_at, note, verifier)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
"""

WARNED = "UPDATE stance_order SET warned_at = $2 WHERE number = $1"

END = """
UPDATE stance_order SET ended_at = $2, ended_by = $3, end_reason = $4, end_note = $5
WHERE number = $1 AND ended_at IS NULL
"""

# Handsets that somebody may carry.
HANDSETS = """
SELECT id FROM device
WHERE kind = 'handset' AND disabled_at IS NULL
  AND (token_hash IS NOT NULL OR takes_orders(device) AND EXISTS (
       SELECT FROM device_identity WHERE device_id = device.id))
ORDER BY id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StanceRow:
    """An order, and what is known of it beside what was signed."""

    order: StanceOrder
    note: str
    verifier: str
    warned_at: datetime | None = None
    ended_by: str | None = None
    end_reason: str = ""
    end_note: str | None = None


async def lock(conn: Any) -> None:
    """Nobody else gives or ends an order until the caller commits."""
    await conn.execute(LOCK)


async def newest(conn: Any) -> StanceRow | None:
    """The order with the highest number, whether it still holds or not."""
    row = await conn.fetchrow(NEWEST)
    return None if row is None else _row(row)


async def by_request(conn: Any, request_id: str) -> StanceRow | None:
    row = await conn.fetchrow(BY_REQUEST, request_id)
    return None if row is None else _row(row)


async def page(conn: Any, *, before: int | None = None, limit: int = 50) -> list[StanceRow]:
    """Newest first, numbers below `before`."""
    found = await conn.fetch(PAGE, before, max(1, min(limit, PAGE_LEN_MAX)))
    return [_row(each) for each in found]


async def around(conn: Any, since: datetime, until: datetime) -> list[StanceOrder]:
    """Orders that tell what held at any moment between the two, oldest first."""
    return [_row(each).order for each in await conn.fetch(AROUND, since, until)]


async def insert(conn: Any, row: StanceRow, *, request_id: str) -> None:
    """Keep a new order; under the lock."""
    order, effects = row.order, row.order.effects
    await conn.execute(
        INSERT,
        request_id,
        order.number,
        order.mode,
        order.scope,
        order.reason,
        effects.offers,
        effects.reoptimise,
        effects.authority,
        effects.off_duty_reports,
        order.issued_by,
        order.issued_at,
        order.expires_at,
        row.note,
        row.verifier,
    )


async def warned(conn: Any, number: int, at: datetime) -> None:
    """A person was told that it ends soon; under the lock."""
    await conn.execute(WARNED, number, at)


async def end(
    conn: Any, number: int, *, at: datetime, by: str, reason: str, note: str | None = None
) -> None:
    """It holds no more; nothing where it has ended before. Under the lock."""
    await conn.execute(END, number, at, by, reason, note)


async def tell_handsets(conn: Any, order: StanceOrder | None, *, at: datetime) -> tuple[Hint, ...]:
    """A notice to every handset of what holds from now on; None: peace as every day.

    Of use until the order ends: whoever connects later reads it then.
    """
    return await tell(conn, await handsets(conn), order, at=at)


async def handsets(conn: Any) -> list[str]:
    """Ids of those that somebody may carry, in order."""
    return [row["id"] for row in await conn.fetch(HANDSETS)]


async def tell(
    conn: Any, device_ids: Sequence[str], order: StanceOrder | None, *, at: datetime
) -> tuple[Hint, ...]:
    """As `tell_handsets`, to these."""
    expires_at = None if order is None else order.expires_at
    body = {
        "why": "stance",
        "mode": "peace" if order is None else str(order.mode),
        "at": _ms(at),
        "until": None if expires_at is None else _ms(expires_at),
        "text": "" if order is None else order.reason,
    }
    drafts = [
        Draft(
            device_id=each,
            kind="notice",
            priority="priority",
            body=body,
            order_id=None,
            expires_at=expires_at or at + PEACE_TTL,
        )
        for each in device_ids
    ]
    await commands.enqueue_all(conn, drafts, now=at)
    return tuple(("device", each) for each in device_ids)


# -- what is said of them ------------------------------------------------------------------


def given(row: StanceRow, *, prolongs: int | None) -> Entry:
    """For the log, with the signed note: the log alone proves the order."""
    order = row.order
    body = {
        "number": order.number,
        "mode": order.mode,
        "scope": order.scope,
        "reason": order.reason,
        "expires_at": order.expires_at,
        "offers": order.effects.offers,
        "reoptimise": order.effects.reoptimise,
        "authority": order.effects.authority,
        "off_duty_reports": order.effects.off_duty_reports,
        "prolongs": prolongs,
        "confirmed_by": "password",
        "note": row.note,
        "verifier": row.verifier,
    }
    return Entry(actor=order.issued_by, subject=subject(order), kind=Kind.STANCE_ORDERED, body=body)


def over(order: StanceOrder, *, by: str, reason: str, note: str | None = None) -> Entry:
    """For the log: by a person, with his signed note, or because its time was over."""
    body = {"number": order.number, "mode": order.mode, "reason": reason}
    kind = Kind.STANCE_EXPIRED if note is None else Kind.STANCE_ENDED
    signed = {} if note is None else {"note": note}
    return Entry(actor=by, subject=subject(order), kind=kind, body=body | signed)


def subject(order: StanceOrder) -> str:
    return f"stance:{order.number}"


def view(row: StanceRow) -> StanceOrderView:
    return StanceOrderView(**_common(row))


def signed_view(row: StanceRow) -> SignedOrderView:
    return SignedOrderView(
        **_common(row), note=row.note, end_note=row.end_note, verifier=row.verifier
    )


def _common(row: StanceRow) -> dict[str, Any]:
    order = row.order
    return {
        "number": order.number,
        "mode": order.mode.value,
        "scope": order.scope,
        "reason": order.reason,
        "offers": order.effects.offers,
        "reoptimise": order.effects.reoptimise.value,
        "authority": order.effects.authority.value,
        "off_duty_reports": order.effects.off_duty_reports,
        "issued_by": order.issued_by,
        "issued_at": order.issued_at,
        "expires_at": order.expires_at,
        "ended_at": order.ended_at,
        "ended_by": row.ended_by,
        "end_reason": row.end_reason,
    }


def _row(found: Any) -> StanceRow:
    order = StanceOrder(
        number=found["number"],
        mode=StanceMode(found["mode"]),
        scope=found["scope"],
        reason=found["reason"],
        effects=Effects(
            offers=found["offers"],
            reoptimise=Reoptimise(found["reoptimise"]),
            authority=Authority(found["authority"]),
            off_duty_reports=found["off_duty_reports"],
        ),
        issued_by=found["issued_by"],
        issued_at=found["issued_at"],
        expires_at=found["expires_at"],
        ended_at=found["ended_at"],
    )
    return StanceRow(
        order=order,
        note=found["note"],
        verifier=found["verifier"],
        warned_at=found["warned_at"],
        ended_by=found["ended_by"],
        end_reason=found["end_reason"],
        end_note=found["end_note"],
    )


def _ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)
