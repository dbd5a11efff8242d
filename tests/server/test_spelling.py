"""A page asks how the names that it shows are typed."""

from __future__ import annotations

from typing import Any

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.http.spelling import NAMES_LEN_MAX
from tests.server.api_room import an_api


async def test_keys_come_in_the_order_of_the_names(pool: Any, small_map: RoadMap) -> None:
    names = ["张伟", "P-07", "单晓明", ""]
    async with (
        an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api,
        api.signed_in("officer") as client,
    ):
        answer = await client.post("/api/pinyin", json={"names": names})
        full = await client.post("/api/pinyin", json={"names": ["张伟"] * NAMES_LEN_MAX})
        beyond = await client.post("/api/pinyin", json={"names": ["张伟"] * (NAMES_LEN_MAX + 1)})

    keys = answer.json()["keys"]
    assert keys[0].split() == ["zhangwei", "zw"]
    assert keys[1] == keys[3] == ""
    assert {"shanxiaoming", "sxm"} <= set(keys[2].split())
    assert len(full.json()["keys"]) == NAMES_LEN_MAX
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (400, "malformed")
