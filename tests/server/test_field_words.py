"""Commands in words, for devices that show one line."""

from __future__ import annotations

from typing import Any

import pytest

from protocols.native import Report
from server.dispatch.fieldwords import wording

TYPES = {"traffic": {"en": "Traffic accident", "zh": "交通事故"}}
TASK: dict[str, Any] = {
    "order": "o1",
    "number": 17,
    "incident": {
        "type": "traffic", "priority": "emergency", "note": "两车相撞", "place": "永宁路口",
        "lon": 100.2, "lat": 27.5,
    },
    "instruction": "先到者封路。",
    "eta_s": 734.0,
    "unit": "P-07",
}  # fmt: skip
ABOUT = {"ref": "t1", "order": "o1", "number": 17}


def test_a_task_is_one_tagged_line_that_begins_with_what_matters() -> None:
    said = wording("c1", "task", TASK, "zh", TYPES)

    assert said is not None
    assert said.text == "A17 紧急 交通事故 永宁路口。先到者封路。两车相撞。约12分钟。"
    assert said.short == "A17 紧急 交通事故 永宁路口"
    assert [(each.report, each.label) for each in said.choices] == [
        (Report.ACCEPTED, "收到"),
        (Report.DECLINED, "无法执行"),
    ]
    assert said.answers_to == "c1"


def test_a_task_without_a_place_in_words_names_its_coordinates() -> None:
    task = TASK | {"incident": TASK["incident"] | {"place": "", "type": "new-type"}}

    said = wording("c1", "task", task, "en", TYPES)

    assert said is not None
    assert said.text.startswith("A17 EMERGENCY new-type 27.50000, 100.20000. ")


@pytest.mark.parametrize(
    ("kind", "body", "text", "labels"),
    [
        ("recall", ABOUT | {"why": "recalled", "text": "误报"}, "A17 撤回。误报。请确认。", 2),
        ("check", ABOUT | {"why": "welfare"}, "A17 你一切安好吗？", 2),
        (
            "check",
            ABOUT | {"why": "leader", "unit": "P-07", "scene": {"place": "永宁路口"}},
            "A17 P-07无人答复指令，能否由你处理？永宁路口。",
            2,
        ),
        ("advice", ABOUT | {"text": {"zh": "给记录仪接上充电宝。"}}, "A17 给记录仪接上充电宝。", 2),
        ("notice", ABOUT | {"why": "cancelled", "text": "误报"}, "A17 已取消。误报。", 0),
        ("notice", ABOUT | {"why": "expired"}, "A17 送达前已过期，请联系指挥室。", 0),
        ("notice", {"ref": "s1", "why": "heard"}, "调度员已看到你的求助。", 0),
        ("notice", {"why": "stance", "mode": "war", "text": "暴雨"}, "已宣布战时。暴雨。", 0),
    ],
)
def test_what_else_is_said(kind: str, body: dict[str, Any], text: str, labels: int) -> None:
    said = wording("c1", kind, body, "zh", TYPES)

    assert said is not None
    assert said.text == text
    assert len(said.choices) == labels


def test_an_answer_to_a_repeated_order_is_about_the_order() -> None:
    said = wording("c9", "notice", ABOUT | {"why": "repeat", "text": ""}, "zh", TYPES)

    assert said is not None
    assert said.text == "A17 请答复此指令。"
    assert said.answers_to == "t1"
    assert len(said.choices) == 2


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("limits", {"limits": {}, "mitigations": []}),
        ("notice", ABOUT | {"why": "route_changed"}),
        ("notice", {"ref": "q1", "why": "closed", "text": ""}),
        ("advice", {"text": {}}),
    ],
)
def test_what_a_person_need_not_hear_has_no_words(kind: str, body: dict[str, Any]) -> None:
    assert wording("c1", kind, body, "zh", TYPES) is None
