"""Guests on real PostgreSQL: fixes, alarms, answers, commands, and who stands for whom."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from typing import Any

import pytest

from devices.reading import Reading, unix_ms
from devices.session_flow import SessionLimits
from geo.datum import Datum, gcj02_from_wgs84
from protocols.native import Report
from server.gateways.guests.calls import Call, Taken
from server.gateways.guests.guest import RECENT_LEN_MAX, Guest
from server.gateways.guests.letters import Letter
from server.gateways.guests.registry import GuestLimits
from server.gateways.guests.strangerspace import StrangersPace
from server.stores import identities, strangers
from server.stores.away import STORE_AWAY
from server.stores.identities import SETTLED_LEN_MAX, Identity
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_room import Room, enqueue, field_room, issue_order, utc_now
from tests.server.field_rows import add_device, add_identity, store_outage, until

LON, LAT = 104.9, 28.65


@pytest.fixture
async def room(pool: Pool) -> AsyncIterator[Room]:
    async with field_room(pool, guests=GuestLimits(sweep_s=0.05, presence_s=0.1)) as room:
        yield room


@pytest.fixture
async def stack() -> AsyncIterator[AsyncExitStack]:
    async with asyncio.timeout(PATIENCE_S), AsyncExitStack() as stack:
        yield stack


async def identity_of(room: Room, *name: str) -> Identity:
    found = await room.guests.identify(*(name or ("jt808", "000013800000007")))
    assert found is not None
    return found


async def a_guest(room: Room, stack: AsyncExitStack, **identity: Any) -> Guest:
    """Of the device cam-07, connected."""
    if await room.pool.fetchval("SELECT true FROM device WHERE id = 'cam-07'") is None:
        await add_device(room.pool)
    name = await add_identity(room.pool, **identity)
    return await stack.enter_async_context(room.guests.present(await identity_of(room, *name)))


def a_reading(ago_s: float = 0, *, now: datetime | None = None, **values: Any) -> Reading:
    at = (now or utc_now()) - timedelta(seconds=ago_s)
    fields: dict[str, Any] = {"observed_at": at, "lon": LON, "lat": LAT}
    return Reading(**fields | values)


async def letters(guest: Guest, count: int) -> list[Letter]:
    found = [await guest.letters.next() for _ in range(count)]
    return [letter for letter in found if letter is not None]


async def rows(room: Room, query: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await room.pool.fetch(query)]


# -- fixes -----------------------------------------------------------------------------------


async def test_what_is_taken_is_durable_and_shown(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)

    taken = await guest.take(a_reading(battery_pct=63, speed_mps=12.5, charging=True))

    assert taken is Taken.LIVE
    stored = "SELECT device_id, lon, lat, speed_mps, battery_pct, charging, raw_datum FROM position"
    assert await rows(room, stored) == [("cam-07", LON, LAT, 12.5, 63, True, None)]
    assert await room.pool.fetchval("SELECT lon FROM last_position") == LON
    assert [topic for topic, _ in room.said if topic == "fix"] == ["fix"]
    assert room.metrics.value("guest_readings", protocol="jt808", taken="live") == 1


async def test_late_fix_is_history(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)
    await guest.take(a_reading(lat=28.7))

    taken = [
        await guest.take(a_reading(600)),
        await guest.take(a_reading(), history=True),
    ]

    assert taken == [Taken.HISTORY, Taken.HISTORY]
    assert await room.pool.fetchval("SELECT count(*) FROM position") == 3
    assert await room.pool.fetchval("SELECT lat FROM last_position") == 28.7
    assert len([topic for topic, _ in room.said if topic == "fix"]) == 1


async def test_same_fix_is_stored_once_by_two_servers_and_after_a_restart(
    room: Room, pool: Pool, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    reading = a_reading()

    first = [await guest.take(reading), await guest.take(reading)]
    other_room = await stack.enter_async_context(field_room(pool))
    other = await other_room.guests.heard(await identity_of(other_room))
    await asyncio.gather(*(other.take(reading) for _ in range(3)))

    assert first == [Taken.LIVE, Taken.DUPLICATE]
    assert await pool.fetchval("SELECT count(*) FROM position") == 1


async def test_fix_without_a_time_is_never_the_same(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)
    reading = Reading(lon=LON, lat=LAT)

    assert [await guest.take(reading) for _ in range(2)] == [Taken.LIVE, Taken.LIVE]


@pytest.mark.parametrize(
    ("ahead", "taken"),
    [(timedelta(hours=25), Taken.REJECTED), (timedelta(hours=2), Taken.LIVE)],
    ids=["refused", "our time instead"],
)
async def test_time_in_the_future(
    room: Room, stack: AsyncExitStack, ahead: timedelta, taken: Taken
) -> None:
    guest = await a_guest(room, stack)

    assert await guest.take(a_reading(-ahead.total_seconds())) is taken

    newest = await room.pool.fetchval("SELECT max(observed_at) FROM position")
    assert newest is None or newest <= utc_now()


async def test_other_datum_is_converted_and_the_pair_is_kept(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack, datum="gcj02")
    shifted = gcj02_from_wgs84(LON, LAT)

    await guest.take(a_reading(20, lon=shifted[0], lat=shifted[1]))
    await guest.take(a_reading(10, datum=Datum.WGS84))

    stored = "SELECT lon, lat, raw_datum, raw_lon, raw_lat FROM position ORDER BY observed_at"
    first, second = await rows(room, stored)
    assert first[:2] == pytest.approx((LON, LAT), abs=1e-8)
    assert first[2:] == ("gcj02", *shifted)
    assert second == (LON, LAT, None, None, None)


async def test_no_position_moves_no_marker(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)

    taken = [
        await guest.take(Reading(battery_pct=41)),
        await guest.take(a_reading(lon=0.0, lat=0.0)),
        await guest.take(a_reading(lon=float("nan"))),
        await guest.take(a_reading(lat=99.0)),
    ]

    assert taken == [Taken.STATUS, *[Taken.REJECTED] * 3]
    assert guest.battery_pct == 41
    assert '"battery_pct":41' in room.said[-1][1]
    assert await room.pool.fetchval("SELECT count(*) FROM position") == 0


async def test_guest_that_says_too_much_is_slowed(pool: Pool, stack: AsyncExitStack) -> None:
    pace = SessionLimits(frames_per_s_max=0.001, frames_burst_max=3)
    room = await stack.enter_async_context(field_room(pool, guests=GuestLimits(pace=pace)))
    guest = await a_guest(room, stack)
    before = guest.wait_s()
    for _ in range(5):
        await guest.take(Reading())

    assert before == 0
    assert guest.wait_s() > 0
    assert room.metrics.value("guest_throttled", protocol="jt808") == 1


# -- alarms ------------------------------------------------------------------------------------


async def calls(room: Room) -> int:
    count: int = await room.pool.fetchval("SELECT count(*) FROM sos_call")
    return count


async def test_alarm_that_stays_on_calls_once(
    room: Room, pool: Pool, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)

    async def say(guest: Guest, ago_s: float, *, on: bool) -> bool:
        reading = a_reading(ago_s)
        return await guest.alarm(on=on, reading=reading, taken=await guest.take(reading))

    first = [await say(guest, 50, on=True), await say(guest, 40, on=True)]
    async with room.guests.present(await identity_of(room)) as again:
        after_reconnect = await say(again, 30, on=True)
        off, anew = await say(again, 20, on=False), await say(again, 10, on=True)

    assert (first, after_reconnect, off, anew) == ([True, False], False, False, True)
    assert await calls(room) == 2


async def test_late_alarm_does_not_fire(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)
    await guest.take(a_reading())
    old = a_reading(600)

    taken = await guest.take(old)

    assert not await guest.pressed(old, taken)
    assert not await guest.alarm(on=True, reading=old, taken=taken)
    assert await calls(room) == 0
    assert room.metrics.value("guest_alarms_late", protocol="jt808") == 2


async def test_alarm_out_of_a_dead_zone_fires_and_once(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)
    pressed = a_reading(1200)

    assert await guest.pressed(pressed, await guest.take(pressed))
    assert not await guest.pressed(pressed, await guest.take(pressed))
    assert pressed.observed_at is not None
    await guest.call(Call(ref=f"jt808-{unix_ms(pressed.observed_at)}"))

    assert await calls(room) == 1
    lon, at = (await rows(room, "SELECT lon, raised_at FROM sos_call"))[0]
    assert (lon, unix_ms(at)) == (LON, unix_ms(pressed.observed_at))


async def test_what_was_kept_neither_ends_an_alarm_nor_calls_again(
    room: Room, stack: AsyncExitStack
) -> None:
    guest, now = await a_guest(room, stack), utc_now()

    async def say(reading: Reading, *, on: bool, history: bool = False) -> bool:
        taken = await guest.take(reading, history=history)
        return await guest.alarm(on=on, reading=reading, taken=taken)

    indoors = Reading(observed_at=now - timedelta(seconds=80))
    assert await say(a_reading(60, now=now), on=True)
    for kept in (indoors, a_reading(90, now=now)):
        await say(kept, on=False, history=True)
    await say(a_reading(70, now=now), on=False)
    assert not await say(a_reading(50, now=now), on=True)

    await say(a_reading(20, now=now), on=False)
    assert not await say(a_reading(40, now=now), on=True, history=True)
    async with room.guests.present(await identity_of(room)) as again:
        late = a_reading(30, now=now)
        assert not await again.alarm(on=True, reading=late, taken=await again.take(late))

    assert await calls(room) == 1


async def test_call_that_the_store_did_not_take_is_taken_when_said_again(
    room: Room, stack: AsyncExitStack, database_url: str
) -> None:
    guest = await a_guest(room, stack)
    pressed = a_reading(600)
    taken = await guest.take(pressed)
    async with store_outage(database_url):
        with pytest.raises(STORE_AWAY):
            await guest.pressed(pressed, taken)

    assert await guest.pressed(pressed, await guest.take(pressed))
    assert not await guest.pressed(pressed, await guest.take(pressed))
    assert await calls(room) == 1


async def test_alarm_that_nobody_takes_back_lapses(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)

    async def say(guest: Guest) -> bool:
        reading = a_reading()
        taken = await guest.take(reading)
        return await guest.alarm(on=True, reading=reading, taken=taken, lapses=True)

    assert [await say(guest), await say(guest)] == [True, False]
    await room.pool.execute("UPDATE device_identity SET alarm_said_at = now() - interval '1 day'")
    async with room.guests.present(await identity_of(room)) as next_day:
        assert [await say(next_day), await say(next_day)] == [True, False]
    assert await calls(room) == 2


async def test_call_without_a_fix_and_with_nonsense_is_a_call(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack, badge="B-1042")

    await guest.call(Call(ref="a\0b", note="x\0" * 5000, reading=a_reading(lon=0.0, lat=0.0)))

    assert await rows(room, "SELECT lon, ref FROM sos_call") == [(None, "ab")]


# -- orders ---------------------------------------------------------------------------------------


async def order_state(room: Room) -> str:
    state: str = await room.pool.fetchval("SELECT state FROM dispatch_order")
    return state


async def test_order_is_told_received_and_not_told_again(room: Room, stack: AsyncExitStack) -> None:
    await issue_order(room.pool)
    guest = await a_guest(room, stack)
    [letter] = await letters(guest, 1)
    await guest.letters.mark_sent(letter)

    async with room.guests.present(await identity_of(room)) as again:
        [same] = await letters(again, 1)
        outcome = await again.report(same, Report.RECEIVED, settles=True)
        repeated = await again.report(same, Report.RECEIVED, settles=True)

    assert same.id == letter.id
    assert outcome is not None
    assert outcome.applied
    assert repeated is None
    assert guest.closing == "a newer connection took over"
    assert await order_state(room) == "delivered"
    event = "SELECT path, claim FROM order_event WHERE state = 'delivered'"
    assert await rows(room, event) == [("jt808", "")]
    async with room.guests.present(await identity_of(room)) as later:
        async with room.pool.acquire() as conn:
            await enqueue(conn, text="turn back")
        room.fanout.publish("device", "cam-07")
        [new] = await letters(later, 1)
    assert new.body["text"] == "turn back"


async def test_settled_beyond_one_that_is_not_is_remembered(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    async with room.pool.acquire() as conn:
        for text in "abcd":
            await enqueue(conn, text=text)
    room.fanout.publish("device", "cam-07")
    told = await letters(guest, 4)

    await asyncio.gather(guest.letters.settle(told[1]), guest.letters.settle(told[3]))

    assert await rows(room, "SELECT cursor_seq, settled FROM installation") == [(0, [2, 4])]
    async with room.guests.present(await identity_of(room)) as again:
        left = await letters(again, 2)
        assert [each.body["text"] for each in left] == ["a", "c"]
        await again.letters.settle(left[0])
        assert await rows(room, "SELECT cursor_seq, settled FROM installation") == [(2, [4])]
        await again.letters.settle(left[1])
    assert await rows(room, "SELECT cursor_seq, settled FROM installation") == [(4, [])]


async def test_older_conversation_moves_no_cursor(
    room: Room, pool: Pool, stack: AsyncExitStack
) -> None:
    await issue_order(pool)
    guest = await a_guest(room, stack)
    [letter] = await letters(guest, 1)
    other_room = await stack.enter_async_context(field_room(pool))

    async with other_room.guests.present(await identity_of(other_room)):
        with pytest.raises(Exception, match="newer conversation"):
            await guest.report(letter, Report.RECEIVED, settles=True)

    assert await order_state(room) == "issued"


async def test_what_is_over_is_told_as_missed_or_passed_over(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    past = utc_now() - timedelta(minutes=1)
    async with room.pool.acquire() as conn:
        await enqueue(conn, text="old", expires_at=past)
        await enqueue(conn, kind="task", text="missed", expires_at=past)
        await enqueue(conn, text="new")
    room.fanout.publish("device", "cam-07")

    missed, new = await letters(guest, 2)

    assert (missed.missed, missed.kind, missed.body["why"]) == (True, "notice", "expired")
    assert new.body["text"] == "new"
    await guest.report(missed, Report.RECEIVED, settles=True)
    assert await rows(room, "SELECT cursor_seq, settled FROM installation") == [(2, [])]


@pytest.mark.parametrize(
    ("crew", "carrier", "actor", "claim"),
    [
        (("B-1042",), None, "officer:B-1042", "alone"),
        (("B-1042", "B-2"), None, "device:cam-07", "unnamed"),
        (("B-1042", "B-2"), "B-2", "officer:B-2", "carrier"),
        (("B-1042", "B-2"), "B-9", "device:cam-07", "unnamed"),
    ],
    ids=["alone", "two", "carrier", "carrier of another unit"],
)
async def test_answer_without_a_badge_claims_what_is_known(
    room: Room,
    stack: AsyncExitStack,
    crew: tuple[str, ...],
    carrier: str | None,
    actor: str,
    claim: str,
) -> None:
    order = await issue_order(room.pool, badge=crew[0])
    for badge in crew[1:]:
        await room.pool.execute(
            "WITH one AS (INSERT INTO officer (id, badge, name) "
            "VALUES (gen_random_uuid(), $1, $1) RETURNING id) "
            "INSERT INTO unit_officer SELECT id, $2 FROM one",
            badge,
            order.unit_id,
        )
    guest = await a_guest(room, stack, badge=carrier)
    [letter] = await letters(guest, 1)

    outcome = await guest.report(letter, Report.ACCEPTED)

    assert outcome is not None
    assert outcome.why is None
    assert await order_state(room) == "accepted"
    event = "SELECT actor, path, claim FROM order_event WHERE state = 'accepted'"
    assert await rows(room, event) == [(actor, "jt808", claim)]


async def test_nobody_answers_for_a_unit_that_is_not_the_devices(
    room: Room, stack: AsyncExitStack
) -> None:
    await issue_order(room.pool)
    guest = await a_guest(room, stack)
    [letter] = await letters(guest, 1)
    await room.pool.execute("UPDATE device SET unit_id = NULL")

    outcome = await guest.report(letter, Report.ACCEPTED)

    assert outcome is not None
    assert outcome.why == "no_badge"
    assert await order_state(room) == "issued"


async def test_device_that_cannot_show_it_sends_it_the_next_way(
    room: Room, stack: AsyncExitStack
) -> None:
    order = await issue_order(room.pool)
    heard: list[str] = []
    room.fanout.subscribe("next_path", heard.append)
    guest = await a_guest(room, stack)
    [letter] = await letters(guest, 1)

    await guest.report(letter, Report.REFUSED, reason="unsupported", settles=True)

    assert heard == [order.order_id]
    event = "SELECT state, path FROM order_event"
    assert await rows(room, event) == [("undeliverable", "jt808")]


# -- who is here -------------------------------------------------------------------------


async def test_presence_is_renewed_and_ends(room: Room, stack: AsyncExitStack) -> None:
    async with AsyncExitStack() as inner:
        await a_guest(room, inner)
        assert room.guests.online() == [("cam-07", "jt808")]
        await until(lambda: sum('"online":true' in payload for _, payload in room.said) >= 2)

    assert room.guests.online() == []
    assert '"online":false' in room.said[-1][1]


async def test_newer_connection_elsewhere_takes_over(
    room: Room, pool: Pool, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    other_room = await stack.enter_async_context(field_room(pool))
    await stack.enter_async_context(other_room.guests.present(await identity_of(other_room)))

    room.fanout.publish(*[each for each in other_room.said if each[0] == "presence"][-1])

    assert guest.closing == "a newer connection took over"


async def test_newer_connection_elsewhere_takes_over_though_nobody_says_so(
    room: Room, pool: Pool, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    other_room = await stack.enter_async_context(field_room(pool))
    await stack.enter_async_context(other_room.guests.present(await identity_of(other_room)))

    await until(lambda: guest.closing == "a newer connection took over")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE device SET disabled_at = now()",
        "DELETE FROM device_identity",
    ],
)
async def test_who_is_not_ours_any_more_is_sent_away(
    room: Room, stack: AsyncExitStack, change: str
) -> None:
    guest = await a_guest(room, stack)

    await room.pool.execute(change)

    await until(lambda: guest.closing != "")
    await room.guests.sweep()  # it has not left yet
    assert room.metrics.value("guest_revoked", protocol="jt808") == 1
    assert await guest.letters.next() is None
    assert await room.guests.identify("jt808", "000013800000007") is None


async def test_changed_identity_holds_within_a_sweep(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack)

    await room.pool.execute("UPDATE device_identity SET datum = 'gcj02', badge = 'B-7'")

    await until(lambda: guest.identity.datum is Datum.GCJ02)
    assert guest.identity.badge == "B-7"


async def test_stopping_server_sends_guests_away(room: Room, stack: AsyncExitStack) -> None:
    await add_device(room.pool)
    identity = await identity_of(room, *await add_identity(room.pool))
    left = asyncio.Event()

    async def stay() -> str:
        async with room.guests.present(identity, on_close=left.set) as guest:
            await left.wait()
            return guest.closing

    staying = asyncio.create_task(stay())
    await until(lambda: room.guests.online() != [])
    await room.guests.drain()

    assert await staying == "the server is stopping"
    async with room.guests.present(identity) as late:
        assert late.closing == "the server is stopping"


async def test_secret_is_checked_and_replaced(room: Room, stack: AsyncExitStack) -> None:
    guest = await a_guest(room, stack, secret="first")

    await room.guests.keep_secret(guest.identity, "second")

    now = await identity_of(room)
    assert (now.has_secret("first"), now.has_secret("second")) == (False, True)


# -- strangers ----------------------------------------------------------------------------


async def test_stranger_is_written_down_once_in_a_while(room: Room) -> None:
    for _ in range(3):
        await room.guests.stranger("jt808", "0138", address="10.0.0.7", said={"plate": "川A\0"})

    listed = await strangers.listed(room.pool, dismissed=False)

    assert [(each.external_id, each.count, each.said) for each in listed] == [
        ("0138", 1, {"plate": "川A"})
    ]
    assert room.metrics.value("guest_strangers", protocol="jt808") == 3


async def test_many_strangers_are_counted_and_not_written(pool: Pool) -> None:
    pace = SessionLimits(frames_per_s_max=0.001, frames_burst_max=20)
    async with field_room(pool, guests=GuestLimits(strangers_pace=pace)) as room:
        for number in range(30):
            await room.guests.stranger("jt808", f"{number}", address=f"10.0.0.{number}")

        assert room.metrics.value("guest_strangers_unwritten", protocol="jt808") == 9
        assert len(await strangers.listed(pool, dismissed=False)) == 21, "the last on credit"


async def test_flood_of_one_address_hides_no_newcomer_of_another(pool: Pool) -> None:
    async with field_room(pool) as room:
        for number in range(2 * room.guests.limits.strangers_pace.frames_burst_max):
            await room.guests.stranger("jt808", f"{number}", address="10.0.0.7")
        await room.guests.stranger("jt808", "newcomer", address="10.0.0.8")

        listed = await strangers.listed(pool, dismissed=False)
        assert "newcomer" in [each.external_id for each in listed]


def test_only_so_many_addresses_keep_a_pace() -> None:
    one = SessionLimits(frames_per_s_max=1, frames_burst_max=1)
    pace = StrangersPace(
        SessionLimits(frames_per_s_max=1, frames_burst_max=100), one, addresses_max=2
    )

    assert [pace.spend(address, 0.0) for address in "aaaab"] == [True, True, False, False, True]
    assert pace.spend("c", 0.0)
    assert pace.spend("a", 0.0), "it was forgotten, and begins anew"
    assert len(pace) == 2


async def test_list_of_strangers_is_bounded_and_dismissed_ones_go_first(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO unknown_device (protocol, external_id, first_seen_at, last_seen_at) "
        "SELECT 'jt808', number::text, now(), now() + number * interval '1 second' "
        "FROM generate_series(1, $1) AS number",
        strangers.UNKNOWN_LEN_MAX,
    )
    await strangers.dismiss(pool, "jt808", "400", by="user:a", at=utc_now())

    async with pool.acquire() as conn, conn.transaction():
        await strangers.note(conn, "tak", "new", address="", said={}, at=utc_now())

    assert await pool.fetchval("SELECT count(*) FROM unknown_device") == strangers.UNKNOWN_LEN_MAX
    gone = "SELECT count(*) FROM unknown_device WHERE external_id IN ('400')"
    assert await pool.fetchval(gone) == 0


async def test_full_list_drops_the_oldest_of_the_address_with_the_most(pool: Pool) -> None:
    await pool.execute(
        "INSERT INTO unknown_device "
        "(protocol, external_id, first_seen_at, last_seen_at, address) "
        "SELECT 'jt808', number::text, now(), now() + number * interval '1 second', "
        "CASE WHEN number <= 3 THEN '10.0.0.8' ELSE '10.0.0.7' END "
        "FROM generate_series(1, $1) AS number",
        strangers.UNKNOWN_LEN_MAX,
    )

    async with pool.acquire() as conn, conn.transaction():
        await strangers.note(conn, "tak", "new", address="10.0.0.7", said={}, at=utc_now())

    kept = {each.external_id for each in await strangers.listed(pool, dismissed=False)}
    assert len(kept) == strangers.UNKNOWN_LEN_MAX
    assert {"1", "2", "3"} <= kept


async def test_dismissed_stranger_is_told_apart(room: Room) -> None:
    assert not await room.guests.stranger("osmand", "x", address="")
    await strangers.dismiss(room.pool, "osmand", "x", by="user:a", at=utc_now())
    room.fanout.publish("identity", "")

    assert await room.guests.stranger("osmand", "x", address="")


async def test_names_no_table_takes_are_nobodys(room: Room) -> None:
    for name in ("", "x" * 200, "a\0b"):
        assert await room.guests.identify("jt808", name) is None
    assert await identities.named(room.pool, [("jt808", "nobody")]) == [None]


# -- what is full ------------------------------------------------------------------------------


async def test_no_more_is_given_out_than_may_be_under_way(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    async with room.pool.acquire() as conn:
        for _ in range(SETTLED_LEN_MAX + 1):
            await enqueue(conn)
    room.fanout.publish("device", "cam-07")
    told = await letters(guest, SETTLED_LEN_MAX)

    following = asyncio.create_task(guest.letters.next())
    await asyncio.sleep(0)
    assert not following.done()
    await guest.letters.settle(told[-1])
    letter = await following

    assert letter is not None
    assert letter.seq == SETTLED_LEN_MAX + 1


async def test_guest_unheard_for_longest_is_forgotten(pool: Pool) -> None:
    async with field_room(pool, guests=GuestLimits(heard_len_max=2)) as room:
        found = []
        for number in range(3):
            await add_device(pool, f"phone-{number}", kind="handset")
            name = await add_identity(
                pool,
                f"phone-{number}",
                protocol="osmand",
                external_id=f"{number}",
                secret=f"{number}",
            )
            assert await room.guests.with_secret("osmand", f"{number}") is not None
            found.append(await room.guests.heard(await identity_of(room, *name)))

        again = [await room.guests.heard(each.identity) for each in found[1:]]

        assert again == found[1:]
        assert await room.guests.heard(found[0].identity) is not found[0]


async def test_recent_fixes_are_remembered_up_to_a_number(
    room: Room, stack: AsyncExitStack
) -> None:
    """Older ones are told by the store."""
    guest = await a_guest(room, stack)
    old = a_reading(3600)
    await guest.take(old)
    assert await guest.take(old) is Taken.DUPLICATE
    async with asyncio.TaskGroup() as group:
        for number in range(RECENT_LEN_MAX):
            group.create_task(guest.take(a_reading(3000 - number)))

    assert await guest.take(old) is Taken.HISTORY
    assert await room.pool.fetchval("SELECT count(*) FROM position") == 1 + RECENT_LEN_MAX


async def test_same_fix_of_a_clock_that_is_ahead_is_known_after_a_reconnect(
    room: Room, stack: AsyncExitStack
) -> None:
    guest = await a_guest(room, stack)
    reading = a_reading(-300)
    await guest.take(reading)

    async with room.guests.present(await identity_of(room)) as again:
        assert await again.take(reading) is Taken.DUPLICATE


async def test_store_that_is_away_costs_no_command(
    room: Room, pool: Pool, stack: AsyncExitStack, database_url: str
) -> None:
    await issue_order(pool)
    identity = await identity_of(room, *await add_identity(pool))
    guest = await stack.enter_async_context(room.guests.present(identity))
    async with store_outage(database_url):
        told = asyncio.create_task(letters(guest, 1))
        await until(lambda: room.metrics.value("guest_store_failures") >= 1)

    [letter] = await told
    assert letter.kind == "task"
