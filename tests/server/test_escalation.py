"""Nobody answers: the next-best unit is proposed or sent, and two on one job are an alarm."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from msgspec import structs

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.errors import Conflict
from server.dispatch.timers import Stance
from server.stores.units import UnitRow
from tests.server.dispatch_room import BY, NOW, a_decision
from tests.server.watch_room import Watch, a_watch
from tests.small_county import crossing


@pytest.fixture
async def watch(pool: Any, small_map: RoadMap) -> AsyncIterator[Watch]:
    async with a_watch(pool, small_map) as watch:
        yield watch


async def test_the_proposed_unit_is_sent_and_the_first_accepts_after_all(watch: Watch) -> None:
    await watch.says(Report.SHOWN, by="")
    await watch.after(60)
    await _send_the_proposed(watch)
    await watch.after(61)
    assert "two_units" not in await watch.open(), "the first has said nothing yet"

    await watch.says(Report.ACCEPTED)
    await watch.after(62)

    item = (await watch.open())["two_units"]
    assert (item.severity, item.order_id) == ("alarm", watch.order.id)


async def test_a_proposal_is_taken_once(watch: Watch) -> None:
    third = await watch.room.add_unit("P-06", crossing(0, 0))
    await watch.says(Report.SHOWN, by="")
    await watch.after(60)
    await _send_the_proposed(watch)

    with pytest.raises(Conflict) as refused:
        await _send_the_proposed(watch, third)

    assert refused.value.code == "escalation_followed"
    assert len((await watch.room.incident(watch.incident.id)).orders) == 2


async def test_all_units_of_a_decision_are_in_its_place(watch: Watch) -> None:
    third = await watch.room.add_unit("P-06", crossing(0, 0))
    await watch.says(Report.SHOWN, by="")
    await watch.after(60)
    await _send_the_proposed(watch, watch.next_best, third)
    _, second, last = (await watch.room.incident(watch.incident.id)).orders
    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert set(escalation.offered_order_ids) == {second.id, last.id}
    await watch.says(Report.ACCEPTED)
    await watch.after(61)
    assert (await watch.open())["two_units"].body["sent_instead"] == [second.number, last.number]

    await watch.others_say(second, Report.DECLINED, reason="the bridge is gone")
    await watch.after(62)
    assert "two_units" in await watch.open(), "the third is still on the job"
    await watch.others_say(last, Report.DECLINED, reason="so here")
    await watch.after(63)

    assert "two_units" not in await watch.open()


async def test_an_escalation_of_another_incident_is_not_followed(watch: Watch) -> None:
    await watch.says(Report.SHOWN, by="")
    await watch.after(60)
    escalation = (await watch.now()).escalation
    assert escalation is not None
    other = await watch.room.open()
    found = await watch.room.pipeline.recommend(other.id, by=BY)
    decision = a_decision(found, watch.next_best, escalation_id=escalation.id)

    with pytest.raises(Conflict) as refused:
        await watch.room.pipeline.dispatch(other.id, decision, by=BY)

    assert refused.value.code == "escalation_followed"


async def test_it_asked_to_wait_and_then_accepts_while_another_is_on_the_job(
    watch: Watch,
) -> None:
    await _war_with_offers(watch)
    await watch.after(40)
    await watch.says(Report.STANDBY, until=_ms(100))
    await watch.after(41)
    assert "two_units" not in await watch.open()

    await watch.says(Report.ACCEPTED)
    await watch.after(43)

    assert "two_units" in await watch.open()


async def test_an_order_that_goes_out_by_itself_and_waits_for_a_device_is_said_to_wait(
    watch: Watch,
) -> None:
    await _war_with_offers(watch)
    for unit in watch.room.live.units():
        devices = [structs.replace(each, online=False) for each in unit.devices]
        watch.room.live.show(structs.replace(unit, devices=devices))

    await watch.after(40)

    _, second = (await watch.room.incident(watch.incident.id)).orders
    (entry,) = await watch.room.fetch("SELECT * FROM journal_entry WHERE kind = 'order.queued'")
    assert (entry["actor"], entry["subject"]) == ("system", f"order:{second.id}")
    assert entry["body"]["call_sign"] == second.call_sign


async def test_nobody_else_is_sent_when_the_time_it_asked_for_is_over(watch: Watch) -> None:
    await _with_a_third(watch)
    await _war_with_offers(watch)
    await watch.after(40)
    second = (await watch.room.incident(watch.incident.id)).orders[1]
    await watch.others_say(second, Report.ACCEPTED)
    await watch.says(Report.STANDBY, until=_ms(100))
    await watch.after(41)

    await watch.after(141)

    assert len((await watch.room.incident(watch.incident.id)).orders) == 2
    escalation = (await watch.now()).escalation
    assert escalation is not None, "the leader still hears that it does not answer"
    assert (escalation.proposal, escalation.offered_order_ids) == (None, [second.id])


async def test_the_unit_in_between_declines_and_the_first_and_the_last_accept(
    watch: Watch,
) -> None:
    await _with_a_third(watch)
    await _war_with_offers(watch)
    await watch.after(40)
    await watch.after(80.5)
    _, second, third = (await watch.room.incident(watch.incident.id)).orders
    await watch.others_say(second, Report.DECLINED, reason="the bridge is gone")
    await watch.says(Report.ACCEPTED)
    await watch.others_say(third, Report.ACCEPTED)

    await watch.after(83)

    assert (await watch.open())["two_units"].order_id == watch.order.id


async def test_two_units_that_a_person_left_on_the_job_stay_so(watch: Watch) -> None:
    await _war_with_offers(watch)
    await watch.after(40)
    await watch.says(Report.ACCEPTED)
    await watch.after(41)
    item = (await watch.open())["two_units"]
    await watch.room.order_desk.settle(item.id, reason="both are needed", by=BY)

    await watch.says(Report.EN_ROUTE)
    await watch.after(50)

    assert "two_units" not in await watch.open()


async def test_in_war_the_next_unit_is_sent_only_where_that_is_allowed(watch: Watch) -> None:
    watch.stance[0] = Stance(war=True)
    await watch.keeper.look_at_all()
    await watch.after(40)

    assert len((await watch.room.incident(watch.incident.id)).orders) == 1


async def test_in_war_the_next_unit_may_be_sent_at_once_and_once(watch: Watch) -> None:
    watch.stance[0] = Stance(war=True, offers=True)
    await watch.keeper.look_at_all()
    await watch.after(40)
    await watch.after(80)

    first, second = (await watch.room.incident(watch.incident.id)).orders
    assert (second.call_sign, second.issued_by) == ("P-05", "system")
    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.offered_order_ids == [second.id]
    assert (await watch.commands("P-05-handset"))[0] == ("task", "")
    assert first.id == watch.order.id


async def test_two_units_on_one_job_are_an_alarm_until_one_is_left(watch: Watch) -> None:
    watch.stance[0] = Stance(war=True, offers=True)
    await watch.keeper.look_at_all()
    await watch.after(40)
    await watch.says(Report.ACCEPTED)
    await watch.after(41)
    assert (await watch.open())["two_units"].severity == "alarm"

    second = (await watch.room.incident(watch.incident.id)).orders[1]
    await watch.room.pipeline.cancel_order(second.id, ver=second.ver, reason="not needed", by=BY)
    await watch.after(42)

    assert "two_units" not in await watch.open()


async def _send_the_proposed(watch: Watch, *units: UnitRow) -> None:
    escalation = (await watch.now()).escalation
    assert escalation is not None
    found = await watch.room.pipeline.recommend(watch.incident.id, by=BY)
    decision = a_decision(found, *(units or (watch.next_best,)), escalation_id=escalation.id)
    await watch.room.pipeline.dispatch(watch.incident.id, decision, by=BY)


async def _with_a_third(watch: Watch) -> None:
    await watch.room.add_unit("P-06", crossing(0, 0))
    await watch.room.pipeline.recommend(watch.incident.id, by=BY)


async def _war_with_offers(watch: Watch) -> None:
    watch.stance[0] = Stance(war=True, offers=True)
    await watch.keeper.look_at_all()


def _ms(seconds: float) -> int:
    return int((NOW + timedelta(seconds=seconds)).timestamp() * 1000)
