"""What a terminal said lately, and how it was answered.

A terminal whose answer was lost says the same again, with the same serial: it gets the same answer,
and nothing happens twice. While the first is still being stored, the second waits with it.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Said:
    """One message as the wire names it: a repetition is equal."""

    serial: int
    message_id: int
    check: int
    """Sum over what it says, so that a serial used again after a reboot is another message."""


class Memory:
    """The last so many messages, for so long."""

    def __init__(self, *, len_max: int, kept_s: float) -> None:
        self._len_max, self._kept_s = len_max, kept_s
        self._answers: OrderedDict[Said, tuple[float, bytes | None]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._answers)

    def is_new(self, said: Said, now: float) -> bool:
        """Whether it was not said lately; it is remembered from now on."""
        self._forget(now)
        if said in self._answers:
            return False
        self._answers[said] = (now, None)
        while len(self._answers) > self._len_max:
            self._answers.popitem(last=False)
        return True

    def answer(self, said: Said) -> bytes | None:
        """As it was answered; None: not yet."""
        _, answer = self._answers.get(said, (0.0, None))
        return answer

    def answered(self, said: Said, frame: bytes) -> None:
        """Remember the answer, unless the message is forgotten by now."""
        if said in self._answers:
            self._answers[said] = (self._answers[said][0], frame)

    def forget(self, said: Said) -> None:
        """It was not taken: when it is said again, it is new."""
        self._answers.pop(said, None)

    def _forget(self, now: float) -> None:
        while self._answers:
            said, (at, _) = next(iter(self._answers.items()))
            if now - at < self._kept_s:
                return
            del self._answers[said]
