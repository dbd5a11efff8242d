"""Where the loop broke, and why: of one order, from what was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from geo.eta import Eta
from server.dispatch.orders import OrderState
from server.dispatch.timers import PEACE_URGENT
from server.dispatch.worklist import ItemKind
from server.review.history import Told
from server.review.links import Link, LinkTime, Verdict, Why
from server.review.loop import closing_link, decision_link, links_of
from server.review.steps import (
    DeadZone,
    Heard,
    Past,
    Quiet,
    SentTo,
    Step,
    heard_steps,
    quiets,
)

BEGIN = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
NOW = BEGIN + timedelta(hours=2)
CAMERA = SentTo(device_id="cam", sent_at=BEGIN + timedelta(seconds=1))
ETA = Eta(median_s=600, log_sd=0.3)
"""Nine in ten within 881 s."""

GOOD: dict[Step, float] = {
    Step.DELIVERED: 2,
    Step.SHOWN: 3,
    Step.ACCEPTED: 20,
    Step.MOVING: 60,
    Step.ON_SCENE: 700,
    Step.FEEDBACK: 800,
    Step.CLEAR: 2000,
}
"""Seconds after the order: everything in time."""


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def past(
    steps: Mapping[Step, float], heard: Mapping[Step, float] | None = None, **more: Any
) -> Past:
    """An order with these steps; those in `heard` were heard of then, others at once."""
    told = {Step.ISSUED: 0.0, **steps}
    return Past(
        steps={
            step: Heard(at=at(each), heard_at=at((heard or {}).get(step, each)))
            for step, each in told.items()
        },
        **{"pace": PEACE_URGENT, "ended_at": None, "eta": ETA, "sent": (CAMERA,)} | more,
    )


def links(order: Past, now: datetime = NOW) -> dict[Link, LinkTime]:
    return {each.link: each for each in links_of(order, now)}


def causes(link: LinkTime) -> list[Why]:
    return [each.why for each in link.causes]


def until(step: Step) -> dict[Step, float]:
    """The good order up to before this step."""
    names = list(Step)
    return {each: GOOD[each] for each in names[1 : names.index(step)]}


def test_an_order_that_went_well_broke_nowhere() -> None:
    found = links(past(GOOD, ended_at=at(2000), end=OrderState.DONE))

    assert [each.verdict for each in found.values()] == [
        Verdict.IN_TIME, Verdict.UNTIMED, Verdict.IN_TIME, Verdict.IN_TIME, Verdict.IN_TIME,
        Verdict.IN_TIME, Verdict.UNTIMED,
    ]  # fmt: skip
    assert not any(each.broken or each.causes for each in found.values())
    assert found[Link.DRIVE].took_s == 640
    assert found[Link.DRIVE].due_at == at(60 + ETA.p90_s)


def test_no_device_was_connected() -> None:
    late = SentTo(device_id="cam", sent_at=at(95))
    found = links(past({**GOOD, Step.DELIVERED: 96}, sent=(late,)))[Link.DELIVERY]

    assert found.verdict is Verdict.LATE
    assert [(each.why, dict(each.values)) for each in found.causes] == [
        (Why.OFFLINE, {"waited_s": 95.0})
    ]


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"sent": ()}, Why.NO_DEVICE),
        ({"sent": (SentTo(device_id="cam", sent_at=at(1), refused_at=at(2)),)}, Why.REFUSED),
        ({"quiets": (Quiet(since=at(-200), until=None, level_pct=3),)}, Why.BATTERY_EMPTY),
        ({"quiets": (Quiet(since=at(-200), until=None, level_pct=60),)}, Why.SILENT),
        ({"quiets": (Quiet(since=at(-200), until=None, level_pct=None),)}, Why.SILENT),
        ({"dead_zones": (DeadZone(since=at(-300), until=None, place={}),)}, Why.DEAD_ZONE),
        ({"end": OrderState.UNDELIVERABLE, "ended_at": at(900)}, Why.UNDELIVERABLE),
        ({}, Why.UNKNOWN),
    ],
)
def test_why_an_order_never_came_through(more: dict[str, Any], why: Why) -> None:
    found = links(past({}, **more))[Link.DELIVERY]

    assert found.broken
    assert causes(found) == [why]


def test_a_dead_zone_explains_the_silence_in_it() -> None:
    zone = DeadZone(since=at(-300), until=at(900), place={"en": "the gorge"})
    quiet = Quiet(since=at(-310), until=at(905), level_pct=60)

    found = links(past({}, dead_zones=(zone,), quiets=(quiet,)))[Link.DELIVERY]

    assert causes(found) == [Why.DEAD_ZONE]


def test_nobody_pressed_the_button() -> None:
    found = links(past(until(Step.ACCEPTED), ended_at=at(4000), end=OrderState.EXPIRED))

    assert found[Link.ACCEPTANCE].verdict is Verdict.NEVER
    assert causes(found[Link.ACCEPTANCE]) == [Why.EXPIRED, Why.NOBODY_ANSWERED]
    assert found[Link.DRIVE].verdict is Verdict.NOT_REACHED


def test_nobody_is_late_with_what_was_not_on_his_screen() -> None:
    late = {Step.DELIVERED: 95.0, Step.SHOWN: 97.0, Step.ACCEPTED: 110.0, Step.MOVING: 150.0}

    found = links(past(GOOD | late))[Link.ACCEPTANCE]

    assert found.verdict is Verdict.LATE
    assert [(each.why, dict(each.values)) for each in found.causes] == [
        (Why.CAME_LATE, {"shown_at": at(97)})
    ]


def test_a_unit_that_declined_answered() -> None:
    order = past(
        until(Step.ACCEPTED), ended_at=at(50), end=OrderState.UNABLE, reason="the bridge is gone"
    )

    found = links(order)[Link.ACCEPTANCE]

    assert found.verdict is Verdict.NEVER
    assert [(each.why, dict(each.values)) for each in found.causes] == [
        (Why.DECLINED, {"reason": "the bridge is gone"})
    ]


def test_an_order_taken_back_in_time_broke_nowhere() -> None:
    order = past(until(Step.ON_SCENE), ended_at=at(300), end=OrderState.HANDED_OVER, successor=7)

    found = links(order)[Link.DRIVE]

    assert found.verdict is Verdict.ENDED
    assert not found.broken
    assert [(each.why, dict(each.values)) for each in found.causes] == [
        (Why.REASSIGNED, {"successor": 7, "reason": ""})
    ]


def test_an_order_taken_back_too_late_broke_before() -> None:
    order = past(until(Step.ON_SCENE), ended_at=at(3000), end=OrderState.CANCELLED)

    assert links(order)[Link.DRIVE].verdict is Verdict.NEVER


def test_the_drive_took_longer_than_foretold_and_stood_on_the_way() -> None:
    order = past(GOOD | {Step.ON_SCENE: 1500}, troubles={ItemKind.STOPPED: at(400)})

    found = links(order)[Link.DRIVE]

    assert found.verdict is Verdict.LATE
    assert causes(found) == [Why.STOPPED, Why.SLOWER]


def test_the_unit_was_there_and_said_so_late() -> None:
    order = past(GOOD | {Step.ON_SCENE: 1500}, seen_at_place=at(650))

    assert causes(links(order)[Link.DRIVE]) == [Why.SAID_LATE]


def test_what_happened_in_time_and_was_heard_late_broke_nothing() -> None:
    zone = DeadZone(since=at(30), until=at(1000), place={"en": "the gorge"})
    order = past(GOOD, {Step.MOVING: 1000}, dead_zones=(zone,))

    found = links(order)[Link.DEPARTURE]

    assert found.verdict is Verdict.IN_TIME
    assert causes(found) == [Why.DEAD_ZONE, Why.TOLD_LATE]
    assert found.causes[-1].values == {"late_s": 940.0}


def test_a_step_that_nobody_told_of_is_no_break() -> None:
    steps = dict(GOOD)
    del steps[Step.SHOWN]

    found = links(past(steps))

    assert found[Link.DISPLAY].verdict is Verdict.UNTOLD
    assert found[Link.ACCEPTANCE].verdict is Verdict.IN_TIME
    assert found[Link.ACCEPTANCE].begins_at == at(GOOD[Step.DELIVERED])


def test_an_open_order_waits_and_then_is_overdue() -> None:
    order = past(until(Step.FEEDBACK))

    assert links(order, at(800))[Link.FEEDBACK].verdict is Verdict.WAITING
    overdue = links(order, at(1100))[Link.FEEDBACK]
    assert overdue.verdict is Verdict.OVERDUE
    assert causes(overdue) == [Why.NO_WORD]


@pytest.mark.parametrize("step", [Step.DELIVERED, Step.SHOWN])
def test_who_declined_had_the_order(step: Step) -> None:
    """By radio, or through a device that told of nothing before."""
    order = past(until(step), ended_at=at(50), end=OrderState.UNABLE, reason="flat tyre")

    found = links(order)

    assert [each.link for each in found.values() if each.broken] == [Link.ACCEPTANCE]
    assert causes(found[Link.ACCEPTANCE]) == [Why.DECLINED]


def test_an_order_on_no_screen_is_waited_for_as_long_as_its_answer() -> None:
    order = past(until(Step.SHOWN))

    assert not any(each.broken for each in links(order, at(25)).values())
    found = links(order, at(35))
    assert [each.link for each in found.values() if each.broken] == [Link.DISPLAY]
    assert found[Link.DISPLAY].verdict is Verdict.OVERDUE
    assert found[Link.DISPLAY].due_at is None


def test_a_device_that_could_not_show_the_order() -> None:
    refused = SentTo(device_id="cam", sent_at=at(1), refused_at=at(3))

    found = links(past(until(Step.SHOWN), sent=(refused,)))[Link.DISPLAY]

    assert causes(found) == [Why.REFUSED]


@pytest.mark.parametrize(("says_s", "verdict"), [(25, Verdict.UNTOLD), (60, Verdict.LATE)])
def test_who_says_that_he_drives_has_answered(says_s: float, verdict: Verdict) -> None:
    steps = GOOD | {Step.MOVING: says_s}
    del steps[Step.ACCEPTED]

    found = links(past(steps))

    assert found[Link.ACCEPTANCE].verdict is verdict
    assert found[Link.ACCEPTANCE].ends_at == (at(60) if verdict is Verdict.LATE else None)


def test_a_drive_whose_beginning_nobody_told_is_still_waited_for() -> None:
    steps = GOOD | {Step.ON_SCENE: 4000}
    del steps[Step.MOVING]

    found = links(past(steps))

    assert found[Link.DEPARTURE].verdict is Verdict.UNTOLD
    assert found[Link.DRIVE].due_at == at(20 + PEACE_URGENT.departure_s + ETA.p90_s)
    assert found[Link.DRIVE].verdict is Verdict.LATE


@pytest.mark.parametrize(("done_s", "verdict"), [(900, Verdict.UNTOLD), (2000, Verdict.NEVER)])
def test_a_unit_that_was_done_before_feedback_was_due_told_enough(
    done_s: float, verdict: Verdict
) -> None:
    steps = GOOD | {Step.CLEAR: done_s}
    del steps[Step.FEEDBACK]

    found = links(past(steps, ended_at=at(done_s), end=OrderState.DONE))

    assert found[Link.FEEDBACK].verdict is verdict
    assert causes(found[Link.FEEDBACK]) == ([Why.NO_WORD] if verdict is Verdict.NEVER else [])


def test_a_unit_that_was_given_another_order() -> None:
    order = past(until(Step.ON_SCENE), ended_at=at(300), end=OrderState.SUPERSEDED)

    assert causes(links(order)[Link.DRIVE]) == [Why.SENT_ELSEWHERE]


def test_time_that_a_unit_asked_for_counts() -> None:
    order = past(GOOD | {Step.ACCEPTED: 200, Step.MOVING: 210}, standby_until=at(180))

    assert links(order)[Link.ACCEPTANCE].verdict is Verdict.IN_TIME


@pytest.mark.parametrize(
    ("first", "nobody_free", "verdict", "why"),
    [
        (at(40), False, Verdict.IN_TIME, []),
        (at(90), False, Verdict.LATE, [Why.DECIDED_LATE]),
        (at(90), True, Verdict.LATE, [Why.NOBODY_FREE]),
        (None, True, Verdict.OVERDUE, [Why.NOBODY_FREE]),
        (None, False, Verdict.OVERDUE, [Why.UNDECIDED]),
    ],
)
def test_the_first_order_is_due_within_a_minute(
    first: datetime | None, nobody_free: bool, verdict: Verdict, why: list[Why]
) -> None:
    found = decision_link(BEGIN, first, None, NOW, nobody_free=nobody_free)

    assert found.verdict is verdict
    assert causes(found) == why


@pytest.mark.parametrize(
    ("closed_s", "verdict", "why"),
    [(40, Verdict.ENDED, []), (600, Verdict.NEVER, [Why.UNDECIDED])],
)
def test_an_incident_closed_within_the_minute_needed_nobody(
    closed_s: float, verdict: Verdict, why: list[Why]
) -> None:
    found = decision_link(BEGIN, None, at(closed_s), NOW, nobody_free=False)

    assert found.verdict is verdict
    assert causes(found) == why


def test_closing_waits_for_the_last_unit() -> None:
    assert closing_link(at(100), at(160)).took_s == 60
    assert closing_link(at(100), None).verdict is Verdict.WAITING
    assert closing_link(None, at(160)).verdict is Verdict.NOT_REACHED


def test_steps_tell_when_they_happened_and_when_they_were_heard_of() -> None:
    told = [
        Told(state=state, device_at=at(happened), clock_offset_s=1.0, server_at=at(heard))
        for state, happened, heard in (
            (OrderState.DELIVERED, 3, 4),
            (OrderState.SHOWN, 6, 6),
            (OrderState.ACCEPTED, 31, 400),
        )
    ]

    found = heard_steps(told, issued_at=BEGIN, ended_at=None)

    assert found == {
        Step.ISSUED: Heard(at=BEGIN, heard_at=BEGIN),
        Step.DELIVERED: Heard(at=at(2), heard_at=at(4)),
        Step.SHOWN: Heard(at=at(5), heard_at=at(6)),
        Step.ACCEPTED: Heard(at=at(30), heard_at=at(400)),
    }
    assert found[Step.ACCEPTED].told_late


def test_a_step_is_heard_of_with_the_word_that_tells_of_it() -> None:
    """A note on the way is no feedback from the scene; what comes after the end tells nothing."""
    told = [
        Told(state=state, device_at=None, clock_offset_s=None, server_at=at(heard))
        for state, heard in (
            (OrderState.FEEDBACK, 100),
            (OrderState.ON_SCENE, 700),
            (OrderState.FEEDBACK, 760),
            (OrderState.DONE, 1100),
        )
    ]

    found = heard_steps(told, issued_at=BEGIN, ended_at=at(1000))

    assert found[Step.FEEDBACK] == Heard(at=at(760), heard_at=at(760))
    assert Step.CLEAR not in found


def test_silence_is_when_no_device_of_the_unit_is_heard() -> None:
    heard = [
        (at(-100), "cam", 20), (at(0), "cam", 4), (at(20), "phone", 70),
        (at(400), "phone", 66), (at(430), "cam", None),
    ]  # fmt: skip

    found = quiets(heard, BEGIN, at(900), longer_than=timedelta(minutes=2))

    assert found == (
        Quiet(since=at(20), until=at(400), level_pct=4),
        Quiet(since=at(430), until=None, level_pct=4),
    )
    assert quiets([], BEGIN, at(900), longer_than=timedelta(minutes=2)) == ()
