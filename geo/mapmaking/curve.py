"""Hilbert curve: numbers for places such that near numbers are near places."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 20
"""A cell is about a millionth of the map's width."""


def hilbert_rank(lonlat: NDArray[np.float64]) -> NDArray[np.int64]:
    """(k,) distance along the curve over the bounding square of the points.

    After Hamilton and Rau-Chaplin's iterative form: one quadrant per bit, the lower bits
    turned and mirrored as the quadrant demands.
    """
    low = lonlat.min(0)
    span = max(float(np.ptp(lonlat, axis=0).max()), 1e-12)
    cells = ((lonlat - low) / span * (2**BITS - 1)).astype(np.int64)
    x, y = cells[:, 0].copy(), cells[:, 1].copy()
    rank = np.zeros(len(cells), np.int64)
    for bit in reversed(range(BITS)):
        right, upper = (x >> bit) & 1, (y >> bit) & 1
        rank = rank * 4 + ((3 * right) ^ upper)
        mask = (1 << bit) - 1
        x, y = x & mask, y & mask
        mirror = (upper == 0) & (right == 1)
        x, y = np.where(mirror, mask - x, x), np.where(mirror, mask - y, y)
        turn = upper == 0
        x, y = np.where(turn, y, x), np.where(turn, x, y)
    return rank
