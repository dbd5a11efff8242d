"""Peace and war by order: who may give one, what holds when, and what is signed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from server.dispatch import stance as core
from server.dispatch.errors import Impossible
from server.dispatch.stance import (
    Authority,
    Effects,
    Ending,
    Reoptimise,
    StanceMode,
    StanceOrder,
    check,
    held_then,
    in_force,
    may_give,
    parse,
    prolongs,
    stance_of,
    text,
    warns_at,
)
from server.dispatch.timers import PEACE_URGENT, WAR, Stance, TimerTable

NOON = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


def an_order(number: int = 1, **changed: Any) -> StanceOrder:
    values: dict[str, Any] = {
        "number": number,
        "mode": StanceMode.WAR,
        "reason": "earthquake, many calls",
        "effects": Effects(),
        "issued_by": "user:li",
        "issued_at": NOON,
        "expires_at": NOON + 8 * HOUR,
    }
    return StanceOrder(**(values | changed))


def peace(number: int, **changed: Any) -> StanceOrder:
    return an_order(number, **({"mode": StanceMode.PEACE, "expires_at": None} | changed))


# -- what holds ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "number"),
    [
        (-1, None),
        (0, 1),
        (1, 1),
        (2, None),
        (2.9, None),
        (3, 2),
        (5, None),
        (6, 3),
        (7, 4),
        (99, 4),
    ],
)
def test_what_held_then_is_told_by_the_orders_of_then(hours: float, number: int | None) -> None:
    orders = [
        an_order(1, expires_at=NOON + 8 * HOUR, ended_at=NOON + 2 * HOUR),
        # It ran out at 17:00, and that was noticed an hour later.
        an_order(
            2,
            issued_at=NOON + 3 * HOUR,
            expires_at=NOON + 5 * HOUR,
            ended_at=NOON + 6 * HOUR,
        ),
        an_order(3, issued_at=NOON + 6 * HOUR, ended_at=NOON + 7 * HOUR),
        peace(4, issued_at=NOON + 7 * HOUR),
    ]

    held = held_then(orders, NOON + hours * HOUR)

    assert (None if held is None else held.number) == number


def test_without_an_order_it_is_peace() -> None:
    assert in_force([], NOON) is None
    assert stance_of(None) == Stance()


def test_war_holds_from_its_order_until_its_time_is_over_to_the_second() -> None:
    order = an_order()

    assert in_force([order], NOON) is order
    assert in_force([order], NOON + 8 * HOUR - timedelta(seconds=1)) is order
    assert in_force([order], NOON + 8 * HOUR) is None


def test_a_server_whose_clock_is_behind_knows_of_war_as_soon_as_the_others() -> None:
    order = an_order()

    assert in_force([order], NOON - timedelta(seconds=30)) is order


def test_war_that_was_ended_stays_over_though_a_clock_goes_back() -> None:
    order = an_order(ended_at=NOON + HOUR)

    assert in_force([order], NOON + HOUR) is None
    assert in_force([order], NOON + HOUR - timedelta(minutes=5)) is None


def test_when_the_newest_order_is_over_no_older_one_comes_back() -> None:
    long, short = an_order(1), an_order(2, issued_at=NOON + HOUR, expires_at=NOON + 2 * HOUR)

    assert in_force([short, long], NOON + HOUR) is short
    assert in_force([short, long], NOON + 3 * HOUR) is None


def test_an_order_of_peace_ends_war() -> None:
    orders = [an_order(1), peace(2, issued_at=NOON + HOUR)]

    assert not stance_of(in_force(orders, NOON + 2 * HOUR)).war


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 40), st.integers(1, 20), st.booleans()), max_size=6),
    st.integers(0, 70),
)
def test_whatever_was_ordered_only_the_newest_order_can_hold(
    given_orders: list[tuple[int, int, bool]], at_h: int
) -> None:
    orders = [
        an_order(
            number,
            issued_at=NOON + start * HOUR,
            expires_at=NOON + (start + hours) * HOUR,
            ended_at=NOON + (start + 1) * HOUR if over else None,
        )
        for number, (start, hours, over) in enumerate(sorted(given_orders), start=1)
    ]
    at = NOON + at_h * HOUR

    found = in_force(orders, at)

    assert found is None or (found is orders[-1] and found.holds(at))
    assert found is not None or not orders or not orders[-1].holds(at)


def test_what_the_order_says_is_what_the_watch_is_told() -> None:
    effects = Effects(offers=True, off_duty_reports=True)

    told = stance_of(an_order(effects=effects))

    assert told == Stance(war=True, offers=True, off_duty_reports=True)
    assert TimerTable().pace(told, urgent=False) == WAR
    assert TimerTable().pace(stance_of(None), urgent=True) == PEACE_URGENT


def test_the_end_is_announced_half_an_hour_before_or_half_way_through_a_short_one() -> None:
    assert warns_at(an_order()) == NOON + 7.5 * HOUR
    assert warns_at(an_order(expires_at=NOON + HOUR / 3)) == NOON + HOUR / 6


# -- who and what --------------------------------------------------------------------------


def test_only_a_supervisor_declares_war() -> None:
    assert may_give(["supervisor"], None)
    assert not may_give(["dispatcher", "admin"], None)


def test_a_dispatcher_prolongs_or_ends_war_where_the_order_says_so() -> None:
    strict, shared = an_order(), an_order(effects=Effects(authority=Authority.DISPATCHER))

    assert not may_give(["dispatcher"], strict)
    assert may_give(["dispatcher"], shared)
    assert not may_give(["officer"], shared)


def test_an_order_that_changes_nothing_but_the_end_prolongs() -> None:
    order = an_order()

    assert prolongs(an_order(2, reason="not over yet", expires_at=NOON + 12 * HOUR), order)
    assert not prolongs(an_order(2, effects=Effects(offers=True)), order)
    assert not prolongs(peace(2), order)
    assert not prolongs(an_order(2), None)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"reason": "  "}, "no_reason"),
        ({"reason": "x" * 501}, "no_reason"),
        ({"expires_at": None}, "no_end"),
        ({"expires_at": NOON + timedelta(minutes=9)}, "bad_end"),
        ({"expires_at": NOON + 24 * HOUR + timedelta(seconds=1)}, "bad_end"),
        ({"mode": StanceMode.PEACE, "effects": Effects(offers=True)}, "war_only"),
        (
            {"mode": StanceMode.PEACE, "effects": Effects(reoptimise=Reoptimise.AUTOMATIC)},
            "war_only",
        ),
    ],
)
def test_an_order_that_cannot_be_is_refused(changed: dict[str, Any], code: str) -> None:
    with pytest.raises(Impossible) as refused:
        check(an_order(**changed), war_h_max=24.0)

    assert refused.value.code == code


def test_a_whole_day_of_war_is_allowed_and_peace_needs_no_end() -> None:
    check(an_order(expires_at=NOON + 24 * HOUR), war_h_max=24.0)
    check(peace(1), war_h_max=24.0)


# -- what is signed ------------------------------------------------------------------------

WORDS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=60)


@settings(max_examples=60, deadline=None)
@given(
    WORDS,
    st.sampled_from(StanceMode),
    st.builds(
        Effects,
        offers=st.booleans(),
        reoptimise=st.sampled_from(Reoptimise),
        authority=st.sampled_from(Authority),
        off_duty_reports=st.booleans(),
    ),
    st.integers(1, 10**6),
    st.none() | st.integers(1, 10**6),
)
def test_what_is_signed_reads_back_as_it_was_ordered(
    reason: str, mode: StanceMode, effects: Effects, number: int, lasts_s: int | None
) -> None:
    expires_at = None if lasts_s is None else NOON + timedelta(seconds=lasts_s)
    order = an_order(number, mode=mode, reason=reason, effects=effects, expires_at=expires_at)

    assert parse(text(order)) == order


def test_that_an_order_was_ended_reads_back_too() -> None:
    ending = Ending(number=3, reason="aftershocks ceased", ended_by="user:li", ended_at=NOON)

    assert parse(core.ending_text(ending)) == ending


def test_what_is_not_written_as_we_write_it_is_no_order() -> None:
    signed = text(an_order())

    for other in (
        "",
        signed.replace(" v1", " v2"),
        signed.replace('"number":1', '"number": 1'),
        signed.replace('"offers":false,', ""),
        signed.replace('"war"', '"siege"'),
        signed + "\n",
    ):
        with pytest.raises(ValueError, match=r"order of peace or war|siege"):
            parse(other)


def test_how_an_order_ended_is_not_part_of_what_was_signed() -> None:
    order = an_order()

    assert text(replace(order, ended_at=NOON + HOUR)) == text(order)
