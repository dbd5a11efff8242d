"""The recommendation, said as a dispatcher would say it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from geo.walk import NO_WALK, Walk
from server.dispatch.battery import Battery, Mode
from server.dispatch.ranking import Contender, Ranked, Ranking, Scene, rank
from server.views import DeviceKind, UnitStatus

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
    batteries: tuple[Battery, ...] = (),
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
        batteries=batteries,
        has_device=has_device,
        connected=connected,
    )


def a_battery(
    level_pct: float | None,
    *,
    kind: DeviceKind = "body_camera",
    age_s: float = 0,
    charging: bool = False,
) -> Battery:
    return Battery(
        device_id="cam-1",
        kind=kind,
        level_pct=level_pct,
        age_s=age_s,
        charging=charging,
        mode="standby",
    )


def a_scene(*, scene_min: float = 30, no_road: str = "") -> Scene:
    return Scene(scene_s=scene_min * MIN, recording=Mode.RECORD, no_road=no_road)


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
    near = a_unit("P-02", eta_min=30, batteries=(a_battery(24),))
    far = a_unit("P-07", eta_min=40, batteries=(a_battery(90),))

    ranking = rank(a_scene(scene_min=30), [far, near])

    assert names(ranking) == ["P-02", "P-07"]
    # 24 % - 6.6 %/h x 0.5 h - 10.5 %/h x 0.5 h - 6.6 %/h x 0.5 h = 12.2 %
    assert "camera will be at 12 % at the end of the job" in texts(ranking.candidates[0])
    assert "camera_low" not in codes(ranking.candidates[1])


def test_a_camera_that_dies_at_the_scene_says_when() -> None:
    unit = a_unit("P-02", eta_min=60, batteries=(a_battery(15),))

    said = rank(a_scene(scene_min=60), [unit]).candidates[0]

    # 15 - 6.6 = 8.4 % on arrival; 3.4 points above the reserve last 19.5 min of recording
    assert "camera will be empty in 80 min, before the end of the job" in texts(said)


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
    assert codes(ranking.excluded[0]) == ["busy"]


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
    unit = a_unit("P-02", batteries=(a_battery(18), a_battery(95, kind="handset")))

    said = rank(a_scene(), [unit]).candidates[0]

    assert [each.battery.kind for each in said.outlooks] == ["body_camera", "handset"]
    assert "camera_low" in codes(said)
    assert "handset_low" not in codes(said)


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
        batteries=st.one_of(
            st.just(()), st.builds(lambda level: (a_battery(level),), st.floats(0, 100))
        ),
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
