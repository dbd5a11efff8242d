"""What an answer about batteries was reckoned with, as bytes: so that it can be reckoned again.

One row a device of little-endian 32-bit numbers: the filter's mean (8) and the lower triangle of
its covariance (36), exposure to the last report (6) and since (6), the floor of the last level (1),
exposure of the plan (6). Knows no device's name.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from devices.battery.estimator import SIZE
from devices.battery.model import LOADS, Floats
from devices.battery.outlook import Basis, Outlooks

_LOWER: Final = np.tril_indices(SIZE)
_WIDTHS: Final = (SIZE, len(_LOWER[0]), len(LOADS), len(LOADS), 1, len(LOADS))
ROW_BYTES: Final = 4 * sum(_WIDTHS)


def pack(basis: Basis, hours: Floats) -> bytes:
    """D devices and their plans, (D, 6) `exposures_of` them: ROW_BYTES each."""
    lower = basis.cov[:, _LOWER[0], _LOWER[1]]
    floor = basis.floor_pct[:, None]
    row = np.hstack([basis.mean, lower, basis.seen_h, basis.silent_h, floor, hours])
    return row.astype("<f4").tobytes()


def unpack(numbers: bytes) -> tuple[Basis, Floats]:
    """What `pack` was given, in single precision. Raises ValueError for a length that cannot be."""
    row = np.frombuffer(numbers, dtype="<f4").astype(np.float64).reshape(-1, sum(_WIDTHS))
    mean, lower, seen_h, silent_h, floor, hours = np.split(row, np.cumsum(_WIDTHS)[:-1], axis=1)
    cov = np.zeros((len(row), SIZE, SIZE))
    cov[:, _LOWER[0], _LOWER[1]] = lower
    cov[:, _LOWER[1], _LOWER[0]] = lower
    basis = Basis(mean=mean, cov=cov, seen_h=seen_h, silent_h=silent_h, floor_pct=floor[:, 0])
    return basis, hours


def again(numbers: bytes) -> Floats:
    """(D,) probability that each outlasted its plan, reckoned once more."""
    basis, hours = unpack(numbers)
    return Outlooks(basis).p_last(hours)
