"""What a device keeps through everything: orders in, reports out, and who it is.

Theory
------
* Each public method is one atomic step of the store: it is kept whole, or the device goes on from
  what was kept before it (`StorageFailed`; the caller tells its user).
* A command is stored, its receipt queued and the cursor moved in ONE step; only what comes back
  from `take` may be shown to anyone. A command whose id is known moves the cursor and nothing else.
* A task or a question past its time is stored, acknowledged and told as missed: nobody can act on
  it any more. So is one whose time runs out here before anybody has taken it on (`expire`).
* A question (`recall`, `check`, `advice`) ends with its one answer, or with the task that it is
  about. `limits` end when they are applied, which a machine may say, or when newer ones come.
* A report is durable before anything else happens with it, and its number `n` before its frame
  leaves (`devices.outbox`).

Knows no connection: `devices.client` does. Times are Unix milliseconds.
"""

from __future__ import annotations

import random
from typing import Final

import msgspec

from devices.checkpoints import Checkpoints
from devices.client_events import (
    CommandArrived,
    CommandMissed,
    Event,
    NoticeArrived,
    OrderEnded,
    StoreTrouble,
)
from devices.errors import InboxFull, OrderOver, StorageFailed
from devices.inbox import ENDS, ENDS_QUESTIONS, LIMITS, QUESTIONS, TASK, Entry, Inbox, Over
from devices.outbox import Outbox
from devices.storage import Batch, Storage
from protocols.native import Ack, Command, Hello, Location, Report, Sos, State, Uplink, Welcome

INSTALL_KEY: Final = "inst"
NEEDS_BADGE: Final = frozenset(
    {
        Report.ACCEPTED,
        Report.DECLINED,
        Report.EN_ROUTE,
        Report.ON_SCENE,
        Report.FEEDBACK,
        Report.DONE,
    }
)


class ClientLogs:
    """Both durable logs of one installation."""

    def __init__(self, storage: Storage, rng: random.Random) -> None:
        """Read what is stored. Raises StorageFailed."""
        self._storage, self._rng = storage, rng
        self.inbox: Inbox
        self.outbox: Outbox
        self.checkpoints: Checkpoints
        self.install_id: str
        self.load()

    def load(self) -> None:
        """Start over from what is stored; whatever was staged is gone."""
        saved = self._storage.load()
        self._batch = Batch(self._storage)
        self.inbox = Inbox(self._batch, saved)
        self.outbox = Outbox(self._batch, saved)
        self.checkpoints = Checkpoints(self._batch, saved)
        self.install_id = saved.get(INSTALL_KEY, b"").decode() or self._new_install_id()
        self._batch.commit()

    def unfinished(self) -> list[Event]:
        """The orders that still wait for somebody, as the user is told of them after a start."""
        return [
            CommandArrived(command=entry.command, again=entry.shown)
            for entry in self.inbox.unfinished()
        ]

    # -- what the device tells ---------------------------------------------------------------

    def add_location(self, location: Location) -> None:
        """Keep one fix; its `n` is ignored."""
        self.outbox.add_location(location)
        self.commit()

    def report(self, state: State) -> list[Event]:
        """Keep one step of an order; its `n` is ignored. Returns what ends with it.

        Raises ValueError without the badge or the reason that the step needs, UnknownCommand,
        OrderOver, OutboxFull, StorageFailed.
        """
        if state.s in NEEDS_BADGE and not state.by:
            raise ValueError(f"{state.s} is an officer's word: it needs his badge")
        if state.s is Report.DECLINED and not state.reason.strip():
            raise ValueError("declining an order needs a reason")
        entry = self.inbox.entry(state.id)
        if entry.over is not None:
            raise OrderOver(f"the order is over here: {entry.over}")
        self.outbox.add_state(state)
        self.inbox.note(entry, state)
        ended = self._end_questions(entry, str(state.s))
        self.commit()
        return ended

    def say_sos(self, sos: Sos) -> None:
        """Keep a call for help, or that it was none. Raises OutboxFull, StorageFailed."""
        self.outbox.add_sos(sos)
        self.commit()

    def records(self) -> list[Uplink]:
        """What is to be sent now, in order of `n`; steps show the newest checkpoint kept."""
        records = self.outbox.take()
        self.commit()
        seen = self.checkpoints.newest
        return [
            msgspec.structs.replace(each, seen=seen) if isinstance(each, State) else each
            for each in records
        ]

    # -- what came in ------------------------------------------------------------------------

    def welcomed(self, welcome: Welcome) -> int:
        """Go on where the server stands; returns how many reports it once had and has lost."""
        lost = max(0, self.outbox.numbers.acked - welcome.up)
        if not welcome.resumed or welcome.epoch != self.inbox.cursor.epoch:
            self.inbox.start_epoch(welcome.epoch)
        if lost:
            self.outbox.restart_after(welcome.up)
        self.outbox.acknowledge(welcome.up)
        self.outbox.rewind()
        self.checkpoints.take(welcome.ckpt, welcome.now)
        self.commit()
        return lost

    def acknowledged(self, ack: Ack, unix_ms: int) -> bool:
        """The server has stored so much; whether that was news.

        Not committed by itself: if it is lost, the next welcome says it again.
        """
        if ack.ckpt:
            self.checkpoints.take(ack.ckpt, unix_ms)
            self.commit()
        return self.outbox.acknowledge(ack.up)

    def reinstall(self) -> None:
        """Our store was set back behind the server's: be another installation, send all anew."""
        self.install_id = self._new_install_id()
        self.outbox.restart_after(0)
        self.commit()

    def take(self, command: Command, unix_ms: int) -> list[Event]:
        """Keep the next command of the log; returns what the user is to be told."""
        try:
            entry = self.inbox.store(command)
        except InboxFull as full:
            return self._no_room(command, unix_ms, str(full))
        if entry is None:
            events = self._known(command)
        else:
            # A machine's word: by the server's clock, which the welcome gave us.
            receipt = State(n=0, id=command.id, s=Report.RECEIVED, at=unix_ms)
            self.outbox.add_state(receipt)
            self.inbox.note(entry, receipt)
            events = self._meaning(entry, unix_ms)
        self.commit()
        return events

    def _no_room(self, command: Command, unix_ms: int, why: str) -> list[Event]:
        """Heed a notice, which may make room; refuse what somebody would have to do or answer."""
        notice = command.kind == "notice"
        step, reason = (Report.RECEIVED, "") if notice else (Report.REFUSED, why)
        self.outbox.add_state(State(n=0, id=command.id, s=step, at=unix_ms, reason=reason))
        told = self._end_meant(command) or [NoticeArrived(command=command)] if notice else []
        self.commit()
        return told if notice else [StoreTrouble(text=why)]

    def expire(self, unix_ms: int) -> list[Event]:
        """End what nobody has taken on in its time, by the server's clock; returns what it was."""
        late = self.inbox.overdue(unix_ms)
        for entry in late:
            self.inbox.end(entry, Over.EXPIRED)
        self.commit()
        return [CommandMissed(command=entry.command) for entry in late]

    def _meaning(self, entry: Entry, unix_ms: int) -> list[Event]:
        """What a new command means to the user; marks what is over already."""
        command = entry.command
        if command.kind == LIMITS:
            for older in self.inbox.limits():
                if older is not entry:
                    self.inbox.end(older, Over.NOTED)
        elif command.kind != TASK and command.kind not in QUESTIONS:
            self.inbox.end(entry, Over.NOTED)
            return self._end_meant(command) or [NoticeArrived(command=command)]
        if command.exp is not None and unix_ms > command.exp:
            self.inbox.end(entry, Over.EXPIRED)
            return [CommandMissed(command=command)]
        about = self.inbox.find(entry.reference) if command.kind in QUESTIONS else None
        if about is not None and about.over in ENDS_QUESTIONS:
            self.inbox.end(entry, about.over)  # the end of its task is on the way
            return []
        return [CommandArrived(command=command, again=False)]

    def _end_meant(self, notice: Command) -> list[Event]:
        """End what a notice names, if its `why` is an end, and what was asked about it.

        Time ends only what nobody has accepted: who is on his way stays on it.
        """
        why, text = str(notice.body.get("why", "")), str(notice.body.get("text", ""))
        if why not in ENDS:
            return []
        meant = self.inbox.meant_by(str(notice.body.get("ref", "")))
        if ENDS[why] is Over.EXPIRED:
            meant = [task for task in meant if not task.accepted]
        events: list[Event] = []
        for task in meant:
            self.inbox.end(task, ENDS[why])
            events.append(OrderEnded(command=task.command, why=why, text=text))
            events += self._end_questions(task, why)
        return events

    def _end_questions(self, task: Entry, why: str) -> list[Event]:
        """What was asked about a task that is over needs no answer.

        Only missed here, the order may be under way: another device of the unit may have taken it.
        """
        if task.over not in ENDS_QUESTIONS:
            return []
        asked = self.inbox.asked_about(task)
        for question in asked:
            self.inbox.end(question, task.over)
        return [OrderEnded(command=each.command, why=why, text="") for each in asked]

    def _known(self, command: Command) -> list[Event]:
        """The server sends what is here already: after a new epoch.

        It did not know that this was received, and may have lost more: the last step is said again.
        A task that comes as a notice is over.
        """
        last = self.inbox.entry(command.id).last
        if last is not None:
            self.outbox.add_state(last)
        return self._end_meant(command) if command.kind == "notice" else []

    # -- inside ------------------------------------------------------------------------------

    def hello(self, device_id: str) -> Hello:
        """Who this is and where it stands."""
        cursor = self.inbox.cursor
        return Hello(
            dev=device_id,
            inst=self.install_id,
            epoch=cursor.epoch,
            cur=cursor.seq,
            cur_id=cursor.id,
            up_acked=self.outbox.numbers.acked,
            seen=self.checkpoints.newest,
        )

    def commit(self) -> None:
        """Make what was staged durable, or go back to what is stored and raise StorageFailed."""
        try:
            self._batch.commit()
        except StorageFailed:
            self.load()
            raise

    def _new_install_id(self) -> str:
        install_id = f"{self._rng.getrandbits(96):024x}"
        self._batch.put(INSTALL_KEY, install_id.encode())
        return install_id
