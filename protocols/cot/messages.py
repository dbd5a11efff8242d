"""Events as TAK Protocol version 1: a TakMessage of Protocol Buffers.

Six elements of the detail have fields of their own, and go there where they hold exactly what the
field can say; everything else travels as XML text. Source: the .proto files of ATAK-CIV.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from protocols.cot.errors import MalformedEvent
from protocols.cot.event import (
    EVENT_BYTES_MAX,
    NO_DETAIL,
    Element,
    Event,
    a_point,
    check_words,
    number,
    number_text,
    written,
)
from protocols.cot.protobuf import Fields, Writer, varint
from protocols.cot.xmltext import inner_text, lawful, read_element

MAGIC = 0xBF
MESH_HEADER = bytes((MAGIC, 1, MAGIC))
"""Before one message in a datagram."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLIS_MAX = 253_402_300_799_999
_BATTERY_MAX = 2**32 - 1
_EVENT = 2
_TYPE = 1
_MARKS = {"access": 2, "qos": 3, "opex": 4}
_UID, _SEND, _START, _STALE, _HOW, _LAT, _LON, _HAE, _CE, _LE, _DETAIL = range(5, 16)
_XML, _CONTACT, _GROUP, _PRECISION, _STATUS, _TAKV, _TRACK = range(1, 8)
_TEXTS = {
    "contact": (_CONTACT, ("endpoint", "callsign")),
    "__group": (_GROUP, ("name", "role")),
    "precisionlocation": (_PRECISION, ("geopointsrc", "altsrc")),
    "takv": (_TAKV, ("device", "platform", "os", "version")),
}
"""Field of the detail, and its attributes by their fields from 1 on."""
_TRACK_ATTRIBUTES = ("speed", "course")


def write_frame(event: Event) -> bytes:
    """One write on a stream of protobuf, and one message of a WebSocket."""
    message = write_message(event)
    return bytes((MAGIC,)) + varint(len(message)) + message


def write_datagram(event: Event) -> bytes:
    return MESH_HEADER + write_message(event)


def write_message(event: Event) -> bytes:
    """A TakMessage."""
    body = Writer()
    body.text(_TYPE, event.type)
    for name, field in _MARKS.items():
        body.text(field, event.marks.get(name, ""))
    body.text(_UID, event.uid)
    for field, at in (_SEND, event.time_at), (_START, event.start_at), (_STALE, event.stale_at):
        body.uint(field, max(0, _millis(at)))
    body.text(_HOW, event.how)
    point = event.point
    for field, value in (
        (_LAT, point.lat),
        (_LON, point.lon),
        (_HAE, written(point.hae_m)),
        (_CE, written(point.ce_m)),
        (_LE, written(point.le_m)),
    ):
        body.double(field, value)
    body.message(_DETAIL, _detail(event.detail))
    message = Writer()
    message.message(_EVENT, bytes(body))
    return bytes(message)


def read_message(data: bytes) -> Event | None:
    """The event of a TakMessage; None where it holds none. Raises `MalformedEvent`."""
    if len(data) > EVENT_BYTES_MAX:
        raise MalformedEvent(f"more than {EVENT_BYTES_MAX} bytes")
    body = Fields(data).message(_EVENT)
    if body is None:
        return None
    uid, kind, how = (lawful(body.text(field)) for field in (_UID, _TYPE, _HOW))
    check_words(uid, kind, how)
    try:
        return _event(body, uid, kind, how)
    except MalformedEvent as error:
        raise MalformedEvent(str(error), uid=uid, kind=kind) from None


def _event(body: Fields, uid: str, kind: str, how: str) -> Event:
    marks = {name: lawful(body.text(field)) for name, field in _MARKS.items()}
    return Event(
        uid=uid,
        type=kind,
        how=how,
        time_at=_instant(body.uint(_SEND), "time"),
        start_at=_instant(body.uint(_START), "start"),
        stale_at=_instant(body.uint(_STALE), "stale"),
        point=a_point(*(body.double(field) for field in (_LON, _LAT, _HAE, _CE, _LE))),
        detail=_read_detail(body.message(_DETAIL)),
        marks={name: value for name, value in marks.items() if value},
    )


def _millis(at: datetime) -> int:
    return (at - _EPOCH) // timedelta(milliseconds=1)


def _instant(millis: int, name: str) -> datetime:
    if not 0 < millis <= _MILLIS_MAX:
        raise MalformedEvent(f"{name} is no time")
    return _EPOCH + timedelta(milliseconds=millis)


# -- the detail ------------------------------------------------------------------------------------


def _detail(detail: Element) -> bytes:
    names = Counter(child.name for child in detail.children)
    typed: dict[int, bytes] = {}
    rest: list[Element] = []
    for child in detail.children:
        is_bare = not (child.children or child.text.strip() or child.tail.strip())
        is_alone = names[child.name] == 1 and is_bare
        field, value = _typed(child) if is_alone else (0, None)
        if value is None:
            rest.append(child)
        else:
            typed[field] = value
    out = Writer()
    out.text(_XML, inner_text(Element("detail", {}, tuple(rest), detail.text)).strip())
    for field in sorted(typed):
        out.message(field, typed[field])
    return bytes(out)


def _typed(element: Element) -> tuple[int, bytes | None]:
    """Its field, and its value there; None where the field cannot say all of it."""
    if element.name in _TEXTS:
        field, names = _TEXTS[element.name]
        return field, _texts(element, names)
    if element.name == "status":
        return _STATUS, _battery(element)
    if element.name == "track":
        return _TRACK, _track(element)
    return 0, None


def _texts(element: Element, names: tuple[str, ...]) -> bytes | None:
    said = set(element.attributes)
    without_endpoint = element.name == "contact" and said == {"callsign"}
    if said != set(names) and not without_endpoint:
        return None
    if element.name == "contact" and element.attributes.get("endpoint") == "":
        return None
    out = Writer()
    for field, name in enumerate(names, 1):
        out.text(field, element.get(name))
    return bytes(out)


def _battery(element: Element) -> bytes | None:
    text = element.get("battery")
    is_count = text.isascii() and text.isdigit() and len(text) <= 10
    if set(element.attributes) != {"battery"} or not is_count or int(text) > _BATTERY_MAX:
        return None
    out = Writer()
    out.uint(1, int(text))
    return bytes(out)


def _track(element: Element) -> bytes | None:
    if set(element.attributes) != set(_TRACK_ATTRIBUTES):
        return None
    out = Writer()
    for field, name in enumerate(_TRACK_ATTRIBUTES, 1):
        value = number(element.get(name))
        if value is None:
            return None
        out.double(field, value)
    return bytes(out)


def _read_detail(fields: Fields | None) -> Element:
    """What stands in the XML text was too much for its field, and counts instead of it."""
    if fields is None:
        return NO_DETAIL
    root = read_element(f"<detail>{fields.text(_XML)}</detail>".encode())
    as_text = {child.name for child in root.children}
    typed = [element for element in _read_typed(fields) if element.name not in as_text]
    return Element("detail", {}, (*root.children, *typed), root.text)


def _read_typed(fields: Fields) -> Iterator[Element]:
    for name, (field, attributes) in _TEXTS.items():
        if said := fields.message(field):
            yield _read_texts(name, attributes, said)
    if said := fields.message(_STATUS):
        yield Element("status", {"battery": str(said.uint(1) & _BATTERY_MAX)})
    if said := fields.message(_TRACK):
        values = {name: said.double(at) for at, name in enumerate(_TRACK_ATTRIBUTES, 1)}
        yield Element("track", {k: number_text(v) for k, v in values.items() if math.isfinite(v)})


def _read_texts(element: str, attributes: tuple[str, ...], said: Fields) -> Element:
    values = {name: lawful(said.text(field)) for field, name in enumerate(attributes, 1)}
    if element == "contact" and not values["endpoint"]:
        del values["endpoint"]
    return Element(element, values)
