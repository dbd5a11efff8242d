"""People of the house: looked for, changed, shut out at once, and never the last administrator."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError
from websockets.typing import Subprotocol

from server.gateways import console
from server.http.auth import COOKIE
from server.http.enrolment import enrol_browser
from server.stores.devices import authenticate
from server.stores.people import PAGE_LEN_MAX
from server.stores.pool import Pool
from tests.http_server import client_of
from tests.patience import PATIENCE_S
from tests.server.admin_room import PASSWORD, AdminRoom, an_admin_room, refusal, sign_in
from tests.whole_server import whole_server


@pytest.fixture
async def room(pool: Pool, tmp_path: Path) -> AsyncIterator[AdminRoom]:
    async with an_admin_room(pool, tmp_path) as room:
        yield room


@pytest.fixture
async def admin(room: AdminRoom) -> AsyncIterator[httpx.AsyncClient]:
    async with room.browser() as client:
        yield client


async def facts(admin: httpx.AsyncClient, user_id: str) -> dict[str, Any]:
    """What can be changed of a person, as the page has it."""
    person = (await admin.get(f"/api/people/{user_id}")).json()["person"]
    return {name: person[name] for name in ("display_name", "roles", "officer_badge")}


async def change(
    admin: httpx.AsyncClient, user_id: str, *, was: dict[str, Any] | None = None, **wanted: Any
) -> httpx.Response:
    was = was or await facts(admin, user_id)
    along = ("reason", "password")
    extra: dict[str, Any] = {name: wanted.pop(name) for name in along if name in wanted}
    body: dict[str, Any] = {"was": was, "now": {**was, **wanted}, **extra}
    return await admin.post(f"/api/people/{user_id}", json=body)


async def own_id(admin: httpx.AsyncClient) -> str:
    return str((await admin.get("/api/me")).json()["id"])


async def test_eight_hundred_people_come_page_by_page(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    await room.pool.execute(
        "INSERT INTO app_user (id, username, display_name, password_hash, roles) "
        "SELECT gen_random_uuid(), 'p' || to_char(n, 'FM0000'), 'Person ' || n, '-', '{officer}' "
        "FROM generate_series(1, 820) AS n"
    )

    first = (await admin.get("/api/people", params={"limit": 50})).json()
    last = (await admin.get("/api/people", params={"limit": 50, "offset": 800})).json()
    many = (await admin.get("/api/people", params={"limit": 9999})).json()

    assert (first["total"], len(first["people"])) == (821, 50)
    assert first["people"][0]["username"] == "admin"
    assert [each["username"] for each in last["people"]] == [f"p{n:04}" for n in range(800, 821)]
    assert len(many["people"]) == PAGE_LEN_MAX


async def test_people_are_found_by_name_badge_call_sign_station_role_and_state(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    await room.add_station("North Station")
    await room.add_unit("P-01", "0412", station="North Station")
    await room.add_user("hejun", "officer", badge="0412")
    wang = await room.add_user("wang_100", "dispatcher", "supervisor")
    await admin.post(f"/api/people/{wang}/disable", json={"reason": "left the county"})

    async def found(**wanted: str) -> list[str]:
        answer = await admin.get("/api/people", params=wanted)
        return [each["username"] for each in answer.json()["people"]]

    await room.pool.execute("UPDATE app_user SET display_name = '贺军' WHERE username = 'hejun'")

    assert await found(q="HEJ") == ["hejun"]
    assert await found(q="贺") == await found(q="he jun") == await found(q="hj") == ["hejun"]
    assert await found(q="hj", role="admin") == await found(q="jh") == []
    assert await found(q="0412") == await found(q="p-01") == ["hejun"]
    assert await found(q="north") == await found(station="North Station") == ["hejun"]
    assert await found(role="admin") == ["admin"]
    assert await found(role="supervisor") == []
    assert await found(role="supervisor", state="all") == ["wang_100"]
    assert await found(q="g_1", state="disabled") == ["wang_100"]
    assert await found(q="j_n") == [], "nothing of it is a pattern"
    assert refusal(await admin.get("/api/people", params={"state": "odd"})) == (400, "malformed")


async def test_a_person_has_two_roles_and_the_log_says_who_why_and_what(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    wang = await room.add_user("wang", "dispatcher")

    without = await change(admin, wang, roles=["dispatcher", "admin"])
    given = await change(admin, wang, roles=["dispatcher", "admin"], reason="stands in for Li")

    assert refusal(without) == (422, "no_reason")
    assert without.json()["error"]["detail"] == {"field": "reason"}
    assert given.json()["person"]["roles"] == ["admin", "dispatcher"]
    async with room.browser("wang") as client:
        assert (await client.get("/api/me")).json()["faces"] == ["console", "admin"]
    ((actor, subject, body),) = await room.log_of("user.changed")
    assert (actor, subject) == ("user:admin", "user:wang")
    assert body == {
        "changed": {"roles": {"from": ["dispatcher"], "to": ["admin", "dispatcher"]}},
        "reason": "stands in for Li",
    }


async def test_a_name_is_changed_without_a_reason_and_nothing_leaves_no_entry(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    wang = await room.add_user("wang", "dispatcher")

    renamed = await change(admin, wang, display_name="王 伟")
    again = await change(admin, wang)

    assert renamed.json()["person"]["display_name"] == "王 伟"
    assert again.status_code == 200
    assert len(await room.log_of("user.changed")) == 1


async def test_a_badge_nobody_has_is_refused_at_its_field(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    wang = await room.add_user("wang", "officer")

    answer = await change(admin, wang, officer_badge="9999")

    assert refusal(answer) == (422, "unknown_badge")
    assert answer.json()["error"]["detail"] == {"field": "officer_badge"}


async def test_the_second_of_two_administrators_is_told_what_the_first_one_did(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    wang = await room.add_user("wang", "dispatcher")
    await room.add_user("li", "admin")
    seen = await facts(admin, wang)
    async with room.browser("li") as li:
        await change(li, wang, display_name="Wang Wei")

    late = await change(admin, wang, was=seen, display_name="W. Wei")

    assert refusal(late) == (409, "changed_meanwhile")
    detail = late.json()["error"]["detail"]
    assert detail["changed"] == {"display_name": {"from": "Wang", "to": "Wang Wei"}}
    assert detail["by"] == "user:li"
    assert (await facts(admin, wang))["display_name"] == "Wang Wei"


async def test_the_last_administrator_stays_one(room: AdminRoom, admin: httpx.AsyncClient) -> None:
    me = await own_id(admin)

    lowered = await change(admin, me, roles=["dispatcher"], reason="enough", password=PASSWORD)
    own = await admin.post(f"/api/people/{me}/disable", json={"reason": "leaving"})

    assert refusal(lowered) == (409, "last_admin")
    assert refusal(own) == (409, "own_account")


async def test_two_administrators_who_remove_each_other_leave_one(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    me, li = await own_id(admin), await room.add_user("li", "admin")
    why = {"reason": "one is enough"}

    async with room.browser("li") as other:
        answers = await asyncio.gather(
            admin.post(f"/api/people/{li}/disable", json=why),
            other.post(f"/api/people/{me}/disable", json=why),
        )

    assert sorted(each.status_code for each in answers) in ([200, 401], [200, 409])
    left = await room.pool.fetchval(
        "SELECT count(*) FROM app_user WHERE 'admin' = ANY(roles) AND disabled_at IS NULL"
    )
    assert left == 1


async def test_nobody_gives_himself_a_role_without_reason_and_password(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    me = await own_id(admin)
    wanted: dict[str, Any] = {"roles": ["admin", "supervisor"], "reason": "the supervisor is ill"}

    silent = await change(admin, me, **wanted)
    wrong = await change(admin, me, **wanted, password="somebody else's")
    said = await change(admin, me, **wanted, password=PASSWORD)

    assert refusal(silent) == (422, "password_needed")
    assert refusal(wrong) == (403, "wrong_password")
    assert said.json()["person"]["roles"] == ["admin", "supervisor"]
    assert [actor for actor, _, _ in await room.log_of("user.changed")] == ["user:admin"]


async def test_who_is_disabled_is_out_at_once_with_browsers_and_sessions(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    unit_id = await room.add_unit("P-01", "0412")
    hejun = await room.add_user("hejun", "officer", badge="0412")
    async with room.pool.acquire() as conn, conn.transaction():
        device_id, token = await enrol_browser(
            conn, "i1", unit_id=unit_id, badge="0412", by="user:hejun"
        )
    async with room.browser("hejun") as officer:
        without = await admin.post(f"/api/people/{hejun}/disable", json={"reason": " "})
        done = await admin.post(f"/api/people/{hejun}/disable", json={"reason": "suspended"})
        again = await admin.post(f"/api/people/{hejun}/disable", json={"reason": "suspended"})

        assert refusal(without) == (422, "no_reason")
        assert done.json()["person"]["sessions"] == 0
        assert refusal(again) == (409, "over")
        assert (await officer.get("/api/me")).status_code == 401
        assert (await sign_in(officer, "hejun")).status_code == 401
        async with room.pool.acquire() as conn:
            assert await authenticate(conn, device_id, token) is None
        assert {("user", "hejun"), ("device", device_id)} <= set(room.fanout.messages)
        assert await room.log_of("user.disabled") == [
            (
                "user:admin",
                "user:hejun",
                {"sessions": 1, "devices": [device_id], "reason": "suspended"},
            )
        ]

        await admin.post(f"/api/people/{hejun}/enable", json={"reason": "cleared"})
        assert (await officer.get("/api/me")).status_code == 401, "the old session stays over"
        assert (await sign_in(officer, "hejun")).status_code == 200


async def test_a_new_password_is_shown_once_and_must_be_changed(
    room: AdminRoom, admin: httpx.AsyncClient
) -> None:
    wang = await room.add_user("wang", "dispatcher")
    async with room.browser("wang") as client:
        answer = await admin.post(f"/api/people/{wang}/password", json={"reason": "forgotten"})
        password = answer.json()["one_time_password"]

        assert (await client.get("/api/me")).status_code == 401
        assert (await sign_in(client, "wang")).status_code == 401
        assert (await sign_in(client, "wang", password)).json()["must_change_password"]
    assert await room.log_of("user.password_reset") == [
        ("user:admin", "user:wang", {"reason": "forgotten"})
    ]


async def test_one_session_of_two_is_ended(room: AdminRoom, admin: httpx.AsyncClient) -> None:
    wang = await room.add_user("wang", "dispatcher")
    async with room.browser("wang") as office, room.browser("wang") as home:
        seen = (await admin.get(f"/api/people/{wang}")).json()["sessions"]
        body = {"session": seen[0]["id"]}
        left = (await admin.post(f"/api/people/{wang}/sessions/end", json=body)).json()["sessions"]
        again = await admin.post(f"/api/people/{wang}/sessions/end", json=body)

        assert (len(seen), [each["id"] for each in left]) == (2, [seen[1]["id"]])
        assert refusal(again) == (404, "not_found")
        states = [(await each.get("/api/me")).status_code for each in (office, home)]
        assert sorted(states) == [200, 401]
        await admin.post(f"/api/people/{wang}/sessions/end", json={})
        states = [(await each.get("/api/me")).status_code for each in (office, home)]
        assert states == [401, 401]


async def test_an_open_console_is_closed_when_its_user_is_disabled(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> None:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        hub = server.services.hub
        hub.limits = replace(hub.limits, signed_in_s=10 * PATIENCE_S)  # it is told, and not asked
        boss = await server.session(await server.add_user("boss", ["admin"]))
        wang = await server.add_user("wang", ["dispatcher"])
        async with (
            client_of(server.url) as admin,
            connect(
                server.url.replace("http", "ws", 1) + console.PATH,
                subprotocols=[Subprotocol(console.SUBPROTOCOL)],
                additional_headers={"cookie": f"{COOKIE}={await server.session(wang)}"},
                proxy=None,
                open_timeout=PATIENCE_S,
                ping_interval=None,
            ) as socket,
        ):
            await socket.recv()
            admin.cookies.set(COOKIE, boss)
            await admin.post(f"/api/people/{wang}/disable", json={"reason": "suspended"})

            async with asyncio.timeout(PATIENCE_S):
                code = await close_code(socket)

    assert code == console.SESSION_OVER


async def close_code(socket: ClientConnection) -> int | None:
    """What the server says as it closes, after whatever it says before."""
    with contextlib.suppress(ConnectionClosedError):
        async for _ in socket:
            pass
    return socket.close_code
