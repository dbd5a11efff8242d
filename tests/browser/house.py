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
from tests.quick_passwords import QUICK
from tests.server_process import ServerProcess, running


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    server: ServerProcess
    seeded: demo.DemoSeed
    database_url: str
    """The owner's."""


class NewHouse(Protocol):
    """Opens one; the fixture `new_house`."""

    def __call__(self, *, units: int = 1, idle: int = 0) -> AbstractContextManager[House]: ...


@contextmanager
def open_house(
    servers: TestServers,
    template: str,
    roadmap: RoadMap,
    map_dir: Path,
    folder: Path,
    *,
    units: int = 1,
    idle: int = 0,
) -> Iterator[House]:
    """A server in a process of its own, over a database with so many units in it; `idle`: more of
    them, that nobody is in."""
    with redis.Redis.from_url(servers.redis_url) as client:
        client.flushall()
    with fresh_database(servers, template) as database_url:
        seeded = asyncio.run(_seed(database_url, roadmap, units, idle))
        server = ServerProcess(
            map_dir=map_dir,
            data_dir=folder,
            database_url=database_url,
            redis_url=servers.redis_url,
        )
        with running(server):
            yield House(server=server, seeded=seeded, database_url=database_url)


# A-0001, A-0002, …: cars and motorcycles of all stations in turn.
IDLE = """
INSERT INTO unit (id, call_sign, kind, station_id)
SELECT gen_random_uuid(), 'A-' || lpad(number::text, 4, '0'),
       CASE number % 3 WHEN 0 THEN 'motorcycle' ELSE 'patrol_car' END, station.id
FROM generate_series(1, $1) AS number
JOIN (SELECT id, row_number() OVER (ORDER BY name) - 1 AS place, count(*) OVER () AS places
      FROM station) AS station ON number % places = place
"""


async def _seed(database_url: str, roadmap: RoadMap, units: int, idle: int) -> demo.DemoSeed:
    pool = await open_pool(database_url)
    try:
        seeded = await demo.seed(pool, roadmap, units=units, skilled={}, hasher=QUICK)
        await pool.execute(IDLE, idle)
        return seeded
    finally:
        await pool.close()
