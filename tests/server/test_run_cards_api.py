"""Run cards changed live, over HTTP and on two servers, and checklists. Real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import httpx
import pytest
from msgspec import convert

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server import runcardversions
from server.dispatch.runcardfile import shipped
from server.dispatch.runcards import RunCards, plain
from server.dispatch.timers import Stance
from server.pipeline import NewIncident
from server.runcarddesk import RunCardDesk
from server.runcardviews import ChecklistView, IncidentTypeView, RunCardsView
from server.stores import runcards as store
from server.views import IncidentView
from tests.patience import PATIENCE_S
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import a_decision, an_incident
from tests.server.watch_room import a_keeper
from tests.small_county import crossing

AT = "/api/run-cards"


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


def with_theft(**changed: Any) -> RunCards:
    """The shipped set with another card for thefts."""
    theft = replace(shipped().by_code["theft"], **changed)
    return replace(
        shipped(), cards=tuple(theft if c.code == "theft" else c for c in shipped().cards)
    )


def without_theft() -> RunCards:
    return replace(shipped(), cards=tuple(c for c in shipped().cards if c.code != "theft"))


async def saved(
    supervisor: httpx.AsyncClient, cards: RunCards, *, based_on: int, reason: str = "measured"
) -> httpx.Response:
    body = {"set": plain(cards), "based_on": based_on, "reason": reason}
    return await supervisor.post(AT, json=body)


async def opened(api: Api, **changed: Any) -> IncidentView:
    wanted: NewIncident = an_incident(**changed)
    return (await api.room.pipeline.open_incident(wanted, by="user:li"))[0]


async def said(api: Api, kind: str) -> list[dict[str, Any]]:
    """Bodies of the command log's entries of this kind."""
    rows = await api.room.fetch("SELECT body FROM journal_entry WHERE kind = $1 ORDER BY id", kind)
    return [row["body"] for row in rows]


async def test_a_set_is_tried_saved_and_taken_back(api: Api) -> None:
    longer = with_theft(scene_min=70)

    async with api.signed_in("supervisor") as supervisor:
        first = convert((await supervisor.get(AT)).json(), RunCardsView)
        tried = await supervisor.post(f"{AT}/preview", json={"set": plain(longer)})
        answer = await saved(supervisor, longer, based_on=0, reason="scenes of the last year")
        same = await saved(supervisor, longer, based_on=1)
        late = await saved(supervisor, with_theft(units=2), based_on=0)
        whole = await supervisor.get(f"{AT}/versions?version=1")
        back = await supervisor.post(f"{AT}/activate", json={"version": None, "reason": "odd"})
        again = await supervisor.post(f"{AT}/activate", json={"version": None, "reason": "odd"})
        nowhere = await supervisor.post(f"{AT}/activate", json={"version": 9, "reason": "odd"})

    assert (first.version, first.versions, first.activated_by) == (0, [], None)
    assert tried.json() == {"changes": {"theft": ["scene_min"]}}
    now = convert(answer.json(), RunCardsView)
    assert (answer.status_code, now.version, now.reason) == (201, 1, "scenes of the last year")
    assert (now.set, now.versions[0].cards) == (plain(longer), len(longer.cards))
    assert (same.status_code, same.json()["error"]["code"]) == (409, "unchanged")
    assert (late.status_code, late.json()["error"]["code"]) == (409, "stale")
    assert whole.json() == {"version": 1, "set": plain(longer)}
    assert (back.status_code, back.json()["version"]) == (200, 0)
    assert (again.status_code, nowhere.status_code) == (409, 404)
    (entry,) = await said(api, "run_cards.saved")
    assert entry["changes"] == {"theft": ["scene_min"]}
    assert [each["version"] for each in await said(api, "run_cards.activated")] == [1, 0]


async def test_every_bad_value_is_answered_and_nothing_changes(api: Api) -> None:
    wrong = plain(shipped())
    wrong["cards"][3]["scene_min"] = -1
    wrong["cards"][4]["skills"] = ["magic"]

    async with api.signed_in("supervisor") as supervisor:
        answer = await supervisor.post(AT, json={"set": wrong, "based_on": 0, "reason": "x"})
        silent = await saved(supervisor, with_theft(units=2), based_on=0, reason=" ")

    problems = answer.json()["error"]["detail"]["problems"]
    assert answer.status_code == 422
    assert [(p["card"], p["field"]) for p in problems] == [
        ("assault", "scene_min"),
        ("armed_threat", "skills"),
    ]
    assert (silent.status_code, silent.json()["error"]["code"]) == (422, "no_reason")
    assert await said(api, "run_cards.saved") == []


@pytest.mark.parametrize(
    "spoilt", [{"code": ["a"]}, {"timers": {"welfare_s": 10**400}}, {"skills": [["a"], ["a"]]}]
)
async def test_no_value_whatever_its_kind_is_more_than_a_bad_value(
    api: Api, spoilt: dict[str, Any]
) -> None:
    async with api.signed_in("supervisor") as supervisor:
        answer = await supervisor.post(f"{AT}/preview", json={"set": of_a_newer_program(**spoilt)})

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "bad_run_cards")


async def test_a_unit_is_sent_to_a_post_also_where_the_county_removed_that_card(api: Api) -> None:
    kept = tuple(each for each in shipped().cards if each.code != "standby")

    async with api.signed_in("supervisor") as supervisor:
        await saved(supervisor, replace(shipped(), cards=kept), based_on=0)
    incident = await opened(api, type="standby")

    assert (await in_force(api)).card(incident.type).zh == "前出备勤"


async def test_a_dispatcher_looks_and_does_not_change(api: Api) -> None:
    async with api.signed_in("dispatcher") as dispatcher:
        looked = await dispatcher.get(AT)
        answer = await saved(dispatcher, with_theft(units=2), based_on=0)

    assert (looked.status_code, answer.status_code) == (200, 403)


async def test_a_recommendation_names_the_version_that_any_server_saved(api: Api) -> None:
    """Here another one than it is computed on, and nobody has told this one."""
    room = api.room
    await room.add_unit("P-02", crossing(5, 2))
    incident = await opened(api, type="theft")
    other = RunCardDesk(pool=room.pool, fanout=room.fanout, clock=lambda: room.now)

    before = await room.pipeline.recommend(incident.id, by="user:li")
    await other.save(
        plain(with_theft(scene_min=200)), based_on=0, by="user:wu", reason="long scenes"
    )
    after = await room.pipeline.recommend(incident.id, by="user:li")

    assert (before.run_cards_version, after.run_cards_version) == (0, 1)
    kept = await room.fetch(
        "SELECT body -> 'run_cards_version' AS version FROM recommendation WHERE id = $1", after.id
    )
    assert kept[0]["version"] == 1
    assert [each["run_cards"] for each in await said(api, "recommendation.computed")] == [0, 1]
    ends = [each.candidates[0].batteries[0].battery_at_end_pct for each in (before, after)]
    assert ends[0] > ends[1], "a longer scene leaves less in the battery"


async def put_in_force(api: Api, said: dict[str, Any]) -> int:
    """As another program does, which takes what this one does not."""
    room = api.room
    async with room.pool.acquire() as conn, conn.transaction():
        row = await store.insert_version(conn, said, at=room.now, by="user:wu", reason="new")
        await store.activate(conn, row.version, at=room.now, by="user:wu", reason="new")
    return row.version


def of_a_newer_program(**changed: Any) -> dict[str, Any]:
    strange = plain(with_theft(units=2))
    strange["cards"][0] |= changed
    return strange


async def in_force(api: Api, desk: RunCardDesk | None = None) -> RunCards:
    async with api.room.pool.acquire() as conn:
        return await (desk or api.room.run_cards).current(conn)


async def test_cards_of_a_program_that_knows_more_leave_those_of_before_in_force(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    await put_in_force(api, of_a_newer_program(drones=2))

    assert await in_force(api) == shipped()
    (told,) = [each.getMessage() for each in caplog.records if each.levelname == "CRITICAL"]
    assert "officer_needs_help: drones: there is no such field" in told


async def test_a_server_that_starts_goes_by_the_last_cards_that_it_can_use(api: Api) -> None:
    room = api.room
    calibrated = await put_in_force(api, plain(with_theft(scene_min=70)))
    await put_in_force(api, of_a_newer_program(drones=2))
    started = RunCardDesk(pool=room.pool, fanout=room.fanout, clock=lambda: room.now)

    assert (await in_force(api, started)).version == calibrated


async def test_cards_that_cannot_be_used_are_said_and_others_can_be_put_in_force(api: Api) -> None:
    strange = await put_in_force(api, of_a_newer_program(drones=2))

    async with api.signed_in("supervisor") as supervisor:
        seen = convert((await supervisor.get(AT)).json(), RunCardsView)
        refused = await saved(supervisor, with_theft(units=3), based_on=0)
        whole = await supervisor.get(f"{AT}/versions?version={strange}")
        back = await supervisor.post(f"{AT}/activate", json={"version": None, "reason": "older"})
        again = await supervisor.post(f"{AT}/activate", json={"version": strange, "reason": "x"})
        after = await saved(supervisor, with_theft(units=3), based_on=0)

    assert (seen.version, seen.unusable) == (0, strange)
    for each in (refused, whole, again):
        assert (each.status_code, each.json()["error"]["code"]) == (409, "unusable")
    assert convert(back.json(), RunCardsView).unusable is None
    assert after.status_code == 201


async def test_a_version_that_nobody_uses_any_more_keeps_no_server_from_recommending(
    api: Api,
) -> None:
    """One card of it says what this program does not know; its type is removed since."""
    room = api.room
    strange = of_a_newer_program()
    strange["cards"].append(strange["cards"][1] | {"code": "drone_flight", "recording": "holo"})
    await put_in_force(api, strange)
    usable = await put_in_force(api, plain(with_theft(units=3)))
    await room.add_unit("P-02", crossing(5, 2))
    incident = await opened(api, type="theft")

    found = await room.pipeline.recommend(incident.id, by="user:li")

    assert found.run_cards_version == usable
    assert (await in_force(api)).card("drone_flight").en == "drone_flight"


async def test_what_is_put_in_force_while_orders_are_looked_at_is_looked_at_too(api: Api) -> None:
    """Another task takes it over in that very moment: nothing of it may be lost."""
    room, looks = api.room, 0
    desk = room.run_cards

    async def interrupted(conn: Any) -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            await put_in_force(api, plain(with_theft(units=3)))
            await in_force(api)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("server.stores.watch.look_at_all", interrupted)
        await put_in_force(api, plain(with_theft(units=2)))
        await desk.catch_up()
        await desk.catch_up()

    assert looks == 2


async def test_who_reads_slowly_does_not_bring_back_what_was_replaced(api: Api) -> None:
    desk = api.room.run_cards
    reading, go_on, load = asyncio.Event(), asyncio.Event(), runcardversions.load

    async def slowly(conn: Any, number: int | None) -> RunCards:
        found = await load(conn, number)
        if number == 1:
            reading.set()
            await go_on.wait()
        return found

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("server.runcardversions.load", slowly)
        await put_in_force(api, plain(with_theft(units=2)))
        late = asyncio.create_task(in_force(api))
        await asyncio.wait_for(reading.wait(), PATIENCE_S)
        newer = await put_in_force(api, plain(with_theft(units=3)))
        assert (await in_force(api)).version == newer
        go_on.set()
        assert (await late).version == newer

    assert desk.in_force().version == newer


async def test_incidents_of_a_removed_type_go_on_and_no_new_one_is_opened(api: Api) -> None:
    room = api.room
    row = await room.add_unit("P-02", crossing(5, 2))
    incident = await opened(api, type="theft")

    async with api.signed_in("supervisor", "dispatcher") as both:
        await saved(both, without_theft(), based_on=0)
        types = convert((await both.get("/api/incident-types")).json(), list[IncidentTypeView])
        refused = await both.post(
            "/api/incidents",
            json={"request_id": "r", "type": "theft", "priority": "routine"}
            | dict(zip(("lon", "lat"), crossing(3, 2), strict=True)),
        )
    found = await room.pipeline.recommend(incident.id, by="user:li")
    orders, _ = await room.pipeline.dispatch(incident.id, a_decision(found, row), by="user:li")

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "unknown_type")
    (theft,) = [each for each in types if each.code == "theft"]
    assert (theft.retired, theft.names["zh"]) == (True, "盗窃")
    assert [each.code for each in types if not each.retired] == [
        each.code for each in without_theft().cards
    ]
    assert len(orders) == 1


async def test_a_cards_own_timers_hold_for_orders_that_run_already(api: Api) -> None:
    room = api.room
    keeper = a_keeper(room, [Stance()], {}, cards=room.run_cards.in_force)
    row = await room.add_unit("P-02", crossing(5, 2))
    incident = await opened(api, type="theft", priority="routine")
    found = await room.pipeline.recommend(incident.id, by="user:li")
    (order,), _ = await room.pipeline.dispatch(incident.id, a_decision(found, row), by="user:li")

    async def acceptance_s() -> float:
        await keeper.look()
        (now,) = (await room.incident(incident.id)).orders
        (due_at,) = [each.due_at for each in now.timers if each.kind == "acceptance"]
        return (due_at - order.issued_at).total_seconds()

    before = await acceptance_s()
    await room.run_cards.save(
        plain(with_theft(timers={"acceptance_s": 120.0})), based_on=0, by="user:wu", reason="slow"
    )

    assert (before, await acceptance_s()) == (180, 120)


# -- checklists ---------------------------------------------------------------------------


async def test_a_step_is_ticked_once_with_who_and_when(api: Api) -> None:
    incident = await opened(api, type="theft")
    at = f"/api/incidents/{incident.id}/checklist"

    async with api.signed_in("dispatcher") as dispatcher:
        bare = convert((await dispatcher.get(at)).json(), ChecklistView)
        body = {"step": 1, "ticked": True, "version": 0}
        done = convert((await dispatcher.post(at, json=body)).json(), ChecklistView)
        await dispatcher.post(at, json=body)
        undone = await dispatcher.post(at, json=body | {"ticked": False})
        beyond = await dispatcher.post(at, json=body | {"step": 19})

    assert bare.version == 0
    assert [each.words["zh"] for each in bare.steps] == [
        each.zh for each in shipped().by_code["theft"].steps
    ]
    assert all(each.ticked_by is None for each in bare.steps)
    assert (done.steps[1].ticked_by, done.steps[1].ticked_at) == ("user:dispatcher", api.room.now)
    assert undone.json()["steps"][1]["ticked_by"] is None
    assert (beyond.status_code, beyond.json()["error"]["code"]) == (422, "no_such_step")
    (ticked,) = await said(api, "incident.step_ticked")
    assert (ticked["step"], ticked["run_cards"]) == (2, 0)
    assert len(await said(api, "incident.step_unticked")) == 1
    assert ("incident", incident.id) in api.room.fanout.published


async def test_ticks_stay_with_the_steps_that_were_seen(api: Api) -> None:
    begun, fresh = await opened(api, type="theft"), await opened(api, type="theft")
    at = "/api/incidents/{}/checklist"

    async with api.signed_in("dispatcher", "supervisor") as both:
        body = {"step": 0, "ticked": True, "version": 0}
        await both.post(at.format(begun.id), json=body)
        await saved(both, with_theft(steps=()), based_on=0)
        kept = convert((await both.get(at.format(begun.id))).json(), ChecklistView)
        new = convert((await both.get(at.format(fresh.id))).json(), ChecklistView)
        late = await both.post(at.format(fresh.id), json=body)

    assert (kept.version, len(kept.steps)) == (0, len(shipped().by_code["theft"].steps))
    assert kept.steps[0].ticked_by is not None
    assert (new.version, new.steps) == (1, [])
    assert (late.status_code, late.json()["error"]["code"]) == (409, "stale")


async def test_who_takes_back_what_was_never_ticked_keeps_no_old_checklist(api: Api) -> None:
    incident = await opened(api, type="theft")
    at = f"/api/incidents/{incident.id}/checklist"

    async with api.signed_in("dispatcher", "supervisor") as both:
        await both.post(at, json={"step": 0, "ticked": False, "version": 0})
        await saved(both, with_theft(steps=()), based_on=0)
        now = convert((await both.get(at)).json(), ChecklistView)

    assert (now.version, now.steps) == (1, [])


async def test_the_checklist_of_a_closed_incident_is_read_only(api: Api) -> None:
    incident = await opened(api, type="theft")
    await api.room.pipeline.close_incident(incident.id, outcome="false alarm", by="user:li")

    async with api.signed_in("dispatcher") as dispatcher:
        answer = await dispatcher.post(
            f"/api/incidents/{incident.id}/checklist",
            json={"step": 0, "ticked": True, "version": 0},
        )

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "incident_closed")
