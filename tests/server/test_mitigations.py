"""What can be done about a camera that may not last: which, what they bring, in which order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.estimator import Estimator
from devices.battery.model import Load, mask_of, starting_prior
from devices.battery.outlook import Leg, Outlook, outlook
from devices.battery.reports import Reports
from devices.limits import keeps, may_stream, strictest
from protocols.native import Limits
from server.dispatch.drain import READINGS_LEN_MAX, Reading, measure
from server.dispatch.mitigation import (
    LIMITS,
    PROPOSALS_LEN_MAX,
    TAKEOVERS_LEN_MAX,
    Mitigation,
    Part,
    Proposal,
    Prospect,
    Spare,
    Stretch,
    Takeover,
    limits_of,
    propose,
    under,
)
from server.dispatch.mitigationwords import effect, instruction

STANDBY, RECORD = frozenset({Load.STANDBY}), frozenset({Load.RECORD})
LOW, HIGH = frozenset({Load.STREAM_LOW}), frozenset({Load.STREAM_HIGH})
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)


def camera(level_pct: float = 45.0) -> Outlook:
    """One that nobody has watched."""
    estimator = Estimator([starting_prior()])
    report = Reports(
        at_s=np.zeros(1),
        level_pct=np.array([level_pct]),
        mask=np.array([mask_of(STANDBY)]),
        charging=np.zeros(1, dtype=np.bool_),
        temp_c=np.zeros(1),
        weak=np.zeros(1),
    )
    estimator.update(np.array([0]), report)
    found = outlook(estimator, 0, 0.0)
    assert found is not None
    return found


def a_job(
    scene: frozenset[Load] = HIGH,
    *,
    road: frozenset[Load] = RECORD,
    level_pct: float = 45.0,
    weak: float = 0.0,
    **changes: Any,
) -> Prospect:
    """The worked case: 45 % at 0 °C, 40 minutes of recording on the road, 45 of scene, 40 back."""
    legs = (
        (Part.TRAVEL, road, 40.0),
        (Part.SCENE, scene, 45.0),
        (Part.RETURN, road, 40.0),
    )
    plan = tuple(
        Stretch(part=part, leg=Leg(loads=loads, minutes=minutes, temp_c=0.0, weak=weak))
        for part, loads, minutes in legs
    )
    return Prospect(outlook=camera(level_pct), plan=plan, **({"in_vehicle": False} | changes))


def kinds(prospect: Prospect) -> list[Mitigation]:
    return [each.kind for each in propose(prospect)]


def test_record_only_is_what_the_worked_case_gains_most_by() -> None:
    best = propose(a_job())[0]

    assert best.kind is Mitigation.RECORD_LOCALLY
    assert best.p_before == pytest.approx(0.41, abs=0.02)
    assert best.p_after == pytest.approx(a_job(RECORD).p_last)
    assert best.drain_before_pct_per_h > best.drain_after_pct_per_h > 0.0
    assert best.loads == RECORD


def test_low_bitrate_is_the_plan_with_the_other_stream() -> None:
    found = {each.kind: each for each in propose(a_job())}

    assert found[Mitigation.LOWER_BITRATE].p_after == pytest.approx(a_job(LOW).p_last)


def test_camera_that_lasts_needs_nothing() -> None:
    assert propose(a_job(level_pct=95.0)) == []


def test_what_cannot_change_the_plan_is_not_proposed() -> None:
    found = kinds(a_job(STANDBY, road=STANDBY, level_pct=20.0))

    assert found == [Mitigation.SELDOM_FIXES]


def test_weak_signal_alone_makes_streaming_less_there_worth_it() -> None:
    assert Mitigation.NO_WEAK_STREAM not in kinds(a_job())

    assert Mitigation.NO_WEAK_STREAM in kinds(a_job(weak=0.6))


def test_only_who_drives_charges_in_the_car() -> None:
    assert Mitigation.CHARGE_IN_CAR not in kinds(a_job())

    assert kinds(a_job(RECORD, level_pct=35.0, in_vehicle=True))[0] is Mitigation.CHARGE_IN_CAR


def test_lights_are_switched_off_where_they_burn() -> None:
    job = a_job(RECORD | {Load.SCREEN, Load.INFRARED}, level_pct=40.0)

    assert Mitigation.LIGHTS_OFF in kinds(job)
    assert Mitigation.LIGHTS_OFF not in kinds(a_job(RECORD, level_pct=40.0))


def test_spare_counts_only_if_the_pack_of_now_reaches_it() -> None:
    near = Spare(station="North", after_min=10.0, detour_min=2.0)
    far = Spare(station="South", after_min=100.0, detour_min=0.0)

    found = {each.kind: each for each in propose(a_job(spares=(far, near), power_bank=False))}
    spare = found[Mitigation.SPARE_AT_STATION]

    assert spare.values["station"] == "North"
    assert spare.p_after > 0.9
    assert instruction(spare)["en"] == "Take the charged spare at North on the way."
    assert "North" in instruction(spare)["zh"]


def a_second(device_id: str = "cam-09", *, eta_min: float = 30.0, p_last: float = 0.9) -> Takeover:
    return Takeover(
        device_id=device_id, unit_id="u9", call_sign="P-09", eta_min=eta_min, p_last=p_last
    )


def test_second_camera_only_for_evidence_that_may_well_be_lost() -> None:
    second = (a_second(),)
    wanted = a_job(takeovers=second, evidence=True)

    assert Mitigation.SECOND_CAMERA in kinds(wanted)
    assert Mitigation.SECOND_CAMERA not in kinds(replace(wanted, evidence=False))
    assert Mitigation.SECOND_CAMERA not in kinds(a_job(LOW, takeovers=second, evidence=True))


def test_second_camera_is_the_one_that_keeps_recording_best() -> None:
    late = a_second("late", eta_min=115.0)
    weak = a_second("weak", eta_min=5.0, p_last=0.45)
    good = a_second("good", eta_min=25.0)

    found = {
        each.kind: each for each in propose(a_job(takeovers=(late, weak, good), evidence=True))
    }

    assert found[Mitigation.SECOND_CAMERA].values["camera"] == "good"


def test_only_the_nearest_cameras_are_looked_at() -> None:
    near = tuple(a_second(f"n{n}", p_last=0.0, eta_min=1.0) for n in range(TAKEOVERS_LEN_MAX))
    beyond = a_second("beyond", eta_min=2.0, p_last=1.0)

    found = kinds(a_job(takeovers=(beyond, *near), evidence=True))

    assert Mitigation.SECOND_CAMERA not in found


def test_proposals_have_a_limit() -> None:
    everything = a_job(
        HIGH | {Load.SCREEN},
        weak=0.5,
        in_vehicle=True,
        power_bank=True,
        evidence=True,
        spares=(Spare(station="North", after_min=5.0),),
        takeovers=(a_second(),),
    )

    assert len(propose(everything)) == PROPOSALS_LEN_MAX


def test_what_is_in_force_is_not_proposed_again() -> None:
    job = a_job(in_force=frozenset({Mitigation.RECORD_LOCALLY}))

    assert kinds(job) == [Mitigation.SELDOM_FIXES]  # nor is a weaker limit of the stream


def test_plan_under_what_is_in_force_is_the_plan_reckoned_with() -> None:
    job = a_job()

    planned = under(frozenset({Mitigation.RECORD_LOCALLY}), job.plan)

    assert replace(job, plan=planned).p_last == pytest.approx(a_job(RECORD).p_last)


@settings(max_examples=25)
@given(
    level=st.floats(6.0, 60.0),
    weak=st.floats(0.0, 1.0),
    scene=st.sampled_from([STANDBY, RECORD, LOW, HIGH, HIGH | {Load.SCREEN}]),
    in_vehicle=st.booleans(),
)
def test_every_proposal_wins_something_and_says_so(
    level: float, weak: float, scene: frozenset[Load], in_vehicle: bool
) -> None:
    found = propose(
        a_job(scene, level_pct=level, weak=weak, in_vehicle=in_vehicle, power_bank=True)
    )

    scores = [each.gain - each.loss for each in found]
    assert scores == sorted(scores, reverse=True)
    for each in found:
        assert 0.0 <= each.p_before < each.p_after <= 1.0
        assert each.drain_after_pct_per_h <= each.drain_before_pct_per_h
        assert set(instruction(each)) == set(effect(each)) == {"en", "zh"}


def test_effect_in_words() -> None:
    made = Proposal(
        kind=Mitigation.RECORD_LOCALLY,
        p_before=0.41,
        p_after=0.85,
        drain_before_pct_per_h=38.3,
        drain_after_pct_per_h=13.5,
        loss=0.1,
    )

    assert effect(made)["en"] == "lasts 85 % instead of 41 %, -25 %/h"
    assert effect(made)["zh"] == "撑到结束的概率 41 % → 85 %，-25 %/h"


# -- limits ----------------------------------------------------------------------------------


def test_limits_of_several_are_the_strictest_of_each() -> None:
    both = limits_of([Mitigation.LOWER_BITRATE, Mitigation.SNIPPETS, Mitigation.SELDOM_FIXES])

    assert both == Limits(stream="snippets", fix_s=30)
    assert limits_of([]) == Limits()


@given(st.lists(st.sampled_from(list(LIMITS))))
def test_who_keeps_the_strictest_keeps_each(asked: list[Mitigation]) -> None:
    did = strictest([LIMITS[kind] for kind in asked])

    assert all(keeps(did, LIMITS[kind]) for kind in asked)


def test_who_does_not_stream_keeps_every_limit_of_streaming() -> None:
    assert keeps(Limits(stream="off"), LIMITS[Mitigation.NO_WEAK_STREAM])
    assert not keeps(Limits(stream="low"), LIMITS[Mitigation.NO_WEAK_STREAM])
    assert not keeps(Limits(stream="off"), LIMITS[Mitigation.SELDOM_FIXES])
    assert not keeps(Limits(), LIMITS[Mitigation.LIGHTS_OFF])


def test_stream_runs_as_far_as_limits_and_signal_allow() -> None:
    assert may_stream(Limits())
    assert may_stream(Limits(stream="low"))
    assert not may_stream(Limits(stream="snippets"))
    assert may_stream(Limits(rsrp_min=-110), rsrp_dbm=-100)
    assert not may_stream(Limits(rsrp_min=-110), rsrp_dbm=-115)
    assert not may_stream(Limits(rsrp_min=-110))


# -- what it really drained ------------------------------------------------------------------


def fall(pct_per_h: float, minutes: int, *, every_s: float = 60.0, **reading: Any) -> list[Reading]:
    """What a gauge of whole percent shows of an even fall from 60.5."""
    count = int(60.0 * minutes / every_s) + 1
    return [
        Reading(
            at=NOW + timedelta(seconds=n * every_s),
            level_pct=float(int(60.5 - pct_per_h * n * every_s / 3600.0)),
            **({"charging": False, "fits": True} | reading),
        )
        for n in range(count)
    ]


@given(st.floats(5.0, 28.0))
def test_drain_is_measured_to_its_error(pct_per_h: float) -> None:
    found = measure(fall(pct_per_h, 120), charging=False)

    assert found is not None
    assert abs(found.drain_pct_per_h - pct_per_h) <= 4.0 * found.error_pct_per_h + 1e-9


def test_nothing_is_said_before_enough_steps() -> None:
    assert measure(fall(24.0, 8), charging=False) is None  # three steps

    assert measure(fall(24.0, 12), charging=False) is not None


def test_only_what_fits_counts() -> None:
    assert measure(fall(24.0, 60, fits=False), charging=False) is None


def test_another_pack_begins_anew() -> None:
    first, second = fall(24.0, 30), fall(12.0, 60)
    late = [replace(each, at=each.at + timedelta(minutes=31)) for each in second]

    found = measure([*first, *late], charging=False)

    assert found is not None
    assert found.drain_pct_per_h == pytest.approx(12.0, rel=0.05)


@pytest.mark.parametrize("lower_pct", [5, 30])
def test_another_pack_that_is_lower_begins_anew(lower_pct: int) -> None:
    first, second = fall(12.0, 30), fall(12.0, 60)
    late = [
        replace(each, at=each.at + timedelta(minutes=31), level_pct=each.level_pct - 6 - lower_pct)
        for each in second
    ]

    found = measure([*first, *late], charging=False)

    assert found is not None
    assert found.drain_pct_per_h == pytest.approx(12.0, rel=0.05)


def test_coarse_gauge_falls_by_its_steps() -> None:
    quarters = [
        replace(each, level_pct=each.level_pct + 40 - (each.level_pct + 40) % 25)
        for each in fall(20.0, 330)
    ]

    found = measure(quarters, charging=False)

    assert found is not None
    assert found.drain_pct_per_h == pytest.approx(20.0, rel=0.05)


def test_silence_ends_a_stretch() -> None:
    first, second = fall(24.0, 30), fall(24.0, 30)
    late = [
        replace(each, at=each.at + timedelta(hours=3), level_pct=each.level_pct - 20)
        for each in second
    ]

    found = measure([*first, *late], charging=False)

    assert found is not None
    assert found.drain_pct_per_h == pytest.approx(24.0, rel=0.1)


def test_charger_may_gain() -> None:
    rising = [
        replace(each, level_pct=120 - each.level_pct, charging=True) for each in fall(12.0, 30)
    ]

    found = measure(rising, charging=True)

    assert found is not None
    assert found.drain_pct_per_h < 0.0
    assert measure(rising[:10], charging=True) is None


def test_readings_have_a_limit() -> None:
    readings = fall(2.0, READINGS_LEN_MAX + 500)

    assert measure(readings, charging=False) == measure(readings[:READINGS_LEN_MAX], charging=False)
