"""What a `DeviceSession` and its caller tell each other: events up, commands down, the close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from protocols import native
from protocols.native import Hello, Location, Sos, State, Uplink

Priority = Literal["routine", "priority", "emergency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Close:
    """Why the connection ends; the close frame carries both."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Downlink:
    """One command of the device's log, as `queue` takes it. `expires_ms` is Unix milliseconds."""

    seq: int
    id: str
    kind: str
    priority: Priority
    body: dict[str, Any]
    expires_ms: int | None = None

    def frame(self, *, prev: int) -> bytes:
        """As it goes over the wire after the command `prev`."""
        return native.encode(
            native.Command(
                seq=self.seq,
                prev=prev,
                id=self.id,
                kind=self.kind,
                pri=self.priority,
                exp=self.expires_ms,
                body=self.body,
            )
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class HelloReceived:
    """The device says who it is; answer with `welcome`, or `close`."""

    hello: Hello


@dataclass(frozen=True, slots=True, kw_only=True)
class LocationReceived:
    location: Location


@dataclass(frozen=True, slots=True, kw_only=True)
class StateReceived:
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class SosReceived:
    """Somebody needs help; of a malformed record, what could be believed."""

    sos: Sos


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordRefused:
    """A numbered record whose values no device can mean. It is stored as nothing and acked."""

    n: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Duplicate:
    """A record taken before."""

    n: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A record ahead of the one that must come next."""

    n: int
    expected: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PingReceived:
    """Answer with `pong`."""

    i: int
    battery_pct: int | None


Event: TypeAlias = (
    HelloReceived
    | LocationReceived
    | StateReceived
    | SosReceived
    | RecordRefused
    | Duplicate
    | Gap
    | PingReceived
)


def received(record: Uplink) -> LocationReceived | StateReceived | SosReceived:
    """What a record means."""
    match record:
        case Location():
            return LocationReceived(location=record)
        case State():
            return StateReceived(state=record)
        case Sos():
            return SosReceived(sos=record)


def salvaged(n: int, frame: str | bytes) -> SosReceived | RecordRefused:
    """What a malformed record means: nothing, unless somebody calls for help with it."""
    sos = native.salvage_sos(frame)
    return RecordRefused(n=n, reason="malformed") if sos is None else SosReceived(sos=sos)
