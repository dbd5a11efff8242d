"""The main job on one screen: incident → recommendation → decision → order → report → end.

Each step is one transaction: what changed, the event, the commands to devices, and last the
command log. Only after the commit does the fan-out wake gateways and consoles, so nothing leaves
that could be forgotten. Asking twice with the same `request_id` does it once.

Reports of devices do not pass here: the gateway applies them with `stores.orders.apply_report`,
in the transaction that also moves the device's uplink counter.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from geo.errors import OffMapError
from geo.projection import require_inside
from geo.roadmap import MapMeta
from server.dispatch.contest import Station
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.dispatch.incidents import IncidentStatus
from server.dispatch.openplan import on_it
from server.dispatch.orders import BY_OFFICER, OrderState, Speaker, Statement
from server.dispatch.record import Recommended
from server.dispatch.timers import Stance
from server.dispatch.turnout import AT_ONCE, Turnout
from server.ids import new_id
from server.intakedesk import Settled, settle
from server.orderdesk import take_step
from server.ports import (
    BatteryWatch,
    Clock,
    CoverSight,
    FanOut,
    LiveUnits,
    RendezvousSight,
    RoadWatch,
    Router,
    RunCardWatch,
)
from server.recommender import SHIFT, Recommender
from server.stores import (
    decisions,
    entries,
    incidents,
    issue,
    journal,
    order_rows,
    records,
    roadstate,
    sos,
    stations,
    units,
    watch,
)
from server.stores.decisions import Decision, Etas, First
from server.stores.journal import Entry
from server.stores.replacing import (
    Replaced,
    lock_incidents,
    lock_replaced,
    name_successors,
    recall_replaced,
)
from server.stores.stepping import COMMAND_TTL
from server.stores.steps import Hint, Marked
from server.stores.units import UnitRow
from server.views import IncidentView, OrderView, Priority, RecommendationView, UnitStatus

UNITS_PER_DECISION_MAX = 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewIncident:
    """What a dispatcher enters."""

    request_id: str
    type: str
    priority: Priority
    note: str
    lon: float
    lat: float
    place: str
    """As a person would say it."""
    intake_id: str = ""
    """The warning or task of the inbox that it is opened for; empty: none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewDecision:
    """Whom a dispatcher sends, on which recommendation."""

    request_id: str
    recommendation_id: str
    unit_ids: Sequence[str]
    instruction: str = ""
    reason: str = ""
    """Why these; needed where the first recommended is free and not among them."""
    replaces: Sequence[Replaced] = ()
    """Orders that give way: of these units to other jobs, or of other units to this one."""
    escalation_id: str = ""
    """The escalation whose proposal this is; empty: none's."""
    valid: timedelta = COMMAND_TTL
    """From now; then nobody may accept the orders any more."""


Also = Callable[[Any], Awaitable[Marked]]
"""Writes what belongs to the same step, given the connection of its transaction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """A decision as it was written."""

    orders: list[OrderView]
    entries: tuple[Entry, ...]
    hints: tuple[Hint, ...]


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class Pipeline:
    """The dispatcher's steps. `by` is who acts: `user:<username>`."""

    def __init__(
        self,
        *,
        pool: Any,
        fanout: FanOut,
        live: LiveUnits,
        router: Router,
        batteries: BatteryWatch,
        roads: RoadWatch,
        cards: RunCardWatch,
        map_meta: MapMeta,
        turnout: Turnout = AT_ONCE,
        shift: timedelta = SHIFT,
        cover: CoverSight | None = None,
        stance: Callable[[], Stance] = Stance,
        rendezvous: RendezvousSight | None = None,
        clock: Clock = utc_now,
    ) -> None:
        self._pool, self._cards, self._stance = pool, cards, stance
        self._roads = roads
        self._fanout, self._live = fanout, live
        self._recommender = Recommender(
            live=live,
            router=router,
            batteries=batteries,
            map_id=map_meta.map_id,
            turnout=turnout,
            shift=shift,
            cover=cover,
            rendezvous=rendezvous,
        )
        self._bounds = map_meta.bounds
        self._clock = clock

    async def open_incident(self, wanted: NewIncident, *, by: str) -> tuple[IncidentView, bool]:
        """Open an incident; False with the one opened before when the request is a repetition.

        Raises `Impossible` (`off_map`, `unknown_type`), `Conflict` (`request_reused`, `settled`),
        `NotFound` of what came in.
        """
        self._require_on_map(wanted.lon, wanted.lat)
        async with self._transaction() as conn:
            if not (await self._cards.current(conn)).can_open(wanted.type):
                raise Impossible("unknown_type", f"There is no incident type {wanted.type!r}.")
            opened = await incidents.insert(
                conn,
                incident_id=new_id(),
                request_id=wanted.request_id,
                type_code=wanted.type,
                priority=wanted.priority,
                note=wanted.note,
                place=wanted.place,
                lon=wanted.lon,
                lat=wanted.lat,
                opened_by=by,
                at=self._clock(),
            )
            if opened is None:
                return await _opened_before(conn, wanted), False
            followed = await _follow_intake(conn, wanted, opened)
            await journal.append_all(conn, [entries.incident_opened(opened), *followed.entries])
        self._publish([("incident", opened.id), *followed.hints])
        return opened, True

    async def recommend(self, incident_id: str, *, by: str) -> RecommendationView:
        """Every unit by travel time, with reasons; kept and logged.

        Raises `NotFound`, `Conflict` (`incident_closed`), `RoutingBusy`.
        """
        incident, made = await self.compute(incident_id)
        await self.keep(incident, made, by=by)
        return made.view

    async def compute(self, incident_id: str) -> tuple[IncidentView, Recommended]:
        """A recommendation that nobody is shown yet. Raises as `recommend`."""
        async with self._pool.acquire() as conn:
            incident = _found(await incidents.load(conn, incident_id, with_events=False))
            _require_running(incident)
            doing = await units.doing(conn)
            unseen = await units.load_some(conn, self._recommender.unseen(doing))
            in_need = await sos.in_need(conn, incident_id)
            places = await stations.load_all(conn)
            roads_version = await roadstate.version(conn)
            cards = await self._cards.current(conn)
        await self._roads.catch_up(roads_version)
        made = await self._recommender.compute(
            incident,
            doing,
            unseen=[units.bare_view(each) for each in unseen],
            in_need=in_need,
            on_it=len(on_it(incident)),
            cards=cards,
            stations=[Station(name=each.name, lon=each.lon, lat=each.lat) for each in places],
            war=self._stance().war,
            recommendation_id=new_id(),
            now=self._clock(),
        )
        return incident, made

    async def keep(self, incident: IncidentView, made: Recommended, *, by: str) -> None:
        """Keep and log a recommendation: units can be sent on it from now on."""
        record = records.packed(made)
        async with self._transaction() as conn:
            await records.insert(conn, made, record, by=by)
            entry = entries.recommendation_computed(incident, made, record.sha256, by=by)
            await journal.append_all(conn, [entry])

    async def dispatch(
        self, incident_id: str, wanted: NewDecision, *, by: str
    ) -> tuple[list[OrderView], bool]:
        """Send all the units or none; False with the earlier orders when it is a repetition.

        Raises `NotFound`, `Conflict` (`unit_busy`, `unit_off_duty`, `incident_closed`,
        `request_reused`, `escalation_followed`; `stale`, `order_over`, `recall_pending` of what is
        replaced), `Impossible` (`unknown_recommendation`, `unit_count`, `not_replaced`; `no_reason`
        for passing over the first recommended).
        """
        unit_ids = sorted(set(wanted.unit_ids))
        if not 1 <= len(unit_ids) <= UNITS_PER_DECISION_MAX:
            raise Impossible("unit_count", f"Send 1 to {UNITS_PER_DECISION_MAX} units at once.")
        async with self._transaction() as conn:
            incident = _found(await lock_replaced(conn, incident_id, wanted.replaces))
            if (earlier := await decisions.by_request(conn, wanted.request_id)) is not None:
                return await _decided_before(conn, earlier, incident, wanted), False
            _require_running(incident)
            await _require_reason(conn, incident, wanted)
            made = await self._decide(conn, incident, wanted, unit_ids, by)
            await journal.append_all(conn, made.entries)
        self._publish(made.hints)
        return made.orders, True

    async def carry_out(
        self,
        steps: Sequence[tuple[str, NewDecision]],
        *,
        by: str,
        require: Callable[[Any], Awaitable[None]],
        also: Also,
    ) -> tuple[list[OrderView], bool]:
        """Several decisions as one: all or none, and what `also` writes in the same transaction.

        Each is of an incident and of units of its own. `require` looks, under the locks of all
        incidents and before the first decision, whether they may be taken. Locks what all of them
        need before the first, so that no two dispatchers wait for each other. Raises as `dispatch`,
        and what `require` and `also` raise.
        """
        steps = sorted(steps, key=lambda each: min(each[1].unit_ids))
        replaces = [one for _, wanted in steps for one in wanted.replaces]
        unit_ids = sorted({unit_id for _, wanted in steps for unit_id in wanted.unit_ids})
        async with self._transaction() as conn:
            locked = await lock_incidents(conn, [each for each, _ in steps], replaces)
            earlier = [await decisions.by_request(conn, each.request_id) for _, each in steps]
            if any(earlier):
                known = [each.id for each in earlier if each is not None]
                views = [await order_rows.views_of_decision(conn, each) for each in known]
                return [view for some in views for view in some], False
            await require(conn)
            await issue.units_on_duty(conn, unit_ids)
            for order_id in sorted(each.order_id for each in replaces):
                await order_rows.lock(conn, order_id)
            await units.hold_devices(conn, [each.order_id for each in replaces], unit_ids)
            made = []
            for incident_id, wanted in steps:
                incident = _found(locked[incident_id])
                _require_running(incident)
                made.append(await self._decide(conn, incident, wanted, sorted(wanted.unit_ids), by))
            done = await also(conn)
            entries_of = [entry for each in made for entry in each.entries]
            await journal.append_all(conn, (*entries_of, *done.entries))
        self._publish((*(hint for each in made for hint in each.hints), *done.hints))
        return [view for each in made for view in each.orders], True

    async def _decide(
        self,
        conn: Any,
        incident: IncidentView,
        wanted: NewDecision,
        unit_ids: Sequence[str],
        by: str,
    ) -> _Made:
        """Write one decision for a locked, running incident."""
        etas = await _etas(conn, wanted, incident, unit_ids)
        rows = await issue.units_on_duty(conn, unit_ids)
        decision = self._decision(incident, wanted, unit_ids, by)
        if not await decisions.insert_decision(conn, decision):
            raise _request_reused()
        recalled = await recall_replaced(conn, incident, decision, wanted.replaces)
        issued = await issue.issue(
            conn,
            incident,
            decision,
            rows,
            etas,
            instruction=wanted.instruction,
            valid=wanted.valid,
        )
        await name_successors(conn, wanted.replaces, issued)
        await _follow_escalation(conn, wanted, incident, issued)
        await incidents.set_status(conn, incident.id, IncidentStatus.ASSIGNED)
        first = await _passed_over(conn, incident, wanted)
        taken = entries.decision_taken(
            incident, decision, issued, passed_over=None if first is None else first.call_sign
        )
        queued = entries.orders_queued(decision, issued, self._live)
        return _Made(
            orders=await order_rows.views_of_decision(conn, decision.id),
            entries=(*taken, *queued, *recalled.entries, *issued.entries),
            hints=(*recalled.hints, *issued.hints),
        )

    async def cancel_order(self, order_id: str, *, ver: int, reason: str, by: str) -> OrderView:
        """Cancel an order as the dispatcher saw it; its devices are told.

        Raises `NotFound`, `Conflict` (`stale`), `Impossible` (`not_allowed`, `no_reason`).
        """
        said = Statement(
            state=OrderState.CANCELLED, speaker=Speaker.DISPATCHER, reason=reason, seen_ver=ver
        )
        return await self._take_step(order_id, said, note="", by=by)

    async def report_by_voice(
        self,
        order_id: str,
        *,
        ver: int,
        state: OrderState,
        reason: str,
        note: str,
        by: str,
        until: datetime | None = None,
    ) -> OrderView:
        """Enter what the unit said by radio or telephone; `until`, of a standby.

        Raises as `cancel_order`.
        """
        if state not in BY_OFFICER:
            raise Impossible("not_allowed", f"{state} is nothing that a unit reports by voice.")
        said = Statement(state=state, speaker=Speaker.DISPATCHER, reason=reason, seen_ver=ver)
        return await self._take_step(order_id, said, note=note, by=by, until=until)

    async def close_incident(self, incident_id: str, *, outcome: str, by: str) -> IncidentView:
        """End an incident. Raises `NotFound`, `Conflict` (`orders_open`, `incident_closed`)."""
        async with self._transaction() as conn:
            incident = _found(await incidents.lock(conn, incident_id))
            _require_running(incident)
            await _require_no_open_order(conn, incident)
            await incidents.close(conn, incident.id, by=by, at=self._clock(), outcome=outcome)
            await order_rows.look_again(conn, incident.id)
            closed = _found(await incidents.load(conn, incident.id))
            await journal.append_all(conn, [entries.incident_closed(closed)])
        self._publish([("incident", incident.id)])
        return closed

    async def set_shift(self, unit_id: str, *, on_duty: bool, by: str) -> UnitRow:
        """Begin or end a unit's shift; nothing happens when it is so already.

        Raises `NotFound`, `Conflict` (`unit_busy`) for a unit with an open order.
        """
        async with self._transaction() as conn:
            if not await units.load_units(conn, unit_id):
                raise NotFound("not_found", "There is no such unit.")
            at = self._clock()
            if on_duty:
                changed = await units.start_shift(conn, shift_id=new_id(), unit_id=unit_id, at=at)
            else:
                changed = await units.end_shift(conn, unit_id=unit_id, at=at)
            row = (await units.load_units(conn, unit_id))[0]
            if not on_duty:
                await issue.require_free(conn, row)
            if changed:
                await journal.append_all(conn, [entries.shift_changed(row, on_duty=on_duty, by=by)])
        if changed:
            self._publish([("unit", unit_id)])
        return row

    async def _take_step(
        self,
        order_id: str,
        said: Statement,
        *,
        note: str,
        by: str,
        until: datetime | None = None,
    ) -> OrderView:
        """One step of an order that the dispatcher takes."""
        async with self._transaction() as conn:
            step, view = await take_step(
                conn, order_id, said, note=note, by=by, at=self._clock(), until=until
            )
            await journal.append_all(conn, step.entries)
        self._publish(step.hints)
        return view

    def _decision(
        self, incident: IncidentView, wanted: NewDecision, unit_ids: Sequence[str], by: str
    ) -> Decision:
        return Decision(
            id=new_id(),
            request_id=wanted.request_id,
            incident_id=incident.id,
            recommendation_id=wanted.recommendation_id,
            unit_ids=unit_ids,
            reason=wanted.reason,
            decided_by=by,
            decided_at=self._clock(),
        )

    def _require_on_map(self, lon: float, lat: float) -> None:
        try:
            require_inside(self._bounds, lon, lat)
        except OffMapError as error:
            raise Impossible("off_map", str(error), {"bounds": list(self._bounds)}) from None

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Any]:
        async with self._pool.acquire() as conn, conn.transaction():
            yield conn

    def _publish(self, hints: Iterable[Hint]) -> None:
        for topic, payload in hints:
            self._fanout.publish(topic, payload)


def _found(value: T | None) -> T:
    if value is None:
        raise NotFound("not_found", "This does not exist.")
    return value


def _require_running(incident: IncidentView) -> None:
    if IncidentStatus(incident.status) is IncidentStatus.CLOSED:
        raise Conflict("incident_closed", f"Incident {incident.number} is closed already.")


async def _opened_before(conn: Any, wanted: NewIncident) -> IncidentView:
    incident_id = _found(await incidents.id_by_request(conn, wanted.request_id))
    found = _found(await incidents.load(conn, incident_id, with_events=False))
    said = (wanted.type, wanted.priority, wanted.note, wanted.lon, wanted.lat, wanted.place)
    if said != (found.type, found.priority, found.note, found.lon, found.lat, found.place):
        raise _request_reused()
    return found


async def _etas(
    conn: Any, wanted: NewDecision, incident: IncidentView, unit_ids: Sequence[str]
) -> Etas:
    found = await decisions.etas(conn, wanted.recommendation_id, incident.id, unit_ids)
    if found is None:
        raise Impossible("unknown_recommendation", "This incident has no such recommendation.")
    return found


async def _passed_over(conn: Any, incident: IncidentView, wanted: NewDecision) -> First | None:
    """Who was recommended first and is not sent; None: that unit is, or there is none."""
    first = await decisions.first(conn, wanted.recommendation_id, incident.id)
    return None if first is None or first.unit_id in wanted.unit_ids else first


async def _require_reason(conn: Any, incident: IncidentView, wanted: NewDecision) -> None:
    """Whoever passes over the first recommended says why. Raises `Impossible` (`no_reason`).

    Answering an escalation, or having orders give way, says why by itself; and nobody need say why
    not a unit that has got something else to do since.
    """
    if wanted.reason or wanted.escalation_id or wanted.replaces:
        return
    first = await _passed_over(conn, incident, wanted)
    if first is None:
        return
    rows = await units.load_some(conn, [first.unit_id])
    if rows and rows[0].status is UnitStatus.AVAILABLE:
        text = f"{first.call_sign} is recommended first. Say why another unit is sent."
        raise Impossible("no_reason", text, {"call_sign": first.call_sign})


async def _decided_before(
    conn: Any, earlier: Decision, incident: IncidentView, wanted: NewDecision
) -> list[OrderView]:
    issued = await order_rows.views_of_decision(conn, earlier.id)
    same = (  # a repetition may have been recommended anew
        (incident.id, sorted(set(wanted.unit_ids)))
        == (earlier.incident_id, sorted(earlier.unit_ids))
        and wanted.reason == earlier.reason
        and all(each.instruction == wanted.instruction for each in issued)
    )
    if not same:
        raise _request_reused()
    return issued


async def _follow_intake(conn: Any, wanted: NewIncident, opened: IncidentView) -> Settled:
    """Something was made of what came in, and nobody makes something of it again."""
    if not wanted.intake_id:
        return Settled(entries=(), hints=())
    _, settled = await settle(
        conn,
        wanted.intake_id,
        "opened",
        why="",
        by=opened.opened_by,
        at=opened.opened_at,
        incident_id=opened.id,
    )
    return settled


async def _follow_escalation(
    conn: Any, wanted: NewDecision, incident: IncidentView, issued: issue.Issued
) -> None:
    """The watch knows then that the unit was sent in the place of one that does not answer."""
    if not wanted.escalation_id:
        return
    sent = [task["order"] for _, task in issued.tasks]
    if not await watch.follow(conn, wanted.escalation_id, incident_id=incident.id, order_ids=sent):
        text = "A unit was sent for this order already, and is on it."
        raise Conflict("escalation_followed", text, {"escalation": wanted.escalation_id})


def _request_reused() -> Conflict:
    text = "This request id was used before, with other content. Start anew."
    return Conflict("request_reused", text)


async def _require_no_open_order(conn: Any, incident: IncidentView) -> None:
    found = await order_rows.views_of_incidents(conn, [incident.id], with_events=False)
    running = [each.number for each in found.get(incident.id, []) if each.closed_at is None]
    if running:
        names = ", ".join(str(number) for number in running)
        raise Conflict(
            "orders_open",
            f"Orders are still open: {names}. Cancel or finish them first.",
            {"orders": running},
        )
