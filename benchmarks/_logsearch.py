"""A year of a county's command log, made up, and what a supervisor looks for in it."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

from benchmarks._report import Options, Row, say, timing_row
from server.stores import logsearch
from server.stores.logsearch import JournalFilter

SEARCHES, SEARCHES_BARE = 200, 3
"""Of each sort."""
INCIDENTS: Final = 50
BEGINNING: Final = datetime(2025, 1, 1, tzinfo=UTC)
APART: Final = timedelta(seconds=30)
"""Of two entries: a million in a year."""

# Entries $1 + 1 to $1 + $2 of it, which wait, as many transactions would have left them.
FILL: Final = """
WITH entry AS (
    INSERT INTO journal_entry (at, actor, subject, kind, body)
    SELECT $3::timestamptz + n * $4::interval,
           CASE WHEN n % 4 = 0 THEN 'user:li' ELSE 'officer:B-' || 100 + n % 60 END,
           'order:' || md5('order' || n / 8)::uuid,
           (ARRAY['order.delivered', 'order.accepted', 'order.en_route', 'order.done'])[1 + n % 4],
           jsonb_build_object(
               'number', n / 8, 'incident', md5('incident' || n / 20)::uuid,
               'unit', md5('unit' || n % 40)::uuid,
               'call_sign', 'P-' || lpad((n % 40)::text, 2, '0'),
               'device', 'P-' || lpad((n % 40)::text, 2, '0') || '-handset',
               'device_at', $3::timestamptz + n * $4::interval, 'clock_offset_s', 0.25,
               'lon', 100 + n % 9973 / 1e4, 'lat', 27 + n % 9967 / 1e4, 'reason', '',
               'note', concat_ws(', ', 'on the way',
                   CASE WHEN n % 3 = 0 THEN 'snow on the road' END,
                   CASE WHEN n % 200 = 0 THEN '松坪村塌方' END,
                   CASE WHEN n % 10000 = 77 THEN 'goats' END,
                   CASE WHEN n IN (1500, 4500, 7500) THEN 'avalanche' END,
                   CASE WHEN n BETWEEN 1000 AND 100000 THEN 'flood' END))
    FROM generate_series($1::int + 1, $1 + $2) n
    RETURNING id
)
INSERT INTO journal_pending SELECT id FROM entry
"""
OPEN: Final = """
INSERT INTO incident (id, type, priority, place, lon, lat, opened_by, opened_at)
SELECT md5('incident' || n * 100)::uuid, 'traffic', 'routine', 'Pass', 100, 27, 'user:li', now()
FROM generate_series(1, $1) n
"""

# What a search by text alone was before there were words, as it would be in any table of texts.
BARE: Final = """
SELECT seq, at, actor, subject, kind, body FROM journal_leaf JOIN journal_entry ON id = entry_id
WHERE actor ILIKE $1 OR subject ILIKE $1 OR kind ILIKE $1 OR body::text ILIKE $1
ORDER BY seq DESC LIMIT 51
"""
TEXTS: Final = {
    "in every third": "snow",
    "in one of 200, Chinese": "松坪村",
    "in one of 10,000": "goats",
    "in three": "avalanche",
    "in none": "zeppelin",
    "in 99,000 of last year": "flood",
}


def _month(random: Random, **wanted: Any) -> JournalFilter:
    since = BEGINNING + random.random() * timedelta(days=300)
    return JournalFilter(since=since, until=since + timedelta(days=30), **wanted)


OTHERS: Final[dict[str, Callable[[Random], JournalFilter]]] = {
    "a unit": lambda random: JournalFilter(unit=f"P-{random.randrange(40):02}"),
    "an officer": lambda random: JournalFilter(officer=f"B-{100 + random.randrange(60)}"),
    "an incident": lambda random: JournalFilter(incident=1 + random.randrange(INCIDENTS)),
    "a month": _month,
    "a kind in a month": lambda random: _month(random, kind="order.done"),
    "a text in a month": lambda random: _month(random, text="goats"),
    "a unit and a beginning": lambda random: JournalFilter(
        unit=f"P-{random.randrange(40):02}", text="ava"
    ),
}


async def search_rows(owner: Any, pool: Any, options: Options, size: int) -> list[Row]:
    """`search` of each sort, of all together, and of the bare statement."""
    await owner.execute(OPEN, INCIDENTS)
    await owner.execute("ANALYZE")
    random, took, bare = options.random(), dict[str, list[float]](), dict[str, list[float]]()
    sorts = {name: (lambda _, text=text: JournalFilter(text=text)) for name, text in TEXTS.items()}
    async with pool.acquire() as conn:
        for _ in range(options.rounds(SEARCHES)):
            for name, sort in (sorts | OTHERS).items():
                took.setdefault(name, []).append(await _ours(conn, sort(random)))
        for _ in range(SEARCHES_BARE):
            for name, text in TEXTS.items():
                start = time.perf_counter()
                await conn.fetch(BARE, f"%{text}%")
                bare.setdefault(name, []).append(1000 * (time.perf_counter() - start))
    say(options, f"searched {size:,} entries")
    every = [each for times in took.values() for each in times]
    return [
        timing_row("search", f"ridgeline, all {len(took)} sorts", every),
        *(timing_row("search", f"ridgeline, {name}", times) for name, times in took.items()),
        *(timing_row("search", f"bare, {name}", times) for name, times in bare.items()),
    ]


async def _ours(conn: Any, wanted: JournalFilter) -> float:
    start = time.perf_counter()
    await logsearch.search(conn, wanted)
    return 1000 * (time.perf_counter() - start)
