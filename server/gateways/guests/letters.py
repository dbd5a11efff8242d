"""What a guest is told: its device's downlink log, with a cursor that we keep for it.

A guest that confirms nothing is told again after a reconnect or a restart; what it has confirmed
is never said twice. Commands go out in the order of the log. Several may be under way at once, so
the cursor stands before the first that is not settled, and remembers what is settled beyond it.
Only the newest conversation of a guest moves it. What is over is told only where somebody may still
act on it: a task or a recall arrives as a notice of what was missed, the rest is passed over.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from server.gateways.field import Field
from server.stores import identities
from server.stores.away import STORE_AWAY
from server.stores.commands import Command, CommandKind
from server.stores.identities import SETTLED_LEN_MAX, Identity, Opening

logger = logging.getLogger(__name__)

PAGE_LEN: Final = 20
"""Commands read of a guest's log at once."""
RETRY_S: Final = 1.0
MISSED: Final = frozenset({"task", "recall"})
"""What a person is told of although it is over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One command as a guest is to be told it."""

    command: Command
    kind: CommandKind
    body: dict[str, Any]
    """Of the command; of one that is over, what a person is told who missed it: `why` is `expired`
    or `closed`."""
    missed: bool = False

    @property
    def id(self) -> str:
        return self.command.id

    @property
    def seq(self) -> int:
        return self.command.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a log stands: everything up to `cursor_seq` is settled, and so are these beyond it."""

    cursor_seq: int
    settled: frozenset[int] = frozenset()

    def after(self, seq: int, between: Collection[int]) -> Standing:
        """With `seq` settled too; `between`: seqs beyond the cursor that are not settled yet."""
        settled = self.settled | {seq}
        first_open = min((each for each in between if each not in settled), default=None)
        cursor_seq = max(settled) if first_open is None else first_open - 1
        cursor_seq = max(cursor_seq, self.cursor_seq)
        return Standing(
            cursor_seq=cursor_seq,
            settled=frozenset(each for each in settled if each > cursor_seq),
        )

    def has(self, seq: int) -> bool:
        return seq <= self.cursor_seq or seq in self.settled


class Letters:
    """The log of one guest. `next` gives out what was not given out yet."""

    def __init__(self, field: Field, identity: Identity, opening: Opening) -> None:
        self.standing = Standing(cursor_seq=opening.cursor_seq, settled=opening.settled)
        self._field, self._identity = field, identity
        self._admission = opening.admission
        self._read_seq = opening.cursor_seq
        """Up to here everything was read."""
        self._page: deque[Letter] = deque()
        self._under_way: set[int] = set()
        """Seqs that were given out, and are not settled."""
        self._woken = asyncio.Event()
        self._woken.set()
        self._room = asyncio.Event()
        self.ended = False
        self.lock = asyncio.Lock()
        """Held from `settle_in` to `settled`."""

    @property
    def read_seq(self) -> int:
        return self._read_seq

    def wake(self) -> None:
        """A command may wait in the log."""
        self._woken.set()

    def end(self) -> None:
        """Nothing more is given out; whoever waits for the next is told so."""
        self.ended = True
        self._woken.set()
        self._room.set()

    async def next(self) -> Letter | None:
        """The next one to be told, when there is one; None: the conversation is over."""
        while not self.ended:
            if len(self._under_way) >= SETTLED_LEN_MAX:
                self._room.clear()
                await self._room.wait()
            elif self._page:
                letter = self._page.popleft()
                self._under_way.add(letter.seq)
                return letter
            else:
                await self._woken.wait()
                self._woken.clear()
                if not self.ended:
                    await self._try_turn_page()
        return None

    async def mark_sent(self, letter: Letter) -> None:
        """It was written to the guest by now; only the first time is remembered."""
        await self._field.mail.mark_sent([letter.id])
        self._field.metrics.count("commands_sent")

    async def settle(self, letter: Letter) -> None:
        """It needs not be said any more: the guest has it, or nobody can use it.

        Raises `Outlived`, and what the store raises.
        """
        async with self.lock:
            async with self._field.pool.acquire() as conn, conn.transaction():
                standing = await self.settle_in(conn, letter.seq)
            self.settled(letter.seq, standing)

    async def settle_in(self, conn: Any, seq: int) -> Standing:
        """The same in a transaction of the caller, who says `settled` once it has committed.

        Under `lock`. Raises `Outlived` when a newer conversation of the guest was let in.
        """
        standing = self._after(seq)
        kept = await identities.settle(
            conn,
            self._identity,
            admission=self._admission,
            cursor_seq=standing.cursor_seq,
            settled=sorted(standing.settled),
            now=self._field.clock(),
        )
        if not kept:
            raise Outlived(f"{self._identity.device_id} has a newer conversation")
        return standing

    def settled(self, seq: int, standing: Standing) -> None:
        """What `settle_in` wrote is durable."""
        self.standing = standing
        self._under_way.discard(seq)
        self._room.set()

    def _after(self, seq: int) -> Standing:
        return self.standing.after(seq, self._under_way | {each.seq for each in self._page})

    async def _try_turn_page(self) -> None:
        try:
            await self._turn_page()
        except STORE_AWAY as error:
            self._field.metrics.count("guest_store_failures")
            logger.warning("%s waits for its commands: %s", self._identity.device_id, error)
            self._woken.set()
            await asyncio.sleep(RETRY_S)

    async def _turn_page(self) -> None:
        now = self._field.clock()
        async with self._field.pool.acquire() as conn:
            found = await identities.waiting(
                conn, self._identity.device_id, self._read_seq, limit=PAGE_LEN, now=now
            )
        for command, of_use in found:
            self._read_seq = command.seq
            if self.standing.has(command.seq):
                continue
            if (letter := _letter(command, of_use=of_use, now=now)) is not None:
                self._page.append(letter)
            else:  # written with the next that is settled
                self.standing = self._after(command.seq)
        if len(found) == PAGE_LEN:
            self._woken.set()


class Outlived(Exception):
    """A newer conversation of the same guest was let in: this one has no say any more."""


def _letter(command: Command, *, of_use: bool, now: datetime) -> Letter | None:
    """None: it is over, and nobody misses it."""
    expired = command.expires_at is not None and command.expires_at <= now
    if of_use and not expired:
        return Letter(command=command, kind=command.kind, body=command.body)
    if command.kind not in MISSED:
        return None
    named = {
        name: command.body[name] for name in ("order", "number", "incident") if name in command.body
    }
    body = {"ref": command.id, "why": "expired" if expired else "closed", "asked": command.kind}
    return Letter(command=command, kind="notice", body=body | named, missed=True)
