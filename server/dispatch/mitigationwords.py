"""Mitigations in words: to the officer who is to do it, and to the dispatcher who decides.

Both languages of the county at once, because the sentence leaves on a wire and in a log.
"""

from __future__ import annotations

from typing import Final

from server.dispatch.mitigation import Mitigation, Proposal

_M = Mitigation

INSTRUCTION: Final[dict[Mitigation, dict[str, str]]] = {
    _M.RECORD_LOCALLY: {
        "en": "Stop the camera's stream; record on the camera only.",
        "zh": "停止执法记录仪的图传，仅本机录像。",
    },
    _M.SNIPPETS: {
        "en": "Stop the camera's stream; send short pieces when the room asks.",
        "zh": "停止连续图传，指挥室要求时再回传短片段。",
    },
    _M.NO_WEAK_STREAM: {
        "en": "Do not stream where the signal is weak; record on the camera there.",
        "zh": "信号弱处不图传，改为本机录像。",
    },
    _M.LOWER_BITRATE: {
        "en": "Set the camera's stream to the low bitrate.",
        "zh": "将图传码率调到低档。",
    },
    _M.SELDOM_FIXES: {
        "en": "Report the position every 30 s or less often.",
        "zh": "定位上报间隔调到 30 秒或更长。",
    },
    _M.LIGHTS_OFF: {
        "en": "Switch the camera's screen and infrared light off.",
        "zh": "关闭记录仪屏幕和红外补光。",
    },
    _M.CHARGE_IN_CAR: {
        "en": "Charge the camera in the car while driving.",
        "zh": "行车途中在车上给记录仪充电。",
    },
    _M.POWER_BANK: {
        "en": "Connect the camera to a power bank.",
        "zh": "给记录仪接上充电宝。",
    },
    _M.SPARE_AT_STATION: {
        "en": "Take the charged spare at {station} on the way.",
        "zh": "途中到{station}取已充好的备用设备。",
    },
    _M.SECOND_CAMERA: {
        "en": "Let camera {camera} of {unit} take over the recording.",
        "zh": "由{unit}的记录仪 {camera} 接替录像。",
    },
}


def instruction(proposal: Proposal) -> dict[str, str]:
    """What somebody is to do, by language."""
    return {
        language: text.format_map(proposal.values)
        for language, text in INSTRUCTION[proposal.kind].items()
    }


def effect(proposal: Proposal) -> dict[str, str]:
    """What it would bring, by language: "lasts 85 % instead of 41 %, -15 %/h"."""
    after, before = round(100 * proposal.p_after), round(100 * proposal.p_before)
    change = round(proposal.drain_after_pct_per_h - proposal.drain_before_pct_per_h)
    drain = f", {change:+d} %/h" if change else ""
    return {
        "en": f"lasts {after} % instead of {before} %{drain}",
        "zh": f"撑到结束的概率 {before} % → {after} %{drain.replace(', ', '，')}",
    }
