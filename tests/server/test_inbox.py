"""One entrance, one exit: what comes in from outside, and every order by its number."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.dispatch.errors import Conflict
from server.ids import new_id
from server.intakedesk import IntakeDesk
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY, an_incident
from tests.small_county import crossing

LON, LAT = crossing(3, 2)


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def receive(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    body = {
        "request_id": new_id(),
        "kind": "warning",
        "source": "Weather service",
        "urgency": "priority",
        "text": "Rockfall likely after rain",
        "place": "Valley Road",
        "lon": LON,
        "lat": LAT,
    }
    return await client.post("/api/inbox", json=body | changed)


async def open_for(client: httpx.AsyncClient, intake: dict[str, Any]) -> httpx.Response:
    body = {
        "request_id": new_id(),
        "type": "patrol_task",
        "priority": "routine",
        "note": intake["text"],
        "lon": LON,
        "lat": LAT,
        "intake_id": intake["id"],
    }
    return await client.post("/api/incidents", json=body)


async def waiting(client: httpx.AsyncClient) -> list[tuple[str, str]]:
    found = (await client.get("/api/worklist")).raise_for_status().json()
    return [(each["kind"], each["severity"]) for each in found["items"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_warning_waits_in_the_worklist_until_a_patrol_is_opened_for_it(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    came = (await receive(dispatcher)).raise_for_status().json()
    assert await waiting(dispatcher) == [("intake", "warning")]

    opened = (await open_for(dispatcher, came)).raise_for_status().json()

    assert await waiting(dispatcher) == []
    page = (await dispatcher.get("/api/inbox?status=all")).json()
    assert [(each["outcome"], each["incident_id"]) for each in page["items"]] == [
        ("opened", opened["id"])
    ]
    assert page["open"] == 0
    assert [
        kind for kind in await api.room.kinds() if kind.split(".")[0] not in ("work", "access")
    ] == [
        "intake.received",
        "incident.opened",
        "intake.settled",
    ]


async def test_two_dispatchers_open_one_patrol_for_one_warning(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    came = (await receive(dispatcher)).raise_for_status().json()
    (await open_for(dispatcher, came)).raise_for_status()

    second = await open_for(dispatcher, came)

    assert refusal(second) == (409, "settled")
    assert (await api.room.counts())["incident"] == 1


async def test_who_takes_note_of_a_warning_says_why_nothing_is_done(
    dispatcher: httpx.AsyncClient,
) -> None:
    came = (await receive(dispatcher, urgency="emergency")).raise_for_status().json()
    assert await waiting(dispatcher) == [("intake", "alarm")]
    path = f"/api/inbox/{came['id']}/note"

    assert refusal(await dispatcher.post(path, json={"why": " "})) == (422, "no_reason")
    noted = (await dispatcher.post(path, json={"why": "Squad 2 is there"})).raise_for_status()

    assert (noted.json()["outcome"], noted.json()["why"]) == ("noted", "Squad 2 is there")
    assert refusal(await dispatcher.post(path, json={"why": "again"})) == (409, "settled")
    assert await waiting(dispatcher) == []


async def test_seeing_to_its_item_of_the_worklist_is_taking_note_of_it(
    dispatcher: httpx.AsyncClient,
) -> None:
    (await receive(dispatcher)).raise_for_status()
    (item,) = (await dispatcher.get("/api/worklist")).json()["items"]

    path = f"/api/worklist/{item['id']}/settle"
    settled = (await dispatcher.post(path, json={"reason": "by radio"})).raise_for_status().json()

    assert (settled["settled_by"], settled["why"]) == ("user:dispatcher", "by radio")
    (came,) = (await dispatcher.get("/api/inbox?status=settled")).json()["items"]
    assert (came["outcome"], came["why"], came["settled_by"]) == (
        "noted",
        "by radio",
        "user:dispatcher",
    )


async def test_a_warning_whose_time_is_over_settles_by_itself(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    (await receive(dispatcher, until_at=later.isoformat())).raise_for_status()
    (await receive(dispatcher, text="Snow above 3,000 m")).raise_for_status()
    room = api.room

    before = await IntakeDesk(
        pool=room.pool, fanout=room.fanout, clock=lambda: later - timedelta(seconds=1)
    ).sweep()
    after = await IntakeDesk(pool=room.pool, fanout=room.fanout, clock=lambda: later).sweep()

    assert (before, after) == (0, 1)
    page = (await dispatcher.get("/api/inbox?status=all")).json()
    assert [each["outcome"] for each in page["items"]] == [None, "over"]
    assert page["open"] == 1


async def test_the_same_message_twice_is_one(dispatcher: httpx.AsyncClient) -> None:
    request_id = new_id()
    first, second = [await receive(dispatcher, request_id=request_id) for _ in range(2)]
    other = await receive(dispatcher, request_id=request_id, text="Something else")

    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json()["id"] == second.json()["id"]
    assert refusal(other) == (409, "request_reused")


async def test_a_lost_answer_is_asked_for_again_though_the_time_is_over_by_now(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    said = {"request_id": new_id(), "until_at": (api.room.now + timedelta(minutes=5)).isoformat()}
    first = await receive(dispatcher, **said)
    api.room.now += timedelta(minutes=6)

    again = await receive(dispatcher, **said)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json()["id"] == first.json()["id"]


async def test_what_a_source_says_again_while_it_waits_counts_up_on_one_item(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    first = await receive(dispatcher)
    again = await receive(dispatcher)
    graver = await receive(dispatcher, urgency="emergency")

    assert [each.status_code for each in (first, again, graver)] == [201, 200, 201]
    assert again.json()["id"] == first.json()["id"]
    items = (await dispatcher.get("/api/worklist")).json()["items"]
    assert [(each["severity"], each["times"]) for each in items] == [("alarm", 1), ("warning", 2)]
    assert [each["body"]["inbox_number"] for each in items] == [2, 1]
    assert all("number" not in each["body"] for each in items)  # that is an order's
    assert (await api.room.kinds()).count("intake.received") == 3
    noted = await dispatcher.post(f"/api/inbox/{first.json()['id']}/note", json={"why": "seen"})
    assert noted.status_code == 200
    assert (await receive(dispatcher)).status_code == 201


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"lat": None}, (422, "no_place")),
        ({"until_at": "2020-01-01T00:00:00Z"}, (422, "no_time")),
        (
            {"from_at": "2099-01-02T00:00:00Z", "until_at": "2099-01-01T00:00:00Z"},
            (422, "no_time"),
        ),
        ({"kind": "rumour"}, (400, "malformed")),
        ({"source": " "}, (400, "malformed")),
        ({"text": ""}, (400, "malformed")),
        ({"text": " \n "}, (400, "malformed")),
        ({"until_at": "2099-01-01T00:00:00"}, (400, "malformed")),
    ],
)
async def test_what_makes_no_sense_does_not_come_in(
    dispatcher: httpx.AsyncClient, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(await receive(dispatcher, **changed)) == expected


async def test_a_flood_is_refused_and_what_waits_stays(
    api: Api, dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.intakedesk.OPEN_LEN_MAX", 2)
    for text in ("Rockfall", "Flood"):
        (await receive(dispatcher, text=text)).raise_for_status()

    assert refusal(await receive(dispatcher, text="Snow")) == (409, "too_many")
    await api.intake_desk.sweep()
    assert api.metrics.value("inbox_refused") == 1
    assert "ridgeline_inbox_open 2\n" in api.metrics.text()
    assert (await dispatcher.get("/api/inbox")).json()["open"] == 2


async def test_every_order_leaves_by_one_numbered_exit(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    rows = [await api.room.add_unit(f"P-0{number}", (LON, LAT)) for number in range(3)]
    for row in rows:
        opened, _ = await api.room.pipeline.open_incident(an_incident(), by=BY)
        await api.room.send(opened, row)

    first = (await dispatcher.get("/api/outlet?limit=2")).json()
    second = (await dispatcher.get(f"/api/outlet?limit=2&before={first['next']}")).json()

    numbers = [each["number"] for each in (*first["orders"], *second["orders"])]
    assert numbers == sorted(numbers, reverse=True)
    assert (len(first["orders"]), len(second["orders"]), second["next"]) == (2, 1, None)


async def test_an_order_that_was_refused_leaves_no_gap_in_the_numbers(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    busy, free = [await api.room.add_unit(f"P-0{number}", (LON, LAT)) for number in range(2)]
    first, second = [await api.room.open() for _ in range(2)]
    await api.room.send(first, busy)
    with pytest.raises(Conflict) as refused:
        await api.room.send(second, busy)
    await api.room.send(second, free)

    numbers = [each["number"] for each in (await dispatcher.get("/api/outlet")).json()["orders"]]

    assert refused.value.code == "unit_busy"
    assert numbers == [2, 1]
