"""One dispatcher alone: what he is reminded of, and what the next one reads at the change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.ids import new_id
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import NOW
from tests.small_county import crossing

SOON = timedelta(minutes=20)


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def remind(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    body = {"text": "Call the village back", "due_at": (NOW + SOON).isoformat()}
    return await client.post("/api/reminders", json=body | changed)


async def waiting(client: httpx.AsyncClient) -> list[tuple[str, Any]]:
    found = (await client.get("/api/worklist")).raise_for_status().json()
    return [(each["kind"], each["body"].get("text")) for each in found["items"]]


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def test_a_reminder_comes_when_it_is_due_and_once(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    incident = await api.room.open()
    (await remind(dispatcher, incident_id=incident.id)).raise_for_status()
    api.room.now = NOW + SOON - timedelta(seconds=1)
    assert await api.watch_room.ring() == 0
    assert await waiting(dispatcher) == []

    api.room.now = NOW + SOON
    rung = [await api.watch_room.ring(), await api.watch_room.ring()]

    assert rung == [1, 0]
    assert await waiting(dispatcher) == [("reminder", "Call the village back")]
    assert (await dispatcher.get("/api/reminders")).json() == []


async def test_a_dropped_reminder_does_not_come(api: Api, dispatcher: httpx.AsyncClient) -> None:
    found = (await remind(dispatcher)).raise_for_status().json()
    path = f"/api/reminders/{found['id']}/drop"

    assert (await dispatcher.post(path)).status_code == 204
    api.room.now = NOW + SOON

    assert await api.watch_room.ring() == 0
    assert refusal(await dispatcher.post(path)) == (404, "not_found")


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"due_at": NOW.isoformat()}, (422, "no_time")),
        ({"due_at": (NOW + timedelta(days=8)).isoformat()}, (422, "no_time")),
        ({"due_at": "2026-01-31T09:00:00"}, (400, "malformed")),
        ({"text": ""}, (400, "malformed")),
        ({"incident_id": new_id()}, (404, "not_found")),
    ],
)
async def test_what_makes_no_sense_is_no_reminder(
    dispatcher: httpx.AsyncClient, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(await remind(dispatcher, **changed)) == expected


async def test_only_so_many_reminders_wait(
    dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.watchroom.REMINDERS_LEN_MAX", 1)
    (await remind(dispatcher)).raise_for_status()

    assert refusal(await remind(dispatcher)) == (409, "too_many")


async def test_whoever_takes_the_room_reads_what_stands_open_and_says_so(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    row = await api.room.add_unit("P-01", crossing(3, 1))
    routine = await api.room.open(priority="routine")
    urgent = await api.room.open(priority="emergency")
    await api.room.send(routine, row)
    (await remind(dispatcher)).raise_for_status()

    seen = (await dispatcher.get("/api/handover")).raise_for_status().json()
    api.room.now += SOON / 2
    taken = await dispatcher.post("/api/handover", json={"note": "Valley road may close"})
    after = (await dispatcher.get("/api/handover")).raise_for_status().json()

    assert [each["id"] for each in seen["incidents"]] == [urgent.id, routine.id]
    assert seen["last"] is None
    assert (seen["done"]["opened"], seen["done"]["orders"]) == (2, 1)
    assert (len(seen["reminders"]), seen["units"], seen["silent"]) == (1, {"available": 1}, [])
    assert taken.status_code == 200
    assert (after["last"]["note"], after["last"]["taken_by"]) == (
        "Valley road may close",
        "user:dispatcher",
    )
    assert after["done"] == dict.fromkeys(after["done"], 0)
    (logged,) = await api.room.fetch("SELECT body FROM journal_entry WHERE kind = 'handover.taken'")
    assert (logged["body"]["incidents"], logged["body"]["reminders"]) == (2, 1)
