"""Roads and conditions over HTTP, on the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import convert

from server.ids import new_id
from server.roadviews import ConditionView, RoadEdgeView, RoadNumberView, RoadStateView, SurveyView
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server

Corners = list[tuple[float, float]]
MIDDLE: Corners = [(100.24, 27.53), (100.28, 27.53), (100.28, 27.55), (100.24, 27.55)]
X02 = {"kind": "road", "ref": "X02", "from_km": 1.0, "to_km": 3.0}


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


@pytest.fixture
async def client(server: WholeServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.signed_in("dispatcher") as client:
        yield client


def a_closure(**changed: Any) -> dict[str, Any]:
    values = {"request_id": new_id(), "state": "closed", "extent": X02, "reason": "rockfall"}
    return values | changed


def a_condition(**changed: Any) -> dict[str, Any]:
    return {"request_id": new_id(), "condition": "snow,night"} | changed


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_road_is_found_closed_listed_and_ended(client: httpx.AsyncClient) -> None:
    lon, lat = crossing(3, 2)
    near = await client.get(
        "/api/roads/near", params={"lon": lon + 0.005, "lat": lat, "within_m": 200}
    )
    (edge,) = convert(near.json(), list[RoadEdgeView])
    assert (edge.ref, edge.road_class, edge.one_way) == ("X02", "tertiary", False)

    body = a_closure(extent={"kind": "edges", "edges": [{"edge": edge.edge}]})
    answer = await client.post("/api/roads/state", json=body)
    assert answer.status_code == 201
    closed = convert(answer.json(), RoadStateView)
    assert (closed.status, closed.kind, closed.set_by) == ("in_force", "edges", "user:wang")
    assert closed.place.startswith("X02 km ")
    assert closed.length_km == pytest.approx(edge.length_m / 1000, abs=0.01)

    again = await client.post("/api/roads/state", json=body)
    assert (again.status_code, again.json()["id"]) == (200, closed.id)
    assert [each["id"] for each in (await client.get("/api/roads/state")).json()] == [closed.id]

    at = f"/api/roads/state/{closed.id}/end"
    ended = convert((await client.post(at, json={"reason": "cleared"})).json(), RoadStateView)
    assert (ended.status, ended.ended_by, ended.end_reason) == ("ended", "user:wang", "cleared")
    assert code(await client.post(at, json={"reason": "cleared"})) == (409, "ended")
    assert code(await client.post(at, json={"reason": " "})) == (422, "no_reason")
    (history,) = (await client.get("/api/roads/state", params={"status": "all"})).json()
    assert history["id"] == closed.id


async def test_a_road_is_slowed_for_a_time(client: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(hours=2)
    body = a_closure(state="slow", factor=1.5, expires_at=until.isoformat(), place="the bridge")

    slowed = convert((await client.post("/api/roads/state", json=body)).json(), RoadStateView)

    assert (slowed.state, slowed.factor, slowed.place) == ("slow", 1.5, "the bridge")
    assert slowed.expires_at == until
    assert slowed.length_km == pytest.approx(2.0, abs=0.01)


async def test_what_is_closed_is_drawn(client: httpx.AsyncClient) -> None:
    span = (await client.post("/api/roads/state", json=a_closure())).json()
    polygon = {"kind": "polygon", "corners": MIDDLE}
    zone = (await client.post("/api/roads/state", json=a_closure(extent=polygon))).json()

    found = (await client.get("/api/roads/lines")).json()

    assert found["version"] == 2
    newest, oldest = found["features"]
    assert (newest["properties"]["id"], oldest["properties"]["id"]) == (zone["id"], span["id"])
    assert newest["properties"]["corners"] == [list(corner) for corner in MIDDLE]
    assert oldest["properties"]["status"] == "in_force"
    points = [point for line in oldest["geometry"]["coordinates"] for point in line]
    assert len(points) >= 3
    assert all(100.2 < lon < 100.32 and 27.5 < lat < 27.58 for lon, lat in points)


async def test_lines_end_where_the_answer_is_full(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest is drawn; what is beyond is named only."""
    for _ in range(2):
        await client.post("/api/roads/state", json=a_closure())
    one = (await client.get("/api/roads/lines")).json()["features"][0]["geometry"]["coordinates"]
    monkeypatch.setattr("server.http.roads.LINES_POINTS_MAX", sum(map(len, one)))

    found = (await client.get("/api/roads/lines")).json()["features"]

    assert [bool(each["geometry"]["coordinates"]) for each in found] == [True, False]


async def test_a_preview_tells_what_would_be_covered_and_changes_nothing(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/roads/preview", json={"extent": X02})

    found = convert(answer.json(), SurveyView)
    assert found.place == "X02 km 1.0–3.0"
    assert found.length_km == pytest.approx(2.0, abs=0.01)
    assert found.lines
    assert (await client.get("/api/roads/state")).json() == []


async def test_numbered_roads_are_listed_with_their_lengths(client: httpx.AsyncClient) -> None:
    found = convert((await client.get("/api/roads/numbers")).json(), list[RoadNumberView])

    assert [each.ref for each in found] == ["G320", "X00", "X02", "X03"]
    assert all(8 < each.length_km < 10 for each in found)


async def test_a_condition_is_set_listed_and_ended(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/conditions", json=a_condition(corners=MIDDLE))
    assert answer.status_code == 201
    made = convert(answer.json(), ConditionView)
    assert (made.condition, made.corners) == ("snow,night", MIDDLE)
    assert made.status in ("preparing", "in_force")

    county = (await client.post("/api/conditions", json=a_condition(condition="rain"))).json()
    assert (county["corners"], county["place"]) == (None, "")
    listed = (await client.get("/api/conditions")).json()
    assert [each["id"] for each in listed] == [made.id, county["id"]]

    ended = await client.post(f"/api/conditions/{made.id}/end", json={"reason": "melted"})
    assert ended.json()["status"] == "ended"


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"map_id": "another"}, (409, "map_changed")),
        ({"reason": ""}, (422, "no_reason")),
        ({"state": "slow"}, (422, "bad_factor")),
        ({"state": "shut"}, (400, "malformed")),
        ({"extent": X02 | {"ref": "X77"}}, (422, "no_such_road")),
        ({"extent": X02 | {"to_km": 30}}, (422, "km_outside")),
        ({"extent": {"kind": "edges", "edges": [{"edge": 10**12}]}}, (422, "no_such_edge")),
        ({"extent": {"kind": "edges", "edges": []}}, (422, "edge_count")),
        ({"extent": {"kind": "polygon", "corners": MIDDLE[:2]}}, (422, "bad_polygon")),
        ({"extent": {"kind": "circle"}}, (400, "malformed")),
        ({"expires_at": "2020-01-01T00:00:00Z"}, (422, "bad_span")),
        ({"expires_at": "2030-01-01T00:00:00"}, (400, "malformed")),
        ({"reason": "nul \0"}, (400, "malformed")),
    ],
)
async def test_closures_that_are_refused(
    client: httpx.AsyncClient, changed: dict[str, Any], wanted: tuple[int, str]
) -> None:
    answer = await client.post("/api/roads/state", json=a_closure(**changed))

    assert code(answer) == wanted
    assert (await client.get("/api/roads/state")).json() == []


@pytest.mark.parametrize(
    ("changed", "wanted"),
    [
        ({"condition": "hail"}, (422, "bad_condition")),
        ({"condition": "dry"}, (422, "bad_condition")),
        ({"corners": [(9, 9), (9, 10), (10, 10)]}, (422, "no_road_inside")),
        ({"corners": [(9, 9)]}, (422, "bad_polygon")),
    ],
)
async def test_conditions_that_are_refused(
    client: httpx.AsyncClient, changed: dict[str, Any], wanted: tuple[int, str]
) -> None:
    assert code(await client.post("/api/conditions", json=a_condition(**changed))) == wanted


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"lon": "100.26"}, (400, "malformed")),
        ({"lon": "nan", "lat": "27.5"}, (400, "malformed")),
        ({"lon": "1e308", "lat": "27.5"}, (422, "off_map")),
    ],
)
async def test_places_that_are_none(
    client: httpx.AsyncClient, query: dict[str, str], wanted: tuple[int, str]
) -> None:
    assert code(await client.get("/api/roads/near", params=query)) == wanted
