"""`ridgeline match`: which roads a track drove, and when."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geo import mapfolder
from geo.driving.conditions import Condition
from geo.driving.speed import Mode, Profile, Vehicle
from geo.driving.sun import at_hour
from geo.errors import GeoError
from geo.learning.matching import Match
from geo.learning.passages import Passages
from geo.learning.school import School
from geo.learning.track import Track
from geo.roadmap import RoadClass, RoadMap
from server.cli._journey import CONDITION, aware_time
from server.cli._options import JSON, LEARNED
from server.cli.learnedfile import read_learned
from server.cli.trackfile import read_track
from server.dispatch.errors import DispatchError

MAP = click.option(
    "--map", "map_dir", required=True, type=click.Path(path_type=Path), metavar="DIR"
)
MODE = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ROUTINE.value,
    show_default=True,
)
VEHICLE = click.option(
    "--vehicle",
    type=click.Choice([each.value for each in Vehicle if each is not Vehicle.FOOT]),
    default=Vehicle.PATROL_CAR.value,
    show_default=True,
)


@click.command("match")
@MAP
@click.option(
    "--track",
    "track_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV (time, lon, lat, accuracy_m) or GeoJSON.",
)
@VEHICLE
@MODE
@CONDITION
@click.option(
    "--depart",
    metavar="TIME",
    help="ISO 8601 with a time zone: when it set off, for night where the sun is down. By default "
    "the track's own first fix.",
)
@LEARNED
@JSON
def match_command(
    map_dir: Path,
    track_file: Path,
    vehicle: str,
    mode: str,
    condition: str,
    depart: str | None,
    learned_file: Path | None,
    as_json: bool,
) -> None:
    """Find the roads that a track drove, and when.

    Between two fixes the time is shared out by the travel times of the model, or by learned ones.
    """
    depart_at = None if depart is None else aware_time(depart)
    with plain_errors():
        roadmap = mapfolder.load(map_dir)
        track = read_track(track_file)
        if depart_at is None:
            depart_at = datetime.fromtimestamp(float(track.at_s[0]), UTC)
        profile = Profile(
            vehicle=Vehicle(vehicle),
            mode=Mode(mode),
            condition=at_hour(Condition.parse(condition), depart_at, roadmap.meta.bounds),
        )
        learned = None if learned_file is None else read_learned(learned_file, roadmap)
        known = None if learned is None else learned.modes[profile.mode]
        match = School(roadmap).match(track, profile, known)
    if as_json:
        click.echo(json.dumps(_match_json(roadmap, track, match, profile), ensure_ascii=False))
        return
    table = Table("From", "Until", "Road", "km")
    for run in match.runs:
        for name, first, last in _stretches(roadmap, run):
            part = slice(first, last + 1)
            length_m = roadmap.edge_length_m[run.arc[part] >> 1] * (run.end - run.start)[part]
            table.add_row(
                _clock(run.enter_s[first]),
                _clock(run.leave_s[last]),
                escape(name),
                f"{float(length_m.sum()) / 1000.0:.2f}",
            )
    for span in match.unmatched:
        table.add_row(_clock(span.from_s), _clock(span.to_s), f"[dim]{span.why.value}[/dim]", "")
    Console().print(table)


def road_name(roadmap: RoadMap, edge: int) -> str:
    """Number or name of a road, or what kind it is."""
    for index in (int(roadmap.edge_ref[edge]), int(roadmap.edge_name[edge])):
        if index >= 0:
            return roadmap.names[index]
    return RoadClass(int(roadmap.edge_class[edge])).name.lower()


def _match_json(roadmap: RoadMap, track: Track, match: Match, profile: Profile) -> dict[str, Any]:
    return {
        "map_id": roadmap.meta.map_id,
        "vehicle": profile.vehicle.value,
        "mode": profile.mode.value,
        "condition": str(profile.condition),
        "fixes": [
            {
                "at": _iso(at_s),
                "edge": None if edge < 0 else edge,
                "fraction": None if edge < 0 else round(fraction, 6),
                "distance_m": None if edge < 0 else round(distance_m, 1),
            }
            for at_s, edge, fraction, distance_m in zip(
                track.at_s.tolist(),
                match.edge.tolist(),
                match.fraction.tolist(),
                match.distance_m.tolist(),
                strict=True,
            )
        ],
        "runs": [_run_json(roadmap, run) for run in match.runs],
        "unmatched": [
            {"from": _iso(span.from_s), "to": _iso(span.to_s), "why": span.why.value}
            for span in match.unmatched
        ],
    }


def _run_json(roadmap: RoadMap, run: Passages) -> list[dict[str, Any]]:
    return [
        {
            "edge": int(run.arc[k]) >> 1,
            "direction": "backward" if run.arc[k] & 1 else "forward",
            "road": road_name(roadmap, int(run.arc[k]) >> 1),
            "start": round(float(run.start[k]), 6),
            "end": round(float(run.end[k]), 6),
            "enter": _iso(float(run.enter_s[k])),
            "leave": _iso(float(run.leave_s[k])),
            "reach_m": round(float(run.reach_m[k]), 1),
            "stood": bool(run.stood[k]),
        }
        for k in range(len(run))
    ]


def _stretches(roadmap: RoadMap, run: Passages) -> Iterator[tuple[str, int, int]]:
    """Name, first and last passage of each stretch on one road."""
    names = [road_name(roadmap, arc >> 1) for arc in run.arc.tolist()]
    first = 0
    for name, group in groupby(names):
        last = first + len(list(group)) - 1
        yield name, first, last
        first = last + 1


def _iso(at_s: float) -> str:
    at = datetime.fromtimestamp(at_s, UTC)
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _clock(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%H:%M:%S")


@contextmanager
def plain_errors() -> Iterator[None]:
    try:
        yield
    except (GeoError, DispatchError) as error:
        raise click.ClickException(str(error)) from error
