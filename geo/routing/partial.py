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
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.routing.arcgraph import ArcGraph
from geo.routing.engine import CLOSED, SEEDS_MAX, UNREACHABLE, Engine, Millis, Seeds, Weights
from geo.routing.journey import NO_LEGS, Journey, Legs
from geo.routing.places import Ints, Places


@dataclass(frozen=True, slots=True, kw_only=True)
class _Out:
    """R pairs of a start and an end on one edge, and the D moves out of it."""

    row: Ints
    """(R,) which start."""
    column: Ints
    """(R,) which end."""
    move: Ints
    """(D,) by pair."""
    pair: Ints
    """(D,) which pair each is of."""
    first: Ints
    """(R,) where each pair's moves begin: every edge has some, as one can turn at either end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Beside:
    """The P arcs that lead away from starts at junctions."""

    row: Ints
    """(P,) which start."""
    arc: Ints
    offset_ms: Millis


_ArcMs: TypeAlias = tuple[int, int]
"""An arc, and the time from its beginning to a place, or the other way about."""


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
        beside, out = self._from_junctions(starts), self._out_of_one_edge(starts, ends)
        lead_ms = self._lead_ms(starts).ravel()
        is_open = np.flatnonzero(lead_ms < UNREACHABLE)
        pins = _both_arcs(starts.edge).ravel()[is_open]
        here, there = len(pins), len(pins) + len(beside.arc)
        if there > here or out.move.size:
            pins = np.concatenate((pins, beside.arc, self._arcs.graph.head[out.move]))
        found_ms = self._found_ms(pins, self._entering(ends))
        by_arc = np.full((len(lead_ms), len(ends)), UNREACHABLE, dtype=np.int64)
        by_arc[is_open] = _sum(found_ms[:here], lead_ms[is_open, None])
        totals = np.minimum(by_arc[0::2], by_arc[1::2])
        if there > here:
            via_ms = _sum(found_ms[here:there], beside.offset_ms[:, None])
            np.minimum.at(totals, beside.row, via_ms)
        if out.move.size:
            of_move = out.column[out.pair]
            via_ms = self._via_ms(starts, out, found_ms[there:][_nth(of_move), of_move])
            totals[out.row, out.column] = np.minimum(
                np.minimum.reduceat(via_ms, out.first), self._along_ms(starts, ends, out)
            )
        totals[self._at_one_junction(starts, ends)] = 0
        return np.minimum(totals, UNREACHABLE)

    def route(self, start: Places, end: Places) -> Journey | None:
        """The quickest way from one place to one place, or None where no road leads."""
        self._require_on_map(start, end)
        if self._at_one_junction(start, end)[0].size:
            return Journey(total_ms=0, legs=NO_LEGS, leg_ms=_NONE, turn_ms=_NONE)
        (seeds,) = self._entering(end)
        out = self._out_of_one_edge(start, end)
        if out.row.size:
            return self._route_on_one_edge(start, end, out, seeds)
        start_seeds, shift_ms = self._start_seeds(start)
        if seeds is None or start_seeds is None:
            return None
        path = self.engine.route(start_seeds, seeds)
        if path is None:
            return None
        return self._journey(path.total_ms - shift_ms, start, end, path.first_node, path.arcs)

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

    def _entering(self, ends: Places) -> list[Seeds | None]:
        """The open arcs that lead to each end, each with the part of it to drive; None: no arc."""
        found = []
        for edge, fraction, _ in ends.rows():
            if 0.0 < fraction < 1.0:
                arcs = zip((2 * edge, 2 * edge + 1), self._parts_ms(edge, fraction), strict=True)
            else:
                into = [arc ^ 1 for arc in self._arcs_out(edge, fraction)]
                arcs = zip(into, self._arc_ms[into].tolist(), strict=True)
            found.append(_seeds([(arc, part_ms) for arc, part_ms in arcs if part_ms < CLOSED]))
        return found

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
            if self._arc_ms[arc] < CLOSED
        ]

    def _from_junctions(self, starts: Places) -> _Beside:
        """The open arcs that lead away from starts at junctions."""
        if starts.inside.all():
            return _NOTHING
        touching = [
            (row, arc, offset_ms)
            for row, place in enumerate(starts.rows())
            if not 0.0 < place[1] < 1.0
            for arc, offset_ms in self._leaving(*place)
        ]
        row, arc, offset_ms = np.array(touching, dtype=np.int64).reshape(-1, 3).T
        return _Beside(row=row, arc=arc, offset_ms=offset_ms)

    def _lead_ms(self, starts: Places) -> Millis:
        """(S, 2) from each start inside an edge to the beginning of each arc of it."""
        arc_ms = self._arc_ms.reshape(-1, 2)[starts.edge]
        behind_ms = _share(arc_ms, starts.fraction[:, None])
        behind_ms[:, 1] = arc_ms[:, 1] - behind_ms[:, 1]
        usable = (arc_ms < CLOSED) & starts.inside[:, None]
        return np.where(usable, starts.delay_ms - behind_ms, UNREACHABLE)

    def _parts_ms(self, edge: int, fraction: float) -> tuple[int, int]:
        """From the beginning of each arc of an edge to a place on it, CLOSED where closed."""
        forward_ms, backward_ms = self._arc_ms[2 * edge : 2 * edge + 2].tolist()
        return (
            round(forward_ms * fraction) if forward_ms < CLOSED else CLOSED,
            backward_ms - round(backward_ms * fraction) if backward_ms < CLOSED else CLOSED,
        )

    def _arcs_out(self, edge: int, end: float) -> list[int]:
        """The arcs out of the junction at that end of an edge."""
        first, stop = self._arcs.first_move[2 * edge + (end == 0.0) :][:2].tolist()
        arcs: list[int] = self._arcs.graph.head[first:stop].tolist()
        return arcs

    def _at_one_junction(self, starts: Places, ends: Places) -> tuple[Ints, Ints]:
        """Rows and columns of the pairs that are one junction."""
        if starts.inside.all() or ends.inside.all():
            return _NONE, _NONE
        (rows, ours), (columns, theirs) = (self._junctions(places) for places in (starts, ends))
        row, column = np.nonzero(ours[:, None] == theirs)
        return rows[row], columns[column]

    def _junctions(self, places: Places) -> tuple[Ints, Ints]:
        """Which places are at a junction, and a number for each one's."""
        rows = np.flatnonzero(~places.inside)
        return rows, self._arcs.graph.head[self._arcs.first_move[places.last_arc[rows]]]

    def _found_ms(self, arcs: Ints, seeds: Sequence[Seeds | None]) -> Millis:
        """(P, T) from the beginning of each arc to each end."""
        asked = [seed for seed in seeds if seed is not None]
        found = self.engine.matrix(arcs, asked)
        if len(asked) == len(seeds):
            return found
        all_found = np.full((len(arcs), len(seeds)), UNREACHABLE, dtype=np.int64)
        all_found[:, [column for column, seed in enumerate(seeds) if seed is not None]] = found
        return all_found

    def _start_seeds(self, start: Places) -> tuple[Seeds | None, int]:
        """A start as the engine takes it: later by so much that no offset is below nought."""
        (place,) = start.rows()
        leaving = self._leaving(*place)
        shift_ms = max([0, *(-offset_ms for _, offset_ms in leaving)])
        return _seeds([(arc, offset_ms + shift_ms) for arc, offset_ms in leaving]), shift_ms

    def _from_start(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) to the beginning of each arc; less than nothing to those the place is on."""
        self._require_on_map(start)
        seeds, shift_ms = self._start_seeds(start)
        if seeds is None:
            return np.full(self._arcs.arc_count, UNREACHABLE, dtype=np.int64)
        found = self.engine.one_to_all(seeds, min(limit_ms + shift_ms, UNREACHABLE - 1))
        return np.where(found < UNREACHABLE, found - shift_ms, UNREACHABLE)

    # Two places on one edge

    def _out_of_one_edge(self, starts: Places, ends: Places) -> _Out:
        """Pairs that share an edge; a plain query would stay on it, so their ways begin with the
        moves out of it."""
        row, column = np.nonzero(starts.edge[:, None] == ends.edge)
        if not row.size:
            return _NOWHERE
        inside = starts.inside[row] & ends.inside[column]
        row, column = row[inside], column[inside]
        arc = 2 * starts.edge[row]
        count = self._arcs.first_move[arc + 2] - self._arcs.first_move[arc]
        return _Out(
            row=row,
            column=column,
            move=self._arcs.moves_from(_both_arcs(starts.edge[row]).ravel()),
            pair=np.repeat(_nth(row), count),
            first=np.cumsum(count) - count,
        )

    def _via_ms(self, starts: Places, out: _Out, found_ms: Millis) -> Millis:
        """(D,) by each move out; `found_ms` from the arc it enters to the end."""
        moves_ms = self._arcs.weights(self._arc_ms, self._move_ms, out.move).astype(np.int64)
        lead_ms = self._lead_ms(starts)[out.row[out.pair], self._arcs.graph.tail[out.move] & 1]
        return _sum(_sum(found_ms, moves_ms), lead_ms)

    def _along_ms(self, starts: Places, ends: Places, out: _Out) -> Millis:
        """(R,) along the edge they share, UNREACHABLE where one may not drive so."""
        begin, end = starts.fraction[out.row], ends.fraction[out.column]
        side = (end < begin).astype(np.int64)
        whole_ms = self._arc_ms[2 * starts.edge[out.row] + side]
        part_ms = np.abs(_share(whole_ms, end) - _share(whole_ms, begin))
        total_ms = part_ms + starts.delay_ms[out.row, side]
        return np.where(begin == end, 0, np.where(whole_ms < CLOSED, total_ms, UNREACHABLE))

    def _route_on_one_edge(
        self, start: Places, end: Places, out: _Out, seeds: Seeds | None
    ) -> Journey | None:
        along_ms = int(self._along_ms(start, end, out)[0])
        heads = self._arcs.graph.head[out.move]
        via_ms = self._via_ms(start, out, self._found_ms(heads, [seeds])[:, 0])
        best = int(via_ms.argmin())
        best_ms = min(along_ms, int(via_ms[best]))
        if best_ms >= UNREACHABLE:
            return None
        if along_ms == best_ms or seeds is None:
            return self._journey(along_ms, start, end, None, _NONE)
        path = self.engine.route(Seeds.at(int(heads[best])), seeds)
        assert path is not None, "its total was found just before"
        walk = np.concatenate((out.move[best : best + 1], path.arcs))
        return self._journey(best_ms, start, end, int(self._arcs.graph.tail[walk[0]]), walk)

    # A journey out of arcs and moves

    def _journey(
        self, total_ms: int, start: Places, end: Places, first_arc: int | None, walk: Ints
    ) -> Journey:
        """`walk`: the moves, out of `first_arc`; None: along the one edge."""
        if first_arc is None:
            back = end.fraction < start.fraction
            legs = Legs(arc=2 * start.edge + back, start=start.fraction, end=end.fraction)
            legs = legs[: int(start.fraction[0] != end.fraction[0])]
        else:
            legs = Legs.along(np.concatenate(([first_arc], self._arcs.graph.head[walk])))
            if start.inside[0]:
                legs.start[0] = start.fraction[0]
            if end.inside[0]:
                legs.end[-1] = end.fraction[0]
        arc_ms = self._arc_ms[legs.arc]
        leg_ms = np.abs(_share(arc_ms, legs.end) - _share(arc_ms, legs.start))
        turn_ms = np.zeros(len(legs), dtype=np.int64)
        turn_ms[1:] = self._move_ms[walk]
        turn_ms[:1] = total_ms - leg_ms.sum() - turn_ms.sum()
        return Journey(total_ms=total_ms, legs=legs, leg_ms=leg_ms, turn_ms=turn_ms)

    def _require_on_map(self, *all_places: Places) -> None:
        for places in all_places:
            if (places.edge.view(np.uint64) >= self._arcs.arc_count // 2).any():  # or below 0
                raise ValueError("an edge outside the map")


_NONE = np.empty(0, dtype=np.int64)
_NOTHING = _Beside(row=_NONE, arc=_NONE, offset_ms=_NONE)
_NOWHERE = _Out(row=_NONE, column=_NONE, move=_NONE, pair=_NONE, first=_NONE)


def _seeds(arcs: Sequence[_ArcMs]) -> Seeds | None:
    """What the engine starts or ends with; of a junction with too many arcs, the rest is out."""
    if not arcs:
        return None
    nodes, offsets_ms = zip(*arcs[:SEEDS_MAX], strict=True)
    return Seeds(nodes=nodes, offsets_ms=offsets_ms)


def _both_arcs(edge: Ints) -> Ints:
    """(K, 2)"""
    return 2 * edge[:, None] + np.arange(2)


def _nth(array: Ints) -> Ints:
    """0, 1, 2, … for each of its elements."""
    return np.arange(len(array))


def _sum(ways_ms: Millis, lead_ms: Millis) -> Millis:
    """Their sums, UNREACHABLE where either is."""
    closed = (ways_ms >= UNREACHABLE) | (lead_ms >= UNREACHABLE)
    return np.where(closed, UNREACHABLE, ways_ms + lead_ms)


def _within(totals_ms: Millis, limit_ms: int) -> Millis:
    return np.where(totals_ms <= limit_ms, totals_ms, UNREACHABLE)


def _share(weight_ms: Millis, fraction: NDArray[np.float64]) -> Millis:
    """Time between the tail end and the fraction."""
    return np.rint(weight_ms * fraction).astype(np.int64)
