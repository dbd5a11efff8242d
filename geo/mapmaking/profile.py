"""Heights along the roads: raw elevation made into the profile a wheel would feel.

Raw 3 arc-second grades are mostly noise (p99 about 33 %), because a road on a slope is sampled
now above, now below itself. The heights are smoothed along the network, as heat would spread
along it: junctions keep one height, and short ways are smoothed with their neighbours. Bridges
and tunnels have no say: their heights follow from their ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import splu

SIGMA_M = 150.0
"""Standard deviation of the smoothing along the road."""
STEPS = 2
"""Implicit steps; two are near enough to a Gaussian."""
LENGTH_MIN_M = 0.5
"""Shorter segments count as this long."""
SPANNED_MASS = 1e-6
"""Weight of a height that should follow its neighbours alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segments:
    """Straight pieces of road between V vertices."""

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    length_m: NDArray[np.float64]
    spanned: NDArray[np.bool_]
    """On a bridge or in a tunnel: the ground there is not the road."""


def smooth(raw_m: NDArray[np.float64], segments: Segments) -> NDArray[np.float32]:
    """(V,) heights in metres along the network; NaN where `raw_m` is.

    Solves (M + s L) h' = M h twice, with M the length of road each vertex stands for, L the
    Laplacian of the network and s = sigma² / (2 · steps): the implicit heat equation.
    """
    known = np.isfinite(raw_m)
    if not known.any() or not len(segments.a):
        return raw_m.astype(np.float32)
    length = np.maximum(segments.length_m, LENGTH_MIN_M)
    mass = _mass(segments, length, known)
    system = (sparse.diags_array(mass) + _laplacian(segments, length, len(raw_m))).tocsc()
    factors = splu(system, permc_spec="MMD_AT_PLUS_A", options={"SymmetricMode": True})
    height = np.where(known, raw_m, raw_m[known].mean())
    for _ in range(STEPS):
        height = factors.solve(mass * height)
    return np.where(known, height, np.nan).astype(np.float32)


def _mass(
    segments: Segments, length: NDArray[np.float64], known: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Half of each segment goes to each end; nothing inside bridges and tunnels."""
    ends = np.concatenate([segments.a, segments.b])
    mass = np.bincount(ends, np.tile(length / 2, 2), minlength=len(known))
    on_ground = np.bincount(ends, np.tile(~segments.spanned, 2), minlength=len(known)) > 0
    dead_end = np.bincount(ends, minlength=len(known)) < 2
    trusted = known & (on_ground | dead_end)
    return np.maximum(mass, LENGTH_MIN_M) * np.where(trusted, 1.0, SPANNED_MASS)


def _laplacian(segments: Segments, length: NDArray[np.float64], vertices: int) -> sparse.csc_array:
    pull = SIGMA_M**2 / (2 * STEPS) / length
    rows = np.concatenate([segments.a, segments.b, segments.a, segments.b])
    columns = np.concatenate([segments.b, segments.a, segments.a, segments.b])
    values = np.concatenate([-pull, -pull, pull, pull])
    return sparse.csc_array(sparse.coo_array((values, (rows, columns)), shape=(vertices, vertices)))
