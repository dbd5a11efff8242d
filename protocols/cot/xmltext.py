"""Events as XML text, read so that no document can cost more than its size.

The parser is expat from Python's own library: it expands nothing that was not declared, and a
document type, where alone entities can be declared, is refused at its first byte. defusedxml does
the same over the same parser, but builds its tree without bounds on depth and number.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NoReturn
from xml.parsers import expat
from xml.sax.saxutils import escape

from protocols.cot.errors import MalformedEvent, UnsafeXml
from protocols.cot.event import (
    EVENT_BYTES_MAX,
    NO_DETAIL,
    Element,
    Event,
    Point,
    a_point,
    check_words,
    instant,
    instant_text,
    number,
    number_text,
    written,
)

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
DEPTH_MAX = 32
ELEMENTS_MAX = 4096
ATTRIBUTES_MAX = 64
"""Of one element."""
_EVENT_ATTRIBUTES = {"version", "uid", "type", "how", "time", "start", "stale"}
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_REPLACEMENT = "�"
_IN_TEXT = {"\r": "&#13;"}
_IN_QUOTES = {'"': "&quot;", "\r": "&#13;", "\n": "&#10;", "\t": "&#9;"}


def read_event(text: bytes) -> Event:
    """One event of one document. Raises `MalformedEvent`."""
    root = read_element(text)
    if root.name != "event":
        raise MalformedEvent(f"not an event: {root.name[:40]}")
    uid, kind = root.get("uid"), root.get("type")
    check_words(uid, kind, root.get("how"))
    try:
        return _event(root, uid, kind)
    except MalformedEvent as error:
        raise MalformedEvent(str(error), uid=uid, kind=kind) from None


def _event(root: Element, uid: str, kind: str) -> Event:
    return Event(
        uid=uid,
        type=kind,
        how=root.get("how"),
        time_at=instant(root.get("time"), "time"),
        start_at=instant(root.get("start"), "start"),
        stale_at=instant(root.get("stale"), "stale"),
        point=_point(root.find("point")),
        detail=_without_tail(root.find("detail")),
        marks={k: v for k, v in root.attributes.items() if k not in _EVENT_ATTRIBUTES},
    )


def write_event(event: Event) -> bytes:
    """The event alone, without a declaration."""
    return element_text(_root(event)).encode()


def write_document(event: Event) -> bytes:
    """One write on a stream of XML: declaration and event, nothing behind."""
    return DECLARATION + write_event(event)


def read_element(text: bytes) -> Element:
    """Any document's root element. Raises `MalformedEvent`."""
    if len(text) > EVENT_BYTES_MAX:
        raise MalformedEvent(f"more than {EVENT_BYTES_MAX} bytes")
    if text.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise MalformedEvent("the encoding is not UTF-8")
    parser = expat.ParserCreate("UTF-8")
    parser.buffer_text = True
    builder = _Builder()
    parser.XmlDeclHandler = _check_encoding
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.EntityDeclHandler = _refuse_entity
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.characters
    try:
        parser.Parse(text, True)
    except expat.ExpatError as error:
        raise MalformedEvent(f"not XML: {error}") from None
    return builder.root()


def element_text(element: Element) -> str:
    """The element as XML, without its tail."""
    parts: list[str] = []
    _write(element, parts)
    return "".join(parts)


def inner_text(element: Element) -> str:
    """What stands between the element's tags."""
    parts = [_characters(element.text)]
    for child in element.children:
        _write(child, parts)
        parts.append(_characters(child.tail))
    return "".join(parts)


def _write(element: Element, parts: list[str]) -> None:
    parts.append(f"<{element.name}")
    for name, value in element.attributes.items():
        parts.append(f' {name}="{escape(lawful(value), _IN_QUOTES)}"')
    if element.children or element.text:
        parts += [">", inner_text(element), f"</{element.name}>"]
    else:
        parts.append("/>")


def _characters(text: str) -> str:
    return escape(lawful(text), _IN_TEXT) if text else ""


def lawful(text: str) -> str:
    """Each character that XML cannot carry becomes U+FFFD."""
    return _NOT_XML.sub(_REPLACEMENT, text)


def _root(event: Event) -> Element:
    attributes = {
        "version": "2.0",
        "uid": event.uid,
        "type": event.type,
        "how": event.how,
        "time": instant_text(event.time_at),
        "start": instant_text(event.start_at),
        "stale": instant_text(event.stale_at),
        **event.marks,
    }
    return Element("event", attributes, (_point_element(event.point), event.detail))


def _point_element(point: Point) -> Element:
    values = {
        "lat": point.lat,
        "lon": point.lon,
        "hae": written(point.hae_m),
        "ce": written(point.ce_m),
        "le": written(point.le_m),
    }
    return Element("point", {name: number_text(value) for name, value in values.items()})


def _point(element: Element | None) -> Point:
    if element is None:
        raise MalformedEvent("a point is needed")
    said = [number(element.get(name)) for name in ("lon", "lat", "hae", "ce", "le")]
    return a_point(*said)


def _without_tail(detail: Element | None) -> Element:
    if detail is None:
        return NO_DETAIL
    return Element("detail", detail.attributes, detail.children, detail.text)


def _check_encoding(_version: str, encoding: str | None, _standalone: int) -> None:
    if encoding and encoding.upper() not in ("UTF-8", "UTF8", "US-ASCII", "ASCII"):
        raise MalformedEvent("the encoding is not UTF-8")


def _refuse_doctype(*_declaration: object) -> NoReturn:
    raise UnsafeXml("a document type is not accepted")


def _refuse_entity(*_declaration: object) -> NoReturn:
    raise UnsafeXml("an entity is not accepted")


@dataclass(slots=True)
class _Open:
    """An element whose end has not come."""

    name: str
    attributes: Mapping[str, str]
    children: list[Element] = field(default_factory=list)
    text: str = ""


class _Builder:
    """What expat finds, as elements."""

    def __init__(self) -> None:
        self._open = [_Open("", {})]
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > DEPTH_MAX:
            raise MalformedEvent(f"nested deeper than {DEPTH_MAX}")
        if self._count > ELEMENTS_MAX:
            raise MalformedEvent(f"more than {ELEMENTS_MAX} elements")
        if len(attributes) > ATTRIBUTES_MAX:
            raise MalformedEvent(f"more than {ATTRIBUTES_MAX} attributes in one element")
        self._open.append(_Open(name, attributes))

    def end(self, _name: str) -> None:
        done = self._open.pop()
        element = Element(done.name, done.attributes, tuple(done.children), done.text)
        self._open[-1].children.append(element)

    def characters(self, text: str) -> None:
        into = self._open[-1]
        if into.children:
            last = into.children[-1]
            into.children[-1] = Element(
                last.name, last.attributes, last.children, last.text, last.tail + text
            )
        else:
            into.text += text

    def root(self) -> Element:
        return self._open[0].children[0]
