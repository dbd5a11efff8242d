"""What a device claims and what we believe."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.intake import Accepted, Doubt, Fix, Rejection, RejectionKind, Track, distance_m
from protocols.native import Location

NOW = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
DEGREE_M = 111_195


def a_fix(at: datetime = NOW, **changes: Any) -> Location:
    fields: dict[str, Any] = {"n": 1, "lon": 100.2, "lat": 27.5, "bat": 63}
    return Location(**fields | {"at": round(at.timestamp() * 1000)} | changes)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def accepted(verdict: Accepted | Rejection) -> Accepted:
    assert isinstance(verdict, Accepted)
    return verdict


def rejected(verdict: Accepted | Rejection) -> RejectionKind:
    assert isinstance(verdict, Rejection)
    return verdict.kind


def test_good_fix_is_taken_as_it_is() -> None:
    verdict = Track().judge(a_fix(spd=12.0, hdg=90.0, acc=8.0, chg=True, mode="record"), later(1))

    assert verdict == Accepted(
        fix=Fix(
            observed_at=NOW,
            received_at=later(1),
            lon=100.2,
            lat=27.5,
            accuracy_m=8,
            speed_mps=12,
            heading_deg=90,
            battery_pct=63,
            charging=True,
            mode="record",
            gauge_pct=63,
        ),
        live=True,
    )


def test_time_ahead_of_ours_becomes_ours() -> None:
    verdict = accepted(Track().judge(a_fix(later(30)), NOW))

    assert verdict.fix.observed_at == NOW
    assert verdict.doubts == ()


def test_clock_far_ahead_is_a_doubt_and_its_offset_is_noted() -> None:
    track = Track()

    verdict = accepted(track.judge(a_fix(later(3600)), NOW))

    assert verdict.fix.observed_at == NOW
    assert verdict.doubts == (Doubt.CLOCK_AHEAD,)
    assert track.clock_offset_s == 3600


def test_offset_comes_from_the_least_delayed_record() -> None:
    track = Track()

    for observed_s, received_s in [(0, 60), (10, 62), (20, 63)]:
        track.judge(a_fix(later(observed_s)), later(received_s))

    assert track.clock_offset_s == -43


def test_older_fix_goes_to_the_history_only() -> None:
    track = Track()
    track.judge(a_fix(later(600)), later(600))

    backlog = accepted(track.judge(a_fix(NOW, lat=27.9), later(601)))

    assert not backlog.live
    assert track.newest is not None
    assert track.newest.lat == 27.5


def test_fix_of_a_clock_never_set_is_rejected() -> None:
    epoch = datetime(1970, 1, 2, tzinfo=UTC)

    assert rejected(Track().judge(a_fix(epoch), NOW)) is RejectionKind.TOO_OLD


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({"lon": math.nan}, RejectionKind.NOT_FINITE),
        ({"lat": math.inf}, RejectionKind.NOT_FINITE),
        ({"lat": 91.0}, RejectionKind.OUT_OF_RANGE),
        ({"lon": 0.0, "lat": 0.0}, RejectionKind.NO_FIX),
    ],
)
def test_impossible_place_is_rejected(changes: dict[str, Any], kind: RejectionKind) -> None:
    assert rejected(Track().judge(a_fix(**changes), NOW)) is kind


@pytest.mark.parametrize(
    ("changes", "doubt"),
    [
        ({"bat": 153}, Doubt.BATTERY),
        ({"bat": -1}, Doubt.BATTERY),
        ({"spd": 150.0}, Doubt.SPEED),
        ({"spd": math.nan}, Doubt.SPEED),
    ],
)
def test_nonsense_in_a_part_leaves_the_rest(changes: dict[str, Any], doubt: Doubt) -> None:
    verdict = accepted(Track().judge(a_fix(**changes), NOW))

    assert verdict.doubts == (doubt,)
    assert verdict.fix.lon == 100.2
    assert None in (verdict.fix.battery_pct, verdict.fix.speed_mps)


def test_single_teleport_is_rejected_and_the_track_goes_on() -> None:
    track = Track()
    track.judge(a_fix(NOW), NOW)

    jump = track.judge(a_fix(later(10), lat=27.6), later(10))
    after = track.judge(a_fix(later(20), lat=27.501), later(20))

    assert rejected(jump) is RejectionKind.TELEPORT
    assert accepted(after).live


def test_second_fix_at_the_new_place_is_believed() -> None:
    track = Track()
    track.judge(a_fix(NOW), NOW)

    first = track.judge(a_fix(later(10), lat=27.9), later(10))
    second = track.judge(a_fix(later(20), lat=27.9), later(20))

    assert rejected(first) is RejectionKind.TELEPORT
    assert accepted(second).live


def test_fast_car_and_poor_receiver_are_no_teleport() -> None:
    track = Track()
    track.judge(a_fix(NOW), NOW)

    driving = track.judge(a_fix(later(10), lat=27.5 + 400 / DEGREE_M), later(10))
    wobble = track.judge(a_fix(later(10), lat=27.5 + 900 / DEGREE_M, acc=500.0), later(10))

    assert accepted(driving).live
    assert accepted(wobble).live


def test_long_silence_explains_a_long_way() -> None:
    track = Track()
    track.judge(a_fix(NOW), NOW)

    assert accepted(track.judge(a_fix(later(1200), lat=28.0), later(1200))).live


def test_a_degree_of_latitude_is_111_km() -> None:
    assert distance_m(100, 27, 100, 28) == pytest.approx(DEGREE_M, rel=1e-4)
    assert distance_m(179.5, 0, -179.5, 0) == pytest.approx(DEGREE_M, rel=1e-4)


@given(
    st.lists(
        st.tuples(
            st.integers(0, 253_402_300_799_999),
            st.floats(-180, 180),
            st.floats(-90, 90),
            st.floats(0, 100_000),
        ),
        max_size=20,
    )
)
def test_whatever_comes_the_live_position_never_goes_back_in_time_nor_ahead_of_us(
    claims: list[tuple[int, float, float, float]],
) -> None:
    track = Track()
    newest_at = datetime.min.replace(tzinfo=UTC)

    for at_ms, lon, lat, acc in claims:
        track.judge(Location(n=1, at=at_ms, lon=lon, lat=lat, acc=acc), NOW)

        if track.newest is not None:
            assert newest_at <= track.newest.observed_at <= NOW
            newest_at = track.newest.observed_at
