"""Spares over HTTP: who has which, on the whole server."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.dispatch.spares import SpareKind
from server.http.devices_admin import NewStation, add_station
from server.ids import new_id
from server.stores import spares as store
from server.stores.pool import Pool
from server.stores.spares import SPARES_LEN_MAX
from tests.server.field_rows import add_unit
from tests.whole_server import WholeServer, whole_server

PACK = {"label": "pack-07", "kind": "pack", "fits": ["BC-4G"], "station": "North", "charged": True}


@pytest.fixture
async def server(
    small_map_dir: Path, tmp_path: Path, database_url: str, redis_url: str
) -> AsyncIterator[WholeServer]:
    async with whole_server(
        map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
    ) as server:
        yield server


@pytest.fixture
async def county(pool: Pool) -> str:
    """A station North and a unit P-07 with the officer 0412; id of the unit."""
    async with pool.acquire() as conn, conn.transaction():
        await add_station(conn, NewStation(name="North", lon=100.2, lat=27.5), by="system")
    return await add_unit(pool, "P-07", badge="0412")


async def post(client: httpx.AsyncClient, path: str, **body: Any) -> httpx.Response:
    return await client.post(f"/api/spares{path}", json=body)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def told(pool: Pool) -> list[tuple[str, Any]]:
    rows = await pool.fetch(
        "SELECT kind, body FROM journal_entry WHERE kind LIKE 'spare.%' ORDER BY id"
    )
    return [(row["kind"], row["body"]) for row in rows]


async def test_a_spare_is_added_taken_and_brought_back(
    server: WholeServer, pool: Pool, county: str
) -> None:
    async with server.signed_in("admin") as client:
        added = await post(client, "", **PACK)
        assert added.status_code == 201
        one = f"/{added.json()['id']}"
        assert (added.json()["station"], added.json()["taken_by"]) == ("North", None)

        taken = (await post(client, f"{one}/take", badge="0412")).json()
        assert (taken["taken_by"], taken["taken_name"]) == ("officer:0412", "0412")
        assert (taken["station"], taken["call_sign"]) == (None, None)
        assert taken["taken_at"] is not None
        assert refusal(await post(client, f"{one}/take", badge="0412")) == (409, "taken")

        put = (await post(client, f"{one}/put", unit="P-07", charged=False)).json()
        assert (put["unit_id"], put["call_sign"], put["charged"]) == (county, "P-07", False)
        assert (await client.get("/api/spares")).json() == [put]

        assert (await post(client, f"{one}/retire", reason="worn out")).status_code == 204
        assert (await client.get("/api/spares")).json() == []
        assert refusal(await post(client, f"{one}/take", badge="0412")) == (404, "not_found")

    assert await told(pool) == [
        (
            "spare.created",
            {
                "label": "pack-07",
                "kind": "pack",
                "fits": ["BC-4G"],
                "charged": True,
                "station": "North",
                "unit": None,
            },
        ),
        (
            "spare.taken",
            {"label": "pack-07", "badge": "0412", "station": "North", "unit": None},
        ),
        ("spare.put", {"label": "pack-07", "charged": False, "station": None, "unit": "P-07"}),
        ("spare.retired", {"label": "pack-07", "reason": "worn out"}),
    ]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"station": None}, (422, "no_place")),
        ({"unit": "P-07"}, (422, "no_place")),
        ({"station": "South"}, (422, "unknown_station")),
        ({"station": None, "unit": "P-99"}, (422, "unknown_unit")),
        ({"kind": "generator"}, (400, "malformed")),
        ({"fits": ["m"] * 21}, (400, "malformed")),
        ({"label": " "}, (400, "malformed")),
    ],
    ids=["nowhere", "twice", "no station", "no unit", "no kind", "too many models", "no label"],
)
async def test_a_wrong_spare_is_refused(
    server: WholeServer, pool: Pool, county: str, changed: dict[str, Any], expected: Any
) -> None:
    async with server.signed_in("admin") as client:
        assert refusal(await post(client, "", **(PACK | changed))) == expected
    assert await told(pool) == []


async def test_labels_are_given_once_for_ever(server: WholeServer, county: str) -> None:
    async with server.signed_in("admin") as client:
        first = (await post(client, "", **PACK)).json()
        await post(client, f"/{first['id']}/retire", reason="lost")

        assert refusal(await post(client, "", **PACK)) == (409, "exists")


async def test_a_full_county_takes_no_more(server: WholeServer, pool: Pool, county: str) -> None:
    await pool.execute(
        "INSERT INTO spare (id, label, kind, fits, unit_id, charged) "
        "SELECT gen_random_uuid(), 'bank-' || n, 'power_bank', '{}', $1, true "
        "FROM generate_series(1, $2::int) AS n",
        county,
        SPARES_LEN_MAX,
    )

    async with server.signed_in("admin") as client:
        assert refusal(await post(client, "", **PACK)) == (409, "too_many")
        assert len((await client.get("/api/spares")).json()) == SPARES_LEN_MAX


async def test_roles(server: WholeServer, pool: Pool, county: str) -> None:
    async with server.signed_in("dispatcher") as client:
        assert refusal(await post(client, "", **PACK)) == (403, "forbidden")
        assert (await client.get("/api/spares")).json() == []
        assert refusal(await post(client, f"/{new_id()}/retire", reason="x")) == (403, "forbidden")
        assert refusal(await post(client, f"/{new_id()}/take")) == (422, "no_badge")
        assert refusal(await post(client, "/none/take", badge="0412")) == (404, "not_found")


async def test_officers_take_for_themselves_only(
    server: WholeServer, pool: Pool, county: str
) -> None:
    spare_id = new_id()
    async with pool.acquire() as conn, conn.transaction():
        place = store.Place(unit_id=county)
        assert await store.insert(
            conn, spare_id=spare_id, label="b", kind=SpareKind.POWER_BANK, fits=[],
            place=place, charged=True,
        )  # fmt: skip
    officer = await server.add_user("hejun", ["officer"])
    await pool.execute(
        "UPDATE app_user SET officer_id = (SELECT id FROM officer WHERE badge = '0412') "
        "WHERE id = $1",
        officer,
    )

    async with server.signed_in("officer") as client:
        client.cookies.set("ridgeline_session", await server.session(officer))
        assert refusal(await post(client, f"/{spare_id}/take", badge="9")) == (403, "forbidden")
        taken = (await post(client, f"/{spare_id}/take")).json()

    assert taken["taken_by"] == "officer:0412"
