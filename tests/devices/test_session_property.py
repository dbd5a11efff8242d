"""Any interleaving of frames, losses, replaced sockets and stores ends with both logs whole.

A plain model client (stores before it acknowledges, drops ids it has) talks to the session over
a link that may break between any two frames; a plain model of the server's store commits when it
pleases. Afterwards the link is good: every command was applied exactly once and in order, every
record stored exactly once and in order.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from devices.session import DeviceSession
from devices.session_events import Downlink, HelloReceived, LocationReceived, StateReceived
from devices.session_flow import SessionLimits
from protocols.native import (
    Ack,
    Command,
    Hello,
    Report,
    ServerMessage,
    State,
    Welcome,
    decode_server,
    encode,
)

UNIX_MS = 1_790_000_000_000
STEPS = (
    *("down", "up", "write", "open") * 4,
    *("record", "command", "store", "resend", "swap") * 2,
    *("tick", "close", "again", "drop", "lose_epoch"),
)
"""Often what carries a conversation on, seldom what breaks it."""


@dataclass
class Store:
    """What PostgreSQL would hold."""

    epoch: int = 1
    log: list[Downlink] = field(default_factory=list)
    closed: set[str] = field(default_factory=set)
    """Commands of no use any more: a device that starts over need not get them."""
    floor: int = 0
    """Up to here the device needs only what is still open."""
    records: list[int] = field(default_factory=list)

    @property
    def up_n(self) -> int:
        return len(self.records)


@dataclass
class Client:
    """The device: what survives a lost connection."""

    epoch: str = ""
    cursor: int = 0
    inbox: list[str] = field(default_factory=list)
    written: int = 0
    """Records made so far: n = 1 … written."""
    acked: int = 0
    next_n: int = 1
    """Next record to send on this connection."""
    welcomed: bool = False
    out: deque[bytes] = field(default_factory=deque)

    def connect(self) -> None:
        self.out.clear()
        self.hello_again()

    def hello_again(self) -> None:
        self.welcomed = False
        hello = Hello(dev="d", inst="i", epoch=self.epoch, cur=self.cursor, up_acked=self.acked)
        self.out.append(encode(hello))

    def pump(self) -> None:
        while self.welcomed and self.next_n <= self.written:
            state = State(n=self.next_n, id="c", s=Report.FEEDBACK, at=UNIX_MS)
            self.out.append(encode(state))
            self.next_n += 1

    def resend(self) -> None:
        self.next_n = self.acked + 1
        self.pump()

    def swap(self) -> None:
        """Two frames leave in the wrong order: a bug the server must survive."""
        if self.welcomed and len(self.out) >= 2:
            self.out[-1], self.out[-2] = self.out[-2], self.out[-1]

    def receive(self, frame: bytes) -> None:
        match decode_server(frame):
            case Welcome() as welcome:
                self.epoch = welcome.epoch
                if not welcome.resumed:
                    self.cursor = 0
                self.acked = max(self.acked, welcome.up)
                self.next_n = welcome.up + 1
                self.welcomed = True
            case Command() as command:
                self._store(command)
            case Ack(up=up):
                self.acked = max(self.acked, up)
        self.pump()

    def _store(self, command: Command) -> None:
        if not self.welcomed:
            return
        if command.prev > self.cursor:
            self.hello_again()
        elif command.seq > self.cursor:
            if command.id not in self.inbox:
                self.inbox.append(command.id)
            self.cursor = command.seq


class World:
    """Client, link, session and store, moved one step at a time."""

    def __init__(self) -> None:
        self.now = 0.0
        self.store = Store()
        self.client = Client()
        self.buffered: list[int] = []
        """Records taken from the session, not yet stored."""
        self.link_down: deque[bytes] = deque()
        self.hello: Hello | None = None
        """Received, not answered yet."""
        self.chain: int | None = None
        """`seq` of the last command sent; None: only a welcome may come next."""
        self.next_n = 0
        """Record that the session must hand out next."""
        self.still_open: list[Downlink] = []
        self.session = self._connect()

    def _connect(self) -> DeviceSession:
        self.link_down.clear()
        self.hello = self.chain = None
        self._commit(len(self.buffered))
        self.client.connect()
        return DeviceSession(SessionLimits(send_queue_bytes_max=300), now=self.now)

    def step(self, name: str) -> None:
        match name:
            case "record":
                self.client.written += 1
                self.client.pump()
            case "command":
                seq = len(self.store.log) + 1
                self.store.log.append(
                    Downlink(seq=seq, id=f"c{seq}", kind="task", priority="routine", body={})
                )
                self._feed()
            case "up" if self.client.out:
                self.session.receive(self.client.out.popleft(), self.now)
                self._handle()
            case "again" if self.client.welcomed:
                self.client.hello_again()
            case "write":
                for frame in self.session.data_to_send():
                    self._check(decode_server(frame))
                    self.link_down.append(frame)
                self._feed()
            case "open" if self.hello is not None:
                self._open(self.hello)
            case "close" if self.store.log:
                self.store.closed.add(self.store.log[len(self.store.closed) - 1].id)
            case "resend" if self.client.welcomed:
                self.client.resend()
            case "swap":
                self.client.swap()
            case "down" if self.link_down:
                self.client.receive(self.link_down.popleft())
            case "store":
                self._commit(1)
            case "drop":
                self.session = self._connect()
            case "lose_epoch":
                self.store.epoch += 1
                self.session = self._connect()
            case "tick":
                self.now += 0.4
                self.session.expire(self.now)

    def _handle(self) -> None:
        for event in self.session.events():
            match event:
                case HelloReceived(hello=hello):
                    self.hello, self.chain = hello, None
                case StateReceived(state=state):
                    assert state.n == self.next_n
                    self.next_n += 1
                    self.buffered.append(state.n)
                case LocationReceived():
                    raise AssertionError("the model sends none")

    def _check(self, message: ServerMessage) -> None:
        """Nothing but `welcome` first; then each command names the one sent before."""
        match message:
            case Welcome() as welcome:
                assert self.hello is not None
                self.chain = self.hello.cur if welcome.resumed else 0
                self.hello = None
            case Command() as command:
                assert command.prev == self.chain
                self.chain = command.seq
            case Ack() as ack:
                assert self.chain is not None
                assert ack.up <= self.store.up_n

    def _open(self, hello: Hello) -> None:
        if self.session.phase != "opening":
            return
        self._commit(len(self.buffered))
        head = len(self.store.log)
        epoch = f"e{self.store.epoch}"
        resumed = hello.epoch == epoch and hello.cur <= head
        self.session.welcome(
            epoch=epoch,
            resumed=resumed,
            head_seq=head,
            up_n=self.store.up_n,
            now=self.now,
            unix_ms=UNIX_MS,
        )
        self.next_n = self.store.up_n + 1
        self.store.floor = max(self.store.floor, hello.cur) if resumed else head
        self.still_open = [
            command
            for command in self.store.log[self.session.read_seq : self.store.floor]
            if command.id not in self.store.closed
        ]
        self._feed()

    def _feed(self) -> None:
        if self.session.phase != "live":
            return
        if self.still_open:
            del self.still_open[: self.session.queue(self.still_open, self.now)]
            if self.still_open:
                return
        self.session.skip_to(self.store.floor)
        self.session.queue(self.store.log[self.session.read_seq :], self.now)

    def _commit(self, count: int) -> None:
        for n in self.buffered[:count]:
            if n == self.store.up_n + 1:
                self.store.records.append(n)
        del self.buffered[:count]
        if count and hasattr(self, "session"):
            self.session.ack(self.store.up_n, self.now)

    def settle(self) -> None:
        """A good link for as long as it takes."""
        self.step("drop")
        for _ in range(10 * (len(self.store.log) + self.client.written + 10)):
            for name in ("up", "open", "write", "down", "store", "tick"):
                self.step(name)


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(STEPS), min_size=40, max_size=150))
def test_every_command_and_every_record_arrives_exactly_once_and_in_order(
    steps: list[str],
) -> None:
    world = World()

    for name in steps:
        world.step(name)
        assert world.session.closing is None
        assert world.session.acked_n <= world.store.up_n
        assert world.client.acked <= world.store.up_n
    world.settle()

    inbox, log = world.client.inbox, [command.id for command in world.store.log]
    assert [command_id for command_id in log if command_id in inbox] == inbox
    assert set(log) - set(inbox) <= world.store.closed
    assert world.store.records == list(range(1, world.client.written + 1))
    assert world.client.acked == world.client.written
