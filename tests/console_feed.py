"""A dispatcher's view for tests and benchmarks: the console's feed, read as it comes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import httpx
import msgspec
import websockets
from websockets.typing import Subprotocol

from server.views import Delta, IncidentView, Snapshot, SosView, Tick, UnitView
from tests.patience import PATIENCE_S

_decoder: msgspec.json.Decoder[Snapshot | Delta | Tick] = msgspec.json.Decoder(
    Snapshot | Delta | Tick
)


class ConsoleFeed:
    """What a dispatcher's page knows, and when it came to know it."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self._socket = socket
        self.units: dict[str, UnitView] = {}
        self.incidents: dict[str, IncidentView] = {}
        self.sos: list[SosView] = []
        self._states: dict[tuple[str, str], float] = {}
        """(incident id, order state): `perf_counter` when it was first seen."""
        self._changed = asyncio.Condition()

    async def read(self) -> None:
        """Until the socket closes."""
        async for frame in self._socket:
            seen_at = time.perf_counter()
            message = _decoder.decode(frame)
            if isinstance(message, Tick):
                continue
            async with self._changed:
                if message.sos is not None:
                    self.sos = message.sos
                self.units |= {unit.id: unit for unit in message.units}
                self.incidents |= {incident.id: incident for incident in message.incidents}
                for incident in message.incidents:
                    for order in incident.orders:
                        self._states.setdefault((incident.id, order.state), seen_at)
                self._changed.notify_all()

    async def wait_until(self, holds: Callable[[], bool]) -> None:
        """Until what the page knows fulfils that."""
        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(holds)

    async def wait_for_positions(self, count: int, seconds_max: float = PATIENCE_S) -> None:
        """Until so many units have a position."""

        def placed() -> bool:
            return sum(unit.position is not None for unit in self.units.values()) >= count

        async with asyncio.timeout(seconds_max), self._changed:
            await self._changed.wait_for(placed)

    async def wait_for_position_at(self, lon: float) -> None:
        """Until some unit is shown at that longitude."""

        def there() -> bool:
            places = [unit.position for unit in self.units.values() if unit.position is not None]
            return any(abs(place.lon - lon) < 1e-6 for place in places)

        async with asyncio.timeout(PATIENCE_S), self._changed:
            await self._changed.wait_for(there)

    async def wait_for_order(
        self, incident_id: str, state: str, seconds_max: float = PATIENCE_S
    ) -> float:
        """When an order of this incident was first seen in `state`, by `perf_counter`."""
        async with asyncio.timeout(seconds_max), self._changed:
            await self._changed.wait_for(lambda: (incident_id, state) in self._states)
            return self._states[incident_id, state]

    async def wait_for_closed(self, count: int, seconds_max: float) -> None:
        """Until so many incidents were seen closed."""

        def closed() -> bool:
            return sum(i.status == "closed" for i in self.incidents.values()) >= count

        async with asyncio.timeout(seconds_max), self._changed:
            await self._changed.wait_for(closed)


@asynccontextmanager
async def watching(url: str, client: httpx.AsyncClient) -> AsyncIterator[ConsoleFeed]:
    """The feed of the server at `url`, in the session that `client` signed in to."""
    cookie = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    async with websockets.connect(
        url.replace("http", "ws", 1) + "/v1/console",
        subprotocols=[Subprotocol("ridgeline.console.v1.json")],
        additional_headers={"cookie": cookie},
        max_size=None,
        open_timeout=PATIENCE_S,
        ping_interval=None,  # a server that is slow to answer is no broken feed
    ) as socket:
        feed = ConsoleFeed(socket)
        reading = asyncio.create_task(feed.read(), name="console feed")
        try:
            yield feed
        finally:
            reading.cancel()
            with suppress(asyncio.CancelledError, websockets.ConnectionClosed):
                await reading
