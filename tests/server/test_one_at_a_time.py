"""Long work goes one after the other, and what is too much is refused at once."""

from __future__ import annotations

import asyncio

import pytest

from server.oneatatime import OneAtATime, TooMany


async def test_the_second_waits_for_the_first_and_the_third_is_refused() -> None:
    one, order = OneAtATime(2), list[str]()
    may_end = asyncio.Event()

    async def first() -> None:
        async with one.turn():
            order.append("first begins")
            await may_end.wait()
            order.append("first ends")

    async def second() -> None:
        async with one.turn():
            order.append("second")

    async with asyncio.TaskGroup() as group:
        group.create_task(first())
        group.create_task(second())
        while not order:  # noqa: ASYNC110 (nobody signals that the other waits)
            await asyncio.sleep(0)
        with pytest.raises(TooMany):
            async with one.turn():
                pass
        may_end.set()

    assert order == ["first begins", "first ends", "second"]
    async with one.turn():
        order.append("there is room again")
