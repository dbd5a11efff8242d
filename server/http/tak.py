"""Certificates of TAK clients over HTTP: administrators for everybody, a user for himself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Protocol

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from devices.tak.naming import why_no_uid
from server.dispatch.errors import Conflict, Forbidden, Impossible, NotFound
from server.http.errors import json, read_body
from server.http.needs import guarded
from server.http.texts import NO_NUL
from server.http.users import Username
from server.ports import FanOut
from server.settings import Settings
from server.stores import takcerts
from server.stores.pool import Pool
from server.stores.users import User
from server.tak import certificates
from server.tak.certificates import TOPIC, CertificateView, Door
from server.tak.keys import TakKeys


class PackageBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/tak/packages."""

    username: Username | None = None
    """Whose client; None: one's own."""
    uid: Annotated[str, Meta(max_length=128, pattern=NO_NUL)] = ""
    """The only one it may speak as; empty: the first that it says."""


class Services(Protocol):
    """What these routes need of the wired services."""

    @property
    def pool(self) -> Pool: ...
    @property
    def fanout(self) -> FanOut: ...
    @property
    def settings(self) -> Settings: ...
    @property
    def tak_keys(self) -> TakKeys | None: ...


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pool, fanout, settings = services.pool, services.fanout, services.settings

    async def look(request: Request, user: User) -> Response:
        whose = None if "admin" in user.roles else user.username
        async with pool.acquire() as conn:
            found = await takcerts.listed(conn, whose)
        return json([CertificateView.of(row) for row in found])

    async def package(request: Request, user: User) -> Response:
        body = await read_body(request, PackageBody)
        username = body.username or user.username
        _require_own(user, username)
        if body.uid and (why := why_no_uid(body.uid)) is not None:
            raise Impossible("unfit_uid", f"This uid cannot be used: {why}.")
        if (keys := services.tak_keys) is None:
            raise Conflict("tak_off", "TAK clients are not let in by this server.")
        issued = await certificates.issue(
            pool,
            keys.authority,
            username=username,
            uid=body.uid,
            door=Door(
                host=settings.tak.reached_by,
                port=keys.port,
                description="Ridgeline",
            ),
            by=user.actor,
            now=datetime.now(UTC),
        )
        return Response(
            issued.package,
            201,
            headers={
                "cache-control": "no-store",
                "content-disposition": (
                    f'attachment; filename="{certificates.package_file(username)}"'
                ),
                "x-tak-password": issued.password,
                "x-tak-serial": issued.serial,
            },
            media_type="application/zip",
        )

    async def revoke(request: Request, user: User) -> Response:
        serial = request.path_params["serial"]
        if "admin" not in user.roles:
            async with pool.acquire() as conn:
                own = {each.serial for each in await takcerts.listed(conn, user.username)}
            if serial not in own:
                raise NotFound("not_found", "You have no such certificate.")
        revoked = await certificates.revoke(pool, serial, by=user.actor, now=datetime.now(UTC))
        fanout.publish(TOPIC, "")
        return json(revoked)

    return [
        Route("/api/tak/certificates", guarded(look)),
        Route("/api/tak/packages", guarded(package), methods=["POST"]),
        Route("/api/tak/certificates/{serial}/revoke", guarded(revoke), methods=["POST"]),
    ]


def _require_own(user: User, username: str) -> None:
    if username != user.username and "admin" not in user.roles:
        raise Forbidden("forbidden", "Only an administrator may do this for somebody else.")
