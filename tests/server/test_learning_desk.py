"""From orders to learned travel times on real PostgreSQL: matched, learned, in force, reversed."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, fields, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import numpy as np
import pytest

from geo.driving.vehicles import Mode
from geo.learning.carrying import Carrying, Counted
from geo.learning.factors import LearnedFactors
from geo.learning.passages import Passages
from geo.roadmap import RoadMap
from server.classroom import Classroom, ClassroomBusy
from server.dispatch.errors import Conflict, DispatchError, Impossible, NotFound
from server.drivematcher import DriveMatcher
from server.ids import new_id
from server.learnedversions import Learned, LearnedVersions
from server.learningdesk import LearningDesk, last_night
from server.mapcarries import MapCarries
from server.stores import carries as carries_store
from server.stores import drives
from server.stores.factorform import pack, unpack
from server.surveyor import Surveyor
from tests.redrawn_county import redrawn_county
from tests.server.dispatch_room import LoudFanOut
from tests.server.learning_rows import Drivers

BY = "user:wang"


@dataclass
class School:
    """A desk with its matcher, its clock, and what it put in force."""

    pool: Any
    desk: LearningDesk
    matcher: DriveMatcher
    drivers: Drivers
    fanout: LoudFanOut
    clock: list[datetime]
    in_force: list[Learned | None] = field(default_factory=list)

    async def trips(self) -> list[Any]:
        rows: list[Any] = await self.pool.fetch("SELECT * FROM matched_trip ORDER BY id")
        return rows

    async def kinds(self) -> list[str]:
        rows = await self.pool.fetch("SELECT kind FROM journal_entry ORDER BY id")
        return [row["kind"] for row in rows]

    def routine(self) -> LearnedFactors:
        assert self.in_force[-1] is not None
        return self.in_force[-1][Mode.ROUTINE]


def a_desk(
    pool: Any, roadmap: RoadMap, classroom: Classroom, surveyor: Surveyor, fanout: LoudFanOut
) -> School:
    clock = [datetime.now(UTC)]
    in_force: list[Learned | None] = []

    async def put_in_force(learned: Learned | None, version: int | None) -> None:
        in_force.append(learned)

    matcher = DriveMatcher(
        pool=pool,
        roadmap=roadmap,
        classroom=classroom,
        surveyor=surveyor,
        clock=lambda: clock[0],
    )
    versions = LearnedVersions(
        pool=pool,
        fanout=fanout,
        map_id=roadmap.meta.map_id,
        put_in_force=put_in_force,
        clock=lambda: clock[0],
    )
    desk = LearningDesk(
        pool=pool,
        fanout=fanout,
        classroom=classroom,
        matcher=matcher,
        versions=versions,
        clock=lambda: clock[0],
    )
    drivers = Drivers(pool, roadmap)
    return School(pool, desk, matcher, drivers, fanout, clock, in_force)


@pytest.fixture
async def school(pool: Any, small_map: RoadMap) -> AsyncIterator[School]:
    classroom, surveyor = Classroom(small_map), Surveyor(small_map)
    school = a_desk(pool, small_map, classroom, surveyor, LoudFanOut())
    await school.drivers.enrol()
    yield school
    await classroom.close()
    await surveyor.close()


async def refused(step: Any) -> tuple[type[DispatchError], str]:
    with pytest.raises(DispatchError) as caught:
        await step
    return type(caught.value), caught.value.code


async def test_the_drive_of_an_order_is_matched_once(school: School) -> None:
    way = school.drivers.way()
    order_id = await school.drivers.drive(way)

    assert await school.matcher.match_waiting() == 1
    assert await school.matcher.match_waiting() == 0

    (trip,) = await school.trips()
    assert (trip["order_id"], trip["mode"], trip["condition"]) == (order_id, "routine", "dry")
    assert trip["arc"] == way.arcs.tolist()
    assert trip["note"] == ""
    assert not any(trip["left_out"])
    assert trip["leave_s"][-1] == pytest.approx((trip["to_at"] - trip["from_at"]).seconds, abs=15)


async def test_a_drive_waits_until_late_fixes_can_have_come(school: School) -> None:
    now = school.clock[0]
    await school.drivers.drive(school.drivers.way(), ended_at=now - timedelta(minutes=1))

    assert await school.matcher.match_waiting() == 0
    school.clock[0] = now + drives.SETTLE
    assert await school.matcher.match_waiting() == 1


@pytest.mark.parametrize(
    ("kind", "with_fixes", "note"),
    [("patrol_car", False, "no fixes"), ("foot", True, "on foot")],
)
async def test_what_cannot_be_matched_is_kept_empty_with_the_reason(
    school: School, kind: str, with_fixes: bool, note: str
) -> None:
    await school.drivers.enrol(kind)
    await school.drivers.drive(school.drivers.way(), with_fixes=with_fixes)

    await school.matcher.match_waiting()

    (trip,) = await school.trips()
    assert (trip["arc"], trip["note"]) == ([], note)
    assert await school.matcher.match_waiting() == 0
    assert await refused(school.desk.learn(by=BY, reason="try")) == (Conflict, "no_drives")


async def test_at_most_so_many_are_taken_up_at_once(
    school: School, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drives, "WAITING_MAX", 2)
    for _ in range(3):
        await school.drivers.drive(school.drivers.way(), with_fixes=False)

    assert [await school.matcher.match_waiting() for _ in range(3)] == [2, 1, 0]


async def test_roads_that_were_not_as_modelled_are_left_out(school: School) -> None:
    way = school.drivers.way()
    then = datetime.now(UTC) - timedelta(hours=1)
    edge = int(way.arcs[2]) >> 1
    await school.pool.execute(
        "INSERT INTO road_state (id, request_id, state, factor, extent, map_id, place, reason, "
        "set_by, set_at, starts_at, begun_at, ended_at, ended_by) "
        "VALUES ($1, 'set once', 'slow', 2, $2, $3, 'there', 'works', 'user:wang', $4, $4, $4, "
        "$5, 'user:wang')",
        new_id(),
        {"kind": "edges", "edges": [{"edge": edge, "direction": "both"}]},
        school.drivers._roadmap.meta.map_id,
        then - timedelta(hours=2),
        then + timedelta(hours=1),
    )
    await school.pool.execute(
        "INSERT INTO road_condition (id, request_id, condition, place, set_by, set_at, starts_at, "
        "begun_at) VALUES ($1, 'set once', 'rain', 'county', 'user:wang', $2, $2, $2)",
        new_id(),
        then - timedelta(hours=2),
    )
    await school.drivers.drive(way, ended_at=then)

    await school.matcher.match_waiting()

    (trip,) = await school.trips()
    assert trip["condition"] == "rain"
    left_out = {arc for arc, left in zip(trip["arc"], trip["left_out"], strict=True) if left}
    assert left_out == {int(way.arcs[2])}


async def test_learning_makes_a_version_that_is_in_force_and_logged(school: School) -> None:
    way = school.drivers.way()
    for _ in range(4):
        await school.drivers.drive(way, slower=1.4)
    await school.matcher.match_waiting()

    row = await school.desk.learn(by=BY, reason="four drives came in")

    arcs = way.arcs[2:-2]
    assert (row.trips, row.created_by) == (4, BY)
    assert (school.routine().factor[arcs] > 1.15).all()
    assert (school.routine().factor[arcs] < 1.4).all()
    assert (school.routine().trips[arcs] == 4).all()
    assert school.in_force[-1] is not None
    assert (school.in_force[-1][Mode.URGENT].factor == 1.0).all()
    assert await school.kinds() == ["learning.learned", "learning.activated"]
    assert school.fanout.topics() == {"learning"}
    overview = await school.desk.overview()
    assert (overview.drives.drives, overview.waiting) == (4, 0)
    assert overview.active is not None
    assert overview.active.version == overview.versions[0].version == school.desk.versions.number


async def test_urgent_drives_are_learned_apart(school: School) -> None:
    await school.drivers.drive(school.drivers.way(), slower=1.5, priority="emergency")
    await school.matcher.match_waiting()

    await school.desk.learn(by=BY, reason="one drive")

    assert (school.routine().factor == 1.0).all()
    assert school.in_force[-1] is not None
    assert school.in_force[-1][Mode.URGENT].factor.max() > 1.1


async def test_an_older_version_and_the_model_alone_can_be_put_in_force(school: School) -> None:
    await school.drivers.drive(school.drivers.way(), slower=1.3)
    await school.matcher.match_waiting()
    first = await school.desk.learn(by=BY, reason="first")
    await school.drivers.drive(school.drivers.way(), slower=2.0)
    await school.matcher.match_waiting()
    second = await school.desk.learn(by=BY, reason="second")
    slow, slower = (learned[Mode.ROUTINE] for learned in school.in_force if learned)
    assert slower.factor.max() > slow.factor.max()

    await school.desk.versions.activate(first.version, by=BY, reason="the second was a slow day")
    np.testing.assert_array_equal(school.routine().factor, slow.factor)
    await school.desk.versions.activate(None, by=BY, reason="works everywhere")
    assert school.in_force[-1] is None
    await school.desk.versions.activate(second.version, by=BY, reason="over")

    np.testing.assert_array_equal(school.routine().factor, slower.factor)
    assert (await school.kinds())[4:] == [
        "learning.activated",
        "learning.set_aside",
        "learning.activated",
    ]


async def test_what_cannot_be_put_in_force_is_refused(school: School) -> None:
    activate = school.desk.versions.activate
    assert await refused(activate(None, by=BY, reason="no")) == (Conflict, "in_force")
    assert await refused(activate(7, by=BY, reason="no")) == (NotFound, "not_found")
    assert await refused(activate(7, by=BY, reason=" ")) == (Impossible, "no_reason")
    assert await refused(activate(7, by=BY, reason="x" * 501)) == (Impossible, "no_reason")
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()
    row = await school.desk.learn(by=BY, reason="one", activate=False)
    assert school.in_force == []

    elsewhere = LearnedVersions(
        pool=school.pool,
        fanout=school.fanout,
        map_id="another map",
        put_in_force=school.desk.versions._put_in_force,
        clock=lambda: school.clock[0],
    )
    step = elsewhere.activate(row.version, by=BY, reason="no")
    assert await refused(step) == (Conflict, "other_map")


async def test_history_cannot_be_changed(school: School) -> None:
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()
    await school.desk.learn(by=BY, reason="one")

    for statement in (
        "UPDATE learned_version SET trips = 0",
        "DELETE FROM learned_version",
        "DELETE FROM learned_activation",
        "UPDATE matched_trip SET note = 'x'",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await school.pool.execute(statement)


async def test_every_night_new_drives_are_learned_from(school: School) -> None:
    night = last_night(school.clock[0]) + timedelta(days=1, minutes=1)
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()
    first = await school.desk.learn_nightly()
    assert first is not None
    assert (first.created_by, first.reason) == ("system", "nightly")
    assert school.desk.versions.number == first.version

    assert await school.desk.learn_nightly() is None
    school.clock[0] = night
    assert await school.desk.learn_nightly() is None, "no drive came since"

    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()
    school.clock[0] = night + timedelta(hours=1)
    second = await school.desk.learn_nightly()

    assert second is not None
    assert school.desk.versions.number == second.version


async def test_the_nightly_version_does_not_overrule_a_person(school: School) -> None:
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()
    await school.desk.learn(by=BY, reason="first")
    await school.desk.versions.activate(None, by=BY, reason="not now")
    school.clock[0] += timedelta(minutes=1)
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()

    school.clock[0] += timedelta(days=1)
    learned = await school.desk.learn_nightly()

    assert learned is not None
    assert school.desk.versions.number is None
    assert school.in_force[-1] is None


async def test_old_drives_are_deleted_at_night(school: School) -> None:
    await school.drivers.drive(school.drivers.way())
    await school.matcher.match_waiting()

    school.clock[0] += drives.KEPT
    await school.desk.learn_nightly()

    assert await school.trips() == []


async def test_two_processes_learn_once_and_agree(
    school: School, small_map: RoadMap, pool: Any
) -> None:
    other = a_desk(pool, small_map, school.desk._classroom, school.matcher._surveyor, school.fanout)
    other.clock[:] = school.clock  # or the night may begin between the two
    await school.drivers.drive(school.drivers.way())

    await asyncio.gather(school.matcher.match_waiting(), other.matcher.match_waiting())
    versions = await asyncio.gather(school.desk.learn_nightly(), other.desk.learn_nightly())
    await school.desk.versions.catch_up()
    await other.desk.versions.catch_up()

    assert len(await school.trips()) == 1
    assert [version for version in versions if version] != []
    assert len((await school.desk.overview()).versions) == 1
    assert school.desk.versions.number == other.desk.versions.number
    np.testing.assert_array_equal(school.routine().factor, other.routine().factor)


async def test_a_full_classroom_says_so(small_map: RoadMap) -> None:
    classroom = Classroom(small_map, queue_len_max=1)
    begun = asyncio.Event()
    loop, gate = asyncio.get_running_loop(), asyncio.Event()

    def wait(_: Any) -> None:
        loop.call_soon_threadsafe(begun.set)
        asyncio.run_coroutine_threadsafe(gate.wait(), loop).result()

    first = asyncio.create_task(classroom.ask(wait))
    await begun.wait()
    with pytest.raises(ClassroomBusy, match="1 jobs"):
        await classroom.ask(lambda school: None)
    gate.set()
    await first
    await classroom.close()


async def test_drives_of_an_older_map_count_on_a_newer_one_until_taken_back(
    school: School, pool: Any, small_map: RoadMap
) -> None:
    for _ in range(3):
        await school.drivers.drive(school.drivers.way(), slower=1.4)
    await school.matcher.match_waiting()
    await school.desk.learn(by=BY, reason="before")
    before = school.routine()
    newer = redrawn_county()
    classroom, surveyor = Classroom(newer), Surveyor(newer)
    later = a_desk(pool, newer, classroom, surveyor, LoudFanOut())
    carries = MapCarries(pool=pool, map_id=newer.meta.map_id, clock=lambda: later.clock[0])
    carrying = Carrying.between(small_map, newer)
    old_id, counted = small_map.meta.map_id, carrying.counted(small_map)
    assert await refused(later.desk.learn(by=BY, reason="none yet")) == (Conflict, "no_drives")

    await carries.carry(old_id, carrying, counted, by=BY, reason="new extract")
    row = await later.desk.learn(by=BY, reason="carried")

    assert row.trips == 3
    after, driven = later.routine(), np.flatnonzero(before.trips)
    arcs = carrying.runs([a_passage(int(arc)) for arc in driven.tolist()])
    pairs = zip(driven.tolist(), arcs, strict=True)
    for old, new in pairs:
        assert after.trips[new.arc].tolist() == [3] * len(new)
        assert after.factor[new.arc] == pytest.approx(before.factor[old], abs=0.03)
    some = [int(arc) for arc in arcs[0].arc]
    assert (await later.desk.drives_over(some))[Mode.ROUTINE] == 3

    await carries.take_back(old_id, by=BY, reason="by mistake")
    assert await refused(later.desk.learn(by=BY, reason="none")) == (Conflict, "no_drives")
    assert (await later.desk.drives_over(some))[Mode.ROUTINE] == 0
    assert (await school.kinds())[-4:] == [
        "learning.carried",
        "learning.learned",
        "learning.activated",
        "learning.carry_ended",
    ]
    (body,) = await pool.fetchrow(
        "SELECT body FROM journal_entry WHERE kind = 'learning.carried' ORDER BY id"
    )
    assert (body["edges"], body["edges_lost"]) == (counted.edges, 2)
    await classroom.close()
    await surveyor.close()


def a_passage(arc: int) -> Passages:
    """Over a whole arc in a minute."""
    return Passages(
        arc=np.array([arc]),
        start=np.array([0.0]),
        end=np.array([1.0]),
        enter_s=np.array([0.0]),
        leave_s=np.array([60.0]),
        reach_m=np.array([100.0]),
        stood=np.array([False]),
    )


async def test_what_cannot_be_carried_is_refused(
    pool: Any, small_map: RoadMap, monkeypatch: pytest.MonkeyPatch
) -> None:
    map_id = small_map.meta.map_id
    carries = MapCarries(pool=pool, map_id=map_id, clock=lambda: datetime.now(UTC))
    carrying = Carrying.between(small_map, small_map)
    counted = carrying.counted(small_map)
    none = replace(counted, edges=0)

    def carry(from_map_id: str, found: Counted = counted, reason: str = "why") -> Any:
        return carries.carry(from_map_id, carrying, found, by=BY, reason=reason)

    assert await refused(carry(map_id)) == (Conflict, "same_map")
    assert await refused(carry("older", none)) == (Conflict, "no_road_found")
    assert await refused(carry("older", reason=" ")) == (Impossible, "no_reason")
    assert await refused(carries.take_back("older", by=BY, reason="why")) == (
        NotFound,
        "not_found",
    )
    monkeypatch.setattr("server.stores.carries.SOURCES_MAX", 2)
    for older in ("older", "oldest", "older"):
        await carry(older)
    assert await refused(carry("one more")) == (Conflict, "too_many")
    assert [each.map_id for each in await carries.sources()] == ["older", "oldest"]
    with pytest.raises(asyncpg.PostgresError):
        await pool.execute("DELETE FROM map_carry")


def test_pieces_survive_their_bytes(small_map: RoadMap) -> None:
    carrying = Carrying.between(small_map, redrawn_county())

    again = carries_store.unpack(carries_store.pack(carrying))

    for column in fields(Carrying):
        np.testing.assert_allclose(
            getattr(again, column.name), getattr(carrying, column.name), atol=1e-6
        )
    for wrong in (b"", b"RLC1", b"RLF2" + carries_store.pack(carrying)[4:]):
        with pytest.raises(ValueError, match="no pieces"):
            carries_store.unpack(wrong)


def test_factors_survive_their_bytes() -> None:
    learned = LearnedFactors(
        factor=np.array([0.5, 1.25, 2.5, 1.0], dtype=np.float32),
        log_sd=np.array([0.15, 0.1, 0.05, 0.15], dtype=np.float32),
        unknown=np.array([1.0, 0.25, 0.0, 0.7], dtype=np.float32),
        trips=np.array([0, 3, 70_000, 0], dtype=np.int32),
    )

    again = unpack(pack(learned))

    np.testing.assert_array_equal(again.factor, learned.factor)
    np.testing.assert_array_equal(again.log_sd, learned.log_sd)
    np.testing.assert_array_equal(again.unknown, learned.unknown)
    np.testing.assert_array_equal(again.trips, learned.trips)
    for wrong in (b"", b"RLF2", pack(learned)[:-1] + b"?", b"RLF1" + pack(learned)[4:]):
        with pytest.raises(ValueError, match="no learned factors"):
            unpack(wrong)


def test_factors_of_the_first_form_are_still_read() -> None:
    """It did not say what is unknown: that follows from the drives over each arc."""
    columns = (np.array([1.2, 0.9], "<f4"), np.array([0.1, 0.15], "<f4"), np.array([4, 0], "<i4"))
    body = zlib.compress(b"".join(column.tobytes() for column in columns))

    old = unpack(b"RLF1" + (2).to_bytes(4, "little") + body)

    assert old.factor.tolist() == pytest.approx([1.2, 0.9])
    assert old.log_sd.tolist() == pytest.approx([0.1, 0.15])
    assert old.unknown.tolist() == [0.5, 1.0]
    assert old.trips.tolist() == [4, 0]


def test_nights_begin_at_their_hour() -> None:
    noon = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)

    assert last_night(noon) == datetime(2026, 1, 30, 19, 0, tzinfo=UTC)
    assert last_night(noon.replace(hour=19)) == datetime(2026, 1, 31, 19, 0, tzinfo=UTC)
