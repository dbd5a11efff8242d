"""`ridgeline evaluate`: what ways of choosing units come to, in a county of virtual days."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Final

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from devices.sim.climate import SEA_LEVEL_C
from devices.sim.force import UNITS_DEFAULT
from geo import mapfolder
from geo.errors import EngineUnavailable
from geo.routing.choose import ENGINE_NAMES, EngineName
from server.cli._journey import plain_errors
from server.cli._options import JSON
from server.cli.runcards import read_cards
from server.evaluation.compare import SEEDS_MAX, Asked, Outcome, Tell, compare
from server.evaluation.county import County
from server.evaluation.figures import METRICS, Figure
from server.evaluation.history import History, parse
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
@click.option(
    "--history",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="The county's own past (`ridgeline history export`), or calls as CSV or JSON: at, lon, "
    "lat, type, priority, scene_min.",
)
@click.option(
    "--move",
    "moves",
    multiple=True,
    metavar="UNIT=LON,LAT",
    help="With --history: what if this unit had been posted there?",
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
    history: Path | None,
    moves: tuple[str, ...],
    engine: EngineName,
    as_json: bool,
) -> None:
    """Let ways of choosing a unit live through the same days of an invented county.

    Units move by the map's own travel times, people answer as people do, and every policy meets the
    same calls. Response is counted from the call to the first officer at the place. With --history
    the calls are the county's own, and its units and shifts if the file has them; each seed is
    another draw of how people answer. Beside the policies stands what really was, if it is known.
    """
    past = None if history is None else _past(history)
    traffic = TRAFFIC[traffic_name]
    asked = _asked(
        policies=[POLICIES[name] for name in dict.fromkeys(names or POLICIES)],
        traffic=traffic if per_day is None else replace(traffic, per_day=per_day),
        seed=seed,
        seeds=seeds,
        days=days,
        units=units,
        sea_level_c=sea_level_c,
        cards=None if cards_file is None else read_cards(cards_file),
        past=past,
        moves=_moves(moves, past),
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
    load = traffic_name if history is None else history.name
    click.echo(
        f"{county.roadmap.meta.name}: {seeds} × {asked.days_each} d from seed {seed}, {load}, "
        f"{outcomes[0].calls} calls, {asked.force_len} units. Below each figure its 95 % interval "
        "over days."
    )


def _asked(**what: Any) -> Asked:
    try:
        return Asked(**what)
    except ValueError as error:
        raise click.UsageError(f"{error}.") from error


def _past(file: Path) -> History:
    _not_asked_for("calls", "days", "traffic_name", "per_day")
    try:
        found = parse(file.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError) as error:
        raise click.ClickException(f"{file}: {error}.") from error
    if found.units:
        _not_asked_for("units", "units")
    return found


def _not_asked_for(what: str, *names: str) -> None:
    context = click.get_current_context()
    for name in names:
        if context.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            option = name.removesuffix("_name").replace("_", "-")
            raise click.UsageError(f"--history brings its own {what}: leave out --{option}.")


def _moves(words: Sequence[str], past: History | None) -> dict[str, tuple[float, float]]:
    if words and past is None:
        raise click.UsageError("--move asks what would have been: name the calls with --history.")
    found = {}
    for word in words:
        if (parts := re.fullmatch(r"([^=]+)=(-?[\d.]+),(-?[\d.]+)", word)) is None:
            raise click.UsageError(
                f"--move takes UNIT=LON,LAT, such as P-03=1.52,42.51; not {word}."
            )
        try:
            found[parts[1]] = float(parts[2]), float(parts[3])
        except ValueError as error:
            raise click.UsageError(f"--move: {error}.") from error
    return found


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
        "traffic": None if asked.past else asdict(asked.traffic),
        "moves": dict(asked.moves),
        "seed": asked.seed,
        "seeds": asked.seeds,
        "days": asked.days_each,
        "units": asked.force_len,
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
