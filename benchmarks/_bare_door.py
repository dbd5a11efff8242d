"""The least that answers a device: greets, acknowledges, stores nothing. `orders` compares with it.

Usage: python -m benchmarks._bare_door PORT. The library and the settings of the socket are those of
the server; what is missing is all that a server is for.
"""

from __future__ import annotations

import asyncio
import sys

from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from protocols import native

BACKLOG = 2048
HEARTBEAT_S = 45
EPOCH = "bare"


async def converse(socket: ServerConnection) -> None:
    """Welcome a device at its own word; acknowledge what it numbers."""
    try:
        async for frame in socket:
            message = native.decode_client(frame)
            if isinstance(message, native.Hello):
                answer: native.ServerMessage = native.Welcome(
                    epoch=message.epoch or EPOCH,
                    resumed=True,
                    head=message.cur,
                    up=0,
                    hb=HEARTBEAT_S,
                    now=0,
                )
            else:
                assert isinstance(message, native.Location)
                answer = native.Ack(up=message.n)
            await socket.send(native.encode(answer).decode())
    except ConnectionClosed:
        return


async def main(port: int) -> None:
    protocols = [Subprotocol(native.SUBPROTOCOL)]
    async with serve(converse, "127.0.0.1", port, subprotocols=protocols, backlog=BACKLOG) as door:
        await door.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
