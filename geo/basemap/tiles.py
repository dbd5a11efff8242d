"""The base map as Mapbox Vector Tiles (specification 2.1), made from the road map on demand.

Layers: landcover, water, roads, places, road_km, boundary. What a zoom does not show is left out,
lines are merged and simplified to a fraction of a pixel, and finished tiles are kept in a cache
of bounded size. Safe to call from several threads. Knows no HTTP.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import mapbox_vector_tile
import numpy as np
import shapely
from numpy.typing import NDArray

from geo.basemap import mercator
from geo.basemap.hillshade import Relief
from geo.linear import LinearIndex
from geo.roadmap import EdgeFlag, RoadClass, RoadMap, Surface

ZOOM_MIN = 8
ZOOM_MAX = 16
EXTENT = 4096
BUFFER = 96
"""Tile units drawn beyond the edge, so that wide lines meet."""
TOLERANCE = 3.0
"""Simplification in tile units: under half a pixel of a 512-pixel tile."""
SMALLEST_AREA = 500.0
"""Areas of fewer square tile units are left out."""
DETAIL_ZOOM = 11
"""From here on roads carry name, surface, bridge and tunnel."""
CACHE_BYTES_MAX = 64 << 20

ROAD_ZOOM = {
    RoadClass.UNCLASSIFIED: 9,
    RoadClass.RESIDENTIAL: 10,
    RoadClass.LIVING_STREET: 11,
    RoadClass.TRACK: 11,
    RoadClass.SERVICE: 12,
}
"""First zoom of a class; the others are always there."""
PLACE_ZOOM = {"town": 8, "station": 9, "village": 10, "hamlet": 12}
WATERWAY_ZOOM = {"river": 8, "canal": 10, "stream": 11}
LANDCOVER_ZOOM = 8
ROAD_KM_ZOOM = 12

Objects = NDArray[np.object_]
Properties = dict[str, Any]


class TileMaker:
    """Vector and hillshade tiles of one map."""

    def __init__(self, roadmap: RoadMap, linear: LinearIndex | None = None) -> None:
        self._relief = Relief(roadmap.elevation) if roadmap.elevation is not None else None
        self._layers = {
            "landcover": [_areas(roadmap, water=False)],
            "water": [_areas(roadmap, water=True), _waterways(roadmap)],
            "boundary": [_boundary(roadmap)],
            "road_km": [_stones(roadmap, linear or LinearIndex(roadmap))],
            "places": [_places(roadmap)],
        }
        self._roads = [_roads(roadmap, detailed=False), _roads(roadmap, detailed=True)]
        self._cache = _Cache(CACHE_BYTES_MAX)

    def vector(self, z: int, x: int, y: int) -> bytes:
        """One MVT; b"" outside the map, between ZOOM_MIN and ZOOM_MAX only."""
        return self._cache.get(("vector", z, x, y), lambda: self._vector(z, x, y))

    def hillshade(self, z: int, x: int, y: int) -> bytes:
        """One 256-pixel WebP, grey on transparent; b"" where no height is known."""
        return self._cache.get(("hillshade", z, x, y), lambda: self._hillshade(z, x, y))

    def _hillshade(self, z: int, x: int, y: int) -> bytes:
        return self._relief.tile(z, x, y) if self._relief and _served(z, x, y) else b""

    def _vector(self, z: int, x: int, y: int) -> bytes:
        if not _served(z, x, y):
            return b""
        roads = self._roads[z >= DETAIL_ZOOM]
        layers = []
        for name, parts in {**self._layers, "roads": [roads]}.items():
            features = [feature for part in parts for feature in part.features(z, x, y)]
            if features:
                layers.append({"name": name, "features": features})
        if not layers:
            return b""
        options = {"y_coord_down": True, "extents": EXTENT}
        tile: bytes = mapbox_vector_tile.encode(layers, default_options=options)
        return tile


def _served(z: int, x: int, y: int) -> bool:
    return ZOOM_MIN <= z <= ZOOM_MAX and mercator.is_tile(z, x, y)


class _Cache:
    """Least recently used tiles up to a number of bytes; the oldest go first."""

    ENTRY_BYTES = 200
    """What an entry costs beside its tile."""

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._bytes = 0
        self._tiles: OrderedDict[tuple[str, int, int, int], bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[str, int, int, int], make: Callable[[], bytes]) -> bytes:
        with self._lock:
            tile = self._tiles.get(key)
            if tile is not None:
                self._tiles.move_to_end(key)
                return tile
        tile = make()
        with self._lock:
            if key not in self._tiles:
                self._tiles[key] = tile
                self._bytes += len(tile) + self.ENTRY_BYTES
            while self._bytes > self._bytes_max and self._tiles:
                _, oldest = self._tiles.popitem(last=False)
                self._bytes -= len(oldest) + self.ENTRY_BYTES
        return tile


@dataclass(slots=True)
class _Part:
    """Shapes in world fractions; each belongs to a group of equal properties."""

    shapes: Objects
    group: NDArray[np.int64]
    properties: list[Properties]
    zoom_min: NDArray[np.int64]
    tree: shapely.STRtree

    def features(self, z: int, x: int, y: int) -> Iterator[Properties]:
        """GeoJSON-like features in tile units, clipped to the tile and its buffer."""
        span = 2.0**-z
        pad = span * BUFFER / EXTENT
        west, north = x * span, y * span
        box = shapely.box(west - pad, north - pad, west + span + pad, north + span + pad)
        hits = np.sort(self.tree.query(box, predicate="intersects"))
        hits = hits[self.zoom_min[hits] <= z]
        if not len(hits):
            return
        cut = shapely.clip_by_rect(self.shapes[hits], *box.bounds)
        parts, index = shapely.get_parts(cut, return_index=True)
        scale, corner = EXTENT / span, np.array([west, north])
        local = shapely.transform(parts, lambda xy: (xy - corner) * scale)
        for group, shape in _merged(local, self.group[hits][index]):
            for part in _drawable(shape):
                yield {"geometry": part, "properties": self.properties[group]}


def _part(
    shapes: Objects, group: NDArray[np.int64], properties: list[Properties], zooms: Any
) -> _Part:
    return _Part(shapes, group, properties, np.asarray(zooms, np.int64), shapely.STRtree(shapes))


def _merged(shapes: Objects, group: NDArray[np.int64]) -> Iterator[tuple[int, Any]]:
    """Lines of one group as one shape, joined end to end; other shapes one by one."""
    lines = shapely.get_type_id(shapes) == shapely.GeometryType.LINESTRING
    yield from zip(group[~lines].tolist(), shapes[~lines], strict=True)
    if not lines.any():
        return
    shapes, group = shapes[lines], group[lines]
    by_group = np.argsort(group, kind="stable")
    values, first = np.unique(group[by_group], return_index=True)
    rows = np.repeat(np.arange(len(values)), np.diff(np.append(first, len(group))))
    bundles = shapely.multilinestrings(shapes[by_group], indices=rows)
    joined = np.asarray(shapely.line_merge(bundles), dtype=object)
    yield from zip(values.tolist(), joined, strict=True)


def _drawable(shape: Any) -> Iterator[Any]:
    """The shape simplified, in whole parts that MVT can hold; nothing if too small."""
    if shape.geom_type == "Point":
        yield shape
        return
    simple = shapely.simplify(shape, TOLERANCE, preserve_topology=False)
    if simple.is_empty:
        return
    if simple.geom_type.endswith("LineString"):
        yield simple
        return
    for part in shapely.get_parts(shapely.get_parts(shapely.make_valid(simple))):
        if part.geom_type == "Polygon" and part.area >= SMALLEST_AREA:
            yield part


def _line_strings(lonlat: NDArray[np.float64], first: NDArray[np.int64]) -> Objects:
    rows = np.repeat(np.arange(len(first) - 1), np.diff(first))
    return np.asarray(shapely.linestrings(mercator.to_world(lonlat), indices=rows), dtype=object)


def _roads(roadmap: RoadMap, *, detailed: bool) -> _Part:
    flags = roadmap.edge_flags
    columns = [roadmap.edge_class.astype(np.int64), roadmap.edge_ref.astype(np.int64)]
    if detailed:
        shown = EdgeFlag.BRIDGE | EdgeFlag.TUNNEL | EdgeFlag.FERRY
        columns += [
            roadmap.edge_name.astype(np.int64),
            roadmap.edge_surface.astype(np.int64),
            (flags & int(shown)).astype(np.int64),
        ]
    keys, group = np.unique(np.stack(columns, axis=1), axis=0, return_inverse=True)
    zoom_of = np.array([ROAD_ZOOM.get(road_class, ZOOM_MIN) for road_class in RoadClass])
    return _part(
        _line_strings(np.asarray(roadmap.point_lonlat), roadmap.edge_first_point),
        group.reshape(-1).astype(np.int64),
        [_road_properties(roadmap.names, *key) for key in keys.tolist()],
        zoom_of[roadmap.edge_class],
    )


def _road_properties(
    names: tuple[str, ...],
    road_class: int,
    ref: int,
    name: int = -1,
    surface: int = 0,
    flags: int = 0,
) -> Properties:
    properties: Properties = {"class": RoadClass(road_class).name.lower()}
    if ref >= 0:
        properties["ref"] = names[ref]
    if name >= 0:
        properties["name"] = names[name]
    if surface:
        properties["surface"] = Surface(surface).name.lower()
    for flag in (EdgeFlag.BRIDGE, EdgeFlag.TUNNEL, EdgeFlag.FERRY):
        if flags & flag:
            properties[str(flag.name).lower()] = True
    return properties


def _areas(roadmap: RoadMap, *, water: bool) -> _Part:
    areas = [area for area in roadmap.areas if (area.kind == "water") is water]
    shapes = _objects(
        shapely.Polygon(
            mercator.to_world(area.rings[0]), [mercator.to_world(hole) for hole in area.rings[1:]]
        )
        for area in areas
    )
    return _each(shapes, [{"kind": area.kind} for area in areas], [LANDCOVER_ZOOM] * len(areas))


def _waterways(roadmap: RoadMap) -> _Part:
    lines = roadmap.waterways
    return _each(
        _objects(shapely.LineString(mercator.to_world(line.lonlat)) for line in lines),
        [{"kind": line.kind, **({"name": line.name} if line.name else {})} for line in lines],
        [WATERWAY_ZOOM.get(line.kind, ZOOM_MAX) for line in lines],
    )


def _places(roadmap: RoadMap) -> _Part:
    places = roadmap.places
    properties = [
        {
            "kind": place.kind,
            "name": place.name,
            "population": place.population,
            **({"latin": place.latin} if place.latin else {}),
        }
        for place in places
    ]
    zooms = [PLACE_ZOOM.get(place.kind, 12) for place in places]
    return _each(_points([(place.lon, place.lat) for place in places]), properties, zooms)


def _stones(roadmap: RoadMap, linear: LinearIndex) -> _Part:
    """A point at every whole kilometre of every numbered road."""
    where, properties = [], []
    for ref in linear.refs:
        for km in range(int(linear.length_km(ref) or 0) + 1):
            point = linear.locate(ref, km)
            if point and abs(point.km - km) < 0.01:
                where.append((point.lon, point.lat))
                properties.append({"ref": point.ref, "km": km})
    return _each(_points(where), properties, [ROAD_KM_ZOOM] * len(where))


def _boundary(roadmap: RoadMap) -> _Part:
    west, south, east, north = roadmap.meta.bounds
    ring = np.array([(west, south), (east, south), (east, north), (west, north), (west, south)])
    return _each(_objects([shapely.LineString(mercator.to_world(ring))]), [{}], [ZOOM_MIN])


def _points(lonlat: list[tuple[float, float]]) -> Objects:
    world = mercator.to_world(np.array(lonlat, np.float64).reshape(-1, 2))
    return np.asarray(shapely.points(world), dtype=object).reshape(-1)


def _objects(shapes: Any) -> Objects:
    listed = list(shapes)
    out = np.empty(len(listed), dtype=object)
    out[:] = listed
    return out


def _each(shapes: Objects, properties: list[Properties], zooms: list[int]) -> _Part:
    """Every shape its own group, but lines of equal properties together."""
    index: dict[tuple[tuple[str, Any], ...], int] = {}
    group = [index.setdefault(tuple(one.items()), len(index)) for one in properties]
    return _part(shapes, np.array(group, np.int64), [dict(key) for key in index], zooms)
