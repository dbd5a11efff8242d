"""OpenStreetMap files (.osm.pbf, .osm) as a `SourceMap`.

Several passes over the file, each letting the C++ side drop what is not wanted: first which
ways may matter, then where their nodes are, then, of the ways inside the clip, their tags. So a
province extract costs the memory of its road nodes, not of the province. Knows tags only as far
as needed to choose; what they mean for a car is `geo.mapmaking.tags`.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import osmium
from numpy.typing import NDArray
from osmium import osm
from osmium.filter import IdFilter, KeyFilter, TagFilter

from geo.errors import MapSourceError
from geo.mapmaking import landcover
from geo.mapmaking.clip import Clip
from geo.mapmaking.junctions import BARRIERS, Rule, read_barrier, read_rule, restrictions_of
from geo.mapmaking.progress import Progress, silent
from geo.mapmaking.settlements import PLACES, settlement, station, without_twins
from geo.mapmaking.tags import CLASSES, LINK_SUFFIX
from geo.roadmap import Area, Barrier, Place, Restriction, SourceMap, SourceWay, Waterway

LICENCE = "ODbL-1.0"
ATTRIBUTION = "© OpenStreetMap contributors"
BOUNDS_PAD_DEG = 0.01
"""Ground round the outermost roads that still counts as on the map, where no clip is given."""

DECLARED_BOX_MAX = 4.0
"""A declared box this many times the roads' own is of the file this one was cut from."""
Bounds = tuple[float, float, float, float]

ROAD_TAGS = frozenset(
    """
    highway route ferry name ref surface tracktype smoothness width est_width lanes lane_markings
    lit service area toll ford
    maxspeed maxspeed:forward maxspeed:backward maxspeed:type source:maxspeed zone:maxspeed
    zone:traffic oneway oneway:motor_vehicle oneway:motorcar junction bridge tunnel layer seasonal
    access vehicle motor_vehicle motorcar emergency foot bicycle incline
    motor_vehicle:forward motor_vehicle:backward vehicle:forward vehicle:backward
    motorcar:forward motorcar:backward duration
    motorcar:conditional motor_vehicle:conditional vehicle:conditional access:conditional
    """.split()  # noqa: SIM905 - one line each would be a page
)
WATERWAYS = frozenset({"river", "stream", "canal"})
Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(slots=True)
class _Ways:
    """Ids and node ids of many ways, end to end."""

    ids: array[int] = field(default_factory=lambda: array("q"))
    refs: array[int] = field(default_factory=lambda: array("q"))
    counts: array[int] = field(default_factory=lambda: array("q"))

    def add(self, way: Any) -> None:
        before = len(self.refs)
        self.refs.extend([node.ref for node in way.nodes])
        self.ids.append(way.id)
        self.counts.append(len(self.refs) - before)


@dataclass(slots=True)
class _Nodes:
    """Where the nodes are, sorted by id."""

    ids: Ints
    lonlat: Floats

    def find(self, refs: Ints) -> tuple[NDArray[np.bool_], Floats]:
        """Which refs are known, and their places (NaN where not)."""
        if not len(self.ids):
            return np.zeros(len(refs), bool), np.full((len(refs), 2), np.nan)
        index = np.minimum(np.searchsorted(self.ids, refs), len(self.ids) - 1)
        known = self.ids[index] == refs
        return known, np.where(known[:, None], self.lonlat[index], np.nan)


@dataclass(slots=True)
class _Found:
    """One way inside the clip: its id, node ids and places."""

    way_id: int
    refs: Ints
    lonlat: Floats


def read_osm(
    file: Path | str, *, clip: Clip | None = None, progress: Progress = silent
) -> SourceMap:
    """Roads, places, land cover and water of an extract; ways that cross the clip are kept whole.

    Raises MapSourceError for a file that is broken, truncated, empty, or without roads.
    """
    path = Path(file)
    if not path.is_file():
        raise MapSourceError(f"{path}: there is no such file.")
    if not path.stat().st_size:
        raise MapSourceError(f"{path}: the file is empty. Download the extract again.")
    try:
        return _read(path, clip, progress)
    except (RuntimeError, OSError, ValueError, UnicodeDecodeError) as error:
        raise MapSourceError(
            f"{path}: not a whole OpenStreetMap file ({error}). "
            "Give a .osm.pbf or .osm file; if it is one, download it again."
        ) from error


def _read(path: Path, clip: Clip | None, progress: Progress) -> SourceMap:
    step = _stepper(progress, ["relations", "ways", "members", "nodes", "places", "tags"])
    step()
    relations = list(_relations(path))
    restrictions, unread = _restrictions(path)
    step()
    ways = _collect(path, osm.WAY, _wanted_filter(), _wanted)
    if not len(ways.ids):
        raise MapSourceError(f"{path}: no road is in the file.")
    step()
    member_ids = {member for relation in relations for member, _ in relation.members}
    members = (
        _collect(path, osm.WAY, IdFilter(member_ids), lambda _: True) if member_ids else (_Ways())
    )
    step()
    nodes = _locate(path, [ways, members])
    step()
    places, barriers = _tagged_nodes(path, clip)
    step()
    found = {one.way_id: one for one in _inside(ways, nodes, clip)}
    result = _Sorted()
    _sort_by_tags(path, found, result)
    if not result.roads:
        where = "inside the area asked for" if clip else "in the file"
        raise MapSourceError(f"{path}: no road for vehicles is {where}.")
    bounds = clip.bounds if clip else _bounds(path, result.roads)
    lines = {one.way_id: one.lonlat for one in _inside(members, nodes, None)}
    result.areas += [
        Area(kind=relation.kind, rings=rings)
        for relation in relations
        for rings in landcover.assemble(relation, lines)
    ]
    progress("read", 1.0)
    return SourceMap(
        name=path.name.split(".")[0],
        source=f"OpenStreetMap extract {path.name}",
        licence=LICENCE,
        attribution=ATTRIBUTION,
        synthetic=False,
        bounds=bounds,
        ways=result.roads,
        places=without_twins(places + result.places),
        areas=landcover.clipped(result.areas, bounds),
        waterways=result.waterways,
        barriers=barriers,
        restrictions=restrictions,
        restrictions_unread=unread,
    )


def _stepper(progress: Progress, steps: list[str]) -> Callable[[], None]:
    remaining = iter(range(len(steps)))
    return lambda: progress("read", next(remaining) / len(steps))


def _objects(path: Path, entities: Any, *filters: Any) -> Iterator[Any]:
    processor = osmium.FileProcessor(str(path), entities)
    for one in filters:
        processor.with_filter(one)
    yield from processor


def _relations(path: Path) -> Iterator[landcover.Relation]:
    keys = KeyFilter("natural", "landuse", "waterway")
    for relation in _objects(path, osm.RELATION, TagFilter(("type", "multipolygon")), keys):
        kind = landcover.kind(relation.tags)
        if kind:
            members = [(m.ref, m.role) for m in relation.members if m.type == "w"]
            yield landcover.Relation(kind=kind, members=members)


def _restrictions(path: Path) -> tuple[list[Restriction], int]:
    """The turns that signs forbid, and how many relations we cannot read."""
    found: list[Restriction] = []
    unread = 0
    for relation in _objects(path, osm.RELATION, TagFilter(("type", "restriction"))):
        rule = read_rule({tag.k: tag.v for tag in relation.tags})
        if rule is Rule.NOT_OURS:
            continue
        members = [(member.type, member.role, member.ref) for member in relation.members]
        turns = [] if rule is Rule.UNREAD else restrictions_of(rule, members)
        unread += not turns
        found += turns
    return found, unread


def _wanted_filter() -> Any:
    return KeyFilter("highway", "route", "waterway", "natural", "landuse", "amenity")


def _wanted(way: Any) -> bool:
    tags = way.tags
    return bool(
        _is_road(tags)
        or tags.get("waterway") in WATERWAYS
        or tags.get("amenity") == "police"
        or (way.is_closed() and landcover.kind(tags))
    )


def _is_road(tags: Any) -> bool:
    return (
        tags.get("highway", "").removesuffix(LINK_SUFFIX) in CLASSES or tags.get("route") == "ferry"
    )


def _collect(path: Path, entities: Any, wanted: Any, keep: Callable[[Any], bool]) -> _Ways:
    ways = _Ways()
    for way in _objects(path, entities, wanted):
        if keep(way):
            ways.add(way)
    return ways


def _locate(path: Path, groups: Iterable[_Ways]) -> _Nodes:
    needed = np.unique(np.concatenate([_as_array(group.refs) for group in groups]))
    ids, lon, lat = array("q"), array("d"), array("d")
    for node in _objects(path, osm.NODE, IdFilter(needed.tolist())):
        place = node.location
        if place.valid():
            ids.append(node.id)
            lon.append(place.lon_without_check())
            lat.append(place.lat_without_check())
    by_id = np.argsort(_as_array(ids), kind="stable")
    lonlat = np.stack([np.frombuffer(lon), np.frombuffer(lat)], axis=1) if ids else np.empty((0, 2))
    return _Nodes(_as_array(ids)[by_id], lonlat[by_id])


def _as_array(numbers: array[int]) -> Ints:
    return np.frombuffer(numbers, np.int64) if numbers else np.empty(0, np.int64)


def _inside(ways: _Ways, nodes: _Nodes, clip: Clip | None) -> Iterator[_Found]:
    """The ways with a node inside the clip."""
    if not len(ways.ids):
        return
    refs, counts = _as_array(ways.refs), _as_array(ways.counts)
    known, lonlat = nodes.find(refs)
    inside = known & clip.holds(lonlat) if clip else known
    start = np.concatenate([[0], np.cumsum(counts)])
    hits = np.concatenate([[0], np.cumsum(inside)])
    for index in np.flatnonzero(hits[start[1:]] > hits[start[:-1]]):
        part = slice(start[index], start[index + 1])
        yield _Found(ways.ids[index], refs[part], lonlat[part])


@dataclass(slots=True)
class _Sorted:
    """Ways by what they are."""

    roads: list[SourceWay] = field(default_factory=list)
    areas: list[Area] = field(default_factory=list)
    waterways: list[Waterway] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)


def _sort_by_tags(path: Path, found: dict[int, _Found], result: _Sorted) -> None:
    if not found:
        return
    for way in _objects(path, osm.WAY, IdFilter(found.keys())):
        one, tags = found[way.id], way.tags
        if _is_road(tags):
            _add_road(one, {tag.k: tag.v for tag in tags if tag.k in ROAD_TAGS}, result)
            continue
        for shape in _runs(one.lonlat):
            _add_drawn(one.lonlat[shape], tags, result)


def _runs(lonlat: Floats) -> list[slice]:
    """Stretches of two or more known points: an extract may lack nodes beyond its border."""
    known = np.isfinite(lonlat[:, 0])
    if known.all():
        return [slice(0, len(lonlat))] if len(lonlat) >= 2 else []
    change = np.diff(known.astype(np.int8), prepend=0, append=0)
    starts, ends = np.flatnonzero(change == 1), np.flatnonzero(change == -1)
    return [slice(a, b) for a, b in zip(starts, ends, strict=True) if b - a >= 2]


def _add_road(one: _Found, tags: dict[str, str], result: _Sorted) -> None:
    for run in _runs(one.lonlat):
        result.roads.append(
            SourceWay(way_id=one.way_id, node_ids=one.refs[run], lonlat=one.lonlat[run], tags=tags)
        )


def _add_drawn(shape: Floats, tags: Any, result: _Sorted) -> None:
    kind = landcover.kind(tags)
    if tags.get("amenity") == "police":
        west, south, east, north = _box(shape)
        result.places.append(station(tags, (west + east) / 2, (south + north) / 2))
    elif tags.get("waterway") in WATERWAYS:
        result.waterways.append(
            Waterway(kind=tags["waterway"], name=tags.get("name", ""), lonlat=shape)
        )
    elif kind and len(shape) >= 4 and (shape[0] == shape[-1]).all():
        result.areas.append(Area(kind=kind, rings=(shape,)))


def _tagged_nodes(path: Path, clip: Clip | None) -> tuple[list[Place], dict[int, Barrier]]:
    """Towns, villages and stations; and what stands across roads."""
    wanted = TagFilter(
        ("amenity", "police"),
        *(("place", kind) for kind in PLACES),
        *(("barrier", kind) for kind in BARRIERS),
    )
    places: list[Place] = []
    barriers: dict[int, Barrier] = {}
    for node in _objects(path, osm.NODE, wanted):
        if barrier := read_barrier({tag.k: tag.v for tag in node.tags}):
            barriers[node.id] = barrier
        if not node.location.valid():
            continue
        lon, lat = node.location.lon_without_check(), node.location.lat_without_check()
        if clip and not clip.holds(np.array([[lon, lat]]))[0]:
            continue
        if node.tags.get("amenity") == "police":
            places.append(station(node.tags, lon, lat))
        elif node.tags.get("place") in PLACES and node.tags.get("name"):
            places.append(settlement(node.tags, lon, lat))
    return places, barriers


def _box(shape: Floats) -> Bounds:
    west, south = shape.min(0)
    east, north = shape.max(0)
    return float(west), float(south), float(east), float(north)


def _bounds(path: Path, roads: list[SourceWay]) -> Bounds:
    """The box the file declares, widened to its roads; their own box when it declares none."""
    west, south, east, north = _box(np.concatenate([road.lonlat for road in roads]))
    pad = BOUNDS_PAD_DEG
    own = (west - pad, south - pad, east + pad, north + pad)
    box = osmium.FileProcessor(str(path)).header.box()
    if not box.valid():
        return own
    low, high = box.bottom_left, box.top_right
    declared = (
        min(own[0], low.lon),
        min(own[1], low.lat),
        max(own[2], high.lon),
        (max(own[3], high.lat)),
    )
    return declared if _size(declared) <= DECLARED_BOX_MAX * _size(own) else own


def _size(bounds: Bounds) -> float:
    return (bounds[2] - bounds[0]) * (bounds[3] - bounds[1])
