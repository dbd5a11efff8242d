"""What drives taught, road by road, to draw: those of a box that were driven at least once.

Knows no socket and no database; the numbers come from the version in force.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.driving.vehicles import Mode
from geo.learning.factors import LearnedFactors
from geo.roadmap import RoadMap
from server.learnedroads import slower_pct
from server.learnedversions import LearnedVersions
from server.oneatatime import OneAtATime
from server.roadviews import LearnedLinesView, LearnedLineView, SlowerView

POINTS_MAX: Final = 30_000
"""Of all lines of one answer: half a megabyte before compression."""
TOLERANCE_M_MAX: Final = 500.0
WAITING_MAX: Final = 8
M_PER_DEGREE: Final = 111_320.0
"""Of latitude."""
DIGITS: Final = 5
"""Of a degree: a metre."""

Boxes: TypeAlias = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """Degrees."""

    west: float
    south: float
    east: float
    north: float


class LearnedLines:
    """Answers for one map."""

    def __init__(self, *, versions: LearnedVersions, roadmap: RoadMap) -> None:
        self._versions, self._roadmap = versions, roadmap
        self._boxes: Boxes | None = None
        self._one = OneAtATime(WAITING_MAX)

    async def within(self, box: Box, mode: Mode, *, tolerance_m: float) -> LearnedLinesView:
        """The driven roads that a box touches, the most driven first. `tolerance_m`: by how much a
        line may be off its road. Raises `TooMany`."""
        version, learned = self._versions.number, self._versions.learned
        if learned is None:
            return LearnedLinesView(version=None, left_out=0, lines=[])
        async with self._one.turn():
            lines, left_out = await asyncio.to_thread(
                self._lines, learned[mode], box, min(max(tolerance_m, 0.0), TOLERANCE_M_MAX)
            )
        return LearnedLinesView(version=version, left_out=left_out, lines=lines)

    def _lines(
        self, learned: LearnedFactors, box: Box, tolerance_m: float
    ) -> tuple[list[LearnedLineView], int]:
        drives = learned.trips.reshape(-1, 2)
        edges = np.flatnonzero(drives.any(axis=1) & self._touching(box))
        edges = edges[np.argsort(-drives[edges].sum(axis=1), kind="stable")]
        drawn = shapely.simplify(
            [shapely.LineString(self._roadmap.shape(edge)) for edge in edges.tolist()],
            tolerance_m / M_PER_DEGREE,
        )
        points = np.cumsum(shapely.get_num_coordinates(drawn))
        shown = int(np.searchsorted(points, POINTS_MAX, side="right"))
        lines = [
            LearnedLineView(
                edge=edge,
                coordinates=shapely.get_coordinates(line).round(DIGITS).tolist(),
                forward=_slower(learned, 2 * edge),
                backward=_slower(learned, 2 * edge + 1),
            )
            for edge, line in zip(edges[:shown].tolist(), drawn[:shown], strict=True)
        ]
        return lines, len(edges) - shown

    def _touching(self, box: Box) -> NDArray[np.bool_]:
        """(M,) edges whose own boxes meet this one."""
        if self._boxes is None:
            points, first = self._roadmap.point_lonlat, self._roadmap.edge_first_point[:-1]
            ends = (np.minimum.reduceat(points, first), np.maximum.reduceat(points, first))
            self._boxes = np.hstack(ends)
        west, south, east, north = self._boxes.T
        meets: NDArray[np.bool_] = (
            (west <= box.east) & (east >= box.west) & (south <= box.north) & (north >= box.south)
        )
        return meets


def _slower(learned: LearnedFactors, arc: int) -> SlowerView | None:
    """None: never driven that way."""
    drives = int(learned.trips[arc])
    if drives == 0:
        return None
    low, middle, high = slower_pct(float(learned.factor[arc]), float(learned.log_sd[arc]))
    return SlowerView(
        drives=drives,
        slower_pct=round(middle, 1),
        low_pct=round(low, 1),
        high_pct=round(high, 1),
    )
