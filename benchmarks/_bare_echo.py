"""The least that answers a terminal: what comes goes back. `protocols` compares with it.

Usage: python -m benchmarks._bare_echo PORT. An asyncio protocol as the gateway has one; what is
missing is all that a gateway is for: reading, knowing who speaks, judging, storing.
"""

from __future__ import annotations

import asyncio
import sys
from typing import cast

BACKLOG = 2048


class Echo(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def main(port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Echo, "127.0.0.1", port, backlog=BACKLOG)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
