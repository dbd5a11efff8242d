"""The ground as servers and the command line see it: snap, travel time, route, reach.

Puts a road map, its travel times, the snap index and an engine together. Seconds outside, whole
milliseconds inside. Not thread-safe, and the CCH engine belongs to the thread that made it: make,
use and close a Ground on one thread. `Snap`s are plain values and may travel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from geo import mapfolder
from geo.errors import NoRouteError
from geo.overlay import Overlay
from geo.projection import projection
from geo.roadmap import RoadMap
from geo.routing.choose import EngineName, choose
from geo.routing.engine import UNREACHABLE, Graph, Millis, Weights
from geo.routing.partial import Leg, PartialRouter
from geo.snap import Snap, SnapIndex
from geo.speed import Profile, travel_times_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """The quickest way from one place on the road to another."""

    duration_s: float
    distance_m: float
    lonlat: NDArray[np.float64]
    """(k, 2) degrees, k >= 2, in driving order, partial first and last edges included."""
    legs: tuple[Leg, ...]
    """The edges driven, in order; none where source and target are one place."""
    leg_s: NDArray[np.float64]
    """(len(legs),) seconds of driving along each leg, as the roads are now, turns not counted."""


class Ground:
    """Travel time over one map for one profile."""

    def __init__(
        self, roadmap: RoadMap, *, engine: EngineName = "auto", profile: Profile | None = None
    ) -> None:
        """Raises EngineUnavailable if the engine asked for cannot run here."""
        self.roadmap = roadmap
        self.profile = profile or Profile()
        self._points = np.asarray(roadmap.point_lonlat)  # a mapped file is slow to slice
        self._weights = travel_times_ms(roadmap, self.profile)
        self._overlay = Overlay(len(self._weights))
        self._index = SnapIndex(roadmap)
        self._router = PartialRouter(
            choose(road_graph(roadmap), self._weights, engine),
            roadmap.node_count,
            roadmap.edge_tail,
            roadmap.edge_head,
            self._weights,
        )

    @classmethod
    def open(
        cls, map_dir: Path, *, engine: EngineName = "auto", profile: Profile | None = None
    ) -> Self:
        """Load a map folder. Raises MapFolderError if it is missing, corrupt or too old."""
        return cls(mapfolder.load(Path(map_dir)), engine=engine, profile=profile)

    @property
    def engine_name(self) -> str:
        """Which engine answers: "cch" or "scipy"."""
        return self._router.engine.name

    @property
    def weights_ms(self) -> Weights:
        """(2M,) modelled milliseconds per arc, without live changes. Do not write to it."""
        return self._weights

    @property
    def arc_s(self) -> NDArray[np.float64]:
        """(2M,) seconds per arc as the roads are now, live changes included; inf if closed."""
        return _seconds(self._router.weights_ms)

    def snap(self, lon: float, lat: float) -> Snap:
        """The nearest place on a drivable road.

        Raises OffMapError outside the map, NoRouteError farther than SNAP_M_MAX from any road.
        """
        return self._index.snap(lon, lat)

    def etas(self, sources: Sequence[Snap], target: Snap) -> NDArray[np.float64]:
        """(S,) seconds from each source to the target; inf where no road leads there."""
        return _seconds(self._router.etas(sources, target))

    def matrix(self, sources: Sequence[Snap], targets: Sequence[Snap]) -> NDArray[np.float64]:
        """(S, T) seconds; inf where no road leads."""
        return _seconds(self._router.matrix(sources, targets))

    def route(self, source: Snap, target: Snap) -> Route:
        """The quickest way with its shape. Raises NoRouteError where no road leads."""
        journey = self._router.route(source, target)
        if journey is None:
            raise NoRouteError(
                f"no road connects {source.lon:.5f}, {source.lat:.5f} "
                f"with {target.lon:.5f}, {target.lat:.5f}"
            )
        lengths = (self._length_m(leg) for leg in journey.legs)
        return Route(
            duration_s=journey.total_ms / 1000.0,
            distance_m=float(sum(lengths)),
            lonlat=self._shape(source, target, journey.legs),
            legs=journey.legs,
            leg_s=self._router.leg_ms(journey.legs) / 1000.0,
        )

    def reach(self, source: Snap, limit_s: float) -> NDArray[np.float64]:
        """(N,) seconds from the source to every node; inf beyond the limit."""
        limit_ms = min(round(max(limit_s, 0.0) * 1000), UNREACHABLE - 1)
        return _seconds(self._router.reach(source, limit_ms))

    def reach_edges(self, source: Snap, limit_s: float) -> NDArray[np.float64]:
        """(M, 2) seconds from the source to the tail and the head of every edge; inf beyond."""
        at_nodes = self.reach(source, limit_s)
        ends = (self.roadmap.edge_tail, self.roadmap.edge_head)
        return np.column_stack([at_nodes[end] for end in ends])

    def set_overrides(self, overrides: Mapping[int, float]) -> None:
        """Close or slow roads, for the next answer; replaces what was set before.

        Arc (2e forward, 2e + 1 backward) → factor above 1 on its travel time, or CLOSED; arcs that
        are not named run as modelled. Raises ValueError, changing nothing, for any other value.
        """
        arcs = self._overlay.set_overrides(overrides)
        if len(arcs):
            self._router.apply(arcs, self._overlay.over(self._weights, arcs))

    def set_factors(self, factors: NDArray[np.float32]) -> None:
        """Take over (2M,) learned factors on the modelled times, for every profile.

        Raises ValueError, changing nothing, where they are not what `geo.overlay` allows.
        """
        self._overlay.set_learned(factors)
        self._router.reset(self._overlay.over(self._weights))

    def close(self) -> None:
        """Let go of the engine, on the thread that made this Ground."""
        self._router.engine.close()

    def _length_m(self, leg: Leg) -> float:
        return float(self.roadmap.edge_length_m[leg.edge]) * abs(leg.end - leg.start)

    def _shape(self, source: Snap, target: Snap, legs: Sequence[Leg]) -> NDArray[np.float64]:
        parts = [np.array([[source.lon, source.lat]])]
        parts += [self._leg_shape(leg) for leg in legs]
        parts.append(np.array([[target.lon, target.lat]]))
        points = np.concatenate(parts)
        moved = np.ones(len(points), dtype=np.bool_)
        moved[1:-1] = (points[1:-1] != points[:-2]).any(axis=1)
        return points[moved]

    def _leg_shape(self, leg: Leg) -> NDArray[np.float64]:
        """Shape points of the leg, without ends that lie in the middle of the edge."""
        first = self.roadmap.edge_first_point
        shape = self._points[first[leg.edge] : first[leg.edge + 1]]
        low, high = sorted((leg.start, leg.end))
        if (low, high) != (0.0, 1.0):
            metres = projection(self.roadmap.meta.crs).to_metres(shape)
            along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(metres, axis=0).T))))
            share = along / along[-1] if along[-1] > 0.0 else np.linspace(0.0, 1.0, len(along))
            share[-1] = 1.0
            shape = shape[(share >= low) & (share <= high)]
        return shape if leg.start < leg.end else shape[::-1]


def road_graph(roadmap: RoadMap) -> Graph:
    """Nodes and arcs of a map: arc 2e forward, arc 2e + 1 backward."""
    tail = np.empty(2 * roadmap.edge_count, dtype=np.int64)
    head = np.empty_like(tail)
    tail[0::2], head[0::2] = roadmap.edge_tail, roadmap.edge_head
    tail[1::2], head[1::2] = roadmap.edge_head, roadmap.edge_tail
    return Graph(node_count=roadmap.node_count, tail=tail, head=head, order=roadmap.node_order)


def _seconds(totals_ms: Millis) -> NDArray[np.float64]:
    return np.where(totals_ms < UNREACHABLE, totals_ms / 1000.0, np.inf)
