"""Isochrones: the ground that is reached within so many minutes, as polygons.

A band holds every point within BESIDE_M of a road that is reached in time: the same distance up to
which a place counts as being on the road. Off the road nothing is promised. The outline is traced
on a raster: roads are cut into points no farther apart than a cell (else the polygons fall to
pieces), the distance of each cell to the nearest point reached is computed, and the line at
BESIDE_M is drawn. So bands lie within each other, and a closed road never makes one larger.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final, Self

import numpy as np
import shapely
from contourpy import FillType, contour_generator
from numpy.typing import NDArray
from scipy.ndimage import distance_transform_edt
from scipy.spatial import KDTree

from geo.eta import UNROUTED_SD, quantile_s
from geo.projection import Projection, projection
from geo.reach.times import Nearest, Reach
from geo.roadmap import RoadMap

BANDS_MIN: Final = (10.0, 20.0, 30.0, 60.0)
"""Minutes of the bands, where nobody asks for others."""

BANDS_LEN_MAX: Final = 8
MINUTES_MAX: Final = 240.0

BESIDE_M: Final = 150.0
"""Ground this near a reached road counts as reached; `server.dispatch.doubts.OFF_ROAD_M`."""

CELL_M_MIN: Final = 50.0
"""Side of a raster cell: a third of BESIDE_M, so that the outline is round."""

CELLS_MAX: Final = 500_000
"""Cells of one raster; where more would be needed the cells grow."""

DIGITS: Final = 5
"""Of degrees in GeoJSON: a metre."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Band:
    """What is reached within a time; `area` lies in degrees, empty where nothing is."""

    limit_s: float
    area: shapely.MultiPolygon
    area_km2: float


def isochrones(
    reach: Reach | Nearest,
    limits_s: Sequence[float],
    *,
    share: float = 0.5,
    log_sd: float = UNROUTED_SD,
) -> list[Band]:
    """One band per limit, in the order given: what is reached by then.

    `share`: how many journeys in all shall arrive in time, 0.5 the median; `log_sd`: how far they
    differ, `geo.eta.Spreads.unrouted_sd`.
    Raises ValueError for limits out of range, or beyond the reach.
    """
    _check(reach, limits_s)
    sooner = float(quantile_s(np.float64(1.0), log_sd, share))
    plane = projection(reach.roadmap.meta.crs)
    metres, times_s = _reached_points(reach, plane, max(limits_s) / sooner)
    raster = _Raster.around(metres)
    return [
        _band(limit_s, raster.beside(metres[times_s <= limit_s / sooner]), plane)
        for limit_s in limits_s
    ]


def feature(band: Band, **properties: object) -> dict[str, Any]:
    """A band as a GeoJSON Feature, with its minutes and square kilometres."""
    coordinates = [
        [_ring(ring) for ring in (polygon.exterior, *polygon.interiors)]
        for polygon in band.area.geoms
    ]
    about = {"minutes": round(band.limit_s / 60.0, 2), "area_km2": round(band.area_km2, 2)}
    return {
        "type": "Feature",
        "properties": {**about, **properties},
        "geometry": {"type": "MultiPolygon", "coordinates": coordinates},
    }


def _check(reach: Reach | Nearest, limits_s: Sequence[float]) -> None:
    if not 1 <= len(limits_s) <= BANDS_LEN_MAX:
        raise ValueError(f"1 to {BANDS_LEN_MAX} time bands")
    if not all(0.0 < limit_s <= MINUTES_MAX * 60.0 for limit_s in limits_s):
        raise ValueError(f"a time band is more than 0 and at most {MINUTES_MAX:.0f} minutes")
    if reach.limit_s < max(limits_s):
        raise ValueError("the roads were not followed as far as the longest time band")


def _reached_points(
    reach: Reach | Nearest, plane: Projection, limit_s: float
) -> tuple[Floats, Floats]:
    """(K, 2) metres of points along the roads, and (K,) seconds to each, up to the limit."""
    edge, fraction, metres = _dense_points(reach.roadmap, reach.edges(), plane)
    times_s = reach.at(edge, fraction)
    near = times_s <= limit_s
    return metres[near], times_s[near]


def _dense_points(
    roadmap: RoadMap, edges: NDArray[np.int64], plane: Projection
) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Edge, fraction and metres of points at most CELL_M_MIN apart along these edges."""
    first = roadmap.edge_first_point
    counts = first[edges + 1] - first[edges]
    offset = np.concatenate(([0], np.cumsum(counts)))
    shape = np.arange(offset[-1]) + np.repeat(first[edges] - offset[:-1], counts)
    metres = plane.to_metres(np.asarray(roadmap.point_lonlat[shape]))
    step_m = np.concatenate(([0.0], np.hypot(*np.diff(metres, axis=0).T)))
    step_m[offset[:-1]] = 0.0  # from the last point of one edge to the first of the next
    along_m = np.cumsum(step_m)
    row = np.repeat(np.arange(len(edges)), counts)
    length_m = along_m[offset[1:] - 1] - along_m[offset[:-1]]
    fraction = (along_m - along_m[offset[:-1]][row]) / np.maximum(length_m, 1e-9)[row]
    # Each point stands for the stretch from the point before it.
    parts = np.maximum(np.ceil(step_m / CELL_M_MIN), 1).astype(np.int64)
    at = np.repeat(np.arange(len(shape)), parts)
    before = np.where(step_m > 0.0, np.arange(len(shape)) - 1, np.arange(len(shape)))[at]
    nth = np.arange(len(at)) - np.repeat(np.cumsum(parts) - parts, parts) + 1
    share = nth / parts[at]
    between = metres[before] + share[:, None] * (metres[at] - metres[before])
    dense = fraction[before] + share * (fraction[at] - fraction[before])
    return edges[row[at]], dense.clip(0.0, 1.0), between


@dataclass(frozen=True, slots=True, kw_only=True)
class _Raster:
    """Cells over all that is reached, the same for every band; cell centres on round metres."""

    low: Floats
    cell_m: float
    columns: int
    rows: int
    beside_m: float

    @classmethod
    def around(cls, metres: Floats) -> Self:
        if not len(metres):
            metres = np.zeros((1, 2))
        low, high = metres.min(axis=0), metres.max(axis=0)
        wide, tall = high - low + 4 * BESIDE_M
        cell_m = max(CELL_M_MIN, float(np.sqrt(wide * tall / CELLS_MAX)))
        beside_m = max(BESIDE_M, 2 * cell_m)
        low = np.floor((low - beside_m) / cell_m - 1.0) * cell_m
        columns, rows = (np.ceil((high + beside_m - low) / cell_m) + 2.0).astype(int).tolist()
        return cls(low=low, cell_m=cell_m, columns=columns, rows=rows, beside_m=beside_m)

    def beside(self, metres: Floats) -> shapely.MultiPolygon:
        """The ground beside these points, in metres."""
        if not len(metres):
            return shapely.MultiPolygon()
        east_m = self.low[0] + self.cell_m * np.arange(self.columns)
        north_m = self.low[1] + self.cell_m * np.arange(self.rows)
        away_m = self._away_m(metres, east_m, north_m)
        tracer = contour_generator(east_m, north_m, away_m, fill_type=FillType.OuterOffset)
        outlines = zip(*tracer.filled(-1.0, self.beside_m), strict=True)
        ground = shapely.MultiPolygon([_polygon(*outline) for outline in outlines])
        return _polygons(shapely.simplify(ground, self.cell_m / 4.0, preserve_topology=False))

    def _away_m(self, metres: Floats, east_m: Floats, north_m: Floats) -> Floats:
        """(rows, columns) metres to the nearest point: exact near the outline, by cells else."""
        far = np.ones((self.rows, self.columns), dtype=np.bool_)
        column, row = np.floor((metres - self.low) / self.cell_m + 0.5).astype(int).T
        far[row, column] = False
        away_m: Floats = distance_transform_edt(far) * self.cell_m
        # By cells the distance is wrong by up to 0.71 cells; the outline crosses between cells
        # whose true distance is within one cell of it.
        rows, columns = np.nonzero(np.abs(away_m - self.beside_m) <= 1.75 * self.cell_m)
        centres = np.column_stack((east_m[columns], north_m[rows]))
        away_m[rows, columns] = KDTree(metres).query(centres)[0]
        return away_m


def _polygon(points: Floats, ends: NDArray[np.uint32]) -> shapely.Polygon:
    rings = [points[start:end] for start, end in pairwise(ends.tolist())]
    return shapely.Polygon(rings[0], rings[1:])


def _polygons(shape: shapely.Geometry) -> shapely.MultiPolygon:
    """The areas of a shape; where its lines cross after simplifying, it is put right."""
    if not shapely.is_valid(shape):
        shape = shapely.make_valid(shape)
    parts = [part for part in shapely.get_parts(shape).tolist() if part.area > 0.0]
    return shapely.MultiPolygon(shapely.get_parts(parts).tolist())


def _band(limit_s: float, ground: shapely.MultiPolygon, plane: Projection) -> Band:
    area = shapely.transform(ground, plane.to_degrees)
    return Band(limit_s=limit_s, area=area, area_km2=float(ground.area) / 1e6)


def _ring(ring: shapely.LinearRing) -> list[list[float]]:
    found: list[list[float]] = shapely.get_coordinates(ring).round(DIGITS).tolist()
    return found
