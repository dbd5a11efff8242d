"""What a terminal itself is to keep to so that its battery lasts: intervals, and video."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from devices.jt808.terminal_events import LetIn, Ordered
from protocols.jt808.parameters import SetParameters
from protocols.jt808.session import Result
from protocols.jt808.video import Live, LiveCommand, LiveControl
from server.dispatch.errors import Conflict
from server.dispatch.mitigation import Mitigation
from server.jt808settings import MediaServer
from server.stores.pool import Pool
from server.terminaldesk import TerminalDesk
from tests.server.field_room import OpenOrder, enqueue, utc_now
from tests.server.field_rows import add_device
from tests.server.terminal_room import (
    Terminal,
    TerminalRoom,
    a_terminal,
    an_order,
    comes,
    known,
    spare_battery,
    terminal_room,
)

MEDIA = MediaServer(host="video.example.org", port=10000)
BY = "user:wang"


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[TerminalRoom]:
    async with terminal_room(pool, media=MEDIA) as house:
        yield house


@pytest.fixture
async def order(pool: Pool) -> OpenOrder:
    """Of cam-07, whose terminal is known."""
    found: OpenOrder = await an_order(pool)
    await known(pool)
    return found


@pytest.fixture
def desk(house: TerminalRoom) -> TerminalDesk:
    return TerminalDesk(pool=house.pool, fanout=house.room.fanout, clock=utc_now, media=MEDIA)


async def mitigations(house: TerminalRoom) -> list[tuple[Any, ...]]:
    return await house.rows(
        "SELECT state, answered_by, reason FROM mitigation WHERE answered_at IS NOT NULL"
    )


async def ordered(terminal: Terminal, count: int) -> list[Any]:
    """What the terminal itself was told, once it is so much."""
    return [each.message for each in await terminal.saw(Ordered, count)]


# -- intervals -----------------------------------------------------------------------------


async def test_limits_set_the_intervals_and_say_what_was_done(
    house: TerminalRoom, pool: Pool
) -> None:
    await add_device(pool)
    await known(pool)
    async with pool.acquire() as conn, conn.transaction():
        command = await enqueue(conn, kind="limits")
    body = {"limits": {"fix_s": 30, "lights": False}, "mitigations": []}
    await pool.execute("UPDATE command SET body = $2 WHERE id = $1", command.id, body)

    async with a_terminal(house.port) as terminal:
        (said,) = await ordered(terminal, 1)
        settled = "SELECT cursor_seq FROM installation WHERE install_id = 'jt808'"
        await comes(lambda: house.value(settled), 1)

    assert isinstance(said, SetParameters)
    assert {each.id: each.value for each in said.parameters} == {
        0x0020: 0,
        0x0021: 0,
        0x0027: 30,
        0x0028: 10,
        0x0029: 30,
    }
    assert await house.value("SELECT caps FROM installation") == ["limits"]


@pytest.mark.parametrize(
    ("settings", "every_s"), [({"report_s": 15}, 15), ({"report_s": "often"}, 10), ({}, 10)]
)
async def test_lifted_limits_go_back_to_what_is_usual(
    house: TerminalRoom, pool: Pool, settings: dict[str, Any], every_s: int
) -> None:
    await add_device(pool)
    await known(pool, settings=settings)
    async with pool.acquire() as conn, conn.transaction():
        command = await enqueue(conn, kind="limits")
    body: dict[str, Any] = {"limits": {}, "mitigations": []}
    await pool.execute("UPDATE command SET body = $2 WHERE id = $1", command.id, body)

    async with a_terminal(house.port) as terminal:
        (said,) = await ordered(terminal, 1)

    assert {each.id: each.value for each in said.parameters}[0x0029] == every_s


# -- video ---------------------------------------------------------------------------------


async def test_video_that_runs_is_ended_and_begins_again_once_it_may(
    house: TerminalRoom, order: OpenOrder, desk: TerminalDesk
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.asked()
        await desk.start_stream("cam-07", channel=2, sub_stream=False, by=BY)
        await spare_battery(house, order, Mitigation.RECORD_LOCALLY)
        live, _, ended = await ordered(terminal, 3)
        await comes(lambda: mitigations(house), [("applied", "device:cam-07", "")])
        with pytest.raises(Conflict, match="battery"):
            await desk.start_stream("cam-07", channel=2, sub_stream=True, by=BY)

    assert isinstance(live, Live)
    assert isinstance(ended, LiveControl)
    assert (ended.channel, ended.command, ended.close) == (2, LiveCommand.CLOSE, 0)


async def test_video_that_runs_goes_on_as_the_sub_stream(
    house: TerminalRoom, order: OpenOrder, desk: TerminalDesk
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.asked()
        await desk.start_stream("cam-07", channel=2, sub_stream=False, by=BY)
        await spare_battery(house, order, Mitigation.LOWER_BITRATE)
        live, _, control = await ordered(terminal, 3)
        await comes(lambda: mitigations(house), [("applied", "device:cam-07", "")])
        await desk.start_stream("cam-07", channel=3, sub_stream=False, by=BY)
        again = (await ordered(terminal, 4))[-1]

    assert (live.stream, again.stream) == (0, 1)
    assert (control.channel, control.command, control.stream) == (2, LiveCommand.SWITCH_STREAM, 1)


async def test_limits_hold_on_the_next_link_and_for_video_of_the_one_before(
    house: TerminalRoom, order: OpenOrder, desk: TerminalDesk
) -> None:
    async with a_terminal(house.port) as terminal:
        await terminal.asked()
        await desk.start_stream("cam-07", channel=2, sub_stream=True, by=BY)
        terminal.client.cut()
        await terminal.saw(LetIn, 2)
        await spare_battery(house, order, Mitigation.RECORD_LOCALLY)
        ended = (await ordered(terminal, 3))[-1]
        await comes(lambda: mitigations(house), [("applied", "device:cam-07", "")])
        terminal.client.cut()
        await terminal.saw(LetIn, 3)
        with pytest.raises(Conflict, match="battery"):
            await desk.start_stream("cam-07", channel=2, sub_stream=True, by=BY)

    assert isinstance(ended, LiveControl)
    assert (ended.channel, ended.command) == (2, LiveCommand.CLOSE)


@pytest.mark.parametrize(
    ("kind", "refuses", "says", "state", "reason"),
    [
        (Mitigation.SELDOM_FIXES, SetParameters, Result.NOT_SUPPORTED, "refused", "result 3"),
        (Mitigation.SELDOM_FIXES, LiveControl, Result.FAILED, "applied", ""),
        (Mitigation.RECORD_LOCALLY, LiveControl, Result.FAILED, "refused", "result 1"),
        (Mitigation.RECORD_LOCALLY, SetParameters, Result.NOT_SUPPORTED, "applied", ""),
        (Mitigation.NO_WEAK_STREAM, LiveControl, Result.FAILED, "refused", "not supported"),
    ],
)
async def test_what_the_terminal_refuses_is_not_said_to_be_done(
    house: TerminalRoom,
    order: OpenOrder,
    desk: TerminalDesk,
    monkeypatch: pytest.MonkeyPatch,
    kind: Mitigation,
    refuses: type[SetParameters | LiveControl],
    says: Result,
    state: str,
    reason: str,
) -> None:
    async with a_terminal(house.port) as terminal:
        answer = terminal.session._answer

        def refuse(serial: int, message_id: int, said: Result) -> None:
            answer(serial, message_id, says if message_id == refuses.ID else said)

        monkeypatch.setattr(terminal.session, "_answer", refuse)
        await terminal.asked()
        await desk.start_stream("cam-07", channel=1, sub_stream=True, by=BY)
        await spare_battery(house, order, kind)
        await comes(lambda: mitigations(house), [(state, "device:cam-07", reason)])

    failed = await house.value("SELECT count(*) FROM work_item WHERE kind = 'mitigation_failed'")
    assert failed == (state == "refused")
