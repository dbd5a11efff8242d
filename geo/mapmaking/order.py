"""Elimination order of a map's edges for contraction hierarchies: nested dissection.

What is contracted is the graph of arcs (`geo.routing.arcgraph`). Its order is found on the edges:
two edges are neighbours where they meet, and both arcs of an edge stand together. That is a third
of the work and gives quicker queries than ordering the arcs themselves (docs/adr/0009).

`routingkit-cch` cuts better; its wheel can die of an illegal instruction at the first call and
holds the interpreter lock for the whole run, so it runs in a process of its own (`python -m
geo.mapmaking.order`). Where it cannot, plain recursive bisection by coordinates serves: any
permutation gives right answers, a good one gives quick ones. Knows no weights.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

LEAF_NODES = 24
"""Parts of this size are not cut further."""
SMALL_NODES = 500
"""Up to here the order hardly matters, and a process of its own costs more than it gains."""
SECONDS_PER_NODE_MAX = 1e-3
SECONDS_MIN = 30.0

Ints = NDArray[np.int32]
Floats = NDArray[np.float64]


def edge_order(node_lonlat: Floats, edge_tail: Ints, edge_head: Ints) -> NDArray[np.uint32]:
    """(M,) edges, first eliminated first."""
    middle = (node_lonlat[edge_tail] + node_lonlat[edge_head]) / 2.0
    return elimination_order(middle, *_meetings(edge_tail, edge_head))


def _meetings(edge_tail: Ints, edge_head: Ints) -> tuple[Ints, Ints]:
    """Every pair of edges that meet at a node, once."""
    node = np.concatenate((edge_tail, edge_head)).astype(np.int64)
    by_node = np.argsort(node, kind="stable")
    edge = by_node % len(edge_tail)
    ends = np.searchsorted(node[by_node], node[by_node], side="right")
    later = ends - np.arange(len(node)) - 1
    first = np.repeat(edge, later)
    nth = np.arange(len(first)) - np.repeat(np.cumsum(later) - later, later) + 1
    second = edge[np.repeat(np.arange(len(node)), later) + nth]
    pairs = np.unique(np.sort(np.column_stack((first, second))[first != second], axis=1), axis=0)
    return pairs[:, 0].astype(np.int32), pairs[:, 1].astype(np.int32)


def elimination_order(lonlat: Floats, tail: Ints, head: Ints) -> NDArray[np.uint32]:
    """(N,) node ids, first eliminated first."""
    order = _by_routingkit(lonlat, tail, head) if len(lonlat) > SMALL_NODES else None
    return bisection_order(lonlat, tail, head) if order is None else order


def is_permutation(order: NDArray[np.uint32], nodes: int) -> bool:
    """Whether `order` names each of `nodes` nodes once."""
    return (
        len(order) == nodes
        and (nodes == 0 or int(order.max()) < nodes)
        and bool((np.bincount(order, minlength=nodes) == 1).all())
    )


def bisection_order(lonlat: Floats, tail: Ints, head: Ints) -> NDArray[np.uint32]:
    """Recursive bisection at the median of the longer side; separators are eliminated last."""
    squeeze = np.cos(np.radians(float(lonlat[:, 1].mean()))) if len(lonlat) else 1.0
    xy = lonlat * (squeeze, 1.0)
    order = np.empty(len(lonlat), np.uint32)
    part = np.empty(len(lonlat), np.int8)
    stack = [(np.arange(len(lonlat), dtype=np.int64), np.stack([tail, head]), len(lonlat))]
    while stack:
        nodes, edges, end = stack.pop()
        if len(nodes) <= LEAF_NODES:
            order[end - len(nodes) : end] = nodes
            continue
        part[nodes] = _halves(xy[nodes])
        _lift_separator(part, edges)
        separator = nodes[part[nodes] == 2]
        order[end - len(separator) : end] = separator
        end -= len(separator)
        for half in (0, 1):
            inside = nodes[part[nodes] == half]
            kept = edges[:, (part[edges[0]] == half) & (part[edges[1]] == half)]
            stack.append((inside, kept, end))
            end -= len(inside)
    return order


def _halves(xy: Floats) -> NDArray[np.int8]:
    axis = int(np.ptp(xy, axis=0).argmax())
    half = np.ones(len(xy), np.int8)
    half[np.argpartition(xy[:, axis], len(xy) // 2)[: len(xy) // 2]] = 0
    return half


def _lift_separator(part: NDArray[np.int8], edges: NDArray[np.int32]) -> None:
    """Mark as 2 the smaller set of nodes that touch the other half."""
    cut = edges[:, part[edges[0]] != part[edges[1]]]
    ends = np.unique(cut)
    low, high = ends[part[ends] == 0], ends[part[ends] == 1]
    part[low if len(low) <= len(high) else high] = 2


def _by_routingkit(lonlat: Floats, tail: Ints, head: Ints) -> NDArray[np.uint32] | None:
    if not len(tail) or not np.isfinite(lonlat).all():
        return None  # an empty graph or NaN would bring the library down
    with tempfile.TemporaryDirectory(prefix="ridgeline-order-") as folder:
        graph, result = Path(folder) / "graph.npz", Path(folder) / "order.npy"
        np.savez(graph, lonlat=lonlat, tail=tail, head=head)
        command = [sys.executable, "-m", "geo.mapmaking.order", str(graph), str(result)]
        seconds_max = max(SECONDS_MIN, SECONDS_PER_NODE_MAX * len(lonlat))
        try:
            subprocess.run(  # noqa: S603 - our own module, our own files
                command,
                check=True,
                capture_output=True,
                timeout=seconds_max,
                cwd=Path(__file__).parents[2],
            )
            order: NDArray[np.uint32] = np.load(result).astype(np.uint32)
        except (subprocess.SubprocessError, OSError, ValueError):
            return None  # not installed, illegal instruction, too slow: the plain order serves
    return order if is_permutation(order, len(lonlat)) else None


def _child(graph_file: str, order_file: str) -> None:
    from routingkit_cch import compute_order_inertial

    with np.load(graph_file) as graph:
        lonlat = graph["lonlat"]
        order = compute_order_inertial(
            len(lonlat),
            graph["tail"].tolist(),
            graph["head"].tolist(),
            lonlat[:, 1].tolist(),
            lonlat[:, 0].tolist(),
        )
    np.save(order_file, np.asarray(order, np.uint32))


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2])
