"""One dispatcher alone: what he is reminded of, and what the next one reads at the change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.handoverviews import HandoverView
from server.ids import new_id
from server.watchroom import SHIFT
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import NOW
from tests.small_county import crossing

SOON = timedelta(minutes=20)
CALL_FOR_HELP = """
INSERT INTO sos_call (id, device_id, ref, unit_id, received_at) VALUES ($1, $2, 'first', $3, $4)
"""


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def remind(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    body = {
        "request_id": new_id(),
        "text": "Call the village back",
        "due_at": (NOW + SOON).isoformat(),
    }
    return await client.post("/api/reminders", json=body | changed)


async def take(client: httpx.AsyncClient, **changed: Any) -> httpx.Response:
    return await client.post("/api/handover", json={"request_id": new_id()} | changed)


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
        ({"text": "  "}, (400, "malformed")),
        ({"incident_id": new_id()}, (404, "not_found")),
    ],
)
async def test_what_makes_no_sense_is_no_reminder(
    dispatcher: httpx.AsyncClient, changed: dict[str, Any], expected: tuple[int, str]
) -> None:
    assert refusal(await remind(dispatcher, **changed)) == expected


async def test_asking_twice_sets_one_reminder_though_it_is_due_by_now(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    request_id = new_id()
    first = await remind(dispatcher, request_id=request_id)
    api.room.now += SOON

    again = await remind(dispatcher, request_id=request_id)
    other = await remind(dispatcher, request_id=request_id, text="Something else")

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == first.json()
    assert refusal(other) == (409, "request_reused")
    assert (await api.room.fetch("SELECT count(*) FROM reminder"))[0]["count"] == 1


async def test_what_was_due_while_no_server_ran_comes_with_the_next_start(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    (await remind(dispatcher)).raise_for_status()
    api.room.now += 30 * SOON

    assert await api.watch_room.ring() == 1
    assert await waiting(dispatcher) == [("reminder", "Call the village back")]


async def test_only_so_many_reminders_wait(
    api: Api, dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.watchroom.REMINDERS_LEN_MAX", 1)
    (await remind(dispatcher)).raise_for_status()

    assert refusal(await remind(dispatcher)) == (409, "too_many")
    await api.watch_room.ring()
    assert api.metrics.value("reminders_refused") == 1
    assert "ridgeline_reminders_waiting 1\n" in api.metrics.text()


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
    taken = await take(dispatcher, note="Valley road may close")
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


async def test_asking_twice_takes_the_room_once(api: Api, dispatcher: httpx.AsyncClient) -> None:
    request_id = new_id()
    (await take(dispatcher, request_id=request_id, note="quiet")).raise_for_status()
    api.room.now += SOON

    again = await take(dispatcher, request_id=request_id, note="quiet")
    other = await take(dispatcher, request_id=request_id, note="not quiet")

    assert again.status_code == 200
    assert refusal(other) == (409, "request_reused")
    assert (await api.room.fetch("SELECT at FROM handover"))[0]["at"] == NOW


async def test_nobody_takes_the_room_of_himself_so_the_next_one_reads_of_the_whole_shift(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    (await take(dispatcher)).raise_for_status()
    api.room.now += SHIFT - timedelta(minutes=5)
    await api.room.open()

    assert refusal(await take(dispatcher)) == (409, "yours")
    async with api.signed_in("dispatcher", badge="B-2") as relief:
        seen = (await relief.get("/api/handover")).json()
        taken = await take(relief)
    api.room.now += timedelta(minutes=1)
    back = await take(dispatcher)

    assert (datetime.fromisoformat(seen["since"]), seen["done"]["opened"]) == (NOW, 1)
    assert (taken.status_code, back.status_code) == (200, 200)


async def test_who_is_alone_for_days_takes_the_room_again_each_day(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    (await take(dispatcher)).raise_for_status()
    api.room.now += SHIFT

    assert (await take(dispatcher)).status_code == 200


async def test_of_two_who_take_the_room_at_once_one_has_it(
    api: Api, dispatcher: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = api.watch_room.handover
    both_read = asyncio.Barrier(2)

    async def read_together() -> HandoverView:
        seen = await look()
        await both_read.wait()
        return seen

    monkeypatch.setattr(api.watch_room, "handover", read_together)
    async with api.signed_in("dispatcher", badge="B-2") as other:
        answers = await asyncio.gather(take(dispatcher), take(other))

    assert sorted(each.status_code for each in answers) == [200, 409]
    (refused,) = [each for each in answers if each.status_code == 409]
    assert refusal(refused) == (409, "taken")


async def test_whoever_takes_the_room_reads_of_war_and_of_calls_for_help(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    row = await api.room.add_unit("P-01", crossing(3, 1))
    await api.room.fetch(CALL_FOR_HELP, new_id(), row.devices[0].id, row.id, NOW)

    seen = (await dispatcher.get("/api/handover")).raise_for_status().json()

    assert [each["unit_id"] for each in seen["sos"]] == [row.id]
    assert seen["stance"]["mode"] == "peace"
