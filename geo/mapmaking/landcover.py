"""Land cover and water of OpenStreetMap: which tags count, and how relations become rings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from geo.roadmap import Area

KINDS = {
    "natural": {
        "water": "water",
        "wood": "forest",
        "bare_rock": "rock",
        "scree": "rock",
        "glacier": "rock",
    },
    "waterway": {"riverbank": "water"},
    "landuse": {
        "reservoir": "water",
        "basin": "water",
        "forest": "forest",
        "farmland": "farmland",
        "meadow": "farmland",
        "orchard": "farmland",
        "vineyard": "farmland",
        "residential": "residential",
        "commercial": "residential",
        "industrial": "residential",
        "retail": "residential",
    },
}

Floats = NDArray[np.float64]
Rings = tuple[Floats, ...]
Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """A multipolygon: its kind, and (way id, role) of its members."""

    kind: str
    members: list[tuple[int, str]]


def kind(tags: Any) -> str:
    """Kind of area the tags make, "" when it is none we draw."""
    for key, values in KINDS.items():
        found = values.get(tags.get(key, ""))
        if found:
            return found
    return ""


def assemble(relation: Relation, lines: Mapping[int, Floats]) -> list[Rings]:
    """Outer rings with their holes; rings that do not close are left out."""
    outer = _polygons(
        lines[way] for way, role in relation.members if way in lines and role != "inner"
    )
    inner = _polygons(
        lines[way] for way, role in relation.members if way in lines and role == "inner"
    )
    return _rings(shapely.difference(outer, inner))


def clipped(areas: Iterable[Area], bounds: Bounds) -> list[Area]:
    """The areas cut to the bounds: a forest may be larger than the county."""
    return [part for area in areas for part in _clipped(area, bounds)]


def _clipped(area: Area, bounds: Bounds) -> list[Area]:
    low, high = area.rings[0].min(0), area.rings[0].max(0)
    if (low >= bounds[:2]).all() and (high <= bounds[2:]).all():
        return [area]
    if (high < bounds[:2]).any() or (low > bounds[2:]).any():
        return []
    whole = shapely.make_valid(shapely.Polygon(area.rings[0], area.rings[1:]))
    cut = shapely.intersection(whole, shapely.box(*bounds))
    return [Area(kind=area.kind, rings=rings) for rings in _rings(cut)]


def _polygons(lines: Iterable[Floats]) -> shapely.Geometry:
    whole = [
        shapely.LineString(line) for line in lines if len(line) >= 2 and np.isfinite(line).all()
    ]
    closed = shapely.get_parts(shapely.polygonize(whole))
    return shapely.union_all([shapely.make_valid(part) for part in closed])


def _rings(shape: shapely.Geometry) -> list[Rings]:
    return [
        tuple(shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors))
        for part in shapely.get_parts(shapely.get_parts(shape))
        if part.geom_type == "Polygon" and not part.is_empty
    ]
