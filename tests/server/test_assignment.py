"""All open incidents at once, as a dispatcher would have it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.model import Load
from server.dispatch import matching
from server.dispatch.assignment import Plan, plan
from server.dispatch.demand import (
    INCIDENTS_MAX,
    PLACES_MAX,
    WANTED_MAX,
    Asked,
    Floats,
    Mover,
    OpenIncident,
    Rules,
    Standing,
)
from server.dispatch.proposals import proposals
from server.dispatch.ranking import Contender, Scene, rank
from server.views import UnitStatus

MIN = 60.0
NEVER = math.inf


def call(name: str, priority: Any = "priority", **more: Any) -> OpenIncident:
    return OpenIncident(
        **{"incident_id": name, "priority": priority, "waited_s": 60.0, **more},
    )


def free(name: str) -> Mover:
    return Mover(unit_id=name, call_sign=name)


def to(incident: str, name: str, minutes: float = 30.0, **more: Any) -> Mover:
    return Mover(
        unit_id=name,
        call_sign=name,
        standing=Standing.UNDER_WAY,
        incident_id=incident,
        remaining_s=minutes * MIN,
        **more,
    )


def busy(name: str) -> Mover:
    return Mover(unit_id=name, call_sign=name, standing=Standing.BUSY)


def planned(
    incidents: Sequence[OpenIncident],
    units: Sequence[Mover],
    minutes: Sequence[Sequence[float]],
    later: Sequence[Sequence[float]] | None = None,
    **rules: Any,
) -> Plan:
    """`minutes`: a line for each unit, a column for each incident."""
    return plan(
        incidents,
        units,
        np.array(minutes, dtype=np.float64).reshape(len(units), len(incidents)) * MIN,
        None if later is None else np.array(later, dtype=np.float64) * MIN,
        Rules(**rules),
    )


def sent(found: Plan) -> dict[str, str]:
    return {each.unit_id: each.incident_id for each in found.assignments}


def diverted(found: Plan) -> dict[str, str | None]:
    return {each.unit_id: each.incident_id for each in found.diversions}


# -- who is sent ---------------------------------------------------------------------------------


def test_two_calls_at_once_do_not_both_wait_for_the_same_car() -> None:
    found = planned([call("one"), call("two")], [free("A"), free("B")], [[5, 6], [8, 40]])

    assert sent(found) == {"A": "two", "B": "one"}


def test_an_emergency_gets_the_only_car_and_the_theft_waits() -> None:
    found = planned([call("theft", "routine"), call("fight", "emergency")], [free("A")], [[2, 30]])

    assert sent(found) == {"A": "fight"}
    assert [(each.incident_id, each.missing) for each in found.waiting] == [("theft", 1)]


def test_a_theft_that_has_waited_all_day_goes_before_a_brawl_that_has_just_begun() -> None:
    old = call("theft", "routine", waited_s=10 * 60 * MIN)

    found = planned([old, call("brawl")], [free("A")], [[20, 20]])

    assert sent(found) == {"A": "theft"}


def test_of_two_alike_the_one_that_waits_longer_goes_first_unless_it_is_much_farther() -> None:
    calls = [call("new"), call("old", waited_s=21 * MIN)]

    assert sent(planned(calls, [free("A")], [[5, 20]])) == {"A": "old"}
    assert sent(planned(calls, [free("A")], [[5, 40]])) == {"A": "new"}


def test_whoever_can_come_is_sent_however_far() -> None:
    found = planned([call("pass", "routine")], [free("A"), free("B")], [[300], [280]])

    assert sent(found) == {"B": "pass"}


def test_a_fight_that_asks_for_two_gets_two_but_first_every_call_gets_one() -> None:
    calls = [call("fight", wanted=2), call("crash")]

    enough = planned(calls, [free("A"), free("B"), free("C")], [[5, 9], [7, 9], [20, 9]])
    short = planned(calls, [free("A"), free("B")], [[5, 9], [7, 9]])

    assert sorted(sent(enough).values()) == ["crash", "fight", "fight"]
    assert sorted(sent(short).values()) == ["crash", "fight"]
    assert [(each.incident_id, each.missing) for each in short.waiting] == [("fight", 1)]


def test_a_second_car_for_a_fight_counts_as_a_second_though_the_first_is_there_already() -> None:
    calls = [call("fight", wanted=1, there=1), call("crash")]

    assert sent(planned(calls, [free("A")], [[5, 9]])) == {"A": "crash"}


def test_a_second_car_for_a_fight_does_not_keep_the_nearest_one_from_it() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency", wanted=2)]

    found = planned(calls, [to("theft", "A", 30), free("B")], [[30, 3], [25, 20]])

    assert diverted(found) == {"A": "fight"}, "B would be there 17 min later, and A nowhere missed"
    assert sent(found) == {"B": "theft"}


def test_who_cannot_get_there_is_not_sent_and_the_call_says_who_will_be_free() -> None:
    found = planned(
        [call("village")], [free("A"), busy("B"), busy("C")], [[NEVER]] * 3, [[NEVER], [50], [35]]
    )

    assert found.assignments == ()
    (wait,) = found.waiting
    assert wait.next is not None
    assert (wait.next.unit_id, wait.next.score_s, wait.next.after_job) == ("C", 35 * MIN, True)


def test_a_busy_car_is_never_sent_however_near() -> None:
    assert sent(planned([call("shop")], [busy("A"), free("B")], [[1], [30]])) == {"B": "shop"}


def test_no_call_or_no_car_is_an_empty_plan() -> None:
    assert planned([], [free("A")], [[]]).assignments == ()
    assert planned([call("shop")], [], []).assignments == ()


# -- who is diverted -----------------------------------------------------------------------------


def test_a_car_that_passes_the_new_call_takes_it_and_another_takes_its_own() -> None:
    found = planned(
        [call("far"), call("near")], [to("far", "A", 30), free("B")], [[30, 4], [25, 40]]
    )

    (diversion,) = found.diversions
    assert (diversion.unit_id, diversion.released_id, diversion.incident_id) == ("A", "far", "near")
    assert diversion.saves_s == 36 * MIN
    assert diversion.otherwise is not None
    assert diversion.otherwise.unit_id == "B"
    assert (diversion.instead.unit_id, diversion.costs_s) == ("B", -5 * MIN)
    assert not diversion.rises
    assert sent(found) == {"B": "far"}


def test_nine_minutes_are_not_worth_calling_a_car_off() -> None:
    calls, cars = [call("far"), call("near")], [to("far", "A", 30), free("B")]

    assert diverted(planned(calls, cars, [[30, 4], [30, 13]])) == {}
    assert diverted(planned(calls, cars, [[30, 4], [30, 14.5]])) == {"A": "near"}


def test_what_the_first_call_loses_is_taken_off() -> None:
    calls, cars = [call("far"), call("near")], [to("far", "A", 30), free("B")]

    assert diverted(planned(calls, cars, [[30, 4], [45, 28]])) == {}


def test_an_emergency_calls_a_car_off_a_theft_for_less() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency")]

    found = planned(calls, [to("theft", "A", 20), free("B")], [[20, 5], [40, 9]])

    (diversion,) = found.diversions
    assert (diversion.incident_id, diversion.rises, diversion.saves_s) == ("fight", True, 4 * MIN)
    assert diversion.costs_s == 20 * MIN


def test_no_car_is_called_off_within_three_minutes_of_the_place() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency")]

    near = planned(calls, [to("theft", "A", 2.9), free("B")], [[2.9, 5], [40, 60]])
    not_yet = planned(calls, [to("theft", "A", 3.0), free("B")], [[3, 5], [40, 60]])

    assert diverted(near) == {}
    assert diverted(not_yet) == {"A": "fight"}


@pytest.mark.parametrize(
    ("car", "theft"),
    [
        (to("theft", "A", diversions=1), call("theft", "routine")),
        (to("theft", "A"), call("theft", "routine", released=1)),
        (to("theft", "A", pinned=True), call("theft", "routine")),
    ],
)
def test_nobody_is_called_off_twice_nor_whom_a_person_holds_to_it(
    car: Mover, theft: OpenIncident
) -> None:
    found = planned([theft, call("fight", "emergency")], [car, free("B")], [[30, 5], [30, 60]])

    assert diverted(found) == {}
    assert sent(found) == {"B": "fight"}


def test_a_car_whose_arrival_nobody_knows_is_left_alone() -> None:
    lost = replace(to("theft", "A"), remaining_s=None)
    calls = [call("theft", "routine"), call("fight", "emergency")]

    found = planned(calls, [lost, free("B")], [[NEVER, 5], [30, 60]])

    assert diverted(found) == {}


def test_nobody_is_called_off_to_be_one_more_where_somebody_goes_already() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency", wanted=2)]
    cars = [to("theft", "A", 30), to("fight", "B", 12), free("C")]

    found = planned(calls, cars, [[30, 15], [40, 12], [31, 90]])

    assert [each.unit_id for each in found.diversions if each.incident_id == "fight"] == []
    there = [call("theft", "routine"), call("fight", "emergency", wanted=1, there=1)]
    assert diverted(planned(there, [to("theft", "A", 30), free("C")], [[30, 3], [31, 90]])) == {}


def test_the_only_car_is_called_off_for_an_emergency_only_if_another_will_come_later() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency")]
    cars = [to("theft", "A", 20), busy("B")]

    alone = planned(calls, cars, [[20, 5], [NEVER, NEVER]])
    later = planned(calls, cars, [[20, 5], [NEVER, NEVER]], [[60, 50], [45, 60]])

    assert diverted(alone) == {}
    (diversion,) = later.diversions
    assert diversion.incident_id == "fight"
    assert diversion.instead.unit_id == "B"
    assert diversion.instead.after_job
    assert diversion.costs_s == 25 * MIN
    assert [each.incident_id for each in later.waiting] == ["theft"]


def test_among_equals_nobody_is_left_for_later() -> None:
    cars = [to("far", "A", 40), busy("B")]

    found = planned(
        [call("far"), call("near")], cars, [[40, 4], [NEVER, NEVER]], [[90, 80], [50, 45]]
    )

    assert diverted(found) == {}
    assert [each.incident_id for each in found.waiting] == ["near"]


def test_a_car_that_got_free_next_door_relieves_the_one_that_is_far() -> None:
    found = planned([call("village")], [to("village", "A", 30), free("B")], [[30], [8]])

    (diversion,) = found.diversions
    assert (diversion.unit_id, diversion.incident_id) == ("A", None)
    assert (diversion.instead.unit_id, diversion.saves_s) == ("B", 22 * MIN)
    assert sent(found) == {"B": "village"}
    assert (
        diverted(planned([call("village")], [to("village", "A", 17), free("B")], [[17], [8]])) == {}
    )


def test_an_emergency_is_not_kept_waiting_longer_for_a_theft() -> None:
    calls = [call("fight", "emergency"), call("theft", "routine")]

    found = planned(calls, [to("fight", "A", 20), free("B")], [[20, 1], [21, 200]])

    assert diverted(found) == {}


def test_no_diversions_at_all_if_the_rules_say_so() -> None:
    calls = [call("theft", "routine"), call("fight", "emergency")]

    found = planned(calls, [to("theft", "A"), free("B")], [[30, 5], [5, 60]], diverts=False)

    assert diverted(found) == {}
    assert sent(found) == {"B": "fight"}


# -- properties ----------------------------------------------------------------------------------

PRIORITIES = ("emergency", "priority", "routine")


def a_board(rng: Random) -> tuple[list[OpenIncident], list[Mover], Floats, Floats]:
    """A county with something going on; times from a plane, some places out of reach."""
    incidents = [
        call(
            f"I{n}",
            rng.choice(PRIORITIES),
            waited_s=rng.uniform(0, 7200),
            wanted=rng.choice((1, 1, 1, 2)),
            released=rng.choice((0, 0, 0, 1)),
        )
        for n in range(rng.randint(1, 7))
    ]
    units, places = [], [(rng.random(), rng.random()) for _ in range(rng.randint(1, 9))]
    scenes = [(rng.random(), rng.random()) for _ in incidents]
    score_s = np.array([[round(4000 * math.dist(a, b)) + 30.0 for b in scenes] for a in places])
    score_s[np.array([[rng.random() < 0.1 for _ in scenes] for _ in places])] = np.inf
    for n in range(len(places)):
        reachable = [at for at in range(len(scenes)) if np.isfinite(score_s[n, at])]
        kind = rng.choice(("free", "free", "way", "way", "busy"))
        if kind == "way" and reachable:
            at = rng.choice(reachable)
            minutes = float(score_s[n, at]) / MIN
            units.append(to(f"I{at}", f"U{n}", minutes, diversions=rng.choice((0, 0, 0, 1))))
        else:
            units.append(busy(f"U{n}") if kind == "busy" else free(f"U{n}"))
    later_s = score_s + np.array([[rng.uniform(600, 5000)] for _ in places])
    return incidents, units, score_s, later_s


BOARDS = st.integers(0, 2**32 - 1)


@given(seed=BOARDS)
@settings(max_examples=60, deadline=None)
def test_every_diversion_keeps_the_rules_and_covers_whom_it_leaves(seed: int) -> None:
    incidents, units, score_s, later_s = a_board(Random(seed))
    ones, calls = (
        {each.unit_id: each for each in units},
        {each.incident_id: each for each in incidents},
    )

    found = plan(incidents, units, score_s, later_s)

    going = sent(found)
    assert len(going) == len(found.assignments)
    for each in found.diversions:
        unit, released = ones[each.unit_id], calls[each.released_id]
        assert unit.remaining_s is not None
        assert unit.remaining_s >= 180.0
        assert unit.diversions == 0
        assert released.released == 0
        assert each.rises or each.saves_s is None or each.saves_s >= 600.0
        cover = each.instead
        if cover.after_job:
            assert each.rises
            assert each.released_id in {wait.incident_id for wait in found.waiting}
        else:
            now = {**diverted(found), **going}
            assert now[cover.unit_id] == each.released_id
    assert not {each.unit_id for each in found.diversions} & set(going)
    for name, one in calls.items():
        before = one.there + sum(each.incident_id == name for each in units)
        left = [each for each in found.diversions if each.released_id == name]
        came = [each for each in found.diversions if each.incident_id == name]
        assert len(came) <= len(left) + (before == 0), "nobody is called off to be one more"


@given(seed=BOARDS)
@settings(max_examples=60, deadline=None)
def test_no_plan_is_worse_than_leaving_everybody_under_way_alone(seed: int) -> None:
    incidents, units, score_s, later_s = a_board(Random(seed))

    found = plan(incidents, units, score_s, later_s)
    alone = plan(incidents, units, score_s, later_s, Rules(diverts=False))

    assert found.weighed_s <= found.unchanged_weighed_s == alone.weighed_s
    assert alone.diversions == ()


@given(seed=BOARDS)
@settings(max_examples=60, deadline=None)
def test_no_car_stands_idle_that_could_go_where_somebody_waits(seed: int) -> None:
    incidents, units, score_s, later_s = a_board(Random(seed))
    column = {each.incident_id: n for n, each in enumerate(incidents)}

    found = plan(incidents, units, score_s, later_s)

    idle = [n for n, each in enumerate(units) if each == free(each.unit_id)]
    idle = [n for n in idle if units[n].unit_id not in sent(found)]
    for wait in found.waiting:
        assert not np.isfinite(score_s[idle, column[wait.incident_id]]).any()


@given(seed=BOARDS)
@settings(max_examples=40, deadline=None)
def test_the_same_board_in_another_order_gives_the_same_plan(seed: int) -> None:
    rng = Random(seed)
    incidents, units, score_s, later_s = a_board(rng)
    rows, columns = list(range(len(units))), list(range(len(incidents)))
    rng.shuffle(rows)
    rng.shuffle(columns)
    mixed = np.ix_(np.array(rows), np.array(columns))

    found = plan(
        [incidents[n] for n in columns], [units[n] for n in rows], score_s[mixed], later_s[mixed]
    )

    assert found == plan(incidents, units, score_s, later_s)


def by_trying_all(asked: Asked) -> float:
    """The least weighed sum of waiting of all ways to send free cars."""
    cars, calls = asked.score_s.shape
    best = math.inf
    for way in itertools.product(range(-1, calls), repeat=cars):
        taken = [way.count(number) for number in range(calls)]
        there = all(np.isfinite(asked.score_s[car, at]) for car, at in enumerate(way) if at >= 0)
        if there and all(n <= places for n, places in zip(taken, asked.places, strict=True)):
            best = min(best, matching.weighed(asked, Rules(), np.array(way)))
    return best


@given(seed=BOARDS)
@settings(max_examples=40, deadline=None)
def test_no_other_way_to_send_free_cars_is_better(seed: int) -> None:
    incidents, units, score_s, _ = a_board(Random(seed))
    incidents = [replace(each, there=n % 2) for n, each in enumerate(incidents[:4])]
    cars = [free(each.unit_id) for each in units[:5]]
    scores = score_s[: len(cars), : len(incidents)]

    found = plan(incidents, cars, scores)

    least = by_trying_all(Asked.of(incidents, cars, scores, None))
    assert found.weighed_s == pytest.approx(least)


@given(seed=BOARDS)
@settings(max_examples=150, deadline=None)
def test_nobody_is_in_two_proposals_and_every_one_sends_somebody(seed: int) -> None:
    incidents, units, score_s, later_s = a_board(Random(seed))

    found = proposals(plan(incidents, units, score_s, later_s))

    moved = [each.unit_id for one in found for each in one.moves]
    called_off = [each.unit_id for one in found for each in one.called_off]
    assert len(set(moved)) == len(moved)
    assert len(set(called_off)) == len(called_off)
    assert all(one.moves for one in found)


def remembered(found: Plan, units: Sequence[Mover]) -> list[Mover]:
    """The units as the next plan sees them: what is proposed stands on the list."""
    moves = {each.unit_id: each.incident_id for one in proposals(found) for each in one.moves}
    gone = {each.unit_id for each in found.diversions} - moves.keys()
    return [
        replace(each, proposed=moves.get(each.unit_id), let_go=each.unit_id in gone)
        for each in units
    ]


@given(seed=BOARDS | st.sampled_from((86, 1718, 2895, 4768, 4957)))
@settings(max_examples=150, deadline=None)
def test_while_nothing_changes_no_proposal_comes_back_that_another_took_the_place_of(
    seed: int,
) -> None:
    incidents, units, score_s, later_s = a_board(Random(seed))
    told: list[tuple[str, ...]] = []
    for _ in range(6):
        found = plan(incidents, units, score_s, later_s)
        told.append(tuple(each.key for each in proposals(found)))
        units = remembered(found, units)

    different = [now for before, now in itertools.pairwise(told) if now != before]
    assert len(set(different)) == len(different)
    assert told[-1] == told[-2] == told[-3]
    assert told[0] not in different


def jittered(score_s: Floats, rng: Random, seconds: float) -> Floats:
    wobble = [[rng.uniform(-seconds, seconds) for _ in line] for line in score_s]
    wobbled: Floats = np.maximum(score_s + np.array(wobble), 0.0)
    return wobbled


@given(seed=BOARDS)
@settings(max_examples=60, deadline=None)
def test_nobody_just_sent_is_called_off_because_times_wobble_by_seconds(seed: int) -> None:
    rng = Random(seed)
    incidents, units, score_s, _ = a_board(rng)
    cars = [free(each.unit_id) for each in units]
    row, column = (
        {each.unit_id: n for n, each in enumerate(units)},
        {each.incident_id: n for n, each in enumerate(incidents)},
    )
    first = plan(incidents, cars, score_s)

    again_s = jittered(score_s, rng, 15.0)
    for each in first.assignments:
        at = row[each.unit_id], column[each.incident_id]
        cars[at[0]] = to(each.incident_id, each.unit_id, float(again_s[at]) / MIN)
    second = plan(incidents, cars, again_s)

    assert second.diversions == ()
    assert second.assignments == ()


@given(seed=BOARDS)
@settings(max_examples=60, deadline=None)
def test_a_proposal_stands_while_times_wobble_by_seconds(seed: int) -> None:
    rng = Random(seed)
    incidents, units, score_s, _ = a_board(rng)
    cars = [free(each.unit_id) for each in units]
    first = plan(incidents, cars, score_s)

    goals = sent(first)
    reminded = [replace(each, proposed=goals.get(each.unit_id)) for each in cars]
    second = plan(incidents, reminded, jittered(score_s, rng, 5.0))

    assert sent(second) == goals


@given(
    seconds=st.lists(st.one_of(st.none(), st.integers(0, 9000)), min_size=1, max_size=8),
    priority=st.sampled_from(PRIORITIES),
)
@settings(max_examples=40, deadline=None)
def test_a_single_call_gets_whom_the_ranking_puts_first(
    seconds: list[int | None], priority: Any
) -> None:
    contenders = [
        Contender(
            unit_id=f"id-{-n}",
            call_sign=f"P-{n % 3}",
            status=UnitStatus.AVAILABLE,
            order_number=None,
            position_age_s=0.0,
            off_road_m=0.0,
            eta_s=eta_s,
            walk=None,
            road_closed=False,
            batteries=(),
            has_device=True,
            connected=True,
        )
        for n, eta_s in enumerate(seconds)
    ]
    ranking = rank(Scene(scene_s=1800.0, recording=Load.RECORD, priority=priority), contenders)
    best = ranking.candidates[0].contender

    found = plan(
        [call("only", priority)],
        [Mover(unit_id=each.unit_id, call_sign=each.call_sign) for each in contenders],
        np.array([[np.inf if each is None else each] for each in seconds], dtype=np.float64),
    )

    assert [each.unit_id for each in found.assignments] == (
        [] if best.eta_s is None else [best.unit_id]
    )


# -- limits --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("calls", "cars", "says"),
    [
        ([call("I")] * 2, [free("A")], "named twice"),
        ([call("I")], [free("A")] * 2, "named twice"),
        ([call("I", wanted=WANTED_MAX + 1)], [free("A")], "wants 11 units"),
        ([call("I")], [to("J", "A")], "under way to J, which is not open"),
        ([call(f"I{n}") for n in range(INCIDENTS_MAX + 1)], [free("A")], "at most"),
        (
            [call(f"I{n}", wanted=10) for n in range(PLACES_MAX // 10 + 1)],
            [free("A")],
            "are wanted at once",
        ),
    ],
)
def test_what_does_not_fit_together_is_refused(
    calls: list[OpenIncident], cars: list[Mover], says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        plan(calls, cars, np.ones((len(cars), len(calls))))


def test_scores_of_another_shape_or_below_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="scores of 1 units for 1 incidents"):
        plan([call("I")], [free("A")], np.ones((2, 1)))
    with pytest.raises(ValueError, match="not below 0"):
        plan([call("I")], [free("A")], -np.ones((1, 1)))


@pytest.mark.parametrize("wrong", [{"saves_s": -1.0}, {"to_go_s": 1e9}, {"diversions_max": -1}])
def test_rules_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="takes"):
        Rules(**wrong)
