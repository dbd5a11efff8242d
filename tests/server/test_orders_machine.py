"""The order state machine: its table as a dispatcher would say it, properties over any history."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from server.dispatch.orders import (
    BY_CLOCK,
    BY_MACHINE,
    BY_OFFICER,
    CONFIRMED,
    ENDS,
    MAY_SAY,
    NEEDS_REASON,
    RANK,
    STANDBY_MAX,
    STANDBY_UNSAID,
    TRANSITIONS,
    OrderState,
    Speaker,
    Statement,
    Verdict,
    Why,
    decide,
    is_answered,
    is_closed,
    standby_until,
)

S = OrderState
CREW = frozenset({"B-101", "B-102"})


def said(
    state: OrderState,
    *,
    speaker: Speaker = Speaker.DEVICE,
    badge: str = "B-101",
    reason: str = "road is blocked",
    seen_ver: int | None = None,
) -> Statement:
    return Statement(state=state, speaker=speaker, badge=badge, reason=reason, seen_ver=seen_ver)


def after(state: OrderState, statement: Statement, ver: int = 4) -> Verdict:
    return decide(state, ver, statement, crew=CREW)


@pytest.mark.parametrize(
    ("state", "reported", "makes"),
    [
        (S.ISSUED, S.DELIVERED, S.DELIVERED),
        (S.DELIVERED, S.SHOWN, S.SHOWN),
        (S.SHOWN, S.ACCEPTED, S.ACCEPTED),
        (S.SHOWN, S.STANDBY, S.STANDBY),
        (S.STANDBY, S.STANDBY, S.STANDBY),
        (S.STANDBY, S.ACCEPTED, S.ACCEPTED),
        (S.STANDBY, S.UNABLE, S.UNABLE),
        (S.ACCEPTED, S.EN_ROUTE, S.EN_ROUTE),
        (S.EN_ROUTE, S.ON_SCENE, S.ON_SCENE),
        (S.ON_SCENE, S.FEEDBACK, S.FEEDBACK),
        (S.FEEDBACK, S.FEEDBACK, S.FEEDBACK),
        (S.FEEDBACK, S.DONE, S.DONE),
        (S.ISSUED, S.ACCEPTED, S.ACCEPTED),
        (S.SHOWN, S.ON_SCENE, S.ON_SCENE),
        (S.DELIVERED, S.DONE, S.DONE),
        (S.SHOWN, S.UNABLE, S.UNABLE),
        (S.EN_ROUTE, S.UNABLE, S.UNABLE),
        (S.ACCEPTED, S.FEEDBACK, S.ACCEPTED),
        (S.EN_ROUTE, S.FEEDBACK, S.EN_ROUTE),
    ],
)
def test_a_report_moves_the_order(
    state: OrderState, reported: OrderState, makes: OrderState
) -> None:
    assert after(state, said(reported)) == Verdict(state=makes, ver=5)


@pytest.mark.parametrize(
    ("state", "reported", "why"),
    [
        (S.SHOWN, S.DELIVERED, Why.LATE),
        (S.SHOWN, S.SHOWN, Why.LATE),
        (S.ON_SCENE, S.ACCEPTED, Why.LATE),
        (S.FEEDBACK, S.ON_SCENE, Why.LATE),
        (S.ACCEPTED, S.STANDBY, Why.LATE),
        (S.STANDBY, S.SHOWN, Why.LATE),
        (S.ACCEPTED, S.RECALLED, Why.NOT_ALLOWED),
        (S.RECALLED, S.ACCEPTED, Why.CLOSED),
        (S.EXPIRED, S.ACCEPTED, Why.CLOSED),
        (S.EXPIRED, S.DELIVERED, Why.LATE),
        (S.SHOWN, S.EXPIRED, Why.NOT_ALLOWED),
        (S.SHOWN, S.FEEDBACK, Why.NOT_ALLOWED),
        (S.ON_SCENE, S.UNABLE, Why.NOT_ALLOWED),
        (S.CANCELLED, S.ACCEPTED, Why.CLOSED),
        (S.UNABLE, S.DONE, Why.CLOSED),
        (S.DONE, S.DONE, Why.LATE),
        (S.DONE, S.SHOWN, Why.LATE),
        (S.ISSUED, S.CANCELLED, Why.NOT_ALLOWED),
        (S.ISSUED, S.ISSUED, Why.NOT_ALLOWED),
    ],
)
def test_a_report_that_comes_late_or_is_not_allowed_changes_nothing(
    state: OrderState, reported: OrderState, why: Why
) -> None:
    assert after(state, said(reported)) == Verdict(state=state, ver=4, why=why)


@pytest.mark.parametrize("step", sorted(BY_OFFICER | CONFIRMED))
def test_a_machine_can_never_take_a_persons_step(step: OrderState) -> None:
    assert after(S.ISSUED, said(step, badge="")).why is Why.NO_BADGE


@pytest.mark.parametrize("step", sorted(BY_OFFICER | CONFIRMED))
def test_an_officer_of_another_unit_cannot_answer_for_this_one(step: OrderState) -> None:
    assert after(S.ISSUED, said(step, badge="B-999")).why is Why.NOT_IN_UNIT


def test_a_machine_receipt_needs_no_person() -> None:
    assert after(S.ISSUED, said(S.DELIVERED, badge="")).applied


@pytest.mark.parametrize("reason", ["", "   "])
def test_unable_without_a_reason_is_not_taken(reason: str) -> None:
    assert after(S.SHOWN, said(S.UNABLE, reason=reason)).why is Why.NO_REASON


def test_the_dispatcher_hears_acceptance_by_voice() -> None:
    spoken = said(S.ACCEPTED, speaker=Speaker.DISPATCHER, badge="", seen_ver=4)

    assert after(S.ISSUED, spoken) == Verdict(state=S.ACCEPTED, ver=5)


@pytest.mark.parametrize("state", [state for state in S if not is_closed(state)])
def test_the_dispatcher_cancels_at_any_time_before_the_end(state: OrderState) -> None:
    cancel = said(S.CANCELLED, speaker=Speaker.DISPATCHER, badge="", seen_ver=4)

    assert after(state, cancel).state is S.CANCELLED


@pytest.mark.parametrize("asked", sorted(CONFIRMED))
@pytest.mark.parametrize("state", [state for state in S if not is_closed(state)])
def test_what_was_asked_for_ends_once_a_person_of_the_unit_confirms(
    state: OrderState, asked: OrderState
) -> None:
    for end in CONFIRMED:
        verdict = decide(state, 4, said(end), crew=CREW, asked=asked)

        expected = (end, None) if end is asked else (state, Why.NOT_ALLOWED)
        assert (verdict.state, verdict.why) == expected


@pytest.mark.parametrize("state", sorted(S))
@pytest.mark.parametrize("end", sorted(BY_CLOCK))
def test_the_clock_ends_only_what_nobody_accepted(state: OrderState, end: OrderState) -> None:
    verdict = after(state, said(end, speaker=Speaker.CLOCK, badge=""))

    unseen = {S.ISSUED}
    unanswered = unseen | {S.DELIVERED, S.SHOWN, S.STANDBY}
    assert verdict.applied == (state in (unseen if end is S.UNDELIVERABLE else unanswered))


def test_a_standby_has_an_end_not_too_far_away() -> None:
    now = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)

    assert standby_until(None, now) == now + STANDBY_UNSAID
    assert standby_until(now + timedelta(minutes=5), now) == now + timedelta(minutes=5)
    assert standby_until(now - timedelta(minutes=5), now) == now
    assert standby_until(now + timedelta(days=1), now) == now + STANDBY_MAX


def test_a_dispatcher_cannot_claim_a_machine_receipt() -> None:
    assert after(S.ISSUED, said(S.SHOWN, speaker=Speaker.DISPATCHER)).why is Why.NOT_ALLOWED


def test_a_dispatcher_who_saw_another_version_must_look_again() -> None:
    cancel = said(S.CANCELLED, speaker=Speaker.DISPATCHER, badge="", seen_ver=3)

    assert after(S.SHOWN, cancel) == Verdict(state=S.SHOWN, ver=4, why=Why.STALE)


def test_the_table_agrees_with_the_ranks() -> None:
    for state, row in TRANSITIONS.items():
        for reported, makes in row.items():
            assert RANK[makes] >= RANK[state], (state, reported)
            assert makes in (reported, state), "a report makes what it says, or is a note"


statements = st.builds(
    Statement,
    state=st.sampled_from(S),
    speaker=st.sampled_from(Speaker),
    badge=st.sampled_from(["", "B-101", "B-999"]),
    reason=st.sampled_from(["", "flat tyre"]),
    seen_ver=st.one_of(st.none(), st.integers(1, 12)),
)


asked_ends = st.sampled_from([None, *sorted(CONFIRMED)])


@given(st.lists(st.tuples(statements, asked_ends), max_size=30))
def test_whatever_is_reported_the_rank_never_falls(
    history: list[tuple[Statement, OrderState | None]],
) -> None:
    state, ver = S.ISSUED, 1
    for statement, asked in history:
        verdict = decide(state, ver, statement, crew=CREW, asked=asked)

        assert RANK[verdict.state] >= RANK[state]
        assert verdict.ver == ver + verdict.applied
        assert verdict.applied or verdict.state is state
        assert not (is_closed(state) and verdict.applied)
        if verdict.applied:
            assert statement.state in MAY_SAY[statement.speaker]
            assert statement.seen_ver in (None, ver)
            assert statement.reason or statement.state not in NEEDS_REASON
            assert statement.state not in CONFIRMED or statement.state is asked
        state, ver = verdict.state, verdict.ver


@given(st.lists(st.tuples(statements, asked_ends), max_size=30))
def test_nothing_is_answered_without_an_officer_of_the_unit_or_a_dispatcher(
    history: list[tuple[Statement, OrderState | None]],
) -> None:
    state, ver = S.ISSUED, 1
    for statement, asked in history:
        verdict = decide(state, ver, statement, crew=CREW, asked=asked)

        if verdict.applied and verdict.state not in BY_MACHINE | BY_CLOCK:
            assert statement.speaker is Speaker.DISPATCHER or statement.badge in CREW
        if verdict.applied and verdict.state in BY_CLOCK:
            assert not is_answered(state), "what a person took on never runs out"
        state, ver = verdict.state, verdict.ver


@given(st.lists(statements, max_size=20), st.randoms(use_true_random=False))
def test_copies_and_another_order_of_arrival_never_undo_what_was_reached(
    history: list[Statement], rng: Random
) -> None:
    """Records come again and late: a replay changes nothing but what may repeat."""
    state, ver = S.ISSUED, 1
    for statement in history:
        verdict = decide(state, ver, statement, crew=CREW)
        state, ver = verdict.state, verdict.ver
    again = list(history)
    rng.shuffle(again)
    for statement in again:
        verdict = decide(state, ver, statement, crew=CREW)

        repeats = statement.state in {S.FEEDBACK, S.STANDBY}
        assert RANK[verdict.state] >= RANK[state]
        assert verdict.state is state or RANK[verdict.state] > RANK[state] or repeats
        assert state not in ENDS or verdict.state is state
        state, ver = verdict.state, verdict.ver
