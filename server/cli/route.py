"""`ridgeline route` and `ridgeline eta`: the road from here to there, and who is there first."""

from __future__ import annotations

import json
from math import isinf
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from geo.eta import Eta
from geo.ground import Route
from geo.guidance.clock import clock
from geo.guidance.steps import Guide, Step
from geo.guidance.wording import Language, say, say_caution
from geo.snap import Snap
from geo.walk import Approach, DropOff
from server.cli._journey import (
    TO,
    Asked,
    Journeys,
    journey_options,
    kilometres,
    minutes,
    place,
    plain_errors,
    snap_json,
)
from server.cli._options import JSON
from server.cli.unitfile import Feature, read_units, snap_unit, unit_name
from server.wayviews import step_view

WITHIN = click.option(
    "--within",
    "within_min",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MIN",
    help="Also say how likely it is to arrive within so many minutes.",
)


class Row(msgspec.Struct):
    """One unit's answer; what is not known is null."""

    unit: str
    duration_s: float | None
    distance_m: float | None
    reachable: bool
    why: str | None
    arrival: dict[str, Any] | None = None
    chance: float | None = None
    """P(arrive within --within)."""


@click.command("route")
@journey_options
@click.option("--from", "source", required=True, metavar="LON,LAT", help="Degrees, WGS-84.")
@TO
@WITHIN
@click.option("--lang", type=click.Choice(["en", "zh"]), default="en", show_default=True)
@JSON
def route_command(
    asked: Asked,
    source: str,
    target: str,
    within_min: float | None,
    lang: Language,
    as_json: bool,
) -> None:
    """The quickest way between two places, turn by turn."""
    with plain_errors():
        start, end = place(source, "--from"), place(target, "--to")
        journeys = asked.begin()
        ground = journeys.ground
        source_snap, scene = ground.snap(*start), ground.approach(*end)
        _, (best,) = ground.arrivals([source_snap], scene)
        drop_off = scene.drop_offs[best]
        snaps = {"from": source_snap, "to": drop_off.snap}
        route = ground.route(source_snap, drop_off.snap)
    on_foot_s = drop_off.walk.duration_s
    eta = journeys.spreads.eta(route.duration_s, route.legs.arc, route.leg_s, walk_s=on_foot_s)
    chance = _chance(eta, within_min)
    steps = Guide(ground.roadmap).steps(route, place=end)
    if as_json:
        seconds_at = clock(ground.roadmap, route)
        answer = {
            "duration_s": route.duration_s,
            "walk_s": round(on_foot_s, 1),
            "distance_m": round(route.distance_m, 1),
            "arrival": journeys.arrival(eta),
            "chance": chance,
            "geometry": {"type": "LineString", "coordinates": route.lonlat.round(7).tolist()},
            "steps": [msgspec.to_builtins(step_view(each, seconds_at)) for each in steps],
            **journeys.about(),
            "snapped": {name: snap_json(snap) for name, snap in snaps.items()},
        }
        click.echo(json.dumps(answer, ensure_ascii=False))
        return
    Console().print(_summary(journeys, route, drop_off, eta, chance, snaps))
    Console().print(_told(steps, lang))


@click.command("eta")
@journey_options
@TO
@click.option(
    "--units",
    "units_file",
    required=True,
    type=click.Path(path_type=Path),
    metavar="FILE.geojson",
    help="FeatureCollection of points, one per unit.",
)
@WITHIN
@JSON
def eta_command(
    asked: Asked, target: str, units_file: Path, within_min: float | None, as_json: bool
) -> None:
    """Rank units by the time they need to a place; those that cannot come say why."""
    with plain_errors():
        end = place(target, "--to")
        units = read_units(units_file)
        journeys = asked.begin()
        scene = journeys.ground.approach(*end)
        rows = _rank(journeys, units, scene, within_min)
    if as_json:
        answer = {
            "target": {"lon": end[0], "lat": end[1], "snapped": snap_json(scene.nearest.snap)},
            **journeys.about(),
            "rows": rows,
        }
        click.echo(msgspec.json.encode(answer).decode())
        return
    table = Table("", "Unit", "Time", "9 in 10 under", "Distance", "Why not")
    if within_min is not None:
        table.add_column(f"Within {within_min:g} min")
    for number, row in enumerate(rows, start=1):
        cells = [
            str(number) if row.reachable else "",
            escape(row.unit),
            minutes(row.duration_s),
            minutes(row.arrival["p90_s"] if row.arrival else None),
            kilometres(row.distance_m),
            escape(row.why or ""),
        ]
        if within_min is not None:
            cells.append(_percent(row.chance))
        table.add_row(*cells)
    Console().print(table)


def _summary(
    journeys: Journeys,
    route: Route,
    drop_off: DropOff,
    eta: Eta,
    chance: float | None,
    snaps: dict[str, Snap],
) -> Table:
    table = Table(show_header=False)
    table.add_row("Time", journeys.when(eta))
    if chance is not None:
        table.add_row("In time", _percent(chance))
    table.add_row("Distance", kilometres(route.distance_m))
    if (on_foot_s := drop_off.walk.duration_s) > 0.0:
        table.add_row("On foot", f"{minutes(on_foot_s)} of it, from the road to the place")
    for name, snap in snaps.items():
        table.add_row(f"Road {name}", f"{snap.distance_m:.0f} m away")
    about = journeys.about()
    table.add_row("For", f"{about['vehicle']}, {about['mode']}, {about['condition']}")
    table.add_row("Map", escape(journeys.ground.roadmap.meta.name))
    return table


def _told(steps: list[Step], lang: Language) -> Table:
    table = Table("km", "Step", "Mind")
    for step in steps:
        mind = [say_caution(each, lang, from_m=step.at_m) for each in step.cautions]
        table.add_row(f"{step.at_m / 1000.0:.1f}", escape(say(step, lang)), escape("\n".join(mind)))
    return table


def _rank(
    journeys: Journeys, units: list[Feature], scene: Approach, within_min: float | None
) -> list[Row]:
    """Reachable units, nearest in time first, then the others in the order of the file."""
    ground, spreads = journeys.ground, journeys.spreads
    names = [unit_name(unit, number) for number, unit in enumerate(units, start=1)]
    snaps: list[tuple[str, Snap]] = []
    stranded: list[Row] = []
    for name, unit in zip(names, units, strict=True):
        found = snap_unit(ground, unit, name)
        if isinstance(found, Snap):
            snaps.append((name, found))
        else:
            stranded.append(_cannot(name, found))
    etas, best = ground.arrivals([snap for _, snap in snaps], scene)
    reached: list[Row] = []
    for index in np.argsort(etas, kind="stable").tolist():
        name, snap = snaps[index]
        if isinf(etas[index]):
            stranded.append(_cannot(name, "no road connects it with the place"))
            continue
        drop_off = scene.drop_offs[best[index]]
        route = ground.route(snap, drop_off.snap)
        walk_s = drop_off.walk.duration_s
        eta = spreads.eta(route.duration_s, route.legs.arc, route.leg_s, walk_s=walk_s)
        reached.append(
            Row(
                unit=name,
                duration_s=float(etas[index]),
                distance_m=round(route.distance_m, 1),
                reachable=True,
                why=None,
                arrival=journeys.arrival(eta),
                chance=_chance(eta, within_min),
            )
        )
    position = {name: at for at, name in enumerate(names)}
    return reached + sorted(stranded, key=lambda row: position[row.unit])


def _chance(eta: Eta, within_min: float | None) -> float | None:
    return None if within_min is None else round(eta.chance_by(60.0 * within_min), 4)


def _percent(chance: float | None) -> str:
    return "" if chance is None else f"{100.0 * chance:.0f} %"


def _cannot(name: str, why: str) -> Row:
    return Row(unit=name, duration_s=None, distance_m=None, reachable=False, why=why)
