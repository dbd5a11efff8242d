"""Make a routable `RoadMap` of a `SourceMap`: split ways at junctions, read tags, lay the arrays.

Every step works on flat arrays of all points of all ways, so a map of a million edges takes
minutes. Reads no file and knows no travel time.
"""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

from geo import grid
from geo.errors import MapSourceError
from geo.mapmaking import junctions, order, profile
from geo.mapmaking.curve import hilbert_rank
from geo.mapmaking.cut import BuildReport, Edges, Points, cut_into_edges, points_of
from geo.mapmaking.progress import Progress, silent
from geo.mapmaking.tags import RoadFacts, read_road
from geo.roadmap import (
    FORMAT_VERSION,
    EdgeFlag,
    Elevation,
    MapMeta,
    RoadMap,
    SourceMap,
    SourceWay,
)
from geo.voids import filled

LENGTH_MIN_M = 0.01
"""Two nodes drawn on one spot are this far apart: no edge has length nought."""
NODES_MAX = 2**31 - 2
GEOD = Geod(ellps="WGS84")
_NAMES = frozenset({"name", "ref"})

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


def build(
    source: SourceMap,
    *,
    progress: Progress = silent,
    report: BuildReport | None = None,
    built_at: str = "",
) -> RoadMap:
    """The road graph of `source`; raises MapSourceError when it holds no road.

    `report` is filled with what was left out; `built_at` (ISO 8601) goes into the meta as given.
    """
    report = report or BuildReport()
    ways, facts = _roads(source.ways, report, progress)
    points = points_of(ways)
    progress("split", 0.2)
    across = points.vertex_of(np.array(list(source.barriers), np.int64))
    edges = cut_into_edges(points, facts, report, also_at=across[across >= 0])
    progress("split", 1.0)
    elevation = filled(source.elevation) if source.elevation else None
    height_m = _heights(points, facts, elevation, progress)
    roadmap = _lay(source, ways, facts, points, edges, height_m, elevation, report, progress)
    if elevation is not None:
        report.points_without_height = int(np.isnan(roadmap.point_ele_m).sum())
    return replace(roadmap, meta=replace(roadmap.meta, built_at=built_at))


def _roads(
    ways: list[SourceWay], report: BuildReport, progress: Progress
) -> tuple[list[SourceWay], list[RoadFacts]]:
    kept: list[SourceWay] = []
    facts: list[RoadFacts] = []
    seen: dict[frozenset[tuple[str, str]], RoadFacts | None] = {}
    for number, way in enumerate(ways):
        if number % 4096 == 0:
            progress("tags", number / len(ways))
        road = _read_once(way.tags, seen)
        if road is None:
            report.ways_not_roads += 1
        elif not _usable(way):
            report.ways_broken += 1
        else:
            kept.append(way)
            facts.append(road)
    if not kept:
        raise MapSourceError(
            f"None of the {len(ways):,} ways in the source is a road for vehicles."
        )
    progress("tags", 1.0)
    return kept, facts


def _read_once(
    tags: dict[str, str], seen: dict[frozenset[tuple[str, str]], RoadFacts | None]
) -> RoadFacts | None:
    """Most roads are tagged like another one, but for their names."""
    key = frozenset(item for item in tags.items() if item[0] not in _NAMES)
    if key not in seen:
        seen[key] = read_road(tags)
    return seen[key]


def _usable(way: SourceWay) -> bool:
    ids = way.node_ids
    return (
        len(ids) == len(way.lonlat)
        and len(ids) >= 2
        and (ids[0] != ids[-1] or bool((ids != ids[0]).any()))
        and math.isfinite(float(way.lonlat.sum()))
    )


def _heights(
    points: Points, facts: list[RoadFacts], elevation: Elevation | None, progress: Progress
) -> NDArray[np.float32]:
    """(V,) smoothed height of every vertex."""
    if elevation is None:
        return np.full(len(points.lonlat), np.nan, np.float32)
    progress("heights", 0.0)
    spans = EdgeFlag.BRIDGE | EdgeFlag.TUNNEL
    spanned = np.array([bool(fact.flags & spans) for fact in facts])
    a = np.flatnonzero(points.way[1:] == points.way[:-1])
    from_, to = points.lonlat[points.vertex[a]], points.lonlat[points.vertex[a + 1]]
    segments = profile.Segments(
        a=points.vertex[a],
        b=points.vertex[a + 1],
        length_m=GEOD.inv(from_[:, 0], from_[:, 1], to[:, 0], to[:, 1])[2],
        spanned=spanned[points.way[a]],
    )
    height_m = profile.smooth(grid.sample(elevation, points.lonlat), segments)
    progress("heights", 1.0)
    return height_m


def _lay(
    source: SourceMap,
    ways: list[SourceWay],
    facts: list[RoadFacts],
    points: Points,
    edges: Edges,
    height_m: NDArray[np.float32],
    elevation: Elevation | None,
    report: BuildReport,
    progress: Progress,
) -> RoadMap:
    """Number nodes and edges along the curve and write the final arrays."""
    used = np.unique(np.concatenate([edges.tail, edges.head]))
    used = used[np.argsort(hilbert_rank(points.lonlat[used]), kind="stable")]
    if len(used) > NODES_MAX:
        raise MapSourceError(f"{len(used):,} junctions are too many; build a smaller area.")
    number = np.full(len(points.lonlat), -1, np.int32)
    number[used] = np.arange(len(used), dtype=np.int32)
    edges = edges.take(np.lexsort((number[edges.head], number[edges.tail])))
    tail, head = number[edges.tail], number[edges.head]

    first_point = np.concatenate([[0], np.cumsum(edges.last - edges.first + 1)]).astype(np.int64)
    position = np.arange(first_point[-1]) + np.repeat(
        edges.first - first_point[:-1], np.diff(first_point)
    )
    vertex = points.vertex[position]
    shape = points.lonlat[vertex]
    names, name, ref = _names(ways)
    way = edges.way
    lengths_m = _lengths_m(shape, first_point)
    way_id = np.array([way.way_id for way in ways], np.int64)[way]
    ban_leave, ban_enter = _bans(source, points, number, way_id, tail, head, report)
    progress("order", 0.0)
    edge_order = order.edge_order(points.lonlat[used], tail, head)
    progress("order", 1.0)
    arrays = {
        "node_lonlat": points.lonlat[used],
        "edge_tail": tail,
        "edge_head": head,
        "edge_first_point": first_point,
        "edge_length_m": lengths_m,
        "edge_class": _column(facts, "road_class", np.uint8)[way],
        "edge_surface": _column(facts, "surface", np.uint8)[way],
        "edge_flags": _column(facts, "flags", np.uint16)[way],
        "edge_maxspeed_kmh": np.stack(
            [
                _column(facts, "maxspeed_forward_kmh", np.uint8)[way],
                _column(facts, "maxspeed_backward_kmh", np.uint8)[way],
            ],
            axis=1,
        ),
        "edge_lanes": _column(facts, "lanes", np.uint8)[way],
        "edge_smoothness": _column(facts, "smoothness", np.uint8)[way],
        "edge_width_dm": _column(facts, "width_dm", np.uint8)[way],
        "edge_crossing_s": _crossings_s(facts, way, lengths_m),
        "node_barrier": _barriers(source, points, number, len(used)),
        "ban_leave": ban_leave,
        "ban_enter": ban_enter,
        "point_lonlat": shape,
        "point_ele_m": height_m[vertex],
    }
    return RoadMap(
        meta=_meta(source, map_id(arrays)),
        edge_order=edge_order,
        edge_way_id=way_id,
        edge_name=name[way],
        edge_ref=ref[way],
        names=names,
        places=tuple(source.places),
        areas=tuple(source.areas),
        waterways=tuple(source.waterways),
        elevation=elevation,
        **arrays,
    )


def _column(facts: list[RoadFacts], name: str, dtype: type[np.generic]) -> NDArray[np.generic]:
    return np.array([getattr(fact, name) for fact in facts], dtype)


def _barriers(
    source: SourceMap, points: Points, number: NDArray[np.int32], nodes: int
) -> NDArray[np.uint8]:
    """(N,) what stands across the roads at each node."""
    across = np.zeros(nodes, np.uint8)
    vertex = points.vertex_of(np.array(list(source.barriers), np.int64))
    node = np.where(vertex >= 0, number[vertex], -1)
    across[node[node >= 0]] = np.array(list(source.barriers.values()), np.uint8)[node >= 0]
    return across


def _bans(
    source: SourceMap,
    points: Points,
    number: NDArray[np.int32],
    way_id: Ints,
    tail: NDArray[np.int32],
    head: NDArray[np.int32],
    report: BuildReport,
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The forbidden turns; those that fit nothing inside the map's roads are reported."""
    via = np.array([each.via_node for each in source.restrictions], np.int64)
    vertex = points.vertex_of(via)
    node = np.where(vertex >= 0, number[vertex], -1)
    leave, enter, lost = junctions.banned_moves(
        [each for each, at in zip(source.restrictions, node.tolist(), strict=True) if at >= 0],
        node_of_id={i: n for i, n in zip(via.tolist(), node.tolist(), strict=True) if n >= 0},
        way_id=way_id,
        tail=tail,
        head=head,
    )
    report.restrictions_unread = source.restrictions_unread + lost
    return leave, enter


def _crossings_s(
    facts: list[RoadFacts], way: Ints, lengths_m: NDArray[np.float32]
) -> NDArray[np.float32]:
    """(M,) each edge's share of its ferry's crossing."""
    whole_m = np.bincount(way, lengths_m, minlength=len(facts))
    crossing_s = np.array([fact.crossing_s for fact in facts])
    return (crossing_s[way] * lengths_m / whole_m[way]).astype(np.float32)


def _lengths_m(shape: Floats, first_point: Ints) -> NDArray[np.float32]:
    """(M,) geodesic lengths on WGS84, metres."""
    step_m = np.zeros(len(shape))
    step_m[1:] = GEOD.inv(shape[:-1, 0], shape[:-1, 1], shape[1:, 0], shape[1:, 1])[2]
    step_m[first_point[:-1]] = 0.0
    lengths = np.add.reduceat(step_m, first_point[:-1])
    return np.maximum(lengths, LENGTH_MIN_M).astype(np.float32)


def _names(
    ways: list[SourceWay],
) -> tuple[tuple[str, ...], NDArray[np.int32], NDArray[np.int32]]:
    """The distinct names, and for each way the index of its name and of its first road number."""
    index: dict[str, int] = {}

    def place(text: str) -> int:
        return index.setdefault(text, len(index)) if text else -1

    name = np.array([place(way.tags.get("name", "").strip()) for way in ways], np.int32)
    ref = np.array([place(way.tags.get("ref", "").split(";")[0].strip()) for way in ways], np.int32)
    return tuple(index), name, ref


def map_id(arrays: dict[str, NDArray[np.generic]]) -> str:
    """SHA-256 over the arrays that decide a route, in the order of their names."""
    digest = hashlib.sha256()
    for name in sorted(arrays):
        digest.update(f"{name} {arrays[name].dtype.str} {arrays[name].shape}\n".encode())
        digest.update(np.ascontiguousarray(arrays[name]).tobytes())
    return digest.hexdigest()


def utm_crs(bounds: tuple[float, float, float, float]) -> str:
    """EPSG code of the UTM zone of the centre."""
    west, south, east, north = bounds
    zone = min(int(((west + east) / 2 + 180) // 6) + 1, 60)
    return f"EPSG:{(32600 if south + north >= 0 else 32700) + zone}"


def _meta(source: SourceMap, identity: str) -> MapMeta:
    return MapMeta(
        format_version=FORMAT_VERSION,
        map_id=identity,
        name=source.name,
        source=source.source,
        licence=source.licence,
        attribution=source.attribution,
        synthetic=source.synthetic,
        bounds=source.bounds,
        crs=utm_crs(source.bounds),
        built_at="",
    )
