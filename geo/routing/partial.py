"""From somewhere on a road to somewhere on a road, on an engine whose nodes are arcs.

A start in the middle of an edge is both its arcs, each with the part of it that lies behind; an
end is both its arcs, each with the part to drive; the way between is the engine's. Two places on
one edge may also be joined along it, and where they are not, the way must leave the edge first:
such pairs go by the moves out of it. A place at the very end of an edge is at that junction,
whatever the edge forbids: it starts on any arc out of it, and ends with any arc into it. Time
along an edge is shared out by length.

Knows no coordinates and no seconds: everything is whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.routing.arcgraph import ArcGraph
from geo.routing.engine import CLOSED, UNREACHABLE, Engine, Millis, Seeds, Weights
from geo.routing.places import Ints, Places, Touching


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """A whole or partial edge, in driving order; `start` > `end` runs head to tail."""

    edge: int
    start: float
    end: float

    @property
    def arc(self) -> int:
        """The arc driven: 2 * edge towards the head, 2 * edge + 1 towards the tail."""
        return 2 * self.edge + (self.start > self.end)


@dataclass(frozen=True, slots=True, kw_only=True)
class Journey:
    """A way and where its time goes: `leg_ms` and `turn_ms` add up to `total_ms`."""

    total_ms: int
    legs: tuple[Leg, ...]
    leg_ms: Millis
    """(L,) along each leg."""
    turn_ms: Millis
    """(L,) before each leg: setting off, then turns."""


class PartialRouter:
    """Travel times between places on edges. Keeps the arc times and the engine in step."""

    def __init__(self, engine: Engine, arcs: ArcGraph, arc_ms: Weights, move_ms: Weights) -> None:
        """`arc_ms` (2M,) along each arc, `move_ms` (K,) for each turn: as the engine was made."""
        self.engine = engine
        self._arcs = arcs
        self._arc_ms = arc_ms.astype(np.int64)
        self._move_ms = move_ms

    @property
    def arc_ms(self) -> Millis:
        """(2M,) milliseconds along each arc in force now. Do not write to it."""
        return self._arc_ms

    def etas(self, starts: Places, end: Places) -> Millis:
        """(S,) milliseconds to the one end, UNREACHABLE where no road leads there."""
        return self.matrix(starts, end)[:, 0]

    def matrix(self, starts: Places, ends: Places) -> Millis:
        """(S, T) milliseconds, UNREACHABLE where no road leads."""
        self._require_on_map(starts, ends)
        leaving, seeds = self._leaving(starts), self._entering(ends).seeds(len(ends))
        totals = np.full((len(starts), len(ends)), UNREACHABLE, dtype=np.int64)
        asked = [column for column, seed in enumerate(seeds) if seed is not None]
        if asked and leaving.arc.size:
            found = self.engine.matrix(leaving.arc, [seed for seed in seeds if seed is not None])
            via_ms = _sum(found, leaving.offset_ms[:, None])
            rows, first = np.unique(leaving.row, return_index=True)
            totals[rows[:, None], asked] = np.minimum.reduceat(via_ms, first, axis=0)
        for column in np.flatnonzero(ends.inside).tolist():
            rows = np.flatnonzero((starts.edge == ends.edge[column]) & starts.inside)
            if rows.size:
                around_ms, _ = self._around(int(ends.edge[column]), seeds[column])
                via_ms = _sum(around_ms, self._lead_ms(starts)[rows]).min(axis=1)
                along_ms = self._along(starts, rows, float(ends.fraction[column]))
                totals[rows, column] = np.minimum(via_ms, along_ms)
        totals[self._junctions(starts)[:, None] == self._junctions(ends)[None, :]] = 0
        return np.minimum(totals, UNREACHABLE)

    def route(self, start: Places, end: Places) -> Journey | None:
        """The quickest way from one place to one place, or None where no road leads."""
        self._require_on_map(start, end)
        if self._junctions(start)[0] == self._junctions(end)[0]:
            return Journey(total_ms=0, legs=(), leg_ms=_NONE, turn_ms=_NONE)
        seeds = self._entering(end).seeds(1)[0]
        if start.edge[0] == end.edge[0] and start.inside[0] and end.inside[0]:
            return self._route_on_one_edge(start, end, seeds)
        start_seeds, shift_ms = self._start_seeds(start)
        if seeds is None or start_seeds is None:
            return None
        path = self.engine.route(start_seeds, seeds)
        if path is None:
            return None
        return self._journey(
            path.total_ms - shift_ms, start, end, path.first_node, path.arcs.tolist()
        )

    def arc_starts(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) milliseconds from one place until each arc can be driven from its beginning.

        UNREACHABLE beyond the limit, and where the arc is closed.
        """
        found = self._from_start(start, limit_ms)
        totals, graph = found.copy(), self._arcs.graph
        own = _both_arcs(start.edge[start.inside])
        for arc in own.ravel().tolist():  # the place lies on it: how does one get back there?
            into = np.flatnonzero(graph.head == arc)
            weights = self._arcs.weights(self._arc_ms, self._move_ms, into)
            totals[arc] = _sum(found[graph.tail[into]], weights.astype(np.int64)).min()
        return _within(np.where(self._arc_ms < CLOSED, totals, UNREACHABLE), limit_ms)

    def arc_ends(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) milliseconds from one place to the far end of every arc; UNREACHABLE beyond."""
        return _within(_sum(self._from_start(start, limit_ms), self._arc_ms), limit_ms)

    def apply(self, arcs: Ints, arc_ms: Weights) -> None:
        """New times for some arcs, in force for the next answer."""
        self._arc_ms[arcs] = arc_ms
        moves = self._arcs.moves_from(arcs)
        self.engine.apply(moves, self._arcs.weights(self._arc_ms, self._move_ms, moves))

    def reset(self, arc_ms: Weights) -> None:
        """New times for all arcs."""
        self._arc_ms = arc_ms.astype(np.int64)
        self.engine.reset(self._arcs.weights(self._arc_ms, self._move_ms))

    # Which arcs a place touches

    def _leaving(self, starts: Places) -> Touching:
        """The open arcs that lead away; an offset of less than nothing lies behind."""
        rows, out, last_arc = self._arcs_out(starts)
        back = out == last_arc ^ 1
        side = np.where(back, out & 1, last_arc & 1)  # going on past the end is going that way
        lead_ms = np.where(self._arc_ms[out] < CLOSED, starts.delay_ms[rows, side], UNREACHABLE)
        return _open(starts, self._lead_ms(starts), rows, out, lead_ms)

    def _entering(self, ends: Places) -> Touching:
        """The open arcs that lead there, each with the part of it to drive."""
        rows, out, _ = self._arcs_out(ends)
        return _open(ends, self._behind_ms(ends), rows, out ^ 1, self._arc_ms[out ^ 1])

    def _lead_ms(self, starts: Places) -> Millis:
        """(S, 2) from each place to the beginning of each arc of its edge."""
        behind_ms = self._behind_ms(starts)
        return np.where(behind_ms < CLOSED, starts.delay_ms - behind_ms, UNREACHABLE)

    def _behind_ms(self, places: Places) -> Millis:
        """(K, 2) from the beginning of each arc of its edge to the place, CLOSED where closed."""
        arc_ms = self._arc_ms[_both_arcs(places.edge)]
        part_ms = _share(arc_ms, places.fraction[:, None])
        part_ms[:, 1] = arc_ms[:, 1] - part_ms[:, 1]
        return np.where(arc_ms < CLOSED, part_ms, CLOSED)

    def _arcs_out(self, places: Places) -> tuple[Ints, Ints, Ints]:
        """Of places at junctions: row, arc out of the junction, and the place's arc that ends
        there; each place as often as arcs leave."""
        rows = np.flatnonzero(~places.inside)
        last_arc = places.last_arc[rows]
        counts = self._arcs.first_move[last_arc + 1] - self._arcs.first_move[last_arc]
        out = self._arcs.graph.head[self._arcs.moves_from(last_arc)]
        return np.repeat(rows, counts), out, np.repeat(last_arc, counts)

    def _junctions(self, places: Places) -> NDArray[np.float64]:
        """(K,) a number for the junction each place is at; NaN, equal to nothing, between them."""
        number = np.full(len(places), np.nan)
        rows = np.flatnonzero(~places.inside)
        number[rows] = self._arcs.graph.head[self._arcs.first_move[places.last_arc[rows]]]
        return number

    def _start_seeds(self, start: Places) -> tuple[Seeds | None, int]:
        """A start as the engine takes it: later by so much that no offset is below nought."""
        leaving = self._leaving(start)
        shift_ms = max(0, -int(leaving.offset_ms.min(initial=0)))
        return leaving.moved(shift_ms).seeds(1)[0], shift_ms

    def _from_start(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) to the beginning of each arc; less than nothing to those the place is on."""
        self._require_on_map(start)
        seeds, shift_ms = self._start_seeds(start)
        if seeds is None:
            return np.full(self._arcs.arc_count, UNREACHABLE, dtype=np.int64)
        found = self.engine.one_to_all(seeds, min(limit_ms + shift_ms, UNREACHABLE - 1))
        return np.where(found < UNREACHABLE, found - shift_ms, UNREACHABLE)

    # Two places on one edge

    def _route_on_one_edge(self, start: Places, end: Places, seeds: Seeds | None) -> Journey | None:
        along_ms = int(self._along(start, np.array([0]), float(end.fraction[0]))[0])
        around_ms, moves = self._around(int(end.edge[0]), seeds)
        via_ms = _sum(around_ms, self._lead_ms(start)[0])
        best_ms = min(along_ms, int(via_ms.min()))
        if best_ms >= UNREACHABLE:
            return None
        if along_ms == best_ms or seeds is None:
            return self._journey(along_ms, start, end, None, [])
        first = int(moves[int(via_ms.argmin())])
        path = self.engine.route(Seeds.at(int(self._arcs.graph.head[first])), seeds)
        assert path is not None, "its total was found just before"
        walk = [first, *path.arcs.tolist()]
        return self._journey(best_ms, start, end, int(self._arcs.graph.tail[first]), walk)

    def _along(self, starts: Places, rows: Ints, end: float) -> Millis:
        """(R,) milliseconds along the edge they share, UNREACHABLE where one may not drive so."""
        begin = starts.fraction[rows]
        side = (end < begin).astype(np.int64)
        whole_ms = self._arc_ms[2 * starts.edge[rows] + side]
        part_ms = np.abs(_share(whole_ms, np.full(len(rows), end)) - _share(whole_ms, begin))
        total_ms = part_ms + starts.delay_ms[rows, side]
        return np.where(begin == end, 0, np.where(whole_ms < CLOSED, total_ms, UNREACHABLE))

    def _around(self, edge: int, seeds: Seeds | None) -> tuple[Millis, Ints]:
        """From the beginning of each arc of an edge, out of the edge, to an end on it.

        (2,) milliseconds and (2,) the first move; a plain query would stay where it is.
        """
        best_ms = np.full(2, UNREACHABLE, dtype=np.int64)
        best = np.full(2, -1, dtype=np.int64)
        if seeds is None:
            return best_ms, best
        moves = self._arcs.moves_from(np.array([2 * edge, 2 * edge + 1]))
        weights = self._arcs.weights(self._arc_ms, self._move_ms, moves).astype(np.int64)
        totals = _sum(self.engine.many_to_one(self._arcs.graph.head[moves], seeds), weights)
        sides = self._arcs.graph.tail[moves] & 1
        for side in (0, 1):
            of_side = np.flatnonzero(sides == side)
            quickest = of_side[totals[of_side].argmin()]
            best[side], best_ms[side] = moves[quickest], totals[quickest]
        return best_ms, best

    # A journey out of arcs and moves

    def _journey(
        self, total_ms: int, start: Places, end: Places, first_arc: int | None, walk: list[int]
    ) -> Journey:
        """`walk`: the moves, out of `first_arc`; None: along the one edge."""
        begin, stop = float(start.fraction[0]), float(end.fraction[0])
        if first_arc is None:
            legs = [Leg(edge=int(start.edge[0]), start=begin, end=stop)] if begin != stop else []
        else:
            arcs = [first_arc, *self._arcs.graph.head[walk].tolist()]
            legs = [Leg(edge=arc >> 1, start=arc & 1, end=1 - (arc & 1)) for arc in arcs]
            if start.inside[0]:
                legs[0] = Leg(edge=legs[0].edge, start=begin, end=legs[0].end)
            if end.inside[0]:
                legs[-1] = Leg(edge=legs[-1].edge, start=legs[-1].start, end=stop)
        leg_ms = self._leg_ms(legs)
        later_ms = self._move_ms[walk].astype(np.int64)
        setting_off_ms = total_ms - int(leg_ms.sum()) - int(later_ms.sum())
        turn_ms = np.concatenate(([setting_off_ms], later_ms)) if legs else _NONE
        return Journey(total_ms=total_ms, legs=tuple(legs), leg_ms=leg_ms, turn_ms=turn_ms)

    def _leg_ms(self, legs: Sequence[Leg]) -> Millis:
        arcs = np.array([leg.arc for leg in legs], dtype=np.int64)
        ends = np.array([(leg.start, leg.end) for leg in legs], dtype=np.float64).reshape(-1, 2)
        shares = _share(self._arc_ms[arcs, None], ends)
        legs_ms: Millis = np.abs(shares[:, 1] - shares[:, 0])
        return legs_ms

    def _require_on_map(self, *all_places: Places) -> None:
        for places in all_places:
            edge = places.edge
            if edge.size and (edge.min() < 0 or 2 * edge.max() >= self._arcs.arc_count):
                raise ValueError("an edge outside the map")


_NONE = np.empty(0, dtype=np.int64)


def _open(
    places: Places, of_edges_ms: Millis, rows: Ints, arcs: Ints, of_junctions_ms: Millis
) -> Touching:
    """Arcs of places inside edges and of places at junctions together, the closed ones left out."""
    inside = np.flatnonzero(places.inside)
    row = np.concatenate((np.repeat(inside, 2), rows))
    arc = np.concatenate((_both_arcs(places.edge[inside]).ravel(), arcs))
    offset_ms = np.concatenate((of_edges_ms[inside].ravel(), of_junctions_ms))
    usable = offset_ms < UNREACHABLE
    return Touching.sorted(row[usable], arc[usable], offset_ms[usable])


def _both_arcs(edge: Ints) -> Ints:
    """(K, 2)"""
    return np.column_stack((2 * edge, 2 * edge + 1))


def _sum(ways_ms: Millis, lead_ms: Millis) -> Millis:
    """Their sums, UNREACHABLE where either is."""
    closed = (ways_ms >= UNREACHABLE) | (lead_ms >= UNREACHABLE)
    return np.where(closed, UNREACHABLE, ways_ms + lead_ms)


def _within(totals_ms: Millis, limit_ms: int) -> Millis:
    return np.where(totals_ms <= limit_ms, totals_ms, UNREACHABLE)


def _share(weight_ms: Millis, fraction: NDArray[np.float64]) -> Millis:
    """Time between the tail end and the fraction."""
    return np.rint(weight_ms * fraction).astype(np.int64)
