"""The native wire format: what is sent is what arrives, and nothing malformed gets in."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.errors import FrameTooLarge, ProtocolError
from protocols.native import (
    FRAME_BYTES_MAX,
    Ack,
    ClientMessage,
    Command,
    Hello,
    Location,
    Ping,
    Pong,
    Report,
    ServerMessage,
    Sos,
    State,
    Welcome,
    decode_client,
    decode_server,
    encode,
    salvage_sos,
)

ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=64)
counts = st.integers(0, 2**53)
millis = st.integers(0, 253_402_300_799_999)
percents = st.none() | st.integers(0, 100)
text = st.text(max_size=200)

client_messages: st.SearchStrategy[ClientMessage] = st.one_of(
    st.builds(Hello, dev=ids, inst=ids, epoch=st.text(max_size=64), cur=counts, bat=percents),
    st.builds(
        Location,
        n=counts,
        at=millis,
        lat=st.floats(-90, 90),
        lon=st.floats(-180, 180),
        acc=st.none() | st.floats(0, 1000),
        bat=percents,
        chg=st.booleans(),
    ),
    st.builds(State, n=counts, id=ids, s=st.sampled_from(Report), at=millis, note=text),
    st.builds(Sos, n=counts, id=ids, at=st.none() | millis, note=text, bat=percents),
    st.builds(Ping, i=counts, bat=percents),
)
server_messages: st.SearchStrategy[ServerMessage] = st.one_of(
    st.builds(
        Welcome,
        epoch=ids,
        resumed=st.booleans(),
        head=counts,
        up=counts,
        hb=st.just(45),
        now=millis,
    ),
    st.builds(
        Command,
        seq=counts,
        prev=counts,
        id=ids,
        kind=st.just("task"),
        body=st.just({"a": ["救援", 1]}),
    ),
    st.builds(Ack, up=counts),
    st.builds(Pong, i=counts, now=millis),
)


@given(client_messages)
def test_device_message_survives_the_wire(message: ClientMessage) -> None:
    assert decode_client(encode(message)) == message


@given(server_messages)
def test_server_message_survives_the_wire(message: ServerMessage) -> None:
    assert decode_server(encode(message).decode()) == message


def test_uplink_record_carries_both_tags() -> None:
    record = json.loads(encode(Location(n=7, at=1, lat=42.5, lon=1.5)))

    assert (record["t"], record["k"], record["n"]) == ("up", "loc", 7)


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "null",
        "[]",
        "{",
        b"\xff\xfe",
        '{"t":"unheard-of"}',
        '{"t":"cmd","seq":1,"prev":0,"id":"x","kind":"task"}',
        '{"t":"hello","dev":"","inst":"i"}',
        '{"t":"hello","dev":"cam-1","inst":"i","cur":-1}',
        '{"t":"up","k":"loc","n":1,"at":1,"lat":91,"lon":0}',
        '{"t":"up","k":"loc","n":1,"at":1,"lat":NaN,"lon":0}',
        '{"t":"up","k":"loc","n":1,"at":1,"lat":0,"lon":0,"bat":"full"}',
        '{"t":"up","k":"state","n":1,"id":"x","s":"teleported","at":1}',
        '{"t":"up","k":"unheard-of","n":1}',
        '{"t":"up","n":1}',
    ],
)
def test_malformed_frame_is_a_protocol_error(frame: str | bytes) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode_client(frame)

    assert caught.value.code == 4003
    assert len(caught.value.reason.encode()) <= 123


@given(st.binary(max_size=300))
def test_noise_is_a_protocol_error_and_nothing_else(noise: bytes) -> None:
    for decode in (decode_client, decode_server):
        try:
            decode(noise)
        except ProtocolError:
            continue


def test_frame_over_the_limit_is_refused_unread() -> None:
    for frame in ("x" * (FRAME_BYTES_MAX + 1), "山" * (FRAME_BYTES_MAX // 3 + 1)):
        with pytest.raises(FrameTooLarge):
            decode_client(frame)


def test_limit_counts_bytes_not_characters() -> None:
    state = State(n=1, id="x", s=Report.FEEDBACK, at=1, note="山" * 2000)

    assert decode_client(encode(state)) == state


def test_a_malformed_call_for_help_keeps_what_can_be_believed() -> None:
    frame = '{"t":"up","k":"sos","n":7,"id":"c1","bat":153,"lat":42.5,"lon":1.5,"by":["B-1"]}'

    assert salvage_sos(frame) == Sos(n=7, id="c1", lat=42.5, lon=1.5)


@pytest.mark.parametrize(
    "frame",
    ['{"t":"up","k":"loc","n":7}', '{"t":"up","k":"sos"}', '{"t":"up","k":"sos","n":-1}', "SOS"],
    ids=["a fix", "no number", "impossible number", "no JSON"],
)
def test_nothing_is_salvaged_from_what_is_no_numbered_call(frame: str) -> None:
    assert salvage_sos(frame) is None
