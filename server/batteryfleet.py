"""Endurance of the fleet: every battery, how it drains, and whether it lasts until the shift ends.

Batteries of the units in service; each is asked to go on as it does now. Knows no order.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec
import numpy as np

from devices.battery.outlook import exposures_of
from server.batteries import Batteries
from server.batteryviews import BatteryView
from server.dispatch.battery import Battery
from server.views import UnitView

QUANTILES: Final = (0.1, 0.5, 0.9)


def fleet(
    batteries: Batteries,
    units: Sequence[UnitView],
    now: datetime,
    *,
    until: datetime | None = None,
    shift: timedelta,
) -> list[BatteryView]:
    """Every battery of the units, by unit; `until` stands for the end of each unit's shift."""
    owners = {each.id: unit for unit in units for each in unit.devices}
    ahead = batteries.endurance(owners, now)
    present = ahead.batteries
    ends = {each: until or _end_of_shift(owners[each], shift) for each in present}
    hour = exposures_of([[present[each].leg()] for each in ahead.index])
    hours_left = np.array([_hours(now, ends[each]) for each in ahead.index])
    rates = ahead.outlooks.rate_pct_per_h(hour)
    times = ahead.outlooks.empty_after_s(hour, QUANTILES)
    lasts = ahead.outlooks.p_last(hour * hours_left[:, None])
    views = []
    for each, one in present.items():
        row = ahead.index.get(each)
        known = {}
        if row is not None:
            p10, p50, p90 = (_minutes(seconds) for seconds in times[row])
            known = {"min_p10": p10, "min_p50": p50, "min_p90": p90}
            known["rate_pct_per_h"] = round(float(rates[row]), 2)
            if ends[each] is not None:
                known["p_until"] = round(float(lasts[row]), 3)
        views.append(_view(one, owners[each], ends[each], known))
    return views


def _view(
    one: Battery, unit: UnitView, until: datetime | None, known: dict[str, float | None]
) -> BatteryView:
    bare = BatteryView(
        device_id=one.device_id,
        kind=one.kind,
        model=one.model,
        unit_id=unit.id,
        call_sign=unit.call_sign,
        level_pct=one.level_pct,
        level_at=one.level_at,
        mode="+".join(sorted(one.loads)),
        charging=one.charging,
        temp_c=None if one.temp_c is None else round(one.temp_c, 1),
        weak_signal=one.weak > 0.0,
        rate_pct_per_h=None,
        min_p10=None,
        min_p50=None,
        min_p90=None,
        until=until,
        p_until=None,
        nonsense=one.counts.nonsense,
        swaps=one.counts.swaps,
    )
    return msgspec.structs.replace(bare, **known)


def _end_of_shift(unit: UnitView, shift: timedelta) -> datetime | None:
    return None if unit.on_duty_since is None else unit.on_duty_since + shift


def _hours(now: datetime, until: datetime | None) -> float:
    return 0.0 if until is None else max((until - now).total_seconds(), 0.0) / 3600


def _minutes(seconds: float) -> float | None:
    return round(seconds / 60, 1) if math.isfinite(seconds) else None
