"""Orders to a TAK client as chat, and how far they came by its receipts and its officer's words."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from devices.tak.naming import ROOM
from protocols.cot import chat, control
from protocols.cot.chat import Message, Outcome
from server.dispatch.orders import OrderState, Speaker, Statement
from server.gateways.tak import correspondence
from server.orderdesk import take_step
from server.stores import incidents, order_rows, recalls
from server.stores.pool import Pool
from tests.server.field_room import OpenOrder, enqueue, utc_now
from tests.server.field_rows import until
from tests.server.tak_room import UID, TakHouse, TakPeer, tak_house

OFFICER = "officer:0107"
MACHINE = "device:tak-0107"


@pytest.fixture
async def house(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TakHouse]:
    async with tak_house(pool, tmp_path, monkeypatch) as house:
        yield house


async def told(peer: TakPeer, order: OpenOrder) -> Message:
    """The client says where it is, and has its order."""
    await peer.report()
    return await peer.line(lambda message: message.id == order.command_id)


async def test_an_order_is_delivered_read_and_accepted_by_its_officer(house: TakHouse) -> None:
    order = await house.order()
    async with house.peer(await house.certify(badge="0107")) as peer:
        line = await told(peer, order)
        await house.row_appears("SELECT true FROM command WHERE sent_at IS NOT NULL")
        await peer.confirm(line, Outcome.DELIVERED)
        await house.state_is(order.order_id, "delivered")
        await peer.confirm(line, Outcome.READ)
        await house.state_is(order.order_id, "shown")
        await peer.confirm(line, Outcome.DELIVERED)  # late, as it really happens
        for word, state in (
            ("收到", "accepted"),
            ("出发 走老路", "en_route"),
            ("A17 到达", "on_scene"),
            ("双方已分开", "feedback"),
            ("完成", "done"),
        ):
            said = await peer.write(word)
            await house.state_is(order.order_id, state)
            receipt = await peer.hear(lambda event: event.type == Outcome.DELIVERED)
            assert receipt.uid == said.id

    assert line.sender_uid == ROOM
    assert line.text.startswith("A17 优先 ")
    assert "去2号卡点" in line.text
    assert "1 收到" in line.text
    steps = await house.states(order.order_id)
    assert steps == [
        ("delivered", True, MACHINE, "tak"),
        ("shown", True, MACHINE, "tak"),
        ("accepted", True, OFFICER, "tak"),
        ("en_route", True, OFFICER, "tak"),
        ("on_scene", True, OFFICER, "tak"),
        ("feedback", True, OFFICER, "tak"),
        ("done", True, OFFICER, "tak"),
    ]
    notes = await house.pool.fetch("SELECT note FROM order_event WHERE note <> '' ORDER BY id")
    assert [row["note"] for row in notes] == ["走老路", "双方已分开"]


async def test_who_connects_again_is_told_the_same_once_more_and_nothing_happens_twice(
    house: TakHouse,
) -> None:
    order = await house.order()
    issued = await house.certify(badge="0107")
    async with house.peer(issued) as peer:
        first = await told(peer, order)
    async with house.peer(issued) as peer:
        again = await told(peer, order)
        await peer.confirm(again, Outcome.DELIVERED)
        await house.state_is(order.order_id, "delivered")
    async with house.peer(issued) as peer:
        await peer.report()
        await peer.confirm(again, Outcome.READ)
        await house.state_is(order.order_id, "shown")
        said = await peer.write("1")
        await house.state_is(order.order_id, "accepted")
        await peer.write("1", id=said.id)
        await peer.say(control.ping(UID, utc_now()))
        await peer.hear(lambda event: event.type == control.PONG)
        lines = [chat.read_message(event) for event in peer.heard if event.type == chat.CHAT]

    assert (first.id, first.text) == (again.id, again.text)
    assert order.command_id not in [line.id for line in lines if line is not None]
    assert [step[0] for step in await house.states(order.order_id)] == [
        "delivered",
        "shown",
        "accepted",
    ]


async def test_a_refusal_gives_its_reason(house: TakHouse) -> None:
    order = await house.order()
    async with house.peer(await house.certify(badge="0107")) as peer:
        await told(peer, order)
        await peer.write("无法，车坏了")
        await house.state_is(order.order_id, "unable")

    reason = await house.pool.fetchval("SELECT reason FROM order_event WHERE state = 'unable'")
    assert reason == "车坏了"


async def test_an_officer_of_another_unit_cannot_answer_and_is_told_so(house: TakHouse) -> None:
    order = await house.order()
    await house.pool.execute(
        "INSERT INTO officer (id, badge, name) VALUES (gen_random_uuid(), '0999', 'zhao')"
    )
    async with house.peer(await house.certify("zhao", badge="0999")) as peer:
        line = await told(peer, order)
        await peer.confirm(line, Outcome.READ)
        await peer.write("收到")
        reply = await peer.line(lambda message: message.id.startswith("note-"))

    assert "不属于该单元" in reply.text
    assert [step[0:2] for step in await house.states(order.order_id)] == [
        ("shown", True),
        ("accepted", False),
    ]


async def test_a_recall_is_confirmed_by_a_person(house: TakHouse) -> None:
    order = await house.order()
    async with house.peer(await house.certify(badge="0107")) as peer:
        await told(peer, order)
        await peer.write("收到")
        await house.state_is(order.order_id, "accepted")
        async with house.pool.acquire() as conn, conn.transaction():
            incident = await incidents.lock(conn, order.incident_id)
            locked = await order_rows.lock(conn, order.order_id)
            assert incident is not None
            await recalls.request(
                conn, locked, incident,
                why=OrderState.RECALLED, reason="false alarm", by="user:test", at=utc_now(),
            )  # fmt: skip
        house.room.fanout.publish("device", "tak-0107")
        line = await peer.line(lambda message: "撤回" in message.text)
        await peer.write("收到")
        await house.state_is(order.order_id, "recalled")

    assert "false alarm" in line.text


@pytest.mark.parametrize(
    ("word", "says", "items"),
    [("一切安好", "welfare_ok", []), ("需要帮助，有人受伤", "welfare_alarm", ["welfare_alarm"])],
)
async def test_whether_all_is_well_is_asked_as_chat_and_the_end_comes_as_a_notice(
    house: TakHouse, word: str, says: str, items: list[str]
) -> None:
    order = await house.order()
    async with house.peer(await house.certify(badge="0107")) as peer:
        await told(peer, order)
        await peer.write("到达")
        await house.state_is(order.order_id, "on_scene")
        async with house.pool.acquire() as conn, conn.transaction():
            incident = await incidents.lock(conn, order.incident_id)
            locked = await order_rows.lock(conn, order.order_id)
            assert incident is not None
            await recalls.ask_welfare(conn, locked, incident, utc_now())
        house.room.fanout.publish("device", "tak-0107")
        asked = await peer.line(lambda message: "安好" in message.text)
        await peer.write(word)
        await house.row_appears("SELECT true FROM order_event WHERE state = $1", says)
        open_items = await house.pool.fetch("SELECT kind FROM work_item WHERE settled_at IS NULL")
        done = Statement(state=OrderState.DONE, speaker=Speaker.DISPATCHER)
        async with house.pool.acquire() as conn, conn.transaction():
            step, _ = await take_step(
                conn, order.order_id, done, note="", by="user:test", at=utc_now()
            )
        for hint in step.hints:
            house.room.fanout.publish(*hint)
        notice = await peer.line(lambda message: "本单元已报完成" in message.text)
        await peer.confirm(notice, Outcome.DELIVERED)
        await house.row_appears(
            "SELECT true FROM journal_entry WHERE kind = 'order.notice_received'"
        )

    assert asked.text.splitlines()[0].endswith("你一切安好吗？")
    assert asked.text.splitlines()[1:] == ["1 一切安好  2 需要帮助"]
    assert "\n" not in notice.text, "a notice asks nothing"
    assert [row["kind"] for row in open_items] == items
    assert await house.states(order.order_id) == [
        ("on_scene", True, OFFICER, "tak"),
        ("welfare_asked", True, "system", ""),
        (says, True, OFFICER, "tak"),
        ("done", True, "user:test", ""),
    ]


async def test_what_is_over_when_the_client_comes_is_told_as_missed(house: TakHouse) -> None:
    order = await house.order()
    await house.pool.execute("UPDATE command SET expires_at = $1", utc_now() - timedelta(minutes=1))
    async with house.peer(await house.certify(badge="0107")) as peer:
        line = await told(peer, order)
        await peer.confirm(line, Outcome.DELIVERED)
        await house.row_appears("SELECT true FROM installation WHERE cursor_seq = 1")

    assert "过期" in line.text
    assert await house.states(order.order_id) == []


async def test_a_line_that_answers_nothing_waits_in_the_inbox(house: TakHouse) -> None:
    async with house.peer(await house.certify()) as peer:
        await peer.report()
        said = await peer.write("桥断了，别走老路")
        row = await house.row_appears("SELECT text, source, urgency, received_by FROM intake")
        receipt = await peer.hear(lambda event: event.type == Outcome.DELIVERED)
        reply = await peer.line(lambda message: message.id.startswith("note-"))

    assert tuple(row) == ("桥断了，别走老路", "TAK li", "routine", "user:li")
    assert receipt.uid == said.id
    assert "收件箱" in reply.text


async def test_one_client_cannot_fill_the_inbox(
    house: TakHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However long it takes to write them: no time is over after which it may say more."""
    pace = replace(correspondence.INBOX_PACE, frames_per_s_max=1e-9)
    monkeypatch.setattr(correspondence, "INBOX_PACE", pace)
    async with house.peer(await house.certify()) as peer:
        await peer.report()
        for number in range(25):
            await peer.write(f"remark {number}")
        await peer.line(lambda message: "消息过多" in message.text)

    assert await house.pool.fetchval("SELECT count(*) FROM intake") <= 21
    assert house.room.metrics.value("tak_inbox_refused") >= 1


async def test_limits_that_a_phone_cannot_keep_are_refused(house: TakHouse) -> None:
    await house.order()
    async with house.pool.acquire() as conn, conn.transaction():
        command = await enqueue(conn, "tak-0107", kind="limits")
    await house.word(command.id, {"limits": {}, "mitigations": []})
    async with house.peer(await house.certify(badge="0107")) as peer:
        await peer.report()
        await until(lambda: bool(house.room.guests.online()))
        line = await peer.line(lambda message: message.text.startswith("A17"))
        await peer.confirm(line, Outcome.DELIVERED)
        await house.row_appears("SELECT true FROM installation WHERE cursor_seq = 2")
