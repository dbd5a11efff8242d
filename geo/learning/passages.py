"""When a matched vehicle entered and left each arc, told honestly.

Places of fixes along the way err by ten metres, so some lie behind their forerunner: isotonic
regression (pool adjacent violators) puts them in order without favouring early or late. Between
two fixes nobody knows the speed: the time is shared out in proportion to the modelled time, and
each passage says over how many metres (`reach_m`) its times are such an interpolation.
Spans of standing are marked, not removed. Knows no road and no search.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression

from geo.routing.engine import Weights

STAND_M: Final = 25.0
"""m. Less progress than this is the noise of fixes, not driving."""

STAND_S: Final = 45.0
"""s. Longer than this without progress is a stop, shorter a junction. Starting value."""

PASSAGE_M_MIN: Final = 0.5
"""m. Less of an arc than this is a fix at its very end."""

_STEP_S: Final = 1e-6
"""Keeps places apart that lie together, so that times can be read back from them."""

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """Part of an arc, in driving order: the vehicle drove it once, without turning round."""

    arc: int
    start_m: float
    end_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Passages:
    """k passages over arcs, one after the other, as (k,) columns."""

    arc: Ints
    """2e forward, 2e + 1 backward."""
    start: Floats
    """Share of the arc at which it begins, 0 at the end where the arc is entered."""
    end: Floats
    enter_s: Floats
    """In the epoch of the track."""
    leave_s: Floats
    reach_m: Floats
    """Metres driven from the last fix before entering to the first after leaving."""
    stood: NDArray[np.bool_]
    """The vehicle stood here, or between two fixes of which one saw it standing."""

    def __len__(self) -> int:
        return len(self.arc)


def passages(
    legs: Sequence[Leg], arc_m: Floats, prior_ms: Weights, at_s: Floats, at_m: Floats
) -> Passages | None:
    """Passages over `legs`, or None where the vehicle came nowhere.

    `arc_m`, `prior_ms`: (2M,) length and modelled time of every arc. `at_s`, `at_m`: (n,) time of
    each fix and its metres from the start of the first leg, n >= 2.
    """
    driven = [leg for leg in legs if leg.end_m > leg.start_m]
    if not driven:
        return None
    arc = np.array([leg.arc for leg in driven], dtype=np.int64)
    start_m = np.array([leg.start_m for leg in driven])
    end_m = np.array([leg.end_m for leg in driven])
    bounds_m = np.concatenate(([0.0], np.cumsum(end_m - start_m)))
    place_m = isotonic_regression(at_m).x.clip(0.0, bounds_m[-1])
    low_m, high_m = bounds_m[:-1].clip(min=place_m[0]), bounds_m[1:].clip(max=place_m[-1])
    seen = high_m - low_m > PASSAGE_M_MIN
    if not seen.any():
        return None
    clock = _Clock(bounds_m, prior_ms[arc] * (end_m - start_m) / arc_m[arc], at_s, place_m)
    enter_s, leave_s = clock.time_at(low_m[seen]), clock.time_at(high_m[seen])
    return Passages(
        arc=arc[seen],
        start=((low_m - bounds_m[:-1] + start_m) / arc_m[arc])[seen],
        end=((high_m - bounds_m[:-1] + start_m) / arc_m[arc])[seen],
        enter_s=enter_s,
        leave_s=leave_s,
        reach_m=_reach_m(enter_s, leave_s, at_s, place_m),
        stood=_overlaps(enter_s, leave_s, stands(at_s, place_m)),
    )


def stands(at_s: Floats, place_m: Floats) -> list[tuple[float, float]]:
    """Spans without progress for STAND_S, out to the last and next fix that saw it moving."""
    found, first, last = [], 0, len(at_s) - 1
    while first < last:
        beyond = int(np.searchsorted(place_m, place_m[first] + STAND_M, side="right"))
        if at_s[beyond - 1] - at_s[first] >= STAND_S:
            found.append((float(at_s[max(first - 1, 0)]), float(at_s[min(beyond, last)])))
            first = beyond - 1
        first += 1
    return found


class _Clock:
    """The time at which the vehicle was somewhere along its way."""

    def __init__(self, bounds_m: Floats, legs_ms: Floats, at_s: Floats, place_m: Floats) -> None:
        self._bounds_m = bounds_m
        self._model_s = np.concatenate(([0.0], np.cumsum(legs_ms / 1000.0)))
        self._at_s = at_s
        fixes = np.interp(place_m, bounds_m, self._model_s)
        self._fix_model_s = fixes + _STEP_S * np.arange(len(fixes))

    def time_at(self, place_m: Floats) -> Floats:
        model_s = np.interp(place_m, self._bounds_m, self._model_s)
        return np.interp(model_s, self._fix_model_s, self._at_s)


def _reach_m(enter_s: Floats, leave_s: Floats, at_s: Floats, place_m: Floats) -> Floats:
    before = (np.searchsorted(at_s, enter_s, side="right") - 1).clip(min=0)
    after = np.searchsorted(at_s, leave_s, side="left").clip(max=len(at_s) - 1)
    reach_m: Floats = place_m[after] - place_m[before]
    return reach_m


def _overlaps(
    enter_s: Floats, leave_s: Floats, spans: list[tuple[float, float]]
) -> NDArray[np.bool_]:
    found = np.zeros(len(enter_s), dtype=np.bool_)
    for from_s, to_s in spans:
        found |= (enter_s < to_s) & (leave_s > from_s)
    return found
