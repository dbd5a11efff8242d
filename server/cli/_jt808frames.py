"""Frames of JT/T 808 for `ridgeline decode jt808`: as objects for JSON, and as rows of a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

from protocols.jt808.codec import BadFrame, Packet, Why, interpret
from protocols.jt808.header import Header
from protocols.jt808.layout import Body
from protocols.jt808.loose import frames_of_texts
from protocols.jt808.packets import Assembly, Whole
from protocols.jt808.plain import plain_body, plain_header, plain_partial, year_of

COLUMNS: Final = ("Frame", "What it says")
_PLACE: Final = (
    "time",
    "lat",
    "lon",
    "speed_kmh",
    "heading_deg",
    "altitude_m",
    "battery_pct",
    "alarms",
)
_CELL_CHARACTERS_MAX: Final = 300


def frames_of(texts: Sequence[str]) -> list[dict[str, Any]]:
    """One object for each frame. ValueError: no hex."""
    assembly = Assembly()
    return [
        _bad(frame) if isinstance(frame, BadFrame) else _good(frame, assembly)
        for frame in frames_of_texts(texts)
    ]


def _good(packet: Packet, assembly: Assembly) -> dict[str, Any]:
    """What a good frame says; the last package of a message says all of it."""
    header, body = packet.header, packet.body
    if header.is_package:
        for event in assembly.take(packet, now=0.0):
            if isinstance(event, BadFrame):
                return _bad(event)
            if isinstance(event, Whole):
                body = event.body
                return _said(header, body, interpret(header, body)) | {"is_whole": True}
        return _piece(packet)
    return _said(header, body, interpret(header, body))


def _said(header: Header, body: bytes, message: Body | BadFrame) -> dict[str, Any]:
    if isinstance(message, BadFrame):
        return _bad(message)
    return {
        **plain_header(header),
        "protocol_year": year_of(header, body),
        "checksum_ok": True,
        "message": name_of(message),
        "body": plain_body(message),
    }


def _piece(packet: Packet) -> dict[str, Any]:
    """A package whose message is not whole: the first often says something by itself."""
    said = {**plain_header(packet.header), "checksum_ok": True, "is_whole": False}
    if packet.header.number > 1:
        return said | {"body": {"raw": packet.body.hex()}}
    message = interpret(packet.header, packet.body)
    if isinstance(message, BadFrame):
        return said | {"body": plain_partial(message)}
    return said | {"message": name_of(message), "body": plain_body(message)}


def _bad(bad: BadFrame) -> dict[str, Any]:
    """A bad frame as far as it can be read."""
    error = f"{bad.why}: {bad.detail}"
    if bad.header is None:
        return {"error": error, "checksum_ok": False, "raw": bad.raw.hex()}
    said = {
        **plain_header(bad.header),
        "protocol_year": year_of(bad.header, bad.body),
        "checksum_ok": bad.why is not Why.CHECK,
    }
    readable = bad.why in (Why.CHECK, Why.LENGTH) and not bad.header.is_package
    message = interpret(bad.header, bad.body) if readable else bad
    if isinstance(message, BadFrame):
        return {**said, "body": plain_partial(message), "error": error}
    return {**said, "message": name_of(message), "body": plain_body(message), "error": error}


def name_of(message: object) -> str:
    """`LocationReport` as `location report`."""
    name = type(message).__name__
    return "".join(f" {c.lower()}" if c.isupper() else c for c in name).strip()


def row_of(frame: dict[str, Any]) -> tuple[str, str]:
    if "message_id" not in frame:
        return "?", frame["error"]
    check = "ok" if frame["checksum_ok"] else "wrong"
    lines = [
        " ".join(filter(None, (frame["message_id"], frame.get("message")))),
        f"{frame['terminal_id']} #{frame['serial']}",
        f"{frame['protocol_year']}, check {check}",
    ]
    if package := frame.get("package"):
        lines.append(f"package {package['number']} of {package['total']}")
    return "\n".join(lines), "\n".join(filter(None, (frame.get("error"), _what(frame["body"]))))


def _what(body: dict[str, Any]) -> str:
    """A place as people look for it; of other bodies each field."""
    if "locations" in body:
        places = (", ".join(_what(each).splitlines()) for each in body["locations"])
        return "\n".join((f"{len(body['locations'])} locations", *places))
    shown = {name: body[name] for name in _PLACE if body.get(name) not in (None, [])}
    told = shown if "lat" in body else body
    return "\n".join(f"{name} {_cell(value)}" for name, value in told.items())


def _cell(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else str(value)
    return text if len(text) <= _CELL_CHARACTERS_MAX else f"{text[:_CELL_CHARACTERS_MAX]}…"
