"""Cut ways into edges: at junctions, at their own crossings, at their ends; drop what no car needs.

Works on flat arrays of all points of all ways. Knows no heights and no numbering.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from geo.errors import MapSourceError
from geo.mapmaking.tags import RoadFacts
from geo.roadmap import EdgeFlag, SourceWay

_SHUT = EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class BuildReport:
    """What the build left out, and how connected the rest is."""

    ways_not_roads: int = 0
    ways_broken: int = 0
    """Fewer than two different points, or coordinates that are no numbers."""
    edges_duplicate: int = 0
    edges_closed_islands: int = 0
    """Edges of parts that no motor vehicle may use at all."""
    islands: int = 0
    """Parts of the map not joined to the largest one by any road."""
    edges_on_islands: int = 0
    points_without_height: int = 0
    restrictions_unread: int = 0
    """Turn restrictions by the hour, over several roads, or that fit nothing on the map."""

    def sentences(self) -> list[str]:
        """What a person should know, the silent zeros left out."""
        said = [
            (self.ways_not_roads, "ways are no roads for vehicles"),
            (self.ways_broken, "ways have no usable shape"),
            (self.edges_duplicate, "edges were drawn twice"),
            (self.edges_closed_islands, "edges lie where no motor vehicle may go"),
            (self.edges_on_islands, f"edges lie on {self.islands} parts not joined to the rest"),
            (self.points_without_height, "points have no height"),
            (self.restrictions_unread, "turn restrictions could not be read, or fit no junction"),
        ]
        return [f"{count:,} {what}" for count, what in said if count]


@dataclass(slots=True)
class Points:
    """All points of all usable ways, end to end."""

    vertex: Ints
    """Index of the distinct source node at each point."""
    way: Ints
    lonlat: Floats
    """(V, 2) of each vertex."""
    node_id: Ints
    """(V,) source node of each vertex, ascending."""

    def vertex_of(self, node_ids: Ints) -> Ints:
        """The vertices of some source nodes; -1 where no road has that node."""
        at = np.searchsorted(self.node_id, node_ids).clip(max=len(self.node_id) - 1)
        return np.where(self.node_id[at] == node_ids, at, -1)


@dataclass(slots=True)
class Edges:
    tail: Ints
    head: Ints
    way: Ints
    first: Ints
    """(M,) first and last position in the points, both included."""
    last: Ints

    def take(self, index: NDArray[np.int64] | NDArray[np.bool_]) -> Edges:
        return Edges(
            self.tail[index], self.head[index], self.way[index], self.first[index], self.last[index]
        )


def points_of(ways: list[SourceWay]) -> Points:
    """All points of all ways, repeated ones left out."""
    ids = np.concatenate([way.node_ids for way in ways])
    lonlat = np.concatenate([way.lonlat for way in ways])
    way = np.repeat(np.arange(len(ways)), [len(way.node_ids) for way in ways])
    again = np.zeros(len(ids), bool)
    again[1:] = (ids[1:] == ids[:-1]) & (way[1:] == way[:-1])
    ids, lonlat, way = ids[~again], lonlat[~again], way[~again]
    node_id, seen_at, vertex = np.unique(ids, return_index=True, return_inverse=True)
    return Points(vertex.astype(np.int64), way, lonlat[seen_at], node_id)


def cut_into_edges(
    points: Points, facts: list[RoadFacts], report: BuildReport, *, also_at: Ints
) -> Edges:
    """The edges worth keeping, cut at some vertices besides; what is left out is reported."""
    edges = _without_duplicates(_split(points, also_at), points, facts, report)
    return _without_closed_islands(edges, facts, report)


def _split(points: Points, also_at: Ints) -> Edges:
    """Cut every way where it meets another, where it meets itself, at its ends, and as told."""
    ends = np.flatnonzero(np.diff(points.way, prepend=-1, append=len(points.way)))
    is_end = np.zeros(len(points.way), bool)
    is_end[ends[:-1]] = True
    is_end[ends[1:] - 1] = True
    uses = np.bincount(points.vertex) + np.bincount(
        points.vertex[is_end], minlength=len(points.lonlat)
    )
    uses[also_at] += 2
    cut = uses[points.vertex] > 1
    _open_loops(points, cut)
    positions = np.flatnonzero(cut)
    first, last = positions[:-1], positions[1:]
    within = points.way[first] == points.way[last]
    first, last = first[within], last[within]
    return Edges(points.vertex[first], points.vertex[last], points.way[first], first, last)


def _open_loops(points: Points, cut: NDArray[np.bool_]) -> None:
    """Cut each piece that returns to its own start once more in its middle: no edge is a loop."""
    positions = np.flatnonzero(cut)
    first, last = positions[:-1], positions[1:]
    loop = (points.vertex[first] == points.vertex[last]) & (points.way[first] == points.way[last])
    middle = (first[loop] + last[loop]) // 2
    cut[np.isin(points.vertex, points.vertex[middle])] = True


def _without_duplicates(
    edges: Edges, points: Points, facts: list[RoadFacts], report: BuildReport
) -> Edges:
    """Keep one of edges that run through the same vertices under the same rules."""
    count = edges.last - edges.first
    shape_sum = np.concatenate([[0], np.cumsum(_scrambled(points.vertex))])
    between = shape_sum[edges.last + 1] - shape_sum[edges.first]
    flags = np.array([fact.flags for fact in facts], np.int64)[edges.way]
    rank = np.array([fact.road_class for fact in facts], np.int64)[edges.way]
    by_rank = np.lexsort((rank, flags, between, count, edges.head, edges.tail))
    key = np.stack([edges.tail, edges.head, count, between, flags])[:, by_rank]
    again = np.zeros(len(by_rank), bool)
    again[1:] = (key[:, 1:] == key[:, :-1]).all(0)
    report.edges_duplicate = int(again.sum())
    return edges.take(np.sort(by_rank[~again]))


def _scrambled(numbers: Ints) -> Ints:
    """Numbers spread over 64 bits (splitmix64), so that sums of different sets differ."""
    x = numbers.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return (x ^ (x >> np.uint64(31))).view(np.int64)


def _without_closed_islands(edges: Edges, facts: list[RoadFacts], report: BuildReport) -> Edges:
    """Drop the parts where every road is closed to motor vehicles both ways."""
    flags = np.array([fact.flags for fact in facts], np.int64)[edges.way]
    usable = (flags & _SHUT) != _SHUT
    part = _parts(edges.tail, edges.head)
    kept = np.bincount(part, usable)[part] > 0
    report.edges_closed_islands = int((~kept).sum())
    if not kept.any():
        raise MapSourceError("Every road in the source is closed to motor vehicles.")
    sizes = np.bincount(part[kept])
    report.islands = int((sizes > 0).sum()) - 1
    report.edges_on_islands = int(sizes.sum() - sizes.max())
    return edges.take(kept)


def _parts(tail: Ints, head: Ints) -> Ints:
    """(M,) number of the connected part each edge lies in, directions ignored."""
    nodes, flat = np.unique(np.concatenate([tail, head]), return_inverse=True)
    a, b = flat[: len(tail)], flat[len(tail) :]
    matrix = sparse.coo_array((np.ones(len(a), np.int8), (a, b)), shape=(len(nodes),) * 2)
    _, label = connected_components(matrix.tocsr(), directed=False)
    parts: Ints = label[a].astype(np.int64)
    return parts
