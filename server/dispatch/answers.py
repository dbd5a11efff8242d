"""Who answers, where the way by which a report comes cannot say who pressed the button.

A terminal with a keypad, or a chat line, brings a person's answer and no badge. What is claimed is
what is known, and is kept with the step, as a `Claim`:

* the person gave his badge: nothing to add;
* the device is carried by one officer, always the same, who is of the unit: he, as its carrier;
* the unit has one officer: he, as the only one;
* otherwise a person at this device, unnamed. That is an answer all the same, as long as the device
  is the unit's: a person, not a machine, said it, and the room knows where to ask.

Never the leader's answer: a question to him is answered under his own badge, or as the carrier of
his own device.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Claim(StrEnum):
    """How it is known who answered."""

    NAMED = ""
    """By the badge that he gave; or no person answered."""
    CARRIER = "carrier"
    ALONE = "alone"
    UNNAMED = "unnamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Path:
    """The way by which a device's report comes."""

    name: str
    """`native`, or a guest's protocol."""
    carrier: str | None = None
    """Badge of whoever carries the device, where that is always the same person."""
    names_people: bool = True
    """Whether every person who answers gives his badge."""


NATIVE: Final = Path(name="native")


def answerer(badge: str, path: Path, crew: frozenset[str], *, of_unit: bool) -> tuple[str, Claim]:
    """The badge under which a person's answer counts, and what is claimed of him.

    `crew`: the badges that may answer; `of_unit`: whether they are the whole unit, and the device
    is the unit's.
    """
    if badge or path.names_people:
        return badge, Claim.NAMED
    if path.carrier in crew:
        return str(path.carrier), Claim.CARRIER
    if not of_unit:
        return "", Claim.NAMED
    if len(crew) == 1:
        return next(iter(crew)), Claim.ALONE
    return "", Claim.UNNAMED
