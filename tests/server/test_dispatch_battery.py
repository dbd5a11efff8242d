"""Batteries over a job, and what becomes of an incident."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.estimator import Estimator
from devices.battery.model import Load, mask_of, starting_prior
from devices.battery.outlook import Leg, Outlooks, basis_of, exposures_of
from devices.battery.record import ROW_BYTES, again, unpack
from devices.battery.reports import Reports
from server.dispatch.battery import (
    OWN_BATTERY,
    Battery,
    Endurance,
    Job,
    Prospect,
    camera_risk,
    foresee,
    handset_risk,
    plan,
)
from server.dispatch.incidents import IncidentStatus, status_after
from server.dispatch.orders import OrderState as S
from server.dispatch.reasons import battery_reasons

NOW = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)
LOCALES = Path(__file__).parents[2] / "web" / "src" / "console" / "score" / "locales"
RECORD = Load.RECORD


def a_battery(**said: Any) -> Battery:
    fields: dict[str, Any] = {"device_id": "cam-1", "kind": "body_camera", "level_at": NOW}
    return Battery(**fields | {"level_pct": 45.0} | said)


def a_job(recording: Load = RECORD, *, travel_min: float = 40, temp_c: float | None = 0) -> Job:
    return Job(travel_s=travel_min * 60, scene_s=45 * 60, recording=recording, temp_c=temp_c)


def endurance(*batteries: Battery) -> Endurance:
    """As each stands, unwatched before."""
    told = [each for each in batteries if each.level_pct is not None]
    estimator = Estimator([starting_prior()] * len(told))
    estimator.update(
        np.arange(len(told)),
        Reports(
            at_s=np.full(len(told), NOW.timestamp()),
            level_pct=np.array([float(each.level_pct or 0) for each in told]),
            mask=np.array([mask_of(each.loads) for each in told], dtype=np.int64),
            charging=np.array([each.charging for each in told], dtype=np.bool_),
            temp_c=np.zeros(len(told)),
            weak=np.zeros(len(told)),
        ),
    )
    basis = basis_of(estimator, np.arange(len(told)), NOW.timestamp())
    return Endurance(
        at=NOW,
        batteries={each.device_id: each for each in batteries},
        index={each.device_id: row for row, each in enumerate(told)},
        basis=basis,
        outlooks=Outlooks(basis),
    )


def foreseen(job: Job, *batteries: Battery) -> Sequence[Prospect]:
    asked = [(each.device_id, job) for each in batteries]
    return foresee(asked, endurance(*batteries)).prospects


def a_prospect(p_last: float | None, **battery: Any) -> Prospect:
    return Prospect(battery=a_battery(**battery), p_last=p_last)


@pytest.mark.parametrize(
    ("scene", "p"), [(RECORD, 0.85), (Load.STREAM_LOW, 0.55), (Load.STREAM_HIGH, 0.41)]
)
def test_a_job_in_the_cold_with_45_percent_left(scene: Load, p: float) -> None:
    (found,) = foreseen(a_job(scene), a_battery(temp_c=0.0))

    assert found.p_last == pytest.approx(p, abs=0.02)
    assert found.p_recording is None or scene is not RECORD


def test_recording_only_is_asked_where_a_stream_is_wanted() -> None:
    (found,) = foreseen(a_job(Load.STREAM_LOW), a_battery(temp_c=0.0))

    assert found.p_recording == pytest.approx(0.85, abs=0.02)


def test_many_batteries_are_each_as_if_alone() -> None:
    batteries = [a_battery(device_id=f"cam-{n}", level_pct=20.0 + 7 * n) for n in range(8)]

    together = foreseen(a_job(), *batteries)

    alone = [foreseen(a_job(), each)[0] for each in batteries]
    assert [each.p_last for each in together] == pytest.approx([each.p_last for each in alone])
    levels = [(each.now_pct, each.arrival_pct, each.end_pct) for each in together]
    assert all(100 >= now > arrival > end >= 0 for now, arrival, end in levels)
    assert together[-1].now_pct == pytest.approx(69.5, abs=0.1)


def test_what_was_reckoned_can_be_reckoned_again() -> None:
    batteries = [a_battery(device_id=f"cam-{n}", level_pct=20.0 + 7 * n) for n in range(8)]
    unknown = a_battery(device_id="cam-9", level_pct=None, level_at=None)
    asked = [(each.device_id, a_job()) for each in (*batteries, unknown)]

    found = foresee(asked, endurance(*batteries, unknown))

    assert found.reckoned.device_ids == tuple(each.device_id for each in batteries)
    assert len(found.reckoned.numbers) == len(batteries) * ROW_BYTES
    expected = [each.p_last for each in found.prospects if each.p_last is not None]
    assert again(found.reckoned.numbers).tolist() == pytest.approx(expected, abs=1e-3)


@pytest.mark.parametrize("scene", [Load.STANDBY, RECORD, Load.STREAM_HIGH])
def test_all_at_once_is_each_leg_of_each_plan(scene: Load) -> None:
    """To the last bit, whatever a battery does, and however warm and charged it is."""
    more: list[dict[str, Any]] = [{}, {"charging": True}, {"weak": 1.0, "warmer_c": 3.25}]
    batteries = [
        a_battery(device_id=f"{kind}-{number}", kind=kind, temp_c=temp_c, loads=loads, **said)
        for number, (kind, temp_c, loads, said) in enumerate(
            product(
                ("body_camera", "handset"),
                (None, -7.3, 21.0),
                (frozenset({Load.STANDBY}), frozenset({RECORD, Load.SCREEN})),
                more,
            )
        )
    ]
    jobs = [a_job(scene, travel_min=11.7, temp_c=-3.1), a_job(scene, temp_c=None)]
    for job in jobs:
        asked = [(each.device_id, job) for each in batteries]
        _, hours = unpack(foresee(asked, endurance(*batteries)).reckoned.numbers)
        one_by_one = exposures_of([plan(each, job) for each in batteries])
        assert np.array_equal(hours, one_by_one.astype(np.float32))


def test_the_plan_is_the_road_the_scene_and_the_road_back() -> None:
    screen = frozenset({Load.STANDBY, Load.SCREEN})
    camera = a_battery(loads=screen, charging=True, temp_c=16.0, warmer_c=6.0, weak=1.0)

    there, scene, back = plan(camera, a_job(Load.STREAM_LOW, travel_min=20, temp_c=-10))

    assert there == Leg(
        loads=frozenset({RECORD, Load.SCREEN}), minutes=20, temp_c=6.0, weak=1.0, charging=True
    )
    assert back == replace(there, charging=False)
    assert scene == Leg(
        loads=frozenset({Load.STREAM_LOW, Load.SCREEN}), minutes=45, temp_c=-4.0, weak=1.0
    )


def test_where_no_camera_is_needed_it_stands_by_and_so_does_a_handset() -> None:
    for battery, recording in (
        (a_battery(), Load.STANDBY),
        (a_battery(kind="handset"), Load.STREAM_LOW),
    ):
        assert {frozenset(leg.loads) for leg in plan(battery, a_job(recording))} == {
            frozenset({Load.STANDBY})
        }


def test_an_unknown_level_says_so_and_a_device_nobody_knows_is_left_out() -> None:
    unknown = a_battery(level_pct=None, level_at=None)
    job = a_job()

    found = foresee([("cam-1", job), ("car-1", job)], endurance(unknown)).prospects

    assert [each.p_last for each in found] == [None]
    assert [each.code for each in battery_reasons(found)] == ["camera_level_unknown"]


def test_the_better_of_two_cameras_counts_and_none_at_all_is_as_bad_as_an_empty_one() -> None:
    assert camera_risk([a_prospect(1.0)], RECORD) == 0.0
    assert camera_risk([a_prospect(0.7)], RECORD) == pytest.approx(0.3)
    assert camera_risk([a_prospect(0.0), a_prospect(0.9)], RECORD) == pytest.approx(0.1)
    assert camera_risk([a_prospect(None)], RECORD) == 0.5
    assert camera_risk([], RECORD) == 1.0
    assert camera_risk([], Load.STANDBY) == 0.0


def test_the_better_of_two_handsets_counts_and_none_at_all_is_not_missed() -> None:
    assert handset_risk([a_prospect(0.2, kind="handset")]) == pytest.approx(0.8)
    assert handset_risk([a_prospect(0.2, kind="handset"), a_prospect(1.0, kind="handset")]) == 0.0
    assert handset_risk([a_prospect(0.0)]) == 0.0


def test_what_may_not_last_is_said_in_words() -> None:
    streaming = Prospect(battery=a_battery(), p_last=0.71, p_recording=0.94)
    as_bad = Prospect(battery=a_battery(), p_last=0.71, p_recording=0.73)
    old = Prospect(battery=a_battery(), p_last=0.9, age_s=45 * 60)

    said = [each.text for each in battery_reasons([streaming, as_bad, old])]

    assert said == [
        "camera lasts 71 %; with recording only 94 %",
        "camera lasts 71 %",
        "level of the camera's battery is 45 min old",
    ]


@given(
    st.lists(st.tuples(st.floats(1, 100), st.floats(0, 300), st.booleans()), max_size=5),
    st.sampled_from([Load.STANDBY, RECORD, Load.STREAM_LOW]),
    st.floats(-30, 40),
)
@settings(max_examples=25)
def test_probabilities_and_levels_stay_in_range(
    said: list[tuple[float, float, bool]], recording: Load, temp_c: float
) -> None:
    batteries = [
        a_battery(device_id=f"cam-{n}", level_pct=level, charging=charging)
        for n, (level, _, charging) in enumerate(said)
    ]
    jobs = [
        (each.device_id, a_job(recording, travel_min=minutes, temp_c=temp_c))
        for each, (_, minutes, _) in zip(batteries, said, strict=True)
    ]

    for each in foresee(jobs, endurance(*batteries)).prospects:
        if each.p_last is not None:
            assert 0 <= each.p_last <= 1
            assert each.p_recording is None or each.p_recording >= each.p_last - 1e-6
            assert 100 >= each.now_pct >= each.arrival_pct >= each.end_pct >= 0


@pytest.mark.parametrize(
    ("ended", "others", "status"),
    [
        (S.DONE, [], IncidentStatus.CLOSED),
        (S.DONE, [S.UNABLE, S.CANCELLED], IncidentStatus.CLOSED),
        (S.DONE, [S.EN_ROUTE], IncidentStatus.ASSIGNED),
        (S.UNABLE, [S.ISSUED], IncidentStatus.ASSIGNED),
        (S.UNABLE, [], IncidentStatus.OPEN),
        (S.CANCELLED, [S.DONE], IncidentStatus.OPEN),
    ],
)
def test_the_last_order_decides_what_becomes_of_the_incident(
    ended: S, others: list[S], status: IncidentStatus
) -> None:
    assert status_after(ended, others) is status


def test_reasons_have_codes_that_the_faces_know() -> None:
    found: set[str] = set()
    for kind in OWN_BATTERY:
        battery = a_battery(kind=kind)
        prospects = [
            Prospect(battery=battery, p_last=None),
            Prospect(battery=battery, p_last=0.5, age_s=1e6),
            Prospect(battery=battery, p_last=0.5, p_recording=0.9),
        ]
        found |= {each.code for each in battery_reasons(prospects)}

    assert len(found) == 8
    for language in ("en", "zh"):
        words = json.loads((LOCALES / f"{language}.json").read_text())
        assert {f"reason.{code}" for code in found} <= set(words)
