"""Peace and war in the room: signed, known to every server, announced to end, ended on time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from geo.roadmap import RoadMap
from server.dispatch.errors import Conflict, Forbidden, Impossible, NotFound
from server.dispatch.stance import Authority, Effects, Ending, StanceMode, parse
from server.dispatch.timers import Stance, TimerTable
from server.ids import new_id
from server.journal import notes
from server.journal.notes import Signer, Verifier
from server.signingkey import SigningKey
from server.stancedesk import NewStance, StanceDesk
from server.stores import stance as store
from server.stores import worklist
from server.stores.pool import Pool
from server.stores.stance import StanceRow
from server.timekeeper import Timekeeper
from server.watchviews import WorkItemView
from tests.server.dispatch_room import NOW, LoudFanOut
from tests.server.watch_room import Silences, Watch, a_watch

SUPERVISOR, DISPATCHER = ("supervisor",), ("dispatcher",)
KEY = Signer(name="ridgeline", secret=b"k" * 32)
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    now: Any = NOW

    def __call__(self) -> Any:
        return self.now


@dataclass
class Bench:
    """One server's desk; others on the same database are other servers."""

    pool: Pool
    fanout: LoudFanOut
    clock: Clock
    desk: StanceDesk

    async def war(self, **changed: Any) -> StanceRow:
        roles = changed.pop("roles", SUPERVISOR)
        by = changed.pop("by", "user:li")
        row, _ = await self.desk.give(a_war(**changed), by=by, roles=roles)
        return row

    def other(self) -> StanceDesk:
        return a_desk(self.pool, self.fanout, self.clock)

    async def at(self, after: timedelta) -> None:
        self.clock.now = NOW + after
        await self.desk.catch_up()
        await self.desk.turn_over()

    async def log(self) -> list[tuple[str, str]]:
        async with self.pool.acquire() as conn:
            rows = await conn.fetch("SELECT kind, actor FROM journal_entry ORDER BY id")
        return [(row["kind"], row["actor"]) for row in rows if row["kind"].startswith("stance")]

    async def work(self) -> list[WorkItemView]:
        async with self.pool.acquire() as conn:
            return await worklist.gravest(conn, 10)


def a_war(**changed: Any) -> NewStance:
    values: dict[str, Any] = {
        "request_id": new_id(),
        "mode": StanceMode.WAR,
        "reason": "earthquake, many calls",
        "lasts": 8 * HOUR,
        "effects": Effects(offers=True),
    }
    return NewStance(**(values | changed))


def a_desk(pool: Pool, fanout: LoudFanOut, clock: Clock) -> StanceDesk:
    return StanceDesk(pool=pool, fanout=fanout, key=SigningKey.of(KEY), clock=clock)


@pytest.fixture
async def bench(pool: Pool) -> Bench:
    clock, fanout = Clock(), LoudFanOut()
    return Bench(pool, fanout, clock, a_desk(pool, fanout, clock))


async def test_a_supervisor_declares_war_and_it_holds_at_once(bench: Bench) -> None:
    row = await bench.war()

    assert row.order.number == 1
    assert bench.desk.stance() == Stance(war=True, offers=True)
    assert bench.desk.view().mode == "war"
    assert ("stance", "") in bench.fanout.published
    assert await bench.log() == [("stance.ordered", "user:li")]


async def test_the_signed_order_says_what_was_ordered_and_verifies_without_us(
    bench: Bench,
) -> None:
    row = await bench.war()

    said = notes.verify(row.note, Verifier.parse(row.verifier))

    assert parse(said) == row.order


async def test_the_log_holds_the_signed_order(bench: Bench) -> None:
    row = await bench.war()

    async with bench.pool.acquire() as conn:
        body = await conn.fetchval("SELECT body FROM journal_entry WHERE kind = 'stance.ordered'")

    assert body["note"] == row.note
    assert body["verifier"] == str(KEY.verifier)


async def test_nobody_else_declares_war_and_nothing_is_left_of_the_try(bench: Bench) -> None:
    with pytest.raises(Forbidden):
        await bench.war(roles=("dispatcher", "admin"))

    assert await bench.log() == []
    assert not bench.desk.stance().war


async def test_war_without_an_end_or_for_too_long_is_refused(bench: Bench) -> None:
    with pytest.raises(Impossible, match="needs a time"):
        await bench.war(lasts=None)
    with pytest.raises(Impossible, match="10 minutes to 24 hours"):
        await bench.war(lasts=25 * HOUR)


async def test_asking_twice_gives_one_order(bench: Bench) -> None:
    wanted = a_war()

    first, fresh = await bench.desk.give(wanted, by="user:li", roles=SUPERVISOR)
    again, fresh_again = await bench.desk.give(wanted, by="user:li", roles=SUPERVISOR)

    assert (fresh, fresh_again) == (True, False)
    assert again == first
    with pytest.raises(Conflict, match="used before"):
        await bench.war(request_id=wanted.request_id, reason="another")


async def test_a_new_order_prolongs_the_old_one_and_the_log_says_so(bench: Bench) -> None:
    await bench.war()
    bench.clock.now = NOW + 7 * HOUR

    await bench.war(reason="aftershocks")

    bench.clock.now = NOW + 9 * HOUR
    assert bench.desk.stance().war
    async with bench.pool.acquire() as conn:
        former = (await store.page(conn))[1]
        body = await conn.fetchval("SELECT body FROM journal_entry ORDER BY id DESC LIMIT 1")
    assert (former.end_reason, former.order.ended_at) == ("superseded", NOW + 7 * HOUR)
    assert body["prolongs"] == 1


async def test_an_order_that_ran_out_unnoticed_is_noted_before_the_next_one(bench: Bench) -> None:
    await bench.war(lasts=HOUR)
    await bench.at(0.75 * HOUR)
    (announced,) = await bench.work()
    bench.clock.now = NOW + 2 * HOUR

    await bench.war()

    async with bench.pool.acquire() as conn:
        former = (await store.page(conn))[1]
        body = await conn.fetchval("SELECT body FROM journal_entry ORDER BY id DESC LIMIT 1")
    assert (announced.kind, await bench.work()) == ("stance_ends", [])
    assert (former.end_reason, former.order.ended_at) == ("expired", NOW + HOUR)
    assert [kind for kind, _ in await bench.log()] == [
        "stance.ordered",
        "stance.expired",
        "stance.ordered",
    ]
    assert body["prolongs"] is None


async def test_war_that_was_ended_does_not_come_back_when_the_clock_is_set_back(
    bench: Bench,
) -> None:
    await bench.war()
    bench.clock.now = NOW + HOUR
    await bench.desk.end(1, reason="over", by="user:li", roles=SUPERVISOR)

    await bench.at(0.9 * HOUR)

    assert not bench.desk.stance().war


async def test_a_server_whose_clock_is_behind_has_the_newest_order_and_ends_the_one_before(
    bench: Bench,
) -> None:
    await bench.war()
    bench.clock.now = NOW - timedelta(seconds=30)
    assert bench.desk.stance().war

    await bench.war(reason="aftershocks")

    async with bench.pool.acquire() as conn:
        former = (await store.page(conn))[1]
    assert former.end_reason == "superseded"


async def test_a_dispatcher_may_prolong_and_end_what_the_supervisor_shared(bench: Bench) -> None:
    shared = Effects(authority=Authority.DISPATCHER)
    await bench.war(effects=shared)

    await bench.war(effects=shared, lasts=12 * HOUR, by="user:wang", roles=DISPATCHER)
    with pytest.raises(Forbidden, match="supervisor's decision"):
        await bench.war(effects=Effects(offers=True), by="user:wang", roles=DISPATCHER)
    row = await bench.desk.end(2, reason="over", by="user:wang", roles=DISPATCHER)

    assert row.ended_by == "user:wang"
    assert not bench.desk.stance().war


async def test_ending_war_is_signed_too(bench: Bench) -> None:
    await bench.war()
    bench.clock.now = NOW + HOUR

    row = await bench.desk.end(1, reason="no more calls", by="user:li", roles=SUPERVISOR)

    assert row.end_note is not None
    assert parse(notes.verify(row.end_note, KEY.verifier)) == Ending(
        number=1, reason="no more calls", ended_by="user:li", ended_at=NOW + HOUR
    )
    assert await bench.log() == [("stance.ordered", "user:li"), ("stance.ended", "user:li")]
    with pytest.raises(Conflict, match="has ended"):
        await bench.desk.end(1, reason="again", by="user:li", roles=SUPERVISOR)
    with pytest.raises(NotFound):
        await bench.desk.end(2, reason="what", by="user:li", roles=SUPERVISOR)


async def test_war_ends_by_itself_announced_half_an_hour_before(bench: Bench) -> None:
    await bench.war()

    await bench.at(7 * HOUR)
    assert await bench.work() == []
    await bench.at(7.5 * HOUR)
    (item,) = await bench.work()
    assert (item.kind, item.subject) == ("stance_ends", "stance:1")
    await bench.at(8 * HOUR)

    assert await bench.work() == []
    assert not bench.desk.stance().war
    assert await bench.log() == [("stance.ordered", "user:li"), ("stance.expired", "system")]


async def test_two_servers_announce_and_end_it_once(bench: Bench) -> None:
    await bench.war()
    other = bench.other()
    for after in (7.6 * HOUR, 8 * HOUR):
        bench.clock.now = NOW + after
        await bench.desk.catch_up()
        await other.catch_up()

        await bench.desk.turn_over()
        await other.turn_over()

    kinds = [kind for kind, _ in await bench.log()]
    assert kinds.count("stance.expired") == 1
    async with bench.pool.acquire() as conn:
        items, _ = await worklist.page(conn, which="all", before=None, limit=10)
    assert [each.times for each in items] == [1]


async def test_another_server_and_one_that_starts_again_know_it(bench: Bench) -> None:
    await bench.war()
    other = bench.other()

    await other.catch_up()

    assert other.stance() == bench.desk.stance()
    assert other.view() == bench.desk.view()


async def test_who_listens_hears_of_each_change_once(bench: Bench) -> None:
    heard: list[str] = []
    bench.desk.on_change(lambda: heard.append(bench.desk.view().mode))

    await bench.war()
    await bench.desk.catch_up()
    await bench.desk.end(1, reason="over", by="user:li", roles=SUPERVISOR)

    assert heard == ["war", "peace"]


async def test_the_program_cannot_change_what_was_ordered(bench: Bench) -> None:
    await bench.war()

    async with bench.pool.acquire() as conn:
        for change in ("UPDATE stance_order SET reason = 'x'", "DELETE FROM stance_order"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await conn.execute(change)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE stance_order SET expires_at = expires_at + interval '1 day'",
        "UPDATE stance_order SET offers = NOT offers",
        "UPDATE stance_order SET note = replace(note, 'earthquake', 'exercise')",
    ],
)
async def test_an_order_that_does_not_say_what_was_signed_holds_nowhere(
    bench: Bench, database_url: str, change: str
) -> None:
    await bench.war()
    owner = await asyncpg.connect(database_url)
    try:
        await owner.execute(change)
    finally:
        await owner.close()
    other = bench.other()

    await bench.desk.catch_up()
    await other.catch_up()

    assert (bench.desk.stance(), other.stance()) == (Stance(), Stance())


# -- orders under it -----------------------------------------------------------------------


@pytest.fixture
async def watch(pool: Pool, small_map: RoadMap) -> AsyncIterator[Watch]:
    async with a_watch(pool, small_map) as watch:
        yield watch


async def test_war_has_timers_of_open_orders_planned_anew_and_handsets_told(watch: Watch) -> None:
    room = watch.room
    async with room.pool.acquire() as conn:
        await conn.execute("UPDATE device SET token_hash = '\\x00' WHERE kind = 'handset'")
    desk = StanceDesk(
        pool=room.pool, fanout=room.fanout, key=SigningKey.of(KEY), clock=lambda: room.now
    )
    keeper = Timekeeper(
        pool=room.pool,
        fanout=room.fanout,
        table=TimerTable(),
        stance=desk.stance,
        catch_up=desk.catch_up,
        radio=Silences({}),
        live=room.live,
        clock=lambda: room.now,
    )
    desk.on_change(keeper.stance_changed)
    assert (await watch.timers())["escalate"] == 60

    await desk.give(a_war(), by="user:li", roles=SUPERVISOR)
    await keeper.turn()

    assert (await watch.timers())["escalate"] == 40
    assert ("notice", "stance") in await watch.commands()

    await desk.end(1, reason="over", by="user:li", roles=SUPERVISOR)
    await keeper.turn()

    assert (await watch.timers())["escalate"] == 60
    assert [why for _, why in await watch.commands()].count("stance") == 2
