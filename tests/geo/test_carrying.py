"""Drives of an older map on a newer one: the same roads, the same times, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks._drivers import Driven, Way, way_of
from geo.learning.carrying import Carrying
from geo.learning.matching import Match
from geo.roadmap import RoadMap
from tests.geo.test_matching import Field
from tests.redrawn_county import GONE, MOVED, redrawn_county
from tests.small_county import crossing, small_county

OLD, NEW = small_county(), redrawn_county()
CARRYING = Carrying.between(OLD, NEW)


def between(roadmap: RoadMap, a: tuple[int, int], b: tuple[int, int]) -> int:
    """The edge between two neighbouring crossings."""
    ends = [
        int(np.abs(roadmap.node_lonlat - crossing(*each)).sum(axis=1).argmin()) for each in (a, b)
    ]
    joins = np.isin(roadmap.edge_tail, ends) & np.isin(roadmap.edge_head, ends)
    return int(np.flatnonzero(joins)[0])


def a_drive(start: tuple[int, int], end: tuple[int, int]) -> tuple[Way, Driven, Match]:
    """Over the old map, from a place beside a crossing to another."""
    field = Field(OLD)
    places = [
        field.ground.snap(lon + 0.002, lat) for lon, lat in (crossing(*start), crossing(*end))
    ]
    way = way_of(OLD, field.ground.route(*places))
    driven = field.drive(way, interval_s=5.0, noise_m=3.0)
    return way, driven, field.match(driven)


def test_a_map_is_found_again_on_itself() -> None:
    found = Carrying.between(OLD, OLD)

    assert found.old_edge.tolist() == list(range(OLD.edge_count))
    assert found.new_edge.tolist() == found.old_edge.tolist()
    np.testing.assert_allclose(found.new_from, 0.0, atol=1e-4)
    np.testing.assert_allclose(found.new_to, 1.0, atol=1e-4)


def test_what_was_and_was_not_found_again_is_counted() -> None:
    found = CARRYING.counted(OLD)
    lost = {between(OLD, (x, y), (x + 1, y)) for x, y in (GONE, MOVED)}

    assert set(range(OLD.edge_count)) - set(CARRYING.old_edge.tolist()) == lost
    assert (found.edges, found.edges_lost) == (OLD.edge_count - 2, 2)
    lost_km = float(OLD.edge_length_m[sorted(lost)].sum()) / 1000.0
    assert found.km_lost == pytest.approx(lost_km)
    assert found.km + found.km_lost == pytest.approx(float(OLD.edge_length_m.sum()) / 1000.0)


@pytest.mark.parametrize(("start", "end"), [((0, 1), (6, 1)), ((6, 1), (0, 1)), ((2, 4), (3, 1))])
def test_a_carried_drive_is_as_if_matched_on_the_newer_map(
    start: tuple[int, int], end: tuple[int, int]
) -> None:
    """Edges drawn the other way and one that was split, in both directions."""
    _, driven, match = a_drive(start, end)
    expected = Field(NEW).match(driven)

    (carried,) = CARRYING.runs(match.runs)

    (direct,) = expected.runs
    assert carried.arc.tolist() == direct.arc.tolist()
    np.testing.assert_allclose(carried.enter_s, direct.enter_s, atol=2.0)
    np.testing.assert_allclose(carried.leave_s, direct.leave_s, atol=2.0)
    np.testing.assert_allclose(carried.start, direct.start, atol=0.03)
    np.testing.assert_allclose(carried.end, direct.end, atol=0.03)


def test_edges_that_became_one_make_one_passage() -> None:
    """From the newer map back to the older, where the side street is not yet."""
    back = Carrying.between(NEW, OLD)
    _, _, match = a_drive((0, 1), (6, 1))
    there = CARRYING.runs(match.runs)

    (again,) = back.runs(there)

    (before,) = match.runs
    assert len(there[0]) == len(before) + 1
    assert again.arc.tolist() == before.arc.tolist()
    np.testing.assert_allclose(again.leave_s, before.leave_s, atol=1.0)


def test_a_drive_breaks_where_a_road_is_lost() -> None:
    way, _, match = a_drive((3, 3), (6, 3))
    lost = between(OLD, GONE, (GONE[0] + 1, GONE[1]))
    assert lost in (way.arcs >> 1).tolist()

    runs = CARRYING.runs(match.runs)

    assert len(runs) == 2
    assert runs[0].leave_s[-1] < runs[1].enter_s[0] - 30.0
    assert sum(len(run) for run in runs) == len(way.arcs) - 1


def test_arcs_before_are_those_whose_drives_count_on_an_arc() -> None:
    way, _, match = a_drive((0, 1), (6, 1))
    (carried,) = CARRYING.runs(match.runs)

    before = [CARRYING.arcs_before([arc]) for arc in carried.arc.tolist()]

    assert {arc for arcs in before for arc in arcs} == set(way.arcs.tolist())
    assert all(len(arcs) == 1 for arcs in before)
    assert CARRYING.arcs_before([]) == []


def test_every_piece_has_the_name_and_number_of_its_road() -> None:
    def called(roadmap: RoadMap, edge: int) -> list[str]:
        names = (int(roadmap.edge_ref[edge]), int(roadmap.edge_name[edge]))
        return [roadmap.names[each] for each in names if each >= 0]

    for old, new in zip(CARRYING.old_edge.tolist(), CARRYING.new_edge.tolist(), strict=True):
        assert called(OLD, old) == called(NEW, new)
