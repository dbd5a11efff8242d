"""The command log over HTTP, for supervisors. Reading it and redacting in it is itself logged."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server import journalsheet, qrcodes, redaction
from server.auditexport import NothingToExport
from server.auditproofs import PROOFS_LEN_MAX
from server.http.errors import ApiError, json, read_body
from server.http.measures import csv
from server.http.needs import Handler, Services, guarded, number, term
from server.http.texts import NOT_BLANK
from server.journal.kinds import JournalKind
from server.stores import journal, logsearch
from server.stores.logsearch import JournalFilter, JournalPage, NoSuchIncident
from server.stores.seals import LogDamaged
from server.stores.users import User
from server.views import JournalEntryView

PAGE_LEN_DEFAULT = 50
_FRESH: Final = {"cache-control": "no-store"}
_ASKED: Final = (
    *("q", "kind", "actor", "subject", "unit", "officer", "incident", "since", "until", "before"),
)
"""Of the query, what the entry of a reading says."""
NUMBER_LEN_MAX = 18
"""Digits; the database has no longer ones."""


class RedactBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/journal/{seq}/redact."""

    fields: Annotated[
        list[Annotated[str, Meta(max_length=200)]],
        Meta(min_length=1, max_length=redaction.FIELDS_MAX),
    ]
    """As an export names them: `actor`, `subject`, `body.<key>`."""
    reason: Annotated[str, Meta(max_length=redaction.REASON_LEN_MAX, pattern=NOT_BLANK)]


def routes(services: Services) -> list[BaseRoute]:
    """The routes of this module."""
    pool, sealer, desk = services.pool, services.sealer, services.audit
    redact = _redacting(services)

    async def search(request: Request, user: User) -> Response:
        wanted, before = _filter(request), number(request, "before")
        limit = number(request, "limit") or PAGE_LEN_DEFAULT
        waiting = await sealer.before_reading()
        async with pool.acquire() as conn, conn.transaction():
            try:
                page = await logsearch.search(conn, wanted, before=before, limit=limit)
            except NoSuchIncident as error:
                raise ApiError(404, "not_found", str(error)) from None
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.JOURNAL_READ,
                body=_what_was_read(request, page),
            )
        found = {"entries": page.entries, "next": page.next_before, "waiting": waiting}
        return json(found | {"words_from": page.words_from})

    async def state(request: Request, user: User) -> Response:
        return json(await desk.state())

    async def checkpoint(request: Request, user: User) -> Response:
        return _kept(_signed(await desk.checkpoint()), "text/plain", "checkpoint.txt")

    async def code(request: Request, user: User) -> Response:
        note = _signed(await desk.checkpoint())
        drawn = await asyncio.to_thread(qrcodes.svg, note, title="checkpoint")
        return Response(drawn, media_type="image/svg+xml", headers=_FRESH)

    async def proof(request: Request, user: User) -> Response:
        seq: int = request.path_params["seq"]
        try:
            found = await desk.proof(seq, held=number(request, "held"))
        except (NothingToExport, LogDamaged) as error:
            raise ApiError(404, "not_found", str(error)) from None
        async with pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.JOURNAL_READ,
                body={"filter": {}, "found": 1, "newest": seq},
            )
        return _kept(found, "application/jsonl", f"entry-{seq}.jsonl")

    async def proofs(request: Request, user: User) -> Response:
        held = number(request, "held", default=0) or 0
        return json(await desk.proofs(_seqs(request), held=held), headers=_FRESH)

    async def matching(request: Request, user: User, form: str) -> list[JournalEntryView]:
        wanted = _filter(request)
        await sealer.before_reading()
        async with pool.acquire() as conn, conn.transaction():
            try:
                found = await journalsheet.matching(conn, wanted)
            except NoSuchIncident as error:
                raise ApiError(404, "not_found", str(error)) from None
            except journalsheet.TooManyEntries as error:
                raise ApiError(422, "too_many", str(error)) from None
            await journal.append(
                conn,
                actor=user.actor,
                subject=user.actor,
                kind=JournalKind.JOURNAL_EXPORTED,
                body={
                    "entries": len(found),
                    "first": found[-1].seq if found else None,
                    "last": found[0].seq if found else None,
                    "filter": _asked(request),
                    "form": form,
                },
            )
        return found

    async def as_csv(request: Request, user: User) -> Response:
        text = journalsheet.as_csv(await matching(request, user, "csv"))
        return csv(text, f"log-{datetime.now(UTC):%Y%m%d-%H%M%S}.csv")

    async def as_json(request: Request, user: User) -> Response:
        at, found = datetime.now(UTC), await matching(request, user, "json")
        answer = json(journalsheet.as_json(found, asked=_asked(request), at=at))
        named = f'attachment; filename="log-{at:%Y%m%d-%H%M%S}.json"'
        answer.headers.update({"content-disposition": named, **_FRESH})
        return answer

    return [
        Route("/api/journal", guarded(search, "supervisor")),
        Route("/api/journal.csv", guarded(as_csv, "supervisor")),
        Route("/api/journal.json", guarded(as_json, "supervisor")),
        Route("/api/journal/proofs", guarded(proofs, "supervisor")),
        Route("/api/journal/checkpoint", guarded(state, "supervisor")),
        Route("/api/journal/checkpoint.txt", guarded(checkpoint, "supervisor")),
        Route("/api/journal/checkpoint.svg", guarded(code, "supervisor")),
        Route("/api/journal/{seq:int}/proof", guarded(proof, "supervisor")),
        Route("/api/journal/{seq:int}/redact", guarded(redact, "supervisor"), methods=["POST"]),
    ]


def _redacting(services: Services) -> Handler:
    async def redact(request: Request, user: User) -> Response:
        seq, body = request.path_params["seq"], await read_body(request, RedactBody)
        await services.sealer.before_reading()
        gone = await redaction.redact(
            services.pool,
            seq,
            body.fields,
            by=user.actor,
            reason=body.reason,
            tell=lambda incident_id: services.fanout.publish("incident", incident_id),
        )
        return json({"seq": seq, "redacted": gone})

    return redact


def _signed(note: str | None) -> str:
    if note is None:
        raise ApiError(404, "not_found", "No checkpoint was signed yet.")
    return note


def _kept(text: str, media_type: str, name: str) -> Response:
    """A file to be kept."""
    named = {"content-disposition": f'attachment; filename="{name}"', **_FRESH}
    return Response(text, media_type=media_type, headers=named)


def _filter(request: Request) -> JournalFilter:
    since, until = _time(request, "since"), _time(request, "until")
    if since is not None and until is not None and since >= until:
        raise ApiError(400, "malformed", "until must be later than since.")
    return JournalFilter(
        text=term(request, "q"),
        kind=term(request, "kind"),
        actor=term(request, "actor"),
        subject=term(request, "subject"),
        unit=term(request, "unit"),
        officer=term(request, "officer"),
        incident=_incident(request),
        since=since,
        until=until,
    )


def _what_was_read(request: Request, page: JournalPage) -> dict[str, Any]:
    newest = page.entries[0].seq if page.entries else None
    return {"filter": _asked(request), "found": len(page.entries), "newest": newest}


def _asked(request: Request) -> dict[str, str]:
    return {name: value for name in _ASKED if (value := request.query_params.get(name))}


def _seqs(request: Request) -> list[int]:
    """`seq`, numbers joined by commas. Raises `ApiError` 400."""
    parts = [each for each in request.query_params.get("seq", "").split(",") if each]
    whole = all(each.isascii() and each.isdigit() for each in parts)
    if not whole or len(parts) > PROOFS_LEN_MAX or any(len(e) > NUMBER_LEN_MAX for e in parts):
        raise ApiError(
            400, "malformed", f"seq takes at most {PROOFS_LEN_MAX} numbers, joined by commas."
        )
    return sorted({int(each) for each in parts})


def _incident(request: Request) -> UUID | int | None:
    text = term(request, "incident")
    if not text:
        return None
    if text.isascii() and text.isdigit() and len(text) <= NUMBER_LEN_MAX:
        return int(text)
    try:
        return UUID(text)
    except ValueError:
        raise ApiError(
            400, "malformed", "incident must be the number or the id of an incident."
        ) from None


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
