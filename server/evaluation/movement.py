"""What units do and where they are at every moment: nobody leaves the road, or outruns it.

Knows no call and no choice; whoever tells a unit something makes void what it was told before.
"""

from __future__ import annotations

from geo.departure import Departure
from geo.driving.vehicles import Mode
from geo.snap import Snap
from server.evaluation.agenda import Agenda, Happening
from server.evaluation.care import Care
from server.evaluation.county import County
from server.evaluation.inspection import Inspector
from server.evaluation.trips import Trip
from server.evaluation.units import Doing, Unit


class Movement:
    """Of all units of one run."""

    def __init__(self, county: County, agenda: Agenda, inspector: Inspector, care: Care) -> None:
        self._county, self._agenda = county, agenda
        self._inspector, self._care = inspector, care

    def do(self, unit: Unit, doing: Doing, *, fresh_pack: bool = False) -> None:
        """From now on; its camera with it."""
        unit.doing = doing
        unit.turn += 1
        if doing is not Doing.MOVING_UP:
            unit.standby = None
        self._care.goes_on(unit, self._agenda.now_s, fresh_pack=fresh_pack)
        unit.pack_due &= not fresh_pack

    def still(self, unit: Unit, happening: Happening) -> Happening:
        """What happens only if the unit has not been told anything else by then."""
        turn = unit.turn

        def happen() -> None:
            if unit.turn == turn:
                happening()

        return happen

    def after(self, seconds: float, unit: Unit, happening: Happening) -> None:
        """Plan it `still`, so many seconds from now."""
        self._agenda.after(seconds, self.still(unit, happening))

    def place(self, unit: Unit) -> Departure:
        """Where it is now."""
        return unit.place(self._agenda.now_s, self._county.roadmap)

    def in_contact(self, unit: Unit) -> bool:
        """Whether it has signal where it is now."""
        snap = self.place(unit).snap
        return not self._county.dead_zones.covers(snap.lon, snap.lat)

    def drive(self, unit: Unit, goal: Snap, mode: Mode, pace: float, there: Happening) -> None:
        """From where it is. Raises NoRouteError."""
        now_s, profile = self._agenda.now_s, unit.profile(mode)
        self._inspector.sets_off(unit.call_sign, unit.at.snap, now_s)
        way = self._county.way(unit.at, goal, profile)
        unit.trip, unit.driving = Trip(way=way, began_s=now_s, pace=pace), mode

        def arrived() -> None:
            self.halt(unit)
            unit.at = Departure(snap=unit.at.snap)  # parked, it may leave either way
            there()

        self._agenda.at(unit.trip.ends_s, self.still(unit, arrived))

    def halt(self, unit: Unit) -> None:
        """Stop where it is."""
        if unit.trip is None:
            return
        now_s = self._agenda.now_s
        unit.at, unit.trip = self.place(unit), None
        self._inspector.stands(unit.call_sign, unit.at.snap, unit.profile(unit.driving), now_s)
