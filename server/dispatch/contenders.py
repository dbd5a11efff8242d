"""From the live picture to the ranking, and from the ranking to what people see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from geo.eta import Eta, unrouted
from geo.walk import Walk
from server.dispatch.battery import DRAIN_PCT_PER_H, Battery, Outlook
from server.dispatch.ranking import Contender, Ranked, Ranking
from server.dispatch.reasons import Reason
from server.views import (
    CameraOutlookView,
    CandidateView,
    DeviceView,
    PositionView,
    ReasonView,
    RecommendationView,
    UnitStatus,
    UnitView,
)

ORDER_DEVICE_KINDS = frozenset({"handset", "body_camera"})
"""What can show an order to a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The fastest way from a unit to the place, by road and then on foot."""

    distance_m: float
    """Of the road."""
    eta: Eta


def contender(
    unit: UnitView,
    *,
    status: UnitStatus,
    order_number: int | None,
    off_road_m: float | None,
    eta_s: float | None,
    walk: Walk | None,
    road_closed: bool,
    turnout_s: float = 0.0,
    now: datetime,
) -> Contender:
    """One unit at the moment `now`; `status` and order as the database knows them."""
    shows_orders = [each for each in unit.devices if each.kind in ORDER_DEVICE_KINDS]
    return Contender(
        unit_id=unit.id,
        call_sign=unit.call_sign,
        status=status,
        order_number=order_number,
        position_age_s=None if unit.position is None else position_age_s(unit.position, now),
        off_road_m=off_road_m,
        eta_s=eta_s,
        walk=walk,
        road_closed=road_closed,
        turnout_s=turnout_s,
        batteries=tuple(
            _battery(each, now) for each in unit.devices if each.kind in DRAIN_PCT_PER_H
        ),
        has_device=bool(shows_orders),
        connected=any(each.online for each in shows_orders),
    )


def position_age_s(position: PositionView, now: datetime) -> float:
    """Age of a fix in seconds. A device whose clock runs ahead cannot make it younger."""
    taken_at = min(position.observed_at, position.received_at)
    return max(0.0, (now - taken_at).total_seconds())


def recommendation_view(
    ranking: Ranking,
    *,
    recommendation_id: str,
    incident_id: str,
    computed_at: datetime,
    map_id: str,
    ways: Mapping[str, Way | None],
) -> RecommendationView:
    """The recommendation as it is kept and shown; `ways` by unit id, where computed."""
    return RecommendationView(
        id=recommendation_id,
        incident_id=incident_id,
        computed_at=computed_at,
        map_id=map_id,
        candidates=[
            _candidate(each, ways.get(each.contender.unit_id)) for each in ranking.candidates
        ],
        excluded=[_candidate(each, ways.get(each.contender.unit_id)) for each in ranking.excluded],
    )


def _battery(device: DeviceView, now: datetime) -> Battery:
    age_s = 0.0 if device.battery_at is None else (now - device.battery_at).total_seconds()
    return Battery(
        device_id=device.id,
        kind=device.kind,
        level_pct=device.battery_pct,
        age_s=max(0.0, age_s),
        charging=device.charging,
        mode=device.mode,
    )


def _candidate(each: Ranked, way: Way | None) -> CandidateView:
    one = each.contender
    eta = _eta(one, way)
    return CandidateView(
        unit_id=one.unit_id,
        call_sign=one.call_sign,
        rank=each.rank,
        eta_s=one.eta_s,
        eta_p80_s=None if eta is None else round(eta.p80_s, 3),
        eta_p90_s=None if eta is None else round(eta.p90_s, 3),
        distance_m=None if way is None else way.distance_m,
        position_age_s=one.position_age_s,
        batteries=[_outlook(outlook) for outlook in each.outlooks],
        reasons=[_reason(reason) for reason in each.reasons],
    )


def _eta(one: Contender, way: Way | None) -> Eta | None:
    """With the spread of its own road where that was computed, else with that of any."""
    if one.eta_s is None:
        return None
    return unrouted(one.eta_s) if way is None else way.eta


def _outlook(each: Outlook) -> CameraOutlookView:
    return CameraOutlookView(
        device_id=each.battery.device_id,
        kind=each.battery.kind,
        battery_now_pct=round(each.now_pct, 1),
        battery_at_arrival_pct=round(each.arrival_pct, 1),
        battery_at_end_pct=round(each.end_pct, 1),
    )


def _reason(reason: Reason) -> ReasonView:
    return ReasonView(code=reason.code, values=reason.values, text=reason.text)
