"""How a unit sets off: from its place on the road, on its heading, after its turnout.

A unit under way goes on to the next node ahead; to go the other way it must turn round. One that
stands, or whose heading says nothing (across the road, between two ways), may set off either way.
Knows no travel time but that of turning round.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from geo.routing.engine import Millis
from geo.routing.places import Places
from geo.snap import Snap

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


def departure(
    snap: Snap,
    shape: NDArray[np.float64],
    heading_deg: float | None,
    speed_mps: float | None,
    *,
    turnout_s: float = 0.0,
) -> Departure:
    """A departure on a heading (compass, degrees). `shape`: (k, 2) degrees, of the snap's edge."""
    ahead = None
    if heading_deg is not None and speed_mps is not None and speed_mps >= MOVING_MPS_MIN:
        off_deg = abs((heading_deg - _bearing_deg(snap, shape) + 180.0) % 360.0 - 180.0)
        if off_deg <= HEADING_OFF_DEG_MAX:
            ahead = 0
        elif off_deg >= 180.0 - HEADING_OFF_DEG_MAX:
            ahead = 1
    return Departure(snap=snap, ahead=ahead, turnout_s=turnout_s)


def starts(sources: Sequence[Start]) -> Places:
    """Sources as the router takes them."""
    delay_ms: Millis = np.zeros((len(sources), 2), dtype=np.int64)
    for row, each in enumerate(sources):
        if isinstance(each, Departure):
            delay_ms[row] = [round(1000.0 * delay_s) for delay_s in each.delays_s]
    return Places.of([snap_of(each) for each in sources], delay_ms)


def snap_of(source: Start) -> Snap:
    """Its place on the road."""
    return source.snap if isinstance(source, Departure) else source


def _bearing_deg(snap: Snap, shape: NDArray[np.float64]) -> float:
    """Of the piece of road under the snap, tail to head."""
    squeeze = np.array([np.cos(np.radians(snap.lat)), 1.0])
    steps = np.diff(shape, axis=0) * squeeze
    lengths = np.hypot(*steps.T)
    along = np.cumsum(lengths)
    at = int(np.searchsorted(along, snap.fraction * along[-1]).clip(0, len(steps) - 1))
    if not lengths[at]:
        at = int(lengths.argmax())
    return float(np.degrees(np.arctan2(steps[at, 0], steps[at, 1])))
