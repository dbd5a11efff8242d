"""How much and how fast one connection may: named limits, the send queue, acks, the frame budget.

Values in, values out; `now` is monotonic seconds.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

from protocols.native import HEARTBEAT_S, STANDBY_HEARTBEAT_S


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """Named maxima and times of one connection."""

    hello_s: float = 10
    """From the handshake to the hello."""
    heartbeat_s: int = HEARTBEAT_S
    """While the device's unit is on duty."""
    standby_heartbeat_s: int = STANDBY_HEARTBEAT_S
    """While it is not."""
    heartbeats_missed_max: int = 2
    """Silence of so many intervals means the link is dead."""
    ack_interval_s: float = 1
    """Between two acknowledgements, unless `ack_records_max` wait."""
    ack_records_max: int = 50
    send_queue_bytes_max: int = 256 * 1024
    """Frames that wait for the peer to read; beyond it the peer is a slow consumer."""
    send_stalled_s: float = 30
    """How long the oldest frame may wait before the peer is a slow consumer."""
    frames_per_s_max: float = 50
    """Above it reading slows down (`throttle_s`); a backlog is worth waiting for, not closing."""
    frames_burst_max: int = 2000
    """So many at once are read at full speed: the backlog of a long dead zone."""
    hello_cost_frames: int = 50
    """A hello costs the database; it counts as so many frames."""

    def interval_s(self, *, on_duty: bool) -> int:
        """How often a peer speaks at least."""
        return self.heartbeat_s if on_duty else self.standby_heartbeat_s


class SendQueue:
    """Frames that wait for the peer to read, by bytes; the command each carries is remembered."""

    def __init__(self, bytes_max: int) -> None:
        self.bytes_waiting = 0
        self.waits_since: float | None = None
        """Since when the oldest frame waits."""
        self._bytes_max = bytes_max
        self._frames: deque[tuple[bytes, str | None]] = deque()
        self._sent_ids: list[str] = []

    def __len__(self) -> int:
        return len(self._frames)

    def has_room(self, frame: bytes) -> bool:
        return self.bytes_waiting + len(frame) <= self._bytes_max

    def put(self, frame: bytes, now: float, command_id: str | None = None) -> None:
        if self.waits_since is None:
            self.waits_since = now
        self._frames.append((frame, command_id))
        self.bytes_waiting += len(frame)

    def take(self) -> list[bytes]:
        """All frames, to be written now."""
        frames = [frame for frame, _ in self._frames]
        self._sent_ids += [command_id for _, command_id in self._frames if command_id]
        self.drop()
        return frames

    def taken_ids(self) -> list[str]:
        """Commands that `take` gave out since the last call."""
        taken, self._sent_ids = self._sent_ids, []
        return taken

    def drop(self) -> None:
        """Forget what waits."""
        self._frames.clear()
        self.bytes_waiting = 0
        self.waits_since = None


class AckPacing:
    """When to acknowledge: at once after a pause, else once an interval or so many records."""

    def __init__(self, limits: SessionLimits) -> None:
        self.owed = False
        self._limits = limits
        self._sent_n = 0
        self._sent_at = float("-inf")

    def start(self, up_n: int) -> None:
        """The peer knows of everything up to `up_n`."""
        self._sent_n = up_n
        self.owed = False

    @property
    def due_at(self) -> float:
        return self._sent_at + self._limits.ack_interval_s

    def is_due(self, acked_n: int, now: float) -> bool:
        return now >= self.due_at or acked_n - self._sent_n >= self._limits.ack_records_max

    def sent(self, acked_n: int, now: float) -> None:
        self._sent_n, self._sent_at = acked_n, now
        self.owed = False


class Budget:
    """Frames a peer may send: a bucket that fills at a steady rate."""

    def __init__(self, limits: SessionLimits, now: float) -> None:
        self._limits = limits
        self._frames = float(limits.frames_burst_max)
        self._at = now

    def spend(self, frames: int, now: float) -> None:
        self._refill(now)
        self._frames -= frames

    def wait_s(self, now: float) -> float:
        """Until the next frame may be read; 0 while there is something in the bucket."""
        self._refill(now)
        return max(0.0, -self._frames / self._limits.frames_per_s_max)

    def _refill(self, now: float) -> None:
        gained = (now - self._at) * self._limits.frames_per_s_max
        self._frames = min(self._frames + gained, float(self._limits.frames_burst_max))
        self._at = now
