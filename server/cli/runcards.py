"""`ridgeline runcards`: what each type of incident asks for, as a file that people edit.

`check` and `export --shipped` need no database; the others work on that of DATABASE_URL, or on the
private one of a data folder, whether a server runs on it or not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.cli._options import JSON
from server.cli.admin import DATA, actor, with_pool
from server.dispatch.runcardfile import (
    CHARS_MAX,
    VERSION_MAX,
    Edited,
    read,
    shipped,
    write,
)
from server.dispatch.runcardform import RunCardsError
from server.dispatch.runcards import SHIPPED_VERSION, RunCards, changes, plain

SHIPPED: Final = "shipped"
"""Names the set that comes with Ridgeline, where others have numbers."""
NUMBER: Final[click.ParamType[Any]] = click.IntRange(1, VERSION_MAX)
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
REASON = click.option("--reason", required=True, help="Why; for the log and the list.")


def version_of(context: click.Context, parameter: click.Parameter, text: str) -> int | None:
    """A number of `list`, None for `shipped`. Raises `click.BadParameter`."""
    if text in (SHIPPED, str(SHIPPED_VERSION)):
        return None
    if text.isascii() and text.isdigit() and len(text) <= len(str(VERSION_MAX)):
        return int(NUMBER.convert(text, parameter, context))
    raise click.BadParameter(f"{text[:40]!r} is no version; give a number or `{SHIPPED}`.")


@click.group("runcards")
def runcards_group() -> None:
    """Priority, units, skills, timers and checklist of each type of incident."""


@runcards_group.command("export")
@click.option("--shipped", "is_shipped", is_flag=True, help="The set that comes with Ridgeline.")
@click.option("--version", "number", type=NUMBER, help="Not what is in force.")
@click.option(
    "--out", type=click.Path(path_type=Path, dir_okay=False), help="A file; else it is printed."
)
@DATA
@JSON
def export(
    is_shipped: bool, number: int | None, out: Path | None, data_dir: Path | None, as_json: bool
) -> None:
    """Write the set in force, to be edited."""
    if is_shipped and number is not None:
        raise click.UsageError("Give --shipped or --version, not both.")
    cards = shipped() if is_shipped else with_pool(data_dir, lambda pool: _kept(pool, number))
    text = _json({"version": cards.version, "set": plain(cards)}) if as_json else write(cards)
    if out is None:
        click.echo(text, nl=as_json)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error


@runcards_group.command("check")
@click.argument("file", type=FILE)
@JSON
def check(file: Path, as_json: bool) -> None:
    """Say every bad value of FILE with its card and field; change nothing."""
    try:
        cards = _read(file).cards
    except RunCardsError as error:
        if not as_json:
            raise _refused(file, error) from error
        problems = [each.plain() for each in error.problems]
        click.echo(_json({"good": False, "problems": problems}))
        raise click.exceptions.Exit(1) from error
    if as_json:
        click.echo(_json({"good": True, "problems": [], "cards": len(cards.cards)}))
    else:
        click.echo(f"{file} is good: {len(cards.cards)} types of incident.")


@runcards_group.command("load")
@click.argument("file", type=FILE)
@REASON
@click.option(
    "--based-on",
    type=click.IntRange(0, VERSION_MAX),
    help="The version that FILE takes the place of.  [default: what FILE says]",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@DATA
@JSON
def load(
    file: Path,
    reason: str,
    based_on: int | None,
    dry_run: bool,
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Save FILE as a new version and put it in force.

    Nothing is saved where another version is in force than the one that FILE was exported from. A
    running server recommends by the new one at once, and has everything else by it within half a
    minute.
    """
    said = _read_good(file)
    based_on = said.based_on if based_on is None else based_on
    number, differing = with_pool(
        data_dir,
        lambda pool: _load(pool, said.cards, based_on, reason=reason, dry_run=dry_run),
    )
    if as_json:
        click.echo(_json({"version": number, "changes": differing}))
        return
    for line in _changes(differing):
        click.echo(line)
    if not differing:
        click.echo("Nothing to change.")
    elif number is not None:
        click.echo(f"Version {number} is in force.")


async def _load(
    pool: Any, cards: RunCards, based_on: int | None, *, reason: str, dry_run: bool
) -> tuple[int | None, dict[str, list[str]]]:
    """The new version, if one was saved, and what it changes; `based_on` None: whatever it is."""
    from server import runcardversions

    async with pool.acquire() as conn, conn.transaction():
        before = await runcardversions.in_force(conn)
        if not (differing := changes(before, cards)):
            return None, differing
        if based_on not in (None, before.version):
            raise click.ClickException(
                f"Version {before.version} is in force, and this was made from version {based_on}. "
                f"Export and edit anew, or have it take that one's place: --based-on "
                f"{before.version}."
            )
        if dry_run:
            return None, differing
        row = await runcardversions.save(
            conn,
            plain(cards),
            based_on=before.version,
            at=datetime.now(UTC),
            by=actor(),
            reason=reason,
        )
        return row.version, differing


@runcards_group.command("list")
@DATA
@JSON
def list_versions(data_dir: Path | None, as_json: bool) -> None:
    """The newest versions, and which is in force."""
    from server.stores import runcards as store

    async def work(pool: Any) -> tuple[Any, list[Any]]:
        async with pool.acquire() as conn:
            return await store.active(conn), await store.versions(conn)

    active, versions = with_pool(data_dir, work)
    number = active.version if active else None
    rows = [
        {
            "version": row.version,
            "in_force": row.version == number,
            "created_at": row.created_at.isoformat(),
            "created_by": row.created_by,
            "cards": row.cards,
            "reason": row.reason,
        }
        for row in versions
    ]
    if as_json:
        click.echo(_json({"in_force": number or 0, "versions": rows}))
        return
    _show(rows)
    if number is None:
        click.echo("The set that comes with Ridgeline is in force.")


@runcards_group.command("activate")
@click.argument("number", metavar="VERSION", callback=version_of)
@REASON
@DATA
@JSON
def activate(number: int | None, reason: str, data_dir: Path | None, as_json: bool) -> None:
    """Put VERSION in force: a number of `list`, or `shipped` for the set of Ridgeline."""
    from server import runcardversions

    async def work(pool: Any) -> None:
        async with pool.acquire() as conn, conn.transaction():
            await runcardversions.activate(
                conn, number, at=datetime.now(UTC), by=actor(), reason=reason
            )

    with_pool(data_dir, work)
    if as_json:
        click.echo(_json({"in_force": number or SHIPPED_VERSION}))
    else:
        which = "the set that comes with Ridgeline" if number is None else f"version {number}"
        click.echo(f"In force: {which}.")


async def _kept(pool: Any, number: int | None) -> RunCards:
    from server import runcardversions

    async with pool.acquire() as conn:
        if number is None:
            return await runcardversions.in_force(conn)
        return await runcardversions.load(conn, number)


def read_cards(file: Path) -> RunCards:
    """A set from its file. Raises `click.ClickException` with every bad value."""
    return _read_good(file).cards


def _read_good(file: Path) -> Edited:
    try:
        return _read(file)
    except RunCardsError as error:
        raise _refused(file, error) from error


def _read(file: Path) -> Edited:
    """Raises `RunCardsError`, `click.ClickException`."""
    try:
        with file.open(encoding="utf-8") as opened:
            return read(opened.read(CHARS_MAX + 1))
    except (OSError, UnicodeDecodeError) as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from error


def _refused(file: Path, error: RunCardsError) -> click.ClickException:
    return click.ClickException("\n".join((f"{file} is not good.", *map(str, error.problems))))


def _changes(differing: Mapping[str, Sequence[str]]) -> list[str]:
    return [f"{card}: {', '.join(names)}" for card, names in differing.items()]


def _show(rows: Sequence[Mapping[str, Any]]) -> None:
    table = Table("version", "in force", "saved", "by", "types", "why")
    for row in rows:
        table.add_row(
            str(row["version"]),
            "yes" if row["in_force"] else "",
            f"{datetime.fromisoformat(row['created_at']).astimezone():%Y-%m-%d %H:%M}",
            *map(escape, (row["created_by"], str(row["cards"]), row["reason"])),
        )
    Console().print(table)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=1)
