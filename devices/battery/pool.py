"""What many devices of one model have in common: the prior of the next one.

What each device told by itself, apart from the prior it came with, is the Gauss by which its
posterior differs from that prior. Of those the mean and the spread between devices are found by
expectation and maximisation (Dempster, Laird and Rubin 1977): each device as it would be under the
present guess, then the guess anew from all of them. So a model whose devices are more alike, or
less, than was supposed is soon known for it. Knows nothing of how use wanders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from devices.battery.estimator import RATES
from devices.battery.model import FACTOR_MAX, Floats, Prior
from devices.battery.reports import Bools, DeviceState

PSEUDO_DEVICES: Final = 5.0
"""The prior counts as much as so many well-known devices. Starting value."""
STEPS_PCT: Final = (25.0, 20.0, 10.0, 5.0, 1.0)
SHOWN_MIN: Final = 3
"""Levels between empty and full that must have been shown: of three steps of 1 %, all are multiples
of 5 once in 125 times."""
ROUNDS: Final = 30
"""After them a guess moves by less than a percent of the spread."""


def steps_of(shown: Bools, step_pct: Floats) -> Floats:
    """(N,) how coarse gauges are, by the levels they have shown, (N, 101); (N,) `step_pct` where
    they have not shown enough."""
    inner = shown[:, 1:100]
    told = inner.sum(axis=1) >= SHOWN_MIN
    for step in reversed(STEPS_PCT):
        off = np.arange(1, 100) % step != 0.0
        step_pct = np.where(told & ~inner[:, off].any(axis=1), step, step_pct)
    return step_pct


def pooled(prior: Prior, states: Sequence[DeviceState]) -> Prior:
    """The model's `prior`, moved by its devices, each of which began with a prior of its own."""
    if not states:
        return prior
    start, between = np.array(prior.log_rate), np.array(prior.cov)
    told, moment = _told(states)
    mean, cov = start, between
    for _ in range(ROUNDS):
        known = np.linalg.inv(cov)
        covs = np.linalg.inv(told + known)
        means = np.einsum("nij,nj->ni", covs, moment + known @ mean)
        share = 1.0 - np.diagonal(covs, axis1=1, axis2=2) / np.diagonal(cov)
        mean = start + _moved(means - start, share, mean - start)
        off = means - mean
        seen = np.einsum("ni,nj->ij", off, off) + covs.sum(axis=0)
        cov = (PSEUDO_DEVICES * between + seen) / (PSEUDO_DEVICES + len(states))
    return Prior(
        step_pct=prior.step_pct,
        log_rate=tuple(mean.tolist()),
        cov=tuple(map(tuple, cov.tolist())),
    )


def step_of(states: Sequence[DeviceState], step_pct: float) -> float:
    """How coarse one model's gauges are, by what its devices have shown together."""
    shown = np.zeros((1, 101), dtype=np.bool_)
    for state in states:
        shown[0, list(state.shown)] = True
    return float(steps_of(shown, np.array([step_pct]))[0])


def _told(states: Sequence[DeviceState]) -> tuple[Floats, Floats]:
    """(N, 6, 6) what each device told (inverse covariance), and (N, 6) times what it said.

    A device that forgot, as with another pack, may seem to have told less than nothing: nothing.
    """
    after = np.linalg.inv(np.array([state.cov for state in states])[:, RATES, RATES])
    before = np.linalg.inv(np.array([state.prior.cov for state in states]))
    values, vectors = np.linalg.eigh(after - before)
    told = np.einsum("nij,nj,nkj->nik", vectors, np.maximum(values, 0.0), vectors)
    said = np.array([state.mean[RATES] for state in states])
    begin = np.array([state.prior.log_rate for state in states])
    moment = np.einsum("nij,nj->ni", after, said) - np.einsum("nij,nj->ni", before, begin)
    inside = np.einsum("nij,nj,nkj->nik", vectors, (values > 0.0).astype(float), vectors)
    return told, np.einsum("nij,nj->ni", inside, moment)


def _moved(off: Floats, share: Floats, present: Floats) -> Floats:
    """(6,) how far the mean lies from where it began: by those who told of it, within bounds."""
    weight = np.clip(share, 0.0, 1.0)
    own = off - (1.0 - weight) * present
    limit = np.log(FACTOR_MAX)
    moved = own.sum(axis=0) / (weight.sum(axis=0) + PSEUDO_DEVICES)
    return np.asarray(np.clip(moved, -limit, limit))
