"""Units as they are recorded with recommendations: made once while a unit looks the same."""

from __future__ import annotations

from collections.abc import Iterable

from server.dispatch.record import nameless
from server.views import UnitView


class Nameless:
    """Remembers those it was asked for last."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[UnitView, UnitView]] = {}

    def of(self, units: Iterable[UnitView]) -> tuple[UnitView, ...]:
        """In the order given; see `record.nameless`."""
        made = {}
        for each in units:
            known = self._made.get(each.id)
            made[each.id] = known if known and known[0] is each else (each, nameless(each))
        self._made = made
        return tuple(recorded for _, recorded in made.values())
