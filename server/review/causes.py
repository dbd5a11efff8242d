"""Why a link of an order broke, or was heard of late: from what was recorded, or unknown."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from devices.battery.model import RESERVE_PCT
from server.dispatch.orders import OrderState
from server.dispatch.worklist import ItemKind
from server.review.links import Cause, Link, LinkTime, Verdict, Why
from server.review.steps import Past, Step

CONNECTED: Final = timedelta(seconds=5)
"""An order that was sent to a device within this found it connected. Starting value."""


def causes_of(found: LinkTime, order: Past, now: datetime) -> tuple[Cause, ...]:
    """What explains a link that broke; UNKNOWN where nothing recorded does. Of one that held, why
    the room heard of it late; else nothing."""
    causes = tuple(_causes(found, order, now))
    return causes or ((Cause(why=Why.UNKNOWN),) if found.broken else ())


def _causes(found: LinkTime, order: Past, now: datetime) -> Iterator[Cause]:
    """Also of a link that held: that the room heard of it late."""
    if found.verdict in {Verdict.NEVER, Verdict.ENDED}:
        yield from _ending(order)
    if found.broken:
        yield from _of_link(found, order)
    if (found.broken or found.heard_late) and found.begins_at is not None:
        until = (found.heard_at if found.heard_late else found.ends_at) or order.ended_at or now
        yield from _silence(order, found.begins_at, until)
    if found.heard_late and found.heard_at is not None and found.ends_at is not None:
        late_s = (found.heard_at - found.ends_at).total_seconds()
        yield Cause(why=Why.TOLD_LATE, values={"late_s": late_s})


def _ending(order: Past) -> Iterator[Cause]:
    reason: dict[str, object] = {"reason": order.reason}
    match order.end:
        case OrderState.UNABLE:
            yield Cause(why=Why.DECLINED, values=reason)
        case OrderState.SUPERSEDED:
            yield Cause(why=Why.SENT_ELSEWHERE, values=_successor(order) | reason)
        case OrderState.HANDED_OVER:
            yield Cause(why=Why.REASSIGNED, values=_successor(order) | reason)
        case OrderState.CANCELLED | OrderState.RECALLED:
            yield Cause(why=Why.TAKEN_BACK, values=reason)
        case OrderState.EXPIRED:
            yield Cause(why=Why.EXPIRED)
        case OrderState.UNDELIVERABLE:
            yield Cause(why=Why.UNDELIVERABLE)
        case _:
            return


def _successor(order: Past) -> dict[str, object]:
    return {} if order.successor is None else {"successor": order.successor}


def _of_link(found: LinkTime, order: Past) -> Iterator[Cause]:
    match found.link:
        case Link.DELIVERY:
            yield from _undelivered(order)
        case Link.DISPLAY:
            yield from _refused(order)
        case Link.ACCEPTANCE:
            yield from _unaccepted(found, order)
        case Link.DRIVE:
            yield from _slow_drive(found, order)
        case Link.FEEDBACK:
            yield Cause(why=Why.NO_WORD)
        case _:
            return


def _undelivered(order: Past) -> Iterator[Cause]:
    if not order.sent:
        yield Cause(why=Why.NO_DEVICE)
        return
    yield from _refused(order)
    issued_at = order.steps[Step.ISSUED].at
    first = min((each.sent_at for each in order.sent if each.sent_at is not None), default=None)
    if first is None or first - issued_at > CONNECTED:
        waited = {} if first is None else {"waited_s": (first - issued_at).total_seconds()}
        yield Cause(why=Why.OFFLINE, values=waited)


def _refused(order: Past) -> Iterator[Cause]:
    if refused := [each.device_id for each in order.sent if each.refused_at is not None]:
        yield Cause(why=Why.REFUSED, values={"devices": refused})


def _unaccepted(found: LinkTime, order: Past) -> Iterator[Cause]:
    if order.standby_until is not None:
        yield Cause(why=Why.STANDBY, values={"until": order.standby_until})
    shown = order.steps.get(Step.SHOWN)
    if shown is None or order.end is OrderState.UNABLE:
        return
    if found.due_at is not None and shown.at > found.due_at:
        yield Cause(why=Why.CAME_LATE, values={"shown_at": shown.at})
    else:
        yield Cause(why=Why.NOBODY_ANSWERED, values={"since": shown.at})


def _slow_drive(found: LinkTime, order: Past) -> Iterator[Cause]:
    due_at = found.due_at
    if order.seen_at_place is not None and due_at is not None and order.seen_at_place <= due_at:
        yield Cause(why=Why.SAID_LATE, values={"there_at": order.seen_at_place})
        return
    for kind, why in ((ItemKind.STOPPED, Why.STOPPED), (ItemKind.DRIVING_AWAY, Why.DRIVING_AWAY)):
        if (at := order.troubles.get(kind)) is not None:
            yield Cause(why=why, values={"at": at})
    if found.verdict is Verdict.LATE:
        yield Cause(why=Why.SLOWER)


def _silence(order: Past, since: datetime, until: datetime) -> Iterator[Cause]:
    """What explains that nothing was heard within the link."""
    zones = [each for each in order.dead_zones if _overlaps(each.since, each.until, since, until)]
    for zone in zones:
        yield Cause(
            why=Why.DEAD_ZONE,
            values={"since": zone.since, "until": zone.until, "place": dict(zone.place)},
        )
    for quiet in order.quiets:
        explained = any(
            _overlaps(zone.since, zone.until, quiet.since, quiet.until or until) for zone in zones
        )
        if explained or not _overlaps(quiet.since, quiet.until, since, until):
            continue
        values: dict[str, object] = {"since": quiet.since, "until": quiet.until}
        if quiet.level_pct is not None and quiet.level_pct <= RESERVE_PCT:
            yield Cause(why=Why.BATTERY_EMPTY, values=values | {"level_pct": quiet.level_pct})
        else:
            yield Cause(why=Why.SILENT, values=values)


def _overlaps(
    since: datetime, until: datetime | None, begin: datetime, end: datetime | None
) -> bool:
    return (end is None or since < end) and (until is None or until > begin)
