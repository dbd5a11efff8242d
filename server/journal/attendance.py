"""Who looks at the live map: connections that come and go, as sessions of people.

A session is of one key, with all its connections. It ends when the last of them has been gone for
`grace_s`, so that a lost link is no new session. Knows no socket and no log: `now` is monotonic
seconds, `at` the instant of the clock.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)


class Full(Exception):
    """There are too many sessions."""


@dataclass(slots=True)
class _Session:
    since: datetime
    open_len: int = 0
    connections: int = 0
    gone_at: float = 0.0
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay(Generic[K]):
    """A session that is over."""

    key: K
    since: datetime
    until: datetime
    connections: int
    """All that there were."""


class Attendance(Generic[K]):
    """At most `sessions_max`, those in their grace among them."""

    def __init__(self, *, grace_s: float, sessions_max: int) -> None:
        self._grace_s, self._sessions_max = grace_s, sessions_max
        self._sessions: dict[K, _Session] = {}

    def __len__(self) -> int:
        return len(self._sessions)

    def came(self, key: K, at: datetime) -> bool:
        """One more connection; whether a session begins with it. Raises `Full`."""
        session = self._sessions.get(key)
        begins = session is None
        if session is None:
            if len(self._sessions) >= self._sessions_max:
                raise Full
            session = self._sessions[key] = _Session(at)
        session.open_len += 1
        session.connections += 1
        return begins

    def went(self, key: K, now: float, at: datetime) -> None:
        """One connection less."""
        session = self._sessions[key]
        session.open_len -= 1
        session.gone_at, session.until = now, at

    def forget(self, key: K) -> None:
        """It was said that it is over, or never that it began."""
        del self._sessions[key]

    def due(self, now: float) -> list[Stay[K]]:
        """Sessions that are over, those of the longest gone first."""
        over = [
            (session.gone_at, Stay(key=key, since=session.since, until=session.until,
                                   connections=session.connections))
            for key, session in self._sessions.items()
            if not session.open_len and session.until is not None
            and session.gone_at + self._grace_s <= now
        ]  # fmt: skip
        return [stay for _, stay in sorted(over, key=lambda each: each[0])]
