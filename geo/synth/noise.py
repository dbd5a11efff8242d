"""Smooth random fields from a seeded generator: the grain of the synthetic county."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Field: TypeAlias = NDArray[np.float64]


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> Field:
    """One octave of noise: mean 0, deviation about 1, features `wavelength` cells wide."""
    wavelength = max(wavelength, 2.0)
    rows, cols = (int(np.ceil(size / wavelength)) + 4 for size in shape)
    lattice = rng.standard_normal((rows, cols))
    row_at = np.arange(shape[0]) / wavelength + 1.5
    col_at = np.arange(shape[1]) / wavelength + 1.5
    along_rows = _spline(lattice, row_at)
    return _spline(along_rows.T, col_at).T * 1.4


def fractal_noise(
    rng: np.random.Generator,
    shape: tuple[int, int],
    wavelength: float,
    *,
    octaves: int,
    gain: float = 0.5,
) -> Field:
    """Octaves of `smooth_noise`, each half as wide and `gain` times as strong as the one before."""
    total = np.zeros(shape)
    for octave in range(octaves):
        total += gain**octave * smooth_noise(rng, shape, wavelength / 2**octave)
    return total


def _spline(lattice: Field, at: Field) -> Field:
    """Cubic B-spline along axis 0 at positions `at` (not interpolating: smoother, no overshoot)."""
    base = np.floor(at).astype(int)
    t = (at - base)[:, None]
    weights = (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
    last = len(lattice) - 1
    result = np.zeros((len(at), lattice.shape[1]))
    for offset, weight in enumerate(weights, start=-1):
        result += weight * lattice[np.clip(base + offset, 0, last)]
    return result


def bilinear(grid: NDArray[np.floating], row: Field, col: Field) -> Field:
    """Grid values between cell centres; clamped at the border."""
    sampled: Field = ndimage.map_coordinates(
        np.asarray(grid, dtype=np.float64), np.stack([row, col]), order=1, mode="nearest"
    )
    return sampled
