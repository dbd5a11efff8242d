"""When a timer of an order is due: the table of the design, and what holds for any order."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.orders import RANK, OrderState, is_closed
from server.dispatch.timers import (
    PEACE_ORDINARY,
    PEACE_URGENT,
    WAR,
    Pace,
    Stance,
    TimerKind,
    TimerTable,
    Watched,
    plan,
    stretch,
)
from server.envvalues import SettingsError
from server.settings import Settings, from_env

K, S = TimerKind, OrderState
T0 = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
P90_S = 1800.0


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def an_order(state: OrderState = S.ISSUED, **changed: Any) -> Watched:
    rank = RANK[state]
    values: dict[str, Any] = {
        "state": state,
        "issued_at": T0,
        "expires_at": at(4 * 3600),
        "eta_p90_s": P90_S,
        "accepted_at": at(20) if rank >= RANK[S.ACCEPTED] else None,
        "en_route_at": at(60) if rank >= RANK[S.EN_ROUTE] else None,
        "on_scene_at": at(1500) if rank >= RANK[S.ON_SCENE] else None,
        "heard_at": at(1500) if rank >= RANK[S.ON_SCENE] else None,
    }
    return Watched(**(values | changed))


@pytest.mark.parametrize(
    ("pace", "receipt_s", "repeat_s", "acceptance_s", "escalate_s"),
    [(PEACE_URGENT, 10, 15, 30, 60), (PEACE_ORDINARY, 30, 90, 180, 300), (WAR, 5, 10, 20, 40)],
    ids=["peace urgent", "peace ordinary", "war"],
)
def test_an_order_that_nobody_answers(
    pace: Pace, receipt_s: float, repeat_s: float, acceptance_s: float, escalate_s: float
) -> None:
    due = plan(an_order(), pace)

    assert due == {
        K.RECEIPT: at(receipt_s),
        K.REPEAT: at(repeat_s),
        K.ACCEPTANCE: at(acceptance_s),
        K.ESCALATE: at(escalate_s),
        K.SUPERVISOR: at(2 * escalate_s),
        K.EXPIRY: at(4 * 3600),
    }


@pytest.mark.parametrize(
    ("pace", "departure_s", "margin_s", "feedback_s"),
    [(PEACE_URGENT, 90, 0, 300), (PEACE_ORDINARY, 300, 600, 600), (WAR, 60, 0, 180)],
    ids=["peace urgent", "peace ordinary", "war"],
)
def test_departure_arrival_and_first_feedback(
    pace: Pace, departure_s: float, margin_s: float, feedback_s: float
) -> None:
    assert plan(an_order(S.ACCEPTED), pace) == {
        K.DEPARTURE: at(20 + departure_s),
        K.ARRIVAL: at(20 + departure_s + P90_S + margin_s),
    }
    assert plan(an_order(S.EN_ROUTE), pace) == {K.ARRIVAL: at(60 + P90_S + margin_s)}
    assert plan(an_order(S.ON_SCENE), pace) == {K.FEEDBACK: at(1500 + feedback_s)}


def test_where_no_time_of_travel_is_known_arrival_is_waited_for_all_the_same() -> None:
    assert plan(an_order(S.EN_ROUTE, eta_p90_s=None), PEACE_URGENT) == {K.ARRIVAL: at(60 + 3600)}


def test_in_peace_the_first_feedback_is_enough_and_in_war_it_is_wanted_again() -> None:
    order = an_order(S.FEEDBACK, heard_at=at(2000))

    assert plan(order, PEACE_URGENT) == {}
    assert plan(order, WAR) == {K.FEEDBACK: at(2600)}


def test_a_unit_that_asked_to_wait_is_asked_again_afterwards() -> None:
    due = plan(an_order(S.STANDBY, standby_until=at(300)), PEACE_URGENT)

    assert due[K.REPEAT] == at(315)
    assert due[K.ESCALATE] == at(360)
    assert K.RECEIPT not in due


def test_once_a_machine_has_it_the_receipt_is_not_waited_for() -> None:
    assert K.RECEIPT not in plan(an_order(S.DELIVERED), WAR)


def test_a_lone_officer_is_asked_and_must_answer() -> None:
    asked = an_order(S.FEEDBACK, alone=True, heard_at=at(2000), welfare_asked_at=at(2600))
    heard_again = an_order(S.FEEDBACK, alone=True, heard_at=at(2630), welfare_asked_at=at(2600))

    assert plan(an_order(S.ON_SCENE, alone=True), PEACE_URGENT)[K.WELFARE] == at(2100)
    assert plan(asked, PEACE_URGENT) == {K.WELFARE_ANSWER: at(2660)}
    assert plan(heard_again, PEACE_URGENT) == {K.WELFARE: at(3230)}
    crew = replace(asked, alone=False)
    assert plan(crew, PEACE_URGENT) == {K.WELFARE_ANSWER: at(2660)}, "somebody asked a crew"
    assert plan(replace(crew, welfare_asked_at=None), PEACE_URGENT) == {}
    assert K.WELFARE not in plan(an_order(S.EN_ROUTE, alone=True), PEACE_URGENT)


def test_a_recalled_order_waits_for_the_confirmation_and_not_for_progress() -> None:
    recalled = an_order(S.EN_ROUTE, recall_asked_at=at(100))
    at_scene = an_order(S.ON_SCENE, recall_asked_at=at(1600), alone=True)

    assert plan(recalled, PEACE_URGENT) == {K.RECALL: at(160)}
    assert plan(at_scene, PEACE_URGENT) == {K.RECALL: at(1660), K.WELFARE: at(2100)}


def test_war_holds_for_every_order() -> None:
    table = TimerTable()

    assert table.pace(Stance(war=True), urgent=False) == WAR
    assert table.pace(Stance(), urgent=True) == PEACE_URGENT
    assert table.pace(Stance(), urgent=False) == PEACE_ORDINARY


def test_a_dead_zone_stretches_and_never_shortens() -> None:
    assert stretch(K.RECEIPT, at(30), None) is None
    assert stretch(K.RECEIPT, at(30), at(600)) == at(600)
    assert stretch(K.RECEIPT, at(900), at(600)) is None
    assert stretch(K.EXPIRY, at(30), at(600)) is None


def test_escalation_cannot_come_before_the_repetition() -> None:
    with pytest.raises(ValueError, match="must rise"):
        Pace(**{**{name: getattr(WAR, name) for name in Pace.__slots__}, "repeat_s": 50.0})


def settings(tmp_path: Path, **env: str) -> Settings:
    return from_env(data_dir=tmp_path, map_dir=tmp_path, env=env)


def test_every_time_is_a_setting(tmp_path: Path) -> None:
    found = settings(
        tmp_path,
        RIDGELINE_TIMER_PEACE_URGENT_ESCALATE_S="45",
        RIDGELINE_TIMER_WAR_FEEDBACK_AGAIN_S="0",
    )

    assert found.timers.peace_urgent == replace(PEACE_URGENT, escalate_s=45)
    assert found.timers.war == replace(WAR, feedback_again_s=0)
    assert found.timers.peace_ordinary == PEACE_ORDINARY


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("RIDGELINE_TIMER_WAR_REPEAT_S", "50", "must rise"),
        ("RIDGELINE_TIMER_WAR_REPEAT_S", "-1", "must be seconds"),
        ("RIDGELINE_TIMER_WAR_REPEAT_S", "soon", "must be seconds"),
        ("RIDGELINE_TIMER_WAR_REPAET_S", "5", "is no setting"),
        ("RIDGELINE_WAR", "yes", "signed order"),
        ("RIDGELINE_WAR_OFFERS", "no", "signed order"),
    ],
)
def test_a_wrong_time_stops_the_start(tmp_path: Path, name: str, text: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=complaint):
        settings(tmp_path, **{name: text})


moments = st.floats(0, 100_000).map(at)


@st.composite
def orders(draw: st.DrawFn) -> Watched:
    """Any order that a history can make: later steps have later moments."""
    state = draw(st.sampled_from(S))
    steps = sorted(draw(st.lists(moments, min_size=5, max_size=5)))
    issued, accepted, en_route, on_scene, heard = steps
    later = st.none() | st.floats(0, 100_000).map(lambda s: issued + timedelta(seconds=s))
    rank = RANK[state]
    return Watched(
        state=state,
        issued_at=issued,
        expires_at=issued + timedelta(hours=4),
        standby_until=draw(later) if state is S.STANDBY else None,
        accepted_at=accepted if rank >= RANK[S.ACCEPTED] else None,
        en_route_at=en_route if rank >= RANK[S.EN_ROUTE] else None,
        on_scene_at=on_scene if rank >= RANK[S.ON_SCENE] else None,
        heard_at=heard if rank >= RANK[S.STANDBY] else None,
        welfare_asked_at=draw(later),
        eta_p90_s=draw(st.none() | st.floats(0, 10_000)),
        alone=draw(st.booleans()),
        recall_asked_at=draw(later),
    )


@given(orders(), st.sampled_from([PEACE_URGENT, PEACE_ORDINARY, WAR]))
def test_an_order_is_watched_until_it_is_over(order: Watched, pace: Pace) -> None:
    due = plan(order, pace)

    assert not (is_closed(order.state) and due)
    assert all(moment >= order.issued_at for moment in due.values())
    waiting = RANK[order.state] < RANK[S.FEEDBACK] and not is_closed(order.state)
    assert bool(due) or not waiting, "nothing that goes on is left alone"
    assert not {K.WELFARE, K.WELFARE_ANSWER} <= due.keys()
    assert (K.EXPIRY in due) == (RANK[order.state] < RANK[S.ACCEPTED])
