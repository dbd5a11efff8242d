"""Everything that a printed review may say has words in both languages, those of the faces."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from server.afteraction import UNKNOWN
from server.dispatch.mitigation import Mitigation
from server.dispatch.orders import Mark, OrderState
from server.dispatch.worklist import ItemKind
from server.review.links import Link, Verdict, Why
from server.reviewplot import TICKS_MAX, Axis
from server.reviewwords import LANGUAGES, Language, Words, dictionary
from tests.conftest import ROOT

OF_FACES = {"order": "shared", "priority": "shared", "item": "audit", "mitigation": "audit"}
"""Which words are those of which face."""


def test_both_languages_say_the_same_things() -> None:
    english, chinese = dictionary("en"), dictionary("zh")

    assert english.keys() == chinese.keys()
    for key, text in english.items():
        assert sorted(re.findall(r"\{(\w+)\}", text)) == sorted(
            re.findall(r"\{(\w+)\}", chinese[key])
        ), key


@pytest.mark.parametrize("language", LANGUAGES)
def test_whatever_a_review_may_say_has_words(language: Language) -> None:
    wanted = {f"link.{each}" for each in Link} | {f"verdict.{each}" for each in Verdict}
    wanted |= {f"why.{each}" for each in Why} | {f"item.{each}" for each in ItemKind}
    wanted |= {f"order.{each}" for each in (*OrderState, *Mark)}
    wanted |= {f"mitigation.{each}" for each in Mitigation}
    wanted |= {f"unknown.{each}" for each in UNKNOWN}

    assert wanted - dictionary(language).keys() == set()


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_the_faces_say_too_is_said_in_their_words(language: Language) -> None:
    for part, face in OF_FACES.items():
        path = ROOT / "web/src" / face / "locales" / f"{language}.json"
        words = json.loads(path.read_text(encoding="utf-8"))
        mine = {
            key: text for key, text in dictionary(language).items() if key.startswith(f"{part}.")
        }
        assert mine == {key: words[key] for key in mine}


def test_what_is_not_known_is_left_out_with_its_brackets() -> None:
    words = Words(language="en", zone=UTC)

    assert words.why("offline", {"waited_s": None}) == "no device was connected"
    assert words.why("offline", {"waited_s": 95.0}) == "no device was connected for 1 min 35 s"
    assert words.why("dead_zone", {"place": {"en": "the gorge"}, "since": None}) == (
        "in a dead zone, radio back at the gorge"
    )
    at = datetime(2026, 1, 31, 8, 4, 5, tzinfo=UTC)
    assert words.why("silent", {"since": at, "until": None}) == "no device heard from 08:04:05"


def test_a_time_of_another_day_says_which() -> None:
    """By the clock of whoever reads it: one day in Shanghai, two in Greenwich."""
    evening, night = (datetime(2026, 1, 31, hour, 30, tzinfo=UTC) for hour in (15, 17))
    words = Words(language="en", zone=ZoneInfo("Asia/Shanghai"), day=date(2026, 1, 31))

    assert (words.clock(evening), words.clock(night)) == ("23:30:00", "02-01 01:30:00")
    assert words.tick(datetime(2026, 1, 31, 16, tzinfo=UTC)) == "02-01"


@pytest.mark.parametrize("days", [0.01, 0.5, 3, 40, 400, 4000])
def test_a_plot_has_some_ticks_whatever_its_length(days: float) -> None:
    since = datetime(2026, 3, 28, 22, 10, tzinfo=UTC)
    axis = Axis(since, since + timedelta(days=days))

    ticks = list(axis.ticks(Words(language="en", zone=ZoneInfo("Europe/Andorra"))))

    assert 1 <= len(ticks) <= TICKS_MAX + 1
    places = [axis.x(each) for each in ticks]
    assert places == sorted(set(places))


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (None, "–"), (0, "0 s"), (59.4, "59 s"), (60, "1 min"), (200, "3 min 20 s"),
        (599.7, "10 min"), (3599, "1 h 0 min"), (3900, "1 h 5 min"),
        (86_400 * 3 + 7200, "3 d 2 h"),
    ],
)  # fmt: skip
def test_spans_are_short(seconds: float | None, said: str) -> None:
    assert Words(language="en", zone=UTC).span(seconds) == said
