"""The small county as a newer extract shows it: other numbers of edges, and some roads changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from geo.mapmaking import build
from geo.roadmap import RoadMap, SourceWay
from tests.small_county import crossing, source_map

SPLIT, GONE, MOVED = (2, 1), (4, 3), (1, 0)
"""Where the way to the next crossing eastwards begins that got a side street in its middle, that is
no more, and that was built anew 150 m off."""
SIDE_STREET = 900


def redrawn_county() -> RoadMap:
    """Ways in the other order, every other one drawn from its other end."""
    source = source_map()
    ways = []
    for way in reversed(list(source.ways)):
        if _is(way, GONE):
            continue
        if _is(way, SPLIT):
            ways.append(_side_street(way))
        if _is(way, MOVED):
            way = replace(way, lonlat=_bent(way.lonlat))
        if way.way_id % 2 == 0:
            way = replace(way, node_ids=way.node_ids[::-1], lonlat=way.lonlat[::-1])
        ways.append(way)
    return build.build(replace(source, ways=ways))


def _is(way: SourceWay, column_row: tuple[int, int]) -> bool:
    (column, row), ends = column_row, way.lonlat[[0, -1]]
    return bool(np.allclose(ends, [crossing(column, row), crossing(column + 1, row)]))


def _side_street(way: SourceWay) -> SourceWay:
    """From the middle of a way 300 m to the north."""
    middle = len(way.node_ids) // 2
    lon, lat = way.lonlat[middle].tolist()
    return SourceWay(
        way_id=SIDE_STREET,
        node_ids=np.array([way.node_ids[middle], 99_999], dtype=np.int64),
        lonlat=np.array([(lon, lat), (lon, lat + 0.003)]),
        tags={"highway": "residential", "name": "New Street"},
    )


def _bent(lonlat: np.ndarray) -> np.ndarray:
    """All but its ends 150 m to the north."""
    moved: np.ndarray = lonlat.copy()
    moved[1:-1, 1] += 0.00135
    return moved
