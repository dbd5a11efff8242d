"""Matching and learning for the event loop: one named thread owns the school of drives.

Matching a drive takes a few tenths of a second and learning from a year of them some more, so both
run on a thread of their own, in the order asked. The queue is bounded: when it is full the caller
hears `ClassroomBusy` at once. Knows no store.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from geo.learning.school import School
from geo.roadmap import RoadMap
from server.oneatatime import TooMany

QUEUE_LEN_MAX: Final = 8
"""Jobs under way or waiting; the learning desk itself has one at a time."""

T = TypeVar("T")


class ClassroomBusy(TooMany):
    """Too many jobs wait; try again in a moment."""


class Classroom:
    """Owns the thread; `close` ends it."""

    def __init__(self, roadmap: RoadMap, *, queue_len_max: int = QUEUE_LEN_MAX) -> None:
        self._school = School(roadmap)
        self._queue_len_max = queue_len_max
        self._places = threading.BoundedSemaphore(queue_len_max)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="classroom")

    async def ask(self, job: Callable[[School], T]) -> T:
        """Do a job on the thread. Raises `ClassroomBusy` and what the job raises."""
        if not self._places.acquire(blocking=False):
            raise ClassroomBusy(f"{self._queue_len_max} jobs of learning wait already")
        future = self._thread.submit(job, self._school)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Let what is under way end."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)
