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


# Give out the device's next seq and write the command under it.
ENQUEUE = """
WITH head AS (
    UPDATE device SET head_seq = head_seq + 1 WHERE id = $2 RETURNING head_seq
)
INSERT INTO command (id, device_id, seq, kind, priority, body, order_id, expires_at, created_at)
SELECT $1, $2, head_seq, $3, $4, $5, $6, $7, $8 FROM head
RETURNING id, device_id, seq, kind, priority, body, order_id, expires_at, created_at, sent_at
"""

# What a resuming device has not stored yet, in order.
AFTER = """
SELECT id, device_id, seq, kind, priority, body, order_id, expires_at, created_at, sent_at
FROM command WHERE device_id = $1 AND seq > $2 ORDER BY seq LIMIT $3
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

    Raises `LookupError` when there is no such device, `FrameTooLarge` when no frame holds it: what
    cannot be sent must not stand in the way of all that comes after it.
    """
    _require_sendable(kind, body)
    row = await conn.fetchrow(
        ENQUEUE, new_id(), device_id, kind, priority, body, order_id, expires_at, now
    )
    if row is None:
        raise LookupError(f"no device {device_id!r}")
    return Command(**row)


def _require_sendable(kind: CommandKind, body: dict[str, Any]) -> None:
    largest = native.Command(
        seq=SEQ_MAX, prev=SEQ_MAX, id=new_id(), kind=kind, pri="emergency", exp=SEQ_MAX, body=body
    )
    if (size := len(native.encode(largest))) > native.FRAME_BYTES_MAX:
        raise FrameTooLarge(f"a {kind} of {size} bytes")


async def after(conn: Any, device_id: str, seq: int, limit: int = REPLAY_LEN_MAX) -> list[Command]:
    """Commands with a seq above `seq`, lowest first, at most `limit`."""
    rows = await conn.fetch(AFTER, device_id, seq, min(limit, REPLAY_LEN_MAX))
    return [Command(**row) for row in rows]


async def open_for(conn: Any, device_id: str, *, now: datetime) -> list[Command]:
    """Commands a device must have even if it remembers nothing, lowest seq first."""
    return [Command(**row) for row in await conn.fetch(OPEN_FOR, device_id, now)]


async def mark_sent(conn: Any, command_ids: Sequence[str], *, at: datetime) -> None:
    """A frame of each was written at `at`; only the first time counts."""
    await conn.execute(MARK_SENT, list(command_ids), at)
