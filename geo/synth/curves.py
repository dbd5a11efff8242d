"""From chains of cells to roads as drawn: corners rounded, hairpins with a radius, even points."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Field: TypeAlias = NDArray[np.float64]
Index: TypeAlias = NDArray[np.int64]

HAIRPIN_RAD = np.radians(105)
"""A turn sharper than this is a hairpin and gets the hairpin radius."""
_ARC_STEP_RAD = np.radians(22)
_ARC_STEP_M = (3.0, 45.0)
_EASE_ALL = 4
"""Rounds of easing from which a road is meant to have no hairpins left."""
_TANGENT_SHARE = 0.46
"""Greatest part of a segment that one rounded corner may use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curvature:
    """How tightly a kind of road may turn, metres."""

    radius_m: float
    hairpin_m: float
    step_m: float
    """Greatest distance between points."""
    ease: int = 0
    """Rounds of averaging that iron out the lattice before corners are rounded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """Many polylines, one after the other."""

    xy_m: Field
    first: Index
    """(lines + 1,) where each line starts in `xy_m`."""
    corner_at: Index
    """(vertices,) point of each input vertex: its own place, or the middle of its arc."""


def draw(xy_m: Field, first: Index, curvature: Curvature) -> Drawn:
    """Round the corners of many chains at once.

    `xy_m` (vertices, 2) holds the chains one after the other, `first` (chains + 1,) their starts.
    End vertices stay where they are.
    """
    ends = np.zeros(len(xy_m), dtype=np.bool_)
    ends[first[:-1]], ends[first[1:] - 1] = True, True
    xy = _eased(xy_m, ends, curvature.ease)
    turn, tangent, radius = _corners(xy, ends, curvature)
    count = _points_per_arc(turn, radius)
    points, corner_at = _arcs(xy, ends, turn, tangent, radius, count)
    line = np.repeat(np.cumsum(np.isin(np.arange(len(xy)), first[:-1])) - 1, count)
    return _densified(points, line, corner_at, curvature.step_m, len(first) - 1)


def _eased(xy_m: Field, ends: NDArray[np.bool_], rounds: int) -> Field:
    xy = xy_m.copy()
    for _ in range(rounds):
        turn = _turns(xy, ends)
        move = (~ends) & ((turn < HAIRPIN_RAD) | (rounds >= _EASE_ALL))
        mean = xy.copy()
        mean[1:-1] = (xy[:-2] + 2 * xy[1:-1] + xy[2:]) / 4
        xy[move] = mean[move]
    return xy


def _turns(xy: Field, ends: NDArray[np.bool_]) -> Field:
    """Change of direction at each vertex, radians; 0 at ends."""
    step = np.diff(xy, axis=0)
    heading = np.arctan2(step[:, 1], step[:, 0])
    turn = np.zeros(len(xy))
    turn[1:-1] = np.abs((np.diff(heading) + np.pi) % (2 * np.pi) - np.pi)
    turn[ends] = 0
    return turn


def _corners(
    xy: Field, ends: NDArray[np.bool_], curvature: Curvature
) -> tuple[Field, Field, Field]:
    """Turn (radians), tangent length and radius (metres) of the arc at each vertex."""
    turn = np.minimum(_turns(xy, ends), np.radians(172))
    length = np.hypot(*np.diff(xy, axis=0).T)
    shorter = np.full(len(xy), np.inf)
    shorter[1:] = length
    shorter[:-1] = np.minimum(shorter[:-1], length)
    half_tan = np.maximum(np.tan(turn / 2), 1e-6)
    wanted = np.where(turn > HAIRPIN_RAD, curvature.hairpin_m, curvature.radius_m)
    tangent = np.minimum(wanted * half_tan, _TANGENT_SHARE * shorter)
    tangent[ends] = 0
    return turn, tangent, tangent / half_tan


def _points_per_arc(turn: Field, radius: Field) -> Index:
    """Odd, so that one point is the middle; 1 where the bend is too slight to draw."""
    length = turn * radius
    wanted = np.ceil(np.maximum(turn / _ARC_STEP_RAD, length / _ARC_STEP_M[1]) / 2)
    halves = np.minimum(wanted, np.floor(length / (2 * _ARC_STEP_M[0])))
    count: Index = (1 + 2 * halves).astype(np.int64)
    return count


def _arcs(
    xy: Field, ends: NDArray[np.bool_], turn: Field, tangent: Field, radius: Field, count: Index
) -> tuple[Field, Index]:
    """Points of all arcs in order; a vertex with one point stays as it is."""
    before = np.zeros_like(xy)
    after = np.zeros_like(xy)
    step = np.diff(xy, axis=0)
    unit = step / np.maximum(np.hypot(step[:, 0], step[:, 1]), 1e-9)[:, None]
    before[1:], after[:-1] = unit, unit
    side = np.sign(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0])
    owner = np.repeat(np.arange(len(xy)), count)
    start_of = np.cumsum(count) - count
    place = np.arange(len(owner)) - start_of[owner]
    angle = turn[owner] * place / np.maximum(count[owner] - 1, 1)
    begin = xy - before * tangent[:, None]
    left = np.stack([-before[:, 1], before[:, 0]], axis=1) * side[:, None]
    along, across = np.sin(angle), 1 - np.cos(angle)
    points = (
        begin[owner]
        + before[owner] * (radius[owner] * along)[:, None]
        + left[owner] * (radius[owner] * across)[:, None]
    )
    single = count == 1
    points[start_of[single]] = xy[single]
    return points, start_of + count // 2


def _densified(
    points: Field,
    line: Index,
    corner_at: Index,
    step_m: float,
    lines: int,
) -> Drawn:
    """Extra points on long straight pieces."""
    length = np.hypot(*np.diff(points, axis=0).T)
    same = line[1:] == line[:-1]
    pieces = np.where(same, np.maximum(np.ceil(length / step_m), 1), 1).astype(np.int64)
    owner = np.repeat(np.arange(len(pieces)), pieces)
    start_of = np.concatenate([[0], np.cumsum(pieces)])
    share = (np.arange(len(owner)) - start_of[owner]) / pieces[owner]
    dense = points[owner] + (points[owner + 1] - points[owner]) * share[:, None]
    dense = np.concatenate([dense, points[-1:]])
    line_of = np.concatenate([line[owner], line[-1:]])
    first = np.searchsorted(line_of, np.arange(lines + 1))
    return Drawn(xy_m=dense, first=first, corner_at=start_of[corner_at])
