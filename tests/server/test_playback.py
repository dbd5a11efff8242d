"""Replay of a span: where everybody was, by both clocks, what happened, and who may read it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.live.extent import Zone
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from protocols.native import Report
from server import playbackdesk
from server.ids import new_id
from server.playbackviews import PlaybackView, TrackPageView
from server.roaddesk import NewRoadState
from server.stores.roadstate import STATES
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY
from tests.server.field_rows import POSITION_COLUMNS
from tests.small_county import crossing

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
"""The history of positions takes what was received from yesterday on."""
HERE = crossing(1, 1)


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        api.room.now = BEGIN
        yield api


@pytest.fixture
async def supervisor(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("supervisor") as client:
        yield client


async def tell(
    api: Api,
    device_id: str,
    at_s: Iterable[float],
    *,
    lag_s: float = 1.0,
    heard_s: float | None = None,
    place: tuple[float, float] = HERE,
) -> None:
    """Fixes observed so long after BEGIN, moving east; heard after a lag, or all at one moment."""
    rows = []
    for each in at_s:
        observed = BEGIN + timedelta(seconds=each)
        received = observed + timedelta(seconds=lag_s)
        if heard_s is not None:
            received = BEGIN + timedelta(seconds=heard_s)
        lon, lat = place[0] + each * 1e-6, place[1]
        rows.append((device_id, observed, received, lon, lat, 5.0, 10.0, 90.0, 80, False, ""))
    for day in {row[2].date() for row in rows}:
        await api.room.pool.execute("SELECT ensure_position_partition($1)", day)
    await api.room.pool.copy_records_to_table("position", records=rows, columns=POSITION_COLUMNS)


async def replay(
    client: httpx.AsyncClient, minutes: float = 30, *, since: datetime = BEGIN, step: float = 1
) -> PlaybackView:
    until = BEGIN + timedelta(minutes=minutes)
    asked = {"from": since.isoformat(), "to": until.isoformat(), "step": str(step)}
    answer = await client.get("/api/replay", params=asked)
    assert answer.status_code == 200, answer.text
    return convert(answer.json(), PlaybackView)


def past_now() -> float:
    """Minutes from BEGIN until an hour from now, however long ago this file was read."""
    return (datetime.now(UTC) - BEGIN) / timedelta(minutes=1) + 60


async def test_a_unit_is_where_it_was_with_when_we_heard_of_it(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [0, 30, 60])
    await tell(api, "P-02-handset", [90, 120], heard_s=1200)

    found = await replay(supervisor)

    (track,) = found.tracks
    assert [each.call_sign for each in found.units] == ["P-02"]
    assert track.at_s == [0, 30, 60, 90, 120]
    assert track.lag_s == [1, 1, 1, 1110, 1080]
    assert track.run == [0] * 5
    assert track.lon == [pytest.approx(HERE[0] + each * 1e-6, abs=1e-6) for each in track.at_s]
    assert track.lat[0] == pytest.approx(HERE[1], abs=1e-6)
    assert (track.speed_mps[0], track.heading_deg[0]) == (10.0, 90)
    assert track.battery_pct == [80] * 5


async def test_a_camera_that_changed_hands_belongs_to_the_unit_of_then(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    first = await api.room.add_unit("P-02", devices=("handset",))
    second = await api.room.add_unit("P-03", devices=())
    moved_s = (datetime.now(UTC) - BEGIN).total_seconds()
    await api.room.pool.execute(
        "UPDATE device SET unit_id = $1 WHERE id = 'P-02-handset'", second.id
    )
    before, after = [moved_s - 600, moved_s - 570], [moved_s + 570, moved_s + 600]
    await tell(api, "P-02-handset", before + after)

    found = await replay(supervisor, past_now())

    assert {track.unit_id: track.at_s for track in found.tracks} == {
        first.id: pytest.approx(before, abs=0.01),
        second.id: pytest.approx(after, abs=0.01),
    }


async def test_nobody_drives_across_a_gap(api: Api, supervisor: httpx.AsyncClient) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [0, 60, 120, 241, 300])

    (track,) = (await replay(supervisor)).tracks

    assert track.run == [0, 0, 0, 1, 1]


async def test_a_gap_stays_a_gap_when_fixes_are_left_out(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [*range(0, 300, 5), *range(900, 1200, 5)])

    found = await replay(supervisor, step=300)

    (track,) = found.tracks
    assert len(track.at_s) <= 6
    assert sorted(set(track.run)) == [0, 1]
    assert (found.step_s, found.thinned) == (300, False)


async def test_what_was_known_before_the_span_comes_with_it(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    """The room knew a fix of an hour ago; what was newer came only later."""
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [-3600])
    await tell(api, "P-02-handset", [-3000, -1800], heard_s=600)

    (track,) = (await replay(supervisor)).tracks

    assert list(zip(track.at_s, track.lag_s, strict=True)) == [(-3600, 1), (-1800, 2400)]


async def test_too_many_fixes_are_thinned_out_and_the_answer_says_so(
    api: Api, supervisor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", range(0, 1800, 2))
    monkeypatch.setattr(playbackdesk, "FIXES_MAX", 100)

    found = await replay(supervisor)

    assert found.thinned
    assert found.step_s == 27
    assert 60 <= len(found.tracks[0].at_s) <= 100

    monkeypatch.setattr(playbackdesk, "FIXES_MAX", 1)
    until = (BEGIN + timedelta(minutes=30)).isoformat()
    refused = await supervisor.get("/api/replay", params={"from": BEGIN.isoformat(), "to": until})
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "too_many")


async def test_of_many_devices_every_fix_comes_page_by_page(
    api: Api, supervisor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("P-02", "P-03", "P-04"):
        await api.room.add_unit(name, devices=("handset",))
        await tell(api, f"{name}-handset", range(0, 1800, 5))
    whole = {each.device_id: each for each in (await replay(supervisor)).tracks}
    monkeypatch.setattr(playbackdesk, "FIXES_MAX", 5_400)
    asked = {"from": BEGIN.isoformat(), "to": (BEGIN + timedelta(minutes=30)).isoformat()}

    pages: list[TrackPageView] = []
    after: str | None = ""
    while after is not None:
        answer = await supervisor.get("/api/replay/tracks", params=asked | {"after": after})
        pages.append(convert(answer.json(), TrackPageView))
        after = pages[-1].next_after

    assert [[each.device_id for each in page.tracks] for page in pages] == [
        ["P-02-handset", "P-03-handset"], ["P-04-handset"],
    ]  # fmt: skip
    assert {each.device_id: each for page in pages for each in page.tracks} == whole
    assert [[each.call_sign for each in page.units] for page in pages] == [
        ["P-02", "P-03"],
        ["P-04"],
    ]
    assert len(await api.room.fetch("SELECT 1 FROM journal_entry WHERE kind = 'replay.read'")) == 3


async def test_of_a_span_that_was_made_coarse_the_answer_says_so(
    supervisor: httpx.AsyncClient, database_url: str
) -> None:
    assert not (await replay(supervisor)).coarse
    owner = await asyncpg.connect(database_url)
    await owner.execute("INSERT INTO position_coarse (day) VALUES ($1)", BEGIN.date())
    await owner.close()

    assert (await replay(supervisor)).coarse


async def test_what_was_told_after_the_span_happened_in_it(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    """A handset came out of the gorge two hours later."""
    room = api.room
    unit = await room.add_unit("P-02", crossing(5, 2), devices=("handset",))
    (order,) = await room.send(await room.open(), unit)
    task = (await room.tasks(order))["P-02-handset"]
    room.now = datetime.now(UTC)
    at = BEGIN + timedelta(minutes=10)
    await room.report("P-02-handset", task, Report.ACCEPTED, by="B-P-02", at=at)

    (told,) = (await replay(supervisor)).happenings

    assert (told.kind, told.at) == ("order.accepted", at)
    assert told.heard_at > at + timedelta(minutes=60)


async def test_orders_and_incidents_are_told_from_their_beginning(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    room = api.room
    unit = await room.add_unit("P-02", crossing(5, 2), devices=("handset",))
    incident = await room.open()
    (order,) = await room.send(incident, unit)
    task = (await room.tasks(order))["P-02-handset"]
    room.now = BEGIN + timedelta(minutes=10)
    await room.report(
        "P-02-handset", task, Report.ACCEPTED, by="B-P-02", at=BEGIN + timedelta(minutes=2)
    )

    found = await replay(supervisor, since=BEGIN + timedelta(minutes=9))

    assert [each.number for each in found.incidents] == [incident.number]
    (kept,) = found.orders
    assert [(step.state, step.at - BEGIN, step.heard_at - BEGIN) for step in kept.steps] == [
        ("issued", timedelta(0), timedelta(0)),
        ("accepted", timedelta(minutes=2), timedelta(minutes=10)),
    ]
    assert [each.id for each in found.units] == [unit.id]
    assert [each.unit_id for each in found.shifts] == [unit.id]


async def test_happenings_are_those_of_the_log_without_who_read_it(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    room = api.room
    unit = await room.add_unit("P-02", crossing(5, 2), devices=("handset",))
    (order,) = await room.send(await room.open(), unit)
    task = (await room.tasks(order))["P-02-handset"]
    device_at = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=5)
    await room.report("P-02-handset", task, Report.ACCEPTED, by="B-P-02", at=device_at)
    await supervisor.get("/api/journal")

    found = await replay(supervisor, past_now())

    kinds = [each.kind for each in found.happenings]
    assert kinds == [
        "incident.opened", "recommendation.computed", "decision.taken", "order.issued",
        "order.accepted",
    ]  # fmt: skip
    accepted = found.happenings[-1]
    assert accepted.at == device_at
    assert accepted.heard_at > device_at + timedelta(minutes=4)
    assert not found.happenings_left_out


async def test_of_too_much_in_the_log_the_first_is_left_out_and_the_answer_says_so(
    api: Api, supervisor: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(4):
        await api.room.open()
    monkeypatch.setattr(playbackdesk, "HAPPENINGS_MAX", 3)

    found = await replay(supervisor, past_now())

    assert found.happenings_left_out
    assert [each.body["number"] for each in found.happenings] == [2, 3, 4]


async def test_closed_roads_lie_where_they_were(api: Api, supervisor: httpx.AsyncClient) -> None:
    lon, lat = crossing(2, 2)
    corners = ((lon - 0.003, lat - 0.003), (lon + 0.003, lat - 0.003), (lon, lat + 0.004))
    wanted = NewRoadState(
        request_id=new_id(), state="closed", where=Zone(corners=corners), reason="rockfall"
    )
    closed, _ = await api.room.road_desk.set_state(wanted, by=BY)
    api.room.now = BEGIN + timedelta(minutes=20)
    await api.room.road_desk.end(STATES, closed.id, reason="cleared", by=BY)

    (road,) = (await replay(supervisor)).roads

    assert (road.kind, road.reason) == ("closed", "rockfall")
    assert road.ended_at == BEGIN + timedelta(minutes=20)
    assert road.lines


async def test_who_looks_at_the_past_is_in_the_log(api: Api, supervisor: httpx.AsyncClient) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [0, 30])

    await replay(supervisor)

    (entry,) = await api.room.fetch("SELECT * FROM journal_entry WHERE kind = 'replay.read'")
    assert entry["actor"] == "user:supervisor"
    assert (entry["body"]["units"], entry["body"]["fixes"]) == (1, 2)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"to": (BEGIN + timedelta(hours=7)).isoformat()}, "bad_span"),
        ({"to": (BEGIN - timedelta(hours=1)).isoformat()}, "bad_span"),
        ({"step": "0.1"}, "bad_step"),
        ({"step": "soon"}, "malformed"),
        ({"from": "yesterday"}, "malformed"),
        ({"from": ""}, "malformed"),
    ],
)
async def test_a_span_that_cannot_be_is_refused_in_words(
    supervisor: httpx.AsyncClient, query: dict[str, str], code: str
) -> None:
    until = (BEGIN + timedelta(minutes=30)).isoformat()

    answer = await supervisor.get(
        "/api/replay", params={"from": BEGIN.isoformat(), "to": until} | query
    )

    assert answer.json()["error"]["code"] == code


async def test_geojson_has_a_line_for_each_unbroken_piece(
    api: Api, supervisor: httpx.AsyncClient
) -> None:
    await api.room.add_unit("P-02", devices=("handset",))
    await tell(api, "P-02-handset", [0, 30, 60, 600])
    await api.room.open()
    until = (BEGIN + timedelta(minutes=30)).isoformat()

    answer = await supervisor.get(
        "/api/replay.geojson", params={"from": BEGIN.isoformat(), "to": until}
    )

    shapes = [
        (each["geometry"]["type"], each["properties"]["kind"]) for each in answer.json()["features"]
    ]
    assert shapes == [("LineString", "track"), ("Point", "track"), ("Point", "incident")]
    line = answer.json()["features"][0]
    assert len(line["geometry"]["coordinates"]) == len(line["properties"]["received_at"]) == 3
