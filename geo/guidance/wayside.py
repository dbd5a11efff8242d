"""What to mind on a route: steep descents, single track, tunnels, ferries, closures, dead zones.

Each caution is a stretch of the route, by metres from its start. Knows no words
(`geo.guidance.wording`), and not why a road is closed or where radio ends: both are handed in.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.desired import single_track
from geo.roadmap import EdgeFlag, RoadMap

if TYPE_CHECKING:
    from geo.ground import Route
    from geo.routing.journey import Leg, Legs

STEEP_PCT: Final = 8.0
"""Mean grade down from which a stretch counts as steep: the most that China's design code JTG D20
allows on roads for 30 km/h, as we recall it. Starting value."""

STEEP_M: Final = 300.0
"""Length over which it is taken: the longest stretch of such a grade in the same code, as we recall
it. Starting value."""

SINGLE_TRACK_M_MIN: Final = 200.0
"""Shorter narrow places are passed at a glance. Starting value."""

TUNNEL_M_MIN: Final = 100.0
"""Shorter tunnels lose neither radio nor position. Starting value."""

GAP_M_MAX: Final = 150.0
"""Stretches of one kind closer than this are said as one."""

SAMPLE_M: Final = 25.0
"""Between heights along the route: the map's are smoothed over more."""

CAUTIONS_MAX: Final = 100
"""Of one route; the first along the way are kept."""

Floats = NDArray[np.float64]


class Hazard(StrEnum):
    STEEP_DESCENT = "steep_descent"
    SINGLE_TRACK = "single_track"
    TUNNEL = "tunnel"
    FERRY = "ferry"
    CLOSURE_BESIDE = "closure_beside"
    DEAD_ZONE = "dead_zone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caution:
    """A stretch of a route to be minded."""

    hazard: Hazard
    at_m: float
    """From the start of the route."""
    length_m: float
    """0: a point."""
    grade_pct: float | None = None
    """Of a steep descent: its steepest STEEP_M, negative."""
    road: str = ""
    """Number or name of the closed road, as on the map; "" where it has neither."""


def cautions(
    roadmap: RoadMap,
    route: Route,
    *,
    closed: Collection[int] = (),
    silent: Sequence[tuple[float, float]] = (),
) -> list[Caution]:
    """What to mind, in the order it comes; CAUTIONS_MAX at most.

    `closed`: edges closed now; `silent`: where radio ends and comes back, metres from the start, in
    order; `geo.radio.ahead` knows.
    """
    if not route.legs:
        return []
    found = [
        *_flagged(roadmap, route),
        *_steep(roadmap, route),
        *_closures(roadmap, route, frozenset(closed)),
        *_silent(route, silent),
    ]
    return sorted(found, key=lambda each: (each.at_m, each.hazard))[:CAUTIONS_MAX]


def leg_lengths_m(roadmap: RoadMap, legs: Legs) -> Floats:
    """(K,) metres along each leg."""
    lengths: Floats = roadmap.edge_length_m[legs.edge].astype(np.float64) * legs.share
    return lengths


def end_node(roadmap: RoadMap, leg: Leg) -> int:
    """The node that a leg drives towards."""
    return int((roadmap.edge_head if leg.end > leg.start else roadmap.edge_tail)[leg.edge])


def road_label(roadmap: RoadMap, edge: int) -> str:
    """Number and name of a road as on the map: "G320 Valley Road"; "" where it has neither."""
    indices = (int(roadmap.edge_ref[edge]), int(roadmap.edge_name[edge]))
    return " ".join(roadmap.names[index] for index in indices if index >= 0)


def _flagged(roadmap: RoadMap, route: Route) -> Iterator[Caution]:
    edges = route.legs.edge
    lengths_m = leg_lengths_m(roadmap, route.legs)
    flags = roadmap.edge_flags[edges]
    ferry = (flags & int(EdgeFlag.FERRY)) != 0
    kinds = (
        (Hazard.TUNNEL, (flags & int(EdgeFlag.TUNNEL)) != 0, TUNNEL_M_MIN),
        (Hazard.SINGLE_TRACK, single_track(roadmap)[edges] & ~ferry, SINGLE_TRACK_M_MIN),
        (Hazard.FERRY, ferry, 0.0),
    )
    ends_m = np.cumsum(lengths_m)
    for hazard, marked, length_m_min in kinds:
        stretches = zip((ends_m - lengths_m)[marked], ends_m[marked], strict=True)
        for start_m, end_m in _joined(stretches):
            if end_m - start_m >= length_m_min:
                yield Caution(hazard=hazard, at_m=start_m, length_m=end_m - start_m)


def _steep(roadmap: RoadMap, route: Route) -> Iterator[Caution]:
    along_m, height_m = _profile(roadmap, route)
    known = np.isfinite(height_m)
    if along_m[-1] < STEEP_M or known.sum() < 2:
        return
    at_m = np.arange(0.0, along_m[-1], SAMPLE_M)
    heights_m = np.interp(at_m, along_m[known], height_m[known])
    window = round(STEEP_M / SAMPLE_M)
    drops_m = heights_m[:-window] - heights_m[window:]
    steep = np.flatnonzero(drops_m >= STEEP_PCT / 100.0 * STEEP_M)
    stretches = zip(at_m[steep], at_m[steep + window], strict=True)
    for start_m, end_m in _joined(stretches):
        within = (at_m[steep] >= start_m) & (at_m[steep] < end_m)
        yield Caution(
            hazard=Hazard.STEEP_DESCENT,
            at_m=start_m,
            length_m=end_m - start_m,
            grade_pct=-100.0 * float(drops_m[steep][within].max()) / STEEP_M,
        )


def _profile(roadmap: RoadMap, route: Route) -> tuple[Floats, Floats]:
    """Metres along the route and heights there, at the shape points of its legs."""
    along, heights = [np.zeros(1)], [np.full(1, np.nan)]
    done_m = 0.0
    for leg, length_m in zip(route.legs, leg_lengths_m(roadmap, route.legs), strict=True):
        share, height_m = _edge_profile(roadmap, leg.edge)
        inner = share[(share > min(leg.start, leg.end)) & (share < max(leg.start, leg.end))]
        at = np.concatenate(([leg.start], inner if leg.end > leg.start else inner[::-1], [leg.end]))
        along.append(done_m + np.abs(at - leg.start) * float(roadmap.edge_length_m[leg.edge]))
        heights.append(np.interp(at, share, height_m))
        done_m += float(length_m)
    return np.concatenate(along), np.concatenate(heights)


def _edge_profile(roadmap: RoadMap, edge: int) -> tuple[Floats, Floats]:
    """Share of the edge's length and height at each of its shape points."""
    first, last = roadmap.edge_first_point[edge : edge + 2]
    shape = np.asarray(roadmap.point_lonlat[first:last])
    squeeze = np.array([np.cos(np.radians(shape[0, 1])), 1.0])
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*(np.diff(shape, axis=0) * squeeze).T))))
    share = along / along[-1] if along[-1] > 0.0 else np.linspace(0.0, 1.0, len(along))
    return share, np.asarray(roadmap.point_ele_m[first:last], dtype=np.float64)


def _closures(roadmap: RoadMap, route: Route, closed: frozenset[int]) -> Iterator[Caution]:
    """Closed roads that begin at a junction the route passes."""
    ends: dict[int, int] = {}
    for edge in closed - set(route.legs.edge.tolist()):
        for node in (roadmap.edge_tail[edge], roadmap.edge_head[edge]):
            ends.setdefault(int(node), edge)
    if not ends:
        return
    ends_m = np.cumsum(leg_lengths_m(roadmap, route.legs))
    said = set()
    for leg, end_m in zip(route.legs, ends_m.tolist(), strict=True):
        if leg.end not in (0.0, 1.0):
            continue  # arrived in the middle of a road
        edge = ends.get(end_node(roadmap, leg), -1)
        if edge >= 0 and edge not in said:
            said.add(edge)
            yield Caution(
                hazard=Hazard.CLOSURE_BESIDE,
                at_m=end_m,
                length_m=0.0,
                road=road_label(roadmap, edge),
            )


def _silent(route: Route, silent: Sequence[tuple[float, float]]) -> Iterator[Caution]:
    within = [
        (max(start_m, 0.0), min(end_m, route.distance_m))
        for start_m, end_m in silent
        if start_m < route.distance_m and end_m > 0.0
    ]
    for start_m, end_m in _joined(within):
        yield Caution(hazard=Hazard.DEAD_ZONE, at_m=start_m, length_m=end_m - start_m)


def _joined(
    stretches: Iterator[tuple[float, float]] | list[tuple[float, float]],
) -> list[tuple[float, float]]:
    """Stretches in order, those that overlap or nearly touch made one."""
    joined: list[tuple[float, float]] = []
    for start_m, end_m in stretches:
        if joined and start_m - joined[-1][1] <= GAP_M_MAX:
            joined[-1] = (joined[-1][0], max(float(end_m), joined[-1][1]))
        else:
            joined.append((float(start_m), float(end_m)))
    return joined
