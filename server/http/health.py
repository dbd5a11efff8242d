"""How the server is, for administrators: facts from all that has some (`server.health`)."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any, Final, Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo.roadmap import RoadMap
from server.health import HEARD_S, Facts, Gateway, Stored, judge, worst
from server.http.errors import json
from server.http.needs import guarded
from server.http.pages import Check, down
from server.metrics import Metrics
from server.settings import Settings
from server.stores.away import NO_ANSWER
from server.stores.pool import Pool
from server.stores.users import User

DISTRIBUTION: Final = "ridgeline-dispatch"
STORED_S_MAX: Final = 3.0

STORED: Final = """
SELECT pg_database_size(current_database()) AS database_bytes,
       count(*)::int AS devices,
       count(*) FILTER (WHERE heard_at > now() - make_interval(secs => $1))::int AS devices_heard,
       (SELECT at FROM journal_checkpoint ORDER BY size DESC LIMIT 1) AS checkpoint_at
FROM (
    SELECT (SELECT max(last_seen_at) FROM installation WHERE device_id = device.id) AS heard_at
    FROM device JOIN shift ON shift.unit_id = device.unit_id AND shift.off_at IS NULL
    WHERE device.disabled_at IS NULL AND device.token_hash IS NOT NULL
) AS on_duty
"""


class HealthServices(Protocol):
    """What these routes need of `Services`."""

    @property
    def pool(self) -> Pool: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def metrics(self) -> Metrics: ...
    @property
    def roadmap(self) -> RoadMap: ...
    @property
    def checks(self) -> Mapping[str, Check]: ...
    @property
    def helpers(self) -> Mapping[str, Check]: ...


def routes(services: HealthServices) -> list[BaseRoute]:
    started_at = datetime.now(UTC)

    async def health(request: Request, admin: User) -> Response:
        now = datetime.now(UTC)
        findings = judge(await _facts(services, started_at), now)
        return json({"at": now, "worst": worst(findings), "findings": findings})

    return [Route("/api/health", guarded(health, "admin"), methods=["GET"])]


async def _facts(services: HealthServices, started_at: datetime) -> Facts:
    settings, metrics, meta = services.settings, services.metrics, services.roadmap.meta
    failing, without, stored, disk = await asyncio.gather(
        down(services.checks),
        down(services.helpers),
        _stored(services.pool),
        asyncio.to_thread(shutil.disk_usage, settings.data_dir),
    )
    gauge = metrics.gauge_value
    return Facts(
        version=version(DISTRIBUTION),
        started_at=started_at,
        down=tuple(failing),
        without=tuple(without),
        stored=stored,
        disk_free_bytes=disk.free,
        disk_bytes=disk.total,
        waiting=gauge("journal_waiting") or 0.0,
        unsigned=gauge("journal_unsigned") or 0.0,
        consoles=gauge("consoles") or 0.0,
        gateways=(
            _gateway("jt808", settings.jt808.host, settings.jt808.port, gauge("jt808_links")),
            _gateway("tak", settings.tak.host, settings.tak.port, gauge("tak_clients")),
        ),
        certificate_days=gauge("tak_server_certificate_days"),
        dead_letters=gauge("webhook_dead") or 0.0,
        photos_bytes=gauge("photos_kept_bytes") or 0.0,
        photos_bytes_max=gauge("photos_kept_bytes_max") or 0.0,
        map_name=meta.name,
        map_id=meta.map_id,
        map_built_at=meta.built_at,
        map_synthetic=meta.synthetic,
    )


def _gateway(name: str, host: str, port: int | None, clients: float | None) -> Gateway:
    return Gateway(name=name, host=host, port=port, clients=clients or 0.0)


async def _stored(pool: Pool) -> Stored | None:
    try:
        async with asyncio.timeout(STORED_S_MAX), pool.acquire() as conn:
            row: Any = await conn.fetchrow(STORED, HEARD_S)
    except NO_ANSWER:
        return None
    return Stored(**row)
