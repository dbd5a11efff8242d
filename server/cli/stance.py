"""`ridgeline stance`: orders of peace and war, looked at and verified.

`show` works on the database of DATABASE_URL, or on the private one of a data folder; `verify` works
on that, or on files alone, where there is neither a server nor a database.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from server.cli._options import default_data_dir
from server.cli.admin import DATA, with_pool

if TYPE_CHECKING:
    from server.dispatch.stance import Ending, StanceOrder
    from server.journal.notes import Verifier
    from server.stores.stance import StanceRow

SHOWN_MAX: Final = 20
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group("stance")
def stance_group() -> None:
    """Orders of peace and war: what holds, and whether they are genuine."""


@stance_group.command("show")
@click.option("--note", "number", type=int, metavar="NUMBER", help="Print that signed order alone.")
@DATA
def show(number: int | None, data_dir: Path | None) -> None:
    """What holds now, and the last orders."""
    from server.dispatch.stance import in_force

    rows = with_pool(data_dir, _rows)
    if number is not None:
        click.echo(_of(rows, number).note, nl=False)
        return
    holding = in_force([row.order for row in rows], datetime.now(UTC))
    click.echo("Peace; no order holds." if holding is None else f"In force: {_words(holding)}")
    for row in rows[:SHOWN_MAX]:
        ended = f"; over {_at(row.order.ended_at)}, {row.end_reason}" if row.order.ended_at else ""
        click.echo(f"  {_words(row.order)}{ended}")


@stance_group.command("verify")
@click.argument("files", nargs=-1, type=FILE)
@click.option(
    "--key",
    metavar="KEY",
    help="The public key, or a file with it (keys/signing.pub of the server's data folder).",
)
@DATA
def verify(files: tuple[Path, ...], key: str | None, data_dir: Path | None) -> None:
    """Whether signed orders are genuine: those in FILES, else all of the database.

    FILES need --key and nothing else: no server, no database, no network. Ends with 1 where
    anything is not as it was signed.
    """
    trusted = None if key is None else _key(key)
    if files:
        if trusted is None:
            raise click.UsageError("Say with --key whose signature it should be.")
        wrong = [_report(str(path), path.read_text(), trusted, None) for path in files]
    else:
        trusted = trusted or _own_key(data_dir or default_data_dir())
        wrong = [_check(row, trusted) for row in with_pool(data_dir, _rows)]
        if not wrong:
            click.echo("There are no orders yet.")
    if bad := wrong.count(True):
        raise click.ClickException(f"{bad} of {len(wrong)} cannot be trusted.")


async def _rows(pool: Any) -> list[StanceRow]:
    """Every order, newest first."""
    from server.stores import stance as store

    found: list[StanceRow] = []
    async with pool.acquire() as conn:
        while page := await store.page(
            conn, before=found[-1].order.number if found else None, limit=store.PAGE_LEN_MAX
        ):
            found += page
    return found


def _of(rows: list[StanceRow], number: int) -> StanceRow:
    for row in rows:
        if row.order.number == number:
            return row
    raise click.ClickException(f"There is no order {number}.")


def _check(row: StanceRow, trusted: Verifier) -> bool:
    """Whether anything about a row is not as it was signed; says so."""
    from dataclasses import replace

    wrong = _report(
        f"order {row.order.number}", row.note, trusted, replace(row.order, ended_at=None)
    )
    if row.end_note is not None:
        wrong |= _report(f"end of order {row.order.number}", row.end_note, trusted, None)
    return wrong


def _report(name: str, note: str, trusted: Verifier, kept: StanceOrder | None) -> bool:
    """Says what was found; True: it cannot be trusted. `kept`: what the database makes of it."""
    from server.dispatch.stance import StanceOrder, parse
    from server.journal import notes

    try:
        said = parse(notes.verify(note, trusted))
    except ValueError as error:
        click.echo(f"{name}: NOT GENUINE: {error}")
        return True
    if kept is not None and said != kept:
        click.echo(f"{name}: NOT GENUINE: the database says something else than what was signed")
        return True
    words = _words(said) if isinstance(said, StanceOrder) else _end_words(said)
    click.echo(f"{name}: genuine, signed by {trusted.name} {trusted.key_id.hex()}: {words}")
    return False


def _key(text: str) -> Verifier:
    from server.journal.notes import NoteError, Verifier

    path = Path(text)
    try:
        return Verifier.parse(path.read_text() if path.is_file() else text)
    except (NoteError, OSError) as error:
        raise click.ClickException(f"--key: {error}") from error


def _own_key(data_dir: Path) -> Verifier:
    from server.signingkey import public_path

    path = public_path(data_dir)
    if not path.is_file():
        raise click.ClickException(f"{path} is not there; say with --key which key to trust.")
    return _key(str(path))


def _words(order: StanceOrder) -> str:
    until = "until another order" if order.expires_at is None else f"until {_at(order.expires_at)}"
    effects = order.effects
    changes = [
        "offers by itself" if effects.offers else "",
        "re-optimises by itself" if effects.reoptimise == "automatic" else "",
        "dispatchers may prolong and end it" if effects.authority == "dispatcher" else "",
        "units off duty report too" if effects.off_duty_reports else "",
    ]
    said = ", ".join(filter(None, changes))
    by = f"{order.issued_by} at {_at(order.issued_at)}"
    return f"#{order.number} {order.mode}, {by}, {until}: {order.reason}" + (
        f" ({said})" if said else ""
    )


def _end_words(ending: Ending) -> str:
    at = _at(ending.ended_at)
    return f"#{ending.number} ended by {ending.ended_by} at {at}: {ending.reason}"


def _at(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
