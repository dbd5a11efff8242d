"""The dispatcher's HTTP API: shapes, roles, refusals. Real sessions, database and roads."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.http import map  # noqa: A004 (its name)
from server.ids import new_id
from server.stores.users import Role
from server.views import IncidentView, JournalEntryView, OrderView, RecommendationView, UnitView
from tests.server.api_room import Api, an_api
from tests.small_county import crossing

LON, LAT = crossing(3, 2)


@pytest.fixture(scope="module")
def tiles(small_map: RoadMap) -> TileMaker:
    return TileMaker(small_map)


@pytest.fixture(scope="module")
def places(small_map: RoadMap) -> PlaceIndex:
    return PlaceIndex(small_map)


@pytest.fixture
async def api(
    pool: Any, small_map: RoadMap, tiles: TileMaker, places: PlaceIndex
) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, tiles, places) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


def a_body(**changed: Any) -> dict[str, Any]:
    values = {
        "request_id": new_id(),
        "type": "assault",
        "priority": "emergency",
        "note": "",
        "lon": LON,
        "lat": LAT,
    }
    return values | changed


async def opened(client: httpx.AsyncClient, **changed: Any) -> dict[str, Any]:
    answer = await client.post("/api/incidents", json=a_body(**changed))
    assert answer.status_code == 201, answer.text
    incident: dict[str, Any] = answer.json()
    return incident


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("1", [1]), ("#2", [2]), ("xinghe", [1]), ("盗窃", [2]), ("THEFT", [2]), ("p-02", [1]),
        ("nothing there", [2]), ("%", []), ("_", []), ("", [3, 2, 1]),
    ],
)  # fmt: skip
async def test_incidents_are_found_by_what_their_list_shows(
    api: Api, dispatcher: httpx.AsyncClient, text: str, numbers: list[int]
) -> None:
    """In all of them, however many pages that are."""
    unit = await api.room.add_unit("P-02", crossing(5, 2))
    first = await opened(dispatcher, request_id="r1", place="Xinghe bridge")
    second = await opened(dispatcher, request_id="r2", type="theft", place="market")
    await opened(dispatcher, request_id="r3", type="crowd", place="square")
    await api.room.send(await api.room.incident(first["id"]), unit)
    await dispatcher.post(f"/api/incidents/{second['id']}/close", json={"outcome": "nothing there"})

    answer = await dispatcher.get("/api/incidents", params={"text": text, "limit": 10})

    assert [each["number"] for each in answer.json()] == numbers


async def test_the_main_job_over_http(api: Api, dispatcher: httpx.AsyncClient) -> None:
    unit = await api.room.add_unit("P-02", crossing(5, 2))

    incident = await opened(dispatcher)
    convert(incident, IncidentView)
    at = f"/api/incidents/{incident['id']}"
    found = (await dispatcher.post(f"{at}/recommendation")).json()
    assert convert(found, RecommendationView).candidates[0].call_sign == "P-02"
    sent = await dispatcher.post(
        f"{at}/dispatch",
        json={"request_id": "d1", "recommendation_id": found["id"], "unit_ids": [unit.id]},
    )
    assert sent.status_code == 201
    (order,) = convert(sent.json(), list[OrderView])
    ways = (await dispatcher.get(f"{at}/routes")).json()
    assert [way["properties"]["call_sign"] for way in ways["features"]] == ["P-02"]
    assert ways["features"][0]["geometry"]["type"] == "LineString"
    assert ways["features"][0]["properties"]["duration_s"] == pytest.approx(order.eta_s)
    told = await dispatcher.post(
        f"/api/orders/{order.id}/report", json={"ver": 1, "state": "done", "note": "by radio"}
    )
    assert told.json()["state"] == "done"
    seen = convert((await dispatcher.get(at)).json(), IncidentView)
    assert (seen.status, seen.outcome) == ("closed", "done")
    assert [event.state for event in seen.orders[0].events] == ["issued", "done"]
    assert (await dispatcher.get(f"{at}/routes")).json()["features"] == []

    async with api.signed_in("supervisor") as supervisor:
        page = (await supervisor.get("/api/journal", params={"limit": 4})).json()
        assert [each["kind"] for each in page["entries"]] == [
            "incident.closed",
            "order.done",
            "order.issued",
            "decision.taken",
        ]
        rest = (await supervisor.get("/api/journal", params={"before": page["next"]})).json()
        kinds = [each.kind for each in convert(rest["entries"], list[JournalEntryView])]
        assert kinds == ["recommendation.computed", "incident.opened"]
        assert rest["next"] is None
        read = (await supervisor.get("/api/journal", params={"kind": "journal"})).json()
        assert [each["actor"] for each in read["entries"]] == ["user:supervisor"] * 2
        assert read["entries"][0]["body"]["found"] == 2


async def test_a_supervisor_redacts_what_somebody_wrote_into_the_log(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    incident = await opened(dispatcher, note="Mrs Wang, 138 0000 0000")
    asked = {"fields": ["body.note"], "reason": "the caller asked for it"}
    async with api.signed_in("supervisor") as supervisor:
        (found,) = (await supervisor.get("/api/journal", params={"q": "Mrs Wang"})).json()[
            "entries"
        ]
        at = f"/api/journal/{found['seq']}/redact"

        assert (await supervisor.post(at, json=asked | {"reason": " "})).status_code == 400
        assert (await supervisor.post(at, json=asked | {"fields": []})).status_code == 400
        nowhere = await supervisor.post(f"/api/journal/{10**30}/redact", json=asked)
        assert nowhere.status_code == 404
        done = await supervisor.post(at, json=asked)
        again = await supervisor.post(at, json=asked)

        about = {"subject": f"incident:{incident['id']}"}
        (shown,) = (await supervisor.get("/api/journal", params=about)).json()["entries"]
        log = (await supervisor.get("/api/journal", params={"kind": "journal.redacted"})).json()
    assert done.json() == {"seq": found["seq"], "redacted": ["body.note"]}
    assert (again.status_code, again.json()["error"]["code"]) == (409, "redacted")
    assert (shown["redacted"], "note" in shown["body"]) == (["body.note"], False)
    assert [each["actor"] for each in log["entries"]] == ["user:supervisor"]


async def test_the_log_is_searched_by_incident_and_unit(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    unit = await api.room.add_unit("P-02", crossing(5, 2))
    incident, other = await opened(dispatcher), await opened(dispatcher)
    at = f"/api/incidents/{incident['id']}"
    found = (await dispatcher.post(f"{at}/recommendation")).json()
    await dispatcher.post(
        f"{at}/dispatch",
        json={"request_id": "d1", "recommendation_id": found["id"], "unit_ids": [unit.id]},
    )

    async with api.signed_in("supervisor") as supervisor:

        async def kinds(**asked: Any) -> list[str]:
            page = (await supervisor.get("/api/journal", params=asked)).json()
            assert page["words_from"] == 1
            return [each["kind"] for each in page["entries"]]

        whole = ["order.issued", "decision.taken", "recommendation.computed", "incident.opened"]
        assert await kinds(incident=incident["number"]) == whole
        assert await kinds(incident=incident["id"]) == whole
        assert await kinds(incident=other["number"]) == ["incident.opened"]
        assert await kinds(unit="p-02", kind="order") == ["order.issued"]
        assert await kinds(unit=unit.id, q="nowhere") == []
        unknown = await supervisor.get("/api/journal", params={"incident": 4711})
        assert code(unknown) == (404, "not_found")
        read = (await supervisor.get("/api/journal", params={"kind": "journal"})).json()
        assert read["entries"][0]["body"]["filter"] == {"unit": unit.id, "q": "nowhere"}


async def test_the_same_request_answers_with_the_same_incident(
    dispatcher: httpx.AsyncClient,
) -> None:
    first = await opened(dispatcher, request_id="r1")

    again = await dispatcher.post("/api/incidents", json=a_body(request_id="r1"))

    assert (again.status_code, again.json()["id"]) == (200, first["id"])


async def test_an_incident_without_a_place_is_named_by_the_map(
    dispatcher: httpx.AsyncClient,
) -> None:
    incident = await opened(dispatcher)

    assert "X02 km" in incident["place"]


WRONG_INCIDENTS: list[tuple[dict[str, Any], int, str]] = [
    ({"lon": 99.0}, 422, "off_map"),
    ({"type": "ufo"}, 422, "unknown_type"),
    ({"priority": "panic"}, 400, "malformed"),
    ({"lon": 200}, 400, "malformed"),
    ({"lat": "north"}, 400, "malformed"),
    ({"note": "x" * 2001}, 400, "malformed"),
    ({"note": "a\0b"}, 400, "malformed"),
    ({"request_id": ""}, 400, "malformed"),
]


async def test_a_wrong_incident_is_refused_with_the_field(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    for changed, status, name in WRONG_INCIDENTS:
        answer = await dispatcher.post("/api/incidents", json=a_body(**changed))

        assert code(answer) == (status, name), changed
        assert status == 422 or next(iter(changed)) in answer.text
    assert (await api.room.counts())["incident"] == 0


async def test_a_body_that_is_no_json_is_malformed(dispatcher: httpx.AsyncClient) -> None:
    nan = json.dumps(a_body(lon=float("nan"))).encode()
    for content in (b"", b"{", b"[]", b"\xff\xfe", b'{"request_id": "\\ud800"}', nan):
        answer = await dispatcher.post("/api/incidents", content=content)

        assert code(answer) == (400, "malformed"), content


async def test_conflicts_say_what_is_in_the_way(api: Api, dispatcher: httpx.AsyncClient) -> None:
    unit = await api.room.add_unit("P-02", crossing(5, 2))
    first, second = await opened(dispatcher), await opened(dispatcher)

    async def send(incident: dict[str, Any]) -> httpx.Response:
        at = f"/api/incidents/{incident['id']}"
        found = (await dispatcher.post(f"{at}/recommendation")).json()
        body = {
            "request_id": new_id(),
            "recommendation_id": found["id"],
            "unit_ids": [unit.id],
        }
        return await dispatcher.post(f"{at}/dispatch", json=body)

    (order,) = (await send(first)).json()
    busy = await send(second)
    stale = await dispatcher.post(
        f"/api/orders/{order['id']}/cancel", json={"ver": 9, "reason": "no"}
    )
    silent = await dispatcher.post(
        f"/api/orders/{order['id']}/cancel", json={"ver": 1, "reason": " "}
    )
    resting = await dispatcher.post(f"/api/units/{unit.id}/shift", json={"on_duty": False})
    closing = await dispatcher.post(
        f"/api/incidents/{first['id']}/close", json={"outcome": "nothing there"}
    )

    assert code(busy) == (409, "unit_busy")
    assert busy.json()["error"]["message"] == "P-02 already has order 1."
    assert code(stale) == (409, "stale")
    assert code(silent) == (422, "no_reason")
    assert code(resting) == (409, "unit_busy")
    assert code(closing) == (409, "orders_open")

    await dispatcher.post(f"/api/orders/{order['id']}/cancel", json={"ver": 1, "reason": "no"})
    closed = await dispatcher.post(
        f"/api/incidents/{first['id']}/close", json={"outcome": "nothing there"}
    )
    assert (closed.json()["status"], closed.json()["outcome"]) == ("closed", "nothing there")


BY_ID: list[tuple[str, str, Any]] = [
    ("GET", "/api/incidents/{}", None),
    ("GET", "/api/incidents/{}/routes", None),
    ("POST", "/api/incidents/{}/recommendation", None),
    ("POST", "/api/incidents/{}/close", {"outcome": "x"}),
    ("POST", "/api/orders/{}/cancel", {"ver": 1, "reason": "x"}),
    ("POST", "/api/orders/{}/report", {"ver": 1, "state": "done"}),
    ("POST", "/api/units/{}/shift", {"on_duty": True}),
]


async def test_what_does_not_exist_is_not_found(dispatcher: httpx.AsyncClient) -> None:
    for method, path, body in BY_ID:
        for wrong in ("no-uuid", new_id()):
            answer = await dispatcher.request(method, path.format(wrong), json=body)

            assert code(answer) == (404, "not_found"), (path, wrong)


ROLES: tuple[Role, ...] = ("dispatcher", "officer", "supervisor", "admin")


CALLS: list[tuple[str, str, tuple[Role, ...]]] = [
    ("GET", "/api/map", ROLES),
    ("GET", "/api/incident-types", ROLES),
    ("GET", "/tiles/12/3189/1718.mvt", ROLES),
    ("GET", "/tiles/pack?of=12/3189/1718", ROLES),
    ("GET", "/api/places?q=x", ("dispatcher", "supervisor", "admin")),
    ("GET", "/api/units", ("dispatcher", "supervisor")),
    ("POST", "/api/units/x/shift", ("dispatcher", "admin")),
    ("GET", "/api/incidents", ("dispatcher", "supervisor")),
    ("POST", "/api/incidents", ("dispatcher",)),
    ("GET", "/api/incidents/x", ("dispatcher", "supervisor")),
    ("POST", "/api/incidents/x/recommendation", ("dispatcher",)),
    ("POST", "/api/incidents/x/dispatch", ("dispatcher",)),
    ("POST", "/api/incidents/x/close", ("dispatcher",)),
    ("GET", "/api/incidents/x/routes", ("dispatcher",)),
    ("POST", "/api/orders/x/cancel", ("dispatcher",)),
    ("POST", "/api/orders/x/report", ("dispatcher",)),
    ("GET", "/api/journal", ("supervisor",)),
]


async def test_each_call_is_open_to_its_roles_alone(api: Api) -> None:
    async with api.signed_in() as nobody:
        for method, path, _ in CALLS:
            assert (await nobody.request(method, path)).status_code == 401, path
    for role in ROLES:
        async with api.signed_in(role) as client:
            for method, path, allowed in CALLS:
                answer = await client.request(method, path)

                assert (answer.status_code == 403) == (role not in allowed), (role, path)


async def test_incidents_are_listed_newest_first_by_status_and_page(
    dispatcher: httpx.AsyncClient,
) -> None:
    made = [await opened(dispatcher) for _ in range(4)]
    await dispatcher.post(f"/api/incidents/{made[1]['id']}/close", json={"outcome": "x"})

    async def numbers(**params: Any) -> list[int]:
        answer = await dispatcher.get("/api/incidents", params=params)
        return [each["number"] for each in answer.json()]

    assert await numbers() == [4, 3, 2, 1]
    assert await numbers(status="open") == [4, 3, 1]
    assert await numbers(status="closed") == [2]
    assert await numbers(before=3, limit=1) == [2]


async def test_a_strange_query_is_malformed(api: Api, dispatcher: httpx.AsyncClient) -> None:
    for query in ("status=strange", "before=-1", "limit=ten", "before=99999999999999999999"):
        answer = await dispatcher.get(f"/api/incidents?{query}")
        assert code(answer) == (400, "malformed"), query

    async with api.signed_in("supervisor") as supervisor:
        for query in ("since=yesterday", "until=2026-01-31T08:00:00", "q=" + "x" * 201, "q=%00"):
            answer = await supervisor.get(f"/api/journal?{query}")
            assert code(answer) == (400, "malformed"), query


async def test_shifts_over_http(api: Api, dispatcher: httpx.AsyncClient) -> None:
    unit = await api.room.add_unit("P-02", crossing(5, 2), on_duty=False)

    answer = await dispatcher.post(f"/api/units/{unit.id}/shift", json={"on_duty": True})

    seen = convert(answer.json(), UnitView)
    assert (seen.status, seen.call_sign) == ("available", "P-02")
    assert seen.position is not None
    assert len((await dispatcher.get("/api/units")).json()) == 1


async def test_the_map_says_what_it_is(dispatcher: httpx.AsyncClient, small_map: RoadMap) -> None:
    about = (await dispatcher.get("/api/map")).json()

    assert about["id"] == small_map.meta.map_id
    assert about["bounds"] == list(small_map.meta.bounds)
    assert about["center"] == pytest.approx([100.26, 27.54])
    assert (about["synthetic"], about["attribution"]) == (True, "synthetic")
    assert about["zoom"] == {"min": 8, "max": 16}


TILE = "12/3188/1721"


async def test_tiles_are_served_once_and_then_confirmed(dispatcher: httpx.AsyncClient) -> None:
    for path, media_type in (
        (f"/tiles/{TILE}.mvt", "application/vnd.mapbox-vector-tile"),
        (f"/hillshade/{TILE}.webp", "image/webp"),
    ):
        first = await dispatcher.get(path)
        again = await dispatcher.get(path, headers={"if-none-match": first.headers["etag"]})

        assert first.status_code == 200
        assert first.headers["content-type"] == media_type
        assert "max-age" in first.headers["cache-control"]
        assert len(first.content) > 100
        assert (again.status_code, again.content) == (304, b"")


async def test_a_tile_with_nothing_on_it_has_no_content(dispatcher: httpx.AsyncClient) -> None:
    for path in ("/tiles/12/0/0.mvt", "/tiles/3/1/1.mvt", "/hillshade/12/99999/1.webp"):
        assert (await dispatcher.get(path)).status_code == 204, path


async def test_a_pack_holds_the_same_tiles_in_the_order_asked_for(
    dispatcher: httpx.AsyncClient,
) -> None:
    names = [TILE, "12/0/0", "11/1594/860"]

    content = (await dispatcher.get("/tiles/pack", params={"of": ",".join(names)})).content

    for name in names:
        length = int.from_bytes(content[:4])
        tile, content = content[4 : 4 + length], content[4 + length :]
        assert tile == (await dispatcher.get(f"/tiles/{name}.mvt")).content, name
    assert content == b""


async def test_a_pack_of_too_many_tiles_or_of_none_is_refused(
    dispatcher: httpx.AsyncClient,
) -> None:
    full = ",".join([TILE] * map.PACK_LEN_MAX)

    assert (await dispatcher.get("/tiles/pack", params={"of": full})).status_code == 200
    for bad in (f"{full},{TILE}", "", "12/3188", "12/3188/1721.mvt", "-1/0/0"):
        assert code(await dispatcher.get("/tiles/pack", params={"of": bad})) == (400, "malformed")


async def test_too_many_tiles_at_once_are_refused(
    dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map, "TILES_WAITING_MAX", 0)

    answer = await dispatcher.get(f"/tiles/{TILE}.mvt")

    assert code(answer) == (503, "tiles_busy")
    assert answer.headers["retry-after"] == "1"


async def test_places_are_found(dispatcher: httpx.AsyncClient) -> None:
    for text, kind, name in (
        ("松坪", "village", "松坪村"),
        ("songping", "village", "松坪村"),
        ("G320 k2.5", "road_km", "G320 km 2.5"),
        ("27.54,100.26", "coordinates", "27.54000, 100.26000"),
    ):
        found = (await dispatcher.get("/api/places", params={"q": text})).json()

        assert (found[0]["kind"], found[0]["name"]) == (kind, name), text


async def test_incident_types_have_two_names(dispatcher: httpx.AsyncClient) -> None:
    types = (await dispatcher.get("/api/incident-types")).json()

    assert {"code", "priority", "scene_min", "names", "steps", "retired"} <= set(types[0])
    names = {each["code"]: each["names"] for each in types}
    assert names["traffic_collision"] == {"en": "Traffic collision", "zh": "交通事故"}
