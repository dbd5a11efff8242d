"""The command log: what appending costs beside a bare insert, and what proofs and verifying cost.

A private PostgreSQL with durable commits on this disk; writers are connections of this process,
each one transaction after the other.

appends_per_s    entries committed by 1 and by 50 writers: `ridgeline` through `stores.journal`,
                 with the sealer of the product running in the same process; `bare` an INSERT of the
                 same values into a table with nothing but a key. In turns, so that other load falls
                 on both; `append_share` is the median of what each turn's two give
sealed_per_s     entries that get their place, when nothing else happens
proof            inclusion in a log of a million entries: its hashes in bytes, time to read them
verified_per_s   entries of an export of that log, by `journal.verifier`
search           the first page of 50 in that log, by `stores.logsearch`; `bare`: a text by ILIKE
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

import asyncpg
import numpy as np

from benchmarks._logsearch import APART, BEGINNING, FILL, search_rows
from benchmarks._report import Options, Row, main, say, timing_row
from server import migrate
from server.auditexport import Range, export
from server.embedded import launcher
from server.journal import merkle
from server.journal.kinds import JournalKind
from server.journal.merkle import HASH_LEN
from server.journal.notes import Signer
from server.journal.verifier import Verification
from server.metrics import Metrics
from server.sealer import Sealer
from server.signingkey import SigningKey
from server.stores import journal, seals
from server.stores.pool import Pool, open_pool

WRITERS: Final = (1, 50)
TURNS: Final = 20
TURN_S: Final = 1.5
ENTRIES, ENTRIES_QUICK = 1_000_000, 10_000
PROOFS: Final = 1_000
FILL_LEN: Final = 50_000
SIGNER: Final = Signer(name="ridgeline", secret=bytes(range(32)))
BODY: Final = {
    "number": 4711,
    "incident": "01900000-0000-7000-8000-000000000001",
    "unit": "01900000-0000-7000-8000-000000000002",
    "call_sign": "P-07",
    "device": "P-07-handset",
    "device_at": "2026-01-31T08:00:00.125000Z",
    "clock_offset_s": 0.25,
    "lon": 100.2612,
    "lat": 27.5412,
    "reason": "",
    "note": "two lorries across the road",
}
"""A step of an order, as most entries are."""
ENTRY: Final = ("officer:B-101", "order:01900000-0000-7000-8000-000000000003", "order.accepted")

BARE_TABLE = """
CREATE TABLE bare (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL, subject text NOT NULL, kind text NOT NULL, body jsonb NOT NULL
);
GRANT INSERT ON bare TO ridgeline_app
"""
BARE = "INSERT INTO bare (actor, subject, kind, body) VALUES ($1, $2, $3, $4)"

Write = Callable[[Any], Awaitable[object]]


def run(options: Options) -> Sequence[Row]:
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        Path(folder).chmod(0o711)
        with launcher.run(Path(folder) / "data", postgres=True, valkey=False) as running:
            return asyncio.run(_measure(str(running.database_url), options))


async def _measure(url: str, options: Options) -> Sequence[Row]:
    await migrate.apply(url)
    owner = await asyncpg.connect(url)
    await owner.execute(BARE_TABLE)
    pool = await open_pool(url, connections_max=max(WRITERS) + 5)
    try:
        rows = [row for writers in WRITERS for row in await _appends(pool, writers, options)]
        rows.append(await _seal_all(pool))
        await _fill(owner, pool, options)
        rows += await search_rows(owner, pool, options, await seals.size(pool))
        rows += await _proofs(pool, options)
        return [*rows, *await _verify(pool)]
    finally:
        await pool.close()
        await owner.close()


# -- appending ------------------------------------------------------------------------------


async def _bare(conn: Any) -> None:
    await conn.execute(BARE, *ENTRY, BODY)


async def _ours(conn: Any) -> None:
    actor, subject, kind = ENTRY
    await journal.append(
        conn, actor=actor, subject=subject, kind=JournalKind(kind), body=dict(BODY)
    )


async def _appends(pool: Pool, writers: int, options: Options) -> list[Row]:
    turns = options.rounds(TURNS)
    found = np.array([await _turn(pool, writers, turn) for turn in range(turns)])
    shares = np.percentile(found[:, 0] / found[:, 1], (50, 25, 75)).tolist()
    say(options, f"{writers} writers: {shares[0]:.2f} of the bare insert")
    rates = [
        Row(
            metric="appends_per_s",
            system=f"{system}, {writers} at once",
            unit="1/s",
            value=round(float(np.median(each)), 1),
            n=turns,
        )
        for system, each in zip(("ridgeline", "bare"), found.T, strict=True)
    ]
    share = Row(
        metric="append_share",
        system=f"ridgeline, {writers} at once",
        unit="share",
        value=round(shares[0], 3),
        n=turns,
        note=f"half of the turns between {shares[1]:.2f} and {shares[2]:.2f}",
    )
    return [*rates, share]


async def _turn(pool: Pool, writers: int, turn: int) -> tuple[float, float]:
    """Entries a second, ours and bare; who goes first changes from turn to turn."""
    first, second = (_with_sealer, _without) if turn % 2 else (_without, _with_sealer)
    rates = {each: await each(pool, writers) for each in (first, second)}
    return rates[_with_sealer], rates[_without]


async def _without(pool: Pool, writers: int) -> float:
    return await _rate(pool, _bare, writers)


async def _with_sealer(pool: Pool, writers: int) -> float:
    """What is left to be sealed is sealed before the next turn: bare has nothing to do with it."""
    sealer = Sealer(pool=pool, key=SigningKey.of(SIGNER), metrics=Metrics())
    running = asyncio.create_task(sealer.run())
    rate = await _rate(pool, _ours, writers)
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    await _all_of_it(sealer)
    return rate


async def _rate(pool: Pool, write: Write, writers: int) -> float:
    count, start = 0, time.perf_counter()

    async def one() -> None:
        nonlocal count
        async with pool.acquire() as conn:
            while time.perf_counter() < start + TURN_S:
                async with conn.transaction():
                    await write(conn)
                count += 1

    await asyncio.gather(*(one() for _ in range(writers)))
    return count / (time.perf_counter() - start)


# -- sealing --------------------------------------------------------------------------------


async def _all_of_it(sealer: Sealer) -> None:
    while await sealer.seal_batch():
        pass


async def _seal_all(pool: Pool) -> Row:
    count = 5_000
    async with pool.acquire() as conn:
        for _ in range(count // 100):
            async with conn.transaction():
                for _ in range(100):
                    await _ours(conn)
    start = time.perf_counter()
    await _all_of_it(Sealer(pool=pool, key=SigningKey.of(SIGNER), metrics=Metrics()))
    took_s = time.perf_counter() - start
    return Row(
        metric="sealed_per_s", system="ridgeline", unit="1/s", value=round(count / took_s), n=count
    )


async def _fill(owner: Any, pool: Pool, options: Options) -> None:
    """Up to the size at which proofs are looked at."""
    wanted = ENTRIES_QUICK if options.quick else ENTRIES
    sealer = Sealer(pool=pool, key=SigningKey.of(SIGNER), metrics=Metrics())
    while (size := await seals.size(pool)) < wanted:
        await owner.execute(FILL, size, min(FILL_LEN, wanted - size), BEGINNING, APART)
        await _all_of_it(sealer)
        say(options, f"{await seals.size(pool):,} entries")


# -- proofs and verifying ---------------------------------------------------------------------


async def _proofs(pool: Pool, options: Options) -> list[Row]:
    random = options.random()
    took, sizes = list[float](), list[int]()
    async with pool.acquire() as conn:
        size = await seals.size(conn)
        root = (await seals.frontier(conn, size)).root
        for _ in range(PROOFS):
            ms, length = await _proof(conn, size, root, random)
            took.append(ms)
            sizes.append(length)
    largest = Row(
        metric="proof_bytes",
        system="ridgeline",
        unit="B",
        p50=float(np.median(sizes)),
        value=max(sizes),
        n=PROOFS,
        note=f"of a log of {size:,} entries; value: the largest",
    )
    return [timing_row("proof", "ridgeline", took), largest]


async def _proof(conn: Any, size: int, root: bytes, random: Random) -> tuple[float, int]:
    """Milliseconds and bytes of one, which holds."""
    index = random.randrange(size)
    start = time.perf_counter()
    proof = await seals.with_nodes(conn, partial(merkle.inclusion, index=index, size=size))
    took_ms = 1000 * (time.perf_counter() - start)
    leaf = await conn.fetchval("SELECT hash FROM journal_leaf WHERE seq = $1", index + 1)
    assert merkle.includes(root, size, index, leaf, proof)
    return took_ms, HASH_LEN * len(proof)


async def _verify(pool: Pool) -> list[Row]:
    with tempfile.TemporaryFile("w+", newline="\n", encoding="utf-8") as file:
        start = time.perf_counter()
        span = await export(pool, Range(), file.write)
        exported_s = time.perf_counter() - start
        bytes_len = file.tell()
        file.seek(0)
        verification = Verification(SIGNER.verifier)
        start = time.perf_counter()
        for line in file:
            verification.feed(line)
        report = verification.finish()
        verified_s = time.perf_counter() - start
    assert not report.findings
    assert report.held == span.last
    note = (
        f"{span.last:,} entries, {bytes_len / 1e6:.0f} MB; exported in {exported_s:.1f} s, "
        f"verified in {verified_s:.1f} s"
    )
    rate = Row(
        metric="verified_per_s",
        system="ridgeline",
        unit="1/s",
        value=round(span.last / verified_s),
        n=span.last,
        note=note,
    )
    return [rate]


if __name__ == "__main__":
    main("journal", run, __doc__)
