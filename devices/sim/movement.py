"""Driving along a path at the speeds of the travel-time model, never above them.

A path is cut at the shape points of the road; every piece knows its edge and how long the model
takes over it. A driver's pace may be slower than the model, not faster: a unit that outruns its
road would make every measurement of dispatching worthless. Knows no clock: time is advanced.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from math import atan2, cos, degrees, radians
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.snap import Snap

METRES_PER_DEGREE: Final = 111_195.0
"""Of latitude, on a sphere of 6371 km."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A way along the road with k >= 2 points, k - 1 pieces."""

    at_s: NDArray[np.float64]
    """(k,) model seconds from the start, never falling."""
    at_m: NDArray[np.float64]
    """(k,) metres from the start."""
    lonlat: NDArray[np.float64]
    """(k, 2) degrees."""
    edge: NDArray[np.int64]
    """(k - 1,) edge of each piece."""
    start: NDArray[np.float64]
    """(k - 1,) fraction along the edge where the piece begins."""
    end: NDArray[np.float64]
    """(k - 1,) and where it ends; lower than `start` when driven from head to tail."""

    @property
    def duration_s(self) -> float:
        return float(self.at_s[-1])

    @property
    def distance_m(self) -> float:
        return float(self.at_m[-1])


class Drive:
    """One vehicle on one path."""

    def __init__(self, path: Path, *, pace: float = 1.0, speed_mps_max: float = np.inf) -> None:
        """`pace`: share of the model's speed, over 0 and at most 1. `speed_mps_max`: e.g. on foot.

        Raises ValueError for a pace above 1.
        """
        if not 0.0 < pace <= 1.0:
            raise ValueError(f"a pace of {pace} would outrun the road; at most 1")
        self.path = path
        pieces_s = np.maximum(np.diff(path.at_s) / pace, np.diff(path.at_m) / speed_mps_max)
        self._at_s: list[float] = np.concatenate(([0.0], np.cumsum(pieces_s))).tolist()
        self._elapsed_s = 0.0

    @property
    def duration_s(self) -> float:
        return self._at_s[-1]

    @property
    def arrived(self) -> bool:
        return self._elapsed_s >= self._at_s[-1]

    def advance(self, seconds: float) -> float:
        """Drive on; returns the seconds left over after arrival."""
        self._elapsed_s += seconds
        over_s = self._elapsed_s - self._at_s[-1]
        if over_s <= 0.0:
            return 0.0
        self._elapsed_s = self._at_s[-1]
        return over_s

    @property
    def place(self) -> Snap:
        """Where on the road it is now."""
        piece, share = self._piece()
        lon, lat = self._between(piece, share)
        start, end = float(self.path.start[piece]), float(self.path.end[piece])
        fraction = min(max(start + share * (end - start), 0.0), 1.0)
        return Snap(
            edge=int(self.path.edge[piece]), fraction=fraction, lon=lon, lat=lat, distance_m=0.0
        )

    @property
    def driven_m(self) -> float:
        """Metres since the start."""
        piece, share = self._piece()
        begin_m, end_m = self.path.at_m[piece : piece + 2].tolist()
        return float(begin_m + share * (end_m - begin_m))

    @property
    def speed_mps(self) -> float:
        """Metres a second now; 0 after arrival."""
        if self.arrived:
            return 0.0
        piece, _ = self._piece()
        seconds = self._at_s[piece + 1] - self._at_s[piece]
        metres = float(self.path.at_m[piece + 1] - self.path.at_m[piece])
        return metres / seconds if seconds > 0.0 else 0.0

    @property
    def heading_deg(self) -> float:
        """Degrees clockwise from north, of the piece it is on."""
        piece, _ = self._piece()
        (lon0, lat0), (lon1, lat1) = self.path.lonlat[piece : piece + 2].tolist()
        east = (lon1 - lon0) * cos(radians(lat0))
        return degrees(atan2(east, lat1 - lat0)) % 360.0

    def _piece(self) -> tuple[int, float]:
        last = len(self._at_s) - 2
        piece = min(bisect_right(self._at_s, self._elapsed_s) - 1, last)
        begin, end = self._at_s[piece], self._at_s[piece + 1]
        return piece, (self._elapsed_s - begin) / (end - begin) if end > begin else 1.0

    def _between(self, piece: int, share: float) -> tuple[float, float]:
        (lon0, lat0), (lon1, lat1) = self.path.lonlat[piece : piece + 2].tolist()
        return lon0 + share * (lon1 - lon0), lat0 + share * (lat1 - lat0)


def distance_m(lon0: float, lat0: float, lon1: float, lat1: float) -> float:
    """Metres between two near places, on a local plane."""
    east = (lon1 - lon0) * cos(radians((lat0 + lat1) / 2.0))
    return float(np.hypot(east, lat1 - lat0)) * METRES_PER_DEGREE


def steps_m(lonlat: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k - 1,) metres between neighbouring points, on a local plane."""
    north = np.diff(lonlat[:, 1])
    east = np.diff(lonlat[:, 0]) * np.cos(np.radians(lonlat[:-1, 1]))
    return np.asarray(np.hypot(east, north) * METRES_PER_DEGREE)
