"""What an engine is: shortest times between nodes of a directed graph, in whole milliseconds.

An engine knows nodes, arcs and weights; no road, no place in the middle of a road (`partial`),
no speed. What a node means is the caller's affair: here it is an arc of a road (`arcgraph`).
Engines are caches of a weight vector: the caller keeps the truth and can `reset` at any time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

CLOSED: Final = 2_147_483_647
"""Weight of an arc nobody may use; also the total from which a place counts as unreachable
(2**31 - 1 ms is 24.8 days)."""

UNREACHABLE: Final = CLOSED
"""Stands for "no way" in arrays of totals."""

SEEDS_MAX: Final = 16
"""Most (node, offset) pairs of one end of a query: both arcs of a road, or all at a junction; of a
junction with more, the rest is left out."""

Millis = NDArray[np.int64]
Weights = NDArray[np.uint32]


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Topology of N nodes and A arcs; parallel arcs and loops are allowed."""

    node_count: int
    tail: NDArray[np.int64]
    """(A,) node each arc leaves."""
    head: NDArray[np.int64]
    """(A,) node each arc enters."""
    order: NDArray[np.uint32]
    """(N,) elimination order for contraction hierarchies; any permutation is right, a good one
    is fast."""

    def __post_init__(self) -> None:
        if self.node_count < 1 or len(self.tail) < 1:
            raise ValueError("a graph needs a node and an arc")
        if self.tail.shape != self.head.shape:
            raise ValueError("every arc needs a tail and a head")
        for ends in (self.tail, self.head):
            require_nodes(ends, self.node_count)
        if len(self.order) != self.node_count or not _is_permutation(self.order):
            raise ValueError("the elimination order is not a permutation of the nodes")

    @property
    def arc_count(self) -> int:
        return len(self.tail)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seeds:
    """One end of a query: up to SEEDS_MAX nodes, each with the time it takes to or from it."""

    nodes: tuple[int, ...]
    offsets_ms: tuple[int, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.nodes) <= SEEDS_MAX or len(self.nodes) != len(self.offsets_ms):
            raise ValueError(f"one to {SEEDS_MAX} nodes with an offset each")
        if len(set(self.nodes)) != len(self.nodes):
            raise ValueError("each node once")
        if min(self.offsets_ms) < 0 or max(self.offsets_ms) >= CLOSED:
            raise ValueError("offsets are whole milliseconds from 0 to below CLOSED")

    @classmethod
    def at(cls, node: int) -> Seeds:
        return cls(nodes=(node,), offsets_ms=(0,))

    def require_within(self, node_count: int) -> None:
        if min(self.nodes) < 0 or max(self.nodes) >= node_count:
            raise ValueError("a node outside the graph")


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """A shortest way."""

    total_ms: int
    """With both offsets."""
    nodes: NDArray[np.int64]
    """One or more, each joined to the next by the quickest arc there is."""


class Engine(Protocol):
    """Every answer is exact and the same for every engine, to the millisecond.

    Invalid input raises ValueError before anything is touched. Not thread-safe; engines may be
    bound to the thread that made them.
    """

    @property
    def name(self) -> str: ...

    def many_to_one(self, sources: NDArray[np.int64], target: Seeds) -> Millis:
        """(S,) totals from each source node to the target, offsets of the target included."""
        ...

    def matrix(self, sources: NDArray[np.int64], targets: Sequence[Seeds]) -> Millis:
        """(S, T) totals."""
        ...

    def route(self, source: Seeds, target: Seeds) -> Path | None:
        """The quickest way, or None where there is none."""
        ...

    def one_to_all(self, source: Seeds, limit_ms: int = UNREACHABLE - 1) -> Millis:
        """(N,) totals from the source to every node; UNREACHABLE beyond the limit."""
        ...

    def apply(self, arcs: NDArray[np.int64], weights: Weights) -> None:
        """Give some arcs new weights; CLOSED closes an arc. Each arc at most once."""
        ...

    def reset(self, weights: Weights) -> None:
        """Give all A arcs new weights."""
        ...

    def sibling(self, weights: Weights) -> Engine:
        """Another engine on the same graph, which shares everything but the weights."""
        ...

    def close(self) -> None:
        """Let go of everything, on the thread that made the engine."""
        ...


def require_nodes(nodes: NDArray[np.int64], node_count: int) -> None:
    if nodes.ndim != 1 or nodes.dtype.kind not in "iu":
        raise ValueError("nodes are a flat array of whole numbers")
    if nodes.size and (nodes.min() < 0 or nodes.max() >= node_count):
        raise ValueError("a node outside the graph")


def checked_weights(weights: Weights, arc_count: int) -> Weights:
    """A private copy of a weight vector, or ValueError: each is 1 … CLOSED milliseconds."""
    if weights.shape != (arc_count,):
        raise ValueError(f"{arc_count} weights are needed, one per arc")
    if weights.dtype.kind not in "iu" or weights.min() < 1 or weights.max() > CLOSED:
        raise ValueError("weights are whole milliseconds from 1 to CLOSED")
    return weights.astype(np.uint32)


def checked_changes(
    arcs: NDArray[np.int64], weights: Weights, arc_count: int
) -> tuple[NDArray[np.int64], Weights]:
    if arcs.ndim != 1 or arcs.dtype.kind not in "iu":
        raise ValueError("arcs are a flat array of whole numbers")
    if arcs.size and (arcs.min() < 0 or arcs.max() >= arc_count):
        raise ValueError("an arc outside the graph")
    if len(set(arcs.tolist())) != len(arcs):
        raise ValueError("an arc is changed twice at once")
    if not arcs.size and not weights.size:
        return arcs.astype(np.int64), weights.astype(np.uint32)
    return arcs.astype(np.int64), checked_weights(weights, len(arcs))


def _is_permutation(order: NDArray[np.uint32]) -> bool:
    if order.size and int(order.max()) >= len(order):
        return False
    return bool((np.bincount(order, minlength=len(order)) == 1).all())
