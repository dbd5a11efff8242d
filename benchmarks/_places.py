"""Places and closures that mean the same to every router."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random

import numpy as np
import osmium
from numpy.typing import NDArray
from osmium import osm
from osmium.filter import IdFilter

from benchmarks._routers import Asked, Closure, Places
from geo.errors import NoRouteError
from geo.ground import Ground
from geo.roadmap import EdgeFlag, RoadClass, RoadMap
from geo.routing.engine import CLOSED
from geo.snap import Snap

DRAWN_PER_WANTED = 2
"""Roads drawn at random for each place wanted: some no car may use, some no peer knows."""
BATCH = 100
"""Places asked for at once: on a large map one question takes seconds."""
HUBS_TRIED = 3
CLOSURE_TRIES_PER_WANTED = 20
DEGREES_SCALE = 1e7
"""OpenStreetMap keeps coordinates as whole numbers of this part of a degree."""


def draw_places(
    ground: Ground, joined_nodes: NDArray[np.bool_], chance: Random, wanted: int
) -> list[Snap]:
    """Places in the middle of roads that any car profile knows, joined to one another by ours.

    Looks at DRAWN_PER_WANTED roads for each place wanted, so there may be fewer. `joined_nodes`:
    (N,) junctions joined to one another.
    """
    roadmap = ground.roadmap
    unusable = int(EdgeFlag.PRIVATE | EdgeFlag.FERRY)
    known = (roadmap.edge_class <= RoadClass.RESIDENTIAL) & (roadmap.edge_flags & unusable == 0)
    known &= joined_nodes[roadmap.edge_tail] & joined_nodes[roadmap.edge_head]
    edges = np.flatnonzero(known).tolist()
    drawn = chance.sample(edges, min(len(edges), DRAWN_PER_WANTED * wanted))
    snaps = [snap for edge in drawn if (snap := _middle(ground, edge)) is not None]

    def joined(hub: int) -> NDArray[np.bool_]:
        there, back = ground.etas(snaps, snaps[hub]), ground.matrix([snaps[hub]], snaps)[0]
        both: NDArray[np.bool_] = np.isfinite(there + back)
        return both

    hubs = [np.flatnonzero(joined(hub)) for hub in range(min(HUBS_TRIED, len(snaps)))]
    return [snaps[number] for number in max(hubs, key=len, default=np.empty(0, int)).tolist()]


def joined_by_all(
    routers: Mapping[str, Asked], places: int, wanted: int, tell: Callable[[str], None]
) -> list[int]:
    """Numbers of so many places between which every router knows ways.

    Asks for BATCH places at a time whether they can be reached from a hub and it from them, until
    enough are found; takes another of HUBS_TRIED hubs where the first batch shows that a router
    hardly leaves it. Raises ValueError.
    """
    best = 0, Counter[str]()
    for hub in range(min(HUBS_TRIED, places)):
        kept: list[int] = []
        lost: Counter[str] = Counter()
        for start in range(0, places, BATCH):
            batch = list(range(start, min(start + BATCH, places)))
            kept += _joined(routers, hub, batch, lost)
            tell(f"{len(kept)} of {batch[-1] + 1} places are joined by all")
            if len(kept) >= wanted:
                return kept[:wanted]
            if start == 0 and 2 * len(kept) < len(batch):
                break
        best = max(best, (len(kept), lost), key=lambda found: found[0])
    told = ", ".join(f"{name} lacks {count}" for name, count in best[1].most_common() if count)
    raise ValueError(
        f"all systems can join only {best[0]} of {places} places, {wanted} are needed ({told}); "
        "take another seed or a larger map"
    )


def _joined(
    routers: Mapping[str, Asked], hub: int, batch: list[int], lost: Counter[str]
) -> list[int]:
    found = np.ones(len(batch), np.bool_)
    for name, router in routers.items():
        known = np.isfinite(router.etas(batch, hub)) & np.isfinite(router.matrix([hub], batch)[0])
        lost[name] += int((~known).sum())
        found &= known
    return [place for place, is_joined in zip(batch, found.tolist(), strict=True) if is_joined]


def choose_closures(
    ground: Ground, extract: Path, units: Sequence[Snap], scenes: Sequence[Snap], count: int
) -> list[Closure]:
    """Roads half way between a unit and a scene whose closing makes that unit later.

    Raises ValueError where none is found in CLOSURE_TRIES_PER_WANTED tries for each.
    """
    roadmap = ground.roadmap
    found: list[tuple[int, int, int]] = []
    for number in range(min(len(units) * len(scenes), CLOSURE_TRIES_PER_WANTED * count)):
        unit, scene = number % len(units), number % len(scenes)
        edge = _half_way(ground, units[unit], scenes[scene])
        if edge is not None and _matters(ground, edge, units[unit], scenes[scene]):
            found.append((edge, unit, scene))
        if len(found) == count:
            break
    if not found:
        raise ValueError("no road was found whose closing makes a unit later; take another seed")
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


def _middle(ground: Ground, edge: int) -> Snap | None:
    lon, lat = _point_within(ground.roadmap, edge)
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
