"""Which part of an extract becomes the map: a box or a county's polygon, and a margin round it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import shapely
from numpy.typing import NDArray
from pyproj import Transformer
from shapely.geometry.base import BaseGeometry

from geo.errors import MapSourceError

MARGIN_KM_MAX = 500.0
GEOJSON_BYTES_MAX = 64 << 20

Bounds = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Clip:
    """An area in degrees, its margin already added."""

    area: BaseGeometry

    @property
    def bounds(self) -> Bounds:
        """West, south, east, north, degrees."""
        west, south, east, north = self.area.bounds
        return west, south, east, north

    def holds(self, lonlat: NDArray[np.float64]) -> NDArray[np.bool_]:
        """(k,) which points lie inside."""
        west, south, east, north = self.bounds
        lon, lat = lonlat[:, 0], lonlat[:, 1]
        inside: NDArray[np.bool_] = (lon >= west) & (lon <= east) & (lat >= south) & (lat <= north)
        near = np.flatnonzero(inside)
        shapely.prepare(self.area)
        inside[near] = shapely.intersects_xy(self.area, lon[near], lat[near])
        return inside


def clip_to_box(bounds: Bounds, margin_km: float = 0.0) -> Clip:
    """A box of west, south, east, north in degrees, and `margin_km` round it."""
    west, south, east, north = bounds
    if not (-180 <= west < east <= 180 and -90 < south < north < 90):
        raise MapSourceError(
            f"Box {west},{south},{east},{north}: give west,south,east,north in degrees, "
            "west < east and south < north."
        )
    return Clip(area=_buffered(shapely.box(west, south, east, north), margin_km))


def clip_to_geojson(file: Path | str, margin_km: float = 0.0) -> Clip:
    """The polygons of a GeoJSON file, in WGS 84 degrees (RFC 7946), and `margin_km` round them."""
    path = Path(file)
    try:
        with path.open("rb") as handle:
            text = handle.read(GEOJSON_BYTES_MAX + 1)
        if len(text) > GEOJSON_BYTES_MAX:
            raise MapSourceError(f"{path}: larger than {GEOJSON_BYTES_MAX >> 20} MB.")
        json.loads(text)
        shapes = shapely.from_geojson(text)
    except OSError as error:
        raise MapSourceError(f"{path}: cannot be read: {error.strerror}.") from error
    except (ValueError, shapely.errors.ShapelyError) as error:
        raise MapSourceError(f"{path}: this is no GeoJSON ({error}).") from error
    parts = [
        shapely.make_valid(part)
        for part in shapely.get_parts(shapely.get_parts(shapes))
        if part.geom_type == "Polygon" and not part.is_empty
    ]
    if not parts:
        raise MapSourceError(f"{path}: no polygon is in it.")
    area = shapely.union_all(parts)
    clip_to_box(area.bounds)  # degrees, not metres
    return Clip(area=_buffered(area, margin_km))


def _buffered(area: BaseGeometry, margin_km: float) -> BaseGeometry:
    """Grow by kilometres, in an azimuthal equidistant projection about the centre."""
    if not 0 <= margin_km <= MARGIN_KM_MAX:
        raise MapSourceError(f"A margin of {margin_km} km is outside 0 to {MARGIN_KM_MAX:.0f} km.")
    if margin_km == 0:
        return area
    west, south, east, north = area.bounds
    local = f"+proj=aeqd +lon_0={(west + east) / 2} +lat_0={(south + north) / 2} +datum=WGS84"
    there = Transformer.from_crs("EPSG:4326", local, always_xy=True)

    def project(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(there.transform(xy[:, 0], xy[:, 1]), axis=1)

    def back(xy: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.stack(there.transform(xy[:, 0], xy[:, 1], direction="INVERSE"), axis=1)

    grown = shapely.buffer(shapely.transform(area, project), margin_km * 1000.0, quad_segs=8)
    return shapely.transform(grown, back)
