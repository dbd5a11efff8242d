"""Questions that come while one is under way are asked together next: a burst costs a few, not all.

A lone question is asked at once. What the asking raises, all who asked together hear. Knows no
store and keeps nothing: who asks, waits, so no more wait here than there are callers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")


class Gathering(Generic[Q, A]):
    """Asks `ask` for many at once; its answers come in the order of the questions."""

    def __init__(
        self, ask: Callable[[Sequence[Q]], Awaitable[Sequence[A]]], *, together_max: int
    ) -> None:
        self._ask, self._together_max = ask, together_max
        self._waiting: list[tuple[Q, asyncio.Future[A]]] = []
        self._asking: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        answer: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, answer))
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask_all(), name="gathering")
        return await answer

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                asked = self._waiting[: self._together_max]
                del self._waiting[: self._together_max]
                await self._ask_some(asked)
        finally:
            self._asking = None

    async def _ask_some(self, asked: Sequence[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            found = await self._ask([question for question, _ in asked])
            answered = list(zip(asked, found, strict=True))
        except asyncio.CancelledError:
            for _, answer in asked:
                answer.cancel()
            raise
        except Exception as error:  # noqa: BLE001 (it is theirs who asked: they raise it)
            for _, answer in asked:
                if not answer.done():  # who left meanwhile has cancelled it
                    answer.set_exception(error)
            return
        for (_, answer), value in answered:
            if not answer.done():
                answer.set_result(value)
