"""Finds roads for the event loop: one named thread owns the index of their edges.

Laying out a numbered road or cutting a polygon takes milliseconds to a second, and the index is not
thread-safe, so all of it runs on one thread, in the order asked. The queue is bounded: when it is
full the caller hears `SurveyorBusy` at once. Knows no store and no travel time.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeAlias, TypeVar

import numpy as np

from geo.describe import Describer
from geo.linear import LinearIndex, point_at
from geo.live.conditionfield import members
from geo.live.extent import Coverage, ExtentIndex, Floats, Ints, Picks, RoadSpan, Where, Zone
from geo.live.outline import outline
from geo.roadmap import RoadMap
from server.oneatatime import TooMany

QUEUE_LEN_MAX = 64
"""Questions under way or waiting."""

T = TypeVar("T")
Part: TypeAlias = tuple[int, float, float]
"""An edge, and from where to where on it, as shares from its tail."""
Words: TypeAlias = dict[str, str]
"""By language, `en` and `zh`."""


class SurveyorBusy(TooMany):
    """Too many questions wait; try again in a moment."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What an extent means on this map."""

    where: Where
    """With the anchors of picked edges, and the road's number as the map writes it."""
    coverage: Coverage
    length_km: float
    place: str
    """In words: `G320 km 12.3–14.0`."""
    lines: list[Floats]
    """To draw; each (k, 2) degrees."""


class Surveyor:
    """Owns the thread; `close` ends it."""

    def __init__(self, roadmap: RoadMap, *, queue_len_max: int = QUEUE_LEN_MAX) -> None:
        linear = LinearIndex(roadmap)
        self._index = ExtentIndex(roadmap, linear)
        self._describer = Describer(roadmap, linear)
        self._queue_len_max = queue_len_max
        self._places = threading.BoundedSemaphore(queue_len_max)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="surveyor")

    async def ask(self, question: Callable[[ExtentIndex], T]) -> T:
        """Ask the index. Raises `SurveyorBusy` and what the question raises."""
        if not self._places.acquire(blocking=False):
            raise SurveyorBusy(f"{self._queue_len_max} questions about roads wait already")
        future = self._thread.submit(question, self._index)
        future.add_done_callback(lambda _: self._places.release())
        return await asyncio.wrap_future(future)

    async def insist(self, question: Callable[[ExtentIndex], T]) -> T:
        """Ask and wait however many wait: for what is set already and must come into force.

        Who may do so has one such question at a time. Raises what the question raises.
        """
        return await asyncio.wrap_future(self._thread.submit(question, self._index))

    async def survey(
        self, where: Where, *, of_this_map: bool = True, insist: bool = False
    ) -> Survey:
        """What it covers; picked edges of another map are found by their anchors.

        Raises `ExtentError`, and `SurveyorBusy` unless it insists.
        """

        def question(index: ExtentIndex) -> Survey:
            if isinstance(where, Picks) and not of_this_map:
                return self._survey(index, index.reattached(where))
            return self._survey(index, where)

        return await (self.insist(question) if insist else self.ask(question))

    async def members(self, zone: Zone) -> tuple[Ints, str]:
        """The edges on which a condition set for the zone holds, and the zone in words.

        Raises `ExtentError`, `SurveyorBusy`.
        """
        return await self.ask(lambda index: (members(index, zone), self._middle(zone)))

    async def points(self, points: Sequence[tuple[int, float]]) -> list[Words]:
        """Points on edges (edge, share from its tail) in words."""
        return await self.insist(lambda index: [self._point(index, *each) for each in points])

    async def stretches(
        self, stretches: Sequence[Sequence[tuple[int, float, float]]]
    ) -> list[Words]:
        """Stretches of road, each some parts of edges, in words."""
        return await self.insist(lambda index: [self._stretch(index, each) for each in stretches])

    async def close(self) -> None:
        """Let what is under way end."""
        await asyncio.to_thread(self._thread.shutdown, wait=True, cancel_futures=True)

    def _survey(self, index: ExtentIndex, where: Where) -> Survey:
        coverage = index.cover(where)
        match where:
            case Picks():
                where = Picks(edges=tuple(index.anchored(each) for each in where.edges))
            case RoadSpan():
                where = replace(where, ref=index.linear.known(where.ref) or where.ref)
        return Survey(
            where=where,
            coverage=coverage,
            length_km=length_km(index.roadmap, coverage),
            place=self._place(index, where, coverage),
            lines=outline(index, where),
        )

    def _place(self, index: ExtentIndex, where: Where, coverage: Coverage) -> str:
        match where:
            case RoadSpan():
                low, high = sorted((where.from_km, where.to_km))
                return _span_words(where.ref, low, high)
            case Picks():
                first = where.edges[0]
                return _one_road(index, coverage) or self._describer.describe(first.lon, first.lat)
            case Zone():
                return self._middle(where)

    def _point(self, index: ExtentIndex, edge: int, fraction: float) -> Words:
        if (stone := index.linear.kilometre(edge, fraction)) is not None:
            return _kilometre_words(stone[0], f"{stone[1]:.1f}")
        place = self._describer.describe(*point_at(index.roadmap, edge, fraction))
        return {"en": place, "zh": place}

    def _stretch(self, index: ExtentIndex, parts: Sequence[Part]) -> Words:
        """By the numbered road with the most of it; else by its middle."""
        kilometres: dict[str, list[float]] = {}
        for edge, low, high in parts:
            for fraction in (low, high):
                if (stone := index.linear.kilometre(edge, fraction)) is not None:
                    kilometres.setdefault(stone[0], []).append(stone[1])
        if not kilometres:
            edge, low, high = parts[len(parts) // 2]
            return self._point(index, edge, (low + high) / 2.0)
        ref, found = max(kilometres.items(), key=lambda item: max(item[1]) - min(item[1]))
        return _kilometre_words(ref, f"{min(found):.1f}–{max(found):.1f}")

    def _middle(self, zone: Zone) -> str:
        lon, lat = np.mean(zone.corners, axis=0).tolist()
        return self._describer.describe(lon, lat)


def _kilometre_words(ref: str, km: str) -> Words:
    return {"en": f"{ref} km {km}", "zh": f"{ref} {km} 公里"}


def length_km(roadmap: RoadMap, coverage: Coverage) -> float:
    """Kilometres of road, each counted once however many directions are meant."""
    share = np.zeros(roadmap.edge_count)
    np.maximum.at(share, coverage.arcs >> 1, coverage.share)
    return float((share * roadmap.edge_length_m).sum()) / 1000.0


def _one_road(index: ExtentIndex, coverage: Coverage) -> str:
    """From kilometre to kilometre, when all edges are of one numbered road."""
    ends = [
        index.linear.kilometre(edge, fraction)
        for edge in coverage.edges.tolist()
        for fraction in (0.0, 1.0)
    ]
    refs = {end[0] if end else None for end in ends}
    if len(refs) != 1 or None in refs:
        return ""
    kilometres = [end[1] for end in ends if end]
    return _span_words(str(refs.pop()), min(kilometres), max(kilometres))


def _span_words(ref: str, low_km: float, high_km: float) -> str:
    if round(low_km, 1) == round(high_km, 1):
        return f"{ref} km {low_km:.1f}"
    return f"{ref} km {low_km:.1f}–{high_km:.1f}"
