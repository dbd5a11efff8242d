"""Our authority for TAK clients: its files, who passes a handshake, what a package holds."""

from __future__ import annotations

import asyncio
import ssl
import subprocess
import xml.etree.ElementTree as ET
import zipfile
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12

from server.dispatch.errors import Conflict, NotFound
from server.envvalues import SettingsError
from server.ids import new_id
from server.stores import takcerts
from server.stores.pool import Pool
from server.tak import authority, certificates, datapackage
from server.tak.authority import Pair
from server.tak.certificates import Door
from server.tak.keys import TakKeys

NOW = datetime.now(UTC).replace(microsecond=0)
DOOR = Door(host="tak.county.test", port=8089, description="Ridgeline")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Pair]:
    """A data folder with an authority, shared: keys take a while."""
    folder = tmp_path_factory.mktemp("data")
    return folder, authority.load_or_make(folder, now=NOW)


def keys_of(made: tuple[Path, Pair], now: datetime = NOW) -> TakKeys:
    return TakKeys(made[0], ["tak.county.test", "127.0.0.1"], port=8089, clock=lambda: now)


def shake_hands(server: ssl.SSLContext, client: ssl.SSLContext, host: str) -> ssl.SSLObject:
    """Both ends of one handshake in memory; the server's end afterwards."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ours = server.wrap_bio(to_server, to_client, server_side=True)
    theirs = client.wrap_bio(to_client, to_server, server_hostname=host)
    done = [False, False]
    for _ in range(10):
        for at, end in enumerate((theirs, ours)):
            try:
                end.do_handshake()
                done[at] = True
            except ssl.SSLWantReadError:
                pass
    assert all(done)
    return ours


def client_context(folder: Path, own: Pair | None, tmp_path: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(
        cafile=str(authority.folder_of(folder) / authority.CA_PUBLIC_FILE)
    )
    if own is not None:
        pem = tmp_path / "own.pem"
        pem.write_bytes(own.pem())
        context.load_cert_chain(pem)
    return context


# -- files --------------------------------------------------------------------------------


def test_keys_are_for_their_owner_alone_and_stay_the_same(made: tuple[Path, Pair]) -> None:
    folder, first = made
    authority.server_pair(folder, first, ["a.test"], now=NOW)

    again = authority.load_or_make(folder, now=NOW + timedelta(days=1))

    inside = authority.folder_of(folder)
    assert again.fingerprint == first.fingerprint
    assert [each.stat().st_mode & 0o777 for each in (inside, inside.parent)] == [0o700] * 2
    for name in (authority.CA_FILE, authority.SERVER_FILE):
        assert (inside / name).stat().st_mode & 0o777 == 0o600
    assert b"PRIVATE KEY" not in (inside / authority.CA_PUBLIC_FILE).read_bytes()


def test_a_key_that_others_can_read_is_refused(made: tuple[Path, Pair], tmp_path: Path) -> None:
    path = authority.folder_of(tmp_path) / authority.CA_FILE
    path.parent.mkdir(parents=True)
    path.write_bytes(made[1].pem())
    path.chmod(0o640)

    with pytest.raises(SettingsError, match="can be read by others"):
        authority.load_or_make(tmp_path, now=NOW)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nxx\n"])
def test_a_damaged_key_says_what_to_do(tmp_path: Path, content: bytes) -> None:
    path = authority.folder_of(tmp_path) / authority.CA_FILE
    path.parent.mkdir(parents=True)
    path.touch(mode=0o600)
    path.write_bytes(content)

    with pytest.raises(SettingsError, match="Restore it from a backup"):
        authority.load_or_make(tmp_path, now=NOW)


def test_the_servers_certificate_is_made_anew_for_another_name_and_before_it_ends(
    made: tuple[Path, Pair],
) -> None:
    folder, signer = made

    def serial(names: list[str], now: datetime) -> int:
        path = authority.server_pair(folder, signer, names, now=now)
        return authority.read_pair(path).certificate.serial_number

    first = serial(["one.test"], NOW)
    same = serial(["one.test"], NOW + timedelta(days=700))
    other = serial(["two.test", "::1"], NOW)
    later = serial(["two.test"], NOW + timedelta(days=745))

    assert first == same
    assert len({first, other, later}) == 3
    path = authority.server_pair(folder, signer, [], now=NOW + timedelta(days=745))
    assert {"one.test", "two.test", "::1"} <= set(
        authority.names_of(authority.read_pair(path).certificate)
    )


def test_no_certificate_outlives_its_authority(made: tuple[Path, Pair]) -> None:
    late = made[1].expires_at - timedelta(days=10)

    client = authority.issue_client(made[1], username="li", badge="0107", now=late)

    assert client.expires_at == made[1].expires_at


# -- the handshake ------------------------------------------------------------------------


def test_who_holds_a_certificate_passes_and_the_server_knows_which(
    made: tuple[Path, Pair], tmp_path: Path
) -> None:
    own = authority.issue_client(made[1], username="li", badge="0107", now=NOW)

    seen = shake_hands(
        keys_of(made).context, client_context(made[0], own, tmp_path), "tak.county.test"
    )

    der: Any = seen.getpeercert(binary_form=True)
    assert certificates.fingerprint_of(der) == own.fingerprint
    assert seen.version() in ("TLSv1.2", "TLSv1.3")


def test_without_a_certificate_nobody_passes(made: tuple[Path, Pair], tmp_path: Path) -> None:
    with pytest.raises(ssl.SSLError):
        shake_hands(
            keys_of(made).context, client_context(made[0], None, tmp_path), "tak.county.test"
        )


def test_another_authoritys_certificate_does_not_pass(
    made: tuple[Path, Pair], tmp_path: Path
) -> None:
    other = authority.load_or_make(tmp_path / "other", now=NOW)
    foreign = authority.issue_client(other, username="li", badge="0107", now=NOW)

    with pytest.raises(ssl.SSLError):
        shake_hands(
            keys_of(made).context, client_context(made[0], foreign, tmp_path), "tak.county.test"
        )


def test_a_client_that_speaks_no_tls_1_2_does_not_pass(
    made: tuple[Path, Pair], tmp_path: Path
) -> None:
    own = authority.issue_client(made[1], username="li", badge="0107", now=NOW)
    old = client_context(made[0], own, tmp_path)
    old.set_ciphers("ALL:@SECLEVEL=0")
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.minimum_version = ssl.TLSVersion.TLSv1
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        old.maximum_version = ssl.TLSVersion.TLSv1_1

    with pytest.raises(ssl.SSLError):
        shake_hands(keys_of(made).context, old, "tak.county.test")


def test_a_new_server_certificate_is_taken_up_while_running(
    made: tuple[Path, Pair], tmp_path: Path
) -> None:
    folder, signer = made
    keys = keys_of(made)
    own = authority.issue_client(signer, username="li", badge="0107", now=NOW)
    with pytest.raises(ssl.SSLError):
        shake_hands(keys.context, client_context(folder, own, tmp_path), "new.county.test")

    authority.remake_server(folder, signer, ["tak.county.test", "new.county.test"], now=NOW)
    keys.look()

    shake_hands(keys.context, client_context(folder, own, tmp_path), "new.county.test")


# -- the package --------------------------------------------------------------------------


async def test_a_package_holds_what_a_client_needs_to_connect(
    made: tuple[Path, Pair], pool: Pool, tmp_path: Path
) -> None:
    await add_user(pool, "li")

    issued = await certificates.issue(
        pool, made[1], username="li", uid="", door=DOOR, by="test", now=NOW
    )

    archive = zipfile.ZipFile(BytesIO(issued.package))
    manifest = ET.fromstring(archive.read(datapackage.MANIFEST_FILE))
    named = {each.attrib["zipEntry"] for each in manifest.iter("Content")}
    assert named | {datapackage.MANIFEST_FILE} == set(archive.namelist())
    entries = {
        each.attrib["key"]: each.text
        for each in ET.fromstring(archive.read(datapackage.PREF_FILE)).iter("entry")
    }
    assert entries["connectString0"] == "tak.county.test:8089:ssl"
    assert entries["clientPassword0"] == entries["caPassword0"] == issued.password
    for key in ("caLocation0", "certificateLocation0", "caLocation", "certificateLocation"):
        assert str(entries[key]).removeprefix("cert/") in archive.namelist()

    private, certificate, chain = pkcs12.load_key_and_certificates(
        archive.read("li.p12"), issued.password.encode()
    )
    assert private is not None
    assert certificate == issued.pair.certificate
    assert chain == [made[1].certificate]
    trusted = pkcs12.load_pkcs12(archive.read("truststore.p12"), issued.password.encode())
    assert [each.certificate for each in trusted.additional_certs] == [made[1].certificate]


async def test_the_stores_are_written_as_old_key_chains_read_them(
    made: tuple[Path, Pair], pool: Pool, tmp_path: Path
) -> None:
    await add_user(pool, "li")
    issued = await certificates.issue(
        pool, made[1], username="li", uid="", door=DOOR, by="test", now=NOW
    )
    archive = zipfile.ZipFile(BytesIO(issued.package))

    for name in ("li.p12", "truststore.p12"):
        path = tmp_path / name
        path.write_bytes(archive.read(name))
        password = f"pass:{issued.password}"
        command = ["openssl", "pkcs12", "-legacy", "-info", "-noout", "-in", str(path)]
        done = await asyncio.to_thread(
            subprocess.run, [*command, "-passin", password], capture_output=True, check=True
        )
        said = done.stderr.decode()
        assert "pbeWithSHA1And3-KeyTripleDES-CBC" in said
        assert "MAC: sha1" in said


async def test_a_certificate_is_a_row_that_can_be_revoked(
    made: tuple[Path, Pair], pool: Pool
) -> None:
    await add_user(pool, "li")
    issued = await certificates.issue(
        pool, made[1], username="li", uid="ANDROID-1", door=DOOR, by="user:admin", now=NOW
    )
    known = await takcerts.by_fingerprint(pool, issued.pair.fingerprint, now=NOW)
    assert known is not None
    assert (known.username, known.uid, known.serial) == ("li", "ANDROID-1", issued.serial)

    revoked = await certificates.revoke(pool, issued.serial, by="user:admin", now=NOW)

    assert [each.serial for each in revoked] == [issued.serial]
    assert await takcerts.by_fingerprint(pool, issued.pair.fingerprint, now=NOW) is None
    kinds = [
        row["kind"]
        for row in await pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
        if row["kind"].startswith("user.tak")
    ]
    assert kinds == ["user.tak_certified", "user.tak_revoked"]
    with pytest.raises(NotFound):
        await certificates.revoke(pool, issued.serial, by="user:admin", now=NOW)


async def test_an_ended_certificate_and_a_user_out_of_service_are_not_in_force(
    made: tuple[Path, Pair], pool: Pool
) -> None:
    await add_user(pool, "li")
    issued = await certificates.issue(
        pool, made[1], username="li", uid="", door=DOOR, by="test", now=NOW
    )
    fingerprint = issued.pair.fingerprint

    assert await takcerts.by_fingerprint(pool, fingerprint, now=issued.expires_at) is None
    await pool.execute("UPDATE app_user SET disabled_at = now()")
    assert await takcerts.by_fingerprint(pool, fingerprint, now=NOW) is None


async def test_a_user_has_only_so_many(
    made: tuple[Path, Pair], pool: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(takcerts, "PER_USER_MAX", 1)
    await add_user(pool, "li")
    await certificates.issue(pool, made[1], username="li", uid="", door=DOOR, by="test", now=NOW)

    with pytest.raises(Conflict) as refused:
        await certificates.issue(
            pool, made[1], username="li", uid="", door=DOOR, by="test", now=NOW
        )

    assert refused.value.code == "too_many"


async def test_a_uid_is_one_users_until_his_certificate_is_revoked(
    made: tuple[Path, Pair], pool: Pool
) -> None:
    for name in ("li", "wang"):
        await add_user(pool, name)
    li, wang = [
        await certificates.issue(pool, made[1], username=name, uid="", door=DOOR, by="t", now=NOW)
        for name in ("li", "wang")
    ]

    async def claim(issued: certificates.Issued) -> str | None:
        row = await takcerts.by_fingerprint(pool, issued.pair.fingerprint, now=NOW)
        assert row is not None
        async with pool.acquire() as conn, conn.transaction():
            return await takcerts.claim_uid(conn, row.id, "ANDROID-1", now=NOW)

    assert await claim(li) is None
    assert await claim(wang) == "li"
    await certificates.revoke(pool, "li", by="t", now=NOW)
    assert await claim(wang) is None
    with pytest.raises(Conflict) as refused:
        await certificates.issue(
            pool, made[1], username="li", uid="ANDROID-1", door=DOOR, by="t", now=NOW
        )
    assert refused.value.code == "uid_taken"


async def add_user(pool: Pool, username: str) -> None:
    await pool.execute(
        """INSERT INTO app_user (id, username, display_name, password_hash, roles)
        VALUES ($1, $2, $2, '-', '{officer}')""",
        new_id(),
        username,
    )
