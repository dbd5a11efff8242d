"""Another key for the command log: announced in the log itself, under the key before.

First the new key is on disk, then entry and announcement are one transaction, then the key is put
in place; broken off anywhere, saying it again finishes it. A running server notices that the log
has another key, reads the file again, and signs on.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from server import signingkey
from server.journal import keyring
from server.journal.kinds import JournalKind
from server.journal.notes import Signer, Verifier
from server.stores import journal, seals
from server.stores.pool import Connection, Pool


class CannotChangeKey(Exception):
    """Why not, and what to do."""


async def change(pool: Pool, data_dir: Path, *, by: str) -> Verifier:
    """A new key. Raises `CannotChangeKey`, `SettingsError`."""
    now = await asyncio.to_thread(signingkey.load_or_make, data_dir)
    following = await asyncio.to_thread(signingkey.make_next, data_dir)
    async with pool.acquire() as conn, conn.transaction():
        origin, known = await seals.log(conn)
        if known == str(now.verifier):
            note = keyring.announce(origin, following.verifier, by=now)
            await _announce(conn, known, following, note, by=by)
        elif known != str(following.verifier):  # else it was announced, and broken off there
            raise CannotChangeKey(_why_not(known, now))
    await asyncio.to_thread(signingkey.put_next_in_place, data_dir)
    return following.verifier


async def replace_lost(pool: Pool, data_dir: Path, *, by: str) -> Verifier:
    """This folder's key signs from now on, and nobody can say so under the one that is lost.

    Raises `CannotChangeKey`, `SettingsError`.
    """
    mine = await asyncio.to_thread(signingkey.load_or_make, data_dir)
    async with pool.acquire() as conn, conn.transaction():
        _, known = await seals.log(conn)
        if known is None or known == str(mine.verifier):
            raise CannotChangeKey("The log has this folder's key, or none yet: nothing is lost.")
        await asyncio.to_thread(signingkey.note_lost, data_dir, known)
        await _announce(conn, known, mine, None, by=by)
    return mine.verifier


async def _announce(
    conn: Connection, known: str, following: Signer, note: str | None, *, by: str
) -> None:
    key = str(following.verifier)
    if not await seals.use_key(conn, expected=known, wanted=key):
        raise CannotChangeKey("Somebody else has changed the key just now.")
    await journal.append(
        conn,
        actor=by,
        subject="journal",
        kind=JournalKind.JOURNAL_KEY_CHANGED,
        body={"before": known, "key": key} | ({} if note is None else {"statement": note}),
    )


def _why_not(known: str | None, now: Signer) -> str:
    if known is None:
        return "Nothing was signed yet: start a server first, there is no key to change."
    return (
        f"The log's key is {known}, and this folder has {now.verifier}. Restore the keys folder of "
        "the server that signed; only where it is lost for good, say --lost."
    )
