"""Dead zones learned from fixes that came late, found again as zones, and foretold on a way."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from geo.ground import Ground
from geo.learning.passages import Passages
from geo.radio import ahead, zones
from geo.radio.ahead import JOIN_M, silences
from geo.radio.evidence import PASSAGES_MIN, Heard, RadioEvidence, heard_on
from geo.radio.pieces import PIECE_M, Pieces
from geo.radio.silences import Contact
from geo.radio.zones import dead_zones
from geo.roadmap import RoadMap
from tests.geo.maps import Road, lonlat, make_map, one_road

LONG_M = 5_000.0
NOW_S = 1_800_000_000.0
STEP_S = 10.0


def a_road(length_m: float = LONG_M) -> RoadMap:
    return one_road([(0.0, 0.0), (length_m, 0.0)])


def fixes(
    minutes: float = 10.0, silent: tuple[float, float] = (0.0, 0.0), back_s: float = 0.0
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Taken every 10 s, arrived a second later; those of a silence when it is over."""
    at_s = np.arange(0.0, minutes * 60.0, STEP_S)
    inside = (at_s >= silent[0]) & (at_s < silent[1])
    return at_s, np.where(inside, silent[1] + back_s, at_s + 1.0)


def heard(at_s: NDArray[np.float64], received_s: NDArray[np.float64]) -> Contact:
    """With another unit that is heard all the time."""
    return Contact.of(at_s, received_s, np.arange(0.0, 3_600.0, 30.0))


# -- silences -------------------------------------------------------------------------------


def test_what_was_kept_and_sent_later_was_taken_in_silence() -> None:
    contact = heard(*fixes(silent=(200.0, 400.0)))

    heard_at, silent_at = contact.at(np.array([100.0, 195.0, 250.0, 350.0, 385.0, 500.0]))

    assert heard_at.tolist() == [True, False, False, False, False, True]
    assert silent_at.tolist() == [False, False, True, True, False, False]


def test_a_device_that_was_off_says_nothing() -> None:
    at_s, received_s = fixes()
    on = (at_s < 200.0) | (at_s >= 400.0)

    heard_at, silent_at = heard(at_s[on], received_s[on]).at(np.array([300.0]))

    assert not heard_at.any()
    assert not silent_at.any()


def test_a_silence_counts_only_when_another_unit_was_heard() -> None:
    at_s, received_s = fixes(silent=(200.0, 400.0))

    def silent(witnesses_s: list[float]) -> int:
        return int(Contact.of(at_s, received_s, np.array(witnesses_s)).silent.sum())

    assert silent([100.0, 450.0]) == 0  # the server was away
    assert silent([300.0]) == 13  # vouched for from 240 to 360 s
    assert silent([]) == 0


def test_a_slow_clock_is_no_silence() -> None:
    at_s, received_s = fixes(silent=(200.0, 400.0))

    slow, right = heard(at_s - 40.0, received_s), heard(at_s, received_s)

    assert slow.heard.tolist() == right.heard.tolist()


def test_a_hiccup_is_no_silence() -> None:
    assert not heard(*fixes(silent=(200.0, 240.0))).silent.any()


def test_a_drive_all_in_silence_is_told_from_a_slow_clock() -> None:
    contact = heard(*fixes(silent=(0.0, 600.0), back_s=100.0))

    assert contact.silent.all()


def test_times_outside_the_track_and_between_distant_fixes_are_not_known() -> None:
    contact = heard(np.array([100.0, 400.0, 410.0]), np.array([101.0, 401.0, 411.0]))

    heard_at, silent_at = contact.at(np.array([50.0, 250.0, 405.0, 500.0]))

    assert heard_at.tolist() == [False, False, True, False]
    assert not silent_at.any()


# -- pieces -----------------------------------------------------------------------------------


def test_pieces_cover_every_edge_both_ways() -> None:
    roadmap = make_map(
        [(0.0, 0.0), (1_000.0, 0.0), (1_100.0, 0.0)],
        [
            Road(tail=0, head=1, metres=[(0.0, 0.0), (1_000.0, 0.0)]),
            Road(tail=1, head=2, metres=[(1_000.0, 0.0), (1_100.0, 0.0)]),
        ],
    )
    pieces = Pieces.of(roadmap)

    assert np.diff(pieces.first).tolist() == [round(1_000.0 / PIECE_M + 0.499), 1]
    forward, low, high = pieces.along(0, 0.0, 1.0)
    back, _, _ = pieces.along(1, 0.0, 1.0)
    assert (back[::-1] ^ 1).tolist() == forward.tolist()
    assert (low[0], high[-1]) == (0.0, 1.0)
    assert low[1:].tolist() == high[:-1].tolist()
    assert pieces.edge_of(forward >> 1).tolist() == [0] * len(forward)


def test_a_part_of_an_arc_gives_the_pieces_it_touches() -> None:
    pieces = Pieces(first=np.array([0, 10]))

    back, low, high = pieces.along(1, 0.25, 0.41)

    assert back.tolist() == [2 * 7 + 1, 2 * 6 + 1, 2 * 5 + 1]
    assert low.tolist() == pytest.approx([0.25, 0.3, 0.4])
    assert high.tolist() == pytest.approx([0.3, 0.4, 0.41])
    assert len(pieces.along(0, 0.5, 0.5)[0]) == 0


# -- evidence ---------------------------------------------------------------------------------


def a_passage(arc: int, enter_s: float, leave_s: float) -> Passages:
    one = np.ones(1)
    return Passages(
        arc=np.array([arc]),
        start=0.0 * one,
        end=one,
        enter_s=enter_s * one,
        leave_s=leave_s * one,
        reach_m=one,
        stood=np.zeros(1, np.bool_),
    )


def test_a_drive_says_silence_of_the_pieces_that_it_passed_then() -> None:
    pieces = Pieces.of(a_road())
    contact = heard(*fixes(silent=(200.0, 400.0)))

    seen = heard_on([a_passage(0, 0.0, 590.0)], contact, pieces)

    middle_s = ((seen.piece >> 1) + 0.5) / pieces.count * 590.0
    assert seen.silent.tolist() == [200.0 <= at_s < 370.0 for at_s in middle_s.tolist()]
    assert not ((middle_s > 370.0) & (middle_s < 400.0)).any()  # not known
    assert len(seen) >= pieces.count - 4


def seen_at(piece: int, *, silent: bool) -> Heard:
    return Heard(piece=np.array([2 * piece]), silent=np.array([silent]))


@pytest.mark.parametrize(
    ("silent", "loud", "dead"),
    [(PASSAGES_MIN - 1, 0, False), (PASSAGES_MIN, 0, True), (3, 2, True), (3, 5, False)],
)
def test_a_piece_is_dead_after_enough_silent_passages(silent: int, loud: int, dead: bool) -> None:
    evidence = RadioEvidence(Pieces.of(a_road()))

    for number in range(silent + loud):
        evidence.add(seen_at(3, silent=number < silent), NOW_S)

    found = evidence.outlook(NOW_S)
    assert bool(found.dead[6]) == dead
    assert (found.passages[6], found.silences[6]) == (silent + loud, silent)
    assert found.dead.sum() <= 2  # nothing is said of pieces that nobody passed


def test_the_other_direction_is_believed_until_it_is_driven() -> None:
    evidence = RadioEvidence(Pieces.of(a_road()))
    for _ in range(6):
        evidence.add(seen_at(3, silent=True), NOW_S)

    assert evidence.outlook(NOW_S).dead[7]
    for _ in range(6):
        evidence.add(Heard(piece=np.array([7]), silent=np.array([False])), NOW_S)

    assert evidence.outlook(NOW_S).dead[[6, 7]].tolist() == [True, False]


def test_a_new_mast_is_believed_after_a_while() -> None:
    evidence = RadioEvidence(Pieces.of(a_road()))
    year_s = 365.0 * 86_400.0
    for _ in range(6):
        evidence.add(seen_at(3, silent=True), NOW_S - year_s)
    for _ in range(3):
        evidence.add(seen_at(3, silent=False), NOW_S)

    assert not evidence.outlook(NOW_S).dead.any()
    assert evidence.outlook(NOW_S - year_s).silences[6] == 6


def test_drives_may_come_in_any_order() -> None:
    rng = np.random.default_rng(7)
    pieces = Pieces.of(a_road())
    drives = []
    for at_s in (NOW_S - 1e6 * rng.random(20)).tolist():
        piece = np.unique(rng.integers(0, 2 * pieces.count, 9))
        drives.append((Heard(piece=piece, silent=rng.random(len(piece)) < 0.5), at_s))
    one, other = RadioEvidence(pieces), RadioEvidence(pieces)

    for each in drives:
        one.add(*each)
    for each in reversed(drives):
        other.add(*each)

    shares = [each.outlook(NOW_S).silent_share for each in (one, other)]
    assert shares[0] == pytest.approx(shares[1], rel=1e-5)
    assert one.drives == 20


# -- zones ------------------------------------------------------------------------------------


def crossroads() -> RoadMap:
    """A road of 5 km from west to east; at 2 km another leads 3 km to the north."""
    nodes = [(0.0, 0.0), (2_000.0, 0.0), (LONG_M, 0.0), (2_000.0, 3_000.0)]
    return make_map(
        nodes,
        [
            Road(tail=0, head=1, metres=[nodes[0], nodes[1]]),
            Road(tail=1, head=2, metres=[nodes[1], nodes[2]]),
            Road(tail=1, head=3, metres=[nodes[1], nodes[3]]),
        ],
    )


def silent_on(pieces: Pieces, wanted: list[int], times: int = 5) -> RadioEvidence:
    evidence = RadioEvidence(pieces)
    directed = np.array([2 * piece for piece in wanted])
    for _ in range(times):
        evidence.add(Heard(piece=directed, silent=np.ones(len(wanted), np.bool_)), NOW_S)
    return evidence


def test_a_zone_hangs_together_over_a_junction_and_has_a_door_at_each_road_out() -> None:
    roadmap = crossroads()
    pieces = Pieces.of(roadmap)
    first = pieces.first.tolist()
    around = [first[1] - 1, first[1], first[1] + 1, first[2]]
    apart = [first[3] - 1]
    outlook = silent_on(pieces, [*around, *apart]).outlook(NOW_S)

    gorge, end = dead_zones(roadmap, pieces, outlook.dead, outlook)

    assert (gorge.pieces.tolist(), end.pieces.tolist()) == (around, apart)
    assert (gorge.passages, gorge.silences) == (5, 5)
    assert sorted(door.edge for door in gorge.doors) == [0, 1, 2]
    assert len(end.doors) == 1  # at the end of the road nothing leads on
    assert gorge.length_m == pytest.approx(4 * PIECE_M, rel=0.1)
    assert len(gorge.lines) == 3
    assert gorge.lines[0][-1] == pytest.approx(lonlat(2_000.0, 0.0), abs=1e-6)


def test_no_dead_piece_no_zone() -> None:
    roadmap = crossroads()
    outlook = RadioEvidence(Pieces.of(roadmap)).outlook(NOW_S)

    assert dead_zones(roadmap, Pieces.of(roadmap), outlook.dead, outlook) == []


def test_of_too_many_zones_the_longest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "ZONES_MAX", 2)
    roadmap = a_road()
    outlook = silent_on(Pieces.of(roadmap), [1, 4, 5, 8, 11, 12, 13]).outlook(NOW_S)

    found = dead_zones(roadmap, Pieces.of(roadmap), outlook.dead, outlook)

    assert [len(each.pieces) for each in found] == [2, 3]


def test_a_zone_has_so_many_doors_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zones, "DOORS_MAX", 2)
    roadmap = crossroads()
    pieces = Pieces.of(roadmap)
    first = pieces.first.tolist()
    outlook = silent_on(pieces, [first[1] - 1, first[1], first[2]]).outlook(NOW_S)

    (gorge,) = dead_zones(roadmap, pieces, outlook.dead, outlook)

    assert len(gorge.doors) == 2


# -- ahead ------------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [False, True])
def test_where_and_when_radio_ends_and_comes_back_on_a_way(back: bool) -> None:
    roadmap = a_road()
    pieces, ground = Pieces.of(roadmap), Ground(roadmap, engine="scipy")
    dead = np.zeros(2 * pieces.count, np.bool_)
    dead[[2 * piece + side for piece in (8, 9, 10) for side in (0, 1)]] = True
    ends = [ground.snap(*lonlat(east_m, 0.0)) for east_m in (500.0, 4_600.0)]
    route = ground.route(*(ends[::-1] if back else ends))

    (found,) = silences(roadmap, pieces, dead, route)

    size_m = LONG_M / pieces.count
    near, far = 8 * size_m - 500.0, 11 * size_m - 500.0
    wanted = (4_100.0 - far, 4_100.0 - near) if back else (near, far)
    assert (found.enter_m, found.leave_m) == pytest.approx(wanted, abs=2.0)
    assert found.enter_s / route.duration_s == pytest.approx(found.enter_m / 4_100.0, abs=0.02)
    shares = [at[1] for at in (found.enter_at, found.leave_at)]
    wanted_shares = (11, 8) if back else (8, 11)
    assert shares == pytest.approx([each / pieces.count for each in wanted_shares], abs=1e-3)
    assert not found.to_the_end


def test_a_way_has_so_many_silences_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ahead, "SILENCES_MAX", 2)
    monkeypatch.setattr(ahead, "JOIN_M", 0.0)
    roadmap = a_road()
    pieces, ground = Pieces.of(roadmap), Ground(roadmap, engine="scipy")
    dead = np.zeros(2 * pieces.count, np.bool_)
    dead[[2 * each for each in (2, 6, 10, 14)]] = True
    route = ground.route(ground.snap(*lonlat(0.0, 0.0)), ground.snap(*lonlat(LONG_M, 0.0)))

    found = silences(roadmap, pieces, dead, route)

    size_m = LONG_M / pieces.count
    assert [each.enter_m for each in found] == pytest.approx([2 * size_m, 6 * size_m], abs=1.0)


def test_short_radio_between_two_silences_joins_them_and_the_end_may_be_silent() -> None:
    roadmap = a_road()
    pieces, ground = Pieces.of(roadmap), Ground(roadmap, engine="scipy")
    gap = int(JOIN_M // (LONG_M / pieces.count))
    dead = np.zeros(2 * pieces.count, np.bool_)
    dead[[2 * 2, 2 * 3, 2 * (4 + gap), 2 * (pieces.count - 1)]] = True
    route = ground.route(ground.snap(*lonlat(0.0, 0.0)), ground.snap(*lonlat(LONG_M, 0.0)))

    first, last = silences(roadmap, pieces, dead, route)

    assert first.leave_m - first.enter_m == pytest.approx((3 + gap) * LONG_M / pieces.count, abs=1)
    assert (first.to_the_end, last.to_the_end) == (False, True)
