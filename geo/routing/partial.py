"""From somewhere on a road to somewhere on a road, on an engine that knows only nodes.

The two ends of a journey lie in the middle of edges. A source is the pair of its edge's end nodes,
each with the rest of the edge to drive; a target likewise; the way between is the engine's. Two
ends on the same edge may also be joined directly. Time along an edge is shared out by length.
Arc 2e runs tail to head of edge e, arc 2e + 1 head to tail (`geo.roadmap`).
Knows no coordinates and no seconds: everything is whole milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import CLOSED, UNREACHABLE, Engine, Millis, Seeds, Weights


class OnEdge(Protocol):
    """A place on a road: `geo.snap.Snap` is one."""

    @property
    def edge(self) -> int: ...

    @property
    def fraction(self) -> float:
        """0 at the tail, 1 at the head, by length."""
        ...


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
    total_ms: int
    legs: tuple[Leg, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ends:
    """K places as (K, 2) columns tail, head: node, and milliseconds to or from it."""

    edge: NDArray[np.int64]
    fraction: NDArray[np.float64]
    nodes: NDArray[np.int64]
    offsets_ms: Millis
    """CLOSED where that node cannot be used."""

    def seeds(self, row: int) -> Seeds | None:
        best: dict[int, int] = {}
        for node, offset in zip(
            self.nodes[row].tolist(), self.offsets_ms[row].tolist(), strict=True
        ):
            if offset < CLOSED:
                best[node] = min(offset, best.get(node, CLOSED))
        if not best:
            return None
        return Seeds(nodes=tuple(best), offsets_ms=tuple(best.values()))


class PartialRouter:
    """Travel times between places on edges. Keeps the master weights and the engine in step."""

    def __init__(
        self,
        engine: Engine,
        node_count: int,
        edge_tail: NDArray[np.int32],
        edge_head: NDArray[np.int32],
        weights: Weights,
    ) -> None:
        """`weights`: (2M,) milliseconds per arc, the same the engine was made with."""
        self.engine = engine
        self._ends = np.column_stack((edge_tail, edge_head)).astype(np.int64)
        self._weights = weights.astype(np.int64)
        self._node_count = node_count

    def etas(self, sources: Sequence[OnEdge], target: OnEdge) -> Millis:
        """(S,) milliseconds, UNREACHABLE where no road leads to the target."""
        return self.matrix(sources, (target,))[:, 0]

    def matrix(self, sources: Sequence[OnEdge], targets: Sequence[OnEdge]) -> Millis:
        """(S, T) milliseconds, UNREACHABLE where no road leads."""
        leaving, entering = self._leaving(sources), self._entering(targets)
        totals = np.full((len(sources), len(targets)), UNREACHABLE, dtype=np.int64)
        seeds = [entering.seeds(column) for column in range(len(targets))]
        columns = [column for column, seed in enumerate(seeds) if seed is not None]
        if columns and len(sources):
            found = self.engine.matrix(
                leaving.nodes.ravel(), [seed for seed in seeds if seed is not None]
            )
            via = found.reshape(len(sources), 2, len(columns)) + leaving.offsets_ms[:, :, None]
            totals[:, columns] = via.min(axis=1)
        np.minimum(totals, self._direct(leaving, entering), out=totals)
        return np.minimum(totals, UNREACHABLE)

    def route(self, source: OnEdge, target: OnEdge) -> Journey | None:
        """The quickest way with its legs, or None where no road leads."""
        leaving, entering = self._leaving((source,)), self._entering((target,))
        direct_ms = int(self._direct(leaving, entering)[0, 0])
        start, end = leaving.seeds(0), entering.seeds(0)
        path = None if start is None or end is None else self.engine.route(start, end)
        if direct_ms < UNREACHABLE and (path is None or direct_ms <= path.total_ms):
            along = Leg(edge=source.edge, start=source.fraction, end=target.fraction)
            return Journey(total_ms=direct_ms, legs=_driven(along))
        if path is None:
            return None
        first = self._side(leaving, path.first_node)
        last = self._side(entering, path.last_node)
        legs = _driven(
            Leg(edge=source.edge, start=source.fraction, end=first),
            *(Leg(edge=arc >> 1, start=arc & 1, end=1 - (arc & 1)) for arc in path.arcs.tolist()),
            Leg(edge=target.edge, start=last, end=target.fraction),
        )
        return Journey(total_ms=path.total_ms, legs=legs)

    def reach(self, source: OnEdge, limit_ms: int) -> Millis:
        """(N,) milliseconds to every node, UNREACHABLE beyond the limit."""
        seeds = self._leaving((source,)).seeds(0)
        if seeds is None:
            return np.full(self._node_count, UNREACHABLE, dtype=np.int64)
        return self.engine.one_to_all(seeds, limit_ms)

    @property
    def weights_ms(self) -> Millis:
        """(2M,) milliseconds per arc in force now. Do not write to it."""
        return self._weights

    def leg_ms(self, legs: Sequence[Leg]) -> Millis:
        """(K,) milliseconds along each leg; they add up to the journey's total."""
        arcs = np.array([leg.arc for leg in legs], dtype=np.int64)
        ends = np.array([(leg.start, leg.end) for leg in legs], dtype=np.float64).reshape(-1, 2)
        shares = np.rint(self._weights[arcs, None] * ends).astype(np.int64)
        along: Millis = np.abs(shares[:, 1] - shares[:, 0])
        return along

    def apply(self, arcs: NDArray[np.int64], weights: Weights) -> None:
        """New weights for some arcs, in force for the next answer."""
        self.engine.apply(arcs, weights)
        self._weights[arcs] = weights

    def reset(self, weights: Weights) -> None:
        self.engine.reset(weights)
        self._weights = weights.astype(np.int64)

    def _leaving(self, places: Sequence[OnEdge]) -> _Ends:
        edge, fraction = self._columns(places)
        forward, backward = self._arcs(edge)
        return self._ends_of(
            edge,
            fraction,
            to_tail=_share(backward, fraction),
            to_head=_rest(forward, fraction),
        )

    def _entering(self, places: Sequence[OnEdge]) -> _Ends:
        edge, fraction = self._columns(places)
        forward, backward = self._arcs(edge)
        return self._ends_of(
            edge,
            fraction,
            to_tail=_share(forward, fraction),
            to_head=_rest(backward, fraction),
        )

    def _ends_of(
        self,
        edge: NDArray[np.int64],
        fraction: NDArray[np.float64],
        *,
        to_tail: Millis,
        to_head: Millis,
    ) -> _Ends:
        """A place exactly on an end node is at that node, whatever the edge forbids."""
        offsets = np.column_stack((to_tail, to_head))
        offsets[fraction == 0.0, 0] = 0
        offsets[fraction == 1.0, 1] = 0
        return _Ends(edge=edge, fraction=fraction, nodes=self._ends[edge], offsets_ms=offsets)

    def _direct(self, leaving: _Ends, entering: _Ends) -> Millis:
        """(S, T) milliseconds along the shared edge, UNREACHABLE where there is none."""
        same = leaving.edge[:, None] == entering.edge[None, :]
        totals = np.full(same.shape, UNREACHABLE, dtype=np.int64)
        rows, columns = np.nonzero(same)
        if not rows.size:
            return totals
        start, end = leaving.fraction[rows], entering.fraction[columns]
        forward, backward = self._arcs(leaving.edge[rows])
        onward = _share(forward, end) - _share(forward, start)
        back = _share(backward, start) - _share(backward, end)
        way = np.where(end >= start, onward, back)
        is_open = np.where(end >= start, forward, backward) < CLOSED
        totals[rows, columns] = np.where(is_open, way, UNREACHABLE)
        totals[rows[start == end], columns[start == end]] = 0
        return totals

    def _arcs(self, edge: NDArray[np.int64]) -> tuple[Millis, Millis]:
        return self._weights[2 * edge], self._weights[2 * edge + 1]

    def _columns(self, places: Sequence[OnEdge]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        edge = np.array([place.edge for place in places], dtype=np.int64)
        fraction = np.array([place.fraction for place in places], dtype=np.float64)
        if edge.size and (edge.min() < 0 or edge.max() >= len(self._ends)):
            raise ValueError("an edge outside the map")
        if not ((fraction >= 0.0) & (fraction <= 1.0)).all():
            raise ValueError("a fraction lies between 0 and 1")
        return edge, fraction

    def _side(self, ends: _Ends, node: int) -> float:
        """Which end of the edge that node is: 0 tail, 1 head; of a loop, the quicker one."""
        offsets = np.where(ends.nodes[0] == node, ends.offsets_ms[0], CLOSED)
        return float(offsets.argmin())


def _driven(*legs: Leg) -> tuple[Leg, ...]:
    return tuple(leg for leg in legs if leg.start != leg.end)


def _share(weight_ms: Millis, fraction: NDArray[np.float64]) -> Millis:
    """Time from the tail end to the fraction (or back), CLOSED where the arc is closed."""
    part = np.rint(weight_ms * fraction).astype(np.int64)
    return np.where(weight_ms < CLOSED, part, CLOSED)


def _rest(weight_ms: Millis, fraction: NDArray[np.float64]) -> Millis:
    """Time from the fraction to the head end (or back): what `_share` leaves of the edge."""
    return np.where(weight_ms < CLOSED, weight_ms - _share(weight_ms, fraction), CLOSED)
