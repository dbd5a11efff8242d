"""How Chinese names are typed on a Latin keyboard, for pages that search in what they show.

A page asks about names that it has, so nobody learns of anybody by asking.
"""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from geo import pinyin
from server.http.errors import json, read_body
from server.http.needs import Services, guarded
from server.http.texts import NO_NUL
from server.stores.users import User

NAMES_LEN_MAX = 500
"""Of one question."""

Name = Annotated[str, Meta(max_length=200, pattern=NO_NUL)]


class NamesBody(Struct, kw_only=True):
    """POST /api/pinyin."""

    names: Annotated[list[Name], Meta(max_length=NAMES_LEN_MAX)]


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""

    async def spell(request: Request, user: User) -> Response:
        wanted = await read_body(request, NamesBody)
        return json({"keys": [" ".join(pinyin.keys(name)) for name in wanted.names]})

    return [Route("/api/pinyin", guarded(spell), methods=["POST"])]
