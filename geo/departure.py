"""How a unit sets off: from its place on the road, on its heading, after its turnout.

A unit under way goes on to the next node ahead; to go the other way it must turn round. One that
stands, or whose heading says nothing (across the road, between two ways), may set off either way.
Knows no travel time but that of turning round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias, cast

import numpy as np

from geo.routing.places import Places
from geo.snap import Snap
from geo.wayline import WayLines

MOVING_MPS_MIN: Final = 2.0
"""m/s. Slower than this a receiver's heading is noise. Starting value."""

HEADING_OFF_DEG_MAX: Final = 60.0
"""Degrees between heading and road up to which the unit drives along it. Starting value."""

TURN_ROUND_S: Final = 20.0
"""s. Turning round under way: OSRM `u_turn_penalty`."""

TURNOUT_S_MAX: Final = 3_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """A place on the road and what it takes to leave it."""

    snap: Snap
    ahead: int | None = None
    """0 under way towards the edge's head, 1 towards its tail, None may go either way."""
    turnout_s: float = 0.0
    """Before it moves at all."""

    def __post_init__(self) -> None:
        if not 0.0 <= self.turnout_s <= TURNOUT_S_MAX:
            raise ValueError(f"turnout takes 0 to {TURNOUT_S_MAX:.0f} seconds")

    @property
    def delays_s(self) -> tuple[float, float]:
        """Before it can leave towards the head, towards the tail."""
        return (
            self.turnout_s + TURN_ROUND_S * (self.ahead == 1),
            self.turnout_s + TURN_ROUND_S * (self.ahead == 0),
        )


Start: TypeAlias = Snap | Departure


def departures(
    snaps: Sequence[Snap],
    headings_deg: Sequence[float | None],
    speeds_mps: Sequence[float | None],
    lines: WayLines,
    turnouts_s: Sequence[float],
) -> list[Departure]:
    """A departure of each, on its heading (compass, degrees)."""
    ahead: list[int | None] = [None] * len(snaps)
    moving = [
        row
        for row, (heading_deg, speed_mps) in enumerate(zip(headings_deg, speeds_mps, strict=True))
        if heading_deg is not None and speed_mps is not None and speed_mps >= MOVING_MPS_MIN
    ]
    if moving:
        roads_deg = lines.bearings_deg([snaps[row] for row in moving])
        for row, road_deg in zip(moving, roads_deg.tolist(), strict=True):
            ahead[row] = _ahead(headings_deg[row] - road_deg)
    return [
        Departure(snap=snap, ahead=side, turnout_s=turnout_s)
        for snap, side, turnout_s in zip(snaps, ahead, turnouts_s, strict=True)
    ]


def _ahead(off_deg: float) -> int | None:
    """Which end of the road a unit goes to, by the angle between the two."""
    off_deg = abs((off_deg + 180.0) % 360.0 - 180.0)
    if off_deg <= HEADING_OFF_DEG_MAX:
        return 0
    return 1 if off_deg >= 180.0 - HEADING_OFF_DEG_MAX else None


def start_of(source: Start) -> Places:
    """`starts` of one."""
    if not isinstance(source, Departure):
        return Places.one(source)
    return Places.one(source.snap, [round(1000.0 * delay_s) for delay_s in source.delays_s])


def starts(sources: Sequence[Start]) -> Places:
    """Sources as the router takes them."""
    if Departure not in set(map(type, sources)):
        return Places.of(cast(Sequence[Snap], sources))
    delays_s = [each.delays_s if isinstance(each, Departure) else (0.0, 0.0) for each in sources]
    delay_ms = np.rint(1000.0 * np.array(delays_s)).astype(np.int64)
    return Places.of([snap_of(each) for each in sources], delay_ms)


def snap_of(source: Start) -> Snap:
    """Its place on the road."""
    return source.snap if isinstance(source, Departure) else source
