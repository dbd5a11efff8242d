"""What becomes of an incident as its orders end. What its type asks for: `runcards`."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from server.dispatch.orders import OrderState, is_closed


class IncidentStatus(StrEnum):
    """Open: needs a unit. Assigned: has an order that is not over. Closed: nothing left to do."""

    OPEN = "open"
    ASSIGNED = "assigned"
    CLOSED = "closed"


def status_after(ended: OrderState, others: Sequence[OrderState]) -> IncidentStatus:
    """What becomes of an incident when one of its orders ends as `ended`.

    `others` are the states of its other orders. While any is open, the incident stays assigned.
    The last one decides: done closes the incident; any other end means that it needs a unit again,
    even if an earlier order was done, because only a person can tell that nothing is left.
    """
    assert is_closed(ended), ended
    if any(not is_closed(state) for state in others):
        return IncidentStatus.ASSIGNED
    return IncidentStatus.CLOSED if ended is OrderState.DONE else IncidentStatus.OPEN
