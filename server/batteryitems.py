"""What items of the worklist say of a camera on a job, and what can be done by one key.

Knows no store and no rule of when to say it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from server.dispatch.batteryrules import Rules
from server.dispatch.endurance import LIKELY, SURELY, lasts_min
from server.dispatch.mitigation import Mitigation, Proposal, Takeover, propose
from server.jobbatteries import JobCamera
from server.stores.batteryjobs import BatteryJob
from server.stores.worklist import About
from server.views import RecommendationView

ACTIONS_LEN_MAX: Final = 3
"""Proposals of one item."""


def about_camera(job: BatteryJob, device_id: str) -> About:
    return About(
        subject=f"device:{device_id}",
        order_id=job.order_id,
        incident_id=job.incident_id,
        unit_id=job.unit_id,
    )


def bare_body(job: BatteryJob, device_id: str) -> dict[str, Any]:
    return {"number": job.number, "call_sign": job.call_sign, "device": device_id}


def short_body(
    job: BatteryJob,
    camera: JobCamera,
    recommended: RecommendationView | None,
    takeovers: list[Takeover],
    rules: Rules,
) -> dict[str, Any]:
    """What the dispatcher reads, and can do by one key."""
    own = camera.prospect
    prospect = replace(own, takeovers=(*own.takeovers, *takeovers))
    made = propose(prospect, attach_below=1.01, second_below=rules.second_below)
    second = next((each for each in made if each.kind is Mitigation.SECOND_CAMERA), None)
    elsewhere = second is not None and second.values["unit_id"] != job.unit_id
    handover = (
        _handover(second, recommended)
        if second is not None and elsewhere and recommended is not None
        else None
    )
    here = [each for each in made if each is not second or not elsewhere]
    return bare_body(job, camera.device_id) | {
        "level_pct": camera.level_pct,
        "p_last_pct": round(100.0 * own.p_last),
        "job_min": round(own.job_min),
        "likely_min": _whole(lasts_min(own.outlook, own.plan, LIKELY)),
        "surely_min": _whole(lasts_min(own.outlook, own.plan, SURELY)),
        "actions": [_action(each) for each in here[:ACTIONS_LEN_MAX]],
        "handover": handover,
    }


def _action(proposal: Proposal) -> dict[str, Any]:
    change = proposal.drain_after_pct_per_h - proposal.drain_before_pct_per_h
    return {
        "kind": str(proposal.kind),
        "p_after_pct": round(100.0 * proposal.p_after),
        "change_pct_per_h": round(change, 1),
        "values": proposal.values,
    }


def _handover(second: Proposal, recommended: RecommendationView) -> dict[str, Any]:
    """Another unit whose camera goes on recording: an order of its own, which a person accepts."""
    return {
        "recommendation_id": recommended.id,
        "unit_id": second.values["unit_id"],
        "call_sign": second.values["unit"],
        "camera": second.values["camera"],
        "eta_min": second.values["eta_min"],
        "p_after_pct": round(100.0 * second.p_after),
    }


def _whole(minutes: float | None) -> int | None:
    return None if minutes is None else round(minutes)
