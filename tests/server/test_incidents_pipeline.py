"""The main job on real PostgreSQL and real roads: open, recommend, dispatch, report, end."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from devices.battery.record import again
from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.cover import Left
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.orders import OrderState
from server.ids import new_id
from server.stores import commands, decisions, roster
from tests.server.dispatch_room import BY, NOW, Room, a_decision, a_room, an_incident
from tests.small_county import crossing

NEAR, FAR = crossing(4, 2), crossing(0, 4)


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


# -- opening ------------------------------------------------------------------------------


async def test_an_incident_opens_is_logged_and_announced(room: Room) -> None:
    opened, fresh = await room.pipeline.open_incident(an_incident(), by=BY)

    assert fresh
    assert (opened.number, opened.status, opened.opened_by) == (1, "open", BY)
    assert await room.kinds() == ["incident.opened"]
    assert room.fanout.published == [("incident", opened.id)]


async def test_asking_twice_opens_one_incident(room: Room) -> None:
    first, _ = await room.pipeline.open_incident(an_incident(request_id="r1"), by=BY)
    again, fresh = await room.pipeline.open_incident(an_incident(request_id="r1"), by=BY)

    assert not fresh
    assert again.id == first.id
    assert await room.kinds() == ["incident.opened"]


@pytest.mark.parametrize(
    "changed", [{"note": "three lorries"}, {"priority": "routine"}, {"lat": 27.5}, {"place": "X03"}]
)
async def test_another_incident_under_a_used_request_id_is_refused(
    room: Room, changed: dict[str, Any]
) -> None:
    await room.pipeline.open_incident(an_incident(request_id="r1"), by=BY)

    with pytest.raises(Conflict) as refused:
        await room.pipeline.open_incident(an_incident(request_id="r1", **changed), by=BY)

    assert refused.value.code == "request_reused"
    assert (await room.counts())["incident"] == 1


async def test_asking_twice_at_the_same_moment_opens_one_incident(room: Room) -> None:
    wanted = an_incident(request_id="r1")

    answers = await asyncio.gather(*(room.pipeline.open_incident(wanted, by=BY) for _ in range(5)))

    assert len({incident.id for incident, _ in answers}) == 1
    assert sorted(fresh for _, fresh in answers) == [False] * 4 + [True]
    assert (await room.counts())["journal_entry"] == 1


async def test_a_place_off_the_map_is_refused(room: Room) -> None:
    with pytest.raises(Impossible) as refused:
        await room.pipeline.open_incident(an_incident(lon=99.0), by=BY)

    assert refused.value.code == "off_map"
    assert (await room.counts())["incident"] == 0


async def test_an_unknown_type_is_refused(room: Room) -> None:
    with pytest.raises(Impossible) as refused:
        await room.pipeline.open_incident(an_incident(type="ufo"), by=BY)

    assert refused.value.code == "unknown_type"


# -- recommending -------------------------------------------------------------------------


async def test_units_are_ranked_by_road_and_the_recommendation_is_kept(room: Room) -> None:
    await room.add_unit("P-01", FAR)
    await room.add_unit("P-02", NEAR, battery_pct=14)
    await room.add_unit("P-03", NEAR, on_duty=False)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert [each.call_sign for each in found.candidates] == ["P-02", "P-01"]
    best, second = found.candidates
    assert best.eta_s is not None
    assert second.eta_s is not None
    assert 0 < best.eta_s < second.eta_s
    assert best.eta_p80_s is not None
    assert best.eta_p90_s is not None
    assert best.eta_s < best.eta_p80_s < best.eta_p90_s < 2 * best.eta_s
    assert best.distance_m is not None
    assert 500 < best.distance_m < 5000
    assert "closest" in [reason.code for reason in best.reasons]
    assert "camera_lasts" in [reason.code for reason in best.reasons]
    assert [each.call_sign for each in found.excluded] == ["P-03"]
    assert found.map_id == room.roadmap.meta.map_id
    (kept,) = await room.fetch("SELECT id, body FROM recommendation")
    assert kept["id"] == found.id
    reckoned = await decisions.reckoned_with(room.pool, found.id)
    assert reckoned is not None
    once_more = dict(zip(reckoned.device_ids, again(reckoned.numbers).tolist(), strict=True))
    for candidate in found.candidates:
        for battery in candidate.batteries:
            assert once_more[battery.device_id] == pytest.approx(battery.p_last, abs=2e-3)
    assert len(kept["body"]["candidates"]) == 2
    assert await room.kinds() == ["incident.opened", "recommendation.computed"]
    (logged,) = await room.fetch(
        "SELECT body FROM journal_entry WHERE kind = 'recommendation.computed'"
    )
    assert logged["body"]["best"][0]["eta_p90_s"] == best.eta_p90_s


async def test_of_two_units_the_one_that_leaves_nobody_alone_is_sent_and_the_other_says_whom(
    room: Room,
) -> None:
    alone = await room.add_unit("P-01", crossing(3, 1))
    backed = await room.add_unit("P-02", crossing(4, 1))
    found = await room.pipeline.recommend((await room.open()).id, by=BY)
    assert [each.unit_id for each in found.candidates] == [alone.id, backed.id]
    room.cover.of = {
        alone.id: Left(
            wait_s=900.0,
            calls_per_day=80.0,
            limit_s=1500.0,
            people=640,
            places=2,
            worst="松坪村",
            worst_next_s=3000.0,
        ),
        backed.id: Left(wait_s=0.0, calls_per_day=80.0, limit_s=1500.0),
    }

    found = await room.pipeline.recommend((await room.open()).id, by=BY)

    first, second = found.candidates
    assert (first.unit_id, second.unit_id) == (backed.id, alone.id)
    (said,) = [each for each in second.reasons if each.code == "leaves"]
    assert said.values == {"people": 640, "places": 2, "limit": 25, "min": 50.0, "worst": "松坪村"}
    assert not [each for each in first.reasons if each.code.startswith("leaves")]


async def test_where_no_road_leads_the_incident_opens_and_every_unit_says_why(
    pool: Any, small_map: RoadMap
) -> None:
    west, south, east, north = small_map.meta.bounds
    meta = dataclasses.replace(small_map.meta, bounds=(west - 0.5, south, east, north))
    async with a_room(pool, dataclasses.replace(small_map, meta=meta)) as room:
        unit = await room.add_unit("P-01", NEAR)
        incident = await room.open(lon=west - 0.4)

        found = await room.pipeline.recommend(incident.id, by=BY)
        issued = await room.send(incident, unit, found=found)

    (only,) = found.candidates
    assert only.eta_s is None
    assert only.eta_p90_s is None
    assert any("no road within 20 km" in reason.text for reason in only.reasons)
    assert issued[0].eta_s is None
    assert issued[0].state == "issued"


async def test_a_unit_without_a_position_is_listed(room: Room) -> None:
    await room.add_unit("P-01", None)
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert found.candidates[0].eta_s is None
    assert "no_position" in [reason.code for reason in found.candidates[0].reasons]


async def test_a_unit_that_the_live_picture_does_not_show_yet_is_listed(room: Room) -> None:
    unit, incident = await room.add_unit("P-01", NEAR), await room.open()
    room.live.forget(unit.id)

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert [each.call_sign for each in found.candidates] == ["P-01"]
    assert "no_position" in [reason.code for reason in found.candidates[0].reasons]


async def test_without_any_unit_the_recommendation_is_empty(room: Room) -> None:
    incident = await room.open()

    found = await room.pipeline.recommend(incident.id, by=BY)

    assert (found.candidates, found.excluded) == ([], [])


async def test_an_unknown_incident_is_not_found(room: Room) -> None:
    with pytest.raises(NotFound):
        await room.pipeline.recommend(new_id(), by=BY)


# -- dispatching --------------------------------------------------------------------------


async def test_an_order_that_waits_for_a_device_is_said_to_wait(room: Room) -> None:
    unit = await room.add_unit("P-02", NEAR, devices=("body_camera", "handset"))
    room.live.put(unit, NEAR, online=False)

    (order,) = await room.send(await room.open(), unit)

    (entry,) = await room.fetch("SELECT * FROM journal_entry WHERE kind = 'order.queued'")
    assert (entry["actor"], entry["subject"]) == ("system", f"order:{order.id}")
    assert entry["body"]["call_sign"] == "P-02"
    assert sorted(entry["body"]["devices"]) == ["P-02-body_camera", "P-02-handset"]


async def test_the_order_is_durable_with_a_command_for_each_device(room: Room) -> None:
    unit = await room.add_unit("P-02", NEAR, devices=("body_camera", "handset", "vehicle"))
    incident = await room.open()

    (order,) = await room.send(incident, unit)

    assert (order.number, order.state, order.ver, order.call_sign) == (1, "issued", 1, "P-02")
    assert order.eta_s is not None
    async with room.pool.acquire() as conn:
        (task,) = await commands.after(conn, "P-02-handset", 0)
        assert [each.seq for each in await commands.after(conn, "P-02-body_camera", 0)] == [1]
        assert await commands.after(conn, "P-02-vehicle", 0) == []
    assert task.body["order"] == order.id
    assert task.body["number"] == order.number
    assert task.body["incident"]["place"] == incident.place
    assert task.body["instruction"] == "take the trunk road"
    assert task.body["unit"] == "P-02"
    assert task.priority == "priority"
    assert (await room.incident(incident.id)).status == "assigned"
    assert (await room.kinds())[-2:] == ["decision.taken", "order.issued"]
    assert {("device", "P-02-handset"), ("unit", unit.id), ("incident", incident.id)} <= set(
        room.fanout.published
    )


async def test_each_order_keeps_the_times_of_its_own_unit(room: Room) -> None:
    near, far = await room.add_unit("P-02", NEAR), await room.add_unit("P-05", FAR)
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)

    decision = a_decision(found, unit_ids=[near.id, far.id])
    issued, _ = await room.pipeline.dispatch(incident.id, decision, by=BY)

    shown = {each.unit_id: (each.eta_s, each.eta_p90_s) for each in found.candidates}
    assert {each.unit_id: (each.eta_s, each.eta_p90_s) for each in issued} == shown
    assert len(set(shown.values())) == 2


async def test_several_units_are_sent_all_or_none(room: Room) -> None:
    one, two = await room.add_unit("P-01", NEAR), await room.add_unit("P-02", FAR)
    earlier, incident = await room.open(), await room.open()
    await room.send(earlier, two)
    before = await room.counts()

    with pytest.raises(Conflict) as refused:
        await room.send(incident, one, two)

    assert refused.value.code == "unit_busy"
    assert refused.value.message == "P-02 already has order 1."
    after = await room.counts()
    assert after == before | {
        "recommendation": before["recommendation"] + 1,
        "journal_entry": before["journal_entry"] + 1,
    }
    assert (await room.incident(incident.id)).status == "open"

    (first,) = await room.send(incident, one)
    assert first.call_sign == "P-01"


async def test_two_dispatchers_race_for_a_unit_and_one_hears_that_it_is_busy(room: Room) -> None:
    units = [await room.add_unit(f"P-0{n}", NEAR) for n in range(1, 4)]
    incidents = [await room.open() for _ in range(4)]
    found = [await room.pipeline.recommend(each.id, by=BY) for each in incidents]

    async def send(n: int) -> str:
        # Each names the units in another order: no dispatcher may wait for another for ever.
        chosen = units[n % 3 :] + units[: n % 3]
        try:
            await room.pipeline.dispatch(
                incidents[n].id, a_decision(found[n], *chosen), by=f"user:d{n}"
            )
        except Conflict as refused:
            return refused.code
        return "sent"

    answers = await asyncio.gather(*(send(n) for n in range(4)))

    assert sorted(answers) == ["sent", "unit_busy", "unit_busy", "unit_busy"]
    counts = await room.counts()
    assert (counts["dispatch_order"], counts["decision"], counts["command"]) == (3, 1, 6)


async def test_dispatching_twice_with_one_request_issues_once(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)
    decision = a_decision(found, unit, request_id="d1")

    answers = await asyncio.gather(
        *(room.pipeline.dispatch(incident.id, decision, by=BY) for _ in range(4))
    )

    assert len({issued[0].id for issued, _ in answers}) == 1
    assert sorted(fresh for _, fresh in answers) == [False, False, False, True]
    counts = await room.counts()
    assert (counts["dispatch_order"], counts["command"]) == (1, 2)


async def test_whoever_passes_over_the_first_says_why_and_it_stands_in_the_log(room: Room) -> None:
    near, far = await room.add_unit("P-02", NEAR), await room.add_unit("P-05", FAR)
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)
    silent = a_decision(found, far, reason="")

    with pytest.raises(Impossible) as refused:
        await room.pipeline.dispatch(incident.id, silent, by=BY)
    (order,), _ = await room.pipeline.dispatch(incident.id, a_decision(found, far), by=BY)
    (second,), _ = await room.pipeline.dispatch(
        incident.id, a_decision(found, near, reason=""), by=BY
    )

    assert refused.value.code == "no_reason"
    assert "P-02" in str(refused.value)
    assert (order.call_sign, second.call_sign) == ("P-05", "P-02")
    taken = await room.fetch(
        "SELECT body FROM journal_entry WHERE kind = 'decision.taken' ORDER BY id"
    )
    said = [(each["body"]["passed_over"], each["body"]["reason"]) for each in taken]
    assert said == [("P-02", "knows the place"), (None, "")]


async def test_nobody_need_say_why_not_a_unit_that_got_something_else_to_do(room: Room) -> None:
    near, far = await room.add_unit("P-02", NEAR), await room.add_unit("P-05", FAR)
    mine, other = await room.open(), await room.open()
    found = await room.pipeline.recommend(mine.id, by=BY)
    await room.send(other, near)

    (order,), _ = await room.pipeline.dispatch(mine.id, a_decision(found, far, reason=""), by=BY)

    assert order.call_sign == "P-05"


@pytest.mark.parametrize("changed", ["units", "instruction", "reason"])
async def test_a_used_request_id_never_passes_for_other_orders(room: Room, changed: str) -> None:
    one, two = await room.add_unit("P-01", NEAR), await room.add_unit("P-02", NEAR)
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)
    decision = a_decision(found, one, request_id="d1")
    await room.pipeline.dispatch(incident.id, decision, by=BY)
    other = {
        "units": dataclasses.replace(decision, unit_ids=[two.id]),
        "instruction": dataclasses.replace(decision, instruction="take the old road"),
        "reason": dataclasses.replace(decision, reason="it knows the place"),
    }

    with pytest.raises(Conflict) as refused:
        await room.pipeline.dispatch(incident.id, other[changed], by=BY)

    assert refused.value.code == "request_reused"
    assert [each.call_sign for each in (await room.incident(incident.id)).orders] == ["P-01"]


async def test_a_request_id_of_another_incident_is_refused(room: Room) -> None:
    one, two = await room.add_unit("P-01", NEAR), await room.add_unit("P-02", NEAR)
    first, second = await room.open(), await room.open()
    found = await room.pipeline.recommend(first.id, by=BY)
    await room.pipeline.dispatch(first.id, a_decision(found, one, request_id="d1"), by=BY)
    found = await room.pipeline.recommend(second.id, by=BY)

    with pytest.raises(Conflict) as refused:
        await room.pipeline.dispatch(second.id, a_decision(found, two, request_id="d1"), by=BY)

    assert refused.value.code == "request_reused"


async def test_a_unit_off_duty_is_not_sent(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR, on_duty=False), await room.open()

    with pytest.raises(Conflict) as refused:
        await room.send(incident, unit)

    assert (refused.value.code, refused.value.message) == ("unit_off_duty", "Off duty: P-02.")


async def test_a_unit_that_does_not_exist_is_not_sent(room: Room) -> None:
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)

    with pytest.raises(NotFound):
        await room.pipeline.dispatch(incident.id, a_decision(found, unit_ids=[new_id()]), by=BY)


async def test_a_recommendation_of_another_incident_is_refused(room: Room) -> None:
    unit = await room.add_unit("P-02", NEAR)
    first, second = await room.open(), await room.open()
    found = await room.pipeline.recommend(first.id, by=BY)

    with pytest.raises(Impossible) as refused:
        await room.send(second, unit, found=found)

    assert refused.value.code == "unknown_recommendation"


@pytest.mark.parametrize("count", [0, 21])
async def test_too_few_or_too_many_units_are_refused(room: Room, count: int) -> None:
    incident = await room.open()
    found = await room.pipeline.recommend(incident.id, by=BY)

    with pytest.raises(Impossible) as refused:
        await room.pipeline.dispatch(
            incident.id, a_decision(found, unit_ids=[new_id() for _ in range(count)]), by=BY
        )

    assert refused.value.code == "unit_count"


async def test_a_unit_without_devices_gets_an_order_to_be_told_by_voice(room: Room) -> None:
    unit, incident = await room.add_unit("F-01", None, devices=()), await room.open()

    (order,) = await room.send(incident, unit)

    assert await room.tasks(order) == {}
    told = await room.pipeline.report_by_voice(
        order.id, ver=1, state=OrderState.ACCEPTED, reason="", note="by radio", by=BY
    )
    assert (told.state, told.events[-1].note, told.events[-1].actor) == ("accepted", "by radio", BY)


# -- the end ------------------------------------------------------------------------------


async def test_cancelling_frees_the_unit_tells_its_devices_and_reopens_the_incident(
    room: Room,
) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    (order,) = await room.send(incident, unit)
    tasks = await room.tasks(order)

    cancelled = await room.pipeline.cancel_order(order.id, ver=1, reason="false alarm", by=BY)

    assert (cancelled.state, cancelled.closed_at) == ("cancelled", NOW)
    async with room.pool.acquire() as conn:
        sent = await commands.after(conn, "P-02-handset", 1)
    assert [(each.kind, each.seq) for each in sent] == [("notice", 2)]
    assert sent[0].body["ref"] == tasks["P-02-handset"]
    assert (sent[0].body["why"], sent[0].body["text"]) == ("cancelled", "false alarm")
    assert (await room.incident(incident.id)).status == "open"
    assert (await room.kinds())[-2:] == ["order.cancelled", "incident.unassigned"]
    await room.send(incident, unit)


async def test_cancelling_what_changed_meanwhile_is_stale(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    (order,) = await room.send(incident, unit)
    tasks = await room.tasks(order)
    await room.report("P-02-handset", tasks["P-02-handset"], Report.ACCEPTED, by="B-P-02")

    with pytest.raises(Conflict) as refused:
        await room.pipeline.cancel_order(order.id, ver=1, reason="too late", by=BY)

    assert refused.value.code == "stale"
    assert refused.value.detail == {"order": 1, "state": "accepted", "ver": 2}


async def test_two_cancel_at_once_and_one_is_stale(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    (order,) = await room.send(incident, unit)

    answers = await asyncio.gather(
        *(
            room.pipeline.cancel_order(order.id, ver=1, reason="no", by=f"user:d{n}")
            for n in range(3)
        ),
        return_exceptions=True,
    )

    assert sum(isinstance(answer, Conflict) for answer in answers) == 2
    assert (await room.kinds()).count("order.cancelled") == 1


@pytest.mark.parametrize(
    ("state", "code"),
    [
        (OrderState.FEEDBACK, "not_allowed"),
        (OrderState.SHOWN, "not_allowed"),
        (OrderState.CANCELLED, "not_allowed"),
        (OrderState.UNABLE, "no_reason"),
    ],
)
async def test_what_cannot_be_said_by_voice_is_refused_and_leaves_no_trace(
    room: Room, state: OrderState, code: str
) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    (order,) = await room.send(incident, unit)
    before = await room.counts()

    with pytest.raises(Impossible) as refused:
        await room.pipeline.report_by_voice(order.id, ver=1, state=state, reason="", note="", by=BY)

    assert refused.value.code == code
    assert await room.counts() == before


async def test_closing_waits_for_the_orders(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    (order,) = await room.send(incident, unit)

    with pytest.raises(Conflict) as refused:
        await room.pipeline.close_incident(incident.id, outcome="settled", by=BY)
    await room.pipeline.cancel_order(order.id, ver=1, reason="settled", by=BY)
    closed = await room.pipeline.close_incident(incident.id, outcome="settled", by=BY)

    assert refused.value.code == "orders_open"
    assert (closed.status, closed.outcome, closed.closed_by) == ("closed", "settled", BY)
    with pytest.raises(Conflict) as refused:
        await room.pipeline.close_incident(incident.id, outcome="again", by=BY)
    assert refused.value.code == "incident_closed"
    with pytest.raises(Conflict):
        await room.pipeline.recommend(incident.id, by=BY)


# -- shifts -------------------------------------------------------------------------------


async def test_a_crew_takes_its_rest_along_into_whatever_unit_it_comes_to(room: Room) -> None:
    night, day = await room.add_unit("P-01", NEAR), await room.add_unit("P-02", NEAR, on_duty=False)
    await room.pipeline.set_shift(night.id, on_duty=False, by=BY)
    room.now += timedelta(hours=40)
    first = await room.pipeline.set_shift(night.id, on_duty=True, by=BY)
    room.now += timedelta(hours=8)
    await room.pipeline.set_shift(night.id, on_duty=False, by=BY)
    async with room.pool.acquire() as conn:
        await roster.join_unit(conn, badge="B-P-01", unit_id=day.id)
    room.now += timedelta(hours=6)

    again = await room.pipeline.set_shift(day.id, on_duty=True, by=BY)
    strangers = await room.pipeline.set_shift(night.id, on_duty=True, by=BY)

    assert first.rest_s is None  # the shift before was entered by hand, without a crew
    assert again.rest_s == 6 * 3600
    assert strangers.rest_s is None


async def test_a_shift_starts_and_ends_once(room: Room) -> None:
    unit = await room.add_unit("P-02", NEAR, on_duty=False)

    for on_duty in (True, True, False, False):
        row = await room.pipeline.set_shift(unit.id, on_duty=on_duty, by=BY)
        assert row.status == ("available" if on_duty else "off_duty")

    assert await room.kinds() == ["shift.started", "shift.ended"]
    assert room.fanout.published == [("unit", unit.id)] * 2


async def test_a_busy_unit_cannot_go_off_duty(room: Room) -> None:
    unit, incident = await room.add_unit("P-02", NEAR), await room.open()
    await room.send(incident, unit)

    with pytest.raises(Conflict) as refused:
        await room.pipeline.set_shift(unit.id, on_duty=False, by=BY)

    assert refused.value.code == "unit_busy"


async def test_going_off_duty_and_being_sent_never_both_succeed(room: Room) -> None:
    for n in range(8):
        unit, incident = await room.add_unit(f"P-{n}", NEAR), await room.open()
        found = await room.pipeline.recommend(incident.id, by=BY)

        sent, off = await asyncio.gather(
            room.pipeline.dispatch(incident.id, a_decision(found, unit), by=BY),
            room.pipeline.set_shift(unit.id, on_duty=False, by=BY),
            return_exceptions=True,
        )

        assert isinstance(sent, Conflict) != isinstance(off, Conflict), (sent, off)


# -- all or nothing -----------------------------------------------------------------------


STEPS = ["open", "recommend", "dispatch", "cancel", "report", "close", "shift"]


@pytest.mark.parametrize("step", STEPS)
async def test_when_the_log_cannot_be_written_nothing_is(
    room: Room, step: str, database_url: str
) -> None:
    unit = await room.add_unit("P-02", NEAR)
    empty, incident = await room.open(), await room.open()
    found = await room.pipeline.recommend(empty.id, by=BY)
    (order,) = await room.send(incident, unit)
    tasks = await room.tasks(order)
    other = await room.add_unit("P-03", NEAR)
    before, room.fanout.published = await room.counts(), []
    states = "SELECT state, ver FROM dispatch_order", "SELECT status FROM incident ORDER BY number"
    before_states = [await room.fetch(query) for query in states]
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        "ALTER TABLE journal_entry ADD CONSTRAINT full_disk CHECK (id < 0) NOT VALID"
    )
    await owner.close()

    doing: dict[str, Callable[[], Awaitable[Any]]] = {
        "open": lambda: room.pipeline.open_incident(an_incident(), by=BY),
        "recommend": lambda: room.pipeline.recommend(empty.id, by=BY),
        "dispatch": lambda: room.pipeline.dispatch(empty.id, a_decision(found, other), by=BY),
        "cancel": lambda: room.pipeline.cancel_order(order.id, ver=1, reason="no", by=BY),
        "report": lambda: room.report(
            "P-02-handset", tasks["P-02-handset"], Report.DONE, by="B-P-02"
        ),
        "close": lambda: room.pipeline.close_incident(empty.id, outcome="x", by=BY),
        "shift": lambda: room.pipeline.set_shift(other.id, on_duty=False, by=BY),
    }
    with pytest.raises(asyncpg.CheckViolationError):
        await doing[step]()

    assert await room.counts() == before
    assert [await room.fetch(query) for query in states] == before_states
    assert room.fanout.published == []
