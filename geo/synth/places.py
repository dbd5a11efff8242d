"""Where people live: a seat in the widest part of the main valley, townships, villages, hamlets."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from geo.synth.noise import smooth_noise
from geo.synth.terrain import CELL_M

Field: TypeAlias = NDArray[np.float64]
Mask: TypeAlias = NDArray[np.bool_]
Cells: TypeAlias = NDArray[np.int64]

TOWNS_PER_KM2 = 15 / 2230
VILLAGES_PER_KM2 = 255 / 2230
STATIONS_PER_KM2 = 9 / 2230
HAMLETS_PER_VILLAGE = 6.5
FARMS_PER_VILLAGE = 8.0
BIG_RIVER_M2 = 1e9
"""Drained area of a river that only trunk valleys have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sites:
    """Chosen cells (flat indices of one window), best first."""

    seat: int
    towns: Cells
    villages: Cells
    hamlets: Cells
    farms: Cells
    """Ends of tracks without a name: fields, huts, forest plots."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    towns: int
    villages: int
    stations: int


def counts_for(area_km2: float) -> Counts:
    """How many settlements a map of this area has: 15, 255 and 9 for 2,230 km²."""
    return Counts(
        towns=max(1, round(area_km2 * TOWNS_PER_KM2)),
        villages=max(3, round(area_km2 * VILLAGES_PER_KM2)),
        stations=max(1, round(area_km2 * STATIONS_PER_KM2)),
    )


def choose_sites(
    rng: np.random.Generator, height: Field, slope: Field, drained_m2: Field, water: Mask, n: Counts
) -> Sites:
    """Sites for one window: flat, near water but not in it, apart from each other."""
    free = _buildable(height.shape, drained_m2, water)
    flat_wide = ndimage.uniform_filter(slope, 15)
    flat = ndimage.uniform_filter(slope, 7)
    stream = np.log10(ndimage.maximum_filter(drained_m2, 9))
    seat = _seat(flat_wide, drained_m2, free)
    taken = [seat]
    area_m2 = height.size * CELL_M**2

    town_score = 0.28 * stream - 5.5 * flat + 0.25 * _grain(rng, height.shape, 60)
    towns = _spread(rng, town_score, free, n.towns, 0.56 * np.sqrt(area_m2 / n.towns), taken)
    taken += towns.tolist()

    low = (height - height.min()) / 1600
    village_score = -4.2 * flat - low + 0.75 * _grain(rng, height.shape, 35)
    apart = 0.36 * np.sqrt(area_m2 / n.villages)
    villages = _spread(rng, village_score, free, n.villages, apart, taken)
    taken += villages.tolist()

    hamlet_score = (
        -3.2 * slope - 0.5 * low - _away(taken, height.shape) / 2600 + _grain(rng, height.shape, 8)
    )
    count = round(n.villages * HAMLETS_PER_VILLAGE)
    hamlets = _spread(rng, hamlet_score, free, count, 430.0, taken)
    farm_score = -2.4 * slope - 0.4 * low + 1.1 * _grain(rng, height.shape, 12)
    count = round(n.villages * FARMS_PER_VILLAGE)
    farms = _spread(rng, farm_score, free, count, 380.0, taken + hamlets.tolist())
    return Sites(seat=seat, towns=towns, villages=villages, hamlets=hamlets, farms=farms)


def _seat(flat_wide: Field, drained_m2: Field, free: Mask) -> int:
    """The flattest stretch of the main valley, rather near the middle of the window."""
    rows, cols = flat_wide.shape
    row, col = np.indices(flat_wide.shape)
    off_centre = np.hypot(row / rows - 0.5, col / cols - 0.5)
    big = drained_m2 >= min(BIG_RIVER_M2, 0.5 * float(drained_m2.max()))
    from_river_m = ndimage.distance_transform_edt(~big) * CELL_M
    score = flat_wide + 0.5 * off_centre**2 + np.abs(from_river_m - 420) / 9000
    return int(np.argmin(np.where(free, score, np.inf)))


def _buildable(shape: tuple[int, int], drained_m2: Field, water: Mask) -> Mask:
    wet = ndimage.binary_dilation(water, iterations=2) | (drained_m2 > 1.2e7)
    free = ~wet
    edge = min(10, shape[0] // 8)
    free[:edge], free[-edge:], free[:, :edge], free[:, -edge:] = False, False, False, False
    return free


def _spread(
    rng: np.random.Generator,
    score: Field,
    free: Mask,
    count: int,
    apart_m: float,
    taken: list[int],
) -> Cells:
    """The best `count` cells with at least `apart_m` between them; closer only if room runs out."""
    cols = score.shape[1]
    candidates = np.flatnonzero(free.ravel())
    some = min(len(candidates), max(4000, count * 12))
    candidates = rng.choice(candidates, some, replace=False)
    candidates = candidates[np.argsort(-score.ravel()[candidates], kind="stable")]
    chosen: list[int] = []
    apart = apart_m / CELL_M
    while len(chosen) < count:
        blocked = np.zeros(score.shape, dtype=np.bool_)
        for cell in taken + chosen:
            _block(blocked, cell // cols, cell % cols, apart)
        for cell in candidates.tolist():
            if len(chosen) == count:
                break
            row, col = divmod(cell, cols)
            if not blocked[row, col]:
                chosen.append(cell)
                _block(blocked, row, col, apart)
        apart *= 0.8
        if apart < 0.5:
            break
    return np.array(chosen, dtype=np.int64)


def _block(blocked: Mask, row: int, col: int, radius: float) -> None:
    reach = int(radius)
    top, left = max(row - reach, 0), max(col - reach, 0)
    view = blocked[top : row + reach + 1, left : col + reach + 1]
    near = _disc(radius)[top - row + reach :, left - col + reach :]
    view |= near[: view.shape[0], : view.shape[1]]


@lru_cache(maxsize=64)
def _disc(radius: float) -> Mask:
    """Cells no farther than `radius` from the middle one."""
    reach = int(radius)
    away = np.arange(-reach, reach + 1) ** 2
    near: Mask = away[:, None] + away <= radius**2
    return near


def _away(cells: list[int], shape: tuple[int, int]) -> Field:
    """Metres from each cell to the nearest of `cells`."""
    empty = np.ones(shape, dtype=np.bool_)
    empty.ravel()[cells] = False
    away: Field = ndimage.distance_transform_edt(empty) * CELL_M
    return away


def _grain(rng: np.random.Generator, shape: tuple[int, int], wavelength: float) -> Field:
    return smooth_noise(rng, shape, wavelength)
