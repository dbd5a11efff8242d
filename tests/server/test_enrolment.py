"""Devices that come to a unit: in the instant of an order, too many of one officer, too often."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from geo.roadmap import RoadMap
from server.http import enrolment
from server.http.enrolment import BROWSERS_PER_OFFICER_MAX, enrol_browser, tell_running
from server.pipeline import utc_now
from server.signingkey import SigningKey
from server.stancedesk import StanceDesk
from server.stores import units
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import Room, a_room
from tests.server.field_rows import add_unit
from tests.server.test_stance_desk import KEY, SUPERVISOR, a_war
from tests.small_county import crossing

BADGE = "B-P-01"


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


async def enrol(pool: Pool, unit_id: str, browser: str = "here", badge: str = BADGE) -> str:
    """As the route does it."""
    async with pool.acquire() as conn, conn.transaction():
        device_id, _ = await enrol_browser(
            conn, browser, unit_id=unit_id, badge=badge, by="user:officer"
        )
    await tell_running(pool, device_id, unit_id)
    return device_id


async def a_lock_is_waited_for(database_url: str) -> None:
    """Return when a transaction of this database waits for another."""
    watcher = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await watcher.fetchval(  # noqa: ASYNC110 (PostgreSQL signals nobody)
                "SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' "
                "AND datname = current_database())"
            ):
                await asyncio.sleep(0.01)
    finally:
        await watcher.close()


async def test_browser_that_comes_while_an_order_is_issued_gets_it(
    room: Room, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = await room.add_unit("P-01", crossing(4, 2))
    incident = await room.open()
    chosen, go_on = asyncio.Event(), asyncio.Event()
    order_devices = units.order_devices

    async def paused(conn: Any, unit_ids: Any) -> list[tuple[str, str]]:
        found = await order_devices(conn, unit_ids)
        chosen.set()
        await go_on.wait()
        return found

    monkeypatch.setattr(units, "order_devices", paused)
    sending = asyncio.create_task(room.send(incident, unit))
    await chosen.wait()
    enrolling = asyncio.create_task(enrol(room.pool, unit.id))
    await a_lock_is_waited_for(database_url)
    go_on.set()
    (order,) = await sending

    assert await enrolling in await room.tasks(order)


async def test_order_that_is_issued_while_a_browser_comes_goes_to_it(
    room: Room, database_url: str
) -> None:
    unit = await room.add_unit("P-01", crossing(4, 2))
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by="user:wang")

    async with room.pool.acquire() as conn, conn.transaction():
        device_id, _ = await enrol_browser(
            conn, "here", unit_id=unit.id, badge=BADGE, by="user:officer"
        )
        sending = asyncio.create_task(room.send(incident, unit, found=found))
        await a_lock_is_waited_for(database_url)
    (order,) = await sending
    await tell_running(room.pool, device_id, unit.id)

    tasks = await room.fetch(
        "SELECT 1 FROM command WHERE order_id = $1 AND device_id = $2", order.id, device_id
    )
    assert len(tasks) == 1


async def test_one_browser_more_than_allowed_ends_the_longest_unseen(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", badge=BADGE)
    other = await enrol(pool, unit_id, badge="B")
    ids = []
    for number in range(BROWSERS_PER_OFFICER_MAX):
        ids.append(await enrol(pool, unit_id, f"browser-{number}"))
        await pool.execute(
            "INSERT INTO installation (device_id, install_id, last_seen_at) "
            "VALUES ($1, 'i', now() - make_interval(hours => $2))",
            ids[-1],
            abs(number - 2),
        )  # fmt: skip

    newest = await enrol(pool, unit_id, "one more")

    kept = await pool.fetch("SELECT id FROM device WHERE token_hash IS NOT NULL")
    gone = await pool.fetch("SELECT id, unit_id FROM device WHERE token_hash IS NULL")
    assert [tuple(row) for row in gone] in ([(ids[0], None)], [(ids[4], None)])
    assert {newest, other} < {row["id"] for row in kept}
    said = "SELECT subject FROM journal_entry WHERE kind = 'device.changed'"
    assert await pool.fetchval(said) == f"device:{gone[0]['id']}"


async def test_browser_that_was_ended_may_come_again(pool: Pool) -> None:
    unit_id = await add_unit(pool, "P-01", badge=BADGE)
    first = await enrol(pool, unit_id, "first")
    for number in range(BROWSERS_PER_OFFICER_MAX):
        await enrol(pool, unit_id, f"browser-{number}")

    again = await enrol(pool, unit_id, "first")

    count = await pool.fetchval("SELECT count(*) FROM device WHERE token_hash IS NOT NULL")
    assert (again, count) == (first, BROWSERS_PER_OFFICER_MAX)


def test_officer_who_enrols_too_often_waits() -> None:
    limiter = enrolment.enrolment_limiter()

    waits = [limiter.attempt(BADGE, 0.0) for _ in range(enrolment.ENROLMENTS_MAX + 1)]

    assert waits[:-1] == [0.0] * enrolment.ENROLMENTS_MAX
    assert waits[-1] == enrolment.ENROLMENTS_WINDOW_S
    assert limiter.attempt("B-2", 0.0) == 0.0


async def test_a_handset_that_comes_in_war_is_told_of_it(room: Room) -> None:
    unit = await room.add_unit("P-01", crossing(4, 2))
    desk = StanceDesk(pool=room.pool, fanout=room.fanout, key=SigningKey.of(KEY), clock=utc_now)
    before = await enrol(room.pool, unit.id, "first")
    await desk.give(a_war(), by="user:li", roles=SUPERVISOR)

    device_id = await enrol(room.pool, unit.id, "second")

    rows = await room.fetch(
        "SELECT device_id, body FROM command WHERE kind = 'notice' ORDER BY seq"
    )
    told = [(row["device_id"], row["body"]["mode"]) for row in rows]
    assert sorted(told) == sorted([(before, "war"), (device_id, "war")])
