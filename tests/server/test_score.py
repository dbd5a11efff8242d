"""What units count as, said as a dispatcher would say it; and what no score may ever do."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from devices.battery.model import Load
from geo.walk import NO_WALK
from server.dispatch import ranking
from server.dispatch.battery import Battery, Prospect
from server.dispatch.contest import Contender, Scene
from server.dispatch.ranking import Ranked, Ranking, rank
from server.dispatch.runcards import Term
from server.dispatch.score import PARTS, Score, score
from server.dispatch.standing import Scored
from server.dispatch.turning import relieved
from server.dispatch.weights import BOUNDS, RISK_SHARE
from server.views import Priority, UnitKind, UnitStatus

MIN, HOUR = 60.0, 3600.0
CONSOLE = Path(__file__).parents[2] / "web" / "src" / "console"
PRIORITIES: tuple[Priority, ...] = ("routine", "priority", "emergency")


def a_camera(p_last: float) -> Prospect:
    battery = Battery(device_id="cam-1", kind="body_camera", level_pct=50, level_at=None)
    return Prospect(battery=battery, p_last=p_last)


def a_unit(
    call_sign: str,
    *,
    eta_min: float | None = 10,
    camera: float = 1.0,
    status: UnitStatus = UnitStatus.AVAILABLE,
    order_number: int | None = None,
    in_need: bool = False,
    log_sd: float = 0.0,
    coverage_min: float = 0.0,
    on_duty_h: float | None = None,
    rest_h: float | None = None,
    kind: UnitKind = "patrol_car",
    skills: tuple[str, ...] = (),
    station: str | None = None,
    snowy_track_m: float = 0.0,
) -> Contender:
    return Contender(
        unit_id=f"id-{call_sign}",
        call_sign=call_sign,
        status=status,
        order_number=order_number,
        position_age_s=5.0,
        off_road_m=4.0,
        eta_s=None if eta_min is None else eta_min * MIN,
        walk=None if eta_min is None else NO_WALK,
        road_closed=False,
        batteries=(a_camera(camera),),
        has_device=True,
        connected=True,
        in_need=in_need,
        log_sd=log_sd,
        coverage_s=coverage_min * MIN,
        on_duty_s=None if on_duty_h is None else on_duty_h * HOUR,
        rest_s=None if rest_h is None else rest_h * HOUR,
        kind=kind,
        skills=skills,
        station=station,
        snowy_track_m=snowy_track_m,
    )


def a_scene(
    priority: Priority = "priority",
    *,
    scene_min: float = 30,
    skills: tuple[str, ...] = (),
    kinds: tuple[UnitKind, ...] = (),
    area: str = "",
) -> Scene:
    return Scene(
        scene_s=scene_min * MIN,
        recording=Load.RECORD,
        priority=priority,
        skills=tuple(Term(code=each, en=each.replace("_", " "), zh=each) for each in skills),
        kinds=kinds,
        area=area,
    )


def scored(scene: Scene, one: Contender) -> Score:
    found = score(scene, one)
    assert found is not None
    return found


def names(ranking: Ranking) -> list[str]:
    return [each.contender.call_sign for each in ranking.candidates]


def said(each: Ranked) -> dict[str, str]:
    return {reason.code: reason.text for reason in each.reasons}


# -- what outweighs what --------------------------------------------------------------------


def test_an_emergency_takes_the_closest_unit_even_if_everything_else_speaks_against_it() -> None:
    scene = a_scene("emergency", skills=("rescue",), kinds=("off_road",), area="North")
    near = a_unit(
        "P-02",
        eta_min=30,
        camera=0.0,
        coverage_min=60,
        on_duty_h=12,
        rest_h=0,
        station="South",
        snowy_track_m=9_000,
    )
    far = a_unit("X-07", eta_min=36, kind="off_road", skills=("rescue",), station="North")

    assert names(rank(scene, [far, near])) == ["P-02", "X-07"]


def test_without_haste_the_same_unit_lets_the_fitter_one_go_first() -> None:
    scene = a_scene("routine", skills=("rescue",), kinds=("off_road",), area="North")
    near = a_unit("P-02", eta_min=30, camera=0.0, on_duty_h=12, rest_h=0, station="South")
    far = a_unit("X-07", eta_min=36, kind="off_road", skills=("rescue",), station="North")

    assert names(rank(scene, [far, near])) == ["X-07", "P-02"]


@pytest.mark.parametrize(
    ("priority", "total_min"), [("routine", 55), ("priority", 26), ("emergency", 6)]
)
def test_all_doubts_together_have_a_bound_by_priority(priority: Priority, total_min: int) -> None:
    worst = a_unit(
        "P-02",
        eta_min=300,
        camera=0.0,
        log_sd=0.6,
        coverage_min=1e4,
        on_duty_h=40,
        rest_h=0,
        station="South",
        snowy_track_m=1e5,
    )
    worst = replace(
        worst,
        batteries=(
            a_camera(0.0),
            Prospect(
                battery=Battery(device_id="h", kind="handset", level_pct=1, level_at=None),
                p_last=0.0,
            ),
        ),
    )
    scene = a_scene(priority, skills=("rescue", "medic"), kinds=("off_road",), area="North")

    found = scored(scene, worst)

    assert BOUNDS[priority].total_min == pytest.approx(total_min)
    assert 0.9 * total_min * MIN < found.doubts_s <= total_min * MIN


# -- the terms ------------------------------------------------------------------------------


def test_a_travel_time_counts_as_what_is_to_be_expected_and_a_less_sure_one_as_more() -> None:
    sure, unsure = a_unit("P-02", log_sd=0.2), a_unit("P-07", log_sd=0.4)

    a, b = scored(a_scene(), sure), scored(a_scene(), unsure)

    assert a.eta_s == pytest.approx(10 * MIN * 1.0202, rel=1e-4)
    assert b.eta_s == pytest.approx(10 * MIN * 1.0833, rel=1e-4)
    # P90 is 2.92 and 6.70 min later than the median; towards the bound of 3 min.
    assert a.risk_s == pytest.approx(
        MIN * 3 * (RISK_SHARE * 2.922) / (3 + RISK_SHARE * 2.922), rel=1e-3
    )
    assert b.risk_s == pytest.approx(
        MIN * 3 * (RISK_SHARE * 6.697) / (3 + RISK_SHARE * 6.697), rel=1e-3
    )


def test_of_two_equally_far_the_one_on_the_road_that_is_known_goes_first() -> None:
    track, road = a_unit("P-02", eta_min=20, log_sd=0.4), a_unit("P-07", eta_min=20.5, log_sd=0.2)

    ranking = rank(a_scene(), [track, road])

    assert names(ranking) == ["P-07", "P-02"]
    assert said(ranking.candidates[0])["ahead_risk"] == "0.5 min after P-02, whose way is less sure"
    assert said(ranking.candidates[1])["sooner_risk"].endswith("but its way is less sure")


def test_a_unit_whose_shift_ends_before_the_job_gives_way_to_a_fresh_one() -> None:
    late = a_unit("P-02", eta_min=20, on_duty_h=7.5)
    fresh = a_unit("P-07", eta_min=23, on_duty_h=1)

    ranking = rank(a_scene("routine", scene_min=50), [late, fresh])

    assert names(ranking) == ["P-07", "P-02"]
    # 7.5 h and twice 20 min and 50 min are 9 h: an hour more than a shift.
    assert said(ranking.candidates[1])["overtime"] == "its shift ends 60 min before the job does"


def test_a_shift_that_ends_after_the_job_costs_nothing() -> None:
    assert scored(a_scene(), a_unit("P-02", on_duty_h=6.9)).shift_s == 0.0
    assert scored(a_scene(), a_unit("P-02", on_duty_h=None)).shift_s == 0.0


def test_the_length_of_a_shift_is_that_of_the_county() -> None:
    twelve = replace(a_scene(), shift_s=12 * HOUR)

    assert "overtime" not in said(rank(twelve, [a_unit("P-02", on_duty_h=9)]).candidates[0])
    assert "overtime" in said(rank(a_scene(), [a_unit("P-02", on_duty_h=9)]).candidates[0])


def test_a_crew_that_slept_too_little_is_said_and_counts() -> None:
    tired, rested = a_unit("P-02", rest_h=5.5), a_unit("P-07", rest_h=11)

    assert scored(a_scene(), tired).shift_s == pytest.approx(0.1 * 2 * MIN)
    assert scored(a_scene(), rested).shift_s == 0.0
    text = said(rank(a_scene(), [tired]).candidates[0])["short_rest"]
    assert text == "only 5.5 h of rest before this shift"


def test_long_hours_are_said_and_count_more_by_the_hour() -> None:
    costs = [scored(a_scene(), a_unit("P-02", on_duty_h=h)).shift_s for h in (2, 8, 9, 10, 30)]

    assert costs == sorted(costs)
    assert costs[0] == 0.0
    assert costs[-1] == pytest.approx((0.6 + 0.2) * 2 * MIN)
    ranking = rank(a_scene(), [a_unit("P-02", on_duty_h=10)])
    assert said(ranking.candidates[0])["long_on_duty"] == "on duty for 10 h already"


def test_a_mountain_rescue_prefers_who_has_learned_it_and_says_who_has_not() -> None:
    scene = a_scene(skills=("medic", "rope_rescue"))
    near = a_unit("P-02", eta_min=20, skills=("medic",))
    able = a_unit("P-07", eta_min=21.5, skills=("medic", "rope_rescue"))

    ranking = rank(scene, [near, able])

    assert names(ranking) == ["P-07", "P-02"]
    assert said(ranking.candidates[1])["lacks_skills"] == "nobody of its crew has: rope rescue"
    whose = "1.5 min after P-02, whose crew lacks skills that are asked for"
    assert said(ranking.candidates[0])["ahead_skills"] == whose


def test_no_motorcycle_fetches_a_prisoner_where_a_car_is_a_little_later() -> None:
    scene = a_scene("routine", kinds=("off_road", "patrol_car"))
    motorcycle = a_unit("M-03", eta_min=15, kind="motorcycle")
    car = a_unit("P-02", eta_min=18)

    ranking = rank(scene, [motorcycle, car])

    assert names(ranking) == ["P-02", "M-03"]
    text = said(ranking.candidates[1])["unfit_kind"]
    assert text == "a motorcycle is not what such a call asks for"


def test_a_car_on_tracks_in_snow_counts_more_and_a_four_by_four_does_not() -> None:
    car = a_unit("P-02", snowy_track_m=1_000)
    four_by_four = a_unit("X-01", snowy_track_m=1_000, kind="off_road")

    assert scored(a_scene(), car).vehicle_s == pytest.approx(0.25 * 4 * MIN)
    assert scored(a_scene(), four_by_four).vehicle_s == 0.0
    words = said(rank(a_scene(), [car]).candidates[0])["snowy_track"]
    assert words == "1000 m of its way on tracks in snow or ice, without four-wheel drive"


def test_the_station_in_whose_area_it_is_goes_first_where_both_are_as_near() -> None:
    scene = a_scene(area="North")
    ours = a_unit("P-07", eta_min=10.5, station="North")
    theirs = a_unit("P-02", eta_min=10, station="South")
    nobodys = a_unit("P-09", eta_min=10.8)

    ranking = rank(scene, [ours, theirs, nobodys])

    assert names(ranking) == ["P-07", "P-09", "P-02"]
    assert said(ranking.candidates[2])["other_area"] == "the place is in the area of North"
    assert "other_area" not in said(ranking.candidates[1])


def test_what_would_be_left_uncovered_counts_more_and_more_towards_its_bound() -> None:
    counts = [
        scored(a_scene(), a_unit("P-02", coverage_min=left)).coverage_s / MIN
        for left in (0, 0.1, 3, 50, 100)
    ]

    assert counts == pytest.approx([0, 0.097, 1.5, 2.83, 2.91], abs=0.005)


def test_who_is_as_soon_there_and_yet_comes_later_says_why() -> None:
    ranking = rank(a_scene(), [a_unit("P-02", camera=0.0), a_unit("P-07")])

    assert names(ranking) == ["P-07", "P-02"]
    text = said(ranking.candidates[1])["level_may_not_last"]
    assert text == "number 2: as soon there as P-07, but its batteries may not last"


@pytest.mark.parametrize(("log_sd", "later_s"), [(0.3, 2.4), (0.0, 2.4), (0.3, 0.0)])
def test_who_comes_later_by_seconds_or_by_its_call_sign_is_not_said_to_have_a_fault(
    log_sd: float, later_s: float
) -> None:
    first = a_unit("P-01", log_sd=log_sd)
    second = replace(a_unit("P-02", log_sd=log_sd), eta_s=10 * MIN + later_s)

    ranking = rank(a_scene("routine"), [second, first])

    assert said(ranking.candidates[1]) == {"level": "number 2: as soon there as P-01"}


def test_nobody_is_minus_nought_minutes_later() -> None:
    """A second sooner, a second of cover more: the call sign decides."""
    other = replace(a_unit("P-02", coverage_min=1 / 60), eta_s=10 * MIN - 1)

    ranking = rank(a_scene("routine"), [a_unit("P-01"), other])

    assert said(ranking.candidates[1]) == {"level": "number 2: as soon there as P-01"}


def test_a_unit_without_a_camera_is_said_to_have_none_not_to_have_a_weak_one() -> None:
    near = replace(a_unit("P-02", eta_min=9), batteries=(), has_camera=False)

    ranking = rank(a_scene("routine"), [near, a_unit("P-01", eta_min=12)])

    assert said(ranking.candidates[0]) == {"ahead_no_camera": "3 min after P-02, who has no camera"}
    assert said(ranking.candidates[1]) == {
        "sooner_no_camera": "number 2: 3 min before P-01, but it has no camera",
        "no_camera": "no body camera: nothing is recorded",
    }


def test_where_nothing_is_to_be_recorded_no_camera_is_missed() -> None:
    scene = replace(a_scene(), recording=Load.STANDBY)
    bare = replace(a_unit("P-02"), batteries=(), has_camera=False)

    assert "no_camera" not in said(rank(scene, [bare]).candidates[0])


# -- whom to ask when nobody can -----------------------------------------------------------


def test_when_nobody_is_free_the_first_to_ask_is_named() -> None:
    busy = a_unit("P-02", eta_min=8, status=UnitStatus.EN_ROUTE, order_number=12)
    resting = a_unit("P-03", eta_min=3, status=UnitStatus.OFF_DUTY)

    ranking = rank(a_scene("routine"), [busy, resting])

    # Called from rest, P-03 would leave ten minutes later.
    assert ranking.proposed_id == busy.unit_id
    (of_busy,) = [each for each in ranking.excluded if each.contender is busy]
    assert said(of_busy)["ask_first"] == "nobody is free: the first to ask"


def test_a_crew_off_duty_is_proposed_where_it_alone_is_near() -> None:
    resting = a_unit("P-03", eta_min=15, status=UnitStatus.OFF_DUTY)
    far = a_unit("P-02", eta_min=55)

    ranking = rank(a_scene(), [resting, far])

    assert names(ranking) == ["P-02"]
    assert ranking.proposed_id == resting.unit_id
    text = said(ranking.excluded[0])["call_in"]
    assert text == "called in, it would be the only one there within 30 min"


@pytest.mark.parametrize("priority", PRIORITIES)
def test_where_who_is_free_is_cut_off_the_first_that_can_get_there_is_named(
    priority: Priority,
) -> None:
    cut_off = a_unit("P-02", eta_min=None)
    busy = a_unit("P-03", eta_min=12, status=UnitStatus.ON_SCENE, order_number=4)

    ranking = rank(a_scene(priority), [cut_off, busy])

    assert ranking.proposed_id == busy.unit_id
    text = said(ranking.excluded[0])["ask_first_there"]
    assert text == "nobody who is free is known to get there: the first to ask"


def test_where_no_road_leads_to_the_place_nobody_is_named() -> None:
    asked = [
        a_unit("P-02", eta_min=None),
        a_unit("P-03", eta_min=None, order_number=4, status=UnitStatus.ON_SCENE),
    ]

    assert rank(a_scene(), asked).proposed_id is None


@pytest.mark.parametrize(
    ("priority", "resting_min", "free_min"),
    [("priority", 15, 29), ("priority", 21, 55), ("routine", 5, 55)],
)
def test_nobody_is_called_from_rest_for_nothing(
    priority: Priority, resting_min: float, free_min: float
) -> None:
    resting = a_unit("P-03", eta_min=resting_min, status=UnitStatus.OFF_DUTY)

    ranking = rank(a_scene(priority), [resting, a_unit("P-02", eta_min=free_min)])

    assert ranking.proposed_id is None


def test_who_calls_for_help_is_never_asked_to_come() -> None:
    ranking = rank(a_scene(), [a_unit("P-02", in_need=True)])

    assert ranking.proposed_id is None
    assert said(ranking.excluded[0]) == {"in_need": "is the one who calls for help"}


# -- what would turn it ---------------------------------------------------------------------


def test_the_runner_up_says_what_keeps_it_from_being_first() -> None:
    near = a_unit("P-07", eta_min=10, camera=0.0)
    far = a_unit("P-02", eta_min=13)

    found = rank(a_scene(), [near, far]).runner_up

    assert found is not None
    assert found.call_sign == "P-07"
    assert found.margin_s == pytest.approx(3 * MIN)
    assert found.flip.reason.text == "P-07 would be first if it had a charged camera"
    assert found.flip.gain_s == pytest.approx(6 * MIN)
    charged = replace(near, batteries=(a_camera(1.0),))
    assert names(rank(a_scene(), [charged, far])) == ["P-07", "P-02"]


def test_where_no_doubt_decides_the_runner_up_would_have_to_be_sooner() -> None:
    first, second = a_unit("P-02", eta_min=10), a_unit("P-07", eta_min=14)

    found = rank(a_scene(), [first, second]).runner_up

    assert found is not None
    assert found.flip.reason.text == "P-07 would be first if it were 4.1 min sooner there"
    sooner = replace(second, eta_s=(14 - 4.1) * MIN)
    assert names(rank(a_scene(), [first, sooner])) == ["P-07", "P-02"]


def test_of_several_doubts_the_smallest_that_is_enough_is_told() -> None:
    scene = a_scene(skills=("medic",), area="North")
    second = a_unit("P-07", eta_min=10, camera=0.0, station="South")
    first = a_unit("P-02", eta_min=17.5, skills=("medic",))

    found = rank(scene, [first, second]).runner_up

    # Ahead by 3.5 min: the area counts 1, the skill 4, the camera 6.
    assert found is not None
    assert found.flip.reason.code == "flip_skills"


def test_a_unit_is_never_said_to_be_needed_there_before_it_is_sent() -> None:
    """It is a minute away, and behind by 25: not even at the scene would it be first."""
    first = a_unit("P-01", eta_min=3)
    second = a_unit("P-02", eta_min=1, camera=0.0, on_duty_h=14, coverage_min=30, kind="motorcycle")

    found = rank(a_scene("routine", kinds=("patrol_car",)), [first, second]).runner_up

    assert found is not None
    assert found.flip.reason.code == "flip_later"
    said_min = found.flip.reason.values["min"]
    assert (
        found.flip.reason.text == f"P-02 would be first if P-01 were {said_min:g} min later there"
    )
    late = replace(first, eta_s=(3 + float(said_min)) * MIN)
    kinds: tuple[UnitKind, ...] = ("patrol_car",)
    assert names(rank(a_scene("routine", kinds=kinds), [late, second]))[0] == "P-02"


def test_a_surer_way_is_also_expected_sooner() -> None:
    sure, unsure = a_unit("P-01", eta_min=22), a_unit("P-02", eta_min=21.5, log_sd=0.4)

    found = rank(a_scene("routine"), [sure, unsure]).runner_up

    assert found is not None
    assert found.flip.reason.code == "flip_risk"
    assert found.flip.reason.text == "P-02 would be first if its travel time were as sure"
    assert names(rank(a_scene("routine"), [sure, replace(unsure, log_sd=0.0)]))[0] == "P-02"


def test_where_both_ways_are_as_unsure_nobody_is_told_to_be_surer() -> None:
    first, second = a_unit("P-01", log_sd=0.4), a_unit("P-02", eta_min=10.5, log_sd=0.4)

    found = rank(a_scene("routine"), [first, second]).runner_up

    assert found is not None
    assert found.flip.reason.code == "flip_eta"


def test_the_freshest_crew_does_not_last_a_job_longer_than_a_shift() -> None:
    scene = a_scene("routine", scene_min=700)
    tired, other = a_unit("P-02", eta_min=9, on_duty_h=20, rest_h=1), a_unit("P-01", eta_min=12)

    found = rank(scene, [tired, other]).runner_up

    assert found is not None
    assert found.flip.part != "shift"


def test_a_single_unit_has_no_runner_up_nor_has_one_that_nobody_knows_the_time_of() -> None:
    assert rank(a_scene(), [a_unit("P-02")]).runner_up is None
    assert rank(a_scene(), [a_unit("P-02"), a_unit("P-07", eta_min=None)]).runner_up is None


# -- words ----------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_reason_has_words(language: str) -> None:
    turned = [part for part in PARTS if part not in ("camera", "handset")] + ["no_camera"]
    codes = [
        *(f"ahead_{part}" for part in turned),
        *(f"sooner_{part}" for part in turned),
        *(f"level_{part}" for part in (*turned, "may_not_last")),
        *(f"flip_{part}" for part in (*PARTS, "eta", "later")),
        *("level", "no_camera"),
        *("lasts_better", "sooner_may_not_last", "closest", "later", "only_unit"),
        *("lacks_skills", "nobody_has", "unfit_kind", "snowy_track", "other_area"),
        *("overtime", "long_on_duty", "short_rest", "call_in", "ask_first", "ask_first_there"),
        *("in_need", "busy", "off_duty", "not_available"),
    ]
    words = {
        key
        for folder in (CONSOLE, CONSOLE / "score")
        for key in json.loads((folder / "locales" / f"{language}.json").read_text("utf-8"))
    }

    assert [code for code in codes if f"reason.{code}" not in words] == []


# -- properties -----------------------------------------------------------------------------

seconds = st.floats(0, 4 * HOUR)
terms = st.fixed_dictionaries(
    {"eta_s": seconds, **{f"{part}_s": st.floats(0, 20 * MIN) for part in PARTS}}
)
units = st.lists(
    st.builds(
        a_unit,
        st.text("ABC", min_size=1, max_size=4),
        eta_min=st.one_of(st.none(), st.floats(0, 200)),
        camera=st.floats(0, 1),
        status=st.sampled_from(UnitStatus),
        log_sd=st.floats(0, 0.6),
        coverage_min=st.floats(0, 20),
        on_duty_h=st.one_of(st.none(), st.floats(0, 20)),
        rest_h=st.one_of(st.none(), st.floats(0, 20)),
        kind=st.sampled_from(["patrol_car", "off_road", "motorcycle", "foot"]),
        skills=st.sampled_from([(), ("medic",), ("medic", "rope_rescue")]),
        station=st.sampled_from([None, "North", "South"]),
        snowy_track_m=st.floats(0, 5_000),
    ),
    unique_by=lambda unit: unit.call_sign,
    min_size=1,
    max_size=6,
)
scenes = st.builds(
    a_scene,
    st.sampled_from(PRIORITIES),
    scene_min=st.floats(0, 200),
    skills=st.sampled_from([(), ("medic", "rope_rescue")]),
    kinds=st.sampled_from([(), ("off_road",)]),
    area=st.sampled_from(["", "North"]),
)


@given(scenes, units)
@settings(max_examples=60, deadline=None)
def test_whoever_is_there_clearly_sooner_is_first_whatever_speaks_against_it(
    scene: Scene, asked: list[Contender]
) -> None:
    ranking = rank(scene, asked)

    known = [each.score for each in ranking.candidates if each.score is not None]
    if known:
        soonest_s = min(each.eta_s for each in known)
        assert known[0].eta_s <= soonest_s + BOUNDS[scene.priority].total_min * MIN + 1.0


@given(scenes, units, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_asked_in_changes_nothing(
    scene: Scene, asked: list[Contender], chance: Random
) -> None:
    shuffled = list(asked)
    chance.shuffle(shuffled)

    assert rank(scene, shuffled) == rank(scene, asked)


@given(scenes, units, st.integers(0, 4))
@settings(max_examples=60, deadline=None)
def test_the_leading_units_are_the_first_of_the_ranking(
    scene: Scene, asked: list[Contender], count: int
) -> None:
    known = [each.contender for each in rank(scene, asked).candidates if each.score is not None]

    units = [ranking.scored(scene, each) for each in asked]
    assert ranking.leading(units, count) == known[:count]


@given(scenes, units, st.sampled_from([each for each in UnitStatus if each != "available"]))
@settings(max_examples=60, deadline=None)
def test_a_unit_that_cannot_be_sent_changes_nothing_of_the_order(
    scene: Scene, asked: list[Contender], status: UnitStatus
) -> None:
    before = rank(scene, asked)
    stranger = a_unit("stranger", eta_min=0.0, status=status)

    after = rank(scene, [*asked, stranger])

    assert after.candidates == before.candidates
    assert after.runner_up == before.runner_up


@given(terms, terms, st.sampled_from(("eta", *PARTS)), seconds)
@settings(max_examples=100, deadline=None)
def test_whatever_grows_never_makes_a_unit_better(
    one: dict[str, float], other: dict[str, float], term: str, more_s: float
) -> None:
    mine, theirs = Score(**one), Score(**other)
    worse = replace(mine, **{f"{term}_s": one[f"{term}_s"] + more_s})
    here, there = a_unit("P-02"), a_unit("P-07")

    was_behind = Scored(one=here, score=mine).key > Scored(one=there, score=theirs).key

    assert worse.total_s >= mine.total_s
    if was_behind:
        assert Scored(one=here, score=worse).key > Scored(one=there, score=theirs).key


GROWING = ("eta_s", "log_sd", "coverage_s", "on_duty_s", "snowy_track_m")


@given(scenes, units, st.sampled_from(GROWING), st.floats(0, 1e4), st.data())
@settings(max_examples=100, deadline=None)
def test_a_unit_never_rises_by_being_later_more_tired_or_less_sure(
    scene: Scene, asked: list[Contender], what: str, more: float, data: st.DataObject
) -> None:
    number = data.draw(st.integers(0, len(asked) - 1))
    unit = asked[number]
    if getattr(unit, what) is None:
        return
    more = min(more, 0.6) if what == "log_sd" else more
    worse = replace(unit, **{what: getattr(unit, what) + more})

    before = names(rank(scene, asked))
    after = names(rank(scene, [*asked[:number], worse, *asked[number + 1 :]]))

    if unit.call_sign in before:
        assert after.index(unit.call_sign) >= before.index(unit.call_sign)


@given(scenes, units)
@settings(max_examples=200, deadline=None)
def test_what_is_told_to_turn_the_order_turns_it(scene: Scene, asked: list[Contender]) -> None:
    """As a dispatcher would try it: what was named is otherwise, and all is asked anew."""
    ranking = rank(scene, asked)
    if (found := ranking.runner_up) is None:
        return
    first, second = (each.contender for each in ranking.candidates[:2])
    assert first.eta_s is not None
    assert second.eta_s is not None
    flip = found.flip
    match flip.part:
        case "eta":
            changed = replace(second, eta_s=second.eta_s - flip.gain_s)
            assert changed.eta_s is not None
            assert changed.eta_s >= 0.0, "nobody is there before it is sent"
        case "later":
            changed = replace(first, eta_s=first.eta_s + flip.gain_s)
        case part:
            changed = relieved(scene, second, part, first)
    others = [each for each in asked if each.unit_id != changed.unit_id]

    after = rank(scene, [*others, changed])

    assert names(after)[0] == second.call_sign
    assert found.margin_s >= 0.0
    assert flip.gain_s > 0.0


@given(scenes, units)
@settings(max_examples=100, deadline=None)
def test_a_tenth_of_a_minute_less_than_what_is_told_is_not_enough(
    scene: Scene, asked: list[Contender]
) -> None:
    ranking = rank(scene, asked)
    if (found := ranking.runner_up) is None or found.flip.part != "eta":
        return
    second = ranking.candidates[1].contender
    assert second.eta_s is not None
    less = replace(second, eta_s=second.eta_s - found.flip.gain_s + 6.0)
    others = [each for each in asked if each.unit_id != second.unit_id]

    assert names(rank(scene, [*others, less]))[0] != second.call_sign


@given(scenes, units)
@settings(max_examples=100, deadline=None)
def test_later_sooner_and_as_soon_are_said_of_who_is_that(
    scene: Scene, asked: list[Contender]
) -> None:
    timed = [each for each in rank(scene, asked).candidates if each.score is not None]

    for each in timed[1:]:
        best_s, its_s = timed[0].contender.eta_s, each.contender.eta_s
        assert best_s is not None
        assert its_s is not None
        place = each.reasons[0]
        if place.code == "later":
            assert its_s > best_s + 2.9
        elif place.code.startswith("sooner_"):
            assert its_s < best_s - 2.9
        else:
            assert place.code.startswith("level")
            assert abs(its_s - best_s) < 3.1
        assert "-" not in place.text.replace("P-", "")
