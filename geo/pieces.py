"""Edges cut into short pieces, each with its curve radius and its grade.

This is what the road does to a car; what the car makes of it is `geo.speed`. All edges at once,
in numpy, a bounded number of pieces at a time.

Radius. On a circle the direction of two neighbouring chords, each over an arc L, differs by L/R.
The points of a drawn road are off by a metre or two, which bends straight roads: an error of
DIGITISING_M per point makes the angle err by DIGITISING_M * sqrt(6)/L (the same as
sigma_R/R = 8R/(2L)^2 * sigma * sqrt(1.5)). So the angle is measured at several L, what noise
alone may explain is taken out in quadrature, and the tightest radius that remains counts: short
windows see hairpins, long ones see sweeping bends. A window ends where its edge ends.

Grade. Rise over GRADE_WINDOW_M, because the height data is far coarser than the road; the map
build has smoothed heights along the way and interpolated them over bridges and tunnels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.projection import projection
from geo.roadmap import RoadMap

PIECE_M: Final = 10.0
"""m. Length of a piece, about the length of the shortest hairpin's third. Starting value."""

CURVE_WINDOWS_M: Final = (20.0, 40.0, 80.0)
"""m. Arc on either side over which direction is measured. Starting values."""

DIGITISING_M: Final = 1.5
"""m. Standard error of a drawn point across the road. Starting value."""

NOISE_GATE: Final = 2.0
"""Standard errors of an angle that count as noise. Starting value."""

RADIUS_M_MIN: Final = 6.0
"""m. No road bends tighter than a car turns (turning circle of about 12 m)."""

GRADE_WINDOW_M: Final = 150.0
"""m. Shortest length a grade of 90 m height cells means something over; whole edge if shorter."""

GRADE_BASE_M_MIN: Final = 30.0
"""m. Rise over an edge shorter than this is shared over this length. Starting value."""

GRADE_PCT_MAX: Final = 14.0
"""%. Clamp; steeper public roads are rare and steeper height data is noise. Starting value."""

PIECES_MAX: Final = 250_000
"""Pieces worked on at once: about 100 MB."""

EDGE_GAP_M: Final = 1.0
"""m. Keeps neighbouring edges apart on the one long line that all are laid out on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """K pieces of the edges first_edge … first_edge + E - 1, in order along each edge."""

    first_edge: int
    start: NDArray[np.int64]
    """(E + 1,) the pieces of edge first_edge + i are start[i] … start[i + 1] - 1."""
    edge: NDArray[np.int64]
    """(K,) edge of each piece."""
    length_m: NDArray[np.float64]
    """(K,)"""
    radius_m: NDArray[np.float64]
    """(K,) inf where straight."""
    grade_pct: NDArray[np.float64]
    """(K,) rise tail to head, 0 where heights are unknown."""


def pieces_of(roadmap: RoadMap, pieces_max: int = PIECES_MAX) -> Iterator[Pieces]:
    """All edges of the map, in chunks of about `pieces_max` pieces."""
    metres = projection(roadmap.meta.crs).to_metres(roadmap.point_lonlat)
    counts = np.maximum(1, np.ceil(_lengths(roadmap) / PIECE_M)).astype(np.int64)
    cumulative = np.cumsum(counts)
    first = 0
    while first < roadmap.edge_count:
        before = cumulative[first - 1] if first else 0
        stop = int(np.searchsorted(cumulative, before + pieces_max, side="right"))
        stop = max(stop, first + 1)
        yield _chunk(roadmap, metres, counts, first, stop)
        first = stop


def _lengths(roadmap: RoadMap) -> NDArray[np.float64]:
    lengths: NDArray[np.float64] = np.nan_to_num(roadmap.edge_length_m.astype(np.float64), nan=0.0)
    return np.maximum(lengths, 0.0)


def _chunk(
    roadmap: RoadMap,
    metres: NDArray[np.float64],
    counts: NDArray[np.int64],
    first: int,
    stop: int,
) -> Pieces:
    line = _Line(roadmap, metres, first, stop)
    count = counts[first:stop]
    start = np.concatenate(([0], np.cumsum(count)))
    local = np.repeat(np.arange(stop - first), count)
    nth = np.arange(start[-1]) - start[local]
    middle_m = (nth + 0.5) / count[local] * line.length_m[local]
    return Pieces(
        first_edge=first,
        start=start,
        edge=local + first,
        length_m=(_lengths(roadmap)[first:stop] / count)[local],
        radius_m=_radius_m(line, local, middle_m),
        grade_pct=_grade_pct(line, local, middle_m),
    )


class _Line:
    """The shapes of some edges laid out one after another on one long line.

    Lengths are of the projected shape; places on it are (edge within the chunk, metres along).
    """

    def __init__(
        self, roadmap: RoadMap, metres: NDArray[np.float64], first: int, stop: int
    ) -> None:
        begin = roadmap.edge_first_point[first : stop + 1] - roadmap.edge_first_point[first]
        points = slice(roadmap.edge_first_point[first], roadmap.edge_first_point[stop])
        xy = metres[points]
        steps = np.concatenate(([0.0], np.hypot(*np.diff(xy, axis=0).T)))
        steps[begin[1:-1]] = EDGE_GAP_M
        self._along_m = np.cumsum(steps)
        self._columns = np.column_stack((xy, roadmap.point_ele_m[points]))
        self._start_m = self._along_m[begin[:-1]]
        self.length_m = self._along_m[begin[1:] - 1] - self._start_m

    def at(self, edge: NDArray[np.int64], along_m: NDArray[np.float64]) -> NDArray[np.float64]:
        """(K, 3) metres east, metres north, height at places along the edges."""
        where = self._start_m[edge] + along_m
        right = np.searchsorted(self._along_m, where, side="right").clip(1, len(self._along_m) - 1)
        left_m, right_m = self._along_m[right - 1], self._along_m[right]
        gap = right_m - left_m
        share = np.divide(where - left_m, gap, out=np.zeros_like(gap), where=gap > 0.0)
        share = share.clip(0.0, 1.0)[:, None]
        low, high = self._columns[right - 1], self._columns[right]
        places: NDArray[np.float64] = np.where(share > 0.0, low + share * (high - low), low)
        return places


def _radius_m(
    line: _Line, edge: NDArray[np.int64], middle_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    here = line.at(edge, middle_m)[:, :2]
    sharpest = np.zeros(len(edge))
    for window_m in CURVE_WINDOWS_M:
        behind_m = np.minimum(window_m, middle_m)
        ahead_m = np.minimum(window_m, line.length_m[edge] - middle_m)
        back = here - line.at(edge, middle_m - behind_m)[:, :2]
        front = line.at(edge, middle_m + ahead_m)[:, :2] - here
        bend = _angle(back, front)
        noise = NOISE_GATE * DIGITISING_M * _angle_error_per_m(behind_m, ahead_m)
        sure = np.sqrt(np.maximum(bend**2 - noise**2, 0.0))
        arc_m = (behind_m + ahead_m) / 2.0
        sharpest = np.maximum(
            sharpest, np.divide(sure, arc_m, out=np.zeros_like(sure), where=arc_m > 0.0)
        )
    radius = np.full(len(edge), np.inf)
    np.divide(1.0, sharpest, out=radius, where=sharpest > 0.0)
    return radius.clip(min=RADIUS_M_MIN)


def _angle(back: NDArray[np.float64], front: NDArray[np.float64]) -> NDArray[np.float64]:
    """Radians between two directions, 0 … pi."""
    cross = back[:, 0] * front[:, 1] - back[:, 1] * front[:, 0]
    dot = (back * front).sum(axis=1)
    angle: NDArray[np.float64] = np.abs(np.arctan2(cross, dot))
    return angle


def _angle_error_per_m(
    behind_m: NDArray[np.float64], ahead_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Radians of angle error per metre of point error; sqrt(6)/L where both arms are L."""
    with np.errstate(divide="ignore"):
        back, front = 1.0 / behind_m, 1.0 / ahead_m
    error: NDArray[np.float64] = np.sqrt(back**2 + front**2 + (back + front) ** 2)
    return error


def _grade_pct(
    line: _Line, edge: NDArray[np.int64], middle_m: NDArray[np.float64]
) -> NDArray[np.float64]:
    length_m = line.length_m[edge]
    window_m = np.minimum(GRADE_WINDOW_M, length_m)
    low_m = (middle_m - window_m / 2.0).clip(min=0.0)
    low_m = np.minimum(low_m, length_m - window_m)
    rise_m = line.at(edge, low_m + window_m)[:, 2] - line.at(edge, low_m)[:, 2]
    grade: NDArray[np.float64] = 100.0 * rise_m / np.maximum(window_m, GRADE_BASE_M_MIN)
    grade[np.isnan(grade)] = 0.0
    return grade.clip(-GRADE_PCT_MAX, GRADE_PCT_MAX)
