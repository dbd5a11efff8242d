"""The command log over HTTP, for supervisors. Reading it is itself logged."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import ApiError, json
from server.http.needs import Services, guarded, number, term
from server.journal.kinds import JournalKind
from server.stores import journal
from server.stores.journal import JournalFilter, JournalPage
from server.stores.users import User

PAGE_LEN_DEFAULT = 50


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pool = services.pool

    async def search(request: Request, user: User) -> Response:
        wanted, before = _filter(request), number(request, "before")
        limit = number(request, "limit") or PAGE_LEN_DEFAULT
        async with pool.acquire() as conn, conn.transaction():
            page = await journal.search(conn, wanted, before=before, limit=limit)
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.JOURNAL_READ,
                body=_what_was_read(request, page),
            )
        return json({"entries": page.entries, "next": page.next_before})

    return [Route("/api/journal", guarded(search, "supervisor"))]


def _filter(request: Request) -> JournalFilter:
    return JournalFilter(
        text=term(request, "q"),
        kind=term(request, "kind"),
        actor=term(request, "actor"),
        subject=term(request, "subject"),
        since=_time(request, "since"),
        until=_time(request, "until"),
    )


def _what_was_read(request: Request, page: JournalPage) -> dict[str, Any]:
    names = ("q", "kind", "actor", "subject", "since", "until", "before")
    asked = {name: value for name in names if (value := request.query_params.get(name))}
    newest = page.entries[0].seq if page.entries else None
    return {"filter": asked, "found": len(page.entries), "newest": newest}


def _time(request: Request, name: str) -> datetime | None:
    text = request.query_params.get(name, "").strip()
    if not text:
        return None
    try:
        return _utc(text)
    except (ValueError, OverflowError):
        raise ApiError(
            400, "malformed", f"{name} must be a time with its zone, as 2026-01-31T08:00:00Z."
        ) from None


def _utc(text: str) -> datetime:
    """Raises `ValueError`; `OverflowError` beyond the calendar."""
    found = datetime.fromisoformat(text)
    if found.tzinfo is None:
        raise ValueError("no zone")
    return found.astimezone(UTC)
