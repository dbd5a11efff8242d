"""A stream of Cursor on Target gives the same events however the network cuts it, and no more."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.cot import control
from protocols.cot.event import EVENT_BYTES_MAX, Event
from protocols.cot.messages import write_frame
from protocols.cot.stream import (
    BAD_IN_A_ROW_MAX,
    JUNK_BYTES_MAX,
    SKIPPED_BYTES_MAX,
    BadEvent,
    Stream,
)
from protocols.cot.xmltext import DECLARATION, write_document, write_event
from tests.protocols.cot_events import NOW, a_unit_report, events, events_of, taken

PONG = control.pong(NOW)
ONE, TWO = a_unit_report("one"), a_unit_report("two")


def in_pieces(blob: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(blob), *(cut % (len(blob) + 1) for cut in cuts)})
    return [blob[a:b] for a, b in pairwise(edges)]


def an_event(detail: str, uid: str = "odd") -> bytes:
    head = f'<event version="2.0" uid="{uid}" type="a-f-G" how="m-g" time="2026-11-23T03:00:00Z" '
    times = 'start="2026-11-23T03:00:00Z" stale="2026-11-23T03:05:00Z">'
    point = '<point lat="1" lon="2" hae="3" ce="4" le="5"/>'
    return f"{head}{times}{point}<detail>{detail}</detail></event>".encode()


@pytest.mark.parametrize("between", [b"", b"\n", b" \r\n\t", b"\xef\xbb\xbf", DECLARATION * 2])
def test_events_stand_back_to_back_with_anything_harmless_between(between: bytes) -> None:
    blob = between + write_event(ONE) + between + write_event(TWO) + between

    assert taken(Stream(), blob) == [ONE, TWO]


@pytest.mark.parametrize(
    "detail",
    [
        "<remarks><![CDATA[</event><event>]]></remarks>",
        "<!-- </event> <event> ' \" -->",
        "<x a='/event>' b=\"it's &lt;/event>\"/>",
        "<event><event/>inner</event>",
        "<?target </event> ?>",
        "<eventual/>",
    ],
)
def test_an_end_within_is_not_the_end(detail: str) -> None:
    blob = an_event(detail) + write_event(TWO)

    whole = taken(Stream(), blob)
    bytewise = taken(Stream(), *(bytes((byte,)) for byte in blob))

    assert [event.uid for event in events_of(whole)] == ["odd", "two"]
    assert bytewise == whole


@settings(deadline=None)
@given(st.lists(events, max_size=4), st.lists(st.integers(0, 10**6), max_size=12), st.data())
def test_any_split_gives_the_same_events(
    said: list[Event], cuts: list[int], data: st.DataObject
) -> None:
    writers = [data.draw(st.sampled_from([write_document, write_event])) for _ in said]
    blob = b"".join(write(event) for write, event in zip(writers, said, strict=True))
    frames = b"".join(write_frame(event) for event in said)

    assert taken(Stream(), *in_pieces(blob, cuts)) == said
    assert taken(Stream(), *in_pieces(frames, cuts)) == taken(Stream(), frames)
    assert len(taken(Stream(), frames)) == len(said)


@settings(deadline=None)
@given(st.binary(max_size=300), st.lists(st.integers(0, 10**6), max_size=6), st.data())
def test_junk_is_told_and_passed_whatever_its_split(
    junk: bytes, cuts: list[int], data: st.DataObject
) -> None:
    blob = data.draw(st.sampled_from([b"", write_document(ONE)])) + junk

    whole = taken(Stream(), blob)

    assert taken(Stream(), *in_pieces(blob, cuts)) == whole


@settings(deadline=None, max_examples=300)
@given(st.integers(0, 10**6), st.integers(1, 255), st.booleans())
def test_a_flipped_byte_costs_no_more_than_its_neighbours(
    place: int, flip: int, as_xml: bool
) -> None:
    write = write_document if as_xml else write_frame
    blob = bytearray(b"".join(write(a_unit_report(str(n))) for n in range(4)))
    blob[place % len(blob)] ^= flip
    stream = Stream()

    items = taken(stream, bytes(blob))

    assert len(items) <= 40
    assert stream.buffered <= len(blob)
    if as_xml and not stream.is_broken and stream.end() is None:
        assert len(events_of(items)) >= 2


def test_an_event_cut_short_does_not_swallow_the_next() -> None:
    blob = write_document(ONE)[:-30] + write_document(TWO)

    items = taken(Stream(), blob)

    assert items == [BadEvent(reason="an event is cut short by the next"), TWO]


def test_another_document_is_passed_over() -> None:
    blob = b"<auth><cot username='a' password='b'/></auth>" + write_document(ONE)

    assert taken(Stream(), blob) == [BadEvent(reason="not an event: auth"), ONE]


def test_a_stream_may_change_to_protobuf_after_any_event() -> None:
    blob = write_document(ONE) + b"\n" + write_frame(TWO) + write_document(PONG)

    assert [event.uid for event in events_of(taken(Stream(), blob))] == ["one", "two", "takPong"]


def test_a_frame_without_an_event_is_silent() -> None:
    only_control = b"\xbf\x04\x0a\x02\x10\x01"

    assert taken(Stream(), only_control + write_frame(PONG)) == [PONG]


# -- bounds ----------------------------------------------------------------------------------------


def test_an_event_too_long_is_passed_over_in_bounded_memory() -> None:
    stream = Stream()
    long = an_event(f"<remarks>{'x' * (2 * EVENT_BYTES_MAX)}</remarks>") + write_event(TWO)
    chunks = [long[at : at + 4096] for at in range(0, len(long), 4096)]
    most = 0
    items = []

    for chunk in chunks:
        items += taken(stream, chunk)
        most = max(most, stream.buffered)

    assert items == [BadEvent(reason=f"an event of more than {EVENT_BYTES_MAX} bytes"), TWO]
    assert most <= EVENT_BYTES_MAX + 4096


def test_a_tag_too_long_is_passed_over_as_well() -> None:
    long = an_event(f'<x a="{"y" * EVENT_BYTES_MAX}"/>') + write_event(TWO)

    items = taken(Stream(), *(long[at : at + 1000] for at in range(0, len(long), 1000)))

    assert [type(item) for item in items] == [BadEvent, Event]


def test_a_frame_too_long_is_passed_over() -> None:
    size = EVENT_BYTES_MAX + 1
    frame = b"\xbf" + bytes((size & 0x7F | 0x80, size >> 7 & 0x7F | 0x80, size >> 14)) + b"z" * size
    stream = Stream()

    items = taken(stream, frame[:1000], frame[1000:] + write_frame(PONG))

    assert items == [BadEvent(reason=f"an event of more than {EVENT_BYTES_MAX} bytes"), PONG]


def test_an_event_without_an_end_breaks_the_stream() -> None:
    stream = Stream()
    items = taken(stream, b"<event><![CDATA[")
    chunk = b"x" * 65_536

    for _ in range(SKIPPED_BYTES_MAX // len(chunk) + 2):
        items += taken(stream, chunk)
        assert stream.buffered <= EVENT_BYTES_MAX + len(chunk)

    assert stream.is_broken
    assert [item.is_fatal for item in items if isinstance(item, BadEvent)] == [True]
    assert taken(stream, write_document(ONE)) == []


@pytest.mark.parametrize("frame", [b"\xbf" + b"\xff" * 10, b"\xbf\xff\xff\xff\xff\x0f"])
def test_an_impossible_length_breaks_the_stream(frame: bytes) -> None:
    stream = Stream()

    items = taken(stream, frame)

    assert stream.is_broken
    assert len(items) == 1


def test_endless_junk_breaks_the_stream() -> None:
    stream = Stream()

    items = [item for _ in range(JUNK_BYTES_MAX // 1000 + 1) for item in taken(stream, b"j" * 1000)]

    assert stream.is_broken
    assert len(items) == 2


def test_white_space_alone_never_breaks_it() -> None:
    stream = Stream()

    for _ in range(100):
        assert taken(stream, b" \n" * 1000) == []

    assert taken(stream, write_event(ONE)) == [ONE]


def test_a_flood_of_bad_events_breaks_the_stream() -> None:
    stream = Stream()

    items = taken(stream, b"<a/>" * 10_000)

    assert len(items) == BAD_IN_A_ROW_MAX
    assert stream.is_broken


def test_a_good_event_between_bad_ones_keeps_it_open() -> None:
    stream = Stream()
    blob = (b"<a/>" * (BAD_IN_A_ROW_MAX - 1) + write_event(ONE)) * 3

    items = taken(stream, blob)

    assert len(events_of(items)) == 3
    assert not stream.is_broken


@pytest.mark.parametrize("rest", [b"", b"  \n"])
def test_an_end_between_events_is_no_loss(rest: bytes) -> None:
    stream = Stream()
    taken(stream, write_document(ONE) + rest)

    assert stream.end() is None


@pytest.mark.parametrize("rest", [b"<", b"\xbf", write_document(TWO)[:-1], write_frame(TWO)[:-1]])
def test_an_end_within_an_event_is_told(rest: bytes) -> None:
    stream = Stream()
    taken(stream, write_document(ONE) + rest)

    assert stream.end() == BadEvent(reason="the last event is cut short", is_fatal=True)
