"""Orders over JT/T 808: what a terminal is told, what a person answers, what is claimed of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from devices.jt808.terminal_events import IntervalChanged, LetIn, QuestionAsked
from protocols.jt808.fields import Dialect
from protocols.jt808.session import Result
from server.dispatch.mitigation import Mitigation
from server.orderdesk import OrderDesk
from server.stores import incidents, journal, order_rows, recalls
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import OpenOrder, enqueue, utc_now
from tests.server.terminal_room import (
    QUICK,
    Terminal,
    TerminalRoom,
    a_fix,
    a_terminal,
    an_order,
    comes,
    holds,
    known,
    spare_battery,
    terminal_room,
)

TEXT = "A17 紧急 交通事故 永宁路口。先到者封路。约12分钟。"


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[TerminalRoom]:
    async with terminal_room(pool) as house:
        yield house


@pytest.fixture
async def order(pool: Pool) -> OpenOrder:
    """Waits for cam-07, whose terminal is known."""
    found: OpenOrder = await an_order(pool)
    await known(pool)
    return found


async def events(house: TerminalRoom) -> list[tuple[Any, ...]]:
    return await house.rows(
        "SELECT state, applied, actor, path, claim FROM order_event "
        "WHERE device_id IS NOT NULL ORDER BY id"
    )


async def state(house: TerminalRoom) -> str:
    return str(await house.value("SELECT state FROM dispatch_order"))


# -- the life of an order ------------------------------------------------------------------


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("dialect", [Dialect.Y2013, Dialect.Y2019])
async def test_a_person_takes_an_order_on_with_the_keypad(
    house: TerminalRoom, dialect: Dialect
) -> None:
    async with a_terminal(house.port, dialect=dialect) as terminal:
        asked = await terminal.asked()
        await comes(lambda: state(house), "delivered")
        terminal.choose(asked, 1)
        await comes(lambda: state(house), "accepted")

    assert asked.text == TEXT
    assert asked.choices == ((1, "收到"), (2, "无法执行"))
    assert await events(house) == [
        ("delivered", True, "device:cam-07", "jt808", ""),
        ("accepted", True, "officer:B-1042", "jt808", "alone"),
    ]
    assert await house.value("SELECT sent_at IS NOT NULL FROM command") is True


@pytest.mark.usefixtures("order")
async def test_a_person_who_cannot_says_so_and_that_is_the_reason(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        terminal.choose(await terminal.asked(), 2)
        await comes(lambda: state(house), "unable")

    assert await house.value("SELECT reason FROM order_event WHERE state = 'unable'") == "无法执行"


@pytest.mark.usefixtures("order")
async def test_without_questions_the_text_claims_no_more_than_delivery(house: TerminalRoom) -> None:
    async with a_terminal(house.port, has_keypad=False) as terminal:
        assert await terminal.told() == [TEXT + "请用电台答复。"]
        await comes(lambda: state(house), "delivered")

        async with house.pool.acquire() as conn, conn.transaction():
            second = await enqueue(conn, text="暴雨", kind="notice")
        house.room.fanout.publish("device", second.device_id)
        await terminal.told(2)

    assert house.room.metrics.value("jt808_without_questions") == 1
    assert await events(house) == [("delivered", True, "device:cam-07", "jt808", "")]


@pytest.mark.usefixtures("order")
@pytest.mark.parametrize("result", [Result.FAILED, Result.BAD_MESSAGE, Result.NOT_SUPPORTED])
async def test_a_terminal_that_cannot_show_it_makes_the_order_undeliverable_by_it(
    house: TerminalRoom, result: Result, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    house.room.fanout.subscribe("next_path", told.append)
    async with a_terminal(house.port) as terminal:
        answer = terminal.session._answer

        def refuse(serial: int, message_id: int, said: Result) -> None:
            shown = message_id in (0x8300, 0x8302)
            answer(serial, message_id, result if shown else said)

        monkeypatch.setattr(terminal.session, "_answer", refuse)
        await holds(lambda: bool(told))

    assert await state(house) == "issued"
    assert await house.rows("SELECT kind FROM work_item WHERE settled_at IS NULL") == [
        ("undeliverable",)
    ]
    assert await house.value("SELECT reason FROM order_event WHERE state = 'undeliverable'") == (
        f"result {result}"
    )


@pytest.mark.usefixtures("order")
async def test_a_terminal_that_speaks_and_does_not_answer_is_not_waited_for(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = replace(QUICK.link, answer_s=0.05, resends_max=1)
    async with terminal_room(pool, limits=replace(QUICK, link=link)) as house:
        async with a_terminal(house.port) as terminal:
            monkeypatch.setattr(terminal.session, "_answer", lambda *said: None)
            refused = "SELECT refused_at IS NOT NULL FROM command"
            async with asyncio.timeout(PATIENCE_S):
                while not await house.value(refused):
                    terminal.report(a_fix())
                    await asyncio.sleep(0.005)  # it speaks, on and on

        assert (
            await house.value("SELECT reason FROM order_event WHERE state = 'undeliverable'")
            == "no answer"
        )


# -- what else a person is asked -----------------------------------------------------------


async def taken_on(house: TerminalRoom, terminal: Terminal) -> None:
    terminal.choose(await terminal.asked(), 1)
    await comes(lambda: state(house), "accepted")


async def asked_next(terminal: Terminal) -> QuestionAsked:
    """The question after that of the order."""
    found: QuestionAsked = (await terminal.saw(QuestionAsked, 2))[1]
    return found


async def open_items(house: TerminalRoom) -> list[tuple[Any, ...]]:
    return await house.rows("SELECT kind FROM work_item WHERE settled_at IS NULL")


async def newest_event(house: TerminalRoom) -> tuple[Any, ...]:
    """(state, reason, actor, path, claim)"""
    (row,) = await house.rows(
        "SELECT state, reason, actor, path, claim FROM order_event ORDER BY id DESC LIMIT 1"
    )
    return row


@pytest.mark.parametrize(
    ("choice", "becomes", "recall", "says", "items"),
    [
        (1, "recalled", "delivered", ("recalled", ""), []),
        (2, "accepted", "declined", ("recall_declined", "继续执行"), [("recall_declined",)]),
    ],
)
async def test_a_recall_is_answered_at_the_keypad(
    house: TerminalRoom,
    order: OpenOrder,
    choice: int,
    becomes: str,
    recall: str,
    says: tuple[str, str],
    items: list[tuple[str]],
) -> None:
    desk = OrderDesk(pool=house.pool, fanout=house.room.fanout, clock=utc_now)
    recalled = "SELECT recall_state FROM dispatch_order"
    async with a_terminal(house.port) as terminal:
        await taken_on(house, terminal)
        ver = await house.value("SELECT ver FROM dispatch_order")
        view = await desk.recall(order.order_id, ver=ver, reason="误报", by="user:wang")
        asked = await asked_next(terminal)
        await comes(lambda: house.value(recalled), "delivered")
        assert await state(house) == "accepted", "a machine lets nothing go"
        terminal.choose(asked, choice)
        await comes(
            lambda: house.value("SELECT applied FROM order_event WHERE state = $1", says[0]), True
        )
        told = await terminal.told() if becomes == "recalled" else []

    assert asked.text == f"A{view.number} 撤回。误报。请确认。"
    assert asked.choices == ((1, "放下"), (2, "继续执行"))
    assert told == ([f"A{view.number} 撤回。"] if told else [])
    assert (await state(house), await house.value(recalled)) == (becomes, recall)
    assert await newest_event(house) == (*says, "officer:B-1042", "jt808", "alone")
    assert await open_items(house) == items


async def ask_welfare(house: TerminalRoom, order: OpenOrder) -> None:
    """As the timekeeper does when a lone officer was not heard for long."""
    async with house.pool.acquire() as conn, conn.transaction():
        incident = await incidents.lock(conn, order.incident_id)
        assert incident is not None
        locked = await order_rows.lock(conn, order.order_id)
        done = await recalls.ask_welfare(conn, locked, incident, utc_now())
        await journal.append_all(conn, done.entries)
    for hint in done.hints:
        house.room.fanout.publish(*hint)


@pytest.mark.parametrize(
    ("choice", "says", "items"), [(1, "welfare_ok", []), (2, "welfare_alarm", [("welfare_alarm",)])]
)
async def test_a_lone_officer_says_at_the_keypad_whether_all_is_well(
    house: TerminalRoom, order: OpenOrder, choice: int, says: str, items: list[tuple[str]]
) -> None:
    async with a_terminal(house.port) as terminal:
        await taken_on(house, terminal)
        await ask_welfare(house, order)
        asked = await asked_next(terminal)
        terminal.choose(asked, choice)
        answered = "SELECT count(*) FROM order_event WHERE state LIKE 'welfare%' AND device_id = $1"
        await comes(lambda: house.value(answered, "cam-07"), 1)

    assert asked.text.endswith(" 你一切安好吗？")
    assert asked.choices == ((1, "一切安好"), (2, "需要帮助"))
    said, _, *by = await newest_event(house)
    assert (said, *by) == (says, "officer:B-1042", "jt808", "alone")
    assert await open_items(house) == items
    assert await state(house) == "accepted"


async def test_without_questions_nobody_is_said_to_be_well(
    house: TerminalRoom, order: OpenOrder
) -> None:
    async with a_terminal(house.port, has_keypad=False) as terminal:
        await comes(lambda: state(house), "delivered")
        await ask_welfare(house, order)
        _, told = await terminal.told(2)
        settled = "SELECT cursor_seq FROM installation WHERE install_id = 'jt808'"
        await comes(lambda: house.value(settled), 2)

    assert told.endswith(" 你一切安好吗？请用电台答复。")
    steps = await house.rows("SELECT state FROM order_event ORDER BY id")
    assert steps == [("delivered",), ("welfare_asked",)]


@pytest.mark.parametrize(
    ("choice", "becomes", "reason"), [(1, "accepted", ""), (2, "declined", "无法照办")]
)
async def test_a_person_is_advised_what_to_do_for_the_camera_and_answers(
    house: TerminalRoom, order: OpenOrder, choice: int, becomes: str, reason: str
) -> None:
    advised = "SELECT state FROM mitigation"
    async with a_terminal(house.port) as terminal:
        await taken_on(house, terminal)
        sent = await spare_battery(house, order, Mitigation.POWER_BANK)
        asked = await asked_next(terminal)
        await comes(lambda: house.value(advised), "received")
        terminal.choose(asked, choice)
        await comes(lambda: house.value(advised), becomes)

    assert not sent.by_device
    assert asked.text.endswith(" 给记录仪接上充电宝。")
    assert asked.choices == ((1, "照办"), (2, "无法照办"))
    (answered,) = await house.rows("SELECT answered_by, reason FROM mitigation")
    assert answered == ("officer:B-1042", reason)


# -- links that break ----------------------------------------------------------------------


@pytest.mark.usefixtures("order")
async def test_what_was_confirmed_is_not_said_again_and_the_answer_counts_after_a_restart(
    house: TerminalRoom, pool: Pool
) -> None:
    async with a_terminal(house.port) as terminal:
        asked = await terminal.asked()
        await comes(lambda: state(house), "delivered")
        await house.gateway.drain()
        async with terminal_room(pool) as other:
            terminal.client._port = other.port
            await terminal.saw(LetIn, 2)

            terminal.choose(asked, 1)
            await comes(lambda: state(other), "accepted")

            assert len(await terminal.saw(type(asked))) == 1


@pytest.mark.usefixtures("order")
async def test_what_was_not_confirmed_is_said_again_under_the_same_tag_and_serial(
    house: TerminalRoom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with a_terminal(house.port) as terminal:
        answer = terminal.session._answer
        monkeypatch.setattr(terminal.session, "_answer", lambda *said: None)
        first = await terminal.asked()
        monkeypatch.setattr(terminal.session, "_answer", answer)
        terminal.client.cut()
        _, again = await terminal.saw(type(first), 2)

        await comes(lambda: state(house), "delivered")

    assert (again.serial, again.text) == (first.serial, first.text)


async def test_an_order_that_expired_before_it_could_be_said_comes_as_a_notice(
    house: TerminalRoom, pool: Pool
) -> None:
    await an_order(pool, expires_at=utc_now() - timedelta(minutes=1))
    await known(pool)

    async with a_terminal(house.port) as terminal:
        assert await terminal.told() == ["A17 送达前已过期，请联系指挥室。"]

    assert await state(house) == "issued"


@pytest.mark.usefixtures("order")
async def test_a_choice_that_nobody_offered_changes_nothing(house: TerminalRoom) -> None:
    async with a_terminal(house.port) as terminal:
        asked = await terminal.asked()
        await comes(lambda: state(house), "delivered")
        terminal.choose(asked, 9)
        terminal.choose(replace(asked, serial=3), 1)
        await holds(lambda: house.room.metrics.value("jt808_choices_unknown") == 2)

    assert await state(house) == "delivered"


@pytest.mark.usefixtures("order")
async def test_a_unit_under_way_is_tracked_until_its_order_is_over(
    house: TerminalRoom, order: OpenOrder
) -> None:
    async with a_terminal(house.port) as terminal:
        terminal.choose(await terminal.asked(), 1)
        await terminal.saw(IntervalChanged)
        tracked_s = terminal.session.interval_s(terminal.client.now)

        await house.pool.execute(
            "UPDATE dispatch_order SET state = 'on_scene' WHERE id = $1", order.order_id
        )
        await terminal.saw(IntervalChanged, 2)

        assert tracked_s == 5
        assert terminal.session.interval_s(terminal.client.now) == 10
