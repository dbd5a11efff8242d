"""What each role may do, for people: read off the doors themselves, so it cannot be told wrongly.

A line is a few doors that belong together; who may do it is whoever `guarded` lets through them.
The words of a line are the administrator's page's: `may.<line>` in web/src/admin/locales.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from server.http.errors import json
from server.http.faces import faces_of
from server.http.needs import guarded, roles_of
from server.stores.users import ROLES, Role, User

LINES: Final[dict[str, str]] = {
    "own": "(GET|POST) /api/(me|login|logout|tak|map|incident-types|pinyin)(/.*)?",
    "orders.route": "GET /api/orders/{id}/route",
    "orders.send": "(GET|POST) /api/incidents/{id}/(recommendation|dispatch|routes)",
    "review": "(GET|POST) /api/(journal|replay|measures|holds|incidents/{id}/(hold|review|eido)).*",
    "incidents.look": "GET /api/(incidents|photos|units|worklist|orders|inbox|outlet|reminders|"
    "handover).*",
    "incidents.open": "POST /api/incidents.*",
    "orders.follow": "POST /api/(orders|mitigations|worklist/{id}/accept).*",
    "sos": "POST /api/sos/.*",
    "worklist": "POST /api/(worklist|inbox).*",
    "handover": "POST /api/(handover|reminders).*",
    "cover.move": "POST /api/cover/.*",
    "devices.ask": "(POST|DELETE) /api/devices/{id}/(locate|stream)",
    "shifts.start": "POST /api/units/{id}/shift",
    "leader": "POST /api/units/{id}/leader",
    "map.look": "GET /api/(isochrone|coverage|travel)",
    "roads": "(GET|POST) /api/(roads|conditions|places).*",
    "stance.order": "POST /api/stance.*",
    "figures.look": "(GET /api/(stance|cover|batteries|shift-plan|learning|dead-zones|run-cards|"
    "standby-points|devices/{id}/charges)|POST /api/run-cards/preview).*",
    "rules.set": "POST /api/(learning|dead-zones|run-cards|batteries|standby-points).*",
    "handset": "POST /api/handset",
    "spares.keep": "POST /api/spares",
    "spares.retire": "POST /api/spares/{id}/retire",
    "spares.use": "(GET|POST) /api/spares.*",
    "people": "(GET|POST) /api/(users|people|roles|officers|roster).*",
    "units": "(GET|POST) /api/(units|stations|shifts).*",
    "devices": "(GET|POST) /api/(devices|qr).*",
    "webhooks": "(GET|POST) /api/webhooks.*",
    "health": "GET /api/health",
}
"""Doors of each line: the first that fits is a door's. `own` is everybody's, and is not told."""
OWN: Final = "own"
VERBS: Final = ("GET", "POST", "PUT", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    name: str
    """`POST /api/incidents`."""
    roles: frozenset[str]


class MayDo(Struct, frozen=True, kw_only=True):
    """One line: who may do all of it, and who some of it."""

    what: str
    roles: list[str]
    partly: list[str]


def line_of(door: str) -> str | None:
    """The first line that fits; None: a door that nobody thought of here."""
    return next((name for name, pattern in LINES.items() if re.fullmatch(pattern, door)), None)


def doors(routes: Iterable[BaseRoute]) -> list[Door]:
    """Every guarded door of the API."""
    found = []
    for each in routes:
        if not isinstance(each, Route) or not each.path.startswith("/api/"):
            continue
        if (roles := roles_of(each.endpoint)) is not None:
            names = sorted(set(each.methods or ()) & set(VERBS))
            found += [
                Door(name=f"{verb} {each.path}", roles=roles or frozenset(ROLES)) for verb in names
            ]
    return found


def told(doors: Sequence[Door]) -> list[MayDo]:
    """The lines in their order."""
    by_line: dict[str, list[Door]] = {}
    for each in doors:
        by_line.setdefault(line_of(each.name) or "other", []).append(each)
    return [
        MayDo(
            what=line,
            roles=[role for role in ROLES if _all(by_line[line], role)],
            partly=[
                role
                for role in ROLES
                if not _all(by_line[line], role) and any(role in d.roles for d in by_line[line])
            ],
        )
        for line in [*LINES, "other"]
        if line in by_line and line != OWN
    ]


def _all(doors: Sequence[Door], role: Role) -> bool:
    return all(role in each.roles for each in doors)


def routes(services: object) -> list[BaseRoute]:
    """The routes of this module."""

    async def look(request: Request, user: User) -> Response:
        return json(
            {
                "roles": list(ROLES),
                "faces": {role: faces_of([role]) for role in ROLES},
                "may": told(doors(request.app.routes)),
            }
        )

    return [Route("/api/roles", guarded(look, "admin"))]
