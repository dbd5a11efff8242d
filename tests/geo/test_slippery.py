"""Tracks in snow or ice along a way."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from geo.driving.conditions import Condition
from geo.live.conditionfield import SetCondition, field
from geo.live.slippery import slippery_tracks_m
from geo.roadmap import RoadClass, RoadMap
from geo.routing.journey import Legs

DRY, SNOW = Condition(), Condition.parse("snow")


@pytest.fixture(scope="module")
def with_tracks(small_map: RoadMap) -> RoadMap:
    """Edges 3 and 5 are tracks."""
    classes = np.array(small_map.edge_class)
    classes[[3, 5]] = RoadClass.TRACK
    return replace(small_map, edge_class=classes)


def test_of_a_way_only_its_tracks_count_and_only_as_far_as_they_are_driven(
    with_tracks: RoadMap,
) -> None:
    whole = Legs.along(np.array([2, 6, 8, 10]))
    half = Legs.along(np.array([2, 6, 8, 10]), finish=0.5)
    lengths_m = with_tracks.edge_length_m

    assert slippery_tracks_m(with_tracks, whole, SNOW, None) == pytest.approx(
        lengths_m[3] + lengths_m[5]
    )
    assert slippery_tracks_m(with_tracks, half, SNOW, None) == pytest.approx(
        lengths_m[3] + lengths_m[5] / 2
    )
    assert slippery_tracks_m(with_tracks, whole, DRY, None) == 0.0
    assert slippery_tracks_m(with_tracks, Legs.along(np.array([2, 8])), SNOW, None) == 0.0


def test_snow_counts_where_it_lies(with_tracks: RoadMap) -> None:
    whole = Legs.along(np.array([6, 10]))
    there = SetCondition(condition=SNOW, edges=np.array([5]))
    weather = field([there], with_tracks.edge_count)

    found = slippery_tracks_m(with_tracks, whole, DRY, weather)

    assert found == pytest.approx(with_tracks.edge_length_m[5])


def test_ice_counts_from_its_height_up(with_tracks: RoadMap) -> None:
    first, last = with_tracks.edge_first_point[3:5]
    top_m = float(with_tracks.point_ele_m[first:last].max())
    track = Legs.along(np.array([6]))

    below = slippery_tracks_m(with_tracks, track, Condition(ice_above_m=top_m - 1.0), None)
    above = slippery_tracks_m(with_tracks, track, Condition(ice_above_m=top_m + 1.0), None)

    assert below == pytest.approx(with_tracks.edge_length_m[3])
    assert above == 0.0


def test_where_one_is_already_nothing_is_driven(with_tracks: RoadMap) -> None:
    nowhere = Legs(arc=np.zeros(0, dtype=np.int64), begin=0.0, finish=0.0)

    assert slippery_tracks_m(with_tracks, nowhere, SNOW, None) == 0.0
