"""The speed along one numbered road as an SVG: height above, speed both ways below.

    python -m benchmarks.speed_plot [--map FOLDER] [--ref CS-340] [--out docs/img/speed-cs-340.svg]

Without --map, Andorra is built from RIDGELINE_TEST_DATA. Drawn: the patrol car in routine, the
caps it keeps under, the bends tighter than HAIRPIN_M, and the one speed that a router reckons with
which knows only the road's class.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from benchmarks import _andorra
from geo import mapfolder
from geo.driving.desired import desired_kmh
from geo.driving.drive import seconds_between
from geo.driving.speed import Driver, Mode, Profile
from geo.driving.stations import Stations, stations_of
from geo.driving.vehicles import VEHICLES, Vehicle
from geo.roadmap import RoadMap

PATROL_CAR: Final = VEHICLES[Vehicle.PATROL_CAR]
KMH_PER_MPS: Final = 3.6
HAIRPIN_M: Final = 20.0
DRAWN_EVERY: Final = 2
"""Stations: a point every 10 m."""

WIDTH, HEIGHT = 1000, 590
LEFT, RIGHT = 62, 976
HEIGHT_TOP, HEIGHT_BOTTOM = 96, 206
SPEED_TOP, SPEED_BOTTOM = 262, 512
ONWARD, BACK, CAP, CLASS, INK, FAINT, GROUND = (
    "#1b6ca8",
    "#c8551b",
    "#9aa5ad",
    "#7a4fa3",
    "#263238",
    "#e3e7ea",
    "#dfe8df",
)

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One road driven by a patrol car in routine; K stations."""

    name: str
    place: str
    """Nearest to where the drawing begins."""
    km: Floats
    height_m: Floats
    radius_m: Floats
    cap_kmh: Floats
    speed_kmh: Floats
    """(2, K) onward and back."""
    minutes: tuple[tuple[float, float], tuple[float, float]]
    """Routine and urgent: onward and back."""
    class_kmh: float


def measure(roadmap: RoadMap, ref: str) -> Run:
    """Drive the longest stretch of the road with this number."""
    stations, part = _stretch(roadmap, ref)
    routine, urgent = (Driver(roadmap, Profile(mode=mode)).drive(stations) for mode in Mode)
    edge = stations.edge[part]
    return Run(
        name=ref,
        place=_nearest_place(roadmap, int(edge[0])),
        km=(stations.at_m[part] - stations.at_m[part][0]) / 1000.0,
        height_m=stations.height_m[part],
        radius_m=stations.radius_m[part],
        cap_kmh=KMH_PER_MPS * routine.cap_mps.max(axis=0)[part],
        speed_kmh=KMH_PER_MPS * routine.speed_mps[:, part],
        minutes=(
            _minutes(stations, routine.speed_mps, part),
            _minutes(stations, urgent.speed_mps, part),
        ),
        class_kmh=float(
            np.median(desired_kmh(roadmap, VEHICLES[Vehicle.PATROL_CAR], backward=False)[edge])
        ),
    )


def _stretch(roadmap: RoadMap, ref: str) -> tuple[Stations, slice]:
    """The most stations in a row on one chain that lie on the road."""
    if ref not in roadmap.names:
        raise SystemExit(f"No road of this map has the number {ref}.")
    wanted = roadmap.edge_ref == roadmap.names.index(ref)
    runs = [
        (stations, run)
        for stations in stations_of(roadmap)
        for run in _runs(wanted[stations.edge], stations.start)
    ]
    return max(runs, key=lambda found: found[1].stop - found[1].start)


def _runs(wanted: NDArray[np.bool_], start: NDArray[np.int64]) -> Iterator[slice]:
    new = np.diff(wanted.astype(np.int8), prepend=0) != 0
    new[start[:-1]] = True
    bounds = [*np.flatnonzero(new).tolist(), len(wanted)]
    for first, end in pairwise(bounds):
        if wanted[first]:
            yield slice(first, end)


def _minutes(stations: Stations, speed_mps: Floats, part: slice) -> tuple[float, float]:
    onward, back = (
        float(seconds_between(stations.start, stations.step_m, one)[part][1:].sum()) / 60.0
        for one in speed_mps
    )
    return onward, back


def _nearest_place(roadmap: RoadMap, edge: int) -> str:
    lon, lat = roadmap.shape(edge).mean(axis=0)
    east = np.cos(np.radians(lat))
    named = [place for place in roadmap.places if place.kind in ("town", "village")]
    return min(named, key=lambda one: np.hypot((one.lon - lon) * east, one.lat - lat)).name


def svg(run: Run) -> str:
    """The drawing as text."""
    body = [*_frame(run), *_heights(run), *_speeds(run), *_legend(run)]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        f'font-family="system-ui, sans-serif" font-size="13" fill="{INK}">\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def _frame(run: Run) -> Iterator[str]:
    by_class = 60.0 * run.km[-1] / run.class_kmh
    (routine, routine_back), (urgent, urgent_back) = run.minutes
    yield _text(LEFT, 30, f"{run.name} from {run.place}, {run.km[-1]:.1f} km", size=18, bold=True)
    yield _text(
        LEFT,
        52,
        f"By class alone {by_class:.0f} min. This model, patrol car, away and back: "
        f"{routine:.0f} and {routine_back:.0f} min in routine, "
        f"{urgent:.0f} and {urgent_back:.0f} min urgent.",
    )
    for km in range(int(run.km[-1]) + 1):
        x = _x(run, km)
        yield _line(x, HEIGHT_TOP, x, HEIGHT_BOTTOM, FAINT)
        yield _line(x, SPEED_TOP, x, SPEED_BOTTOM, FAINT)
        yield _text(x, SPEED_BOTTOM + 18, str(km), anchor="middle")
    yield _text(RIGHT, SPEED_BOTTOM + 36, f"km from {run.place}", anchor="end")


def _heights(run: Run) -> Iterator[str]:
    low, high = _round_out(run.height_m, 100.0)
    yield _text(LEFT, HEIGHT_TOP - 10, "Height, m", bold=True)
    for height_m in np.linspace(low, high, 3).tolist():
        y = _scale_one(height_m, low, high, HEIGHT_BOTTOM, HEIGHT_TOP)
        yield _line(LEFT, y, RIGHT, y, FAINT)
        yield _text(LEFT - 8, y + 4, f"{height_m:.0f}", anchor="end")
    outline = _points(run, _scale(run.height_m, low, high, HEIGHT_BOTTOM, HEIGHT_TOP))
    yield (
        f'<polygon points="{LEFT},{HEIGHT_BOTTOM} {outline} {RIGHT},{HEIGHT_BOTTOM}" '
        f'fill="{GROUND}"/>'
    )
    yield f'<polyline points="{outline}" fill="none" stroke="{INK}" stroke-width="1.5"/>'
    for km in _hairpins_km(run):
        x = _x(run, km)
        yield f'<path d="M{x:.1f} {HEIGHT_BOTTOM + 3} l-4 8 h8 z" fill="{INK}"/>'
    yield _text(
        RIGHT, HEIGHT_BOTTOM + 26, f"▲ bend under {HAIRPIN_M:.0f} m of radius", anchor="end"
    )


def _hairpins_km(run: Run) -> list[float]:
    """The tightest place of every bend under HAIRPIN_M."""
    tight = run.radius_m < HAIRPIN_M
    groups = np.split(np.flatnonzero(tight), np.flatnonzero(np.diff(np.flatnonzero(tight)) > 1) + 1)
    return [float(run.km[group[run.radius_m[group].argmin()]]) for group in groups if len(group)]


def _speeds(run: Run) -> Iterator[str]:
    top = _round_out(np.append(run.speed_kmh, run.class_kmh), 20.0)[1]
    yield _text(LEFT, SPEED_TOP - 12, "Speed, km/h", bold=True)
    for kmh in np.arange(0.0, top + 1.0, 20.0).tolist():
        y = _scale_one(kmh, 0.0, top, SPEED_BOTTOM, SPEED_TOP)
        yield _line(LEFT, y, RIGHT, y, FAINT)
        yield _text(LEFT - 8, y + 4, f"{kmh:.0f}", anchor="end")
    y = _scale_one(run.class_kmh, 0.0, top, SPEED_BOTTOM, SPEED_TOP)
    yield _line(LEFT, y, RIGHT, y, CLASS, "stroke-width='1.5' stroke-dasharray='7 4'")
    series = (
        (run.cap_kmh, CAP, 1.0),
        (run.speed_kmh[1], BACK, 1.6),
        (run.speed_kmh[0], ONWARD, 1.6),
    )
    for kmhs, colour, width in series:
        y_all = _scale(kmhs, 0.0, top, SPEED_BOTTOM, SPEED_TOP)
        yield (
            f'<polyline points="{_points(run, y_all)}" fill="none" stroke="{colour}" '
            f'stroke-width="{width}" stroke-linejoin="round"/>'
        )


def _legend(run: Run) -> Iterator[str]:
    entries = (
        (ONWARD, f"away from {run.place}"),
        (BACK, f"back to {run.place}"),
        (CAP, "cap: bend, sight, surface, law"),
        (CLASS, f"class alone, {run.class_kmh:.0f} km/h"),
    )
    x = float(LEFT)
    for colour, words in entries:
        yield _line(x, HEIGHT - 22, x + 24, HEIGHT - 22, colour, "stroke-width='3'")
        yield _text(x + 31, HEIGHT - 18, words)
        x += 60.0 + 7.2 * len(words)


def _x(run: Run, km: float) -> float:
    return _scale_one(km, 0.0, float(run.km[-1]), LEFT, RIGHT)


def _points(run: Run, y: Floats) -> str:
    x = _scale(run.km, 0.0, float(run.km[-1]), LEFT, RIGHT)
    pairs = zip(x[::DRAWN_EVERY].tolist(), y[::DRAWN_EVERY].tolist(), strict=True)
    return " ".join(f"{one:.1f},{other:.1f}" for one, other in pairs)


def _scale_one(value: float, low: float, high: float, begin: float, end: float) -> float:
    return begin + (value - low) / (high - low) * (end - begin)


def _scale(value: Floats, low: float, high: float, begin: float, end: float) -> Floats:
    return begin + (value - low) / (high - low) * (end - begin)


def _round_out(values: Floats, step: float) -> tuple[float, float]:
    return float(np.floor(values.min() / step) * step), float(np.ceil(values.max() / step) * step)


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    return (
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" {more}/>'
    )


def _text(
    x: float, y: float, words: str, *, anchor: str = "start", size: int = 13, bold: bool = False
) -> str:
    weight = ' font-weight="600"' if bold else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}"{weight}>'
        f"{escape(words)}</text>"
    )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.speed_plot", description=__doc__)
    parser.add_argument("--map", type=Path, help="map folder; Andorra where it is left out")
    parser.add_argument("--ref", default="CS-340", help="road number")
    parser.add_argument("--out", type=Path, default=Path("docs/img/speed-cs-340.svg"))
    parsed = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rl-plot-") as folder:
        roadmap = mapfolder.load(parsed.map or _andorra.build(Path(folder)))
        parsed.out.write_text(svg(measure(roadmap, parsed.ref)), encoding="utf-8")
    print(f"wrote {parsed.out}")


if __name__ == "__main__":
    main()
