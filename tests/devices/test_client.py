"""The reference device client, rule by rule."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest

from devices.client import STORE_AGAIN_S, DeviceClient
from devices.client_events import (
    CommandArrived,
    CommandMissed,
    Connected,
    Disconnected,
    NoticeArrived,
    OrderEnded,
    Stopped,
    StoreTrouble,
    Unrecovered,
)
from devices.errors import OrderOver, UnknownCommand
from devices.inbox import INBOX_LEN_MAX
from devices.link import HELLOS_MAX, WELCOME_S_MAX, Phase
from devices.link_timers import BACKOFF_S_MAX, RESEND_S_FIRST
from devices.storage import Crash, Fault, MemoryStorage
from protocols import native
from protocols.native import (
    Ack,
    CloseCode,
    Command,
    Hello,
    Limits,
    Location,
    Ping,
    Pong,
    Report,
    ServerMessage,
    Sos,
    State,
    Welcome,
)

SERVER_MS = 1_790_000_000_000


def a_client(
    storage: MemoryStorage | None = None, *, seed: int = 1, now: float = 0.0, **more: Any
) -> DeviceClient:
    return DeviceClient(
        device_id="cam-1",
        storage=storage if storage is not None else MemoryStorage(),
        rng=random.Random(seed),
        now=now,
        **more,
    )


def a_welcome(**changes: Any) -> Welcome:
    fields: dict[str, Any] = {"epoch": "e1", "resumed": False, "head": 0, "up": 0, "hb": 45}
    return Welcome(**(fields | {"now": SERVER_MS} | changes))


def a_task(seq: int, *, prev: int | None = None, **changes: Any) -> Command:
    fields: dict[str, Any] = {"id": f"c{seq}", "kind": "task", "body": {"order": f"o{seq}"}}
    return Command(seq=seq, prev=seq - 1 if prev is None else prev, **(fields | changes))


def a_fix(at_s: float) -> Location:
    return Location(n=0, at=SERVER_MS + round(at_s * 1000), lat=42.5, lon=1.5)


def connect(client: DeviceClient, now: float = 0.0) -> Hello:
    client.connecting()
    client.connected(now)
    (hello,) = sent(client, now)
    assert isinstance(hello, Hello)
    return hello


def go_live(client: DeviceClient, now: float = 0.0, **welcome: Any) -> Hello:
    hello = connect(client, now)
    give(client, a_welcome(**welcome), now)
    assert client.phase is Phase.LIVE
    return hello


def give(client: DeviceClient, message: ServerMessage, now: float = 0.0) -> None:
    client.receive(native.encode(message), now)


def sent(client: DeviceClient, now: float = 0.0) -> list[native.ClientMessage]:
    return [native.decode_client(frame) for frame in client.frames_to_send(now)]


def sent_records(client: DeviceClient, now: float = 0.0) -> list[Location | State]:
    return [each for each in sent(client, now) if isinstance(each, Location | State)]


def cut(client: DeviceClient, now: float = 0.0, code: int | None = None, reason: str = "") -> None:
    client.disconnected(now, code=code, reason=reason)


# -- greeting --------------------------------------------------------------------------------


def test_hello_comes_first_and_alone() -> None:
    client = a_client(token="secret", app="test", caps=("tts",))
    client.battery_pct = 63
    client.report_location(a_fix(0), now=0.0)

    hello = connect(client)

    assert (hello.dev, hello.tok, hello.cur, hello.epoch, hello.bat) == (
        "cam-1",
        "secret",
        0,
        "",
        63,
    )
    assert len(hello.inst) == 24
    assert sent(client) == []


def test_records_flow_after_the_welcome() -> None:
    client = a_client()
    client.report_location(a_fix(0), now=0.0)
    go_live(client)

    (record,) = sent_records(client)

    assert record.n == 1
    assert isinstance(client.events()[0], Connected)


def test_install_id_stays_with_the_store() -> None:
    storage = MemoryStorage()
    first = connect(a_client(storage)).inst

    assert connect(a_client(storage)).inst == first
    assert connect(a_client(seed=2)).inst != first


def test_missing_welcome_closes() -> None:
    client = a_client()
    connect(client)

    assert client.next_deadline() == WELCOME_S_MAX
    client.expire(WELCOME_S_MAX)

    assert client.closing == (1001, "no welcome")


def test_repeated_welcome_is_ignored() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))

    give(client, a_welcome(epoch="e2"))

    assert client.inbox.cursor.epoch == "e1"
    assert client.inbox.cursor.seq == 1


# -- commands --------------------------------------------------------------------------------


def test_command_is_stored_receipted_and_shown() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    client.events()

    give(client, a_task(1), now=2.0)

    (arrived,) = client.events()
    assert arrived == CommandArrived(command=a_task(1), again=False)
    (receipt,) = sent_records(client, 2.0)
    assert receipt == State(n=1, id="c1", s=Report.RECEIVED, at=SERVER_MS + 2000)
    assert {"in/c1", "cursor"} <= storage.entries.keys()


def test_command_is_not_shown_when_it_could_not_be_stored() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    client.events()

    storage.next_fault = Fault.FAIL
    give(client, a_task(1))

    (trouble,) = client.events()
    assert isinstance(trouble, StoreTrouble)
    assert client.closing == (1001, "storage failed")
    assert client.inbox.cursor.seq == 0
    cut(client)
    assert go_live(client, resumed=True).cur == 0


@pytest.mark.parametrize("fault", [Fault.CRASH_BEFORE, Fault.CRASH_AFTER])
def test_crash_while_storing_neither_loses_nor_doubles_a_command(fault: Fault) -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    storage.next_fault = fault
    with pytest.raises(Crash):
        give(client, a_task(1))

    reborn = a_client(storage)
    hello = go_live(reborn, resumed=True)
    if hello.cur == 0:
        give(reborn, a_task(1))

    arrived = [each for each in reborn.events() if isinstance(each, CommandArrived)]
    assert [each.command.id for each in arrived] == ["c1"]
    receipts = [each for each in sent_records(reborn) if isinstance(each, State)]
    assert [(each.id, each.s) for each in receipts] == [("c1", Report.RECEIVED)]


def test_repeated_seq_is_ignored() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.events()
    sent(client)

    give(client, a_task(1))

    assert client.events() == []
    assert sent(client) == []


def test_gap_says_hello_again_and_takes_nothing_meanwhile() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.events()
    sent(client)

    give(client, a_task(3))
    (hello,) = sent(client)
    give(client, a_task(4))
    give(client, a_welcome(resumed=True))
    give(client, a_task(2))
    give(client, a_task(3))

    assert isinstance(hello, Hello)
    assert hello.cur == 1
    arrived = [each.command.id for each in client.events() if isinstance(each, CommandArrived)]
    assert arrived == ["c2", "c3"]


def test_log_with_a_hole_is_given_up() -> None:
    client = a_client()
    go_live(client)

    for _ in range(HELLOS_MAX):
        give(client, a_task(3))
        sent(client)
        give(client, a_welcome(resumed=True))

    assert client.closing is not None
    assert client.closing[0] == CloseCode.PROTOCOL


def test_new_epoch_resets_the_cursor_and_keeps_the_inbox() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(7, prev=0))
    client.events()
    sent(client)
    cut(client)

    go_live(client, epoch="e2", resumed=False)
    client.events()
    give(client, a_task(1, id="c7"))
    give(client, a_task(2, id="c8"))

    assert client.inbox.cursor.epoch == "e2"
    assert client.inbox.cursor.seq == 2
    arrived = [each.command.id for each in client.events() if isinstance(each, CommandArrived)]
    assert arrived == ["c8"]


def test_new_epoch_is_told_honestly() -> None:
    client = a_client()
    go_live(client)
    assert not any(isinstance(each, Unrecovered) for each in client.events())
    cut(client)

    go_live(client, epoch="e2", resumed=False)

    assert Unrecovered(commands=True, reports_lost=0) in client.events()


def test_last_step_is_repeated_when_the_server_sends_a_known_command() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.report("c1", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")
    client.report("c1", Report.FEEDBACK, at_ms=SERVER_MS, by="1001", note="on the way")
    sent(client)
    cut(client)

    go_live(client, epoch="e2", resumed=False, up=3)
    give(client, a_task(1))

    (again,) = sent_records(client)
    assert isinstance(again, State)
    assert (again.n, again.s) == (4, Report.ACCEPTED)


def test_expired_task_is_missed_not_done() -> None:
    client = a_client()
    go_live(client)
    client.events()

    give(client, a_task(1, exp=SERVER_MS + 5_000), now=6.0)

    assert [type(each) for each in client.events()] == [CommandMissed]
    with pytest.raises(OrderOver):
        client.report("c1", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")


@pytest.mark.parametrize("reference", ["c1", "o1"])
def test_notice_of_cancellation_ends_the_task(reference: str) -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.events()

    body = {"ref": reference, "why": "cancelled", "text": "false alarm"}
    give(client, a_task(2, kind="notice", body=body))

    (cancelled,) = client.events()
    assert cancelled == OrderEnded(command=a_task(1), why="cancelled", text="false alarm")
    with pytest.raises(OrderOver):
        client.report("c1", Report.EN_ROUTE, at_ms=SERVER_MS, by="1001")


@pytest.mark.parametrize("why", ["cancelled", "expired", "done", "unable", "closed"])
def test_every_end_by_somebody_else_ends_the_task_here(why: str) -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.events()

    give(client, a_task(2, kind="notice", body={"ref": "c1", "why": why}))

    assert client.events() == [OrderEnded(command=a_task(1), why=why, text="")]
    assert client.inbox.unfinished() == []


def test_known_task_that_comes_again_as_a_notice_is_over() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    cut(client)
    go_live(client, epoch="e2", resumed=False)
    client.events()

    give(client, a_task(1, kind="notice", body={"ref": "c1", "why": "closed"}))

    assert client.events() == [OrderEnded(command=a_task(1), why="closed", text="")]


def test_notice_about_nothing_open_is_only_told() -> None:
    client = a_client()
    go_live(client)
    client.events()

    give(client, a_task(1, kind="notice", body={"ref": "x", "why": "expired", "text": "missed"}))

    assert [type(each) for each in client.events()] == [NoticeArrived]


def test_unfinished_orders_are_shown_again_after_a_restart() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    for seq in (1, 2, 3):
        give(client, a_task(seq))
    client.report("c1", Report.SHOWN, at_ms=SERVER_MS)
    client.report("c2", Report.DECLINED, at_ms=SERVER_MS, by="1001", reason="no fuel")

    events = a_client(storage).events()

    assert events == [
        CommandArrived(command=a_task(1), again=True),
        CommandArrived(command=a_task(3), again=False),
    ]


# -- questions, and time ---------------------------------------------------------------------


def a_question(seq: int, *, about: str = "c1", kind: str = "check", **more: Any) -> Command:
    return a_task(seq, kind=kind, body={"ref": about, "order": "o1"}, **more)


@pytest.mark.parametrize("kind", ["recall", "check", "advice"])
@pytest.mark.parametrize("answer", [Report.ACCEPTED, Report.DECLINED])
def test_question_ends_with_its_answer(kind: str, answer: Report) -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    give(client, a_task(1))
    give(client, a_question(2, kind=kind))
    client.report("c2", Report.SHOWN, at_ms=SERVER_MS)

    client.report("c2", answer, at_ms=SERVER_MS, by="1001", reason="why")

    assert [each.command.id for each in client.inbox.unfinished()] == ["c1"]
    assert a_client(storage).events() == [CommandArrived(command=a_task(1), again=False)]
    with pytest.raises(OrderOver):
        client.report("c2", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")


@pytest.mark.parametrize("kind", ["recall", "check", "advice"])
def test_question_ends_with_the_order_it_is_about(kind: str) -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    give(client, a_question(2, kind=kind))
    client.events()

    give(client, a_task(3, kind="notice", body={"ref": "c1", "why": "cancelled"}))
    give(client, a_question(4, kind=kind))

    assert client.inbox.unfinished() == []
    assert client.events() == [
        OrderEnded(command=a_task(1), why="cancelled", text=""),
        OrderEnded(command=a_question(2, kind=kind), why="cancelled", text=""),
    ]


def test_question_ends_when_its_task_is_done() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    give(client, a_question(2))
    client.events()

    client.report("c1", Report.DONE, at_ms=SERVER_MS, by="1001")

    assert client.inbox.unfinished() == []
    assert client.events() == [OrderEnded(command=a_question(2), why="done", text="")]


def test_question_about_an_order_of_another_unit_ends_with_its_own_notice() -> None:
    client = a_client()
    go_live(client)
    asked = a_question(1, about="o9")
    give(client, asked)

    give(
        client, a_task(2, kind="notice", body={"ref": "c1", "why": "closed", "became": "accepted"})
    )

    assert client.inbox.unfinished() == []
    assert client.events()[1:] == [
        CommandArrived(command=asked, again=False),
        OrderEnded(command=asked, why="closed", text=""),
    ]


def test_answered_questions_leave_room_for_orders() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))

    for seq in range(2, INBOX_LEN_MAX + 10):
        give(client, a_question(seq))
        client.report(f"c{seq}", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")
        sent(client)
        give(client, Ack(up=client.outbox.numbers.last))

    assert client.closing is None
    assert [each.command.id for each in client.inbox.unfinished()] == ["c1"]
    assert len(client.inbox) == INBOX_LEN_MAX


@pytest.mark.parametrize("command", [a_task(1), a_question(1)], ids=["task", "question"])
def test_time_runs_out_while_nobody_answers(command: Command) -> None:
    command = msgspec.structs.replace(command, exp=SERVER_MS + 60_000)
    client = a_client()
    go_live(client)
    give(client, command)
    client.report("c1", Report.SHOWN, at_ms=SERVER_MS)
    client.events()
    cut(client, 1.0)
    client.stop()

    assert client.next_deadline() == pytest.approx(60.001)
    client.expire(60.0)
    assert client.inbox.unfinished() != []
    client.expire(client.next_deadline() or 0.0)

    assert client.events()[-1] == CommandMissed(command=command)
    assert client.next_deadline() is None
    with pytest.raises(OrderOver):
        client.report("c1", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")


def test_time_does_not_end_what_was_accepted() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1, exp=SERVER_MS + 60_000))
    client.report("c1", Report.ACCEPTED, at_ms=SERVER_MS, by="1001")

    client.expire(4 * 3600.0)

    client.report("c1", Report.EN_ROUTE, at_ms=SERVER_MS, by="1001")


def test_store_that_fails_when_time_runs_out_is_tried_again_later() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    give(client, a_task(1, exp=SERVER_MS + 1_000))
    client.stop()
    client.events()

    storage.next_fault = Fault.FAIL
    client.expire(2.0)

    assert [type(each) for each in client.events()] == [StoreTrouble]
    assert client.next_deadline() == 2.0 + STORE_AGAIN_S
    client.expire(2.0 + STORE_AGAIN_S)
    assert [type(each) for each in client.events()] == [CommandMissed]


def test_full_inbox_refuses_an_order_and_heeds_the_notice_that_makes_room() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    for seq in range(1, INBOX_LEN_MAX + 1):
        give(client, a_task(seq))
    acknowledged(client)

    give(client, a_task(INBOX_LEN_MAX + 1))

    (refused,) = acknowledged(client)
    assert isinstance(refused, State)
    assert (refused.id, refused.s, bool(refused.reason)) == (
        f"c{INBOX_LEN_MAX + 1}", Report.REFUSED, True,
    )  # fmt: skip
    assert isinstance(client.events()[-1], StoreTrouble)
    assert client.phase is Phase.LIVE
    over = {"ref": "c1", "why": "cancelled"}
    give(client, a_task(INBOX_LEN_MAX + 2, kind="notice", body=over))
    give(client, a_task(INBOX_LEN_MAX + 3))
    assert [each.s for each in acknowledged(client) if isinstance(each, State)] == [
        Report.RECEIVED, Report.RECEIVED,
    ]  # fmt: skip
    ended, arrived = client.events()
    assert (type(ended), type(arrived)) == (OrderEnded, CommandArrived)
    assert a_client(storage).inbox.cursor.seq == INBOX_LEN_MAX + 3


def acknowledged(client: DeviceClient) -> list[Location | State]:
    """What it sends until nothing is left, each of it acknowledged."""
    told: list[Location | State] = []
    while records := sent_records(client):
        told += records
        give(client, Ack(up=client.outbox.numbers.last))
    return told


def test_question_about_an_order_that_was_missed_only_here_is_asked() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1, exp=SERVER_MS + 1_000))
    client.expire(2.0)
    client.events()

    give(client, a_question(2), now=2.0)

    assert client.events() == [CommandArrived(command=a_question(2), again=False)]


# -- reports ---------------------------------------------------------------------------------


def test_persons_step_needs_a_badge_and_declining_a_reason() -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))

    with pytest.raises(ValueError, match="badge"):
        client.report("c1", Report.ACCEPTED, at_ms=SERVER_MS)
    with pytest.raises(ValueError, match="reason"):
        client.report("c1", Report.DECLINED, at_ms=SERVER_MS, by="1001", reason=" ")
    with pytest.raises(UnknownCommand):
        client.report("c9", Report.SHOWN, at_ms=SERVER_MS)


def test_report_survives_a_crash_before_it_was_sent() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    give(client, a_task(1))
    cut(client)
    client.report("c1", Report.SHOWN, at_ms=SERVER_MS)

    reborn = a_client(storage)
    go_live(reborn, resumed=True)

    assert [each.s for each in sent_records(reborn) if isinstance(each, State)] == [
        Report.RECEIVED,
        Report.SHOWN,
    ]


def test_records_are_sent_again_from_the_last_acknowledged_one() -> None:
    client = a_client()
    go_live(client)
    for second in range(4):
        client.report_location(a_fix(second), now=0.0)
    sent(client)
    give(client, Ack(up=1))
    cut(client)

    go_live(client, resumed=True, up=2)

    assert [each.n for each in sent_records(client)] == [3, 4]


def test_number_once_given_stays_with_its_record_through_a_crash() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    client.report_location(a_fix(1), now=0.0)
    (first,) = sent_records(client)

    reborn = a_client(storage)
    go_live(reborn, resumed=True)
    reborn.report_location(a_fix(2), now=0.0)

    again, second = sent_records(reborn)
    assert again == first
    assert second.n == 2


def test_missing_acknowledgement_sends_again_with_growing_patience() -> None:
    client = a_client()
    go_live(client)
    client.report_location(a_fix(0), now=0.0)
    assert [each.n for each in sent_records(client)] == [1]
    assert sent(client, 5.0) == []

    assert client.next_deadline() == RESEND_S_FIRST
    client.expire(RESEND_S_FIRST)
    assert [each.n for each in sent_records(client, RESEND_S_FIRST)] == [1]

    assert client.next_deadline() == RESEND_S_FIRST + 2 * RESEND_S_FIRST
    give(client, Ack(up=1), now=12.0)
    assert len(client.outbox) == 0


def test_acknowledgement_of_what_was_never_sent_closes() -> None:
    client = a_client()
    go_live(client)

    give(client, Ack(up=5))

    assert client.closing is not None
    assert client.closing[0] == CloseCode.PROTOCOL


def test_server_that_lost_its_tail_gets_the_rest_from_there() -> None:
    client = a_client()
    go_live(client)
    for second in range(4):
        client.report_location(a_fix(second), now=0.0)
    sent(client)
    give(client, Ack(up=3))
    cut(client)
    client.events()

    go_live(client, epoch="e2", resumed=False, up=1)

    (record,) = sent_records(client)
    assert (record.n, record.at) == (2, a_fix(2).at)  # the newest went first
    assert Unrecovered(commands=True, reports_lost=2) in client.events()


def test_store_that_was_set_back_becomes_a_new_installation() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    old = dict(storage.entries)
    first = go_live(client).inst
    client.report_location(a_fix(0), now=0.0)
    sent(client)
    storage.entries = old
    reborn = a_client(storage, seed=2)
    reborn.report_location(a_fix(9), now=0.0)

    connect(reborn)
    give(reborn, a_welcome(up=1))
    assert reborn.closing is not None
    cut(reborn)

    assert go_live(reborn, up=0).inst != first
    assert [(each.n, each.at) for each in sent_records(reborn)] == [(1, a_fix(9).at)]


# -- the link --------------------------------------------------------------------------------


def test_quiet_link_is_pinged_then_given_up() -> None:
    client = a_client()
    go_live(client)
    client.battery_pct = 40

    assert client.next_deadline() == 45.0
    client.expire(45.0)
    assert sent(client, 45.0) == [Ping(i=1, bat=40)]
    assert client.closing is None

    assert client.next_deadline() == 90.0
    client.expire(90.0)
    assert client.closing == (1001, "nothing heard for too long")


def test_pong_keeps_the_link() -> None:
    client = a_client()
    go_live(client)
    client.expire(45.0)
    sent(client, 45.0)

    give(client, Pong(i=1, now=SERVER_MS + 46_000), now=46.0)

    assert client.next_deadline() == 90.0
    client.expire(90.0)
    assert sent(client, 90.0) == [Ping(i=2)]
    assert client.closing is None
    assert client.server_ms(47.0) == SERVER_MS + 47_000


def test_acknowledged_records_need_no_ping() -> None:
    client = a_client()
    go_live(client)

    for second in range(10, 200, 10):
        client.expire(float(second))
        client.report_location(a_fix(second), now=float(second))
        frames = sent(client, float(second))
        assert not any(isinstance(each, Ping) for each in frames)
        give(client, Ack(up=second // 10), now=second + 1.0)


def test_back_off_doubles_up_to_a_minute_and_jitters_fully() -> None:
    waits: list[list[float]] = []
    for seed in range(200):
        client = DeviceClient(
            device_id="cam-1", storage=MemoryStorage(), rng=random.Random(seed), now=0.0
        )
        row = []
        for _ in range(9):
            client.connecting()
            cut(client)
            row.append(client.connect_at)
        waits.append(row)

    longest = [max(column) for column in zip(*waits, strict=True)]
    shortest = [min(column) for column in zip(*waits, strict=True)]
    for attempt, limit in enumerate([1, 2, 4, 8, 16, 32, 60, 60, 60]):
        assert 0.9 * limit < longest[attempt] <= limit
        assert shortest[attempt] < 0.1 * limit


def test_stable_connection_ends_the_back_off() -> None:
    client = a_client()
    for _ in range(8):
        client.connecting()
        cut(client)
    go_live(client)

    cut(client, now=60.0)

    assert client.connect_at <= 61.0


def test_network_change_connects_at_once() -> None:
    client = a_client()
    for _ in range(8):
        client.connecting()
        cut(client)

    client.network_changed(5.0)
    assert client.next_deadline() == 5.0

    go_live(client, 5.0)
    client.network_changed(7.0)
    assert client.closing == (1001, "network changed")
    cut(client, 7.5)
    assert client.connect_at == 7.5


def test_replaced_device_comes_back_after_a_while() -> None:
    client = a_client()
    go_live(client)

    cut(client, code=CloseCode.REPLACED)

    assert BACKOFF_S_MAX <= client.connect_at <= 2 * BACKOFF_S_MAX
    go_live(client, client.connect_at, resumed=True)


def test_refused_device_stops() -> None:
    code = CloseCode.AUTH
    client = a_client()
    go_live(client)
    client.events()

    cut(client, code=code, reason="why")

    assert client.events() == [Stopped(code=code, reason="why")]
    assert client.phase is Phase.STOPPED
    assert client.next_deadline() is None
    client.report_location(a_fix(0), now=0.0)
    client.start(9.0)
    assert client.next_deadline() == 9.0
    go_live(client, 9.0, resumed=True)
    assert len(sent_records(client, 9.0)) == 1


@pytest.mark.parametrize(("reason", "seconds"), [("retry after 30", 30.0), ("", 5.0)])
def test_draining_server_is_left_alone_for_a_while(reason: str, seconds: float) -> None:
    client = a_client()
    go_live(client)

    cut(client, code=CloseCode.DRAINING, reason=reason)

    assert seconds <= client.connect_at <= 2 * seconds
    assert any(isinstance(each, Disconnected) for each in client.events())


def test_malformed_frame_closes_and_comes_back_late() -> None:
    client = a_client()
    go_live(client)

    client.receive("{", 1.0)

    assert client.closing is not None
    assert client.closing[0] == CloseCode.PROTOCOL
    client.receive(native.encode(a_task(1)), 1.0)
    assert client.inbox.cursor.seq == 0
    assert sent(client, 1.0) == []


def test_failing_store_while_numbering_sends_nothing() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    client.report_location(a_fix(0), now=0.0)

    storage.next_fault = Fault.FAIL

    assert sent(client) == []
    assert client.closing is not None
    cut(client)
    go_live(client, resumed=True)
    assert [each.n for each in sent_records(client)] == [1]


def test_any_pong_may_change_the_heartbeat() -> None:
    client = a_client()
    go_live(client, hb=240)

    give(client, Pong(i=0, now=SERVER_MS, hb=45), now=10.0)

    assert client.next_deadline() == 45.0  # nothing was sent since 0 s
    client.expire(45.0)
    assert [type(each) for each in sent(client, 45.0)] == [Ping]


# -- calls for help --------------------------------------------------------------------------


def test_a_call_for_help_waits_for_no_back_off_and_goes_first() -> None:
    client = a_client()
    go_live(client)
    client.report_location(a_fix(0), 0.0)
    cut(client, 1.0)
    assert client.connect_at > 1.0

    name = client.call_for_help(1.0, at_ms=SERVER_MS, by="B-1", lon=1.5, lat=42.5)

    assert client.connect_at == 1.0
    go_live(client, 1.0)
    first = next(each for each in sent(client, 1.0) if not isinstance(each, Hello))
    assert isinstance(first, Sos)
    assert (first.id, first.by, first.lon) == (name, "B-1", 1.5)


def test_that_it_was_heard_is_told() -> None:
    client = a_client()
    go_live(client)
    name = client.call_for_help(0.0, at_ms=SERVER_MS)

    give(client, a_task(1, kind="notice", body={"ref": name, "why": "heard"}))

    (heard,) = [each for each in client.events() if isinstance(each, NoticeArrived)]
    assert heard.command.body == {"ref": name, "why": "heard"}


@pytest.mark.parametrize(
    ("step", "ends"), [(Report.SHOWN, True), (Report.STANDBY, True), (Report.ACCEPTED, False)]
)
def test_time_ends_an_order_only_while_nobody_has_accepted_it(step: Report, ends: bool) -> None:
    client = a_client()
    go_live(client)
    give(client, a_task(1))
    client.report("c1", step, at_ms=SERVER_MS, by="1001")
    client.events()

    give(client, a_task(2, kind="notice", body={"ref": "c1", "why": "expired"}))

    assert any(isinstance(each, OrderEnded) for each in client.events()) is ends
    assert (client.inbox.entry("c1").over is not None) is ends


# -- what is done for a battery ----------------------------------------------------------------


def a_limits(seq: int, **limits: Any) -> Command:
    return a_task(seq, kind="limits", body={"limits": limits})


def test_limits_are_kept_by_a_machines_word() -> None:
    client = a_client()
    go_live(client)

    client.events()
    give(client, a_limits(1, stream="off"), 1.0)
    (arrived,) = client.events()
    client.report("c1", Report.APPLIED, at_ms=SERVER_MS, did=Limits(stream="off"))

    assert isinstance(arrived, CommandArrived)
    received, applied = (each for each in sent(client, 1.0) if isinstance(each, State))
    assert received.s is Report.RECEIVED
    assert (applied.s, applied.by, applied.did) == (Report.APPLIED, "", Limits(stream="off"))
    with pytest.raises(OrderOver):
        client.report("c1", Report.APPLIED, at_ms=SERVER_MS)


def test_limits_not_yet_applied_are_told_again_after_a_restart() -> None:
    storage = MemoryStorage()
    client = a_client(storage)
    go_live(client)
    give(client, a_limits(1, fix_s=30), 1.0)

    again = a_client(storage)

    (event,) = again.events()
    assert isinstance(event, CommandArrived)
    assert event.command.body == {"limits": {"fix_s": 30}}


def test_newer_limits_take_the_place_of_older_ones() -> None:
    client = a_client()
    go_live(client)
    give(client, a_limits(1, stream="off"), 1.0)

    give(client, a_limits(2), 2.0)

    assert [each.command.id for each in client.inbox.unfinished()] == ["c2"]
