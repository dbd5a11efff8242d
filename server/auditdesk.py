"""How the command log is held, for whoever asks: state, checkpoint, the proof of one entry."""

from __future__ import annotations

from collections.abc import Sequence

from server.auditexport import Range, export
from server.auditproofs import proofs
from server.auditviews import LogStateView, ProofsView, WitnessView
from server.sealer import Sealer
from server.stores import receipts, seals
from server.stores.pool import Pool


class AuditDesk:
    """Seals what waits before it answers."""

    def __init__(self, *, pool: Pool, sealer: Sealer) -> None:
        self._pool, self._sealer = pool, sealer

    async def state(self) -> LogStateView:
        """As it is now."""
        waiting = await self._sealer.before_reading()
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            origin, key = await seals.log(conn)
            size, newest = await seals.size(conn), await seals.newest(conn)
            seen = await receipts.newest(conn)
            count = await receipts.count_devices(conn)
        return LogStateView(
            origin=origin,
            size=size,
            waiting=waiting,
            signed=newest.size if newest else 0,
            signed_at=newest.at if newest else None,
            note=newest.note if newest else None,
            key=key,
            witness_count=count,
            witnesses=[
                WitnessView(
                    device_id=each.device_id, size=each.size, seen_at=each.seen_at, fits=each.fits
                )
                for each in seen
            ],
        )

    async def checkpoint(self) -> str | None:
        """The newest, as a signed note; None: nothing was signed yet."""
        await self._sealer.before_reading()
        async with self._pool.acquire() as conn:
            newest = await seals.newest(conn)
        return None if newest is None else newest.note

    async def proofs(self, seqs: Sequence[int], *, held: int) -> ProofsView:
        """What proves these entries to a checker who holds a checkpoint of `held` entries."""
        await self._sealer.before_reading()
        async with self._pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            return await proofs(conn, seqs, held=held)

    async def proof(self, seq: int, *, held: int | None = None) -> str:
        """One entry with all that proves it, as an export; `held`: also to whoever keeps a
        checkpoint of so many entries. Raises `NothingToExport`."""
        await self._sealer.before_reading()
        lines = list[str]()
        await export(self._pool, Range(since=seq, until=seq, held=held), lines.append)
        return "".join(lines)
