"""What a unit is doing, derived from its shift and its open order; the one place that says so."""

from __future__ import annotations

from server.dispatch.orders import OrderState, is_closed
from server.views import UnitStatus

_BY_ORDER: dict[OrderState, UnitStatus] = {
    OrderState.ISSUED: UnitStatus.ASSIGNED,
    OrderState.DELIVERED: UnitStatus.ASSIGNED,
    OrderState.SHOWN: UnitStatus.ASSIGNED,
    OrderState.STANDBY: UnitStatus.ASSIGNED,
    OrderState.ACCEPTED: UnitStatus.ASSIGNED,
    OrderState.EN_ROUTE: UnitStatus.EN_ROUTE,
    OrderState.ON_SCENE: UnitStatus.ON_SCENE,
    OrderState.FEEDBACK: UnitStatus.ON_SCENE,
}


def unit_status(*, on_duty: bool, order: OrderState | None) -> UnitStatus:
    """An open order outweighs the shift: a crew at a scene works on until it is done."""
    if order is not None and not is_closed(order):
        return _BY_ORDER[order]
    return UnitStatus.AVAILABLE if on_duty else UnitStatus.OFF_DUTY
