"""Nobody of a unit answers: its leader is asked on his own handset, or a person is told to call."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.timers import Stance
from server.http import devices_admin
from server.http.devices_admin import NewOfficer
from server.http.enrolment import enrol_browser
from server.watchviews import LeaderView
from tests.server.dispatch_room import BY, NOW
from tests.server.field_rows import add_device
from tests.server.test_enrolment import a_lock_is_waited_for
from tests.server.watch_room import CAMERA, HANDSET, Watch, a_watch

LEADER = "0700"
PHONE = "+86 139 0000 0700"


@pytest.fixture
async def watch(pool: Any, small_map: RoadMap) -> AsyncIterator[Watch]:
    """P-02 is led by an officer of P-05, which has the next-best unit's handset."""
    async with a_watch(pool, small_map) as watch:
        leader = NewOfficer(badge=LEADER, name="Mu Feng", phone=PHONE, unit_id=watch.next_best.id)
        async with pool.acquire() as conn, conn.transaction():
            await devices_admin.add_officer(conn, leader, by=BY)
        async with pool.acquire() as conn, conn.transaction():
            await devices_admin.set_leader(conn, watch.order.unit_id, LEADER, by=BY)
        yield watch


async def browser_of(watch: Watch, badge: str) -> str:
    async with watch.room.pool.acquire() as conn, conn.transaction():
        device_id, _ = await enrol_browser(
            conn, f"of {badge}", unit_id=watch.next_best.id, badge=badge, by=BY
        )
    return device_id


async def bodies(watch: Watch, device: str) -> list[Any]:
    rows = await watch.room.fetch(
        "SELECT id, kind, body FROM command WHERE device_id = $1 ORDER BY seq", device
    )
    return [(row["kind"], row["body"] | {"id": row["id"]}) for row in rows]


async def test_the_leader_is_asked_on_his_own_handset_and_nobody_elses(watch: Watch) -> None:
    mine, theirs = await browser_of(watch, LEADER), await browser_of(watch, "B-P-05")
    await watch.after(60)

    ((kind, asked),) = await bodies(watch, mine)
    assert (kind, asked["why"], asked["leader"], asked["unit"]) == (
        "check",
        "leader",
        LEADER,
        "P-02",
    )
    assert (asked["number"], asked["scene"]["place"]) == (
        watch.order.number, watch.incident.place,
    )  # fmt: skip
    assert await bodies(watch, theirs) == []
    assert ("device", mine) in watch.room.fanout.published
    escalation = (await watch.now()).escalation
    assert escalation is not None
    leader = LeaderView(badge=LEADER, name="Mu Feng", phone=PHONE, call_sign="P-05")
    assert (escalation.leader, escalation.leader_devices) == (leader, [mine])


async def test_the_handset_of_the_unit_he_is_in_reaches_him(watch: Watch) -> None:
    await watch.room.pool.execute("UPDATE device SET token_hash = ''")
    await watch.after(60)

    assert [kind for kind, _ in await bodies(watch, "P-05-handset")] == ["check"]
    assert await bodies(watch, "P-05-body_camera") == [], "it cannot ask"


async def test_a_leader_without_a_handset_is_to_be_called(watch: Watch) -> None:
    await watch.after(60)

    item = (await watch.open())["escalated"]
    assert item.body["leader_devices"] == []
    assert item.body["leader"] == {
        "badge": LEADER, "name": "Mu Feng", "phone": PHONE, "call_sign": "P-05",
    }  # fmt: skip


async def test_the_log_which_keeps_all_for_ever_has_no_telephone_number_of_his(
    watch: Watch,
) -> None:
    mine = await browser_of(watch, LEADER)
    ((before,),) = await watch.room.fetch("SELECT max(id) FROM journal_entry")
    await watch.after(60)
    ((_, asked),) = await bodies(watch, mine)
    await watch.room.report(mine, asked["id"], Report.ACCEPTED, by=LEADER)
    await watch.after(600)

    said = await watch.room.fetch(
        "SELECT kind, body FROM journal_entry WHERE id > $1 AND body ? 'leader' ORDER BY id",
        before,
    )
    assert [row["kind"] for row in said] == [
        "order.escalated", "order.leader_answered", "order.escalated",
    ]  # fmt: skip
    who = {"badge": LEADER, "name": "Mu Feng", "call_sign": "P-05"}
    assert [row["body"]["leader"] for row in said] == [who] * 3
    assert (await watch.open())["escalated"].body["leader"] == who | {"phone": PHONE}


async def test_where_an_order_expires_no_device_is_told_before_his_is_held(
    watch: Watch, database_url: str
) -> None:
    await add_device(watch.room.pool, "A-01", kind="handset", unit_id=watch.next_best.id)
    await watch.after(60)
    assert [kind for kind, _ in await bodies(watch, "A-01")] == ["check"]
    watch.room.now = NOW + timedelta(hours=5)

    async with watch.room.pool.acquire() as other, other.transaction():
        await other.execute("SELECT FROM device WHERE id = 'A-01' FOR UPDATE")
        looking = asyncio.create_task(watch.keeper.look())
        await a_lock_is_waited_for(database_url)
        free = await watch.room.fetch("SELECT id FROM device FOR UPDATE SKIP LOCKED")
    await looking

    assert {HANDSET, CAMERA} <= {row["id"] for row in free}
    assert [kind for kind, _ in await bodies(watch, "A-01")] == ["check", "notice"]


async def test_he_sees_to_it_and_the_order_is_still_the_units(watch: Watch) -> None:
    mine = await browser_of(watch, LEADER)
    await watch.after(60)
    ((_, asked),) = await bodies(watch, mine)

    said = await watch.room.report(mine, asked["id"], Report.ACCEPTED, by=LEADER)

    assert said.applied
    now = await watch.now()
    assert (now.state, now.ver) == (watch.order.state, watch.order.ver)
    assert now.escalation is not None
    assert now.escalation.leader_answer == "accepted"
    assert now.events[-1].state == "leader_took"
    assert now.events[-1].actor == f"officer:{LEADER}"
    item = (await watch.open())["escalated"]
    assert (item.body["leader_answer"], item.times) == ("accepted", 1)
    assert (await watch.room.kinds())[-1] == "order.leader_answered"
    await watch.after(120)
    assert (await watch.open())["escalated"].body["leader_answer"] == "accepted"


async def test_that_he_cannot_is_told_to_a_person_until_the_unit_answers(watch: Watch) -> None:
    mine = await browser_of(watch, LEADER)
    await watch.after(60)
    ((_, asked),) = await bodies(watch, mine)

    await watch.room.report(mine, asked["id"], Report.DECLINED, by=LEADER, reason="on leave today")

    item = (await watch.open())["leader_declined"]
    assert (item.severity, item.body["reason"]) == ("warning", "on leave today")
    await watch.says(Report.ACCEPTED)
    await watch.after(61)
    assert await watch.open() == {}


async def test_that_he_cannot_counts_also_where_another_handset_of_his_said_he_sees_to_it(
    watch: Watch,
) -> None:
    mine = await browser_of(watch, LEADER)
    await add_device(watch.room.pool, "A-01", kind="handset", unit_id=watch.next_best.id)
    await watch.after(60)
    ((_, first),), ((_, second),) = await bodies(watch, mine), await bodies(watch, "A-01")

    await watch.room.report(mine, first["id"], Report.ACCEPTED, by=LEADER)
    said = await watch.room.report("A-01", second["id"], Report.DECLINED, by=LEADER, reason="far")
    again = await watch.room.report(mine, first["id"], Report.ACCEPTED, by=LEADER)

    assert (said.applied, again.why) == (True, "late")
    items = await watch.open()
    assert items["leader_declined"].body["reason"] == "far"
    assert items["escalated"].body["leader_answer"] == "declined"
    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.leader_answer == "declined"


async def test_only_he_can_answer(watch: Watch) -> None:
    mine = await browser_of(watch, LEADER)
    await watch.after(60)
    ((_, asked),) = await bodies(watch, mine)

    said = await watch.room.report(mine, asked["id"], Report.ACCEPTED, by="B-P-02")

    assert (said.applied, said.why) == (False, "not_in_unit")
    assert "report_refused" in await watch.open()
    escalation = (await watch.now()).escalation
    assert escalation is not None
    assert escalation.leader_answer is None


async def test_he_hears_that_the_unit_answered_and_comes_too_late_himself(watch: Watch) -> None:
    mine = await browser_of(watch, LEADER)
    await watch.after(60)
    ((_, asked),) = await bodies(watch, mine)
    await watch.says(Report.ACCEPTED)
    await watch.after(61)

    _, (kind, told) = await bodies(watch, mine)
    assert (kind, told["ref"], told["why"], told["became"]) == (
        "notice", asked["id"], "closed", "accepted",
    )  # fmt: skip
    said = await watch.room.report(mine, asked["id"], Report.ACCEPTED, by=LEADER)
    assert (said.applied, said.why) == (False, "late")


async def test_in_war_he_is_asked_and_the_next_unit_sent_at_once(watch: Watch) -> None:
    mine = await browser_of(watch, LEADER)
    watch.stance[0] = Stance(war=True, offers=True)
    await watch.keeper.look_at_all()
    await watch.after(40)

    assert sorted(kind for kind, _ in await bodies(watch, mine)) == ["check", "task"]


async def test_a_unit_without_a_leader_says_so(watch: Watch) -> None:
    async with watch.room.pool.acquire() as conn, conn.transaction():
        await devices_admin.set_leader(conn, watch.order.unit_id, None, by=BY)
    await watch.after(60)

    assert (await watch.open())["escalated"].body["leader"] is None
