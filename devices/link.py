"""A device's connection, seen from the device: when to connect, greet, ping, give up, try again.

The timing half of the reference client; `devices.client` adds what is said. Without I/O: `now` is
monotonic seconds, `next_deadline` says when to call `expire`.
"""

from __future__ import annotations

import random
from enum import StrEnum
from typing import Final

from devices.client_events import Disconnected, Event, Stopped
from devices.link_timers import STABLE_S, Backoff, Heartbeat, Resend
from protocols.native import CloseCode

WELCOME_S_MAX: Final = 20.0
"""From hello to welcome; a slower server is given up and tried again."""
HELLOS_MAX: Final = 10
"""Hellos of one connection without a command in between: the server's log has a hole."""


class Phase(StrEnum):
    WAITING = "waiting"
    """No connection; the next attempt is due at `connect_at`."""
    OPENING = "opening"
    GREETING = "greeting"
    LIVE = "live"
    STOPPED = "stopped"


class Link:
    """One device's way to the server, across all its connections."""

    def __init__(self, *, rng: random.Random, now: float) -> None:
        self.phase = Phase.WAITING
        self.connect_at = now
        """When to connect, while WAITING; monotonic seconds."""
        self.closing: tuple[int, str] | None = None
        """Close the connection with this code and reason, then call `disconnected`."""
        self._events: list[Event] = []
        self._backoff, self._heartbeat, self._resend = Backoff(rng), Heartbeat(now), Resend()
        self._at_once = False
        self._hellos = 0
        self._say_hello = self._say_ping = False
        self._greeted_at = now
        self._live_at: float | None = None
        self._server_ms_at_0: float | None = None

    def connecting(self) -> None:
        """An attempt to connect begins."""
        assert self.phase is Phase.WAITING
        self.phase = Phase.OPENING

    def connected(self, now: float) -> None:
        """The WebSocket is open: say hello."""
        assert self.phase is Phase.OPENING
        self._heartbeat.start(now)
        self._hellos = 0
        self._hello(now)

    def disconnected(self, now: float, *, code: int | None = None, reason: str = "") -> None:
        """The connection, or the attempt, is over. `code`: of the close frame, if one came."""
        if self.phase is Phase.WAITING:
            return
        if self._live_at is not None and now - self._live_at >= STABLE_S:
            self._backoff.reset()
        self._live_at = self.closing = None
        self._resend.reset()
        self._say_hello = self._say_ping = False
        if self.phase is Phase.STOPPED:
            return
        if code == CloseCode.AUTH:
            self.stop(code, reason)
            return
        self.phase = Phase.WAITING
        self.connect_at = now if self._at_once else now + self._backoff.wait_s(code, reason)
        self._at_once = False
        self._events.append(Disconnected(code=code, reason=reason, retry_at=self.connect_at))

    def refused(self, reason: str) -> None:
        """The server refused the handshake for good (401): the token is not valid."""
        self.stop(CloseCode.AUTH, reason)

    def stop(self, code: int | None = None, reason: str = "") -> None:
        """Stay away until `start`. Reports are still taken and kept."""
        self.phase = Phase.STOPPED
        self._events.append(Stopped(code=code, reason=reason))

    def start(self, now: float) -> None:
        """Connect at once: after `stop`, a new token, or the user's wish."""
        if self.phase is Phase.STOPPED:
            self.phase = Phase.WAITING
        self._backoff.reset()
        self.connect_at = now

    def network_changed(self, now: float) -> None:
        """The system reports another network, or the signal's return: do not wait.

        An open connection belongs to the old network; it is closed.
        """
        self._backoff.reset()
        if self.phase is Phase.WAITING:
            self.connect_at = now
        elif self.phase in (Phase.GREETING, Phase.LIVE):
            self._at_once = True
            self._close(1001, "network changed")

    def server_ms(self, now: float) -> int | None:
        """Unix milliseconds by the server's clock; None before the first welcome."""
        base = self._server_ms_at_0
        return None if base is None else round(base + now * 1000)

    # -- time --------------------------------------------------------------------------------

    def next_deadline(self) -> float | None:
        """When to call `expire`, or to connect while WAITING; None: nothing is due."""
        match self.phase:
            case Phase.WAITING:
                return self.connect_at
            case Phase.GREETING:
                return self._greeted_at + WELCOME_S_MAX
            case Phase.LIVE:
                due = [self._heartbeat.ping_at, self._heartbeat.dead_at]
                if self._resend.at is not None:
                    due.append(self._resend.at)
                return min(due)
            case Phase.OPENING | Phase.STOPPED:
                return None

    def expire(self, now: float) -> None:
        """Do what is due at `now`."""
        if self.phase is Phase.GREETING and now >= self._greeted_at + WELCOME_S_MAX:
            self._close(1001, "no welcome")
        if self.phase is not Phase.LIVE or self.closing is not None:
            return
        if now >= self._heartbeat.dead_at:
            self._close(1001, "nothing heard for too long")
            return
        if now >= self._heartbeat.ping_at:
            self._say_ping = True

    def _hurry(self, now: float) -> None:
        """Something must not wait for the back-off."""
        if self.phase is Phase.WAITING:
            self._backoff.reset()
            self.connect_at = now

    # -- for the conversation ----------------------------------------------------------------

    def _is_open(self) -> bool:
        """Whether frames pass."""
        return self.closing is None and self.phase in (Phase.GREETING, Phase.LIVE)

    def _hello(self, now: float) -> None:
        self._hellos += 1
        if self._hellos > HELLOS_MAX:
            self._close(CloseCode.PROTOCOL, "the commands do not follow on each other")
            return
        self.phase = Phase.GREETING
        self._greeted_at = now
        self._say_hello = True

    def _greeted(self, interval_s: int, now: float) -> None:
        """The server has answered the hello."""
        self.phase = Phase.LIVE
        self._live_at = now
        self._heartbeat.interval_s = float(interval_s)
        self._resend.reset()

    def _set_clock(self, server_ms: int, now: float) -> None:
        self._server_ms_at_0 = server_ms - now * 1000

    def _close(self, code: int, reason: str) -> None:
        if self.closing is None:
            self.closing = (int(code), reason)
