"""Doors: passwords, sessions, roles, the rate limit, and what the command log remembers of them."""

from __future__ import annotations

import dataclasses
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import argon2
import httpx
import pytest

from server.accesslog import AccessLog
from server.http import auth as auth_module
from server.http import codes, devices_admin, pages, users
from server.http.app import assemble
from server.http.auth import COOKIE, Auth, hash_token
from server.http.enrolment import ENROLMENTS_MAX, ENROLMENTS_WINDOW_S
from server.http.errors import ApiError
from server.http.passwords import Passwords, one_time_password, weakness
from server.http.ratelimit import RateLimiter, origin
from server.http.users import NewUser
from server.ids import new_id
from server.limits import Limits
from server.metrics import Metrics
from server.settings import Settings
from server.stores import roster
from server.stores import users as users_store
from server.stores.pool import Pool
from tests.http_server import client_of, serving
from tests.quick_passwords import QUICK

PASSWORD = "a long enough pass phrase"


@dataclass
class SomeServices:
    """The part of the real services that these routes need."""

    settings: Settings
    pool: Pool
    auth: Auth
    fanout: Published
    metrics: Metrics
    checks: dict[str, pages.Check]
    helpers: dict[str, pages.Check]


class Published:
    """A fan-out that remembers."""

    def __init__(self) -> None:
        self.messages: list[tuple[str, str]] = []

    def publish(self, topic: str, payload: str) -> None:
        self.messages.append((topic, payload))

    def subscribe(self, topic: str, callback: Any) -> None:
        raise NotImplementedError


@pytest.fixture
async def services(pool: Pool, tmp_path: Path) -> AsyncIterator[SomeServices]:
    limits = Limits(login_failures_max=3)
    auth = Auth(pool, limits, Passwords(hasher=QUICK))

    async def database() -> bool:
        return bool(await pool.fetchval("SELECT true"))

    yield SomeServices(
        settings=Settings(data_dir=tmp_path, map_dir=tmp_path, limits=limits),
        pool=pool,
        auth=auth,
        fanout=Published(),
        metrics=Metrics(),
        checks={"postgresql": database},
        helpers={},
    )
    auth.close()


@pytest.fixture
async def url(services: SomeServices) -> AsyncIterator[str]:
    password_hash = await services.auth.passwords.hash(PASSWORD)
    async with services.pool.acquire() as conn, conn.transaction():
        for role in users_store.ROLES:
            wanted = NewUser(username=role, display_name=role.title(), roles=[role])
            await users.create(
                conn, wanted, password_hash=password_hash, by="system", must_change=False
            )
    modules = (auth_module, users, devices_admin, codes, pages)
    routes = [route for module in modules for route in module.routes(services)]
    access = AccessLog(services.pool)
    app = assemble(routes, auth=services.auth, access=access, body_bytes_max=1000)
    async with serving(app) as address:
        yield address


@asynccontextmanager
async def signed_in(
    url: str, username: str, password: str = PASSWORD
) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(url) as client:
        body = {"username": username, "password": password}
        answer = await client.post("/api/login", json=body)
        assert answer.status_code == 200, answer.text
        yield client


async def log_of(pool: Pool, kind: str) -> list[dict[str, Any]]:
    rows = await pool.fetch("SELECT * FROM journal_entry WHERE kind = $1 ORDER BY id", kind)
    return [dict(row) for row in rows]


def error_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# -- signing in ---------------------------------------------------------------------------


async def test_sign_in_gives_a_session_and_is_logged(url: str, pool: Pool) -> None:
    async with signed_in(url, "dispatcher") as client:
        me = (await client.get("/api/me")).json()

    assert (me["username"], me["roles"]) == ("dispatcher", ["dispatcher"])
    [entry] = await log_of(pool, "user.signed_in")
    assert (entry["actor"], entry["body"]) == ("user:dispatcher", {"address": "127.0.0.1"})


async def test_cookie_cannot_be_read_by_scripts_or_sent_by_other_sites(url: str) -> None:
    async with client_of(url) as client:
        body = {"username": "dispatcher", "password": PASSWORD}
        plain = await client.post("/api/login", json=body)
        tls = await client.post(
            "/api/login",
            json=body,
            headers={"x-forwarded-proto": "https", "origin": url.replace("http:", "https:")},
        )

    cookie = plain.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert "Secure" in tls.headers["set-cookie"]


async def test_database_holds_no_token_and_no_password(url: str, pool: Pool) -> None:
    async with signed_in(url, "dispatcher") as client:
        token = client.cookies[COOKIE]

    assert await pool.fetchval("SELECT token_hash FROM user_session") == hash_token(token)
    assert (await pool.fetchval("SELECT password_hash FROM app_user")).startswith("$argon2id$")


@pytest.mark.parametrize(
    ("username", "why"), [("dispatcher", "wrong_password"), ("nobody", "unknown_user")]
)
async def test_wrong_credentials_sound_the_same_and_are_logged(
    url: str, pool: Pool, username: str, why: str
) -> None:
    async with client_of(url) as client:
        answer = await client.post(
            "/api/login", json={"username": username, "password": "wrong password"}
        )

    assert error_of(answer) == (401, "bad_credentials")
    assert "set-cookie" not in answer.headers
    [entry] = await log_of(pool, "user.sign_in_failed")
    assert (entry["subject"], entry["body"]["why"]) == (f"user:{username}", why)


async def test_strange_names_are_not_copied_into_the_log(url: str, pool: Pool) -> None:
    async with client_of(url) as client:
        body = {"username": "<b>\n", "password": "x"}
        assert error_of(await client.post("/api/login", json=body)) == (401, "bad_credentials")

    [entry] = await log_of(pool, "user.sign_in_failed")
    assert entry["subject"] == "user:(malformed)"


async def test_too_many_wrong_passwords_are_refused_even_when_right(url: str, pool: Pool) -> None:
    async with client_of(url) as client:
        for _ in range(3):
            body = {"username": "dispatcher", "password": "wrong"}
            assert (await client.post("/api/login", json=body)).status_code == 401

        right = {"username": "dispatcher", "password": PASSWORD}
        refused = await client.post("/api/login", json=right)
        other = await client.post("/api/login", json={**right, "username": "supervisor"})

    assert error_of(refused) == (429, "rate_limited")
    [entry] = await log_of(pool, "access.refused")
    assert (entry["actor"], entry["body"]["why"]) == ("system", "rate_limited")
    assert 0 < int(refused.headers["retry-after"]) <= 300
    assert other.status_code == 200


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'{"username": "x"}', b'{"username": 1, "password": "x"}', b"\xff"]
)
async def test_malformed_body_is_a_400(url: str, body: bytes) -> None:
    async with client_of(url) as client:
        assert error_of(await client.post("/api/login", content=body)) == (400, "malformed")


# -- sessions -----------------------------------------------------------------------------


async def test_sign_out_ends_the_session_on_the_server(url: str, pool: Pool) -> None:
    async with signed_in(url, "dispatcher") as client:
        token = client.cookies[COOKIE]
        assert (await client.post("/api/logout")).status_code == 204

        stolen = await client.get("/api/me", headers={"cookie": f"{COOKIE}={token}"})

    assert error_of(stolen) == (401, "not_signed_in")
    assert len(await log_of(pool, "user.signed_out")) == 1


async def test_forged_token_is_nobody(url: str) -> None:
    async with client_of(url) as client:
        answer = await client.get("/api/me", headers={"cookie": f"{COOKIE}=abc"})

    assert error_of(answer) == (401, "not_signed_in")


async def test_idle_session_runs_out_and_use_extends_it_but_not_for_ever(
    url: str, pool: Pool
) -> None:
    expiry = "SELECT expires_at - now() FROM user_session"
    async with signed_in(url, "dispatcher") as client:
        await pool.execute(
            "UPDATE user_session SET expires_at = now() + interval '1 minute',"
            " last_seen_at = now() - interval '2 minutes'"
        )
        assert (await client.get("/api/me")).status_code == 200
        assert (await pool.fetchval(expiry)).total_seconds() > 11 * 3600

        await pool.execute(
            "UPDATE user_session SET created_at = now() - interval '6 days 23 hours',"
            " last_seen_at = now() - interval '2 minutes'"
        )
        assert (await client.get("/api/me")).status_code == 200
        assert (await pool.fetchval(expiry)).total_seconds() <= 3600

        await pool.execute("UPDATE user_session SET expires_at = now()")
        assert error_of(await client.get("/api/me")) == (401, "not_signed_in")


async def test_oldest_session_ends_when_there_are_too_many(
    url: str, pool: Pool, services: SomeServices
) -> None:
    services.auth._limits = dataclasses.replace(services.auth._limits, sessions_per_user_max=2)
    async with AsyncExitStack() as stack:
        clients = [await stack.enter_async_context(signed_in(url, "dispatcher")) for _ in range(3)]

        answers = [(await client.get("/api/me")).status_code for client in clients]

    assert answers == [401, 200, 200]


async def test_disabled_user_is_out_at_once(url: str, pool: Pool) -> None:
    async with signed_in(url, "dispatcher") as client:
        await pool.execute("UPDATE app_user SET disabled_at = now() WHERE username = 'dispatcher'")

        assert error_of(await client.get("/api/me")) == (401, "not_signed_in")


# -- passwords ----------------------------------------------------------------------------


async def test_new_password_ends_other_sessions_and_the_old_password(url: str) -> None:
    async with (
        signed_in(url, "dispatcher") as here,
        signed_in(url, "dispatcher") as elsewhere,
        client_of(url) as fresh,
    ):
        new = "another good pass phrase"
        changed = await here.post("/api/me/password", json={"old": PASSWORD, "new": new})
        assert changed.status_code == 204

        assert (await here.get("/api/me")).status_code == 200
        assert (await elsewhere.get("/api/me")).status_code == 401
        old = {"username": "dispatcher", "password": PASSWORD}
        assert (await fresh.post("/api/login", json=old)).status_code == 401
        assert (await fresh.post("/api/login", json={**old, "password": new})).status_code == 200


async def test_password_change_needs_the_old_one_and_a_strong_new_one(url: str) -> None:
    async with signed_in(url, "dispatcher") as client:
        wrong = await client.post("/api/me/password", json={"old": "x", "new": "y" * 20})
        weak = await client.post("/api/me/password", json={"old": PASSWORD, "new": "short"})

    assert error_of(wrong) == (401, "bad_credentials")
    assert error_of(weak) == (422, "weak_password")


@pytest.mark.parametrize(
    "password",
    ["short", "x" * 201, "aaaaaaaaaaaa", "dispatcher1", "Password123", "1234567890", "ababababab"],
)
def test_weak_passwords_are_told_apart(password: str) -> None:
    assert weakness(password, "dispatcher") is not None


@pytest.mark.parametrize(
    "password", [PASSWORD, "tr0ub4dor&3x!", "山路十八弯水路九连环啊", "k3fm-p9wd"]
)
def test_strong_passwords_pass_and_short_ones_do_not(password: str) -> None:
    assert (weakness(password, "dispatcher") is None) == (len(password) >= 10)


def test_one_time_passwords_are_strong_and_differ() -> None:
    passwords = {one_time_password() for _ in range(100)}

    assert len(passwords) == 100
    assert all(weakness(password, "admin") is None for password in passwords)


async def test_passwords_are_hashed_as_rfc_9106_recommends() -> None:
    passwords = Passwords()
    try:
        made = await passwords.hash(PASSWORD)

        assert made.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
        assert await passwords.verify(made, PASSWORD)
        assert not await passwords.verify(made, PASSWORD + "x")
        assert not await passwords.verify(None, PASSWORD)
        assert not passwords.is_outdated(made)
        assert passwords.is_outdated(QUICK.hash(PASSWORD))
    finally:
        passwords.close()


async def test_unknown_user_costs_as_much_as_a_known_one() -> None:
    passwords = Passwords()
    try:
        assert passwords._nobody.split("$")[:4] == (await passwords.hash(PASSWORD)).split("$")[:4]
        assert len(passwords._nobody) == len(await passwords.hash(PASSWORD))
    finally:
        passwords.close()


async def test_weakly_hashed_password_is_hashed_anew_at_sign_in(url: str, pool: Pool) -> None:
    outdated = argon2.PasswordHasher(time_cost=1, memory_cost=32, parallelism=1).hash(PASSWORD)
    await pool.execute("UPDATE app_user SET password_hash = $1", outdated)

    async with signed_in(url, "dispatcher"):
        pass

    renewed = "SELECT password_hash FROM app_user WHERE username = 'dispatcher'"
    assert "m=64,t=1,p=1" in await pool.fetchval(renewed)


async def test_too_many_sign_ins_at_once_are_refused() -> None:
    passwords = Passwords(at_once=1, waiting_max=0)
    try:
        with pytest.raises(ApiError, match="Too many people"):
            await passwords.hash(PASSWORD)
    finally:
        passwords.close()


@pytest.mark.parametrize(
    ("address", "together"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
    ],
)
def test_whoever_has_a_network_of_addresses_counts_as_one(address: str, together: str) -> None:
    assert origin(address) == together


async def test_a_flood_from_one_network_is_refused_whatever_names_it_tries(pool: Pool) -> None:
    auth = Auth(pool, Limits(login_address_failures_max=3), Passwords(hasher=QUICK))
    codes = []
    for n in range(5):
        with pytest.raises(ApiError) as refused:
            await auth.sign_in(f"name-{n}", "wrong", f"2001:db8::{n:x}")
        codes.append(refused.value.status)
    auth.close()

    assert codes == [401, 401, 401, 429, 429]
    assert len(await log_of(pool, "user.sign_in_failed")) == 3


def test_rate_limit_forgets_the_oldest_key_and_the_past() -> None:
    limiter = RateLimiter(failures_max=2, window_s=10, keys_max=3)

    assert [limiter.attempt("a", now) for now in (0, 1, 4)] == [0, 0, 6]
    assert limiter.attempt("a", 10.5) == 0
    for key in "bcde":
        limiter.attempt(key, 11)
    assert len(limiter) == 3


# -- roles --------------------------------------------------------------------------------


async def test_each_call_wants_its_role(url: str) -> None:
    async with signed_in(url, "dispatcher") as client, client_of(url) as stranger:
        assert error_of(await client.get("/api/users")) == (403, "forbidden")
        assert error_of(await client.post("/api/devices", json={})) == (403, "forbidden")
        assert error_of(await client.post("/api/handset", json={})) == (403, "forbidden")
        assert error_of(await stranger.get("/api/users")) == (401, "not_signed_in")


async def test_pages_open_for_their_role_alone(url: str, pool: Pool) -> None:
    async with signed_in(url, "supervisor") as client, client_of(url) as stranger:
        assert (await client.get("/")).headers["location"] == "/audit"
        assert (await client.get("/console")).status_code == 200, "supervisors look on"
        assert (await client.get("/handset")).status_code == 403
        [entry] = await log_of(pool, "access.refused")
        assert (entry["actor"], entry["body"]["route"]) == ("user:supervisor", "GET /handset")
        assert (await stranger.get("/")).headers["location"] == "/login"
        assert (await stranger.get("/console")).headers["location"] == "/login?next=/console"
    async with signed_in(url, "admin") as client:
        assert (await client.get("/")).headers["location"] == "/admin"
        assert (await client.get("/audit")).status_code == 403


async def test_new_user_must_choose_a_password_first(url: str, pool: Pool) -> None:
    wanted = {"username": "zhu", "display_name": "Zhu", "roles": ["dispatcher", "admin"]}
    async with signed_in(url, "admin") as admin:
        made = await admin.post("/api/users", json=wanted)
        again = await admin.post("/api/users", json=wanted)
    assert made.status_code == 201
    assert error_of(again) == (409, "exists")

    password = made.json()["one_time_password"]
    async with signed_in(url, "zhu", password) as client:
        assert (await client.get("/api/me")).json()["must_change_password"] is True
        assert error_of(await client.get("/api/users")) == (403, "password_change_required")
        assert (await client.get("/console")).headers["location"].startswith("/login")
        new = {"old": password, "new": "my very own pass phrase"}
        assert (await client.post("/api/me/password", json=new)).status_code == 204
        assert (await client.get("/api/users")).status_code == 200

    [entry] = [e for e in await log_of(pool, "user.created") if e["subject"] == "user:zhu"]
    assert entry["actor"] == "user:admin"


@pytest.mark.parametrize(
    "change",
    [
        {"username": "Zhu"},
        {"username": "zhu\n"},
        {"username": "a"},
        {"roles": []},
        {"roles": ["king"]},
        {"display_name": ""},
        {"display_name": "a\x00b"},
        {"surplus": 1},
    ],
)
async def test_malformed_user_is_refused(url: str, change: dict[str, Any]) -> None:
    wanted = {"username": "zhu", "display_name": "Zhu", "roles": ["dispatcher"]}
    async with signed_in(url, "admin") as admin:
        answer = await admin.post("/api/users", json=wanted | change)

    assert error_of(answer) == (400, "malformed")


# -- roster -------------------------------------------------------------------------------


async def test_roster_is_built_step_by_step_and_logged(
    url: str, pool: Pool, services: SomeServices
) -> None:
    async with signed_in(url, "admin") as admin:
        station = {"name": "North", "lon": 100.2, "lat": 27.5}
        assert (await admin.post("/api/stations", json=station)).status_code == 201
        unit = {"call_sign": "P-01", "kind": "patrol_car", "station": "North"}
        unit_id = (await admin.post("/api/units", json=unit)).json()["id"]
        officer = {"badge": "A-1", "name": "Li", "unit_id": unit_id}
        assert (await admin.post("/api/officers", json=officer)).status_code == 201
        camera = {"id": "cam-1", "kind": "body_camera", "model": "C2", "unit_id": unit_id}
        made = (await admin.post("/api/devices", json=camera)).json()

        assert error_of(await admin.post("/api/stations", json=station)) == (409, "exists")
        assert error_of(await admin.post("/api/units", json=unit)) == (409, "exists")
        assert error_of(await admin.post("/api/officers", json=officer)) == (409, "exists")
        assert error_of(await admin.post("/api/devices", json=camera)) == (409, "exists")
        listed = (await admin.get("/api/devices")).json()
        people = (await admin.get("/api/roster")).json()

    assert listed == [
        {"id": "cam-1", "kind": "body_camera", "model": "C2", "unit_id": unit_id,
         "call_sign": "P-01", "enrolled": True, "last_seen_at": None, "battery_pct": None,
         "battery_at": None, "charging": False,
            "disabled_at": None, "names": []}
    ]  # fmt: skip
    assert people == {
        "units": [{"id": unit_id, "call_sign": "P-01", "kind": "patrol_car", "station": "North"}],
        "officers": [{"badge": "A-1", "name": "Li", "unit_id": unit_id}],
    }
    assert await pool.fetchval("SELECT token_hash FROM device") == hash_token(made["token"])
    assert services.fanout.messages == [("unit", unit_id)] * 3
    kinds = await pool.fetch(
        "SELECT kind FROM journal_entry WHERE actor = 'user:admin' ORDER BY id"
    )
    assert [row["kind"] for row in kinds][1:] == [
        "station.created", "unit.created", "officer.created", "device.enrolled",
        "access.read", "access.read",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "body", "expected"),
    [
        ("units", {"call_sign": "P-1", "kind": "patrol_car", "station": "?"}, "unknown_station"),
        ("officers", {"badge": "A-1", "name": "Li", "unit_id": new_id()}, "unknown_unit"),
        ("devices", {"id": "cam", "kind": "handset", "unit_id": new_id()}, "unknown_unit"),
        (
            "users",
            {"username": "li", "display_name": "Li", "roles": ["officer"], "officer_badge": "A-9"},
            "unknown_badge",
        ),
    ],
)
async def test_unknown_reference_changes_nothing(
    url: str, pool: Pool, path: str, body: dict[str, Any], expected: str
) -> None:
    entries = await pool.fetchval("SELECT count(*) FROM journal_entry")
    async with signed_in(url, "admin") as admin:
        answer = await admin.post(f"/api/{path}", json=body)

    assert error_of(answer) == (422, expected)
    assert await pool.fetchval("SELECT count(*) FROM officer") == 0
    assert await pool.fetchval("SELECT count(*) FROM journal_entry") == entries + 1  # signed in


async def test_browser_becomes_the_handset_of_the_officers_unit(url: str, pool: Pool) -> None:
    unit_id = new_id()
    async with pool.acquire() as conn:
        await roster.add_officer(conn, officer_id=new_id(), badge="A-7", name="Li")
        await roster.add_unit(
            conn, unit_id=unit_id, call_sign="P-07", kind="off_road", station_id=None
        )
        await conn.execute(
            "UPDATE app_user SET officer_id = (SELECT id FROM officer) WHERE username = 'officer'"
        )
    async with signed_in(url, "officer") as officer:
        alone = await officer.post("/api/handset", json={"install_id": "browser-1"})
        await roster.join_unit(pool, badge="A-7", unit_id=unit_id)

        first = (await officer.post("/api/handset", json={"install_id": "browser-1"})).json()
        again = (await officer.post("/api/handset", json={"install_id": "browser-1"})).json()
        other = (await officer.post("/api/handset", json={"install_id": "browser-2"})).json()

    assert error_of(alone) == (409, "no_unit")
    assert (first["unit_id"], first["call_sign"], first["badge"]) == (unit_id, "P-07", "A-7")
    assert again["device_id"] == first["device_id"] != other["device_id"]
    stored = await pool.fetchval("SELECT token_hash FROM device WHERE id = $1", first["device_id"])
    assert stored == hash_token(again["token"]) != hash_token(first["token"])
    assert [entry["body"]["again"] for entry in await log_of(pool, "device.enrolled")] == [
        False, True, False,
    ]  # fmt: skip


async def test_browsers_of_one_officer_enrolled_too_often_are_told_when_to_come_again(
    url: str, pool: Pool
) -> None:
    unit_id = new_id()
    async with pool.acquire() as conn, conn.transaction():
        await roster.add_unit(
            conn, unit_id=unit_id, call_sign="P-07", kind="off_road", station_id=None
        )
        for badge, username in (("A-7", "officer"), ("A-8", "admin")):
            await roster.add_officer(conn, officer_id=new_id(), badge=badge, name="Li")
            await roster.join_unit(conn, badge=badge, unit_id=unit_id)
            await conn.execute(
                "UPDATE app_user SET officer_id = (SELECT id FROM officer WHERE badge = $1),"
                " roles = '{officer}' WHERE username = $2",
                badge,
                username,
            )
    async with signed_in(url, "officer") as officer, signed_in(url, "admin") as another:
        body = {"install_id": "browser-1"}
        for _ in range(ENROLMENTS_MAX):
            assert (await officer.post("/api/handset", json=body)).status_code == 200

        refused = await officer.post("/api/handset", json=body)

        assert error_of(refused) == (429, "rate_limited")
        wait_s = int(refused.headers["retry-after"])
        assert 0 < wait_s <= ENROLMENTS_WINDOW_S
        assert refused.json()["error"]["detail"] == {"wait_s": wait_s}
        assert (await another.post("/api/handset", json=body)).status_code == 200
    entries = await log_of(pool, "device.enrolled")
    assert len(entries) == ENROLMENTS_MAX + 1, "what is refused leaves nothing behind"


async def test_text_is_drawn_for_a_camera(url: str) -> None:
    async with signed_in(url, "admin") as admin:
        drawn = await admin.post("/api/qr", json={"text": "https://county.example/o/secret"})

    assert drawn.headers["content-type"] == "image/svg+xml"
    assert drawn.headers["cache-control"] == "no-store"
    assert drawn.content.startswith(b"<svg")
