"""Copies the newest checkpoint of the command log to a file that others keep, now and then.

On another machine's disk, say: whoever has it holds the log to its word. Whole or not at all; a
folder that is away for a while is tried again. A server that starts shows what is in the file to
the witnesses first: it remembers nothing else of what it signed. Knows no database.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from server.journal.notes import NOTE_BYTES_MAX
from server.metrics import Metrics
from server.stores.away import STORE_AWAY

logger = logging.getLogger(__name__)

COPY_EVERY_S: Final = 60.0
DISPUTED: Final = ".disputed"
"""Behind the name of a file that this log does not fit."""


class CheckpointFile:
    """`run` copies until cancelled."""

    def __init__(
        self,
        path: Path,
        *,
        newest: Callable[[], str],
        fits: Callable[[str], Awaitable[bool]],
        metrics: Metrics,
    ) -> None:
        """`fits` says whether the log has had a checkpoint, and raises an alarm where not."""
        self._path, self._newest, self._fits, self._metrics = path, newest, fits, metrics
        self._copied = ""

    async def run(self) -> None:
        shown = False
        while True:
            shown = shown or await self.show()
            if shown:
                await self.copy()
            await asyncio.sleep(COPY_EVERY_S)

    async def show(self) -> bool:
        """What was kept when a server ran here last; one that does not fit is put aside.

        False where nobody could be asked.
        """
        try:
            note = await asyncio.to_thread(_read, self._path)
            fits = not note or await self._fits(note)
        except ValueError as error:
            logger.warning("there is no checkpoint in %s: %s", self._path, error)
            return True
        except STORE_AWAY as error:  # or the disk
            logger.warning("the checkpoint in %s is not compared yet: %s", self._path, error)
            return False
        if not fits:
            await asyncio.to_thread(_put_aside, self._path)
        return True

    async def copy(self) -> None:
        """Where there is a newer one. A disk that fails is logged and counted."""
        path, note = self._path, self._newest()
        if note in ("", self._copied):
            return
        try:
            await asyncio.to_thread(_write, path, note)
        except OSError as error:
            self._metrics.count("checkpoint_file_failures")
            logger.error("the checkpoint cannot be copied to %s: %s", path, error)
            return
        self._copied = note


def _read(path: Path) -> str:
    """ "": there is none."""
    if not path.exists():
        return ""
    with path.open("rb") as file:
        return file.read(NOTE_BYTES_MAX).decode()


def _put_aside(path: Path) -> None:
    aside = path.with_name(path.name + DISPUTED)
    try:
        path.replace(aside)
    except OSError as error:
        logger.error("%s cannot be put aside: %s", path, error)
        return
    logger.critical("what this log never had was in %s; it is kept in %s", path, aside)


def _write(path: Path, note: str) -> None:
    beside = path.with_name(f".{path.name}.new")
    with beside.open("w", encoding="utf-8") as file:
        file.write(note)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
