"""What people see of spares. The same rules as in `server.views`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct

from server.dispatch.spares import SpareKind


class SpareView(Struct, frozen=True, kw_only=True):
    """A spare pack, power bank or camera: in a station, in a vehicle, or with whoever took it."""

    id: str
    label: str
    kind: SpareKind
    fits: list[str]
    """Models of devices; none: any."""
    station: str | None
    unit_id: str | None
    call_sign: str | None
    """Of the unit in whose vehicle it lies."""
    charged: bool
    taken_by: str | None
    """`officer:<badge>`."""
    taken_name: str | None
    taken_at: datetime | None
