"""The road map as a simulated driver sees it: where am I, and which way do I drive.

Stands on the same snap index, travel times and router as the server's `geo.ground.Ground`, but
keeps the edges of each way, so that movement can be held to the speed of every single road.
Not thread-safe: use from the thread that made it.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Final

import numpy as np
from numpy.typing import NDArray

from devices.sim.movement import Path, steps_m
from geo import grid
from geo.driving.speed import Profile
from geo.errors import GeoError, NoRouteError
from geo.metrics import Metrics
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName
from geo.routing.journey import Journey, Leg
from geo.routing.places import Places
from geo.snap import Snap, SnapIndex, drivable

PLACE_TRIES_MAX: Final = 50
"""Draws of a random place before the nearest known one is taken."""


class Roads:
    """Places on the road and ways between them."""

    def __init__(self, roadmap: RoadMap, *, engine: EngineName = "auto") -> None:
        self.roadmap = roadmap
        self._index = SnapIndex(roadmap)
        self._metrics = Metrics(roadmap, engine)
        self._router = self._metrics.router(Profile())
        self._drivable = np.flatnonzero(drivable(roadmap))

    @property
    def weights_ms(self) -> NDArray[np.int64]:
        """(2M,) model milliseconds per arc: 2e forward, 2e + 1 backward."""
        return self._router.arc_ms

    def snap(self, lon: float, lat: float) -> Snap:
        """Raises OffMapError, NoRouteError."""
        return self._index.snap(lon, lat)

    def path(self, source: Snap, target: Snap) -> Path:
        """The quickest way. Raises NoRouteError."""
        journey = self._journey(source, target)
        if journey is None:
            raise NoRouteError("no road leads there")
        turns = (np.append(journey.turn_ms[1:], 0) / 1000.0)[: len(journey.legs)].tolist()
        pieces = zip(journey.legs, turns, strict=True)
        return _joined(source, [self._piece(leg, turn_s) for leg, turn_s in pieces])

    def connected(self, source: Snap, target: Snap) -> bool:
        """Whether a road leads from the one to the other and back."""
        there = self._journey(source, target)
        return there is not None and self._journey(target, source) is not None

    def random_place(self, rng: Random, near: Snap, radius_deg: float) -> Snap:
        """Some place on the road around another one."""
        for _ in range(PLACE_TRIES_MAX):
            lon = near.lon + rng.uniform(-radius_deg, radius_deg)
            lat = near.lat + rng.uniform(-radius_deg, radius_deg)
            try:
                return self.snap(lon, lat)
            except GeoError:
                continue  # off the map, or no road near: draw again
        return near

    def random_edge_place(self, rng: Random) -> Snap:
        """Some place on some road of the map."""
        edge = int(self._drivable[rng.randrange(len(self._drivable))])
        lon, lat = self.roadmap.shape(edge)[0].tolist()
        return Snap(edge=edge, fraction=0.0, lon=lon, lat=lat, distance_m=0.0)

    def height_m(self, place: Snap) -> float:
        """Above the sea; 0 where the map does not know."""
        elevation = self.roadmap.elevation
        if elevation is None:
            return 0.0
        return float(np.nan_to_num(grid.sample(elevation, np.array([[place.lon, place.lat]]))[0]))

    def close(self) -> None:
        self._metrics.close()

    def _journey(self, source: Snap, target: Snap) -> Journey | None:
        return self._router.route(Places.of([source]), Places.of([target]))

    def _piece(self, leg: Leg, turn_s: float) -> Path:
        """One whole or partial edge as a path of its own; the turn after it slows all of it."""
        shape, share = self._clipped(leg.edge, min(leg.start, leg.end), max(leg.start, leg.end))
        if leg.start > leg.end:
            shape, share = shape[::-1], share[::-1]
        done = np.abs(share - leg.start)
        edge_s = float(self.weights_ms[leg.arc]) / 1000.0
        return Path(
            at_s=done * (edge_s + turn_s / abs(leg.end - leg.start)),
            at_m=done * float(self.roadmap.edge_length_m[leg.edge]),
            lonlat=shape,
            edge=np.full(len(shape) - 1, leg.edge, dtype=np.int64),
            start=share[:-1],
            end=share[1:],
        )

    def _clipped(
        self, edge: int, low: float, high: float
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shape points of an edge between two fractions, both included, with their fractions."""
        shape = np.asarray(self.roadmap.shape(edge))
        along_m = np.concatenate(([0.0], np.cumsum(steps_m(shape))))
        total_m = along_m[-1]
        share = along_m / total_m if total_m > 0.0 else np.linspace(0.0, 1.0, len(shape))
        share[-1] = 1.0
        inside = share[(share > low) & (share < high)]
        wanted = np.concatenate(([low], inside, [high]))
        points = np.column_stack([np.interp(wanted, share, shape[:, axis]) for axis in (0, 1)])
        return points, wanted


def _joined(source: Snap, pieces: Sequence[Path]) -> Path:
    if not pieces:
        here = np.array([[source.lon, source.lat]] * 2)
        spot = np.array([source.fraction])
        nothing = np.zeros(2)
        edge = np.array([source.edge], dtype=np.int64)
        return Path(at_s=nothing, at_m=nothing, lonlat=here, edge=edge, start=spot, end=spot)
    first = pieces[0]
    at_s, at_m, lonlat = [first.at_s], [first.at_m], [first.lonlat]
    for piece in pieces[1:]:
        at_s.append(piece.at_s[1:] + at_s[-1][-1])
        at_m.append(piece.at_m[1:] + at_m[-1][-1])
        lonlat.append(piece.lonlat[1:])
    return Path(
        at_s=np.concatenate(at_s),
        at_m=np.concatenate(at_m),
        lonlat=np.concatenate(lonlat),
        edge=np.concatenate([piece.edge for piece in pieces]),
        start=np.concatenate([piece.start for piece in pieces]),
        end=np.concatenate([piece.end for piece in pieces]),
    )
