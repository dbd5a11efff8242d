"""Batteries over a job, and what becomes of an incident."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.battery import (
    DRAIN_PCT_PER_H,
    Battery,
    Job,
    Mode,
    Outlook,
    drain_pct_per_h,
    outlook,
)
from server.dispatch.incidents import INCIDENT_TYPES, IncidentStatus, status_after
from server.dispatch.orders import OrderState as S
from server.dispatch.reasons import battery_reasons
from server.views import DeviceKind

HOUR = 3600.0
LOCALES = Path(__file__).parents[2] / "web" / "src" / "console" / "locales"


def a_battery(
    level_pct: float | None = 80,
    *,
    age_s: float = 0,
    charging: bool = False,
    mode: str = "standby",
    observed_pct_per_h: float | None = None,
) -> Battery:
    return Battery(
        device_id="cam-1",
        kind="body_camera",
        level_pct=level_pct,
        age_s=age_s,
        charging=charging,
        mode=mode,
        observed_pct_per_h=observed_pct_per_h,
    )


def a_job(
    travel_h: float = 1, scene_h: float = 1, return_h: float = 1, recording: Mode = Mode.RECORD
) -> Job:
    return Job(
        travel_s=travel_h * HOUR,
        scene_s=scene_h * HOUR,
        return_s=return_h * HOUR,
        recording=recording,
    )


def test_rates_match_the_hours_a_camera_lasts() -> None:
    hours = {mode: 100 / rate for mode, rate in DRAIN_PCT_PER_H["body_camera"].items()}

    assert 12 < hours[Mode.STANDBY] < 19
    assert hours[Mode.RECORD] == pytest.approx(9.5)
    assert hours[Mode.STREAM] == pytest.approx(4.2, abs=0.05)


def test_each_leg_drains_at_its_own_rate() -> None:
    found = outlook(a_battery(80), a_job())

    assert found is not None
    assert found.now_pct == 80
    assert found.arrival_pct == pytest.approx(80 - 6.58, abs=0.01)
    assert found.end_pct == pytest.approx(80 - 6.58 - 10.53 - 6.58, abs=0.01)
    assert found.empty_after_s is None


def test_streaming_at_the_scene_costs_more_than_recording() -> None:
    recorded = outlook(a_battery(), a_job(recording=Mode.RECORD))
    streamed = outlook(a_battery(), a_job(recording=Mode.STREAM))

    assert recorded is not None
    assert streamed is not None
    assert streamed.end_pct < recorded.end_pct


def test_an_old_level_is_projected_to_now_and_called_stale() -> None:
    found = outlook(a_battery(80, age_s=2 * HOUR), a_job())

    assert found is not None
    assert found.now_pct == pytest.approx(80 - 2 * 6.58, abs=0.01)
    assert found.stale


def test_a_charging_camera_holds_its_level_on_the_way() -> None:
    found = outlook(a_battery(50, charging=True, age_s=HOUR), a_job())

    assert found is not None
    assert found.now_pct == 50
    assert found.arrival_pct == 50
    assert found.end_pct < 50


def test_an_unknown_level_gives_no_outlook() -> None:
    assert outlook(a_battery(None), a_job()) is None


def test_a_fast_drain_seen_lately_speeds_up_every_mode_but_only_so_far() -> None:
    weak_signal = a_battery(observed_pct_per_h=2 * DRAIN_PCT_PER_H["body_camera"][Mode.STANDBY])
    broken_gauge = a_battery(observed_pct_per_h=500)

    assert drain_pct_per_h(weak_signal, Mode.RECORD) == pytest.approx(2 * 10.53, abs=0.01)
    assert drain_pct_per_h(broken_gauge, Mode.RECORD) == pytest.approx(3 * 10.526, abs=0.01)


@given(
    st.floats(0, 100),
    st.floats(0, 1e6),
    st.floats(0, 20),
    st.floats(0, 20),
    st.booleans(),
    st.text(max_size=8),
)
def test_levels_stay_in_range_and_never_rise(
    level: float, age_s: float, travel_h: float, scene_h: float, charging: bool, mode: str
) -> None:
    found = outlook(
        a_battery(level, age_s=age_s, charging=charging, mode=mode),
        a_job(travel_h=travel_h, scene_h=scene_h, return_h=travel_h),
    )

    assert found is not None
    assert 100 >= found.now_pct >= found.arrival_pct >= found.end_pct >= 0
    if found.empty_after_s is not None:
        assert 0 <= found.empty_after_s <= (2 * travel_h + scene_h) * HOUR + 1


def test_incident_types_are_named_in_both_languages_and_once() -> None:
    assert 10 <= len(INCIDENT_TYPES) <= 20
    assert all(kind.en and kind.zh and kind.scene_min > 0 for kind in INCIDENT_TYPES.values())
    assert len({kind.zh for kind in INCIDENT_TYPES.values()}) == len(INCIDENT_TYPES)


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
    for kind in get_args(DeviceKind):
        battery = Battery(
            device_id="d", kind=kind, level_pct=50, age_s=1e6, charging=False, mode="standby"
        )
        unknown = replace(battery, level_pct=None)
        for empty_after_s in (None, 60.0):
            end = Outlook(
                battery=battery,
                now_pct=50,
                arrival_pct=9,
                end_pct=1,
                empty_after_s=empty_after_s,
            )
            found |= {each.code for each in battery_reasons([unknown], [end])}

    assert len(found) == 11
    for language in ("en", "zh"):
        words = json.loads((LOCALES / f"{language}.json").read_text())
        assert {f"reason.{code}" for code in found} <= set(words)
