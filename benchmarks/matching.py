"""How well tracks are matched to roads, where the road driven is known.

Simulated drivers on Andorra; their receivers err by 6, 10 or 15 m in both directions and report
every 5, 15, 30 or 60 s.

same_edge     fixes that come to the very edge they were on
edge_limit    the most that could: as if the whole way were known, and only the place along it had
              to be read off the fix. An error along the road is taken for a place on the next edge
              wherever a junction is near, and half of Andorra's edges are under 70 m
road_driven   fixes that come to an edge of the way that was driven
metres_right  of the metres that were matched, those of the way
metres_found  of the metres that were driven, those on arcs that were matched

`--write FILE` puts the table between the markers of docs/travel-time.md.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import _andorra
from benchmarks._drivers import Driven, Way, drive, random_ways
from benchmarks._report import Options, Row, main_writing, say, share_row, write_between
from geo import mapfolder
from geo.driving.speed import Profile, travel_times_ms
from geo.ground import Ground
from geo.learning.matching import Match, Matcher
from geo.roadmap import RoadMap

INTERVALS_S = (5.0, 15.0, 30.0, 60.0)
NOISE_M = (6.0, 10.0, 15.0)
WAYS = 80
KM_MIN = 3.0

BEGIN, END = "<!-- matching: made by benchmarks/matching.py -->", "<!-- matching: end -->"


@dataclass(frozen=True, slots=True, kw_only=True)
class Shares:
    """How many fixes and metres of some drives came out right."""

    fixes: int
    same_edge: int
    edge_limit: int
    road_driven: int
    metres_right: float
    """0 to 1."""
    metres_found: float


class Field:
    """A map with drivers on it and a matcher."""

    def __init__(self, roadmap: RoadMap, seed: int = 1) -> None:
        self.roadmap = roadmap
        self.ground = Ground(roadmap, engine="scipy")
        self.matcher = Matcher(roadmap)
        self.prior_ms = travel_times_ms(roadmap, Profile())
        self.rng = np.random.default_rng(seed)

    def drive(self, way: Way, *, interval_s: float, noise_m: float) -> Driven:
        piece_s = way.piece_s(self.prior_ms / 1000.0)
        return drive(self.roadmap, way, piece_s, self.rng, interval_s=interval_s, noise_m=noise_m)

    def match(self, driven: Driven) -> Match:
        return self.matcher.match(driven.track, self.prior_ms)

    def shares(self, ways: Sequence[Way], *, interval_s: float, noise_m: float) -> Shares:
        """Drive all ways once and match them."""
        fixes = same = limit = road = 0
        right_m = matched_m = found_m = driven_m = 0.0
        length_m = np.asarray(self.roadmap.edge_length_m, dtype=np.float64).repeat(2)
        for way in ways:
            driven = self.drive(way, interval_s=interval_s, noise_m=noise_m)
            match = self.match(driven)
            fixes += len(driven.track)
            same += int((match.edge == driven.edge).sum())
            limit += int((self._read_off(way, driven, noise_m) == driven.edge).sum())
            road += int(np.isin(match.edge, way.arc >> 1).sum())
            for run in match.runs:
                metres = length_m[run.arc] * (run.end - run.start)
                right_m += float(metres[np.isin(run.arc, way.arcs)].sum())
                matched_m += float(metres.sum())
            arcs = np.concatenate([run.arc for run in match.runs])
            way_m = length_m[way.arcs] * way.arc_share
            found_m += float(way_m[np.isin(way.arcs, arcs)].sum())
            driven_m += float(way_m.sum())
        return Shares(
            fixes=fixes,
            same_edge=same,
            edge_limit=limit,
            road_driven=road,
            metres_right=right_m / matched_m,
            metres_found=found_m / driven_m,
        )

    def _read_off(self, way: Way, driven: Driven, noise_m: float) -> np.ndarray:
        """The edge of each fix, if only the error along the way were left."""
        places = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(way.metres, axis=0).T))))
        seen_m = driven.way_m + self.rng.normal(0.0, noise_m, len(driven.way_m))
        piece = np.searchsorted(places, seen_m.clip(0.0, places[-1]), side="right") - 1
        edges: np.ndarray = way.arc[piece.clip(0, len(way.arc) - 1)] >> 1
        return edges


def run(options: Options) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="rl-", dir="/tmp") as folder:
        say(options, "Building the map of Andorra")
        field = Field(mapfolder.load(_andorra.build(Path(folder))), options.seed)
        ways = random_ways(field.ground, options.rounds(WAYS), field.rng, KM_MIN)
        for noise_m in NOISE_M:
            for interval_s in INTERVALS_S:
                say(options, f"{noise_m:.0f} m, every {interval_s:.0f} s")
                found = field.shares(ways, interval_s=interval_s, noise_m=noise_m)
                rows += _rows(f"{noise_m:.0f} m, {interval_s:.0f} s", found)
    return rows


def _rows(system: str, found: Shares) -> list[Row]:
    rows = [
        share_row(metric, system, getattr(found, metric), found.fixes, "andorra")
        for metric in ("same_edge", "edge_limit", "road_driven")
    ]
    for metric in ("metres_right", "metres_found"):
        value = round(float(getattr(found, metric)), 5)
        rows.append(Row(metric=metric, system=system, map="andorra", unit="share", value=value))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as Markdown, one line a system."""
    lines = [
        "| error, fix every | fixes | same edge | at most | road driven | metres right | found |",
        "|---|---|---|---|---|---|---|",
    ]
    systems: dict[str, dict[str, Row]] = {}
    for row in rows:
        systems.setdefault(row.system, {})[row.metric] = row
    for system, found in systems.items():
        value = {metric: f"{row.value or 0.0:.1%}" for metric, row in found.items()}
        same = found["same_edge"]
        lines.append(
            f"| {system} | {same.n} | {value['same_edge']} ({same.low:.1%} … {same.high:.1%}) | "
            f"{value['edge_limit']} | {value['road_driven']} | {value['metres_right']} | "
            f"{value['metres_found']} |"
        )
    return "\n".join(lines)


def run_and_write(options: Options, file: Path | None) -> list[Row]:
    rows = run(options)
    if file is not None:
        write_between(file, BEGIN, END, table(rows))
    return rows


if __name__ == "__main__":
    main_writing("matching", run_and_write, __doc__)
