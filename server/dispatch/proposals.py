"""What a plan for all open incidents proposes, as steps that a person takes as one. Pure.

Whoever is called off, wherever he is sent instead, and whoever comes where he is missed belong
together: taken apart, an incident would have two units by accident, or none. So do all who are sent
to one incident: where two are needed, nobody goes alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from server.dispatch.assignment import Assignment, Plan
from server.dispatch.diversion import Diversion


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A unit to be sent."""

    unit_id: str
    incident_id: str
    score_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Hope:
    """Who comes to a released incident once he is done with what he does now."""

    incident_id: str
    unit_id: str
    score_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Steps that are taken together."""

    moves: tuple[Move, ...]
    """By unit id."""
    called_off: tuple[Diversion, ...] = ()
    """By unit id. None: a free unit for an incident that waits."""
    hopes: tuple[Hope, ...] = ()

    @property
    def key(self) -> str:
        """The same for the same steps, whatever they save."""
        gone = [f"-{each.unit_id}" for each in self.called_off]
        return " ".join([f"{each.unit_id}>{each.incident_id}" for each in self.moves] + gone)

    @property
    def saves_s(self) -> float | None:
        """The most that any incident gains by it. None: nobody came otherwise."""
        saved = [each.saves_s for each in self.called_off]
        known = [each for each in saved if each is not None]
        return max(known) if len(known) == len(saved) and known else None


_Part: TypeAlias = Assignment | Diversion


def proposals(plan: Plan) -> tuple[Proposal, ...]:
    """By key. Each unit is in one of them."""
    parts: list[_Part] = [*plan.assignments, *plan.diversions]
    groups: list[list[_Part]] = []
    for part in parts:
        ours = [group for group in groups if any(_together(part, other) for other in group)]
        groups = [group for group in groups if group not in ours]
        groups.append([part, *(each for group in ours for each in group)])
    return tuple(sorted(map(_proposal, groups), key=lambda each: each.key))


def _together(one: _Part, other: _Part) -> bool:
    at_once = isinstance(one, Assignment) and isinstance(other, Assignment)
    if at_once and one.incident_id == other.incident_id:
        return True
    return _covers(one, other) or _covers(other, one)


def _covers(one: _Part, other: _Part) -> bool:
    """Whether `one` brings the unit that comes where `other` calls one off."""
    if not isinstance(other, Diversion) or other.instead.after_job:
        return False
    return one.unit_id == other.instead.unit_id and one.incident_id == other.released_id


def _proposal(parts: Sequence[_Part]) -> Proposal:
    called_off = sorted(
        (each for each in parts if isinstance(each, Diversion)), key=lambda each: each.unit_id
    )
    moves = [
        Move(unit_id=each.unit_id, incident_id=each.incident_id, score_s=each.score_s)
        for each in parts
        if each.incident_id is not None and each.score_s is not None
    ]
    hopes = [
        Hope(
            incident_id=each.released_id,
            unit_id=each.instead.unit_id,
            score_s=each.instead.score_s,
        )
        for each in called_off
        if each.instead.after_job
    ]
    return Proposal(
        moves=tuple(sorted(moves, key=lambda each: each.unit_id)),
        called_off=tuple(called_off),
        hopes=tuple(hopes),
    )
