"""The product's own client and session cores over a link that does its worst.

One seed is one run: a server that crashes at any step, restores an old backup, answers late; a
device that dies before or after any save and whose clock runs wrong; orders that expire on the way
or while they wait; recalls, questions and cancellations in the middle of the work; calls for help;
a slow person; frames lost and doubled, on some links overtaking each other; sockets replaced while
the old one still delivers. Time is virtual. `World.settle` makes the link good and lets all come to
rest.
"""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

from devices.client import DeviceClient
from devices.client_events import CommandArrived, CommandMissed, OrderEnded
from devices.errors import DeviceError
from devices.link import Phase
from devices.session import DeviceSession
from devices.session import Phase as ServerPhase
from devices.session_events import (
    Downlink,
    HelloReceived,
    LocationReceived,
    PingReceived,
    RecordRefused,
    SosReceived,
    StateReceived,
)
from devices.storage import Crash, Fault, MemoryStorage
from protocols.native import CloseCode, Location, Report, State, Uplink

UNIX_MS = 1_790_000_000_000
JOB = (Report.SHOWN, Report.ACCEPTED, Report.FEEDBACK, Report.DONE)
"""What the person at the device does about each task, one step after the other."""
ANSWER = (Report.SHOWN, Report.ACCEPTED)
"""And about each question: a recall, or whether all is well."""
SETTLE_STEPS_MAX = 3000
DRIFT_MAX = 0.2
"""A device's monotonic clock against the server's: up to so much faster or slower."""
EXPIRES_S = (20.0, 90.0)
"""Some orders are of no use any more after this."""


ORDERED = frozenset({b'{"t":"he', b'{"t":"we'})
"""How frames begin that nothing overtakes: hello and welcome."""


def job_of(kind: str) -> tuple[Report, ...]:
    """What a person does about a command of this kind."""
    return {"task": JOB, "recall": ANSWER, "check": ANSWER}.get(kind, ())


class ServerDied(Exception):
    """kill -9, here and now."""


@dataclass
class Server:
    """What PostgreSQL would hold."""

    epoch: int = 1
    made: int = 0
    """Commands ever made; the number in a command's id."""
    log: list[Downlink] = field(default_factory=list)
    installs: dict[str, list[Uplink]] = field(default_factory=dict)
    lost: bool = False
    """Whether a restore ever lost something."""

    def done(self) -> set[str]:
        """Commands whose last step is stored."""
        last = {each.id: job_of(each.kind)[-1:] for each in self.log}
        return {
            record.id
            for records in self.installs.values()
            for record in records
            if isinstance(record, State) and last.get(record.id) == (record.s,)
        }


@dataclass
class Link:
    """One connection: two queues, and the session at the far end."""

    session: DeviceSession
    up: deque[bytes] = field(default_factory=deque)
    down: deque[bytes] = field(default_factory=deque)
    taken: list[Uplink] = field(default_factory=list)
    """Records the session took and the store does not hold yet."""
    number: int = 0
    """Later ones are higher."""
    overtakes: bool = False
    """Two requests on the way at once: answers and records may come in another order."""


class World:
    """Moves one step at a time; every choice comes from one seeded source."""

    def __init__(
        self, seed: int, *, epochs: bool, client_type: type[DeviceClient] = DeviceClient
    ) -> None:
        self.rng = random.Random(seed)
        self.client_type = client_type
        self.epochs = epochs
        self.now = 0.0
        self.server = Server()
        self.storage = MemoryStorage()
        self.link: Link | None = None
        self.zombies: list[Link] = []
        """Connections the client has left and the server has not."""
        self.todo: list[tuple[str, int]] = []
        """(command id, step of its job) the person will do next."""
        self.fixes = 0
        self.calls: set[str] = set()
        """Names of the calls for help that the device has promised to keep."""
        self.good = False
        self.links = 0
        self.drift = self.rng.uniform(1 - DRIFT_MAX, 1 + DRIFT_MAX)
        self.skew_ms = self.rng.choice((0, 0, -3_600_000, 86_400_000))
        """The device's wall clock against the server's."""
        self.patience = self.rng.choice((1.0, 1.0, 0.2))
        """How often the person does what is next."""
        self.client = self._boot()

    @property
    def server_ms(self) -> int:
        return UNIX_MS + round(self.now * 1000)

    @property
    def device_s(self) -> float:
        """The device's monotonic clock."""
        return 1000.0 + self.now * self.drift

    # -- the device ------------------------------------------------------------------------

    def _boot(self) -> DeviceClient:
        self.todo.clear()
        rng = random.Random(self.rng.random())
        client = self.client_type(device_id="d", storage=self.storage, rng=rng, now=self.device_s)
        for entry in client.inbox.unfinished():
            if entry.shown and entry.last is not None:
                done = job_of(entry.command.kind).index(entry.last.s) + entry.notes_count
                self.todo.append((entry.command.id, done + 1))
        return client

    def _guarded(self, step: str) -> None:
        """A step of the device, in which it may die."""
        if not self.good and self.rng.random() < 0.06:
            self.storage.next_fault = self.rng.choice(list(Fault))
        try:
            getattr(self, f"_{step}")()
        except Crash:
            self._die()
        except DeviceError:
            pass  # the report was refused; the person tries again
        self.storage.next_fault = Fault.NONE
        self._pump()

    def _die(self) -> None:
        self._leave()
        self.client = self._boot()

    def _leave(self) -> None:
        """The client's end is gone; the server's end may live on for a while."""
        if self.link is not None:
            self.link.down.clear()
            self.zombies.append(self.link)
            self.link = None

    def _fix(self) -> None:
        self.fixes += 1
        at = UNIX_MS + self.skew_ms + self.fixes
        self.client.report_location(Location(n=0, at=at, lat=42.5, lon=1.5), self.device_s)

    def _call(self) -> None:
        at_ms = self.server_ms + self.skew_ms
        self.calls.add(self.client.call_for_help(self.device_s, at_ms=at_ms, by="1001"))

    def _person(self) -> None:
        if not self.todo or (not self.good and self.rng.random() > self.patience):
            return
        index = self.rng.randrange(len(self.todo))
        command_id, step = self.todo[index]
        at_ms = self.server_ms + self.skew_ms
        note = f"note on {command_id}"
        job = job_of(self.client.inbox.entry(command_id).command.kind)
        self.client.expire(self.device_s)
        self.client.report(command_id, job[step], at_ms=at_ms, by="1001", note=note)
        if step + 1 < len(job):
            self.todo[index] = (command_id, step + 1)
        else:
            self.todo.pop(index)

    def _connect(self) -> None:
        if self.client.phase is Phase.WAITING and self.device_s >= self.client.connect_at:
            self.client.connecting()
            if not self.good and self.rng.random() < 0.2:
                self.client.disconnected(self.device_s)
                return
            self.links += 1
            self.link = Link(
                session=DeviceSession(now=self.now),
                number=self.links,
                overtakes=self.rng.random() < 0.3,
            )
            self.client.connected(self.device_s)

    def _hear(self) -> None:
        if self.link is not None and self.link.down:
            for frame in self._frames(self.link, self.link.down):
                self.client.receive(frame, self.device_s)
                self._pump()

    def _wait(self) -> None:
        self.client.expire(self.device_s)

    def _pump(self) -> None:
        """What the shell does after every call of the core."""
        try:
            for event in self.client.events():
                if isinstance(event, CommandArrived) and not event.again:
                    self.todo.append((event.command.id, 0))
                elif isinstance(event, OrderEnded | CommandMissed):
                    self.todo = [each for each in self.todo if each[0] != event.command.id]
            frames = self.client.frames_to_send(self.device_s)
        except Crash:
            self._die()
            return
        if self.link is not None:
            self.link.up.extend(frames)
        if self.client.closing is not None:
            self._leave()
            self.client.disconnected(self.device_s)

    # -- the server ------------------------------------------------------------------------

    def _may_die(self) -> None:
        """Between any two operations of the store, and between store and socket."""
        if not self.good and self.rng.random() < 0.02:
            raise ServerDied

    def _serve(self, link: Link) -> None:
        """One frame of one connection, and what follows from it."""
        if link.up:
            for frame in self._frames(link, link.up):
                link.session.receive(frame, self.now)
        link.session.expire(self.now)
        for event in link.session.events():
            match event:
                case HelloReceived():
                    self._welcome(link)
                case LocationReceived(location=record):
                    link.taken.append(record)
                case StateReceived(state=record) | SosReceived(sos=record):
                    link.taken.append(record)
                case PingReceived(i=i):
                    link.session.pong(i, self.now, unix_ms=self.server_ms)
                case RecordRefused():
                    raise AssertionError("the client sent nonsense")
                case _:
                    pass
        self._write(link)

    def _write(self, link: Link) -> None:
        session = link.session
        if session.phase is ServerPhase.LIVE:
            waiting = [each for each in self.server.log if each.seq > session.read_seq]
            session.queue([self._as_sent(each) for each in waiting], self.now)
            if not self.good and self.rng.random() < 0.02:
                session.set_duty(
                    on_duty=self.rng.random() < 0.5, now=self.now, unix_ms=self.server_ms
                )
        link.down.extend(session.data_to_send())
        if session.closing is not None:
            self._end(link, session.closing.code)

    def _as_sent(self, command: Downlink) -> Downlink:
        """What is past its time arrives as a notice under the same id."""
        if (
            command.kind == "notice"
            or command.expires_ms is None
            or command.expires_ms > self.server_ms
        ):
            return command
        body = {"ref": command.id, "why": "expired"}
        return replace(command, kind="notice", body=body)

    def _end(self, link: Link, code: int) -> None:
        """The server closes one connection; what it had taken and not stored is gone."""
        if link in self.zombies:
            self.zombies.remove(link)
        elif link is self.link:
            self.link = None
            # A live client is never told "replaced" here: it has one connection at a time.
            heard = code if code != CloseCode.REPLACED and self.rng.random() < 0.5 else None
            self.client.disconnected(self.device_s, code=heard)

    def _welcome(self, link: Link) -> None:
        hello = link.session.hello
        assert hello is not None
        others = [*self.zombies, *([self.link] if self.link else [])]
        if any(each.number > link.number and each.session.hello for each in others):
            link.session.close(CloseCode.REPLACED, "a newer connection is here")
            return
        for older in [each for each in self.zombies if each is not link]:
            if self.rng.random() < 0.5:
                self._store(older)
            self.zombies.remove(older)
        records = self.server.installs.setdefault(hello.inst, [])
        self._may_die()
        head = self.server.log[-1].seq if self.server.log else 0
        given = {each.seq: each.id for each in self.server.log}
        same = not hello.cur_id or given.get(hello.cur) == hello.cur_id
        same = same and hello.up_acked <= len(records)
        resumed = hello.epoch == f"e{self.server.epoch}" and hello.cur <= head and same
        link.session.welcome(
            epoch=f"e{self.server.epoch}",
            resumed=resumed,
            head_seq=head,
            up_n=len(records),
            now=self.now,
            unix_ms=self.server_ms,
        )
        link.taken.clear()
        if not resumed:
            done = self.server.done()
            is_open = [self._as_sent(each) for each in self.server.log if each.id not in done]
            link.session.queue(is_open, self.now)
            link.session.skip_to(head)

    def _store(self, link: Link) -> None:
        """One transaction: records in order of n, each exactly once."""
        if link.session.hello is None or link.session.phase is not ServerPhase.LIVE:
            return
        self._may_die()
        records = self.server.installs.setdefault(link.session.hello.inst, [])
        for record in link.taken:
            if record.n == len(records) + 1:
                records.append(record)
        link.taken.clear()
        self._may_die()
        link.session.ack(len(records), self.now)

    def _order(self) -> None:
        self.server.made += 1
        seq = self.server.log[-1].seq + 1 if self.server.log else 1
        expires_ms = None
        if self.rng.random() < 0.2:
            expires_ms = self.server_ms + round(1000 * self.rng.choice(EXPIRES_S))
        self.server.log.append(
            Downlink(
                seq=seq,
                id=f"c{self.server.made}",
                priority="routine",
                expires_ms=expires_ms,
                **self._meaning(),
            )
        )

    def _meaning(self) -> dict[str, Any]:
        """A task; or a recall, a question or a cancellation of one that was given before."""
        tasks = [each.id for each in self.server.log if each.kind == "task"]
        kind = self.rng.choice(("task", "task", "task", "recall", "check", "notice"))
        if kind == "task" or not tasks:
            return {"kind": "task", "body": {"order": f"o{self.server.made}"}}
        body = {"ref": self.rng.choice(tasks[-4:])}
        return {"kind": kind, "body": body | ({"why": "cancelled"} if kind == "notice" else {})}

    def _restart(self) -> None:
        """kill -9 of the server."""
        self.zombies.clear()
        if self.link is not None:
            self.link = None
            self.client.disconnected(self.device_s)

    def _restore(self) -> None:
        """The server comes back with an older state, or the log must be taken for older.

        Every other time nobody has told it so: only the devices know better.
        """
        self._restart()
        if self.rng.random() < 0.5:
            self.server.epoch += 1
        if self.rng.random() < 0.7:
            self.server.lost = True
            self.server.log = self.server.log[: self.rng.randint(0, len(self.server.log))]
            for records in self.server.installs.values():
                del records[self.rng.randint(0, len(records)) :]

    # -- chance ----------------------------------------------------------------------------

    def _frames(self, link: Link, queue: deque[bytes]) -> list[bytes]:
        """The next frame: once, twice, or not at all; on some links not the oldest."""
        if link.overtakes and not self.good and len(queue) > 1 and self.rng.random() < 0.3:
            first, second = queue[0], queue[1]
            # A hello is answered before anything else is asked: it and its welcome stay in place.
            if not ORDERED & {first[:8], second[:8]}:
                queue[0], queue[1] = second, first
        frame = queue.popleft()
        chance = 1.0 if self.good else self.rng.random()
        return [] if chance < 0.05 else [frame, frame] if chance < 0.12 else [frame]

    def step(self) -> None:
        """One random step."""
        self.now += self.rng.choice((0.0, 0.0, 0.1, 0.5, 3.0, 20.0))
        try:
            self._step()
        except ServerDied:
            self._restart()

    def _step(self) -> None:
        roll = self.rng.random()
        if roll < 0.30:
            self._guarded("hear")
        elif roll < 0.42:
            self._guarded("connect")
        elif roll < 0.49:
            self._guarded("fix")
        elif roll < 0.50:
            self._guarded("call")
        elif roll < 0.60:
            self._guarded("person")
        elif roll < 0.64:
            self._guarded("wait")
        elif roll < 0.86:
            self._server_step()
        elif roll < 0.93:
            self._order()
        elif roll < 0.95:
            self._die()
        elif roll < 0.97:
            self._leave()
            self.client.disconnected(self.device_s)
        elif roll < 0.98 or not self.epochs:
            self._restart()
        else:
            self._restore()

    def _server_step(self) -> None:
        links = [*self.zombies, *([self.link] if self.link else [])]
        if links:
            link = self.rng.choice(links)
            self._serve(link)
            if self.rng.random() < 0.5:
                self._store(link)

    def settle(self) -> None:
        """The link is good, everyone is quick: run until nobody owes anybody anything."""
        self.good = True
        # TCP loses nothing within a connection; what this link lost last, only a new one can show.
        self._leave()
        self.client.disconnected(self.device_s)
        for _ in range(SETTLE_STEPS_MAX):
            if self._at_rest():
                return
            busy = bool(self.link and (self.link.up or self.link.down)) or bool(self.todo)
            self.now += 0.01 if busy else 1.0
            for step in ("connect", "hear", "person", "wait"):
                self._guarded(step)
            for link in [*self.zombies, *([self.link] if self.link else [])]:
                self._serve(link)
                self._store(link)
            if self.link is not None:
                self._write(self.link)
        raise AssertionError("never comes to rest")

    def _at_rest(self) -> bool:
        if self.link is None or self.client.phase is not Phase.LIVE or self.todo:
            return False
        head = self.server.log[-1].seq if self.server.log else 0
        session = self.link.session
        return (
            not self.link.up
            and not self.link.down
            and len(self.client.outbox) == 0
            and session.phase is ServerPhase.LIVE
            and session.read_seq == head
        )
