"""`ridgeline review`: what became of an incident, as JSON or as a page to print."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli.admin import DATA, actor, with_pool

if TYPE_CHECKING:
    from server.reviewviews import ReviewView
    from server.settings import Settings


@click.group("review")
def review_group() -> None:
    """After-action reviews."""


@review_group.command("incident")
@click.argument("number", type=click.IntRange(1, 2**53))
@click.option("--json", "as_json", is_flag=True, help="As GET /api/incidents/{id}/review.")
@click.option(
    "--eido",
    "eido_file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="For other systems: a NENA Emergency Incident Data Object.",
)
@click.option(
    "--html", "file", type=click.Path(path_type=Path, dir_okay=False), help="A page to print."
)
@click.option(
    "--lang", "language", type=click.Choice(["en", "zh"]), default="en", show_default=True
)
@click.option(
    "--map",
    "map_dir",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="The county's map: compares drives with the model.",
)
@DATA
def incident_command(
    number: int,
    as_json: bool,
    eido_file: Path | None,
    file: Path | None,
    language: str,
    map_dir: Path | None,
    data_dir: Path | None,
) -> None:
    """Review incident NUMBER: where the loop broke, what was foretold, what came.

    Times of the page are by this machine's clock of then. docs/review.md says what is counted.
    Reading is logged.
    """
    if [as_json, eido_file is not None, file is not None].count(True) != 1:
        raise click.UsageError("Say one of --json, --html FILE and --eido FILE.")
    view = _review(number, map_dir, data_dir, exported=eido_file is not None)
    if eido_file is not None:
        from server.eido import eido

        whole = json.dumps(eido(view, agency=_settings(data_dir).agency), ensure_ascii=False)
        _write(eido_file, whole + "\n")
        click.echo(f"{eido_file}: incident {number} as an EIDO")
        return
    if file is None:
        click.echo(json.dumps(_plain(view), ensure_ascii=False, indent=1))
        return
    from server.reviewpage import page
    from server.reviewwords import Words

    zone = view.incident.opened_at.astimezone().tzinfo
    assert zone is not None
    words = Words(language="zh" if language == "zh" else "en", zone=zone)
    _write(file, page(view, words))
    click.echo(f"{file}: review of incident {number}")


def _write(file: Path, text: str) -> None:
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{file} cannot be written: {error.strerror}") from error


def _settings(data_dir: Path | None) -> Settings:
    from server.cli._options import default_data_dir, settings_of

    folder = (data_dir or default_data_dir()).absolute()
    return settings_of(folder, folder)


def _review(
    number: int, map_dir: Path | None, data_dir: Path | None, *, exported: bool
) -> ReviewView:
    from geo import mapfolder
    from geo.errors import GeoError
    from server import runcardversions
    from server.journal.kinds import JournalKind
    from server.reviewdesk import ReviewDesk

    timers = _settings(data_dir).timers
    try:
        roadmap = None if map_dir is None else mapfolder.load(map_dir)
    except GeoError as error:
        raise click.ClickException(str(error)) from error

    async def work(pool: Any) -> ReviewView:
        async with pool.acquire() as conn:
            cards = await runcardversions.in_force(conn)
        desk = ReviewDesk(
            pool=pool,
            timers=timers,
            cards=lambda: cards,
            roadmap=roadmap,
            clock=lambda: datetime.now(UTC),
        )
        what_for = JournalKind.REVIEW_EXPORTED if exported else JournalKind.REVIEW_READ
        return await desk.by_number(number, by=actor(), what_for=what_for)

    return with_pool(data_dir, work)


def _plain(view: ReviewView) -> Any:
    import msgspec

    return msgspec.to_builtins(view)
