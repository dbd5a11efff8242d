"""The moves of a map, and what each costs: straight on, round a corner, through a gate, or not.

Puts together what a map says of its junctions and what `geo.driving.speed` says of turns at a
speed. Knows no graph search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.chains import arms_m
from geo.driving.speed import ArcSpeeds, Profile, turn_times_ms
from geo.driving.vehicles import Vehicle
from geo.roadmap import BARRIER_CLASS_MIN, Barrier, EdgeFlag, RoadMap
from geo.routing.arcgraph import ArcGraph, arc_graph
from geo.routing.engine import CLOSED, Weights

U_TURN_ELSEWHERE_S: Final = 40.0
"""s. Turning round at a junction, in three moves between other traffic; where the road ends it is
as `geo.driving.turning` says. Starting value."""

GATE_S: Final = 60.0
"""s. Stop, open, drive through, close: OSRM and Valhalla `gate_cost` are of this size."""

PRIVATE_S: Final = 20.0
"""s. Entering a road that is private or for farm and forest: a chain, a look for the way in.
Starting value."""

BOARDING_S: Final = 300.0
"""s. From the road onto a ferry, besides its crossing. Starting value."""

BARRIER_STOPS: Final = {
    Barrier.POSTS: frozenset({Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR}),
    Barrier.HEAP: frozenset({Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR, Vehicle.MOTORCYCLE}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """The K moves of a map, in the order of `arcs`."""

    arcs: ArcGraph
    angle_deg: NDArray[np.float32]
    """(K,) -180 … 180, 0 straight on, positive to the right; turning back is 180."""
    back: NDArray[np.bool_]
    """(K,) turning back on the same edge."""
    dead_end: NDArray[np.bool_]
    """(K,) where there is no other way on than back."""
    banned: NDArray[np.bool_]
    """(K,) forbidden by a sign, to whoever drives."""
    barrier: NDArray[np.uint8]
    """(K,) Barrier that the move passes."""
    into_private: NDArray[np.bool_]
    boarding: NDArray[np.bool_]
    """(K,) from the road onto a ferry."""


def turns_of(roadmap: RoadMap) -> Turns:
    """Every move of a map."""
    arcs = arc_graph(roadmap.edge_tail, roadmap.edge_head, roadmap.edge_order)
    leave, enter = arcs.graph.tail, arcs.graph.head
    back = (leave ^ 1) == enter
    return Turns(
        arcs=arcs,
        angle_deg=np.where(back, 180.0, _angles_deg(roadmap, leave, enter)).astype(np.float32),
        back=back,
        dead_end=(np.diff(arcs.first_move) == 1)[leave],
        banned=_banned(roadmap, leave, enter),
        barrier=np.where(back, Barrier.NONE, _barriers(roadmap, leave, enter)).astype(np.uint8),
        into_private=_into(roadmap, EdgeFlag.PRIVATE, leave, enter),
        boarding=_into(roadmap, EdgeFlag.FERRY, leave, enter),
    )


def move_times_ms(turns: Turns, speeds: ArcSpeeds, profile: Profile) -> Weights:
    """(K,) milliseconds of every turn, CLOSED where it is forbidden.

    Straight on along a road costs nothing: its arcs meet at one speed. Walkers turn for nothing,
    and neither gates nor signs hold them up.
    """
    leave, enter = turns.arcs.graph.tail, turns.arcs.graph.head
    seconds = BOARDING_S * turns.boarding
    if profile.vehicle is Vehicle.FOOT:
        return _milliseconds(seconds)
    turning_s = _turning_s(turns, speeds, profile)
    turning_s[speeds.next_arc[leave] == enter] = 0.0
    turning_s[turns.back & ~turns.dead_end] = U_TURN_ELSEWHERE_S
    seconds += turning_s + GATE_S * (turns.barrier == Barrier.GATE) + PRIVATE_S * turns.into_private
    times_ms = _milliseconds(seconds)
    times_ms[turns.banned] = CLOSED
    for barrier, stopped in BARRIER_STOPS.items():
        if profile.vehicle in stopped:
            times_ms[turns.barrier == barrier] = CLOSED
    return times_ms


def _turning_s(turns: Turns, speeds: ArcSpeeds, profile: Profile) -> NDArray[np.float64]:
    times_ms = turn_times_ms(
        np.abs(turns.angle_deg).astype(np.float64),
        speeds.arc_end_speeds_mps[turns.arcs.graph.tail, 1],
        speeds.arc_end_speeds_mps[turns.arcs.graph.head, 0],
        profile,
    )
    return times_ms / 1000.0


def _milliseconds(seconds: NDArray[np.floating]) -> Weights:
    times_ms: Weights = np.rint(1000.0 * seconds).astype(np.uint32)
    return times_ms


def _banned(
    roadmap: RoadMap, leave: NDArray[np.int64], enter: NDArray[np.int64]
) -> NDArray[np.bool_]:
    arcs = 2 * roadmap.edge_count
    forbidden = roadmap.ban_leave.astype(np.int64) * arcs + roadmap.ban_enter
    return np.isin(leave * arcs + enter, forbidden)


def _barriers(
    roadmap: RoadMap, leave: NDArray[np.int64], enter: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """What stands between two arcs; on main roads nothing does."""
    ends = np.column_stack((roadmap.edge_head, roadmap.edge_tail)).ravel()
    minor = _believed(roadmap, leave >> 1) | _believed(roadmap, enter >> 1)
    return np.where(minor, roadmap.node_barrier[ends[leave]], np.uint8(Barrier.NONE))


def _believed(roadmap: RoadMap, edge: NDArray[np.int64]) -> NDArray[np.bool_]:
    minor: NDArray[np.bool_] = roadmap.edge_class[edge] >= BARRIER_CLASS_MIN
    return minor


def _into(
    roadmap: RoadMap, flag: EdgeFlag, leave: NDArray[np.int64], enter: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """From an edge without the flag to one with it."""
    has = (roadmap.edge_flags & int(flag)) != 0
    into: NDArray[np.bool_] = ~has[leave >> 1] & has[enter >> 1]
    return into


def _angles_deg(
    roadmap: RoadMap, leave: NDArray[np.int64], enter: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Between the last metres of one arc and the first of the next."""
    arms = arms_m(roadmap)
    (in_x, in_y), (out_x, out_y) = -arms[leave ^ 1].T, arms[enter].T
    angle: NDArray[np.float64] = np.degrees(
        np.arctan2(out_x * in_y - out_y * in_x, in_x * out_x + in_y * out_y)
    )
    return angle
