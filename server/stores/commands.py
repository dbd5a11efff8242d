"""The downlink log of each device: dense `seq`, written in the transaction that decides.

`enqueue` locks the device's row until commit, so a reader that sees seq n also sees every seq
below it. Knows no transport: the gateways read with `after` and say `mark_sent`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from protocols import native
from protocols.errors import FrameTooLarge
from server.ids import new_id
from server.views import Priority

REPLAY_LEN_MAX = 500
"""Commands read at once; a longer backlog is read in pages."""

SEQ_MAX = 2**53
"""No number of a frame has more figures."""

CommandKind = Literal["task", "notice", "recall", "check", "advice", "limits"]
"""`recall`: let go of an order; `check`: a lone officer is asked whether all is well; `advice`: a
person is to do something for a battery; `limits`: what the device itself is to keep to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A command that has no place in a log yet."""

    device_id: str
    kind: CommandKind
    priority: Priority
    body: dict[str, Any]
    order_id: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """One entry of a device's downlink log."""

    id: str
    device_id: str
    seq: int
    kind: CommandKind
    priority: Priority
    body: dict[str, Any]
    order_id: str | None
    expires_at: datetime | None
    created_at: datetime
    sent_at: datetime | None


# Give out the next seq of each device, locked by id, and write the commands under them.
ENQUEUE = """
WITH wanted AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::jsonb[], $6::uuid[],
                         $7::timestamptz[])
        AS each (id, device_id, kind, priority, body, order_id, expires_at)
), held AS (
    SELECT id FROM device WHERE id = ANY($2::text[]) ORDER BY id FOR NO KEY UPDATE
), head AS (
    UPDATE device SET head_seq = head_seq + 1 FROM held WHERE device.id = held.id
    RETURNING device.id, head_seq
)
INSERT INTO command (id, device_id, seq, kind, priority, body, order_id, expires_at, created_at)
SELECT wanted.id, device_id, head_seq, kind, priority, body, order_id, expires_at, $8
FROM wanted JOIN head ON head.id = wanted.device_id
RETURNING id, device_id, seq, kind, priority, body, order_id, expires_at, created_at, sent_at
"""

# What each of these devices has not stored yet, in order.
PAGES = """
SELECT wanted.place, page.*
FROM unnest($1::text[], $2::bigint[]) WITH ORDINALITY AS wanted (device_id, seq, place)
CROSS JOIN LATERAL (
    SELECT id, device_id, seq, kind, priority, body, order_id, expires_at, created_at, sent_at
    FROM command WHERE command.device_id = wanted.device_id AND command.seq > wanted.seq
    ORDER BY seq LIMIT $3
) AS page
ORDER BY wanted.place, page.seq
"""

# Everything still of use to a device whose cursor means nothing to us: tasks of open orders (those
# past their time are told as missed), what else asks for an answer, and the notices that may still
# be read.
OPEN_FOR = """
SELECT command.id, command.device_id, command.seq, command.kind, command.priority, command.body,
       command.order_id, command.expires_at, command.created_at, command.sent_at
FROM command LEFT JOIN dispatch_order ON dispatch_order.id = command.order_id
WHERE command.device_id = $1
  AND (command.kind = 'task' OR command.expires_at IS NULL OR command.expires_at > $2)
  AND (command.kind = 'notice' OR dispatch_order.closed_at IS NULL)
ORDER BY command.seq
"""

# Remember the first time a frame was written.
MARK_SENT = "UPDATE command SET sent_at = $2 WHERE id = ANY($1::uuid[]) AND sent_at IS NULL"


async def enqueue(
    conn: Any,
    *,
    device_id: str,
    kind: CommandKind,
    priority: Priority,
    body: dict[str, Any],
    order_id: str | None,
    expires_at: datetime | None,
    now: datetime,
) -> Command:
    """Append one command to a device's log. Several in one transaction: in order of device id.

    Raises as `enqueue_all`.
    """
    draft = Draft(
        device_id=device_id,
        kind=kind,
        priority=priority,
        body=body,
        order_id=order_id,
        expires_at=expires_at,
    )
    return (await enqueue_all(conn, [draft], now=now))[0]


async def enqueue_all(conn: Any, drafts: Sequence[Draft], *, now: datetime) -> list[Command]:
    """Append one command each to the logs of so many devices.

    Raises `LookupError` when there is no such device, `FrameTooLarge` when no frame holds it: what
    cannot be sent must not stand in the way of all that comes after it.
    """
    if not drafts:
        return []
    device_ids = [each.device_id for each in drafts]
    assert len(set(device_ids)) == len(drafts), "one command a device, or their order is not ours"
    for each in drafts:
        _require_sendable(each.kind, each.body)
    rows = await conn.fetch(
        ENQUEUE,
        [new_id() for _ in drafts],
        device_ids,
        [each.kind for each in drafts],
        [each.priority for each in drafts],
        [each.body for each in drafts],
        [each.order_id for each in drafts],
        [each.expires_at for each in drafts],
        now,
    )
    if missing := set(device_ids) - {row["device_id"] for row in rows}:
        raise LookupError(f"no device {', '.join(map(repr, sorted(missing)))}")
    return [Command(**row) for row in rows]


def _require_sendable(kind: CommandKind, body: dict[str, Any]) -> None:
    largest = native.Command(
        seq=SEQ_MAX, prev=SEQ_MAX, id=new_id(), kind=kind, pri="emergency", exp=SEQ_MAX, body=body
    )
    if (size := len(native.encode(largest))) > native.FRAME_BYTES_MAX:
        raise FrameTooLarge(f"a {kind} of {size} bytes")


async def after(conn: Any, device_id: str, seq: int, limit: int = REPLAY_LEN_MAX) -> list[Command]:
    """Commands with a seq above `seq`, lowest first, at most `limit`."""
    return (await pages(conn, [(device_id, seq)], limit))[0]


async def pages(
    conn: Any, wanted: Sequence[tuple[str, int]], limit: int = REPLAY_LEN_MAX
) -> list[list[Command]]:
    """`after` for many (device id, seq), each at most `limit`, in their order."""
    found: list[list[Command]] = [[] for _ in wanted]
    ids, seqs = [device_id for device_id, _ in wanted], [seq for _, seq in wanted]
    for row in await conn.fetch(PAGES, ids, seqs, min(limit, REPLAY_LEN_MAX)):
        values = dict(row)
        found[values.pop("place") - 1].append(Command(**values))
    return found


async def open_for(conn: Any, device_id: str, *, now: datetime) -> list[Command]:
    """Commands a device must have even if it remembers nothing, lowest seq first."""
    return [Command(**row) for row in await conn.fetch(OPEN_FOR, device_id, now)]


async def mark_sent(conn: Any, command_ids: Sequence[str], *, at: datetime) -> None:
    """A frame of each was written at `at`; only the first time counts."""
    await conn.execute(MARK_SENT, list(command_ids), at)
