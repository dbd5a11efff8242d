"""Taking orders back, on real PostgreSQL: the old order is dead only when a person confirms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report, State
from server.dispatch.errors import Conflict, Impossible
from server.stores import orders
from server.stores.replacing import Replaced
from server.stores.units import UnitRow, load_some
from server.views import OrderView
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import BY, NOW, a_decision
from tests.server.watch_room import BADGE, CAMERA, HANDSET, Watch, a_watch
from tests.small_county import crossing


@pytest.fixture
async def watch(pool: Any, small_map: RoadMap) -> AsyncIterator[Watch]:
    async with a_watch(pool, small_map) as watch:
        yield watch


async def recalled(watch: Watch) -> OrderView:
    order = await watch.now()
    return await watch.room.order_desk.recall(order.id, ver=order.ver, reason="false call", by=BY)


async def first_unit(watch: Watch) -> UnitRow:
    async with watch.room.pool.acquire() as conn:
        (row,) = await load_some(conn, [watch.order.unit_id])
    return row


async def replaced_by(watch: Watch, row: UnitRow, *, other_incident: bool = False) -> OrderView:
    """Send this unit in place of the order of the watch."""
    incident = await watch.room.open() if other_incident else watch.incident
    found = await watch.room.pipeline.recommend(incident.id, by=BY)
    order = await watch.now()
    gives_way = [Replaced(order_id=order.id, ver=order.ver)]
    wanted = a_decision(found, row, replaces=gives_way, reason="more urgent")
    (sent,), _ = await watch.room.pipeline.dispatch(incident.id, wanted, by=BY)
    return sent


async def test_a_recall_is_a_command_of_its_own_and_the_order_goes_on(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    order = await recalled(watch)

    assert (order.state, order.closed_at) == ("accepted", None)
    assert order.recall is not None
    assert (order.recall.why, order.recall.state, order.recall.reason) == (
        "recalled", "requested", "false call",
    )  # fmt: skip
    for device in (HANDSET, CAMERA):
        assert (await watch.commands(device))[-1] == ("recall", "recalled")
    assert (await watch.room.kinds())[-1] == "order.recall_requested"


async def test_it_ends_the_order_once_a_person_confirms(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await recalled(watch)
    await watch.answers("recall", Report.RECEIVED, by="")
    shown = await watch.answers("recall", Report.SHOWN, by="")
    order = await watch.now()
    assert (shown.applied, order.state) == (True, "accepted")
    assert order.recall is not None
    assert order.recall.state == "shown"

    outcome = await watch.answers("recall", Report.ACCEPTED)

    order = await watch.now()
    assert outcome.applied
    assert (order.state, order.events[-1].actor) == ("recalled", f"officer:{BADGE}")
    assert (await watch.commands(HANDSET))[-1] == ("notice", "recalled")
    assert (await watch.commands(CAMERA))[-1] == ("notice", "recalled")
    assert (await watch.room.incident(watch.incident.id)).status == "open"


async def test_a_machine_cannot_confirm_it(watch: Watch) -> None:
    await recalled(watch)
    outcome = await watch.answers("recall", Report.ACCEPTED, by="")

    assert outcome.why == "no_badge"
    assert (await watch.now()).closed_at is None
    assert "report_refused" in await watch.open()


async def test_an_officer_who_accepted_first_keeps_the_order_and_sees_the_recall(
    watch: Watch,
) -> None:
    await recalled(watch)
    accepted = await watch.says(Report.ACCEPTED)

    order = await watch.now()
    assert accepted.applied
    assert order.state == "accepted"
    assert order.recall is not None
    assert order.recall.state == "requested"


async def test_a_recall_that_nobody_confirms_reaches_a_person_until_it_is(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await recalled(watch)
    await watch.after(60)
    assert set(await watch.open()) == {"recall_unconfirmed"}

    await watch.answers("recall", Report.ACCEPTED)
    await watch.after(61)

    assert await watch.open() == {}
    assert (await watch.settled())["recall_unconfirmed"].why == "recalled"


async def test_a_unit_may_go_on_and_says_why(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    before = await recalled(watch)
    outcome = await watch.answers("recall", Report.DECLINED, reason="a child is hurt here")
    await watch.after(61)

    order = await watch.now()
    assert outcome.applied
    assert (order.state, order.ver) == ("accepted", before.ver + 1)
    assert order.recall is not None
    assert order.recall.state == "declined"
    assert (await watch.open())["recall_declined"].body["reason"] == "a child is hurt here"
    assert "departure" in {each.kind for each in order.timers}, "it is watched as before"


async def test_a_refusal_without_a_reason_does_not_count(watch: Watch) -> None:
    await recalled(watch)
    outcome = await watch.answers("recall", Report.DECLINED)

    assert outcome.why == "no_reason"
    order = await watch.now()
    assert order.recall is not None
    assert order.recall.state == "requested"


async def test_after_a_refusal_only_a_new_recall_can_be_confirmed(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    await recalled(watch)
    await watch.answers("recall", Report.DECLINED, reason="busy")
    late = await watch.answers("recall", Report.ACCEPTED)
    assert late.why == "not_allowed"

    await recalled(watch)
    again = await watch.answers("recall", Report.ACCEPTED)

    assert again.applied
    assert (await watch.now()).state == "recalled"


async def test_the_unit_confirms_by_voice(watch: Watch) -> None:
    order = await recalled(watch)
    desk = watch.room.order_desk
    ended = await desk.recall_answered(order.id, ver=order.ver, confirmed=True, reason="", by=BY)

    assert (ended.state, ended.events[-1].actor) == ("recalled", BY)


async def test_the_dispatcher_may_close_it_with_a_reason(watch: Watch) -> None:
    order = await recalled(watch)
    await watch.room.pipeline.cancel_order(order.id, ver=order.ver, reason="no answer", by=BY)
    late = await watch.answers("recall", Report.ACCEPTED)

    assert (await watch.now()).state == "cancelled"
    assert not late.applied


async def test_who_saw_another_version_must_look_again(watch: Watch) -> None:
    desk, order = watch.room.order_desk, await watch.now()
    await watch.says(Report.ACCEPTED)

    with pytest.raises(Conflict, match="accepted"):
        await desk.recall(order.id, ver=order.ver, reason="false call", by=BY)
    with pytest.raises(Impossible, match="Say why"):
        await desk.recall(order.id, ver=order.ver, reason="", by=BY)
    with pytest.raises(Impossible, match="not recalled"):
        await desk.recall_answered(order.id, ver=order.ver + 1, confirmed=True, reason="", by=BY)


async def test_acceptance_and_recall_at_the_same_moment_are_both_kept(watch: Watch) -> None:
    order = await watch.now()

    async def recall() -> bool:
        try:
            await watch.room.order_desk.recall(order.id, ver=order.ver, reason="x", by=BY)
        except Conflict:
            return False
        return True

    outcome, was_recalled = await asyncio.gather(watch.says(Report.ACCEPTED), recall())

    after = await watch.now()
    assert outcome.applied
    assert after.state == "accepted"
    assert (after.recall is not None) == was_recalled


# -- superseded and handed over -------------------------------------------------------------


async def test_another_order_of_the_unit_supersedes_and_both_show_until_it_lets_go(
    watch: Watch,
) -> None:
    await watch.says(Report.ACCEPTED)
    sent = await replaced_by(watch, await first_unit(watch), other_incident=True)

    old = await watch.now()
    assert (old.state, old.successor_id) == ("accepted", sent.id)
    assert old.recall is not None
    assert old.recall.why == "superseded"
    assert [kind for kind, _ in await watch.commands()] == ["task", "recall", "task"]
    assert (await first_unit(watch)).order_id == sent.id, "the new one is what it is on"

    await watch.answers("recall", Report.ACCEPTED)

    assert (await watch.now()).state == "superseded"
    assert (await first_unit(watch)).order_id == sent.id


async def test_when_the_new_order_falls_through_the_old_one_is_what_the_unit_is_on(
    watch: Watch,
) -> None:
    await watch.says(Report.ACCEPTED)
    sent = await replaced_by(watch, await first_unit(watch), other_incident=True)
    await watch.room.pipeline.cancel_order(sent.id, ver=sent.ver, reason="mistake", by=BY)

    old = await watch.now()
    assert (await first_unit(watch)).order_id == old.id
    assert old.recall is not None
    assert old.recall.why == "recalled"


async def test_a_unit_that_keeps_the_old_order_is_asked_again_and_both_go_on_meanwhile(
    watch: Watch,
) -> None:
    await watch.says(Report.ACCEPTED)
    unit = await first_unit(watch)
    sent = await replaced_by(watch, unit, other_incident=True)
    await watch.answers("recall", Report.DECLINED, reason="nearly there")

    with pytest.raises(Conflict, match="not confirmed yet"):
        await replaced_by(watch, watch.next_best)
    again = await recalled(watch)
    await watch.answers("recall", Report.ACCEPTED)

    assert again.recall is not None
    assert (again.recall.why, again.successor_id) == ("superseded", sent.id)
    assert (await watch.now()).state == "superseded"
    assert (await first_unit(watch)).order_id == sent.id


async def test_the_unit_has_no_third_order_while_two_show(watch: Watch) -> None:
    unit = await first_unit(watch)
    sent = await replaced_by(watch, unit, other_incident=True)
    third = await watch.room.open()
    found = await watch.room.pipeline.recommend(third.id, by=BY)
    pipeline = watch.room.pipeline

    with pytest.raises(Conflict, match="already has order"):
        await pipeline.dispatch(third.id, a_decision(found, unit), by=BY)
    gives_way = [Replaced(order_id=sent.id, ver=sent.ver)]
    with pytest.raises(Conflict, match="not confirmed yet"):
        await pipeline.dispatch(third.id, a_decision(found, unit, replaces=gives_way), by=BY)


async def test_an_order_is_handed_over_to_another_unit(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    sent = await replaced_by(watch, watch.next_best)

    old = await watch.now()
    assert (old.state, old.successor_id) == ("accepted", sent.id)
    assert (await first_unit(watch)).order_id == old.id, "busy until it confirms"

    await watch.answers("recall", Report.ACCEPTED)

    assert (await watch.now()).state == "handed_over"
    assert (await watch.room.incident(watch.incident.id)).status == "assigned"
    assert (await first_unit(watch)).order_id is None


async def test_an_order_of_another_unit_and_incident_is_not_replaced(watch: Watch) -> None:
    with pytest.raises(Impossible, match="another unit and of another incident"):
        await replaced_by(watch, watch.next_best, other_incident=True)

    order = await watch.now()
    assert order.recall is None
    counts = await watch.room.counts()
    assert counts["dispatch_order"] == 1


# -- groups and times -----------------------------------------------------------------------


async def test_orders_of_one_decision_are_a_group_with_an_answer_each(watch: Watch) -> None:
    await watch.says(Report.DECLINED, reason="out of fuel")
    incident = await watch.room.open()
    found = await watch.room.pipeline.recommend(incident.id, by=BY)
    wanted = a_decision(found, await first_unit(watch), watch.next_best)
    orders, _ = await watch.room.pipeline.dispatch(incident.id, wanted, by=BY)
    tasks = await watch.room.tasks(orders[0])
    await watch.room.report(HANDSET, tasks[HANDSET], Report.ACCEPTED, by=BADGE)

    shown = (await watch.room.incident(incident.id)).orders
    assert len({each.decision_id for each in shown}) == 1
    assert {each.call_sign: each.state for each in shown} == {"P-02": "accepted", "P-05": "issued"}


async def test_an_order_may_be_valid_for_a_short_time_only(watch: Watch) -> None:
    incident = await watch.room.open()
    found = await watch.room.pipeline.recommend(incident.id, by=BY)
    wanted = a_decision(found, watch.next_best, valid=timedelta(minutes=5))
    (sent,), _ = await watch.room.pipeline.dispatch(incident.id, wanted, by=BY)

    assert sent.expires_at == NOW + timedelta(minutes=5)
    rows = await watch.room.fetch("SELECT expires_at FROM command WHERE order_id = $1", sent.id)
    assert {row["expires_at"] for row in rows} == {sent.expires_at}
    await watch.after(300)
    shown = (await watch.room.incident(incident.id)).orders
    assert [each.state for each in shown] == ["undeliverable"]


async def test_a_report_keeps_the_clock_of_its_device_and_flags_it_when_off(watch: Watch) -> None:
    for n, offset_s in ((1, 1.5), (2, -7.0)):
        state = State(n=n, id=watch.tasks[HANDSET], s=Report.STANDBY, at=0, by=BADGE)
        async with watch.room.pool.acquire() as conn, conn.transaction():
            await orders.apply_report(
                conn, device_id=HANDSET, state=state, received_at=NOW, clock_offset_s=offset_s
            )

    *_, good, off = (await watch.now()).events
    assert (good.clock_offset_s, good.clock_skewed) == (1.5, False)
    assert (off.clock_offset_s, off.clock_skewed) == (-7.0, True)


async def test_orders_that_give_way_never_hold_a_device_while_they_wait_for_one_before_it(
    watch: Watch,
) -> None:
    """However a dispatcher put them: two such steps cannot lock each other."""
    room = watch.room
    before = await room.add_unit("P-01", crossing(3, 3))
    (first,) = await room.send(watch.incident, before)
    found = await room.pipeline.recommend(watch.incident.id, by=BY)
    gives_way = [Replaced(order_id=each.id, ver=each.ver) for each in (await watch.now(), first)]
    wanted = a_decision(found, watch.next_best, replaces=gives_way, reason="nearer")

    async with room.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM device WHERE id = 'P-01-body_camera' FOR UPDATE")
        sending = asyncio.create_task(room.pipeline.dispatch(watch.incident.id, wanted, by=BY))
        await _waits_for_a_lock(watch)
        free = await room.fetch("SELECT id FROM device ORDER BY id FOR UPDATE SKIP LOCKED")
    await sending

    assert {HANDSET, CAMERA} <= {row["id"] for row in free}


async def _waits_for_a_lock(watch: Watch) -> None:
    waiting = (
        "SELECT FROM pg_locks JOIN pg_stat_activity USING (pid) "
        "WHERE NOT granted AND datname = current_database()"
    )
    async with asyncio.timeout(PATIENCE_S):
        while not await watch.room.fetch(waiting):  # noqa: ASYNC110 (a lock tells nobody)
            await asyncio.sleep(0.01)
