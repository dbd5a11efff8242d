"""Hand-made road maps for tests: small, deterministic, without any file or build."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geo.projection import projection
from geo.roadmap import EdgeFlag, MapMeta, RoadClass, RoadMap, Smoothness, Surface

CRS = "EPSG:32631"
ORIGIN_M = (380_000.0, 4_710_000.0)
"""East and north of the point that (0, 0) of these maps stands for: hills near 42.5 N, 1.5 E."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """One edge: its end nodes and its shape in metres from ORIGIN_M."""

    tail: int
    head: int
    metres: Sequence[tuple[float, float]]
    heights_m: Sequence[float] | None = None
    road_class: RoadClass = RoadClass.PRIMARY
    surface: Surface = Surface.PAVED
    flags: EdgeFlag = EdgeFlag.NONE
    maxspeed_kmh: tuple[int, int] = (0, 0)
    lanes: int = 0
    smoothness: Smoothness = Smoothness.UNKNOWN
    width_dm: int = 0
    name: str = ""


def lonlat(east_m: float, north_m: float) -> tuple[float, float]:
    """Degrees of a place given in metres from ORIGIN_M."""
    return projection(CRS).point_to_degrees(ORIGIN_M[0] + east_m, ORIGIN_M[1] + north_m)


def degrees(metres: Sequence[tuple[float, float]]) -> NDArray[np.float64]:
    return projection(CRS).to_degrees(np.asarray(metres, dtype=np.float64) + np.array(ORIGIN_M))


def make_map(
    nodes: Sequence[tuple[float, float]], roads: Sequence[Road], margin_m: float = 5_000.0
) -> RoadMap:
    """A map of these nodes (metres from ORIGIN_M) and roads; bounds leave a margin around."""
    node_lonlat = degrees(nodes)
    shapes = [degrees(road.metres) for road in roads]
    heights = [
        np.full(len(road.metres), np.nan) if road.heights_m is None else np.asarray(road.heights_m)
        for road in roads
    ]
    east, north = zip(*[place for road in roads for place in road.metres], strict=True)
    west_south = lonlat(min(east) - margin_m, min(north) - margin_m)
    east_north = lonlat(max(east) + margin_m, max(north) + margin_m)
    names = sorted({road.name for road in roads if road.name})
    return RoadMap(
        meta=MapMeta(
            format_version=2,
            map_id="hand-made",
            name="Hand-made",
            source="tests",
            licence="Apache-2.0",
            attribution="",
            synthetic=True,
            bounds=(*west_south, *east_north),
            crs=CRS,
            built_at="2026-01-01T00:00:00Z",
        ),
        node_lonlat=node_lonlat,
        node_barrier=np.zeros(len(nodes), dtype=np.uint8),
        ban_leave=np.empty(0, dtype=np.int32),
        ban_enter=np.empty(0, dtype=np.int32),
        edge_crossing_s=np.zeros(len(roads), dtype=np.float32),
        edge_order=np.arange(len(roads), dtype=np.uint32),
        edge_tail=np.array([road.tail for road in roads], dtype=np.int32),
        edge_head=np.array([road.head for road in roads], dtype=np.int32),
        edge_first_point=np.concatenate(([0], np.cumsum([len(s) for s in shapes]))),
        edge_length_m=np.array([_length_m(road.metres) for road in roads], dtype=np.float32),
        edge_class=np.array([road.road_class for road in roads], dtype=np.uint8),
        edge_surface=np.array([road.surface for road in roads], dtype=np.uint8),
        edge_flags=np.array([road.flags for road in roads], dtype=np.uint16),
        edge_maxspeed_kmh=np.array([road.maxspeed_kmh for road in roads], dtype=np.uint8),
        edge_lanes=np.array([road.lanes for road in roads], dtype=np.uint8),
        edge_smoothness=np.array([road.smoothness for road in roads], dtype=np.uint8),
        edge_width_dm=np.array([road.width_dm for road in roads], dtype=np.uint8),
        edge_way_id=np.arange(len(roads), dtype=np.int64),
        edge_name=np.array(
            [names.index(road.name) if road.name else -1 for road in roads], dtype=np.int32
        ),
        edge_ref=np.full(len(roads), -1, dtype=np.int32),
        point_lonlat=np.concatenate(shapes),
        point_ele_m=np.concatenate(heights).astype(np.float32),
        names=tuple(names),
        places=(),
        areas=(),
        waterways=(),
        elevation=None,
    )


def one_road(
    metres: Sequence[tuple[float, float]],
    heights_m: Sequence[float] | None = None,
    road_class: RoadClass = RoadClass.PRIMARY,
    surface: Surface = Surface.PAVED,
    flags: EdgeFlag = EdgeFlag.NONE,
    maxspeed_kmh: tuple[int, int] = (0, 0),
) -> RoadMap:
    """A map of one edge."""
    road = Road(
        tail=0,
        head=1,
        metres=metres,
        heights_m=heights_m,
        road_class=road_class,
        surface=surface,
        flags=flags,
        maxspeed_kmh=maxspeed_kmh,
    )
    return make_map([metres[0], metres[-1]], [road])


def grid_map(
    side: int = 6, spacing_m: float = 900.0, seed: int = 1, island: bool = True
) -> RoadMap:
    """A grid of winding roads over hills: one-ways, tracks, a parallel road, a loop, a closed one.

    Nodes are numbered row by row from the south-west. With `island`, the last two nodes and the
    last edge are a road 2 km east of the grid that nothing connects.
    """
    rng = np.random.default_rng(seed)
    nodes = [(spacing_m * x, spacing_m * y) for y in range(side) for x in range(side)]
    roads = []
    for y in range(side):
        for x in range(side):
            here = y * side + x
            if x + 1 < side:
                roads.append(_winding(rng, nodes, here, here + 1))
            if y + 1 < side:
                roads.append(_winding(rng, nodes, here, here + side))
    roads.append(_winding(rng, nodes, 0, 1))
    corner = nodes[-1]
    loop = [corner, (corner[0] + 300, corner[1]), (corner[0], corner[1] + 300), corner]
    last = len(nodes) - 1
    roads.append(Road(tail=last, head=last, metres=loop, heights_m=[hill_m(*p) for p in loop]))
    if island:
        away = spacing_m * (side - 1) + 2_000.0
        nodes += [(away, 0.0), (away, spacing_m)]
        shape = [(away, 0.0), (away, spacing_m)]
        roads.append(
            Road(tail=last + 1, head=last + 2, metres=shape, heights_m=[hill_m(*p) for p in shape])
        )
    return make_map(nodes, roads)


def hill_m(east_m: float, north_m: float) -> float:
    """Height of the hills under `grid_map`: 900 to 1500 m."""
    return float(1200.0 + 300.0 * np.sin(east_m / 900.0) * np.cos(north_m / 1100.0))


def _winding(
    rng: np.random.Generator, nodes: Sequence[tuple[float, float]], tail: int, head: int
) -> Road:
    start, end = np.array(nodes[tail]), np.array(nodes[head])
    along = np.linspace(0.0, 1.0, 25)
    sideways = np.array([start[1] - end[1], end[0] - start[0]]) / np.hypot(*(end - start))
    swing = rng.uniform(20.0, 90.0) * np.sin(along * np.pi * rng.integers(1, 6))
    points = start + along[:, None] * (end - start) + swing[:, None] * sideways
    metres = [(float(east), float(north)) for east, north in points]
    flags = rng.choice(
        [EdgeFlag.NONE, EdgeFlag.CLOSED_BACKWARD, EdgeFlag.CLOSED_FORWARD], p=[0.8, 0.1, 0.1]
    )
    return Road(
        tail=tail,
        head=head,
        metres=metres,
        heights_m=[hill_m(*place) for place in metres],
        road_class=RoadClass(int(rng.choice([2, 3, 4, 5, 9]))),
        surface=Surface(int(rng.choice([0, 1, 4]))),
        flags=EdgeFlag(int(flags)),
    )


def _length_m(metres: Sequence[tuple[float, float]]) -> float:
    return float(np.hypot(*np.diff(np.asarray(metres), axis=0).T).sum())
