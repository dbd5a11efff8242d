"""How long a battery lasts over a job: travel, scene and way back at simple drain rates.

First form: one rate per device kind and mode, scaled by the drain seen lately where there is one.
Knows no temperature, no signal strength and no distribution; says nothing where the level is
unknown.

Body camera, 11.4 Wh pack, starting values: standby with GPS 0.6-0.9 W, recording 1.2 W, recording
with 0.5 Mbit/s uplink 2.7 W. A handset (17 Wh taken, GPS and screen at times) is our proposal.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from server.views import DeviceKind

RESERVE_PCT = 5.0
"""Below this a pack is taken as empty: cameras shut down to save their last file."""
LOW_PCT = 20.0
"""What a dispatcher should hear about."""
STALE_S = 30 * 60.0
"""An older level is projected forward, and said to be old."""
OBSERVED_SCALE_MIN = 0.5
OBSERVED_SCALE_MAX = 3.0
"""An observed drain moves the prior at most this far: weak signal costs up to 1.8 times, infrared
light another half; beyond that the observation is more likely wrong than the battery."""


class Mode(StrEnum):
    """What drains the battery."""

    STANDBY = "standby"
    RECORD = "record"
    STREAM = "stream"


_CAMERA_WH = 11.4
_CAMERA_W = {Mode.STANDBY: 0.75, Mode.RECORD: 1.2, Mode.STREAM: 2.7}
_HANDSET_WH = 17.0
_HANDSET_W = {Mode.STANDBY: 1.0, Mode.RECORD: 1.0, Mode.STREAM: 1.0}

DRAIN_PCT_PER_H: dict[DeviceKind, dict[Mode, float]] = {
    "body_camera": {mode: 100 * watt / _CAMERA_WH for mode, watt in _CAMERA_W.items()},
    "handset": {mode: 100 * watt / _HANDSET_WH for mode, watt in _HANDSET_W.items()},
}
"""Camera: standby 6.6, record 10.5, stream 23.7 %/h. Devices of the vehicle run on its battery."""


_MODES: dict[str, Mode] = {mode.value: mode for mode in Mode}


@dataclass(frozen=True, slots=True, kw_only=True)
class Battery:
    """One device's battery as last reported."""

    device_id: str
    kind: DeviceKind
    level_pct: float | None
    """None: never reported."""
    age_s: float
    """How long ago it was reported."""
    charging: bool
    mode: str
    """As the device says; anything unknown counts as standby."""
    observed_pct_per_h: float | None = None
    """Drain seen lately in that mode; None: too little seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What lies before the battery."""

    travel_s: float
    scene_s: float
    return_s: float
    recording: Mode
    """Mode of a body camera at the scene."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """One battery over the job, percent in [0, 100]."""

    battery: Battery
    now_pct: float
    arrival_pct: float
    end_pct: float
    empty_after_s: float | None
    """When it falls to the reserve, from now; None: not during the job."""

    @property
    def stale(self) -> bool:
        return self.battery.age_s > STALE_S


def outlook(battery: Battery, job: Job) -> Outlook | None:
    """Project one battery; None where its level is unknown or it hangs on the vehicle."""
    if battery.level_pct is None or battery.kind not in DRAIN_PCT_PER_H:
        return None
    # On the charger (in the car, as a rule) it is taken to hold its level, not to gain.
    resting = 0.0 if battery.charging else drain_pct_per_h(battery, Mode.STANDBY)
    until_now = 0.0 if battery.charging else drain_pct_per_h(battery, mode_of(battery))
    now_pct = _clamped(battery.level_pct - until_now * battery.age_s / 3600)
    legs = (
        (job.travel_s, resting),
        (job.scene_s, drain_pct_per_h(battery, job.recording)),
        (job.return_s, drain_pct_per_h(battery, Mode.STANDBY)),
    )
    level, elapsed_s, empty_after_s = now_pct, 0.0, None
    levels = []
    for duration_s, rate in legs:
        after = level - rate * duration_s / 3600
        if empty_after_s is None and after < RESERVE_PCT:
            above = max(0.0, level - RESERVE_PCT)
            empty_after_s = elapsed_s + (3600 * above / rate if rate > 0 else 0.0)
        level, elapsed_s = after, elapsed_s + duration_s
        levels.append(_clamped(level))
    return Outlook(
        battery=battery,
        now_pct=now_pct,
        arrival_pct=levels[0],
        end_pct=levels[2],
        empty_after_s=empty_after_s,
    )


def drain_pct_per_h(battery: Battery, mode: Mode) -> float:
    """Rate in `mode`: the prior of the kind, scaled by what was seen lately in the present mode."""
    rates = DRAIN_PCT_PER_H[battery.kind]
    if battery.observed_pct_per_h is None:
        return rates[mode]
    scale = battery.observed_pct_per_h / rates[mode_of(battery)]
    return rates[mode] * min(max(scale, OBSERVED_SCALE_MIN), OBSERVED_SCALE_MAX)


def mode_of(battery: Battery) -> Mode:
    """The present mode, standby where the device says nothing we know."""
    return _MODES.get(battery.mode, Mode.STANDBY)


def _clamped(pct: float) -> float:
    return min(max(pct, 0.0), 100.0)
