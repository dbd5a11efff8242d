"""What all links of terminals in this process share, and how many there may be. Knows no link."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from devices.jt808.limits import LinkLimits
from server.dispatch.fieldwords import Language, TypeNames
from server.gateways.door import DoorLimits
from server.gateways.guests.registry import Guests
from server.jt808settings import MediaServer
from server.metrics import Metrics

PROTOCOL: Final = "jt808"


@dataclass(frozen=True, slots=True, kw_only=True)
class Jt808Limits:
    door: DoorLimits = field(
        default_factory=lambda: DoorLimits(connections_max=5_000, strangers_per_address_max=2_000)
    )
    """UDP terminals count like connections."""
    udp_strangers_max: int = 1_000
    """Addresses over UDP whose terminal was not let in; more are not heard. Who forges addresses
    has as many as he likes, and must not take the places of terminals."""
    link: LinkLimits = field(default_factory=LinkLimits)
    look_again_s: float = 5.0
    """Between two times that a terminal which is not known is looked up."""
    finish_s: float = 3.0
    """For what was taken to become durable when a link ends."""
    store_s_max: float = 60.0
    """For a report to become durable, while its terminal is not read any further; then the link
    ends."""
    sweep_s: float = 15.0
    """How late a terminal is tracked, or let go, after its unit's order changed."""
    track_every_s: int = 5
    """Between two fixes of a unit that is under way, where its battery is not spared."""
    track_for_s: int = 600
    """After so long it ends by itself; it is renewed at half of it."""
    answer_s_max: float = 12.0
    """For a terminal to answer what a person asked of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """Handed to every link."""

    guests: Guests
    language: Language
    types: Callable[[], TypeNames]
    """Names of the types of incidents in force."""
    media: MediaServer | None = None
    streams: dict[str, set[int]] = field(default_factory=dict)
    """Channels of which video was asked for, by device id, of those that were let in. The video has
    a connection of its own, and outlives the link."""
    limits: Jt808Limits = field(default_factory=Jt808Limits)

    @property
    def metrics(self) -> Metrics:
        return self.guests.field.metrics
