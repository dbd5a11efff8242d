"""Is a reported fix believable? From the wire's record to a value worth storing.

Devices lie without meaning to: clocks run ahead, receivers report 0, 0 before their first fix,
reflections in a gorge put a car on the other side of the mountain. One `Track` per device judges
its fixes one by one. A fix is accepted (perhaps with doubts about a part of it) or rejected;
neither is an exception, both are counted by kind.

Knows no map: a unit may well be outside it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from protocols.native import Location

CLOCK_AHEAD_MAX = timedelta(seconds=60)
"""A clock may be ahead by this much without a word; more is a doubt. Never later than our clock."""
AGE_MAX = timedelta(days=30)
"""Older than any backlog a device keeps: a clock that was never set, or a GPS week rollover."""
SPEED_MPS_MAX = 100.0
"""Faster than any unit, helicopters included (starting value)."""
JUMP_M_MIN = 250.0
"""Shorter jumps are noise of a poor receiver, whatever speed they make."""
EARTH_RADIUS_M = 6_371_008.8
"""Mean radius (IUGG)."""


class RejectionKind(StrEnum):
    MALFORMED = "malformed"
    """Not a value of its type; judged by the session before it comes here."""
    NOT_FINITE = "not_finite"
    OUT_OF_RANGE = "out_of_range"
    NO_FIX = "no_fix"
    """Exactly 0, 0: a receiver without satellites."""
    TOO_OLD = "too_old"
    FUTURE = "future"
    """Its clock is so far ahead that its time means nothing; only where a limit is set."""
    TELEPORT = "teleport"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejection:
    """Why a record is not stored. It is acknowledged all the same."""

    kind: RejectionKind
    detail: str


class Doubt(StrEnum):
    """A part of an accepted fix that was not believed."""

    CLOCK_AHEAD = "clock_ahead"
    """Its time lay in our future; ours is used."""
    BATTERY = "battery"
    """Outside 0 … 100 %; unknown instead."""
    SPEED = "speed"
    """Not finite or faster than SPEED_MPS_MAX; unknown instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """One believed position of a device, with its own battery."""

    observed_at: datetime
    received_at: datetime
    lon: float
    lat: float
    accuracy_m: float | None = None
    speed_mps: float | None = None
    heading_deg: float | None = None
    battery_pct: int | None = None
    charging: bool = False
    mode: str = ""
    gauge_pct: int | None = None
    """The battery as it was reported, believed or not."""
    temp_c: float | None = None
    rsrp_dbm: float | None = None
    stream_kbps: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    fix: Fix
    live: bool
    """The device's newest; False: an older one, for the history only."""
    doubts: tuple[Doubt, ...] = ()


class Track:
    """Judges the fixes of one device; remembers the newest."""

    def __init__(self, newest: Fix | None = None, *, ahead_max: timedelta | None = None) -> None:
        """`ahead_max`: a fix whose clock is ahead by more is refused; None: our time is used."""
        self.newest = newest
        self._ahead_max = ahead_max
        self.clock_offset_s: float | None = None
        """Device clock minus ours, as far as the least delayed record shows: never too high."""
        self._suspect: Fix | None = None
        """The last fix that was too far away: a second one beside it is believed."""

    def judge(
        self, location: Location, received_at: datetime, *, history: bool = False
    ) -> Accepted | Rejection:
        """Believe it or not; a live one becomes `newest`. `history`: its device says it is old."""
        if (rejection := _impossible(location)) is not None:
            return rejection
        claimed_at = datetime.fromtimestamp(location.at / 1000, UTC)
        self._note_clock(claimed_at, received_at)
        if claimed_at < received_at - AGE_MAX:
            return _reject(RejectionKind.TOO_OLD, f"observed {claimed_at:%Y-%m-%d}")
        if self._ahead_max is not None and claimed_at > received_at + self._ahead_max:
            return _reject(RejectionKind.FUTURE, f"observed {claimed_at:%Y-%m-%d}")
        fix, doubts = _believed(location, claimed_at, received_at)
        newest = self.newest
        live = not history and (newest is None or fix.observed_at >= newest.observed_at)
        if live and (jump := self._jump_to(fix)) is not None:
            return jump
        if live:
            self.newest = fix
            self._suspect = None
        return Accepted(fix=fix, live=live, doubts=doubts)

    def _jump_to(self, fix: Fix) -> Rejection | None:
        if self.newest is None or _reachable(self.newest, fix):
            return None
        if self._suspect is not None and _reachable(self._suspect, fix):
            return None
        self._suspect = fix
        return _reject(RejectionKind.TELEPORT, _jump(self.newest, fix))

    def _note_clock(self, claimed_at: datetime, received_at: datetime) -> None:
        offset_s = (claimed_at - received_at).total_seconds()
        if self.clock_offset_s is None or offset_s > self.clock_offset_s:
            self.clock_offset_s = offset_s


def believed_pct(gauge_pct: int | None) -> int | None:
    """What a gauge says, if a battery can have it."""
    return gauge_pct if gauge_pct is not None and 0 <= gauge_pct <= 100 else None


def distance_m(lon_a: float, lat_a: float, lon_b: float, lat_b: float) -> float:
    """Great-circle distance by the haversine formula."""
    phi_a, phi_b = math.radians(lat_a), math.radians(lat_b)
    half_dphi = (phi_b - phi_a) / 2
    half_dlambda = math.radians(lon_b - lon_a) / 2
    h = math.sin(half_dphi) ** 2 + math.cos(phi_a) * math.cos(phi_b) * math.sin(half_dlambda) ** 2
    return 2 * EARTH_RADIUS_M * math.asin(min(1.0, math.sqrt(h)))


def _impossible(location: Location) -> Rejection | None:
    lon, lat = location.lon, location.lat
    if not (math.isfinite(lon) and math.isfinite(lat)):
        return _reject(RejectionKind.NOT_FINITE, f"{lon}, {lat}")
    if abs(lon) > 180 or abs(lat) > 90:
        return _reject(RejectionKind.OUT_OF_RANGE, f"{lon}, {lat}")
    if lon == 0 and lat == 0:
        return _reject(RejectionKind.NO_FIX, "0, 0")
    return None


def _believed(
    location: Location, claimed_at: datetime, received_at: datetime
) -> tuple[Fix, tuple[Doubt, ...]]:
    doubts = []
    if claimed_at > received_at + CLOCK_AHEAD_MAX:
        doubts.append(Doubt.CLOCK_AHEAD)
    battery_pct = believed_pct(location.bat)
    if battery_pct != location.bat:
        doubts.append(Doubt.BATTERY)
    speed_mps = location.spd
    if speed_mps is not None and not 0 <= speed_mps <= SPEED_MPS_MAX:  # NaN fails, too
        speed_mps = None
        doubts.append(Doubt.SPEED)
    fix = Fix(
        observed_at=min(claimed_at, received_at),
        received_at=received_at,
        lon=location.lon,
        lat=location.lat,
        accuracy_m=_finite(location.acc),
        speed_mps=speed_mps,
        heading_deg=_finite(location.hdg),
        battery_pct=battery_pct,
        charging=location.chg,
        mode=location.mode.replace("\0", ""),
        gauge_pct=location.bat,
        temp_c=_finite(location.tmp),
        rsrp_dbm=_finite(location.rsrp),
        stream_kbps=_finite(location.kbps),
    )
    return fix, tuple(doubts)


def _reachable(before: Fix, after: Fix) -> bool:
    """Whether a unit can have moved so far in that time, given how well both are known."""
    elapsed_s = (after.observed_at - before.observed_at).total_seconds()
    slack_m = JUMP_M_MIN + (before.accuracy_m or 0.0) + (after.accuracy_m or 0.0)
    moved_m = distance_m(before.lon, before.lat, after.lon, after.lat)
    return moved_m <= slack_m + SPEED_MPS_MAX * max(0.0, elapsed_s)


def _jump(before: Fix, after: Fix) -> str:
    moved_m = distance_m(before.lon, before.lat, after.lon, after.lat)
    elapsed_s = (after.observed_at - before.observed_at).total_seconds()
    return f"{moved_m:.0f} m in {elapsed_s:.0f} s"


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _reject(kind: RejectionKind, detail: str) -> Rejection:
    return Rejection(kind=kind, detail=detail)
