"""Edges strung into roads: which edge carries straight on at each junction.

A driver does not slow down where the map splits a road for a side street. So at every node the
ends of edges are paired, straightest and most alike first, and edges joined by pairs form chains:
`geo.driving.stations` measures bends and grades along chains, and `geo.driving.drive` drives them
without a seam. What turns off the chain is a turn, and costs what `geo.driving.turning` says.

The arc that leaves a node from an edge's end carries the number of that end: end 2e is the tail of
edge e, end 2e + 1 its head. Knows no speeds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from geo.projection import projection
from geo.roadmap import EdgeFlag, RoadMap

ARM_M: Final = 15.0
"""m. From the node to where the direction of an edge is read: past the noise of the first point."""

DEFLECTION_DEG_MAX: Final = 60.0
"""A sharper change of direction at a junction of three or more is a turn. Starting value."""

OTHER_CLASS_DEG: Final = 30.0
OTHER_NAME_DEG: Final = 15.0
CLOSED_DEG: Final = 60.0
"""Degrees of deflection that a change of class, of name, or a closed road counts for."""

DEGREE_MAX: Final = 8
"""Ends at one node that are looked at; the rest are turns."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Chains:
    """The M edges in the order of the C chains they form."""

    edge: Ints
    """(M,)"""
    forward: NDArray[np.bool_]
    """(M,) whether the chain runs through it tail to head."""
    start: Ints
    """(C + 1,) chain c is edge[start[c]:start[c + 1]]."""
    next_arc: Ints
    """(2M,) the arc that continues each arc straight on; -1 where none does."""


def chains_of(roadmap: RoadMap) -> Chains:
    """All chains of the map. A ring is cut open at one of its nodes."""
    mate = _without_rings(_mates(roadmap))
    next_arc = mate[np.arange(len(mate)) ^ 1]
    arc, first = _walk(mate, next_arc)
    return Chains(edge=arc >> 1, forward=arc % 2 == 0, start=first, next_arc=next_arc)


def _mates(roadmap: RoadMap) -> Ints:
    """(2M,) the end that each end is paired with, -1 where none: always the best pair first."""
    one, other, cost = _pairs(roadmap)
    best_first = np.argsort(cost, kind="stable")
    one, other = one[best_first], other[best_first]
    mate = np.full(2 * roadmap.edge_count, -1, np.int64)
    while len(one):
        best = _best_pair(one, other, len(mate))
        agreed = (best[one] == np.arange(len(one))) & (best[other] == np.arange(len(one)))
        mate[one[agreed]], mate[other[agreed]] = other[agreed], one[agreed]
        free = (mate[one] < 0) & (mate[other] < 0)
        one, other = one[free], other[free]
    return mate


def _best_pair(one: Ints, other: Ints, ends: int) -> Ints:
    """(ends,) the first pair that each end is in; undefined for ends without pair."""
    best = np.empty(ends, np.int64)
    both = np.column_stack((one, other)).ravel()
    best[both[::-1]] = np.repeat(np.arange(len(one)), 2)[::-1]  # of repeated writes the last stays
    return best


def _pairs(roadmap: RoadMap) -> tuple[Ints, Ints, Floats]:
    """Every two ends that may be joined, and how unlike a straight road they are, degrees."""
    node = np.column_stack((roadmap.edge_tail, roadmap.edge_head)).ravel().astype(np.int64)
    by_node = np.argsort(node, kind="stable")
    at = node[by_node]
    degree = np.bincount(node, minlength=roadmap.node_count)
    near = [
        (by_node[:-step], by_node[step:], at[:-step] == at[step:])
        for step in range(1, min(DEGREE_MAX, len(at)))
    ]
    one = np.concatenate([a[same] for a, _, same in near])
    other = np.concatenate([b[same] for _, b, same in near])
    deflection = _deflection_deg(arms_m(roadmap), one, other)
    joint = degree[node[one]] == 2
    may = _alike(roadmap, one >> 1, other >> 1) & (joint | (deflection <= DEFLECTION_DEG_MAX))
    cost = deflection + _unlike_deg(roadmap, one >> 1, other >> 1)
    return one[may], other[may], cost[may]


def _alike(roadmap: RoadMap, one: Ints, other: Ints) -> NDArray[np.bool_]:
    """Whether two edges may be one road at all: no ferry with land, no circle with its approach."""
    apart = int(EdgeFlag.FERRY | EdgeFlag.ROUNDABOUT)
    flags = roadmap.edge_flags
    alike: NDArray[np.bool_] = (one != other) & (((flags[one] ^ flags[other]) & apart) == 0)
    return alike


def _unlike_deg(roadmap: RoadMap, one: Ints, other: Ints) -> Floats:
    shut = int(EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD)
    same_name = (roadmap.edge_ref[one] == roadmap.edge_ref[other]) & (
        roadmap.edge_name[one] == roadmap.edge_name[other]
    )
    unlike: Floats = (
        OTHER_CLASS_DEG * (roadmap.edge_class[one] != roadmap.edge_class[other])
        + OTHER_NAME_DEG * ~same_name
        + CLOSED_DEG * ((roadmap.edge_flags[one] & shut) == shut)
        + CLOSED_DEG * ((roadmap.edge_flags[other] & shut) == shut)
    )
    return unlike


def arms_m(roadmap: RoadMap) -> Floats:
    """(2M, 2) metres from the node into the edge at each end."""
    metres = projection(roadmap.meta.crs).to_metres(roadmap.point_lonlat)
    steps = np.concatenate(([0.0], np.hypot(*np.diff(metres, axis=0).T)))
    steps[roadmap.edge_first_point[1:-1]] = ARM_M  # edges lie apart on the line
    along = np.cumsum(steps)
    first, last = roadmap.edge_first_point[:-1], roadmap.edge_first_point[1:] - 1
    arm = np.minimum(ARM_M, along[last] - along[first])
    places = np.column_stack((along[first] + arm, along[last] - arm)).ravel()
    ends = np.column_stack((first, last)).ravel()
    into = [np.interp(places, along, column) for column in metres.T]
    return np.column_stack(into) - metres[ends]


def _deflection_deg(direction: Floats, one: Ints, other: Ints) -> Floats:
    """0 where two ends lie straight across from each other, 180 where they lie side by side."""
    a, b = -direction[one], direction[other]
    cross = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    deflection: Floats = np.abs(np.degrees(np.arctan2(cross, (a * b).sum(axis=1))))
    return deflection


def _without_rings(mate: Ints) -> Ints:
    """The same, one pair of every closed ring taken apart."""
    edges = len(mate) // 2
    end = np.flatnonzero(mate > np.arange(len(mate)))
    link = (np.ones(len(end), np.bool_), (end >> 1, mate[end] >> 1))
    _, part = connected_components(sparse.coo_array(link, shape=(edges, edges)), directed=False)
    is_ring = np.bincount(part[end >> 1], minlength=edges) == np.bincount(part, minlength=edges)
    _, first = np.unique(part[end >> 1], return_index=True)
    cut = end[first[is_ring[part[end[first] >> 1]]]]
    mate[mate[cut]] = -1
    mate[cut] = -1
    return mate


def _walk(mate: Ints, next_arc: Ints) -> tuple[Ints, Ints]:
    """(M,) arcs chain by chain, each chain in one of its directions; (C + 1,) where each starts."""
    start = np.flatnonzero(mate < 0)
    arcs, chains = [start], [np.arange(len(start))]
    end = start.copy()
    while True:
        ahead = next_arc[arcs[-1]]
        goes_on = ahead >= 0
        if not goes_on.any():
            break
        arcs.append(ahead[goes_on])
        chains.append(chains[-1][goes_on])
        end[chains[-1]] = arcs[-1]
    arc, chain = np.concatenate(arcs), np.concatenate(chains)
    kept = (start < (end ^ 1))[chain]
    arc, chain = arc[kept], chain[kept]
    in_order = np.argsort(chain, kind="stable")
    _, first = np.unique(chain[in_order], return_index=True)
    return arc[in_order], np.concatenate((first, [len(arc)]))
