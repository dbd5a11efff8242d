"""What drives taught about one road, for people: how many, and how far off the model.

Knows no socket; the numbers come from the version in force, the counts from the drives kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Final, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.driving.speed import Profile
from geo.driving.vehicles import Mode
from geo.learning.factors import summary
from geo.learning.school import School
from geo.roadmap import RoadMap
from server.classroom import Classroom
from server.dispatch.errors import NotFound
from server.learningdesk import LearningDesk
from server.roadviews import LearnedRoadView, LearnedWayView
from server.surveyor import Surveyor

NINETY_PCT_SDS: Final = 1.645
"""Nine in ten lie within so many standard errors."""
AS_MODELLED_PCT: Final = 0.5
"""Less than this is as modelled."""

Direction: TypeAlias = Literal["rising", "falling", "forward", "backward"]
Arcs: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """Arcs of a road in one direction."""

    direction: Direction
    arcs: Arcs


class LearnedRoads:
    """Answers for one map. Raises `NotFound`, `SurveyorBusy`, `ClassroomBusy`."""

    def __init__(
        self, *, desk: LearningDesk, classroom: Classroom, surveyor: Surveyor, roadmap: RoadMap
    ) -> None:
        self._desk, self._classroom, self._surveyor = desk, classroom, surveyor
        self._roadmap = roadmap

    async def by_edge(self, edge: int) -> LearnedRoadView:
        """One edge in both directions."""
        if not 0 <= edge < self._roadmap.edge_count:
            raise NotFound("not_found", f"There is no edge {edge} on this map.")
        names = (self._roadmap.edge_ref[edge], self._roadmap.edge_name[edge])
        name = next((self._roadmap.names[each] for each in names if each >= 0), "")
        ways = [
            Way(direction="forward", arcs=np.array([2 * edge])),
            Way(direction="backward", arcs=np.array([2 * edge + 1])),
        ]
        return await self._view(name, edge, ways)

    async def by_ref(self, ref: str) -> LearnedRoadView:
        """A numbered road from end to end."""
        stretch = await self._surveyor.ask(lambda index: index.linear.between(ref, 0.0, np.inf))
        if stretch is None:
            raise NotFound("not_found", f"This map has no road {ref}.")
        known = await self._surveyor.ask(lambda index: index.linear.known(ref))
        rising = 2 * stretch.edges + (~stretch.rising).astype(np.int64)
        ways = [Way(direction="rising", arcs=rising), Way(direction="falling", arcs=rising ^ 1)]
        return await self._view(known or ref, None, ways)

    async def _view(self, road: str, edge: int | None, ways: list[Way]) -> LearnedRoadView:
        found = [
            await self._way(way, mode, drives)
            for way in ways
            for mode, drives in (await self._desk.drives_over(way.arcs.tolist())).items()
        ]
        return LearnedRoadView(road=road, edge=edge, version=self._desk.versions.number, ways=found)

    async def _way(self, way: Way, mode: Mode, drives: int) -> LearnedWayView:
        low = middle = high = 0.0
        factor = 1.0
        model_s = await self._classroom.ask(lambda school: _model_s(school, mode, way.arcs))
        if (learned := self._desk.versions.learned) is not None:
            known = summary(learned[mode], way.arcs, model_s)
            factor = known.factor
            low, middle, high = slower_pct(factor, known.log_sd)
        model_kmh = self._kmh(way.arcs, model_s)
        return LearnedWayView(
            mode=mode.value,
            direction=way.direction,
            drives=drives,
            slower_pct=round(middle, 1),
            low_pct=round(low, 1),
            high_pct=round(high, 1),
            kmh=None if model_kmh is None else round(model_kmh / factor, 1),
            model_kmh=None if model_kmh is None else round(model_kmh, 1),
            words=words(drives, middle),
        )

    def _kmh(self, arcs: Arcs, model_s: NDArray[np.float64]) -> float | None:
        """Over those of them that can be driven; None: none can."""
        driven_s = float(model_s.sum())
        metres = float(self._roadmap.edge_length_m[arcs[model_s > 0.0] >> 1].sum())
        return 3.6 * metres / driven_s if driven_s > 0.0 else None


def slower_pct(factor: float, log_sd: float) -> tuple[float, float, float]:
    """By how many percent slower than modelled: nine times in ten at least, most likely, and nine
    times in ten at most."""
    spread = exp(NINETY_PCT_SDS * log_sd)
    low, middle, high = (
        100.0 * (each - 1.0) for each in (factor / spread, factor, factor * spread)
    )
    return low, middle, high


def words(drives: int, slower_pct: float) -> dict[str, str]:
    """For example: 14 drives, 12 % slower than modelled."""
    pct = f"{abs(slower_pct):.0f}"
    if abs(slower_pct) < AS_MODELLED_PCT:
        english, chinese = "as modelled", "与模型一致"
    elif slower_pct > 0:
        english, chinese = f"{pct} % slower than modelled", f"比模型慢 {pct}%"
    else:
        english, chinese = f"{pct} % quicker than modelled", f"比模型快 {pct}%"
    count = "1 drive" if drives == 1 else f"{drives} drives"
    return {"en": f"{count}, {english}", "zh": f"{drives} 次行程，{chinese}"}


def _model_s(school: School, mode: Mode, arcs: Arcs) -> NDArray[np.float64]:
    model_s = school.model(Profile(mode=mode)).arc_s[arcs]
    return np.where(np.isfinite(model_s), model_s, 0.0)
