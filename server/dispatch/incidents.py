"""Types of incident of a county police, and what becomes of an incident as its orders end.

Minutes at the scene and recording modes are starting values, to calibrate on the county's own log.
Knows no place and no unit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from devices.battery.model import Load
from server.dispatch.orders import OrderState, is_closed

Priority = Literal["routine", "priority", "emergency"]


class IncidentStatus(StrEnum):
    """Open: needs a unit. Assigned: has an order that is not over. Closed: nothing left to do."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentType:
    """What a kind of incident usually asks for."""

    code: str
    priority: Priority
    """Proposed to the dispatcher, who may choose another."""
    scene_min: int
    """Usual minutes from on scene to clear."""
    recording: Load
    """What the body camera does at the scene: drives the battery outlook."""
    en: str
    zh: str

    @property
    def evidence(self) -> bool:
        """What the camera records may be needed in court."""
        return self.code in _EVIDENCE


_EVIDENCE = frozenset(
    {
        *("officer_needs_help", "assault", "armed_threat", "robbery"),
        *("domestic_violence", "public_disorder", "traffic_collision"),
    }
)
"""Force, injury or an accusation. Starting value."""


_TYPES = (
    IncidentType(
        code="officer_needs_help",
        priority="emergency",
        scene_min=60,
        recording=Load.STREAM_LOW,
        en="Officer needs help",
        zh="民警求助",
    ),
    IncidentType(
        code="traffic_collision",
        priority="priority",
        scene_min=45,
        recording=Load.RECORD,
        en="Traffic collision",
        zh="交通事故",
    ),
    IncidentType(
        code="road_blocked",
        priority="priority",
        scene_min=60,
        recording=Load.RECORD,
        en="Road blocked (rockfall, landslide, snow)",
        zh="道路受阻（落石、塌方、积雪）",
    ),
    IncidentType(
        code="assault",
        priority="emergency",
        scene_min=45,
        recording=Load.STREAM_LOW,
        en="Fight or assault",
        zh="打架斗殴",
    ),
    IncidentType(
        code="armed_threat",
        priority="emergency",
        scene_min=90,
        recording=Load.STREAM_LOW,
        en="Armed threat",
        zh="持械威胁",
    ),
    IncidentType(
        code="robbery",
        priority="emergency",
        scene_min=60,
        recording=Load.STREAM_LOW,
        en="Robbery",
        zh="抢劫",
    ),
    IncidentType(
        code="domestic_violence",
        priority="priority",
        scene_min=45,
        recording=Load.RECORD,
        en="Domestic violence",
        zh="家庭暴力",
    ),
    IncidentType(
        code="theft",
        priority="routine",
        scene_min=50,
        recording=Load.RECORD,
        en="Theft or burglary",
        zh="盗窃",
    ),
    IncidentType(
        code="missing_person",
        priority="priority",
        scene_min=120,
        recording=Load.STANDBY,
        en="Missing person",
        zh="人员走失",
    ),
    IncidentType(
        code="mountain_rescue",
        priority="emergency",
        scene_min=150,
        recording=Load.RECORD,
        en="Mountain rescue",
        zh="山地救援",
    ),
    IncidentType(
        code="wildfire",
        priority="emergency",
        scene_min=120,
        recording=Load.STREAM_LOW,
        en="Forest or house fire",
        zh="山林或房屋火情",
    ),
    IncidentType(
        code="public_disorder",
        priority="priority",
        scene_min=40,
        recording=Load.RECORD,
        en="Disorder, drunkenness",
        zh="醉酒滋事",
    ),
    IncidentType(
        code="neighbour_dispute",
        priority="routine",
        scene_min=40,
        recording=Load.RECORD,
        en="Dispute over land, water or livestock",
        zh="土地、用水、牲畜纠纷",
    ),
    IncidentType(
        code="suspicious_activity",
        priority="routine",
        scene_min=25,
        recording=Load.RECORD,
        en="Suspicious person or vehicle",
        zh="可疑人员或车辆",
    ),
    IncidentType(
        code="request_for_help",
        priority="routine",
        scene_min=30,
        recording=Load.STANDBY,
        en="Request for help, welfare check",
        zh="群众求助",
    ),
)

INCIDENT_TYPES: dict[str, IncidentType] = {kind.code: kind for kind in _TYPES}
"""By code, in the order in which a dispatcher chooses."""


def status_after(ended: OrderState, others: Sequence[OrderState]) -> IncidentStatus:
    """What becomes of an incident when one of its orders ends as `ended`.

    `others` are the states of its other orders. While any is open, the incident stays assigned.
    The last one decides: done closes the incident; any other end means that it needs a unit again,
    even if an earlier order was done, because only a person can tell that nothing is left.
    """
    assert is_closed(ended), ended
    if any(not is_closed(state) for state in others):
        return IncidentStatus.ASSIGNED
    return IncidentStatus.CLOSED if ended is OrderState.DONE else IncidentStatus.OPEN
