"""What the platform says over one link: answers that nobody answers, and messages that wait.

Addresses all that goes out to the link's terminal, in its layout. Knows nothing of what comes in.
"""

from __future__ import annotations

from devices.jt808.limits import LinkLimits
from devices.jt808.outbox import Outbox, Serials
from devices.session_flow import SendQueue
from protocols.jt808.codec import encode, id_of
from protocols.jt808.header import Header
from protocols.jt808.layout import Body


class Line:
    """The sending half of `devices.jt808.platform.PlatformSession`."""

    def __init__(self, limits: LinkLimits) -> None:
        self.limits = limits
        self.terminal: Header | None = None
        """Of the first good frame: whose link it is, and the layout that it understands."""
        self.closing: str | None = None
        """Why the link is to be closed; the first reason stands."""
        self._serials = Serials()
        self._outbox = Outbox(
            answer_s=limits.answer_s, resends_max=limits.resends_max, len_max=limits.in_flight_max
        )
        self._queue = SendQueue(limits.send_queue_bytes_max)

    @property
    def external_id(self) -> str:
        """What the terminal goes by: its phone bytes as hex. Empty before its first good frame."""
        return self.terminal.terminal_id if self.terminal else ""

    def send(
        self,
        message: Body,
        now: float,
        *,
        key: str = "",
        command_seq: int | None = None,
        resends_max: int | None = None,
    ) -> bool:
        """Say something that the terminal answers. False: no room now, or it waits already.

        `key`: what `Answered` and `Unanswered` call it. `command_seq`: of the command that it
        carries, so that its serial is the same whenever it is said. `resends_max`: 0 for what must
        not be done twice. Raises `CannotEncode`.
        """
        if self.terminal is None or self.closing is not None or self._outbox.is_full:
            return False
        serial = self._serials.next() if command_seq is None else Serials.of_command(command_seq)
        frame = self._frame(message, serial)
        if not self._outbox.put(
            frame,
            now,
            serial=serial,
            message_id=id_of(message),
            key=key,
            resends_max=resends_max,
        ):
            return False
        self._push(frame, now)
        return True

    def close(self, reason: str) -> None:
        """End the link; the first reason stands."""
        if self.closing is None:
            self.closing = reason

    def data_to_send(self) -> list[bytes]:
        """The frames to write now, in order. Write them all before asking again."""
        return self._queue.take()

    @property
    def queue_bytes(self) -> int:
        """What waits to be written: a gauge."""
        return self._queue.bytes_waiting

    def _reply(self, message: Body, now: float, *, to: Header | None = None) -> bytes:
        """Say something that nobody answers, to the link's terminal or to whom `to` is from."""
        frame = self._frame(message, self._serials.next(), to=to)
        self._push(frame, now)
        return frame

    def _frame(self, message: Body, serial: int, *, to: Header | None = None) -> bytes:
        terminal = to or self.terminal
        assert terminal is not None
        header = Header(
            message_id=id_of(message),
            phone=terminal.phone,
            serial=serial,
            dialect=terminal.dialect,
            version=terminal.version,
        )
        return encode(header, message.encode(terminal.dialect))

    def _push(self, frame: bytes, now: float) -> None:
        if self._queue.has_room(frame):
            self._queue.put(frame, now)
        else:
            self.close("reads too slowly")
