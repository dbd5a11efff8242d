"""The lines of a map's roads: of a whole way at once, and which way a road runs under a place.

Knows no travel time.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.arcgraph import ranges
from geo.routing.journey import Leg, Legs
from geo.snap import Snap

Floats = NDArray[np.float64]


class WayLines:
    """Lines, lengths and directions over one map."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._points = np.asarray(roadmap.point_lonlat)  # a mapped file is slow to slice
        self._first = roadmap.edge_first_point
        self._length_m = roadmap.edge_length_m
        self._projection = projection(roadmap.meta.crs)

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
        return float(self._length_m[legs.edge] @ legs.share)

    def line(self, source: Snap, target: Snap, legs: Legs) -> Floats:
        """(k, 2) degrees from one place along the legs to the other, no point twice in a row."""
        points = np.empty((2, 2))
        points[0], points[1] = (source.lon, source.lat), (target.lon, target.lat)
        if len(legs):
            points = np.concatenate((points[:1], self._driven(legs), points[1:]))
        moved = np.ones(len(points), dtype=np.bool_)
        moved[1:-1] = (points[1:-1] != points[:-2]).any(axis=1)
        return points[moved]

    def _driven(self, legs: Legs) -> Floats:
        """Shape points of the legs in driving order, without ends in the middle of an edge."""
        begin, end = self._first[legs.edge], self._first[legs.edge + 1]
        counts = end - begin
        stop = np.cumsum(counts)
        nth = np.arange(stop[-1]) - np.repeat(stop - counts, counts)
        back = (legs.arc & 1).astype(np.bool_)
        origin, step = np.where(back, end - 1, begin), np.where(back, -1, 1)
        points = self._points[np.repeat(origin, counts) + np.repeat(step, counts) * nth]
        covered = np.ones(len(points), dtype=np.bool_)
        for number in {0, len(legs) - 1}:  # no other leg is a part of its edge
            covered[stop[number] - counts[number] : stop[number]] = self._covered(legs[number])
        driven: Floats = points[covered]
        return driven

    def _covered(self, leg: Leg) -> NDArray[np.bool_]:
        """Which shape points of its edge lie on a leg, in driving order."""
        shape = self._points[self._first[leg.edge] : self._first[leg.edge + 1]]
        low, high = sorted((leg.start, leg.end))
        if (low, high) == (0.0, 1.0):
            return np.ones(len(shape), dtype=np.bool_)
        metres = self._projection.to_metres(shape)
        along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
        share = along / along[-1] if along[-1] > 0.0 else np.linspace(0.0, 1.0, len(along))
        share[-1] = 1.0
        covered = (share >= low) & (share <= high)
        return covered if leg.start < leg.end else covered[::-1]
