"""Events of Cursor on Target for tests: ready ones, and a strategy for any."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from protocols.cot import chat, units
from protocols.cot.event import Element, Event, Point
from protocols.cot.stream import BadEvent, Stream

NOW = datetime(2026, 11, 23, 3, 0, 0, 123_000, tzinfo=UTC)
POINT = Point(lon=104.900456, lat=28.650123, hae_m=1312.0, ce_m=8.0)


def a_unit_report(uid: str = "bwc-1", callsign: str = "队员一") -> Event:
    unit = units.Unit(
        callsign=callsign,
        endpoint=units.CHAT_ENDPOINT,
        battery_pct=37,
        speed_mps=3.5,
        course_deg=271.0,
        team="Cyan",
        role="Team Member",
        device="BWC",
        platform="gateway",
        os="1",
        version="1.0",
    )
    return units.unit_report(uid, unit, point=POINT, at=NOW, valid=timedelta(minutes=5))


def a_message(text: str = "去2号卡点") -> chat.Message:
    return chat.Message(
        id="01JD4M",
        sender_uid="X",
        sender_callsign="指挥中心",
        to="D",
        room="队员一",
        text=text,
        sent_at=NOW,
        destinations=(chat.Destination(callsign="队员一"),),
    )


def taken(stream: Stream, *chunks: bytes) -> list[Event | BadEvent]:
    """What a stream makes of these bytes, in these pieces."""
    items: list[Event | BadEvent] = []
    for chunk in chunks:
        stream.receive(chunk)
        while (item := stream.next()) is not None:
            items.append(item)
    return items


def events_of(items: list[Event | BadEvent]) -> list[Event]:
    return [item for item in items if isinstance(item, Event)]


# -- any event -------------------------------------------------------------------------------------

_lawful = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff")
words = st.text(_lawful, min_size=1, max_size=20)
names = st.text("abcdefghijklmnopqrstuvwxyz_", min_size=1, max_size=12)
texts = st.text(_lawful | st.sampled_from("\t\n\r<>&\"'"), max_size=40)
_millis = st.integers(1, 4_102_444_800_000)
instants = _millis.map(lambda ms: datetime.fromtimestamp(0, UTC) + timedelta(milliseconds=ms))
_metres = st.none() | st.floats(0, 20_000)
points = st.builds(
    Point,
    lon=st.floats(-180, 180),
    lat=st.floats(-90, 90),
    hae_m=_metres,
    ce_m=_metres,
    le_m=_metres,
)
elements = st.recursive(
    st.builds(Element, names, st.dictionaries(names, texts, max_size=4), st.just(()), texts, texts),
    lambda inner: st.builds(
        Element,
        names,
        st.dictionaries(names, texts, max_size=3),
        st.lists(inner, max_size=3).map(tuple),
        texts,
        texts,
    ),
    max_leaves=8,
)
known_elements = st.one_of(
    st.builds(Element, st.just("contact"), st.fixed_dictionaries({"callsign": words})),
    st.builds(Element, st.just("__group"), st.fixed_dictionaries({"name": words, "role": words})),
    st.integers(0, 100).map(lambda pct: Element("status", {"battery": str(pct)})),
    st.builds(
        Element,
        st.just("takv"),
        st.fixed_dictionaries(dict.fromkeys(("device", "platform", "os", "version"), words)),
    ),
    st.integers(0, 300).map(lambda mps: Element("track", {"speed": str(mps), "course": "7.25"})),
)
events = st.builds(
    Event,
    uid=words,
    type=words,
    how=words,
    time_at=instants,
    start_at=instants,
    stale_at=instants,
    point=points,
    detail=st.lists(elements | known_elements, max_size=4).map(
        lambda children: Element("detail", {}, tuple(children))
    ),
    marks=st.dictionaries(st.sampled_from(["access", "qos", "opex"]), words),
)
