"""Roads as they are kept with a recommendation: the same again, byte for byte."""

from __future__ import annotations

import numpy as np
import pytest

from geo.driving.conditions import DRY, Condition
from geo.driving.speed import Profile, travel_times_ms
from geo.live.conditionfield import ConditionField, SetCondition, factors, field
from geo.live.extent import Coverage
from geo.live.kept import RoadsDamaged, pack, unpack
from geo.live.roadstate import RoadChange, RoadTable
from geo.roadmap import RoadMap
from geo.routing.engine import Weights

RAIN = Condition.parse("rain,night")
ICE = Condition.parse("ice>1812.3456")


def a_change(*arcs: int, factor: float | None = None, share: float = 1 / 3) -> RoadChange:
    return RoadChange(
        coverage=Coverage(arcs=np.array(arcs), share=np.full(len(arcs), share)), factor=factor
    )


def mixed(edge_count: int) -> ConditionField:
    area = np.arange(edge_count // 2)
    return field(
        [SetCondition(condition=RAIN, edges=None), SetCondition(condition=ICE, edges=area)],
        edge_count,
    )


def test_kept_roads_make_the_same_table_again(small_map: RoadMap) -> None:
    edges = small_map.edge_count
    where, changes = mixed(edges), [a_change(2, 3), a_change(8, 9, factor=2.7)]

    def times_of(condition: Condition) -> Weights:
        return travel_times_ms(small_map, Profile(condition=condition))

    again = unpack(pack(where, changes), edges)

    table = RoadTable(changes, factors(where, times_of, where.county))
    assert again.county == RAIN
    assert again.table(times_of, edges).overrides == table.overrides
    assert again.table(times_of, edges).into(frozenset({0})) == table.into(frozenset({0}))


def test_the_same_roads_have_the_same_bytes(small_map: RoadMap) -> None:
    edges = small_map.edge_count

    kept = pack(mixed(edges), [a_change(2, 3)])

    assert kept == pack(mixed(edges), [a_change(2, 3)])
    again = unpack(kept, edges)
    assert pack(again.where, again.changes) == kept


@pytest.mark.parametrize(
    "changes",
    [[], [a_change(2)], [a_change(2, 3, factor=2.0)], [a_change(2, 3, share=1.0)]],
    ids=["reopened", "one direction", "slow", "all of it"],
)
def test_another_closure_is_another_picture(changes: list[RoadChange], small_map: RoadMap) -> None:
    where = mixed(small_map.edge_count)

    assert pack(where, changes) != pack(where, [a_change(2, 3)])


def test_a_dry_day_is_a_few_bytes(small_map: RoadMap) -> None:
    kept = pack(None, [])

    assert len(kept) < 100
    assert unpack(kept, small_map.edge_count).county == DRY


@pytest.mark.parametrize("cut", [b"", b"nothing", pack(None, [])[:-6]])
def test_what_are_no_roads_is_refused(cut: bytes, small_map: RoadMap) -> None:
    with pytest.raises(RoadsDamaged):
        unpack(cut, small_map.edge_count)


def test_roads_of_a_larger_map_are_refused() -> None:
    with pytest.raises(RoadsDamaged, match="does not fit"):
        unpack(pack(None, [a_change(200)]), 100)
    with pytest.raises(RoadsDamaged, match="do not fit"):
        unpack(pack(mixed(200), []), 100)
