"""`ridgeline audit`: the command log as a file, and whether it is what was signed; redaction;
how long positions are kept.

All but `verify` works on the database of DATABASE_URL, or on the private one of a data folder;
`verify` needs a file and a public key, and neither a server nor a database.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

from server.cli import _verify
from server.cli._options import JSON, default_data_dir
from server.cli.admin import DATA, actor, with_pool

if TYPE_CHECKING:
    from server.auditexport import Range, Span
    from server.auditviews import HoldView
    from server.journal.kinds import JournalKind
    from server.retentionpolicy import Policy

FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


class _End(click.ParamType[Any]):
    """An entry's number, or a time with its zone."""

    name = "NUMBER|TIME"

    def convert(self, value: Any, param: Any, ctx: Any) -> Any:
        if str(value).isdecimal():
            return int(value)
        try:
            found = datetime.fromisoformat(value)
        except ValueError:
            found = None
        if found is None or found.tzinfo is None:
            self.fail("say an entry's number, or a time as 2026-01-31T08:00:00Z", param, ctx)
        return found


@click.group("audit")
def audit_group() -> None:
    """The command log: export, verify, redact, another key; and how long positions are kept."""


@audit_group.command("export")
@click.option("--from", "since", type=_End(), help="First entry, or from a time on.")
@click.option("--to", "until", type=_End(), help="Last entry, or up to a time.")
@click.option("--out", required=True, type=click.Path(path_type=Path, dir_okay=False))
@DATA
def export_command(since: Any, until: Any, out: Path, data_dir: Path | None) -> None:
    """Write the log, or a part of it, with all that proves it; the log says that you did."""
    from server.auditexport import NothingToExport, Range
    from server.stores.seals import LogDamaged

    wanted = Range(since=since, until=until)
    try:
        span = with_pool(data_dir, lambda pool: _export(pool, wanted, out))
    except (NothingToExport, LogDamaged, OSError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(
        f"{out}: entries {span.first} to {span.last}. Verify it with: ridgeline audit verify"
    )


@audit_group.command("verify")
@click.argument("file", type=FILE)
@click.option(
    "--key",
    "keys",
    metavar="KEY",
    multiple=True,
    help="The log's first public key, or a file with it; and each that followed a lost one.  "
    "[default: signing.pub of the data folder]",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    type=FILE,
    multiple=True,
    help="A checkpoint that somebody else has kept: from a handset, a printed code, another site.",
)
@click.option("--data", "data_dir", type=click.Path(path_type=Path, file_okay=False))
@JSON
def verify_command(
    file: Path,
    keys: tuple[str, ...],
    checkpoints: tuple[Path, ...],
    data_dir: Path | None,
    as_json: bool,
) -> None:
    """Whether the entries in FILE are those that were signed, and whether all are there.

    Ends with 3 where something was changed, reordered or put in, with 4 where something is missing
    or belongs to another history, with 5 where both, with 6 where a checkpoint that was given
    could not be held against it, with 1 where a file or a key cannot be used.
    """
    from server.journal.verifier import Verification

    trusted = [each for key in keys or _own_key(data_dir) for each in _verify.keys(key)]
    notes = [_verify.checkpoint(path) for path in checkpoints]
    verification = Verification(*trusted, witnesses=notes)
    try:
        with file.open(newline="\n", encoding="utf-8-sig", errors="surrogateescape") as opened:
            for line in _verify.lines(opened):
                verification.feed(line)
    except OSError as error:
        raise click.ClickException(f"{file} cannot be read: {error}") from None
    report = verification.finish()
    said = json.dumps(_verify.as_json(report)) if as_json else "\n".join(_verify.words(report))
    click.echo(said)
    if code := _verify.exit_code(report):
        raise SystemExit(code)


@audit_group.command("checkpoint")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="As text.")
@click.option(
    "--qr", type=click.Path(path_type=Path, dir_okay=False), help="As a code: .svg, .png."
)
@DATA
def checkpoint_command(out: Path | None, qr: Path | None, data_dir: Path | None) -> None:
    """The newest signed checkpoint, to be kept by somebody else: print it, file it, send it."""
    from server import qrcodes
    from server.stores import seals

    signed = with_pool(data_dir, seals.newest)
    if signed is None:
        raise click.ClickException("No checkpoint was signed yet: a running server signs.")
    try:
        if out is not None:
            out.write_text(signed.note, encoding="utf-8")
        if qr is not None:
            qrcodes.write(signed.note, qr)
    except (OSError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    if out is None and qr is None:
        click.echo(signed.note, nl=False)


@audit_group.command("redact")
@click.option("--entry", "seq", type=int, required=True, help="Its number.")
@click.option(
    "--field",
    "names",
    metavar="NAME",
    multiple=True,
    required=True,
    help="As an export names it: actor, subject, body.<key>. Repeat for more than one.",
)
@click.option("--reason", required=True, help="Stands in the log for good: name nobody in it.")
@DATA
def redact_command(seq: int, names: tuple[str, ...], reason: str, data_dir: Path | None) -> None:
    """Drop fields of an entry for good; every proof still holds, and the log says that you did."""
    from server import redaction
    from server.dispatch.errors import DispatchError

    async def redact(pool: Any) -> list[str]:
        return await redaction.redact(pool, seq, names, by=actor(), reason=reason)

    try:
        gone = with_pool(data_dir, redact)
    except DispatchError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"Entry {seq}: redacted {', '.join(gone)}. Backups and older exports still have it.")


@audit_group.command("retention")
@click.option("--run/--dry-run", "really", default=False, help="Do it, or only say what is due.")
@DATA
def retention_command(really: bool, data_dir: Path | None) -> None:
    """Hold the history of positions to the policy, as a server does by itself each day."""
    import asyncpg

    from server.envvalues import SettingsError
    from server.settings import retention

    try:
        policy = retention()
        lines = with_pool(data_dir, lambda pool: _retention(pool, policy, really=really))
    except (SettingsError, asyncpg.LockNotAvailableError) as error:
        raise click.ClickException(str(error)) from None
    click.echo("\n".join(lines))


@audit_group.command("hold")
@click.argument("number", type=int)
@click.option("--why", required=True, help="Stands in the log for good: name nobody in it.")
@DATA
def hold_command(number: int, why: str, data_dir: Path | None) -> None:
    """Keep the positions around incident NUMBER as they are, while it is looked into."""

    async def work(pool: Any) -> HoldView:
        from server import holds

        one = await _incident(pool, number)
        return await holds.hold(pool, one, why=why, by=actor(), at=datetime.now(UTC))

    found = with_pool(data_dir, work)
    click.echo(f"Incident {number}: positions of {found.first_day} to {found.last_day} are kept.")


@audit_group.command("release")
@click.argument("number", type=int)
@click.option("--why", required=True, help="Stands in the log for good: name nobody in it.")
@DATA
def release_command(number: int, why: str, data_dir: Path | None) -> None:
    """Keep the positions around incident NUMBER no longer than others."""

    async def work(pool: Any) -> None:
        from server import holds

        one = await _incident(pool, number)
        await holds.release(pool, one, why=why, by=actor(), at=datetime.now(UTC))

    with_pool(data_dir, work)
    click.echo(f"Incident {number}: nothing is kept for it any more.")


@audit_group.group("key")
def key_group() -> None:
    """The key that signs the log."""


@key_group.command("rotate")
@click.option("--lost", is_flag=True, help="The key so far is gone: nothing can be signed with it.")
@DATA
def rotate_command(lost: bool, data_dir: Path | None) -> None:
    """Have the log signed with another key, announced in it under the one so far.

    With --lost the key of the data folder is the log's from now on. Who verifies then has to be
    told of it by another way than the log, and says both keys.
    """
    from server import keychange
    from server.envvalues import SettingsError
    from server.keychange import CannotChangeKey

    folder = (data_dir or default_data_dir()).absolute()
    change = keychange.replace_lost if lost else keychange.change
    try:
        key = with_pool(data_dir, lambda pool: change(pool, folder, by=actor()))
    except (CannotChangeKey, SettingsError) as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{key}\nsigns the log and orders of war from now on.")


async def _export(pool: Any, wanted: Range, out: Path) -> Span:
    """Logged whether it succeeds or not."""
    from server.auditexport import NothingToExport, export
    from server.journal.kinds import JournalKind
    from server.stores.seals import LogDamaged

    try:
        with _whole(out) as file:
            span = await export(pool, wanted, file.write)
    except (NothingToExport, LogDamaged, OSError) as error:
        body = {"route": "ridgeline audit export", "why": type(error).__name__}
        await _say(pool, JournalKind.ACCESS_FAILED, body)
        raise
    said = {"first": span.first, "last": span.last, "entries": span.last - span.first + 1}
    await _say(pool, JournalKind.JOURNAL_EXPORTED, said)
    return span


@contextmanager
def _whole(out: Path) -> Iterator[TextIO]:
    """A file that takes the place of `out` when all of it is written, and is its owner's alone."""
    if out.exists() and not out.is_file():  # a pipe, or the screen
        with out.open("w", newline="\n", encoding="utf-8") as file:
            yield file
        return
    handle, made = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")  # 0600
    try:
        with os.fdopen(handle, "w", newline="\n", encoding="utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(made).replace(out)
    except BaseException:
        Path(made).unlink(missing_ok=True)
        raise


async def _say(pool: Any, kind: JournalKind, body: dict[str, Any]) -> None:
    from server.stores import journal

    async with pool.acquire() as conn, conn.transaction():
        await journal.append(conn, actor=actor(), subject="journal", kind=kind, body=body)


async def _incident(pool: Any, number: int) -> str:
    from server.stores import reviews

    async with pool.acquire() as conn:
        found = await reviews.id_of(conn, number)
    if found is None:
        raise click.ClickException(f"There is no incident {number}.")
    return found


async def _retention(pool: Any, policy: Policy, *, really: bool) -> list[str]:
    from server import retention
    from server.stores import holds, photos

    today = datetime.now(UTC).date()
    while really and await retention.step(pool, policy, today, by=actor()):
        click.echo("one step done")
    async with pool.acquire() as conn:
        found = await retention.due(conn, policy, today)
        kept = await holds.all_of_them(conn)
        before = policy.kept_from(today)
        images = await photos.due(conn, before=before) if policy.kept_days else 0
    incidents = [f"{each.number} ({'open' if each.why is None else each.why})" for each in kept]
    return [
        f"exact for {_days(policy.exact_days)}, kept for {_days(policy.kept_days)}",
        _days_due("to be made coarse", found.coarsen),
        _days_due("to be dropped", found.drop),
        _days_due("held", found.held),
        *([f"photos to be dropped: {images}"] if images else []),
        *([f"held for incident {', '.join(incidents)}"] if incidents else []),
    ]


def _days(days: int) -> str:
    return f"{days} days" if days else "ever"


def _days_due(what: str, days: Sequence[date]) -> str:
    return f"{what}: {f'{len(days)} days, {days[0]} to {days[-1]}' if days else 'nothing'}"


def _own_key(data_dir: Path | None) -> tuple[str, ...]:
    from server.signingkey import public_path

    path = public_path(data_dir or default_data_dir())
    if not path.exists():
        raise click.UsageError("Say with --key whose signature it should be.")
    return (str(path),)
