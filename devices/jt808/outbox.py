"""Messages of one side that wait for the other's answer, sent again when it does not come.

The wire has no lasting name of a message: an answer names serial and message id, on the same
connection. The time to the next sending grows as the standard says, T(n+1) = T(n) x (n+1), and
after `resends_max` of them a message is given up; what that means is the caller's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERIAL_MAX: Final = 0xFFFF
ORDINARY_MAX: Final = 0x7FFF


@dataclass(slots=True, kw_only=True)
class Waiting:
    """One message that was sent and not answered yet."""

    key: str
    """What the caller knows it by; empty: nobody asks what became of it."""
    message_id: int
    serial: int
    frames: bytes
    """As they were written: a repetition is the same to the byte."""
    timeout_s: float
    due_at: float
    resends_max: int
    resends: int = 0


class Serials:
    """Numbers of what we send: 0, 1, 2 … below 0x8000, and those that name a command.

    A command keeps its number over reconnections and restarts, because an officer may answer a
    question long after the link that brought it is gone.
    """

    def __init__(self) -> None:
        self._next = 0

    def next(self) -> int:
        serial = self._next
        self._next = serial + 1 if serial < ORDINARY_MAX else 0
        return serial

    @staticmethod
    def of_command(seq: int) -> int:
        """The serial of the command with this `seq` in the device's log."""
        return (ORDINARY_MAX + 1) | (seq & ORDINARY_MAX)

    @staticmethod
    def command_seq(serial: int, head_seq: int) -> int | None:
        """The newest `seq`, at most `head_seq`, that has this serial; None: no command has it."""
        if serial <= ORDINARY_MAX:
            return None
        seq = head_seq - ((head_seq - serial) & ORDINARY_MAX)
        return seq if seq > 0 else None


class Outbox:
    """Bounded: `put` refuses what is too much, and the caller keeps it."""

    def __init__(self, *, answer_s: float, resends_max: int, len_max: int) -> None:
        self._answer_s, self._resends_max, self._len_max = answer_s, resends_max, len_max
        self._waiting: dict[tuple[int, int], Waiting] = {}
        self._given_up: list[Waiting] = []

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def is_full(self) -> bool:
        return len(self._waiting) >= self._len_max

    def waits_for(self, key: str) -> bool:
        return any(each.key == key for each in self._waiting.values())

    def put(
        self,
        frames: bytes,
        now: float,
        *,
        serial: int,
        message_id: int,
        key: str = "",
        resends_max: int | None = None,
    ) -> bool:
        """Remember what is written now. False: there is no room, or that serial waits already."""
        place = (serial, message_id)
        if self.is_full or place in self._waiting:
            return False
        self._waiting[place] = Waiting(
            key=key,
            message_id=message_id,
            serial=serial,
            frames=frames,
            timeout_s=self._answer_s,
            due_at=now + self._answer_s,
            resends_max=self._resends_max if resends_max is None else resends_max,
        )
        return True

    def answered(self, serial: int, message_id: int) -> Waiting | None:
        """The message that this answers; None: it was answered before, or never sent."""
        return self._waiting.pop((serial, message_id), None)

    def answered_any(self, message_id: int) -> Waiting | None:
        """The oldest of these, for an answer that names no serial."""
        for place in self._waiting:
            if place[1] == message_id:
                return self._waiting.pop(place)
        return None

    def frames_due(self, now: float) -> list[bytes]:
        """What is to be written again now."""
        due = [each for each in self._waiting.values() if each.due_at <= now]
        again = []
        for each in due:
            if each.resends >= each.resends_max:
                del self._waiting[each.serial, each.message_id]
                self._given_up.append(each)
                continue
            each.resends += 1
            each.timeout_s *= each.resends
            each.due_at = now + each.timeout_s
            again.append(each.frames)
        return again

    def given_up(self) -> list[Waiting]:
        """Those that nobody answered, since the last call."""
        gone, self._given_up = self._given_up, []
        return gone

    def next_deadline(self) -> float | None:
        return min((each.due_at for each in self._waiting.values()), default=None)
