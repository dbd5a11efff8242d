"""`ridgeline user` and `ridgeline device`: what an administrator does without a browser.

Works on the database of DATABASE_URL, or on the private one of a data folder, whether a server runs
on it or not.
"""

from __future__ import annotations

import asyncio
import getpass
import json
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec

from server.cli._options import default_data_dir, settings_of
from server.cli.terminalsim import sim_group

T = TypeVar("T")
DATA = click.option(
    "--data",
    "data_dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the private databases.  [default: data]",
)


@click.group("user")
def user_group() -> None:
    """Add users and reset passwords."""


@user_group.command("add")
@click.argument("username")
@click.option("--name", required=True, help="As people call the user.")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice(["dispatcher", "officer", "supervisor", "admin"]),
    help="Repeat for more than one.",
)
@click.option("--badge", help="Of the officer who the user is.")
@DATA
def add_user(
    username: str, name: str, roles: tuple[str, ...], badge: str | None, data_dir: Path | None
) -> None:
    """Add USERNAME; prints a one-time password."""
    from server.http.passwords import Passwords, one_time_password
    from server.http.users import NewUser, create

    wanted = shaped(
        {"username": username, "display_name": name, "roles": roles, "officer_badge": badge},
        NewUser,
    )
    password = one_time_password()

    async def add(pool: Any) -> None:
        passwords = Passwords()
        password_hash = await passwords.hash(password)
        passwords.close()
        async with pool.acquire() as conn, conn.transaction():
            await create(conn, wanted, password_hash=password_hash, by=actor())

    with_pool(data_dir, add)
    click.echo(f"{username}: one-time password {password}")


@user_group.command("reset")
@click.argument("username")
@DATA
def reset_user(username: str, data_dir: Path | None) -> None:
    """Give USERNAME a new one-time password and end all sessions."""
    from server.http.passwords import Passwords, one_time_password
    from server.journal.kinds import JournalKind
    from server.stores import journal, users

    password = one_time_password()

    async def reset(pool: Any) -> bool:
        found = await users.by_name(pool, username)
        if found is None:
            return False
        passwords = Passwords()
        password_hash = await passwords.hash(password)
        passwords.close()
        user = found[0]
        async with pool.acquire() as conn, conn.transaction():
            await users.set_password(conn, user.id, password_hash, must_change=True)
            await users.end_other_sessions(conn, user.id, b"")
            await journal.append(
                conn,
                actor=actor(),
                subject=user.actor,
                kind=JournalKind.USER_PASSWORD_RESET,
                body={},
            )
        return True

    if not with_pool(data_dir, reset):
        raise click.ClickException(f"There is no user {username}.")
    click.echo(f"{username}: one-time password {password}")


@click.group("device")
def device_group() -> None:
    """Enrol devices."""


device_group.add_command(sim_group)


@device_group.command("add")
@click.argument("device_id")
@click.option("--kind", required=True, type=click.Choice(["body_camera", "handset", "vehicle"]))
@click.option("--model", default="", help="Maker and type.")
@click.option("--unit", "call_sign", help="Call sign of the unit that carries it.")
@DATA
def add_device(
    device_id: str, kind: str, model: str, call_sign: str | None, data_dir: Path | None
) -> None:
    """Enrol DEVICE_ID; prints its token, which is shown only once."""
    from server.http.devices_admin import NewDevice
    from server.http.devices_admin import add_device as enrol
    from server.stores import roster

    wanted = shaped({"id": device_id, "kind": kind, "model": model}, NewDevice)

    async def add(pool: Any) -> str | None:
        async with pool.acquire() as conn, conn.transaction():
            unit_id = None
            if call_sign is not None:
                unit_id = await roster.unit_id(conn, call_sign)
                if unit_id is None:
                    return None
            placed = msgspec.structs.replace(wanted, unit_id=unit_id)
            return await enrol(conn, placed, by=actor())

    token = with_pool(data_dir, add)
    if token is None:
        raise click.ClickException(f"There is no unit {call_sign}.")
    click.echo(f"{device_id}: token {token}")


@device_group.command("renew-epochs")
@click.argument("device_ids", nargs=-1)
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--json", "as_json", is_flag=True, help="Print the ids as JSON.")
@DATA
def renew_epochs(
    device_ids: tuple[str, ...], yes: bool, as_json: bool, data_dir: Path | None
) -> None:
    """After a restored backup: have all devices, or DEVICE_IDS, fetch what is open anew.

    Each of them shows nothing twice: it knows commands that it has by their ids. See
    docs/restore.md.
    """
    from server.journal.kinds import JournalKind
    from server.stores import devices, journal

    whose = f"{len(device_ids)} devices" if device_ids else "all devices"
    if not yes:
        click.confirm(f"Begin the logs of {whose} anew?", abort=True, err=True)

    async def renew(pool: Any) -> list[str]:
        async with pool.acquire() as conn, conn.transaction():
            renewed = await devices.renew_epochs(conn, device_ids or None)
            if missing := sorted(set(device_ids) - set(renewed)):
                raise click.ClickException(
                    f"No device in service is called {', '.join(missing)}; nothing was changed."
                )
            if renewed:
                await journal.append(
                    conn,
                    actor=actor(),
                    subject=f"device:{renewed[0] if len(renewed) == 1 else 'all'}",
                    kind=JournalKind.DEVICE_EPOCHS_RENEWED,
                    body={"devices": list(device_ids) or "all", "count": len(renewed)},
                )
        return renewed

    renewed = with_pool(data_dir, renew)
    if as_json:
        click.echo(json.dumps({"renewed": renewed}))
    else:
        click.echo(
            f"{len(renewed)} logs begin anew; connected devices hear of it as they reconnect."
        )


def with_pool(data_dir: Path | None, work: Callable[[Any], Awaitable[T]]) -> T:
    """Do `work` on the database of DATABASE_URL or of the data folder; a refusal is one line."""
    from server import databases
    from server.databases import DatabaseUnusable
    from server.dispatch.errors import DispatchError
    from server.embedded import sockets
    from server.embedded.errors import DataFolderInUse, EmbeddedError
    from server.embedded.postgres import url_in
    from server.http.errors import ApiError
    from server.migrate import MigrationError
    from server.stores.away import STORE_AWAY
    from server.stores.pool import open_pool

    folder = (data_dir or default_data_dir()).absolute()
    settings = settings_of(folder, folder)

    async def run(url: str) -> T:
        pool = await open_pool(url, connections_max=2)
        try:
            return await work(pool)
        finally:
            await pool.close()

    def run_on(url: str) -> T:
        databases.migrate_now(replace(settings, database_url=url))
        job: Coroutine[Any, Any, T] = run(url)
        return asyncio.run(job)

    try:
        try:
            with databases.private(settings, valkey=False) as running:
                return run_on(settings.database_url or str(running.database_url))
        except DataFolderInUse:
            return run_on(url_in(sockets.path_for(folder)))
    except (ApiError, DatabaseUnusable, DispatchError, EmbeddedError, MigrationError) as error:
        raise click.ClickException(str(error)) from error
    except STORE_AWAY as error:
        raise click.ClickException(f"The database does not answer: {error}") from error


def shaped(values: dict[str, Any], shape: type[T]) -> T:
    """What a route would take, checked as there; a refusal is one line."""
    try:
        return msgspec.convert(values, shape)
    except msgspec.ValidationError as error:
        raise click.ClickException(f"{error}") from error


def actor() -> str:
    """The operating-system user, marked as such: no account of ours stands behind it."""
    return f"operator:{getpass.getuser()}"
