"""The moves of a map, and what each costs: straight on, round a corner, back, or not at all.

Puts together what a map says of its junctions and what `geo.speed` says of turns at a speed.
Knows no graph search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.chains import arms_m
from geo.roadmap import RoadMap
from geo.routing.arcgraph import ArcGraph, arc_graph
from geo.routing.engine import Weights
from geo.speed import ArcSpeeds, Profile, turn_times_ms
from geo.vehicles import Vehicle

U_TURN_ELSEWHERE_S: Final = 40.0
"""s. Turning round at a junction, in three moves between other traffic; where the road ends it is
as `geo.turning` says. Starting value."""


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
    )


def move_times_ms(turns: Turns, speeds: ArcSpeeds, profile: Profile) -> Weights:
    """(K,) milliseconds of every turn, CLOSED where it is forbidden.

    Straight on along a road costs nothing: its arcs meet at one speed.
    """
    leave, enter = turns.arcs.graph.tail, turns.arcs.graph.head
    times_ms = turn_times_ms(
        np.abs(turns.angle_deg).astype(np.float64),
        speeds.arc_end_speeds_mps[leave, 1],
        speeds.arc_end_speeds_mps[enter, 0],
        profile,
    )
    if profile.vehicle is not Vehicle.FOOT:
        times_ms[turns.back & ~turns.dead_end] = round(1000 * U_TURN_ELSEWHERE_S)
    times_ms[speeds.next_arc[leave] == enter] = 0
    return times_ms


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
