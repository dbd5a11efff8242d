"""The watch over an order on real PostgreSQL: each timer, escalation, restart, two servers."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.timers import Stance
from server.http import devices_admin
from server.http.devices_admin import NewOfficer
from server.metrics import Metrics
from server.stores import incidents
from server.stores.away import STORE_AWAY
from server.stores.replacing import Replaced
from server.stores.ringing import NEXT_PATH
from server.timekeeper import Timekeeper
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import BY, NOW, a_decision
from tests.server.watch_room import CAMERA, HANDSET, Watch, a_keeper, a_watch
from tests.small_county import crossing


@pytest.fixture
async def watch(pool: Any, small_map: RoadMap) -> AsyncIterator[Watch]:
    async with a_watch(pool, small_map) as watch:
        yield watch


async def test_an_issued_order_is_planned_by_the_table(watch: Watch) -> None:
    assert await watch.timers() == {
        "receipt": 10, "repeat": 15, "acceptance": 30, "escalate": 60, "supervisor": 120,
        "expiry": 4 * 3600,
    }  # fmt: skip


async def test_nothing_rings_before_its_time(watch: Watch) -> None:
    await watch.after(9.9)

    assert await watch.open() == {}
    assert await watch.events() == ["issued"]


async def test_no_receipt_is_told_to_a_person_and_offered_to_other_paths(watch: Watch) -> None:
    await watch.after(10)

    item = (await watch.open())["no_contact"]
    assert (item.severity, item.order_id, item.body["call_sign"]) == (
        "warning", watch.order.id, "P-02",
    )  # fmt: skip
    assert (NEXT_PATH, watch.order.id) in watch.room.fanout.published
    assert (await watch.room.kinds())[-2:] == ["order.timer_fired", "work.raised"]


async def test_a_late_receipt_settles_it_and_says_so(watch: Watch) -> None:
    await watch.after(10)
    await watch.says(Report.RECEIVED, by="")
    await watch.after(11)

    assert await watch.open() == {}
    item = (await watch.settled())["no_contact"]
    assert (item.settled_by, item.why) == ("system", "delivered")
    assert (await watch.room.kinds())[-1] == "work.settled"


async def test_an_order_that_nobody_answers_is_announced_once_more(watch: Watch) -> None:
    await watch.says(Report.RECEIVED, by="")
    await watch.after(15)
    await watch.after(16)

    assert await watch.commands() == [("task", ""), ("notice", "repeat")]
    (notice,) = await watch.room.fetch(
        "SELECT body FROM command WHERE device_id = $1 AND kind = 'notice'", HANDSET
    )
    assert notice["body"]["ref"] == watch.tasks[HANDSET]
    assert await watch.events() == ["issued", "delivered", "repeated"]


async def test_it_escalates_to_the_leader_with_the_next_best_unit(watch: Watch) -> None:
    await watch.says(Report.SHOWN, by="")
    await watch.after(60)

    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.proposal is not None
    assert (escalation.level, escalation.proposal.call_sign) == ("leader", "P-05")
    item = (await watch.open())["escalated"]
    assert (item.severity, item.body["level"]) == ("warning", "leader")
    assert len((await watch.room.incident(watch.incident.id)).orders) == 1, "it is only proposed"


async def test_then_to_the_supervisor_as_an_alarm(watch: Watch) -> None:
    await watch.after(60)
    await watch.after(120)

    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.level == "supervisor"
    item = (await watch.open())["escalated"]
    assert (item.severity, item.body["level"], item.times) == ("alarm", "supervisor", 2)
    (row,) = await watch.room.fetch("SELECT count(*) FROM escalation")
    assert row["count"] == 1


async def test_acceptance_ends_escalation_and_all_its_items(watch: Watch) -> None:
    await watch.after(120)
    assert set(await watch.open()) == {"no_contact", "not_accepted", "escalated"}

    await watch.says(Report.ACCEPTED)
    await watch.after(121)

    assert await watch.open() == {}
    assert (await watch.now()).escalation is None
    assert {each.why for each in (await watch.settled()).values()} == {"accepted"}
    assert "order.escalation_ended" in await watch.room.kinds()


async def test_a_standby_silences_until_it_is_over(watch: Watch) -> None:
    await watch.says(Report.SHOWN, by="")
    await watch.after(30)
    until_ms = int((NOW + timedelta(seconds=300)).timestamp() * 1000)
    await watch.says(Report.STANDBY, until=until_ms)
    await watch.after(299)
    assert await watch.open() == {}

    await watch.after(360)

    order = await watch.now()
    assert (order.state, order.standby_until) == ("standby", NOW + timedelta(seconds=300))
    assert {"not_accepted", "escalated"} <= set(await watch.open())


async def test_departure_and_arrival_are_waited_for(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await watch.after(90)
    assert set(await watch.open()) == {"not_departed"}

    watch.room.now = NOW + timedelta(seconds=100)
    await watch.says(Report.EN_ROUTE)
    await watch.after(101)
    assert await watch.open() == {}

    p90_s = (await watch.now()).eta_p90_s
    assert p90_s is not None
    assert p90_s > 60
    await watch.after(100 + p90_s - 1)
    assert await watch.open() == {}
    await watch.after(100 + p90_s)
    assert set(await watch.open()) == {"late_arrival"}


async def test_first_feedback_is_waited_for_from_arrival(watch: Watch) -> None:
    await watch.room.pool.execute("DELETE FROM unit_officer")  # not a lone officer
    await watch.room.pool.execute(
        "INSERT INTO unit_officer SELECT id, $1 FROM officer", watch.order.unit_id
    )
    watch.room.now = NOW + timedelta(seconds=900)
    await watch.says(Report.ON_SCENE)
    await watch.after(1199)
    assert await watch.open() == {}
    await watch.after(1200)
    assert set(await watch.open()) == {"no_feedback"}

    await watch.says(Report.FEEDBACK, note="two injured")
    await watch.after(1201)

    assert await watch.open() == {}


async def test_a_lone_officer_is_asked_and_his_silence_is_an_alarm(watch: Watch) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.says(Report.FEEDBACK, note="looking around")
    await watch.after(600)
    assert (await watch.commands())[-1] == ("check", "welfare")
    assert await watch.open() == {}

    await watch.after(660)

    assert (await watch.open())["welfare_silent"].severity == "alarm"


async def test_his_answer_settles_it_and_he_is_asked_again_later(watch: Watch) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.says(Report.FEEDBACK, note="looking around")
    await watch.after(660)
    assert set(await watch.open()) == set(), "asked at 660 only, for the keeper came late"
    await watch.after(720)
    assert set(await watch.open()) == {"welfare_silent"}

    watch.room.now = NOW + timedelta(seconds=730)
    outcome = await watch.answers("check", Report.ACCEPTED)
    await watch.after(731)

    assert outcome.applied
    assert await watch.open() == {}
    assert (await watch.settled())["welfare_silent"].why == "heard"
    assert (await watch.timers())["welfare"] == 730 + 600


async def test_an_officer_whom_another_joins_is_alone_no_longer(watch: Watch) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.after(1)
    assert "welfare" in await watch.timers()

    joins = NewOfficer(badge="B-77", name="Zhou", unit_id=watch.order.unit_id)
    async with watch.room.pool.acquire() as conn, conn.transaction():
        await devices_admin.add_officer(conn, joins, by="user:admin")
    await watch.after(2)

    assert "welfare" not in await watch.timers()


async def test_a_machine_does_not_answer_for_an_officer(watch: Watch) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.says(Report.FEEDBACK, note="looking around")
    await watch.after(600)
    await watch.answers("check", Report.RECEIVED, by="")
    await watch.answers("check", Report.SHOWN, by="")
    outcome = await watch.answers("check", Report.ACCEPTED, by="B-99")

    await watch.after(660)

    assert outcome.why == "not_in_unit"
    assert {"welfare_silent", "report_refused"} == set(await watch.open())


async def test_an_officer_who_is_not_all_right_is_an_alarm_that_only_a_person_settles(
    watch: Watch,
) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.after(600)
    await watch.answers("check", Report.DECLINED, reason="shots")
    await watch.room.order_desk.welfare_answered(watch.order.id, well=True, note="", by=BY)
    await watch.after(601)

    item = (await watch.open())["welfare_alarm"]
    assert (item.severity, item.body["reason"]) == ("alarm", "shots")


async def test_a_silent_officer_stays_an_alarm_when_his_order_is_cancelled(watch: Watch) -> None:
    await watch.says(Report.ON_SCENE)
    await watch.after(600)
    await watch.after(660)
    order = await watch.now()
    await watch.room.pipeline.cancel_order(order.id, ver=order.ver, reason="over", by=BY)
    await watch.after(661)

    assert set(await watch.open()) == {"welfare_silent"}


@pytest.mark.parametrize(
    ("received", "state"), [(False, "undeliverable"), (True, "expired")], ids=["never", "received"]
)
async def test_what_nobody_took_runs_out(watch: Watch, received: bool, state: str) -> None:
    if received:
        await watch.says(Report.RECEIVED, by="")
    await watch.after(4 * 3600)

    order = await watch.now()
    assert (order.state, order.timers) == (state, [])
    assert (await watch.commands())[-1] == ("notice", "expired")
    assert set(await watch.open()) == {state}
    assert (await watch.room.incident(watch.incident.id)).status == "open"


async def test_what_was_taken_on_never_runs_out(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await watch.after(5 * 3600)

    assert (await watch.now()).state == "accepted"


async def test_an_acceptance_after_the_end_reaches_a_person(watch: Watch) -> None:
    await watch.after(4 * 3600)
    outcome = await watch.says(Report.ACCEPTED)

    assert outcome.why == "closed"
    assert "answered_after_end" in await watch.open()


async def test_a_declined_order_is_seen_to_by_sending_another(watch: Watch) -> None:
    await watch.says(Report.DECLINED, reason="road is blocked")
    await watch.after(5)
    item = (await watch.open())["declined"]
    assert item.body["reason"] == "road is blocked"

    await watch.room.send(watch.incident, watch.next_best)
    await watch.after(6)

    assert "declined" not in await watch.open()
    assert (await watch.settled())["declined"].why == "sent_again"


async def test_a_refusal_stays_although_two_were_sent_at_once(watch: Watch) -> None:
    """The second unit was sent with the first, not because the first declined."""
    pair = [await watch.room.add_unit(name, crossing(3, 2)) for name in ("P-11", "P-12")]
    first, _ = await watch.room.send(await watch.room.open(), *pair)
    await watch.others_say(first, Report.DECLINED, reason="flat tyre")

    await watch.after(3)

    assert (await watch.open())["declined"].order_id == first.id


async def test_a_unit_that_was_there_before_is_no_answer_to_an_order_that_ran_out(
    watch: Watch,
) -> None:
    await watch.after(1)
    (reinforcement,) = await watch.room.send(watch.incident, watch.next_best)
    await watch.others_say(reinforcement, Report.ACCEPTED)

    await watch.after(4 * 3600)

    assert "undeliverable" in await watch.open()


async def test_a_refusal_is_seen_to_when_the_job_was_given_away_before(watch: Watch) -> None:
    order = await watch.now()
    found = await watch.room.pipeline.recommend(watch.incident.id, by=BY)
    gives_way = Replaced(order_id=order.id, ver=order.ver)
    decision = a_decision(found, watch.next_best, replaces=[gives_way])
    await watch.room.pipeline.dispatch(watch.incident.id, decision, by=BY)
    await watch.says(Report.DECLINED, reason="flat tyre")

    await watch.after(3)

    assert "declined" not in await watch.open()


# -- war ------------------------------------------------------------------------------------


async def test_war_has_its_own_times_from_the_next_look(watch: Watch) -> None:
    watch.stance[0] = Stance(war=True)
    await watch.keeper.look_at_all()
    await watch.keeper.look()

    assert (await watch.timers())["escalate"] == 40


# -- dead zones -----------------------------------------------------------------------------


async def test_inside_a_known_dead_zone_timers_stretch_to_its_way_out(watch: Watch) -> None:
    watch.zones[watch.order.unit_id] = NOW + timedelta(seconds=720)
    await watch.after(300)

    assert await watch.open() == {}
    timers = {each.kind: each for each in (await watch.now()).timers}
    assert timers["receipt"].expected_back
    assert timers["receipt"].due_at == NOW + timedelta(seconds=720)
    assert not timers["expiry"].expected_back


@pytest.mark.parametrize("forgotten", [False, True], ids=["still explained", "overdue"])
async def test_a_unit_that_does_not_come_out_is_an_alarm(watch: Watch, forgotten: bool) -> None:
    watch.zones[watch.order.unit_id] = NOW + timedelta(seconds=720)
    await watch.after(300)
    if forgotten:
        watch.zones.clear()
    await watch.after(720)

    item = (await watch.open())["no_contact"]
    assert item.severity == "alarm"
    assert item.body["expected_back_at"] == "2026-01-31T08:12:00Z"


async def test_a_unit_that_came_out_early_is_silent_no_longer(watch: Watch) -> None:
    watch.zones[watch.order.unit_id] = NOW + timedelta(seconds=720)
    await watch.after(300)
    watch.zones.clear()
    await watch.after(301)

    assert (await watch.open())["no_contact"].severity == "warning"


# -- many -----------------------------------------------------------------------------------


async def test_what_does_not_fit_in_one_look_is_next_and_the_longest_due_goes_first(
    watch: Watch,
) -> None:
    later = await watch.room.open()
    watch.room.now = NOW + timedelta(seconds=5)
    await watch.room.send(later, watch.next_best)
    await watch.keeper.look()
    one_by_one = a_keeper(watch.room, watch.stance, watch.zones, at_once=1)
    watch.room.now = NOW + timedelta(seconds=20)

    await one_by_one.look()
    first = {each.body["call_sign"] for each in (await watch.open()).values()}
    for _ in range(4):  # the first one's step makes its incident's other orders due, too
        await one_by_one.look()

    assert first == {"P-02"}
    rows = await watch.room.fetch("SELECT body FROM work_item WHERE kind = 'no_contact'")
    assert {row["body"]["call_sign"] for row in rows} == {"P-02", "P-05"}


async def test_consoles_hear_when_the_plan_has_changed_and_only_then(watch: Watch) -> None:
    hint = ("incident", watch.incident.id)
    await watch.says(Report.ACCEPTED)
    watch.room.fanout.published.clear()
    await watch.keeper.look()
    assert hint in watch.room.fanout.published

    watch.room.fanout.published.clear()
    await watch.keeper.look_at_all()
    await watch.keeper.look()

    assert watch.room.fanout.published == []


async def test_a_burst_is_planned_in_one_step_without_what_somebody_is_changing(
    watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    second = await watch.room.open()
    await watch.room.send(second, watch.next_best)
    await watch.says(Report.RECEIVED)
    alone: list[str] = []

    async def look_at(order_id: str) -> None:
        alone.append(order_id)

    monkeypatch.setattr(watch.keeper, "look_at", look_at)
    async with watch.room.pool.acquire() as conn, conn.transaction():
        await incidents.lock(conn, watch.incident.id)
        await watch.keeper.look()
    left = list(alone)
    await watch.keeper.look()

    assert left == alone == [watch.order.id]
    planned = await watch.room.fetch("SELECT DISTINCT order_id FROM order_timer")
    assert len(planned) == 2


# -- the end of an order that a unit was on -------------------------------------------------


async def test_a_unit_under_way_that_does_not_hear_of_a_cancel_is_told_by_voice(
    watch: Watch,
) -> None:
    await watch.says(Report.ACCEPTED)
    await watch.says(Report.EN_ROUTE)
    await _cancelled(watch)
    await watch.after(9.9)
    assert await watch.open() == {}

    await watch.after(3600)

    item = (await watch.open())["end_not_received"]
    assert (item.severity, item.order_id, item.body["call_sign"]) == (
        "warning", watch.order.id, "P-02",
    )  # fmt: skip


async def test_the_notice_that_comes_through_late_settles_it(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await _cancelled(watch)
    await watch.after(10)
    outcome = await watch.answers("notice", Report.RECEIVED, by="")
    await watch.after(11)

    assert ("incident", watch.incident.id) in outcome.hints
    assert await watch.open() == {}
    assert (await watch.settled())["end_not_received"].why == "received"


async def test_one_device_that_has_the_notice_is_enough(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await _cancelled(watch)
    await watch.answers("notice", Report.RECEIVED, device=CAMERA, by="")
    await watch.after(3600)

    assert await watch.open() == {}


async def test_an_earlier_notice_is_not_that_of_the_end(watch: Watch) -> None:
    await watch.says(Report.RECEIVED, by="")
    await watch.after(15)
    repeat = await watch.newest("notice")
    await watch.says(Report.ACCEPTED)
    await _cancelled(watch)
    await watch.room.report(HANDSET, repeat, Report.RECEIVED)
    await watch.after(3600)

    assert set(await watch.open()) == {"end_not_received"}


@pytest.mark.parametrize("taken_on", [False, True], ids=["never taken on", "done"])
async def test_other_ends_need_no_receipt(watch: Watch, taken_on: bool) -> None:
    if taken_on:
        await watch.says(Report.ACCEPTED)
        await watch.says(Report.DONE)
    else:
        await _cancelled(watch)
    await watch.after(3600)

    assert await watch.open() == {}


async def _cancelled(watch: Watch) -> None:
    order = await watch.now()
    await watch.room.pipeline.cancel_order(order.id, ver=order.ver, reason="not needed", by=BY)


# -- one order that cannot be looked at -----------------------------------------------------


async def test_a_recommendation_of_an_older_version_proposes_nobody(
    watch: Watch, database_url: str
) -> None:
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE recommendation SET body = body - 'excluded'")
    await owner.close()

    await watch.after(60)

    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.proposal is None


@pytest.fixture(params=["unreadable", "refused"])
async def sick(
    request: pytest.FixtureRequest, watch: Watch, database_url: str
) -> AsyncIterator[Callable[[], Awaitable[None]]]:
    """Makes P-02's order one that cannot be looked at; call it to make it well again."""
    owner = await asyncpg.connect(database_url)
    make, mend = {
        "unreadable": (
            "UPDATE dispatch_order SET eta_p90_s = 1e300 WHERE number = 1",
            "UPDATE dispatch_order SET eta_p90_s = 600 WHERE number = 1",
        ),
        "refused": (
            f"ALTER TABLE order_timer ADD CONSTRAINT sick CHECK (order_id <> '{watch.order.id}') "
            "NOT VALID",
            "ALTER TABLE order_timer DROP CONSTRAINT sick",
        ),
    }[request.param]
    await watch.says(Report.ACCEPTED)
    await owner.execute(make)

    async def well_again() -> None:
        await owner.execute(mend)

    yield well_again
    await owner.close()


async def test_an_order_that_cannot_be_looked_at_does_not_silence_the_others(
    watch: Watch, sick: Callable[[], Awaitable[None]]
) -> None:
    later = await watch.room.open()
    await watch.room.send(later, watch.next_best)
    one_by_one = a_keeper(watch.room, watch.stance, watch.zones, at_once=1)

    for seconds in (10, 10.1, 10.2):
        watch.room.now = NOW + timedelta(seconds=seconds)
        await one_by_one.look()

    assert (await watch.open())["no_contact"].body["call_sign"] == "P-05"


async def test_a_person_keeps_watch_over_it_until_its_timers_ring_again(
    watch: Watch, sick: Callable[[], Awaitable[None]]
) -> None:
    await watch.after(10)
    assert await watch.open() == {}, "once may be chance"
    await watch.after(10.5)
    await watch.after(11)
    item = (await watch.open())["watch_failed"]
    assert (item.severity, item.order_id, item.times) == ("alarm", watch.order.id, 1)
    await watch.after(12.9)
    await watch.after(13)

    await sick()
    await watch.after(90)

    assert set(await watch.open()) == {"not_departed"}
    assert (await watch.settled())["watch_failed"].why == "watched"


async def test_the_keeper_runs_on_and_waits_between_tries(
    watch: Watch, sick: Callable[[], Awaitable[None]]
) -> None:
    metrics = Metrics()
    keeper = a_keeper(watch.room, watch.stance, watch.zones, metrics=metrics)
    later = await watch.room.open()
    await watch.room.send(later, watch.next_best)
    watch.room.now = NOW + timedelta(seconds=10)

    await _run_until(keeper, watch, {"no_contact"})

    assert metrics.value("orders_not_watched") == 1


# -- once, whatever happens -----------------------------------------------------------------


async def test_two_servers_ring_a_timer_once(watch: Watch) -> None:
    other = a_keeper(watch.room, watch.stance, watch.zones)
    watch.room.now = NOW + timedelta(seconds=70)

    await asyncio.gather(*(keeper.look() for keeper in (watch.keeper, other) for _ in range(3)))

    kinds = await watch.room.kinds()
    assert kinds.count("order.timer_fired") == 4, "receipt, repeat, acceptance, escalate"
    assert kinds.count("order.escalated") == 1
    assert (await watch.commands()).count(("notice", "repeat")) == 1
    assert {each.times for each in (await watch.open()).values()} == {1}


async def test_a_server_that_dies_between_claim_and_effect_leaves_the_timer_to_the_next(
    watch: Watch, database_url: str
) -> None:
    """It is held at the command log, the last thing it writes, and its connection is cut there."""
    watch.room.now = NOW + timedelta(seconds=70)
    async with _owner(database_url) as log, log.transaction():
        await log.execute("LOCK TABLE journal_entry IN SHARE MODE")
        dying = asyncio.create_task(watch.keeper.look())
        stuck = await _stuck_backend(watch)
        assert await watch.events() == ["issued"], "nothing shows before it is whole"
        await _cut(database_url, stuck)
        with pytest.raises(STORE_AWAY):
            await dying
    assert await watch.open() == {}

    await a_keeper(watch.room, watch.stance, watch.zones).look()

    assert set(await watch.open()) == {"no_contact", "not_accepted", "escalated"}
    assert (await watch.room.kinds()).count("order.timer_fired") == 4


async def test_what_fell_due_while_no_server_ran_rings_at_the_start(watch: Watch) -> None:
    watch.room.now = NOW + timedelta(seconds=500)
    restarted = a_keeper(watch.room, watch.stance, watch.zones)

    await _run_until(restarted, watch, {"no_contact", "not_accepted", "escalated"})

    assert (await watch.open())["escalated"].severity == "alarm"


async def test_orders_older_than_the_watch_are_planned_at_the_start(watch: Watch) -> None:
    await watch.room.pool.execute("DELETE FROM order_timer")
    restarted = a_keeper(watch.room, watch.stance, watch.zones)
    watch.room.now = NOW + timedelta(seconds=31)

    await _run_until(restarted, watch, {"no_contact", "not_accepted"})

    assert set(await watch.timers()) == {"escalate", "supervisor", "expiry"}


async def test_a_running_keeper_hears_of_a_step_at_once(watch: Watch) -> None:
    task = asyncio.create_task(watch.keeper.run())
    try:
        await watch.says(Report.ACCEPTED)
        watch.room.fanout.publish("incident", watch.incident.id)
        async with asyncio.timeout(PATIENCE_S):
            while "departure" not in await watch.timers():  # noqa: ASYNC110 (a row tells nobody)
                await asyncio.sleep(0.01)
    finally:
        task.cancel()


async def _run_until(keeper: Timekeeper, watch: Watch, kinds: set[str]) -> None:
    task = asyncio.create_task(keeper.run())
    try:
        async with asyncio.timeout(PATIENCE_S):
            while set(await watch.open()) != kinds:  # noqa: ASYNC110 (a row tells nobody)
                await asyncio.sleep(0.01)
    finally:
        task.cancel()


async def _stuck_backend(watch: Watch) -> int:
    """Process id of the connection that waits for the command log."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            rows = await watch.room.fetch(
                "SELECT pid FROM pg_locks "
                "WHERE relation = 'journal_entry'::regclass AND NOT granted"
            )
            if rows:
                return int(rows[0]["pid"])
            await asyncio.sleep(0.01)


async def _cut(database_url: str, pid: int) -> None:
    async with _owner(database_url) as owner:
        await owner.execute("SELECT pg_terminate_backend($1)", pid)


@asynccontextmanager
async def _owner(database_url: str) -> AsyncIterator[Any]:
    owner = await asyncpg.connect(database_url)
    try:
        yield owner
    finally:
        await owner.close()
