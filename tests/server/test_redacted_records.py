"""What people wrote goes from the records when it goes from the log, and from nothing else."""

from __future__ import annotations

import json
from typing import Any

import asyncpg
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.errors import Impossible
from server.ids import new_id
from server.pipeline import NewDecision
from server.stores import logsearch, redactions
from server.stores.logsearch import JournalFilter
from server.stores.pool import Pool
from server.views import IncidentView
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY
from tests.server.sealed_log import seal
from tests.server.test_redaction import exported, redact, verified
from tests.small_county import crossing

NOTE, PLACE = 'Mrs Wang says "help",\n138 0000 0000', "Wang's house, 松坪村"
INSTRUCTION, WHY, SAID = "Ask for Mrs Wang", "Mrs Wang knows him", "Mrs Wang is well"


async def told(api: Api) -> IncidentView:
    """An incident in which people wrote of Mrs Wang wherever they can."""
    room = api.room
    unit = await room.add_unit("P-02", crossing(4, 2), devices=("handset", "body_camera"))
    await room.add_unit("P-03", crossing(5, 2))
    opened = await room.open(note=NOTE, place=PLACE)
    found = await room.pipeline.recommend(opened.id, by=BY)
    decision = NewDecision(
        request_id=new_id(),
        recommendation_id=found.id,
        unit_ids=[unit.id],
        reason=WHY,
        instruction=INSTRUCTION,
    )
    (order,), _ = await room.pipeline.dispatch(opened.id, decision, by=BY)
    task = (await room.tasks(order))["P-02-handset"]
    for said in (Report.ACCEPTED, Report.EN_ROUTE, Report.ON_SCENE, Report.FEEDBACK):
        note = SAID if said is Report.FEEDBACK else ""
        await room.report("P-02-handset", task, said, by="B-P-02", note=note)
    (order,) = (await room.incident(opened.id)).orders
    await room.pipeline.cancel_order(order.id, ver=order.ver, reason=WHY, by=BY)
    await room.pipeline.close_incident(opened.id, outcome=SAID, by=BY)
    return opened


async def tables_with(owner: Any, text: str) -> list[str]:
    """Where it stands in the database, as JSON writes it."""
    names = await owner.fetch(
        "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
    )
    inside = json.dumps(text, ensure_ascii=False)[1:-1]
    return [
        row["relname"]
        for row in names
        if await owner.fetchval(
            f'SELECT EXISTS (SELECT FROM "{row["relname"]}" t'
            " WHERE strpos(to_json(t)::text, $1) > 0 OR strpos(t::text, $2) > 0)",
            inside,
            text,
        )
    ]


async def test_what_people_wrote_goes_from_the_records_too(
    pool: Pool, database_url: str, small_map: RoadMap
) -> None:
    async with (
        an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api,
        api.signed_in("supervisor") as client,
    ):
        incident = await told(api)
        await seal(pool)
        owner = await asyncpg.connect(database_url)
        texts = (NOTE, PLACE, INSTRUCTION, WHY, SAID)
        before = {text: await tables_with(owner, text) for text in texts}
        assert set(before[NOTE]) >= {"incident", "command", "journal_entry"}
        assert "decision" in before[WHY]
        assert set(before[SAID]) >= {"order_event", "incident"}

        for row in await owner.fetch(
            "SELECT seq, body FROM journal_leaf JOIN journal_entry ON id = entry_id ORDER BY seq"
        ):
            body = json.loads(row["body"])
            names = [f"body.{key}" for key, value in body.items() if value in texts]
            if names:
                await redact(pool, *names, seq=row["seq"])

        assert {text: await tables_with(owner, text) for text in texts} == {
            text: [] for text in texts
        }
        await owner.close()
        for path in ("review", "review.html", "eido", ""):
            answer = await client.get(f"/api/incidents/{incident.id}/{path}".rstrip("/"))
            assert answer.status_code == 200, path
            assert "Wang's" not in answer.text
            assert "Mrs Wang" not in answer.text
    report = verified(await exported(pool))
    assert (report.findings, report.unannounced) == ([], [])
    async with pool.acquire() as conn:
        page = await logsearch.search(conn, JournalFilter(kind="journal.redacted"))
    cleared = sum(int(str(each.body["records"])) for each in page.entries)
    assert cleared > len(texts), "of each text one row at least, and the tasks of two devices"


async def test_consoles_hear_that_an_incident_is_not_what_it_was(
    pool: Pool, small_map: RoadMap
) -> None:
    async with (
        an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api,
        api.signed_in("supervisor") as client,
    ):
        opened = await api.room.open(note=NOTE)
        api.room.fanout.published.clear()
        body = {"fields": ["body.note", "subject"], "reason": "asked for"}
        assert (await client.post("/api/journal/1/redact", json=body)).status_code == 200
        assert api.room.fanout.published == [("incident", opened.id)]
        assert (await api.room.incident(opened.id)).note == ""


async def test_a_text_of_another_incident_and_a_word_that_is_no_text_stay(
    pool: Pool, small_map: RoadMap
) -> None:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        first = await api.room.open(note=NOTE)
        other = await api.room.open(note=NOTE)
        await seal(pool)
        await redact(pool, "body.note", "body.type", "body.priority", seq=1)
        rows = await pool.fetch("SELECT id, note, type, priority FROM incident ORDER BY number")
    assert [(row["id"], row["note"]) for row in rows] == [(first.id, ""), (other.id, NOTE)]
    assert (rows[0]["type"], rows[0]["priority"]) == (first.type, first.priority)


async def test_by_what_a_recommendation_is_proved_is_never_redacted(
    pool: Pool, small_map: RoadMap
) -> None:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        await told(api)
        await seal(pool)
    seq = await pool.fetchval(
        """SELECT seq FROM journal_leaf JOIN journal_entry ON id = entry_id
           WHERE kind = 'recommendation.computed'"""
    )
    for name in ("subject", "body.record_sha256"):
        with pytest.raises(Impossible, match="never redacted"):
            await redact(pool, name, seq=seq)
        async with pool.acquire() as conn, conn.transaction():
            line = await redactions.line(conn, seq)
            assert line is not None
            assert line.content is not None
            made = line.content.commitments(line.salts)
            with pytest.raises(asyncpg.DataError):
                await redactions.redact(conn, seq, [name], made, by="user:li", reason="why")
    assert await redact(pool, "actor", seq=seq) == ["actor"]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT redact_records('incident:1', '{}', '{}')",
        "UPDATE order_event SET note = ''",
        "DELETE FROM order_event",
        "UPDATE decision SET reason = ''",
    ],
)
async def test_the_records_are_cleared_by_the_door_alone(pool: Pool, statement: str) -> None:
    async with pool.acquire() as conn, conn.transaction():
        await conn.execute("SET LOCAL ridgeline.redacting = 'on'")
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await conn.execute(statement)
