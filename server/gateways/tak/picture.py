"""The county as TAK clients see it: units, incidents, calls for help, and the room itself.

Every unit with a position is a report of its own, whatever its devices speak, with battery, speed
and team; it is told again while its news is fresh, greyed by the client when it is not, and taken
away when the unit is out of service. An incident is a marker until it is closed, a call for help an
alert until it is taken back or its incident closed. The room is a contact whom one can write to, so
it is told again and again: ATAK sends receipts only to contacts that it knows.

Hints of the fan-out may be lost: everything is read again now and then. Knows no socket.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from devices.tak.naming import ROOM, uid_of_help, uid_of_incident, uid_of_unit
from devices.tak.sending import Parcel
from protocols.cot import alerts, control
from protocols.cot.event import NOWHERE, Event, Point
from protocols.cot.units import (
    CHAT_ENDPOINT,
    COMMAND_POST,
    GROUND_UNIT,
    VEHICLE,
    Unit,
    unit_report,
)
from server.board import Board
from server.dispatch.fieldwords import Language, TypeNames
from server.gateways.tak.room import TakRoom, loop_s
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores import incidents, sos, takpicture
from server.stores.away import STORE_AWAY
from server.stores.pool import Pool
from server.stores.takpicture import RunningCall
from server.tak.options import TEAM
from server.views import DeviceView, IncidentView, UnitView

logger = logging.getLogger(__name__)

TICK_S: Final = 0.5
"""Between two tellings of what changed; what a unit does in between is one report."""
UNIT_VALID: Final = timedelta(minutes=5)
"""From a fix on; units on duty report every 10 to 60 s."""
ROOM_VALID: Final = timedelta(minutes=5)
ROOM_S: Final = 60.0
"""Between two reports of the room."""
RELOAD_S: Final = 30.0
"""Between two readings of incidents and calls, when nobody says that one changed."""
RETRY_S: Final = 2.0
CALL_VALID: Final = timedelta(minutes=5)
INCIDENT_VALID: Final = timedelta(days=1)
_ROLE_OF_ROOM: Final = "HQ"
_KINDS: Final = {"foot": GROUND_UNIT}
_INCIDENT: Final = {"en": "Incident {number}", "zh": "案件 {number}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """In which words the county is told of."""

    language: Language
    types: Callable[[], TypeNames]
    callsign: str
    """Of the room."""


class TakPicture:
    """`run` tells until cancelled."""

    def __init__(
        self,
        *,
        room: TakRoom,
        board: Board,
        pool: Pool,
        fanout: FanOut,
        clock: Clock,
        metrics: Metrics,
        words: Words,
        center: tuple[float, float],
    ) -> None:
        """`center`: lon, lat of the county, where the room is shown."""
        self._room, self._board, self._pool = room, board, pool
        self._clock, self._metrics, self.words = clock, metrics, words
        self._center = center
        self._units: dict[str, Parcel] = {}
        self._device_of: dict[str, str] = {}
        """Unit id → the device whose fix it shows."""
        self._incidents: dict[str, tuple[IncidentView, Parcel]] = {}
        self._calls: dict[str, tuple[RunningCall, Parcel]] = {}
        self._changed_units: set[str] = set()
        self._changed = asyncio.Event()
        self._reload_at = 0.0
        self._room_at = 0.0
        board.on_change(self._unit_changed)
        for topic in ("incident", sos.TOPIC, "resync"):
            fanout.subscribe(topic, self._something_changed)

    def contact(self) -> Parcel:
        """The room, as somebody who can be written to."""
        return Parcel(self._room_report(self._clock()))

    def device_of(self, parcel: Parcel) -> str:
        """The device whose fix a unit's report shows; empty for anything else."""
        return self._device_of.get(parcel.event.uid, "")

    async def run(self) -> None:
        """Tell what changed until cancelled."""
        self._changed_units |= {unit.id for unit in self._board.units()}
        while True:
            self._tell_room()
            self._tell_units()
            if loop_s() >= self._reload_at:
                await self._reload()
            await self._wait()

    async def _wait(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(min(self._reload_at, self._room_at)):
                await self._changed.wait()
        self._changed.clear()
        await asyncio.sleep(TICK_S)

    async def _reload(self) -> None:
        self._reload_at = loop_s() + RELOAD_S
        try:
            async with self._pool.acquire() as conn:
                running = await incidents.load_open(conn)
                calls = await takpicture.running_calls(conn)
        except STORE_AWAY as error:
            self._metrics.count("tak_store_failures")
            logger.warning("TAK clients see old incidents, PostgreSQL is away: %s", error)
            self._reload_at = loop_s() + RETRY_S
            return
        self._tell_incidents(running)
        self._tell_calls(calls)

    # -- the room ------------------------------------------------------------------------

    def _tell_room(self) -> None:
        if loop_s() >= self._room_at:
            self._room_at = loop_s() + ROOM_S
            self._room.show(self.contact())

    def _room_report(self, now: datetime) -> Event:
        lon, lat = self._center
        unit = Unit(
            callsign=self.words.callsign,
            endpoint=CHAT_ENDPOINT,
            team=TEAM,
            role=_ROLE_OF_ROOM,
            device="Ridgeline",
            platform="Ridgeline",
        )
        point = Point(lon=lon, lat=lat)
        return unit_report(
            ROOM, unit, point=point, at=now, valid=ROOM_VALID, kind=COMMAND_POST, how="h-e"
        )

    # -- units ---------------------------------------------------------------------------

    def _unit_changed(self, unit_id: str) -> None:
        self._changed_units.add(unit_id)
        self._changed.set()

    def _tell_units(self) -> None:
        changed, self._changed_units = self._changed_units, set()
        now = self._clock()
        for unit_id in changed:
            unit = self._board.unit(unit_id)
            event = None if unit is None else unit_event(unit, now)
            if event is None:
                self._take_away(unit_id, now)
            elif (known := self._units.get(unit_id)) is None or known.event != event:
                assert unit is not None
                self._units[unit_id] = parcel = Parcel(event)
                assert unit.position is not None
                self._device_of[event.uid] = unit.position.device_id
                self._room.show(parcel, told=event.stale_at > now)

    def _take_away(self, unit_id: str, now: datetime) -> None:
        if (gone := self._units.pop(unit_id, None)) is not None:
            self._device_of.pop(gone.event.uid, None)
            uid = gone.event.uid
            self._room.hide(uid, Parcel(control.disconnected(uid, now)))

    # -- incidents and calls -------------------------------------------------------------

    def _something_changed(self, _payload: str) -> None:
        self._reload_at = 0.0
        self._changed.set()

    def _tell_incidents(self, running: list[IncidentView]) -> None:
        now = self._clock()
        for each in running:
            known = self._incidents.get(each.id)
            fresh = known is not None and known[1].event.stale_at - now > INCIDENT_VALID / 2
            if known is None or not fresh or _shown(known[0]) != _shown(each):
                parcel = Parcel(self._incident_event(each, now))
                self._incidents[each.id] = each, parcel
                self._room.show(parcel)
        for incident_id in set(self._incidents) - {each.id for each in running}:
            del self._incidents[incident_id]
            uid = uid_of_incident(incident_id)
            self._room.hide(uid, Parcel(control.deleted(uid, now)))

    def _incident_event(self, incident: IncidentView, now: datetime) -> Event:
        language = self.words.language
        named = self.words.types().get(incident.type, {}).get(language, incident.type)
        number = _INCIDENT[language].format(number=incident.number)
        return alerts.write_marker(
            uid_of_incident(incident.id),
            f"{number} {named}",
            point=Point(lon=incident.lon, lat=incident.lat),
            author_uid=ROOM,
            at=now,
            valid=INCIDENT_VALID,
            remarks="\n".join(filter(None, (incident.place, incident.note))),
        )

    def _tell_calls(self, running: list[RunningCall]) -> None:
        now = self._clock()
        for call in running:
            known = self._calls.get(call.id)
            if (
                known is not None
                and known[0] == call
                and known[1].event.stale_at - now > (CALL_VALID / 2)
            ):
                continue
            parcel = Parcel(_call_event(call, now))
            self._calls[call.id] = call, parcel
            if known is None:
                self._room.alert(parcel)
            else:
                self._room.show(parcel)
        for call_id in set(self._calls) - {each.id for each in running}:
            call, raised = self._calls.pop(call_id)
            self._room.hide(raised.event.uid, Parcel(_call_off(call, now)))


def unit_event(unit: UnitView, now: datetime) -> Event | None:
    """A unit's report; None: nobody knows where it is."""
    position = unit.position
    if position is None:
        return None
    said_at = min(position.observed_at, now)
    report = Unit(
        callsign=unit.call_sign,
        battery_pct=_battery(unit),
        speed_mps=position.speed_mps,
        course_deg=position.heading_deg,
        team=TEAM,
        device=_model(unit.devices, position.device_id),
        platform="Ridgeline",
    )
    return unit_report(
        uid_of_unit(unit.id),
        report,
        point=Point(lon=position.lon, lat=position.lat, ce_m=position.accuracy_m),
        at=said_at,
        valid=UNIT_VALID,
        kind=_KINDS.get(unit.kind, VEHICLE),
        remarks=", ".join(each.name for each in unit.officers),
    )


def _battery(unit: UnitView) -> int | None:
    """Of the device that is shown; where it has none, the lowest of the unit's."""
    assert unit.position is not None
    known = {each.id: each.battery_pct for each in unit.devices if each.battery_pct is not None}
    return known.get(unit.position.device_id, min(known.values(), default=None))


def _model(devices: list[DeviceView], device_id: str) -> str:
    shown = next((each for each in devices if each.id == device_id), None)
    return "" if shown is None else shown.model or shown.kind


def _shown(incident: IncidentView) -> tuple[Any, ...]:
    return incident.type, incident.note, incident.place, incident.lon, incident.lat


def _call_event(call: RunningCall, now: datetime) -> Event:
    event = alerts.write_emergency(
        call.tak_uid or _person_of(call),
        _name_of(call),
        point=_place_of(call),
        at=now,
        valid=CALL_VALID,
    )
    return event if call.tak_uid else replace(event, uid=uid_of_help(call.id))


def _call_off(call: RunningCall, now: datetime) -> Event:
    event = alerts.cancel_emergency(
        call.tak_uid or _person_of(call),
        _name_of(call),
        point=_place_of(call),
        at=now,
        valid=CALL_VALID,
    )
    return event if call.tak_uid else replace(event, uid=uid_of_help(call.id))


def _person_of(call: RunningCall) -> str:
    return uid_of_help(call.id) if call.unit_id is None else uid_of_unit(call.unit_id)


def _name_of(call: RunningCall) -> str:
    return " ".join(filter(None, (call.call_sign or call.device_id, call.officer)))


def _place_of(call: RunningCall) -> Point:
    if call.lon is None or call.lat is None:
        return NOWHERE
    return Point(lon=call.lon, lat=call.lat, ce_m=call.accuracy_m)
