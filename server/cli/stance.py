"""`ridgeline stance`: orders of peace and war, looked at and verified.

`show` works on the database of DATABASE_URL, or on the private one of a data folder; `verify` works
on that, or on files alone, where there is neither a server nor a database.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    "keys",
    metavar="KEY",
    multiple=True,
    help="A public key, or a file with some (keys/signing.pub of the server's data folder).",
)
@DATA
def verify(files: tuple[Path, ...], keys: tuple[str, ...], data_dir: Path | None) -> None:
    """Whether signed orders are genuine: those in FILES, else all of the database.

    FILES need --key and nothing else: no server, no database, no network. Ends with 1 where
    anything is not as it was signed, or a number is missing.
    """
    trusted = [verifier for each in keys for verifier in _keys(each)]
    if files:
        if not trusted:
            raise click.UsageError("Say with --key whose signature it should be.")
        wrong = [_report(str(path), path.read_text(), trusted, None) for path in files]
    else:
        trusted = trusted or _own_keys(data_dir or default_data_dir())
        wrong = _check_all(with_pool(data_dir, _rows), trusted)
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


def _check_all(rows: list[StanceRow], trusted: Sequence[Verifier]) -> list[bool]:
    """Of each number, newest first, whether anything about it is not as it was signed."""
    by_number = {row.order.number: row for row in rows}
    numbers = range(max(by_number, default=0), 0, -1)
    return [_check(number, by_number, trusted) for number in numbers]


def _check(number: int, rows: Mapping[int, StanceRow], trusted: Sequence[Verifier]) -> bool:
    from dataclasses import replace

    row = rows.get(number)
    if row is None:
        click.echo(f"order {number}: MISSING: a newer one is there")
        return True
    given = replace(row.order, ended_at=None)
    wrong = _report(f"order {number}", row.note, trusted, given)
    return _check_end(row, rows.get(number + 1), trusted) or wrong


def _check_end(row: StanceRow, following: StanceRow | None, trusted: Sequence[Verifier]) -> bool:
    """Whether an order did not end as its row says: by a signed word, the next order, or time."""
    from server.dispatch.stance import Ending

    order, name = row.order, f"end of order {row.order.number}"
    if order.ended_at is None:
        return False
    if row.end_note is not None:
        kept = Ending(
            number=order.number,
            reason=row.end_reason,
            ended_by=row.ended_by or "",
            ended_at=order.ended_at,
        )
        return _report(name, row.end_note, trusted, kept)
    ran_out = row.end_reason == "expired" and order.ended_at == order.expires_at
    superseded = (
        following is not None
        and row.end_reason == "superseded"
        and (row.ended_by, order.ended_at) == (following.order.issued_by, following.order.issued_at)
    )
    if not ran_out and not superseded:
        click.echo(f"{name}: NOT GENUINE: nobody signed it")
    return not ran_out and not superseded


def _report(
    name: str, note: str, trusted: Sequence[Verifier], kept: StanceOrder | Ending | None
) -> bool:
    """Says what was found; True: it cannot be trusted. `kept`: what the database makes of it."""
    from server.dispatch.stance import StanceOrder, parse

    try:
        text, key = _signed(note, trusted)
        said = parse(text)
    except ValueError as error:
        click.echo(f"{name}: NOT GENUINE: {error}")
        return True
    if kept is not None and said != kept:
        click.echo(f"{name}: NOT GENUINE: the database says something else than what was signed")
        return True
    words = _words(said) if isinstance(said, StanceOrder) else _end_words(said)
    click.echo(f"{name}: genuine, signed by {key.name} {key.key_id.hex()}: {words}")
    return False


def _signed(note: str, trusted: Sequence[Verifier]) -> tuple[str, Verifier]:
    """What a note says, and which of the keys signed it. Raises `NoteError`."""
    from server.journal.notes import NoteError, verify

    refusals = []
    for key in trusted:
        try:
            return verify(note, key), key
        except NoteError as error:
            refusals.append(str(error))
    raise NoteError("; ".join(refusals))


def _keys(text: str) -> list[Verifier]:
    from server.journal.notes import NoteError, Verifier

    path = Path(text)
    try:
        lines = path.read_text().splitlines() if path.is_file() else [text]
        found = [Verifier.parse(line) for line in lines if line.strip()]
    except (NoteError, OSError) as error:
        raise click.ClickException(f"--key: {error}") from error
    if not found:
        raise click.ClickException(f"--key: {path} is empty")
    return found


def _own_keys(data_dir: Path) -> list[Verifier]:
    from server.signingkey import public_path

    path = public_path(data_dir)
    if not path.is_file():
        raise click.ClickException(f"{path} is not there; say with --key which key to trust.")
    return _keys(str(path))


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
