"""On a whole server: a unit that will be late, the swap that is proposed, one key that takes it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx

from server.stores.pool import Pool
from server.stores.presence import DeviceFix
from tests.field_people import posted
from tests.server.field_rows import add_device, add_unit
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server

DEADLINE_S = 60.0
LON, LAT = crossing(6, 0)
FAR, NEAR = crossing(0, 4), crossing(5, 0)


def seen_at(server: WholeServer, call_sign: str, place: tuple[float, float]) -> None:
    now = datetime.now(UTC)
    server.services.board.report_fix(
        DeviceFix(
            device_id=f"hs-{call_sign}",
            observed_at=now,
            received_at=now,
            lon=place[0],
            lat=place[1],
            speed_mps=0.0,
        )
    )


async def sent(client: httpx.AsyncClient, unit_id: str) -> dict[str, Any]:
    """An order to the unit, which says by voice that it is on its way."""
    incident = await posted(
        client, "/api/incidents", request_id="one", type="traffic_collision", priority="priority",
        note="", lon=LON, lat=LAT,
    )  # fmt: skip
    path = f"/api/incidents/{incident['id']}"
    ranked = await posted(client, f"{path}/recommendation")
    wanted = {"request_id": "two", "recommendation_id": ranked["id"], "unit_ids": [unit_id]}
    issued = (await client.post(f"{path}/dispatch", json=wanted)).raise_for_status().json()
    order = issued[0]
    said = await posted(
        client, f"/api/orders/{order['id']}/report", ver=order["ver"], state="en_route"
    )
    return dict(said)


async def until_proposed(server: WholeServer, client: httpx.AsyncClient) -> dict[str, Any]:
    """Fixes of both units and rounds of both watches until a swap is proposed because P-01 will be
    late; another may be planning just now."""
    async with asyncio.timeout(DEADLINE_S):
        while not {"eta_drift", "swap"} <= (found := await open_items(client)).keys():
            seen_at(server, "P-01", FAR)
            seen_at(server, "P-02", NEAR)
            await server.services.en_route_watch.round()
            await server.services.proposal_watch.round()
            await asyncio.sleep(0.05)
    return found


async def open_items(client: httpx.AsyncClient) -> dict[str, Any]:
    page = (await client.get("/api/worklist")).raise_for_status().json()
    return {each["kind"]: each for each in page["items"]}


async def test_a_unit_that_will_be_late_is_relieved_with_one_key(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str, pool: Pool
) -> None:
    units = {}
    for call_sign, kind in (("P-01", "foot"), ("P-02", "patrol_car")):
        units[call_sign] = await add_unit(pool, call_sign, badge=f"B-{call_sign}")
        await pool.execute("UPDATE unit SET kind = $2 WHERE id = $1", units[call_sign], kind)
        await add_device(pool, f"hs-{call_sign}", kind="handset", unit_id=units[call_sign])
    async with (
        whole_server(
            map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
        ) as server,
        server.signed_in("dispatcher") as client,
    ):
        seen_at(server, "P-01", FAR)
        order = await sent(client, units["P-01"])
        await pool.execute("UPDATE dispatch_order SET eta_s = 600 WHERE id = $1", order["id"])

        found = await until_proposed(server, client)

        assert found["eta_drift"]["body"]["late_min"] > 3.0
        accepted = await client.post(
            f"/api/worklist/{found['swap']['id']}/accept", json={"reason": "P-02 is sooner"}
        )
        again = await client.post(
            f"/api/worklist/{found['swap']['id']}/accept", json={"reason": "P-02 is sooner"}
        )

        assert (accepted.status_code, again.status_code) == (201, 200)
        (instead,) = accepted.json()
        assert [each["id"] for each in again.json()] == [instead["id"]]
        assert instead["call_sign"] == "P-02"
        seen = (await client.get(f"/api/incidents/{order['incident_id']}")).json()
        before = next(each for each in seen["orders"] if each["id"] == order["id"])
        assert before["recall"]["why"] == "handed_over"
        assert before["successor_id"] == instead["id"]
        assert "swap" not in await open_items(client)
