"""How often devices that are nobody's may be written down: of one address, and of all together.

Without the first, one address that says a new name each time would hide everybody who knocks from
elsewhere.
"""

from __future__ import annotations

from collections import OrderedDict

from devices.session_flow import Budget, SessionLimits


class StrangersPace:
    """The address unheard for longest is forgotten, and begins anew."""

    def __init__(
        self, together: SessionLimits, of_address: SessionLimits, *, addresses_max: int
    ) -> None:
        self._together, self._of_address = together, of_address
        self._addresses_max = addresses_max
        self._all: Budget | None = None
        self._by_address: OrderedDict[str, Budget] = OrderedDict()

    def __len__(self) -> int:
        """Addresses that are remembered."""
        return len(self._by_address)

    def spend(self, address: str, now: float) -> bool:
        """Whether one of this address may be written down now; then it is counted."""
        if self._all is None:
            self._all = Budget(self._together, now)
        own = self._by_address.get(address)
        if own is None:
            own = self._by_address[address] = Budget(self._of_address, now)
            if len(self._by_address) > self._addresses_max:
                self._by_address.popitem(last=False)
        self._by_address.move_to_end(address)
        if own.wait_s(now) > 0 or self._all.wait_s(now) > 0:
            return False
        own.spend(1, now)
        self._all.spend(1, now)
        return True
