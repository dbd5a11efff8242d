"""`ridgeline isochrone` and `ridgeline coverage`: how far one gets, and who is left out."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geo.errors import NoRouteError
from geo.eta import LIKELY
from geo.ground import Ground
from geo.reach import coverage, isochrone
from geo.reach.coverage import Coverage, Tally, cover, villages_of
from geo.reach.times import SOURCES_MAX, Reach
from geo.snap import Snap
from server.cli._journey import Asked, journey_options, minutes, place, plain_errors
from server.cli._options import JSON
from server.cli.unitfile import read_units, snap_unit, unit_name

F = TypeVar("F", bound=Callable[..., Any])

WITHIN_MIN: Final = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A place to start from."""

    name: str
    snap: Snap


def source_options(command: F) -> F:
    """--from, --stations, --units: where to start."""
    options = [
        click.option(
            "--from",
            "places",
            multiple=True,
            metavar="LON,LAT",
            help="Degrees, WGS-84. May be given several times.",
        ),
        click.option("--stations", is_flag=True, help="Every police station on the map."),
        click.option(
            "--units",
            "units_file",
            type=click.Path(path_type=Path),
            metavar="FILE.geojson",
            help="FeatureCollection of points, one per unit.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.command("isochrone")
@journey_options
@source_options
@click.option(
    "--minutes",
    "limits",
    default=",".join(f"{each:g}" for each in isochrone.BANDS_MIN),
    show_default=True,
    metavar="MIN,MIN,…",
)
@click.option(
    "--share",
    type=click.FloatRange(0.0, 1.0, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Share of journeys that shall arrive in time: 0.9 for nine in ten.",
)
@JSON
def isochrone_command(
    asked: Asked,
    places: tuple[str, ...],
    stations: bool,
    units_file: Path | None,
    limits: str,
    share: float,
    as_json: bool,
) -> None:
    """The ground that is reached within so many minutes, as GeoJSON polygons."""
    with plain_errors():
        limits_s = [60.0 * each for each in _numbers(limits)]
        journeys = asked.begin()
        sources = _sources(journeys.ground, places, stations, units_file)
        try:
            reach = Reach.of(journeys.ground, [each.snap for each in sources], max(limits_s))
            bands = isochrone.isochrones(
                reach, limits_s, share=share, log_sd=journeys.spreads.unrouted_sd
            )
        except ValueError as error:
            raise click.ClickException(f"{error}.") from error
    if as_json:
        features = [isochrone.feature(band, share=share) for band in bands]
        answer = {
            "type": "FeatureCollection",
            **journeys.about(),
            "sources": [_source_json(each) for each in sources],
            "features": features,
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    table = Table("Within", "Ground reached")
    for band in bands:
        table.add_row(f"{band.limit_s / 60.0:g} min", f"{band.area_km2:.1f} km²")
    Console().print(table)
    click.echo(f"From {_named(sources)}. For the polygons: --json.")


@click.command("coverage")
@journey_options
@source_options
@click.option(
    "--within",
    "within_min",
    type=click.FloatRange(min=0, min_open=True, max=coverage.LIMIT_S_MAX / 60.0),
    default=WITHIN_MIN,
    show_default=True,
    metavar="MIN",
)
@JSON
def coverage_command(
    asked: Asked,
    places: tuple[str, ...],
    stations: bool,
    units_file: Path | None,
    within_min: float,
    as_json: bool,
) -> None:
    """Which villages, and how many people, somebody reaches in time, and a second unit too."""
    with plain_errors():
        journeys = asked.begin()
        ground = journeys.ground
        sources = _sources(ground, places, stations, units_file)
        villages = villages_of(ground.roadmap, ground.approach)
        snaps = [each.snap for each in sources]
        found = cover(ground, journeys.spreads, villages, snaps, 60.0 * within_min)
    if as_json:
        answer = {
            "type": "FeatureCollection",
            **journeys.about(),
            **coverage.summary(found),
            "sources": [_source_json(each) for each in sources],
            "features": [coverage.feature(each) for each in found.reached],
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    Console().print(_numbers_table(found))
    Console().print(_worst_table(found, sources))
    click.echo(
        f"In time: chance of arriving within {within_min:g} min at least {100 * LIKELY:.0f} %. "
        f"From {_named(sources)}."
    )


def _numbers_table(found: Coverage) -> Table:
    table = Table("", "All", "One unit in time", "Two units in time")
    rows = {
        "Villages": found.villages,
        "People": found.people,
        "Villages of unknown size": found.unknown,
    }
    for name, tally in rows.items():
        if tally.total:
            once, twice = _part(tally, tally.covered), _part(tally, tally.covered_twice)
            table.add_row(name, f"{tally.total:,}", once, twice)
    return table


def _part(tally: Tally, part: int) -> str:
    return f"{part:,} ({100 * part // tally.total} %)"


def _worst_table(found: Coverage, sources: list[Source]) -> Table:
    table = Table("Not covered, worst first", "People", "Median", "9 in 10 under", "From")
    for each in found.worst():
        village, first = each.village.place, each.first
        table.add_row(
            escape(village.name),
            str(village.population or "?"),
            "nobody can" if first is None else minutes(first.eta.median_s),
            "" if first is None else minutes(first.eta.p90_s),
            "" if first is None else escape(sources[first.source].name),
        )
    return table


def _sources(
    ground: Ground, places: tuple[str, ...], stations: bool, units_file: Path | None
) -> list[Source]:
    """All that the options name; those that no road reaches are said and left out."""
    found = [Source(name=text, snap=ground.snap(*place(text, "--from"))) for text in places]
    if stations:
        found += _stations(ground)
    for number, unit in enumerate(read_units(units_file) if units_file else [], start=1):
        name = unit_name(unit, number)
        snap = snap_unit(ground, unit, name)
        if isinstance(snap, Snap):
            found.append(Source(name=name, snap=snap))
        else:
            click.echo(f"Left out: {name}, {snap}", err=True)
    if not found:
        raise click.ClickException("Nowhere to start from: give --from, --stations or --units.")
    if len(found) > SOURCES_MAX:
        raise click.ClickException(f"At most {SOURCES_MAX} places to start from, not {len(found)}.")
    return found


def _stations(ground: Ground) -> list[Source]:
    found = []
    for station in ground.roadmap.places:
        if station.kind != "station":
            continue
        try:
            found.append(Source(name=station.name, snap=ground.snap(station.lon, station.lat)))
        except NoRouteError as error:
            click.echo(f"Left out: {station.name}, {error}", err=True)
    return found


def _source_json(source: Source) -> dict[str, Any]:
    return {"name": source.name, "lon": source.snap.lon, "lat": source.snap.lat}


def _named(sources: list[Source]) -> str:
    return sources[0].name if len(sources) == 1 else f"{len(sources)} places"


def _numbers(text: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError as error:
        raise click.ClickException(
            f"--minutes {text!r} is not numbers joined by commas, e.g. 10,20,30"
        ) from error
