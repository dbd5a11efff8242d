"""Which condition holds where, and how much longer roads take under it."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.driving.conditions import Condition
from geo.live.conditionfield import (
    DIFFERENT_MAX,
    SetCondition,
    TooManyConditions,
    factors,
    field,
    members,
    worst,
)
from geo.live.extent import ExtentIndex, Ints, Zone
from geo.mapmaking.build import build
from geo.routing.engine import CLOSED, Weights
from tests.geo.sources import Nodes, a_source, a_way, lonlat

DRY = Condition()


def held(text: str, *edges: int, county: bool = False) -> SetCondition:
    where = None if county else np.array(edges, dtype=np.int64)
    return SetCondition(condition=Condition.parse(text), edges=where)


def words(*holding: SetCondition, edge_count: int = 4) -> list[str]:
    """What holds on each edge."""
    found = field(holding, edge_count)
    return [str(found.of(edge)) for edge in range(edge_count)]


def test_nothing_set_is_a_dry_day() -> None:
    assert words() == ["dry"] * 4


def test_an_area_adds_to_the_county() -> None:
    county, area = held("rain", county=True), held("night,ice>1800", 1, 2)

    assert words(county, area) == ["rain", "rain,night,ice>1800", "rain,night,ice>1800", "rain"]


def test_the_worst_of_each_kind_holds_whatever_the_order() -> None:
    set_ones = held("snow", 0, 1), held("rain,fog=50", 1, 2), held("fog=200", 1, 3)

    for order in permutations(set_ones):
        assert words(*order) == ["snow", "snow,fog=50", "rain,fog=50", "fog=200"]


def test_better_weather_for_an_area_changes_nothing() -> None:
    assert words(held("snow", county=True), held("dry", 1)) == ["snow"] * 4


def test_what_is_overlaid_everywhere_is_not_a_condition_any_more() -> None:
    found = field([held("rain", 0), held("snow", 0)], 4)

    assert [str(each) for each in found.conditions] == ["dry", "snow"]


def test_too_many_different_conditions_are_refused() -> None:
    fogs = [held(f"fog={100 + n}", n) for n in range(DIFFERENT_MAX)]

    assert len(field(fogs[:-1], DIFFERENT_MAX).conditions) == DIFFERENT_MAX
    with pytest.raises(TooManyConditions):
        field(fogs, DIFFERENT_MAX)


def test_worst_is_never_better_than_either() -> None:
    some = [Condition.parse(text) for text in ("dry", "rain,night", "fog=60", "snow,ice>900")]

    for a in some:
        assert worst(a, a) == a
        for b in some:
            assert worst(a, b) == worst(b, a)
            assert worst(worst(a, b), b) == worst(a, b)


# -- members ---------------------------------------------------------------------------------

NODES: Nodes = {1: (0, 0), 2: (400, 0), 3: (3000, 0), 4: (3000, 9000)}


def inside(west_m: float, east_m: float, north_m: float) -> list[int]:
    """Ways that belong to the box from 100 m south."""
    ways = [a_way(n, NODES, [n, n + 1]) for n in (1, 2, 3)]
    extents = ExtentIndex(build(a_source(ways)))
    box = ((west_m, -100), (east_m, -100), (east_m, north_m), (west_m, north_m))
    found = members(extents, Zone(corners=tuple(lonlat(*corner) for corner in box)))
    return sorted(extents.roadmap.edge_way_id[found].tolist())


def test_half_an_edge_or_300_metres_of_it_belong_to_an_area() -> None:
    assert inside(-100, 250, 100) == [1]
    assert inside(-100, 150, 100) == []
    assert inside(-100, 750, 100) == [1, 2]
    assert inside(-100, 650, 100) == [1]
    assert inside(2900, 3100, 350) == [3]


def test_an_area_without_a_road_has_no_members() -> None:
    assert inside(5000, 6000, 100) == []


# -- factors ---------------------------------------------------------------------------------


def times(condition: Condition) -> Weights:
    """Two edges: rain takes half as long again, snow closes the second one's way back."""
    by_weather: dict[str, list[int]] = {
        "dry": [1000, 1000, 2000, 2000],
        "rain": [1500, 1500, 3000, 3000],
        "snow": [4000, 4000, 4000, CLOSED],
    }
    return np.array(by_weather[str(condition)], dtype=np.uint32)


def factors_of(*holding: SetCondition, base: Condition = DRY) -> NDArray[np.float32]:
    return factors(field(holding, 2), times, base)


def test_factors_against_the_times_they_are_laid_over() -> None:
    assert factors_of(held("rain", county=True)).tolist() == [1.5] * 4
    assert factors_of(held("rain", 0)).tolist() == [1.5, 1.5, 1.0, 1.0]
    assert factors_of(held("snow", 1)).tolist() == [1.0, 1.0, 2.0, np.inf]
    rain = Condition.parse("rain")
    assert factors_of(held("rain", county=True), base=rain).tolist() == [1.0] * 4


def test_what_is_closed_anyway_keeps_its_factor() -> None:
    def shut(condition: Condition) -> Weights:
        return np.full(2, CLOSED, dtype=np.uint32)

    everything: Ints = np.array([0])
    wet = SetCondition(condition=Condition.parse("rain"), edges=everything)

    assert factors(field([wet], 1), shut, DRY).tolist() == [1.0, 1.0]


def test_a_model_that_errs_does_not_make_roads_quicker() -> None:
    """Rounding may make a millisecond's road quicker in rain; the factor stays at 1."""

    def erring(condition: Condition) -> Weights:
        return np.array([999, 999] if condition != DRY else [1000, 1000], dtype=np.uint32)

    assert factors(field([held("rain", 0)], 1), erring, DRY).tolist() == [1.0, 1.0]
