"""Thousands of seeded runs of the real client against the real session over a hostile link.

RIDGELINE_FAULT_RUNS=20000 makes as many as that. A failure prints its seed; `run(seed)` replays it.
And each rule of docs/protocol.md that these runs rest on is switched off in turn: then runs fail.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec
import pytest

from devices.client import DeviceClient
from devices.client_logs import ClientLogs
from devices.inbox import Cursor, Entry, Inbox, Over
from protocols.native import Command, Hello, Report, Sos, State, Uplink
from tests.devices.delivery_world import Link, World, job_of

RUNS = int(os.environ.get("RIDGELINE_FAULT_RUNS", "600"))
"""As many as the suite has time for; each costs some 10 ms."""
STEPS = 80
SABOTAGE_RUNS_MAX = 2000
"""Every rule is missed long before."""
OWN_WORD = {("task", Over.DONE), ("recall", Over.ANSWERED), ("check", Over.ANSWERED)}
"""Ends that the person brought about: all steps were taken."""


def run(seed: int, make: Callable[..., World] = World) -> World:
    """One run, checked; every second one with epochs that change. Raises AssertionError."""
    try:
        world = make(seed, epochs=seed % 2 == 1)
        for _ in range(STEPS):
            world.step()
        world.settle()
        check_applied(world)
        check_ended(world)
        if not world.server.lost and not world.epochs:
            check_exact(world)
    except Exception as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    return world


def check_applied(world: World) -> None:
    """Every order that the server still knows arrived, each once, in the order it was given."""
    arrived = [int(entry.command.id[1:]) for entry in world.client.inbox._entries.values()]
    assert arrived == sorted(set(arrived)), f"out of order: {arrived}"
    missing = {int(each.id[1:]) for each in world.server.log} - set(arrived)
    assert not missing, f"lost: {missing}"


def check_ended(world: World) -> None:
    """Every order came to its end here and there, and no note was taken twice."""
    records = states_by_command(world)
    for command in world.server.log:
        over = world.client.inbox.entry(command.id).over
        assert over is not None, f"{command.kind} {command.id} never ends"
        steps = records[command.id]
        own = (command.kind, over) in OWN_WORD
        known = steps[job_of(command.kind)[-1]] if own else steps.total()
        assert known >= 1, f"{command.id}: the server does not know its end"
    for command_id, steps in records.items():
        assert steps[Report.FEEDBACK] <= 1, f"note on {command_id} taken twice"


def check_exact(world: World) -> None:
    """Where the server lost nothing: each step once, in order; each position and call once."""
    steps: dict[str, list[Report]] = {each.id: [] for each in world.server.log}
    fixes: list[int] = []
    calls: list[str] = []
    for record in world.server.installs[world.client.logs.install_id]:
        if isinstance(record, State):
            steps[record.id].append(record.s)
        elif isinstance(record, Sos):
            calls.append(record.id)
        else:
            fixes.append(record.at)
    for command in world.server.log:
        over = world.client.inbox.entry(command.id).over
        expected = [Report.RECEIVED, *job_of(command.kind)]
        if (command.kind, over) not in OWN_WORD:
            # Broken off: after any step, but only before anybody had accepted when time ran out.
            most = 2 if over is Over.EXPIRED else len(expected) - 1
            expected = expected[: max(1, min(most, len(steps[command.id])))]
        assert steps[command.id] == expected, f"{command.id}: {steps[command.id]}"
    assert world.calls <= set(calls), "a call for help was lost"
    assert len(calls) == len(set(calls)), "a call for help was stored twice"
    assert len(fixes) == len(set(fixes)), "a position was stored twice"


def states_by_command(world: World) -> dict[str, Counter[Report]]:
    counts: dict[str, Counter[Report]] = {each.id: Counter() for each in world.server.log}
    for records in world.server.installs.values():
        for record in records:
            if isinstance(record, State):
                counts.setdefault(record.id, Counter())[record.s] += 1
    return counts


def test_every_order_is_applied_once_in_order_and_comes_to_its_end() -> None:
    ends: Counter[tuple[str, Over | None]] = Counter()

    for seed in range(RUNS):
        world = run(seed)
        ends.update((each.command.kind, each.over) for each in world.client.inbox._entries.values())

    # The runs do see orders that came or stayed too late, were called off, and questions.
    assert ends.keys() >= OWN_WORD | {("task", Over.EXPIRED), ("task", Over.CANCELLED)}
    assert ends.keys() >= {("check", Over.EXPIRED), ("recall", Over.DONE)}


# -- each rule is needed: without it the same runs fail -----------------------------------------


class _WithLogs(DeviceClient):
    """Keeps its logs in another way."""

    logs_type: type[ClientLogs]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.logs.__class__ = self.logs_type
        self.logs.load()


class _ForgetfulInbox(Inbox):
    def store(self, command: Command) -> Entry | None:
        self._entries.pop(command.id, None)
        return super().store(command)


class _ForgetfulLogs(ClientLogs):
    def load(self) -> None:
        super().load()
        self.inbox.__class__ = _ForgetfulInbox


class NoDedupe(_WithLogs):
    """Takes a command it has for a new one."""

    logs_type = _ForgetfulLogs


class _HastyInbox(Inbox):
    def _move(self, cursor: Cursor) -> None:
        super()._move(cursor)
        self._batch.commit()


class _HastyLogs(ClientLogs):
    def load(self) -> None:
        super().load()
        self.inbox.__class__ = _HastyInbox


class CursorBeforeStore(_WithLogs):
    """Moves the cursor, which acknowledges, before the command is stored."""

    logs_type = _HastyLogs


class _UnnumberedLogs(ClientLogs):
    def records(self) -> list[Uplink]:
        return self.outbox.take()


class NumberAfterSending(_WithLogs):
    """Sends records whose numbers are not durable."""

    logs_type = _UnnumberedLogs


class NoPrevCheck(DeviceClient):
    """Takes any command that is ahead."""

    def _command(self, command: Command, now: float) -> None:
        loose = Command(seq=command.seq, prev=0, id=command.id, kind=command.kind)
        super()._command(loose, now)


class _EndlessInbox(Inbox):
    def note(self, entry: Entry, state: State) -> None:
        super().note(entry, state)
        if entry.over is Over.ANSWERED:
            entry.over = None
            self._stage(entry)


class _EndlessLogs(ClientLogs):
    def load(self) -> None:
        super().load()
        self.inbox.__class__ = _EndlessInbox


class NoEndOfQuestions(_WithLogs):
    """Keeps a question that was answered for one that waits."""

    logs_type = _EndlessLogs


class NoCursorId(DeviceClient):
    """Does not say which command it has at its cursor."""

    def hello(self) -> Hello:
        return msgspec.structs.replace(super().hello(), cur_id="")


class NoCursor(World):
    """The server sends what is new from now on, not what came after the device's cursor."""

    def _welcome(self, link: Link) -> None:
        super()._welcome(link)
        if self.server.log:
            link.session.skip_to(self.server.log[-1].seq)


class AckBeforeStore(World):
    """The server acknowledges what it has taken, and stores it when it comes to it."""

    def _serve(self, link: Link) -> None:
        super()._serve(link)
        link.session.ack(link.session.last_n, self.now)


class PushBeforeHello(World):
    """What is new is sent on every connection, before the hello has said where the device is."""

    def _write(self, link: Link) -> None:
        super()._write(link)
        session = link.session
        if session.phase == "opening" and self.server.log:
            link.down.append(self.server.log[-1].frame(prev=0))


def with_client(kind: type[DeviceClient]) -> Callable[..., World]:
    return partial(World, client_type=kind)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(with_client(NoDedupe), id="dedupe"),
        pytest.param(with_client(CursorBeforeStore), id="store before cursor"),
        pytest.param(with_client(NumberAfterSending), id="number before sending"),
        pytest.param(with_client(NoPrevCheck), id="prev check"),
        pytest.param(with_client(NoEndOfQuestions), id="an answer ends a question"),
        pytest.param(NoCursor, id="cursor"),
        pytest.param(with_client(NoCursorId), id="the command at the cursor"),
        pytest.param(AckBeforeStore, id="store before ack"),
    ],
)
def test_runs_fail_without_the_rule(make: Callable[..., World]) -> None:
    seed, failure = _first_failure(make)

    assert f"seed {seed}: " in failure
    assert _failure(seed, make) == failure  # the seed replays it
    assert _failure(seed, World) is None  # and with the rule it does not fail
    print(f"without the rule: {failure}")


def test_prev_check_alone_saves_a_server_that_pushes_too_early() -> None:
    for seed in range(SABOTAGE_RUNS_MAX // 50):
        run(seed, PushBeforeHello)


def _first_failure(make: Callable[..., World]) -> tuple[int, str]:
    for seed in range(SABOTAGE_RUNS_MAX):
        if (failure := _failure(seed, make)) is not None:
            return seed, failure
    raise AssertionError(f"{SABOTAGE_RUNS_MAX} runs did not miss the rule")


def _failure(seed: int, make: Callable[..., World]) -> str | None:
    try:
        run(seed, make)
    except AssertionError as error:
        return str(error)
    return None
