"""Which camera will not last its job, which is dark, what was done and what it brought."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Limits, Report
from server.dispatch.mitigation import Mitigation
from server.mitigationviews import MeasuredView
from server.routing import RoutingBusy
from server.stores import mitigation_rows, mitigations
from server.stores.replacing import Replaced
from server.stores.steps import Marked
from server.stores.units import load_units
from server.views import RecommendationView
from server.watchviews import WorkItemView
from tests.server.battery_room import BADGE, BY, CAMERA, HANDSET, BatteryRoom, a_battery_room
from tests.server.dispatch_room import NOW, a_decision
from tests.small_county import crossing


@pytest.fixture
async def job(pool: Any, small_map: RoadMap) -> AsyncIterator[BatteryRoom]:
    async with a_battery_room(pool, small_map) as room:
        yield room


def body(item: WorkItemView) -> dict[str, Any]:
    return dict(item.body)


async def done(job: BatteryRoom) -> None:
    task = (await job.room.tasks(job.order))[HANDSET]
    await job.room.report(HANDSET, task, Report.DONE, by=BADGE)


async def applied(job: BatteryRoom) -> str:
    """The camera keeps to recording; the mitigation's id."""
    await job.can_limit()
    kind = Mitigation.RECORD_LOCALLY
    sent = await job.desk.send(job.order.id, device_id=CAMERA, kind=kind, by=BY)
    (command,) = await job.commands(CAMERA, "limits")
    await job.says(CAMERA, command["id"], Report.APPLIED, did=Limits(stream="off"))
    return sent.id


async def asked(job: BatteryRoom) -> Any:
    return (await job.desk.look(job.order.id)).mitigations[0]


# -- will it last ----------------------------------------------------------------------------


async def test_camera_that_will_not_last_is_told_with_what_could_be_done(job: BatteryRoom) -> None:
    item = (await job.look())["battery_short"]

    assert item.subject == f"device:{CAMERA}"
    assert body(item)["p_last_pct"] < 50
    assert body(item)["likely_min"] < body(item)["job_min"]
    assert next(each["kind"] for each in body(item)["actions"]) == "record_locally"
    assert ("work", item.id) in job.room.fanout.published


async def test_it_is_told_once_by_whichever_process_looks(job: BatteryRoom) -> None:
    await job.look()

    item = (await job.look(10.0))["battery_short"]

    assert item.times == 1
    assert (await job.room.kinds()).count("work.raised") == 1


async def test_camera_that_lasts_is_no_trouble(job: BatteryRoom) -> None:
    await job.tell(90, after_s=1.0)

    assert await job.look() == {}


async def test_alert_ends_only_when_it_lasts_well(job: BatteryRoom) -> None:
    await job.look()
    await job.tell(32, after_s=1.0)

    still = await job.look()  # between the two thresholds
    await job.tell(60, after_s=2.0)
    gone = await job.look()
    await job.tell(32, after_s=3.0)
    quiet = await job.look()

    assert "battery_short" in still
    assert "battery_short" not in gone
    assert "battery_short" not in quiet


async def test_second_camera_is_proposed_before_this_one_dies(job: BatteryRoom) -> None:
    await job.room.add_unit("P-05", crossing(1, 1))
    await job.tell(90, "standby", device_id="P-05-body_camera")

    item = (await job.look())["battery_short"]

    handover = body(item)["handover"]
    assert handover["call_sign"] == "P-05"
    assert handover["p_after_pct"] > body(item)["p_last_pct"]
    (again,) = await job.room.send(
        await job.room.incident(job.order.incident_id),
        next(each for each in await rows(job) if each.id == handover["unit_id"]),
    )
    assert again.call_sign == "P-05"


async def rows(job: BatteryRoom) -> list[Any]:
    async with job.room.pool.acquire() as conn:
        return await load_units(conn)


async def test_hand_over_is_said_when_it_becomes_needed(pool: Any, small_map: RoadMap) -> None:
    async with a_battery_room(pool, small_map, level_pct=28) as job:
        await job.room.add_unit("P-05", crossing(1, 1))
        await job.tell(90, "standby", device_id="P-05-body_camera")
        first = (await job.look())["battery_short"]
        await job.tell(20, after_s=1.0)

        second = (await job.look())["battery_short"]

    assert body(first)["handover"] is None
    assert body(second)["handover"]["call_sign"] == "P-05"
    assert second.times == 2


async def test_hand_over_is_asked_for_again_where_routing_was_busy(job: BatteryRoom) -> None:
    await job.room.add_unit("P-05", crossing(1, 1))
    await job.tell(90, "standby", device_id="P-05-body_camera")
    await job.refresh()

    async def busy(incident_id: str) -> RecommendationView:
        raise RoutingBusy("Too many ask.")

    watch = job.watch
    watch._recommend = busy
    await watch.round()
    first = (await job.open())["battery_short"]
    await watch.round()
    meanwhile = (await job.open())["battery_short"]

    later = (await job.look())["battery_short"]

    assert (body(first)["handover"], meanwhile.times) == (None, 1)
    assert body(later)["handover"]["call_sign"] == "P-05"


async def test_trouble_goes_over_to_the_newer_order_of_the_unit(job: BatteryRoom) -> None:
    before = (await job.look())["battery_short"]
    incident = await job.room.open(type="assault")
    found = await job.room.pipeline.recommend(incident.id, by=BY)
    (old,) = (await job.room.incident(job.order.incident_id)).orders
    gives_way = [Replaced(order_id=old.id, ver=old.ver)]
    wanted = a_decision(found, job.row, replaces=gives_way, reason="more urgent")
    (newer,), _ = await job.room.pipeline.dispatch(incident.id, wanted, by=BY)

    after = (await job.look())["battery_short"]
    await job.look()
    kinds = await job.room.kinds()

    assert (before.order_id, after.order_id) == (job.order.id, newer.id)
    assert (kinds.count("work.raised"), kinds.count("work.settled")) == (2, 1)


async def test_end_of_the_order_ends_the_trouble(job: BatteryRoom) -> None:
    await job.look()
    await done(job)

    assert "battery_short" not in await job.look()


async def test_nothing_is_told_of_an_order_that_ended_during_the_round(job: BatteryRoom) -> None:
    await job.refresh()
    watch = job.watch
    ended = False

    async def ends_meanwhile(incident_id: str) -> RecommendationView:
        nonlocal ended
        ranked = await job.room.pipeline.recommend(incident_id, by="system")
        await done(job)
        ended = True
        return ranked

    watch._recommend = ends_meanwhile

    await watch.round()

    assert ended
    assert await job.open() == {}


async def test_next_job_of_the_same_camera_is_a_trouble_of_its_own(job: BatteryRoom) -> None:
    first = (await job.look())["battery_short"]
    await done(job)
    incident = await job.room.open(type="assault", priority="emergency")
    (order,) = await job.room.send(incident, job.row)
    await job.tell(15, after_s=1.0)

    second = (await job.look())["battery_short"]

    assert (second.order_id, second.times) == (order.id, 1)
    assert second.id != first.id


# -- who is heard ----------------------------------------------------------------------------


async def test_dark_camera_with_an_officer_who_is_heard(job: BatteryRoom) -> None:
    job.ages_s = {CAMERA: 200.0, HANDSET: 10.0}

    items = await job.look()

    assert "camera_dark" in items
    assert "unit_silent" not in items
    job.ages_s = {}
    assert "camera_dark" not in await job.look()


async def test_unit_that_has_not_answered_is_the_timers_business(job: BatteryRoom) -> None:
    await done(job)
    incident = await job.room.open(type="assault")
    await job.room.send(incident, job.row)
    job.ages_s = {CAMERA: 400.0, HANDSET: 350.0}

    assert not {"camera_dark", "unit_silent"} & (await job.look()).keys()


async def test_officer_who_reports_seldom_does_not_end_that_his_camera_is_dark(
    job: BatteryRoom,
) -> None:
    job.ages_s = {CAMERA: 200.0, HANDSET: 10.0}
    await job.look()
    job.ages_s = {CAMERA: 430.0, HANDSET: 240.0}

    items = await job.look(230.0)

    assert "camera_dark" in items
    assert "work.settled" not in await job.room.kinds()


async def test_silent_unit_is_another_thing(job: BatteryRoom) -> None:
    job.ages_s = {CAMERA: 400.0, HANDSET: 350.0}

    items = await job.look()

    assert "camera_dark" not in items
    assert items["unit_silent"].severity == "alarm"


async def test_silent_unit_is_well_when_it_is_heard_not_when_its_order_ends(
    job: BatteryRoom,
) -> None:
    job.ages_s = {CAMERA: 400.0, HANDSET: 350.0}
    await job.look()
    await done(job)

    still = await job.look()
    job.ages_s = {}
    gone = await job.look()

    assert "unit_silent" in still
    assert "unit_silent" not in gone


async def test_dead_zone_explains_both(job: BatteryRoom) -> None:
    job.ages_s = {CAMERA: 400.0, HANDSET: 350.0}
    job.zones[job.row.id] = NOW + timedelta(minutes=20)

    items = await job.look()

    assert not {"camera_dark", "unit_silent"} & items.keys()


# -- what was done ---------------------------------------------------------------------------


async def test_effect_is_checked_against_the_measured_drain(job: BatteryRoom) -> None:
    mitigation_id = await applied(job)
    await job.drains(12.0, 60)
    await job.look()

    found = await asked(job)

    assert found.id == mitigation_id
    assert found.measured.drain_pct_per_h == pytest.approx(12.0, abs=0.5)
    before = found.expected.drain_before_pct_per_h
    assert found.measured.change_pct_per_h == pytest.approx(12.0 - before, abs=0.5)
    assert found.measured.change_pct_per_h < -10.0
    kinds = await job.room.kinds()
    assert kinds.count("mitigation.measured") == 1
    await job.look()
    assert (await job.room.kinds()).count("mitigation.measured") == 1


async def test_nothing_is_measured_before_enough_was_seen(job: BatteryRoom) -> None:
    await applied(job)
    await job.drains(12.0, 10)
    await job.look()

    assert (await asked(job)).measured is None


async def test_only_what_the_device_was_to_do_is_measured(job: BatteryRoom) -> None:
    await applied(job)
    await job.drains(12.0, 60, mode="standby")
    await job.look()

    assert (await asked(job)).measured is None


async def test_what_is_over_is_not_measured_any_more(job: BatteryRoom) -> None:
    await applied(job)
    view = await asked(job)
    found = MeasuredView(
        drain_pct_per_h=9.0, error_pct_per_h=1.0, change_pct_per_h=-5.0, steps=5, minutes=30.0
    )
    async with job.room.pool.acquire() as conn:
        order = await mitigation_rows.order_of(conn, job.order.id)
        assert order is not None
        await mitigations.end(conn, view, order, by=BY, at=job.room.now, why="taken_back")

        late = await mitigations.measured(conn, view, order, found, job.room.now)

    assert late == Marked()
    assert (await asked(job)).measured is None


async def test_effect_that_did_not_come_is_said(job: BatteryRoom) -> None:
    await applied(job)
    await job.drains(25.0, 40)

    items = await job.look()

    assert body(items["mitigation_weak"])["measured_pct_per_h"] > -10.0


async def test_nobody_who_answers_in_time_is_a_trouble(job: BatteryRoom) -> None:
    kind = Mitigation.RECORD_LOCALLY
    await job.desk.send(job.order.id, device_id=CAMERA, kind=kind, by=BY)

    early = await job.look(200.0)
    late = await job.look(200.0)

    assert "mitigation_failed" not in early
    assert body(late["mitigation_failed"])["answer"] == "unanswered"
    assert (await asked(job)).state == "unanswered"


async def test_unit_in_a_dead_zone_has_until_it_is_expected_back(job: BatteryRoom) -> None:
    kind = Mitigation.RECORD_LOCALLY
    await job.desk.send(job.order.id, device_id=CAMERA, kind=kind, by=BY)
    job.zones[job.row.id] = NOW + timedelta(minutes=20)

    assert "mitigation_failed" not in await job.look(600.0)
    assert "mitigation_failed" in await job.look(900.0)


async def test_late_answer_is_not_lost(job: BatteryRoom) -> None:
    kind = Mitigation.RECORD_LOCALLY
    await job.desk.send(job.order.id, device_id=CAMERA, kind=kind, by=BY)
    (advice,) = await job.commands(HANDSET, "advice")
    await job.look(400.0)

    await job.says(HANDSET, advice["id"], Report.ACCEPTED, by=BADGE)

    item = (await job.open())["report_refused"]
    assert (body(item)["why"], body(item)["badge"]) == ("too_late", BADGE)
    assert "order.report_ignored" in await job.room.kinds()


async def test_device_that_cannot_keep_limits_is_a_trouble_at_once(job: BatteryRoom) -> None:
    await job.can_limit()
    kind = Mitigation.RECORD_LOCALLY
    await job.desk.send(job.order.id, device_id=CAMERA, kind=kind, by=BY)
    (command,) = await job.commands(CAMERA, "limits")

    await job.says(CAMERA, command["id"], Report.REFUSED, reason="full")

    assert body((await job.open())["mitigation_failed"])["answer"] == "refused"
    assert (await asked(job)).state == "refused"


async def test_what_an_order_that_is_over_left_does_not_stand_for_the_next(
    job: BatteryRoom,
) -> None:
    await applied(job)
    await done(job)
    (newer,) = await job.room.send(await job.room.open(type="assault"), job.row)
    await job.refresh()

    sent = await job.desk.send(
        newer.id, device_id=CAMERA, kind=Mitigation.RECORD_LOCALLY, by="user:li"
    )
    await job.look()

    assert (sent.order_id, sent.sent_by) == (newer.id, "user:li")
    assert (await asked(job)).ended_why == "order_over"
    newest = (await job.desk.look(newer.id)).mitigations[0]
    assert newest.ended_at is None
    assert (await job.commands(CAMERA, "limits"))[-1]["body"]["limits"] == {"stream": "off"}


async def test_limits_end_with_the_order(job: BatteryRoom) -> None:
    await applied(job)
    await done(job)
    await job.look()

    found = await asked(job)
    assert (found.ended_by, found.ended_why) == ("system", "order_over")
    assert (await job.commands(CAMERA, "limits"))[-1]["body"]["limits"] == {}
