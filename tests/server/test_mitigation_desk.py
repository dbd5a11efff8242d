"""Asked for, answered, kept, taken back: mitigations on real PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Limits, Report
from server.dispatch.answers import Path
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.mitigation import Mitigation
from server.ids import new_id
from server.stores import units
from tests.server.battery_room import BADGE, BY, CAMERA, HANDSET, BatteryRoom, a_battery_room


@pytest.fixture
async def job(pool: Any, small_map: RoadMap) -> AsyncIterator[BatteryRoom]:
    async with a_battery_room(pool, small_map) as room:
        yield room


async def ask(
    job: BatteryRoom, kind: Mitigation = Mitigation.RECORD_LOCALLY, device_id: str = CAMERA
) -> Any:
    return await job.desk.send(job.order.id, device_id=device_id, kind=kind, by=BY)


async def again(job: BatteryRoom, mitigation_id: str) -> Any:
    found = await job.desk.look(job.order.id)
    return next(each for each in found.mitigations if each.id == mitigation_id)


async def test_what_could_be_done_is_told_with_its_effect(job: BatteryRoom) -> None:
    (camera,) = (await job.desk.look(job.order.id)).cameras

    best = camera.proposals[0]
    assert camera.p_last < 0.5
    assert best.effect.p_after > best.effect.p_before == pytest.approx(camera.p_last, abs=1e-3)
    assert camera.likely_min is not None
    assert camera.likely_min < camera.job_min
    assert set(best.instruction) == set(best.words) == {"en", "zh"}


async def test_device_that_can_keeps_the_limits_by_itself(job: BatteryRoom) -> None:
    await job.can_limit()

    sent = await ask(job)
    (command,) = await job.commands(CAMERA, "limits")
    await job.says(CAMERA, command["id"], Report.RECEIVED)
    received = await again(job, sent.id)
    await job.says(CAMERA, command["id"], Report.APPLIED, did=Limits(stream="off"))
    applied = await again(job, sent.id)

    assert sent.by_device
    assert command["body"] == {"limits": {"stream": "off"}, "mitigations": [sent.id]}
    assert received.state == "received"
    assert (applied.state, applied.answered_by) == ("applied", f"device:{CAMERA}")
    assert (await job.room.kinds())[-2:] == ["mitigation.sent", "mitigation.applied"]
    assert ("device", CAMERA) in job.room.fanout.published


async def test_person_is_asked_where_the_device_cannot(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")
    await job.says(HANDSET, advice["id"], Report.SHOWN)
    shown = await again(job, sent.id)
    await job.says(HANDSET, advice["id"], Report.ACCEPTED, by=BADGE)
    accepted = await again(job, sent.id)

    assert not sent.by_device
    assert advice["body"]["why"] == "record_locally"
    assert set(advice["body"]["text"]) == {"en", "zh"}
    assert shown.state == "shown"
    assert (accepted.state, accepted.answered_by) == ("accepted", f"officer:{BADGE}")
    assert await job.commands(CAMERA, "limits") == []


async def test_limits_of_several_go_out_as_one(job: BatteryRoom) -> None:
    await job.can_limit()
    first = await ask(job, Mitigation.SNIPPETS)

    second = await ask(job)

    newest = (await job.commands(CAMERA, "limits"))[-1]["body"]
    assert newest == {"limits": {"stream": "off"}, "mitigations": [first.id, second.id]}


async def test_one_of_a_kind_is_open_for_a_device(job: BatteryRoom) -> None:
    first, second = await asyncio.gather(ask(job), ask(job))

    assert first.id == second.id
    assert len(await job.commands(HANDSET, "advice")) == 1


async def test_device_that_does_not_do_it_is_no_success(job: BatteryRoom) -> None:
    await job.can_limit()
    sent = await ask(job)
    (command,) = await job.commands(CAMERA, "limits")

    await job.says(CAMERA, command["id"], Report.APPLIED, did=Limits(fix_s=60))

    refused = await again(job, sent.id)
    assert (refused.state, refused.ended_why) == ("refused", "refused")
    assert (await job.open())["mitigation_failed"].body["answer"] == "refused"
    lifted = (await job.commands(CAMERA, "limits"))[-1]
    assert lifted["body"] == {"limits": {}, "mitigations": []}
    assert lifted["expires_at"] is None


async def test_unit_that_declines_leaves_it_to_a_person(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")

    await job.says(HANDSET, advice["id"], Report.DECLINED, by=BADGE, reason="no time")

    assert (await again(job, sent.id)).state == "declined"
    assert (await job.open())["mitigation_failed"].body["reason"] == "no time"
    assert (await ask(job)).id != sent.id  # it may be asked again


async def test_who_is_not_of_the_unit_cannot_answer(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")

    await job.says(HANDSET, advice["id"], Report.ACCEPTED, by="B-9999")

    assert (await again(job, sent.id)).state == "sent"
    assert "report_refused" in await job.open()


async def test_person_at_a_terminal_answers_without_a_badge(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")
    crew = await units.crew(job.room.pool, job.order.unit_id)

    await job.says(HANDSET, advice["id"], Report.ACCEPTED)
    assert (await again(job, sent.id)).state == "sent"
    terminal = Path(name="jt808", names_people=False)
    await job.says(HANDSET, advice["id"], Report.ACCEPTED, path=terminal)

    answered = await again(job, sent.id)
    assert (len(crew), answered.state) == (1, "accepted")
    assert answered.answered_by == f"officer:{BADGE}"


async def test_second_answer_changes_nothing(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")
    await job.says(HANDSET, advice["id"], Report.ACCEPTED, by=BADGE)

    await job.says(HANDSET, advice["id"], Report.DECLINED, by=BADGE, reason="after all not")

    assert (await again(job, sent.id)).state == "accepted"


async def test_taken_back_lifts_the_limits(job: BatteryRoom) -> None:
    await job.can_limit()
    sent = await ask(job)
    (command,) = await job.commands(CAMERA, "limits")
    await job.says(CAMERA, command["id"], Report.APPLIED, did=Limits(stream="off"))

    after = await job.desk.take_back(sent.id, reason="needed live", by=BY)

    assert (after.ended_by, after.ended_why) == (BY, "needed live")
    assert (await job.commands(CAMERA, "limits"))[-1]["body"]["limits"] == {}
    with pytest.raises(Conflict, match="over"):
        await job.desk.take_back(sent.id, reason="", by=BY)


async def test_taken_back_before_it_was_answered_asks_nobody_any_more(job: BatteryRoom) -> None:
    sent = await ask(job)
    (advice,) = await job.commands(HANDSET, "advice")

    await job.desk.take_back(sent.id, reason="", by=BY)

    (notice,) = await job.commands(HANDSET, "notice")
    assert notice["body"]["ref"] == advice["id"]


async def test_unit_answers_by_voice(job: BatteryRoom) -> None:
    sent = await ask(job)

    with pytest.raises(Impossible, match="why"):
        await job.desk.answer(sent.id, accepted=False, reason="", by=BY)
    after = await job.desk.answer(sent.id, accepted=True, reason="", by=BY)

    assert (after.state, after.answered_by) == ("accepted", BY)
    with pytest.raises(Conflict, match="answered"):
        await job.desk.answer(sent.id, accepted=True, reason="", by=BY)


async def test_what_is_done_is_planned_with_and_not_proposed_again(job: BatteryRoom) -> None:
    before = (await job.desk.look(job.order.id)).cameras[0]
    sent = await ask(job)
    asked = (await job.desk.look(job.order.id)).cameras[0]
    await job.desk.answer(sent.id, accepted=True, reason="", by=BY)

    after = (await job.desk.look(job.order.id)).cameras[0]

    assert "record_locally" in {each.kind for each in before.proposals}
    assert asked.p_last == before.p_last
    assert after.p_last == pytest.approx(before.proposals[0].effect.p_after, abs=0.15)
    assert "record_locally" not in {each.kind for each in after.proposals}


async def test_what_brings_nothing_is_not_sent(job: BatteryRoom) -> None:
    with pytest.raises(Conflict, match="last any better"):
        await ask(job, Mitigation.LIGHTS_OFF)


async def test_unknown_things_are_said_to_be_so(job: BatteryRoom) -> None:
    with pytest.raises(NotFound, match="no such order"):
        await job.desk.look(new_id())
    with pytest.raises(NotFound, match="no such camera"):
        await ask(job, device_id="cam-99")
    with pytest.raises(NotFound, match="Nothing of that kind"):
        await job.desk.take_back(new_id(), reason="", by=BY)


async def test_order_that_is_over_gets_nothing_any_more(job: BatteryRoom) -> None:
    task = (await job.room.tasks(job.order))[HANDSET]
    await job.room.report(HANDSET, task, Report.DONE, by=BADGE)

    with pytest.raises(Conflict, match="over"):
        await ask(job)


async def test_machines_word_about_an_order_is_not_counted(job: BatteryRoom) -> None:
    """`applied` is for limits alone."""
    task = (await job.room.tasks(job.order))[HANDSET]

    await job.says(HANDSET, task, Report.APPLIED)

    assert "delivery_failed" in await job.open()
