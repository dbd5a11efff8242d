"""`ridgeline map`: make a map folder of OpenStreetMap and elevation, or of a seed; look at one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from geo import mapfolder
from geo.errors import GeoError
from geo.mapmaking.build import build
from geo.mapmaking.clip import Clip, clip_to_box, clip_to_geojson
from geo.mapmaking.cut import BuildReport
from geo.mapmaking.progress import Progress as ProgressCallback
from geo.roadmap import Barrier, EdgeFlag, RoadMap, SourceMap
from geo.synth import AREA_KM2_MAX, AREA_KM2_MIN, county

AREA_KM2_DEFAULT = 2230.0
"""A middling mountain county."""
MARGIN_KM_DEFAULT = 10.0

OUT = click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder to write; an older map there is replaced.",
)


@click.group("map")
def map_group() -> None:
    """Build and inspect map folders."""


@map_group.command("build")
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--dem",
    "tiles",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="TILE",
    help="Elevation: .hgt, .hgt.zip or GeoTIFF. Repeat for more tiles; the first wins.",
)
@click.option("--bbox", metavar="W,S,E,N", help="Keep this box, degrees.")
@click.option(
    "--area",
    type=click.Path(path_type=Path),
    metavar="POLYGON.geojson",
    help="Keep this polygon.",
)
@click.option(
    "--margin-km",
    type=float,
    default=MARGIN_KM_DEFAULT,
    show_default=True,
    help="Ground kept round the box or polygon.",
)
@click.option("--name", help="Name of the map; the file's name by default.")
@OUT
def build_command(
    file: Path,
    tiles: tuple[Path, ...],
    bbox: str | None,
    area: Path | None,
    margin_km: float,
    name: str | None,
    out: Path,
) -> None:
    """Build a map of FILE, an OpenStreetMap extract (.osm.pbf or .osm)."""
    from geo.mapmaking.elevation import read_tiles
    from geo.mapmaking.osm import read_osm

    with _plain_errors(), _bar() as progress:
        mapfolder.check_target(out)
        clip = _clip(bbox, area, margin_km)
        source = read_osm(file, clip=clip, progress=progress)
        if tiles:
            elevation = read_tiles(tiles, source.bounds, progress=progress)
            source = replace(source, elevation=elevation)
        _finish(replace(source, name=name or source.name), out, progress)


@map_group.command("synth")
@click.option("--seed", type=int, required=True, help="The same seed makes the same county.")
@click.option(
    "--area-km2",
    type=click.FloatRange(AREA_KM2_MIN, AREA_KM2_MAX),
    default=AREA_KM2_DEFAULT,
    show_default=True,
)
@OUT
def synth_command(seed: int, area_km2: float, out: Path) -> None:
    """Make up a mountain county: terrain, roads, villages. Marked as synthetic."""
    with _plain_errors(), _bar() as progress:
        mapfolder.check_target(out)
        _finish(county(seed, area_km2=area_km2, progress=progress), out, progress)


@map_group.command("info")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def info_command(folder: Path, as_json: bool) -> None:
    """Verify the map in FOLDER and say what is in it."""
    with _plain_errors():
        roadmap = mapfolder.load(folder)
        info = _info(roadmap, mapfolder.read_info(folder))
    if as_json:
        click.echo(json.dumps(info, ensure_ascii=False))
    else:
        Console().print(_table(folder, info))


def _clip(bbox: str | None, area: Path | None, margin_km: float) -> Clip | None:
    if bbox and area:
        raise click.UsageError("Give --bbox or --area, not both.")
    if area:
        return clip_to_geojson(area, margin_km)
    if not bbox:
        return None
    try:
        west, south, east, north = (float(part) for part in bbox.split(","))
    except ValueError:
        raise click.UsageError(
            f"--bbox {bbox}: give four numbers, west,south,east,north, such as 1.4,42.4,1.8,42.7."
        ) from None
    return clip_to_box((west, south, east, north), margin_km)


def _finish(source: SourceMap, out: Path, progress: ProgressCallback) -> None:
    report = BuildReport()
    now = datetime.now(UTC).isoformat(timespec="seconds")
    roadmap = build(source, progress=progress, report=report, built_at=now)
    progress("write", 0.0)
    mapfolder.save(roadmap, out)
    progress("write", 1.0)
    for sentence in report.sentences():
        click.echo(f"note: {sentence}", err=True)
    click.echo(
        f"{out}: {roadmap.node_count:,} junctions, {roadmap.edge_count:,} roads between them, "
        f"{roadmap.edge_length_m.sum() / 1000:,.0f} km, {len(roadmap.places):,} places."
    )


@contextmanager
def _plain_errors() -> Iterator[None]:
    """A condition a person can act on ends the command with one line and exit code 1."""
    try:
        yield
    except GeoError as error:
        raise click.ClickException(str(error)) from error


@contextmanager
def _bar() -> Iterator[ProgressCallback]:
    """A bar per phase on standard error; nothing when that is not a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<12}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        tasks: dict[str, TaskID] = {}

        def show(phase: str, share: float) -> None:
            if phase not in tasks:
                tasks[phase] = bar.add_task(phase, total=1.0)
            bar.update(tasks[phase], completed=share)

        yield show


def _info(roadmap: RoadMap, meta: dict[str, Any]) -> dict[str, Any]:
    """What `map info --json` prints."""
    keys = (
        "format_version",
        "map_id",
        "name",
        "source",
        "licence",
        "attribution",
        "synthetic",
        "bounds",
        "crs",
        "built_at",
        "counts",
    )
    elevation = roadmap.elevation
    return {key: meta[key] for key in keys} | {
        "road_km": round(float(roadmap.edge_length_m.sum()) / 1000, 3),
        "signs": _signs(roadmap),
        "elevation": elevation
        and {
            "rows": elevation.height_m.shape[0],
            "columns": elevation.height_m.shape[1],
            "step_deg": [elevation.step_lon, elevation.step_lat],
        },
    }


def _signs(roadmap: RoadMap) -> dict[str, int]:
    """How many of what keeps some from going somewhere, or holds them up."""
    flags = roadmap.edge_flags.astype(np.int64)
    one_way = EdgeFlag.CLOSED_FORWARD | EdgeFlag.CLOSED_BACKWARD
    return {
        "gates": int((roadmap.node_barrier == Barrier.GATE).sum()),
        "other_barriers": int((roadmap.node_barrier > Barrier.GATE).sum()),
        "turn_bans": len(roadmap.ban_leave),
        "one_way_roads": int(np.isin(flags & int(one_way), (1, 2)).sum()),
        "seasonal_roads": int(((flags & int(EdgeFlag.SEASONAL)) != 0).sum()),
    }


def _table(folder: Path, info: dict[str, Any]) -> Table:
    table = Table(title=escape(str(folder)), show_header=False)
    table.add_row("name", escape(info["name"]) + (" (synthetic)" if info["synthetic"] else ""))
    table.add_row("map id", info["map_id"][:16])
    table.add_row("source", escape(f"{info['source']}, {info['licence']}"))
    table.add_row("attribution", escape(info["attribution"]))
    table.add_row("bounds", "{:.4f}, {:.4f} to {:.4f}, {:.4f}".format(*info["bounds"]))
    table.add_row("projection", info["crs"])
    table.add_row("built", info["built_at"])
    for what, count in info["counts"].items():
        table.add_row(what, f"{count:,}")
    for what, count in info["signs"].items():
        table.add_row(what.replace("_", " "), f"{count:,}")
    table.add_row("roads", f"{info['road_km']:,.1f} km")
    grid = info["elevation"]
    table.add_row("elevation", f"{grid['rows']} × {grid['columns']} cells" if grid else "none")
    return table
