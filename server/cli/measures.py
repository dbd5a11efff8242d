"""`ridgeline measures`: what a span of time came to, from the database; a table, JSON, CSV."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from server.cli._options import default_data_dir, instant, settings_of
from server.cli.admin import DATA, actor, with_pool
from server.review.ledger import Who
from server.review.measures import AXES_DEFAULT, Axis

if TYPE_CHECKING:
    from rich.console import Console

    from server.measuredesk import Asked

WIDTH: Final = 180
"""Of a table that nobody looks at in a terminal."""


class Figures(StrEnum):
    TIMES = "times"
    COVERAGE = "coverage"
    POINTS = "points"


@click.command("measures")
@click.option("--from", "since", metavar="TIME", help="Default: four weeks before --to.")
@click.option("--to", "until", metavar="TIME", help="Default: now.")
@click.option(
    "--show",
    "figures",
    type=click.Choice([each.value for each in Figures]),
    default=Figures.TIMES.value,
    show_default=True,
    help="Response times, coverage by village, or work points.",
)
@click.option(
    "--by",
    "axes",
    default=",".join(AXES_DEFAULT),
    show_default=True,
    help=f"Of times: some of {', '.join(Axis)}, joined by commas; empty: all together.",
)
@click.option(
    "--of",
    "who",
    type=click.Choice([each.value for each in Who]),
    default=Who.UNIT.value,
    show_default=True,
    help="Whose work points.",
)
@click.option(
    "--map",
    "map_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The county's map: tells which roads a drive went over, and where villages are.",
)
@DATA
@click.option("--json", "form", flag_value="json", help="As the server answers.")
@click.option("--csv", "form", flag_value="csv", help="For a spreadsheet.")
def measures_command(
    since: str | None,
    until: str | None,
    figures: str,
    axes: str,
    who: str,
    map_dir: Path | None,
    data_dir: Path | None,
    form: str | None,
) -> None:
    """How long every part of a response took, with how sure that is.

    Of incidents opened from --from on and before --to, 2026-01-31 or 2026-01-31T08:00 by this
    machine's clock. docs/measures.md says what is counted. Reading is logged.
    """
    from geo import mapfolder
    from geo.errors import GeoError
    from server.measuredesk import MeasureDesk

    asked, wanted = asked_of(since, until, axes), Figures(figures)
    folder = data_dir or default_data_dir()
    weights = settings_of(folder, folder).points
    try:
        roadmap = None if map_dir is None else mapfolder.load(map_dir)
    except GeoError as error:
        raise click.ClickException(str(error)) from error

    async def work(pool: Any) -> Any:
        desk = MeasureDesk(pool=pool, roadmap=roadmap, clock=_now, weights=weights)
        match wanted:
            case Figures.TIMES:
                return await desk.measures(asked, by=actor())
            case Figures.COVERAGE:
                return await desk.coverage(asked, by=actor())
            case Figures.POINTS:
                return await desk.points(asked, Who(who), by=actor())

    view = with_pool(data_dir, work)
    if form == "json":
        click.echo(json.dumps(_plain(view), ensure_ascii=False, indent=1))
    elif form == "csv":
        click.echo(_sheet(wanted, view), nl=False)
    else:
        _show(wanted, view)


def _sheet(figures: Figures, view: Any) -> str:
    from server.measuresheet import coverage_csv, measures_csv, points_csv

    forms: dict[Figures, Callable[[Any], str]] = {
        Figures.TIMES: measures_csv,
        Figures.COVERAGE: coverage_csv,
        Figures.POINTS: points_csv,
    }
    return forms[figures](view)


def _show(figures: Figures, view: Any) -> None:
    from rich.console import Console

    from server.cli._measuretables import show_coverage, show_measures, show_points

    forms: dict[Figures, Callable[[Console, Any], None]] = {
        Figures.TIMES: show_measures,
        Figures.COVERAGE: show_coverage,
        Figures.POINTS: show_points,
    }
    forms[figures](Console(width=None if sys.stdout.isatty() else WIDTH), view)


def asked_of(since: str | None, until: str | None, axes: str) -> Asked:
    """Of the options as they were typed. Raises `click.ClickException`."""
    from server.measuredesk import SPAN_DEFAULT, Asked

    to = _now() if until is None else instant("--to", until)
    begin = to - SPAN_DEFAULT if since is None else instant("--from", since)
    try:
        wanted = tuple(Axis(each.strip()) for each in axes.split(",") if each.strip())
    except ValueError as error:
        told = f"--by takes some of {', '.join(Axis)}, joined by commas."
        raise click.ClickException(told) from error
    return Asked(since=begin, until=to, axes=tuple(dict.fromkeys(wanted)))


def _now() -> datetime:
    return datetime.now(UTC)


def _plain(view: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(view)
