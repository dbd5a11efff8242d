"""Seals the command log: gives what is committed its place, and signs what the log is now.

Entries are written without a lock (`stores.journal`), so commits go to disk together. The sealer
looks for them ten times a second, and whenever somebody is about to read the log. One batch is one
transaction: it takes the lock of the log, reads what waits, makes leaves of it, and stores leaves,
nodes and a checkpoint, and the words by which each entry is found. Any number of servers may run
one; the lock lets them take turns, and one that dies in the middle leaves everything waiting for
the next. In a burst it takes a twentieth of the time, and seals the rest when the burst is over;
where much waits it takes half, so that a load which goes on is followed.

Where this server's key is not the log's, or the log is not what was signed of it before
(`server.continuity`), entries get their places all the same, and no checkpoint: that is an alarm,
not a reason to hide the log.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Sequence
from typing import Any, Final

from server import continuity
from server.envvalues import SettingsError
from server.journal import canonical, words
from server.journal.checkpoint import Checkpoint
from server.journal.leaf import SALT_LEN, Content, fields, paired
from server.journal.merkle import Frontier
from server.metrics import Metrics
from server.signingkey import SigningKey
from server.stores import seals
from server.stores.away import STORE_AWAY
from server.stores.pool import Connection, Pool
from server.stores.seals import LogDamaged, Sealed, Waiting

logger = logging.getLogger(__name__)

SEAL_EVERY_S: Final = 0.1
BATCH_LEN_MAX: Final = 500
"""Entries of one transaction; the next follows at once."""
REST_TIMES: Final = 19
"""As many times as a batch took, while others write: a burst is not held up."""
BURST_LEN_MAX: Final = 9_000
"""Entries that may wait for its end; with more of them the sealer rests as long as it works."""
BATCHES_BEFORE_READING_MAX: Final = 4
"""What a reader waits for at most; the rest shows a moment later."""


class Sealer:
    """`run` seals until cancelled."""

    def __init__(self, *, pool: Pool, key: SigningKey, metrics: Metrics) -> None:
        self._pool, self._key, self._metrics = pool, key, metrics
        self._one_at_a_time = asyncio.Lock()
        self._frontier = Frontier()
        self._waiting = self._unsigned = 0
        self._looked = self._others_write = False
        self._newest_id = 0
        self._newest = ""
        self._said = ""
        """The fault that was logged last: once is enough."""
        metrics.gauge("journal_waiting", lambda: self._waiting)
        metrics.gauge("journal_unsigned", lambda: self._unsigned)

    async def run(self) -> None:
        while True:
            rest_s, start = SEAL_EVERY_S, time.monotonic()
            try:
                more = await self.seal_batch()
                rest_s = self._rest_s(time.monotonic() - start, more=more)
            except STORE_AWAY as error:
                logger.warning("the command log is not sealed, PostgreSQL is away: %s", error)
            except LogDamaged as error:
                self._complain(f"the command log cannot be sealed, it was changed: {error}")
            await asyncio.sleep(rest_s)

    def _rest_s(self, took_s: float, *, more: bool) -> float:
        if self._waiting > BURST_LEN_MAX:
            return took_s
        if self._others_write:
            return max(SEAL_EVERY_S, REST_TIMES * took_s)
        return 0.0 if more else SEAL_EVERY_S

    def newest(self) -> str:
        """The newest checkpoint that this server knows of, a signed note; "" before the first."""
        return self._newest

    async def before_reading(self) -> int:
        """Seal what was committed before this call; returns how many entries still wait."""
        try:
            for _ in range(BATCHES_BEFORE_READING_MAX):
                if not await self.seal_batch():
                    break
        except LogDamaged as error:  # what there is can be read all the same
            self._complain(f"the command log cannot be sealed, it was changed: {error}")
        return self._waiting

    async def seal_batch(self) -> bool:
        """Seal what waits, up to a batch; whether more waits."""
        async with self._one_at_a_time, self._pool.acquire() as conn:
            self._waiting, newest_id = await seals.count_waiting(conn)
            self._others_write, self._newest_id = newest_id > self._newest_id, newest_id
            if self._looked and not self._waiting and not self._unsigned:
                return False
            async with conn.transaction():
                await seals.lock(conn)
                found = await seals.waiting(conn, limit=BATCH_LEN_MAX)
                before = await self._before(conn)
                frontier = await self._seal(conn, before, found)
                note = await self._sign(conn, before, frontier)
            self._looked, self._newest = True, note or self._newest
            self._unsigned = frontier.size if note is None else 0
            if note is not None:
                self._frontier, self._said = frontier, ""
            self._waiting = max(0, self._waiting - len(found))
            self._metrics.count("journal_sealed", by=len(found))
        return len(found) == BATCH_LEN_MAX

    async def _before(self, conn: Connection) -> Frontier:
        """The log as it is."""
        size = await seals.size(conn)
        if self._looked and self._frontier.size == size:
            return self._frontier
        return await seals.frontier(conn, size)  # another was here, or this one has just started

    async def _seal(self, conn: Connection, before: Frontier, found: Sequence[Waiting]) -> Frontier:
        """The log with these behind it."""
        if not found:
            return before
        after, sealed = await asyncio.to_thread(seal, before, found)
        await seals.put(conn, sealed)
        return after

    async def _sign(self, conn: Connection, before: Frontier, now: Frontier) -> str | None:
        """The checkpoint; "" of an empty log, None where nothing is to be signed."""
        if not now.size:
            return ""
        origin, verifier = await seals.log(conn)
        if fault := await self._fault(conn, before, verifier):
            self._complain(f"no checkpoint of the command log is signed: {fault}")
            return None
        signer = self._key.signer
        if verifier is None:
            await seals.use_key(conn, expected=None, wanted=str(signer.verifier))
        note = Checkpoint(origin=origin, size=now.size, root=now.root).signed(signer)
        await seals.sign(conn, at_size=now.size, note=note)
        return note

    async def _fault(self, conn: Connection, before: Frontier, verifier: str | None) -> str:
        """Why nothing is to be signed; "" where all is well."""
        try:
            signer = await self._key.fitting(verifier)
        except SettingsError as error:
            return str(error)
        if verifier not in (None, str(signer.verifier)):
            return (
                f"its key is {verifier}, and this server has {signer.verifier}. Give every server "
                "of the county the same keys folder, or say `ridgeline audit key rotate --lost`."
            )
        if before is self._frontier:
            return ""
        return await continuity.why_not(
            conn, before, remembered=self._frontier, known=self._key.known
        )

    def _complain(self, fault: str) -> None:
        if fault != self._said:
            self._said = fault
            logger.critical("%s", fault)


def seal(before: Frontier, found: Sequence[Waiting]) -> tuple[Frontier, Sealed]:
    """The leaves of these entries, with fresh salts, behind a log that ended at `before`."""
    salts, hashes, found_by = list[bytes](), list[bytes](), list[str]()
    for each in found:
        body = canonical.loads(each.body)
        values = fields(actor=each.actor, subject=each.subject, kind=each.kind, body=body)
        salt = secrets.token_bytes(SALT_LEN * len(values))
        salts.append(salt)
        hashes.append(Content(id=each.id, at=each.at, values=values).leaf(paired(values, salt)))
        found_by.append(words_of(each, body))
    after, complete = before.appended(hashes)
    return after, Sealed(
        first_seq=before.size + 1,
        entry_ids=[each.id for each in found],
        salts=salts,
        hashes=hashes,
        complete=[(node, found) for node, found in complete if node[0]],
        words=found_by,
    )


def words_of(entry: Waiting, body: Any = None) -> str:
    """By which it is found, parted by blanks; `body` where somebody has read it already."""
    found = canonical.loads(entry.body) if body is None else body
    return " ".join(
        words.of_entry(actor=entry.actor, subject=entry.subject, kind=entry.kind, body=found)
    )
