"""Run cards: the set that comes with Ridgeline, its file, its checks, and its timers."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from server.dispatch.runcardfile import SHIPPED_FILE, Edited, read, shipped, write
from server.dispatch.runcardform import CARDS_MAX, SAYS, STEPS_MAX, RunCardsError, parse
from server.dispatch.runcards import RunCard, RunCards, changes, paced, plain
from server.dispatch.timers import PEACE_ORDINARY, PEACE_URGENT, WAR

CARDS = Path(__file__).parents[2] / "web" / "src" / "shared" / "runcards"


def a_set() -> dict[str, Any]:
    """The plain form of the shipped set, to be spoilt."""
    return plain(shipped())


def refused(said: object) -> list[str]:
    """What is said against it."""
    with pytest.raises(RunCardsError) as caught:
        parse(said)
    return [str(each) for each in caught.value.problems]


def test_the_shipped_set_covers_a_county_in_both_languages() -> None:
    cards = shipped().cards

    assert 15 <= len(cards) <= 22
    assert len({each.zh for each in cards}) == len({each.en for each in cards}) == len(cards)
    assert all(4 <= len(each.steps) <= 6 for each in cards)
    assert shipped().version == 0


def test_where_a_weapon_is_to_be_expected_two_units_are_wanted_or_one_that_is_two() -> None:
    by_code = shipped().by_code

    assert by_code["armed_threat"].violence
    assert by_code["armed_threat"].units >= 2
    assert by_code["domestic_violence"].violence
    assert not by_code["theft"].violence


def test_the_shipped_file_is_written_as_an_exported_one_is() -> None:
    from importlib.resources import files

    text = (files("server.dispatch") / SHIPPED_FILE).read_text(encoding="utf-8")

    assert text == write(shipped())


def test_a_set_goes_through_file_and_plain_form_unchanged() -> None:
    card = replace(
        shipped().cards[0],
        en='Quotes " and \\ backslashes',
        zh="换“行”",
        timers={"acceptance_s": 12.5, "feedback_again_s": 0.0},
        steps=(),
    )
    odd = replace(shipped(), cards=(card, *shipped().cards[1:]))

    assert read(write(odd)) == Edited(cards=odd, based_on=0)
    assert parse(plain(odd)) == odd


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("scene_min", 0, "theft: scene_min: must be a whole number from 1 to 1440"),
        ("scene_min", True, "theft: scene_min: must be a whole number from 1 to 1440"),
        ("units", 11, "theft: units: must be a whole number from 1 to 10"),
        ("priority", "high", "theft: priority: must be one of routine, priority, emergency"),
        ("recording", "screen", "theft: recording: must be one of standby, record, "),
        ("vehicles", ["boat"], "theft: vehicles: 'boat' is not known; patrol_car, off_road, "),
        ("vehicles", ["foot", "foot"], "theft: vehicles: foot is there twice"),
        ("skills", ["magic"], "theft: skills: 'magic' is not known; crowd, drone, "),
        ("equipment", "rope", "theft: equipment: must be a list"),
        ("zh", " ", "theft: zh: must be a text of 1 to 80 characters"),
        ("en", "two\nlines", "theft: en: must be one line without control characters"),
        ("violence", "yes", "theft: violence: must be true or false"),
        ("timers", {"tea_s": 3}, "theft: tea_s: there is no such field; receipt_s, "),
        ("timers", {"welfare_s": 0}, "theft: timers.welfare_s: must be 1 to 86400 seconds"),
        ("timers", {"welfare_s": float("nan")}, "theft: timers.welfare_s: must be 1 to 86400 "),
        ("timers", {"repeat_s": 9, "acceptance_s": 8}, "theft: timers: repeat_s, acceptance_s"),
        ("steps", [{"en": "Look"}], "theft: steps.1.zh: must be a text of 1 to 200 characters"),
        ("timers", {"welfare_s": 10**400}, "theft: timers.welfare_s: must be 1 to 86400 "),
        ("color", "red", "theft: color: there is no such field; code, en, zh, "),
    ],
)
def test_a_bad_value_is_named_with_its_card_and_field(name: str, value: object, told: str) -> None:
    said = a_set()
    next(each for each in said["cards"] if each["code"] == "theft")[name] = value

    (problem,) = refused(said)

    assert problem.startswith(told)


def test_a_code_that_is_no_text_is_named_by_the_place_of_its_card() -> None:
    said = a_set()
    said["cards"][2]["code"] = ["road_blocked"]

    assert refused(said) == ["card 3: code: must be 1 to 40 of a-z, 0-9 and _, a letter first"]


def test_a_name_of_a_thousand_lines_is_not_given_back_whole() -> None:
    said = a_set()
    said["cards"][2]["code"] = "x" * 60_000

    assert len("".join(refused(said))) < 200


def test_chinese_is_written_with_its_own_wide_spaces() -> None:
    said = a_set()
    said["cards"][2]["zh"] = "\u3000道路受阻\u3000落石"
    said["cards"][2]["steps"][0]["en"] = "Ask:\u00a0which road"

    assert parse(said).cards[2].zh == "道路受阻\u3000落石"


def test_all_bad_values_are_named_at_once() -> None:
    said = a_set()
    said["cards"][0]["scene_min"] = "long"
    del said["cards"][1]["priority"]
    said["cards"][2]["code"] = "No Code"
    said["skills"][0]["zh"] = ""

    problems = refused(said)

    assert [each.split(": ")[:2] for each in problems] == [
        ["skills", "first_aid.zh"],
        ["officer_needs_help", "scene_min"],
        ["traffic_collision", "priority"],
        ["No Code", "code"],
    ]


def test_the_card_for_a_call_for_help_cannot_be_left_out() -> None:
    said = a_set() | {"cards": a_set()["cards"][1:]}

    assert refused(said) == ["cards: officer_needs_help is missing: a call for help opens one"]


def test_two_cards_of_one_code_are_refused() -> None:
    said = a_set()
    said["cards"].append(said["cards"][3])

    assert refused(said) == ["cards: assault is there twice"]


def test_a_full_set_takes_no_more_cards_and_a_full_checklist_no_more_steps() -> None:
    said = a_set()
    said["cards"] += [said["cards"][1] | {"code": f"more_{n}"} for n in range(CARDS_MAX)]
    said["cards"][0]["steps"] = [{"en": "Look", "zh": "看"}] * (STEPS_MAX + 1)

    assert refused(said) == [
        f"cards: has {CARDS_MAX + len(shipped().cards)} entries; at most {CARDS_MAX} are allowed",
        f"officer_needs_help: steps: has {STEPS_MAX + 1} entries; at most {STEPS_MAX} are allowed",
    ]


@pytest.mark.parametrize("said", [None, [], "cards", 3])
def test_what_is_no_table_is_refused(said: object) -> None:
    assert refused(said)[0] == "must be a table of fields"


def test_a_file_that_is_no_toml_says_where() -> None:
    with pytest.raises(RunCardsError, match=r"is no TOML: .*line 2"):
        read("skills = []\ncards = x")


@pytest.mark.parametrize("text", ["a = " + "[" * 90_000, "a = " + "9" * 5_000])
def test_a_file_that_the_reader_chokes_on_is_refused_like_any_other(text: str) -> None:
    with pytest.raises(RunCardsError, match="is no TOML"):
        read(text)


def test_a_file_says_which_version_it_was_exported_from() -> None:
    third = replace(shipped(), version=3)

    assert read(write(third)).based_on == 3
    assert read(write(third).replace("based_on = 3\n", "")).based_on is None
    with pytest.raises(RunCardsError, match="based_on: must be the number of a version"):
        read(write(third).replace("based_on = 3", "based_on = -1"))


def test_a_file_saved_by_an_editor_that_marks_its_texts_is_read() -> None:
    text = "\ufeff" + write(shipped()).replace("\n", "\r\n")

    assert read(text).cards == shipped()


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_problem_has_words_at_the_console(language: str) -> None:
    words = json.loads((CARDS / "locales" / f"{language}.json").read_text("utf-8"))

    for code, says in SAYS.items():
        told = words[f"problem.{code}"]
        assert set(re.findall(r"{(\w+)}", told)) == set(re.findall(r"{(\w+)}", says)), code


# -- old incidents ------------------------------------------------------------------------


def test_a_type_that_was_removed_keeps_its_card_for_old_incidents_alone() -> None:
    gone = shipped().by_code["theft"]
    kept = tuple(each for each in shipped().cards if each is not gone)
    now = replace(shipped(), version=2, cards=kept, retired=(gone,))

    assert now.card("theft") is gone
    assert "theft" not in now.by_code


def test_ridgeline_goes_on_opening_what_it_opens_itself() -> None:
    none = replace(shipped(), cards=shipped().cards[:1], retired=shipped().cards[1:])

    assert [each.code for each in shipped().cards if none.can_open(each.code)] == [
        "officer_needs_help",
        "standby",
    ]


def test_a_type_that_no_version_knows_is_handled_as_an_ordinary_one() -> None:
    card = shipped().card("piracy")

    assert (card.en, card.priority, card.scene_min) == ("piracy", "priority", 45)


# -- what changes -------------------------------------------------------------------------


def with_card(cards: RunCards, card: RunCard) -> RunCards:
    """The set with this card in the place of that of its code."""
    return replace(cards, cards=tuple(card if c.code == card.code else c for c in cards.cards))


def test_what_changes_is_named_by_card_and_field() -> None:
    before = shipped()
    theft = replace(before.by_code["theft"], scene_min=70, violence=True)
    after = with_card(before, theft)
    added = replace(theft, code="burglary")
    after = replace(after, cards=(*after.cards[1:], added), skills=after.skills[1:])

    assert changes(before, after) == {
        "skills": ["first_aid"],
        "theft": ["scene_min", "violence"],
        "burglary": ["added"],
        "officer_needs_help": ["removed"],
    }
    assert changes(before, replace(before, version=9)) == {}


def test_skills_in_another_order_are_a_change() -> None:
    first, second, *rest = shipped().skills
    after = replace(shipped(), skills=(second, first, *rest))

    assert changes(shipped(), after) == {"skills": sorted((first.code, second.code))}


def test_cards_in_another_order_are_moved() -> None:
    first, second, *rest = shipped().cards
    after = replace(shipped(), cards=(second, first, *rest))

    assert changes(shipped(), after) == {first.code: ["moved"], second.code: ["moved"]}


# -- timers -------------------------------------------------------------------------------


def test_a_card_without_timers_keeps_those_of_the_county() -> None:
    assert paced(PEACE_URGENT, shipped().by_code["theft"], war=False) is PEACE_URGENT


def test_a_cards_own_timers_hold_and_those_after_do_not_come_before_them() -> None:
    card = replace(shipped().by_code["theft"], timers={"acceptance_s": 400.0, "welfare_s": 60.0})

    found = paced(PEACE_ORDINARY, card, war=False)

    assert (found.acceptance_s, found.escalate_s, found.supervisor_s) == (400, 400, 600)
    assert (found.repeat_s, found.welfare_s, found.recall_s) == (90, 60, 180)


def test_in_war_a_card_makes_nothing_slower() -> None:
    card = replace(shipped().by_code["theft"], timers={"feedback_s": 1800.0, "welfare_s": 60.0})

    found = paced(WAR, card, war=True)

    assert (found.feedback_s, found.welfare_s) == (180, 60)


@pytest.mark.parametrize(
    ("county_s", "own_s", "in_force_s"), [(600, 0, 600), (0, 300, 300), (600, 300, 300)]
)
def test_in_war_no_card_ends_the_questions_after_the_first_word(
    county_s: float, own_s: float, in_force_s: float
) -> None:
    card = replace(shipped().by_code["theft"], timers={"feedback_again_s": own_s})
    county = replace(WAR, feedback_again_s=county_s)

    assert paced(county, card, war=True).feedback_again_s == in_force_s


def test_a_card_may_say_that_nobody_is_late_without_being_asked() -> None:
    said = a_set()
    said["cards"][7]["timers"] = {"arrival_margin_s": 0}

    card = parse(said).cards[7]

    assert paced(PEACE_ORDINARY, card, war=False).arrival_margin_s == 0
