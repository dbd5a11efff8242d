"""A simulated dispatcher at the public HTTP API: opens incidents and sends the first candidate.

Works only on the incidents it opened itself: what a person opens, a person dispatches. Takes human
time, in simulated seconds. Every call may fail; it is told, and tried again later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final
from uuid import uuid4

from devices.shell.api import Api, ApiProblem, Unreachable
from devices.sim.incidents import Kind, Planned
from devices.sim.officers import Spread

TYPING: Final = Spread(median_s=8.0, sigma=0.5, low_s=3.0, high_s=40.0)
"""From opening an incident to asking for a recommendation."""
CHOOSING: Final = Spread(median_s=6.0, sigma=0.5, low_s=2.0, high_s=30.0)
"""From the recommendation to the decision."""
LOOK_AGAIN_S: Final = 2.0
"""Real seconds between two looks at the list of open incidents, one look for all in hand."""
LIST_LEN: Final = 200
NOBODY_FREE_S: Final = 30.0
"""Simulated seconds until asking again when no unit can go."""
TROUBLE_S: Final = 5.0
"""Real seconds after a call that failed."""
PASSED_OVER: Final = "Those before it declined, or are left to people."
"""Why not the first recommended."""
IN_HAND_MAX: Final = 60
"""Incidents worked on at once; further ones wait, and come late rather than not at all."""
PATIENCE_S: Final = 4 * 3600.0
"""Real seconds after which an incident that does not end is left to people."""


@dataclass(slots=True, kw_only=True)
class Tally:
    """What the status line shows."""

    opened: int = 0
    dispatched: int = 0
    declined: int = 0
    closed: int = 0
    in_hand: int = 0
    troubles: int = 0
    last_trouble: str = ""
    close_times_s: list[float] = field(default_factory=list)
    """Real seconds from opening to closing."""


class Autopilot:
    """Runs until cancelled."""

    def __init__(
        self,
        api: Api,
        *,
        sign_in: Callable[[], Awaitable[None]],
        plan: Callable[[list[Kind]], Iterator[Planned]],
        rng: Random,
        speed: float,
        tally: Tally,
        unit_ids: frozenset[str],
    ) -> None:
        """`unit_ids`: who may be sent; units that people man are left to people.

        `speed`: simulated seconds per real second. `plan` makes the stream of incidents.
        """
        self._api, self._sign_in, self._plan = api, sign_in, plan
        self._rng, self._speed = rng, speed
        self._run_id = f"sim-{uuid4().hex[:16]}"
        """Not from the seed: the server takes the same request id for the same request."""
        self._tally = tally
        self._unit_ids = unit_ids
        self._slots = asyncio.Semaphore(IN_HAND_MAX)
        self._statuses: dict[str, str] = {}
        """Of open incidents at the last look; a missing one has ended, or is beyond the list."""
        self._looked = asyncio.Condition()

    async def run(self) -> None:
        """Open what is planned, when it is planned; each incident is a task of its own."""
        kinds = [
            Kind(code=each["code"], priority=each["priority"])
            for each in await self._get("/api/incident-types")
            if not each.get("retired")
        ]
        async with asyncio.TaskGroup() as group:
            group.create_task(self._look(), name="autopilot-look")
            async for planned in self._due(self._plan(kinds)):
                await self._slots.acquire()
                name = f"incident-{planned.number}"
                task = group.create_task(self._handle(planned), name=name)
                task.add_done_callback(lambda _: self._slots.release())

    async def put_on_duty(self) -> None:
        """Begin the shift of simulated units that are off duty."""
        for unit in await self._get("/api/units"):
            if unit["id"] in self._unit_ids and unit["status"] == "off_duty":
                path = f"/api/units/{unit['id']}/shift"
                await self._post(path, {"on_duty": True})

    async def _due(self, plan: Iterator[Planned]) -> AsyncIterator[Planned]:
        loop = asyncio.get_running_loop()
        began = loop.time()
        for planned in plan:
            await asyncio.sleep(max(0.0, began + planned.at_s / self._speed - loop.time()))
            yield planned

    async def _handle(self, planned: Planned) -> None:
        """One incident from the call to its end."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        body = {
            "request_id": f"{self._run_id}-{planned.number}",
            "type": planned.type,
            "priority": planned.priority,
            "note": planned.note,
            "lon": round(planned.lon, 6),
            "lat": round(planned.lat, 6),
        }
        try:
            incident = await self._post("/api/incidents", body)
        except ApiProblem as error:
            self._trouble(error)
            return
        self._tally.opened += 1
        self._tally.in_hand += 1
        refusals: set[str] = set()
        try:
            await self._think(TYPING)
            while loop.time() - began < PATIENCE_S:
                if await self._attend(f"/api/incidents/{incident['id']}", refusals):
                    self._tally.closed += 1
                    self._tally.close_times_s.append(loop.time() - began)
                    return
                await self._until_status_is_not(incident["id"], "assigned")
        finally:
            self._tally.in_hand -= 1

    async def _attend(self, path: str, refusals: set[str]) -> bool:
        """Look at one incident, do what is needed; whether it is closed."""
        try:
            incident = await self._get(path)
            if incident["status"] == "open":
                await self._send_somebody(path, incident, refusals)
            return bool(incident["status"] == "closed")
        except ApiProblem as error:
            if error.status != 409:  # 409: somebody was quicker
                self._trouble(error)
                await asyncio.sleep(TROUBLE_S)
            return False

    async def _send_somebody(self, path: str, incident: dict[str, Any], refusals: set[str]) -> None:
        refused = {each["unit_id"] for each in incident["orders"] if each["state"] == "unable"}
        self._tally.declined += len(refused - refusals)
        refusals |= refused
        advice = await self._post(f"{path}/recommendation")
        able = [
            each
            for each in advice["candidates"]
            if each["rank"] is not None and each["unit_id"] in self._unit_ids - refusals
        ]
        if not able:
            await asyncio.sleep(max(LOOK_AGAIN_S, NOBODY_FREE_S / self._speed))
            return
        await self._think(CHOOSING)
        first = min(able, key=lambda each: int(each["rank"]))
        body = {
            "request_id": f"{self._run_id}-{advice['id']}",
            "recommendation_id": advice["id"],
            "unit_ids": [first["unit_id"]],
            "reason": "" if first["rank"] == 1 else PASSED_OVER,
        }
        await self._post(f"{path}/dispatch", body)
        self._tally.dispatched += 1

    async def _look(self) -> None:
        while True:
            found = await self._get(f"/api/incidents?status=open&limit={LIST_LEN}")
            async with self._looked:
                self._statuses = {each["id"]: each["status"] for each in found}
                self._looked.notify_all()
            await asyncio.sleep(LOOK_AGAIN_S)

    async def _until_status_is_not(self, incident_id: str, status: str) -> None:
        async with self._looked:
            await self._looked.wait()
            await self._looked.wait_for(lambda: self._statuses.get(incident_id) != status)

    async def _get(self, path: str) -> Any:
        return await self._insist(lambda: self._api.get(path))

    async def _post(self, path: str, body: dict[str, Any] | None = None) -> Any:
        return await self._insist(lambda: self._api.post(path, body))

    async def _insist(self, call: Callable[[], Awaitable[Any]]) -> Any:
        """Until the server answers; a lost session is renewed. Raises ApiProblem."""
        while True:
            try:
                return await call()
            except Unreachable as error:
                self._trouble(error)
            except ApiProblem as error:
                if error.status == 401:
                    await self._sign_in()
                    continue
                if error.status not in (429, 502, 503):
                    raise
                self._trouble(error)
            await asyncio.sleep(TROUBLE_S)

    async def _think(self, spread: Spread) -> None:
        await asyncio.sleep(spread.draw(self._rng) / self._speed)

    def _trouble(self, error: Exception) -> None:
        self._tally.troubles += 1
        self._tally.last_trouble = str(error)
