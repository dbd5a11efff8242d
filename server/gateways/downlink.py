"""One device's log of commands, on its way from the store into a session.

What is still open below the floor goes first, then the log page by page; the session takes what it
has room for, and is offered the rest again. A task that is over arrives as a notice of what was
missed. Knows no socket; raises what the store raises when it is away.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime

from devices.session import DeviceSession, Phase
from devices.session_events import Downlink
from server.gateways.field import Field
from server.gateways.mail import PAGE_LEN
from server.stores import devices
from server.stores.commands import Command


class Feed:
    """Fills one session from one device's log."""

    def __init__(self, field: Field, session: DeviceSession, device_id: str) -> None:
        self.has_more = False
        """Something may wait in the log."""
        self._field, self._session, self._device_id = field, session, device_id
        self._open_commands: list[Downlink] = []
        """What is still open below the floor, and is to be sent before the log goes on."""
        self._page: list[Command] = []
        """What was read of the log and found no room yet."""
        self._floor_seq = 0
        """Where the log goes on after those."""
        self._head_at_hello = 0
        self._open_ids: frozenset[str] = frozenset()
        """Commands up to that head which are still of use; see `_downlink`."""
        self._unmarked: list[str] = []
        """Commands whose frames were written, `sent_at` still to be stored."""
        self._greetings = 0

    def greeted(self) -> None:
        """The device said hello: what was being read for it is read anew."""
        self._greetings += 1
        self._open_commands, self._page = [], []

    def start(self, opening: devices.Opening, still_open: list[Command], now: datetime) -> None:
        """The session was welcomed."""
        self._head_at_hello = opening.head_seq
        self._floor_seq = opening.floor_seq
        self._open_ids = frozenset(command.id for command in still_open)
        self._open_commands = [
            self._downlink(command, now)
            for command in still_open
            if self._session.read_seq < command.seq <= opening.floor_seq
        ]
        self.has_more = True

    async def fill(self) -> int:
        """Queue one page of the log; returns how many commands found room."""
        if self._session.phase is not Phase.LIVE or not self.has_more:
            return 0
        if self._open_commands:
            taken = self._session.queue(self._open_commands, _now())
            del self._open_commands[:taken]
            return taken
        if not self._page and not await self._turn_page():
            return 0
        now = self._field.clock()
        waiting = [self._downlink(command, now) for command in self._page]
        taken = self._session.queue(waiting, _now())
        del self._page[:taken]
        self.has_more = self.has_more or bool(self._page)
        return taken

    async def _turn_page(self) -> bool:
        """Read on in the log; False: what was read is of no use any more."""
        self._session.skip_to(self._floor_seq)
        greeting, self.has_more = self._greetings, False
        page = await self._field.mail.page(self._device_id, self._session.read_seq)
        if greeting != self._greetings or self._session.phase is not Phase.LIVE:
            self.has_more = True  # a new hello came in between: its cursor counts
            return False
        self._page = page
        self.has_more = self.has_more or len(page) == PAGE_LEN
        return True

    def written(self, command_ids: Sequence[str]) -> None:
        """The frames of these were written."""
        self._unmarked += command_ids

    async def mark_sent(self) -> None:
        """Remember when what was written was written."""
        if not self._unmarked:
            return
        ids = list(self._unmarked)
        await self._field.mail.mark_sent(ids)
        del self._unmarked[: len(ids)]
        self._field.metrics.count("commands_sent", len(ids))

    def _downlink(self, command: Command, now: datetime) -> Downlink:
        """As the session sends it. A task that is over arrives as a notice of what was missed."""
        expired = command.expires_at is not None and command.expires_at <= now
        over = command.seq <= self._head_at_hello and command.id not in self._open_ids
        kind, body = command.kind, command.body
        if kind != "notice" and (expired or over):
            kind = "notice"
            asked = {} if command.kind == "task" else {"asked": command.kind, "question": body}
            body = (
                {"ref": command.id, "why": "expired" if expired else "closed"}
                | asked
                | {name: body[name] for name in ("order", "number", "incident") if name in body}
            )
        return Downlink(
            seq=command.seq,
            id=command.id,
            kind=kind,
            priority=command.priority,
            body=body,
            expires_ms=None if command.expires_at is None else unix_ms(command.expires_at),
        )


def unix_ms(at: datetime) -> int:
    return round(at.timestamp() * 1000)


def _now() -> float:
    return asyncio.get_running_loop().time()
