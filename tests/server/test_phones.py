"""The phone apps' door: points into the history in their order, and answers that end a retry."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from devices.session_flow import SessionLimits
from server.gateways.guests import phones
from server.gateways.guests.registry import GuestLimits
from server.http.errors import FailureMiddleware
from server.stores import strangers
from server.stores.pool import Pool
from tests.http_server import client_of, serving
from tests.server.field_room import Room, field_room, utc_now
from tests.server.field_rows import add_device, add_identity, add_unit, store_outage

TOKEN = "k3y-of-this-phone-alone"
EVERYBODYS = "t0ken-of-the-whole-county"
OSMAND, OWNTRACKS = f"/o/{TOKEN}", f"/owntracks/{TOKEN}"


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    pace = SessionLimits(frames_per_s_max=0.001, frames_burst_max=30)
    async with field_room(pool, guests=GuestLimits(pace=pace)) as room:
        yield room


@pytest.fixture
async def client(room: Room) -> AsyncIterator[httpx.AsyncClient]:
    wired: Any = SimpleNamespace(
        guests=room.guests, settings=SimpleNamespace(guest_token=EVERYBODYS)
    )
    app = Starlette(routes=phones.routes(wired), middleware=[Middleware(FailureMiddleware)])
    async with serving(app) as url, client_of(url) as client:
        yield client


@pytest.fixture
async def phone(room: Room) -> str:
    """A device with both apps, each under a token of its own."""
    await add_device(room.pool, kind="handset")
    for protocol in ("osmand", "owntracks"):
        await add_identity(room.pool, protocol=protocol, external_id="7", secret=TOKEN)
    return "cam-07"


def a_point(ago_s: float = 0, **fields: Any) -> dict[str, Any]:
    at = round((utc_now() - timedelta(seconds=ago_s)).timestamp())
    return {"id": "7", "timestamp": at, "lat": 28.65, "lon": 104.9} | fields


def a_location(ago_s: float = 0, **fields: Any) -> dict[str, Any]:
    at = round((utc_now() - timedelta(seconds=ago_s)).timestamp())
    return {"_type": "location", "tst": at, "lat": 28.65, "lon": 104.9, "tid": "WA"} | fields


async def stored(room: Room) -> list[float]:
    rows = await room.pool.fetch("SELECT lat FROM position ORDER BY observed_at")
    return [row["lat"] for row in rows]


async def test_query_form_and_json_are_stored(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    first, second = a_point(20, speed=10, batt=41), a_point(10, lat=28.651)
    at = (utc_now() - timedelta(seconds=5)).isoformat()
    coords = {"latitude": 28.652, "longitude": 104.9, "speed": 12.5, "heading": 63}
    body = {
        "device_id": "7",
        "location": {"timestamp": at, "coords": coords, "battery": {"level": 0.79}},
    }

    answers = [
        await client.get(OSMAND, params=first),
        await client.post(OSMAND, data=second),
        await client.post(OSMAND, json=body),
    ]

    assert [(each.status_code, each.content) for each in answers] == [(200, b"")] * 3
    assert await stored(room) == [28.65, 28.651, 28.652]
    row = await room.pool.fetchrow("SELECT speed_mps, battery_pct FROM position WHERE lat = 28.65")
    assert (row["speed_mps"], row["battery_pct"]) == (pytest.approx(5.144, abs=1e-3), 41)
    last = await room.pool.fetchrow("SELECT lat, battery_pct FROM last_position")
    assert tuple(last) == (28.652, 79)


async def test_backlog_comes_in_order_and_again_without_harm(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    backlog = [a_point(600 - 60 * n, lat=28.6 + n / 100) for n in range(8)]

    for point in [*backlog, *backlog[:3]]:
        assert (await client.get(OSMAND, params=point)).status_code == 200

    assert await stored(room) == [each["lat"] for each in backlog]
    assert await room.pool.fetchval("SELECT lat FROM last_position") == backlog[-1]["lat"]


@pytest.mark.parametrize("path", ["/o/", "/owntracks/"])
@pytest.mark.parametrize("token", ["x", "n0body-has-this-token", "%00", "a" * 200])
async def test_token_that_nobody_has_is_404(
    client: httpx.AsyncClient, phone: str, path: str, token: str
) -> None:
    answer = await client.post(f"{path}{token}", json=a_location())

    assert answer.status_code == 404


@pytest.mark.parametrize(
    "body", ["", "{", "id=7&lat=x&lon=y", "id=7&timestamp=never&lat=1&lon=2", '{"location":7}']
)
async def test_what_will_never_be_a_point_is_200_and_gone(
    room: Room, client: httpx.AsyncClient, phone: str, body: str
) -> None:
    answers = [await client.post(path, content=body) for path in (OSMAND, OWNTRACKS)]

    assert [each.status_code for each in answers] == [200, 200]
    assert answers[1].json() == []
    assert await stored(room) == []
    assert room.metrics.value("guest_refused", protocol="osmand", why="malformed") == 1


async def test_sos_calls_once(room: Room, client: httpx.AsyncClient, phone: str) -> None:
    point = a_point(alarm="sos", lat=28.71)

    for _ in range(2):
        assert (await client.get(OSMAND, params=point)).status_code == 200
    late = a_point(3600, alarm="sos")
    assert (await client.get(OSMAND, params=late)).status_code == 200

    rows = await room.pool.fetch("SELECT device_id, lat FROM sos_call")
    assert [tuple(row) for row in rows] == [(phone, 28.71)]


async def test_battery_and_notification_token_alone_are_a_sign_of_life(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    answer = await client.post(OSMAND, data={"id": "7", "notificationToken": "abc", "batt": "55"})

    assert answer.status_code == 200
    assert await stored(room) == []
    assert (
        '"battery_pct":55' in [payload for topic, payload in room.said if topic == "presence"][-1]
    )


async def test_too_fast_is_429_until_it_may_go_on(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    answers = [await client.get(OSMAND, params=a_point(1000 - n)) for n in range(40)]

    last = answers[-1]
    assert {each.status_code for each in answers} == {200, 429}
    assert (last.status_code, int(last.headers["retry-after"]) >= 1) == (429, True)


async def test_token_in_an_address_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(request: Request) -> Response:
        raise ZeroDivisionError

    app = Starlette(
        routes=[Route(phones.OSMAND_PATH, broken)], middleware=[Middleware(FailureMiddleware)]
    )
    async with serving(app) as url, client_of(url) as client:
        assert (await client.get(OSMAND)).status_code == 500

    assert "/o/" in caplog.text
    assert TOKEN not in caplog.text


async def test_store_that_is_away_is_503_and_nothing_is_lost(
    room: Room, client: httpx.AsyncClient, phone: str, database_url: str
) -> None:
    point = a_point()
    async with store_outage(database_url):
        away = await client.get(OSMAND, params=point)

    again = await client.get(OSMAND, params=point)

    assert (away.status_code, again.status_code) == (503, 200)
    assert await stored(room) == [28.65]


# -- the token of everybody ---------------------------------------------------------------------


async def test_unknown_id_waits_for_the_administrator(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    path = f"/o/{EVERYBODYS}"
    unknown = await client.get(path, params=a_point(id="31415926"))
    nameless = await client.get(path, params={"lat": 1, "lon": 2})
    known = await client.get(path, params=a_point())

    assert [each.status_code for each in (unknown, nameless, known)] == [404, 400, 200]
    [stranger] = await strangers.listed(room.pool, dismissed=False)
    assert (stranger.protocol, stranger.external_id) == ("osmand", "31415926")
    assert stranger.said["app"].startswith("python-httpx")

    await add_identity(room.pool, protocol="osmand", external_id="31415926")
    room.fanout.publish("identity", phone)
    assert (await client.get(path, params=a_point(id="31415926"))).status_code == 200


async def test_dismissed_id_is_told_to_forget_its_points(
    room: Room, client: httpx.AsyncClient
) -> None:
    path = f"/o/{EVERYBODYS}"
    await client.get(path, params=a_point(id="666"))
    await strangers.dismiss(room.pool, "osmand", "666", by="user:a", at=utc_now())
    room.fanout.publish("identity", "")

    assert (await client.get(path, params=a_point(id="666"))).status_code == 200
    assert await stored(room) == []


async def test_strict_token_is_of_one_id_alone(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    await room.pool.execute("UPDATE device_identity SET strict = true")

    other = await client.get(OSMAND, params=a_point(id="8"))
    own = await client.get(OSMAND, params=a_point())

    assert (other.status_code, own.status_code) == (404, 200)
    [stranger] = await strangers.listed(room.pool, dismissed=False)
    assert (stranger.external_id, stranger.said["token of"]) == ("8", phone)


# -- OwnTracks -------------------------------------------------------------------------------------


async def test_owntracks_location_is_stored(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    answer = await client.post(OWNTRACKS, json=a_location(vel=36, batt=46, bs=2, acc=15))

    assert (answer.status_code, answer.json()) == (200, [])
    row = await room.pool.fetchrow("SELECT speed_mps, battery_pct, charging FROM position")
    assert tuple(row) == (10, 46, True)


async def test_other_types_are_answered_and_left_alone(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    await client.post(OWNTRACKS, json=a_location())
    for kind in ("waypoint", "transition", "lwt", "encrypted"):
        answer = await client.post(OWNTRACKS, json={"_type": kind})
        assert (answer.status_code, answer.json()) == (200, [])


async def test_unit_on_duty_whose_position_is_old_is_asked_for_it(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    asked = [{"_type": "cmd", "action": "reportLocation"}]

    assert (await client.post(OWNTRACKS, json=a_location(900))).json() == asked
    assert (await client.post(OWNTRACKS, json={"_type": "status"})).json() == asked
    assert (await client.post(OWNTRACKS, json=a_location())).json() == []
    unit_id = await add_unit(room.pool, on_duty=False)
    await room.pool.execute("UPDATE device SET unit_id = $1", unit_id)
    room.fanout.publish("identity", phone)
    assert (await client.post(OWNTRACKS, json=a_location(1200))).json() == []


async def test_owntracks_is_named_by_topic_or_headers_and_never_by_two_letters(
    room: Room, client: httpx.AsyncClient, phone: str
) -> None:
    await add_identity(room.pool, protocol="owntracks", external_id="forest/wang")
    path, headers = f"/owntracks/{EVERYBODYS}", {"X-Limit-U": "forest", "X-Limit-D": "wang"}

    answers = [
        await client.post(path, json=a_location(30), headers=headers),
        await client.post(path, json=a_location(20, topic="owntracks/forest/wang")),
        await client.post(path, json=a_location(10, topic="owntracks/forest/li")),
        await client.post(path, json=a_location(0)),
    ]

    assert [each.status_code for each in answers] == [200, 200, 404, 400]
    assert len(await stored(room)) == 2


@pytest.mark.data
async def test_every_published_vector_is_answered(
    client: httpx.AsyncClient, phone: str, data_dir: Path
) -> None:
    for name, path in (("osmand", OSMAND), ("owntracks", OWNTRACKS)):
        vectors = json.loads((data_dir / "vectors" / f"{name}_vectors.json").read_bytes())
        for vector in vectors["vectors"]:
            request = vector["request"]
            query = request["uri"].partition("?")[2]
            answer = await client.request(
                request["method"],
                f"{path}?{query}" if query else path,
                headers=request["headers"],
                content=request["body"],
            )
            assert answer.status_code == 200
