"""Peace and war over HTTP and on the command line: the password once more, and proof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg
import httpx
import pytest
from click.testing import CliRunner, Result

from server import signingkey
from server.accesslog import AccessLog
from server.cli.stance import stance_group
from server.envvalues import SettingsError
from server.http import auth as auth_routes
from server.http import stance
from server.http.app import assemble
from server.http.auth import Auth
from server.http.passwords import Passwords
from server.ids import new_id
from server.limits import Limits
from server.pipeline import utc_now
from server.settings import Settings
from server.signingkey import SigningKey
from server.stancedesk import StanceDesk
from server.stores import users
from server.stores.pool import Pool
from server.stores.users import Role
from tests.quick_passwords import QUICK
from tests.server.dispatch_room import LoudFanOut

PASSWORD = "seven small otters"


@dataclass
class Services:
    pool: Pool
    auth: Auth
    stance: StanceDesk
    settings: Settings


@dataclass
class House:
    services: Services
    client: httpx.AsyncClient
    data_dir: Path

    async def comes(self, *roles: Role) -> None:
        """Somebody with these roles signs in at the browser."""
        hashed = await self.services.auth.passwords.hash(PASSWORD)
        async with self.services.pool.acquire() as conn:
            await users.insert(
                conn,
                user_id=new_id(),
                username=roles[0],
                display_name="Li",
                password_hash=hashed,
                must_change_password=False,
                roles=roles,
                officer_badge=None,
            )
        answer = await self.client.post(
            "/api/login", json={"username": roles[0], "password": PASSWORD}
        )
        assert answer.status_code == 200

    async def orders(self, **changed: Any) -> httpx.Response:
        body = {
            "request_id": new_id(),
            "mode": "war",
            "reason": "earthquake",
            "hours": 8,
            "offers": True,
            "password": PASSWORD,
        }
        return await self.client.post("/api/stance", json=body | changed)

    async def command(self, *arguments: str, database_url: str) -> Result:
        return await asyncio.to_thread(
            CliRunner().invoke,
            stance_group,
            [*arguments, "--data", str(self.data_dir)],
            env={"DATABASE_URL": database_url},
        )


@pytest.fixture
async def house(pool: Pool, tmp_path: Path) -> AsyncIterator[House]:
    quick = Passwords(hasher=QUICK)
    services = Services(
        pool,
        Auth(pool, Limits(), quick),
        StanceDesk(
            pool=pool,
            fanout=LoudFanOut(),
            key=SigningKey(signingkey.load_keys(tmp_path)),
            clock=utc_now,
        ),
        Settings(data_dir=tmp_path, map_dir=tmp_path),
    )
    routes = [*auth_routes.routes(services), *stance.routes(services)]
    access = AccessLog(pool)
    app = assemble(routes, auth=services.auth, access=access, body_bytes_max=64 * 1024)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        yield House(services, client, tmp_path)
    services.auth.close()


async def test_war_is_declared_with_the_password_and_ended_with_it(house: House) -> None:
    await house.comes("supervisor")

    wrong = await house.orders(password="guessed")
    declared = await house.orders()
    seen = (await house.client.get("/api/stance")).json()
    end = {"reason": "over", "password": PASSWORD}
    ended = await house.client.post("/api/stance/1/end", json=end)

    assert (wrong.status_code, wrong.json()["error"]["code"]) == (403, "wrong_password")
    assert declared.status_code == 201
    assert (seen["now"]["mode"], seen["now"]["order"]["reason"]) == ("war", "earthquake")
    assert seen["orders"][0]["note"] == declared.json()["note"]
    assert ended.json()["end_reason"] == "over"
    assert (await house.client.get("/api/stance")).json()["now"]["mode"] == "peace"


async def test_a_dispatcher_is_told_whose_order_it_is(house: House) -> None:
    await house.comes("dispatcher")

    refused = await house.orders()

    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"mode": "siege"}, 400),
        ({"hours": -1}, 400),
        ({"hours": 9e9}, 400),
        ({"reason": "two\nlines"}, 400),
        ({"password": None}, 400),
        ({"offer": True}, 400),
        ({"hours": None}, 422),
        ({"hours": 25}, 422),
    ],
)
async def test_what_cannot_be_ordered_gets_a_clear_answer(
    house: House, changed: dict[str, Any], status: int
) -> None:
    await house.comes("supervisor")

    answer = await house.orders(**changed)

    assert answer.status_code == status, answer.text
    assert answer.json()["error"]["message"]
    assert (await house.client.get("/api/stance")).json()["orders"] == []


async def test_the_command_line_shows_and_verifies_also_without_a_database(
    house: House, database_url: str, tmp_path: Path
) -> None:
    await house.comes("supervisor")
    assert (await house.orders()).status_code == 201

    shown = await house.command("show", database_url=database_url)
    note = await house.command("show", "--note", "1", database_url=database_url)
    checked = await house.command("verify", database_url=database_url)

    assert "In force: #1 war, user:supervisor" in shown.output
    assert checked.exit_code == 0, checked.output
    assert "order 1: genuine" in checked.output
    file, key = tmp_path / "order-1.note", str(signingkey.public_path(tmp_path))
    file.write_text(note.output)
    runner = CliRunner()
    assert runner.invoke(stance_group, ["verify", str(file), "--key", key]).exit_code == 0
    file.write_text(note.output.replace('"offers":true', '"offers":false'))
    changed = runner.invoke(stance_group, ["verify", str(file), "--key", key])
    assert changed.exit_code == 1
    assert "NOT GENUINE" in changed.output


async def test_an_end_that_nobody_signed_and_an_order_that_is_gone_are_seen(
    house: House, database_url: str
) -> None:
    await house.comes("supervisor")
    for _ in range(2):
        assert (await house.orders()).status_code == 201
    end = {"reason": "over", "password": PASSWORD}
    assert (await house.client.post("/api/stance/2/end", json=end)).status_code == 200
    owner = await asyncpg.connect(database_url)

    async def after(change: str) -> Result:
        await owner.execute(change)
        return await house.command("verify", database_url=database_url)

    try:
        honest = await after("SELECT true")
        moved = await after("UPDATE stance_order SET ended_at = expires_at WHERE number = 2")
        unsigned = await after("UPDATE stance_order SET end_note = NULL WHERE number = 2")
        gone = await after("DELETE FROM stance_order WHERE number = 1")
    finally:
        await owner.close()

    assert honest.exit_code == 0, honest.output
    assert [each.exit_code for each in (moved, unsigned, gone)] == [1, 1, 1]
    assert "end of order 2: NOT GENUINE: the database says something else" in moved.output
    assert "end of order 2: NOT GENUINE: nobody signed it" in unsigned.output
    assert "order 1: MISSING" in gone.output


async def test_what_a_former_key_signed_stays_genuine_when_another_took_its_place(
    house: House, database_url: str
) -> None:
    await house.comes("supervisor")
    assert (await house.orders()).status_code == 201
    signingkey.secret_path(house.data_dir).unlink()
    signer = signingkey.load_or_make(house.data_dir)

    checked = await house.command("verify", database_url=database_url)
    alone = await house.command("verify", "--key", str(signer.verifier), database_url=database_url)

    assert checked.exit_code == 0, checked.output
    assert alone.exit_code == 1
    assert "did not sign this" in alone.output


# -- the key -------------------------------------------------------------------------------


def test_the_key_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    first = signingkey.load_or_make(tmp_path)

    assert signingkey.load_or_make(tmp_path) == first
    assert signingkey.secret_path(tmp_path).stat().st_mode & 0o777 == 0o600
    assert signingkey.public_path(tmp_path).read_text() == f"{first.verifier}\n"
    assert sorted(each.name for each in signingkey.secret_path(tmp_path).parent.iterdir()) == [
        signingkey.SECRET_FILE,
        signingkey.PUBLIC_FILE,
    ]


def test_a_key_that_others_can_read_or_that_is_none_stops_the_start(tmp_path: Path) -> None:
    signingkey.load_or_make(tmp_path)
    path = signingkey.secret_path(tmp_path)

    path.chmod(0o640)
    with pytest.raises(SettingsError, match="chmod 600"):
        signingkey.load_or_make(tmp_path)
    path.chmod(0o600)
    path.write_text("nonsense")
    with pytest.raises(SettingsError, match="Restore it"):
        signingkey.load_or_make(tmp_path)
