"""From somewhere on a road to somewhere on a road, on an engine whose nodes are arcs.

`touching` says which arcs a place is on; the way between is the engine's. Two places on one edge
may also be joined along it, and where they are not, the way must leave the edge first: such pairs
go by the moves out of it.

Knows no coordinates and no seconds: everything is whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from geo.routing.arcgraph import ArcGraph
from geo.routing.engine import CLOSED, UNREACHABLE, Engine, Millis, Seeds, Weights
from geo.routing.journey import NOWHERE, Journey, Legs
from geo.routing.places import Ints, Places
from geo.routing.touching import Touching, both_arcs, shared, summed


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


class PartialRouter:
    """Travel times between places on edges. Keeps the arc times and the engine in step."""

    def __init__(self, engine: Engine, arcs: ArcGraph, arc_ms: Weights, move_ms: Weights) -> None:
        """`arc_ms` (2M,) along each arc, `move_ms` (K,) for each turn: as the engine was made."""
        self.engine = engine
        self._arcs = arcs
        self._touching = Touching(arcs, arc_ms)
        self._move_ms = move_ms

    @property
    def arc_ms(self) -> Millis:
        """(2M,) milliseconds along each arc in force now. Do not write to it."""
        return self._touching.arc_ms

    def etas(self, starts: Places, end: Places) -> Millis:
        """(S,) milliseconds to the one end, UNREACHABLE where no road leads there."""
        if not end.all_inside or end.edges[0] in starts.rows_on:
            return self.matrix(starts, end)[:, 0]
        (seeds,) = self._touching.entering(end)
        if seeds is None:
            return np.full(len(starts), UNREACHABLE, dtype=np.int64)
        leaving = self._touching.leaving(starts)
        found_ms = self.engine.many_to_one(leaving.arc, seeds)
        return np.minimum(leaving.totals(found_ms), UNREACHABLE)

    def matrix(self, starts: Places, ends: Places) -> Millis:
        """(S, T) milliseconds, UNREACHABLE where no road leads.

        The very same starts again are answered quicker.
        """
        leaving, seeds = self._touching.leaving(starts), self._touching.entering(ends)
        out = self._out_of_one_edge(starts, ends)
        pins, here = leaving.arc, len(leaving.arc)
        if out.row.size:
            pins = np.concatenate((pins, self._arcs.graph.head[out.move]))
        found_ms = self._found_ms(pins, seeds)
        totals = leaving.totals(found_ms[:here])
        if out.row.size:
            of_move = out.column[out.pair]
            via_ms = self._via_ms(starts, out, found_ms[here:][_nth(of_move), of_move])
            totals[out.row, out.column] = np.minimum(
                np.minimum.reduceat(via_ms, out.first), self._along_ms(starts, ends, out)
            )
        if not (starts.all_inside or ends.all_inside):
            totals[self._at_one_junction(starts, ends)] = 0
        return np.minimum(totals, UNREACHABLE)

    def route(self, start: Places, end: Places) -> Journey | None:
        """The quickest way from one place to one place, or None where no road leads."""
        (seeds,) = self._touching.entering(end)
        start_seeds, shift_ms = self._touching.start_seeds(start)
        if not (start.all_inside or end.all_inside) and self._at_one_junction(start, end)[0].size:
            return NOWHERE
        out = self._out_of_one_edge(start, end)
        if out.row.size:
            return self._route_on_one_edge(start, end, out, seeds)
        if seeds is None or start_seeds is None:
            return None
        path = self.engine.route(start_seeds, seeds)
        if path is None:
            return None
        return self._journey(path.total_ms - shift_ms, start, end, path.nodes)

    def arc_starts(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) milliseconds from one place until each arc can be driven from its beginning.

        UNREACHABLE beyond the limit, and where the arc is closed.
        """
        found = self._from_start(start, limit_ms)
        totals, graph = found.copy(), self._arcs.graph
        own = both_arcs(start.edge[start.inside])
        for arc in own.ravel().tolist():  # the place lies on it: how does one get back there?
            into = np.flatnonzero(graph.head == arc)
            weights = self._arcs.weights(self.arc_ms, self._move_ms, into)
            totals[arc] = summed(found[graph.tail[into]], weights.astype(np.int64)).min()
        return _within(np.where(self.arc_ms < CLOSED, totals, UNREACHABLE), limit_ms)

    def arc_ends(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) milliseconds from one place to the far end of every arc; UNREACHABLE beyond."""
        return _within(summed(self._from_start(start, limit_ms), self.arc_ms), limit_ms)

    def apply(self, arcs: Ints, arc_ms: Weights) -> None:
        """New times for some arcs, in force for the next answer."""
        self._touching.apply(arcs, arc_ms)
        moves = self._arcs.moves_from(arcs)
        self.engine.apply(moves, self._arcs.weights(self.arc_ms, self._move_ms, moves))

    def reset(self, arc_ms: Weights) -> None:
        """New times for all arcs."""
        self._touching.reset(arc_ms)
        self.engine.reset(self._arcs.weights(self.arc_ms, self._move_ms))

    def _at_one_junction(self, starts: Places, ends: Places) -> tuple[Ints, Ints]:
        """Rows and columns of the pairs that are one junction."""
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

    def _from_start(self, start: Places, limit_ms: int) -> Millis:
        """(2M,) to the beginning of each arc; less than nothing to those the place is on."""
        seeds, shift_ms = self._touching.start_seeds(start)
        if seeds is None:
            return np.full(self._arcs.arc_count, UNREACHABLE, dtype=np.int64)
        found = self.engine.one_to_all(seeds, min(limit_ms + shift_ms, UNREACHABLE - 1))
        return np.where(found < UNREACHABLE, found - shift_ms, UNREACHABLE)

    # Two places on one edge

    def _out_of_one_edge(self, starts: Places, ends: Places) -> _Out:
        """Pairs that share an edge; a plain query would stay on it, so their ways begin with the
        moves out of it."""
        if starts.rows_on.keys().isdisjoint(ends.edges):
            return _NO_PAIRS
        pairs = [
            (row, column)
            for column, (edge, fraction) in enumerate(zip(ends.edges, ends.fractions, strict=True))
            for row in starts.rows_on.get(edge, ())
            if 0.0 < fraction < 1.0 and 0.0 < starts.fractions[row] < 1.0
        ]
        if not pairs:
            return _NO_PAIRS
        row, column = np.array(pairs).T
        arc = 2 * starts.edge[row]
        count = self._arcs.first_move[arc + 2] - self._arcs.first_move[arc]
        return _Out(
            row=row,
            column=column,
            move=self._arcs.moves_from(both_arcs(starts.edge[row]).ravel()),
            pair=np.repeat(_nth(row), count),
            first=np.cumsum(count) - count,
        )

    def _via_ms(self, starts: Places, out: _Out, found_ms: Millis) -> Millis:
        """(D,) by each move out; `found_ms` from the arc it enters to the end."""
        moves_ms = self._arcs.weights(self.arc_ms, self._move_ms, out.move).astype(np.int64)
        side = self._arcs.graph.tail[out.move] & 1
        lead_ms = self._touching.lead_ms(starts)[out.row[out.pair], side]
        return summed(summed(found_ms, moves_ms), lead_ms)

    def _along_ms(self, starts: Places, ends: Places, out: _Out) -> Millis:
        """(R,) along the edge they share, UNREACHABLE where one may not drive so."""
        begin, end = starts.fraction[out.row], ends.fraction[out.column]
        side = (end < begin).astype(np.int64)
        whole_ms = self.arc_ms[2 * starts.edge[out.row] + side]
        part_ms = np.abs(shared(whole_ms, end) - shared(whole_ms, begin))
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
            return self._along(along_ms, start, end)
        path = self.engine.route(Seeds.at(int(heads[best])), seeds)
        assert path is not None, "its total was found just before"
        leaves = self._arcs.graph.tail[out.move[best : best + 1]]
        return self._journey(best_ms, start, end, np.concatenate((leaves, path.nodes)))

    # A journey out of arcs

    def _along(self, total_ms: int, start: Places, end: Places) -> Journey:
        """On the one edge of both places."""
        if start.fractions[0] == end.fractions[0]:
            return NOWHERE
        arc = 2 * start.edge + (end.fraction < start.fraction)
        return self._journey(total_ms, start, end, arc)

    def _journey(self, total_ms: int, start: Places, end: Places, arcs: Ints) -> Journey:
        """One arc after the other."""
        legs = Legs.along(
            arcs,
            start.fractions[0] if start.all_inside else None,
            end.fractions[0] if end.all_inside else None,
        )
        leg_ms = self.arc_ms[arcs]
        for part, begin, finish in legs.parts():
            whole_ms = int(leg_ms[part])
            leg_ms[part] = abs(round(whole_ms * finish) - round(whole_ms * begin))
        between_ms = partial(_between_ms, self._arcs, self._move_ms, arcs)
        return Journey(total_ms=total_ms, legs=legs, leg_ms=leg_ms, between_ms=between_ms)


_NONE = np.empty(0, dtype=np.int64)
_NO_PAIRS = _Out(row=_NONE, column=_NONE, move=_NONE, pair=_NONE, first=_NONE)


def _between_ms(arcs: ArcGraph, move_ms: Weights, driven: Ints) -> Weights:
    """(L - 1,) of the turns between arcs driven one after the other."""
    return move_ms[arcs.moves_between(driven)]


def _nth(array: Ints) -> Ints:
    """0, 1, 2, … for each of its elements."""
    return np.arange(len(array))


def _within(totals_ms: Millis, limit_ms: int) -> Millis:
    return np.where(totals_ms <= limit_ms, totals_ms, UNREACHABLE)
