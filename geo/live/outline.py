"""What a road change looks like on a map: the lines of the stretches it covers.

Partly covered edges are cut where the change begins and ends. Lines are simplified by less than
anybody sees. Knows no colour.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.ops import substring

from geo.live.extent import ExtentIndex, Floats, Picks, RoadSpan, Where, Zone
from geo.projection import projection

SIMPLIFY_M: Final = 4.0
ZONE_LINES_MAX: Final = 2_000
"""Edges of a polygon that are drawn one by one; a larger one is drawn as its ring alone."""


def outline(extents: ExtentIndex, where: Where) -> list[Floats]:
    """Lines, each (k, 2) degrees; none where a polygon is too large. Raises `ExtentError`."""
    lines = shapely.simplify(_lines_m(extents, where), SIMPLIFY_M)
    parts = shapely.get_parts(lines)
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
    degrees = projection(extents.roadmap.meta.crs)
    return [degrees.to_degrees(shapely.get_coordinates(part)) for part in parts]


def _lines_m(extents: ExtentIndex, where: Where) -> NDArray[np.object_]:
    match where:
        case Picks():
            edges = np.unique([each.edge for each in where.edges])
            return extents.lines_m(edges)
        case RoadSpan():
            found = extents.stretch(where)
            whole = extents.lines_m(found.edges)
            return _objects([
                substring(line, start, end, normalized=True)
                for line, start, end in zip(whole, found.start, found.end, strict=True)
            ])  # fmt: skip
        case Zone():
            edges, _ = extents.inside(where)
            if len(edges) > ZONE_LINES_MAX:
                return _objects([])
            inside = shapely.intersection(extents.lines_m(edges), extents.polygon_m(where))
            return np.asarray(inside, dtype=object)


def _objects(values: list[Any]) -> NDArray[np.object_]:
    found = np.empty(len(values), dtype=object)
    found[:] = values
    return found
