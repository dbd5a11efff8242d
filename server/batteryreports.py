"""Reports of batteries that wait to be learned from: bounded, thinned, one a device at a time.

Of a row of reports that all say the same, the first and the last of ten minutes are kept: what lies
between them adds nothing but time. Knows no estimator.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Container
from dataclasses import dataclass
from typing import Final

import numpy as np

PENDING_LEN_MAX: Final = 50_000
"""More are not taken."""
THINNED_S: Final = 600.0
"""Well below the silence after which nothing is learned (`devices.battery.model.GAP_MAX_S`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One report; None: unchanged since the last."""

    at_s: float
    level_pct: float
    loads: int | None = None
    charging: bool | None = None
    temp_c: float = np.nan
    weak: float | None = None
    lonlat: tuple[float, float] | None = None

    def repeats(self, before: Said, until_s: float | None = None) -> bool:
        """It says the same but for time and place; and all is of some minutes, up to `until_s`."""
        last_s = self.at_s if until_s is None else until_s
        return self._what() == before._what() and last_s - before.at_s <= THINNED_S

    def _what(self) -> tuple[object, ...]:
        return self.level_pct, self.loads, self.charging, self.weak, str(self.temp_c)


class Waiting:
    """In order of arrival, by device."""

    def __init__(self) -> None:
        self._of: dict[str, deque[Said]] = {}
        self._len = 0

    def __len__(self) -> int:
        return self._len

    def add(self, device_id: str, said: Said) -> bool:
        """False where there is no room."""
        mine = self._of.get(device_id, deque())
        if len(mine) >= 2 and said.repeats(mine[-1]) and mine[-1].repeats(mine[-2], said.at_s):
            mine[-1] = said
            return True
        if self._len >= PENDING_LEN_MAX:
            return False
        self._of.setdefault(device_id, mine).append(said)
        self._len += 1
        return True

    def oldest(self, known: Container[str]) -> dict[str, Said]:
        """The oldest report of each device that is known, which waits no longer."""
        found = {each: self._of[each].popleft() for each in self._of if each in known}
        for each in found:
            if not self._of[each]:
                del self._of[each]
        self._len -= len(found)
        return found

    def strangers(self, known: Container[str]) -> list[str]:
        """Devices that wait and are not known."""
        return [each for each in self._of if each not in known]

    def forget(self, device_id: str) -> None:
        """What a device said."""
        self._len -= len(self._of.pop(device_id, ()))
