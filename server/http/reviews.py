"""After-action reviews over HTTP, for supervisors: as JSON, as a page, and for other systems; and
having the positions around an incident kept for one."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, tzinfo
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route

from server import holds
from server.dispatch.errors import NotFound
from server.eido import eido
from server.http.errors import ApiError, json, read_body
from server.http.needs import Services, guarded, term
from server.http.texts import NOT_BLANK
from server.journal.kinds import JournalKind
from server.reviewpage import page, policy
from server.reviewwords import LANGUAGES, Language, Words
from server.stores.users import User

LOOK: Final = ("supervisor",)


class HoldBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/incidents/{id}/hold and …/hold/end."""

    why: Annotated[str, Meta(max_length=holds.REASON_LEN_MAX, pattern=NOT_BLANK)]


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    desk = services.reviews

    async def review(request: Request, user: User) -> Response:
        return json(await desk.review(_id(request), by=user.actor))

    async def review_page(request: Request, user: User) -> Response:
        words = Words(language=_language(request), zone=_zone(request))
        found = await desk.review(_id(request), by=user.actor)
        rules = policy(found, words)
        headers = {"cache-control": "no-store", "content-security-policy": rules}
        text = page(found, words, note=await services.audit.checkpoint())
        return HTMLResponse(text, headers=headers)

    async def as_eido(request: Request, user: User) -> Response:
        exported = JournalKind.REVIEW_EXPORTED
        found = await desk.review(_id(request), by=user.actor, what_for=exported)
        answer = json(eido(found, agency=services.settings.agency))
        name = f"incident-{found.incident.number}.eido.json"
        answer.headers["content-disposition"] = f'attachment; filename="{name}"'
        answer.headers["cache-control"] = "no-store"
        return answer

    async def held(request: Request, user: User) -> Response:
        return json(await holds.everything(services.pool))

    async def hold(request: Request, user: User) -> Response:
        body, now = await read_body(request, HoldBody), datetime.now(UTC)
        one = _id(request)
        return json(await holds.hold(services.pool, one, why=body.why, by=user.actor, at=now))

    async def release(request: Request, user: User) -> Response:
        body, now = await read_body(request, HoldBody), datetime.now(UTC)
        await holds.release(services.pool, _id(request), why=body.why, by=user.actor, at=now)
        return Response(status_code=204)

    return [
        Route("/api/holds", guarded(held, *LOOK)),
        Route("/api/incidents/{id}/hold", guarded(hold, *LOOK), methods=["POST"]),
        Route("/api/incidents/{id}/hold/end", guarded(release, *LOOK), methods=["POST"]),
        Route("/api/incidents/{id}/eido", guarded(as_eido, *LOOK)),
        Route("/api/incidents/{id}/review", guarded(review, *LOOK)),
        Route("/api/incidents/{id}/review.html", guarded(review_page, *LOOK)),
    ]


def _id(request: Request) -> str:
    """Raises `NotFound`."""
    try:
        return str(uuid.UUID(request.path_params["id"]))
    except ValueError:
        raise NotFound("not_found", "There is no such incident.") from None


def _language(request: Request) -> Language:
    """`lang`, English without. Raises `ApiError` 400."""
    wanted = term(request, "lang") or "en"
    for language in LANGUAGES:
        if language == wanted:
            return language
    raise ApiError(400, "malformed", f"lang is one of {', '.join(LANGUAGES)}.")


def _zone(request: Request) -> tzinfo:
    """`tz`, as the IANA names it, UTC without. Raises `ApiError` 400."""
    name = term(request, "tz")
    if not name:
        return UTC
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        message = f"tz is {name[:40]!r}; write a time zone as Asia/Shanghai."
        raise ApiError(400, "malformed", message) from None
