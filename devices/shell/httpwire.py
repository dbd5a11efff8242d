"""The same frames over plain HTTP: `POST /v1/up` and `GET /v1/cmd` (docs/protocol.md).

To the core it is a connection like any other: a hello is answered by a welcome, commands come in
order, records are acknowledged. One question for commands is always under way, and one delivery of
records when there are any. The standard library's client blocks, so each of the two has a thread.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

import msgspec

from devices.shell.wires import FRAMES_QUEUED_MAX, WireClosed
from protocols import native
from protocols.errors import ProtocolError
from protocols.native import Hello, Welcome

WAIT_S: Final = 30
"""The server may think about a question for so long."""
PATIENCE_S: Final = 15.0
"""For an answer, beyond that."""
BODY_BYTES_MAX: Final = 48 * 1024
"""Of records delivered at once; the server takes 64 KiB."""
ANSWER_BYTES_MAX: Final = 4 << 20
DOOR: Final = "/v1/device"
"""How the WebSocket's address ends; the two calls are its neighbours."""


class HttpWire:
    """One conversation over HTTP."""

    def __init__(self, url: str, headers: dict[str, str], hello: Callable[[], Hello]) -> None:
        """`url`: of the WebSocket door. `hello`: what the core would say now."""
        self.close_code: int | None = None
        self.close_reason = ""
        self._hello = hello
        self._threads = ThreadPoolExecutor(2, "device-http")
        self._down_lane, self._up_lane = (Lane(url, headers, self._threads) for _ in range(2))
        self._received: asyncio.Queue[bytes] = asyncio.Queue(FRAMES_QUEUED_MAX)
        self._handed_out = False
        self._to_send: list[bytes] = []
        self._something = asyncio.Event()
        self._signal = asyncio.Event()
        self._signal.set()
        self._ended = asyncio.Event()
        self._asking: asyncio.Task[None] | None = None
        self._delivering = asyncio.create_task(self._guard(self._deliver()), name="device-up")

    async def send(self, frame: bytes) -> None:
        if self._ended.is_set():
            raise WireClosed
        if isinstance(native.decode_client(frame), Hello):
            if self._asking is not None:
                self._asking.cancel()
            self._asking = asyncio.create_task(self._guard(self._ask()), name="device-down")
        else:
            self._to_send.append(frame)
            self._something.set()

    async def recv(self) -> bytes:
        if self._handed_out:
            self._received.task_done()  # who asks for the next has dealt with the last
            self._handed_out = False
        taking = asyncio.ensure_future(self._received.get())
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({taking, ending}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ending.cancel()
            if not taking.done():
                taking.cancel()
        if not taking.done() or taking.cancelled():
            raise WireClosed
        self._handed_out = True
        return taking.result()

    async def close(self, code: int, reason: str) -> None:
        """There is nobody to tell: the next question, by whichever way, takes this one's place."""
        self.abort()

    def abort(self) -> None:
        self._end(None, "")
        for task in (self._asking, self._delivering):
            if task is not None:
                task.cancel()
        self._down_lane.abort()
        self._up_lane.abort()
        self._threads.shutdown(wait=False, cancel_futures=True)

    def pause(self, *, silent: bool) -> None:
        if silent:
            self._signal.clear()
        else:
            self._signal.set()

    # -- the two lanes -------------------------------------------------------------------------

    async def _ask(self) -> None:
        """The first question brings the welcome; each further one, the commands since."""
        await self._hand_over(await self._question(wait_s=0), first=True)
        while True:
            await self._received.join()  # the next question names the cursor after these
            await self._hand_over(await self._question(wait_s=WAIT_S))

    async def _question(self, *, wait_s: int) -> list[bytes]:
        await self._signal.wait()
        hello = msgspec.to_builtins(self._hello())
        query = {name: value for name, value in hello.items() if name not in ("t", "tok", "seen")}
        path = f"/v1/cmd?{urlencode(query | {'wait': wait_s}, doseq=True)}"
        return await self._down_lane.call("GET", path, None, PATIENCE_S + wait_s)

    async def _deliver(self) -> None:
        while True:
            await self._something.wait()
            await self._signal.wait()
            frames = self._next_body()
            body = b"\n".join([native.encode(self._hello()), *frames])
            await self._hand_over(await self._up_lane.call("POST", "/v1/up", body, PATIENCE_S))

    def _next_body(self) -> list[bytes]:
        frames: list[bytes] = []
        size = 0
        while self._to_send and size + len(self._to_send[0]) <= BODY_BYTES_MAX:
            size += len(self._to_send[0])
            frames.append(self._to_send.pop(0))
        if not self._to_send:
            self._something.clear()
        return frames

    async def _hand_over(self, frames: list[bytes], *, first: bool = False) -> None:
        """To the core; of the welcomes only the one it waits for."""
        await self._signal.wait()
        for frame in frames:
            message = native.decode_server(frame)
            if not isinstance(message, Welcome) or first:
                await self._received.put(frame)
            elif not message.resumed:
                raise Refused(None, "the server's log began anew")

    async def _guard(self, lane: Any) -> None:
        try:
            await lane
        except Refused as refused:
            self._end(refused.code, str(refused))
        except (OSError, http.client.HTTPException, ProtocolError) as error:
            self._end(None, str(error) or type(error).__name__)

    def _end(self, code: int | None, reason: str) -> None:
        if not self._ended.is_set():
            self.close_code, self.close_reason = code, reason
            self._ended.set()


class Refused(Exception):
    """The server said no; `code` is the close code that a WebSocket would have ended with."""

    def __init__(self, code: int | None, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Lane:
    """One kept-alive HTTP connection; one call at a time."""

    def __init__(self, url: str, headers: dict[str, str], threads: ThreadPoolExecutor) -> None:
        parts = urlsplit(url)
        kind = http.client.HTTPSConnection if parts.scheme == "wss" else http.client.HTTPConnection
        self._connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        self._prefix = parts.path.removesuffix(DOOR)
        self._headers = headers | {"Content-Type": "application/x-ndjson"}
        self._threads = threads

    async def call(self, method: str, path: str, body: bytes | None, s_max: float) -> list[bytes]:
        """The lines of the answer. Raises `Refused`, `OSError`, `http.client.HTTPException`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._call, method, path, body, s_max)

    def abort(self) -> None:
        """Let a thread that waits for an answer go."""
        if (sock := self._connection.sock) is not None:
            with contextlib.suppress(OSError):  # it may have ended by itself
                sock.shutdown(socket.SHUT_RDWR)
        self._connection.close()

    def _call(self, method: str, path: str, body: bytes | None, s_max: float) -> list[bytes]:
        connection = self._connection
        connection.timeout = s_max
        if connection.sock is not None:
            connection.sock.settimeout(s_max)
        try:
            connection.request(method, self._prefix + path, body, self._headers)
            answer = connection.getresponse()
            content = answer.read(ANSWER_BYTES_MAX)
        except BaseException:
            connection.close()
            raise
        if answer.status != 200:
            raise _refused(answer.status, content)
        return content.splitlines()


def _refused(status: int, content: bytes) -> Refused:
    try:
        error = msgspec.json.decode(content)["error"]
        return Refused(error["detail"].get("close"), str(error["message"]))
    except (msgspec.DecodeError, KeyError, TypeError, AttributeError):
        return Refused(None, f"the server, or a proxy, answered {status}")
