"""What the store is asked for many devices at once: who they are, and what their logs hold.

When a county comes back, or a burst of orders goes out, hundreds ask within the same moment; those
who ask while a question is under way share the next one. Raises what the store raises.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from server.gathering import Gathering
from server.ports import Clock
from server.stores import commands, devices
from server.stores.commands import Command
from server.stores.devices import Device
from server.stores.pool import Pool

TOGETHER_MAX: Final = 100
"""Devices of one question."""
PAGE_LEN: Final = 100
"""Commands read of one device's log at once."""


class Mail:
    """Of one process; every conversation asks here."""

    def __init__(self, pool: Pool, clock: Clock) -> None:
        self._pool, self._clock = pool, clock
        self._devices: Gathering[str, Device | None]
        self._pages: Gathering[tuple[str, int], list[Command]]
        self._sent: Gathering[Sequence[str], None]
        self._devices = Gathering(self._read_devices, together_max=TOGETHER_MAX)
        self._pages = Gathering(self._read_pages, together_max=TOGETHER_MAX)
        self._sent = Gathering(self._mark_sent, together_max=TOGETHER_MAX)

    async def device(self, device_id: str) -> Device | None:
        """The device, if it may be connected."""
        return await self._devices.ask(device_id)

    async def page(self, device_id: str, after_seq: int) -> list[Command]:
        """Commands of a device's log above a seq, lowest first, at most `PAGE_LEN`."""
        return await self._pages.ask((device_id, after_seq))

    async def mark_sent(self, command_ids: Sequence[str]) -> None:
        """Remember that the frames of these were written by now."""
        await self._sent.ask(command_ids)

    async def _read_devices(self, device_ids: Sequence[str]) -> list[Device | None]:
        async with self._pool.acquire() as conn:
            found = await devices.enabled(conn, device_ids)
        return [found.get(each) for each in device_ids]

    async def _read_pages(self, wanted: Sequence[tuple[str, int]]) -> list[list[Command]]:
        async with self._pool.acquire() as conn:
            return await commands.pages(conn, wanted, PAGE_LEN)

    async def _mark_sent(self, written: Sequence[Sequence[str]]) -> list[None]:
        ids = [command_id for each in written for command_id in each]
        async with self._pool.acquire() as conn:
            await commands.mark_sent(conn, ids, at=self._clock())
        return [None] * len(written)
