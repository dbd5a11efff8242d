"""The recommendation, said as a dispatcher would say it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from devices.battery.model import Load
from geo.walk import NO_WALK, Walk
from server.dispatch.battery import Battery, Prospect
from server.dispatch.ranking import Contender, Ranked, Ranking, Scene, rank
from server.views import DeviceKind, Priority, UnitStatus

MIN = 60.0


def a_unit(
    call_sign: str,
    *,
    eta_min: float | None = 10,
    status: UnitStatus = UnitStatus.AVAILABLE,
    order_number: int | None = None,
    position_age_s: float | None = 5,
    off_road_m: float | None = 4,
    walk: Walk = NO_WALK,
    batteries: tuple[Prospect, ...] | None = None,
    has_device: bool = True,
    connected: bool = True,
) -> Contender:
    return Contender(
        unit_id=f"id-{call_sign}",
        call_sign=call_sign,
        status=status,
        order_number=order_number,
        position_age_s=position_age_s,
        off_road_m=off_road_m,
        eta_s=None if eta_min is None else eta_min * MIN,
        walk=None if eta_min is None else walk,
        road_closed=False,
        batteries=(a_battery(1.0),) if batteries is None else batteries,
        has_device=has_device,
        connected=connected,
    )


def a_battery(
    p_last: float | None, *, kind: DeviceKind = "body_camera", age_s: float = 0
) -> Prospect:
    battery = Battery(device_id=f"{kind}-1", kind=kind, level_pct=50, level_at=None)
    return Prospect(battery=battery, p_last=p_last, age_s=age_s)


def a_scene(*, priority: Priority = "priority", no_road: str = "") -> Scene:
    return Scene(scene_s=30 * MIN, recording=Load.RECORD, priority=priority, no_road=no_road)


def names(ranking: Ranking) -> list[str]:
    return [each.contender.call_sign for each in ranking.candidates]


def texts(each: Ranked) -> list[str]:
    return [reason.text for reason in each.reasons]


def codes(each: Ranked) -> list[str]:
    return [reason.code for reason in each.reasons]


def test_the_closest_by_road_comes_first_and_the_others_say_how_much_later() -> None:
    ranking = rank(a_scene(), [a_unit("P-07", eta_min=12), a_unit("P-02", eta_min=9)])

    assert names(ranking) == ["P-02", "P-07"]
    assert [each.rank for each in ranking.candidates] == [1, 2]
    assert texts(ranking.candidates[0]) == ["closest by road"]
    assert texts(ranking.candidates[1]) == ["number 2, 3 min after P-02"]


def test_an_emergency_takes_the_closest_unit_even_if_its_camera_is_low_and_says_so() -> None:
    near = a_unit("P-02", eta_min=30, batteries=(a_battery(0.05),))
    far = a_unit("P-07", eta_min=33)

    ranking = rank(a_scene(priority="emergency"), [far, near])

    assert names(ranking) == ["P-02", "P-07"]
    assert texts(ranking.candidates[0]) == ["closest by road", "camera lasts 5 %"]
    assert ranking.candidates[0].battery_cost_s == pytest.approx(0.95 * 1.5 * MIN)


def test_without_haste_a_camera_that_lasts_goes_before_one_a_little_closer() -> None:
    near = a_unit("P-02", eta_min=30, batteries=(a_battery(0.1),))
    far = a_unit("P-07", eta_min=33)
    farther = a_unit("P-09", eta_min=37)

    ranking = rank(a_scene(priority="routine"), [far, farther, near])

    assert names(ranking) == ["P-07", "P-09", "P-02"]
    assert texts(ranking.candidates[0]) == ["3 min after P-02, whose batteries may not last"]
    assert texts(ranking.candidates[1]) == ["number 2, 4 min after P-07"]
    assert texts(ranking.candidates[2]) == [
        "number 3: 3 min before P-07, but its batteries may not last",
        "camera lasts 10 %",
    ]


@given(st.lists(st.tuples(st.floats(0, 60), st.floats(0, 1), st.floats(0, 1)), max_size=8))
def test_batteries_never_keep_a_unit_from_a_call_for_life(
    said: list[tuple[float, float, float]],
) -> None:
    units = [
        a_unit(
            f"P-{n}",
            eta_min=eta_min,
            batteries=(a_battery(camera), a_battery(handset, kind="handset")),
        )
        for n, (eta_min, camera, handset) in enumerate(said)
    ]

    ranking = rank(a_scene(priority="emergency"), units)

    assert len(ranking.candidates) == len(units)
    if units:
        first = ranking.candidates[0].contender.eta_s or 0.0
        assert first <= min(one.eta_s or 0.0 for one in units) + 2.25 * MIN + 1


def test_an_old_position_is_said_with_its_age() -> None:
    said = rank(a_scene(), [a_unit("P-02", position_age_s=7 * MIN + 20)]).candidates[0]

    assert "position is 7 min old" in texts(said)


def test_a_unit_without_a_position_is_listed_after_those_that_have_one() -> None:
    lost = a_unit("A-01", eta_min=None, position_age_s=None, off_road_m=None)

    ranking = rank(a_scene(), [lost, a_unit("P-07", eta_min=50)])

    assert names(ranking) == ["P-07", "A-01"]
    assert "no position" in texts(ranking.candidates[1])


def test_a_unit_beyond_any_road_is_listed_with_the_reason() -> None:
    cut_off = a_unit("P-09", eta_min=None)

    ranking = rank(a_scene(), [cut_off, a_unit("P-07")])

    assert "unreachable: no road leads to the place" in texts(ranking.candidates[1])


def test_a_unit_off_duty_or_busy_is_excluded_with_the_reason() -> None:
    busy = a_unit("P-02", eta_min=1, status=UnitStatus.EN_ROUTE, order_number=12)
    resting = a_unit("P-03", eta_min=2, status=UnitStatus.OFF_DUTY)

    ranking = rank(a_scene(), [busy, resting, a_unit("P-07", eta_min=20)])

    assert names(ranking) == ["P-07"]
    assert [each.rank for each in ranking.excluded] == [None, None]
    assert texts(ranking.excluded[0]) == ["busy with order #12"]
    assert texts(ranking.excluded[1]) == ["off duty"]


def test_the_only_unit_is_never_hidden() -> None:
    ranking = rank(
        a_scene(), [a_unit("P-02", status=UnitStatus.ON_SCENE, order_number=3, eta_min=4)]
    )

    assert ranking.candidates == ()
    assert ranking.excluded[0].contender.eta_s == 4 * MIN
    assert codes(ranking.excluded[0]) == ["busy", "ask_first"]
    assert ranking.proposed_id == "id-P-02"


def test_the_only_available_unit_is_called_so() -> None:
    said = rank(a_scene(), [a_unit("P-02")]).candidates[0]

    assert texts(said) == ["the only available unit"]


def test_where_no_road_leads_every_unit_says_why_and_none_is_hidden() -> None:
    scene = a_scene(no_road="the nearest road is 4.2 km away")

    ranking = rank(scene, [a_unit("P-07", eta_min=None), a_unit("P-02", eta_min=None)])

    assert names(ranking) == ["P-02", "P-07"]
    assert all("the nearest road is 4.2 km away" in texts(each) for each in ranking.candidates)


def test_the_walk_from_the_road_to_the_place_is_said() -> None:
    walk = Walk(duration_s=1_500.0, distance_m=834.0, climb_m=146.0, descent_m=3.0)

    said = rank(a_scene(), [a_unit("P-02", walk=walk)]).candidates[0]

    assert "25 min of it on foot from the road: 830 m, 150 m up" in texts(said)


def test_a_unit_that_cannot_receive_the_order_is_said_to_need_a_voice() -> None:
    said = rank(a_scene(), [a_unit("P-02", has_device=False, connected=False)]).candidates[0]

    assert "no device shows it the order: tell it by voice" in texts(said)


def test_a_unit_without_signal_is_ranked_and_said_so() -> None:
    said = rank(a_scene(), [a_unit("P-02", connected=False)]).candidates[0]

    assert "not connected: the order waits for the signal" in texts(said)


def test_camera_and_handset_batteries_are_kept_apart() -> None:
    unit = a_unit("P-02", batteries=(a_battery(0.3), a_battery(0.95, kind="handset")))

    said = rank(a_scene(), [unit]).candidates[0]

    assert "camera_lasts" in codes(said)
    assert "handset_lasts" not in codes(said)


def test_equal_travel_times_are_ordered_by_call_sign() -> None:
    # Half a second apart: the noise of a fix must not decide.
    ranking = rank(a_scene(), [a_unit("P-03", eta_min=10), a_unit("P-02", eta_min=10.004)])

    assert names(ranking) == ["P-02", "P-03"]


contenders = st.lists(
    st.builds(
        a_unit,
        st.text("ABC", min_size=1, max_size=4),
        eta_min=st.one_of(st.none(), st.floats(0, 300)),
        status=st.sampled_from(UnitStatus),
        position_age_s=st.one_of(st.none(), st.floats(0, 1e5)),
        batteries=st.one_of(st.just(()), st.builds(lambda p: (a_battery(p),), st.floats(0, 1))),
    ),
    unique_by=lambda unit: unit.call_sign,
    max_size=12,
)


@given(contenders, st.randoms(use_true_random=False))
def test_every_unit_is_listed_once_and_the_order_asked_in_does_not_matter(
    units: list[Contender], chance: object
) -> None:
    shuffled = list(units)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]

    ranking = rank(a_scene(), units)

    listed = [each.contender.unit_id for each in (*ranking.candidates, *ranking.excluded)]
    assert sorted(listed) == sorted(unit.unit_id for unit in units)
    assert rank(a_scene(), shuffled) == ranking
    assert all(each.reasons for each in ranking.excluded)
