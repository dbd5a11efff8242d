"""Load a roster file into the database: all or nothing, the same file again changes nothing.

Every change stands in the command log, in the same transaction. Knows no rule of what changes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import assert_never

import msgspec
from msgspec import Struct

from server.http import devices_admin, users
from server.http.devices_admin import NewDevice, NewOfficer, NewStation, NewUnit
from server.http.passwords import Passwords, one_time_password
from server.http.users import NewUser
from server.journal.kinds import JournalKind as Kind
from server.roster.file import RosterError, RosterFile
from server.roster.plan import Change, plan
from server.sparedesk import NewSpare, Whereabouts, add_spare
from server.stores import county, journal, roster
from server.stores.county import Device, Leader, Login, Officer, Spare, Station, Unit
from server.stores.pool import Connection, Pool


class DeviceSecret(Struct, frozen=True, kw_only=True):
    id: str
    token: str


class UserSecret(Struct, frozen=True, kw_only=True):
    username: str
    badge: str | None
    one_time_password: str


class Secrets(Struct, frozen=True, kw_only=True):
    """What is in the clear only here: the database has hashes."""

    devices: list[DeviceSecret]
    users: list[UserSecret]


async def load(
    pool: Pool, file: RosterFile, *, by: str, secrets_file: Path | None, dry_run: bool = False
) -> list[Change]:
    """Make the database agree with `file`; returns what changed, or would.

    New tokens and one-time passwords go to `secrets_file`, which must not exist, before the commit.
    Raises `RosterError`, and `ApiError` or `DispatchError` when somebody else adds the same entry
    at the same moment: nothing is changed then.
    """
    async with pool.acquire() as conn, conn.transaction():
        changes = plan(await county.read(conn), file)
        secret = [each for each in changes if each.has_secret]
        if secret and secrets_file is None and not dry_run:
            raise RosterError(
                [
                    f"There are {len(secret)} new devices and logins: name a file that does not "
                    "exist yet for their tokens and passwords with --tokens."
                ]
            )
        passwords = await _one_time_passwords(secret)
        await _require_idle(conn, changes)
        if not dry_run:
            secrets = await _apply(conn, changes, passwords, by)
            if secret and secrets_file is not None:
                write_secrets(secrets, secrets_file)
    return changes


async def apply(conn: Connection, changes: Sequence[Change], *, by: str) -> Secrets:
    """Make planned changes; the last step of a transaction. The secrets are nowhere else.

    Raises `RosterError`, and `ApiError` or `DispatchError` as `load` does.
    """
    passwords = await _one_time_passwords([each for each in changes if each.has_secret])
    await _require_idle(conn, changes)
    return await _apply(conn, changes, passwords, by)


def write_secrets(secrets: Secrets, path: Path) -> None:
    """For this user's eyes only, on the disk when this returns. Raises `RosterError`."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RosterError([f"{path}: {error.strerror}. --tokens wants a new file."]) from error
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(msgspec.json.format(msgspec.json.encode(secrets), indent=1) + b"\n")
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        path.unlink()
        raise RosterError([f"{path} cannot be written: {error.strerror}."]) from error


async def _require_idle(conn: Connection, changes: Sequence[Change]) -> None:
    """Whoever works on an order stays in the unit until it is closed: the order names them."""
    leaving = [(each, each.left_unit) for each in changes if each.left_unit is not None]
    busy = await county.hold_units(conn, sorted({unit for _, unit in leaving}))
    problems = [
        f"{each}: {unit} works on order {busy[unit]}; load again when it is closed."
        for each, unit in leaving
        if unit in busy
    ]
    if problems:
        raise RosterError(problems)


async def _one_time_passwords(changes: Sequence[Change]) -> dict[str, tuple[str, str]]:
    """User name to password and hash."""
    made: dict[str, tuple[str, str]] = {}
    passwords = Passwords()
    try:
        for each in changes:
            if isinstance(each.after, Login):
                password = one_time_password()
                made[each.key] = password, await passwords.hash(password)
    finally:
        passwords.close()
    return made


async def _apply(
    conn: Connection, changes: Sequence[Change], passwords: dict[str, tuple[str, str]], by: str
) -> Secrets:
    secrets = Secrets(devices=[], users=[])
    for each in changes:
        if each.before is not None:
            await _change(conn, each, by)
        elif isinstance(each.after, Device):
            token = await _add_device(conn, each.key, each.after, by)
            secrets.devices.append(DeviceSecret(id=each.key, token=token))
        elif isinstance(each.after, Login):
            password, password_hash = passwords[each.key]
            badge = each.after.badge
            await _add_login(conn, each.key, each.after, password_hash, by)
            secret = UserSecret(username=each.key, badge=badge, one_time_password=password)
            secrets.users.append(secret)
        else:
            await _add(conn, each.key, each.after, by)
    return secrets


async def _add(
    conn: Connection, key: str, facts: Station | Unit | Officer | Leader | Spare, by: str
) -> None:
    match facts:
        case Station():
            station = NewStation(name=key, lon=facts.lon, lat=facts.lat)
            await devices_admin.add_station(conn, station, by=by)
        case Unit():
            unit = NewUnit(call_sign=key, kind=facts.kind, station=facts.station)
            await devices_admin.add_unit(conn, unit, by=by)
        case Officer():
            unit_id = await _unit_id(conn, facts.unit)
            officer = NewOfficer(
                badge=key,
                name=facts.name,
                phone=facts.phone,
                skills=list(facts.skills),
                unit_id=unit_id,
            )
            await devices_admin.add_officer(conn, officer, by=by)
        case Spare():
            spare = NewSpare(
                label=key,
                kind=facts.kind,
                fits=facts.fits,
                lies=Whereabouts(station=facts.station, unit=facts.unit),
                charged=facts.charged,
            )
            await add_spare(conn, spare, by=by)
        case Leader():
            await _set_leader(conn, key, facts, by)
        case _:
            assert_never(facts)


async def _add_device(conn: Connection, key: str, facts: Device, by: str) -> str:
    unit_id = await _unit_id(conn, facts.unit)
    wanted = NewDevice(id=key, kind=facts.kind, model=facts.model, unit_id=unit_id)
    return await devices_admin.add_device(conn, wanted, by=by)


async def _add_login(conn: Connection, key: str, facts: Login, password_hash: str, by: str) -> None:
    wanted = NewUser(
        username=key, display_name=facts.name, roles=["officer"], officer_badge=facts.badge
    )
    await users.create(conn, wanted, password_hash=password_hash, by=by)


async def _change(conn: Connection, change: Change, by: str) -> None:
    """One entry and what the command log says of it."""
    key, facts = change.key, change.after
    differences = {name: {"from": old, "to": new} for name, (old, new) in change.fields().items()}
    body: dict[str, object] = {"changed": differences}
    match facts:
        case Station():
            await county.change_station(conn, key, facts)
            subject, kind = f"station:{await roster.station_id(conn, key)}", Kind.STATION_CHANGED
            body["name"] = key
        case Unit():
            await county.change_unit(conn, key, facts)
            subject, kind = f"unit:{await roster.unit_id(conn, key)}", Kind.UNIT_CHANGED
            body["call_sign"] = key
        case Leader():
            await _set_leader(conn, key, facts, by)
            return
        case Officer():
            await _change_officer(conn, change, facts)
            subject, kind = f"officer:{key}", Kind.OFFICER_CHANGED
        case Device():
            await county.change_device(conn, key, facts)
            subject, kind = f"device:{key}", Kind.DEVICE_CHANGED
        case Login():
            await county.rename_login(conn, key, facts.name)
            subject, kind = f"user:{key}", Kind.USER_CHANGED
        case Spare():
            spare_id = await county.change_spare(conn, key, facts)
            subject, kind = f"spare:{spare_id}", Kind.SPARE_CHANGED
            body["label"] = key
        case _:
            assert_never(facts)
    await journal.append(conn, actor=by, subject=subject, kind=kind, body=body)


async def _change_officer(conn: Connection, change: Change, officer: Officer) -> None:
    await county.change_officer(conn, change.key, officer)
    if "unit" not in change.fields():
        return
    unit_id = await _unit_id(conn, officer.unit)
    if unit_id is None:
        await county.leave_unit(conn, change.key)
    else:
        await roster.join_unit(conn, badge=change.key, unit_id=unit_id)
    await county.move_browsers(conn, change.key, officer.unit)


async def _set_leader(conn: Connection, call_sign: str, leader: Leader, by: str) -> None:
    unit_id = await _unit_id(conn, call_sign)
    assert unit_id is not None, "the unit was there, or was added before"
    await devices_admin.set_leader(conn, unit_id, leader.badge, by=by)


async def _unit_id(conn: Connection, call_sign: str | None) -> str | None:
    return None if call_sign is None else await roster.unit_id(conn, call_sign)
