"""`ridgeline serve`: the server for real use."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import click

from server.cli._options import server_options, set_up_logging, settings_of


@click.command("serve")
@click.option(
    "--map",
    "map_dir",
    required=True,
    type=click.Path(path_type=Path),
    help="Map folder made by `ridgeline map build` or `map synth`.",
)
@server_options
def serve_command(map_dir: Path, data_dir: Path | None, verbose: bool, **options: Any) -> None:
    """Run the server.

    PostgreSQL and Valkey are run privately in the data folder, unless DATABASE_URL and REDIS_URL
    name servers that exist. The first start prints a one-time password for the user admin.
    """
    set_up_logging(verbose)
    settings = settings_of(data_dir, map_dir, **options)
    from server import main  # after the options are known to be right: it imports much

    sys.exit(main.run(settings, company=_say_where))


@asynccontextmanager
async def _say_where(address: str) -> AsyncIterator[None]:
    click.echo(f"Ridgeline serves {address} (Ctrl-C stops it)")
    yield
    click.echo("Ridgeline stops")
