"""Which arcs a place on a road touches, and the time from it to them, as the roads are now.

A start in the middle of an edge is both its arcs, each with the part of it that lies behind; an
end is both its arcs, each with the part to drive. A place at the very end of an edge is at that
junction, whatever the edge forbids: it starts on any arc out of it, and ends with any arc into it.
Time along an edge is shared out by length. Knows no search.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.routing.arcgraph import ArcGraph
from geo.routing.engine import CLOSED, SEEDS_MAX, UNREACHABLE, Millis, Seeds, Weights
from geo.routing.places import Ints, Places

LEAVING_MAX: Final = 4
"""Starts of which it is kept what leads away from them, those asked for last."""

_ArcMs: TypeAlias = tuple[int, int]
"""An arc, and the time from its beginning to a place, or the other way about."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Leaving:
    """The P open arcs that lead away from S starts."""

    starts: Places
    arc: Ints
    """(P,) by start."""
    lead_ms: Millis
    """(P,) from its start to the beginning of each; less than nothing where that lies behind."""
    rows: Ints
    """(R,) the starts that have any …"""
    first: Ints
    """(R,) … and the first of each one's."""

    def totals(self, found_ms: Millis) -> Millis:
        """(S,) or (S, T) from each start, of (P,) or (P, T) from the beginning of each arc."""
        found_ms = found_ms.T  # as engines lay it out
        via_ms = np.where(found_ms < UNREACHABLE, found_ms + self.lead_ms, UNREACHABLE)
        if len(self.rows) == len(self.starts):
            return np.minimum.reduceat(via_ms, self.first, axis=-1).T
        totals = np.full((*via_ms.shape[:-1], len(self.starts)), UNREACHABLE, dtype=np.int64)
        if len(self.rows):
            totals[..., self.rows] = np.minimum.reduceat(via_ms, self.first, axis=-1)
        return totals.T


class Touching:
    """Arc times in force, and what they make of places. All raises ValueError for an edge outside
    the map."""

    def __init__(self, arcs: ArcGraph, arc_ms: Weights) -> None:
        """`arc_ms`: (2M,) along each arc."""
        self._arcs, self._edge_count = arcs, arcs.arc_count // 2
        self.reset(arc_ms)

    def reset(self, arc_ms: Weights) -> None:
        """New times for all arcs."""
        self.arc_ms: Millis = arc_ms.astype(np.int64)
        """(2M,) Not to be written to."""
        self._kept: deque[Leaving] = deque(maxlen=LEAVING_MAX)

    def apply(self, arcs: Ints, arc_ms: Weights) -> None:
        """New times for some arcs."""
        self.arc_ms[arcs] = arc_ms
        edges = (arcs >> 1).tolist()
        same = [each for each in self._kept if each.starts.stay_off(edges)]
        self._kept = deque(same, maxlen=LEAVING_MAX)

    def leaving(self, starts: Places) -> Leaving:
        """All arcs that lead away from some starts."""
        found = next((each for each in self._kept if each.starts is starts), None)
        if found is None:
            found = self._worked_out(starts)
        else:
            self._kept.remove(found)
        self._kept.append(found)
        return found

    def _worked_out(self, starts: Places) -> Leaving:
        if starts.edges:
            self._require_on_map(min(starts.edges))
            self._require_on_map(max(starts.edges))
        lead_ms = self.lead_ms(starts).ravel()
        at = (lead_ms < UNREACHABLE).nonzero()[0]
        row, arc, lead_ms = at >> 1, both_arcs(starts.edge).ravel()[at], lead_ms[at]
        if not starts.all_inside:
            beside = self._from_junctions(starts)
            by_start = np.concatenate((row, beside[0])).argsort(kind="stable")
            row, arc, lead_ms = (
                np.concatenate(both)[by_start]
                for both in zip((row, arc, lead_ms), beside, strict=True)
            )
        begins = np.ones(len(row), dtype=np.bool_)
        begins[1:] = row[1:] != row[:-1]
        first = begins.nonzero()[0]
        return Leaving(starts=starts, arc=arc, lead_ms=lead_ms, rows=row[first], first=first)

    def lead_ms(self, starts: Places) -> Millis:
        """(S, 2) from each start inside an edge to the beginning of each arc of it."""
        arc_ms = self.arc_ms.reshape(-1, 2)[starts.edge]
        behind_ms = shared(arc_ms, starts.fraction[:, None])
        behind_ms[:, 1] = arc_ms[:, 1] - behind_ms[:, 1]
        usable = (arc_ms < CLOSED) & starts.inside[:, None]
        return np.where(usable, starts.delay_ms - behind_ms, UNREACHABLE)

    def entering(self, ends: Places) -> list[Seeds | None]:
        """The open arcs that lead to each end, each with the part of it to drive; None: no arc."""
        return [
            _seeds(self._entering(edge, fraction))
            for edge, fraction in zip(ends.edges, ends.fractions, strict=True)
        ]

    def start_seeds(self, start: Places) -> tuple[Seeds | None, int]:
        """A start as an engine takes it: later by so much that no offset is below nought."""
        (place,) = start.rows()
        leaving = self._leaving(*place)
        shift_ms = max([0, *(-offset_ms for _, offset_ms in leaving)])
        return _seeds([(arc, offset_ms + shift_ms) for arc, offset_ms in leaving]), shift_ms

    def _entering(self, edge: int, fraction: float) -> list[_ArcMs]:
        """The open arcs that lead to one end."""
        if 0.0 < fraction < 1.0:
            forward_ms, backward_ms = self._parts_ms(edge, fraction)
            arcs = [(2 * edge, forward_ms), (2 * edge + 1, backward_ms)]
        else:
            into = [arc ^ 1 for arc in self._arcs_out(edge, fraction)]
            arcs = list(zip(into, self.arc_ms[into].tolist(), strict=True))
        return [each for each in arcs if each[1] < CLOSED]

    def _leaving(self, edge: int, fraction: float, delay_ms: Sequence[int]) -> list[_ArcMs]:
        """The open arcs that lead away; an offset of less than nothing lies behind."""
        if 0.0 < fraction < 1.0:
            behind_ms = self._parts_ms(edge, fraction)
            return [
                (2 * edge + side, delay_ms[side] - behind_ms[side])
                for side in (0, 1)
                if behind_ms[side] < CLOSED
            ]
        on = int(fraction == 0.0)  # going on past the end is going that way
        back = 2 * edge + 1 - on
        return [
            (arc, delay_ms[arc & 1 if arc == back else on])
            for arc in self._arcs_out(edge, fraction)
            if self.arc_ms[arc] < CLOSED
        ]

    def _from_junctions(self, starts: Places) -> Ints:
        """(3, P) start, arc and time to it, of the open arcs away from starts at junctions."""
        found = [
            (row, arc, offset_ms)
            for row, place in enumerate(starts.rows())
            if not 0.0 < place[1] < 1.0
            for arc, offset_ms in self._leaving(*place)
        ]
        return np.array(found, dtype=np.int64).reshape(-1, 3).T

    def _parts_ms(self, edge: int, fraction: float) -> tuple[int, int]:
        """From the beginning of each arc of an edge to a place on it, CLOSED where closed."""
        self._require_on_map(edge)
        forward_ms, backward_ms = self.arc_ms[2 * edge : 2 * edge + 2].tolist()
        return (
            round(forward_ms * fraction) if forward_ms < CLOSED else CLOSED,
            backward_ms - round(backward_ms * fraction) if backward_ms < CLOSED else CLOSED,
        )

    def _arcs_out(self, edge: int, end: float) -> list[int]:
        """The arcs out of the junction at that end of an edge."""
        self._require_on_map(edge)
        first, stop = self._arcs.first_move[2 * edge + (end == 0.0) :][:2].tolist()
        arcs: list[int] = self._arcs.graph.head[first:stop].tolist()
        return arcs

    def _require_on_map(self, edge: int) -> None:
        if not 0 <= edge < self._edge_count:
            raise ValueError("an edge outside the map")


def both_arcs(edge: Ints) -> Ints:
    """(K, 2)"""
    return 2 * edge[:, None] + np.arange(2)


def summed(ways_ms: Millis, lead_ms: Millis) -> Millis:
    """Their sums, UNREACHABLE where either is."""
    closed = (ways_ms >= UNREACHABLE) | (lead_ms >= UNREACHABLE)
    return np.where(closed, UNREACHABLE, ways_ms + lead_ms)


def shared(weight_ms: Millis, fraction: NDArray[np.float64]) -> Millis:
    """Time between the tail end and the fraction."""
    return np.rint(weight_ms * fraction).astype(np.int64)


def _seeds(arcs: Sequence[_ArcMs]) -> Seeds | None:
    """What an engine starts or ends with; of a junction with too many arcs, the rest is out."""
    if not arcs:
        return None
    nodes, offsets_ms = zip(*arcs[:SEEDS_MAX], strict=True)
    return Seeds(nodes=nodes, offsets_ms=offsets_ms)
