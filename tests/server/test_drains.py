"""What a job took from a battery, by the steps of its gauge."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.review.drains import Level, charged_between, drain, level_at, plausible

BEGIN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
END = BEGIN + timedelta(hours=2)


def falling(pct_per_h: float, *, step: int = 1, begins: float = 80.0) -> list[Level]:
    """Reports a minute apart over two hours, as a gauge of such steps tells them."""
    return [
        Level(
            at=BEGIN + timedelta(minutes=minute),
            pct=int((begins - pct_per_h * minute / 60) // step * step),
            charging=False,
        )
        for minute in range(121)
    ]


@pytest.mark.parametrize("step", [1, 5])
@pytest.mark.parametrize("rate", [10.0, 25.0])
def test_a_steady_drain_is_found_whatever_the_steps(rate: float, step: int) -> None:
    found = drain(falling(rate, step=step), BEGIN, END)

    assert found is not None
    assert found.pct_per_h == pytest.approx(rate, rel=0.03)
    assert found.low <= rate <= found.high


def test_too_few_steps_tell_nothing() -> None:
    assert drain(falling(5, step=5), BEGIN, END) is None
    assert drain([], BEGIN, END) is None


def test_a_charge_or_another_pack_ends_what_can_be_measured() -> None:
    levels = falling(20)
    charged = [*levels[:60], Level(at=levels[60].at, pct=60, charging=True), *levels[61:]]
    swapped = [
        each if number < 60 else Level(at=each.at, pct=each.pct + 35, charging=False)
        for number, each in enumerate(levels)
    ]

    assert drain(charged, BEGIN, END) is None
    assert drain(swapped, BEGIN, END) is None
    assert charged_between(swapped, BEGIN, END)
    assert not charged_between(levels, BEGIN, END)


def test_a_gauge_that_says_0_once_is_not_believed() -> None:
    levels = falling(20)
    misread = [*levels[:60], Level(at=levels[60].at, pct=0, charging=False), *levels[61:]]

    assert drain(plausible(misread), BEGIN, END) == drain(levels, BEGIN, END)
    assert plausible(levels) == levels


def test_another_pack_and_an_empty_one_are_believed() -> None:
    swapped = [8, 7, 90, 90, 89]
    emptied = [40, 40, 3, 2]

    for said in (swapped, emptied):
        levels = [
            Level(at=BEGIN + timedelta(minutes=place), pct=pct, charging=False)
            for place, pct in enumerate(said)
        ]
        assert plausible(levels) == levels


def test_a_level_of_long_ago_is_none_of_now() -> None:
    levels = [Level(at=BEGIN, pct=80, charging=False)]

    assert level_at(levels, BEGIN + timedelta(minutes=9)) == 80
    assert level_at(levels, BEGIN + timedelta(minutes=11)) is None
    assert level_at(levels, BEGIN - timedelta(seconds=1)) is None
