"""Turn by turn: a route as the instructions a driver needs, and no others.

A junction is worth a word where the driver could go wrong: another road of at least the same class
leaves it about as straight, or the way turns off. Bends without a choice are not turns, however
sharp. Names and numbers come from the map as they are; words are `geo.guidance.wording`.

Angles are between the last BEARING_M before a junction and the first after it, 0 straight on,
positive to the right; their classes are Valhalla's (`baldr::Turn`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from geo.guidance.wayside import Caution, cautions, end_node, leg_lengths_m, road_label
from geo.roadmap import EdgeFlag, RoadClass, RoadMap

if TYPE_CHECKING:
    from geo.ground import Route
    from geo.routing.journey import Leg

BEARING_M: Final = 20.0
"""Length of road that gives its direction at a junction. Starting value."""

TURN_DEG: Final = 45.0
"""From here a change of direction is a turn. Valhalla."""

RIVAL_DEG: Final = 25.0
"""A road less than this more crooked than ours may be taken for ours. Starting value."""

WALK_M_MIN: Final = 50.0
"""Nearer to the road than this, one has arrived. Starting value."""

DEGREE_M: Final = 111_195.0
"""A degree of latitude."""

STEPS_MAX: Final = 500
"""Of one route; a longer one is cut, arrival kept."""


class Maneuver(StrEnum):
    DEPART = "depart"
    CONTINUE = "continue"
    """The same way under another name."""
    TURN = "turn"
    U_TURN = "u_turn"
    ROUNDABOUT = "roundabout"
    FERRY = "ferry"
    ARRIVE = "arrive"
    WALK = "walk"
    """From the road to the place."""


class Bend(StrEnum):
    STRAIGHT = "straight"
    SLIGHT_RIGHT = "slight_right"
    RIGHT = "right"
    SHARP_RIGHT = "sharp_right"
    SLIGHT_LEFT = "slight_left"
    LEFT = "left"
    SHARP_LEFT = "sharp_left"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One instruction, and the stretch to the next one."""

    maneuver: Maneuver
    at_m: float
    """From the start of the route."""
    distance_m: float
    """Until the next step; of a walk, as the crow flies."""
    duration_s: float
    lon: float
    lat: float
    bend: Bend | None = None
    """Of a turn, or of a roundabout from entry to exit."""
    exit: int | None = None
    """Of a roundabout: which exit, from 1; None where the route ends in it."""
    heading_deg: float | None = None
    """Compass direction to set off in, or to walk."""
    road: str = ""
    """Number and name of the road of the stretch, as on the map; "" where it has neither."""
    road_class: RoadClass | None = None
    cautions: tuple[Caution, ...] = ()
    """What begins on the stretch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Turn:
    """What happens between one leg and the next."""

    maneuver: Maneuver
    bend: Bend | None = None
    exit: int | None = None


class Guide:
    """Makes steps over one map."""

    def __init__(self, roadmap: RoadMap) -> None:
        self._map = roadmap
        self._tail = np.column_stack((roadmap.edge_tail, roadmap.edge_head)).ravel()
        self._arcs_by_tail = np.argsort(self._tail, kind="stable")
        self._first = np.searchsorted(
            self._tail[self._arcs_by_tail], np.arange(roadmap.node_count + 1)
        )

    def steps(
        self,
        route: Route,
        *,
        place: tuple[float, float] | None = None,
        closed: Collection[int] = (),
        silent: Sequence[tuple[float, float]] = (),
    ) -> list[Step]:
        """From setting off to arriving; `place` (degrees) adds the walk from the road to it.

        `closed`, `silent`: see `geo.guidance.wayside.cautions`. STEPS_MAX at most.
        """
        steps = self._drive(route)
        arrived = Step(
            maneuver=Maneuver.ARRIVE,
            at_m=route.distance_m,
            distance_m=0.0,
            duration_s=0.0,
            lon=float(route.lonlat[-1, 0]),
            lat=float(route.lonlat[-1, 1]),
        )
        found = cautions(self._map, route, closed=closed, silent=silent)
        return [*_with_cautions(steps[:STEPS_MAX], found), arrived, *_walk(arrived, place)]

    def _drive(self, route: Route) -> list[Step]:
        legs = list(route.legs)
        if not legs:
            return []
        starts = [(0, _Turn(maneuver=Maneuver.DEPART)), *self._turns(legs)]
        lengths_m = leg_lengths_m(self._map, route.legs)
        at_m = np.concatenate(([0.0], np.cumsum(lengths_m)))
        at_s = np.concatenate(([0.0], np.cumsum(route.turn_s + route.leg_s)))
        ends = [start for start, _ in starts[1:]] + [len(legs)]
        steps = []
        for (start, turn), end in zip(starts, ends, strict=True):
            lon, lat = self._where(route, start)
            named = self._naming_leg(legs[start:end])
            steps.append(
                Step(
                    maneuver=turn.maneuver,
                    at_m=float(at_m[start]),
                    distance_m=float(at_m[end] - at_m[start]),
                    duration_s=float(at_s[end] - at_s[start]),
                    lon=lon,
                    lat=lat,
                    bend=turn.bend,
                    exit=turn.exit,
                    heading_deg=self._heading(legs[0]) if start == 0 else None,
                    road=road_label(self._map, named.edge),
                    road_class=RoadClass(int(self._map.edge_class[named.edge])),
                )
            )
        return steps

    def _turns(self, legs: Sequence[Leg]) -> list[tuple[int, _Turn]]:
        """(first leg after it, what it is) of every place worth a word."""
        turns = []
        leg = 1
        while leg < len(legs):
            if self._has(legs[leg], EdgeFlag.ROUNDABOUT) and not self._has(
                legs[leg - 1], EdgeFlag.ROUNDABOUT
            ):
                turn, after = self._around(legs, leg)
                turns.append((leg, turn))
                leg = after
            elif (turned := self._turn(legs[leg - 1], legs[leg])) is not None:
                turns.append((leg, turned))
            leg += 1
        return turns

    def _turn(self, before: Leg, after: Leg) -> _Turn | None:
        """At one junction; None where the driver cannot go wrong."""
        if after.edge == before.edge:
            same_way = (before.end > before.start) == (after.end > after.start)
            return None if same_way else _Turn(maneuver=Maneuver.U_TURN)
        if self._has(after, EdgeFlag.FERRY) and not self._has(before, EdgeFlag.FERRY):
            return _Turn(maneuver=Maneuver.FERRY)
        ours = self._angle(before.arc, after.arc)
        rivals = self._rivals(before, after)
        if rivals and (abs(ours) >= TURN_DEG or min(map(abs, rivals)) < abs(ours) + RIVAL_DEG):
            return _Turn(maneuver=Maneuver.TURN, bend=bend_of(ours))
        if self._identity(before) != self._identity(after) and road_label(self._map, after.edge):
            return _Turn(maneuver=Maneuver.CONTINUE)
        return None

    def _rivals(self, before: Leg, after: Leg) -> list[float]:
        """Angles of the other ways on from a junction that could be taken for ours."""
        classes = self._map.edge_class
        return [
            self._angle(before.arc, arc)
            for arc in self._leaving(end_node(self._map, before))
            if arc >> 1 not in (before.edge, after.edge)
            and classes[arc >> 1] <= classes[after.edge]
        ]

    def _around(self, legs: Sequence[Leg], entry: int) -> tuple[_Turn, int]:
        """A roundabout entered with leg `entry`; and the leg with which it is left."""
        leg, exits = entry, 0
        while leg < len(legs) and self._has(legs[leg], EdgeFlag.ROUNDABOUT):
            exits += int(self._has_exit(legs[leg]))
            leg += 1
        if leg == len(legs):
            return _Turn(maneuver=Maneuver.ROUNDABOUT), leg
        way_in, way_out = self._arc_end_deg(legs[entry - 1].arc), self._arc_start_deg(legs[leg].arc)
        bend = bend_of(_signed_deg(way_out - way_in))
        return _Turn(maneuver=Maneuver.ROUNDABOUT, bend=bend, exit=exits), leg

    def _has_exit(self, leg: Leg) -> bool:
        """Whether a road leaves the roundabout where this leg of it ends."""
        return any(
            not int(self._map.edge_flags[arc >> 1]) & EdgeFlag.ROUNDABOUT
            for arc in self._leaving(end_node(self._map, leg))
        )

    def _leaving(self, node: int) -> list[int]:
        """Arcs from a node that a car may drive."""
        arcs = self._arcs_by_tail[self._first[node] : self._first[node + 1]]
        shut = np.where(arcs & 1, int(EdgeFlag.CLOSED_BACKWARD), int(EdgeFlag.CLOSED_FORWARD))
        found: list[int] = arcs[(self._map.edge_flags[arcs >> 1] & shut) == 0].tolist()
        return found

    def _has(self, leg: Leg, flag: EdgeFlag) -> bool:
        return bool(int(self._map.edge_flags[leg.edge]) & flag)

    def _identity(self, leg: Leg) -> tuple[int, int]:
        return int(self._map.edge_ref[leg.edge]), int(self._map.edge_name[leg.edge])

    def _naming_leg(self, legs: Sequence[Leg]) -> Leg:
        """The leg that names a stretch: behind a roundabout, the road it is left by."""
        outside = (leg for leg in legs if not self._has(leg, EdgeFlag.ROUNDABOUT))
        return next(outside, legs[0])

    def _where(self, route: Route, leg: int) -> tuple[float, float]:
        if leg == 0:
            return float(route.lonlat[0, 0]), float(route.lonlat[0, 1])
        lon, lat = self._map.node_lonlat[end_node(self._map, route.legs[leg - 1])].tolist()
        return lon, lat

    def _heading(self, leg: Leg) -> float:
        return float(self._arc_start_deg(leg.arc) % 360.0)

    def _angle(self, before: int, after: int) -> float:
        """Degrees from the end of one arc to the start of the next, right positive."""
        return _signed_deg(self._arc_start_deg(after) - self._arc_end_deg(before))

    def _arc_start_deg(self, arc: int) -> float:
        return _bearing_deg(self._shape(arc))

    def _arc_end_deg(self, arc: int) -> float:
        return _bearing_deg(self._shape(arc)[::-1]) + 180.0

    def _shape(self, arc: int) -> NDArray[np.float64]:
        shape = self._map.shape(arc >> 1)
        return shape[::-1] if arc & 1 else shape


def bend_of(angle_deg: float) -> Bend:
    """The class of an angle, right positive. Valhalla's bounds; a turn round counts as sharp."""
    size = abs(angle_deg)
    if size <= 10.0:
        return Bend.STRAIGHT
    to_right = angle_deg > 0.0
    if size < TURN_DEG:
        return Bend.SLIGHT_RIGHT if to_right else Bend.SLIGHT_LEFT
    if size <= 135.0:
        return Bend.RIGHT if to_right else Bend.LEFT
    return Bend.SHARP_RIGHT if to_right else Bend.SHARP_LEFT


def _with_cautions(steps: Sequence[Step], found: Sequence[Caution]) -> list[Step]:
    """Each caution with the step on whose stretch it begins."""
    ends_m = [*(step.at_m for step in steps), float("inf")][1:]
    return [
        replace(step, cautions=tuple(each for each in found if step.at_m <= each.at_m < end_m))
        for step, end_m in zip(steps, ends_m, strict=True)
    ]


def _walk(arrived: Step, place: tuple[float, float] | None) -> list[Step]:
    if place is None:
        return []
    ends = np.array([place])
    ((east_m, north_m),) = _offsets_m(np.array([arrived.lon, arrived.lat]), ends).tolist()
    distance_m = float(np.hypot(east_m, north_m))
    if distance_m < WALK_M_MIN:
        return []
    return [
        replace(
            arrived,
            maneuver=Maneuver.WALK,
            distance_m=distance_m,
            heading_deg=float(np.degrees(np.arctan2(east_m, north_m)) % 360.0),
        )
    ]


def _bearing_deg(shape: NDArray[np.float64]) -> float:
    """Compass direction of the first BEARING_M of a line in degrees."""
    offsets_m = _offsets_m(shape[0], shape)
    far = np.hypot(*offsets_m.T) >= BEARING_M
    east_m, north_m = offsets_m[far.argmax() if far.any() else -1].tolist()
    return float(np.degrees(np.arctan2(east_m, north_m)))


def _offsets_m(start: NDArray[np.float64], ends: NDArray[np.float64]) -> NDArray[np.float64]:
    """(k, 2) metres east and north of the start, on a sphere flat enough for a kilometre."""
    squeeze = np.array([np.cos(np.radians(start[1])), 1.0])
    offsets: NDArray[np.float64] = (ends - start) * squeeze * DEGREE_M
    return offsets


def _signed_deg(angle_deg: float) -> float:
    """The same angle, -180 to below 180."""
    return (angle_deg + 180.0) % 360.0 - 180.0
