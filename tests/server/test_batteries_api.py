"""Batteries over HTTP. Real sessions, database and roads."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.batteryviews import BatteryModelsView, BatteryVersionView, BatteryView
from server.stores.presence import DeviceFix
from tests.server.api_room import Api, an_api
from tests.small_county import crossing


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


async def test_the_fleet_as_a_dispatcher_asks_for_it(api: Api) -> None:
    row = await api.room.add_unit("P-02", crossing(5, 2), battery_pct=None)
    now = datetime.now(UTC)
    api.room.batteries.hear_fix(
        DeviceFix(
            device_id="P-02-body_camera",
            observed_at=now,
            received_at=now,
            lon=100.2,
            lat=27.5,
            gauge_pct=50,
            mode="record",
        )
    )

    async with api.signed_in("dispatcher") as dispatcher:
        until = (now + timedelta(hours=1)).isoformat()
        answer = await dispatcher.get("/api/batteries", params={"until": until})
        nobody = await dispatcher.get("/api/batteries", params={"unit": "nobody"})
        mine = await dispatcher.get("/api/batteries", params={"unit": row.id})
        malformed = await dispatcher.get("/api/batteries?until=tomorrow")

    camera, handset = convert(answer.json(), list[BatteryView])
    assert (camera.device_id, camera.level_pct) == ("P-02-body_camera", 50)
    assert camera.p_until is not None
    assert camera.p_until > 0.95
    assert (handset.device_id, handset.level_pct, handset.p_until) == ("P-02-handset", None, None)
    assert [each["device_id"] for each in mine.json()] == [camera.device_id, handset.device_id]
    assert nobody.json() == []
    assert malformed.status_code == 400


async def test_an_officer_does_not_see_the_fleet(api: Api) -> None:
    async with api.signed_in("officer") as officer:
        assert (await officer.get("/api/batteries")).status_code == 403


async def test_models_are_learned_looked_at_and_taken_back(api: Api) -> None:
    await api.room.add_unit("P-02", crossing(5, 2))

    async with api.signed_in("supervisor") as supervisor:
        at = "/api/batteries/models"
        learned = await supervisor.post(f"{at}/learn", json={"reason": "first month"})
        seen = convert((await supervisor.get(at)).json(), BatteryModelsView)
        back = await supervisor.post(f"{at}/activate", json={"version": None, "reason": "odd"})
        again = await supervisor.post(f"{at}/activate", json={"version": None, "reason": "odd"})

    assert learned.status_code == 201
    assert convert(learned.json(), BatteryVersionView).devices == 2
    assert seen.active == 1
    camera = next(each for each in seen.versions[0].models if each.model == "body_camera")
    assert camera.rates_pct_per_h["record"] == pytest.approx(10.5, rel=0.1)
    assert (back.status_code, back.json()["active"]) == (200, None)
    assert again.status_code == 409


async def test_a_dispatcher_does_not_learn_models(api: Api) -> None:
    async with api.signed_in("dispatcher") as dispatcher:
        answer = await dispatcher.post("/api/batteries/models/learn", json={"reason": "mine"})

    assert answer.status_code == 403
