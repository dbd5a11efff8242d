"""What cannot happen, looked at while a run happens: a simulator that cheats measures nothing.

A teleport once made sending units elsewhere look three times better. Here every stretch that a unit
drove is held against the least time between its two ends, asked of the router anew and not of the
trip; a battery gains on a charger or by another pack alone; a unit has one job at a time, and no
event lies before another that was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.speed import Profile
from geo.snap import Snap

ROUNDING_S: Final = 0.5
"""Times of roads are whole milliseconds a road, and the parts of one are shared out by length."""
APART_DEG: Final = 1e-6
"""Two places this near are one."""

LeastTime = Callable[[Snap, Snap, Profile], float]
"""Seconds of the quickest way, inf where there is none."""


class InvariantBroken(AssertionError):
    """The run did what no county can."""


class Inspector:
    """Remembers where every unit was last, and what it does."""

    def __init__(self, least_s: LeastTime) -> None:
        self._least_s = least_s
        self._stood: dict[str, tuple[Snap, float]] = {}
        self._job: dict[str, int] = {}
        self._now_s = 0.0
        self.stretches = 0
        """Drives that were looked at."""

    def time(self, now_s: float) -> None:
        """Now is not before what was."""
        if now_s < self._now_s:
            raise InvariantBroken(f"time went back from {self._now_s} s to {now_s} s")
        self._now_s = now_s

    def sets_off(self, unit: str, place: Snap, now_s: float) -> None:
        """A unit begins to drive: from where it was."""
        self.time(now_s)
        stood = self._stood.get(unit)
        if stood is not None and not _one_place(stood[0], place):
            raise InvariantBroken(
                f"{unit} sets off from {_said(place)}, but stood at {_said(stood[0])}"
            )
        self._stood[unit] = (place, now_s)

    def stands(self, unit: str, place: Snap, profile: Profile, now_s: float) -> None:
        """A unit ends driving, there or on the way: no sooner than the road allows."""
        self.time(now_s)
        source, began_s = self._stood[unit]
        took_s, least_s = now_s - began_s, self._least_s(source, place, profile)
        if took_s < least_s - ROUNDING_S:
            raise InvariantBroken(
                f"{unit} took {took_s:.1f} s from {_said(source)} to {_said(place)}, "
                f"where the road takes {least_s:.1f} s"
            )
        self._stood[unit] = (place, now_s)
        self.stretches += 1

    def takes(self, unit: str, job: int) -> None:
        """A unit takes a job: its only one."""
        if unit in self._job:
            raise InvariantBroken(f"{unit} takes job {job} and still has {self._job[unit]}")
        self._job[unit] = job

    def leaves(self, unit: str, job: int) -> None:
        """And ends this one, no other."""
        if self._job.pop(unit, None) != job:
            raise InvariantBroken(f"{unit} ends job {job}, which it does not have")

    def given_up(self, waiting: int, *, idle: bool) -> None:
        """The run ends while calls wait: then nobody stands idle who could be sent."""
        if waiting and idle:
            raise InvariantBroken(f"{waiting} calls wait, and a unit is free that could be sent")

    def charges(
        self,
        before_pct: NDArray[np.float64],
        after_pct: NDArray[np.float64],
        may_gain: NDArray[np.bool_],
    ) -> None:
        """Batteries pass some time: those on no charger, and not swapped, gain nothing."""
        gained = (after_pct > before_pct + 1e-9) & ~may_gain
        if gained.any():
            raise InvariantBroken(
                f"battery {int(np.flatnonzero(gained)[0])} gained without a charger"
            )


def _one_place(one: Snap, other: Snap) -> bool:
    return abs(one.lon - other.lon) <= APART_DEG and abs(one.lat - other.lat) <= APART_DEG


def _said(place: Snap) -> str:
    return f"{place.lon:.5f}, {place.lat:.5f}"
