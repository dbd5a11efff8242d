"""Whether the log still begins with what was signed of it: asked before more of it is signed.

A server that signed whatever tree it finds would sign for whoever has changed the database. So it
compares what it reads with what it remembers, and with the newest checkpoint that is stored.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from server.journal import notes
from server.journal.checkpoint import Checkpoint
from server.journal.merkle import Frontier
from server.journal.notes import NoteError, Verifier
from server.stores import seals
from server.stores.pool import Connection
from server.stores.seals import LogDamaged

RESTORED: Final = "Where a backup was restored, start this server again"


async def why_not(
    conn: Connection, now: Frontier, *, remembered: Frontier, known: Iterable[Verifier]
) -> str:
    """Why the log as it is read now is not what was signed; "": it is.

    `remembered`: as this server left it, empty at its start; `known`: keys that may have signed.
    """
    try:
        return await _why_not(conn, now, remembered, known)
    except LogDamaged as error:
        return str(error)


async def _why_not(
    conn: Connection, now: Frontier, remembered: Frontier, known: Iterable[Verifier]
) -> str:
    if now.size < remembered.size:
        return f"it had {remembered.size} entries and has lost some. {RESTORED}"
    if await _root(conn, now, remembered.size) != remembered.root:
        return f"its first {remembered.size} entries are not those that were sealed. {RESTORED}"
    newest = await seals.newest(conn)
    if newest is None:
        return "its checkpoints are gone" if now.size else ""
    signed = _signed(newest.note, known)
    if signed is None:
        return f"its newest checkpoint, of {newest.size} entries, is not signed with a key we know"
    if signed.size != newest.size or signed.size > now.size:
        return f"{signed.size} entries were signed, and some are gone"
    if await _root(conn, now, signed.size) != signed.root:
        return f"its first {signed.size} entries are not those that were signed"
    return ""


async def _root(conn: Connection, now: Frontier, size: int) -> bytes:
    return (now if size == now.size else await seals.frontier(conn, size)).root


def _signed(note: str, known: Iterable[Verifier]) -> Checkpoint | None:
    for key in known:
        try:
            return Checkpoint.parse(notes.verify(note, key))
        except NoteError:
            continue
    return None
