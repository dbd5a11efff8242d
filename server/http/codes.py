"""Texts as QR codes over HTTP: what an administrator shows to a phone that is being set up."""

from __future__ import annotations

import asyncio
from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server import qrcodes
from server.http.errors import ApiError, read_body
from server.http.needs import guarded
from server.stores.users import User


class CodeBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    text: Annotated[str, Meta(min_length=1, max_length=1000)]
    """May hold a secret: it comes in a body, which no log and no history keeps."""


def routes(services: object) -> list[BaseRoute]:
    """The routes of this module."""

    async def code(request: Request, user: User) -> Response:
        wanted = await read_body(request, CodeBody)
        try:
            drawn = await asyncio.to_thread(qrcodes.svg, wanted.text, title="QR")
        except ValueError:
            raise ApiError(422, "too_long", "A QR code cannot hold so much text.") from None
        headers = {"cache-control": "no-store"}
        return Response(drawn, media_type="image/svg+xml", headers=headers)

    return [Route("/api/qr", guarded(code, "admin"), methods=["POST"])]
