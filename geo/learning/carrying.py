"""What drives over one map say on the next: roads that are recognisably the same.

A county builds its map anew from a newer extract. Nearly all roads are where they were, but edges
have other numbers, and some are cut or joined where a side street came or went. Each old edge is
laid over the new map at places SAMPLE_M apart; the nearest road there, of the same way in
OpenStreetMap before others, continues it. Stretches that run on along one new edge, as long as they
were, are its pieces; an edge of which less than SAME_SHARE is found again is lost, and what was
driven there is left out. Drives are carried, not factors: so the next version learned from old and
new drives together is as if all had been matched to the new map. Knows no database.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Self

import numpy as np
from numpy.typing import NDArray

from geo.learning.candidates import RoadPlaces
from geo.learning.passages import Passages
from geo.roadmap import RoadMap
from geo.snap import drivable

SAMPLE_M: Final = 15.0
SAMPLES_MIN: Final = 3
"""Places looked at along every edge, the shortest included."""

NEAR_M: Final = 10.0
"""m. Farther off it is another road, or one that was moved."""

SAME_SHARE: Final = 0.8
"""Of an edge that must be found again."""

LENGTH_RATIO_MAX: Final = 1.4
"""A piece is at most so much longer or shorter on the new map; roads across one are not."""

JOIN_SHARE: Final = 0.1
"""Of an arc that may be missing between two passages that still are one drive."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How much of the drivable roads of an old map was found again."""

    edges: int
    edges_lost: int
    km: float
    km_lost: float


@dataclass(frozen=True, kw_only=True)
class Carrying:
    """P pieces of old edges on new ones, as (P,) columns, by old edge and along it."""

    old_edge: Ints
    old_from: Floats
    old_to: Floats
    """Shares of the old edge from its tail; `old_from` < `old_to`."""
    new_edge: Ints
    new_from: Floats
    new_to: Floats
    """Shares of the new edge at both; `new_from` > `new_to` where it is drawn the other way."""

    @classmethod
    def between(cls, old: RoadMap, new: RoadMap) -> Self:
        """Lay one map over another."""
        edge, share, cells = _samples(old)
        at = _places(old, edge, share)
        found, fraction = _nearest(RoadPlaces(new), at, old.edge_way_id[edge], new.edge_way_id)
        begins = np.concatenate(([True], (np.diff(edge) != 0) | (np.diff(found) != 0)))
        first = np.flatnonzero(begins)
        last = np.append(first[1:], len(edge)) - 1
        kept = (found[first] >= 0) & (last > first)
        first, last = first[kept], last[kept]
        half = 0.5 / cells[first]
        slope = (fraction[last] - fraction[first]) / (share[last] - share[first])
        pieces = cls(
            old_edge=edge[first],
            old_from=share[first] - half,
            old_to=share[last] + half,
            new_edge=found[first],
            new_from=(fraction[first] - slope * half).clip(0.0, 1.0),
            new_to=(fraction[last] + slope * half).clip(0.0, 1.0),
        )
        return pieces._recognised(slope, old, new)

    def counted(self, old: RoadMap) -> Counted:
        """How much of the drivable roads of the old map was found again."""
        open_edges = drivable(old)
        length_km = np.asarray(old.edge_length_m, dtype=np.float64) / 1000.0
        found = np.zeros(old.edge_count, dtype=np.bool_)
        found[self.old_edge] = True
        lost = open_edges & ~found
        return Counted(
            edges=int(found.sum()),
            edges_lost=int(lost.sum()),
            km=float(length_km[found].sum()),
            km_lost=float(length_km[lost].sum()),
        )

    def arcs_before(self, arcs: Sequence[int]) -> list[int]:
        """Old arcs of which a piece lies on any of these new ones."""
        backward = self.new_to < self.new_from
        wanted = np.asarray(arcs, dtype=np.int64)
        found = [
            2 * self.old_edge[np.isin(2 * self.new_edge + (backward ^ back), wanted)] + back
            for back in (0, 1)
        ]
        arcs_before: list[int] = np.unique(np.concatenate(found)).tolist()
        return arcs_before

    def runs(self, runs: Sequence[Passages]) -> tuple[Passages, ...]:
        """A drive over the old map as one over the new; where roads are lost it breaks."""
        return tuple(carried for run in runs for carried in self._run(run))

    def _run(self, run: Passages) -> list[Passages]:
        steps: list[list[_Step]] = []
        open_share = 1.0
        """Of the arcs since the last step, not carried; over JOIN_SHARE the drive breaks."""
        for place in range(len(run)):
            at = float(run.start[place])
            for step in self._steps(run, place):
                open_share += step.old_from - at
                at = step.old_to
                if not steps or open_share > JOIN_SHARE:
                    steps.append([])
                _append(steps[-1], step)
                open_share = 0.0
            open_share += float(run.end[place]) - at
        return [_passages(each) for each in steps]

    def _steps(self, run: Passages, place: int) -> list[_Step]:
        """One passage, piece by piece in driving order."""
        arc, low, high = int(run.arc[place]), float(run.start[place]), float(run.end[place])
        enter_s, leave_s = float(run.enter_s[place]), float(run.leave_s[place])
        back = arc & 1
        found = []
        pieces = range(int(self._first[arc >> 1]), int(self._first[(arc >> 1) + 1]))
        for piece in reversed(pieces) if back else pieces:
            from_, to = float(self.old_from[piece]), float(self.old_to[piece])
            new_from, new_to = float(self.new_from[piece]), float(self.new_to[piece])
            if back:
                from_, to, new_from, new_to = 1.0 - to, 1.0 - from_, new_to, new_from
            start, end = max(low, from_), min(high, to)
            if end - start <= 1e-6:
                continue
            per_share = (new_to - new_from) / (to - from_)
            at = [new_from + (each - from_) * per_share for each in (start, end)]
            turned = at[0] > at[1]
            time_s = [
                enter_s + (each - low) / (high - low) * (leave_s - enter_s) for each in (start, end)
            ]
            found.append(
                _Step(
                    old_from=start,
                    old_to=end,
                    arc=2 * int(self.new_edge[piece]) + int(turned),
                    start=1.0 - at[0] if turned else at[0],
                    end=1.0 - at[1] if turned else at[1],
                    enter_s=time_s[0],
                    leave_s=time_s[1],
                    reach_m=float(run.reach_m[place]),
                    stood=bool(run.stood[place]),
                )
            )
        return found

    @cached_property
    def _first(self) -> Ints:
        """(last old edge + 2,) first piece of each old edge."""
        last = int(self.old_edge.max(initial=-1))
        return np.searchsorted(self.old_edge, np.arange(last + 2))

    def _recognised(self, slope: Floats, old: RoadMap, new: RoadMap) -> Self:
        """Without pieces that are no continuation, and edges too little of which is found."""
        ratio = np.abs(slope) * new.edge_length_m[self.new_edge] / old.edge_length_m[self.old_edge]
        kept = (ratio >= 1.0 / LENGTH_RATIO_MAX) & (ratio <= LENGTH_RATIO_MAX)
        share = np.bincount(
            self.old_edge[kept],
            (self.old_to - self.old_from)[kept],
            minlength=old.edge_count,
        )
        kept &= share[self.old_edge] >= SAME_SHARE
        return type(self)(
            old_edge=self.old_edge[kept],
            old_from=self.old_from[kept],
            old_to=self.old_to[kept],
            new_edge=self.new_edge[kept],
            new_from=self.new_from[kept],
            new_to=self.new_to[kept],
        )


@dataclass(slots=True, kw_only=True)
class _Step:
    """Part of a passage on one new arc."""

    old_from: float
    old_to: float
    arc: int
    start: float
    end: float
    enter_s: float
    leave_s: float
    reach_m: float
    stood: bool


def _append(steps: list[_Step], step: _Step) -> None:
    """Two old edges that became one make one passage."""
    if steps and steps[-1].arc == step.arc and step.end > steps[-1].end:
        last = steps[-1]
        last.end, last.leave_s = step.end, step.leave_s
        last.reach_m, last.stood = max(last.reach_m, step.reach_m), last.stood or step.stood
    else:
        steps.append(step)


def _passages(steps: Sequence[_Step]) -> Passages:
    def column(name: str) -> Floats:
        return np.array([getattr(step, name) for step in steps], dtype=np.float64)

    return Passages(
        arc=np.array([step.arc for step in steps], dtype=np.int64),
        start=column("start"),
        end=column("end"),
        enter_s=column("enter_s"),
        leave_s=column("leave_s"),
        reach_m=column("reach_m"),
        stood=np.array([step.stood for step in steps], dtype=np.bool_),
    )


def _samples(roadmap: RoadMap) -> tuple[Ints, Floats, Ints]:
    """Places in the middle of equal cells along every edge: edge, share, cells of the edge."""
    length_m = np.asarray(roadmap.edge_length_m, dtype=np.float64)
    counts = np.maximum(np.ceil(length_m / SAMPLE_M), SAMPLES_MIN).astype(np.int64)
    edge = np.repeat(np.arange(roadmap.edge_count), counts)
    nth = np.arange(len(edge)) - np.repeat(np.cumsum(counts) - counts, counts)
    return edge, (nth + 0.5) / counts[edge], counts[edge]


def _places(roadmap: RoadMap, edge: Ints, share: Floats) -> Floats:
    """(S, 2) longitude and latitude of shares of edges."""
    lonlat = np.asarray(roadmap.point_lonlat)
    flat = lonlat * (np.cos(np.radians(lonlat[:, 1].mean())), 1.0)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(flat, axis=0).T))))
    first = np.asarray(roadmap.edge_first_point)
    begin, end = along[first[edge]], along[first[edge + 1] - 1]
    at = begin + share * (end - begin)
    return np.column_stack([np.interp(at, along, axis) for axis in lonlat.T])


def _nearest(
    places: RoadPlaces, lonlat: Floats, way_id: Ints, new_way_id: Ints
) -> tuple[Ints, Floats]:
    """New edge at each place and the share along it; -1 where there is none."""
    metres = places.projection.to_metres(lonlat)
    found = places.near(metres, np.full(len(metres), NEAR_M))
    sample = np.repeat(np.arange(len(metres)), np.diff(found.first))
    other = new_way_id[found.edge] != way_id[sample]
    order = np.lexsort((found.distance_m, other, sample))
    _, best = np.unique(sample[order], return_index=True)
    rows = order[best]
    edge, fraction = np.full(len(metres), -1, dtype=np.int64), np.zeros(len(metres))
    edge[sample[rows]], fraction[sample[rows]] = found.edge[rows], found.fraction[rows]
    return edge, fraction
