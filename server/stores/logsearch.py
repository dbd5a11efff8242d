"""Search in the command log: newest first, a page at a time, in time that its length does not set.

What people ask for is in many entries of late, or in few at all. So the newest entries are walked
through first; then the index of words is asked, which is quick where it has few hits; where it has
many, the walk goes on. Where it meets none in `WALK_MAX` entries, it is begun again at the newest
hit. One page is two walks at most, and then says how far it came.
What is found by its words is compared with what was asked. Knows no subject's meaning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from server.journal import canonical, words
from server.stores import meant
from server.views import JournalEntryView

PAGE_LEN_MAX: Final = 200
"""Entries of one page; a larger wish is cut to this."""
QUERY_LEN_MAX: Final = 200
"""Characters of the free text."""
WALK_LEN: Final = 4_000
"""Entries that are walked through before the index is asked."""
WALK_MAX: Final = 40_000
"""Entries of one walk."""
RARE_MAX: Final = 5_000
"""Hits of the index that are put in order; with more of them a walk soon meets some."""
INCIDENT_PARTS_MAX: Final = 200
"""Orders and calls for help of one incident, the newest, each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalFilter:
    """What to look for; empty fields match everything."""

    text: str = ""
    """Free text, found in actor, subject, kind or the body's values where it begins with a word;
    letter case ignored."""
    kind: str = ""
    """Exact kind, or its first part: `order` finds every `order.…`; any of several, joined by
    commas."""
    actor: str = ""
    subject: str = ""
    unit: str = ""
    """Id or call sign, wherever an entry names it."""
    officer: str = ""
    """Badge, wherever an entry names it; or a name, also in pinyin, of all who have it."""
    incident: UUID | int | None = None
    """Id or number: it, its orders, decisions and calls for help."""
    since: datetime | None = None
    """At or after."""
    until: datetime | None = None
    """Before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalPage:
    """Newest first; `next_before` is the `before` of the following page, None at the end.

    A page may have fewer entries than asked for, or none, and another one following.
    """

    entries: list[JournalEntryView]
    next_before: int | None
    words_from: int
    """Entries below are not yet found by anything but their time."""


class NoSuchIncident(Exception):
    """Nobody opened an incident of this id or number."""


# Where a time may be: entries from `low`, below `high`. NULL: nowhere.
SPAN = """
WITH log AS (SELECT coalesce(max(seq), 0) + 1 AS high FROM journal_leaf)
SELECT min(number) * 1024 AS low, least((max(number) + 1) * 1024, (SELECT high FROM log)) AS high,
       coalesce((SELECT min(seq) FROM journal_word), (SELECT high FROM log)) AS words_from
FROM journal_span
WHERE ($1::timestamptz IS NULL OR last_at >= $1) AND ($2::timestamptz IS NULL OR first_at < $2)
"""

# OFFSET 0 and LATERAL hold the plan: in the order of the log, and no further than the page needs.
PAGE = """
SELECT e.seq, e.at, e.actor, e.subject, e.kind, e.body, e.redacted
FROM ({places}) place CROSS JOIN LATERAL (
    SELECT l.seq, j.*, ARRAY(SELECT jsonb_object_keys(l.redacted)) AS redacted
    FROM journal_leaf l JOIN journal_entry j ON j.id = l.entry_id
    WHERE l.seq = place.seq OFFSET 0
) e
WHERE (cardinality($1::text[]) = 0 OR (kind || '.') ^@ ANY ($1))
  AND ($2::text = '' OR actor = $2)
  AND ($3::text = '' OR subject = $3)
  AND ($4::timestamptz IS NULL OR at >= $4)
  AND ($5::timestamptz IS NULL OR at < $5)
  AND ($6::text = ''
       OR actor ILIKE $6 OR subject ILIKE $6 OR kind ILIKE $6 OR body::text ILIKE ANY ($7::text[]))
ORDER BY place.seq DESC
LIMIT $8
"""
WALK = PAGE.format(
    places="SELECT seq FROM journal_leaf WHERE seq >= $9 AND seq < $10 ORDER BY seq DESC OFFSET 0"
)
WALK_BY_WORDS = PAGE.format(
    places="""
    SELECT seq FROM (
        SELECT seq, words FROM journal_word WHERE seq >= $9 AND seq < $10 ORDER BY seq DESC OFFSET 0
    ) near WHERE words @@ $11::text::tsquery"""
)
OF_THESE = PAGE.format(places="SELECT unnest AS seq FROM unnest($9::bigint[]) ORDER BY 1 DESC")

SOME = "SELECT journal_some($1::text::tsquery, $2)"
NEWEST = "SELECT journal_newest($1::text::tsquery, $2)"

INCIDENT = """
SELECT i.id::text,
       ARRAY(SELECT id::text FROM dispatch_order WHERE incident_id = i.id ORDER BY number DESC
             LIMIT $3) AS orders,
       ARRAY(SELECT id::text FROM sos_call WHERE incident_id = i.id ORDER BY number DESC
             LIMIT $3) AS calls
FROM incident i WHERE i.id = $1 OR i.number = $2
"""
UNIT = """
SELECT id::text, call_sign FROM unit WHERE lower($1) IN (id::text, lower(call_sign))
"""


async def search(
    conn: Any, wanted: JournalFilter, *, before: int | None = None, limit: int = 50
) -> JournalPage:
    """One page of entries that match, newest first, with `seq` below `before`.

    Raises `NoSuchIncident`.
    """
    limit = max(1, min(limit, PAGE_LEN_MAX))
    question = await _question(conn, wanted)
    low, high, words_from = await conn.fetchrow(SPAN, wanted.since, wanted.until)
    if low is None:
        return JournalPage(entries=[], next_before=None, words_from=words_from)
    low = max(low, words_from if question else 1)
    high = high if before is None else min(high, before)
    rows, end = await _find(conn, wanted, question, low, high, limit)
    if question is not None and not rows and end > low:
        high = await conn.fetchval(NEWEST, question, end) or 0
        rows, end = await _find(conn, wanted, question, low, max(low, high + 1), limit)
    entries = [JournalEntryView(**row) for row in rows[:limit]]
    more = entries[-1].seq if len(rows) > limit else end if end > low else None
    return JournalPage(entries=entries, next_before=more, words_from=words_from)


async def _find(
    conn: Any, wanted: JournalFilter, question: str | None, low: int, high: int, limit: int
) -> tuple[list[Any], int]:
    """One more than `limit`, if there are, and down to which entry was looked at."""
    rows, end = list[Any](), high
    for length in (WALK_LEN, WALK_MAX - WALK_LEN):
        begin, end = end, max(low, end - length)
        walked = [end, begin] if question is None else [end, begin, question]
        statement = WALK if question is None else WALK_BY_WORDS
        missing = limit + 1 - len(rows)
        rows += await conn.fetch(statement, *_checks(wanted), missing, *walked)
        if len(rows) > limit or end <= low:
            break
        if question is not None and high - low > WALK_MAX:
            found = await conn.fetchval(SOME, question, RARE_MAX + 1)
            if len(found) <= RARE_MAX:
                rare = [seq for seq in found if low <= seq < end]
                missing = limit + 1 - len(rows)
                rows += await conn.fetch(OF_THESE, *_checks(wanted), missing, rare)
                return rows, low
    return rows, end


def _checks(wanted: JournalFilter) -> Sequence[Any]:
    """What is compared of an entry that was found by its words; in a body, as JSON writes it."""
    text = wanted.text.strip()[:QUERY_LEN_MAX]
    like = f"%{_like_escaped(text)}%" if text else ""
    said = [f"%{_like_escaped(canonical.quoted(each)[1:-1])}%" for each in words.ways_of(text)]
    kinds = [f"{each}." for each in _kinds(wanted)]
    return kinds, wanted.actor, wanted.subject, wanted.since, wanted.until, like, said


async def _question(conn: Any, wanted: JournalFilter) -> str | None:
    """For the index of words; None: time alone limits, or a text without a letter or digit."""
    exact = {"actor": wanted.actor, "subject": wanted.subject}
    terms = [words.exactly([words.mark(*each)]) for each in exact.items() if each[1]]
    if kinds := _kinds(wanted):
        terms.append(words.exactly(words.mark("kind", each) for each in kinds))
    if wanted.officer:
        badges = await meant.officers(conn, wanted.officer) or [wanted.officer]
        terms.append(words.exactly(words.mark("officer", each) for each in badges))
    if wanted.unit:
        known = await conn.fetchrow(UNIT, wanted.unit) or (wanted.unit,)
        terms.append(words.exactly(words.mark("unit", each) for each in known))
    if wanted.incident is not None:
        terms.append(words.exactly(await _incident(conn, wanted.incident)))
    text = words.asked(wanted.text.strip()[:QUERY_LEN_MAX])
    if text is not None:
        terms.append(text)
    return words.both(terms) if terms else None


def _kinds(wanted: JournalFilter) -> list[str]:
    return [each for part in wanted.kind.split(",") if (each := part.strip())]


async def _incident(conn: Any, named: UUID | int) -> list[str]:
    """The marks of all that belongs to it."""
    by = (None, named) if isinstance(named, int) else (named, None)
    found = await conn.fetchrow(INCIDENT, *by, INCIDENT_PARTS_MAX)
    if found is None:
        raise NoSuchIncident(f"There is no incident {named}.")
    incident_id, orders, calls = found
    return [
        words.mark("incident", incident_id),
        *(words.mark("subject", f"order:{each}") for each in orders),
        *(words.mark("subject", f"sos:{each}") for each in calls),
    ]


def _like_escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")
