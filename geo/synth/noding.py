"""Finishing touches on drawn roads: junctions where they cross, bridges, one network."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from geo.synth.network import Line

Field: TypeAlias = NDArray[np.float64]
Ids: TypeAlias = NDArray[np.int64]

_SNAP_M = 7.0
"""A crossing this near to a point of a road becomes that point."""
_RANKS = ("track", "service", "residential", "unclassified", "tertiary", "secondary", "trunk")
_BRIDGE_ENDS_M = 9.0
"""How far a bridge reaches beyond the water on each side."""
_BRIDGE_LENGTH_MAX_M = 260.0


def join_crossings(lines: list[Line]) -> None:
    """Give roads that cross a shared node there (tunnels pass under). Changes `lines`."""
    open_lines = np.array([k for k, x in enumerate(lines) if x.tags.get("tunnel") != "yes"])
    if not len(open_lines):
        return
    owner, at, start, end = _segments([lines[k] for k in open_lines])
    owner = open_lines[owner]
    joints = _Joints(lines)
    for i, j in _crossing_pairs(lines, owner, at, start, end):
        shares = _crossing(start[i], end[i], start[j], end[j])
        if shares is not None:
            place = start[i] + (end[i] - start[i]) * shares[0]
            joints.cross(
                (int(owner[i]), int(at[i]), shares[0]),
                (int(owner[j]), int(at[j]), shares[1]),
                place,
            )
    joints.apply()


class _Joints:
    """Collects what is to change where roads cross, then changes it."""

    def __init__(self, lines: list[Line]) -> None:
        self._lines = lines
        self._next_id = max(int(line.ids.max()) for line in lines) + 1
        self._merged: dict[int, int] = {}
        self._place: dict[int, Field] = {}
        self._extra: dict[int, list[tuple[int, float, int]]] = defaultdict(list)

    def cross(
        self, first: tuple[int, int, float], second: tuple[int, int, float], place: Field
    ) -> None:
        """Two segments, each (line, position, share along it), meet at `place`."""
        near_first = self._near_point(first, place)
        near_second = self._near_point(second, place)
        if near_first is not None and near_second is not None:
            self._merge(first[0], near_first, second[0], near_second)
        elif near_first is not None:
            self._take_in(second, near_first, first[0], place)
        elif near_second is not None:
            self._take_in(first, near_second, second[0], place)
        else:
            for line, at, share in (first, second):
                self._extra[line].append((at, share, self._next_id))
            self._place[self._next_id] = place
            self._next_id += 1

    def apply(self) -> None:
        for index, points in self._extra.items():
            line = self._lines[index]
            points.sort(key=lambda point: point[:2])
            before = [at + 1 for at, _, _ in points]
            line.ids = np.insert(line.ids, before, [node for _, _, node in points])
            line.xy_m = np.insert(line.xy_m, before, np.zeros(2), axis=0)
        changed = np.unique(np.array([*self._merged, *self._place], dtype=np.int64))
        first = np.cumsum([0] + [len(line.ids) for line in self._lines])
        hits = np.flatnonzero(np.isin(np.concatenate([x.ids for x in self._lines]), changed))
        owner = np.searchsorted(first, hits, side="right") - 1
        for k, at in zip(owner.tolist(), (hits - first[owner]).tolist(), strict=True):
            line = self._lines[k]
            node = self._final(int(line.ids[at]))
            line.ids[at], line.xy_m[at] = node, self._place[node]
        for k in np.unique(owner).tolist():
            line = self._lines[k]
            fresh = np.concatenate([[True], line.ids[1:] != line.ids[:-1]])
            line.xy_m, line.ids = line.xy_m[fresh], line.ids[fresh]
        self._lines[:] = [line for line in self._lines if len(line.ids) > 1]

    def _near_point(
        self, segment: tuple[int, int, float], place: Field
    ) -> tuple[int, Field] | None:
        """Node id and place of a point of the segment that lies within reach of a crossing."""
        line, at, _ = segment
        nodes = self._lines[line].ids[at : at + 2].tolist()
        places = [*self._lines[line].xy_m[at : at + 2]]
        for other_at, _, node in self._extra.get(line, ()):
            if other_at == at:
                nodes.append(node)
                places.append(self._place[node])
        away = np.hypot(*(np.array(places) - place).T)
        nearest = int(away.argmin())
        return (nodes[nearest], places[nearest].copy()) if away[nearest] <= _SNAP_M else None

    def _take_in(
        self, segment: tuple[int, int, float], node: tuple[int, Field], of_line: int, place: Field
    ) -> None:
        """Put a point of the one road into the other; the lesser road yields."""
        line, at, share = segment
        self._extra[line].append((at, share, node[0]))
        yields = _rank(self._lines[of_line]) <= _rank(self._lines[line])
        self._place.setdefault(node[0], place if yields else node[1])

    def _merge(self, line_a: int, a: tuple[int, Field], line_b: int, b: tuple[int, Field]) -> None:
        keep, drop = (a, b) if _rank(self._lines[line_a]) >= _rank(self._lines[line_b]) else (b, a)
        kept, dropped = self._final(keep[0]), self._final(drop[0])
        if kept != dropped:
            self._merged[dropped] = kept
        self._place.setdefault(kept, keep[1])

    def _final(self, node: int) -> int:
        while node in self._merged:
            node = self._merged[node]
        return node


def _rank(line: Line) -> int:
    """Greater roads have greater numbers."""
    return _RANKS.index(line.tags["highway"]) if line.tags["highway"] in _RANKS else -1


def bridge_rivers(
    lines: Sequence[Line], rivers: Sequence[Field], widths_m: Sequence[float], first_id: int
) -> list[Line]:
    """The roads again, cut where they cross a river, the part over the water tagged as a bridge."""
    if not rivers:
        return list(lines)
    courses = np.array([shapely.LineString(river) for river in rivers])
    roads = _as_lines(lines)
    # GEOS finds with an index what meets a line, but not what crosses it.
    river_at, line_at = shapely.STRtree(roads).query(courses, predicate="intersects")
    crossed = shapely.crosses(courses[river_at], roads[line_at])
    river_at, line_at = river_at[crossed], line_at[crossed]
    spans: dict[int, list[tuple[float, float]]] = defaultdict(list)
    for r, k in zip(river_at.tolist(), line_at.tolist(), strict=True):
        if lines[k].tags.get("tunnel") == "yes":
            continue
        for station, skew in _stations(lines[k].xy_m, courses[r]):
            half = min(widths_m[r] / 2 * skew + _BRIDGE_ENDS_M, _BRIDGE_LENGTH_MAX_M / 2)
            spans[k].append((station - half, station + half))
    result: list[Line] = []
    next_id = first_id
    for k, line in enumerate(lines):
        if k not in spans:
            result.append(line)
            continue
        parts, next_id = _cut(line, _union(spans[k]), next_id)
        result += parts
    return result


def largest_network(lines: Sequence[Line]) -> list[Line]:
    """Only the roads of the largest connected network."""
    names, dense = np.unique(np.concatenate([line.ids for line in lines]), return_inverse=True)
    first = np.concatenate([[0], np.cumsum([len(line.ids) for line in lines])])
    inner = np.ones(len(dense), dtype=np.bool_)
    inner[first[1:] - 1] = False
    starts = dense[np.flatnonzero(inner)]
    ends = dense[np.flatnonzero(inner) + 1]
    graph = csr_matrix((np.ones(len(starts)), (starts, ends)), shape=(len(names), len(names)))
    _, label = connected_components(graph, directed=False)
    main = int(np.bincount(label).argmax())
    return [line for line, at in zip(lines, first[:-1], strict=True) if label[dense[at]] == main]


def without_doubles(lines: Sequence[Line]) -> list[Line]:
    """The roads without pieces that an earlier road already draws between the same two points."""
    names, dense = np.unique(np.concatenate([line.ids for line in lines]), return_inverse=True)
    first = np.cumsum([0] + [len(line.ids) for line in lines])
    pair = np.minimum(dense[:-1], dense[1:]) * len(names) + np.maximum(dense[:-1], dense[1:])
    pair[first[1:-1] - 1] = -first[1:-1]  # from one road's end to the next one's start: no piece
    _, kept = np.unique(pair, return_index=True)
    doubled = np.ones(len(pair), dtype=np.bool_)
    doubled[kept] = False
    result: list[Line] = []
    for line, low, high in zip(lines, first[:-1].tolist(), first[1:].tolist(), strict=True):
        cuts = np.flatnonzero(doubled[low : high - 1])
        if not len(cuts):
            result.append(line)
            continue
        starts, ends = [0, *(cuts + 1).tolist()], [*cuts.tolist(), high - low - 1]
        result += [
            Line(xy_m=line.xy_m[a : b + 1], ids=line.ids[a : b + 1], tags=line.tags)
            for a, b in zip(starts, ends, strict=True)
            if b > a
        ]
    return result


def _as_lines(lines: Sequence[Line]) -> NDArray[np.object_]:
    counts = [len(line.xy_m) for line in lines]
    owner = np.repeat(np.arange(len(lines)), counts)
    shapes = shapely.linestrings(np.concatenate([line.xy_m for line in lines]), indices=owner)
    return np.asarray(shapes, dtype=np.object_)


def _segments(lines: Sequence[Line]) -> tuple[Ids, Ids, Field, Field]:
    """(line, position in line, start, end) of every segment."""
    counts = np.array([len(line.xy_m) - 1 for line in lines])
    owner = np.repeat(np.arange(len(lines)), counts)
    at = np.arange(len(owner)) - np.repeat(np.cumsum(counts) - counts, counts)
    start = np.concatenate([line.xy_m[:-1] for line in lines])
    end = np.concatenate([line.xy_m[1:] for line in lines])
    return owner, at, start, end


def _crossing_pairs(
    lines: Sequence[Line], owner: Ids, at: Ids, start: Field, end: Field
) -> Iterator[tuple[int, int]]:
    """Pairs of segments that touch and share no node."""
    shapes = np.asarray(shapely.linestrings(np.stack([start, end], axis=1)))
    first, second = shapely.STRtree(shapes).query(shapes)
    keep = first < second
    first, second = first[keep], second[keep]
    ids = np.concatenate([line.ids for line in lines])
    base = np.concatenate([[0], np.cumsum([len(line.ids) for line in lines])])
    a, b = base[owner] + at, base[owner] + at + 1
    apart = np.ones(len(first), dtype=np.bool_)
    for p in (a, b):
        for q in (a, b):
            apart &= ids[p[first]] != ids[q[second]]
    first, second = first[apart], second[apart]
    touch = shapely.intersects(shapes[first], shapes[second])
    return zip(first[touch].tolist(), second[touch].tolist(), strict=True)


def _crossing(a: Field, b: Field, c: Field, d: Field) -> tuple[float, float] | None:
    """Where two segments cross, as shares of each; None when parallel."""
    u, v, w = b - a, d - c, c - a
    cross = u[0] * v[1] - u[1] * v[0]
    if abs(cross) < 1e-9:
        return None
    along_first = (w[0] * v[1] - w[1] * v[0]) / cross
    along_second = (w[0] * u[1] - w[1] * u[0]) / cross
    return float(np.clip(along_first, 0, 1)), float(np.clip(along_second, 0, 1))


def _stations(xy: Field, course: shapely.LineString) -> list[tuple[float, float]]:
    """(distance along the road, 1 / sine of the angle) of each crossing with a river."""
    road = shapely.LineString(xy)
    found = []
    for point in shapely.get_parts(shapely.intersection(road, course)):
        middle = point.centroid
        along, along_river = road.project(middle), course.project(middle)
        heading = _heading(road, along) - _heading(course, along_river)
        found.append((along, 1 / max(abs(float(np.sin(heading))), 0.35)))
    return found


def _heading(line: shapely.LineString, at: float) -> float:
    a, b = line.interpolate(max(at - 5, 0)), line.interpolate(at + 5)
    return float(np.arctan2(b.y - a.y, b.x - a.x))


def _union(spans: list[tuple[float, float]]) -> list[tuple[float, float]]:
    result: list[tuple[float, float]] = []
    for low, high in sorted(spans):
        if result and low < result[-1][1] + 12:
            result[-1] = (result[-1][0], max(high, result[-1][1]))
        else:
            result.append((low, high))
    return result


def _cut(line: Line, spans: list[tuple[float, float]], next_id: int) -> tuple[list[Line], int]:
    """Cut a line at the ends of its bridges."""
    station = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(line.xy_m, axis=0).T))])
    length = float(station[-1])
    cuts: list[tuple[int, bool]] = []
    xy, ids = line.xy_m, line.ids
    for low, high in spans:
        for at, is_bridge in ((low, True), (high, False)):
            if at <= 0 or at >= length:
                cuts.append((0 if at <= 0 else len(ids) - 1, is_bridge))
                continue
            k = int(np.searchsorted(station, at))
            near = k if station[k] - at < at - station[k - 1] else k - 1
            if abs(station[near] - at) > 4:
                share = (at - station[k - 1]) / (station[k] - station[k - 1])
                xy = np.insert(xy, k, xy[k - 1] + (xy[k] - xy[k - 1]) * share, axis=0)
                ids, station = np.insert(ids, k, next_id), np.insert(station, k, at)
                next_id, near = next_id + 1, k
            cuts.append((near, is_bridge))
    edges = [0] + [at for at, _ in cuts] + [len(ids) - 1]
    bridges = [False] + [is_bridge for _, is_bridge in cuts]
    parts = []
    for start, end, is_bridge in zip(edges[:-1], edges[1:], bridges, strict=True):
        if end > start:
            tags = {**line.tags, "bridge": "yes", "layer": "1"} if is_bridge else line.tags
            parts.append(Line(xy_m=xy[start : end + 1], ids=ids[start : end + 1], tags=tags))
    return parts, next_id
