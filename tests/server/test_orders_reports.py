"""What devices report about an order, on real PostgreSQL: applied, kept as history, never lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.errors import FrameTooLarge
from protocols.native import FRAME_BYTES_MAX, Report
from server.stores import commands, stance
from server.stores.stepping import COMMAND_TTL
from server.stores.units import UnitRow, load_units
from server.views import IncidentView, OrderView
from tests.server.dispatch_room import BY, NOW, Room, a_room
from tests.small_county import crossing

BADGE = "B-P-02"
UNKNOWN_ID = "01890a5d-ac96-774b-bcce-b302099a8057"
"""Well formed, of no command."""
HANDSET, CAMERA = "P-02-handset", "P-02-body_camera"


class Job:
    """One incident with one order to P-02."""

    def __init__(self, room: Room, incident: IncidentView, order: OrderView, tasks: dict[str, str]):
        self.room, self.incident, self.order, self.tasks = room, incident, order, tasks

    async def says(self, said: Report, *, device: str = HANDSET, **values: Any) -> Any:
        return await self.room.report(device, self.tasks[device], said, **values)

    async def now(self) -> OrderView:
        (order,) = (await self.room.incident(self.incident.id)).orders
        return order


@pytest.fixture
async def room(pool: Any, small_map: RoadMap) -> AsyncIterator[Room]:
    async with a_room(pool, small_map) as room:
        yield room


@pytest.fixture
async def job(room: Room) -> Job:
    unit = await room.add_unit("P-02", crossing(4, 2))
    incident = await room.open()
    (order,) = await room.send(incident, unit)
    room.fanout.published.clear()
    return Job(room, incident, order, await room.tasks(order))


async def _unit(room: Room) -> UnitRow:
    async with room.pool.acquire() as conn:
        (row,) = await load_units(conn)
    return row


async def test_an_order_goes_from_issued_to_done_and_the_incident_closes(job: Job) -> None:
    steps = [
        (Report.RECEIVED, "", "delivered", "assigned"),
        (Report.SHOWN, "", "shown", "assigned"),
        (Report.ACCEPTED, BADGE, "accepted", "assigned"),
        (Report.EN_ROUTE, BADGE, "en_route", "en_route"),
        (Report.ON_SCENE, BADGE, "on_scene", "on_scene"),
        (Report.FEEDBACK, BADGE, "feedback", "on_scene"),
        (Report.FEEDBACK, BADGE, "feedback", "on_scene"),
        (Report.DONE, BADGE, "done", "available"),
    ]
    for said, by, state, status in steps:
        outcome = await job.says(said, by=by)

        assert outcome.applied
        assert (await job.now()).state == state
        assert (await _unit(job.room)).status == status

    order = await job.now()
    assert order.ver == 9
    assert order.closed_at == NOW
    assert [event.state for event in order.events] == [
        "issued", "delivered", "shown", "accepted", "en_route", "on_scene",
        "feedback", "feedback", "done",
    ]  # fmt: skip
    assert order.events[1].actor == f"device:{HANDSET}"
    assert order.events[3].actor == f"officer:{BADGE}"
    assert (order.events[3].device_at, order.events[3].lon) == (NOW, 100.26)
    incident = await job.room.incident(job.incident.id)
    assert (incident.status, incident.outcome, incident.closed_by) == ("closed", "done", "system")
    assert (await job.room.kinds())[-9:] == [
        "order.delivered", "order.shown", "order.accepted", "order.en_route", "order.on_scene",
        "order.feedback", "order.feedback", "order.done", "incident.closed",
    ]  # fmt: skip


async def test_whichever_device_reports_first_moves_the_order(job: Job) -> None:
    await job.says(Report.RECEIVED, device=CAMERA)
    outcome = await job.says(Report.RECEIVED, device=HANDSET)

    assert (outcome.applied, outcome.why) == (False, "late")
    order = await job.now()
    assert (order.state, order.ver) == ("delivered", 2)
    assert [(event.applied, event.device_id) for event in order.events[1:]] == [
        (True, CAMERA),
        (False, HANDSET),
    ]


async def test_a_late_lower_state_is_history(job: Job) -> None:
    await job.says(Report.ACCEPTED, by=BADGE)
    outcome = await job.says(Report.SHOWN)

    assert outcome.why == "late"
    order = await job.now()
    assert order.state == "accepted"
    assert (order.events[-1].state, order.events[-1].applied) == ("shown", False)


async def test_unable_says_why_and_the_incident_needs_a_unit_again(job: Job) -> None:
    outcome = await job.says(Report.DECLINED, by=BADGE, reason="road is blocked")

    assert outcome.applied
    order = await job.now()
    assert (order.state, order.events[-1].reason) == ("unable", "road is blocked")
    assert (await job.room.incident(job.incident.id)).status == "open"
    assert (await job.room.kinds())[-3:] == ["order.unable", "incident.unassigned", "work.raised"]


@pytest.mark.parametrize(
    ("said", "values", "why"),
    [
        (Report.ACCEPTED, {}, "no_badge"),
        (Report.ACCEPTED, {"by": "B-P-99"}, "not_in_unit"),
        (Report.DECLINED, {"by": BADGE}, "no_reason"),
        (Report.FEEDBACK, {"by": BADGE}, "not_allowed"),
    ],
)
async def test_what_breaks_the_rules_is_kept_and_changes_nothing(
    job: Job, said: Report, values: dict[str, str], why: str
) -> None:
    outcome = await job.says(said, **values)

    assert (outcome.applied, outcome.why) == (False, why)
    order = await job.now()
    assert (order.state, order.ver) == ("issued", 1)
    assert order.events[-1].applied is False
    (entry,) = await job.room.fetch(
        "SELECT actor, body FROM journal_entry WHERE kind = 'order.report_ignored'"
    )
    assert entry["body"]["why"] == why
    assert entry["actor"] == (
        f"officer:{BADGE}" if values.get("by") == BADGE else f"device:{HANDSET}"
    )


async def test_acceptance_after_the_cancellation_is_kept_and_the_order_stays_cancelled(
    job: Job,
) -> None:
    await job.room.pipeline.cancel_order(job.order.id, ver=1, reason="false alarm", by=BY)

    outcome = await job.says(Report.ACCEPTED, by=BADGE)

    assert outcome.why == "closed"
    assert (await job.now()).state == "cancelled"
    assert (await job.room.kinds())[-2:] == ["order.report_ignored", "work.raised"]


async def test_the_receipt_of_a_notice_is_logged_and_changes_nothing(job: Job) -> None:
    await job.room.pipeline.cancel_order(job.order.id, ver=1, reason="false alarm", by=BY)
    async with job.room.pool.acquire() as conn:
        (notice,) = await commands.after(conn, HANDSET, 1)

    outcome = await job.room.report(HANDSET, notice.id, Report.RECEIVED)

    assert (outcome.applied, outcome.why) == (False, "notice")
    assert (await job.room.kinds())[-1] == "order.notice_received"


async def test_the_receipt_of_a_notice_that_belongs_to_no_order_is_the_devices_own(
    job: Job,
) -> None:
    async with job.room.pool.acquire() as conn:
        await stance.tell(conn, [HANDSET], None, at=NOW)
        (notice,) = await commands.after(conn, HANDSET, 1)

    await job.room.report(HANDSET, notice.id, Report.RECEIVED)

    query = "SELECT subject, kind FROM journal_entry ORDER BY id DESC LIMIT 1"
    async with job.room.pool.acquire() as conn:
        row = await conn.fetchrow(query)
    assert tuple(row) == (f"device:{HANDSET}", "device.notice_received")


async def test_the_receipt_of_the_notice_of_an_expired_task_is_no_delivery(job: Job) -> None:
    job.room.now = NOW + COMMAND_TTL
    outcomes = [await job.says(said) for said in (Report.RECEIVED, Report.SHOWN)]

    assert [(each.applied, each.why) for each in outcomes] == [(False, "notice")] * 2
    assert (await job.now()).state == "issued"
    assert (await job.room.kinds())[-1] == "order.notice_received"


@pytest.mark.parametrize(("after", "applied"), [(timedelta(minutes=1), True), (COMMAND_TTL, False)])
async def test_what_a_late_report_received_of_a_task_that_was_sent_its_own_time_tells(
    job: Job, after: timedelta, applied: bool
) -> None:
    async with job.room.pool.acquire() as conn:
        await commands.mark_sent(conn, [job.tasks[HANDSET]], at=NOW)
    job.room.now = NOW + COMMAND_TTL + timedelta(hours=1)

    outcome = await job.says(Report.RECEIVED, at=NOW + after)

    assert outcome.applied is applied


async def test_a_person_who_takes_an_expired_order_is_believed(job: Job) -> None:
    job.room.now = NOW + COMMAND_TTL

    outcome = await job.says(Report.ACCEPTED, by=BADGE)

    assert outcome.applied
    assert (await job.now()).state == "accepted"


@pytest.mark.parametrize("command_id", ["", "no-such-thing", "\0", UNKNOWN_ID])
async def test_a_report_about_an_unknown_command_is_logged_and_swallowed(
    job: Job, command_id: str
) -> None:
    outcome = await job.room.report(HANDSET, command_id, Report.RECEIVED)

    assert (outcome.applied, outcome.why, outcome.order_id) == (False, "unknown", None)
    assert (await job.room.kinds())[-2:] == ["order.report_ignored", "work.raised"]


async def test_a_device_cannot_report_about_another_devices_command(job: Job) -> None:
    outcome = await job.room.report(CAMERA, job.tasks[HANDSET], Report.ACCEPTED, by=BADGE)

    assert outcome.why == "unknown"
    assert (await job.now()).state == "issued"


async def test_a_note_with_nul_does_not_block_the_device(job: Job) -> None:
    await job.says(Report.ACCEPTED, by=BADGE)

    outcome = await job.says(Report.FEEDBACK, by=BADGE, note="on\0 the way")

    assert outcome.applied
    order = await job.now()
    assert (order.state, order.events[-1].note) == ("accepted", "on the way")


async def test_when_one_device_ends_the_order_the_other_is_told(job: Job) -> None:
    outcome = await job.says(Report.DONE, by=BADGE)

    async with job.room.pool.acquire() as conn:
        assert await commands.after(conn, HANDSET, 1) == []
        (notice,) = await commands.after(conn, CAMERA, 1)
    assert (notice.kind, notice.body["ref"], notice.body["why"]) == (
        "notice",
        job.tasks[CAMERA],
        "done",
    )
    assert ("device", CAMERA) in outcome.hints
    assert ("unit", job.order.unit_id) in outcome.hints
    assert ("incident", job.incident.id) in outcome.hints


async def test_both_devices_report_at_once_and_no_step_is_lost(job: Job) -> None:
    outcomes = await asyncio.gather(
        *(job.says(said, device=device, by=BADGE)
          for device in (HANDSET, CAMERA)
          for said in (Report.RECEIVED, Report.SHOWN, Report.ACCEPTED, Report.EN_ROUTE))
    )  # fmt: skip

    order = await job.now()
    assert order.state == "en_route"
    assert len(order.events) == 9
    assert order.ver == 1 + sum(outcome.applied for outcome in outcomes)


async def test_the_last_of_two_orders_decides_the_incident(room: Room) -> None:
    one, two = await room.add_unit("P-01", None), await room.add_unit("P-02", None)
    incident = await room.open()
    first, second = await room.send(incident, one, two)
    tasks = await room.tasks(first) | await room.tasks(second)

    await room.report("P-01-handset", tasks["P-01-handset"], Report.DONE, by="B-P-01")
    between = await room.incident(incident.id)
    await room.report("P-02-handset", tasks["P-02-handset"], Report.DONE, by="B-P-02")
    end = await room.incident(incident.id)

    assert (between.status, end.status) == ("assigned", "closed")


async def test_a_device_that_remembers_nothing_gets_open_tasks_and_notices(job: Job) -> None:
    async with job.room.pool.acquire() as conn:
        (task,) = await commands.open_for(conn, HANDSET, now=NOW)
        later = await commands.open_for(conn, HANDSET, now=NOW.replace(day=1, month=2))
    await job.room.pipeline.cancel_order(job.order.id, ver=1, reason="false alarm", by=BY)
    async with job.room.pool.acquire() as conn:
        rest = await commands.open_for(conn, HANDSET, now=NOW)

    assert task.id == job.tasks[HANDSET]
    assert [each.id for each in later] == [task.id], "past its time, it is told as missed"
    assert [each.kind for each in rest] == ["notice"]


async def test_the_first_time_of_sending_is_kept(job: Job) -> None:
    async with job.room.pool.acquire() as conn:
        await commands.mark_sent(conn, [job.tasks[HANDSET]], at=NOW)
        await commands.mark_sent(conn, [job.tasks[HANDSET]], at=NOW.replace(hour=9))
        (task,) = await commands.after(conn, HANDSET, 0)

    assert task.sent_at == NOW


async def test_a_command_for_an_unknown_device_is_an_error(room: Room) -> None:
    async with room.pool.acquire() as conn:
        with pytest.raises(LookupError, match="no device 'ghost'"):
            await commands.enqueue(
                conn,
                device_id="ghost",
                kind="notice",
                priority="routine",
                body={},
                order_id=None,
                expires_at=None,
                now=NOW,
            )


async def test_a_command_that_no_frame_holds_is_refused_before_it_is_in_the_log(room: Room) -> None:
    await room.add_unit("P-09")

    with pytest.raises(FrameTooLarge):
        async with room.pool.acquire() as conn, conn.transaction():
            await commands.enqueue(
                conn,
                device_id="P-09-handset",
                kind="notice",
                priority="routine",
                body={"text": "x" * FRAME_BYTES_MAX},
                order_id=None,
                expires_at=None,
                now=NOW,
            )

    (device,) = await room.fetch("SELECT head_seq FROM device WHERE id = 'P-09-handset'")
    assert device["head_seq"] == 0
