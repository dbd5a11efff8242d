"""`ridgeline history`: the county's own past as a file that `ridgeline evaluate` lives through."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from server.cli._options import instant
from server.cli.admin import DATA, actor, with_pool

if TYPE_CHECKING:
    from server.evaluation.history import History
    from server.historydesk import Tell

SPAN_DEFAULT = timedelta(days=28)
"""Whole weeks."""


@click.group("history")
def history_group() -> None:
    """The county's own past, to be lived through again."""


@history_group.command("export")
@click.option("--from", "since", metavar="TIME", help="Default: four weeks before --to.")
@click.option("--to", "until", metavar="TIME", help="Default: now.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file; else it is printed.",
)
@DATA
def export(since: str | None, until: str | None, out: Path | None, data_dir: Path | None) -> None:
    """Calls, units and their shifts, for `ridgeline evaluate --history FILE`.

    Of calls from --from on and before --to, 2026-01-31 or 2026-01-31T08:00 by this machine's clock:
    when, where, of which type, how urgent, how long until somebody came, and how long they stayed.
    No names, no notes, no words of the place; yet it says where people called from, so keep it as
    you keep the log. That it was taken is logged.
    """
    from server import historydesk
    from server.evaluation.history import plain

    to = datetime.now(UTC) if until is None else instant("--to", until)
    begin = to - SPAN_DEFAULT if since is None else instant("--from", since)

    async def work(pool: Any) -> History:
        with _bar() as tell:
            return await historydesk.history(pool, begin, to, by=actor(), tell=tell)

    found = with_pool(data_dir, work)
    text = json.dumps(plain(found), ensure_ascii=False, indent=1)
    if out is None:
        click.echo(text)
        return
    _write(out, text)
    told = sum(each.response_min is not None for each in found.calls)
    click.echo(
        f"{len(found.calls)} calls on {found.days} days, {told} of them with when somebody came, "
        f"and {len(found.units)} units: {out}"
    )


def _write(out: Path, text: str) -> None:
    """Whole or not at all."""
    part = out.with_name(f".{out.name}.part")
    try:
        part.write_text(f"{text}\n", encoding="utf-8")
        part.replace(out)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise click.ClickException(f"{out} cannot be written: {error.strerror}") from error


@contextmanager
def _bar() -> Iterator[Tell]:
    """Progress on standard error; standard output is the answer's."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("Reading", total=1.0)
        yield lambda share: progress.update(task, completed=share)
