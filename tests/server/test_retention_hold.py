"""Positions around an incident stay as they are while it is open, or somebody looks into it."""

from __future__ import annotations

import asyncio
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from click.testing import CliRunner

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server import holds
from server.cli.audit import audit_group
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.retention import due
from server.stores import retention
from server.stores.pool import Pool, open_pool
from tests.server.api_room import an_api
from tests.server.test_retention import NOON, POLICY, TODAY, add_days, ago, fixes, run

BY = "user:li"
NOW = NOON


async def add_incident(
    pool: Pool, opened: int, closed: int | None, status: str = "closed"
) -> tuple[str, int]:
    """Opened and closed so many days ago; its id and number."""
    at = [None if days is None else NOW - timedelta(days=days) for days in (opened, closed)]
    row = await pool.fetchrow(
        """INSERT INTO incident (id, type, priority, place, lon, lat, status, opened_by, opened_at,
                                 closed_at)
           VALUES ($1, 'assault', 'priority', 'x', 100, 27, $2, 'user:li', $3, $4)
           RETURNING id, number""",
        new_id(),
        status,
        *at,
    )
    return row["id"], row["number"]


async def left(pool: Pool) -> list[tuple[date, bool]]:
    """Days that are there, oldest first, and whether each is coarse."""
    async with pool.acquire() as conn:
        return [(each.day, each.coarse) for each in await retention.days(conn, before=TODAY)]


async def test_days_around_an_incident_that_is_held_stay_as_they_are(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 100, 110, 111, 118, 400)
    held, number = await add_incident(pool, 117, 117)
    before = await fixes(pool, 118)

    found = await holds.hold(pool, held, why="complaint 3", by=BY, at=NOW)
    await run(pool)

    assert (found.number, found.open) == (number, False)
    assert (found.first_day, found.last_day) == (ago(118), ago(110))
    kept = [ago(118), ago(111), ago(110)]
    assert await left(pool) == [*[(day, False) for day in kept], (ago(100), True)]
    assert await fixes(pool, 118) == before
    async with pool.acquire() as conn:
        assert (await due(conn, POLICY, TODAY)).held == kept

    await holds.release(pool, held, why="settled", by=BY, at=NOW)
    await run(pool)

    assert [coarse for _, coarse in await left(pool)] == [True] * 4


async def test_a_day_that_is_held_is_not_dropped_and_those_around_it_are(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 380, 400, 420)
    held, _ = await add_incident(pool, 400, 400)
    await holds.hold(pool, held, why="court", by=BY, at=NOW)

    await run(pool)

    assert await left(pool) == [(ago(400), False)]


async def test_an_open_incident_holds_its_days_by_itself_and_a_forgotten_one_a_month(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 120, 201, 202, 239, 280)
    await add_incident(pool, 240, None, status="open")

    await run(pool)

    exact = [day for day, coarse in await left(pool) if not coarse]
    assert exact == [ago(239), ago(202)]


async def test_it_is_held_once_and_let_go_of_once(pool: Pool) -> None:
    held, number = await add_incident(pool, 100, 100)
    await holds.hold(pool, held, why=" why ", by=BY, at=NOW)
    with pytest.raises(Conflict, match=f"incident {number} are held already"):
        await holds.hold(pool, held, why="why", by=BY, at=NOW)
    (listed,) = await holds.everything(pool)
    assert (listed.why, listed.held_by) == ("why", BY)

    await holds.release(pool, held, why="over", by=BY, at=NOW)

    with pytest.raises(Conflict, match="Nobody holds"):
        await holds.release(pool, held, why="over", by=BY, at=NOW)
    with pytest.raises(NotFound):
        await holds.hold(pool, new_id(), why="why", by=BY, at=NOW)
    for why in (" ", "w" * 501):
        with pytest.raises(Impossible):
            await holds.hold(pool, held, why=why, by=BY, at=NOW)
    assert await holds.everything(pool) == []
    rows = await pool.fetch("SELECT kind, subject, body FROM journal_entry ORDER BY id")
    assert [(row["kind"], row["subject"]) for row in rows] == [
        ("retention.held", f"incident:{held}"),
        ("retention.released", f"incident:{held}"),
    ]
    assert rows[0]["body"]["last_day"] == ago(93).isoformat()
    assert rows[1]["body"] == {"number": number, "why": "over"}


async def test_no_more_are_held_at_once_than_can_be_looked_into(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.stores.holds.HOLDS_MAX", 1)
    (first, _), (second, _) = [await add_incident(pool, days, days) for days in (100, 101)]
    await holds.hold(pool, first, why="why", by=BY, at=NOW)

    with pytest.raises(Conflict, match="At most 1"):
        await holds.hold(pool, second, why="why", by=BY, at=NOW)

    await holds.release(pool, first, why="over", by=BY, at=NOW)
    await holds.hold(pool, second, why="why", by=BY, at=NOW)


async def test_whoever_holds_waits_for_the_step_that_is_under_way(
    pool: Pool, database_url: str
) -> None:
    await add_days(database_url, 100)
    held, _ = await add_incident(pool, 100, 100)

    async with pool.acquire() as conn, conn.transaction():
        assert await retention.try_lock(conn)
        holding = asyncio.create_task(holds.hold(pool, held, why="why", by=BY, at=NOW))
        await retention.coarsen(conn, ago(100), by="system")
        assert not holding.done()
    await holding

    assert await left(pool) == [(ago(100), True)]


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT coarsen_positions($1, 'system')",
        "DELETE FROM retention_hold",
        "UPDATE retention_hold SET incident_id = NULL",
    ],
)
async def test_the_doors_themselves_keep_what_is_held(
    pool: Pool, database_url: str, statement: str
) -> None:
    await add_days(database_url, 100)
    held, _ = await add_incident(pool, 100, 100)
    await holds.hold(pool, held, why="why", by=BY, at=NOW)

    with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.InvalidParameterValueError)):
        await pool.execute(statement, *([ago(100)] if "$1" in statement else []))

    assert await pool.fetchval("SELECT drop_positions($1, 'system')", ago(50)) == 0
    assert await left(pool) == [(ago(100), False)]


async def test_a_supervisor_holds_over_http(pool: Pool, small_map: RoadMap) -> None:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        incident = await api.room.open()
        path = f"/api/incidents/{incident.id}/hold"
        async with api.signed_in("dispatcher") as other:
            assert (await other.post(path, json={"why": "x"})).status_code == 403
        async with api.signed_in("supervisor") as client:
            made = await client.post(path, json={"why": "complaint"})
            (listed,) = (await client.get("/api/holds")).json()
            again = await client.post(path, json={"why": "complaint"})
            ended = await client.post(f"{path}/end", json={"why": "settled"})
            blank = await client.post(path, json={"why": " "})
            nobody = await client.post("/api/incidents/x/hold", json={"why": "y"})
    assert made.status_code == 200
    assert listed == made.json()
    assert (listed["number"], listed["open"], listed["why"]) == (1, True, "complaint")
    assert (again.status_code, again.json()["error"]["code"]) == (409, "held")
    assert (ended.status_code, blank.status_code, nobody.status_code) == (204, 400, 404)


def test_the_command_holds_and_says_what_is_held(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    async def prepare() -> int:
        await add_days(database_url, 100)
        pool = await open_pool(database_url)
        _, number = await add_incident(pool, 100, 100)
        await pool.close()
        return number

    def command(*arguments: Any) -> tuple[int, str]:
        done = CliRunner().invoke(audit_group, list(map(str, arguments)))
        return done.exit_code, done.output

    number = asyncio.run(prepare())
    assert command("hold", number, "--why", "complaint")[0] == 0
    _, says = command("retention", "--run")
    assert f"held: 1 days, {ago(100)} to {ago(100)}" in says
    assert f"held for incident {number} (complaint)" in says
    assert command("release", number, "--why", "settled")[0] == 0
    code, says = command("release", number, "--why", "settled")
    assert (code, "Nobody holds" in says) == (1, True)
    assert command("hold", 999, "--why", "x") == (1, "Error: There is no incident 999.\n")
    assert "one step done" in command("retention", "--run")[1]
