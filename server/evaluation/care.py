"""What each unit's camera does, and what the room does for it.

A camera rests between jobs, records from the order on where there is need to, and does at the scene
what the call asks for. Where the policy minds cameras, every one on a job is looked at when its
unit is ordered, when it arrives and every few minutes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

from devices.battery.model import Load
from devices.battery.outlook import Outlook
from devices.sim.climate import is_dark, outdoors_c
from devices.sim.packs import Use
from server.dispatch.endurance import Work
from server.dispatch.mitigation import Mitigation
from server.evaluation.cameras import Cameras
from server.evaluation.county import County
from server.evaluation.remedies import CHANGES_PACK, Need, taken, under_way
from server.evaluation.scenario import DAY_S, HOUR_S, Scenario
from server.evaluation.units import ORDER, Doing, Job, Unit


class Care:
    """Of all cameras of one run."""

    def __init__(
        self, county: County, scenario: Scenario, cameras: Cameras, *, mitigates: bool
    ) -> None:
        self._county, self._scenario, self._cameras = county, scenario, cameras
        self._mitigates = mitigates

    def goes_on(self, unit: Unit, now_s: float, *, fresh_pack: bool = False) -> None:
        """The unit does something else: so does its camera."""
        self._cameras.does(unit.number, self._use(unit, now_s), now_s, fresh_pack=fresh_pack)

    def remedy(self, unit: Unit, now_s: float, *, spare_here: bool = False) -> float:
        """Do what is proposed for the camera of a unit on a job; seconds that it takes now."""
        outlook = self._cameras.outlook(unit.number) if self._mitigates else None
        if outlook is None or unit.job is None:
            return 0.0
        job = unit.job
        need = self._need(unit, job, outlook, spare_here=spare_here)
        crew = f"{job.call.number}-{unit.doing}-{len(job.measures)}"
        rng = Random(f"{self._scenario.seed}-remedy-{crew}")
        found = taken(need, unit.measures, _datetime(now_s), rng)
        if not found:
            return 0.0
        job.measures |= found
        unit.measures |= found
        fresh_pack = Mitigation.SPARE_AT_STATION in found
        self.goes_on(unit, now_s, fresh_pack=fresh_pack)
        return CHANGES_PACK.draw(rng) if fresh_pack else 0.0

    def _need(self, unit: Unit, job: Job, outlook: Outlook, *, spare_here: bool) -> Need:
        present = self._cameras.use(unit.number)
        return Need(
            outlook=outlook,
            work=Work(
                state=ORDER[unit.doing],
                en_route_at=_datetime(job.set_out_s) if job.set_out_s else None,
                on_scene_at=_datetime(job.arrived_s) if job.arrived_s else None,
                eta_s=job.eta_s,
                scene_s=60.0 * job.call.type.scene_min,
            ),
            present=present.loads,
            scene=job.call.recording,
            temp_c=present.temp_c,
            weak=present.weak,
            vehicle=unit.post.vehicle,
            spare_here=spare_here,
            evidence=job.call.type.evidence,
        )

    def _use(self, unit: Unit, now_s: float) -> Use:
        driving = unit.doing in (Doing.EN_ROUTE, Doing.RETURNING, Doing.MOVING_UP)
        return under_way(self._bare_use(unit, now_s), unit.measures, driving=driving)

    def _bare_use(self, unit: Unit, now_s: float) -> Use:
        """Without anything done for it."""
        if unit.doing is Doing.AT_HOME:
            return Use(charging=unit.docked)
        if unit.doing not in ORDER or unit.job is None:
            return Use()
        call, hour = unit.job.call, now_s % DAY_S / HOUR_S
        films = call.recording != {Load.STANDBY}
        if unit.doing is not Doing.ON_SCENE:
            return Use(loads=frozenset({Load.RECORD})) if films else Use()
        height_m = self._county.height_m(call.lon, call.lat)
        return Use(
            loads=call.recording | ({Load.INFRARED} if films and is_dark(hour) else set()),
            temp_c=outdoors_c(height_m, hour, sea_level_c=self._scenario.sea_level_c),
            weak=float(self._county.dead_zones.covers(call.lon, call.lat)),
        )


def _datetime(now_s: float) -> datetime:
    return datetime.fromtimestamp(now_s, UTC)
