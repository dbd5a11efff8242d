"""The lines of a map's roads: of a whole way at once, and which way a road runs under a place.

Knows no travel time.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from itertools import pairwise
from math import cos, hypot
from typing import Final

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from geo.roadmap import RoadMap
from geo.routing.arcgraph import ranges
from geo.routing.journey import Legs
from geo.snap import Snap

HALF_RADIAN: Final = np.pi / 360.0
"""The mean of two angles in degrees is their sum in this."""

AT_PLACE: Final = 1e-5
"""Share of an edge's length up to which a shape point is at a place, which stands for it."""

ECCENTRICITY2: Final = 0.00669438
"""Of the WGS-84 ellipsoid, squared: a degree of latitude is shorter near the equator."""
FLAT: Final = 1.0 - ECCENTRICITY2

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class WayLines:
    """Lines, lengths and directions over one map."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._points = np.asarray(roadmap.point_lonlat)  # a mapped file is slow to slice
        self._first = roadmap.edge_first_point
        self._runs = sliding_window_view(self._first, 2)  # (M, 2) first point, one past the last
        self._length_m = roadmap.edge_length_m

    def bearings_deg(self, snaps: Sequence[Snap]) -> Floats:
        """(K,) compass direction of the piece of road under each, tail to head."""
        edges = np.array([snap.edge for snap in snaps])
        first, last = self._first[edges], self._first[edges + 1] - 1
        points = self._points[ranges(first, last + 1)]
        last = np.cumsum(last + 1 - first) - 1
        first = np.append(0, last[:-1] + 1)
        squeeze = np.cos(np.radians([snap.lat for snap in snaps]))
        steps = np.diff(points, axis=0)
        steps[:, 0] *= np.repeat(squeeze, last + 1 - first)[:-1]
        steps[last[:-1]] = 0.0  # from one edge to the next
        lengths = np.hypot(*steps.T)
        along = np.append(0.0, np.cumsum(lengths))
        places = along[first] + [snap.fraction for snap in snaps] * (along[last] - along[first])
        at = np.searchsorted(along[1:], places).clip(first, last - 1)
        for row in np.flatnonzero(lengths[at] == 0.0):
            at[row] = first[row] + lengths[first[row] : last[row]].argmax()
        bearings: Floats = np.degrees(np.arctan2(*steps[at].T))
        return bearings

    def length_m(self, legs: Legs) -> float:
        """Along all legs."""
        lengths_m = self._length_m[legs.edge]
        for part, begin, finish in legs.parts():
            lengths_m[part] *= abs(finish - begin)
        return float(lengths_m.sum(dtype=np.float64))

    def line(self, source: Snap, target: Snap, legs: Legs) -> Floats:
        """(k, 2) degrees from one place along the legs to the other, no point twice in a row."""
        between = self._between(legs) if legs else _NO_POINTS
        line = np.empty((len(between) + 2, 2))
        line[0] = source.lon, source.lat
        line[-1] = target.lon, target.lat
        self._points.take(between, axis=0, out=line[1:-1], mode="clip")  # "raise" makes a copy
        return line

    def _between(self, legs: Legs) -> Ints:
        """The shape points between both ends, in driving order; every junction once."""
        backward = legs.arc & 1
        runs = self._runs[legs.edge]
        first, counts = runs[:, 0], runs[:, 1] - runs[:, 0] - 1
        # Without the first point of each leg: it is the last of the leg before.
        begin = np.where(backward, first + counts - 1, first + 1)
        end = np.where(backward, first, first + counts)
        steps = (1 - 2 * backward).repeat(counts)
        stops = counts.cumsum()
        steps[0] = begin[0]
        steps[stops[:-1]] = begin[1:] - end[:-1]
        points: Ints = steps.cumsum()
        behind = self._passed(legs.arc[0], legs.begin) - 1
        ahead = self._passed(legs.arc[-1] ^ 1, legs.finish)
        return points[behind : max(len(points) - ahead, len(points) - int(counts[-1]))]

    def _passed(self, arc: int, fraction: float) -> int:
        """How many points of an arc lie before a place on it, or at the place."""
        first, stop = self._runs[arc >> 1].tolist()
        return _passed(self._points[first:stop].tolist(), fraction, arc & 1)


_NO_POINTS: Final = np.empty(0, dtype=np.int64)


def _passed(shape: list[list[float]], fraction: float, head_side: int) -> int:
    """How many points of an edge's shape lie before a place on it, or at the place; with
    `head_side` those behind it. In plain numbers: an edge has a dozen points."""
    along = [0.0]
    for (west, south), (east, north) in pairwise(shape):
        cosine = cos((south + north) * HALF_RADIAN)
        flat = FLAT / (FLAT + ECCENTRICITY2 * cosine * cosine)
        along.append(along[-1] + hypot((east - west) * cosine, (north - south) * flat))
    if head_side:
        return len(along) - bisect_left(along, (fraction - AT_PLACE) * along[-1])
    return bisect_right(along, (fraction + AT_PLACE) * along[-1])
