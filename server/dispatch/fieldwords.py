"""Commands in words, for devices that show or speak a line of text and know nothing of our forms.

An order becomes one line with a short tag, so that whoever hears it twice knows it for the same,
and the answers that may be given to it. What is cut to fit a device is cut from the end, so the
line begins with what matters. Knows no device and no protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from protocols.native import Report

Language = Literal["en", "zh"]
TypeNames = Mapping[str, Mapping[str, str]]
"""Names of incident types by code and language."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """One answer that a person may give, and what it reports."""

    report: Report
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """A command in words."""

    text: str
    short: str
    """The same in as few words as still say what is asked; for a display of one line."""
    choices: tuple[Choice, ...] = ()
    """None: nothing is asked, and a machine's receipt is all that can come back."""
    answers_to: str = ""
    """Id of the command that an answer is about."""


_PRIORITY: Final = {
    "en": {"routine": "", "priority": "PRIORITY", "emergency": "EMERGENCY"},
    "zh": {"routine": "", "priority": "优先", "emergency": "紧急"},
}
_WORDS: Final[dict[str, dict[str, str]]] = {
    "en": {
        "eta": "About {minutes} min.",
        "recalled": "Called off",
        "superseded": "Replaced by another order",
        "handed_over": "Another unit takes it over",
        "confirm": "Please confirm.",
        "welfare": "Are you all right?",
        "leader": "{unit} does not answer its order. Can you see to it?",
        "repeat": "Please answer this order.",
        "cancelled": "Cancelled.",
        "expired": "Expired before it reached you. Call the room.",
        "closed": "Over before it reached you.",
        "done": "Done, said by your unit.",
        "unable": "Your unit cannot, it was said.",
        "undeliverable": "Not delivered in time. Call the room.",
        "heard": "Your call for help was seen by a dispatcher.",
        "war": "War footing declared.",
        "peace": "Back to peace footing.",
        "by_radio": "Answer by radio.",
    },
    "zh": {
        "eta": "约{minutes}分钟。",
        "recalled": "撤回",
        "superseded": "由另一条指令取代",
        "handed_over": "由其他单元接手",
        "confirm": "请确认。",
        "welfare": "你一切安好吗？",
        "leader": "{unit}无人答复指令，能否由你处理？",
        "repeat": "请答复此指令。",
        "cancelled": "已取消。",
        "expired": "送达前已过期，请联系指挥室。",
        "closed": "送达前已结束。",
        "done": "本单元已报完成。",
        "unable": "本单元已报无法执行。",
        "undeliverable": "未能及时送达，请联系指挥室。",
        "heard": "调度员已看到你的求助。",
        "war": "已宣布战时。",
        "peace": "战时已解除。",
        "by_radio": "请用电台答复。",
    },
}
_LABELS: Final[dict[str, dict[str, tuple[str, str]]]] = {
    "en": {
        "task": ("Accept", "Cannot"),
        "recall": ("Let go", "Going on"),
        "welfare": ("All well", "Need help"),
        "leader": ("I see to it", "Cannot"),
        "advice": ("Will do", "Cannot"),
    },
    "zh": {
        "task": ("收到", "无法执行"),
        "recall": ("放下", "继续执行"),
        "welfare": ("一切安好", "需要帮助"),
        "leader": ("由我处理", "无法处理"),
        "advice": ("照办", "无法照办"),
    },
}
_SILENT: Final = frozenset({"route_changed"})
"""Notices for devices that compute a way; nobody need hear of them."""


def tag_of(number: object) -> str:
    """A short name of an order, the same every time it is said: "A17"."""
    return f"A{number}" if isinstance(number, int) else ""


def wording(
    command_id: str, kind: str, body: Mapping[str, Any], language: Language, types: TypeNames
) -> Wording | None:
    """The command in words; None: there is nothing to be said to a person."""
    tag = tag_of(body.get("number"))
    words = _WORDS[language]
    match kind:
        case "task":
            text, short = _task(body, language, types)
        case "recall":
            short = words.get(body["why"], words["recalled"])
            text = _sentences(language, short, body.get("text", ""), words["confirm"])
        case "check" if body["why"] == "leader":
            short = words["leader"].format(unit=body.get("unit", ""))
            text = _sentences(language, short, body["scene"].get("place", ""))
        case "check":
            text = short = words["welfare"]
        case "advice":
            text = short = body["text"].get(language, "")
        case "notice" if body.get("why") in _SILENT:
            return None
        case "notice":
            text = short = _notice(body, language)
        case _:
            return None
    if not text:
        return None
    return Wording(
        text=f"{tag} {text}".strip(),
        short=f"{tag} {short}".strip(),
        choices=_choices(kind, body, language),
        answers_to=body["ref"] if kind == "notice" and body.get("ref") else command_id,
    )


def unanswerable(said: Wording, language: Language) -> str:
    """What is said where nobody can answer on the device: a voice must."""
    return _sentences(language, said.text, _WORDS[language]["by_radio"])


def _task(body: Mapping[str, Any], language: Language, types: TypeNames) -> tuple[str, str]:
    incident = body.get("incident") or {}
    code = incident.get("type", "")
    head = " ".join(
        part
        for part in (
            _PRIORITY[language].get(incident.get("priority", ""), ""),
            types.get(code, {}).get(language, code),
            _place(incident),
        )
        if part
    )
    eta_s = body.get("eta_s")
    eta = "" if eta_s is None else _WORDS[language]["eta"].format(minutes=max(1, round(eta_s / 60)))
    parts = (head, body.get("instruction", ""), incident.get("note", ""), eta)
    return _sentences(language, *parts), head or body.get("text", "")


def _place(incident: Mapping[str, Any]) -> str:
    if place := incident.get("place", ""):
        return str(place)
    lon, lat = incident.get("lon"), incident.get("lat")
    return "" if lon is None or lat is None else f"{lat:.5f}, {lon:.5f}"


def _notice(body: Mapping[str, Any], language: Language) -> str:
    why, words = str(body.get("why", "")), _WORDS[language]
    if why == "stance":
        why = "war" if body.get("mode") == "war" else "peace"
    if why == "closed" and "order" not in body:
        return ""  # a question that need not be answered any more
    said = body.get("text", "")
    return _sentences(language, words.get(why, ""), said if isinstance(said, str) else "")


def _choices(kind: str, body: Mapping[str, Any], language: Language) -> tuple[Choice, ...]:
    asked = {"check": body.get("why"), "notice": None}.get(kind, kind)
    if kind == "check" and asked != "leader":
        asked = "welfare"
    if kind == "notice" and body.get("why") == "repeat":
        asked = "task"
    if asked not in _LABELS[language]:
        return ()
    yes, no = _LABELS[language][asked]
    return Choice(report=Report.ACCEPTED, label=yes), Choice(report=Report.DECLINED, label=no)


def _sentences(language: Language, *parts: str) -> str:
    """One after the other, each with its end."""
    stop, gap = ("。", "") if language == "zh" else (".", " ")
    whole = [each.strip() for each in parts if each.strip()]
    return gap.join(each if each[-1] in ".!?。！？" else each + stop for each in whole)
