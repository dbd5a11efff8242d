"""Quickest ways to what lies near a node: what map matching asks thousands of times.

Dijkstra in plain Python from one node, ended at a length or a number of nodes: between two fixes
of a vehicle there are a few dozen junctions, and a search of the whole graph in compiled code takes
longer than these. Drivers take the quickest way, not the shortest, so modelled time decides; the
matching then asks how long that way is. Knows no fix.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from heapq import heappop, heappush
from math import inf
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.roadmap import EdgeFlag, RoadMap
from geo.routing.engine import Weights

NODES_MAX: Final = 4_000
"""Nodes settled by one search; in a town that is some 5 km around. The quickest count."""

TREES_MAX: Final = 256
"""Searches kept: neighbouring fixes ask from the same nodes."""


@dataclass(slots=True)
class Tree:
    """Quickest ways from one node to those near it."""

    limit_m: float
    distance_m: dict[int, float]
    model_s: dict[int, float]
    arrived_by: dict[int, int]
    """The last arc of the way to each node but the first."""
    set_out_by: dict[int, int]
    """The first arc of that way."""


class NearWays:
    """Directed ways over the arcs that are open. Not thread-safe."""

    def __init__(self, roadmap: RoadMap) -> None:
        self.arc_m = np.repeat(np.asarray(roadmap.edge_length_m, dtype=np.float64), 2)
        """(2M,) length of every arc."""
        self.tail, self.head = arc_ends(roadmap)
        closed = (EdgeFlag.CLOSED_FORWARD, EdgeFlag.CLOSED_BACKWARD)
        ferry = (roadmap.edge_flags & int(EdgeFlag.FERRY)) != 0
        shut = [((roadmap.edge_flags & int(flag)) != 0) | ferry for flag in closed]
        self.is_open: NDArray[np.bool_] = ~np.column_stack(shut).ravel()
        open_arcs = np.flatnonzero(self.is_open)
        self._arcs = open_arcs[np.argsort(self.tail[open_arcs], kind="stable")]
        self._first = np.searchsorted(self.tail[self._arcs], np.arange(roadmap.node_count + 1))
        self.prior_s: NDArray[np.float64] = np.zeros(len(self.tail))
        """(2M,) modelled time of every arc; see `use`."""
        self._prior_ms: Weights | None = None
        self._leaving: dict[int, list[tuple[int, int, float, float]]] = {}
        self._trees: OrderedDict[int, Tree] = OrderedDict()

    @property
    def trees_len(self) -> int:
        """Searches kept."""
        return len(self._trees)

    def use(self, prior_ms: Weights) -> None:
        """Reckon modelled times by these (2M,) milliseconds from now on."""
        if prior_ms is not self._prior_ms:
            self._prior_ms, self.prior_s = prior_ms, prior_ms / 1000.0
            self._leaving.clear()
            self._trees.clear()

    def tree(self, node: int, limit_m: float) -> Tree:
        """Ways from a node up to a length; a kept search that reaches as far is used again."""
        kept = self._trees.get(node)
        if kept is not None and kept.limit_m >= limit_m:
            self._trees.move_to_end(node)
            return kept
        found = self._trees[node] = self._search(node, limit_m)
        if len(self._trees) > TREES_MAX:
            self._trees.popitem(last=False)
        return found

    def arcs_to(self, tree: Tree, node: int) -> list[int]:
        """The arcs from the tree's node to one it reached."""
        arcs = []
        while (arc := tree.arrived_by.get(node)) is not None:
            arcs.append(arc)
            node = int(self.tail[arc])
        return arcs[::-1]

    def is_dead_end(self, node: int) -> bool:
        """Whether only one road leads away from a node."""
        return len({arc >> 1 for arc, *_ in self._leave(node)}) <= 1

    def _search(self, start: int, limit_m: float) -> Tree:
        tree = Tree(limit_m, {}, {}, {}, {})
        best = {start: 0.0}
        metres = {start: 0.0}
        queue = [(0.0, start)]
        while queue and len(tree.distance_m) < NODES_MAX:
            so_far_s, node = heappop(queue)
            if node in tree.distance_m:
                continue
            so_far_m = tree.distance_m[node] = metres[node]
            tree.model_s[node] = so_far_s
            for arc, head, length_m, model_s in self._leave(node):
                total_s = so_far_s + model_s
                if total_s < best.get(head, inf) and so_far_m + length_m <= limit_m:
                    best[head], metres[head] = total_s, so_far_m + length_m
                    tree.arrived_by[head] = arc
                    tree.set_out_by[head] = arc if node == start else tree.set_out_by[node]
                    heappush(queue, (total_s, head))
        return tree

    def _leave(self, node: int) -> list[tuple[int, int, float, float]]:
        known = self._leaving.get(node)
        if known is None:
            arcs = self._arcs[self._first[node] : self._first[node + 1]]
            columns = (arcs, self.head[arcs], self.arc_m[arcs], self.prior_s[arcs])
            lists = [column.tolist() for column in columns]
            known = self._leaving[node] = list(zip(*lists, strict=True))
        return known


def arc_ends(roadmap: RoadMap) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """(2M,) node that each arc leaves, and node it enters: 2e forward, 2e + 1 backward."""
    ends = np.column_stack((roadmap.edge_tail, roadmap.edge_head)).astype(np.int64)
    return ends.ravel(), ends[:, ::-1].ravel()
