"""What would have to be otherwise for the second unit to be the first.

Every doubt about it is taken away as a person would say it (a charged camera, a fresh crew, a fit
vehicle), and the unit is scored again as it would be then. So what is told turns the order, also
where terms hang together: with less spread its arrival is expected sooner, and the freshest crew
has too long a job before it where the job is longer than a shift. Pure.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal, assert_never

from server.dispatch.battery import Battery, Prospect
from server.dispatch.contest import Contender, Scene
from server.dispatch.reasons import Reason, minutes
from server.dispatch.score import HOUR_S, PARTS, Part, Score, is_unfit, score
from server.dispatch.standing import Scored
from server.dispatch.weights import REST_H
from server.views import DeviceKind

STEP_S: Final = 6.0
"""A tenth of a minute: what a person is told, rounded up so that it surely turns the order."""

_IF: Final[Mapping[Part, str]] = {
    "risk": "its travel time were as sure",
    "camera": "it had a charged camera",
    "handset": "its handset were charged",
    "coverage": "others did not wait longer while it is away",
    "shift": "its crew were fresh",
    "skills": "its crew had the skills that are asked for",
    "vehicle": "its vehicle were fit for the job and the way",
    "area": "the place were in its own area",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """The smallest single change that puts the runner-up first."""

    part: Part | Literal["eta", "later"]
    """`eta`: no doubt alone decides, being there sooner would; `later`: it could not be so much
    sooner, only the first so much later."""
    gain_s: float
    """What that change takes off its score; of `eta` and `later`: seconds of travel."""
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class RunnerUp:
    """The second, and what keeps it from being first."""

    unit_id: str
    call_sign: str
    margin_s: float
    """Between its score and the first's."""
    flip: Flip


def runner_up(scene: Scene, eligible: Sequence[Scored]) -> RunnerUp | None:
    """Of units in their order; None where less than two have a travel time."""
    timed = [each for each in eligible[:2] if each.score is not None]
    if len(timed) < 2:
        return None
    first, second = timed
    assert first.score is not None
    assert second.score is not None
    return RunnerUp(
        unit_id=second.one.unit_id,
        call_sign=second.one.call_sign,
        margin_s=max(second.score.total_s - first.score.total_s, 0.0),
        flip=_of_doubts(scene, first, second, second.score) or _of_minutes(scene, first, second),
    )


def relieved(scene: Scene, one: Contender, part: Part, beside: Contender) -> Contender:
    """The unit as it would be if nothing of that spoke against it; `beside`: the first, than whose
    no way need be surer."""
    match part:
        case "risk":
            return replace(one, log_sd=min(one.log_sd, beside.log_sd))
        case "camera":
            return replace(one, batteries=_charged(one.batteries, "body_camera"))
        case "handset":
            return replace(one, batteries=_charged(one.batteries, "handset"))
        case "coverage":
            return replace(one, coverage_s=0.0)
        case "shift":
            return replace(one, on_duty_s=0.0, rest_s=REST_H * HOUR_S)
        case "skills":
            return replace(one, skills=tuple(each.code for each in scene.skills))
        case "vehicle":
            kind = scene.kinds[0] if is_unfit(scene, one) else one.kind
            return replace(one, kind=kind, snowy_track_m=0.0)
        case "area":
            return replace(one, station=scene.area)
        case _:
            assert_never(part)


def _charged(batteries: Sequence[Prospect], kind: DeviceKind) -> tuple[Prospect, ...]:
    """One of that kind lasts for sure."""
    battery = Battery(device_id="", kind=kind, level_pct=100.0, level_at=None)
    return (*batteries, Prospect(battery=battery, p_last=1.0))


def _of_doubts(scene: Scene, first: Scored, second: Scored, now: Score) -> Flip | None:
    """The smallest doubt without which the second would be first; None: none is enough."""
    enough: dict[Part, float] = {}
    for part in PARTS:
        then = score(scene, relieved(scene, second.one, part, first.one))
        if then is not None and second.key_at(then) < first.key:
            enough[part] = now.total_s - then.total_s
    if not enough:
        return None
    part, name = min(enough, key=lambda each: enough[each]), second.one.call_sign
    text = f"{name} would be first if {_IF[part]}"
    reason = Reason(code=f"flip_{part}", values={"unit": name}, text=text)
    return Flip(part=part, gain_s=enough[part], reason=reason)


def _of_minutes(scene: Scene, first: Scored, second: Scored) -> Flip:
    """The least by which the second would have to be sooner there; or the first later, where the
    second would have to be there before it is sent."""
    there_s, name = second.one.eta_s or 0.0, second.one.call_sign

    def sooner(gain_s: float) -> bool:
        then = score(scene, replace(second.one, eta_s=there_s - gain_s))
        return second.key_at(then) < first.key

    def later(loss_s: float) -> bool:
        then = score(scene, replace(first.one, eta_s=(first.one.eta_s or 0.0) + loss_s))
        return second.key < first.key_at(then)

    values: dict[str, str | float | int] = {"unit": name}
    if (gain_s := _least(sooner, there_s)) is not None:
        values["min"] = minutes(gain_s)
        text = f"{name} would be first if it were {values['min']:g} min sooner there"
        reason = Reason(code="flip_eta", values=values, text=text)
        return Flip(part="eta", gain_s=gain_s, reason=reason)
    enough_s = second.key[0] - first.key[0] + 1.0 + STEP_S
    loss_s = _least(later, enough_s)
    assert loss_s is not None, "a total grows at least by what the arrival is later"
    values |= {"first": first.one.call_sign, "min": minutes(loss_s)}
    text = f"{name} would be first if {values['first']} were {values['min']:g} min later there"
    reason = Reason(code="flip_later", values=values, text=text)
    return Flip(part="later", gain_s=loss_s, reason=reason)


def _least(turns: Callable[[float], bool], most_s: float) -> float | None:
    """The fewest steps up to `most_s` that turn the order, in s; None: not even all of them.

    `turns`: once it does, more does as well.
    """
    steps = math.floor(most_s / STEP_S)
    found = bisect_left(range(steps + 1), True, key=lambda step: turns(step * STEP_S))
    return None if found > steps else found * STEP_S
