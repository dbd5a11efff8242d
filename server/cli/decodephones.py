"""`ridgeline decode osmand` and `owntracks`: what messages of phone apps say."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import click

from server.cli._options import JSON

if TYPE_CHECKING:
    from protocols import osmand, owntracks

NO_NAME = "it says no device id"
_COLUMNS = ("Device", "What it says")
_SHOWN = ("time", "lat", "lon", "speed_kmh", "heading_deg", "altitude_m", "battery_pct", "alarm")
_DIGITS = 6
"""After the point of what is converted: a binary fraction is not shown as one."""
KMH_PER_MPS = 3.6
_REQUEST_LINE = re.compile(r"\b(?:GET|POST|PUT) (\S+) HTTP/")
_JSON_BEHIND = re.compile(r"[^{\[=&?]*?\s(\{.*\})\s*", re.DOTALL)
"""Behind a time or other words of a log; a query has signs that no such words have."""

Described = Iterator[dict[str, Any]]


@click.command("osmand")
@click.argument("texts", nargs=-1, metavar="[QUERY|JSON]...")
@JSON
def osmand_command(texts: tuple[str, ...], as_json: bool) -> None:
    """Reports of OsmAnd and Traccar Client: a query, with or without its address, a form, or JSON.

    Without an argument, or with -, they are read from standard input, one a line, or one JSON text.
    With --json each position is one object in a line of its own; `time` is null where the device
    leaves it to the server. Exit status 1: one was bad, or none was there.
    """
    _show(texts, osmand_messages, as_json=as_json)


@click.command("owntracks")
@click.argument("texts", nargs=-1, metavar="[JSON]...")
@JSON
def owntracks_command(texts: tuple[str, ...], as_json: bool) -> None:
    """Messages of OwnTracks, as its apps post them.

    Without an argument, or with -, they are read from standard input, one a line, or one JSON text.
    With --json each message is one object in a line of its own; what is no location has a `type`
    and no position. Exit status 1: one was bad, or none was there.
    """
    _show(texts, owntracks_messages, as_json=as_json)


def osmand_messages(text: str) -> Described:
    """One object for each position of one text; `error` where it is none."""
    from protocols import osmand
    from protocols.errors import ProtocolError

    try:
        for message in osmand.decode(text):
            said = _described(message)
            said["valid"] = message.valid
            if message.unread:
                said["unread"] = list(message.unread)
            yield said if message.device_id else said | {"error": NO_NAME}
    except ProtocolError as error:
        yield {"error": error.reason}


def owntracks_messages(text: str) -> Described:
    """One object for each message of one text; `error` where it is none."""
    from protocols import owntracks
    from protocols.errors import ProtocolError

    try:
        for message in owntracks.decode(text):
            said = {"type": message.kind} | _described(message)
            if message.kind == owntracks.ENCRYPTED:
                yield said | {"error": "it is encrypted"}
            elif message.is_location and not message.device_id:
                yield said | {"error": NO_NAME}
            else:
                yield said
    except ProtocolError as error:
        yield {"error": error.reason}


def _described(message: osmand.Message | owntracks.Message) -> dict[str, Any]:
    kmh = None if message.speed_mps is None else message.speed_mps * KMH_PER_MPS
    return {
        "device_id": message.device_id or None,
        "time": None if message.time is None else _utc(message.time),
        "lat": message.lat,
        "lon": message.lon,
        "altitude_m": message.altitude_m,
        "accuracy_m": message.accuracy_m,
        "speed_kmh": _rounded(kmh),
        "heading_deg": message.heading_deg,
        "battery_pct": _rounded(message.battery_pct),
        "charging": message.charging,
        "alarm": message.alarm or None,
        "attributes": message.attributes,
    }


def _utc(at: datetime) -> str:
    pieces = "milliseconds" if at.microsecond else "seconds"
    return at.isoformat(timespec=pieces).replace("+00:00", "Z")


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, _DIGITS)


def _show(texts: Sequence[str], described: Callable[[str], Described], *, as_json: bool) -> None:
    from server.cli.decode import show

    found = [each for text in _texts(texts) for each in described(text)]
    found = found or [{"error": "no message"}]
    show(found, as_json=as_json, columns=_COLUMNS, row_of=_row)
    sys.exit(1 if any("error" in each for each in found) else 0)


def _texts(arguments: Sequence[str]) -> Iterable[str]:
    """The arguments; of standard input one JSON text over several lines, or a text in each line."""
    from server.cli.decode import inputs

    found = [_out_of_log(each) for each in inputs(arguments) if each.strip()]
    if (not arguments or "-" in arguments) and found and _is_one_json(found):
        return ["\n".join(found)]
    return found


def _out_of_log(line: str) -> str:
    """What was sent, of the line that a web server or a person wrote of it."""
    if line.lstrip()[:1] in {"{", "["}:
        return line
    found = _REQUEST_LINE.search(line) or _JSON_BEHIND.fullmatch(line)
    return found[1] if found else line


def _is_one_json(lines: Sequence[str]) -> bool:
    return lines[0].lstrip()[:1] in {"{", "["} and not lines[0].rstrip().endswith(("}", "]"))


def _row(said: dict[str, Any]) -> tuple[str, str]:
    shown = [f"{name} {said[name]}" for name in _SHOWN if said.get(name) is not None]
    attributes = [f"{name} {value}" for name, value in said.get("attributes", {}).items()]
    lines = filter(None, (said.get("error"), said.get("type"), *shown, *attributes))
    return said.get("device_id") or "?", "\n".join(lines)
