"""The sun against what almanacs say."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.driving.sun import elevation_deg, is_night

TIMES = st.datetimes(datetime(1990, 1, 1), datetime(2049, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds are naive, times are not)


@pytest.mark.parametrize(
    ("at", "lon", "lat", "expected_deg"),
    [
        # Equinox 2024-03-20 03:06 UTC: the sun stands over the equator.
        ("2024-03-20T12:07:00+00:00", 0.0, 0.0, 90.0),
        # Solstices: noon heights are 90 - lat + 23.44 and 90 - lat - 23.44.
        ("2024-06-20T12:02:00+00:00", 0.0, 50.0, 63.4),
        ("2024-12-21T11:58:00+00:00", 0.0, 50.0, 16.6),
        # Midnight sun at the North Cape.
        ("2024-06-20T22:18:00+00:00", 25.8, 71.2, 4.6),
    ],
)
def test_heights_that_almanacs_give(at: str, lon: float, lat: float, expected_deg: float) -> None:
    assert elevation_deg(datetime.fromisoformat(at), lon, lat) == pytest.approx(
        expected_deg, abs=0.3
    )


@pytest.mark.parametrize(
    ("at", "night"),
    [
        # Kunming, UTC+8: sunset 18:20 and end of civil twilight 18:45 on 2024-11-20.
        ("2024-11-20T17:30:00+08:00", False),
        ("2024-11-20T18:30:00+08:00", False),
        ("2024-11-20T19:00:00+08:00", True),
        ("2024-11-21T03:00:00+08:00", True),
    ],
)
def test_night_falls_after_twilight(at: str, night: bool) -> None:
    assert is_night(datetime.fromisoformat(at), 102.7, 25.0) == night


@given(at=TIMES, lon=st.floats(-180, 180), lat=st.floats(-90, 90))
def test_a_day_brings_the_sun_back_and_antipodes_see_the_other_side(
    at: datetime, lon: float, lat: float
) -> None:
    height = elevation_deg(at, lon, lat)

    assert -90.0 <= height <= 90.0
    assert elevation_deg(at + timedelta(days=1), lon, lat) == pytest.approx(height, abs=1.0)
    other = lon - 180.0 if lon > 0 else lon + 180.0
    assert elevation_deg(at, other, -lat) == pytest.approx(-height, abs=1e-6)


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        elevation_deg(datetime(2024, 1, 1), 0.0, 0.0)  # noqa: DTZ001 (that is the point)
