"""Afterwards: how a drive came out against what was foretold, and whom it would have been better to
send, as far as that can be known.

What other units would have taken is known only as it was foretold then: nobody drove. But units
that set out at the same time share a part of what makes a journey slow (`pairs.SHARED` of the
variance of ln T: weather, what the model does not know near the place), so what the drive that took
place says of it moves and narrows the forecast of the others. With z how many deviations the drive
came out off its median,

    ln T_other | drive ~ N(ln median_other + SHARED sd_other z, (1 - SHARED^2) sd_other^2)

which is the conditional law of two normal variables with that correlation. Regret is the drive's
time less the other's median by this law, with its eight-in-ten limits beside it, never below 0.

Knows no store and no words; seconds in, seconds out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import Final

from scipy.special import ndtr, ndtri

from geo.eta import Eta
from server.dispatch.pairs import SHARED

TENTH: Final = 0.1
"""Limits are told so that one in ten lies below, and one above."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foretold:
    """One unit that could have been sent, as it was recommended."""

    unit_id: str
    call_sign: str
    rank: int
    eta: Eta | None
    """From the order on; None: nobody knew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Otherwise:
    """What another unit would have taken, given how the drive came out."""

    unit_id: str
    call_sign: str
    rank: int
    median_s: float
    low_s: float
    high_s: float
    p_sooner: float | None
    """That it would have been there sooner than the unit that drove; None: that one never was."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Regret:
    """Against the best unit in hindsight."""

    best: Otherwise
    regret_s: float
    """0: as likely as not nobody would have been sooner."""
    low_s: float
    high_s: float
    """In eight of ten cases it lies between."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hindsight:
    foreseen_s: float | None
    """By the medians of then, so much longer than the quickest of all; None: nobody knew."""
    others: tuple[Otherwise, ...]
    """Those whose time was known, the quickest first."""
    regret: Regret | None
    """None: it never arrived, or there was nobody else whose time is known."""
    unknown: tuple[str, ...]
    """Call signs of those whose travel time nobody knew."""


def spread_of(median_s: float | None, p90_s: float | None) -> Eta | None:
    """A travel time from its median and what nine journeys in ten keep; None: it was not known."""
    if median_s is None or p90_s is None or median_s <= 0.0 or p90_s < median_s:
        return None
    return Eta(median_s=median_s, log_sd=log(p90_s / median_s) / float(ndtri(0.9)))


def percentile(eta: Eta, actual_s: float) -> float:
    """Where in its distribution a journey fell: that share was foretold to be sooner, 0 to 1."""
    if actual_s <= 0.0:
        return 0.0
    if eta.log_sd <= 0.0:
        return float(actual_s >= eta.median_s)
    return float(ndtr(_off(eta, actual_s)))


def hindsight(
    sent: Foretold | None, actual_s: float | None, others: Sequence[Foretold]
) -> Hindsight:
    """`sent`: whose drive it was, None: it was not in the recommendation; `actual_s` from the order
    to the place, None: it never arrived; `others`: who else could have been sent."""
    known = [(each, each.eta) for each in others if each.eta is not None]
    off = 0.0
    if sent is not None and sent.eta is not None and sent.eta.log_sd > 0.0 and actual_s:
        off = _off(sent.eta, actual_s)
    law = [_otherwise(each, eta, off, actual_s) for each, eta in known]
    ordered = tuple(sorted(law, key=lambda each: each.median_s))
    return Hindsight(
        foreseen_s=_foreseen(sent, [eta for _, eta in known]),
        others=ordered,
        regret=None if actual_s is None or not ordered else _regret(ordered[0], actual_s),
        unknown=tuple(each.call_sign for each in others if each.eta is None),
    )


def _foreseen(sent: Foretold | None, others: Sequence[Eta]) -> float | None:
    if sent is None or sent.eta is None:
        return None
    quickest_s = min((each.median_s for each in others), default=sent.eta.median_s)
    return max(0.0, sent.eta.median_s - quickest_s)


def _otherwise(each: Foretold, eta: Eta, off: float, actual_s: float | None) -> Otherwise:
    middle = log(eta.median_s) + SHARED * eta.log_sd * off
    sd = sqrt(1.0 - SHARED**2) * eta.log_sd
    half = sd * float(ndtri(1.0 - TENTH))
    return Otherwise(
        unit_id=each.unit_id,
        call_sign=each.call_sign,
        rank=each.rank,
        median_s=exp(middle),
        low_s=exp(middle - half),
        high_s=exp(middle + half),
        p_sooner=None if actual_s is None else _chance(middle, sd, actual_s),
    )


def _chance(middle: float, sd: float, limit_s: float) -> float:
    if limit_s <= 0.0:
        return 0.0
    return float(ndtr((log(limit_s) - middle) / sd)) if sd > 0.0 else float(log(limit_s) > middle)


def _regret(best: Otherwise, actual_s: float) -> Regret:
    return Regret(
        best=best,
        regret_s=max(0.0, actual_s - best.median_s),
        low_s=max(0.0, actual_s - best.high_s),
        high_s=max(0.0, actual_s - best.low_s),
    )


def _off(eta: Eta, actual_s: float) -> float:
    """How many deviations of ln T a journey came out off its median."""
    return log(actual_s / eta.median_s) / eta.log_sd
