"""A terminal and a platform that talk over a link which loses what a test wants lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from devices.jt808.limits import LinkLimits
from devices.jt808.platform import PlatformSession
from devices.jt808.platform_events import Authenticating, Chose, Event, Located, Registering
from devices.jt808.terminal import Make, TerminalSession
from devices.jt808.terminal_events import Event as TerminalEvent
from protocols.jt808.fields import Dialect
from protocols.jt808.flags import Status
from protocols.jt808.location import Location
from protocols.jt808.session import RegisterResult, Result

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)


def a_place(n: int = 0, **changes: object) -> Location:
    """The n-th of a drive north, one each 10 s."""
    said: dict[str, object] = {
        "status_bits": Status.FIXED | Status.ACC_ON,
        "latitude_e6": 27_500_000 + 1_000 * n,
        "longitude_e6": 100_200_000,
        "speed_dkmh": 400,
        "observed_at": START + timedelta(seconds=10 * n),
    }
    return Location(**(said | changes))  # type: ignore[arg-type]  # a builder


def a_make(**changes: object) -> Make:
    said: dict[str, object] = {"phone": "10000000001"}
    return Make(**(said | changes))  # type: ignore[arg-type]  # a builder


@dataclass
class TwoEnds:
    """`settle` carries frames to and fro until both have nothing more to say."""

    make: Make = field(default_factory=a_make)
    limits: LinkLimits = field(default_factory=LinkLimits)
    now: float = 0.0
    lost_up: Callable[[bytes], bool] = lambda frame: False
    lost_down: Callable[[bytes], bool] = lambda frame: False
    takes: bool = True
    """Whether the platform's caller answers what it is told."""

    def __post_init__(self) -> None:
        self.terminal = TerminalSession(self.make)
        self.heard: list[Event] = []
        self.shown: list[TerminalEvent] = []
        self.up_count = self.down_count = 0
        self.connect()

    def connect(self) -> None:
        """A fresh connection: the platform forgets the last one."""
        self.platform = PlatformSession(self.limits, now=self.now)
        self.terminal.connected(self.now)

    def lose(self) -> None:
        self.terminal.disconnected()

    def settle(self) -> None:
        busy = True
        while busy:
            busy = False
            for frame in self.terminal.data_to_send(self.now):
                busy = True
                self.up_count += 1
                if not self.lost_up(frame):
                    self.platform.receive(frame, self.now)
            self._handle()
            for frame in self.platform.data_to_send():
                busy = True
                self.down_count += 1
                if not self.lost_down(frame):
                    self.terminal.receive(frame, self.now)
            self.shown += self.terminal.events()

    def _handle(self) -> None:
        for event in self.platform.events():
            self.heard.append(event)
            if self.takes:
                self.take(event)

    def take(self, event: Event) -> None:
        match event:
            case Registering(ticket=ticket):
                self.platform.answer_registration(ticket, RegisterResult.OK, self.now, code="c0de")
            case Authenticating(ticket=ticket):
                self.platform.admit()
                self.platform.answer(ticket, Result.OK, self.now)
            case Located(ticket=ticket):
                self.platform.answer(ticket, Result.OK, self.now)
            case Chose(ticket=ticket):
                self.platform.answer(ticket, Result.OK, self.now)
            case _:
                pass

    def run(self, seconds: float) -> None:
        """Let time pass, deadline by deadline."""
        end = self.now + seconds
        while True:
            self.settle()
            deadlines = (self.terminal.next_deadline(), self.platform.next_deadline())
            due = min((each for each in deadlines if each is not None), default=end)
            if due >= end or self.platform.closing is not None:
                break
            self.now = max(self.now, due)
            self.terminal.expire(self.now)
            self.platform.expire(self.now)
        self.now = end

    def places(self) -> list[tuple[Location, bool]]:
        """What the platform was told, with whether it was backfill."""
        return [
            (each, event.backfill)
            for event in self.heard
            if isinstance(event, Located)
            for each in event.locations
        ]


YEARS = (Dialect.Y2011, Dialect.Y2013, Dialect.Y2019)
