"""From the live picture to the ranking, and from the ranking to what people see. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from geo.eta import Eta
from geo.meeting import Meeting
from geo.walk import Walk
from server.dispatch.battery import Prospect
from server.dispatch.contest import Scene
from server.dispatch.cover import Left
from server.dispatch.pairs import Pair, waits
from server.dispatch.ranking import Contender, Ranked, Ranking
from server.dispatch.reasons import Reason
from server.dispatch.score import Score
from server.dispatch.turning import RunnerUp
from server.views import (
    BatteryOutlookView,
    CandidateView,
    DeviceView,
    MeetingView,
    PairView,
    PositionView,
    ReasonView,
    RecommendationView,
    RunnerUpView,
    ScoreView,
    UnitStatus,
    UnitView,
)

ORDER_DEVICE_KINDS = frozenset({"handset", "body_camera"})
"""What can show an order to a person, where nothing else is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """The fastest way from a unit to the place, by road and then on foot."""

    distance_m: float
    """Of the road."""
    eta: Eta
    snowy_track_m: float = 0.0
    """Of it: tracks in snow or ice."""


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
    log_sd: float = 0.0,
    batteries: tuple[Prospect, ...] = (),
    left: Left | None = None,
    away_s: float = 0.0,
    in_need: bool = False,
    now: datetime,
) -> Contender:
    """One unit at the moment `now`; `status` and order as the database knows them.

    `left`: what the county is left with for the `away_s` until it is back.
    """
    shows_orders = [each for each in unit.devices if _shows_orders(each)]
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
        in_need=in_need,
        left=left,
        coverage_s=0.0 if left is None else left.cost_s(away_s),
        has_device=bool(shows_orders),
        has_camera=any(each.kind == "body_camera" for each in unit.devices),
        connected=any(each.online for each in shows_orders),
        log_sd=log_sd,
        on_duty_s=_on_duty_s(unit, now),
        rest_s=unit.rest_s,
        crew_len=len(unit.officers),
        kind=unit.kind,
        skills=tuple(sorted({skill for each in unit.officers for skill in each.skills})),
        station=unit.station,
    )


def _shows_orders(device: DeviceView) -> bool:
    if device.shows_orders is None:
        return device.kind in ORDER_DEVICE_KINDS
    return device.shows_orders


def with_way(one: Contender, way: Way | None) -> Contender:
    """Knowing its own road."""
    if way is None:
        return one
    return replace(one, log_sd=way.eta.log_sd, snowy_track_m=way.snowy_track_m)


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
    remarks: Sequence[Reason] = (),
) -> RecommendationView:
    """The recommendation as it is kept and shown; `ways` by unit id, where computed."""

    def candidate(each: Ranked) -> CandidateView:
        return _candidate(each, ways.get(each.contender.unit_id))

    return RecommendationView(
        id=recommendation_id,
        incident_id=incident_id,
        computed_at=computed_at,
        map_id=map_id,
        candidates=[candidate(each) for each in ranking.candidates],
        excluded=[candidate(each) for each in ranking.excluded],
        runner_up=None if ranking.runner_up is None else _runner_up(ranking.runner_up),
        proposed_id=ranking.proposed_id,
        remarks=[reason_view(each) for each in remarks],
    )


def pair_view(pair: Pair, scene: Scene, meeting: Meeting | None, place: str) -> PairView:
    """The two to send, as people see them; seconds are whole."""
    both, either, deadline_s = pair.both, pair.either, scene.deadline_s
    return PairView(
        unit_ids=[pair.first.unit_id, pair.second.unit_id],
        call_signs=[pair.first.call_sign, pair.second.call_sign],
        reasons=[reason_view(each) for each in pair.reasons],
        both_s=round(both.quantile_s(0.5)),
        both_p90_s=round(both.quantile_s(0.9)),
        first_s=round(either.quantile_s(0.5)),
        p_first_in_time=None if deadline_s is None else round(either.chance_by(deadline_s), 3),
        meets_before=pair.meets,
        meeting=None if meeting is None else _meeting(pair, meeting, place),
    )


def _meeting(pair: Pair, found: Meeting, place: str) -> MeetingView:
    earlier = pair.first if found.first_s <= found.second_s else pair.second
    return MeetingView(
        lon=round(found.lon, 6),
        lat=round(found.lat, 6),
        place=place,
        first_there=earlier.call_sign,
        waits_s=round(waits(found)),
        rest_m=round(found.rest_m),
        has_signal=found.has_signal,
    )


def _candidate(each: Ranked, way: Way | None) -> CandidateView:
    one = each.contender
    eta = None if one.eta_s is None else Eta(median_s=one.eta_s, log_sd=one.log_sd)
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
        reasons=[reason_view(reason) for reason in each.reasons],
        score=None if each.score is None else _score(each.score),
    )


def _score(each: Score) -> ScoreView:
    """To the tenth of a second."""
    return ScoreView(
        eta_s=round(each.eta_s, 1),
        risk_s=round(each.risk_s, 1),
        battery_s=round(each.battery_s, 1),
        coverage_s=round(each.coverage_s, 1),
        shift_s=round(each.shift_s, 1),
        mismatch_s=round(each.mismatch_s, 1),
        total_s=round(each.total_s, 1),
    )


def _runner_up(each: RunnerUp) -> RunnerUpView:
    return RunnerUpView(
        unit_id=each.unit_id,
        call_sign=each.call_sign,
        margin_s=round(each.margin_s, 1),
        flip=reason_view(each.flip.reason),
    )


def _on_duty_s(unit: UnitView, now: datetime) -> float | None:
    if unit.on_duty_since is None:
        return None
    return max(0.0, (now - unit.on_duty_since).total_seconds())


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


def reason_view(reason: Reason) -> ReasonView:
    return ReasonView(code=reason.code, values=reason.values, text=reason.text)
