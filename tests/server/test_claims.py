"""Who works on an incident: claim, takeover with a reason, release, and the end by signing out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest

from geo.basemap.tiles import TileMaker
from geo.linear import LinearIndex
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.http.auth import COOKIE, hash_token
from server.stores import users
from tests.server.api_room import Api, an_api
from tests.server.sealed_log import seal
from tests.server.test_redaction import redact
from tests.small_county import crossing

WANG, LI = "user:dispatcher", "user:dispatcher-0101"


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    linear = LinearIndex(small_map)
    async with an_api(
        pool, small_map, TileMaker(small_map, linear), PlaceIndex(small_map, linear)
    ) as api:
        yield api


@pytest.fixture
async def wang(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher") as client:
        yield client


@pytest.fixture
async def li(api: Api) -> AsyncIterator[httpx.AsyncClient]:
    async with api.signed_in("dispatcher", badge="0101") as client:
        yield client


@pytest.fixture
async def path(api: Api) -> str:
    return f"/api/incidents/{(await api.room.open()).id}"


async def claim(client: httpx.AsyncClient, path: str, **body: str) -> httpx.Response:
    return await client.post(f"{path}/claim", json=body)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def said(api: Api) -> list[str]:
    return [each for each in await api.room.kinds() if each.startswith("incident.")][1:]


async def test_a_claim_is_everybodys_to_see_and_is_let_go(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    claimed = (await claim(wang, path)).json()
    again = (await claim(wang, path)).json()
    seen = (await li.get(path)).json()
    released = (await wang.post(f"{path}/release")).json()
    nobodys = await wang.post(f"{path}/release")

    assert (claimed["claimed_by"], claimed["claim_reason"]) == (WANG, "")
    assert claimed["claimed_at"] == api.room.now.isoformat().replace("+00:00", "Z")
    assert again == claimed == seen
    assert (released["claimed_by"], released["claimed_at"]) == (None, None)
    assert nobodys.status_code == 200
    assert await said(api) == ["incident.claimed", "incident.released"]
    told = ("incident", path.rpartition("/")[2])
    assert api.room.fanout.published.count(told) == 3, "opened, claimed, let go"


async def test_of_two_who_claim_at_once_one_has_it_and_the_other_is_told_who(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    answers = await asyncio.gather(claim(wang, path), claim(li, path))

    assert sorted(each.status_code for each in answers) == [200, 409]
    won, lost = sorted(answers, key=lambda each: each.status_code)
    detail = lost.json()["error"]["detail"]
    assert refusal(lost) == (409, "claimed")
    assert detail["claimed_by"] == won.json()["claimed_by"]
    assert detail["claimed_at"] == won.json()["claimed_at"]
    assert await said(api) == ["incident.claimed"]


async def test_a_takeover_names_whom_it_relieves_and_says_why(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)

    plain = await claim(li, path)
    mute = await claim(li, path, take_from=WANG)
    wrong = await claim(li, path, take_from="user:zhao", reason="on the phone")
    taken = (await claim(li, path, take_from=WANG, reason=" on the phone ")).json()
    late = await claim(wang, path, take_from="user:zhao", reason="mine")
    not_mine = await wang.post(f"{path}/release")

    assert (
        refusal(plain) == refusal(wrong) == refusal(late) == refusal(not_mine) == (409, "claimed")
    )
    assert refusal(mute) == (422, "no_reason")
    assert (taken["claimed_by"], taken["claim_reason"]) == (LI, "on the phone")
    assert await said(api) == ["incident.claimed", "incident.taken_over"]
    row = await api.room.pool.fetchrow(
        "SELECT actor, body FROM journal_entry WHERE kind = 'incident.taken_over'"
    )
    assert row["actor"] == LI
    assert row["body"] == {"number": taken["number"], "holder": WANG, "reason": "on the phone"}


async def test_whoever_takes_over_what_was_let_go_meanwhile_just_has_it(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)
    await wang.post(f"{path}/release")

    taken = (await claim(li, path, take_from=WANG, reason="on the phone")).json()

    assert (taken["claimed_by"], taken["claim_reason"]) == (LI, "")
    assert (await said(api))[-1] == "incident.claimed"


async def test_signing_out_lets_go_of_everything(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    kept = f"/api/incidents/{(await api.room.open()).id}"
    await claim(wang, path)
    await claim(li, kept)
    assert await api.claims.sweep() == 0

    await users.end_session(api.room.pool, hash_token(str(wang.cookies[COOKIE])))

    assert await api.claims.sweep() == 1
    assert await api.claims.sweep() == 0
    assert (await li.get(path)).json()["claimed_by"] is None
    assert (await li.get(kept)).json()["claimed_by"] == LI
    row = await api.room.pool.fetchrow(
        "SELECT actor, body FROM journal_entry WHERE kind = 'incident.released'"
    )
    assert (row["actor"], row["body"]["holder"], row["body"]["over"]) == (
        "system", WANG, "signed_out",
    )  # fmt: skip


async def test_a_session_that_ran_out_lets_go_too(
    api: Api, wang: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)
    await api.room.pool.execute(
        "UPDATE user_session SET expires_at = $1", api.room.now - timedelta(seconds=1)
    )

    assert await api.claims.sweep() == 1


async def test_an_incident_that_somebody_is_just_changing_is_swept_the_next_time(
    api: Api, wang: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)
    await users.end_session(api.room.pool, hash_token(str(wang.cookies[COOKIE])))

    async with api.room.pool.acquire() as conn, conn.transaction():
        await conn.execute("SELECT FROM incident FOR UPDATE")
        held = await api.claims.sweep()

    assert (held, await api.claims.sweep()) == (0, 1)


async def test_closing_ends_the_claim_and_a_closed_one_is_nobodys(
    api: Api, wang: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)
    closed = (await wang.post(f"{path}/close", json={"outcome": "resolved"})).json()

    assert closed["claimed_by"] is None
    assert refusal(await claim(wang, path)) == (409, "incident_closed")


async def test_a_claim_is_no_lock_and_the_log_says_who_sent_a_unit_past_it(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    unit = await api.room.add_unit("P-07", crossing(1, 1))
    await claim(wang, path)
    found = (await li.post(f"{path}/recommendation")).json()

    sent = await li.post(
        f"{path}/dispatch",
        json={"request_id": "r", "recommendation_id": found["id"], "unit_ids": [unit.id]},
    )

    assert sent.status_code == 201
    body = await api.room.pool.fetchval(
        "SELECT body FROM journal_entry WHERE kind = 'decision.taken'"
    )
    assert body["despite"] == WANG
    assert (await wang.get(path)).json()["claimed_by"] == WANG


async def test_a_redacted_reason_is_gone_from_the_incident_too(
    api: Api, wang: httpx.AsyncClient, li: httpx.AsyncClient, path: str
) -> None:
    await claim(wang, path)
    taken = (await claim(li, path, take_from=WANG, reason="his wife called")).json()

    await seal(api.room.pool)
    seq = await api.room.pool.fetchval(
        "SELECT seq FROM journal_leaf JOIN journal_entry ON id = entry_id"
        " WHERE kind = 'incident.taken_over'"
    )
    await redact(api.room.pool, "body.reason", seq=seq)

    assert taken["claim_reason"] == "his wife called"
    assert (await li.get(path)).json()["claim_reason"] == ""
