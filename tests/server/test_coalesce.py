"""Repetitions that are counted, and sessions that are held together: no clock, no log."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from server.journal.attendance import Attendance, Full
from server.journal.coalesce import LATELY_LEN_MAX, Coalescer, Repeats

AT = datetime(2026, 1, 31, 9, 0, tzinfo=UTC)


def a_coalescer(keys_max: int = 3) -> Coalescer[str]:
    """Of keys as `li reads`; beyond them all of `li` is one."""
    return Coalescer(window_s=300, keys_max=keys_max, broader=lambda key: key.split()[0])


def test_the_first_is_said_at_once_and_the_others_with_their_number() -> None:
    acts = a_coalescer()

    assert acts.begin("a", "", 0) == "a"
    assert [acts.begin("a", f"/{n}", 1 + n) for n in range(3)] == [None] * 3

    assert acts.due(299) == []
    assert acts.due(300) == [Repeats(key="a", count=3, lately=("/0", "/1", "/2"))]


def test_what_was_not_repeated_is_forgotten_with_its_window() -> None:
    acts = a_coalescer()
    acts.begin("a", "", 0)

    assert acts.due(300) == []
    assert len(acts) == 0
    assert acts.begin("a", "", 301) == "a"


def test_what_comes_while_the_number_is_written_waits_for_the_next() -> None:
    acts = a_coalescer()
    acts.begin("a", "", 0)
    acts.begin("a", "", 1)
    (repeats,) = acts.due(300)
    assert acts.begin("a", "", 301) is None

    acts.said(repeats, 302)

    assert acts.due(601) == []
    assert [each.count for each in acts.due(602)] == [1]


def test_a_number_that_could_not_be_written_is_still_due() -> None:
    acts = a_coalescer()
    acts.begin("a", "", 0)
    acts.begin("a", "", 1)

    assert acts.due(300) == acts.due(310)


def test_when_all_keys_are_taken_what_is_new_goes_by_a_broader_one() -> None:
    acts = a_coalescer(keys_max=2)
    for key in ("li reads", "li searches"):
        assert acts.begin(key, "", 0) == key

    begun = [acts.begin(f"{who} {n}", "", 1) for n in range(1000) for who in ("li", "wang")]

    assert begun == ["li", "wang", *[None] * 1998], "the first of each is said at once, too"
    assert len(acts) == 4
    assert [(each.key, each.count) for each in acts.due(301)] == [("li", 999), ("wang", 999)]


def test_a_long_flood_keeps_the_last_details_alone() -> None:
    acts = a_coalescer()
    for n in range(1000):
        acts.begin("a", f"/{n:04}", 0)

    (repeats,) = acts.due(300)

    assert repeats.count == 999
    assert repeats.lately == tuple(f"/{n:04}" for n in range(1000 - LATELY_LEN_MAX, 1000))


def test_typing_on_is_one_search() -> None:
    acts = a_coalescer()
    for text in ("", "s", "so", "song", "km 2"):
        acts.begin("a", text, 0)

    assert acts.due(300)[0].lately == ("song", "km 2")


def test_who_is_back_in_time_goes_on_with_the_same_session() -> None:
    people = Attendance[str](grace_s=60, sessions_max=10)
    assert people.came("li", AT)
    people.went("li", 10, AT + timedelta(seconds=10))

    assert people.due(69) == []
    assert not people.came("li", AT + timedelta(seconds=69))
    people.went("li", 100, AT + timedelta(seconds=100))

    assert people.due(159) == []
    (stay,) = people.due(160)
    assert (stay.since, stay.until, stay.connections) == (AT, AT + timedelta(seconds=100), 2)


def test_a_session_lasts_while_one_window_is_open() -> None:
    people = Attendance[str](grace_s=60, sessions_max=10)
    people.came("li", AT)
    assert not people.came("li", AT)
    people.went("li", 1, AT)

    assert people.due(1000) == []


def test_too_many_sessions_are_refused() -> None:
    people = Attendance[str](grace_s=60, sessions_max=2)
    people.came("li", AT)
    people.came("wang", AT)

    with pytest.raises(Full):
        people.came("zhao", AT)

    assert not people.came("li", AT), "who is there may open another window"
