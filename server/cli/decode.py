"""`ridgeline decode`: what a device said, from the bytes that were recorded of it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from server.cli._options import JSON
from server.cli.decodecot import cot_command
from server.cli.decodephones import osmand_command, owntracks_command

INPUT_CHARACTERS_MAX = 16 * 1024 * 1024
"""Of standard input; a longer recording is to be cut."""
_READING = ("time", "lat", "lon", "altitude_m", "speed_kmh", "heading_deg", "battery_pct")


@click.group("decode")
def decode_group() -> None:
    """Say what recorded messages of devices mean."""


for _command in (cot_command, osmand_command, owntracks_command):
    decode_group.add_command(_command)


@decode_group.command("jt808")
@click.argument("hex_texts", nargs=-1, metavar="[HEX]...")
@JSON
def jt808_command(hex_texts: tuple[str, ...], as_json: bool) -> None:
    """Frames of JT/T 808 in hex: escaped or not, with 7e or without, several in one text, spaces.

    Without HEX, or with -, they are read from standard input. With --json each frame is one object
    in a line of its own. Exit status 1: a frame was bad, or none was there.
    """
    from server.cli import _jt808frames as jt808

    try:
        frames = jt808.frames_of(inputs(hex_texts)) or [{"error": "no frame"}]
    except ValueError as error:
        frames = [{"error": str(error)}]
    show(frames, as_json=as_json, columns=jt808.COLUMNS, row_of=jt808.row_of)
    sys.exit(1 if any("error" in frame for frame in frames) else 0)


def inputs(texts: Sequence[str]) -> list[str]:
    """The arguments or, without any or for -, the lines of standard input."""
    if texts and "-" not in texts:
        return list(texts)
    text = sys.stdin.read(INPUT_CHARACTERS_MAX + 1)
    if len(text) > INPUT_CHARACTERS_MAX:
        raise click.ClickException(f"Over {INPUT_CHARACTERS_MAX} characters of standard input.")
    return [*(each for each in texts if each != "-"), *text.splitlines()]


def show(
    found: Iterable[dict[str, Any]],
    *,
    as_json: bool,
    columns: Sequence[str],
    row_of: Callable[[dict[str, Any]], Sequence[str]],
) -> None:
    """One JSON object in a line each, or a table."""
    if as_json:
        for each in found:
            click.echo(json.dumps(_in_one_shape(each), ensure_ascii=False))
        return
    table = Table(*columns, show_lines=True)
    for each in found:
        table.add_row(*(escape(cell) for cell in row_of(each)))
    Console().print(table)


def _in_one_shape(said: dict[str, Any]) -> dict[str, Any]:
    """With `terminal_id` and `body` as of JT/T 808, so that one program reads all."""
    if "lat" not in said:
        return said
    emergency = said.get("emergency") or {}
    alarm = said.get("alarm") or ("" if emergency.get("cancelled") else emergency.get("kind"))
    body = {name: said.get(name) for name in _READING} | {"alarms": [alarm] if alarm else []}
    if "hae_m" in said:
        body["altitude_m"] = said["hae_m"]
    return {**said, "terminal_id": said.get("device_id") or said.get("uid"), "body": body}
