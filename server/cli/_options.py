"""Options and texts that several commands share."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import click

from server.envvalues import SettingsError
from server.settings import HOST_DEFAULT, PORT_DEFAULT, Settings, from_env

F = TypeVar("F", bound=Callable[..., Any])

JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
LEARNED = click.option(
    "--learned",
    "learned_file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Use these learned travel times (`ridgeline learn export`), not the model alone.",
)

DATA_DEFAULT = Path("data")
DATA_DEFAULT_ROOT = Path("/var/lib/ridgeline")
"""For root: the databases run as another user, who could not reach a folder in root's home."""


def server_options(command: F) -> F:
    """--data, --host, --port, --engine, --tls-cert, --tls-key, --verbose."""
    options = [
        click.option(
            "--data",
            "data_dir",
            type=click.Path(path_type=Path, file_okay=False),
            help="Folder of the private databases and their logs.  [default: data]",
        ),
        click.option(
            "--host", default=HOST_DEFAULT, show_default=True, help="Address to listen on."
        ),
        click.option(
            "--port", type=click.IntRange(0, 65535), default=PORT_DEFAULT, show_default=True
        ),
        click.option(
            "--engine",
            type=click.Choice(["auto", "scipy", "cch"]),
            default="auto",
            show_default=True,
            help="Routing engine.",
        ),
        click.option("--tls-cert", type=_existing(), help="PEM file with the certificate chain."),
        click.option("--tls-key", type=_existing(), help="PEM file with its key."),
        click.option("--verbose", is_flag=True, help="Log more."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def settings_of(data_dir: Path | None, map_dir: Path, **options: Any) -> Settings:
    """Settings of the options and the environment; a `click` error where they are wrong."""
    try:
        return from_env(data_dir=data_dir or default_data_dir(), map_dir=map_dir, **options)
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def iso(at: datetime) -> str:
    """UTC, to the second."""
    text = at.astimezone(UTC).replace(microsecond=0).isoformat()
    return text.replace("+00:00", "Z")


def instant(option: str, text: str) -> datetime:
    """A time without a zone is this machine's, whatever its clock showed that day."""
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        told = f"{option} is {text!r}; write 2026-01-31 or 2026-01-31T08:00."
        raise click.ClickException(told) from error


def default_data_dir() -> Path:
    if os.geteuid() == 0 and not _others_may_pass(DATA_DEFAULT.absolute()):
        return DATA_DEFAULT_ROOT
    return DATA_DEFAULT


def set_up_logging(verbose: bool, *, quiet: bool = False) -> None:
    """One line an event on standard error; `quiet` leaves out what an operator only notes."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # The pool tells of each failed attempt with a trace; whoever needed the database says it once.
    logging.getLogger("asyncpg.pool").setLevel(logging.ERROR)
    # uvicorn takes a handshake that was refused for one that was forgotten.
    logging.getLogger("uvicorn.error").addFilter(
        lambda record: "without completing handshake" not in record.getMessage()
    )
    if not quiet:
        logging.getLogger("server").setLevel(logging.DEBUG if verbose else logging.INFO)


def _existing() -> click.Path:
    return click.Path(path_type=Path, exists=True, dir_okay=False)


def _others_may_pass(path: Path) -> bool:
    folders = (folder for folder in path.parents if folder.exists())
    return all(folder.stat().st_mode & 0o001 for folder in folders)
