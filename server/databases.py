"""The databases of a process: those that its settings name, else private ones of the data folder.

Knows nothing of what is kept in them but its schema, and imports little: commands use it too.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from server import migrate
from server.embedded import launcher
from server.embedded.launcher import Running
from server.settings import Settings
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)


class DatabaseUnusable(Exception):
    """PostgreSQL does not answer; the text is for the operator."""


@contextmanager
def private(settings: Settings, *, valkey: bool = True) -> Iterator[Running]:
    """Those that the settings do not name; none at all when they name both."""
    wanted = {
        "postgres": settings.database_url is None,
        "valkey": valkey and settings.redis_url is None,
    }
    if not any(wanted.values()):
        yield Running(postgres=None, valkey=None)
        return
    with launcher.run(settings.data_dir, **wanted) as running:
        yield running


def with_urls(settings: Settings, running: Running) -> Settings:
    """The settings, with the private databases where they name none."""
    return replace(
        settings,
        database_url=settings.database_url or running.database_url,
        redis_url=settings.redis_url or running.redis_url,
    )


def migrate_now(settings: Settings) -> None:
    """Bring the schema up to date. Raises `MigrationError`, `DatabaseUnusable`."""
    assert settings.database_url is not None
    try:
        for name in asyncio.run(migrate.apply(settings.database_url)):
            logger.info("applied migration %s", name)
    except STORE_AWAY as error:
        raise DatabaseUnusable(
            f"PostgreSQL cannot be used: {error}. Look at DATABASE_URL and at that server."
        ) from error
