"""Dead zones on real PostgreSQL: from drives whose fixes came late to what a driver is told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import pytest

from geo.radio.evidence import PASSAGES_MIN, Outlook
from geo.roadmap import RoadMap
from server.classroom import Classroom
from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.drivematcher import DriveMatcher
from server.learningdesk import last_night
from server.stores import deadzones as store
from server.stores import drives
from server.surveyor import Surveyor
from server.zonedesk import CHANGED, VERSION_S, ZoneDesk
from tests.server.dispatch_room import LoudFanOut
from tests.server.learning_rows import Drivers

BY = "user:wang"
GORGE = (0.35, 0.65)
"""Of the trunk road, some 9 km long."""


@dataclass
class Radio:
    """A desk with its matcher, drivers and clock."""

    pool: Any
    roadmap: RoadMap
    classroom: Classroom
    surveyor: Surveyor
    drivers: Drivers
    matcher: DriveMatcher
    clock: list[datetime]

    def desk(self) -> ZoneDesk:
        """As another process would have it."""
        return ZoneDesk(
            pool=self.pool,
            fanout=LoudFanOut(),
            classroom=self.classroom,
            surveyor=self.surveyor,
            roadmap=self.roadmap,
            clock=lambda: self.clock[0],
        )

    async def drive(self, times: int, silent: tuple[float, float] = GORGE) -> None:
        for _ in range(times):
            await self.drivers.drive(self.drivers.way(), silent=silent)
        await self.matcher.match_waiting()

    async def witness(self) -> None:
        """Another unit is heard all the time."""
        now = datetime.now(UTC)
        await self.drivers.stand_by("witness", now - timedelta(hours=2), now - timedelta(hours=1))

    async def kinds(self) -> list[str]:
        rows = await self.pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
        return [row["kind"] for row in rows]


@pytest.fixture
async def radio(pool: Any, small_map: RoadMap) -> AsyncIterator[Radio]:
    classroom, surveyor = Classroom(small_map), Surveyor(small_map)
    clock = [last_night(datetime.now(UTC)) + timedelta(days=1, hours=12)]  # no night is near
    matcher = DriveMatcher(
        pool=pool,
        roadmap=small_map,
        classroom=classroom,
        surveyor=surveyor,
        clock=lambda: clock[0],
    )
    drivers = Drivers(pool, small_map)
    await drivers.enrol()
    yield Radio(pool, small_map, classroom, surveyor, drivers, matcher, clock)
    await classroom.close()
    await surveyor.close()


async def refused(step: Any) -> tuple[type[DispatchError], str]:
    with pytest.raises(DispatchError) as caught:
        await step
    return type(caught.value), caught.value.code


async def test_silent_passages_become_a_zone_with_road_and_kilometres(radio: Radio) -> None:
    desk = radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)

    row = await desk.learn_new()

    assert row is not None
    assert (row.created_by, row.reason, row.drives) == ("system", CHANGED, PASSAGES_MIN)
    (named,) = desk.picture.zones
    assert (named.standing, named.zone.passages) == ("learned", PASSAGES_MIN)
    assert named.place["en"].startswith("G320 km ")
    assert named.place["zh"].endswith(" 公里")
    assert len(named.doors) == 2
    way = radio.drivers.way()
    length_m = sum(
        radio.roadmap.edge_length_m[leg.edge] * abs(leg.end - leg.start) for leg in way.legs
    )
    assert named.zone.length_m == pytest.approx((GORGE[1] - GORGE[0]) * length_m, abs=700.0)
    assert await radio.kinds() == ["dead_zones.learned", "dead_zones.activated"]


async def test_nothing_is_learned_where_nobody_else_was_heard(radio: Radio) -> None:
    desk = radio.desk()
    await radio.drive(PASSAGES_MIN)

    await desk.learn_new()

    assert (
        await radio.pool.fetchval("SELECT bool_or(s) FROM radio_drive, unnest(silent) s")
        is not True
    )
    assert desk.picture.zones == ()


async def test_a_version_is_added_only_for_other_roads_and_not_too_often(radio: Radio) -> None:
    desk = radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)
    first = await desk.learn_new()
    assert first is not None

    assert await desk.learn_new() is None  # no drive came
    await radio.drive(1)
    assert await desk.learn_new() is None  # too soon
    radio.clock[0] = first.created_at + timedelta(seconds=VERSION_S)
    assert await desk.learn_new() is None  # the same roads

    radio.clock[0] = last_night(first.created_at) + timedelta(days=1, hours=1)
    nightly = await desk.learn_new()

    assert nightly is not None
    assert (nightly.reason, nightly.drives) == ("nightly", PASSAGES_MIN + 1)
    assert desk.picture.zones[0].zone.passages == PASSAGES_MIN + 1


async def test_a_version_can_be_set_aside_and_brought_back_in_every_process(radio: Radio) -> None:
    desk, other = radio.desk(), radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)
    row = await desk.learn(by=BY, reason="first")
    await other.catch_up()
    assert [each.zone.id for each in other.picture.zones] == [
        each.zone.id for each in desk.picture.zones
    ]

    await desk.activate(None, by=BY, reason="masts were down")
    await other.catch_up()
    assert (other.picture.zones, other.picture.version) == ((), None)
    assert not other.picture.dead.any()

    await other.activate(row.version, by=BY, reason="no, they were not")
    assert len(other.picture.zones) == 1
    assert await radio.kinds() == [
        "dead_zones.learned",
        "dead_zones.activated",
        "dead_zones.set_aside",
        "dead_zones.activated",
    ]
    assert (await desk.overview()).active is not None
    assert await refused(desk.activate(row.version, by=BY, reason="x")) == (Conflict, "in_force")
    assert await refused(desk.activate(99, by=BY, reason="x")) == (NotFound, "not_found")
    assert await refused(desk.activate(None, by=BY, reason=" ")) == (Impossible, "no_reason")


async def test_what_a_person_set_aside_stays_so_when_more_is_learned(radio: Radio) -> None:
    desk = radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)
    await desk.learn(by=BY, reason="first")
    await desk.activate(None, by=BY, reason="not now")
    radio.clock[0] += timedelta(seconds=VERSION_S)
    await radio.drive(PASSAGES_MIN, silent=(0.1, 0.9))

    assert await desk.learn_new() is not None

    assert desk.picture.zones == ()


async def test_a_person_dismisses_a_zone_confirms_it_and_takes_the_word_back(radio: Radio) -> None:
    desk = radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)
    await desk.learn(by=BY, reason="first")
    number = desk.picture.zones[0].zone.id

    await desk.judge(number, "dismissed", by=BY, reason="a mast was built")

    assert not desk.picture.dead.any()
    (named,) = desk.picture.zones
    assert named.standing == "dismissed"
    await desk.judge(number, "confirmed", by=BY, reason="the mast is broken")
    assert desk.picture.zones[0].standing == "confirmed"
    await desk.activate(None, by=BY, reason="only what people say")
    assert desk.picture.zone(number) is not None
    await desk.judge(number, "withdrawn", by=BY, reason="mended")
    assert desk.picture.zones == ()
    assert (await radio.kinds())[2:] == [
        "dead_zones.dismissed",
        "dead_zones.confirmed",
        "dead_zones.set_aside",
        "dead_zones.withdrawn",
    ]
    assert await refused(desk.judge(number, "confirmed", by=BY, reason="x")) == (
        NotFound,
        "not_found",
    )


async def test_of_too_many_words_of_people_the_newest_count(
    radio: Radio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store, "VERDICTS_MAX", 1)
    desk = radio.desk()
    async with radio.pool.acquire() as conn:
        for piece in (3, 9):
            await store.insert_verdict(
                conn,
                "confirmed",
                [piece],
                map_id=radio.roadmap.meta.map_id,
                at=radio.clock[0],
                by=BY,
                reason="known",
            )

    await desk.catch_up()

    assert [each.zone.id for each in desk.picture.zones] == [9]


async def test_what_was_said_and_learned_cannot_be_changed(radio: Radio) -> None:
    desk = radio.desk()
    await radio.witness()
    await radio.drive(PASSAGES_MIN)
    await desk.learn(by=BY, reason="first")

    for table in ("dead_zone_version", "dead_zone_activation", "dead_zone_verdict"):
        with pytest.raises(asyncpg.PostgresError):
            await radio.pool.execute(f"DELETE FROM {table}")


async def test_without_drives_there_is_nothing_to_learn(radio: Radio) -> None:
    desk = radio.desk()

    assert await desk.learn_new() is None
    assert await refused(desk.learn(by=BY, reason="try")) == (Conflict, "no_drives")


async def test_what_a_drive_said_goes_with_the_drive(radio: Radio) -> None:
    await radio.drive(1)
    assert await radio.pool.fetchval("SELECT count(*) FROM radio_drive") == 1

    async with radio.pool.acquire() as conn:
        await drives.forget(conn, radio.clock[0] + drives.KEPT)

    assert await radio.pool.fetchval("SELECT count(*) FROM radio_drive") == 0


def test_what_is_known_survives_packing() -> None:
    rng = np.random.default_rng(3)
    passages = rng.integers(0, 3, 400).astype(np.int32) * np.repeat(rng.random(200) < 0.3, 2)
    outlook = Outlook(
        silent_share=(rng.random(400) * (passages > 0)).astype(np.float32),
        passages=passages.astype(np.int32),
        silences=(passages // 2).astype(np.int32),
    )

    found = store.unpack(store.pack(outlook))

    for name in ("silent_share", "passages", "silences"):
        assert np.array_equal(getattr(found, name), getattr(outlook, name))


@pytest.mark.parametrize("data", [b"", b"RLZ1", b"RLF1" + b"\0" * 20], ids=["none", "cut", "other"])
def test_other_bytes_are_no_outlook(data: bytes) -> None:
    with pytest.raises(ValueError, match="no outlook"):
        store.unpack(data)
