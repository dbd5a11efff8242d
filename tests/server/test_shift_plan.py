"""Which cameras last a shift as planned, and what is to be done about the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from devices.battery.estimator import Estimator
from devices.battery.model import Load, mask_of, starting_prior
from devices.battery.outlook import Leg, Outlook, outlook
from devices.battery.reports import Reports
from server.dispatch.shiftadvice import ADVICE_LEN_MAX, Advised, plan_shift
from server.dispatch.shiftplan import (
    COUNTY_H,
    JOBS_PER_H,
    LASTS_MIN,
    RECORD_MIN,
    SUPPOSED_MIN,
    Camera,
    Shift,
    Work,
    Worked,
    ahead,
    expected_work,
)
from server.dispatch.spares import Spare, SpareKind
from server.shiftviews import Remedy

HERE, NEAR, FAR = (100.20, 27.50), (100.21, 27.50), (100.60, 27.50)
IDLE = Leg(loads=frozenset({Load.STANDBY}), minutes=60.0, temp_c=15.0)
NO_WORK = Work(jobs_per_h=0.0)
ENDLESS_WORK = Work(jobs_per_h=3.0, record_min=10.0, stream_min=300.0)


def p_lasts(camera: Camera) -> float:
    return ahead(camera).p_lasts


def at_level(level_pct: float) -> Outlook:
    """Of a camera that nobody has watched."""
    estimator = Estimator([starting_prior()])
    report = Reports(
        at_s=np.zeros(1),
        level_pct=np.array([level_pct]),
        mask=np.array([mask_of({Load.STANDBY})]),
        charging=np.zeros(1, dtype=np.bool_),
        temp_c=np.array([15.0]),
        weak=np.zeros(1),
    )
    estimator.update(np.zeros(1, dtype=np.int64), report)
    found = outlook(estimator, 0, 0.0)
    assert found is not None
    return found


def a_camera(level_pct: float = 50.0, **changed: Any) -> Camera:
    camera = Camera(
        device_id="cam-1",
        model="BC-4G",
        unit_id="u1",
        station="North",
        at=HERE,
        drives=True,
        learned=True,
        outlook=at_level(level_pct),
        idle=IDLE,
        shift=Shift(minutes=8 * 60.0),
    )
    return replace(camera, **changed)


def a_spare(**changed: Any) -> Spare:
    spare = Spare(
        id="s1",
        label="pack-1",
        kind=SpareKind.PACK,
        fits=frozenset({"BC-4G"}),
        station="North",
        at=HERE,
        unit_id=None,
        charged=True,
        taken=False,
    )
    return replace(spare, **changed)


def the_only(found: list[Advised]) -> Advised:
    (one,) = found
    return one


# -- what is expected ---------------------------------------------------------------------


def test_without_a_past_the_starting_values_hold() -> None:
    assert expected_work(Worked(), Worked()) == Work()
    assert (Work().jobs_per_h, Work().record_min) == (JOBS_PER_H, RECORD_MIN)


def test_a_long_past_speaks_for_itself_and_a_short_one_hardly() -> None:
    county = Worked(on_duty_h=40_000, jobs=20_000, record_min=20_000 * 50.0)
    busy = Worked(on_duty_h=4_000, jobs=4_000, record_min=4_000 * 20.0)
    one_day = Worked(on_duty_h=COUNTY_H / 10, jobs=8, record_min=160.0)

    usual, own, new = (expected_work(each, county) for each in (Worked(), busy, one_day))

    assert usual.jobs_per_h == pytest.approx(0.5, rel=0.01)
    assert usual.record_min == pytest.approx(50, rel=0.01)
    assert own.jobs_per_h == pytest.approx(1.0, rel=0.02)
    assert own.record_min == pytest.approx(20, rel=0.02)
    assert usual.jobs_per_h < new.jobs_per_h < 0.7


# -- what lies ahead ----------------------------------------------------------------------


def test_standing_by_all_shift_is_what_the_battery_alone_says() -> None:
    camera = a_camera(60, work=NO_WORK)

    plan = ahead(camera)

    expected = camera.outlook.p_last([replace(IDLE, minutes=480.0)])
    assert plan.p_lasts == pytest.approx(expected, abs=1e-9)
    assert (plan.jobs, plan.record_min, plan.standby_min) == (0.0, 0.0, 480.0)
    early, likely, late = plan.empty_min
    times = camera.outlook.empty_after_s(IDLE, (0.1, 0.5, 0.9))
    assert [early, likely] == pytest.approx([each / 60 for each in times[:2]], rel=0.05)
    assert late == pytest.approx(times[2] / 60, rel=0.05)


def test_chances_of_jobs_are_summed_over() -> None:
    """By hand: Poisson of two jobs, each of one hour of recording."""
    work = Work(jobs_per_h=0.25, record_min=60.0, stream_min=0.0)
    camera = a_camera(70, work=work)
    chances = [0.1353, 0.2707, 0.2707, 0.1804, 0.0902, 0.0361, 0.0120, 0.0034, 0.0009]
    recording = replace(IDLE, loads=frozenset({Load.RECORD}))

    by_hand = sum(
        chance
        * camera.outlook.p_last(
            [replace(recording, minutes=60.0 * n), replace(IDLE, minutes=480.0 - 60.0 * n)]
        )
        for n, chance in enumerate(chances)
    )

    assert p_lasts(camera) == pytest.approx(by_hand, abs=0.002)
    plan = ahead(camera)
    assert (plan.jobs, plan.record_min, plan.standby_min) == pytest.approx((2.0, 120.0, 360.0))


@pytest.mark.parametrize(
    "harder",
    [
        {"outlook": at_level(40)},
        {"shift": Shift(minutes=10 * 60.0)},
        {"idle": replace(IDLE, temp_c=-10.0)},
        {"work": Work(jobs_per_h=0.5)},
        {"work": Work(stream_min=60.0)},
        {"job": (Leg(loads=frozenset({Load.STREAM_HIGH}), minutes=60.0, temp_c=15.0),)},
    ],
    ids=["lower level", "longer", "colder", "more jobs", "longer jobs", "streams now"],
)
def test_what_asks_more_is_outlasted_less(harder: dict[str, Any]) -> None:
    assert p_lasts(a_camera(50, **harder)) < p_lasts(a_camera(50)) - 0.01


def test_jobs_never_take_longer_than_the_shift() -> None:
    plan = ahead(a_camera(50, work=Work(jobs_per_h=5.0, record_min=200.0)))

    assert plan.record_min + plan.stream_min == pytest.approx(480.0)
    assert plan.standby_min == pytest.approx(0.0)


def test_a_job_longer_than_the_shift_leaves_nothing() -> None:
    job = (Leg(loads=frozenset({Load.RECORD}), minutes=600.0),)

    plan = ahead(a_camera(50, job=job))

    assert (plan.jobs, plan.standby_min) == (0.0, 0.0)


def test_who_dies_first_comes_first() -> None:
    levels = {"a": 90.0, "b": 20.0, "c": 55.0, "d": 6.0}
    cameras = [a_camera(level, device_id=name) for name, level in levels.items()]

    found = plan_shift(cameras, [])

    assert [each.plan.camera.device_id for each in found] == ["d", "b", "c", "a"]


# -- what to do ---------------------------------------------------------------------------


def test_nothing_is_advised_for_a_camera_that_lasts() -> None:
    advised = the_only(plan_shift([a_camera(100, work=NO_WORK)], [a_spare()]))

    assert advised.plan.lasts
    assert advised.advice == ()


def test_a_full_camera_that_nobody_has_watched_is_not_known_yet() -> None:
    full = a_camera(100.0, learned=False)

    (new,) = plan_shift([full], [a_spare()])
    (watched,) = plan_shift([replace(full, learned=True)], [a_spare()])
    (low,) = plan_shift([a_camera(20.0, learned=False)], [a_spare()])

    assert SUPPOSED_MIN < new.plan.p_lasts < LASTS_MIN
    assert (new.plan.lasts, new.plan.fails, new.advice) == (False, False, ())
    assert watched.plan.fails
    assert low.plan.fails
    assert low.advice


def test_before_the_shift_it_is_charged_as_late_as_it_may() -> None:
    camera = a_camera(40, shift=Shift(begins_min=600.0, minutes=360.0), charge_pct_per_h=30.0)

    first = the_only(plan_shift([camera], [])).advice[0]

    assert first.remedy is Remedy.CHARGE
    assert first.p_lasts >= LASTS_MIN
    assert first.charge_min is not None
    assert first.by_min + first.charge_min == pytest.approx(600.0)
    assert 0 < first.charge_min < 60 * 60 / 30


def test_too_late_to_charge_another_pack_comes_first() -> None:
    camera = a_camera(10, shift=Shift(begins_min=60.0, minutes=480.0))

    advised = the_only(plan_shift([camera], [a_spare()]))

    assert [each.remedy for each in advised.advice[:2]] == [Remedy.SWAP, Remedy.CHARGE]
    assert advised.advice[1].by_min == 0.0
    assert advised.advice[1].p_lasts < LASTS_MIN


def test_what_brings_nothing_is_not_proposed_and_takes_no_spare() -> None:
    camera = a_camera(10, shift=Shift(begins_min=0.0, minutes=900.0), work=ENDLESS_WORK)

    assert the_only(plan_shift([camera], [a_spare()])).advice == ()


def test_a_camera_on_its_charger_before_the_shift_gains_until_then() -> None:
    camera = a_camera(10, shift=Shift(begins_min=300.0, minutes=480.0), work=NO_WORK)

    assert p_lasts(camera) < 0.05
    assert p_lasts(replace(camera, charging=True)) > 0.85


def test_on_patrol_it_charges_in_the_car_before_one_in_ten_is_empty() -> None:
    plan = the_only(plan_shift([a_camera(30)], []))

    (charge,) = plan.advice
    assert charge.remedy is Remedy.CHARGE
    assert charge.by_min == plan.plan.empty_min[0]
    assert the_only(plan_shift([a_camera(30, drives=False)], [])).advice == ()


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({}, [Remedy.SWAP]),
        ({"kind": SpareKind.POWER_BANK}, [Remedy.POWER_BANK]),
        ({"kind": SpareKind.CAMERA}, [Remedy.SPARE_CAMERA]),
        ({"station": None, "at": None, "unit_id": "u1"}, [Remedy.SWAP]),
        ({"station": "South", "at": FAR}, [Remedy.SWAP]),
        ({"station": None, "at": None, "unit_id": "u2"}, []),
        ({"charged": False}, []),
        ({"fits": frozenset({"other"})}, []),
    ],
    ids=["pack", "bank", "camera", "own car", "far", "another car", "empty", "does not fit"],
)
def test_spares_that_help(changed: dict[str, Any], expected: list[Remedy]) -> None:
    camera = a_camera(20, drives=False)

    advised = the_only(plan_shift([camera], [a_spare(**changed)]))

    assert [each.remedy for each in advised.advice] == expected


def test_the_nearest_spare_is_named() -> None:
    spares = [
        a_spare(id="far", label="a", station="South", at=FAR),
        a_spare(id="own", label="z", station=None, at=None, unit_id="u1"),
        a_spare(id="here", label="b"),
    ]

    advised = the_only(plan_shift([a_camera(20, drives=False)], spares))

    assert [each.spare and each.spare.id for each in advised.advice] == ["own"]


def test_a_spare_is_promised_once_to_the_one_that_dies_first() -> None:
    cameras = [
        a_camera(25, device_id="later", drives=False),
        a_camera(10, device_id="first", drives=False),
    ]

    first, later = plan_shift(cameras, [a_spare()])

    assert (first.plan.camera.device_id, len(first.advice)) == ("first", 1)
    assert later.advice == ()


def test_two_units_trade_where_both_last_then() -> None:
    busy, quiet = Work(jobs_per_h=0.1), Work(jobs_per_h=0.0)
    weak = a_camera(88, device_id="weak", drives=False, work=busy)
    strong = a_camera(100, device_id="strong", unit_id="u2", at=NEAR, drives=False, work=quiet)

    first, second = plan_shift([weak, strong], [])

    assert [each.remedy for each in first.advice] == [Remedy.TRADE]
    assert first.advice[0].trade_with == "strong"
    assert second.plan.lasts
    for changed in ({"at": FAR}, {"unit_id": "u1"}, {"work": busy}):
        away = replace(strong, **changed)
        assert plan_shift([weak, away], [])[0].advice == (), changed


def test_a_camera_is_traded_once() -> None:
    busy, quiet = Work(jobs_per_h=0.1), Work(jobs_per_h=0.0)
    weak = [
        a_camera(87 + n, device_id=f"weak-{n}", unit_id=f"w{n}", drives=False, work=busy)
        for n in range(2)
    ]
    strong = a_camera(100, device_id="strong", unit_id="u2", drives=False, work=quiet)

    found = plan_shift([*weak, strong], [])

    assert [len(each.advice) for each in found] == [1, 0, 0]


def test_advice_is_short() -> None:
    kinds = list(SpareKind)
    spares = [a_spare(id=kind, label=kind, kind=kind) for kind in kinds]

    advised = the_only(plan_shift([a_camera(10)], spares))

    assert len(advised.advice) == ADVICE_LEN_MAX


def test_fifty_cameras_that_all_need_something_get_a_spare_each() -> None:
    camera = a_camera(30)
    cameras = [replace(camera, device_id=f"c{n}", unit_id=f"u{n}") for n in range(50)]
    spares = [a_spare(id=f"s{n}", label=f"s{n}") for n in range(50)]

    found = plan_shift(cameras, spares)

    promised = [each.advice[0].spare.id for each in found if each.advice[0].spare]
    assert len(promised) == len(set(promised))
