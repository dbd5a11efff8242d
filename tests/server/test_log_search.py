"""Search in the command log: what is found, how far one page looks, and older logs."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from server import redaction
from server.journal import words
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.stores import journal, logsearch
from server.stores.logsearch import JournalFilter, JournalPage, NoSuchIncident
from server.wordindexer import WordIndexer
from tests.server.sealed_log import seal


async def log(pool: Any, count: int = 1, **values: Any) -> None:
    entry: dict[str, Any] = {
        "actor": "user:wang",
        "subject": "device:1",
        "kind": JournalKind.ORDER_DONE,
        "body": {},
    } | values
    async with pool.acquire() as conn, conn.transaction():
        await journal.append_all(conn, [journal.Entry(**entry)] * count)


async def page(
    pool: Any, *, before: int | None = None, limit: int = 50, **wanted: Any
) -> JournalPage:
    await seal(pool)
    async with pool.acquire() as conn:
        return await logsearch.search(conn, JournalFilter(**wanted), before=before, limit=limit)


async def found(pool: Any, **wanted: Any) -> list[int]:
    return [entry.seq for entry in (await page(pool, **wanted)).entries]


async def found_on_all_pages(pool: Any, limit: int, **wanted: Any) -> tuple[list[int], int]:
    seqs, pages, before = list[int](), 0, None
    while pages == 0 or before is not None:
        this = await page(pool, before=before, limit=limit, **wanted)
        assert before is None or this.next_before is None or this.next_before < before
        seqs += [entry.seq for entry in this.entries]
        before, pages = this.next_before, pages + 1
    return seqs, pages


@pytest.mark.parametrize(
    "text",
    [
        "two lorr",
        "TWO LORRIES",
        "松坪村",
        "坪",
        "村",
        "去松坪",
        "50%",
        "b-10",
        "100.26",
        "it's",
        "_",
    ],
)
async def test_a_text_is_found_where_it_begins_with_a_word(pool: Any, text: str) -> None:
    await log(pool, body={"note": "other"})
    note = r"two lorries 去松坪村, it's 50% of a\b"
    await log(pool, actor="officer:B-101", body={"said": [note, 100.2612], "snake": "x_y"})

    assert await found(pool, text=text) == [2]


@pytest.mark.parametrize(
    "text",
    [
        'he said "stop"',
        '"stop" 停车',
        r"C:\temp",
        "第二行",
        "tab\there",
        "say “stop”",
        "bell\x07 x",
    ],
)
async def test_what_json_writes_in_another_way_is_found_as_it_was_said(
    pool: Any, text: str
) -> None:
    await log(pool, body={"note": "stop, he said"})
    note = 'then he said "stop" 停车 C:\\temp\n第二行 tab\there say “stop” bell\x07 x'
    await log(pool, body={"note": note})

    assert await found(pool, text=text) == [2]


@pytest.mark.parametrize(
    "text", ["Ｇ３２０", "ｇ３２０", "g320", "G320", "松坪 ｇ３２０", "松坪　G320"]
)
async def test_full_width_letters_are_as_good_as_others(pool: Any, text: str) -> None:
    await log(pool, body={"note": "松坪 g321"})
    await log(pool, body={"note": "去松坪　Ｇ３２０"})
    await log(pool, body={"note": "去松坪 G320"})

    assert await found(pool, text=text) == [3, 2]


async def test_an_entry_from_before_is_found_by_the_letters_it_was_written_with(
    pool: Any, database_url: str
) -> None:
    await log(pool, body={"note": "Ｇ３２０"})
    await seal(pool)
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE journal_word SET words = array_to_tsvector(ARRAY['ｇ３２０'])")
    await owner.close()

    assert await found(pool, text="Ｇ３２０") == [1]


async def test_a_badge_in_full_width_is_the_same_badge(pool: Any) -> None:
    await log(pool, body={"badge": "Ｂ-１０１"})

    assert await found(pool, officer="B-101") == [1]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=80))
async def test_whatever_was_said_is_found_by_itself_and_no_text_breaks_the_search(
    pool: Any, text: str
) -> None:
    await log(pool, body={"note": f"before {text} after"})

    newest = await page(pool, text=text, limit=1)

    size = await pool.fetchval("SELECT max(seq) FROM journal_leaf")
    assert [each.seq for each in newest.entries] == [size]


async def test_words_that_stand_apart_are_not_the_text(pool: Any) -> None:
    await log(pool, body={"note": "lorries, two of them"})

    assert await found(pool, text="two lorries") == []
    assert await found(pool, text="two of") == [1]


async def test_a_unit_is_found_by_id_and_by_call_sign_wherever_it_is_named(pool: Any) -> None:
    unit_id = str(uuid4())
    await pool.execute(
        "INSERT INTO unit (id, call_sign, kind) VALUES ($1, 'P-07', 'patrol_car')", unit_id
    )
    await log(pool, body={"unit": unit_id})
    await log(pool, body={"units": ["P-02", "P-07"]})
    await log(pool, subject=f"unit:{unit_id}")
    await log(pool, body={"best": [{"unit": "P-07"}]})
    await log(pool, body={"unit": str(uuid4()), "note": "P-07"})

    assert await found(pool, unit="p-07") == [4, 3, 2, 1]
    assert await found(pool, unit=unit_id) == [4, 3, 2, 1]
    assert await found(pool, unit="P-02") == [2]
    assert await found(pool, unit="P-0") == [], "a whole call sign, not its beginning"


async def test_an_officer_is_found_by_badge_wherever_named(pool: Any) -> None:
    await log(pool, actor="officer:B-101")
    await log(pool, body={"badge": "B-101"})
    await log(pool, body={"officers": ["B-100", "B-101"]})
    await log(pool, body={"leader": {"badge": "B-101", "name": "Li"}})
    await log(pool, actor="officer:B-1011")

    assert await found(pool, officer="b-101") == [4, 3, 2, 1]


async def test_an_officer_is_found_by_name_and_its_pinyin_and_namesakes_with_him(pool: Any) -> None:
    for badge, name in (("B-101", "张伟"), ("B-102", "单晓明"), ("B-103", "周薇")):
        await pool.execute(
            "INSERT INTO officer (id, badge, name) VALUES ($1, $2, $3)", uuid4(), badge, name
        )
        await log(pool, body={"badge": badge})
    await log(pool, body={"badge": "ZW"})

    assert await found(pool, officer="张") == await found(pool, officer="zhangwei") == [1]
    assert await found(pool, officer="shan xiaoming") == await found(pool, officer="SXM") == [2]
    assert await found(pool, officer="zw") == [3, 1], "of a name, not of a badge that nobody has"
    assert await found(pool, officer="b-103") == [3]
    assert await found(pool, officer="nobody") == []


async def test_an_incident_is_found_with_its_orders_and_calls_for_help(
    pool: Any, database_url: str
) -> None:
    incident_id, other_id = uuid4(), uuid4()
    numbers = [await _incident(database_url, each) for each in (incident_id, other_id)]
    await log(pool, subject=f"incident:{incident_id}")
    await log(pool, body={"incident": str(incident_id)})
    await log(pool, subject=f"incident:{other_id}")
    call_id = await _call_for_help(database_url, incident_id)
    await log(pool, subject=f"sos:{call_id}", body={"device": "d"})

    assert await found(pool, incident=incident_id) == [4, 2, 1]
    assert await found(pool, incident=numbers[0]) == [4, 2, 1]
    assert await found(pool, incident=numbers[1]) == [3]
    for nobody in (uuid4(), 10**17):
        with pytest.raises(NoSuchIncident):
            await found(pool, incident=nobody)


async def test_filters_hold_together(pool: Any) -> None:
    await log(pool, actor="officer:B-101", body={"call_sign": "P-07", "note": "snow"})
    await log(pool, actor="officer:B-101", body={"call_sign": "P-08", "note": "snow"})
    await log(pool, kind=JournalKind.ORDER_ISSUED, body={"call_sign": "P-07", "note": "snow"})

    assert await found(pool, unit="P-07", text="snow") == [3, 1]
    assert await found(pool, unit="P-07", text="snow", officer="B-101", kind="order.done") == [1]


async def test_a_time_is_found_although_entries_stand_out_of_its_order(
    pool: Any, database_url: str
) -> None:
    await _written(database_url, [0, 3, 1, 2] * 1500, batch="hour")
    await seal(pool)
    begin = await pool.fetchval("SELECT min(at) FROM journal_entry")
    hour = timedelta(hours=1)

    seqs, _ = await found_on_all_pages(pool, 200, since=begin + hour, until=begin + 3 * hour)

    assert seqs == sorted((n for n in range(1, 6001) if n % 4 in (0, 3)), reverse=True)
    assert await found(pool, since=begin + 4 * hour) == []
    assert await found(pool, until=begin) == []


@pytest.mark.parametrize("rare_max", [0, 100], ids=["by walking", "by the index"])
async def test_a_page_walks_no_further_than_it_may_and_pages_cover_all_once(
    pool: Any, monkeypatch: Any, rare_max: int
) -> None:
    monkeypatch.setattr(logsearch, "WALK_LEN", 10)
    monkeypatch.setattr(logsearch, "WALK_MAX", 30)
    monkeypatch.setattr(logsearch, "RARE_MAX", rare_max)
    await log(pool, 7, body={"note": "snow"})
    await log(pool, 100)
    await log(pool, 2, body={"note": "snow"})
    await log(pool, 3)

    seqs, pages = await found_on_all_pages(pool, 4, text="snow")

    assert seqs == [109, 108, 7, 6, 5, 4, 3, 2, 1]
    assert pages == 3


async def test_a_text_of_long_ago_is_on_the_first_page_and_one_that_only_seems_to_be_there_ends(
    pool: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(logsearch, "WALK_LEN", 10)
    monkeypatch.setattr(logsearch, "WALK_MAX", 30)
    monkeypatch.setattr(logsearch, "RARE_MAX", 5)
    await log(pool, 50, body={"note": "snow and much of it"})
    await log(pool, 100)

    old = await page(pool, text="snow and", limit=4)

    assert [each.seq for each in old.entries] == [50, 49, 48, 47]
    assert await found_on_all_pages(pool, 4, text="much snow") == ([], 2)
    assert await found_on_all_pages(pool, 4, text="snow", since=old.entries[0].at) == ([50], 2)


async def test_a_text_without_a_letter_or_digit_is_looked_for_by_walking(
    pool: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr(logsearch, "WALK_LEN", 10)
    monkeypatch.setattr(logsearch, "WALK_MAX", 30)
    await log(pool, body={"note": "50 %"})
    await log(pool, 50)

    seqs, pages = await found_on_all_pages(pool, 4, text="%")

    assert (seqs, pages) == ([1], 2)


async def test_an_older_log_gets_its_words_from_the_newest_entry_on(
    pool: Any, database_url: str, monkeypatch: Any
) -> None:
    monkeypatch.setattr("server.wordindexer.BATCH_LEN_MAX", 3)
    await log(pool, 8, body={"note": "snow"})
    await seal(pool)
    await _without_words(database_url)
    metrics = Metrics()
    indexer = WordIndexer(pool=pool, metrics=metrics)
    nothing = await page(pool, text="snow")
    assert (nothing.entries, nothing.words_from) == ([], 9)
    assert len(await found(pool)) == 8, "without a word, all of it is there"

    assert await indexer.index_batch()
    assert "journal_without_words 5" in metrics.text()
    some = await page(pool, text="snow")
    assert ([each.seq for each in some.entries], some.words_from) == ([8, 7, 6], 6)
    await log(pool, body={"note": "snow"})
    while await indexer.index_batch():
        pass

    whole = await page(pool, text="snow")
    assert ([each.seq for each in whole.entries], whole.words_from) == ([*range(9, 0, -1)], 1)
    assert "journal_without_words 0" in metrics.text()
    assert not await indexer.index_batch()


@pytest.mark.parametrize("indexed", [True, False])
async def test_what_was_redacted_is_not_found_and_what_is_left_is(
    pool: Any, database_url: str, indexed: bool
) -> None:
    await log(pool, 2, body={"call_sign": "P-07", "note": "snow"})
    assert await found(pool, text="snow") == [2, 1]
    if not indexed:
        await _without_words(database_url)

    await redaction.redact(pool, 1, ["body.note"], by="user:wang", reason="asked for")
    assert await pool.fetchval("SELECT count(*) FROM journal_word") == (2 if indexed else 0)
    await WordIndexer(pool=pool, metrics=Metrics()).index_batch()

    assert await found(pool, text="snow") == [2]
    assert await found(pool, unit="P-07") == [2, 1]
    kept = await pool.fetchval("SELECT words::text FROM journal_word WHERE seq = 1")
    assert "snow" not in kept
    assert await found(pool, text="asked for") == [3], "the entry of the redaction"


async def test_any_of_several_kinds_is_found(pool: Any) -> None:
    for kind in (JournalKind.ORDER_DONE, JournalKind.JOURNAL_READ, JournalKind.REVIEW_READ):
        await log(pool, kind=kind)

    assert await found(pool, kind="journal.read, order") == [2, 1]
    assert await found(pool, kind="review.read,") == [3]
    assert await found(pool, kind="journal.re,orders") == []


async def test_an_entry_of_very_many_words_is_found_by_its_first(pool: Any) -> None:
    await log(pool, body={"note": " ".join(f"w{n:05}" for n in range(3000)), "unit": "P-07"})

    assert await found(pool, text="w00100") == [1]
    assert await found(pool, text="w02999") == []
    count = await pool.fetchval("SELECT length(words) FROM journal_word")
    assert count == words.WORDS_MAX


async def test_the_longest_word_is_found(pool: Any) -> None:
    await log(pool, body={"note": "x" * 5000, "unit": "y" * 200})

    assert await found(pool, text="x" * 200) == [1]
    assert await found(pool, unit="y" * 200) == [1]


async def _without_words(database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("TRUNCATE journal_word")
    await owner.close()


async def _incident(database_url: str, incident_id: UUID) -> int:
    owner = await asyncpg.connect(database_url)
    number: int = await owner.fetchval(
        "INSERT INTO incident (id, type, priority, place, lon, lat, opened_by, opened_at) "
        "VALUES ($1, 'traffic', 'routine', 'Pass', 100, 27, 'user:li', now()) RETURNING number",
        incident_id,
    )
    await owner.close()
    return number


async def _call_for_help(database_url: str, incident_id: UUID) -> UUID:
    owner = await asyncpg.connect(database_url)
    await owner.execute("INSERT INTO device (id, kind, epoch) VALUES ('d', 'handset', 'e')")
    call_id: UUID = await owner.fetchval(
        "INSERT INTO sos_call (id, device_id, ref, received_at, incident_id) "
        "VALUES (gen_random_uuid(), 'd', 'r', now(), $1) RETURNING id",
        incident_id,
    )
    await owner.close()
    return call_id


async def _written(database_url: str, hours: list[int], *, batch: str) -> None:
    """Entries in this order, each so many hours after one and the same time."""
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        """
        WITH entry AS (
            INSERT INTO journal_entry (at, actor, subject, kind, body)
            SELECT timestamptz '2026-01-31' + hours * interval '1 hour', 'system', $2, 'x.y', '{}'
            FROM unnest($1::int[]) WITH ORDINALITY AS each (hours, place) ORDER BY place
            RETURNING id
        )
        INSERT INTO journal_pending SELECT id FROM entry
        """,
        hours,
        batch,
    )
    await owner.close()
