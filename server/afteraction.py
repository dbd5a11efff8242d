"""The after-action review of one incident, made from what was kept: values in, view out.

What the parts mean is in `server.review`; here they are put together. What cannot be known is left
out and named. Knows no store and no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from server.dispatch.orders import OrderState
from server.dispatch.runcards import RunCard
from server.dispatch.timers import TimerTable
from server.photoviews import PhotoView
from server.review.drains import NEAR, Level, charged_between, drain, level_at, plausible
from server.review.hindsight import Foretold, Hindsight, Otherwise, hindsight, percentile, spread_of
from server.review.links import LinkTime
from server.review.loop import closing_link, decision_link, links_of
from server.review.measures import PROCESS_S
from server.review.steps import Past, Step
from server.reviewmoments import moments
from server.reviewpasts import Pasts
from server.reviewviews import (
    BatteryReviewView,
    CauseView,
    ChoiceView,
    DriveReviewView,
    EtaReviewView,
    HindsightView,
    LinkView,
    MitigationReviewView,
    OrderReviewView,
    OtherwiseView,
    ReviewedIncidentView,
    ReviewPhotoView,
    ReviewView,
)
from server.stores.reviews import Material
from server.stores.tracks import Track
from server.views import OrderView

UNKNOWN: Final = ("no_positions", "no_eta", "never_arrived", "not_matched", "other_map", "coarse")
"""What of an order may not be known."""
OTHERS_MAX: Final = 10
POINTS_MAX: Final = 200
"""Of a battery's line."""

_DID_NOT_COME: Final = frozenset(
    {OrderState.UNABLE, OrderState.EXPIRED, OrderState.UNDELIVERABLE, OrderState.HANDED_OVER}
)
Candidates = Mapping[str, Any]
"""One candidate of a recommendation, as it was kept."""


class AfterAction:
    """One review; `view` makes it."""

    def __init__(
        self,
        found: Material,
        *,
        card: RunCard,
        cards: Mapping[int, RunCard],
        timers: TimerTable,
        now: datetime,
    ) -> None:
        """`card` of the incident's type; `cards` by version, `timers` of today: as `Pasts`."""
        self._found, self._card, self._now = found, card, now
        self._kept = Pasts(found, card=card, cards=cards, timers=timers, now=now)
        self._recommended = {
            row["id"]: row["body"] for row in found.recommendations if row["body"] is not None
        }
        self._decided = {row["id"]: row for row in found.decisions}
        self._call_signs = {each.unit_id: each.call_sign for each in found.incident.orders}
        self._tracks: defaultdict[str, list[Track]] = defaultdict(list)
        for track in found.tracks:
            self._tracks[track.unit_id].append(track)

    def view(self, drives: Mapping[str, DriveReviewView]) -> ReviewView:
        """`drives` by order id."""
        incident = self._found.incident
        pasts = {each.id: self._kept.of(each) for each in incident.orders}
        orders = [
            self._order(each, pasts[each.id], drives.get(each.id)) for each in incident.orders
        ]
        links = self._links(pasts)
        begins_at = self._found.called_at or incident.opened_at
        first = _first_there(incident.orders, pasts)
        return ReviewView(
            as_of=self._now,
            incident=self._incident(),
            first_there=None if first is None else first.call_sign,
            first_order=None if first is None else first.number,
            first_by_position=first is not None and first.by_position,
            response_s=None if first is None else _seconds(begins_at, first.at),
            broke=sum(each.broken for each in links)
            + sum(link.broken for each in orders for link in each.links),
            links=links,
            choices=[self._choice(row) for row in self._found.decisions],
            orders=orders,
            moments=moments(self._found),
            photos=[self._photo(each) for each in self._found.photos],
        )

    def _photo(self, photo: PhotoView) -> ReviewPhotoView:
        kept = {
            name: getattr(photo, name)
            for name in ReviewPhotoView.__struct_fields__
            if name != "small"
        }
        return ReviewPhotoView(**kept, small=self._found.small.get(photo.id))

    def _incident(self) -> ReviewedIncidentView:
        incident = self._found.incident
        kept = {
            name: getattr(incident, name)
            for name in ReviewedIncidentView.__struct_fields__
            if name not in {"type_names", "called_at"}
        }
        names = {"en": self._card.en, "zh": self._card.zh}
        return ReviewedIncidentView(**kept, type_names=names, called_at=self._found.called_at)

    # -- the loop --------------------------------------------------------------------------

    def _links(self, pasts: Mapping[str, Past]) -> list[LinkView]:
        """Of the incident itself."""
        incident = self._found.incident
        issued = min((each.issued_at for each in incident.orders), default=None)
        over = all(each.ended_at is not None for each in pasts.values())
        cleared = [past.steps[Step.CLEAR].at for past in pasts.values() if Step.CLEAR in past.steps]
        decision = decision_link(
            self._found.called_at or incident.opened_at,
            issued,
            incident.closed_at,
            self._now,
            nobody_free=self._nobody_free(issued),
        )
        closing = closing_link(max(cleared) if cleared and over else None, incident.closed_at)
        return [_link_view(decision), _link_view(closing)]

    def _nobody_free(self, issued: datetime | None) -> bool:
        """Whether there was nobody to send when somebody should have been: by what was recommended
        until then, or, where nothing was, before the first order."""
        tried = [
            row for row in self._found.recommendations if not issued or row["computed_at"] < issued
        ]
        begins_at = self._found.called_at or self._found.incident.opened_at
        due_at = begins_at + timedelta(seconds=PROCESS_S)
        in_time = [row for row in tried if row["computed_at"] <= due_at] or tried
        return bool(in_time) and not any(row["candidates"] for row in in_time)

    # -- one order -------------------------------------------------------------------------

    def _order(
        self, order: OrderView, past: Past, drive: DriveReviewView | None
    ) -> OrderReviewView:
        eta = _eta(order, past, self._candidate(order))
        missing = (
            not self._tracks[order.unit_id],
            eta.median_s is None,
            eta.actual_s is None,
            drive is None and eta.actual_s is not None,
            drive is not None and drive.model_s is None and not drive.note,
            self._found.coarse,
        )
        unknown = [code for code, is_so in zip(UNKNOWN, missing, strict=True) if is_so]
        return OrderReviewView(
            id=order.id,
            number=order.number,
            unit_id=order.unit_id,
            call_sign=order.call_sign,
            state=order.state,
            issued_at=order.issued_at,
            ended_at=order.closed_at,
            end_reason=past.reason,
            successor=past.successor,
            decision_id=order.decision_id,
            links=[_link_view(each) for each in links_of(past, self._now)],
            eta=eta,
            batteries=list(self._batteries(order, past)),
            hindsight=self._hindsight(order, eta.actual_s),
            timers_kept=self._kept.timers_kept(order),
            drive=drive,
            mitigations=[
                _mitigation(row) for row in self._found.mitigations if row["order_id"] == order.id
            ],
            unknown=unknown,
        )

    def _recommendation(self, order: OrderView) -> Mapping[str, Any] | None:
        decision = self._decided.get(order.decision_id)
        return None if decision is None else self._recommended.get(decision["recommendation_id"])

    def _candidate(self, order: OrderView) -> Candidates | None:
        """What was said of its unit."""
        body = self._recommendation(order) or {}
        found = (*body.get("candidates", ()), *body.get("excluded", ()))
        return next((each for each in found if each["unit_id"] == order.unit_id), None)

    def _hindsight(self, order: OrderView, actual_s: float | None) -> HindsightView | None:
        """Against whoever could be sent then, but those who went along, or had been asked before
        and did not come."""
        body = self._recommendation(order)
        if body is None:
            return None
        together = set(self._decided[order.decision_id]["unit_ids"])
        tried = self._tried(order) - together
        line = [_foretold(each) for each in body.get("candidates", ())]
        mine = spread_of(order.eta_s, order.eta_p90_s)
        sent = Foretold(unit_id=order.unit_id, call_sign=order.call_sign, rank=0, eta=mine)
        others = [each for each in line if each.unit_id not in together | tried]
        excluded = [
            each["call_sign"]
            for each in body.get("excluded", ())
            if each["unit_id"] not in together | tried
        ]
        return _hindsight_view(
            hindsight(None if mine is None else sent, actual_s, others),
            tried=sorted(self._call_signs[each] for each in tried),
            excluded=sorted(excluded),
        )

    def _tried(self, order: OrderView) -> set[str]:
        """Units that had an order of this incident before, and did not come."""
        return {
            each.unit_id
            for each in self._found.incident.orders
            if each.number < order.number and OrderState(each.state) in _DID_NOT_COME
        }

    def _batteries(self, order: OrderView, past: Past) -> Iterator[BatteryReviewView]:
        opened_at = self._found.incident.opened_at
        until = order.closed_at or self._now
        there = past.steps.get(Step.ON_SCENE)
        outlooks = {
            each["device_id"]: each for each in (self._candidate(order) or {}).get("batteries", ())
        }
        for track in self._tracks[order.unit_id]:
            levels = plausible(list(_levels(track, opened_at)))
            near = any(order.issued_at - NEAR <= each.at <= until for each in levels)
            if track.device_kind == "vehicle" or not near:
                continue
            charged = charged_between(levels, order.issued_at, until)
            drained = drain(levels, order.issued_at, until)
            foretold = outlooks.get(track.device_id, {})
            at_s, level_pct = _line(levels, opened_at, opened_at, until)
            yield BatteryReviewView(
                device_id=track.device_id,
                device_kind=track.device_kind,
                foretold_now_pct=foretold.get("battery_now_pct"),
                foretold_arrival_pct=foretold.get("battery_at_arrival_pct"),
                foretold_end_pct=foretold.get("battery_at_end_pct"),
                p_last=foretold.get("p_last"),
                level_issued_pct=level_at(levels, order.issued_at),
                level_arrival_pct=None if there is None else level_at(levels, there.at),
                level_end_pct=level_at(levels, until),
                charged=charged,
                drain_pct_per_h=None if drained is None else drained.pct_per_h,
                drain_low=None if drained is None else drained.low,
                drain_high=None if drained is None else drained.high,
                drain_steps=None if drained is None else drained.steps,
                at_s=at_s,
                level_pct=level_pct,
            )

    def _choice(self, row: Any) -> ChoiceView:
        body = self._recommended.get(row["recommendation_id"], {})
        first = next(iter(body.get("candidates", ())), None)
        return ChoiceView(
            decision_id=row["id"],
            recommendation_id=row["recommendation_id"],
            decided_at=row["decided_at"],
            decided_by=row["decided_by"],
            recommended=None if first is None else first["call_sign"],
            sent=[self._call_signs[each] for each in row["unit_ids"] if each in self._call_signs],
            followed=first is not None and first["unit_id"] in row["unit_ids"],
            automatic=row["decided_by"].partition(":")[0] in ("system", "stance"),
            reason=row["reason"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _First:
    at: datetime
    number: int
    call_sign: str
    by_position: bool
    """Nobody said so."""


def _first_there(orders: Sequence[OrderView], pasts: Mapping[str, Past]) -> _First | None:
    """Who was there first: by his word, where he gave it, else by his position."""
    found = (_arrival(each, pasts[each.id]) for each in orders)
    return min((each for each in found if each), key=lambda each: each.at, default=None)


def _arrival(order: OrderView, past: Past) -> _First | None:
    said = past.steps.get(Step.ON_SCENE)
    at = past.seen_at_place if said is None else said.at
    if at is None:
        return None
    return _First(at=at, number=order.number, call_sign=order.call_sign, by_position=said is None)


def _eta(order: OrderView, past: Past, candidate: Candidates | None) -> EtaReviewView:
    said = past.steps.get(Step.ON_SCENE)
    seen_s = None if past.seen_at_place is None else _seconds(order.issued_at, past.seen_at_place)
    said_s = None if said is None else _seconds(order.issued_at, said.at)
    actual_s = said_s if seen_s is None else seen_s
    eta = past.eta
    return EtaReviewView(
        median_s=order.eta_s,
        p80_s=(candidate or {}).get("eta_p80_s"),
        p90_s=order.eta_p90_s,
        seen_s=seen_s,
        said_s=said_s,
        actual_s=actual_s,
        percentile=None if eta is None or actual_s is None else percentile(eta, actual_s),
    )


def _foretold(candidate: Candidates) -> Foretold:
    return Foretold(
        unit_id=candidate["unit_id"],
        call_sign=candidate["call_sign"],
        rank=candidate.get("rank") or 0,
        eta=spread_of(candidate.get("eta_s"), candidate.get("eta_p90_s")),
    )


def _levels(track: Track, opened_at: datetime) -> Iterator[Level]:
    for at_s, pct, charging in zip(track.at_s, track.battery_pct, track.charging, strict=True):
        if pct is not None:
            yield Level(at=opened_at + timedelta(seconds=at_s), pct=pct, charging=charging)


def _line(
    levels: Sequence[Level], opened_at: datetime, since: datetime, until: datetime
) -> tuple[list[float], list[int]]:
    """To draw: where it changes, thinned out."""
    within = [each for each in levels if since <= each.at <= until]
    kept = [
        each
        for number, each in enumerate(within)
        if number in (0, len(within) - 1)
        or each.pct != within[number - 1].pct
        or each.pct != within[number + 1].pct
    ]
    stride = max(1, -(-len(kept) // POINTS_MAX))
    drawn = kept[::stride] + (kept[-1:] if len(kept) % stride != 1 and stride > 1 else [])
    return [_seconds(opened_at, each.at) for each in drawn], [each.pct for each in drawn]


def _mitigation(row: Any) -> MitigationReviewView:
    expected, measured = row["expected"], row["measured"]
    change = expected["drain_after_pct_per_h"] - expected["drain_before_pct_per_h"]
    return MitigationReviewView(
        device_id=row["device_id"],
        kind=row["kind"],
        state=row["state"],
        expected_change=change,
        measured_change=None if measured is None else measured["change_pct_per_h"],
    )


def _hindsight_view(found: Hindsight, *, tried: list[str], excluded: list[str]) -> HindsightView:
    regret = found.regret
    return HindsightView(
        foreseen_s=found.foreseen_s,
        regret_s=None if regret is None else regret.regret_s,
        regret_low_s=None if regret is None else regret.low_s,
        regret_high_s=None if regret is None else regret.high_s,
        best=None if regret is None else _otherwise(regret.best),
        others=[_otherwise(each) for each in found.others[:OTHERS_MAX]],
        unknown=list(found.unknown),
        tried=tried,
        excluded=excluded,
    )


def _otherwise(each: Otherwise) -> OtherwiseView:
    return OtherwiseView(**{name: getattr(each, name) for name in OtherwiseView.__struct_fields__})


def _link_view(found: LinkTime) -> LinkView:
    return LinkView(
        link=found.link,
        verdict=found.verdict,
        broken=found.broken,
        begins_at=found.begins_at,
        ends_at=found.ends_at,
        due_at=found.due_at,
        heard_at=found.heard_at,
        took_s=found.took_s,
        causes=[CauseView(why=each.why, values=dict(each.values)) for each in found.causes],
    )


def _seconds(since: datetime, until: datetime) -> float:
    return (until - since).total_seconds()
