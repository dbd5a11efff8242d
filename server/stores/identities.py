"""Guests as rows: which device of ours a foreign name is, and where its two logs stand.

A guest has one installation per protocol, named like it. It numbers nothing and keeps no cursor, so
both are ours: its fixes are told apart by what they say (`stores.positions`), and
`installation.cursor_seq` with `settled` says what of the downlink log needs not be said any more.
Knows no session and no socket.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from devices.intake import Fix
from geo.datum import Datum
from server.stores import commands
from server.stores.commands import Command
from server.stores.devices import INSTALLATIONS_PER_DEVICE_MAX, NEWEST, PRUNE_INSTALLATIONS
from server.stores.devices import token_hash as secret_hash

IDENTITIES_LEN_MAX: Final = 20_000
"""Of one list."""
SETTLED_LEN_MAX: Final = 64
"""Commands that may be settled beyond one that is not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One name that an enabled device of ours goes by in a protocol."""

    protocol: str
    external_id: str
    device_id: str
    secret_hash: bytes | None
    """SHA-256 of its token or authentication code; None: it has none."""
    strict: bool
    """Let in only with its secret; over HTTP, only under its own id."""
    datum: Datum
    badge: str | None
    """Who carries it, where that is always the same person."""
    settings: dict[str, Any] = field(default_factory=dict)
    alarm_ref: str | None = None
    """The call for help that its alarm, which was still on when last heard, has raised."""
    alarm_said_at: datetime | None = None
    """When it was heard last; None: never since it is written down."""
    alarm_over_at: datetime | None = None
    """The device's time when its last alarm ended."""
    kind: str = "handset"
    unit_id: str | None = None
    head_seq: int = 0
    """Of the device's downlink log, when this was read."""
    on_duty: bool = True
    """Whether its unit is; a device of no unit is watched as closely."""
    admission: int | None = None
    """Of its newest conversation, at any server; None: it never had one."""

    @property
    def key(self) -> tuple[str, str]:
        """(device id, install id)."""
        return self.device_id, self.protocol

    def has_secret(self, secret: str) -> bool:
        """Whether the token or code is its own; False where it has none."""
        return self.secret_hash is not None and hmac.compare_digest(
            self.secret_hash, secret_hash(secret)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an administrator says of an identity, and may change."""

    strict: bool = False
    datum: Datum = Datum.WGS84
    badge: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityEntry:
    """An identity as the administrator sees it."""

    protocol: str
    external_id: str
    device_id: str
    kind: str
    model: str
    unit_id: str | None
    call_sign: str | None
    strict: bool
    datum: str
    badge: str | None
    settings: dict[str, Any]
    has_secret: bool
    shows_orders: bool
    created_by: str
    created_at: datetime
    last_seen_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """Where a guest's conversation goes on."""

    admission: int
    """Of this one: the newest that was ever let in; see `stores.devices.Opening`."""
    cursor_seq: int
    settled: frozenset[int]
    newest: Fix | None


_IDENTITY = """
SELECT protocol, external_id, device_id, secret_hash, strict, datum, badge, settings, alarm_ref,
       alarm_said_at, alarm_over_at, device.kind, device.unit_id, device.head_seq,
       (SELECT admission FROM installation
        WHERE installation.device_id = device.id AND install_id = protocol) AS admission,
       device.unit_id IS NULL OR EXISTS (
           SELECT 1 FROM shift WHERE shift.unit_id = device.unit_id AND shift.off_at IS NULL
       ) AS on_duty
FROM device_identity JOIN device ON device.id = device_identity.device_id
WHERE device.disabled_at IS NULL AND
"""

# Identities of enabled devices, by name.
BY_NAME = f"""
{_IDENTITY} (protocol, external_id) IN (SELECT * FROM unnest($1::text[], $2::text[]))
"""  # noqa: S608 (of constants)

# The one whose secret it is, where the secret alone says who somebody is.
BY_TOKEN = f"{_IDENTITY} protocol = $1 AND secret_hash = $2"

# Make this the newest conversation of the guest's installation.
OPEN = """
INSERT INTO installation AS mine
    (device_id, install_id, app, last_seen_at, cursor_seq, caps, admission)
VALUES ($1, $2, $3, $4, $5, $6, (extract(epoch FROM clock_timestamp()) * 1000000)::bigint)
ON CONFLICT (device_id, install_id) DO UPDATE SET
    app = excluded.app, caps = excluded.caps, last_seen_at = excluded.last_seen_at,
    admission = greatest(mine.admission + 1, excluded.admission)
RETURNING cursor_seq, settled, admission, xmax = 0 AS is_new
"""

KNOWN = "SELECT true FROM installation WHERE device_id = $1 AND install_id = $2 FOR UPDATE"

HEAD = "SELECT head_seq FROM device WHERE id = $1"

# By which name a device comes in a protocol, if by any.
NAME_OF = "SELECT external_id FROM device_identity WHERE protocol = $1 AND device_id = $2"

# Only by the newest conversation.
SETTLE = """
UPDATE installation SET cursor_seq = $4, settled = $5, last_seen_at = $6
WHERE device_id = $1 AND install_id = $2 AND admission = $3
"""

# Whoever changes the alarm of an identity holds its row.
HOLD_ALARM = """
SELECT alarm_ref FROM device_identity WHERE protocol = $1 AND external_id = $2 FOR UPDATE
"""

BEGIN_ALARM = """
UPDATE device_identity SET alarm_ref = $3, alarm_said_at = $4
WHERE protocol = $1 AND external_id = $2
"""

ALARM_SAID = """
UPDATE device_identity SET alarm_said_at = $3
WHERE protocol = $1 AND external_id = $2 AND alarm_ref IS NOT NULL
"""

END_ALARM = """
UPDATE device_identity SET alarm_ref = NULL, alarm_said_at = NULL, alarm_over_at = $3
WHERE protocol = $1 AND external_id = $2
"""

LIST = """
SELECT protocol, external_id, device_identity.device_id, device.kind, device.model, device.unit_id,
       call_sign, strict, datum, badge, settings, secret_hash IS NOT NULL AS has_secret,
       takes_orders(device) AS shows_orders,
       device_identity.created_by, device_identity.created_at, last_seen_at
FROM device_identity JOIN device ON device.id = device_identity.device_id
LEFT JOIN unit ON unit.id = device.unit_id
LEFT JOIN installation
    ON installation.device_id = device_identity.device_id AND install_id = protocol
WHERE device.disabled_at IS NULL
  AND ($1::text IS NULL OR protocol = $1) AND ($2::text IS NULL OR external_id = $2)
ORDER BY protocol, external_id LIMIT $3
"""

# No row when somebody goes by that name already.
INSERT = """
INSERT INTO device_identity (protocol, external_id, device_id, secret_hash, strict, datum, badge,
                             settings, created_by, created_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
ON CONFLICT (protocol, external_id) DO NOTHING RETURNING device_id
"""

HOLD = """
SELECT device_id, strict, datum, badge, settings, secret_hash IS NOT NULL AS has_secret
FROM device_identity WHERE protocol = $1 AND external_id = $2 FOR UPDATE
"""

CHANGE = """
UPDATE device_identity SET strict = $3, datum = $4, badge = $5, settings = $6
WHERE protocol = $1 AND external_id = $2
"""

REMOVE = "DELETE FROM device_identity WHERE protocol = $1 AND external_id = $2 RETURNING device_id"

SET_SHOWS_ORDERS = "UPDATE device SET shows_orders = $2 WHERE id = $1"

# A device in service, and its unit.
HOLD_DEVICE = """
SELECT device.unit_id, call_sign FROM device LEFT JOIN unit ON unit.id = device.unit_id
WHERE device.id = $1 AND disabled_at IS NULL FOR UPDATE OF device
"""

SET_UNIT = "UPDATE device SET unit_id = $2 WHERE id = $1"

SET_CODE = """
UPDATE device_identity SET secret_hash = $3 WHERE protocol = $1 AND external_id = $2
"""


async def named(conn: Any, names: Sequence[tuple[str, str]]) -> list[Identity | None]:
    """Who goes by each (protocol, external id); None: nobody, or a device out of service."""
    protocols, ids = [name[0] for name in names], [name[1] for name in names]
    rows = await conn.fetch(BY_NAME, protocols, ids)
    found = {(row["protocol"], row["external_id"]): _identity(row) for row in rows}
    return [found.get(name) for name in names]


async def with_secret(conn: Any, protocol: str, secret: str) -> Identity | None:
    """Whose secret it is."""
    row = await conn.fetchrow(BY_TOKEN, protocol, secret_hash(secret))
    return None if row is None else _identity(row)


async def listed(
    conn: Any, *, protocol: str | None = None, external_id: str | None = None
) -> list[IdentityEntry]:
    """All, or those of a protocol or a name, at most `IDENTITIES_LEN_MAX`."""
    rows = await conn.fetch(LIST, protocol, external_id, IDENTITIES_LEN_MAX)
    return [IdentityEntry(**row) for row in rows]


async def add(
    conn: Any, protocol: str, external_id: str, device_id: str, terms: Terms, *,
    secret: str | None, by: str, at: datetime,
) -> bool:  # fmt: skip
    """False when somebody goes by that name already."""
    row = await conn.fetchval(
        INSERT, protocol, external_id, device_id, None if secret is None else secret_hash(secret),
        terms.strict, terms.datum, terms.badge, terms.settings, by, at,
    )  # fmt: skip
    return row is not None


async def hold(conn: Any, protocol: str, external_id: str) -> tuple[str, Terms] | None:
    """Its device and terms, which nobody else changes until commit; None: nobody goes by that."""
    row = await conn.fetchrow(HOLD, protocol, external_id)
    if row is None:
        return None
    terms = Terms(
        strict=row["strict"],
        datum=Datum(row["datum"]),
        badge=row["badge"],
        settings=row["settings"],
    )
    return row["device_id"], terms


async def change(conn: Any, protocol: str, external_id: str, terms: Terms) -> None:
    await conn.execute(
        CHANGE, protocol, external_id, terms.strict, terms.datum, terms.badge, terms.settings
    )


async def remove(conn: Any, protocol: str, external_id: str) -> str | None:
    """The device that goes by that name no more; None: nobody did."""
    device_id: str | None = await conn.fetchval(REMOVE, protocol, external_id)
    return device_id


async def hold_device(conn: Any, device_id: str) -> tuple[str | None, str | None] | None:
    """Unit and call sign of a device in service; None: there is none."""
    row = await conn.fetchrow(HOLD_DEVICE, device_id)
    return None if row is None else (row["unit_id"], row["call_sign"])


async def name_of(conn: Any, protocol: str, device_id: str) -> str | None:
    """By which name a device comes in a protocol; one at most, or two would be one conversation."""
    name: str | None = await conn.fetchval(NAME_OF, protocol, device_id)
    return name


async def set_unit(conn: Any, device_id: str, unit_id: str) -> None:
    await conn.execute(SET_UNIT, device_id, unit_id)


async def set_shows_orders(conn: Any, device_id: str, shows_orders: bool | None) -> None:
    """Whether orders of its unit go to it; None: as its kind."""
    await conn.execute(SET_SHOWS_ORDERS, device_id, shows_orders)


async def keep_secret(conn: Any, identity: Identity, secret: str) -> None:
    """A new token or authentication code; the former one ends."""
    await conn.execute(SET_CODE, *_name(identity), secret_hash(secret))


async def forget_secret(conn: Any, protocol: str, external_id: str) -> None:
    """It has no token or code any more."""
    await conn.execute(SET_CODE, protocol, external_id, None)


async def open_guest(
    conn: Any, identity: Identity, *, app: str, caps: Sequence[str] = (), now: datetime
) -> Opening:
    """Begin a guest's conversation, in a transaction of the caller.

    One that was never here before begins its log with what is still open. `caps`: what it can do by
    itself, as in a native device's hello.
    """
    device_id, protocol = identity.key
    begin_seq = 0
    if await conn.fetchval(KNOWN, device_id, protocol) is None:
        begin_seq = await conn.fetchval(HEAD, device_id)
        if still_open := await commands.open_for(conn, device_id, now=now):
            begin_seq = still_open[0].seq - 1
    name = app.replace("\0", "")
    row = await conn.fetchrow(OPEN, device_id, protocol, name, now, begin_seq, list(caps))
    if row["is_new"]:
        await conn.execute(PRUNE_INSTALLATIONS, device_id, INSTALLATIONS_PER_DEVICE_MAX)
    newest = await conn.fetchrow(NEWEST, device_id)
    return Opening(
        admission=row["admission"],
        cursor_seq=row["cursor_seq"],
        settled=frozenset(row["settled"]),
        newest=None if newest is None else Fix(**newest),
    )


async def waiting(
    conn: Any, device_id: str, after_seq: int, *, limit: int, now: datetime
) -> list[tuple[Command, bool]]:
    """The next commands of a device's log, each with whether it is still of use."""
    page = await commands.after(conn, device_id, after_seq, limit)
    if not page:
        return []
    open_ids = {command.id for command in await commands.open_for(conn, device_id, now=now)}
    return [(command, command.id in open_ids) for command in page]


async def settle(
    conn: Any,
    identity: Identity,
    *,
    admission: int,
    cursor_seq: int,
    settled: Sequence[int],
    now: datetime,
) -> bool:
    """Remember what needs not be said any more; False when a newer conversation was let in."""
    done: str = await conn.execute(
        SETTLE, *identity.key, admission, cursor_seq, sorted(settled), now
    )
    return done == "UPDATE 1"


async def hold_alarm(conn: Any, identity: Identity) -> str | None:
    """What `alarm_ref` is now; nobody else changes it until commit."""
    ref: str | None = await conn.fetchval(HOLD_ALARM, *_name(identity))
    return ref


async def begin_alarm(conn: Any, identity: Identity, ref: str, *, at: datetime) -> None:
    """Its alarm is on, and has raised this call."""
    await conn.execute(BEGIN_ALARM, *_name(identity), ref, at)


async def alarm_said(conn: Any, identity: Identity, *, at: datetime) -> None:
    """Its alarm is still on."""
    await conn.execute(ALARM_SAID, *_name(identity), at)


async def end_alarm(conn: Any, identity: Identity, *, at: datetime) -> None:
    """Its alarm is off; `at`: the device's time."""
    await conn.execute(END_ALARM, *_name(identity), at)


def _name(identity: Identity) -> tuple[str, str]:
    return identity.protocol, identity.external_id


def _identity(row: Any) -> Identity:
    return Identity(**(dict(row) | {"datum": Datum(row["datum"])}))
