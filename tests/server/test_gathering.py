"""A burst of questions costs a few askings, and each caller has its own answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from server.gathering import Gathering


class Slow:
    """Doubles numbers, one asking at a time, when it is let."""

    def __init__(self) -> None:
        self.asked: list[list[int]] = []
        self.begun, self.let = asyncio.Event(), asyncio.Event()

    async def __call__(self, numbers: Sequence[int]) -> list[int]:
        self.asked.append(list(numbers))
        self.begun.set()
        await self.let.wait()
        if 13 in numbers:
            raise OSError("away")
        return [2 * number for number in numbers]


async def test_what_comes_while_one_is_asked_goes_together_in_the_next() -> None:
    slow = Slow()
    gathering = Gathering(slow, together_max=3)
    first = asyncio.create_task(gathering.ask(1))
    await slow.begun.wait()
    others = [asyncio.create_task(gathering.ask(number)) for number in (2, 3, 4, 5)]
    await asyncio.sleep(0)
    slow.let.set()

    answers = await asyncio.gather(first, *others)

    assert answers == [2, 4, 6, 8, 10]
    assert slow.asked == [[1], [2, 3, 4], [5]]


async def test_what_the_asking_raises_all_hear_and_the_next_is_asked_anew() -> None:
    slow = Slow()
    slow.let.set()
    gathering = Gathering(slow, together_max=10)

    results = await asyncio.gather(*(gathering.ask(n) for n in (1, 13)), return_exceptions=True)

    assert [type(each) for each in results] == [OSError, OSError]
    assert await gathering.ask(4) == 8


async def test_who_leaves_takes_no_answer_from_the_others() -> None:
    slow = Slow()
    gathering = Gathering(slow, together_max=10)
    leaving, staying = (asyncio.create_task(gathering.ask(number)) for number in (1, 2))
    await slow.begun.wait()
    leaving.cancel()
    slow.let.set()

    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert await staying == 4


async def test_too_few_answers_are_an_error_for_all_who_asked() -> None:
    async def one_short(numbers: Sequence[int]) -> list[int]:
        return list(numbers[1:])

    with pytest.raises(ValueError, match="shorter"):
        await Gathering(one_short, together_max=10).ask(1)
