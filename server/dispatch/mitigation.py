"""What can be done about a camera that may not last its job, and what it would bring.

Each mitigation changes the plan of what lies ahead; its effect is that plan reckoned again from the
same futures of the battery (`devices.battery.outlook`), so it is never guessed, and what cannot
change the plan is not proposed. Ranked by what is won less what is given up. They are proposals:
none forbids to send anybody, whatever the battery says.

Kinds, their limits and thresholds are the county's design; every number is a starting value. Knows
no store, no wire and no road: who could take over, and where a spare lies, is handed in.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

from devices.battery.model import SELDOM_FIX_S, Load
from devices.battery.outlook import Leg, Outlook
from devices.limits import strictest
from protocols.native import Limits
from server.dispatch.batteryrules import ATTACH_BELOW, SECOND_BELOW

GAIN_MIN: Final = 0.02
"""What wins less is not worth a word."""
PROPOSALS_LEN_MAX: Final = 5
TAKEOVERS_LEN_MAX: Final = 16
"""Cameras looked at as a second one; the nearest. More are left out."""
SNIPPETS_SHARE: Final = 0.1
"""Of the time that pieces of the stream are asked for. Starting value."""
RSRP_MIN_DBM: Final = -110
"""Below it a modem sends at full power."""
SPARE_LEVEL_PCT: Final = 95.0
"""Of a spare that comes off its charger. Starting value."""


class Mitigation(StrEnum):
    """In the county's order, strongest first."""

    RECORD_LOCALLY = "record_locally"
    """Stop the stream, record on the camera."""
    SNIPPETS = "snippets"
    """Stream short pieces, when somebody asks."""
    NO_WEAK_STREAM = "no_weak_stream"
    """No streaming where the signal is weak."""
    LOWER_BITRATE = "lower_bitrate"
    SELDOM_FIXES = "seldom_fixes"
    LIGHTS_OFF = "lights_off"
    """Screen and infrared light."""
    CHARGE_IN_CAR = "charge_in_car"
    """On the way there and back."""
    POWER_BANK = "power_bank"
    SPARE_AT_STATION = "spare_at_station"
    SECOND_CAMERA = "second_camera"


_M = Mitigation

LOSS: Final[dict[Mitigation, float]] = {
    _M.RECORD_LOCALLY: 0.10,
    _M.SNIPPETS: 0.09,
    _M.NO_WEAK_STREAM: 0.05,
    _M.LOWER_BITRATE: 0.04,
    _M.SELDOM_FIXES: 0.02,
    _M.LIGHTS_OFF: 0.05,
    _M.CHARGE_IN_CAR: 0.01,
    _M.POWER_BANK: 0.25,
    _M.SPARE_AT_STATION: 0.10,
    _M.SECOND_CAMERA: 0.30,
}
"""What the room or the crew gives up, as the probability of lasting that it is worth. Starting
values."""
DETOUR_LOSS_PER_MIN: Final = 0.01
"""On top, for each minute that a spare costs on the way."""

LIMITS: Final[dict[Mitigation, Limits]] = {
    _M.RECORD_LOCALLY: Limits(stream="off"),
    _M.SNIPPETS: Limits(stream="snippets"),
    _M.NO_WEAK_STREAM: Limits(rsrp_min=RSRP_MIN_DBM),
    _M.LOWER_BITRATE: Limits(stream="low"),
    _M.SELDOM_FIXES: Limits(fix_s=SELDOM_FIX_S),
    _M.LIGHTS_OFF: Limits(lights=False),
}
"""Those that a device can apply by itself."""

_COVERED: Final[dict[Mitigation, frozenset[Mitigation]]] = {
    _M.RECORD_LOCALLY: frozenset({_M.SNIPPETS, _M.NO_WEAK_STREAM, _M.LOWER_BITRATE}),
    _M.SNIPPETS: frozenset({_M.NO_WEAK_STREAM, _M.LOWER_BITRATE}),
}
"""What has nothing more to say once this was asked for."""

_STREAMS: Final = frozenset({Load.STREAM_LOW, Load.STREAM_HIGH})
_LIGHTS: Final = frozenset({Load.SCREEN, Load.INFRARED})


class Part(StrEnum):
    """Of a job, as far as it lies ahead."""

    TRAVEL = "travel"
    SCENE = "scene"
    RETURN = "return"


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Some of what lies ahead of a camera."""

    part: Part
    leg: Leg


Plan = tuple[Stretch, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spare:
    """A charged pack or camera on the way."""

    station: str
    after_min: float
    """Minutes of driving until it is there."""
    detour_min: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """Another camera that could go on recording."""

    device_id: str
    unit_id: str
    call_sign: str
    eta_min: float
    """0: of the same unit."""
    p_last: float
    """That it lasts from then to the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """One camera, what lies ahead of it, and what is at hand."""

    outlook: Outlook
    plan: Plan
    in_vehicle: bool
    """The unit drives: its car can charge."""
    power_bank: bool = False
    spares: tuple[Spare, ...] = ()
    takeovers: tuple[Takeover, ...] = ()
    evidence: bool = False
    """The recording of this call is evidence."""
    in_force: frozenset[Mitigation] = frozenset()
    """Asked for already; the plan holds what they change."""

    @property
    def p_last(self) -> float:
        return self.outlook.p_last([each.leg for each in self.plan])

    @property
    def job_min(self) -> float:
        return sum(each.leg.minutes for each in self.plan)


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One mitigation and what it would bring."""

    kind: Mitigation
    p_before: float
    p_after: float
    drain_before_pct_per_h: float
    """Where the plan changes first."""
    drain_after_pct_per_h: float
    loss: float
    loads: frozenset[Load] = frozenset()
    """What the device does then, where the plan changes first."""
    charging: bool = False
    values: dict[str, str | float] = field(default_factory=dict)
    """Of the words: `station`, `unit`, `unit_id`, `camera`, `eta_min`."""

    @property
    def gain(self) -> float:
        return self.p_after - self.p_before

    @property
    def by_device(self) -> bool:
        """The device can do it without a hand."""
        return self.kind in LIMITS


def propose(
    prospect: Prospect, *, attach_below: float = ATTACH_BELOW, second_below: float = SECOND_BELOW
) -> list[Proposal]:
    """What is worth doing, best first; nothing where the camera lasts well enough.

    A second camera is proposed for a recording that is evidence and may well be lost.
    """
    p_before = prospect.p_last
    if p_before >= attach_below:
        return []
    found = _possible(prospect, p_before)
    if not (prospect.evidence and p_before < second_below):
        found = [each for each in found if each.kind is not _M.SECOND_CAMERA]
    order = list(Mitigation)
    ranked = sorted(found, key=lambda each: (each.loss - each.gain, order.index(each.kind)))
    return ranked[:PROPOSALS_LEN_MAX]


def offered(prospect: Prospect, kind: Mitigation) -> Proposal | None:
    """One mitigation as it stands, whatever else is better; None: it would bring nothing."""
    found = _possible(prospect, prospect.p_last)
    return next((each for each in found if each.kind is kind), None)


def _possible(prospect: Prospect, p_before: float) -> list[Proposal]:
    """Everything that brings something and was not asked for."""
    needless = prospect.in_force.union(*(_COVERED.get(each, ()) for each in prospect.in_force))
    found = [
        made
        for kind, change in _CHANGES.items()
        if kind not in needless
        and (changed := change(prospect)) is not None
        and (made := _effect(kind, prospect, p_before, changed)).gain >= GAIN_MIN
    ]
    return found + _spare(prospect, p_before) + _second(prospect, p_before)


def limits_of(kinds: Iterable[Mitigation]) -> Limits:
    """What a device is to keep to under all of these at once."""
    return strictest([LIMITS[kind] for kind in kinds if kind in LIMITS])


def under(kinds: frozenset[Mitigation], plan: Plan) -> Plan:
    """A plan with what is in force already."""
    for kind in Mitigation:
        if kind in kinds and kind in _ON_LEGS:
            plan = _map(plan, _ON_LEGS[kind]) or plan
    return plan


# -- how each changes the plan -------------------------------------------------------------

_Legs = Callable[[Stretch], list[Leg]]


def _map(plan: Plan, change: _Legs) -> Plan | None:
    """The plan with every leg changed; None: nothing is."""
    changed = tuple(Stretch(part=each.part, leg=leg) for each in plan for leg in change(each))
    return None if changed == plan else changed


def _with_stream(leg: Leg, load: Load) -> Leg:
    """What it streams with becomes this load."""
    if not leg.loads & _STREAMS:
        return leg
    return replace(leg, loads=leg.loads - _STREAMS | {load})


def _record(stretch: Stretch) -> list[Leg]:
    return [_with_stream(stretch.leg, Load.RECORD)]


def _low(stretch: Stretch) -> list[Leg]:
    return [_with_stream(stretch.leg, Load.STREAM_LOW)]


def _pieces(stretch: Stretch) -> list[Leg]:
    leg = stretch.leg
    if not leg.loads & _STREAMS:
        return [leg]
    streamed = replace(leg, minutes=leg.minutes * SNIPPETS_SHARE)
    rest = replace(leg, minutes=leg.minutes * (1.0 - SNIPPETS_SHARE))
    return [_with_stream(rest, Load.RECORD), streamed]


def _where_signal_is_good(stretch: Stretch) -> list[Leg]:
    leg = stretch.leg
    if not leg.loads & _STREAMS or leg.weak <= 0.0:
        return [leg]
    weak = replace(leg, minutes=leg.minutes * leg.weak, weak=1.0)
    good = replace(leg, minutes=leg.minutes * (1.0 - leg.weak), weak=0.0)
    return [_with_stream(weak, Load.RECORD), *([good] if good.minutes > 0.0 else [])]


def _seldom(stretch: Stretch) -> list[Leg]:
    return [replace(stretch.leg, seldom=True)]


def _dark(stretch: Stretch) -> list[Leg]:
    return [replace(stretch.leg, loads=stretch.leg.loads - _LIGHTS)]


def _in_car(stretch: Stretch) -> list[Leg]:
    driving = stretch.part is not Part.SCENE
    return [replace(stretch.leg, charging=True) if driving else stretch.leg]


def _on_bank(stretch: Stretch) -> list[Leg]:
    return [replace(stretch.leg, charging=True)]


_ON_LEGS: Final[dict[Mitigation, _Legs]] = {
    _M.RECORD_LOCALLY: _record,
    _M.SNIPPETS: _pieces,
    _M.NO_WEAK_STREAM: _where_signal_is_good,
    _M.LOWER_BITRATE: _low,
    _M.SELDOM_FIXES: _seldom,
    _M.LIGHTS_OFF: _dark,
    _M.CHARGE_IN_CAR: _in_car,
    _M.POWER_BANK: _on_bank,
}


def _changed_by(kind: Mitigation) -> Callable[[Prospect], Plan | None]:
    def change(prospect: Prospect) -> Plan | None:
        if kind is _M.CHARGE_IN_CAR and not prospect.in_vehicle:
            return None
        if kind is _M.POWER_BANK and not prospect.power_bank:
            return None
        return _map(prospect.plan, _ON_LEGS[kind])

    return change


MEASURABLE: Final = frozenset(_ON_LEGS)
"""Those that change what drains; the others put another battery in its place."""

_CHANGES: Final = {kind: _changed_by(kind) for kind in _ON_LEGS}


def _effect(kind: Mitigation, prospect: Prospect, p_before: float, changed: Plan) -> Proposal:
    outlook = prospect.outlook
    before, after = _first_change(kind, prospect)
    return Proposal(
        kind=kind,
        p_before=p_before,
        p_after=outlook.p_last([each.leg for each in changed]),
        drain_before_pct_per_h=outlook.drain_pct_per_h(before),
        drain_after_pct_per_h=_mean_drain(outlook, after),
        loss=LOSS[kind],
        loads=frozenset(load for leg in after for load in leg.loads),
        charging=after[0].charging,
    )


def _first_change(kind: Mitigation, prospect: Prospect) -> tuple[Leg, list[Leg]]:
    """The first leg that takes less, or else the first that differs, and what becomes of it."""
    outlook, change = prospect.outlook, _ON_LEGS[kind]
    changed = [(each.leg, after) for each in prospect.plan if (after := change(each)) != [each.leg]]
    for leg, after in changed:
        if _mean_drain(outlook, after) < outlook.drain_pct_per_h(leg):
            return leg, after
    return changed[0]


def _mean_drain(outlook: Outlook, legs: Sequence[Leg]) -> float:
    minutes = sum(leg.minutes for leg in legs)
    if minutes <= 0.0:
        return outlook.drain_pct_per_h(legs[0])
    return sum(outlook.drain_pct_per_h(leg) * leg.minutes for leg in legs) / minutes


def _spare(prospect: Prospect, p_before: float) -> list[Proposal]:
    """The best of the spares: the pack of now must reach it, the spare must last the rest."""
    if _M.SPARE_AT_STATION in prospect.in_force:
        return []
    outlook = prospect.outlook
    found = []
    for spare in prospect.spares:
        until, rest = split(prospect.plan, spare.after_min)
        reaches = outlook.p_last(until)
        lasts = outlook.with_level(SPARE_LEVEL_PCT).p_last(rest)
        drain = _mean_drain(outlook, rest) if rest else 0.0
        made = Proposal(
            kind=_M.SPARE_AT_STATION,
            p_before=p_before,
            p_after=reaches * lasts,
            drain_before_pct_per_h=drain,
            drain_after_pct_per_h=drain,
            loss=LOSS[_M.SPARE_AT_STATION] + DETOUR_LOSS_PER_MIN * spare.detour_min,
            values={"station": spare.station, "detour_min": round(spare.detour_min, 1)},
        )
        if made.gain >= GAIN_MIN:
            found.append(made)
    return sorted(found, key=lambda each: each.loss - each.gain)[:1]


def _second(prospect: Prospect, p_before: float) -> list[Proposal]:
    """Whoever is there before this camera dies, and lasts to the end."""
    if _M.SECOND_CAMERA in prospect.in_force:
        return []
    outlook, found = prospect.outlook, []
    nearest = sorted(prospect.takeovers, key=lambda each: each.eta_min)[:TAKEOVERS_LEN_MAX]
    for other in nearest:
        until, _ = split(prospect.plan, other.eta_min)
        drain = _mean_drain(outlook, [each.leg for each in prospect.plan])
        made = Proposal(
            kind=_M.SECOND_CAMERA,
            p_before=p_before,
            p_after=max(p_before, outlook.p_last(until) * other.p_last),
            drain_before_pct_per_h=drain,
            drain_after_pct_per_h=drain,
            loss=LOSS[_M.SECOND_CAMERA],
            values={
                "camera": other.device_id,
                "unit": other.call_sign,
                "unit_id": other.unit_id,
                "eta_min": round(other.eta_min, 1),
            },
        )
        if made.gain >= GAIN_MIN:
            found.append(made)
    return sorted(found, key=lambda each: -each.gain)[:1]


def split(plan: Plan, minutes: float) -> tuple[list[Leg], list[Leg]]:
    """What lies before a moment, and after it."""
    before: list[Leg] = []
    after: list[Leg] = []
    for each in plan:
        first = min(each.leg.minutes, max(minutes, 0.0))
        minutes -= first
        if first > 0.0:
            before.append(replace(each.leg, minutes=first))
        if each.leg.minutes > first:
            after.append(replace(each.leg, minutes=each.leg.minutes - first))
    return before, after
