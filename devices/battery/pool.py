"""What many devices of one model have in common: the prior of the next one.

Each device's mean was drawn towards the prior it came with by as much as it was not sure; the pool
undoes that on average (empirical Bayes; Efron and Morris 1973).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from devices.battery.estimator import RATES
from devices.battery.model import FACTOR_MAX, Prior
from devices.battery.reports import DeviceState

PSEUDO_DEVICES: Final = 5.0
"""The prior counts as much as so many well-known devices. Starting value."""


def pooled(prior: Prior, states: Sequence[DeviceState]) -> Prior:
    """The model's `prior`, moved by its devices, each of which began with a prior of its own."""
    if not states:
        return prior
    start, between = np.array(prior.log_rate), np.array(prior.cov)
    begin = np.array([state.prior.log_rate for state in states])
    means = np.array([state.mean[RATES] for state in states])
    covs = np.array([state.cov for state in states])[:, RATES, RATES]
    before = np.array([np.diagonal(np.array(state.prior.cov)) for state in states])
    known = np.clip(1.0 - np.diagonal(covs, axis1=1, axis2=2) / before, 0.0, 1.0)
    weight = known.sum(axis=0) + PSEUDO_DEVICES
    moved = (means - begin + known * (begin - start)).sum(axis=0) / weight
    limit = np.log(FACTOR_MAX)
    centre = start + np.clip(moved, -limit, limit)
    off = means - centre
    seen = np.einsum("ni,nj->ij", off, off) + covs.sum(axis=0)
    cov = (PSEUDO_DEVICES * between + seen) / (PSEUDO_DEVICES + len(states))
    return Prior(
        step_pct=prior.step_pct,
        log_rate=tuple(centre.tolist()),
        cov=tuple(map(tuple, cov.tolist())),
    )
