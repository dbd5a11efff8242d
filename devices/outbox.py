"""Reports a device owes: kept until the server has acknowledged them, numbered when first sent.

The server takes uplink records only in the order of their dense number `n`. A record therefore
gets its number at the moment it is first sent, not when it is made: so that after an hour without
signal the steps of orders go first, the newest position second and the old positions last. Once
given, a number is never given to another record, and it is durable before the frame leaves.

Steps of orders are never dropped; positions are, by a fixed policy. A call for help (SOS) goes
before everything and has room of its own in every queue. Knows no connection.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import msgspec
from msgspec import Struct

from devices.errors import OutboxFull
from devices.storage import Batch
from protocols.errors import ProtocolError
from protocols.native import Location, Sos, State, Uplink

STATES_LEN_MAX: Final = 1000
"""Steps of orders that may wait. Full: the new one is refused (OutboxFull), none is dropped."""
SOS_LEN_MAX: Final = 32
"""Calls for help that may wait, beside everything else. Full: so many others already call."""
TELEMETRY_LEN_MAX: Final = 4096
"""Positions that may wait (about 500 KiB). Full: the oldest is dropped and counted."""
THIN_AGE_MS: Final = 3_600_000
"""Positions older than an hour (against the newest) are thinned."""
THIN_STEP_MS: Final = 60_000
"""To one a minute."""
IN_FLIGHT_LEN_MAX: Final = 64
"""Records numbered and not acknowledged. More than the 50 after which a server acknowledges at
once, and few enough that they do not hold up a later order's step for long."""

IN_FLIGHT_RESERVED: Final = SOS_LEN_MAX
"""So many more for calls for help: they do not wait for an acknowledgement of anything."""

NUMBERS_KEY: Final = "up"
RECORD_PREFIX: Final = "out/"


class Numbers(Struct, frozen=True, kw_only=True):
    last: int = 0
    """Highest n given out."""
    acked: int = 0
    """Highest n the server has stored."""


class Waiting(Struct, frozen=True, kw_only=True):
    """One record; `n` is 0 until it is first sent."""

    ordinal: int
    """Order in which the records were made; names it in the store."""
    record: Uplink

    @property
    def key(self) -> str:
        return f"{RECORD_PREFIX}{self.ordinal:016d}"


class Outbox:
    """Changes are staged in the batch; they are durable when the owner commits it."""

    def __init__(self, batch: Batch, saved: dict[str, bytes]) -> None:
        self._batch = batch
        self.numbers = Numbers()
        if NUMBERS_KEY in saved:
            self.numbers = msgspec.json.decode(saved[NUMBERS_KEY], type=Numbers)
        self._sent: deque[Waiting] = deque()
        self._calls: deque[Waiting] = deque()
        self._states: deque[Waiting] = deque()
        self._recent: deque[Waiting] = deque()
        self._old: deque[Waiting] = deque()
        self._transmitted = self.numbers.acked
        self._newest_sent_ms = 0
        self.telemetry_dropped_count = 0
        """Positions given up because the outbox was full; thinned ones do not count."""
        waiting = sorted(
            (
                msgspec.json.decode(value, type=Waiting)
                for key, value in saved.items()
                if key.startswith(RECORD_PREFIX)
            ),
            key=lambda each: each.ordinal,
        )
        self._ordinal = waiting[-1].ordinal if waiting else 0
        self._sort_in(waiting)

    def __len__(self) -> int:
        return len(self._sent) + self.waiting_len

    @property
    def waiting_len(self) -> int:
        """Records never sent."""
        return len(self._calls) + len(self._states) + len(self._old) + len(self._recent)

    @property
    def in_flight_len(self) -> int:
        """Records numbered and not acknowledged."""
        return len(self._sent)

    def add_state(self, state: State) -> None:
        """Raises OutboxFull; the steps already here stay."""
        if len(self._states) >= STATES_LEN_MAX:
            raise OutboxFull(f"{STATES_LEN_MAX} reports wait for the link")
        self._states.append(self._stage_new(state))

    def add_sos(self, sos: Sos) -> None:
        """Raises OutboxFull; no other record takes its room."""
        if len(self._calls) >= SOS_LEN_MAX:
            raise OutboxFull(f"{SOS_LEN_MAX} calls for help wait for the link already")
        self._calls.append(self._stage_new(sos))

    def add_location(self, location: Location) -> None:
        """Keep a position; thin what is over an hour older, drop the oldest when full."""
        self._thin(location.at - THIN_AGE_MS)
        self._recent.append(self._stage_new(location))
        if len(self._old) + len(self._recent) > TELEMETRY_LEN_MAX:
            oldest = self._old.popleft() if self._old else self._recent.popleft()
            self._batch.delete(oldest.key)
            self.telemetry_dropped_count += 1

    def rewind(self) -> None:
        """A connection begins, or acknowledgements fail to come: send again from the last one."""
        self._transmitted = self.numbers.acked

    def take(self) -> list[Uplink]:
        """What may be sent now, in order of n. Commit before the frames leave."""
        while self.waiting_len and len(self._sent) < self._in_flight_max():
            self._number(self._pop_next())
        due = [each.record for each in self._sent if each.record.n > self._transmitted]
        self._transmitted = self.numbers.last
        return due

    def acknowledge(self, up: int) -> bool:
        """Everything up to n is stored by the server; whether that was news.

        Raises ProtocolError when the server acknowledges what was never sent.
        """
        if up > self.numbers.last:
            raise ProtocolError(f"acknowledged {up}, of {self.numbers.last} sent")
        if up <= self.numbers.acked:
            return False
        while self._sent and self._sent[0].record.n <= up:
            self._batch.delete(self._sent.popleft().key)
        self._set_numbers(Numbers(last=self.numbers.last, acked=up))
        return True

    def restart_after(self, up: int) -> None:
        """Number what is not acknowledged anew from up + 1: the server's log ends there."""
        unnumbered = [
            Waiting(ordinal=each.ordinal, record=msgspec.structs.replace(each.record, n=0))
            for each in self._sent
        ]
        unnumbered += [*self._calls, *self._states, *self._old, *self._recent]
        for queue in (self._sent, self._calls, self._states, self._old, self._recent):
            queue.clear()
        self._set_numbers(Numbers(last=up, acked=up))
        self._transmitted = up
        for each in unnumbered:
            self._stage(each)
        self._sort_in(sorted(unnumbered, key=lambda each: each.ordinal))

    def _in_flight_max(self) -> int:
        return IN_FLIGHT_LEN_MAX + (IN_FLIGHT_RESERVED if self._calls else 0)

    def _pop_next(self) -> Waiting:
        """Calls for help first, then states, the newest position, the backlog, oldest first."""
        if self._calls:
            return self._calls.popleft()
        if self._states:
            return self._states.popleft()
        if self._recent and _at(self._recent[-1]) > self._newest_sent_ms:
            return self._recent.pop()
        return self._old.popleft() if self._old else self._recent.popleft()

    def _number(self, waiting: Waiting) -> None:
        n = self.numbers.last + 1
        numbered = Waiting(
            ordinal=waiting.ordinal, record=msgspec.structs.replace(waiting.record, n=n)
        )
        if isinstance(numbered.record, Location):
            self._newest_sent_ms = max(self._newest_sent_ms, numbered.record.at)
        self._set_numbers(Numbers(last=n, acked=self.numbers.acked))
        self._stage(numbered)
        self._sent.append(numbered)

    def _thin(self, before_ms: int) -> None:
        while self._recent and _at(self._recent[0]) < before_ms:
            each = self._recent.popleft()
            if self._old and _at(self._old[-1]) // THIN_STEP_MS == _at(each) // THIN_STEP_MS:
                self._batch.delete(each.key)
            else:
                self._old.append(each)

    def _sort_in(self, waiting: list[Waiting]) -> None:
        sent = [each for each in waiting if each.record.n > 0]
        self._sent.extend(sorted(sent, key=lambda each: each.record.n))
        for each in waiting:
            if each.record.n > 0:
                continue
            self._queue_of(each.record).append(each)

    def _queue_of(self, record: Uplink) -> deque[Waiting]:
        match record:
            case Sos():
                return self._calls
            case State():
                return self._states
            case Location():
                return self._recent

    def _stage_new(self, record: Uplink) -> Waiting:
        self._ordinal += 1
        waiting = Waiting(ordinal=self._ordinal, record=record)
        self._stage(waiting)
        return waiting

    def _stage(self, waiting: Waiting) -> None:
        self._batch.put(waiting.key, msgspec.json.encode(waiting))

    def _set_numbers(self, numbers: Numbers) -> None:
        self.numbers = numbers
        self._batch.put(NUMBERS_KEY, msgspec.json.encode(numbers))


def _at(waiting: Waiting) -> int:
    """Of a position."""
    assert isinstance(waiting.record, Location)
    return waiting.record.at
