"""Linear referencing: road number + kilometre ↔ point.

**Where a road's kilometres are counted from.** Kilometres run along the edges that carry the
road number. Its zero is the northern end of its main line when that runs more north–south than
east–west, else the eastern end, as China numbers its national roads (G2xx north to south, G3xx
east to west; GB/T 917-2017). The main line is the longest of the shortest ways between two of
its junctions. Where a road is broken (it runs under another number for a while), the piece whose
nearer end is closest to the end of the previous piece follows, and the straight gap is counted.
Kilometres of side branches and second carriageways are their distance along the road from zero.

They are reckoned from the map: kilometre stones in the field may differ by the road's history.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components, dijkstra

from geo.roadmap import RoadMap

KM_SLACK = 0.05
"""A kilometre this far past the end is taken as the end."""
_TOUCH_KM = 0.001
"""Less of an edge between two kilometres than this is a touch, not a stretch."""
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadPoint:
    """A point on a numbered road."""

    ref: str
    km: float
    edge: int
    fraction: float
    """0..1 from the edge's tail."""
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """The edges of a numbered road between two kilometres; side branches count as well."""

    edges: Ints
    start: Floats
    end: Floats
    """What of each edge lies between them, 0..1 from its tail; start < end."""
    rising: NDArray[np.bool_]
    """Whether the kilometres rise from tail to head."""

    @property
    def share(self) -> Floats:
        """Part of each edge that lies between them, above 0 up to 1."""
        return self.end - self.start


@dataclass(frozen=True, slots=True)
class _Line:
    """The edges of one road number with the kilometres at their ends."""

    ref: str
    edges: Ints
    tail_km: Floats
    head_km: Floats
    main: NDArray[np.bool_]
    """Edges on the main line, preferred when several lie at one kilometre."""

    @property
    def km_max(self) -> float:
        return float(max(self.tail_km.max(), self.head_km.max()))


def ref_key(ref: str) -> str:
    """How road numbers are compared: CS-340, cs340 and "CS 340" are one."""
    text = unicodedata.normalize("NFKC", ref).casefold()
    return re.sub(r"[^\w]|_", "", text)


class LinearIndex:
    """Kilometres of every numbered road of a map; a road is laid out when first asked for."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._map = roadmap
        self._edges_of = _edges_by_ref(roadmap)
        self._lines: dict[str, _Line] = {}
        self._row_of = np.full(roadmap.edge_count, -1, np.int64)

    @property
    def refs(self) -> list[str]:
        """Road numbers as written on the map, sorted."""
        return sorted(ref for ref, _ in self._edges_of.values())

    def known(self, ref: str) -> str | None:
        """The road number as the map writes it, None when the map has no such road."""
        found = self._edges_of.get(ref_key(ref))
        return found[0] if found else None

    def length_km(self, ref: str) -> float | None:
        """The last kilometre of a road."""
        line = self._line(ref)
        return line.km_max if line else None

    def locate(self, ref: str, km: float) -> RoadPoint | None:
        """The point at a kilometre; None when there is no such road or it is not that long.

        A kilometre inside a gap of the road gives the nearer rim of the gap.
        """
        line = self._line(ref)
        if line is None or not -KM_SLACK <= km <= line.km_max + KM_SLACK:
            return None
        low = np.minimum(line.tail_km, line.head_km)
        high = np.maximum(line.tail_km, line.head_km)
        away = np.maximum(np.maximum(low - km, km - high), 0.0)
        row = int(np.lexsort((low, ~line.main, away))[0])
        span = line.head_km[row] - line.tail_km[row]
        fraction = float(np.clip((km - line.tail_km[row]) / span, 0, 1)) if span else 0.0
        edge = int(line.edges[row])
        lon, lat = point_at(self._map, edge, fraction)
        at_km = float(line.tail_km[row] + fraction * span)
        return RoadPoint(ref=line.ref, km=at_km, edge=edge, fraction=fraction, lon=lon, lat=lat)

    def between(self, ref: str, from_km: float, to_km: float) -> Stretch | None:
        """What lies from one kilometre to the other; None when there is no such road."""
        line = self._line(ref)
        if line is None:
            return None
        rising = line.head_km >= line.tail_km
        low = np.minimum(line.tail_km, line.head_km)
        span = np.abs(line.head_km - line.tail_km)
        whole = np.where(span > 0, span, 1.0)
        first = ((from_km - low) / whole).clip(0.0, 1.0)
        last = ((to_km - low) / whole).clip(0.0, 1.0)
        hit = (last - first) * span > np.minimum(_TOUCH_KM, 0.5 * span)
        return Stretch(
            edges=line.edges[hit],
            start=np.where(rising, first, 1.0 - last)[hit],
            end=np.where(rising, last, 1.0 - first)[hit],
            rising=rising[hit],
        )

    def kilometre(self, edge: int, fraction: float) -> tuple[str, float] | None:
        """Road number and kilometre of a point on an edge; None where the road has no number."""
        index = int(self._map.edge_ref[edge])
        line = self._line(self._map.names[index]) if index >= 0 else None
        if line is None:
            return None
        row = int(self._row_of[edge])
        return line.ref, float(
            line.tail_km[row] + fraction * (line.head_km[row] - line.tail_km[row])
        )

    def _line(self, ref: str) -> _Line | None:
        key = ref_key(ref)
        if key not in self._lines:
            found = self._edges_of.get(key)
            if found is None:
                return None
            self._lines[key] = _lay_out(self._map, found[0], found[1])
            self._row_of[found[1]] = np.arange(len(found[1]))
        return self._lines[key]


def point_at(roadmap: RoadMap, edge: int, fraction: float) -> tuple[float, float]:
    """Longitude and latitude at a share of an edge's length, tail to head."""
    shape = roadmap.shape(edge)
    squeeze = np.cos(np.radians(shape[0, 1]))
    steps = np.hypot(np.diff(shape[:, 0]) * squeeze, np.diff(shape[:, 1]))
    along = np.concatenate([[0.0], np.cumsum(steps)])
    at = fraction * along[-1]
    return float(np.interp(at, along, shape[:, 0])), float(np.interp(at, along, shape[:, 1]))


def _edges_by_ref(roadmap: RoadMap) -> dict[str, tuple[str, Ints]]:
    numbered = np.flatnonzero(roadmap.edge_ref >= 0)
    by_ref = numbered[np.argsort(roadmap.edge_ref[numbered], kind="stable")]
    values, starts = np.unique(roadmap.edge_ref[by_ref], return_index=True)
    ends = np.append(starts, len(by_ref))[1:]
    grouped: dict[str, tuple[str, list[Ints]]] = {}
    for value, start, end in zip(values, starts, ends, strict=True):
        edges = by_ref[start:end]
        ref = roadmap.names[int(value)]
        grouped.setdefault(ref_key(ref), (ref, []))[1].append(edges)
    return {key: (ref, np.sort(np.concatenate(parts))) for key, (ref, parts) in grouped.items()}


def _lay_out(roadmap: RoadMap, ref: str, edges: Ints) -> _Line:
    nodes, flat = np.unique(
        np.concatenate([roadmap.edge_tail[edges], roadmap.edge_head[edges]]), return_inverse=True
    )
    tail, head = flat[: len(edges)], flat[len(edges) :]
    graph = _graph(tail, head, roadmap.edge_length_m[edges].astype(np.float64) / 1000.0, len(nodes))
    km = np.full(len(nodes), np.nan)
    on_main = np.zeros(len(nodes), bool)
    start_km, last = 0.0, None
    remaining = _pieces(graph)
    lonlat = roadmap.node_lonlat[nodes]
    while remaining:
        piece, zero, gap_km = _next_piece(remaining, lonlat, last)
        distance, before = (
            rows[0] for rows in dijkstra(graph, indices=[zero], return_predecessors=True)
        )
        start_km += gap_km
        km[piece.nodes] = start_km + distance[piece.nodes]
        far = piece.other(zero)
        last = far
        start_km = float(km[far])
        while far >= 0:
            on_main[far] = True
            far = int(before[far])
    main = on_main[tail] & on_main[head]
    return _Line(ref, edges, km[tail], km[head], main)


def _graph(tail: Ints, head: Ints, length_km: Floats, nodes: int) -> sparse.csr_array:
    """Both directions of every edge, of parallel edges the shortest."""
    a, b = np.minimum(tail, head), np.maximum(tail, head)
    by_pair = np.lexsort((length_km, b, a))
    a, b, length_km = a[by_pair], b[by_pair], length_km[by_pair]
    first = np.ones(len(a), bool)
    first[1:] = (a[1:] != a[:-1]) | (b[1:] != b[:-1])
    a, b, length_km = a[first], b[first], length_km[first]
    rows, columns = np.concatenate([a, b]), np.concatenate([b, a])
    values = np.concatenate([length_km, length_km])
    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=(nodes, nodes)))


@dataclass(slots=True)
class _Piece:
    """A connected part of a road: its nodes and the two ends of its main line."""

    nodes: Ints
    a: int
    b: int
    length_km: float

    def other(self, end: int) -> int:
        return self.b if end == self.a else self.a


def _pieces(graph: sparse.csr_array) -> list[_Piece]:
    """Longest first; the ends by the double sweep, exact on a line and near enough with forks."""
    _, label = connected_components(graph, directed=False)
    pieces = []
    for part in range(int(label.max()) + 1):
        nodes = np.flatnonzero(label == part)
        a = _farthest(graph, int(nodes[0]), nodes)[0]
        b, length_km = _farthest(graph, a, nodes)
        pieces.append(_Piece(nodes, a, b, length_km))
    return sorted(pieces, key=lambda piece: -piece.length_km)


def _farthest(graph: sparse.csr_array, start: int, nodes: Ints) -> tuple[int, float]:
    distance = dijkstra(graph, indices=[start])[0, nodes]
    at = int(distance.argmax())
    return int(nodes[at]), float(distance[at])


def _next_piece(
    remaining: list[_Piece], lonlat: Floats, last: int | None
) -> tuple[_Piece, int, float]:
    """Take the next piece, the end its kilometres start from, and the gap before it."""
    if last is None:
        zero = _zero(remaining, lonlat)
        index = next(i for i, piece in enumerate(remaining) if zero in (piece.a, piece.b))
        return remaining.pop(index), zero, 0.0
    here = lonlat[last]
    options = [
        (_km_between(here, lonlat[end]), index, end)
        for index, piece in enumerate(remaining)
        for end in (piece.a, piece.b)
    ]
    gap_km, index, end = min(options)
    return remaining.pop(index), end, gap_km


def _zero(pieces: list[_Piece], lonlat: Floats) -> int:
    """The northern or eastern of the outermost ends, by which way the whole road runs."""
    ends = np.array([end for piece in pieces for end in (piece.a, piece.b)])
    spread = np.ptp(lonlat[ends], axis=0) * (np.cos(np.radians(lonlat[ends[0], 1])), 1.0)
    axis = 1 if spread[1] > spread[0] else 0
    return int(ends[lonlat[ends, axis].argmax()])


def _km_between(a: Floats, b: Floats) -> float:
    squeeze = np.cos(np.radians((a[1] + b[1]) / 2))
    return float(np.hypot((a[0] - b[0]) * squeeze, a[1] - b[1]) * 111.195)
