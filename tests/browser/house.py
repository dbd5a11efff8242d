"""A police house to look at: one server, its units, its people."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import redis

from geo.roadmap import RoadMap
from server import demo
from server.stores.pool import open_pool
from tests.conftest import TestServers, fresh_database
from tests.server_process import ServerProcess, running


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    server: ServerProcess
    seeded: demo.DemoSeed
    database_url: str
    """The owner's."""


class NewHouse(Protocol):
    """Opens one; the fixture `new_house`."""

    def __call__(self, *, units: int = 1) -> AbstractContextManager[House]: ...


@contextmanager
def open_house(
    servers: TestServers,
    template: str,
    roadmap: RoadMap,
    map_dir: Path,
    folder: Path,
    *,
    units: int = 1,
) -> Iterator[House]:
    """A server in a process of its own, over a database with so many units in it."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    with fresh_database(servers, template) as database_url:
        seeded = asyncio.run(_seed(database_url, roadmap, units))
        server = ServerProcess(
            map_dir=map_dir,
            data_dir=folder,
            database_url=database_url,
            redis_url=servers.redis_url,
        )
        with running(server):
            yield House(server=server, seeded=seeded, database_url=database_url)


async def _seed(database_url: str, roadmap: RoadMap, units: int) -> demo.DemoSeed:
    pool = await open_pool(database_url)
    try:
        return await demo.seed(pool, roadmap, units=units)
    finally:
        await pool.close()
