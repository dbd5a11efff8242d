"""The edge-expanded graph: what an engine calls a node is here an arc of a road, driven one way.

Edge e is two arcs: 2e tail to head, 2e + 1 back. Wherever one arc ends and another begins there
is a move, turning back included; the engine's arcs are the moves. The weight of a move is the
time along the arc it leaves plus the time of the turn, so the distance between two arcs runs from
the beginning of the one to the beginning of the other. Turn costs, forbidden turns and barriers
are then weights like any other (docs/adr/0009). Knows no shape, no rule and no speed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import CLOSED, Graph, Weights

Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArcGraph:
    """2M arcs and the K moves between them, ordered by the arc they leave."""

    graph: Graph
    """N = 2M, A = K: `graph.tail` is the arc a move leaves, `graph.head` the one it enters."""
    first_move: Ints
    """(2M + 1,) the moves out of arc a are first_move[a] … first_move[a + 1] - 1."""
    nth_out: NDArray[np.int32]
    """(2M,) of the arcs out of its junction, and so of the moves out of each arc that ends there,
    which leads into an arc: the first is 0."""

    @property
    def arc_count(self) -> int:
        return self.graph.node_count

    @property
    def move_count(self) -> int:
        return self.graph.arc_count

    def moves_from(self, arcs: Ints) -> Ints:
        """All moves out of some arcs, in the order of the arcs."""
        return ranges(self.first_move[arcs], self.first_move[arcs + 1])

    def moves_between(self, arcs: Ints) -> Ints:
        """(L - 1,) the move from each of some arcs to the next of them; there is one."""
        return self.first_move[arcs[:-1]] + self.nth_out[arcs[1:]]

    def weights(
        self, arc_ms: NDArray[np.integer], move_ms: Weights, moves: Ints | slice = slice(None)
    ) -> Weights:
        """Milliseconds of some moves (or all), of (2M,) arc and (K,) turn times.

        CLOSED where the arc left or the turn is.
        """
        along, turn = arc_ms[self.graph.tail[moves]], move_ms[moves]
        total = along.astype(np.int64) + turn
        shut = (along >= CLOSED) | (turn >= CLOSED)
        return np.where(shut, CLOSED, np.minimum(total, CLOSED - 1)).astype(np.uint32)


def arc_graph(
    edge_tail: NDArray[np.int32], edge_head: NDArray[np.int32], edge_order: NDArray[np.uint32]
) -> ArcGraph:
    """Every move there could be; which of them are allowed is a matter of weights.

    `edge_order`: (M,) elimination order of the edges; both arcs of an edge stand together in it.
    """
    tail = np.column_stack((edge_tail, edge_head)).ravel().astype(np.int64)
    head = np.column_stack((edge_head, edge_tail)).ravel().astype(np.int64)
    leaving = np.argsort(tail, kind="stable")
    first = np.searchsorted(tail[leaving], np.arange(max(tail.max(), head.max()) + 2))
    begin, end = first[head], first[head + 1]
    first_move = np.concatenate(([0], np.cumsum(end - begin)))
    nth_out = np.empty(len(tail), dtype=np.int32)
    nth_out[leaving] = np.arange(len(tail)) - first[tail[leaving]]
    order = edge_order.astype(np.int64)
    return ArcGraph(
        graph=Graph(
            node_count=len(tail),
            tail=np.repeat(np.arange(len(tail)), end - begin),
            head=leaving[ranges(begin, end)],
            order=np.column_stack((2 * order, 2 * order + 1)).ravel().astype(np.uint32),
        ),
        first_move=first_move,
        nth_out=nth_out,
    )


def ranges(begin: Ints, end: Ints) -> Ints:
    """begin[0] … end[0] - 1, begin[1] … end[1] - 1, and so on, in one array."""
    counts = end - begin
    joined: Ints = (begin - (counts.cumsum() - counts)).repeat(counts)
    joined += np.arange(len(joined))
    return joined
