"""What runs while the server serves, and how it ends: nothing that waits is lost.

Builds nothing; `server.bootstrap` does.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

from server import housekeeping
from server.bootstrap import Services

logger = logging.getLogger(__name__)

CANCEL_AGAIN_S = 0.5


@asynccontextmanager
async def background(services: Services) -> AsyncIterator[None]:
    """Run the background tasks around the body; afterwards store and send what still waits.

    A task that fails is our bug: it ends the body too.
    """
    async with asyncio.TaskGroup() as tasks:
        jobs: dict[str, Callable[[], Coroutine[Any, Any, None]]] = {
            "fanout": services.fanout.run,
            "presence": services.presence.run,
            "board": services.board.run,
            "batteries": services.batteries.run,
            "battery_models": services.battery_models.run,
            "run_cards": services.run_cards.run,
            "stance": services.stance.run,
            "timekeeper": services.timekeeper.run,
            "roads": services.roads.run,
            "warmth": services.warmth.run,
            "road_desk": services.road_desk.run,
            "learning": services.learning.run,
            "dead_zones": services.dead_zones.run,
            "zone_watch": services.zone_watch.run,
            "way_watch": services.way_watch.run,
            "en_route_watch": services.en_route_watch.run,
            "proposal_watch": services.proposal_watch.run,
            "battery_watch": services.battery_watch.run,
            "intake_desk": services.intake_desk.run,
            "move_ups": services.move_ups.run,
            "watch_room": services.watch_room.run,
            "claims": services.claims.run,
            "cover_watch": services.cover_watch.run,
            "cover_keeper": services.cover_keeper.run,
            "charging": services.charging.run,
            "sealer": services.sealer.run,
            "word_indexer": services.word_indexer.run,
            "webhooks": services.webhooks.run,
            "checkpoint_file": services.checkpoint_file.run,
            "access": services.access.run,
            "retention": services.retention.run,
            "hub": services.hub.run,
            "sessions": services.sessions.run,
            "guests": services.guests.run,
            "tak": services.tak.run,
            "terminals": services.terminals.run,
            "sweep": lambda: housekeeping.sweep(services.pool, services.photos),
        }
        writer = tasks.create_task(services.positions.run(), name="positions")
        others = [tasks.create_task(job(), name=name) for name, job in jobs.items()]
        yield
        services.positions.stop()
        await asyncio.wait({writer}, timeout=services.settings.limits.shutdown_s)
        await _end({writer, *others})
        await services.batteries.leave()
        await services.access.leave()
    await services.fanout.flush()


async def close_peers(services: Services) -> None:
    """Tell devices and consoles that the server stops, and wait for them to go."""
    await asyncio.gather(services.tak.drain(), services.terminals.drain())
    await asyncio.gather(services.sessions.drain(), services.guests.drain(), services.hub.drain())


async def close(services: Services) -> None:
    """Let go of what `build` opened, in the opposite order."""
    services.auth.close()
    services.terminals.close()
    await services.tak.close()
    await services.redis.aclose()
    await services.classroom.close()
    await services.surveyor.close()
    await services.routing.close()
    try:
        await asyncio.wait_for(services.pool.close(), services.settings.limits.shutdown_s)
    except TimeoutError:
        logger.warning("a database connection did not come back; it is cut")
        services.pool.terminate()


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    """Cancel until they have ended: before Python 3.12 `wait_for` may lose a cancellation."""
    while tasks:
        for task in tasks:
            task.cancel()
        _, tasks = await asyncio.wait(tasks, timeout=CANCEL_AGAIN_S)
