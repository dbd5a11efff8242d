"""Chinese datums: known shifts, both ways anywhere in the box, and nothing outside of it."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.intake import distance_m
from geo.datum import (
    BOX,
    Datum,
    bd09_from_gcj02,
    from_wgs84,
    gcj02_from_bd09,
    gcj02_from_wgs84,
    to_wgs84,
)

WEST, SOUTH, EAST, NORTH = BOX
EDGE_DEG = 0.05
"""Wider than the largest shift."""
inside = st.tuples(
    st.floats(WEST + EDGE_DEG, EAST - EDGE_DEG), st.floats(SOUTH + EDGE_DEG, NORTH - EDGE_DEG)
)
anywhere = st.tuples(st.floats(-180, 180), st.floats(-90, 90))


@pytest.mark.parametrize(
    ("lon", "lat", "shift_m"),
    [(104.90, 28.65, 467), (98.9, 25.7, 367), (101.96, 30.05, 346)],
    ids=["Yibin", "Yunlong", "Kangding"],
)
def test_shift_of_mountain_counties(lon: float, lat: float, shift_m: float) -> None:
    assert distance_m(lon, lat, *gcj02_from_wgs84(lon, lat)) == pytest.approx(shift_m, abs=1)


def test_published_pairs() -> None:
    """Of coordtransform's own examples."""
    assert bd09_from_gcj02(116.404, 39.915) == pytest.approx((116.41036949371, 39.92133699351))
    assert gcj02_from_wgs84(116.404, 39.915) == pytest.approx((116.41024449917, 39.91640428150))


@given(inside)
def test_way_back_is_exact_to_a_centimetre(point: tuple[float, float]) -> None:
    for datum in Datum:
        assert distance_m(*point, *to_wgs84(datum, *from_wgs84(datum, *point))) < 0.01


@given(inside)
def test_shift_is_never_more_than_it_can_be(point: tuple[float, float]) -> None:
    assert 0 < distance_m(*point, *gcj02_from_wgs84(*point)) < 1_000


@given(anywhere)
def test_nothing_is_shifted_outside(point: tuple[float, float]) -> None:
    lon, lat = point
    if not (WEST <= lon <= EAST and SOUTH <= lat <= NORTH):
        assert to_wgs84(Datum.GCJ02, lon, lat) == from_wgs84(Datum.GCJ02, lon, lat) == (lon, lat)


@given(anywhere)
def test_any_point_has_an_answer(point: tuple[float, float]) -> None:
    for datum in Datum:
        for there in (to_wgs84(datum, *point), from_wgs84(datum, *point)):
            assert all(math.isfinite(each) for each in there)


@given(inside)
def test_bd09_goes_back_to_gcj02(point: tuple[float, float]) -> None:
    assert distance_m(*point, *gcj02_from_bd09(*bd09_from_gcj02(*point))) < 0.01
