"""`ridgeline route` and `ridgeline eta`: the road from here to there, and who is there first."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from math import isinf
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geo.errors import GeoError, NoRouteError, OffMapError
from geo.ground import Ground
from geo.routing.choose import ENGINE_NAMES, EngineName
from geo.snap import Snap
from geo.speed import Mode, Profile
from protocols.errors import MALFORMED_JSON

UNITS_MAX: Final = 10_000
"""Units in one file."""
UNITS_BYTES_MAX: Final = 16 << 20

MAP = click.option(
    "--map", "map_dir", required=True, type=click.Path(path_type=Path), metavar="DIR"
)
TO = click.option("--to", "target", required=True, metavar="LON,LAT", help="Degrees, WGS-84.")
MODE = click.option(
    "--mode",
    type=click.Choice([mode.value for mode in Mode]),
    default=Mode.ROUTINE.value,
    show_default=True,
)
ENGINE = click.option(
    "--engine", type=click.Choice(ENGINE_NAMES), default="auto", show_default=True
)
JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")


class Geometry(msgspec.Struct):
    type: str
    coordinates: list[Any] = []


class Feature(msgspec.Struct, tag="Feature"):
    geometry: Geometry | None
    id: str | int | None = None
    properties: dict[str, Any] | None = None


class Units(msgspec.Struct, tag="FeatureCollection"):
    features: list[Feature]


class Row(msgspec.Struct):
    """One unit's answer; what is not known is null."""

    unit: str
    duration_s: float | None
    distance_m: float | None
    reachable: bool
    why: str | None


@click.command("route")
@MAP
@click.option("--from", "source", required=True, metavar="LON,LAT", help="Degrees, WGS-84.")
@TO
@MODE
@ENGINE
@JSON
def route_command(
    map_dir: Path, source: str, target: str, mode: str, engine: EngineName, as_json: bool
) -> None:
    """The quickest way by car between two places."""
    with _plain_errors():
        start, end = _place(source, "--from"), _place(target, "--to")
        ground = Ground.open(map_dir, engine=engine, profile=Profile(mode=Mode(mode)))
        snaps = {"from": ground.snap(*start), "to": ground.snap(*end)}
        route = ground.route(snaps["from"], snaps["to"])
    answer = {
        "duration_s": route.duration_s,
        "distance_m": round(route.distance_m, 1),
        "geometry": {"type": "LineString", "coordinates": route.lonlat.round(7).tolist()},
        "engine": ground.engine_name,
        "map_id": ground.roadmap.meta.map_id,
        "mode": mode,
        "snapped": {name: _snap_json(snap) for name, snap in snaps.items()},
    }
    if as_json:
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    table = Table(show_header=False)
    table.add_row("Time", _minutes(route.duration_s))
    table.add_row("Distance", _kilometres(route.distance_m))
    for name, snap in snaps.items():
        table.add_row(f"Road {name}", f"{snap.distance_m:.0f} m away")
    table.add_row("Map", escape(ground.roadmap.meta.name))
    Console().print(table)


@click.command("eta")
@MAP
@TO
@click.option(
    "--units",
    "units_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.geojson",
    help="FeatureCollection of points, one per unit.",
)
@MODE
@ENGINE
@JSON
def eta_command(
    map_dir: Path, target: str, units_file: Path, mode: str, engine: EngineName, as_json: bool
) -> None:
    """Rank units by the time they need to a place; those that cannot come say why."""
    with _plain_errors():
        end = _place(target, "--to")
        units = _read_units(units_file)
        ground = Ground.open(map_dir, engine=engine, profile=Profile(mode=Mode(mode)))
        scene = ground.snap(*end)
        rows = _rank(ground, units, scene)
    if as_json:
        answer = {
            "target": {"lon": end[0], "lat": end[1], "snapped": _snap_json(scene)},
            "engine": ground.engine_name,
            "map_id": ground.roadmap.meta.map_id,
            "mode": mode,
            "rows": rows,
        }
        click.echo(msgspec.json.encode(answer).decode())
        return
    table = Table("", "Unit", "Time", "Distance", "Why not")
    for place, row in enumerate(rows, start=1):
        table.add_row(
            str(place) if row.reachable else "",
            escape(row.unit),
            _minutes(row.duration_s),
            _kilometres(row.distance_m),
            escape(row.why or ""),
        )
    Console().print(table)


def _rank(ground: Ground, units: list[Feature], scene: Snap) -> list[Row]:
    """Reachable units, nearest in time first, then the others in the order of the file."""
    names = [_name(unit, number) for number, unit in enumerate(units, start=1)]
    snaps: list[tuple[str, Snap]] = []
    stranded: list[Row] = []
    for name, unit in zip(names, units, strict=True):
        found = _snap_unit(ground, unit, name)
        if isinstance(found, Snap):
            snaps.append((name, found))
        else:
            stranded.append(_cannot(name, found))
    etas = ground.etas([snap for _, snap in snaps], scene)
    reached: list[Row] = []
    for index in np.argsort(etas, kind="stable").tolist():
        name, snap = snaps[index]
        if isinf(etas[index]):
            stranded.append(_cannot(name, "no road connects it with the place"))
            continue
        route = ground.route(snap, scene)
        reached.append(
            Row(
                unit=name,
                duration_s=float(etas[index]),
                distance_m=round(route.distance_m, 1),
                reachable=True,
                why=None,
            )
        )
    position = {name: place for place, name in enumerate(names)}
    return reached + sorted(stranded, key=lambda row: position[row.unit])


def _snap_unit(ground: Ground, unit: Feature, name: str) -> Snap | str:
    """Where the unit is on the road, or why it is on none."""
    if unit.geometry is None:
        return "no position"
    match unit.geometry:
        case Geometry(
            type="Point", coordinates=[int() | float() as lon, int() | float() as lat, *_]
        ):
            pass
        case _:
            raise click.ClickException(f"unit {name}: its geometry is not a Point of LON, LAT")
    try:
        return ground.snap(float(lon), float(lat))
    except OffMapError as error:
        return f"off map: {error}"
    except NoRouteError as error:
        return str(error)


def _cannot(name: str, why: str) -> Row:
    return Row(unit=name, duration_s=None, distance_m=None, reachable=False, why=why)


def _name(unit: Feature, number: int) -> str:
    properties = unit.properties or {}
    candidates = (unit.id, *(properties.get(key) for key in ("id", "call_sign", "name")))
    return next((str(name) for name in candidates if name not in (None, "")), f"#{number}")


def _read_units(file: Path) -> list[Feature]:
    try:
        if file.stat().st_size > UNITS_BYTES_MAX:
            raise click.ClickException(f"{file} is larger than {UNITS_BYTES_MAX >> 20} MB")
        units = msgspec.json.decode(file.read_bytes(), type=Units)
    except OSError as error:
        raise click.ClickException(f"{file}: {error.strerror}") from error
    except MALFORMED_JSON as error:
        raise click.ClickException(f"{file} is not a GeoJSON FeatureCollection: {error}") from error
    if len(units.features) > UNITS_MAX:
        raise click.ClickException(f"{file} has more than {UNITS_MAX} units")
    return units.features


def _place(text: str, option: str) -> tuple[float, float]:
    """Longitude, latitude of "LON,LAT". Range and bounds are the map's affair."""
    try:
        lon, lat = (float(part) for part in text.split(","))
    except ValueError as error:
        raise click.ClickException(
            f"{option} {text!r} is not LON,LAT in degrees, e.g. 1.5218,42.5063"
        ) from error
    return lon, lat


def _snap_json(snap: Snap) -> dict[str, float]:
    return {
        "lon": round(snap.lon, 7),
        "lat": round(snap.lat, 7),
        "distance_m": round(snap.distance_m, 1),
        "edge": snap.edge,
        "fraction": round(snap.fraction, 6),
    }


def _minutes(seconds: float | None) -> str:
    if seconds is None:
        return ""
    whole = round(seconds)
    return f"{whole // 60} min {whole % 60:02d} s"


def _kilometres(metres: float | None) -> str:
    return "" if metres is None else f"{metres / 1000.0:.1f} km"


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except GeoError as error:
        raise click.ClickException(str(error)) from error
