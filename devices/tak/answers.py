"""What an officer means who answers in a chat: fixed words, read case by case.

TAK has no buttons for "accepted" or "on scene", so a few words in Chinese and English are agreed,
alone or first in a line, perhaps after the short name of an order (A17). Numbers are the choices in
the order in which they are told. Anything else is a remark. Values in, values out.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Final

from protocols.native import Report

TEXT_LEN_MAX: Final = 1000
"""Of a remark or a reason; the rest is cut."""

WORDS: Final[dict[Report, tuple[str, ...]]] = {
    Report.ACCEPTED: (
        *(
            "1",
            "收到",
            "收到了",
            "明白",
            "明白了",
            "接受",
            "好",
            "好的",
            "可以",
            "是",
            "没事",
            "安好",
        ),
        *("一切安好", "放下", "照办", "由我处理"),
        *("ok", "okay", "yes", "roger", "roger that", "copy", "copy that", "copied", "wilco"),
        *("accept", "accepted", "acknowledged", "ack", "10-4", "all well", "let go", "will do"),
    ),
    Report.DECLINED: (
        *("2", "无法", "无法执行", "无法处理", "不能", "不行", "去不了", "拒绝", "否", "继续执行"),
        *("需要帮助", "无法照办"),
        *("unable", "cannot", "can not", "can't", "cant", "no", "negative", "decline", "declined"),
        *("going on", "need help"),
    ),
    Report.STANDBY: ("稍等", "等一下", "等等", "稍候", "wait", "standby", "stand by", "wait one"),
    Report.EN_ROUTE: (
        *("3", "出发", "出发了", "已出发", "在路上", "途中", "赶往", "正在赶往"),
        *("en route", "enroute", "on my way", "on the way", "omw", "moving", "responding"),
    ),
    Report.ON_SCENE: (
        *("4", "到达", "到达了", "已到达", "到了", "到场", "已到场", "到位"),
        *("on scene", "onscene", "arrived", "at scene", "on site"),
    ),
    Report.DONE: (
        *("5", "完成", "完成了", "已完成", "办完", "处理完毕", "结束"),
        *("done", "complete", "completed", "finished", "clear", "cleared"),
    ),
}
"""Compared without regard to case, width and the marks around."""

_BY_WORD: Final = {word: report for report, words in WORDS.items() for word in words}
_LONGEST_FIRST: Final = sorted(_BY_WORD, key=len, reverse=True)
_ALONE: Final = frozenset({*"12345", "no", "是", "否", "好"})
"""Mean something else too often where more follows."""
_MARKS: Final = " \t\r\n.,;:!?。，；：！？、…~～-—()（）[]【】\"'“”‘’"
_TAG: Final = re.compile(r"[#＃]?a\s?-?(\d{1,12})(?!\d)", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a line of chat says about an order."""

    report: Report
    """FEEDBACK: none of the agreed words; a remark."""
    number: int | None = None
    """Of the order, where it was named."""
    text: str = ""
    """What was said beside the word: a reason, a remark; of a refusal without one, all of it."""


def read(line: str) -> Answer | None:
    """The answer in a line of chat; None: it says nothing."""
    said = line.strip()
    if not said.strip(_MARKS):
        return None
    number, rest = _tagged(said)
    plain = unicodedata.normalize("NFKC", rest).casefold().strip(_MARKS)
    for word in _LONGEST_FIRST:
        if _begins_with(plain, word):
            return _answer(_BY_WORD[word], number, plain[len(word) :].strip(_MARKS), said)
    return Answer(report=Report.FEEDBACK, number=number, text=(rest or said)[:TEXT_LEN_MAX])


def _answer(report: Report, number: int | None, beside: str, said: str) -> Answer:
    """A refusal gives its reason; where there is none beside the word, the word is it."""
    text = beside or (said if report is Report.DECLINED else "")
    return Answer(report=report, number=number, text=text[:TEXT_LEN_MAX])


def _tagged(said: str) -> tuple[int | None, str]:
    """An order that is named first or last, and the line without its name."""
    plain = unicodedata.normalize("NFKC", said)
    if (match := _TAG.match(plain)) is not None:
        return int(match.group(1)), plain[match.end() :].strip(_MARKS)
    for match in _TAG.finditer(plain):
        if match.end() == len(plain.rstrip(_MARKS)):
            return int(match.group(1)), plain[: match.start()].strip(_MARKS)
    return None, said


def _begins_with(plain: str, word: str) -> bool:
    """The word alone, or parted from what follows: "完成" is no answer in "完成不了"."""
    if not plain.startswith(word):
        return False
    rest = plain[len(word) :]
    if not rest:
        return True
    if word in _ALONE or rest[0] not in _MARKS:
        return False
    # In Chinese a space parts sentences; in English it parts words: "clear road" clears nothing.
    return rest[0] != " " or not word.isascii() or _BY_WORD[word] is Report.DECLINED
