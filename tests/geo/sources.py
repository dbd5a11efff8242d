"""Hand-made source maps: nodes on a grid of metres round one point, ways by node number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geo.roadmap import Elevation, SourceMap, SourceWay

LON, LAT = 100.0, 27.0
M_PER_DEG_LAT = 110_800.0
M_PER_DEG_LON = 99_300.0

Nodes = Mapping[int, tuple[float, float]]


def lonlat(x_m: float, y_m: float) -> tuple[float, float]:
    """Degrees of a point so many metres east and north of the origin."""
    return LON + x_m / M_PER_DEG_LON, LAT + y_m / M_PER_DEG_LAT


def a_way(way_id: int, nodes: Nodes, ids: Sequence[int], **tags: str) -> SourceWay:
    """A residential road through the nodes unless `highway` or `route` says otherwise."""
    if "route" not in tags:
        tags.setdefault("highway", "residential")
    return SourceWay(
        way_id=way_id,
        node_ids=np.array(ids, np.int64),
        lonlat=np.array([lonlat(*nodes[number]) for number in ids]),
        tags={key.replace("__", ":"): value for key, value in tags.items()},
    )


def a_source(ways: list[SourceWay], **parts: Any) -> SourceMap:
    """A source map of these ways."""
    return SourceMap(
        **{
            "name": "test",
            "source": "made by hand",
            "licence": "CC0-1.0",
            "attribution": "nobody",
            "synthetic": True,
            "bounds": (LON - 0.1, LAT - 0.1, LON + 0.1, LAT + 0.1),
            "ways": ways,
            "places": [],
            **parts,
        }
    )


def a_grid_of_heights(height_m: NDArray[np.float64] | float, size: int = 240) -> Elevation:
    """Heights over the bounds of `a_source`, about 90 m a cell."""
    step = 0.2 / (size - 1)
    return Elevation(
        west=LON - 0.1,
        north=LAT + 0.1,
        step_lon=step,
        step_lat=step,
        height_m=np.broadcast_to(np.asarray(height_m, np.float32), (size, size)).copy(),
    )
