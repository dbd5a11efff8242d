"""Fixed words in a chat, and what they mean for an order."""

from __future__ import annotations

import pytest

from devices.tak.answers import TEXT_LEN_MAX, WORDS, read
from protocols.native import Report


@pytest.mark.parametrize(
    ("line", "report", "number", "text"),
    [
        ("收到", Report.ACCEPTED, None, ""),
        ("收到！", Report.ACCEPTED, None, ""),
        (" 1 ", Report.ACCEPTED, None, ""),
        ("１", Report.ACCEPTED, None, ""),
        ("Roger.", Report.ACCEPTED, None, ""),
        ("OK, two minutes", Report.ACCEPTED, None, "two minutes"),
        ("A17 收到", Report.ACCEPTED, 17, ""),
        ("a17: roger", Report.ACCEPTED, 17, ""),
        ("收到 A17", Report.ACCEPTED, 17, ""),
        ("无法，车坏了", Report.DECLINED, None, "车坏了"),
        ("无法", Report.DECLINED, None, "无法"),
        ("unable flat tyre", Report.DECLINED, None, "flat tyre"),
        ("2", Report.DECLINED, None, "2"),
        ("稍等", Report.STANDBY, None, ""),
        ("出发 走老路", Report.EN_ROUTE, None, "走老路"),
        ("On my way!", Report.EN_ROUTE, None, ""),
        ("到达", Report.ON_SCENE, None, ""),
        ("完成。双方和解", Report.DONE, None, "双方和解"),
    ],
)
def test_an_agreed_word_is_an_answer(
    line: str, report: Report, number: int | None, text: str
) -> None:
    answer = read(line)

    assert answer is not None
    assert (answer.report, answer.number, answer.text) == (report, number, text)


@pytest.mark.parametrize(
    "line",
    [
        "完成不了",
        "收到不了信号",
        "no problem at all",
        "1 hour away",
        "clear road ahead",
        "done is better than perfect",
        "好像有人",
        "a man at the bridge",
        "在A17收费站",
    ],
)
def test_what_only_begins_like_a_word_is_a_remark(line: str) -> None:
    answer = read(line)

    assert answer is not None
    assert answer.report is Report.FEEDBACK
    assert answer.text == line


@pytest.mark.parametrize("line", ["", "   ", "。。。", "!?"])
def test_a_line_that_says_nothing_is_no_answer(line: str) -> None:
    assert read(line) is None


def test_every_word_is_read_as_it_is_listed() -> None:
    for report, words in WORDS.items():
        for word in words:
            answer = read(word.upper())
            assert answer is not None, word
            assert answer.report is report, word


def test_no_word_has_two_meanings() -> None:
    words = [word for each in WORDS.values() for word in each]

    assert len(words) == len(set(words))


def test_a_long_remark_is_cut() -> None:
    answer = read("很" * (TEXT_LEN_MAX + 50))

    assert answer is not None
    assert len(answer.text) == TEXT_LEN_MAX
