"""The roster in and out over HTTP, for administrators: what a file would change, then all of it.

Nothing is done half: one transaction, and only what was looked at before; where the roster changed
meanwhile, the import is refused and looked at anew.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.dispatch.errors import Conflict, DispatchError, Impossible
from server.http.devices_admin import RosterServices
from server.http.errors import ApiError, json, read_body
from server.http.needs import guarded, term
from server.http.people import Reason, require_reason
from server.journal.kinds import JournalKind
from server.roster import export, load, tables
from server.roster.file import RosterError
from server.roster.plan import Change, plan
from server.roster.tables import Problem
from server.stores import county, journal
from server.stores.pool import Connection
from server.stores.users import User

CHANGES_SHOWN_MAX: Final = 500
PROBLEMS_SHOWN_MAX: Final = 200
JSON_FORM: Final = "json"
PATHS: Final = ("/api/roster/preview", "/api/roster/import")
"""Whose bodies are files."""


class FileBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """POST /api/roster/preview."""

    text: str


class ImportBody(FileBody, frozen=True, kw_only=True):
    """POST /api/roster/import."""

    digest: Annotated[str, Meta(max_length=64)]
    """Of the preview: that is done, or nothing."""
    reason: Reason


def routes(services: RosterServices) -> list[BaseRoute]:
    """The routes of this module."""
    pool, fanout = services.pool, services.fanout

    async def preview(request: Request, user: User) -> Response:
        body = await read_body(request, FileBody)
        async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            return json(await look_at(conn, body.text))

    async def bring_in(request: Request, user: User) -> Response:
        body = await read_body(request, ImportBody)
        require_reason(body.reason)
        try:
            async with pool.acquire() as conn, conn.transaction():
                made = await take_in(conn, body, by=user.actor)
        except RosterError as error:
            text = " ".join(error.problems)
            raise Conflict("roster_refused", text, {"problems": error.problems}) from None
        for each in await _unit_ids(pool, made.pop("units")):
            fanout.publish("unit", each)
        return json(made)

    async def take_out(request: Request, user: User) -> Response:
        wanted = term(request, "list") or JSON_FORM
        async with pool.acquire() as conn, conn.transaction(isolation="repeatable_read"):
            found = export.lists(await county.read(conn))
        day = f"{datetime.now(UTC):%Y-%m-%d}"
        if wanted == JSON_FORM:
            content = msgspec.json.format(msgspec.json.encode(found), indent=1)
            return _file(content, f"roster-{day}.json", "application/json")
        if wanted not in found:
            raise ApiError(400, "malformed", f"list is {JSON_FORM} or one of {', '.join(found)}.")
        content = tables.written(wanted, found[wanted]).encode()
        return _file(content, f"{wanted}-{day}.csv", "text/csv; charset=utf-8")

    return [
        Route(PATHS[0], guarded(preview, "admin"), methods=["POST"]),
        Route(PATHS[1], guarded(bring_in, "admin"), methods=["POST"]),
        Route("/api/roster/export", guarded(take_out, "admin")),
    ]


async def look_at(conn: Connection, text: str) -> dict[str, Any]:
    """What a file would change, or what is wrong with it; changes nothing."""
    read = tables.read(text)
    changes: list[Change] = []
    problems = read.problems
    known = await county.read(conn)
    if read.file is not None:
        try:
            changes = plan(known, read.file)
        except RosterError as error:
            problems = tables.placed(error.problems, read.lines)
    return {
        "changes": [_view(each) for each in changes[:CHANGES_SHOWN_MAX]],
        "total": len(changes),
        "secrets": sum(each.has_secret for each in changes),
        "problems": _shown(problems),
        "wrong": len(problems),
        "digest": _digest(changes),
    }


async def take_in(conn: Connection, body: ImportBody, *, by: str) -> dict[str, Any]:
    """All of it. Raises `RosterError`, `Conflict` `changed_meanwhile`, `Impossible`."""
    read = tables.read(body.text)
    if read.file is None:
        raise RosterError([each.text for each in read.problems])
    known = await county.read(conn)
    changes = plan(known, read.file)
    if _digest(changes) != body.digest:
        text = "The roster, or the file, changed since you looked. Look again."
        raise Conflict("roster_changed", text)
    if not changes:
        raise Impossible("no_change", "There is nothing to change.")
    back = export.way_back(known, changes)
    try:
        secrets = await load.apply(conn, changes, by=by)
    except (ApiError, DispatchError) as error:
        raise RosterError([error.message]) from error
    said = {"count": len(changes), "reason": body.reason.strip()}
    said["sha256"] = hashlib.sha256(body.text.encode()).hexdigest()
    await journal.append(
        conn, actor=by, subject="roster:file", kind=JournalKind.ROSTER_IMPORTED, body=said
    )
    return {
        "made": len(changes),
        "secrets": secrets,
        "way_back": back,
        "units": sorted({each["call_sign"] for each in back["units"]}),
    }


def _view(change: Change) -> dict[str, Any]:
    fields = {name: {"from": a, "to": b} for name, (a, b) in change.fields().items()}
    return {
        "what": change.what,
        "key": change.key,
        "new": change.before is None,
        "fields": fields,
    }


def _digest(changes: list[Change]) -> str:
    """Of what would be done: the same changes of the same roster have the same."""
    views = msgspec.json.encode([_view(each) for each in changes], order="deterministic")
    return hashlib.sha256(views).hexdigest()


def _shown(problems: tuple[Problem, ...]) -> list[Problem]:
    return sorted(problems, key=lambda each: each.line or 0)[:PROBLEMS_SHOWN_MAX]


async def _unit_ids(pool: Any, call_signs: list[str]) -> list[str]:
    query = "SELECT id FROM unit WHERE call_sign = ANY($1::text[])"
    return [row["id"] for row in await pool.fetch(query, call_signs)]


def _file(content: bytes, name: str, media_type: str) -> Response:
    headers = {
        "cache-control": "no-store",
        "content-disposition": f'attachment; filename="{name}"',
    }
    return Response(content, headers=headers, media_type=media_type)
