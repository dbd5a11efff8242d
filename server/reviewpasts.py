"""What is known of each order of an incident afterwards, put together from what was kept.

Timers are those that held when the order went out, as far as they were kept; of an order from
before they were, those of today. Knows no store and no words.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from server.dispatch.orders import OrderState
from server.dispatch.runcards import RunCard, paced
from server.dispatch.stance import held_then, stance_of
from server.dispatch.timers import URGENT, Pace, TimerTable
from server.dispatch.worklist import ItemKind
from server.review.hindsight import spread_of
from server.review.history import Told
from server.review.steps import DeadZone, Past, Quiet, SentTo, heard_steps, quiets
from server.stores.reviews import STALE_S, Material
from server.stores.tracks import Track
from server.views import OrderView

_STATES = frozenset(OrderState)
_ITEMS = frozenset(ItemKind)


class Pasts:
    """Of all orders of one incident, by id."""

    def __init__(
        self,
        found: Material,
        *,
        card: RunCard,
        cards: Mapping[int, RunCard],
        timers: TimerTable,
        now: datetime,
    ) -> None:
        """`card` of the incident's type and `timers` of today; `cards` by version, those that are
        kept."""
        self._found, self._now = found, now
        self._today, self._cards, self._timers = card, cards, timers
        self._tracks: defaultdict[str, list[Track]] = defaultdict(list)
        for track in found.tracks:
            self._tracks[track.unit_id].append(track)
        self._versions = run_cards_of(found)

    def of(self, order: OrderView) -> Past:
        rows = self._found
        return Past(
            steps=heard_steps(
                list(_told(order)), issued_at=order.issued_at, ended_at=order.closed_at
            ),
            pace=self._pace(order),
            ended_at=order.closed_at,
            end=OrderState(order.state) if order.closed_at is not None else None,
            reason=_reason(order),
            successor=rows.successors.get(order.successor_id or ""),
            standby_until=max(
                (each.until_at for each in order.events if each.applied and each.until_at),
                default=None,
            ),
            seen_at_place=order.at_place_at,
            eta=spread_of(order.eta_s, order.eta_p90_s),
            sent=tuple(
                SentTo(
                    device_id=row["device_id"],
                    sent_at=row["sent_at"],
                    refused_at=row["refused_at"],
                )
                for row in rows.sent
                if row["order_id"] == order.id
            ),
            quiets=self._quiets(order),
            dead_zones=tuple(
                DeadZone(since=row["silent_since"], until=row["ended_at"], place=row["place"])
                for row in rows.stays
                if row["unit_id"] == order.unit_id
            ),
            troubles={
                ItemKind(row["kind"]): row["raised_at"]
                for row in rows.troubles
                if row["order_id"] == order.id and row["kind"] in _ITEMS
            },
        )

    def timers_kept(self, order: OrderView) -> bool:
        """Whether the timers that held when it went out are known."""
        return self._table(order.issued_at) is not None and self._card(order) is not None

    def _pace(self, order: OrderView) -> Pace:
        """Under the peace or war of then."""
        stance = stance_of(held_then(self._found.stances, order.issued_at))
        table = self._table(order.issued_at) or self._timers
        pace = table.pace(stance, urgent=self._found.incident.priority in URGENT)
        return paced(pace, self._card(order) or self._today, war=stance.war)

    def _table(self, at: datetime) -> TimerTable | None:
        held = [table for since, table in self._found.timers if since <= at]
        return held[-1] if held else None

    def _card(self, order: OrderView) -> RunCard | None:
        version = self._versions.get(order.decision_id)
        return None if version is None else self._cards.get(version)

    def _quiets(self, order: OrderView) -> tuple[Quiet, ...]:
        """None of a time of which one position in a quarter of an hour is left: nobody knows."""
        if self._found.coarse:
            return ()
        return quiets(
            list(self._heard(order.unit_id)),
            order.issued_at,
            order.closed_at or self._now,
            longer_than=timedelta(seconds=STALE_S + self._found.step_s),
        )

    def _heard(self, unit_id: str) -> Iterator[tuple[datetime, str, int | None]]:
        """When each device of a unit was heard, and what its battery had."""
        opened_at = self._found.incident.opened_at
        for track in self._tracks[unit_id]:
            for at_s, lag_s, level in zip(track.at_s, track.lag_s, track.battery_pct, strict=True):
                at = opened_at + timedelta(seconds=at_s + lag_s)
                yield at, track.device_id, level if track.device_kind != "vehicle" else None


def run_cards_of(found: Material) -> Mapping[str, int]:
    """The version of the run cards that each decision was taken under, by its id."""
    bodies: dict[str, Mapping[str, Any]] = {
        row["id"]: row["body"] for row in found.recommendations if row["body"]
    }
    said = {
        row["id"]: bodies.get(row["recommendation_id"], {}).get("run_cards_version")
        for row in found.decisions
    }
    return {each: version for each, version in said.items() if version is not None}


def _told(order: OrderView) -> Iterator[Told]:
    for each in order.events:
        if each.state in _STATES and _says(each.applied, each.state, each.actor):
            yield Told(
                state=OrderState(each.state),
                device_at=each.device_at,
                clock_offset_s=each.clock_offset_s,
                server_at=each.server_at,
            )


def _says(applied: bool, state: str, actor: str) -> bool:
    """Whether an event tells what happened: what moved the order, a receipt of any device, and what
    a person of the unit said that another word was quicker than."""
    return applied or state in ("delivered", "shown") or actor.startswith("officer:")


def _reason(order: OrderView) -> str:
    """Of its end, as it was given."""
    last = next((each for each in reversed(order.events) if each.state == order.state), None)
    said = last.reason if last is not None else ""
    return said or (order.recall.reason if order.recall is not None else "")
