"""What the room tells a TAK client beside its commands, in both languages."""

from __future__ import annotations

from typing import Final

from protocols.native import Report
from server.dispatch.orders import Why

_PHRASES: Final[dict[str, dict[str, str]]] = {
    "en": {
        "set_off": "On my way",
        "arrived": "Arrived",
        "finished": "Done",
        Report.ACCEPTED: "{tag} noted: yes.",
        Report.DECLINED: "{tag} noted: no.",
        Report.STANDBY: "{tag} noted: wait.",
        Report.EN_ROUTE: "{tag} noted: on the way.",
        Report.ON_SCENE: "{tag} noted: arrived.",
        Report.DONE: "{tag} noted: done.",
        Report.FEEDBACK: "{tag} remark noted.",
        "inbox": "Your message waits in the room's inbox.",
        "too_many": "Too many messages: this one was not taken. Call the room.",
        "alarm": "Your call for help has reached the room.",
        "alarm_over": "Noted: your call for help is taken back.",
        "ends": "Your TAK certificate ends in {days} days. Ask for a new data package.",
        "callsign": "Call sign {callsign} is somebody else's. You are shown as {shown}.",
        "late": "{tag} not noted: that was said before.",
        "closed": "{tag} not noted: it is over already.",
        "no_badge": "{tag} not noted: your certificate names no officer. Call the room.",
        "not_in_unit": "{tag} not noted: you are not of the unit that has it. Call the room.",
        "no_reason": "{tag} not noted: say why.",
        "other": "{tag} not noted: that does not fit as it stands. Call the room.",
    },
    "zh": {
        "set_off": "出发",
        "arrived": "到达",
        "finished": "完成",
        Report.ACCEPTED: "{tag} 已记录：是。",
        Report.DECLINED: "{tag} 已记录：否。",
        Report.STANDBY: "{tag} 已记录：稍等。",
        Report.EN_ROUTE: "{tag} 已记录：已出发。",
        Report.ON_SCENE: "{tag} 已记录：已到达。",
        Report.DONE: "{tag} 已记录：已完成。",
        Report.FEEDBACK: "{tag} 反馈已记录。",
        "inbox": "你的消息已进入指挥室收件箱。",
        "too_many": "消息过多，本条未收。请联系指挥室。",
        "alarm": "你的求助已送达指挥室。",
        "alarm_over": "已记录：你撤回了求助。",
        "ends": "你的TAK证书将在{days}天后到期，请申请新的数据包。",
        "callsign": "呼号{callsign}已属他人，其他人看到的是{shown}。请另设呼号。",
        "late": "{tag} 未记录：此前已报。",
        "closed": "{tag} 未记录：该指令已结束。",
        "no_badge": "{tag} 未记录：你的证书未对应民警，请联系指挥室。",
        "not_in_unit": "{tag} 未记录：你不属于该单元，请联系指挥室。",
        "no_reason": "{tag} 未记录：请说明原因。",
        "other": "{tag} 未记录：当前状态不适用，请联系指挥室。",
    },
}

_OF_WHY: Final[dict[str, str]] = {
    Why.LATE: "late",
    Why.CLOSED: "closed",
    Why.NO_BADGE: "no_badge",
    Why.NOT_IN_UNIT: "not_in_unit",
    Why.NO_REASON: "no_reason",
    Why.TOO_LATE: "closed",
}


def phrase(name: str, language: str, **values: object) -> str:
    return _PHRASES[language][name].format(**values).strip()


def refusal_of(why: str | None, language: str, *, tag: str) -> str:
    """Why an answer changed nothing."""
    return phrase(_OF_WHY.get(why or "", "other"), language, tag=tag)
