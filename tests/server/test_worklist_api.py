"""The worklist and the recall of orders over HTTP, and the worklist in the consoles' feed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.linear import LinearIndex
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.dispatch.worklist import ItemKind, Severity
from server.gateways.worknews import CHANGED_MAX, WORK_SHOWN_MAX, WorkNews
from server.orderdesk import ASK_AGAIN
from server.stores import worklist
from server.stores.worklist import PAGE_LEN_MAX, About
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import NOW
from tests.small_county import crossing


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    linear = LinearIndex(small_map)
    async with an_api(
        pool, small_map, TileMaker(small_map, linear), PlaceIndex(small_map, linear)
    ) as api:
        yield api


@pytest.fixture
async def dispatcher(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


async def an_item(
    api: Api,
    subject: str = "device:cam-07",
    *,
    kind: ItemKind = ItemKind.DELIVERY_FAILED,
    severity: Severity | None = None,
    seconds: float = 0,
) -> str:
    async with api.room.pool.acquire() as conn, conn.transaction():
        raised = await worklist.raise_item(
            conn,
            kind,
            About(subject=subject),
            body={"device": "cam-07"},
            at=NOW + timedelta(seconds=seconds),
            severity=severity,
        )
    return raised.item.id


async def kinds(api: Api) -> list[str]:
    return [each for each in await api.room.kinds() if each.startswith("work.")]


async def test_an_item_is_claimed_and_settled_with_a_reason(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    item_id = await an_item(api)

    listed = (await dispatcher.get("/api/worklist")).json()
    claimed = await dispatcher.post(f"/api/worklist/{item_id}/claim", json={})
    settled = await dispatcher.post(
        f"/api/worklist/{item_id}/settle", json={"reason": " called the technician "}
    )

    assert (listed["open"], [each["id"] for each in listed["items"]]) == (1, [item_id])
    assert claimed.json()["claimed_by"] == "user:dispatcher"
    assert (settled.json()["settled_by"], settled.json()["why"]) == (
        "user:dispatcher", "called the technician",
    )  # fmt: skip
    assert (await dispatcher.get("/api/worklist")).json()["items"] == []
    assert (await dispatcher.get("/api/worklist?status=settled")).json()["open"] == 0
    assert await kinds(api) == ["work.claimed", "work.settled"]
    assert ("work", item_id) in api.room.fanout.published


async def test_what_somebody_claimed_another_takes_over_only_on_purpose(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    item_id = await an_item(api)
    await dispatcher.post(f"/api/worklist/{item_id}/claim", json={})

    async with api.signed_in("supervisor") as supervisor:
        refused = await supervisor.post(f"/api/worklist/{item_id}/claim", json={})
        taken = await supervisor.post(f"/api/worklist/{item_id}/claim", json={"take_over": True})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "claimed")
    assert refused.json()["error"]["detail"] == {"claimed_by": "user:dispatcher"}
    assert taken.json()["claimed_by"] == "user:supervisor"


async def test_what_is_settled_is_settled(api: Api, dispatcher: httpx.AsyncClient) -> None:
    item_id = await an_item(api)
    path = f"/api/worklist/{item_id}"

    silent = await dispatcher.post(f"{path}/settle", json={"reason": "  "})
    await dispatcher.post(f"{path}/settle", json={"reason": "done"})
    again = await dispatcher.post(f"{path}/settle", json={"reason": "done"})
    late = await dispatcher.post(f"{path}/claim", json={})
    nowhere = await dispatcher.post(
        "/api/worklist/01890a5d-ac96-774b-bcce-b302099a8057/claim", json={}
    )

    assert (silent.status_code, silent.json()["error"]["code"]) == (422, "no_reason")
    assert [each.json()["error"]["code"] for each in (again, late)] == ["settled", "settled"]
    assert nowhere.status_code == 404


async def test_the_same_trouble_again_counts_up_and_never_gets_milder(api: Api) -> None:
    first = await an_item(api, severity=Severity.ALARM)
    second = await an_item(api, severity=Severity.NOTICE, seconds=30)
    async with api.room.pool.acquire() as conn:
        (item,) = await worklist.gravest(conn, 10)

    assert first == second == item.id
    assert (item.times, item.severity) == (2, "alarm")
    assert item.raised_at == NOW + timedelta(seconds=30)


async def test_however_many_there_are_none_is_dropped(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    count = PAGE_LEN_MAX + WORK_SHOWN_MAX + 5
    await api.room.pool.execute(
        "INSERT INTO work_item (id, kind, severity, subject, body, raised_at) "
        "SELECT gen_random_uuid(), 'delivery_failed', 'notice', 'device:d' || n, '{}', now() "
        "FROM generate_series(1, $1) AS n",
        count,
    )
    alarm = await an_item(api, "unit:x", kind=ItemKind.WELFARE_SILENT)

    found: list[int] = []
    query: str | None = f"?limit={10 * PAGE_LEN_MAX}"
    while query is not None:
        page = (await dispatcher.get(f"/api/worklist{query}")).json()
        assert len(page["items"]) <= PAGE_LEN_MAX
        found += [each["number"] for each in page["items"]]
        query = f"?limit={PAGE_LEN_MAX}&before={page['next']}" if page["next"] else None
    news = WorkNews(api.room.pool)
    await news.reload()
    shown, still_open = news.snapshot()

    assert len(found) == len(set(found)) == count + 1
    assert (len(shown), still_open) == (WORK_SHOWN_MAX, count + 1)
    assert shown[0].id == alarm, "the gravest is among the first"


async def test_consoles_hear_of_what_changed_and_when_it_is_settled(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    news = WorkNews(api.room.pool)
    await news.reload()
    item_id = await an_item(api)
    news.note(item_id)
    await news.refresh()
    raised = news.take()
    await dispatcher.post(f"/api/worklist/{item_id}/settle", json={"reason": "done"})
    await news.reload()  # the hint was lost
    await news.refresh()
    settled = news.take()

    assert ([each.id for each in raised[0]], raised[1]) == ([item_id], 1)
    assert ([each.why for each in settled[0]], settled[1]) == (["done"], 0)
    assert not news.has_news


async def test_of_very_many_changes_a_delta_has_some_and_the_next_the_rest(api: Api) -> None:
    news = WorkNews(api.room.pool)
    await news.reload()
    rows = await api.room.pool.fetch(
        "INSERT INTO work_item (id, kind, severity, subject, body, raised_at) "
        "SELECT gen_random_uuid(), 'delivery_failed', 'notice', 'device:d' || n, '{}', now() "
        "FROM generate_series(1, $1) AS n RETURNING id",
        CHANGED_MAX + 1,
    )
    for row in rows:
        news.note(str(row["id"]))
    await news.refresh()

    first, second = news.take()[0], news.take()[0]

    assert (len(first), len(second)) == (CHANGED_MAX, 1)
    assert not news.has_news


@pytest.mark.parametrize("status", ["closed", "OPEN", "x' OR 1=1"])
async def test_an_unknown_status_is_refused(dispatcher: httpx.AsyncClient, status: str) -> None:
    answer = await dispatcher.get("/api/worklist", params={"status": status})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


# -- orders ---------------------------------------------------------------------------------


async def an_order(api: Api, dispatcher: httpx.AsyncClient) -> dict[str, Any]:
    unit = await api.room.add_unit("P-02", crossing(4, 2))
    incident = await api.room.open()
    (order,) = await api.room.send(incident, unit)
    found = (await dispatcher.get(f"/api/incidents/{incident.id}")).json()["orders"][0]
    assert found["id"] == order.id
    return dict(found)


async def test_an_order_is_recalled_and_the_unit_confirms_by_voice(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    order = await an_order(api, dispatcher)
    path = f"/api/orders/{order['id']}"

    recalled = await dispatcher.post(f"{path}/recall", json={"ver": 1, "reason": "false call"})
    stale = await dispatcher.post(f"{path}/recall", json={"ver": 1, "reason": "again"})
    refused = await dispatcher.post(
        f"{path}/recall/answer", json={"ver": 2, "confirmed": False, "reason": ""}
    )
    ended = await dispatcher.post(f"{path}/recall/answer", json={"ver": 2, "confirmed": True})

    assert recalled.json()["recall"]["state"] == "requested"
    assert recalled.json()["closed_at"] is None
    assert (stale.status_code, stale.json()["error"]["code"]) == (409, "stale")
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "no_reason")
    assert ended.json()["state"] == "recalled"


async def test_a_standby_by_voice_says_until_when(api: Api, dispatcher: httpx.AsyncClient) -> None:
    order = await an_order(api, dispatcher)
    said = {"ver": 1, "state": "standby", "until": "2026-01-31T08:05:00Z"}

    answer = await dispatcher.post(f"/api/orders/{order['id']}/report", json=said)

    assert (answer.json()["state"], answer.json()["standby_until"]) == (
        "standby", "2026-01-31T08:05:00Z",
    )  # fmt: skip


@pytest.mark.parametrize("state", ["cancelled", "recalled", "expired", "delivered"])
async def test_only_what_a_unit_says_is_entered_by_voice(
    api: Api, dispatcher: httpx.AsyncClient, state: str
) -> None:
    order = await an_order(api, dispatcher)
    answer = await dispatcher.post(
        f"/api/orders/{order['id']}/report", json={"ver": 1, "state": state, "reason": "x"}
    )

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "not_allowed")


async def test_welfare_is_answered_at_the_scene_only(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    order = await an_order(api, dispatcher)
    path = f"/api/orders/{order['id']}"
    early = await dispatcher.post(f"{path}/welfare", json={"well": True})
    await dispatcher.post(f"{path}/report", json={"ver": 1, "state": "on_scene"})

    answer = await dispatcher.post(f"{path}/welfare", json={"well": True, "note": "all quiet"})

    assert (early.status_code, early.json()["error"]["code"]) == (422, "not_on_scene")
    last = answer.json()["events"][-1]
    assert (last["state"], last["note"], last["actor"]) == (
        "welfare_ok", "all quiet", "user:dispatcher",
    )  # fmt: skip


async def test_a_dispatcher_asks_a_unit_at_the_scene_whether_all_is_well(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    order = await an_order(api, dispatcher)
    path = f"/api/orders/{order['id']}"
    early = await dispatcher.post(f"{path}/welfare/ask")
    await dispatcher.post(f"{path}/report", json={"ver": 1, "state": "on_scene"})

    asked = (await dispatcher.post(f"{path}/welfare/ask")).json()
    pressed_twice = (await dispatcher.post(f"{path}/welfare/ask")).json()
    api.room.now += ASK_AGAIN
    again = (await dispatcher.post(f"{path}/welfare/ask")).json()
    await dispatcher.post(f"{path}/welfare", json={"well": True})
    after = (await dispatcher.post(f"{path}/welfare/ask")).json()

    assert (early.status_code, early.json()["error"]["code"]) == (422, "not_on_scene")
    assert (asked["events"][-1]["state"], asked["events"][-1]["actor"]) == (
        "welfare_asked", "user:dispatcher",
    )  # fmt: skip
    assert pressed_twice["events"] == asked["events"]
    assert [len(each["events"]) - len(asked["events"]) for each in (again, after)] == [1, 3]
    assert (await api.room.kinds()).count("order.welfare_asked") == 3
    checks = await api.room.pool.fetch(
        "SELECT count(*) FROM command WHERE kind = 'check' AND body->>'why' = 'welfare'"
        " GROUP BY device_id"
    )
    assert checks, "somebody is asked"
    assert {row["count"] for row in checks} == {3}


async def test_a_unit_without_a_device_is_told_by_voice(
    api: Api, dispatcher: httpx.AsyncClient
) -> None:
    unit = await api.room.add_unit("P-09", crossing(4, 2), devices=("vehicle",))
    incident = await api.room.open()
    await api.room.send(incident, unit)

    (item,) = (await dispatcher.get("/api/worklist")).json()["items"]

    assert (item["kind"], item["body"]["call_sign"]) == ("no_device", "P-09")


async def test_an_order_gives_way_over_http(api: Api, dispatcher: httpx.AsyncClient) -> None:
    order = await an_order(api, dispatcher)
    second = await api.room.add_unit("P-05", crossing(1, 1))
    path = f"/api/incidents/{order['incident_id']}"
    found = (await dispatcher.post(f"{path}/recommendation")).json()
    wanted = {
        "request_id": "r-1",
        "recommendation_id": found["id"],
        "unit_ids": [second.id],
        "replaces": [{"order_id": order["id"], "ver": 1}],
        "valid_s": 600,
        "reason": "nearer",
    }

    answer = await dispatcher.post(f"{path}/dispatch", json=wanted)
    again = await dispatcher.post(f"{path}/dispatch", json=wanted)

    assert (answer.status_code, again.status_code) == (201, 200)
    old, new = (await dispatcher.get(path)).json()["orders"]
    assert (old["recall"]["why"], old["successor_id"]) == ("handed_over", new["id"])
    assert new["expires_at"] == "2026-01-31T08:10:00Z"
