"""Roads cut into short pieces, so that the end of radio can be told to a few hundred metres.

In the mountains an edge runs for kilometres from junction to junction, and a gorge takes only a
part of it. Every edge is cut into equal pieces of at most PIECE_M; each piece has two directions,
numbered like arcs: 2p towards the edge's head, 2p + 1 towards its tail. Knows nothing of radio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.roadmap import RoadMap

PIECE_M: Final = 250.0
"""m. A quarter of a minute of driving: finer than devices report. Starting value."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pieces:
    """All pieces of one map: those of edge e are `first[e]` to `first[e + 1] - 1`, tail to head."""

    first: Ints
    """(M + 1,)"""

    @classmethod
    def of(cls, roadmap: RoadMap) -> Self:
        counts = np.ceil(np.asarray(roadmap.edge_length_m, np.float64) / PIECE_M).clip(min=1.0)
        return cls(first=np.concatenate(([0], np.cumsum(counts.astype(np.int64)))))

    @property
    def count(self) -> int:
        return int(self.first[-1])

    def edge_of(self, piece: Ints) -> Ints:
        """The edge that each piece is of."""
        found: Ints = np.searchsorted(self.first, piece, side="right") - 1
        return found

    def span(self, piece: Ints) -> tuple[Floats, Floats]:
        """Where each piece begins and ends on its edge, 0 at the tail, 1 at the head."""
        edge = self.edge_of(piece)
        counts = self.first[edge + 1] - self.first[edge]
        nth = piece - self.first[edge]
        return nth / counts, (nth + 1) / counts

    def along(self, arc: int, start: float, end: float) -> tuple[Ints, Floats, Floats]:
        """What a drive along an arc passes: directed pieces in driving order, and from where to
        where on the arc, as shares from the end where it is entered."""
        edge, back = arc >> 1, arc & 1
        first, count = int(self.first[edge]), int(self.first[edge + 1] - self.first[edge])
        nth = np.arange(int(start * count), min(int(np.ceil(end * count)), count))
        piece = first + (count - 1 - nth if back else nth)
        low, high = (nth / count).clip(min=start), ((nth + 1) / count).clip(max=end)
        driven = high > low
        return (2 * piece + back)[driven], low[driven], high[driven]
