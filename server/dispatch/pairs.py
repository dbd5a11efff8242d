"""Two units when one is not enough: why, which two, when both are there, and where they meet.

Two are wanted when violence is to be expected, the run card asks for more than one, the first is a
lone officer, he may come too late, or there is no signal at the place. Of all pairs of free units
that one is best which counts least: the later arrival, as likely as not, and the doubts about both
as the score has them (`server.dispatch.score`).

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
from server.dispatch.score import score

CHANCE_MIN: Final = 0.8
"""That the first is there in time; below it a second one goes (starting value)."""
SHARED: Final = 0.3
"""Of the variance of ln T, what two who drive to one place have in common (starting value)."""
NODES: Final = 16
STEPS: Final = 26
"""Of a bisection: a ten-millionth of where it began."""
SPAN_SD: Final = 8.0
PAIRS_AT_ONCE: Final = 64
COUNTS_DECIMALS: Final = 3
"""A pair must not win by the noise of the integral."""
UPPER_QUARTILE: Final = 0.6745
"""Standard deviations above the median by which three of four are there, rounded up."""

Floats = NDArray[np.float64]

_Z, _W = np.polynomial.hermite_e.hermegauss(NODES)
_WEIGHTS: Final[Floats] = _W / sqrt(2.0 * pi)


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

    None: one is enough, or one more beside those who are on it; or there are not two whose travel
    time is known.
    """
    timed = [each for each in candidates if each.eta_s is not None]
    if len(timed) < 2 or max(scene.units, 2) - scene.on_it < 2:
        return None
    reasons = why_two(scene, timed[0])
    if not reasons:
        return None
    one, other = _best(scene, timed)
    return Pair(first=one, second=other, reasons=reasons, meets=scene.violence)


def why_two(scene: Scene, first: Contender) -> tuple[Reason, ...]:
    """Why the first unit is not enough; nothing: it is."""
    late = _late(scene, first)
    return (*_of_the_job(scene), *_of_the_crew(first), *([late] if late else ()), *_unheard(scene))


def why_more(scene: Scene, on_it: Sequence[Contender]) -> tuple[Reason, ...]:
    """Why those who are there or on the way are not enough; nothing: they are.

    A late unit is relieved, not joined, by a plan. A lone officer on a routine job is left to who
    sent him.
    """
    if len(on_it) >= max(scene.units, 2):
        return ()
    if len(on_it) > 1:
        return _card(scene)
    alone = [each for each in on_it if scene.priority != "routine"]
    lone = [reason for each in alone for reason in _of_the_crew(each)]
    return (*_of_the_job(scene), *lone, *_unheard(scene))


def _of_the_job(scene: Scene) -> tuple[Reason, ...]:
    if not scene.violence:
        return _card(scene)
    text = "violence or a weapon is to be expected"
    return (Reason(code="pair_violence", text=text), *_card(scene))


def _card(scene: Scene) -> tuple[Reason, ...]:
    if scene.units <= 1:
        return ()
    text = f"the run card asks for {scene.units} units"
    return (Reason(code="pair_card", values={"units": scene.units}, text=text),)


def _of_the_crew(one: Contender) -> tuple[Reason, ...]:
    if one.crew_len != 1:
        return ()
    text = f"{one.call_sign} is a lone officer"
    return (Reason(code="pair_lone", values={"unit": one.call_sign}, text=text),)


def _unheard(scene: Scene) -> tuple[Reason, ...]:
    if not scene.no_signal:
        return ()
    return (Reason(code="pair_no_signal", text="no signal at the place"),)


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


def _best(scene: Scene, timed: Sequence[Contender]) -> tuple[Contender, Contender]:
    """Of all pairs the one that counts least; of equal ones the first in line, so the order of the
    candidates decides.

    No pair counts less than its later unit's time with the doubts about both; so pairs are looked
    at by that, some at once, until no other can count less.
    """
    eta_s = np.array([each.eta_s or 0.0 for each in timed])
    log_sd = np.array([each.log_sd for each in timed])
    doubts_s = np.array([_doubts_s(scene, each) for each in timed])
    one, other = np.triu_indices(len(timed), k=1)
    doubtful_s = doubts_s[one] + doubts_s[other]
    least_s = np.maximum(eta_s[one], eta_s[other]) + doubtful_s
    order = np.argsort(least_s, kind="stable")
    best, best_s = (0, 1), float("inf")
    for first in range(0, len(order), PAIRS_AT_ONCE):
        some = order[first : first + PAIRS_AT_ONCE]
        if least_s[some[0]] > best_s:
            break
        ones, others = one[some], other[some]
        both_s = _both_medians_s(eta_s[ones], log_sd[ones], eta_s[others], log_sd[others])
        counts_s = np.round(both_s + doubtful_s[some], COUNTS_DECIMALS)
        for counted_s, *pair in zip(counts_s.tolist(), ones.tolist(), others.tolist(), strict=True):
            if (counted_s, pair) < (best_s, list(best)):
                best, best_s = (pair[0], pair[1]), counted_s
    sooner, later = sorted((timed[best[0]], timed[best[1]]), key=lambda each: each.eta_s or 0.0)
    return sooner, later


def _both_medians_s(one_s: Floats, one_sd: Floats, other_s: Floats, other_sd: Floats) -> Floats:
    """(P,) seconds by which the later of each pair is there, as likely as not.

    Not before either alone; and where each is there with 3/4, both are with 1/2 at least.
    """
    low_s = np.maximum(one_s, other_s)
    high_s = np.maximum(
        one_s * np.exp(UPPER_QUARTILE * one_sd), other_s * np.exp(UPPER_QUARTILE * other_sd)
    )
    with np.errstate(divide="ignore"):
        low, high = np.log(low_s), np.log(high_s)
        logs = np.log(one_s), np.log(other_s)
    for _ in range(STEPS):
        middle = (low + high) / 2.0
        chance = _given_logs(middle, logs[0], one_sd) * _given_logs(middle, logs[1], other_sd)
        is_less = chance @ _WEIGHTS < 0.5
        low, high = np.where(is_less, middle, low), np.where(is_less, high, middle)
    return np.exp(high)


def _given_logs(log_limit: Floats, log_median: Floats, log_sd: Floats) -> Floats:
    """(P, NODES) as `_given` of one."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled = np.where(
            (log_sd > 0.0) & np.isfinite(log_median),
            (log_limit - log_median) / log_sd,
            np.where(log_median <= log_limit, np.inf, -np.inf),
        )
    found: Floats = ndtr((scaled[:, None] - sqrt(SHARED) * _Z) / sqrt(1.0 - SHARED))
    return found


def _doubts_s(scene: Scene, one: Contender) -> float:
    """As beside a unit's own travel time; how sure that is, is in the joint time."""
    counted = score(scene, one)
    assert counted is not None
    return counted.doubts_s - counted.risk_s


def waits(meeting: Meeting) -> float:
    """How long whoever is at the meeting point first waits for the other, in seconds."""
    return abs(meeting.first_s - meeting.second_s)


def _eta(one: Contender) -> Eta:
    assert one.eta_s is not None
    return Eta(median_s=one.eta_s, log_sd=one.log_sd)


def _given(eta: Eta, limit_s: float) -> Floats:
    """(NODES,) chance to be there in time, for each value of what the two share."""
    if eta.median_s <= 0.0 or limit_s <= 0.0 or eta.log_sd <= 0.0:
        return np.full(NODES, float(eta.median_s <= limit_s))
    scaled = log(limit_s / eta.median_s) / eta.log_sd
    found: Floats = ndtr((scaled - sqrt(SHARED) * _Z) / sqrt(1.0 - SHARED))
    return found
