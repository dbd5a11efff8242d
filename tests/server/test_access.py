"""Who may pass which door: every route of the application against one table, over real sockets.

A new route needs a row here; the test fails without one.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import httpx
import pytest
import websockets
from starlette.applications import Starlette
from starlette.routing import Match, Mount, Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from protocols import native
from protocols.native import CloseCode, Hello, encode
from server.gateways import console, device, exchange
from server.http import access, maydo, photos
from server.http.auth import COOKIE
from server.ids import new_id
from server.stores.users import ROLES
from tests.http_server import client_of
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device
from tests.whole_server import WholeServer, whole_server

DEVICE_TOKEN = "a token that was given out"
DOCS = Path(__file__).parents[2] / "docs" / "http-api.md"
ADMIN_WORDS = Path(__file__).parents[2] / "web" / "src" / "admin" / "people" / "locales"
API_PREFIXES = ("/api/", "/tiles/", "/hillshade/")

NOBODY, ONE_TIME = "nobody", "with a one-time password"
"""`ONE_TIME` has every role, but must choose a password first."""
DEVICE, WRONG_DEVICE = "device", "wrong device token"
EVERYBODY = frozenset({NOBODY, ONE_TIME, DEVICE, WRONG_DEVICE, *ROLES})
SIGNED_IN = frozenset(ROLES)
OWN_PASSWORD = SIGNED_IN | {ONE_TIME}


def only(*who: str) -> frozenset[str]:
    return frozenset(who)


ROAD_PEOPLE = only("dispatcher", "supervisor", "admin")

ACCESS: dict[str, frozenset[str]] = {
    "POST /api/login": EVERYBODY,
    "GET /api/me": OWN_PASSWORD,
    "POST /api/me/password": OWN_PASSWORD,
    "GET /api/users": only("admin"),
    "POST /api/users": only("admin"),
    "GET /api/people": only("admin"),
    "GET /api/people/{id}": only("admin"),
    "POST /api/people/{id}": only("admin"),
    "POST /api/people/{id}/disable": only("admin"),
    "POST /api/people/{id}/enable": only("admin"),
    "POST /api/people/{id}/password": only("admin"),
    "POST /api/people/{id}/sessions/end": only("admin"),
    "GET /api/roles": only("admin"),
    "GET /api/roster/units": only("admin"),
    "GET /api/roster/units/{id}": only("admin"),
    "POST /api/roster/units/{id}": only("admin"),
    "POST /api/roster/units/{id}/retire": only("admin"),
    "POST /api/officers/{badge}": only("admin"),
    "POST /api/roster/preview": only("admin"),
    "POST /api/roster/import": only("admin"),
    "GET /api/roster/export": only("admin"),
    "GET /api/shifts": only("admin"),
    "POST /api/shifts": only("admin"),
    "POST /api/shifts/copy": only("admin"),
    "POST /api/shifts/{id}": only("admin"),
    "POST /api/shifts/{id}/drop": only("admin"),
    "POST /api/shifts/{id}/swap": only("admin"),
    "POST /api/stations": only("admin"),
    "POST /api/officers": only("admin"),
    "POST /api/units/{id}/leader": only("dispatcher", "supervisor", "admin"),
    "POST /api/units": only("admin"),
    "GET /api/roster": only("admin"),
    "POST /api/qr": only("admin"),
    "GET /api/health": only("admin"),
    "GET /api/devices": only("admin"),
    "POST /api/devices": only("admin"),
    "POST /api/devices/{id}": only("admin"),
    "POST /api/devices/{id}/disable": only("admin"),
    "POST /api/devices/{id}/enable": only("admin"),
    "POST /api/devices/{id}/token": only("admin"),
    "GET /api/devices/unknown": only("admin"),
    "POST /api/devices/unknown/dismiss": only("admin"),
    "GET /api/devices/identities": only("admin"),
    "POST /api/devices/identities": only("admin"),
    "POST /api/devices/identities/change": only("admin"),
    "POST /api/devices/identities/remove": only("admin"),
    "POST /api/handset": only("officer"),
    "GET /api/tak/certificates": SIGNED_IN,
    "POST /api/tak/packages": SIGNED_IN,
    "POST /api/tak/certificates/{serial}/revoke": SIGNED_IN,
    "GET /api/incident-types": SIGNED_IN,
    "GET /api/incidents": only("dispatcher", "supervisor"),
    "POST /api/incidents": only("dispatcher"),
    "GET /api/incidents/{id}": only("dispatcher", "supervisor"),
    "GET /api/incidents/{id}/photos": only("dispatcher", "supervisor"),
    "GET /api/photos/{id}": only("dispatcher", "supervisor"),
    "GET /api/photos/{id}/small": only("dispatcher", "supervisor"),
    "GET /api/holds": only("supervisor"),
    "POST /api/incidents/{id}/hold": only("supervisor"),
    "POST /api/incidents/{id}/hold/end": only("supervisor"),
    "GET /api/incidents/{id}/eido": only("supervisor"),
    "GET /api/incidents/{id}/review": only("supervisor"),
    "GET /api/incidents/{id}/review.html": only("supervisor"),
    "POST /api/incidents/{id}/recommendation": only("dispatcher"),
    "POST /api/incidents/{id}/dispatch": only("dispatcher"),
    "GET /api/incidents/{id}/routes": only("dispatcher"),
    "POST /api/incidents/{id}/claim": only("dispatcher"),
    "POST /api/incidents/{id}/release": only("dispatcher"),
    "POST /api/incidents/{id}/close": only("dispatcher"),
    "POST /api/orders/{id}/cancel": only("dispatcher"),
    "POST /api/orders/{id}/report": only("dispatcher"),
    "POST /api/orders/{id}/recall": only("dispatcher"),
    "POST /api/orders/{id}/recall/answer": only("dispatcher"),
    "POST /api/orders/{id}/welfare": only("dispatcher"),
    "POST /api/orders/{id}/welfare/ask": only("dispatcher"),
    "GET /api/orders/{id}/mitigations": only("dispatcher", "supervisor"),
    "POST /api/orders/{id}/mitigations": only("dispatcher"),
    "POST /api/mitigations/{id}/end": only("dispatcher"),
    "POST /api/mitigations/{id}/answer": only("dispatcher"),
    "GET /api/stance": only("dispatcher", "supervisor", "admin"),
    "POST /api/stance": only("dispatcher", "supervisor"),
    "POST /api/stance/{number:int}/end": only("dispatcher", "supervisor"),
    "GET /api/worklist": only("dispatcher", "supervisor"),
    "POST /api/worklist/{id}/claim": only("dispatcher", "supervisor"),
    "POST /api/worklist/{id}/accept": only("dispatcher"),
    "POST /api/worklist/{id}/settle": only("dispatcher", "supervisor"),
    "GET /api/orders/{id}/route": only("dispatcher", "officer"),
    "POST /api/sos/{id}/acknowledge": only("dispatcher"),
    "POST /api/sos/{id}/nearest": only("dispatcher"),
    "POST /api/sos/{id}/place": only("dispatcher"),
    "GET /api/units": only("dispatcher", "supervisor"),
    "POST /api/units/{id}/shift": only("dispatcher", "admin"),
    "GET /api/units/{id}/trail": only("dispatcher", "supervisor"),
    "GET /api/travel": only("dispatcher", "supervisor"),
    "GET /api/batteries": ROAD_PEOPLE,
    "GET /api/isochrone": only("dispatcher", "supervisor"),
    "GET /api/coverage": only("dispatcher", "supervisor"),
    "GET /api/roads/state": ROAD_PEOPLE,
    "POST /api/roads/state": ROAD_PEOPLE,
    "POST /api/roads/state/{id}/end": ROAD_PEOPLE,
    "GET /api/roads/lines": ROAD_PEOPLE,
    "GET /api/roads/near": ROAD_PEOPLE,
    "GET /api/roads/numbers": ROAD_PEOPLE,
    "POST /api/roads/preview": ROAD_PEOPLE,
    "GET /api/conditions": ROAD_PEOPLE,
    "POST /api/conditions": ROAD_PEOPLE,
    "POST /api/conditions/{id}/end": ROAD_PEOPLE,
    "GET /api/learning": ROAD_PEOPLE,
    "GET /api/learning/roads": ROAD_PEOPLE,
    "GET /api/learning/lines": ROAD_PEOPLE,
    "POST /api/learning/learn": only("supervisor", "admin"),
    "POST /api/learning/activate": only("supervisor", "admin"),
    "GET /api/dead-zones": ROAD_PEOPLE,
    "GET /api/dead-zones/versions": ROAD_PEOPLE,
    "POST /api/dead-zones/learn": only("supervisor", "admin"),
    "POST /api/dead-zones/activate": only("supervisor", "admin"),
    "POST /api/dead-zones/verdicts": only("supervisor", "admin"),
    "GET /api/inbox": only("dispatcher", "supervisor"),
    "POST /api/inbox": only("dispatcher", "supervisor"),
    "POST /api/inbox/{id}/note": only("dispatcher", "supervisor"),
    "GET /api/outlet": only("dispatcher", "supervisor"),
    "GET /api/reminders": only("dispatcher", "supervisor"),
    "POST /api/reminders": only("dispatcher"),
    "POST /api/reminders/{id}/drop": only("dispatcher"),
    "GET /api/handover": only("dispatcher", "supervisor"),
    "POST /api/handover": only("dispatcher"),
    "GET /api/cover": ROAD_PEOPLE,
    "POST /api/cover/move-up": only("dispatcher"),
    "GET /api/standby-points": ROAD_PEOPLE,
    "POST /api/standby-points": only("supervisor", "admin"),
    "POST /api/standby-points/{id}/retire": only("supervisor", "admin"),
    "GET /api/spares": SIGNED_IN,
    "POST /api/spares": only("admin"),
    "POST /api/spares/{id}/take": SIGNED_IN,
    "POST /api/spares/{id}/put": SIGNED_IN,
    "POST /api/spares/{id}/retire": only("supervisor", "admin"),
    "GET /api/webhooks": only("admin"),
    "POST /api/webhooks": only("admin"),
    "POST /api/webhooks/{id}/end": only("admin"),
    "GET /api/webhooks/{id}/dead": only("admin"),
    "POST /api/webhooks/{id}/retry": only("admin"),
    "POST /api/webhooks/{id}/drop": only("admin"),
    "GET /api/run-cards": ROAD_PEOPLE,
    "GET /api/run-cards/versions": ROAD_PEOPLE,
    "POST /api/run-cards": only("supervisor", "admin"),
    "POST /api/run-cards/preview": ROAD_PEOPLE,
    "POST /api/run-cards/activate": only("supervisor", "admin"),
    "GET /api/incidents/{id}/checklist": only("dispatcher", "supervisor"),
    "POST /api/incidents/{id}/checklist": only("dispatcher"),
    "GET /api/batteries/models": ROAD_PEOPLE,
    "POST /api/batteries/models/learn": only("supervisor", "admin"),
    "POST /api/batteries/models/activate": only("supervisor", "admin"),
    "GET /api/shift-plan": ROAD_PEOPLE,
    "POST /api/devices/{id}/locate": only("dispatcher"),
    "POST /api/devices/{id}/stream": only("dispatcher"),
    "DELETE /api/devices/{id}/stream": only("dispatcher"),
    "GET /api/devices/{id}/charges": ROAD_PEOPLE,
    "GET /api/journal": only("supervisor"),
    "GET /api/journal.csv": only("supervisor"),
    "GET /api/journal.json": only("supervisor"),
    "GET /api/journal/proofs": only("supervisor"),
    "GET /api/journal/checkpoint": only("supervisor"),
    "GET /api/journal/checkpoint.txt": only("supervisor"),
    "GET /api/journal/checkpoint.svg": only("supervisor"),
    "GET /api/journal/{seq:int}/proof": only("supervisor"),
    "POST /api/journal/{seq:int}/redact": only("supervisor"),
    "GET /api/replay": only("supervisor"),
    "GET /api/replay.csv": only("supervisor"),
    "GET /api/replay.geojson": only("supervisor"),
    "GET /api/replay/tracks": only("supervisor"),
    "GET /api/measures": only("supervisor"),
    "GET /api/measures.csv": only("supervisor"),
    "GET /api/measures/coverage": only("supervisor"),
    "GET /api/measures/coverage.csv": only("supervisor"),
    "GET /api/measures/points": only("supervisor"),
    "GET /api/measures/points.csv": only("supervisor"),
    "GET /api/map": SIGNED_IN,
    "GET /api/places": ROAD_PEOPLE,
    "POST /api/pinyin": SIGNED_IN,
    "GET /tiles/{z:tile}/{x:tile}/{y:tile}.mvt": SIGNED_IN,
    "GET /tiles/pack": SIGNED_IN,
    "GET /hillshade/{z:tile}/{x:tile}/{y:tile}.webp": SIGNED_IN,
    "WS /v1/console": only("dispatcher", "supervisor"),
    "WS /v1/device": only(DEVICE),
    "POST /v1/up": only(DEVICE),
    "GET /v1/cmd": only(DEVICE),
    "POST /v1/photos": only(DEVICE),
    "PUT /v1/photos/{id}": only(DEVICE),
    "GET /o/{token}": EVERYBODY,  # the path itself says who may; test_phones has who may not
    "POST /o/{token}": EVERYBODY,
    "POST /owntracks/{token}": EVERYBODY,
    "GET /": EVERYBODY,
    "GET /login": EVERYBODY,
    "GET /styleguide": EVERYBODY,
    "GET /console": only("dispatcher", "supervisor"),
    "GET /handset": only("officer"),
    "GET /audit": only("supervisor"),
    "GET /admin": only("admin"),
    "GET /sw.js": EVERYBODY,
    "GET /manifest.webmanifest": EVERYBODY,
    "GET /assets/{path}": EVERYBODY,
    "GET /licenses/{path}": EVERYBODY,
    "GET /healthz": EVERYBODY,
    "GET /readyz": EVERYBODY,
    "GET /metrics": EVERYBODY,  # on this machine; test_security has the others
    "POST /api/logout": EVERYBODY,  # last: it ends the sessions
}


NOT_LOGGED = {
    "/api/health",  # the server's own, no person and no place
    # who asks, and what he shows himself
    *("/api/me", "/api/tak/certificates", "/api/orders/{id}/route"),
    # the ground, its roads and what is known of them
    *("/api/map", "/api/roads/state", "/api/roads/lines", "/api/roads/near", "/api/roads/numbers"),
    *("/api/conditions", "/api/learning", "/api/learning/roads", "/api/dead-zones"),
    *("/api/learning/lines", "/api/travel"),
    *("/api/dead-zones/versions", "/api/isochrone", "/api/coverage", "/api/standby-points"),
    # rules and things, no people
    *(
        "/api/incident-types",
        "/api/roles",
        "/api/run-cards",
        "/api/run-cards/versions",
        "/api/stance",
    ),
    *("/api/batteries/models", "/api/spares", "/api/webhooks", "/api/webhooks/{id}/dead"),
    # one incident, and the room's own boards, in the course of work
    *("/api/incidents/{id}", "/api/incidents/{id}/routes", "/api/incidents/{id}/checklist"),
    *("/api/orders/{id}/mitigations", "/api/worklist", "/api/outlet", "/api/reminders"),
    *("/api/handover", "/api/cover", "/api/batteries", "/api/shift-plan"),
    # how the log is held, and for what incidents positions are
    *("/api/journal/checkpoint", "/api/journal/checkpoint.txt", "/api/journal/checkpoint.svg"),
    "/api/holds",
}
"""Reads that leave no entry in the command log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody who knocks: a user, or a machine with a token."""

    name: str
    session: str = ""
    token: str = ""

    @property
    def headers(self) -> dict[str, str]:
        if self.session:
            return {"cookie": f"{COOKIE}={self.session}"}
        return {"authorization": f"Bearer {self.token}"} if self.token else {}


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


def doors(app: Starlette) -> list[str]:
    """Every door of the application, as the table names it."""
    found: list[str] = []
    for route in app.routes:
        match route:
            case Route():
                found += [f"{each} {route.path}" for each in route.methods or () if each != "HEAD"]
            case WebSocketRoute():
                found.append(f"WS {route.path}")
            case Mount():
                found.append(f"GET {route.path}/{{path}}")
            case _:
                raise AssertionError(f"what kind of door is {route}?")
    return found


async def test_every_route_has_a_row_and_every_row_a_route(server: WholeServer) -> None:
    assert sorted(doors(server.app)) == sorted(ACCESS)


async def test_no_door_stands_before_another(server: WholeServer) -> None:
    """`/api/devices/{id}` would take what is meant for `/api/devices/identities`."""
    routes = [each for each in server.app.routes if isinstance(each, Route) and each.methods]
    taken = []
    for wanted in routes:
        if "{" in wanted.path:
            continue
        for method in wanted.methods or ():
            scope = {"type": "http", "path": wanted.path, "method": method}
            first = next(each for each in routes if each.matches(scope)[0] is Match.FULL)
            taken += [] if first is wanted else [f"{method} {wanted.path} is taken by {first.path}"]

    assert taken == []


def test_every_list_that_can_be_read_is_logged_or_named_as_one_that_need_not_be() -> None:
    """A new route of the API is of one sort or the other; docs/audit.md, Who looked."""
    reads = {door.removeprefix("GET ") for door in ACCESS if door.startswith("GET /api/")}

    assert reads - access.LOOKS.keys() - set(access.LOGGED_READS) == NOT_LOGGED


async def test_every_look_that_is_logged_has_a_door(server: WholeServer) -> None:
    named = {f"GET {path}" for path in (*access.LOOKS, *access.LOGGED_READS)}

    assert named <= set(doors(server.app))


async def test_what_roles_may_is_told_as_the_doors_have_it(server: WholeServer) -> None:
    guarded = {each.name: each.roles for each in maydo.doors(server.app.routes)}
    own = {"GET /api/me", "POST /api/me/password", "POST /api/login", "POST /api/logout"}

    api = {door for door in ACCESS if " /api/" in door and door not in own}
    assert guarded == {door: ACCESS[door] for door in api}


async def test_every_door_is_of_a_line_that_has_words(server: WholeServer) -> None:
    told = maydo.told(maydo.doors(server.app.routes))

    assert {role for each in told for role in each.roles} == SIGNED_IN
    for language in ("en", "zh"):
        words = json.loads((ADMIN_WORDS / f"{language}.json").read_text())
        assert {
            f"may.{line}" for line in (*(each.what for each in told), "other")
        } - words.keys() == set()


async def test_a_server_that_stops_says_first_who_was_at_the_live_map(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        token = await server.session(await server.add_user("wang", ["dispatcher"]))
        async with connect(
            server.url.replace("http", "ws", 1) + console.PATH,
            subprotocols=[Subprotocol(console.SUBPROTOCOL)],
            additional_headers={"cookie": f"{COOKIE}={token}"},
            proxy=None,
            open_timeout=PATIENCE_S,
        ) as socket:
            await socket.recv()

    owner = await asyncpg.connect(database_url)
    rows = await owner.fetch("SELECT actor, kind FROM journal_entry ORDER BY id DESC LIMIT 2")
    await owner.close()
    assert [(row["actor"], row["kind"]) for row in rows] == [
        ("user:wang", "access.map_closed"),
        ("user:wang", "access.map_opened"),
    ]


async def test_every_call_of_the_api_is_documented(server: WholeServer) -> None:
    docs = DOCS.read_text()
    calls = [door.replace(":tile", "").replace(":int", "") for door in doors(server.app)]

    missing = [
        call
        for call in calls
        if call.split(" ")[1].startswith(API_PREFIXES)
        and not re.search(rf"{re.escape(call)}[`?]", docs)
    ]

    assert missing == []


async def test_each_door_opens_for_those_of_its_row_alone(server: WholeServer) -> None:
    everybody = await _everybody(server)
    assert {person.name for person in everybody} == EVERYBODY

    wrong: list[str] = []
    async with client_of(server.url) as client:
        for door, allowed in ACCESS.items():
            for person in everybody:
                opened, said = await _knock(client, door, person)
                if opened != (person.name in allowed):
                    wrong.append(f"{door} as {person.name}: {said}")

    assert wrong == []


async def _everybody(server: WholeServer) -> list[Person]:
    await add_device(server.services.pool, "cam-07", token=DEVICE_TOKEN)
    one_time = await server.add_user("new", ROLES, must_change=True)
    users = [(ONE_TIME, one_time)]
    users += [(role, await server.add_user(role, [role])) for role in ROLES]
    return [
        Person(name=NOBODY),
        Person(name=DEVICE, token=DEVICE_TOKEN),
        Person(name=WRONG_DEVICE, token="guessed"),
        *[Person(name=name, session=await server.session(user_id)) for name, user_id in users],
    ]


async def _knock(client: httpx.AsyncClient, door: str, person: Person) -> tuple[bool, str]:
    """Whether it opened, and what it said."""
    method, path = door.split(" ")
    path = (
        re.sub(r"{(\w+):(?:tile|int)}", "1", path)
        .replace("{path}", "x.js")
        .replace("{id}", new_id())
    )
    if method == "WS":
        return await _knock_socket(str(client.base_url.join(path)), person.headers)
    hello = Hello(dev="cam-07", inst="i1")
    body = encode(hello) if path == exchange.UP_PATH else None
    of_device = path == exchange.COMMANDS_PATH or path.startswith(photos.DEVICE_PATH)
    query = {"dev": hello.dev, "inst": hello.inst} if of_device else None
    answer = await client.request(method, path, headers=person.headers, content=body, params=query)
    client.cookies.clear()
    return _is_open(answer), f"{answer.status_code} {answer.text[:100]}"


def _is_open(answer: httpx.Response) -> bool:
    to_sign_in = answer.headers.get("location", "").startswith("/login?next=")
    refused = answer.status_code in {401, 403} and "bad_credentials" not in answer.text
    return not refused and not to_sign_in


async def _knock_socket(url: str, headers: dict[str, str]) -> tuple[bool, str]:
    subprotocols = [Subprotocol(console.SUBPROTOCOL), Subprotocol(native.SUBPROTOCOL)]
    options = {
        "subprotocols": subprotocols,
        "additional_headers": headers,
        "proxy": None,
        "open_timeout": PATIENCE_S,
    }
    try:
        async with connect(url.replace("http", "ws", 1), **options) as socket:  # type: ignore[arg-type]
            if url.endswith(device.PATH):
                await socket.send(encode(Hello(dev="cam-07", inst="i1")).decode())
            return True, str(await socket.recv())[:100]
    except websockets.InvalidStatus as error:
        return False, f"{error.response.status_code}"
    except websockets.ConnectionClosedError as error:
        code = error.rcvd.code if error.rcvd else None
        return code != CloseCode.AUTH, f"closed with {code}"
