"""What to do about cameras that will not last their shift.

A remedy is worth what it changes in the probability of lasting; a spare is promised to one camera
only, first to the one that dies first. Knows no store and no clock: times are minutes from now.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import hypot
from typing import Final

import numpy as np

from server.dispatch.shiftplan import (
    FULL_PCT,
    HORIZON_MIN,
    LASTS_MIN,
    Camera,
    CameraPlan,
    ahead,
)
from server.dispatch.spares import Spare, SpareKind, metres_from
from server.shiftviews import Remedy

BANK_PCT: Final = 100.0
"""What a power bank gives. Starting value."""
ADVICE_LEN_MAX: Final = 3
GAIN_MIN: Final = 0.02
"""What wins less is not worth a word, nor a spare. Starting value."""
TRADE_M_MAX: Final = 2_000.0
"""Units so near to each other can trade. Starting value."""
EXTRA_STEP_PCT: Final = 5.0

_BY_SPARE: Final = {
    SpareKind.PACK: Remedy.SWAP,
    SpareKind.POWER_BANK: Remedy.POWER_BANK,
    SpareKind.CAMERA: Remedy.SPARE_CAMERA,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """Something to do about a camera."""

    remedy: Remedy
    by_min: float
    """From now, at the latest; 0: at once."""
    p_lasts: float
    """Then."""
    charge_min: float | None = None
    """How long on the charger."""
    spare: Spare | None = None
    trade_with: str | None = None
    """Device."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Advised:
    """One camera of the list."""

    plan: CameraPlan
    advice: tuple[Advice, ...]
    """Best first; none where it does not fail."""


def plan_shift(cameras: Sequence[Camera], spares: Iterable[Spare]) -> list[Advised]:
    """Every camera, the one that dies first at the head."""
    plans = sorted((ahead(camera) for camera in cameras), key=lambda plan: plan.dies)
    free = {spare.id: spare for spare in spares}
    partners = {plan.camera.device_id: plan for plan in plans if plan.lasts}
    made = []
    for plan in plans:
        advice = _advice(plan, free.values(), partners.values()) if plan.fails else ()
        for first in advice[:1]:
            if first.spare is not None:
                del free[first.spare.id]
            if first.trade_with is not None:
                del partners[first.trade_with]
        made.append(Advised(plan=plan, advice=advice))
    return made


def _advice(
    plan: CameraPlan, spares: Iterable[Spare], partners: Iterable[CameraPlan]
) -> tuple[Advice, ...]:
    """What brings something: first what makes it last, of that the least trouble."""
    found = [*_charging(plan), *_spares(plan, spares), *_trades(plan, partners)]
    worth = [each for each in found if each.p_lasts >= plan.p_lasts + GAIN_MIN]
    trouble = {id(each): number for number, each in enumerate(worth)}
    ranked = sorted(
        worth,
        key=lambda each: (
            each.p_lasts < LASTS_MIN,
            -each.p_lasts if each.p_lasts < LASTS_MIN else 0.0,
            trouble[id(each)],
        ),
    )
    return tuple(ranked[:ADVICE_LEN_MAX])


def _by_min(plan: CameraPlan) -> float:
    """Before one in ten is empty; before the shift begins, where it has not."""
    begins, (early, _, _) = plan.camera.shift.begins_min, plan.empty_min
    if begins > 0.0:
        return begins
    return HORIZON_MIN if early is None else early


def _charging(plan: CameraPlan) -> list[Advice]:
    """As long as it takes, begun as late as it may."""
    camera = plan.camera
    begins = camera.shift.begins_min
    if camera.charging or (begins <= 0.0 and not camera.drives):
        return []
    room = max(FULL_PCT - float(camera.outlook.weight @ camera.outlook.charge_pct), 0.0)
    if begins > 0.0:
        room = min(room, camera.charge_pct_per_h * begins / 60.0)
    extras = [*np.arange(0.0, room, EXTRA_STEP_PCT).tolist(), room]
    enough = bisect_left(extras, LASTS_MIN, key=lambda pct: plan.p_with(extra_pct=pct))
    chosen = extras[min(enough, len(extras) - 1)]
    charge_min = 60.0 * chosen / camera.charge_pct_per_h
    by_min = max(begins - charge_min, 0.0) if begins > 0.0 else _by_min(plan)
    return [
        Advice(
            remedy=Remedy.CHARGE,
            by_min=by_min,
            p_lasts=plan.p_with(extra_pct=chosen),
            charge_min=charge_min,
        )
    ]


def _spares(plan: CameraPlan, spares: Iterable[Spare]) -> list[Advice]:
    """The nearest of each kind."""
    nearest: dict[SpareKind, tuple[float, Spare]] = {}
    for spare in spares:
        off_m = _off_m(plan.camera, spare)
        if off_m is None or not spare.helps(plan.camera.model):
            continue
        known = nearest.get(spare.kind)
        if known is None or (off_m, spare.label) < (known[0], known[1].label):
            nearest[spare.kind] = off_m, spare
    kinds = list(SpareKind)
    ranked = sorted(nearest.values(), key=lambda each: (each[0], kinds.index(each[1].kind)))
    return [
        Advice(
            remedy=_BY_SPARE[spare.kind],
            by_min=_by_min(plan),
            p_lasts=_with(plan, spare),
            spare=spare,
        )
        for _, spare in ranked
    ]


def _off_m(camera: Camera, spare: Spare) -> float | None:
    """How far away; None: nobody knows, or in another unit's vehicle."""
    if spare.unit_id is not None:
        return 0.0 if spare.unit_id == camera.unit_id else None
    if spare.station is not None and spare.station == camera.station:
        return 1.0
    if spare.at is None or camera.at is None:
        return None
    return hypot(*metres_from(camera.at, spare.at))


def _with(plan: CameraPlan, spare: Spare) -> float:
    """Probability of lasting from now with it: a pack or a camera is full, a bank gives its charge.

    Taken later it lasts no less, as long as the old pack reached it.
    """
    if spare.kind is SpareKind.POWER_BANK:
        return plan.p_with(extra_pct=BANK_PCT)
    outlook = plan.camera.outlook
    full = np.full_like(outlook.charge_pct, FULL_PCT)
    return plan.p_with(outlook=replace(outlook, charge_pct=full))


def _trades(plan: CameraPlan, partners: Iterable[CameraPlan]) -> list[Advice]:
    """The camera with which both units last best, if both do."""
    mine = plan.camera
    best: Advice | None = None
    for other in partners:
        if not _meets(mine, other.camera):
            continue
        with_theirs = plan.p_with(outlook=other.camera.outlook)
        with_mine = other.p_with(outlook=mine.outlook)
        worse = min(with_theirs, with_mine)
        if worse >= LASTS_MIN and (best is None or with_theirs > best.p_lasts):
            best = Advice(
                remedy=Remedy.TRADE,
                by_min=_by_min(plan),
                p_lasts=with_theirs,
                trade_with=other.camera.device_id,
            )
    return [] if best is None else [best]


def _meets(mine: Camera, other: Camera) -> bool:
    """Another unit, on duty at the same time, near enough."""
    if other.unit_id == mine.unit_id:
        return False
    if (mine.shift.begins_min > 0.0) != (other.shift.begins_min > 0.0):
        return False
    if mine.at is None or other.at is None:
        return mine.station is not None and mine.station == other.station
    return hypot(*metres_from(mine.at, other.at)) <= TRADE_M_MAX
