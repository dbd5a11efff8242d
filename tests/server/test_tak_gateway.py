"""TAK clients at their port: whom it lets in, what they see, what of them is kept."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from devices.reading import Reading
from devices.tak.naming import ROOM, uid_of_help, uid_of_incident, uid_of_unit
from protocols.cot import alerts, chat, control
from protocols.cot.chat import Destination
from protocols.cot.event import Event, Point
from server.gateways.guests.calls import Call
from server.stores.pool import Pool
from server.tak import certificates
from tests.server.field_room import utc_now
from tests.server.field_rows import add_device, add_identity, add_unit, until
from tests.server.tak_room import LAT, LON, UID, TakHouse, a_report, tak_house


@pytest.fixture
async def house(
    pool: Pool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[TakHouse]:
    async with tak_house(pool, tmp_path, monkeypatch) as house:
        yield house


def is_of(uid: str, event: Event) -> bool:
    return event.uid == uid


async def a_unit_with_tak(house: TakHouse, uid: str = UID) -> str:
    unit_id = await add_unit(house.pool, "P-07", badge="0107")
    await add_device(house.pool, "tak-0107", kind="handset", unit_id=unit_id)
    await add_identity(house.pool, "tak-0107", protocol="tak", external_id=uid)
    house.board.refresh(unit_id)
    await until(lambda: house.board.unit(unit_id) is not None)
    return unit_id


async def test_a_certified_client_is_answered_and_its_position_is_its_units(
    house: TakHouse,
) -> None:
    unit_id = await a_unit_with_tak(house)
    issued = await house.certify()

    async with house.peer(issued) as peer:
        offer = await peer.hear(lambda event: event.type == control.VERSIONS)
        await peer.say(control.ping(UID, utc_now()))
        await peer.hear(lambda event: event.type == control.PONG)
        await peer.report(battery_pct=41)
        row = await house.row_appears("SELECT lon, lat, battery_pct, speed_mps FROM last_position")
        await until(lambda: any(u.position and u.devices[0].online for u in house.board.units()))

    assert control.offered_versions(offer) == [1]
    assert tuple(row) == (LON, LAT, 41, 3.5)
    unit = house.board.unit(unit_id)
    assert unit is not None
    assert unit.position is not None
    assert unit.devices[0].battery_pct == 41
    bound = await house.pool.fetchval("SELECT uid FROM tak_certificate")
    assert bound == UID


async def test_who_sees_the_county_there_is_in_the_log(house: TakHouse) -> None:
    issued = await house.certify()

    async with house.peer(issued) as peer:
        await peer.hear(lambda event: event.type == control.VERSIONS)

    looked = "SELECT actor FROM journal_entry WHERE kind = 'access.map_opened'"
    assert [row["actor"] for row in await house.pool.fetch(looked)] == ["user:li"]


async def test_who_connects_sees_the_room_and_every_unit_with_its_battery(
    house: TakHouse,
) -> None:
    unit_id = await a_unit_with_tak(house)
    first = await house.certify("li")
    second = await house.certify("wang")

    async with house.peer(first) as one:
        await one.report(battery_pct=41)
        await until(lambda: house.board.units()[0].position is not None)
        async with house.peer(second, uid="ANDROID-2", callsign="wang") as other:
            room = await other.hear(lambda event: event.uid == ROOM)
            unit = await other.hear(lambda event: event.uid == uid_of_unit(unit_id))
            client = await other.hear(lambda event: event.uid == UID)
            await other.report()
            await one.hear(lambda event: event.uid == "ANDROID-2")

        gone = await one.hear(lambda event: event.type == control.DELETE)

    assert room.said("contact", "endpoint")
    assert unit.said("status", "battery") == client.said("status", "battery") == "41"
    assert unit.said("contact", "callsign") == "P-07"
    assert (unit.point.lon, unit.point.lat) == (LON, LAT)
    assert unit.stale_at - unit.time_at >= timedelta(minutes=3)
    assert control.deleted_uids(gone) == ["ANDROID-2"]
    assert not [event for event in one.heard if event.uid == uid_of_unit(unit_id)]


async def test_a_client_that_is_nobodys_device_is_on_the_list_until_it_is_given_one(
    house: TakHouse,
) -> None:
    issued = await house.certify("li")

    async with house.peer(issued) as peer:
        await peer.report()
        row = await house.row_appears("SELECT external_id, said FROM unknown_device")
        assert row["external_id"] == UID
        assert row["said"]["user"] == "li"
        await a_unit_with_tak(house)
        await peer.report(lon=LON + 0.001)
        await house.row_appears("SELECT true FROM last_position")


async def test_an_incident_is_a_marker_until_it_is_closed(house: TakHouse) -> None:
    order = await house.order()
    house.room.fanout.publish("incident", order.incident_id)
    issued = await house.certify()

    async with house.peer(issued) as peer:
        marker = await peer.hear(lambda event: event.uid == uid_of_incident(order.incident_id))
        await house.pool.execute("UPDATE incident SET status = 'closed', closed_at = now()")
        house.room.fanout.publish("incident", order.incident_id)
        gone = await peer.hear(lambda event: event.type == control.DELETE)

    assert (marker.point.lon, marker.point.lat) == (100.2, 27.5)
    assert control.deleted_uids(gone) == [uid_of_incident(order.incident_id)]


# -- certificates ---------------------------------------------------------------------------


async def test_a_revoked_certificate_ends_the_connection_and_opens_no_other(
    house: TakHouse,
) -> None:
    issued = await house.certify()
    async with house.peer(issued) as peer:
        await peer.hear(lambda event: event.type == control.VERSIONS)

        await certificates.revoke(house.pool, issued.serial, by="test", now=utc_now())

        await peer.closed()
    async with house.peer(issued) as again:
        await again.closed()
    assert again.heard == []
    assert house.room.metrics.value("tak_certificates_refused") == 1


async def test_the_end_of_a_certificate_is_told_in_time(house: TakHouse) -> None:
    issued = await house.certify()
    await house.pool.execute(
        "UPDATE tak_certificate SET expires_at = $1", utc_now() + timedelta(days=12, hours=1)
    )

    async with house.peer(issued) as peer:
        await peer.report()
        told = await peer.line()

    assert "12天后到期" in told.text


async def test_nobody_speaks_as_another_user(house: TakHouse) -> None:
    mine, other = await house.certify("li"), await house.certify("wang")

    async with house.peer(mine) as owner, house.peer(other) as thief:
        await owner.report(battery_pct=41)
        await house.row_appears("SELECT true FROM tak_certificate WHERE uid <> ''")
        await thief.report(battery_pct=1)
        await thief.say(control.ping(UID, utc_now()))
        await thief.hear(lambda event: event.type == control.PONG)
        await until(lambda: house.room.metrics.value("tak_refused") == 1)
        await owner.report(battery_pct=40)
        told = await thief.hear(lambda event: event.said("status", "battery") == "40")

    assert told.uid == UID
    uids = await house.pool.fetch(
        "SELECT username, uid FROM tak_certificate JOIN app_user "
        "ON app_user.id = user_id ORDER BY username"
    )
    assert [tuple(row) for row in uids] == [("li", UID), ("wang", "")]


async def test_nobody_goes_by_the_name_of_the_room_or_of_somebody_else(house: TakHouse) -> None:
    mine, other = await house.certify("li"), await house.certify("wang")
    async with (
        house.peer(mine, uid="A-li", callsign="Heron 7") as li,
        house.peer(other, uid="A-wang", callsign="指挥 中心") as wang,
    ):
        await li.report()
        await wang.hear(partial(is_of, "A-li"))
        await wang.report()
        told = await wang.line(lambda line: "指挥 中心" in line.text)
        seen = [(await li.hear(partial(is_of, "A-wang"))).said("contact", "callsign")]
        await wang.write("go home", "A-li")
        order = await li.line()
        for each in ("HERON７ ", "li", "Heron 8"):
            wang.callsign = each
            await wang.report()
            seen.append((await li.hear(partial(is_of, "A-wang"))).said("contact", "callsign"))
        help_wanted = alerts.write_emergency(
            "A-wang", "Heron 7", at=utc_now(), valid=timedelta(hours=1)
        )
        await wang.say(help_wanted)
        alert = await li.hear(alerts.is_emergency)

    assert (told.sender_uid, "wang" in told.text) == (ROOM, True)
    assert seen == ["wang", "wang", "wang", "Heron 8"]
    assert (order.sender_uid, order.sender_callsign) == ("A-wang", "wang")
    said = alerts.read_emergency(alert)
    assert said is not None
    assert (said.callsign, alert.said("contact", "callsign")) == ("wang", "wang-Alert")
    assert house.room.metrics.value("tak_callsigns_corrected") == 5


async def test_a_name_is_free_once_nobody_goes_by_it(house: TakHouse) -> None:
    room = house.port.room
    for uid, callsign in (("A-1", "Heron"), ("A-1", "Egret"), ("A-2", "Heron")):
        room.spread(a_report(uid, callsign), sender=uid, owner=uid, position=True)

    assert room.callsign_of("A-3", "heron") == "A-3"
    assert room.callsign_of("A-2", "heron") == "heron"
    room.expire(utc_now() + timedelta(hours=1))
    assert room.callsign_of("A-3", "heron") == "heron"
    assert room.callsign_of("指挥中心", "指挥中心") == "TAK 指挥中心"


async def test_a_certificate_for_one_uid_speaks_as_no_other(house: TakHouse) -> None:
    issued = await house.certify(uid="ANDROID-9")

    async with house.peer(issued, uid="ANDROID-8") as peer:
        await peer.report()
        await until(lambda: house.room.metrics.value("tak_refused") == 1)

    assert await house.pool.fetchval("SELECT count(*) FROM unknown_device") == 0


# -- what they say to each other ------------------------------------------------------------


async def test_chat_goes_to_whom_it_is_for_and_to_nobody_else(house: TakHouse) -> None:
    names = {"li": "Cyan", "wang": "Cyan", "zhao": "Red"}
    issued = {name: await house.certify(name) for name in names}
    async with (
        house.peer(issued["li"], uid="A-li", callsign="li") as li,
        house.peer(issued["wang"], uid="A-wang", callsign="wang") as wang,
        house.peer(issued["zhao"], uid="A-zhao", callsign="zhao") as zhao,
    ):
        for peer in (li, wang, zhao):
            await peer.report(team=names[peer.callsign])
        for uid in ("A-wang", "A-zhao"):
            await li.hear(partial(is_of, uid))

        await li.write("to wang", "A-wang")
        await li.write("to the red", "Red", parent=chat.TEAM_PARENT, room="Red")
        await li.write("named", "nobody", destinations=(Destination(callsign="wang"),))
        await li.write("to all", chat.EVERYONE, room=chat.EVERYONE)

        assert [(await wang.line()).text for _ in range(3)] == ["to wang", "named", "to all"]
        assert [(await zhao.line()).text for _ in range(2)] == ["to the red", "to all"]
        assert not [event for event in li.heard if event.type == chat.CHAT]


async def test_a_thing_on_the_map_is_its_makers(house: TakHouse) -> None:
    mine, other = await house.certify("li"), await house.certify("wang")
    marker = alerts.write_marker(
        "thing-1",
        "roadblock",
        point=Point(lon=LON, lat=LAT),
        author_uid=UID,
        at=utc_now(),
        valid=timedelta(hours=1),
    )
    async with house.peer(mine) as maker, house.peer(other, uid="ANDROID-2") as thief:
        await maker.report()
        await thief.report()
        await maker.say(marker)
        await thief.hear(lambda event: event.uid == "thing-1")

        await thief.say(control.deleted("thing-1", utc_now()))
        await until(lambda: house.room.metrics.value("tak_refused") == 1)

        async with house.peer(await house.certify("zhao"), uid="ANDROID-3") as late:
            await late.hear(lambda event: event.uid == "thing-1")
        await maker.say(control.deleted("thing-1", utc_now()))
        gone = await thief.hear(
            lambda event: event.type == control.DELETE and "thing-1" in control.deleted_uids(event)
        )

    assert gone.find("__forcedelete") is not None


# -- help -----------------------------------------------------------------------------------


async def test_a_call_for_help_is_ours_once_and_can_be_taken_back(house: TakHouse) -> None:
    await a_unit_with_tak(house)
    issued = await house.certify("li", badge="0107")
    watcher = await house.certify("wang")

    def alert(*, on: bool) -> Event:
        write = alerts.write_emergency if on else alerts.cancel_emergency
        point = Point(lon=LON, lat=LAT)
        return write(UID, "li", point=point, at=utc_now(), valid=timedelta(minutes=1))

    async with house.peer(issued) as peer, house.peer(watcher, uid="ANDROID-2") as other:
        await other.report()
        await peer.report()
        for _ in range(3):
            await peer.say(alert(on=True))
        await peer.line(lambda message: "求助" in message.text)
        await other.hear(lambda event: event.type == alerts.Alert.HELP)
        await peer.say(alert(on=False))
        await peer.line(lambda message: "撤回" in message.text)
        await other.hear(lambda event: event.type == alerts.CANCEL)

    calls = await house.pool.fetch("SELECT badge, lon, lat, withdrawn_at FROM sos_call")
    assert [tuple(row)[:3] for row in calls] == [("0107", LON, LAT)]
    assert calls[0]["withdrawn_at"] is not None


async def test_a_call_for_help_of_any_device_is_an_alert_until_its_incident_is_closed(
    house: TakHouse,
) -> None:
    issued = await house.certify()
    unit_id = await add_unit(house.pool, "P-08", badge="0108")
    await add_device(house.pool, "cam-08", unit_id=unit_id)
    await add_identity(house.pool, "cam-08", external_id="000013800000008")
    identity = await house.room.guests.identify("jt808", "000013800000008")
    assert identity is not None
    async with house.peer(issued) as peer:
        await peer.hear(lambda event: event.type == control.VERSIONS)
        guest = await house.room.guests.heard(identity)
        reading = Reading(observed_at=utc_now(), lon=LON, lat=LAT)
        await guest.call(Call(ref="c1", at=utc_now(), reading=reading))
        call_id = str(await house.pool.fetchval("SELECT id FROM sos_call"))

        raised = await peer.hear(lambda event: event.uid == uid_of_help(call_id))
        await house.pool.execute("UPDATE incident SET status = 'closed', closed_at = now()")
        house.room.fanout.publish("sos", call_id)
        over = await peer.hear(
            lambda event: event.uid == uid_of_help(call_id) and event.type == alerts.CANCEL
        )

    assert raised.type == alerts.Alert.HELP
    said = alerts.read_emergency(raised)
    assert said is not None
    assert said.callsign.startswith("P-08")
    assert over.point == raised.point


async def test_a_call_for_help_of_nobodys_device_waits_in_the_inbox(house: TakHouse) -> None:
    issued = await house.certify()
    async with house.peer(issued) as peer:
        await peer.report()
        event = alerts.write_emergency(
            UID, "li", point=Point(lon=LON, lat=LAT), at=utc_now(), valid=timedelta(minutes=1)
        )
        await peer.say(event, event)
        row = await house.row_appears("SELECT urgency, lon, lat FROM intake")
        await peer.say(control.ping(UID, utc_now()))
        await peer.hear(lambda heard: heard.type == control.PONG)
    async with house.peer(issued) as again:
        await again.report(lat=LAT + 0.001)
        await again.say(event)
        await again.write("all of it was heard")
        await house.row_appears("SELECT id FROM intake WHERE urgency = 'routine'")

    assert tuple(row) == ("emergency", LON, LAT)
    called = await house.pool.fetchval("SELECT count(*) FROM intake WHERE urgency = 'emergency'")
    assert called == 1


async def test_a_call_that_the_inbox_refused_is_taken_when_it_comes_again(
    house: TakHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with house.peer(await house.certify()) as peer:
        await peer.report()
        event = alerts.write_emergency(
            UID, "li", point=Point(lon=LON, lat=LAT), at=utc_now(), valid=timedelta(minutes=1)
        )
        monkeypatch.setattr("server.intakedesk.OPEN_LEN_MAX", 0)
        await peer.say(event)
        await until(lambda: house.room.metrics.value("tak_inbox_refused") == 1)
        monkeypatch.undo()
        await peer.say(event)
        row = await house.row_appears("SELECT urgency FROM intake")

    assert row["urgency"] == "emergency"


async def test_a_client_that_is_here_twice_is_heard_once(house: TakHouse) -> None:
    await a_unit_with_tak(house)
    issued = await house.certify()

    async with house.peer(issued) as older:
        await older.report()
        await house.row_appears("SELECT true FROM last_position")
        async with house.peer(issued) as newer:
            await newer.say(a_report(ago_s=-1))
            await older.closed()
            await newer.say(control.ping(UID, utc_now()))
            await newer.hear(lambda event: event.type == control.PONG)
