"""Who looked, searched and was refused: in the command log, over HTTP and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from math import inf
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.accesslog import AccessLimits, AccessLog, Act
from server.cli.admin import actor
from server.cli.audit import audit_group
from server.http.auth import COOKIE
from server.journal.kinds import JournalKind
from tests.server.api_room import Api, an_api
from tests.server.field_rows import store_outage
from tests.server.sealed_log import seal


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


async def said(api: Api, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Actor and body of each entry, oldest first."""
    rows = await api.room.fetch("SELECT * FROM journal_entry WHERE kind = $1 ORDER BY id", kind)
    return [(row["actor"], row["body"]) for row in rows]


async def test_a_refusal_is_logged_at_once_and_a_flood_of_them_as_one_more(api: Api) -> None:
    async with api.signed_in("officer") as officer:
        answers = [await officer.get("/api/journal")]
        (first,) = await said(api, "access.refused")
        answers += await asyncio.gather(*(officer.get("/api/journal") for _ in range(49)))
        assert await said(api, "access.refused") == [first]
        await api.access.say(inf)

    assert {each.status_code for each in answers} == {403}
    who, body = first
    assert who == "user:officer"
    assert body["route"] == "GET /api/journal"
    assert body["why"] == "forbidden"
    _, more = (await said(api, "access.refused"))[1]
    assert (more["more"], more["minutes"], more["route"]) == (49, 5, "GET /api/journal")


async def test_refusals_of_different_things_on_one_route_are_one_flood(api: Api) -> None:
    async with api.signed_in("officer") as officer:
        for n in range(3):
            await officer.get(f"/api/incidents/{n}")
        await api.access.say(inf)

    first, more = [body for _, body in await said(api, "access.refused")]
    assert first["route"] == more["route"] == "GET /api/incidents/{id}"
    assert first["asked"] == ["/api/incidents/0"]
    assert (more["more"], more["asked"]) == (2, ["/api/incidents/1", "/api/incidents/2"])


async def test_a_session_that_is_not_known_is_logged_and_no_session_is_not(api: Api) -> None:
    async with api.signed_in() as stranger:
        assert (await stranger.get("/api/units")).status_code == 401
        assert await said(api, "access.refused") == []
        stranger.cookies.set(COOKIE, "stolen")
        for path in ("/api/units", "/api/journal", "/api/places"):
            assert (await stranger.get(path)).status_code == 401
        await api.access.say(inf)

    first, more = await said(api, "access.refused")
    assert (first[0], first[1]["why"]) == ("system", "not_signed_in")
    assert more[1]["more"] == 2, "all routes of one address are one flood"


async def test_a_read_of_the_log_that_fails_is_logged(api: Api) -> None:
    async with api.signed_in("supervisor") as supervisor:
        answer = await supervisor.get("/api/journal", params={"since": "yesterday"})

    assert answer.status_code == 400
    ((who, body),) = await said(api, "access.failed")
    assert who == "user:supervisor"
    assert (body["route"], body["why"]) == ("GET /api/journal", "malformed")


async def test_a_review_of_no_incident_is_logged_with_what_was_asked_for(api: Api) -> None:
    async with api.signed_in("supervisor") as supervisor:
        for name in ("17", "i", "review"):
            await supervisor.get(f"/api/incidents/{name}/review")
        await api.access.say(inf)

    first, more = [body for _, body in await said(api, "access.failed")]
    assert (first["route"], first["why"]) == ("GET /api/incidents/{id}/review", "not_found")
    assert first["asked"] == ["/api/incidents/17/review"]
    assert more["asked"] == ["/api/incidents/i/review", "/api/incidents/review/review"]


async def test_a_search_is_logged_with_what_was_looked_for(api: Api) -> None:
    async with api.signed_in("dispatcher") as dispatcher:
        for text in ("松坪", "G320", "G320 k2"):
            await dispatcher.get("/api/places", params={"q": text})
        await api.access.say(inf)

    first, more = [body for _, body in await said(api, "access.searched")]
    assert first["asked"] == ["松坪"]
    assert (more["more"], more["asked"]) == (2, ["G320 k2"])


@pytest.mark.parametrize("path", ["/api/units", "/api/incidents", "/api/inbox"])
async def test_who_reads_a_list_of_people_or_positions_is_logged(api: Api, path: str) -> None:
    async with api.signed_in("dispatcher") as dispatcher:
        await dispatcher.get(path)

    ((who, body),) = await said(api, "access.read")
    assert (who, body["route"]) == ("user:dispatcher", f"GET {path}")


async def test_what_cannot_be_logged_is_not_shown(api: Api, database_url: str) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("REVOKE INSERT ON journal_pending FROM ridgeline_app")
    await owner.close()

    async with api.signed_in("dispatcher") as dispatcher:
        answer = await dispatcher.get("/api/places", params={"q": "松坪"})

    assert answer.status_code == 500
    assert "松坪村" not in answer.text


async def test_a_number_is_written_once_the_database_is_back(api: Api, database_url: str) -> None:
    async with api.signed_in("officer") as officer:
        for _ in range(3):
            await officer.get("/api/journal")
    async with store_outage(database_url):
        await api.access.leave()

    await api.access.leave()
    await api.access.leave()

    assert [body.get("more") for _, body in await said(api, "access.refused")] == [None, 2]


async def test_strangers_beyond_all_bounds_are_one_entry_and_hide_nobody(pool: Any) -> None:
    log = AccessLog(pool, limits=AccessLimits(keys_max=2))
    for n in range(50):
        act = Act(actor="system", kind=JournalKind.ACCESS_REFUSED, route="", address=f"192.0.2.{n}")
        await log.note(act, "\0")
    look = Act(actor="user:li", kind=JournalKind.ACCESS_READ, route="GET /api/units", address="")
    await log.note(look)
    await log.say(inf)

    rows = await pool.fetch("SELECT actor, kind, body FROM journal_entry ORDER BY id")
    kinds = ["access.refused"] * 3 + ["access.read", "access.others"]
    assert [row["kind"] for row in rows] == kinds
    assert rows[3]["actor"] == "user:li"
    assert rows[-1]["body"]["more"] == 47


async def test_who_does_more_than_is_kept_apart_is_named_all_the_same(pool: Any) -> None:
    log = AccessLog(pool, limits=AccessLimits(keys_max=2))
    for who in ("user:eve", "user:li"):
        for n in range(4):
            kind = JournalKind.ACCESS_READ
            await log.note(Act(actor=who, kind=kind, route=f"GET /api/{n}", address=""))
    await log.say(inf)

    rows = await pool.fetch("SELECT actor, kind, body FROM journal_entry ORDER BY id")
    assert [(row["actor"], row["kind"]) for row in rows] == [
        *[("user:eve", "access.read")] * 3,
        ("user:li", "access.read"),
        ("user:eve", "access.others"),
        ("user:li", "access.others"),
    ]
    assert [row["body"]["more"] for row in rows[-2:]] == [1, 3]


@pytest.mark.parametrize(
    ("method", "path", "status", "why"),
    [
        ("GET", "/api/journal/999/proof", 404, "not_found"),
        ("POST", "/api/journal/999/redact", 404, "not_found"),
    ],
)
async def test_what_fails_at_one_entry_is_logged(
    api: Api, method: str, path: str, status: int, why: str
) -> None:
    body = {"fields": ["actor"], "reason": "asked for"}
    async with api.signed_in("supervisor") as supervisor:
        answer = await supervisor.request(method, path, json=body if method == "POST" else None)

    assert answer.status_code == status
    ((who, said_),) = await said(api, "access.failed")
    pattern = path.replace("999", "{seq}")
    assert (who, said_["route"], said_["why"]) == ("user:supervisor", f"{method} {pattern}", why)
    assert said_["asked"] == [path]


async def test_an_export_of_the_log_is_logged_and_so_is_one_that_fails(
    pool: Any, database_url: str, tmp_path: Path
) -> None:
    log = AccessLog(pool)
    await log.note(
        Act(actor="user:li", kind=JournalKind.ACCESS_READ, route="GET /api/units", address="")
    )
    await seal(pool)

    async def export(*options: str) -> int:
        arguments = ["export", "--out", str(tmp_path / "log.jsonl"), *options]
        result = await asyncio.to_thread(
            CliRunner().invoke, audit_group, arguments, env={"DATABASE_URL": database_url}
        )
        return result.exit_code

    assert [await export(), await export("--from", "99")] == [0, 1]

    rows = await pool.fetch("SELECT * FROM journal_entry ORDER BY id")
    done, failed = rows[1:]
    assert {done["actor"], failed["actor"]} == {actor()}
    assert (done["kind"], done["body"]["entries"]) == ("journal.exported", 1)
    assert (failed["kind"], failed["body"]["why"]) == ("access.failed", "NothingToExport")
