"""A hand-made valley of 12 x 9 km for tests: a numbered trunk road, a pass, villages, two stations.

Made through the real build, so it has everything a map folder has; deterministic, 0.1 s.
"""

from __future__ import annotations

import numpy as np

from geo.mapmaking import build
from geo.roadmap import Area, Elevation, Place, RoadMap, SourceMap, SourceWay, Waterway

WEST, SOUTH, EAST, NORTH = 100.20, 27.50, 100.32, 27.58
CENTRE = (100.26, 27.54)
SEAT = "Ninghe Town"
_COLUMNS, _ROWS = 7, 5
_STEP_LON = (EAST - WEST) / (_COLUMNS + 1)
_STEP_LAT = (NORTH - SOUTH) / (_ROWS + 1)
_BENDS = 9
"""Shape points between two crossings."""


def small_county() -> RoadMap:
    """The valley as a `RoadMap`."""
    return build.build(source_map())


def source_map() -> SourceMap:
    """The valley as an importer would hand it over."""
    return SourceMap(
        name="Small county",
        source="hand-made for tests",
        licence="Apache-2.0",
        attribution="synthetic",
        synthetic=True,
        bounds=(WEST, SOUTH, EAST, NORTH),
        ways=_ways(),
        places=_places(),
        areas=[Area(kind="forest", rings=(_box(100.21, 27.55, 100.25, 27.57),))],
        waterways=[
            Waterway(
                kind="river", name="Ning He", lonlat=np.array([[WEST, 27.525], [EAST, 27.530]])
            )
        ],
        elevation=_hills(),
    )


def crossing(column: int, row: int) -> tuple[float, float]:
    """Longitude and latitude of a crossing, counted from the south-west."""
    return WEST + (column + 1) * _STEP_LON, SOUTH + (row + 1) * _STEP_LAT


def _ways() -> list[SourceWay]:
    ways: list[SourceWay] = []
    for row in range(_ROWS):
        for column in range(_COLUMNS):
            if column + 1 < _COLUMNS:
                ways.append(_way(len(ways), (column, row), (column + 1, row), _along(row)))
            if row + 1 < _ROWS and column % 2 == 0:
                ways.append(_way(len(ways), (column, row), (column, row + 1), _across(column)))
    return ways


def _along(row: int) -> dict[str, str]:
    if row == 1:
        return {"highway": "trunk", "ref": "G320", "name": "Valley Road", "surface": "asphalt"}
    if row == _ROWS - 1:
        return {"highway": "unclassified", "name": "Ridge Lane", "surface": "gravel"}
    return {"highway": "tertiary", "ref": f"X{row:02d}", "surface": "asphalt"}


def _across(column: int) -> dict[str, str]:
    highway = "secondary" if column == 2 else "residential"
    return {"highway": highway, "name": f"Cross Street {column}"}


def _way(
    number: int, tail: tuple[int, int], head: tuple[int, int], tags: dict[str, str]
) -> SourceWay:
    """A winding way between two crossings; crossings share node ids, shape points do not."""
    start, end = np.array(crossing(*tail)), np.array(crossing(*head))
    share = np.linspace(0.0, 1.0, _BENDS + 2)[:, None]
    sideways = np.array([start[1] - end[1], end[0] - start[0]]) * 0.06
    lonlat = start + share * (end - start) + np.sin(share * 2 * np.pi) * sideways
    inner = 1_000 + 100 * number + np.arange(_BENDS)
    ids = [_node_id(*tail), *inner.tolist(), _node_id(*head)]
    return SourceWay(
        way_id=number + 1, node_ids=np.array(ids, dtype=np.int64), lonlat=lonlat, tags=tags
    )


def _node_id(column: int, row: int) -> int:
    return 1 + row * _COLUMNS + column


def _places() -> list[Place]:
    def place(name: str, kind: str, at: tuple[int, int], people: int, latin: str) -> Place:
        lon, lat = crossing(*at)
        return Place(
            name=name, kind=kind, lon=lon + 2e-4, lat=lat + 2e-4, population=people, latin=latin
        )

    return [
        place("宁河镇", "town", (2, 1), 9000, SEAT),
        place("松坪村", "village", (5, 3), 640, "Songping Cun"),
        place("石门村", "village", (0, 3), 310, "Shimen Cun"),
        place("双桥村", "village", (6, 0), 820, "Shuangqiao Cun"),
        place("岭上村", "village", (4, 4), 150, "Lingshang Cun"),
        place("宁河派出所", "station", (3, 1), 0, "Ninghe Station"),
        place("双桥派出所", "station", (6, 1), 0, "Shuangqiao Station"),
    ]


def _hills() -> Elevation:
    rows, columns = 90, 130
    y, x = np.mgrid[0:rows, 0:columns]
    height = 1900 + 250 * np.cos(y / 25.0) + 60 * np.sin(x / 11.0)
    return Elevation(
        west=WEST - 0.005,
        north=NORTH + 0.005,
        step_lon=0.001,
        step_lat=0.001,
        height_m=height.astype(np.float32),
    )


def _box(west: float, south: float, east: float, north: float) -> np.ndarray:
    return np.array([[west, south], [east, south], [east, north], [west, north], [west, south]])
