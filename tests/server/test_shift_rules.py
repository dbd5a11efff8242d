"""What is wrong with a plan of shifts, also across days on which the clock changes."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from server.dispatch.shiftrules import WARNINGS_LEN_MAX, Planned, moved, warnings, week

ANDORRA = ZoneInfo("Europe/Andorra")
MONDAY = datetime(2026, 11, 30, tzinfo=UTC)


def shift(name: str, hour: float, hours: float, unit: str = "P-01", *badges: str) -> Planned:
    begins = MONDAY + timedelta(hours=hour)
    return Planned(
        id=name,
        unit_id=unit,
        starts_at=begins,
        ends_at=begins + timedelta(hours=hours),
        officers=badges,
    )


def told(*shifts: Planned) -> list[tuple[str, str, str | None, str | None, float]]:
    return [(w.kind, w.shift_id, w.other_id, w.badge, w.hours) for w in warnings(shifts)]


def test_eight_hours_in_turn_with_enough_rest_are_well() -> None:
    assert (
        told(
            shift("mon", 6, 8, "P-01", "0412"),
            shift("tue", 30, 8, "P-01", "0412"),
            shift("late", 14, 8, "P-01", "0413"),
        )
        == []
    )


def test_two_shifts_of_one_unit_at_once_are_told_with_the_hours() -> None:
    assert told(shift("a", 6, 8), shift("b", 12, 8)) == [("unit_twice", "b", "a", None, 2.0)]


def test_a_short_shift_within_a_long_one_hides_no_later_overlap() -> None:
    found = told(shift("a", 0, 12), shift("b", 1, 2), shift("c", 10, 8))

    assert [(each[1], each[2], each[4]) for each in found] == [("b", "a", 2.0), ("c", "a", 2.0)]


def test_an_officer_in_two_units_at_once_is_told() -> None:
    found = told(shift("a", 6, 8, "P-01", "0412"), shift("b", 10, 8, "P-02", "0412"))

    assert found == [("officer_twice", "b", "a", "0412", 4.0)]


def test_a_crew_of_one_unit_twice_is_told_once() -> None:
    found = told(shift("a", 6, 8, "P-01", "0412"), shift("b", 12, 8, "P-01", "0412"))

    assert [each[0] for each in found] == ["unit_twice"]


def test_less_than_eleven_hours_of_rest_is_told_whatever_the_unit() -> None:
    late = shift("late", 14, 8, "P-01", "0412")

    assert told(late, shift("early", 30, 8, "P-02", "0412")) == [
        ("short_rest", "early", "late", "0412", 8.0)
    ]
    assert told(late, shift("early", 33, 8, "P-02", "0412")) == []


def test_a_shift_of_more_than_twelve_hours_is_told() -> None:
    assert told(shift("a", 6, 12)) == []
    assert told(shift("a", 6, 13)) == [("too_long", "a", None, None, 13.0)]


def test_of_too_many_warnings_the_first_are_told() -> None:
    many = [shift(f"{n:04}", n / 100, 8) for n in range(WARNINGS_LEN_MAX + 50)]

    assert len(warnings(many)) == WARNINGS_LEN_MAX


def test_a_copied_shift_keeps_its_local_time_when_the_clock_changes() -> None:
    """Summer time ends on 2026-10-25 in Andorra."""
    early = datetime(2026, 10, 20, 6, tzinfo=ANDORRA)
    days = {"from_day": date(2026, 10, 19), "to_day": date(2026, 10, 26), "zone": ANDORRA}

    copied = moved(early.astimezone(UTC), **days)  # type: ignore[arg-type]

    assert copied == datetime(2026, 10, 27, 6, tzinfo=ANDORRA)
    assert copied - early == timedelta(days=7, hours=1)


def test_the_night_of_the_change_is_an_hour_longer_and_counts_as_it_is() -> None:
    night = Planned(
        id="night",
        unit_id="P-01",
        starts_at=datetime(2026, 10, 24, 19, tzinfo=ANDORRA).astimezone(UTC),
        ends_at=datetime(2026, 10, 25, 7, tzinfo=ANDORRA).astimezone(UTC),
        officers=(),
    )

    assert told(night) == [("too_long", "night", None, None, 13.0)]


def test_a_week_begins_at_midnight_of_its_monday() -> None:
    since, until = week(date(2026, 10, 22), ANDORRA)

    assert since == datetime(2026, 10, 19, tzinfo=ANDORRA)
    assert until.astimezone(UTC) - since.astimezone(UTC) == timedelta(days=7, hours=1)
