"""What no honest client sends: a clear 4xx each time, never a 500, and nothing half-written."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from protocols import native
from server.ids import new_id
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.field_rows import add_device, add_unit
from tests.small_county import crossing
from tests.whole_server import WholeServer, whole_server

LON, LAT = crossing(3, 2)
JSON = {"content-type": "application/json"}
SQL = "Robert'); DROP TABLE incident; --"
HTML = '<img src=x onerror="alert(1)"><script>alert(2)</script>&amp;'


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
    """Somebody who may do everything."""
    async with server.signed_in("dispatcher", "officer", "supervisor", "admin") as client:
        yield client


async def contents(pool: Pool) -> dict[str, str]:
    """A digest of every table, but for what the server itself writes by the clock."""
    rows = await pool.fetch(
        "SELECT table_name FROM information_schema.tables "
        "WHERE table_schema = 'public' AND table_type = 'BASE TABLE' "
        "AND table_name NOT IN ('user_session', 'cover_look')"
    )
    return {
        row["table_name"]: await pool.fetchval(
            f"SELECT count(*) || coalesce(md5(string_agg(t::text, chr(10) ORDER BY t::text)), '') "
            f'FROM "{row["table_name"]}" AS t'
        )
        for row in rows
    }


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def an_incident(**changed: Any) -> dict[str, Any]:
    values = {
        "request_id": new_id(),
        "type": "assault",
        "priority": "routine",
        "lon": LON,
        "lat": LAT,
    }
    return values | changed


def incident_json(**changed: str) -> bytes:
    """The body of an incident with raw JSON for some of its values."""
    values = {
        "request_id": '"1"',
        "type": '"assault"',
        "priority": '"routine"',
        "lon": f"{LON}",
        "lat": f"{LAT}",
    }
    return (
        "{" + ",".join(f'"{name}":{raw}' for name, raw in (values | changed).items()) + "}"
    ).encode()


BODIES = {
    "no JSON": b"lon=1&lat=2",
    "empty": b"",
    "an array": b"[]",
    "UTF-16": incident_json().decode().encode("utf-16"),
    "no UTF-8": incident_json().replace(b"assault", b"\xff"),
    "surrogate bytes": incident_json().replace(b"assault", b"\xed\xa0\x80"),
    "lone surrogate": incident_json(note=r'"\ud800"'),
    "NUL": incident_json(note=r'"a\u0000b"'),
    "deep array": incident_json(surplus="[" * 20_000 + "]" * 20_000),
    "deep object": incident_json(surplus='{"a":' * 8_000 + "1" + "}" * 8_000),
    "NaN": incident_json(lon="NaN"),
    "Infinity": incident_json(lon="-Infinity"),
    "too large a number": incident_json(lat="1e999"),
    "thousands of figures": incident_json(lat="9" * 5000),
    "number as text": incident_json(lat='"27.5"'),
    "a long text": incident_json(note='"' + "x" * 2001 + '"'),
    "beyond the globe": incident_json(lat="91"),
}


async def test_malformed_body_is_a_400_and_changes_nothing(
    server: WholeServer, client: httpx.AsyncClient
) -> None:
    before = await contents(server.services.pool)

    for what, body in BODIES.items():
        answer = await client.post("/api/incidents", content=body, headers=JSON)

        assert refusal(answer) == (400, "malformed"), (what, answer.text)
    assert await contents(server.services.pool) == before


async def test_body_over_the_limit_is_a_413_and_changes_nothing(
    server: WholeServer, client: httpx.AsyncClient
) -> None:
    before = await contents(server.services.pool)

    answer = await client.post("/api/incidents", content=incident_json(x='"' + "x" * 70_000 + '"'))

    assert refusal(answer) == (413, "too_large")
    assert await contents(server.services.pool) == before


WRONG_VALUES: list[tuple[str, dict[str, Any]]] = [
    ("/api/users", {"username": "zhu", "display_name": "\r\n", "roles": ["officer"]}),
    ("/api/users", {"username": "zhu", "display_name": "Zhu\u202eemos", "roles": ["officer"]}),
    ("/api/units", {"call_sign": " ", "kind": "foot"}),
    ("/api/units", {"call_sign": "P\u007f01", "kind": "foot"}),
    ("/api/units", {"call_sign": "P-01", "kind": "submarine"}),
    ("/api/stations", {"name": "North\n2026-01-31 INFO all is well", "lon": 1, "lat": 1}),
    ("/api/stations", {"name": "North", "lon": 1e308, "lat": 1}),
    ("/api/officers", {"badge": "<b>", "name": "Li"}),
    ("/api/officers", {"badge": "B-1", "name": "Li", "unit_id": "-" * 36}),
    ("/api/devices", {"id": "../cam", "kind": "handset"}),
    ("/api/devices", {"id": "cam", "kind": "handset", "unit_id": "f" * 36}),
    ("/api/devices", {"id": "cam", "kind": "handset", "unit_id": new_id()}),
    ("/api/qr", {"text": ""}),
    ("/api/qr", {"text": "😀" * 1000}),
    ("/api/login", {"username": "\u0000", "password": "x"}),
    ("/api/login", {"username": "x" * 401, "password": "x"}),
    ("/api/me/password", {"old": "\u0000", "new": "a long enough pass phrase"}),
    ("/api/handset", {"install_id": ""}),
    (f"/api/orders/{new_id()}/cancel", {"ver": 10**30, "reason": "x"}),
    (f"/api/units/{new_id()}/shift", {"on_duty": "yes"}),
    ("/api/pinyin", {"names": ["张伟"] * 501}),
    ("/api/pinyin", {"names": ["张" * 201]}),
    ("/api/incidents", an_incident(type=SQL)),
    ("/api/incidents", an_incident(priority="extreme")),
    ("/api/incidents", an_incident(request_id="")),
]


async def test_wrong_values_are_refused_in_words_and_change_nothing(
    server: WholeServer, client: httpx.AsyncClient
) -> None:
    before = await contents(server.services.pool)

    answers = [(path, body, await client.post(path, json=body)) for path, body in WRONG_VALUES]

    for path, body, answer in answers:
        assert answer.status_code in {400, 404, 422}, (path, body, answer.text)
        assert r"\x00" not in answer.json()["error"]["message"], "a pattern is no explanation"
    assert await contents(server.services.pool) == before


PATHS = [
    "/api/incidents/no-uuid",
    "/api/incidents/%00",
    "/api/incidents/%ff%fe",
    f"/api/incidents/{'a' * 5000}",
    "/api/incidents/' OR 1=1 --",
    f"/api/incidents/{new_id()}",
    "/api/incidents?before=1e3",
    "/api/incidents?limit=-1",
    "/api/incidents?limit=%D9%A1",
    "/api/incidents?before=9999999999999999999",
    "/api/incidents?status=%00",
    "/api/journal?since=yesterday",
    "/api/journal?since=2026-01-31T08:00:00",
    "/api/journal?since=0001-01-01T00:00:00%2b14:00",
    "/api/journal?until=9999-12-31T23:59:59-14:00",
    "/api/journal?q=%00",
    f"/api/journal?q={'x' * 201}",
    f"/api/journal?unit={'x' * 201}",
    "/api/journal?incident=twelve",
    "/api/journal?incident=%D9%A1",
    f"/api/journal?incident={'9' * 19}",
    "/api/journal?since=2026-01-31T08:00:00Z&until=2026-01-31T08:00:00Z",
    f"/api/places?q={'x' * 50_000}",
    "/api/places?q=%00",
    f"/tiles/1/1/{'9' * 5000}.mvt",
    "/tiles/-1/0/0.mvt",
    "/tiles/1/1/..%2f..%2fsettings.mvt",
    "/assets/..%2f..%2fsettings.py",
    "/assets/%2e%2e/%2e%2e/settings.py",
    "/assets/%2fetc%2fpasswd",
    "/assets/..%5c..%5csettings.py",
    "/assets/%00",
    f"/assets/{'a' * 5000}",
    "/licenses/..%2f..%2f..%2fpyproject.toml",
    "/console%00",
]


async def test_strange_paths_and_queries_are_refused(client: httpx.AsyncClient) -> None:
    for path in PATHS:
        answer = await client.get(path)

        assert answer.status_code in {400, 404}, (path, answer.status_code, answer.text[:200])
        assert len(answer.content) < 1000, path


QUERIES = [
    "/api/places?q=nan,nan",
    "/api/places?q=27.5,1e999",
    f"/api/places?q=G320 k{'9' * 150}",
    f"/api/places?q={'(' * 150}",
    "/api/journal?q=%25_%5c",
    "/api/journal?kind=' OR ''='",
    "/api/journal?unit='%26:*&officer=!(%5c'|a)&q=':*%5c'",
    "/api/journal?since=0001-01-01T00:00:00Z&until=9999-12-31T00:00:00Z&limit=999999999999999999",
    "/api/incidents?before=0",
    "/api/incidents?before=999999999999999999&limit=0",
    "/tiles/30/999999999/999999999.mvt",
    "/hillshade/999999999/1/1.webp",
]


async def test_odd_but_well_formed_queries_are_answered(client: httpx.AsyncClient) -> None:
    for path in QUERIES:
        answer = await client.get(path)

        assert answer.status_code in {200, 204}, (path, answer.text[:200])


async def test_text_is_kept_as_it_was_entered(client: httpx.AsyncClient) -> None:
    for text in (SQL, HTML, "\u202e\u0007\ud7ff\U0001f46e", "%s {0} ${x} \\"):
        opened = await client.post("/api/incidents", json=an_incident(note=text, place=text))

        incident = (await client.get(f"/api/incidents/{opened.json()['id']}")).json()
        found = (await client.get("/api/journal", params={"kind": "incident.opened"})).json()
        assert (incident["note"], incident["place"]) == (text, text)
        assert found["entries"][0]["body"]["note"] == text


async def test_origin_that_is_no_address_is_foreign(client: httpx.AsyncClient) -> None:
    for origin in ("http://[", "http://[::1", "x" * 5000, "\\"):
        headers = {"origin": origin}
        answer = await client.post("/api/incidents", json=an_incident(), headers=headers)

        assert refusal(answer) == (403, "foreign_origin")
        assert "content-security-policy" in answer.headers


async def test_host_header_does_not_make_another_path_of_it(server: WholeServer) -> None:
    user_id = await server.add_user("new", ["admin"], must_change=True)
    cookie = f"ridgeline_session={await server.session(user_id)}"
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE_S) as client:
        for host in ("x/api/me?", "x/api/me#", "[", "@", ""):
            answer = await client.get("/api/users", headers={"host": host, "cookie": cookie})

            assert refusal(answer) == (403, "password_change_required")


# -- what must fit a frame to a device ----------------------------------------------------


async def test_longest_texts_that_are_taken_fit_one_frame(
    server: WholeServer, client: httpx.AsyncClient
) -> None:
    pool = server.services.pool
    unit_id = await add_unit(pool, "\U0001f694" * 32)
    await add_device(pool, "cam-07", unit_id=unit_id)
    note, place = "\u0001" * 999, "\u0001" * 200  # six bytes each as JSON
    opened = await client.post("/api/incidents", json=an_incident(note=note, place=place))
    path = f"/api/incidents/{opened.json()['id']}"
    found = (await client.post(f"{path}/recommendation")).json()
    decision = {
        "request_id": new_id(),
        "recommendation_id": found["id"],
        "unit_ids": [unit_id],
        "instruction": "警" * 1999,
    }

    answer = await client.post(f"{path}/dispatch", json=decision)

    assert answer.status_code == 201, answer.text
    body = await pool.fetchval("SELECT body FROM command")
    frame = native.encode(native.Command(seq=1, prev=0, id=new_id(), kind="task", body=body))
    assert 0.8 * native.FRAME_BYTES_MAX < len(frame) <= native.FRAME_BYTES_MAX


async def test_text_too_long_for_a_device_is_refused_with_its_name(
    client: httpx.AsyncClient,
) -> None:
    answer = await client.post("/api/incidents", json=an_incident(note="\U0001f46e" * 1600))

    assert refusal(answer) == (400, "malformed")
    assert "note is too long for a device: 6402 bytes" in answer.json()["error"]["message"]
