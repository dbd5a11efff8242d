"""`ridgeline tak`: the authority that lets TAK clients in, and their data packages.

Keys are files of the data folder; certificates are rows of the database, whether a server runs on
it or not. A running server notices what is revoked here within seconds.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from server.cli._options import JSON, default_data_dir, iso, settings_of
from server.cli.admin import DATA, actor, with_pool


@click.group("tak")
def tak_group() -> None:
    """Let TAK clients in: certificates and data packages."""


@tak_group.command("init")
@DATA
def init(data_dir: Path | None) -> None:
    """Make the authority and the server's certificate, where there are none."""
    folder = _folder(data_dir)
    signer = _signer(folder)
    path = _server_file(folder, signer)
    from server.tak import authority

    click.echo(f"Authority: {authority.folder_of(folder) / authority.CA_FILE}")
    click.echo(f"  until {iso(signer.expires_at)}, SHA-256 {signer.fingerprint.hex()}")
    click.echo(f"Server: {path}")
    click.echo(f"  for {', '.join(_names_in(path))}")


@tak_group.command("server-cert")
@click.option(
    "--name",
    "names",
    multiple=True,
    metavar="HOST",
    help="Host name or address that clients reach the server by; repeat for more.",
)
@DATA
def server_cert(names: tuple[str, ...], data_dir: Path | None) -> None:
    """Make the server's certificate anew, for the names given or those of the settings.

    A running server takes it up within a minute.
    """
    from server.envvalues import SettingsError
    from server.tak import authority

    folder = _folder(data_dir)
    wanted = names or _names(folder)
    try:
        signer = authority.load_or_make(folder, now=_now())
        made = authority.remake_server(folder, signer, wanted, now=_now())
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"For {', '.join(authority.names_of(made.certificate))}, to {iso(made.expires_at)}")


@tak_group.command("client")
@click.argument("username")
@click.option("--uid", default="", help="The only TAK uid it may use; else the first that it says.")
@click.option("--host", help="Name or address of the server in the data package.")
@click.option("--port", type=click.IntRange(1, 65535), help="Of TAK clients.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The data package, a new file.  [default: ridgeline-USERNAME.zip]",
)
@click.option(
    "--pem",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Also write client.pem and ca.pem there, for programs that are no TAK app.",
)
@DATA
def client(
    username: str,
    uid: str,
    host: str | None,
    port: int | None,
    out: Path | None,
    pem: Path | None,
    data_dir: Path | None,
) -> None:
    """A certificate for a TAK client of USERNAME, in a data package."""
    from server.tak import certificates
    from server.tak.certificates import Door, Issued
    from server.tak.options import PORT_DEFAULT

    if uid:
        _require_uid(uid)
    folder = _folder(data_dir)
    tak = settings_of(folder, folder).tak
    target = out or Path(certificates.package_file(username))
    if target.exists():
        raise click.ClickException(f"{target} exists; --out wants a new file.")
    signer = _signer(folder)
    door = Door(
        host=host or tak.reached_by, port=port or tak.port or PORT_DEFAULT, description="Ridgeline"
    )

    async def issue(pool: Any) -> Issued:
        return await certificates.issue(
            pool, signer, username=username, uid=uid, door=door, by=actor(), now=_now()
        )

    issued: Issued = with_pool(data_dir, issue)
    _write(target, issued.package)
    if pem is not None:
        from cryptography.hazmat.primitives.serialization import Encoding

        pem.mkdir(parents=True, exist_ok=True)
        _write(pem / "client.pem", issued.pair.pem())
        _write(pem / "ca.pem", signer.certificate.public_bytes(Encoding.PEM))
    click.echo(f"{target}: for {username}, {door.host}:{door.port}, to {iso(issued.expires_at)}")
    click.echo(f"serial {issued.serial}, password of its stores {issued.password}")


@tak_group.command("list")
@click.argument("username", required=False)
@JSON
@DATA
def list_certificates(username: str | None, as_json: bool, data_dir: Path | None) -> None:
    """Certificates of TAK clients, those in force first."""
    from server.stores import takcerts
    from server.tak.certificates import CertificateView

    async def read(pool: Any) -> list[CertificateView]:
        async with pool.acquire() as conn:
            return [CertificateView.of(row) for row in await takcerts.listed(conn, username)]

    found: list[CertificateView] = with_pool(data_dir, read)
    if as_json:
        click.echo(msgspec.json.encode(found).decode())
        return
    for each in found:
        state = (
            f"revoked {iso(each.revoked_at)} by {each.revoked_by}"
            if each.revoked_at is not None
            else f"ended {iso(each.expires_at)}"
            if each.expires_at <= _now()
            else f"until {iso(each.expires_at)}"
        )
        click.echo(f"{each.serial}  {each.username}  {each.uid or '(no uid yet)'}  {state}")


@tak_group.command("revoke")
@click.argument("which", metavar="SERIAL|USERNAME")
@JSON
@DATA
def revoke(which: str, as_json: bool, data_dir: Path | None) -> None:
    """Take back one certificate, or all of a user's; whoever is connected by it is sent away."""
    from server.tak import certificates
    from server.tak.certificates import CertificateView

    async def take_back(pool: Any) -> list[CertificateView]:
        return await certificates.revoke(pool, which, by=actor(), now=_now())

    revoked: list[CertificateView] = with_pool(data_dir, take_back)
    if as_json:
        click.echo(json.dumps({"revoked": [each.serial for each in revoked]}))
    else:
        for each in revoked:
            click.echo(f"{each.serial} of {each.username} is revoked.")


def _folder(data_dir: Path | None) -> Path:
    return (data_dir or default_data_dir()).absolute()


def _names(folder: Path) -> tuple[str, ...]:
    """Names of the server by its settings."""
    return settings_of(folder, folder).tak.certified_names


def _signer(folder: Path) -> Any:
    from server.envvalues import SettingsError
    from server.tak import authority

    try:
        return authority.load_or_make(folder, now=_now())
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _server_file(folder: Path, signer: Any) -> Path:
    from server.envvalues import SettingsError
    from server.tak import authority

    try:
        return authority.server_pair(folder, signer, _names(folder), now=_now())
    except SettingsError as error:
        raise click.ClickException(str(error)) from error


def _names_in(path: Path) -> list[str]:
    from server.tak import authority

    return authority.names_of(authority.read_pair(path).certificate)


def _require_uid(uid: str) -> None:
    from devices.tak.naming import why_no_uid

    if (why := why_no_uid(uid)) is not None:
        raise click.ClickException(f"--uid {uid!r}: {why}.")


def _write(path: Path, content: bytes) -> None:
    """For its owner's eyes: there is a key in it."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(content)


def _now() -> datetime:
    return datetime.now(UTC)
