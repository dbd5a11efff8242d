"""The rules of docs/protocol.md, one by one, on the server's side of a connection."""

from __future__ import annotations

from typing import Any

import pytest

from devices.session import DeviceSession, Phase
from devices.session_events import (
    Downlink,
    Duplicate,
    Gap,
    HelloReceived,
    LocationReceived,
    PingReceived,
    RecordRefused,
    StateReceived,
)
from devices.session_flow import SessionLimits
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
    State,
    Welcome,
    decode_server,
    encode,
)

UNIX_MS = 1_790_000_000_000


def a_hello(**changes: Any) -> Hello:
    fields: dict[str, Any] = {"dev": "cam-07", "inst": "i1", "epoch": "e1"}
    return Hello(**fields | changes)


def a_fix(n: int) -> Location:
    return Location(n=n, at=UNIX_MS, lat=27.5, lon=100.2, bat=63)


def a_step(n: int) -> State:
    return State(n=n, id="c1", s=Report.RECEIVED, at=UNIX_MS)


def a_command(seq: int, text: str = "") -> Downlink:
    body = {"text": text} if text else {}
    return Downlink(seq=seq, id=f"c{seq}", kind="task", priority="routine", body=body)


def new(now: float = 0, **limits: Any) -> DeviceSession:
    return DeviceSession(SessionLimits(**limits), now=now)


def live(
    *, cur: int = 0, head: int = 0, up: int = 0, resumed: bool = True, **limits: Any
) -> DeviceSession:
    """A session that has just sent its welcome, at 0 s."""
    session = new(**limits)
    say(session, a_hello(cur=cur))
    session.events()
    session.welcome(epoch="e1", resumed=resumed, head_seq=head, up_n=up, now=0, unix_ms=UNIX_MS)
    sent(session)
    return session


def say(session: DeviceSession, *messages: ClientMessage, now: float = 0) -> None:
    for message in messages:
        session.receive(encode(message), now)


def sent(session: DeviceSession) -> list[ServerMessage]:
    return [decode_server(frame) for frame in session.data_to_send()]


# -- hello and welcome -------------------------------------------------------------------


@pytest.mark.parametrize("first", [a_fix(1), a_step(1), Ping(i=1)])
def test_anything_before_hello_breaks_the_protocol(first: ClientMessage) -> None:
    session = new()

    say(session, first)

    assert session.closing is not None
    assert (session.closing.code, session.closing.reason) == (4003, "say hello first")
    assert session.events() == []


def test_nothing_is_sent_before_the_hello_is_answered() -> None:
    session = new()

    say(session, a_hello())

    assert session.events() == [HelloReceived(hello=a_hello())]
    assert session.data_to_send() == []


def test_welcome_tells_where_both_logs_stand() -> None:
    session = new()
    say(session, a_hello(cur=3))

    session.welcome(epoch="e1", resumed=True, head_seq=5, up_n=9, now=0, unix_ms=UNIX_MS)

    assert sent(session) == [Welcome(epoch="e1", resumed=True, head=5, up=9, hb=45, now=UNIX_MS)]


def test_no_hello_in_time_closes() -> None:
    session = new(now=100)

    assert session.next_deadline() == 110
    session.expire(110)

    assert session.closing is not None
    assert session.closing.code == 4003


def test_second_hello_before_the_welcome_is_answered_by_the_same_welcome() -> None:
    session = new()

    say(session, a_hello(), a_hello())

    assert session.events() == [HelloReceived(hello=a_hello())]


def test_hello_again_drops_what_was_queued_and_starts_over() -> None:
    session = live(head=2)
    session.queue([a_command(1), a_command(2)], 0)

    say(session, a_hello(cur=1))

    assert session.phase is Phase.OPENING
    assert session.data_to_send() == []
    session.welcome(epoch="e1", resumed=True, head_seq=2, up_n=0, now=0, unix_ms=UNIX_MS)
    session.queue([a_command(2)], 0)
    assert sent(session)[1] == Command(seq=2, prev=1, id="c2", kind="task")


def test_nothing_owed_from_before_leaves_between_hello_again_and_its_welcome() -> None:
    session = live(up=5)
    say(session, a_fix(4))
    say(session, a_fix(4), now=0.5)
    sent(session)

    say(session, a_hello(), Ping(i=1), now=0.6)
    session.expire(10)
    session.ack(9, 10)
    session.pong(1, 10, unix_ms=UNIX_MS)

    assert session.data_to_send() == []
    assert [type(event) for event in session.events()][-1] is HelloReceived


def test_hello_as_another_device_closes() -> None:
    session = live()

    say(session, a_hello(dev="cam-08"))

    assert session.closing is not None
    assert session.closing.code == 4003


# -- down --------------------------------------------------------------------------------


def test_commands_name_the_one_before() -> None:
    session = live(cur=412, head=415)

    session.queue([a_command(413), a_command(414), a_command(415)], 0)

    frames = sent(session)
    assert [(c.prev, c.seq) for c in frames if isinstance(c, Command)] == [
        (412, 413),
        (413, 414),
        (414, 415),
    ]


def test_not_resumed_chains_open_commands_from_zero_and_goes_on_after_the_head() -> None:
    session = live(cur=99, head=9, resumed=False)

    session.queue([a_command(4), a_command(7)], 0)
    session.skip_to(9)
    session.queue([a_command(10)], 0)

    chain = [(c.prev, c.seq) for c in sent(session) if isinstance(c, Command)]
    assert chain == [(0, 4), (4, 7), (7, 10)]
    assert session.read_seq == 10


def test_command_sent_before_is_passed_over() -> None:
    session = live(head=1)
    session.queue([a_command(1)], 0)
    sent(session)

    dealt_with = session.queue([a_command(1)], 0)

    assert dealt_with == 1
    assert sent(session) == []


def test_queue_takes_what_there_is_room_for_and_the_log_keeps_the_rest() -> None:
    session = live(head=3, send_queue_bytes_max=1000)
    commands = [a_command(seq, "x" * 400) for seq in (1, 2, 3)]

    taken = session.queue(commands, 0)

    assert (taken, session.read_seq, session.closing) == (2, 2, None)
    sent(session)
    assert session.queue(commands[taken:], 0) == 1
    assert [c.prev for c in sent(session) if isinstance(c, Command)] == [2]


def test_a_command_larger_than_the_queue_still_goes_alone() -> None:
    session = live(head=1, send_queue_bytes_max=100)

    assert session.queue([a_command(1, "x" * 400)], 0) == 1


def test_sent_commands_are_told_once_when_their_frames_leave() -> None:
    session = live(head=2)
    session.queue([a_command(1), a_command(2)], 0)
    assert session.commands_sent() == []

    session.data_to_send()

    assert session.commands_sent() == ["c1", "c2"]
    assert session.commands_sent() == []


# -- up ----------------------------------------------------------------------------------


def test_records_come_out_in_order() -> None:
    session = live(up=30)

    say(session, a_fix(31), a_step(32))

    assert session.events() == [
        LocationReceived(location=a_fix(31)),
        StateReceived(state=a_step(32)),
    ]


def test_record_is_not_acknowledged_before_it_is_durable() -> None:
    session = live()

    say(session, a_fix(1))

    assert sent(session) == []
    session.ack(1, 0)
    assert sent(session) == [Ack(up=1)]


def test_duplicate_is_acknowledged_again_but_only_what_is_durable() -> None:
    session = live(up=5)
    say(session, a_fix(6))
    session.events()

    say(session, a_fix(6))
    say(session, a_fix(4), now=0.5)

    assert session.events() == [Duplicate(n=6), Duplicate(n=4)]
    assert sent(session) == [Ack(up=5)]
    session.expire(1)
    assert sent(session) == [Ack(up=5)]


def test_gap_is_not_acknowledged_and_the_missing_record_is_still_taken() -> None:
    session = live()

    say(session, a_fix(2), a_fix(1), a_fix(2))

    assert session.events() == [
        Gap(n=2, expected=1),
        LocationReceived(location=a_fix(1)),
        LocationReceived(location=a_fix(2)),
    ]
    assert session.closing is None
    assert sent(session) == []


def test_record_between_hello_and_welcome_waits_for_the_resend() -> None:
    session = new()

    say(session, a_hello(), a_fix(1))

    assert session.events()[1:] == [Gap(n=1, expected=1)]
    assert session.last_n == 0


@pytest.mark.parametrize(
    "frame",
    [
        '{"t":"up","k":"loc","n":1,"at":1,"lat":91,"lon":0}',
        '{"t":"up","k":"loc","n":1,"at":1,"lat":0,"lon":0,"bat":"full"}',
        '{"t":"up","k":"state","n":1,"id":"x","s":"teleported","at":1}',
        '{"t":"up","k":"unheard-of","n":1}',
    ],
)
def test_numbered_nonsense_is_stepped_over(frame: str) -> None:
    session = live()

    session.receive(frame, 0)
    say(session, a_fix(2))

    assert session.events() == [
        RecordRefused(n=1, reason="malformed"),
        LocationReceived(location=a_fix(2)),
    ]


@pytest.mark.parametrize(
    "frame",
    [
        "",
        "{",
        "[]",
        '{"t":"unheard-of"}',
        '{"t":"up","k":"loc","n":-1}',
        '{"t":"up","k":"loc","at":1,"lat":0,"lon":0}',
        '{"t":"up","n":1,"note":"' + "x" * FRAME_BYTES_MAX + '"}',
        '{"t":"ping","i":1,"x":' + "[" * 8_000 + "]" * 8_000 + "}",
        '{"t":"up","n":1,"x":' + '{"a":' * 2_500 + "1" + "}" * 2_500 + "}",
    ],
)
def test_malformed_frame_closes(frame: str) -> None:
    session = live()

    session.receive(frame, 0)

    assert session.closing is not None
    assert session.closing.code == 4003
    assert session.events() == []


def test_acks_are_cumulative_and_at_most_one_a_second() -> None:
    session = live()
    say(session, *[a_fix(n) for n in range(1, 11)])

    session.ack(1, 0)
    session.ack(4, 0.2)
    session.ack(9, 0.4)

    assert sent(session) == [Ack(up=1)]
    assert session.next_deadline() == 1
    session.expire(1)
    assert sent(session) == [Ack(up=9)]


def test_fifty_waiting_records_are_acknowledged_at_once() -> None:
    session = live()
    say(session, *[a_fix(n) for n in range(1, 61)])
    session.ack(1, 0)
    sent(session)

    session.ack(50, 0.1)
    assert sent(session) == []
    session.ack(51, 0.1)

    assert sent(session) == [Ack(up=51)]


def test_ack_never_goes_back() -> None:
    session = live(up=7)

    session.ack(3, 0)

    assert session.acked_n == 7
    assert sent(session) == []


# -- life and death ----------------------------------------------------------------------


def test_ping_is_answered() -> None:
    session = live()

    say(session, Ping(i=7, bat=62))

    assert session.events() == [PingReceived(i=7, battery_pct=62)]
    session.pong(7, 0, unix_ms=UNIX_MS)
    assert sent(session) == [Pong(i=7, now=UNIX_MS)]


def test_silence_of_two_heartbeats_is_death() -> None:
    session = live()
    say(session, Ping(i=1), now=60)

    session.expire(149)
    assert session.closing is None
    assert session.next_deadline() == 150
    session.expire(150)

    assert session.closing is not None
    assert session.closing.code == 1001


def test_reader_that_takes_nothing_for_long_is_slow() -> None:
    session = live(head=1)
    session.queue([a_command(1)], 10)

    assert session.next_deadline() == 40
    session.expire(40)

    assert session.closing is not None
    assert session.closing.code == 4004


def test_full_queue_closes_when_a_frame_cannot_wait_in_the_log() -> None:
    session = live(send_queue_bytes_max=100)

    for i in range(10):
        session.pong(i, 0, unix_ms=UNIX_MS)

    assert session.closing is not None
    assert session.closing.code == 4004
    assert session.queue_bytes == 0


def test_flood_slows_reading_down_instead_of_closing() -> None:
    session = live(frames_per_s_max=10, frames_burst_max=100, hello_cost_frames=1)

    say(session, *[a_fix(n) for n in range(1, 100)])
    assert session.throttle_s(0) == 0
    say(session, *[a_fix(n) for n in range(100, 106)])

    assert session.throttle_s(0) == pytest.approx(0.6)
    assert session.throttle_s(0.6) == pytest.approx(0)
    assert session.closing is None


def test_first_reason_to_close_stands_and_nothing_follows_it() -> None:
    session = live(head=1)
    session.queue([a_command(1)], 0)

    session.close(4001, "replaced")
    session.close(4005, "stopping")
    say(session, a_fix(1))
    session.ack(1, 0)
    session.pong(1, 0, unix_ms=UNIX_MS)

    assert session.closing is not None
    assert session.closing.code == 4001
    assert session.events() == []
    assert session.data_to_send() == []
    assert session.next_deadline() is None


# -- the heartbeat follows the shift ------------------------------------------------------


def test_device_off_duty_may_be_silent_for_longer() -> None:
    session = new()
    say(session, a_hello())
    session.welcome(
        epoch="e1", resumed=True, head_seq=0, up_n=0, now=0, unix_ms=UNIX_MS, on_duty=False
    )

    (welcome,) = sent(session)

    assert isinstance(welcome, Welcome)
    assert welcome.hb == 240
    session.expire(479)
    assert session.closing is None
    session.expire(480)
    assert session.closing is not None


def test_change_of_shift_is_told_once_and_counts_from_then() -> None:
    session = new()
    say(session, a_hello())
    session.welcome(
        epoch="e1", resumed=True, head_seq=0, up_n=0, now=0, unix_ms=UNIX_MS, on_duty=False
    )
    sent(session)

    session.set_duty(on_duty=True, now=200, unix_ms=UNIX_MS)
    session.set_duty(on_duty=True, now=201, unix_ms=UNIX_MS)

    assert sent(session) == [Pong(i=0, now=UNIX_MS, hb=45)]
    assert session.next_deadline() == 290
