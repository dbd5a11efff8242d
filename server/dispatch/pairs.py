"""Two units when one is not enough: why, which two, when both are there, and where they meet.

Two are wanted when violence is to be expected, the run card asks for more than one, the first is a
lone officer, he may come too late, or there is no signal at the place. Of all pairs of free units
that one is best whose later arrival is soonest, as likely as not. What doubts there are about a
unit does not weigh here: it is said beside each of the two.

Travel times are lognormal (`geo.eta`) and not independent: weather, and what the model does not
know of the roads around the place, delays both. With Z0 what they share, Z1 and Z2 their own,

    ln T_i = ln m_i + s_i (sqrt(r) Z0 + sqrt(1 - r) Z_i),   P(both by t) = E[F1(t | Z0) F2(t | Z0)]

which is one integral over Z0 (Gauss-Hermite, NODES), and a quantile is found by bisection. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from geo.eta import Eta
from geo.meeting import Meeting
from server.dispatch.contest import Contender, Scene
from server.dispatch.reasons import Reason, minutes

CHANCE_MIN: Final = 0.8
"""That the first is there in time; below it a second one goes (starting value)."""
SHARED: Final = 0.3
"""Of the variance of ln T, what two who drive to one place have in common (starting value)."""
NODES: Final = 16
STEPS: Final = 26
"""Of a bisection: a ten-millionth of where it began."""
SPAN_SD: Final = 8.0

_Z, _W = np.polynomial.hermite_e.hermegauss(NODES)
_WEIGHTS: Final[NDArray[np.float64]] = _W / sqrt(2.0 * pi)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two units; `first` is there first, as likely as not."""

    first: Contender
    second: Contender
    reasons: tuple[Reason, ...]
    """Why two."""
    meets: bool
    """They meet before the place, and go there together; else the first goes on."""

    @property
    def both(self) -> Joint:
        return Joint(self.first, self.second, later=True)

    @property
    def either(self) -> Joint:
        return Joint(self.first, self.second, later=False)


class Joint:
    """When the later of two, or the sooner, is there."""

    def __init__(self, one: Contender, other: Contender, *, later: bool) -> None:
        self._etas, self._later = (_eta(one), _eta(other)), later

    def chance_by(self, limit_s: float) -> float:
        """P(there within limit_s), 0 to 1."""
        one, other = (_given(each, limit_s) for each in self._etas)
        found = one * other if self._later else 1.0 - (1.0 - one) * (1.0 - other)
        return float(np.clip(_WEIGHTS @ found, 0.0, 1.0))

    def quantile_s(self, share: float) -> float:
        """Seconds by which that share of such pairs is there."""
        alone = [each.quantile_s(share) for each in self._etas]
        if min(each.median_s for each in self._etas) <= 0.0:
            return max(alone) if self._later else min(alone)
        low, high = (
            log(each.median_s) + side * SPAN_SD * each.log_sd
            for side, each in zip((-1.0, 1.0), self._outermost(), strict=True)
        )
        for _ in range(STEPS):
            middle = (low + high) / 2.0
            low, high = (middle, high) if self.chance_by(exp(middle)) < share else (low, middle)
        found = exp(high)  # the integral is not exact; what must hold, holds
        return max(found, *alone) if self._later else min(found, *alone)

    def _outermost(self) -> tuple[Eta, Eta]:
        one, other = self._etas
        soonest = min(one, other, key=lambda each: log(each.median_s) - SPAN_SD * each.log_sd)
        latest = max(one, other, key=lambda each: log(each.median_s) + SPAN_SD * each.log_sd)
        return soonest, latest


def choose(scene: Scene, candidates: Sequence[Contender]) -> Pair | None:
    """The two to send, where the rules want two; `candidates` those who can go, best first.

    None: one is enough, or there are not two whose travel time is known.
    """
    timed = [each for each in candidates if each.eta_s is not None]
    if len(timed) < 2:
        return None
    reasons = why_two(scene, timed[0])
    if not reasons:
        return None
    one, other = _soonest(timed)
    return Pair(first=one, second=other, reasons=reasons, meets=scene.violence)


def why_two(scene: Scene, first: Contender) -> tuple[Reason, ...]:
    """Why the first unit is not enough; nothing: it is."""
    reasons = []
    if scene.violence:
        reasons.append(Reason(code="pair_violence", text="violence or a weapon is to be expected"))
    if scene.units > 1:
        values: dict[str, str | float | int] = {"units": scene.units}
        text = f"the run card asks for {scene.units} units"
        reasons.append(Reason(code="pair_card", values=values, text=text))
    if first.crew_len == 1:
        text = f"{first.call_sign} is a lone officer"
        reasons.append(Reason(code="pair_lone", values={"unit": first.call_sign}, text=text))
    if (late := _late(scene, first)) is not None:
        reasons.append(late)
    if scene.no_signal:
        reasons.append(Reason(code="pair_no_signal", text="no signal at the place"))
    return tuple(reasons)


def _late(scene: Scene, first: Contender) -> Reason | None:
    if scene.deadline_s is None or first.eta_s is None:
        return None
    chance = _eta(first).chance_by(scene.deadline_s)
    if chance >= CHANCE_MIN:
        return None
    within, pct = minutes(max(scene.deadline_s, 0.0)), round(100.0 * chance)
    return Reason(
        code="pair_late",
        values={"unit": first.call_sign, "pct": pct, "min": within},
        text=f"{first.call_sign} is there within {within:g} min with {pct} % only",
    )


def _soonest(timed: Sequence[Contender]) -> tuple[Contender, Contender]:
    """All pairs, but for those that cannot be sooner: no pair is before its later unit.

    Of equally soon ones the first in line, so the order of the candidates decides.
    """
    ordered = sorted(timed, key=lambda each: each.eta_s or 0.0)
    best, best_s = (ordered[0], ordered[1]), float("inf")
    for number, other in enumerate(ordered[1:], start=1):
        if (other.eta_s or 0.0) > best_s:
            break
        for one in ordered[:number]:
            joint_s = Joint(one, other, later=True).quantile_s(0.5)
            if joint_s < best_s:
                best, best_s = (one, other), joint_s
    return best


def waits(meeting: Meeting) -> float:
    """How long whoever is at the meeting point first waits for the other, in seconds."""
    return abs(meeting.first_s - meeting.second_s)


def _eta(one: Contender) -> Eta:
    assert one.eta_s is not None
    return Eta(median_s=one.eta_s, log_sd=one.log_sd)


def _given(eta: Eta, limit_s: float) -> NDArray[np.float64]:
    """(NODES,) chance to be there in time, for each value of what the two share."""
    if eta.median_s <= 0.0 or limit_s <= 0.0 or eta.log_sd <= 0.0:
        return np.full(NODES, float(eta.median_s <= limit_s))
    scaled = log(limit_s / eta.median_s) / eta.log_sd
    found: NDArray[np.float64] = ndtr((scaled - sqrt(SHARED) * _Z) / sqrt(1.0 - SHARED))
    return found
