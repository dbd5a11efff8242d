"""Serve an application on a real socket of 127.0.0.1, in this process, for one test."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import uvicorn
from starlette.types import ASGIApp

from tests.patience import PATIENCE_S


class _Server(uvicorn.Server):
    """Tells when it serves; leaves the signal handlers alone."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.serving = asyncio.Event()
        self.stopping = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.serving.set()

    async def main_loop(self) -> None:
        await self.on_tick(0)
        await self.stopping.wait()


@asynccontextmanager
async def serving(app: ASGIApp, config: uvicorn.Config | None = None) -> AsyncIterator[str]:
    """The address, `http://127.0.0.1:<port>`, while the application is served."""
    server = _Server(
        config
        or uvicorn.Config(
            app,
            ws="websockets-sansio",
            lifespan="off",
            log_config=None,
            ws_ping_interval=None,
            timeout_keep_alive=int(PATIENCE_S),  # a client lets go first, never with a request sent
            timeout_graceful_shutdown=5,
        )
    )
    # Named TCP, or asyncio leaves Nagle's algorithm on and each answer waits 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    task = asyncio.create_task(server._serve([listener]))
    ready = asyncio.create_task(server.serving.wait())
    try:
        async with asyncio.timeout(PATIENCE_S):
            await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            await task
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        ready.cancel()
        server.stopping.set()
        await task


def client_of(url: str) -> httpx.AsyncClient:
    """A browser-like client: keeps cookies, sends our own Origin."""
    return httpx.AsyncClient(base_url=url, headers={"origin": url}, timeout=PATIENCE_S)
