"""Thousands of seeded runs of the real client against the real session over a hostile link.

A failure prints its seed; `World(seed, ...)` replays it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from devices.client import DeviceClient
from devices.client_logs import ClientLogs
from devices.inbox import Cursor, Entry, Inbox
from protocols.native import Command, Location, Report, State, Uplink
from tests.devices.client_world import JOB, World

RUNS = 2000
STEPS = 80
SABOTAGE_RUNS = 150


def run(seed: int, *, epochs: bool, client_type: type[DeviceClient] = DeviceClient) -> World:
    world = World(seed, epochs=epochs, client_type=client_type)
    for _ in range(STEPS):
        world.step()
    world.settle()
    return world


def check_inbox(world: World) -> None:
    """Every command that the server still knows arrived, each once, in the order it was given."""
    arrived = [int(entry.command.id[1:]) for entry in world.client.inbox._entries.values()]
    assert arrived == sorted(set(arrived)), f"out of order: {arrived}"
    missing = {int(each.id[1:]) for each in world.server.log} - set(arrived)
    assert not missing, f"lost: {missing}"


def check_done(world: World) -> None:
    """Every command the server still knows came to its end, and no note was taken twice."""
    records = states_by_command(world)
    for command in world.server.log:
        assert records[command.id][Report.DONE] >= 1, f"{command.id} never ended"
    for command_id, steps in records.items():
        assert steps[Report.FEEDBACK] <= 1, f"note on {command_id} taken twice"


def check_exact(world: World) -> None:
    """Where the server lost nothing: each step of each order once, each position once."""
    steps: dict[str, list[Report]] = {each.id: [] for each in world.server.log}
    fixes: list[int] = []
    for record in world.server.installs[world.client.logs.install_id]:
        if isinstance(record, State):
            steps[record.id].append(record.s)
        else:
            fixes.append(record.at)
    for command_id, reported in steps.items():
        assert reported == [Report.RECEIVED, *JOB], f"{command_id}: {reported}"
    assert len(fixes) == len(set(fixes)), "a position was stored twice"


def states_by_command(world: World) -> dict[str, Counter[Report]]:
    counts: dict[str, Counter[Report]] = {each.id: Counter() for each in world.server.log}
    for records in world.server.installs.values():
        for record in records:
            if not isinstance(record, Location):
                counts.setdefault(record.id, Counter())[record.s] += 1
    return counts


def failures(check: Callable[[World], None], *, epochs: bool, kind: type[DeviceClient]) -> int:
    failed = 0
    for seed in range(SABOTAGE_RUNS):
        try:
            world = run(seed, epochs=epochs, client_type=kind)
            check_inbox(world)
            check(world)
        except AssertionError:
            failed += 1
    return failed


def test_every_order_is_applied_once_in_order_and_no_report_is_lost() -> None:
    for seed in range(RUNS):
        try:
            world = run(seed, epochs=False)
            check_inbox(world)
            check_exact(world)
        except Exception as error:
            raise AssertionError(f"seed {seed}, epochs=False: {error}") from error


def test_the_same_through_restored_backups() -> None:
    for seed in range(RUNS):
        try:
            world = run(seed, epochs=True)
            check_inbox(world)
            check_done(world)
        except Exception as error:
            raise AssertionError(f"seed {seed}, epochs=True: {error}") from error


# -- each rule is needed: without it the same runs fail -----------------------------------------


class _WithLogs(DeviceClient):
    """Keeps its logs in another way."""

    kind: type[ClientLogs]

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.logs.__class__ = self.kind
        self.logs.load()


class NoDedupe(_WithLogs):
    """Takes a command it has for a new one."""

    class kind(ClientLogs):  # noqa: N801 (fills the attribute)
        def load(self) -> None:
            super().load()
            self.inbox.__class__ = _ForgetfulInbox


class _ForgetfulInbox(Inbox):
    def store(self, command: Command) -> Entry | None:
        self._entries.pop(command.id, None)
        return super().store(command)


class CursorFirst(_WithLogs):
    """Moves the cursor before the command is stored."""

    class kind(ClientLogs):  # noqa: N801 (fills the attribute)
        def load(self) -> None:
            super().load()
            self.inbox.__class__ = _HastyInbox


class _HastyInbox(Inbox):
    def _move(self, cursor: Cursor) -> None:
        super()._move(cursor)
        self._batch.commit()


class NoGapCheck(DeviceClient):
    """Takes any command that is ahead."""

    def _command(self, command: Command, now: float) -> None:
        loose = Command(seq=command.seq, prev=0, id=command.id, kind=command.kind)
        super()._command(loose, now)


class NumberAfterSending(_WithLogs):
    """Sends records whose numbers are not durable."""

    class kind(ClientLogs):  # noqa: N801 (fills the attribute)
        def records(self) -> list[Uplink]:
            return self.outbox.take()


@pytest.mark.parametrize(
    ("kind", "epochs"),
    [(NoDedupe, True), (CursorFirst, False), (NoGapCheck, False), (NumberAfterSending, False)],
)
def test_runs_fail_without_the_rule(kind: type[DeviceClient], epochs: bool) -> None:
    check = check_done if epochs else check_exact

    assert failures(check, epochs=epochs, kind=DeviceClient) == 0
    assert failures(check, epochs=epochs, kind=kind) > 0
