"""How long it takes to work out the travel times of a whole map for one profile.

    python -m benchmarks.profile [--quick] [--json]

Metrics: `travel_times`, all of one metric from the map in memory; `stations`, what of it is
measuring the roads and the same for every profile; each also in edges a second. Maps:
`andorra`, real; `county`, 2,230 km2, ours, kept in RIDGELINE_BENCH_MAPS; `counties-1m`, that county
as often as makes a million roads, not when --quick; and by `--map` those that `benchmarks.routing`
has invented and built there, such as `synth-1m`.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Final

import numpy as np

from benchmarks import _andorra, _report
from benchmarks._extracts import SYNTH_KM2, kept_at
from benchmarks._report import Options, Row, interleaved_ms, say, timing_row
from geo import mapfolder
from geo.driving.conditions import Condition, Weather
from geo.driving.speed import Mode, Profile, Vehicle, travel_times_ms
from geo.driving.stations import stations_of
from geo.roadmap import RoadMap

ROOT = Path(__file__).parent.parent
MAPS = Path(os.environ.get("RIDGELINE_BENCH_MAPS", ROOT / "data" / "benchmarks"))
MAP_SEED: Final = 20_260_101
COUNTY_KM2: Final = 2_230
MILLION: Final = 1_000_000
ROUNDS: Final = 20
LARGE_EDGES: Final = 100_000
ROUNDS_LARGE: Final = 2
"""Of maps with more edges than those."""

PROFILES: Final = (
    Profile(),
    Profile(mode=Mode.URGENT, condition=Condition(weather=Weather.RAIN, night=True)),
    Profile(vehicle=Vehicle.FOUR_BY_FOUR, condition=Condition(ice_above_m=1_800.0)),
    Profile(vehicle=Vehicle.FOOT),
)
"""In turn: no round finds the one before it in the caches."""


def run(names: Sequence[str], options: Options) -> list[Row]:
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="rl-profile-") as folder:
        for name in names:
            rows += _measure(name, _map(name, Path(folder), options), options)
    return rows


def _map(name: str, folder: Path, options: Options) -> RoadMap:
    if name == "andorra":
        return mapfolder.load(_andorra.build(folder))
    if name == "county":
        return _county(options)
    if name == "counties-1m":
        county = _county(options)
        return _repeated(county, -(-MILLION // county.edge_count))
    kept = kept_at(MAPS, name, SYNTH_KM2[name]) / "built" / "ridgeline"
    if not mapfolder.is_map_folder(kept):
        sys.exit(f"{name} is not there yet: `python -m benchmarks.routing --map {name}` builds it.")
    return mapfolder.load(kept)


def _county(options: Options) -> RoadMap:
    """The synthetic county, made at the first run."""
    folder = MAPS / f"county-{MAP_SEED}"
    if not mapfolder.is_map_folder(folder):
        say(options, f"making up {COUNTY_KM2:,} km2 of mountains in {folder}")
        command = ["-m", "server.cli", "map", "synth", "--seed", str(MAP_SEED)]
        command += ["--area-km2", str(COUNTY_KM2), "--out", str(folder)]
        subprocess.run([sys.executable, *command], check=True, stdout=subprocess.DEVNULL)
    return mapfolder.load(folder)


def _repeated(roadmap: RoadMap, copies: int) -> RoadMap:
    """So many copies of a map in one, not joined. For driving alone: nothing could route on it."""
    columns: dict[str, Any] = {
        field.name: np.concatenate([np.asarray(getattr(roadmap, field.name))] * copies)
        for field in fields(RoadMap)
        if field.name.startswith(("node_", "edge_", "point_"))
    }
    copy = np.repeat(np.arange(copies), roadmap.edge_count)
    for name in ("edge_tail", "edge_head"):
        columns[name] = (columns[name] + copy * roadmap.node_count).astype(np.int32)
    points = np.tile(np.diff(roadmap.edge_first_point), copies)
    columns["edge_first_point"] = np.concatenate(([0], np.cumsum(points)))
    return replace(roadmap, **columns)


def _measure(name: str, roadmap: RoadMap, options: Options) -> Iterator[Row]:
    say(options, f"{name}: {roadmap.edge_count:,} edges")
    large = roadmap.edge_count > LARGE_EDGES
    samples = interleaved_ms(
        {
            "travel_times": lambda turn: travel_times_ms(roadmap, PROFILES[turn % len(PROFILES)]),
            "stations": lambda _: sum(len(chunk.at_m) for chunk in stations_of(roadmap)),
        },
        ROUNDS_LARGE if large else options.rounds(ROUNDS),
        warm_up=0 if large else 1,
    )
    for metric, taken_ms in samples.items():
        row = timing_row(metric, "ridgeline", taken_ms, name)
        yield row
        assert row.p50 is not None
        yield Row(
            metric=f"{metric}_edges",
            system="ridgeline",
            map=name,
            unit="1/s",
            value=round(roadmap.edge_count / row.p50 * 1000.0),
        )


def main(arguments: Sequence[str] | None = None) -> None:
    parser = _report.parser_of("profile", __doc__)
    choices = ["andorra", "county", "counties-1m", *SYNTH_KM2]
    parser.add_argument("--map", action="append", choices=choices, help="once or several times")
    parsed = parser.parse_args(arguments)
    options = _report.options_of(parsed)
    names = parsed.map or choices[: 2 if options.quick else 3]
    _report.publish(_report.report_of("profile", run(names, options), options), options)


if __name__ == "__main__":
    main()
