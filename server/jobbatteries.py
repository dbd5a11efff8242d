"""What lies ahead of each camera on a job, and what is at hand to make it last.

Puts together the live picture, the batteries and the open orders into values for
`server.dispatch.mitigation`. Knows no store and sends nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from devices.battery.model import Load
from devices.battery.modes import EXTRAS, loads_of
from server.batteries import Batteries
from server.dispatch.batteryrules import Rules
from server.dispatch.endurance import (
    LIKELY,
    STANDBY,
    SURELY,
    Work,
    ahead,
    lasts_min,
)
from server.dispatch.mitigation import (
    Prospect,
    Takeover,
    propose,
    under,
)
from server.dispatch.mitigationwords import effect, instruction
from server.dispatch.orders import OrderState
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import RunCard
from server.mitigationviews import CameraView, ProposalView
from server.ports import CardsInForce
from server.sparesathand import SparesAtHand
from server.stores.batteryjobs import Asked, BatteryJob
from server.stores.mitigations import effect_view
from server.views import UnitView

CAMERA: Final = "body_camera"
CHARGING_KINDS: Final = frozenset({"patrol_car", "off_road"})
"""Units whose vehicle has a socket."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCamera:
    """One camera of a unit on a job."""

    device_id: str
    level_pct: int | None
    prospect: Prospect


class JobBatteries:
    """Answers at once."""

    def __init__(
        self,
        *,
        batteries: Batteries,
        rules: Rules,
        at_hand: SparesAtHand,
        cards: CardsInForce = shipped,
    ) -> None:
        self._batteries, self._rules, self._at_hand = batteries, rules, at_hand
        self._cards = cards

    def cameras(
        self,
        unit: UnitView,
        job: BatteryJob,
        now: datetime,
        *,
        asked: Mapping[str, Asked],
        takeovers: Sequence[Takeover] = (),
    ) -> list[JobCamera]:
        """Every camera of the unit that ever told a level."""
        found = []
        for device in unit.devices:
            if device.kind != CAMERA:
                continue
            mine = asked.get(device.id, Asked())
            prospect = self._prospect(unit, job, device.id, now, mine)
            if prospect is not None:
                found.append(
                    JobCamera(device_id=device.id, level_pct=device.battery_pct, prospect=prospect)
                )
        return [_with_takeovers(each, found, unit, takeovers) for each in found]

    async def with_spares(
        self, camera: JobCamera, unit: UnitView, job: BatteryJob, now: datetime
    ) -> JobCamera:
        """With what the unit carries, and what lies on its way, where the camera may not last."""
        if camera.prospect.p_last >= self._rules.attach_below:
            return camera
        model = next(each.model for each in unit.devices if each.id == camera.device_id)
        found = await self._at_hand.find(unit, job, model, now)
        prospect = replace(camera.prospect, power_bank=found.power_bank, spares=found.spares)
        return replace(camera, prospect=prospect)

    def lasts(
        self, unit: UnitView, job: BatteryJob, now: datetime, *, eta_s: float
    ) -> Takeover | None:
        """The camera of another unit that would last best, if it came to this job."""
        best: Takeover | None = None
        card = self._cards().card(job.type)
        for device in unit.devices:
            outlook = self._batteries.outlook_of(device.id, now)
            if device.kind != CAMERA or outlook is None:
                continue
            work = replace(
                _work(job, card, eta_s=eta_s),
                state=OrderState.ISSUED,
                en_route_at=None,
                on_scene_at=None,
            )
            plan = ahead(
                work, now, present=self._loads(device.id), scene=frozenset({card.recording})
            )
            made = Takeover(
                device_id=device.id,
                unit_id=unit.id,
                call_sign=unit.call_sign,
                eta_min=eta_s / 60.0,
                p_last=outlook.p_last([each.leg for each in plan]),
            )
            if best is None or made.p_last > best.p_last:
                best = made
        return best

    def view(self, camera: JobCamera) -> CameraView:
        """As people see it, with what could be done."""
        prospect = camera.prospect
        return CameraView(
            device_id=camera.device_id,
            level_pct=camera.level_pct,
            p_last=round(prospect.p_last, 3),
            job_min=round(prospect.job_min, 1),
            likely_min=_rounded(lasts_min(prospect.outlook, prospect.plan, LIKELY)),
            surely_min=_rounded(lasts_min(prospect.outlook, prospect.plan, SURELY)),
            proposals=self.proposals(prospect),
        )

    def proposals(self, prospect: Prospect) -> list[ProposalView]:
        """Best first; nothing where the camera lasts well enough."""
        rules = self._rules
        made = propose(prospect, attach_below=rules.attach_below, second_below=rules.second_below)
        return [
            ProposalView(
                kind=str(each.kind),
                by_device=each.by_device,
                effect=effect_view(each),
                instruction=instruction(each),
                words=effect(each),
            )
            for each in made
        ]

    def _prospect(
        self,
        unit: UnitView,
        job: BatteryJob,
        device_id: str,
        now: datetime,
        asked: Asked,
    ) -> Prospect | None:
        outlook = self._batteries.outlook_of(device_id, now)
        present = self._batteries.present(device_id)
        if outlook is None or present is None:
            return None
        card = self._cards().card(job.type)
        plan = ahead(
            _work(job, card, eta_s=job.eta_s),
            now,
            present=present.loads or STANDBY,
            scene=frozenset({card.recording}),
            temp_c=present.temp_c,
            weak=present.weak,
            charging=present.charging,
        )
        return Prospect(
            outlook=outlook,
            plan=under(asked.done, plan),
            in_vehicle=unit.kind in CHARGING_KINDS,
            evidence=card.evidence,
            in_force=asked.kinds,
        )

    def _loads(self, device_id: str) -> frozenset[Load]:
        present = self._batteries.present(device_id)
        return STANDBY if present is None else present.loads or STANDBY


def does(mode: str, loads: Sequence[str]) -> bool:
    """Whether a device that reports this mode does what is expected of it: streaming of any rate is
    streaming."""
    said = {each.value.split("_")[0] for each in loads_of(mode) if each not in EXTRAS}
    return said <= {each.split("_")[0] for each in loads}


def _with_takeovers(
    camera: JobCamera, all_of_unit: Sequence[JobCamera], unit: UnitView, others: Sequence[Takeover]
) -> JobCamera:
    """The unit's own other cameras are there already."""
    own = [
        Takeover(
            device_id=each.device_id,
            unit_id=unit.id,
            call_sign=unit.call_sign,
            eta_min=0.0,
            p_last=each.prospect.p_last,
        )
        for each in all_of_unit
        if each is not camera
    ]
    return replace(camera, prospect=replace(camera.prospect, takeovers=(*own, *others)))


def _work(job: BatteryJob, card: RunCard, *, eta_s: float | None) -> Work:
    return Work(
        state=job.state,
        en_route_at=job.en_route_at,
        on_scene_at=job.on_scene_at,
        eta_s=eta_s,
        scene_s=60.0 * card.scene_min,
    )


def _rounded(minutes: float | None) -> float | None:
    return None if minutes is None else round(minutes, 1)
