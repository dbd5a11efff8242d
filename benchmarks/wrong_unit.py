"""How often a simpler reckoning picks another unit than the road does, and what that costs.

200 units and 1,000 incidents at random places on the roads of Andorra, seeded; each incident takes
the one unit that a system holds to be the first there. `straight_line` takes the nearest as the
crow flies; `class_speed` the quickest over the same roads at a speed by class, tagged limit and
surface, which is how routers of the field reckon: no curve, no grade, no turn. Both are measured by
our own model (docs/travel-time.md): this says how much the shape of the roads changes the choice,
not how true the model is. Where units are few a wrong one costs more: once more with 12.

wrong_share   incidents for which the chosen unit arrives later than the best
minutes_lost  by how much, on the average of all incidents; p50 and p99 of the wrong choices
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import numpy as np
from numpy.typing import NDArray

from benchmarks import _andorra
from benchmarks._report import Options, Row, main, say, share_row
from geo import mapfolder
from geo.errors import NoRouteError
from geo.ground import Ground
from geo.projection import projection
from geo.roadmap import RoadMap
from geo.snap import Snap
from server.evaluation.classspeed import ClassSpeed

INCIDENTS = 1_000
UNITS = {"andorra": 200, "andorra, 12 units": 12}
HUBS_TRIED = 8
LATER_S = 1.0
"""A unit that arrives within this of the best is no wrong choice."""
S_PER_MIN = 60.0
Floats = NDArray[np.float64]


def run(options: Options) -> list[Row]:
    with tempfile.TemporaryDirectory(prefix="rl-wrong-") as name:
        say(options, "Building the map of Andorra")
        roadmap = mapfolder.load(_andorra.build(Path(name)))
        rows: list[Row] = []
        for map_name, units in UNITS.items():
            say(options, f"{units} units")
            rows += compared(roadmap, map_name, units, options)
        return rows


def compared(roadmap: RoadMap, map_name: str, units: int, options: Options) -> list[Row]:
    """Both reckonings beside ours."""
    ground = Ground(roadmap)
    incidents = INCIDENTS // 10 if options.quick else INCIDENTS
    places = random_places(ground, options.random(), units + incidents)
    truth_s = ground.matrix(places[:units], places[units:])
    ground.close()
    reckoned = {
        "straight_line": straight_line_m(roadmap, places[:units], places[units:]),
        "class_speed": ClassSpeed(roadmap).times_s(places[:units], places[units:]),
    }
    rows: list[Row] = []
    for system, cost in reckoned.items():
        rows += _rows(map_name, system, lost_by(cost, truth_s))
    share = float(np.median(reckoned["class_speed"] / np.maximum(truth_s, LATER_S)))
    rows[-1] = msgspec.structs.replace(rows[-1], note=f"reckons {share:.2f} of our time, median")
    return rows


def lost_by(cost: Floats, truth_s: Floats) -> Floats:
    """(S,) seconds between the unit of least cost and the best; (U, S) both."""
    chosen = cost.argmin(axis=0)
    taken: Floats = np.take_along_axis(truth_s, chosen[None, :], axis=0)[0]
    lost: Floats = taken - truth_s.min(axis=0)
    return lost


def random_places(ground: Ground, chance: Random, count: int) -> list[Snap]:
    """Anywhere on the roads, a long road more often, each with a way to all others and back."""
    roadmap = ground.roadmap
    lengths = np.asarray(roadmap.edge_length_m, dtype=np.float64)
    drivable = np.isfinite(ground.arc_s).reshape(-1, 2).any(axis=1)
    edges = chance.choices(range(len(lengths)), weights=(lengths * drivable).tolist(), k=2 * count)
    snaps = [_on(ground, edge, chance.random()) for edge in edges]
    known = [snap for snap in snaps if snap is not None]
    joined: list[Snap] = []
    for hub in known[:HUBS_TRIED]:
        way_s = ground.etas(known, hub) + ground.matrix([hub], known)[0]
        linked = [snap for snap, s in zip(known, way_s.tolist(), strict=True) if np.isfinite(s)]
        joined = max(joined, linked, key=len)
    if len(joined) < count:
        raise ValueError(f"only {len(joined)} places are joined by roads, {count} are needed")
    return joined[:count]


def straight_line_m(roadmap: RoadMap, units: Sequence[Snap], scenes: Sequence[Snap]) -> Floats:
    """(U, S) metres as the crow flies."""
    to_metres = projection(roadmap.meta.crs).to_metres
    a, b = (to_metres(np.array([(s.lon, s.lat) for s in snaps])) for snaps in (units, scenes))
    apart: Floats = np.linalg.norm(a[:, None] - b[None, :], axis=2)
    return apart


def _on(ground: Ground, edge: int, share: float) -> Snap | None:
    first = ground.roadmap.edge_first_point
    shape = np.asarray(ground.roadmap.point_lonlat[first[edge] : first[edge + 1]])
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(shape, axis=0).T))))
    lon, lat = (float(np.interp(share * along[-1], along, shape[:, axis])) for axis in (0, 1))
    try:
        return ground.snap(lon, lat)
    except NoRouteError:
        return None


def _rows(map_name: str, system: str, lost_s: Floats) -> list[Row]:
    wrong = lost_s > LATER_S
    lost_min = lost_s / S_PER_MIN
    spread = 1.96 * float(lost_min.std(ddof=1)) / len(lost_min) ** 0.5
    p50, p99 = np.percentile(lost_min[wrong], (50, 99)).tolist() if wrong.any() else (0.0, 0.0)
    mean = float(lost_min.mean())
    minutes = Row(
        metric="minutes_lost",
        system=system,
        unit="min",
        map=map_name,
        p50=round(p50, 3),
        p99=round(p99, 3),
        value=round(mean, 3),
        n=len(lost_s),
        low=round(mean - spread, 3),
        high=round(mean + spread, 3),
    )
    return [share_row("wrong_share", system, int(wrong.sum()), len(lost_s), map_name), minutes]


if __name__ == "__main__":
    main("wrong_unit", run, __doc__)
