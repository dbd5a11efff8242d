"""Devices as witnesses of the command log: they are given its checkpoints, and show them again.

A device that keeps a checkpoint holds the log to its word. What it shows is a signed note, so it
cannot be invented: where this log never had such a checkpoint, its history was written anew or was
cut, or a backup was restored. That is an alarm on every console; the receipt is kept for good.
A note that no key of this log signed proves nothing: it is counted and left.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from server.dispatch.worklist import ItemKind
from server.journal.checkpoint import Checkpoint
from server.journal.keyring import Keyring
from server.journal.merkle import Hash
from server.journal.notes import NoteError, Verifier
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import journal, receipts, seals, worklist
from server.stores.pool import Connection, Pool
from server.stores.seals import LogDamaged
from server.stores.worklist import About

logger = logging.getLogger(__name__)

OFFER_EVERY_S: Final = 60.0
"""To one installation: a checkpoint has 250 bytes, which weak links feel."""
AGAIN_S: Final = 600.0
"""The same one once more, where it was not shown since: it may have been lost on its way."""
KNOWN_LEN_MAX: Final = 10_000
"""Installations that are remembered; beyond it all are asked and told anew."""
SUBJECT: Final = "journal"

Key = tuple[str, str]
"""Device and installation."""
OWN: Final = ("server:checkpoint", "file")
"""What a server has copied to a file itself, as if a device showed it."""


@dataclass(slots=True)
class _Known:
    """Of one installation."""

    shown: str = ""
    offered: str = ""
    offered_at: float = float("-inf")


class Witnesses:
    """`newest` gives the newest checkpoint of the log, "" while there is none."""

    def __init__(
        self,
        *,
        pool: Pool,
        fanout: FanOut,
        clock: Clock,
        newest: Callable[[], str],
        metrics: Metrics,
    ) -> None:
        self._pool, self._fanout, self._clock = pool, fanout, clock
        self._newest, self._metrics = newest, metrics
        self._known = dict[Key, _Known]()
        self._ring: Keyring | None = None
        metrics.gauge("witnesses_known", lambda: len(self._known))

    def offer(self, key: Key, now: float) -> str:
        """The newest checkpoint, where this installation may be told of it now; else ""."""
        newest, known = self._newest(), self._of(key)
        wait_s = AGAIN_S if newest == known.offered else OFFER_EVERY_S
        if newest in ("", known.shown) or now < known.offered_at + wait_s:
            return ""
        known.offered, known.offered_at = newest, now
        return newest

    async def take(self, key: Key, note: str) -> None:
        """What an installation shows. Raises what the store raises."""
        known = self._of(key)
        if not note or note == known.shown:
            return
        known.shown = note
        try:
            async with self._pool.acquire() as conn, conn.transaction():
                hints = await self._judge(conn, key, note)
        except NoteError as error:
            self._metrics.count("checkpoints_unbelieved")
            logger.warning("what %s shows of the log proves nothing: %s", key[0], error)
            return
        except BaseException:
            known.shown = ""
            raise
        for topic, payload in hints:
            self._fanout.publish(topic, payload)

    async def take_own(self, note: str) -> bool:
        """What a server finds in its own file when it starts; False: this log never had it.

        Raises what the store raises. One that fits makes no device more that has seen the log.
        """
        async with self._pool.acquire() as conn:
            try:
                found = await self._believed(conn, note)
            except NoteError as error:
                logger.warning("the checkpoint in our own file proves nothing: %s", error)
                return True
            if await _root(conn, found.size) == found.root:
                return True
        await self.take(OWN, note)
        return False

    async def _judge(self, conn: Connection, key: Key, note: str) -> tuple[worklist.Hint, ...]:
        """Raises `NoteError`."""
        found = await self._believed(conn, note)
        fits = await _root(conn, found.size) == found.root
        device_id, install_id = key
        at = self._clock()
        news = await receipts.keep(
            conn,
            device_id=device_id,
            install_id=install_id,
            size=found.size,
            note=note,
            fits=fits,
            at=at,
        )
        self._metrics.count("checkpoints_shown", fits=str(fits).lower())
        if fits or not news:
            return ()
        logger.critical(
            "%s keeps a signed checkpoint of %d entries that this log never had",
            device_id,
            found.size,
        )
        item = await worklist.raise_item(
            conn,
            ItemKind.LOG_DISPUTED,
            About(subject=SUBJECT),
            body={"device": device_id, "size": found.size},
            at=at,
        )
        await journal.append_all(conn, item.entries)
        return item.hints

    async def _believed(self, conn: Connection, note: str) -> Checkpoint:
        """Raises `NoteError`. The keys are read again where the ones known did not sign it."""
        if self._ring is not None:
            try:
                return self._ring.checkpoint(note)
            except NoteError:
                pass
        origin, verifier = await seals.log(conn)
        if verifier is None:
            raise NoteError("this log was never signed")
        keys = [*await receipts.former_keys(conn), verifier]
        self._ring = Keyring(origin=origin, trusted=tuple(Verifier.parse(each) for each in keys))
        return self._ring.checkpoint(note)

    def _of(self, key: Key) -> _Known:
        if key not in self._known and len(self._known) >= KNOWN_LEN_MAX:
            self._known.clear()
        return self._known.setdefault(key, _Known())


async def _root(conn: Connection, size: int) -> Hash | None:
    """Of our log when it had so many entries; None: it has fewer, or nobody can say any more."""
    if size > await seals.size(conn):
        return None
    try:
        return (await seals.frontier(conn, size)).root
    except LogDamaged:
        return None
