"""How much and how long one JT/T 808 link may: named maxima and times."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.session_flow import SessionLimits


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkLimits:
    """Of the platform's side."""

    stranger_s: float = 120.0
    """Until a terminal is known, or its connection ends; it comes back and is looked up again."""
    silence_s: float = 300.0
    """A terminal unheard for so long is gone. The standard leaves the heartbeat to the terminal;
    those seen speak every 30 to 180 s."""
    probe_s: float = 150.0
    """After so much silence a 2019 terminal is asked whether it is there (0x8204)."""
    answer_s: float = 10.0
    """T(0): until an answer is missed and the message goes out again."""
    resends_max: int = 3
    """Of one message, at T(n+1) = T(n) x (n+1): 10, 10, 20 s, and 60 s until it is given up."""
    in_flight_max: int = 16
    """Messages of ours that wait for the terminal's answer; more are refused to the caller."""
    in_hand_max: int = 64
    """Messages of the terminal that we have not answered yet; beyond it, it is not read."""
    remembered_max: int = 128
    """Messages of the terminal whose answers are kept for their repetitions."""
    remembered_s: float = 180.0
    send_queue_bytes_max: int = 64 * 1024
    """What waits for the terminal to read; beyond it the link is closed."""
    send_stalled_s: float = 60.0
    """How long the oldest of it may wait."""
    bad_frame_cost_frames: int = 10
    """What cannot be read counts as so many frames against the pace."""
    pace: SessionLimits = field(
        default_factory=lambda: SessionLimits(frames_per_s_max=50, frames_burst_max=2000)
    )
    """Frames above it are read more slowly, never dropped."""
