"""From the live picture to the ranking, and from the ranking to what people see. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from geo.eta import Eta, unrouted
from geo.walk import Walk
from server.dispatch.battery import Prospect
from server.dispatch.ranking import Contender, Ranked, Ranking
from server.dispatch.reasons import Reason
from server.views import (
    BatteryOutlookView,
    CandidateView,
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
    batteries: tuple[Prospect, ...] = (),
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
        batteries=batteries,
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
    log_sds: Mapping[str, float],
) -> RecommendationView:
    """The recommendation as it is kept and shown; `ways` by unit id, where computed; `log_sds` how
    far the times of the others differ, of all that have one."""

    def candidate(each: Ranked) -> CandidateView:
        return _candidate(each, _eta(each.contender, ways, log_sds), ways)

    return RecommendationView(
        id=recommendation_id,
        incident_id=incident_id,
        computed_at=computed_at,
        map_id=map_id,
        candidates=[candidate(each) for each in ranking.candidates],
        excluded=[candidate(each) for each in ranking.excluded],
    )


def _candidate(each: Ranked, eta: Eta | None, ways: Mapping[str, Way | None]) -> CandidateView:
    one = each.contender
    way = ways.get(one.unit_id)
    return CandidateView(
        unit_id=one.unit_id,
        call_sign=one.call_sign,
        rank=each.rank,
        eta_s=one.eta_s,
        eta_p80_s=None if eta is None else round(eta.p80_s, 3),
        eta_p90_s=None if eta is None else round(eta.p90_s, 3),
        distance_m=None if way is None else way.distance_m,
        position_age_s=one.position_age_s,
        battery_cost_s=round(each.battery_cost_s, 1),
        batteries=[_outlook(known) for known in one.batteries if known.p_last is not None],
        reasons=[_reason(reason) for reason in each.reasons],
    )


def _eta(
    one: Contender, ways: Mapping[str, Way | None], log_sds: Mapping[str, float]
) -> Eta | None:
    """With the spread of its own road where that was computed, else with that of any."""
    if one.eta_s is None:
        return None
    way = ways.get(one.unit_id)
    return unrouted(one.eta_s, log_sds[one.unit_id]) if way is None else way.eta


def _outlook(each: Prospect) -> BatteryOutlookView:
    return BatteryOutlookView(
        device_id=each.battery.device_id,
        kind=each.battery.kind,
        battery_now_pct=round(each.now_pct, 1),
        battery_at_arrival_pct=round(each.arrival_pct, 1),
        battery_at_end_pct=round(each.end_pct, 1),
        p_last=None if each.p_last is None else round(each.p_last, 3),
        p_recording=None if each.p_recording is None else round(each.p_recording, 3),
    )


def _reason(reason: Reason) -> ReasonView:
    return ReasonView(code=reason.code, values=reason.values, text=reason.text)
