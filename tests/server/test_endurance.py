"""What lies ahead of a camera, when a person must know, and who of a unit is still heard."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.battery.model import Load
from server.dispatch.batteryrules import Rules
from server.dispatch.endurance import (
    RECORD,
    SCENE_LEFT_S_MIN,
    STANDBY,
    WAY_UNKNOWN_S,
    Heard,
    Work,
    ahead,
    heard,
    lasts_min,
    short,
)
from server.dispatch.mitigation import Part, Plan, split
from server.dispatch.orders import OrderState
from tests.server.test_mitigations import camera

NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
STREAM = frozenset({Load.STREAM_LOW})


def a_work(state: OrderState = OrderState.EN_ROUTE, **changes: Any) -> Work:
    values: dict[str, Any] = {
        "state": state,
        "en_route_at": NOW,
        "on_scene_at": None,
        "eta_s": 2400.0,
        "scene_s": 2700.0,
    }
    return Work(**(values | changes))


def planned(work: Work, after_s: float = 0.0, present: frozenset[Load] = STANDBY) -> Plan:
    return ahead(work, NOW + timedelta(seconds=after_s), present=present, scene=STREAM)


def minutes(plan: Plan) -> dict[Part, float]:
    return {each.part: each.leg.minutes for each in plan}


def test_way_scene_and_way_back_lie_ahead() -> None:
    plan = planned(a_work())

    assert minutes(plan) == {Part.TRAVEL: 40.0, Part.SCENE: 45.0, Part.RETURN: 40.0}
    assert [each.leg.loads for each in plan] == [STANDBY, STREAM, RECORD]


def test_what_was_driven_does_not_lie_ahead() -> None:
    assert minutes(planned(a_work(), after_s=1200.0))[Part.TRAVEL] == 20.0


def test_late_unit_is_still_on_its_way() -> None:
    assert minutes(planned(a_work(), after_s=9000.0))[Part.TRAVEL] == 1.0


def test_who_has_not_left_has_the_whole_way_ahead() -> None:
    work = a_work(OrderState.ACCEPTED, en_route_at=None)

    assert minutes(planned(work, after_s=600.0))[Part.TRAVEL] == 40.0


def test_way_that_nobody_reckoned_is_taken_to_be_long() -> None:
    assert minutes(planned(a_work(eta_s=None)))[Part.RETURN] == WAY_UNKNOWN_S / 60.0


def test_charger_in_the_car_holds_until_the_scene() -> None:
    plan = ahead(a_work(), NOW, present=STANDBY, scene=STREAM, charging=True)

    assert [each.leg.charging for each in plan] == [True, False, False]


def test_at_the_scene_the_rest_of_it_lies_ahead_as_it_is_now() -> None:
    work = a_work(OrderState.ON_SCENE, on_scene_at=NOW)

    plan = planned(work, after_s=900.0, present=RECORD)

    assert minutes(plan) == {Part.SCENE: 30.0, Part.RETURN: 40.0}
    assert plan[0].leg.loads == RECORD


def test_nobody_leaves_a_scene_by_the_clock() -> None:
    work = a_work(OrderState.FEEDBACK, on_scene_at=NOW)

    assert minutes(planned(work, after_s=9000.0))[Part.SCENE] == SCENE_LEFT_S_MIN / 60.0


@given(st.floats(8.0, 60.0), st.floats(0.1, 0.9))
def test_minutes_that_it_lasts_are_those_of_the_probability(level: float, p: float) -> None:
    plan = planned(a_work(), present=RECORD)
    outlook = camera(level)

    found = lasts_min(outlook, plan, p)

    whole = outlook.p_last([each.leg for each in plan])
    if found is None:
        assert whole >= p
    else:
        assert whole < p
        assert outlook.p_last(split(plan, found)[0]) >= p
        assert outlook.p_last(split(plan, found + 0.3)[0]) < p


@pytest.mark.parametrize(
    ("p", "was_short", "is_short"),
    [(0.55, False, True), (0.65, False, False), (0.65, True, True), (0.80, True, False)],
)
def test_alert_does_not_flutter(p: float, *, was_short: bool, is_short: bool) -> None:
    assert short(p, Rules(), was_short=was_short) is is_short


def who(
    camera_s: float | None, *others_s: float | None, zone: bool = False, was_dark: bool = False
) -> Heard:
    def at(age_s: float | None) -> datetime | None:
        return None if age_s is None else NOW - timedelta(seconds=age_s)

    return heard(
        camera_at=at(camera_s),
        others_at=[at(each) for each in others_s],
        now=NOW,
        expected_back=zone,
        rules=Rules(),
        was_dark=was_dark,
    )


@pytest.mark.parametrize(
    ("camera_s", "other_s", "zone", "found"),
    [
        (20.0, 900.0, False, Heard.BOTH),
        (None, 20.0, False, Heard.BOTH),
        (200.0, 20.0, False, Heard.CAMERA_DARK),
        (200.0, 250.0, False, Heard.BOTH),
        (400.0, 350.0, False, Heard.BOTH_SILENT),
        (400.0, None, False, Heard.BOTH_SILENT),
        (400.0, 350.0, True, Heard.IN_DEAD_ZONE),
    ],
)
def test_dark_camera_is_not_a_silent_unit_and_neither_is_a_dead_zone(
    camera_s: float | None, other_s: float | None, *, zone: bool, found: Heard
) -> None:
    assert who(camera_s, other_s, zone=zone) is found


@pytest.mark.parametrize(
    ("camera_s", "other_s", "found"),
    [
        (20.0, 20.0, Heard.BOTH),
        (400.0, 250.0, Heard.CAMERA_DARK),
        (400.0, 301.0, Heard.BOTH_SILENT),
    ],
)
def test_officer_who_reports_seldom_does_not_make_his_camera_heard(
    camera_s: float, other_s: float, found: Heard
) -> None:
    assert who(camera_s, other_s, was_dark=True) is found


@pytest.mark.parametrize(
    "wrong",
    [{"alert_below": 0.9}, {"second_below": 1.5}, {"silent_s": 0.0}],
    ids=["crossed", "share", "seconds"],
)
def test_rules_that_make_no_sense_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        Rules(**wrong)
