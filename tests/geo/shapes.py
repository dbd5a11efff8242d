"""Shapes of roads for tests, in metres from the map's origin."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Metres = list[tuple[float, float]]


def straight(length_m: float, points: int = 60) -> Metres:
    return [(float(east), 0.0) for east in np.linspace(0.0, length_m, points)]


def bend(
    radius_m: float, turn_deg: float = 180.0, straight_m: float = 150.0, step_m: float = 4.0
) -> Metres:
    """A straight, an arc to the left, a straight."""
    turn = np.radians(turn_deg)
    count = max(3, int(radius_m * turn / step_m))
    angles = np.linspace(0.0, turn, count)
    arc = np.column_stack((radius_m * np.sin(angles), radius_m * (1 - np.cos(angles))))
    ahead = np.array([np.cos(turn), np.sin(turn)])
    points = [(-straight_m, 0.0), *map(tuple, arc.tolist())]
    points.append(tuple((arc[-1] + straight_m * ahead).tolist()))
    return [(float(east), float(north)) for east, north in points]


def winding(
    radii_m: Sequence[float],
    *,
    bends: int,
    turn_deg: float,
    straight_m: float = 0.0,
    step_m: float = 3.0,
) -> Metres:
    """Bends to the left and to the right by turns, with straights between them and at both ends."""
    turn = np.radians(turn_deg)
    sections: list[tuple[float, float]] = []
    for number in range(bends):
        radius_m = radii_m[number % len(radii_m)]
        sections += [(straight_m, 0.0), (radius_m * turn, (-1) ** number / radius_m)]
    sections.append((straight_m, 0.0))
    length_m = np.array([length for length, _ in sections])
    count = np.ceil(length_m / step_m).astype(int)
    steps_m = np.repeat(np.divide(length_m, count, where=count > 0, out=length_m * 0.0), count)
    turned = steps_m * np.repeat([curvature for _, curvature in sections], count)
    heading = np.cumsum(turned) - turned / 2.0
    east, north = np.cumsum(steps_m * np.cos(heading)), np.cumsum(steps_m * np.sin(heading))
    return [(0.0, 0.0), *zip(east.tolist(), north.tolist(), strict=True)]


def along_m(road: Metres) -> list[float]:
    """Distance of each point from the first."""
    steps = np.hypot(*np.diff(np.asarray(road), axis=0).T)
    return [0.0, *np.cumsum(steps).tolist()]


def climbing(road: Metres, grade_pct: float) -> list[float]:
    """Heights of a road that rises evenly."""
    return [1_000.0 + grade_pct / 100.0 * metres for metres in along_m(road)]


def drawn_with_error(road: Metres, sigma_m: float, seed: int = 7) -> Metres:
    rng = np.random.default_rng(seed)
    moved = np.asarray(road) + rng.normal(0.0, sigma_m, (len(road), 2))
    return [(float(east), float(north)) for east, north in moved]
