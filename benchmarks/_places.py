"""Places and closures that mean the same to every router."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random

import numpy as np
import osmium
from numpy.typing import NDArray
from osmium import osm
from osmium.filter import IdFilter

from benchmarks._routers import Closure, Places, Router
from geo.errors import NoRouteError
from geo.ground import Ground
from geo.roadmap import EdgeFlag, RoadClass, RoadMap
from geo.routing.engine import CLOSED
from geo.snap import Snap

HUBS_TRIED = 3
DEGREES_SCALE = 1e7
"""OpenStreetMap keeps coordinates as whole numbers of this part of a degree."""


def choose_places(roadmap: RoadMap, chance: Random, wanted: int) -> list[Snap]:
    """Up to so many in the middle of roads that any car profile knows, joined to one another."""
    ground = Ground(roadmap)
    unusable = int(EdgeFlag.PRIVATE | EdgeFlag.FERRY)
    known = (roadmap.edge_class <= RoadClass.RESIDENTIAL) & (roadmap.edge_flags & unusable == 0)
    edges = np.flatnonzero(known).tolist()
    chosen = chance.sample(edges, min(len(edges), 2 * wanted))
    tried = [_middle(ground, roadmap, edge) for edge in chosen]
    snaps = [snap for snap in tried if snap is not None]

    def joined(hub: int) -> NDArray[np.bool_]:
        there, back = ground.etas(snaps, snaps[hub]), ground.matrix([snaps[hub]], snaps)[0]
        both: NDArray[np.bool_] = np.isfinite(there + back)
        return both

    kept = _most_joined(joined, len(snaps))
    ground.close()
    return [snaps[number] for number in kept[:wanted].tolist()]


def joined_by_all(routers: Sequence[Router], places: int, wanted: int) -> list[int]:
    """Numbers of so many places between which every router knows ways. Raises ValueError."""
    everywhere = list(range(places))

    def joined(hub: int) -> NDArray[np.bool_]:
        found = np.ones(places, np.bool_)
        for router in routers:
            found &= np.isfinite(router.etas(everywhere, hub))
            found &= np.isfinite(router.matrix([hub], everywhere)[0])
        return found

    kept = _most_joined(joined, places)
    if len(kept) < wanted:
        raise ValueError(f"all systems can join only {len(kept)} places, {wanted} are needed")
    return [int(number) for number in kept[:wanted]]


def _most_joined(joined: Callable[[int], NDArray[np.bool_]], places: int) -> NDArray[np.intp]:
    """The largest set found from a few hubs."""
    return max((np.flatnonzero(joined(hub)) for hub in range(min(HUBS_TRIED, places))), key=len)


def choose_closures(
    roadmap: RoadMap, extract: Path, units: Sequence[Snap], scenes: Sequence[Snap], count: int
) -> list[Closure]:
    """Roads half way between a unit and a scene whose closing makes that unit later."""
    ground = Ground(roadmap)
    found: list[tuple[int, int, int]] = []
    for number in range(len(units) * len(scenes)):
        unit, scene = number % len(units), number % len(scenes)
        edge = _half_way(ground, units[unit], scenes[scene])
        if edge is not None and _matters(ground, edge, units[unit], scenes[scene]):
            found.append((edge, unit, scene))
        if len(found) == count:
            break
    ground.close()
    refs = _way_nodes(extract, {int(roadmap.edge_way_id[edge]) for edge, *_ in found})
    return [
        Closure(
            edge=edge,
            unit=unit,
            scene=scene,
            middle=_point_within(roadmap, edge),
            osm_nodes=[refs[_key(lon, lat)] for lon, lat in _shape(roadmap, edge).tolist()],
        )
        for edge, unit, scene in found
    ]


def _middle(ground: Ground, roadmap: RoadMap, edge: int) -> Snap | None:
    lon, lat = _point_within(roadmap, edge)
    try:
        return ground.snap(lon, lat)
    except NoRouteError:
        return None


def as_places(roadmap: RoadMap, snaps: Sequence[Snap]) -> Places:
    edges = np.array([snap.edge for snap in snaps])
    at_head = np.array([snap.fraction for snap in snaps]) >= 0.5
    return Places(
        lonlat=np.array([(snap.lon, snap.lat) for snap in snaps]),
        nodes=np.where(at_head, roadmap.edge_head[edges], roadmap.edge_tail[edges]).astype(
            np.int64
        ),
    )


def _half_way(ground: Ground, unit: Snap, scene: Snap) -> int | None:
    """The road there; None where it is that of one end."""
    try:
        shape = ground.route(unit, scene).lonlat
        lon, lat = shape[len(shape) // 2 - 1 : len(shape) // 2 + 1].mean(axis=0).tolist()
        edge = ground.snap(lon, lat).edge
    except NoRouteError:
        return None
    return None if edge in (unit.edge, scene.edge) else edge


def _matters(ground: Ground, edge: int, unit: Snap, scene: Snap) -> bool:
    before = ground.etas([unit], scene)[0]
    ground.set_overrides({2 * edge: CLOSED, 2 * edge + 1: CLOSED})
    after = ground.etas([unit], scene)[0]
    ground.set_overrides({})
    return bool(after > before)


def _point_within(roadmap: RoadMap, edge: int) -> tuple[float, float]:
    """Half way between the two middle shape points: on no junction."""
    shape = _shape(roadmap, edge)
    lon, lat = shape[(len(shape) - 1) // 2 : (len(shape) - 1) // 2 + 2].mean(axis=0).tolist()
    return lon, lat


def _shape(roadmap: RoadMap, edge: int) -> NDArray[np.float64]:
    first = roadmap.edge_first_point
    return np.asarray(roadmap.point_lonlat[first[edge] : first[edge + 1]])


def _way_nodes(extract: Path, ways: set[int]) -> dict[tuple[int, int], int]:
    """OpenStreetMap's node ids of these ways, by place."""
    chosen = IdFilter(ways)
    chosen.enable_for(osm.WAY)
    reader = osmium.FileProcessor(str(extract)).with_locations().with_filter(chosen)
    found = (way for way in reader if isinstance(way, osm.Way))
    return {_key(node.lon, node.lat): node.ref for way in found for node in way.nodes}


def _key(lon: float, lat: float) -> tuple[int, int]:
    return round(lon * DEGREES_SCALE), round(lat * DEGREES_SCALE)
