"""What all device connections of a process share: stores, clock, counters, and the word to others.

Knows no connection.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

import msgspec

from devices.session_flow import SessionLimits
from server.gateways.mail import Mail
from server.ids import new_id
from server.metrics import Metrics
from server.ports import Clock, FanOut
from server.stores.pool import Pool
from server.stores.positions import PositionWriter
from server.stores.presence import DeviceFix, Presence, PresenceStore
from server.stores.sos import NamePlace, coordinates
from server.witnesses import Witnesses


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """Handed to every connection."""

    pool: Pool
    positions: PositionWriter
    fanout: FanOut
    clock: Clock
    metrics: Metrics
    limits: SessionLimits
    mail: Mail
    presence: PresenceStore | None = None
    witnesses: Witnesses | None = None
    name_place: NamePlace = coordinates
    gateway_id: str = field(default_factory=new_id)
    arrivals: Iterator[int] = field(default_factory=lambda: count(1))
    """Numbers of the conversations, in the order in which they began."""

    def share_presence(self, presence: Presence) -> None:
        """Tell everybody that an installation came, is still there, or left."""
        if self.presence is not None:
            self.presence.note(presence)
        self.fanout.publish("presence", msgspec.json.encode(presence).decode())

    def publish(self, hints: Iterable[tuple[str, str]]) -> None:
        """Tell everybody what a transaction has changed: (topic, payload) each."""
        for topic, payload in hints:
            self.fanout.publish(topic, payload)

    def share_fix(self, fix: DeviceFix) -> None:
        """Tell everybody a device's newest fix."""
        if self.presence is not None:
            self.presence.note(fix)
        self.fanout.publish("fix", msgspec.json.encode(fix).decode())
