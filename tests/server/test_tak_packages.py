"""Certificates of TAK clients as people get them: over HTTP and by `ridgeline tak`."""

from __future__ import annotations

import asyncio
import json
import ssl
import zipfile
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner, Result

from protocols.cot import control
from server.cli.tak import tak_group
from server.http.auth import COOKIE
from server.stores.pool import open_pool
from server.tak import authority, datapackage
from server.tak.options import TakOptions
from tests.http_server import client_of
from tests.server.tak_room import peer_of
from tests.whole_server import WholeServer, whole_server


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir,
        data_dir=tmp_path,
        database_url=database_url,
        redis_url=redis_url,
        tak=TakOptions(port=0, names=("127.0.0.1",)),
    ) as server:
        yield server


async def test_a_user_fetches_his_own_package_comes_in_with_it_and_is_sent_away_when_it_is_revoked(
    server: WholeServer, tmp_path: Path
) -> None:
    li = await server.session(await server.add_user("li", ["officer"]))
    admin = await server.session(await server.add_user("root", ["admin"]))
    async with client_of(server.url) as browser:

        async def ask(who: str, method: str, path: str, **body: str) -> httpx.Response:
            headers = {"cookie": f"{COOKIE}={who}"}
            return await browser.request(
                method, path, headers=headers, json=body if method == "POST" else None
            )

        got = await ask(li, "POST", "/api/tak/packages")
        assert got.status_code == 201
        assert got.headers["content-type"] == "application/zip"
        foreign = await ask(li, "POST", "/api/tak/packages", username="root")
        assert foreign.status_code == 403
        unfit = await ask(li, "POST", "/api/tak/packages", uid="ridgeline-room")
        assert unfit.status_code == 422
        theirs = await ask(admin, "POST", "/api/tak/packages", username="li", uid="ANDROID-2")
        assert theirs.status_code == 201

        password = got.headers["x-tak-password"]
        async with peer_of(got.content, password, tmp_path) as peer:
            await peer.hear(lambda event: event.type == control.VERSIONS)
            known = (await ask(li, "GET", "/api/tak/certificates")).json()
            assert [(each["username"], each["uid"]) for each in known if each["seen_at"]] == [
                ("li", "")
            ]
            serial = got.headers["x-tak-serial"]
            stranger = await server.session(await server.add_user("zhao", ["officer"]))
            path = f"/api/tak/certificates/{serial}/revoke"
            assert (await ask(stranger, "POST", path)).status_code == 404
            assert (await ask(admin, "POST", path)).status_code == 200
            await peer.closed()


def on(database_url: str, statement: str) -> None:
    async def run() -> None:
        pool = await open_pool(database_url, connections_max=1)
        await pool.execute(statement)
        await pool.close()

    asyncio.run(run())


def test_the_command_makes_lists_and_revokes_certificates(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("RIDGELINE_TAK_NAMES", "tak.county.test")
    on(
        database_url,
        "INSERT INTO app_user (id, username, display_name, password_hash, roles) "
        "VALUES (gen_random_uuid(), 'li', 'Li', '-', '{officer}')",
    )
    data = tmp_path / "data"

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(tak_group, [*arguments, "--data", str(data)])

    made = run("init")
    assert "tak.county.test" in made.output
    package = tmp_path / "li.zip"
    issued = run("client", "li", "--uid", "ANDROID-1", "--out", str(package))
    assert issued.exit_code == 0, issued.output
    assert package.stat().st_mode & 0o777 == 0o600
    pref = zipfile.ZipFile(package).read(datapackage.PREF_FILE).decode()
    assert "tak.county.test:8089:ssl" in pref
    plain = run("client", "li", "--out", str(tmp_path / "2.zip"), "--pem", str(tmp_path / "pem"))
    assert plain.exit_code == 0, plain.output
    context = ssl.create_default_context(cafile=str(tmp_path / "pem" / "ca.pem"))
    context.load_cert_chain(tmp_path / "pem" / "client.pem")
    again = run("client", "li", "--out", str(package))
    assert "exists" in again.output
    nobody = run("client", "zhao", "--out", str(tmp_path / "zhao.zip"))
    assert (nobody.exit_code, "There is no user zhao" in nobody.output) == (1, True)
    refused = run("client", "li", "--uid", "takPong", "--out", str(tmp_path / "x.zip"))
    assert "server's own" in refused.output

    listed = next(each for each in json.loads(run("list", "--json").output) if each["uid"])
    assert (listed["username"], listed["uid"], listed["revoked_at"]) == ("li", "ANDROID-1", None)
    assert run("revoke", listed["serial"]).exit_code == 0
    assert "revoked" in run("list", "li").output
    assert run("revoke", "li").exit_code == 0  # what is left of his
    assert "No certificate in force" in run("revoke", "li").output

    renewed = run("server-cert", "--name", "10.0.0.5", "--name", "new.county.test")
    assert "10.0.0.5" in renewed.output
    found = authority.read_pair(authority.folder_of(data) / authority.SERVER_FILE)
    assert set(authority.names_of(found.certificate)) == {"10.0.0.5", "new.county.test"}
