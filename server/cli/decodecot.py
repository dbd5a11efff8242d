"""`ridgeline decode cot`: what events of Cursor on Target say, from XML or from TAK's protobuf."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click

from server.cli._options import JSON

INPUT_BYTES_MAX = 64 * 1024 * 1024
"""Of one file; a longer recording is to be cut."""
_CHUNK_BYTES = 64 * 1024
_HEX = re.compile(rb"[0-9a-fA-FxX\s:]*")
_XML = re.compile(rb"(?:\xef\xbb\xbf)?\s*<[?!a-zA-Z/]")
_MESSAGE_TAGS = (b"\x0a", b"\x12")
"""How a TakMessage without a frame begins."""
_COLUMNS = ("Event", "What it says")
_SHOWN = ("callsign", "lat", "lon", "battery_pct", "speed_kmh", "heading_deg", "team")


@click.command("cot")
@click.argument("inputs", nargs=-1, metavar="[FILE|XML|HEX]...")
@JSON
def cot_command(inputs: tuple[str, ...], as_json: bool) -> None:
    """Events of Cursor on Target: XML or protobuf (stream frames, datagrams), or either in hex.

    Without an argument, or with -, they are read from standard input. With --json each event is one
    object in a line of its own. Exit status 1: one was bad, or none was there.
    """
    from server.cli.decode import show

    found = list(cot_events(_recorded(inputs or ("-",)))) or [{"error": "no event"}]
    show(found, as_json=as_json, columns=_COLUMNS, row_of=_row)
    sys.exit(1 if any("error" in each for each in found) else 0)


def cot_events(recordings: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """One object for each event; `error` where it is none."""
    from protocols.cot.description import described
    from protocols.cot.event import Event

    for recording in recordings:
        for item in _items(recording):
            yield described(item) if isinstance(item, Event) else _bad(item)


def _bad(item: Any) -> dict[str, Any]:
    """What is wrong, and whose it is where that can be read."""
    said = {"error": item.reason, "uid": item.uid, "type": item.kind}
    return {name: text for name, text in said.items() if text}


def _items(recording: bytes) -> Iterator[Any]:
    from protocols.cot.stream import Stream

    stream = Stream()
    for piece in _binary(recording):
        if (single := _single(piece)) is not None:
            yield single
            continue
        for at in range(0, len(piece), _CHUNK_BYTES):
            stream.receive(piece[at : at + _CHUNK_BYTES])
            while (item := stream.next()) is not None:
                yield item
    if (rest := stream.end()) is not None:
        yield rest


def _single(data: bytes) -> Any:
    """The event of a datagram, or of a message without a frame; None: it is a stream."""
    from protocols.cot.errors import MalformedEvent
    from protocols.cot.messages import MESH_HEADER, read_message
    from protocols.cot.stream import BadEvent

    is_mesh = data.startswith(MESH_HEADER)
    if not is_mesh and (_XML.match(data) or data[:1] not in _MESSAGE_TAGS):
        return None
    try:
        event = read_message(data.removeprefix(MESH_HEADER))
    except MalformedEvent as error:
        return BadEvent(reason=str(error), uid=error.uid, kind=error.kind)
    return event or BadEvent(reason="a message without an event")


def _binary(recording: bytes) -> Sequence[bytes]:
    """Hex, line by line, as bytes; anything else as it is."""
    if not recording.strip() or not _HEX.fullmatch(recording):
        return [recording]
    lines = recording.replace(b":", b" ").splitlines()
    try:
        pieces = [bytes.fromhex(_without_prefix(line).decode()) for line in lines]
    except ValueError:
        return [recording]
    return [piece for piece in pieces if piece]


def _without_prefix(line: bytes) -> bytes:
    text = line.strip()
    return text[2:] if text[:2].lower() == b"0x" else text


def _recorded(inputs: Sequence[str]) -> Iterator[bytes]:
    for each in inputs:
        if each == "-":
            yield _bounded(sys.stdin.buffer.read(INPUT_BYTES_MAX + 1))
        elif not each.lstrip("\ufeff \t\r\n").startswith("<") and _is_file(each):
            with Path(each).open("rb") as file:
                yield _bounded(file.read(INPUT_BYTES_MAX + 1))
        else:
            yield each.encode(errors="surrogateescape")


def _is_file(text: str) -> bool:
    try:
        return Path(text).is_file()
    except (OSError, ValueError):  # too long for a name, or with a NUL
        return False


def _bounded(data: bytes) -> bytes:
    if len(data) > INPUT_BYTES_MAX:
        raise click.ClickException(f"Over {INPUT_BYTES_MAX} bytes.")
    return data


def _row(event: dict[str, Any]) -> tuple[str, ...]:
    if "error" in event:
        return (f"{event.get('type', '?')}\n{event.get('uid', '')}".strip(), event["error"])
    said = [f"{name} {event[name]}" for name in _SHOWN if event[name] is not None]
    for name in ("chat", "receipt", "emergency"):
        said += [f"{key} {value}" for key, value in (event[name] or {}).items() if value]
    head = f"{event['type']}\n{event['uid']}\n{event['time']}"
    return (head, "\n".join(said))
