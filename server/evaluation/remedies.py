"""What a room does about a camera that may not last its job: the best that is proposed, by turns.

The product proposes (`server.dispatch.mitigation`), the room takes what is best until the camera
lasts well enough or nothing helps any more. What a device can do it does; a crew may say no to what
needs a hand. Not rehearsed: pieces of a stream on demand, power banks, and a second unit for its
camera.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Final

from devices.battery.model import Load
from devices.battery.outlook import Outlook
from devices.sim.officers import Spread
from devices.sim.packs import Use
from geo.driving.vehicles import Vehicle
from server.dispatch.battery import STREAMS
from server.dispatch.endurance import Work, ahead
from server.dispatch.mitigation import LIMITS, Mitigation, Prospect, Spare, propose, under

CHARGES: Final = frozenset({Vehicle.PATROL_CAR, Vehicle.FOUR_BY_FOUR})
"""Vehicles with a socket."""
NOT_REHEARSED: Final = frozenset({Mitigation.SNIPPETS})
WILLING: Final = 0.85
"""Share of crews that do what they are advised. Starting value."""
CHANGES_PACK: Final = Spread(median_s=90.0, sigma=0.4, low_s=30.0, high_s=300.0)
"""To fetch a charged pack before setting off. Starting value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """One camera on a job, as the product sees it."""

    outlook: Outlook
    work: Work
    present: frozenset[Load]
    scene: frozenset[Load]
    """What it does now, and what it is to do at the scene."""
    temp_c: float
    weak: float
    vehicle: Vehicle
    spare_here: bool
    """At its station, and not under way yet."""
    evidence: bool


def taken(need: Need, done: frozenset[Mitigation], now: datetime, rng: Random) -> set[Mitigation]:
    """What is done from now on, beside what is `done` already. `rng`: of the crew."""
    plan = ahead(
        need.work,
        now,
        present=need.present,
        scene=need.scene,
        temp_c=need.temp_c,
        weak=need.weak,
    )
    prospect = Prospect(
        outlook=need.outlook,
        plan=plan,
        in_vehicle=need.vehicle in CHARGES,
        spares=(Spare(station="", after_min=0.0),) if need.spare_here else (),
        evidence=need.evidence,
        in_force=done | NOT_REHEARSED,
    )
    found = set[Mitigation]()
    while proposals := propose(replace(prospect, plan=under(done | found, plan))):
        best = proposals[0].kind
        prospect = replace(prospect, in_force=prospect.in_force | {best})
        if best in LIMITS or rng.random() < WILLING:
            found.add(best)
        if Mitigation.SPARE_AT_STATION in found:
            break  # the outlook is of the pack that goes
    return found


def under_way(use: Use, done: frozenset[Mitigation], *, driving: bool) -> Use:
    """What a camera does that would do `use`."""
    loads, streams = use.loads, use.loads & STREAMS
    silent = Mitigation.RECORD_LOCALLY in done or (
        Mitigation.NO_WEAK_STREAM in done and use.weak > 0.0
    )
    if streams and silent:
        loads = loads - STREAMS | {Load.RECORD}
    elif streams and Mitigation.LOWER_BITRATE in done:
        loads = loads - STREAMS | {Load.STREAM_LOW}
    if Mitigation.LIGHTS_OFF in done:
        loads -= {Load.SCREEN, Load.INFRARED}
    return replace(
        use,
        loads=loads,
        charging=use.charging or (driving and Mitigation.CHARGE_IN_CAR in done),
        seldom=Mitigation.SELDOM_FIXES in done,
    )
