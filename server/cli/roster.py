"""`ridgeline roster`: a county's stations, units, officers, devices and spares from one file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from server.cli.admin import DATA, actor, with_pool


@click.group("roster")
def roster_group() -> None:
    """Load stations, units, officers, devices and spares from one JSON file."""


@roster_group.command("template")
def template() -> None:
    """Print a small example to begin with."""
    from server.roster.file import TEMPLATE

    click.echo(TEMPLATE, nl=False)


@roster_group.command("load")
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option(
    "--tokens",
    "secrets_file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="OUT",
    help="New file for device tokens and one-time passwords, for your eyes only.",
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@DATA
def load(file: Path, secrets_file: Path | None, dry_run: bool, data_dir: Path | None) -> None:
    """Make the roster agree with FILE: all of it or, where something is wrong, nothing.

    Loading the same file again changes nothing. Stations are known by name, units by call sign,
    officers by badge, devices by id, spares by label; what FILE does not name stays as it is, and
    nothing is ever deleted. A running server shows the changes within half a minute.
    """
    from server.roster.file import RosterError, decode
    from server.roster.load import load as load_into
    from server.roster.plan import Change

    if secrets_file is not None and secrets_file.exists():
        raise click.ClickException(f"{secrets_file} exists; --tokens wants a new file.")
    try:
        wanted = decode(file.read_bytes())

        async def work(pool: Any) -> list[Change]:
            return await load_into(
                pool, wanted, by=actor(), secrets_file=secrets_file, dry_run=dry_run
            )

        changes = with_pool(data_dir, work)
    except RosterError as error:
        raise click.ClickException(f"{file} was not loaded.\n{error}") from error
    except click.ClickException as error:
        if secrets_file is None or not secrets_file.exists():
            raise
        raise click.ClickException(
            f"{error.message}\nPerhaps the changes were made all the same. Keep {secrets_file} and "
            "look with --dry-run: if nothing is new, its secrets are in force."
        ) from error
    for change in changes:
        click.echo(change)
    click.echo(_summary(len(changes), sum(c.has_secret for c in changes), secrets_file, dry_run))


def _summary(changes: int, secrets: int, secrets_file: Path | None, dry_run: bool) -> str:
    if not changes:
        return "Nothing to change."
    made = f"{changes} changes" if changes > 1 else "1 change"
    if dry_run:
        return f"{made} would be made, {secrets} of them with a new token or password."
    return f"{made} made." + (f" Secrets are in {secrets_file}." if secrets else "")
