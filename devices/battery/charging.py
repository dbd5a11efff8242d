"""When a battery was charged, and when it was another one: told from a device's reports alone.

A device says whether it charges; that is a charge, from the first report that says so to the first
that does not. A level that is higher without it, soon after the last report, is another pack; after
a silence it is a rise that nobody saw. Nothing is guessed beyond that: each end has the report
before and the report after, and what lies between two reports is not known.

A rise counts when the next report bears it out and the levels before it agree, for some gauges say
now and then what no battery has. A charger that loses contact for a moment goes on with its charge.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from math import exp
from statistics import median
from typing import Final

import msgspec
import numpy as np

from devices.battery.model import (
    GAP_MAX_S,
    LOADS,
    SWAP_RISE_PCT,
    TEMPERATURE_UNKNOWN_C,
    Load,
    Prior,
    charge_of,
    exposure_h,
    mask_of,
)

CONTACT_MAX: Final = timedelta(minutes=2)
"""Off the charger for no longer than this is a loose contact. Starting value."""
RECENT_LEN: Final = 3
"""Levels before a rise that must agree: one wrong one among them does no harm."""
USED_MIN_PCT: Final = 20.0
"""A discharge of less says too little of the capacity. Starting value."""


class ChargeKind(StrEnum):
    CHARGE = "charge"
    """On a charger, by the device's own word."""
    SWAP = "swap"
    """Another pack."""
    UNSEEN = "unseen"
    """Charged or another pack, while the device was silent."""


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One report of one device."""

    at: datetime
    level_pct: float | None
    """None: not told, or not believed."""
    charging: bool
    lon: float
    lat: float


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A level, and when it was told."""

    at: datetime
    level_pct: float | None

    @classmethod
    def of(cls, reading: Reading) -> Told:
        return cls(at=reading.at, level_pct=reading.level_pct)


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """One time that a battery became fuller. Its device and `began` name it."""

    kind: ChargeKind
    before: Told | None
    """The last report before; None: there was none."""
    began: Told
    """The first that says so."""
    until: Told | None = None
    """The last on the charger; None: it may be there still."""
    ended: Told | None = None
    """The first off it; None: it is on it."""
    lon: float
    lat: float
    used_pct: float | None = None
    """Charge taken since the charge before, % of the pack; None: not all of it was watched, or
    it is less than USED_MIN_PCT."""
    expected_pct: float | None = None
    """What a new device would have taken for the same."""

    @property
    def capacity_pct(self) -> float | None:
        """The device behaves as if its pack had so much of a new one's capacity."""
        if self.used_pct is None or self.expected_pct is None:
            return None
        return 100.0 * self.expected_pct / self.used_pct


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """Use since the last charge, watched without a gap."""

    level_pct: float
    """Where it began."""
    hours: tuple[float, ...] = (0.0,) * len(LOADS)
    """(6,) under each load, as if at 25 °C."""


class Follow(msgspec.Struct, frozen=True, kw_only=True):
    """What must be kept of a device from report to report."""

    last: Reading | None = None
    mask: int = 0
    """Loads since `last`."""
    recent: tuple[float, ...] = ()
    """Levels before it, oldest first."""
    risen: Charge | None = None
    """A rise that the next report must bear out."""
    running: Charge | None = None
    """A charge, or one that ended moments ago."""
    stretch: Stretch | None = None


def follow(
    known: Follow, reading: Reading, loads: frozenset[Load], prior: Prior
) -> tuple[Follow, list[Charge]]:
    """Take one report, newer than the last; the charges that begin, end or change with it.

    `loads` from now on; `prior` of a new device.
    """
    if known.last is not None and reading.at <= known.last.at:
        return known, []
    stretch, running = _longer(known, reading), known.running
    changed: list[Charge] = []
    rise: Charge | None = None
    if known.risen is not None and _is_higher(reading, known.recent):
        changed.append(known.risen)
        running, stretch = None, _anew(reading)
    if running is not None and running.ended is None:
        if not reading.charging:
            running, stretch = _ended(running, known.last, reading), _anew(reading)
            changed.append(running)
    elif reading.charging:
        running, stretch = _plugged(running, known.last, reading, stretch, prior), None
        changed.append(running)
    elif not changed:
        rise = _rise(known, reading, stretch, prior)
    if rise is not None:  # until the next report has spoken, all is as it was before this one
        return msgspec.structs.replace(known, risen=rise, last=reading, stretch=stretch), changed
    recent = () if changed else known.recent
    if reading.level_pct is not None:
        recent = (*recent, reading.level_pct)[-RECENT_LEN:]
    if stretch is None and not reading.charging:
        stretch = _anew(reading)
    now = Follow(last=reading, mask=mask_of(loads), recent=recent, running=running, stretch=stretch)
    return now, changed


def capacity_trend(capacities_pct: Sequence[float]) -> float | None:
    """What is left of the first capacity, of those measured, oldest first.

    The median of the last third by that of the first; None: fewer than six were measured.
    """
    third = len(capacities_pct) // 3
    if third < 2:
        return None
    return median(capacities_pct[-third:]) / median(capacities_pct[:third])


def _plugged(
    running: Charge | None,
    last: Reading | None,
    reading: Reading,
    stretch: Stretch | None,
    prior: Prior,
) -> Charge:
    """On a charger: a new charge, or the one that lost contact."""
    if (
        running is not None
        and running.ended is not None
        and reading.at - running.ended.at <= CONTACT_MAX
    ):
        return msgspec.structs.replace(running, until=None, ended=None)
    return _begun(ChargeKind.CHARGE, last, reading, stretch, prior)


def _ended(running: Charge, last: Reading | None, reading: Reading) -> Charge:
    assert last is not None, "a charge began with a report"
    return msgspec.structs.replace(running, until=Told.of(last), ended=Told.of(reading))


def _rise(known: Follow, reading: Reading, stretch: Stretch | None, prior: Prior) -> Charge | None:
    """The rise that this report would be, if the next one bears it out."""
    last = known.last
    if last is None or not _is_higher(reading, known.recent):
        return None
    gap_s = (reading.at - last.at).total_seconds()
    kind = ChargeKind.SWAP if gap_s <= GAP_MAX_S else ChargeKind.UNSEEN
    begun = _begun(kind, last, reading, stretch, prior)
    return msgspec.structs.replace(begun, ended=begun.began)


def _is_higher(reading: Reading, recent: Sequence[float]) -> bool:
    """Than the levels before it, by more than a gauge is wrong."""
    if reading.level_pct is None or not recent:
        return False
    return reading.level_pct - median(recent) >= SWAP_RISE_PCT


def _begun(
    kind: ChargeKind,
    last: Reading | None,
    reading: Reading,
    stretch: Stretch | None,
    prior: Prior,
) -> Charge:
    used, expected = _use(stretch, last, prior)
    return Charge(
        kind=kind,
        before=None if last is None else Told.of(last),
        began=Told.of(reading),
        lon=reading.lon,
        lat=reading.lat,
        used_pct=used,
        expected_pct=expected,
    )


def _use(
    stretch: Stretch | None, last: Reading | None, prior: Prior
) -> tuple[float | None, float | None]:
    """Charge taken over a stretch, and what it would have been by the model."""
    if stretch is None or last is None or last.level_pct is None:
        return None, None
    begun, now = charge_of(np.array([stretch.level_pct, last.level_pct])).tolist()
    if begun - now < USED_MIN_PCT:
        return None, None
    rates = (exp(log_rate) for log_rate in prior.log_rate)
    expected = sum(rate * hours for rate, hours in zip(rates, stretch.hours, strict=True))
    return begun - now, expected


def _anew(reading: Reading) -> Stretch | None:
    return None if reading.level_pct is None else Stretch(level_pct=reading.level_pct)


def _longer(known: Follow, reading: Reading) -> Stretch | None:
    """The stretch with what the device did until now; None: a silence broke it."""
    if known.stretch is None or known.last is None:
        return None
    gap_s = (reading.at - known.last.at).total_seconds()
    if gap_s > GAP_MAX_S:
        return None
    hours = zip(known.stretch.hours, _shares(known.mask), strict=True)
    total = tuple(before + share * gap_s / 3600.0 for before, share in hours)
    return Stretch(level_pct=known.stretch.level_pct, hours=total)


@cache
def _shares(mask: int) -> tuple[float, ...]:
    """(6,) exposure of an hour under these loads; nobody knows how cold it was."""
    mild = np.array([TEMPERATURE_UNKNOWN_C])
    return tuple(exposure_h(np.ones(1), np.array([mask]), mild, np.zeros(1))[0].tolist())
