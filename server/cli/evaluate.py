"""`ridgeline evaluate`: what ways of choosing units come to, in a county of virtual days."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from devices.sim.climate import SEA_LEVEL_C
from devices.sim.force import UNITS_DEFAULT
from geo import mapfolder
from geo.errors import EngineUnavailable
from geo.routing.choose import ENGINE_NAMES, EngineName
from server.cli._journey import JSON, plain_errors
from server.cli.runcards import read_cards
from server.evaluation.compare import SEEDS_MAX, Asked, Outcome, Tell, compare
from server.evaluation.county import County
from server.evaluation.figures import METRICS, Figure
from server.evaluation.policies import POLICIES
from server.evaluation.scenario import DAYS_MAX, TRAFFIC

UNITS_MAX: Final = 500
PER_DAY_MAX: Final = 2_000.0


@click.command("evaluate")
@click.option("--map", "map_dir", required=True, type=click.Path(path_type=Path), metavar="DIR")
@click.option(
    "--policy",
    "names",
    type=click.Choice(list(POLICIES)),
    multiple=True,
    help="May be given several times; the others are held against the first.  [default: all]",
)
@click.option("--days", type=click.IntRange(1, DAYS_MAX), default=1, show_default=True)
@click.option("--seed", type=int, default=1, show_default=True, help="Of the first county.")
@click.option(
    "--seeds",
    type=click.IntRange(1, SEEDS_MAX),
    default=10,
    show_default=True,
    help="So many counties, one seed after the other.",
)
@click.option(
    "--traffic",
    "traffic_name",
    type=click.Choice(list(TRAFFIC)),
    default="peace",
    show_default=True,
    help="80 or 200 calls a day; a surge adds 30 an hour for 3 hours.",
)
@click.option(
    "--per-day",
    type=click.FloatRange(0.1, PER_DAY_MAX),
    metavar="N",
    help="Calls a day, instead of the traffic's.",
)
@click.option(
    "--units", type=click.IntRange(1, UNITS_MAX), default=UNITS_DEFAULT, show_default=True
)
@click.option(
    "--sea-level-c",
    type=click.FloatRange(-40.0, 45.0),
    default=SEA_LEVEL_C,
    show_default=True,
    metavar="DEGREES",
    help="Mean of the days at sea level; colder with height and by night. Cold takes charge.",
)
@click.option(
    "--run-cards",
    "cards_file",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The county's own (`ridgeline runcards export`), not those that come with Ridgeline.",
)
@click.option("--engine", type=click.Choice(list(ENGINE_NAMES)), default="auto", show_default=True)
@JSON
def evaluate_command(
    map_dir: Path,
    names: tuple[str, ...],
    days: int,
    seed: int,
    seeds: int,
    traffic_name: str,
    per_day: float | None,
    units: int,
    sea_level_c: float,
    cards_file: Path | None,
    engine: EngineName,
    as_json: bool,
) -> None:
    """Let ways of choosing a unit live through the same days of an invented county.

    Units move by the map's own travel times, people answer as people do, and every policy meets the
    same calls. Response is counted from the call to the first officer at the place.
    """
    traffic = TRAFFIC[traffic_name]
    asked = Asked(
        policies=[POLICIES[name] for name in dict.fromkeys(names or POLICIES)],
        traffic=traffic if per_day is None else replace(traffic, per_day=per_day),
        seed=seed,
        seeds=seeds,
        days=days,
        units=units,
        sea_level_c=sea_level_c,
        cards=None if cards_file is None else read_cards(cards_file),
    )
    with plain_errors(), _county(map_dir, engine) as county, _bar(as_json) as tell:
        try:
            outcomes = compare(county, asked, tell)
        except ValueError as error:
            raise click.ClickException(f"{map_dir}: {error}.") from error
    if as_json:
        click.echo(json.dumps(_answer(county, asked, outcomes), ensure_ascii=False))
        return
    Console().print(_table(outcomes))
    click.echo(
        f"{county.roadmap.meta.name}: {seeds} × {days} d from seed {seed}, {traffic_name}, "
        f"{outcomes[0].calls} calls, {units} units. Below each figure its 95 % interval over days."
    )


@contextmanager
def _county(map_dir: Path, engine: EngineName) -> Iterator[County]:
    roadmap = mapfolder.load(map_dir)
    try:
        county = County(roadmap, engine=engine)
    except EngineUnavailable as error:
        raise click.ClickException(str(error)) from error
    try:
        yield county
    finally:
        county.close()


@contextmanager
def _bar(quiet: bool) -> Iterator[Tell]:
    """Progress on standard error; standard output is the answer's."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=quiet) as progress:
        tasks: dict[str, Any] = {}

        def tell(policy: str, share: float) -> None:
            if policy not in tasks:
                tasks[policy] = progress.add_task(policy, total=1.0)
            progress.update(tasks[policy], completed=share)

        yield tell


def _answer(county: County, asked: Asked, outcomes: list[Outcome]) -> dict[str, Any]:
    return {
        "map": county.roadmap.meta.name,
        "map_id": county.roadmap.meta.map_id,
        "engine": county.ground.engine_name,
        "traffic": asdict(asked.traffic),
        "seed": asked.seed,
        "seeds": asked.seeds,
        "days": asked.days,
        "units": asked.units,
        "sea_level_c": asked.sea_level_c,
        "policies": [asdict(each) for each in outcomes],
    }


def _table(outcomes: list[Outcome]) -> Table:
    """Policies downwards; a figure nobody has (no batteries, few jobs) has no column."""
    known = [
        metric
        for metric in METRICS
        if any(each.figures[metric.name].value is not None for each in outcomes)
    ]
    table = Table("", *(f"{metric.name.replace('_', ' ')}, {metric.unit}" for metric in known))
    for each in outcomes:
        table.add_row(each.policy, *(_cell(each.figures[metric.name]) for metric in known))
    return table


def _cell(figure: Figure) -> str:
    if figure.value is None:
        return "not estimable"
    if figure.low is None:
        return f"{figure.value:.3g}"
    return f"{figure.value:.3g}\n{figure.low:.3g} … {figure.high:.3g}"
