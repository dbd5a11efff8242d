"""The reference engine: Dijkstra by `scipy.sparse.csgraph`, exact, always there.

Parallel arcs are joined by keeping the quickest (SciPy would add them up). A closed arc is turned
into a loop at its own tail, which no shortest way uses, so that closing and opening a road costs
no rebuild. One extra node with SEEDS_MAX arcs stands for an end in the middle of a road.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import dijkstra

from geo.routing.engine import (
    CLOSED,
    SEEDS_MAX,
    UNREACHABLE,
    Graph,
    Millis,
    Path,
    Seeds,
    Weights,
    checked_changes,
    checked_weights,
    require_nodes,
)

SEED_SHIFT_MS: Final = 1
"""Added to every offset and taken off the answer: a stored zero might read as "no arc"."""


class _Half:
    """One direction of the graph in CSR form, with the extra node as its last row.

    A slot is one (row, column) pair of nodes joined by any number of parallel arcs.
    """

    def __init__(self, rows: NDArray[np.int64], columns: NDArray[np.int64], nodes: int) -> None:
        """`rows`, `columns`: (K,) ends of each slot, in the order of the engine's slots."""
        self.extra = nodes
        self.start = np.array([nodes])
        by_row = np.argsort(rows, kind="stable")
        self.position = np.empty(len(rows), dtype=np.int64)
        self.position[by_row] = np.arange(len(rows))
        self.rows = rows
        self.columns = columns
        counts = np.bincount(rows, minlength=nodes)
        indptr = np.concatenate(([0], np.cumsum(counts), [len(rows) + SEEDS_MAX]))
        indices = np.full(len(rows) + SEEDS_MAX, nodes, dtype=np.int32)
        data = np.ones(len(rows) + SEEDS_MAX, dtype=np.float64)
        self.csr = csr_array((data, indices, indptr.astype(np.int32)), shape=(nodes + 1,) * 2)

    def set(self, slots: NDArray[np.int64], best_ms: NDArray[np.int64]) -> None:
        at = self.position[slots]
        is_open = best_ms < CLOSED
        self.csr.data[at] = np.where(is_open, best_ms, 1)
        self.csr.indices[at] = np.where(is_open, self.columns[slots], self.rows[slots])

    def seed(self, seeds: Seeds) -> None:
        """Point the extra node at the seeds; arcs left over become loops."""
        first, count = len(self.csr.indices) - SEEDS_MAX, len(seeds.nodes)
        self.csr.indices[first:] = self.extra
        self.csr.data[first:] = 1.0
        self.csr.indices[first : first + count] = seeds.nodes
        self.csr.data[first : first + count] = np.array(seeds.offsets_ms) + SEED_SHIFT_MS

    def totals(self, seeds: Seeds, limit_ms: int = UNREACHABLE - 1) -> Millis:
        """(N,) totals from the seeds along this direction."""
        self.seed(seeds)
        found = dijkstra(self.csr, indices=self.start, limit=float(limit_ms + SEED_SHIFT_MS))
        return _to_millis(found[0, : self.extra])


class ScipyEngine:
    """Exact shortest times by Dijkstra. See `Engine` for the contract."""

    name = "scipy"

    def __init__(self, graph: Graph, weights: Weights) -> None:
        self.graph = graph
        key = graph.tail.astype(np.int64) * graph.node_count + graph.head
        pairs, slot_of_arc = np.unique(key, return_inverse=True)
        self._slot_of_arc = slot_of_arc.astype(np.int64)
        self._arcs_by_slot = np.argsort(self._slot_of_arc, kind="stable")
        self._first = np.searchsorted(
            self._slot_of_arc[self._arcs_by_slot], np.arange(len(pairs) + 1)
        )
        tails, heads = np.divmod(pairs, graph.node_count)
        self._forward = _Half(tails, heads, graph.node_count)
        self._backward = _Half(heads, tails, graph.node_count)
        self.reset(weights)

    def many_to_one(self, sources: NDArray[np.int64], target: Seeds) -> Millis:
        require_nodes(sources, self.graph.node_count)
        target.require_within(self.graph.node_count)
        return self._backward.totals(target)[sources]

    def matrix(self, sources: NDArray[np.int64], targets: Sequence[Seeds]) -> Millis:
        require_nodes(sources, self.graph.node_count)
        for target in targets:
            target.require_within(self.graph.node_count)
        found = np.empty((len(targets), len(sources)), dtype=np.int64)
        for row, target in enumerate(targets):
            found[row] = self._backward.totals(target)[sources]
        return found.T

    def route(self, source: Seeds, target: Seeds) -> Path | None:
        source.require_within(self.graph.node_count)
        target.require_within(self.graph.node_count)
        self._forward.seed(source)
        found, previous = dijkstra(
            self._forward.csr, indices=self._forward.start, return_predecessors=True
        )
        previous = previous[0]
        nodes = np.asarray(target.nodes)
        totals = _to_millis(found[0, nodes]) + np.asarray(target.offsets_ms)
        best = int(totals.argmin())
        if totals[best] >= UNREACHABLE:
            return None
        walk = [int(nodes[best])]
        while previous[walk[-1]] != self._forward.extra:
            walk.append(int(previous[walk[-1]]))
        walk.reverse()
        return Path(total_ms=int(totals[best]), nodes=np.array(walk))

    def one_to_all(self, source: Seeds, limit_ms: int = UNREACHABLE - 1) -> Millis:
        source.require_within(self.graph.node_count)
        if not 0 <= limit_ms < UNREACHABLE:
            raise ValueError("the limit is whole milliseconds from 0 to below CLOSED")
        return self._forward.totals(source, limit_ms)

    def apply(self, arcs: NDArray[np.int64], weights: Weights) -> None:
        arcs, weights = checked_changes(arcs, weights, self.graph.arc_count)
        self._weights[arcs] = weights
        for slot in np.unique(self._slot_of_arc[arcs]):
            candidates = self._arcs_by_slot[self._first[slot] : self._first[slot + 1]]
            self._best_arc[slot] = candidates[self._weights[candidates].argmin()]
        self._write(np.unique(self._slot_of_arc[arcs]))

    def reset(self, weights: Weights) -> None:
        self._weights = checked_weights(weights, self.graph.arc_count)
        quickest_first = np.lexsort((self._weights, self._slot_of_arc))
        self._best_arc = quickest_first[self._first[:-1]]
        self._write(np.arange(len(self._best_arc)))

    def sibling(self, weights: Weights) -> ScipyEngine:
        return ScipyEngine(self.graph, weights)

    def close(self) -> None:
        """Nothing to let go of."""

    def _write(self, slots: NDArray[np.int64]) -> None:
        best_ms = self._weights[self._best_arc[slots]].astype(np.int64)
        self._forward.set(slots, best_ms)
        self._backward.set(slots, best_ms)


def _to_millis(found: NDArray[np.float64]) -> Millis:
    """Sums of whole milliseconds are exact in float64 below 2**53."""
    totals = np.minimum(found - SEED_SHIFT_MS, UNREACHABLE)
    return totals.astype(np.int64)
