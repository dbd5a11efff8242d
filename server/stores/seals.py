"""The Merkle log in PostgreSQL: what waits to be sealed, leaves, nodes, checkpoints.

Whoever seals holds `lock` until commit; the database refuses a leaf that is not the next one. Knows
no hash function: `server.sealer` puts entries and tree together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from server.journal import merkle
from server.journal.merkle import Frontier, Hash, Node, Nodes
from server.stores.pool import Connection

T = TypeVar("T")

WAITING_COUNT_MAX = 10_000
"""More that wait are not counted."""

# Nobody else seals until commit; the doors of the log take the same.
LOCK = "SELECT pg_advisory_xact_lock(hashtext('journal seal'))"

COUNT_WAITING = """
SELECT (SELECT count(*)::int FROM (SELECT FROM journal_pending LIMIT $1) waiting) AS count,
       coalesce((SELECT max(entry_id) FROM journal_pending), 0) AS newest_id
"""

AT = """to_char(e.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
"""An entry's time as its leaf has it."""

# In the order of writing, which within a transaction is the order of its steps. A row of the queue
# that names no entry, or one with a place, is nothing to seal; asked row by row: a join could read
# the whole log.
WAITING = f"""
SELECT e.id, {AT} AS at,
       e.actor, e.subject, e.kind, e.body::text AS body
FROM (
    SELECT p.entry_id FROM journal_pending p
    WHERE (SELECT true FROM journal_entry WHERE id = p.entry_id)
      AND (SELECT true FROM journal_leaf l WHERE l.entry_id = p.entry_id) IS NULL
    ORDER BY p.entry_id LIMIT $1
) waiting
JOIN journal_entry e ON e.id = waiting.entry_id ORDER BY e.id
"""  # noqa: S608 (our own text)

# Newest first. Words are given from the newest entry down, so those that lack them are the oldest.
WITHOUT_WORDS = f"""
SELECT l.seq, e.id, {AT} AS at, e.actor, e.subject, e.kind, e.body::text AS body
FROM journal_leaf l JOIN journal_entry e ON e.id = l.entry_id
WHERE l.seq < coalesce((SELECT min(seq) FROM journal_word), 9223372036854775807)
ORDER BY l.seq DESC LIMIT $1
"""  # noqa: S608 (our own text)
INDEX = "SELECT journal_index($1, $2)"

SIZE = "SELECT coalesce(max(seq), 0) FROM journal_leaf"

NODES = """
SELECT w.level, w.number, coalesce(l.hash, n.hash) AS hash
FROM unnest($1::int[], $2::bigint[]) AS w (level, number)
LEFT JOIN journal_leaf l ON w.level = 0 AND l.seq = w.number + 1
LEFT JOIN journal_node n ON w.level > 0 AND n.level = w.level AND n.number = w.number
"""

SEAL = "SELECT journal_seal($1, $2, $3, $4, $5, $6, $7, $8)"
SIGN = "SELECT journal_sign($1, $2)"
USE_KEY = "SELECT journal_use_key($1, $2)"
LOG = "SELECT origin, verifier FROM journal_log"

NEWEST = "SELECT size, at, note FROM journal_checkpoint ORDER BY size DESC LIMIT 1"


class LogDamaged(Exception):
    """A node of the tree is not there: somebody took it out of the database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """An entry that has no place, or no words yet; the body as JSON: its numbers are exact."""

    id: int
    at: str
    actor: str
    subject: str
    kind: str
    body: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealed:
    """Leaves and what becomes complete with them."""

    first_seq: int
    entry_ids: Sequence[int]
    salts: Sequence[bytes]
    hashes: Sequence[Hash]
    complete: Sequence[tuple[Node, Hash]]
    """Above the leaves."""
    words: Sequence[str]
    """Of each entry, parted by blanks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A checkpoint as it is kept."""

    size: int
    at: datetime
    note: str


async def lock(conn: Connection) -> None:
    """Until commit."""
    await conn.execute(LOCK)


async def count_waiting(conn: Connection) -> tuple[int, int]:
    """Entries without a place, as far as `WAITING_COUNT_MAX`, and the newest one's id; 0: none."""
    row: Any = await conn.fetchrow(COUNT_WAITING, WAITING_COUNT_MAX)
    return row["count"], row["newest_id"]


async def waiting(conn: Connection, *, limit: int) -> list[Waiting]:
    """The oldest of them."""
    return [Waiting(**row) for row in await conn.fetch(WAITING, limit)]


async def without_words(conn: Connection, *, limit: int) -> list[tuple[int, Waiting]]:
    """The newest sealed entries that are not found by words yet, newest first, with their `seq`."""
    rows = [dict(row) for row in await conn.fetch(WITHOUT_WORDS, limit)]
    return [(row.pop("seq"), Waiting(**row)) for row in rows]


async def index(conn: Connection, seqs: Sequence[int], words: Sequence[str]) -> None:
    """Give sealed entries these words, under `lock`, in place of those they had."""
    await conn.execute(INDEX, seqs, words)


async def size(conn: Connection) -> int:
    """Entries sealed so far."""
    found: int = await conn.fetchval(SIZE)
    return found


async def with_nodes(conn: Connection, work: Callable[[Nodes], T]) -> T:
    """What `work` makes of the tree's nodes; those it asks for are read in one question.

    Raises `LogDamaged`.
    """
    wanted = dict[Node, None]()

    def note(level: int, number: int) -> Hash:
        wanted[level, number] = None
        return merkle.EMPTY_ROOT

    work(note)
    levels, numbers = [level for level, _ in wanted], [number for _, number in wanted]
    rows = await conn.fetch(NODES, levels, numbers) if wanted else []
    found = {(row["level"], row["number"]): row["hash"] for row in rows}
    if lost := [node for node, each in found.items() if each is None]:
        raise LogDamaged(f"nodes of the tree are gone: {lost}")
    return work(lambda level, number: found[level, number])


async def frontier(conn: Connection, at_size: int) -> Frontier:
    """Of the log when it had this many entries. Raises `LogDamaged`."""
    return await with_nodes(conn, lambda nodes: merkle.frontier(nodes, at_size))


async def put(conn: Connection, sealed: Sealed) -> None:
    """Seal, under `lock`."""
    above = sealed.complete
    await conn.execute(
        SEAL,
        sealed.first_seq,
        sealed.entry_ids,
        sealed.salts,
        sealed.hashes,
        [level for (level, _), _ in above],
        [number for (_, number), _ in above],
        [each for _, each in above],
        sealed.words,
    )


async def sign(conn: Connection, *, at_size: int, note: str) -> None:
    """Keep a checkpoint of the whole log, under `lock`."""
    await conn.execute(SIGN, at_size, note)


async def log(conn: Connection) -> tuple[str, str | None]:
    """The log's name and the public key that signs it now; None: nobody has signed yet."""
    row: Any = await conn.fetchrow(LOG)
    return row["origin"], row["verifier"]


async def use_key(conn: Connection, *, expected: str | None, wanted: str) -> bool:
    """Another key signs from now on; False where the one so far is not the expected one."""
    done: bool = await conn.fetchval(USE_KEY, expected, wanted)
    return done


async def newest(conn: Connection) -> Signed | None:
    """The newest checkpoint."""
    row = await conn.fetchrow(NEWEST)
    return None if row is None else Signed(**row)
