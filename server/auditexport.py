"""Writes a part of the command log as a file that can be verified without any of us.

All of it is read at one moment; nothing is mended or left out on the way, so what somebody did to
the database is in the file, and `server.journal.verifier` finds it there.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from server.journal import exportfile, merkle
from server.journal.exportfile import End, Head, Held, Part
from server.journal.merkle import Hash
from server.stores import audit, seals
from server.stores.pool import Connection, Pool
from server.stores.seals import LogDamaged


class NothingToExport(Exception):
    """No entry is in the range; the text says so."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is wanted: entries by number, or by the time they were written; None: no end."""

    since: int | datetime | None = None
    """The first entry, or those at or after a time."""
    until: int | datetime | None = None
    """The last entry, or those before a time."""
    held: int | None = None
    """Entries of a checkpoint that somebody keeps: it is proved that the log begins with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """What is exported, both ends with it."""

    first: int
    last: int
    to_end: bool


async def export(pool: Pool, wanted: Range, write: Callable[[str], object]) -> Span:
    """Line by line. Raises `NothingToExport`, and `LogDamaged` where a part cannot be proved."""
    async with (
        pool.acquire() as conn,
        conn.transaction(isolation="repeatable_read", readonly=True),
    ):
        span = await _span(conn, wanted)
        async for part in _parts(conn, span, wanted.held):
            write(exportfile.written(part))
    return span


async def _span(conn: Connection, wanted: Range) -> Span:
    size = await seals.size(conn)
    since, until = wanted.since, wanted.until
    by_time = [each if isinstance(each, datetime) else None for each in (since, until)]
    first, last = (1, size)
    if any(by_time):
        earliest, latest = await audit.between(conn, *by_time)
        first, last = earliest or size + 1, latest or 0
    first = since if isinstance(since, int) else first
    last = min(size, until) if isinstance(until, int) else last
    if not 1 <= first <= last:
        raise NothingToExport(f"The log has {size} entries, and none of them is in that range.")
    return Span(first=first, last=last, to_end=until is None)


async def _parts(conn: Connection, span: Span, held: int | None) -> AsyncIterator[Part]:
    origin, _ = await seals.log(conn)
    before = await seals.frontier(conn, span.first - 1)
    yield Head(
        origin=origin,
        first=span.first,
        to_end=span.to_end,
        before=before.hashes,
        keys=tuple(await audit.announcements(conn)),
    )
    async for part in audit.lines(conn, span.first, span.last):
        yield part
    if span.to_end:
        for stray in await audit.strays(conn):
            yield stray
    newest = await seals.newest(conn)
    if newest is None:
        yield End(last=span.last, note=None, proof=())
        return
    if held is not None and held < newest.size:
        yield Held(size=held, proof=await _consistency(conn, held, newest.size))
    proof = await _consistency(conn, span.last, newest.size)
    yield End(last=span.last, note=newest.note, proof=proof)


async def _consistency(conn: Connection, old: int, new: int) -> tuple[Hash, ...]:
    """Empty where a node is gone: the file says what the log was, and that it is not proved."""
    if old >= new:
        return ()
    try:
        made = partial(merkle.consistency, old=old, new=new)
        return tuple(await seals.with_nodes(conn, made))
    except LogDamaged:
        return ()
