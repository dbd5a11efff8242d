"""Units stay one fleet until somebody moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from geo.ground import Ground
from server.dispatch.travel import Traveller
from server.fleets import FLEETS_MAX, Fleets
from tests.geo.maps import grid_map, lonlat


@pytest.fixture(scope="module")
def ground() -> Iterator[Ground]:
    ground = Ground(grid_map(), engine="scipy")
    yield ground
    ground.close()


def travellers(ground: Ground, count: int) -> list[Traveller]:
    return [
        Traveller(snap=ground.snap(*lonlat(100.0 * (number + 1), 0.0)), turnout_s=60.0)
        for number in range(count)
    ]


def test_units_that_stand_are_the_same_fleet(ground: Ground) -> None:
    fleets, units = Fleets(), travellers(ground, 3)
    seen_anew = [replace(each) for each in units]

    assert fleets.of(ground, units) is fleets.of(ground, seen_anew)


def test_a_unit_that_moves_makes_another_fleet(ground: Ground) -> None:
    fleets, (first, second, elsewhere) = Fleets(), travellers(ground, 3)
    before = fleets.of(ground, [first, second])

    after = fleets.of(ground, [first, elsewhere])

    assert (before.edges[0], before.fractions[0]) == (after.edges[0], after.fractions[0])
    assert (after.edges[1], after.fractions[1]) == (elsewhere.snap.edge, elsewhere.snap.fraction)
    assert fleets.of(ground, [first]) is not after
    assert fleets.of(ground, [first, second]) is before


def test_the_fleet_made_first_makes_room(ground: Ground) -> None:
    fleets, units = Fleets(), travellers(ground, FLEETS_MAX + 1)
    alone = [fleets.of(ground, [each]) for each in units]

    assert fleets.of(ground, [units[1]]) is alone[1]
    assert fleets.of(ground, [units[0]]) is not alone[0]
