"""A hint that arrives while what it names is being read is not lost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from server.dispatch.worklist import ItemKind, Severity
from server.gateways.hub import Console, HubLimits
from server.gateways.worknews import WorkNews
from server.ids import new_id
from server.stores import incidents, sos, worklist
from server.stores.pool import Pool
from server.stores.worklist import About
from server.views import Delta, Snapshot
from tests.patience import PATIENCE_S
from tests.server.field_room import utc_now
from tests.server.test_console_feed import console_room, decoder, open_incident

SELDOM = HubLimits(tick_s=0.02, reload_s=600, sos_s=600, idle_s=600)


async def _news(console: Console) -> Snapshot | Delta:
    async with asyncio.timeout(PATIENCE_S):
        message = decoder.decode(str(await console.next()))
    assert isinstance(message, Snapshot | Delta)
    return message


async def _note_told(console: Console) -> str:
    """Of the next incident that is told."""
    while not (found := (await _news(console)).incidents):
        pass
    return found[0].note


def _once_after(real: Callable[..., Any], meanwhile: Callable[[], Any]) -> Callable[..., Any]:
    """`real`, and `meanwhile` between its first reading and its answer."""
    due = [meanwhile]

    async def read(*args: Any, **named: Any) -> Any:
        found = await real(*args, **named)
        while due:
            await due.pop()()
        return found

    return read


async def test_an_incident_that_changes_while_it_is_read_is_read_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    incident_id = await open_incident(pool)
    async with console_room(pool, SELDOM) as room, room.hub.joined() as console:
        await _news(console)

        async def note(text: str) -> None:
            await pool.execute("UPDATE incident SET note = $2 WHERE id = $1", incident_id, text)
            room.fanout.publish("incident", incident_id)

        read = _once_after(incidents.load_some, lambda: note("second"))
        monkeypatch.setattr(incidents, "load_some", read)
        await note("first")
        while (told := await _note_told(console)) != "second":
            assert told in ("", "first")


async def test_a_call_for_help_that_comes_while_calls_are_read_is_not_waited_for(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with console_room(pool, SELDOM) as room, room.hub.joined() as console:
        await _news(console)
        asked = asyncio.Event()

        async def hint() -> None:
            room.fanout.publish(sos.TOPIC, "c1")

        async def counted(conn: Any) -> list[Any]:
            asked.set()
            return []

        def then_counted() -> Any:
            monkeypatch.setattr(sos, "load_open", counted)
            return hint()

        monkeypatch.setattr(sos, "load_open", _once_after(sos.load_open, then_counted))
        room.fanout.publish(sos.TOPIC, "c0")

        async with asyncio.timeout(PATIENCE_S):
            await asked.wait()


async def test_an_item_that_changes_while_it_is_read_is_read_again(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    subject = f"device:{new_id()}"

    async def rise() -> str:
        async with pool.acquire() as conn, conn.transaction():
            changed = await worklist.raise_item(
                conn, ItemKind.DELIVERY_FAILED, About(subject=subject), body={}, at=utc_now()
            )
        news.note(changed.item.id)
        return changed.item.id

    news = WorkNews(pool)
    item_id = await rise()
    monkeypatch.setattr(worklist, "some", _once_after(worklist.some, rise))

    await news.refresh()
    await news.refresh()

    assert [(each.id, each.times) for each in news.take()[0]] == [(item_id, 2)]


async def test_what_could_not_be_read_is_read_the_next_time(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: Any) -> None:
        raise OSError("the store is away")

    news = WorkNews(pool)
    async with pool.acquire() as conn, conn.transaction():
        changed = await worklist.raise_item(
            conn, ItemKind.DELIVERY_FAILED, About(subject="device:x"), body={}, at=utc_now()
        )
    news.note(changed.item.id)
    with monkeypatch.context() as patch:
        patch.setattr(worklist, "some", away)
        with pytest.raises(OSError, match="away"):
            await news.refresh()

    await news.refresh()

    assert [each.id for each in news.take()[0]] == [changed.item.id]


async def test_what_moves_up_because_graver_things_are_settled_is_told(
    pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.gateways.worknews.WORK_SHOWN_MAX", 2)
    async with pool.acquire() as conn, conn.transaction():
        ids = [
            (
                await worklist.raise_item(
                    conn, ItemKind.REMINDER, About(subject=f"reminder:{n}"), body={}, at=utc_now()
                )
            ).item.id
            for n in range(3)
        ]
    news = WorkNews(pool)
    await news.reload()
    assert [each.id for each in news.take()[0]] == ids[:2]

    async with pool.acquire() as conn, conn.transaction():
        await worklist.settle(conn, ids[0], by="user:wang", at=utc_now(), why="done")
    news.note(ids[0])
    await news.refresh()

    assert [each.id for each in news.take()[0]] == [ids[0], ids[2]]


async def test_a_thing_raised_again_is_never_less_grave_than_before(pool: Pool) -> None:
    about = About(subject="intake:x")
    async with pool.acquire() as conn, conn.transaction():
        grave = [
            (
                await worklist.raise_item(
                    conn, ItemKind.INTAKE, about, body={}, at=utc_now(), severity=each
                )
            ).item.severity
            for each in (Severity.WARNING, Severity.NOTICE, Severity.ALARM, Severity.WARNING)
        ]

    assert grave == ["warning", "warning", "alarm", "alarm"]
