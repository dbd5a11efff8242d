"""The record of a recommendation: all that it was computed from, so that it can be computed again.

Two depths. The premises (`server.dispatch.premises`) are what was known of every unit when they
were ranked, travel times included: from them the ranking follows on any machine. What was asked
(`Asked`), with the circumstances, is what those came from: with the map, the roads as they were and
the learned travel times of then, the travel times follow as well. Batteries go their own way
(`Reckoned`), since they are most of the numbers.

Whatever stands in these dataclasses is recorded by itself, floats to the last bit. Pure.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from typing import Final

import msgspec

from server.dispatch.contest import Station
from server.dispatch.cover import Left
from server.dispatch.errors import RecordDamaged
from server.dispatch.premises import Premises, sha256
from server.dispatch.reckoned import Reckoned
from server.dispatch.runcards import RunCard, Term
from server.dispatch.turnout import Turnout
from server.dispatch.weights import RULES, SHIFT_H
from server.views import IncidentView, OfficerView, RecommendationView, UnitStatus, UnitView

FORM: Final = 1
"""Of the bytes that `pack` makes."""
BYTES_MAX: Final = 16 * 2**20
"""Of one record, unpacked: some ten thousand units."""
LEVEL: Final = 1
"""Of zlib: a tenth of the size, for less time than the ranking takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the recommender was asked, and what it saw of the units."""

    incident: IncidentView
    """Without its orders."""
    units: tuple[UnitView, ...]
    """Those asked about, without names and telephone numbers."""
    doing: dict[str, tuple[UnitStatus, int | None]]
    """Status and open order's number by unit id."""
    in_need: tuple[str, ...]
    """Ids of units who call for help themselves, in order."""
    card: RunCard
    """Of the incident's type."""
    run_cards_version: int
    turnout: Turnout
    war: bool = False
    """Whether war held. It changes what follows a decision (timers, offers), not the ranking."""
    shift_s: float = SHIFT_H * 3600.0
    """How long a shift is."""
    stations: tuple[Station, ...] = ()
    skills: tuple[Term, ...] = ()
    """Words of those that the run card asks for, in its order."""
    left: dict[str, Left] = field(default_factory=dict)
    """What the county is left with without each unit, by unit id, of those that are known."""
    on_it: int = 0
    """Units that are there or on the way already, and that nobody wants back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """By what it was computed, beside the rules."""

    engine: str
    """That found the roads: "cch" or "scipy". They agree on times; of two ways that are equally
    quick they may take different ones."""
    against_one_ways: bool
    learned_version: int | None
    """Of travel times and their spread; None: the model alone."""
    roads: str
    """SHA-256 of closed and slowed roads and conditions as routing had them (`geo.live.kept`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """Of one recommendation."""

    form: int = FORM
    rules: int = RULES
    answer: str
    """SHA-256 of the canonical answer."""
    premises: Premises
    asked: Asked
    circumstances: Circumstances
    battery_version: int | None
    battery_devices: tuple[str, ...]
    battery_numbers: str
    """SHA-256 of what batteries were reckoned with."""

    def fits(self, reckoned: Reckoned) -> bool:
        """Whether these are the numbers that batteries were reckoned with."""
        return (self.battery_version, self.battery_devices, self.battery_numbers) == (
            reckoned.version,
            reckoned.device_ids,
            sha256(reckoned.numbers),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommended:
    """A recommendation, and what it was made from."""

    view: RecommendationView
    record: Record
    reckoned: Reckoned
    roads: bytes
    """`geo.live.kept`; `record` has their name."""


class _Form(msgspec.Struct):
    """What is read of a record before the rest."""

    form: int = 0


_encoder: Final = msgspec.msgpack.Encoder(order="deterministic")
_decoder: Final = msgspec.msgpack.Decoder(Record)
_form_decoder: Final = msgspec.msgpack.Decoder(_Form)


def pack(record: Record) -> bytes:
    """As it is kept."""
    return zlib.compress(_encoder.encode(record), LEVEL)


def unpack(packed: bytes) -> Record:
    """What `pack` was given. Raises `RecordDamaged`."""
    try:
        inflate = zlib.decompressobj()
        data = inflate.decompress(packed, BYTES_MAX)
        if not inflate.eof:
            raise RecordDamaged("it is cut off or too long")
        if (form := _form_decoder.decode(data).form) != FORM:
            raise RecordDamaged(f"it has form {form}, and form {FORM} is known here")
        return _decoder.decode(data)
    except (zlib.error, msgspec.MsgspecError) as error:
        raise RecordDamaged(str(error)) from error


def nameless(unit: UnitView) -> UnitView:
    """A unit as it is recorded: who its people are is not what it was chosen for."""
    return msgspec.structs.replace(
        unit,
        officers=[
            OfficerView(badge=each.badge, name="", skills=each.skills) for each in unit.officers
        ],
        leader=None,
        contact=None,
    )
