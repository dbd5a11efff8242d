"""Roads measured every few metres: bend, grade and height at the stations of each chain.

This is what the road does to a vehicle; what the vehicle makes of it is `geo.driving.speed`.
Chains of edges (`geo.driving.chains`) are resampled evenly, whatever points they are drawn with
and wherever the map splits them, so no seam of the map is felt. All in numpy, a bounded number of
stations at a time.

Radius. On a circle the direction of two neighbouring chords, each over an arc L, differs by L/R.
The points of a drawn road are off by a metre or two, which bends straight roads: an error of
DIGITISING_M per point makes the angle err by DIGITISING_M * sqrt(6)/L (the same as
sigma_R/R = 8R/(2L)^2 * sigma * sqrt(1.5)). So the angle is measured at several L, what noise
alone may explain is taken out in quadrature, and the tightest radius that remains counts: short
windows see hairpins, long ones see sweeping bends.

Grade. Rise over GRADE_WINDOW_M, because the height data is far coarser than the road; the map
build has smoothed heights along the way and interpolated them over bridges and tunnels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from geo.driving.chains import Chains, chains_of
from geo.projection import projection
from geo.roadmap import RoadMap

STEP_M: Final = 5.0
"""m. Largest distance between stations: a third of a hairpin's arc."""

CURVE_WINDOWS: Final = (4, 8, 16, 32)
"""Steps of STEP_M on either side over which direction is measured: 20 to 160 m.
Starting values."""

SMOOTHING: Final = 1
"""Steps to either side over which places are averaged before anything is measured. Starting
value."""

DIGITISING_M: Final = 0.75
"""m. Standard error that is left of a drawn point across the road, against its neighbours; what all
of them share, as a shifted aerial image, bends nothing. Chosen together with smoothing, gate and
spread on known roads drawn with errors of 0, 1 and 2 m: speeds come within some 10 % of the true
shape's at 0 and 1 m, of hairpins at 2 m too. Short bends of 30 degrees are seen too wide; wide
roads drawn 2 m off at points every 15 m, as by a poor receiver, too tight. Starting value."""

NOISE_GATE: Final = 2.0
"""Standard errors of an angle that count as noise. Starting value."""

SPREAD: Final = 2
"""Steps to either side over which the shortest window's bend counts: where a bend begins, the
window sees it half as tight. Starting value."""

RADIUS_M_MIN: Final = 6.0
"""m. No road bends tighter than a car turns (turning circle of about 12 m)."""

GRADE_WINDOW_M: Final = 150.0
"""m. Shortest length a grade of 90 m height cells means something over; whole chain if shorter."""

GRADE_BASE_M_MIN: Final = 30.0
"""m. Rise over a chain shorter than this is shared over this length. Starting value."""

GRADE_PCT_MAX: Final = 14.0
"""%. Clamp; steeper public roads are rare and steeper height data is noise. Starting value."""

STATIONS_MAX: Final = 60_000
"""Stations worked on at once: what caches hold is the quickest; a longer chain comes alone."""

CHAIN_GAP_M: Final = 1.0
"""m. Keeps neighbouring chains apart on the one long line that all are laid out on."""

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]
"""Metres east + metres north times i."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stations:
    """K stations of C chains, chain after chain on one long line, E edges lying along it."""

    start: Ints
    """(C + 1,) the stations of chain c are start[c] … start[c + 1] - 1, at least two."""
    step_m: Floats
    """(C,) distance between its stations."""
    at_m: Floats
    """(K,) place of each station on the line."""
    radius_m: Floats
    """(K,) inf where straight."""
    grade_pct: Floats
    """(K,) rise in the direction of the chain, 0 where heights are unknown."""
    height_m: Floats
    """(K,) NaN where unknown."""
    edge: Ints
    """(K,) the edge each station lies on."""
    along: Bools
    """(K,) whether the chain runs through that edge tail to head."""
    line_edge: Ints
    """(E,) the edges in the order they lie on the line."""
    line_forward: Bools
    """(E,) whether the chain runs through them tail to head."""
    begin_m: Floats
    end_m: Floats
    """(E,) where on the line they lie."""

    @property
    def mirror(self) -> Ints:
        """(K,) for each station the one as far from the other end of its chain."""
        count = np.diff(self.start)
        turned = np.repeat(self.start[:-1] + self.start[1:] - 1, count)
        return turned - np.arange(len(turned))

    def there_and_back(self, values: Floats) -> Floats:
        """(2K,) the values of both directions in the order they are driven."""
        return np.concatenate((values[0], values[1][self.mirror]))


def stations_of(
    roadmap: RoadMap, chains: Chains | None = None, stations_max: int = STATIONS_MAX
) -> Iterator[Stations]:
    """All chains of the map, the longest first, in chunks of about `stations_max` stations."""
    chains = chains or chains_of(roadmap)
    metres = projection(roadmap.meta.crs).to_metres(roadmap.point_lonlat)
    drawn_m = _lengths_m(metres, roadmap.edge_first_point)
    length_m = np.add.reduceat(drawn_m[chains.edge], chains.start[:-1])
    steps = np.maximum(1, np.ceil(length_m / STEP_M - 1e-9)).astype(np.int64)
    longest_first = np.argsort(-steps, kind="stable")
    total = np.cumsum(steps[longest_first] + 1)
    begin = 0
    while begin < len(total):
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + stations_max, side="right")))
        chunk = longest_first[begin:end]
        yield _measure(_Line(roadmap, metres, chains, chunk), steps[chunk])
        begin = end


def drawn_lengths_m(roadmap: RoadMap) -> Floats:
    """(M,) length of each edge as drawn in the projection."""
    metres = projection(roadmap.meta.crs).to_metres(roadmap.point_lonlat)
    return _lengths_m(metres, roadmap.edge_first_point)


def _lengths_m(metres: Floats, first_point: Ints) -> Floats:
    steps = np.concatenate(([0.0], np.hypot(*np.diff(metres, axis=0).T)))
    steps[first_point[:-1]] = 0.0
    lengths: Floats = np.add.reduceat(steps, first_point[:-1])
    return lengths


class _Line:
    """Some chains laid out one after another on one long line."""

    def __init__(self, roadmap: RoadMap, metres: Floats, chains: Chains, chunk: Ints) -> None:
        count = np.diff(chains.start)[chunk]
        place = _spans(chains.start[:-1][chunk], count)
        self.edge, self.forward = chains.edge[place], chains.forward[place]
        first, last = roadmap.edge_first_point[self.edge], roadmap.edge_first_point[self.edge + 1]
        points = _spans(first, last - first)
        ends = np.cumsum(last - first)
        mirrored = np.repeat(first + last - 1, last - first) - points
        points = np.where(np.repeat(self.forward, last - first), points, mirrored)
        self.columns = np.column_stack((metres[points], roadmap.point_ele_m[points]))
        steps = np.concatenate(([0.0], np.hypot(*np.diff(self.columns[:, :2], axis=0).T)))
        steps[ends[:-1]] = 0.0
        first_edge = np.cumsum(count)[:-1]
        steps[ends[first_edge - 1]] = CHAIN_GAP_M
        self.along_m = np.cumsum(steps)
        self.begin_m = self.along_m[ends - (last - first)]
        self.end_m = self.along_m[ends - 1]
        self.chain_begin_m = self.begin_m[np.concatenate(([0], first_edge))]
        self.chain_end_m = self.end_m[np.cumsum(count) - 1]

    def at(self, places_m: Floats) -> tuple[Floats, Floats, Floats]:
        """Metres east, metres north, height at places on the line."""
        east, north, height = (np.interp(places_m, self.along_m, one) for one in self.columns.T)
        return east, north, height


def _spans(first: Ints, count: Ints) -> Ints:
    """first[0], first[0] + 1, … count[0] numbers, then first[1] …"""
    before = np.cumsum(count) - count
    spans: Ints = np.arange(int(count.sum())) + np.repeat(first - before, count)
    return spans


def _measure(line: _Line, steps: Ints) -> Stations:
    start = np.concatenate(([0], np.cumsum(steps + 1)))
    chain = np.repeat(np.arange(len(steps)), steps + 1)
    nth = np.arange(start[-1]) - start[chain]
    step_m = (line.chain_end_m - line.chain_begin_m) / steps
    at_m = np.minimum(line.chain_begin_m[chain] + nth * step_m[chain], line.chain_end_m[chain])
    east, north, height = line.at(at_m)
    on = np.searchsorted(line.begin_m, at_m, side="right") - 1
    around = _Around(start[:-1][chain], start[1:][chain] - 1, step_m[chain])
    return Stations(
        start=start,
        step_m=step_m,
        at_m=at_m,
        radius_m=_radius_m(_smoothed(east + 1j * north, around), around),
        grade_pct=_grade_pct(height, around),
        height_m=height,
        edge=line.edge[on],
        along=line.forward[on],
        line_edge=line.edge,
        line_forward=line.forward,
        begin_m=line.begin_m,
        end_m=line.end_m,
    )


@dataclass(frozen=True, slots=True)
class _Around:
    """(K,) first and last station of each station's chain, and its step."""

    first: Ints
    last: Ints
    step_m: Floats


def _smoothed(places: Complexes, around: _Around) -> Complexes:
    """Each place the mean of those within SMOOTHING steps; fewer towards the ends of a chain."""
    here = np.arange(len(places))
    reach = np.minimum(np.minimum(here - around.first, around.last - here), SMOOTHING)
    total = np.concatenate(([0.0], np.cumsum(places - places[0])))
    means: Complexes = (total[here + reach + 1] - total[here - reach]) / (2 * reach + 1)
    return means


def _radius_m(places: Complexes, around: _Around) -> Floats:
    curvature = _spread(_curvature_per_m(places, around, CURVE_WINDOWS[0]), around)
    for window in CURVE_WINDOWS[1:]:
        curvature = np.maximum(curvature, _curvature_per_m(places, around, window))
    with np.errstate(divide="ignore"):
        radius: Floats = 1.0 / curvature
    return radius.clip(min=RADIUS_M_MIN)


def _curvature_per_m(places: Complexes, around: _Around, window: int) -> Floats:
    """(K,) radians a metre over so many steps to either side, what noise may explain left out."""
    here = np.arange(len(places))
    before = np.maximum(here - window, around.first)
    after = np.minimum(here + window, around.last)
    bend = np.angle((places[after] - places) * np.conj(places - places[before]))
    behind_m, ahead_m = (here - before) * around.step_m, (after - here) * around.step_m
    with np.errstate(divide="ignore"):
        back, front = 1.0 / behind_m, 1.0 / ahead_m
    noise_squared = (NOISE_GATE * DIGITISING_M) ** 2 * (back**2 + front**2 + (back + front) ** 2)
    sure = np.sqrt(np.maximum(bend**2 - noise_squared, 0.0))
    arc_m = (behind_m + ahead_m) / 2.0
    return np.divide(sure, arc_m, out=np.zeros_like(sure), where=arc_m > 0.0)


def _spread(curvature: Floats, around: _Around) -> Floats:
    """The tightest within SPREAD steps on the same chain."""
    here = np.arange(len(curvature))
    tightest = curvature
    for steps in (*range(-SPREAD, 0), *range(1, SPREAD + 1)):
        near = curvature[np.clip(here + steps, around.first, around.last)]
        tightest = np.maximum(tightest, near)
    return tightest


def _grade_pct(height_m: Floats, around: _Around) -> Floats:
    here = np.arange(len(height_m))
    window = round(GRADE_WINDOW_M / STEP_M)
    low = np.maximum(np.minimum(here - window // 2, around.last - window), around.first)
    high = np.minimum(low + window, around.last)
    base_m = np.maximum((high - low) * around.step_m, GRADE_BASE_M_MIN)
    grade: Floats = 100.0 * (height_m[high] - height_m[low]) / base_m
    grade[np.isnan(grade)] = 0.0
    return grade.clip(-GRADE_PCT_MAX, GRADE_PCT_MAX)
