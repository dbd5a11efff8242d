"""Charges and swaps from reports: what was seen is told, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from devices.battery.charging import (
    CONTACT_MAX,
    Charge,
    ChargeKind,
    Follow,
    Reading,
    capacity_trend,
    follow,
)
from devices.battery.model import Load, starting_prior

BEGIN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
PRIOR = starting_prior()
Step = tuple[float, float | None, bool]
"""(minutes, level, charging)"""


def told(steps: Sequence[Step], *, loads: frozenset[Load] = frozenset()) -> list[Charge]:
    """Newest form of every charge, kept and read back between any two reports."""
    known, found = Follow(), dict[datetime, Charge]()
    for minute, level_pct, charging in steps:
        reading = Reading(
            at=BEGIN + timedelta(minutes=minute),
            level_pct=level_pct,
            charging=charging,
            lon=100.0,
            lat=27.0,
        )
        known, changed = follow(known, reading, loads or frozenset({Load.STANDBY}), PRIOR)
        known = msgspec.json.decode(msgspec.json.encode(known), type=Follow)
        found |= {charge.began.at: charge for charge in changed}
    return list(found.values())


def ends(charge: Charge) -> list[tuple[float, float | None] | None]:
    """Minute and level before, at the beginning, last on the charger, first off it."""
    parts = (charge.before, charge.began, charge.until, charge.ended)
    return [
        None if each is None else ((each.at - BEGIN).total_seconds() / 60, each.level_pct)
        for each in parts
    ]


def test_a_charge_is_from_the_first_report_that_says_so_to_the_first_that_does_not() -> None:
    steps = [(0, 41, False), (5, 40, False), (6, 40, True), (60, 80, True), (70, 85, False)]

    (charge,) = told([*steps, (80, 84, False)])

    assert charge.kind is ChargeKind.CHARGE
    assert ends(charge) == [(5, 40), (6, 40), (60, 80), (70, 85)]


def test_a_running_charge_has_no_end() -> None:
    (charge,) = told([(0, 40, True), (30, 60, True)])

    assert ends(charge) == [None, (0, 40), None, None]


def test_what_a_silence_on_the_charger_hides_stays_open() -> None:
    (charge,) = told([(0, 20, False), (1, 20, True), (600, 100, False), (601, 100, False)])

    assert ends(charge) == [(0, 20), (1, 20), (1, 20), (600, 100)]


def test_a_loose_contact_goes_on_with_its_charge() -> None:
    off = CONTACT_MAX.total_seconds() / 60
    steps = [(0, 40, True), (10, 50, False), (10 + off, 50, True), (30, 60, True), (40, 65, False)]

    (charge,) = told([*steps, (50, 65, False)])

    assert ends(charge) == [None, (0, 40), (30, 60), (40, 65)]


def test_a_longer_break_makes_two_charges() -> None:
    off = CONTACT_MAX.total_seconds() / 60 + 1

    assert len(told([(0, 40, True), (10, 50, False), (10 + off, 50, True), (30, 60, True)])) == 2


def test_a_rise_without_a_charger_is_another_pack() -> None:
    (swap,) = told([(0, 12, False), (5, 11, False), (10, 98, False), (15, 98, False)])

    assert swap.kind is ChargeKind.SWAP
    assert ends(swap) == [(5, 11), (10, 98), None, (10, 98)]


def test_a_rise_after_a_silence_is_a_rise_that_nobody_saw() -> None:
    (rise,) = told([(0, 12, False), (5, 11, False), (500, 98, False), (505, 98, False)])

    assert rise.kind is ChargeKind.UNSEEN


@pytest.mark.parametrize(
    "levels",
    [
        [60, 59, 59, 0, 59, 58, 58],
        [20, 20, 19, 80, 19, 19, 18],
        [20, 19, 24, 24, 24],
        [20, None, 20, None, 19],
        [20, 19, 80],
    ],
    ids=[
        "a wrong low level",
        "a wrong high level",
        "a small rise",
        "no level",
        "not borne out yet",
    ],
)
def test_nothing_is_invented(levels: list[float | None]) -> None:
    assert told([(5 * i, level, False) for i, level in enumerate(levels)]) == []


def test_a_rise_on_the_way_to_the_charger_is_told_before_the_charge() -> None:
    steps = [(0, 20, False), (5, 20, False), (200, 60, False), (201, 60, True)]

    assert [charge.kind for charge in told(steps)] == [ChargeKind.UNSEEN, ChargeKind.CHARGE]


def test_reports_that_are_not_newer_are_left_out() -> None:
    assert told([(10, 40, False), (5, 40, True), (10, 40, True)]) == []


def discharge(*, hours: float, per_h: float) -> list[Step]:
    """Down from full, then on a charger."""
    minutes = [10 * i for i in range(round(6 * hours) + 1)]
    down: list[Step] = [(m, 100 - per_h * m / 60, False) for m in minutes]
    return [*down, (minutes[-1] + 1, down[-1][1], True)]


def test_a_discharge_that_was_watched_says_how_much_the_pack_holds() -> None:
    model = 100 * 1.2 / 11.4

    (as_new,) = told(discharge(hours=6, per_h=model), loads=frozenset({Load.RECORD}))
    (worn,) = told(discharge(hours=6, per_h=model / 0.8), loads=frozenset({Load.RECORD}))

    assert as_new.capacity_pct == pytest.approx(100 / 0.96, rel=0.02)  # at 20 °C, not 25
    assert worn.capacity_pct == pytest.approx(0.8 * 100 / 0.96, rel=0.02)


def test_a_short_discharge_or_one_with_a_gap_says_nothing_of_it() -> None:
    short = discharge(hours=1, per_h=10)
    gap: list[Step] = [(0, 100, False), (300, 40, False), (301, 40, True)]

    assert [charge.capacity_pct for charge in told(short) + told(gap)] == [None, None]


def test_the_trend_compares_the_last_third_with_the_first() -> None:
    assert capacity_trend([100, 98, 100, 93, 90, 80, 82, 81, 20]) == pytest.approx(0.81)
    assert capacity_trend([100] * 5) is None
