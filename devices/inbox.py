"""Commands a device has been given: stored before the cursor moves, each once by its id.

The cursor is the highest `seq` stored. It means something only within one `epoch` of the server's
log; when the server starts a new epoch the cursor falls to 0 and the inbox stays, so that what is
sent again is recognised by its id. A command is over when it was done or answered, when the order
it is about ends, or when its time runs out before anybody takes it on: only what is over may be
forgotten. Knows no connection and no clock.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from typing import Final

import msgspec
from msgspec import Struct

from devices.errors import InboxFull, UnknownCommand
from devices.storage import Batch
from protocols.native import Command, Report, State

INBOX_LEN_MAX: Final = 1000
"""Commands remembered. Full: the oldest that is over is forgotten; if none is over, nothing more
is taken (InboxFull), and the server told so: an order is never dropped for a newer one."""

UNANSWERED: Final = frozenset({Report.RECEIVED, Report.SHOWN, Report.STANDBY})
"""Steps after which an order still waits for somebody to take it on."""

TASK: Final = "task"
QUESTIONS: Final = frozenset({"recall", "check", "advice"})
"""Kinds that ask a person something about a task: one answer is all they wait for."""
LIMITS: Final = "limits"
"""What the device itself is to keep to: over when it says so, or when newer ones come."""

CURSOR_KEY: Final = "cursor"
ENTRY_PREFIX: Final = "in/"


class Over(StrEnum):
    """Why nothing more is to be done about a command."""

    DONE = "done"
    DECLINED = "declined"
    CANCELLED = "cancelled"
    EXPIRED = "expired"
    """It came, or was still unanswered, after its time."""
    NOTED = "noted"
    """It was a notice: to know, not to do."""
    ANSWERED = "answered"
    """It was a question, and a person has answered it, either way; or limits that are kept."""


ENDS: Final = {
    "cancelled": Over.CANCELLED,
    "recalled": Over.CANCELLED,
    "superseded": Over.CANCELLED,
    "handed_over": Over.CANCELLED,
    "expired": Over.EXPIRED,
    "done": Over.DONE,
    "unable": Over.DECLINED,
    "closed": Over.DONE,
}
"""What a notice's `why` makes of the task that it names."""

ENDS_QUESTIONS: Final = frozenset({Over.DONE, Over.DECLINED, Over.CANCELLED})
"""Ends of a task after which nothing that was asked about it needs an answer."""


class Entry(Struct, kw_only=True):
    """One command and what became of it here."""

    ordinal: int
    """Order of arrival on this device."""
    command: Command
    shown: bool = False
    over: Over | None = None
    last: State | None = None
    """The last step reported, notes apart: repeated if the server turns out to have lost it."""
    notes_count: int = 0
    """Notes (feedback) reported: after a restart, an officer sees whether his was kept."""

    @property
    def reference(self) -> str:
        """The command or the order that this one is about, where it is about another."""
        return str(self.command.body.get("ref", ""))

    @property
    def names(self) -> frozenset[str]:
        """What others may call it: by its id, a task also by that of its order."""
        order = str(self.command.body.get("order", "")) if self.command.kind == TASK else ""
        return frozenset({self.command.id, order} - {""})

    @property
    def accepted(self) -> bool:
        """Whether a person has taken it on."""
        return self.last is not None and self.last.s not in UNANSWERED


class Cursor(Struct, frozen=True, kw_only=True):
    epoch: str = ""
    seq: int = 0
    id: str = ""
    """Of the command that had this `seq`."""


class Inbox:
    """Changes are staged in the batch; they are durable when the owner commits it."""

    def __init__(self, batch: Batch, saved: dict[str, bytes]) -> None:
        self._batch = batch
        self.cursor = Cursor()
        if CURSOR_KEY in saved:
            self.cursor = msgspec.json.decode(saved[CURSOR_KEY], type=Cursor)
        entries = (
            msgspec.json.decode(value, type=Entry)
            for key, value in saved.items()
            if key.startswith(ENTRY_PREFIX)
        )
        self._entries = {
            entry.command.id: entry for entry in sorted(entries, key=lambda entry: entry.ordinal)
        }
        self._open = {name: entry for name, entry in self._entries.items() if entry.over is None}
        self._ordinal = max((entry.ordinal for entry in self._entries.values()), default=0)

    def __len__(self) -> int:
        return len(self._entries)

    def start_epoch(self, epoch: str) -> None:
        """The server's log starts anew: the cursor falls to 0, what was received stays."""
        self._move(Cursor(epoch=epoch, seq=0))

    def store(self, command: Command) -> Entry | None:
        """Take in one command and move the cursor, in one step; None if it was here before.

        Raises InboxFull with the cursor moved: it is to be refused.
        """
        self._move(Cursor(epoch=self.cursor.epoch, seq=command.seq, id=command.id))
        if command.id in self._entries:
            return None
        self._make_room()
        self._ordinal += 1
        entry = Entry(ordinal=self._ordinal, command=command)
        self._entries[command.id] = self._open[command.id] = entry
        self._stage(entry)
        return entry

    def entry(self, command_id: str) -> Entry:
        """Raises UnknownCommand."""
        try:
            return self._entries[command_id]
        except KeyError:
            raise UnknownCommand(f"this device has no command {command_id}") from None

    def find(self, reference: str) -> Entry | None:
        """What is called so, over or not: the newest, as an order may be given again."""
        return next(
            (each for each in reversed(self._entries.values()) if reference in each.names), None
        )

    def note(self, entry: Entry, state: State) -> None:
        """Remember a step that is about to be reported; a last one ends the command."""
        entry.shown = entry.shown or state.s is not Report.RECEIVED
        if state.s is Report.FEEDBACK:
            entry.notes_count += 1
        else:
            entry.last = state
        if (entry.command.kind in QUESTIONS and entry.accepted) or state.s is Report.APPLIED:
            self.end(entry, Over.ANSWERED)
        elif state.s is Report.DONE:
            self.end(entry, Over.DONE)
        elif state.s is Report.DECLINED:
            self.end(entry, Over.DECLINED)
        else:
            self._stage(entry)

    def end(self, entry: Entry, over: Over) -> None:
        """Nothing more is to be done about this command."""
        entry.over = over
        self._open.pop(entry.command.id, None)
        self._stage(entry)

    def unfinished(self) -> list[Entry]:
        """What is still to be done or answered, in order of arrival."""
        return list(self._open.values())

    def meant_by(self, reference: str) -> list[Entry]:
        """What a notice names and is not over: by command id, or tasks by their order's id."""
        return [entry for entry in self._open.values() if reference in entry.names]

    def limits(self) -> list[Entry]:
        """Limits that the device has not applied yet."""
        return [entry for entry in self._open.values() if entry.command.kind == LIMITS]

    def asked_about(self, task: Entry) -> list[Entry]:
        """Unanswered questions about a task."""
        return [entry for entry in self._open.values() if entry.reference in task.names]

    def overdue(self, unix_ms: int) -> list[Entry]:
        """What nobody has taken on in its time."""
        return [each for each in self._waiting() if unix_ms > (each.command.exp or 0)]

    def next_expiry_ms(self) -> int | None:
        """Until when the next of those may be taken on; Unix milliseconds."""
        return min((each.command.exp or 0 for each in self._waiting()), default=None)

    def _waiting(self) -> Iterator[Entry]:
        """Unfinished commands that end with their time."""
        for entry in self._open.values():
            if entry.command.exp is not None and not entry.accepted:
                yield entry

    def _move(self, cursor: Cursor) -> None:
        self.cursor = cursor
        self._batch.put(CURSOR_KEY, msgspec.json.encode(cursor))

    def _stage(self, entry: Entry) -> None:
        self._batch.put(ENTRY_PREFIX + entry.command.id, msgspec.json.encode(entry))

    def _make_room(self) -> None:
        if len(self._entries) < INBOX_LEN_MAX:
            return
        for entry in self._entries.values():
            if entry.over is not None:
                del self._entries[entry.command.id]
                self._batch.delete(ENTRY_PREFIX + entry.command.id)
                return
        raise InboxFull(f"{INBOX_LEN_MAX} orders and questions wait on this device")
