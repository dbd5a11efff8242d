"""After-action reviews of incidents that were really dispatched: real database, roads and doors."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from geo.basemap.tiles import TileMaker
from geo.driving.speed import Profile, travel_times_ms
from geo.driving.vehicles import Mode
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from protocols.native import Report
from server.ids import new_id
from server.limits import Limits
from server.metrics import Metrics
from server.photodesk import PhotoDesk
from server.pipeline import NewDecision
from server.reviewpage import page
from server.reviewwords import Words
from server.stores.photos import Claim
from server.stores.replacing import Replaced
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY, LoudFanOut
from tests.server.review_story import BEGIN, Story, links, recall_of, why


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def story(api: Api) -> AsyncIterator[Story]:
    async with api.signed_in("supervisor") as client:
        yield Story(api, client)


async def test_an_incident_that_went_well(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    assert order.eta_s is not None
    await story.goes_well(order, arrives_s=order.eta_s)

    found = await story.review(incident)

    (told,) = found.orders
    assert found.broke == 0
    assert {each.verdict for each in (*found.links, *told.links)} == {"in_time", "untimed"}
    assert found.first_there == "P-02"
    assert found.response_s == pytest.approx(order.eta_s, abs=0.01)
    assert told.eta.percentile == pytest.approx(0.5, abs=0.01)
    assert told.eta.said_s == pytest.approx(order.eta_s, abs=0.01)
    assert told.eta.seen_s is None
    assert (found.incident.status, found.incident.outcome) == ("closed", "done")
    assert found.incident.type_names["zh"]
    assert [each.kind for each in found.moments][:4] == [
        "incident.opened", "recommendation.computed", "decision.taken", "order.issued",
    ]  # fmt: skip
    assert found.moments[-1].kind == "incident.closed"


async def test_another_unit_than_recommended_with_its_reason_and_what_it_cost(
    story: Story,
) -> None:
    near, far = await story.unit("P-02", 4), await story.unit("P-03", 0)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    assert [each.unit_id for each in found.candidates] == [near.id, far.id]
    (order,) = await story.room.send(incident, far, found=found)
    assert order.eta_s is not None
    await story.goes_well(order, arrives_s=order.eta_s)

    review = await story.review(incident)

    (choice,) = review.choices
    assert (choice.recommended, choice.sent, choice.followed) == ("P-02", ["P-03"], False)
    assert choice.reason == "knows the place"
    hindsight = review.orders[0].hindsight
    assert hindsight is not None
    first, second = found.candidates
    assert first.eta_s is not None
    assert second.eta_s is not None
    assert hindsight.foreseen_s == pytest.approx(second.eta_s - first.eta_s, abs=0.01)
    assert hindsight.best is not None
    assert hindsight.best.call_sign == "P-02"
    assert hindsight.regret_s == pytest.approx(order.eta_s - first.eta_s, abs=0.5)
    assert (hindsight.best.p_sooner or 0.0) > 0.5


async def test_word_out_of_a_dead_zone_came_late_and_broke_nothing(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    await story.says(order, Report.RECEIVED, 2)
    await story.says(order, Report.ACCEPTED, 20)
    await story.says(order, Report.EN_ROUTE, 60, heard_s=900)
    await story.room.pool.execute(
        """INSERT INTO zone_stay (id, unit_id, order_id, silent_since, foretold_at, back_at,
               latest_at, place, lon, lat, at_scene, ended_at)
           VALUES ($1, $2, $3, $4, $4, $5, $5, '{"en": "the gorge"}', 100.2, 27.5, false, $5)""",
        new_id(), unit.id, order.id, BEGIN + timedelta(seconds=50), BEGIN + timedelta(seconds=895),
    )  # fmt: skip
    story.after(1000)

    review = await story.review(incident)

    departure = links(review.orders[0])["departure"]
    assert departure.verdict == "in_time"
    assert why(departure) == ["dead_zone", "told_late"]
    assert departure.causes[0].values["place"] == {"en": "the gorge"}
    said = next(each for each in review.moments if each.kind == "order.en_route")
    assert said.heard_at - said.at == timedelta(seconds=840)
    assert [each.kind for each in review.moments if each.kind.startswith("radio")] == [
        "radio.silent", "radio.back",
    ]  # fmt: skip


async def test_an_order_handed_over_to_another_unit(story: Story) -> None:
    first, second = await story.unit("P-02", 5), await story.unit("P-03", 1)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    (order,) = await story.room.send(incident, first, found=found)
    await story.sent(order, 1)
    await story.says(order, Report.RECEIVED, 2)
    await story.says(order, Report.ACCEPTED, 10)
    order = (await story.room.incident(incident.id)).orders[0]
    story.after(60)
    (successor,), _ = await story.room.pipeline.dispatch(
        incident.id,
        NewDecision(
            request_id=new_id(),
            recommendation_id=found.id,
            unit_ids=[second.id],
            instruction="",
            reason="engine trouble",
            replaces=(Replaced(order_id=order.id, ver=order.ver),),
        ),
        by=BY,
    )
    at, recall = story.after(70), await recall_of(story, order)
    await story.room.report("P-02-handset", recall, Report.ACCEPTED, by="B-P-02", at=at)
    await story.goes_well(successor, arrives_s=900, begin_s=60)

    review = await story.review(incident)

    old, new = review.orders
    assert (old.state, old.successor, new.call_sign) == ("handed_over", new.number, "P-03")
    assert links(old)["departure"].verdict == "ended"
    assert why(links(old)["departure"]) == ["reassigned"]
    assert old.eta.actual_s is None
    assert "never_arrived" in old.unknown
    assert old.hindsight is not None
    assert old.hindsight.regret_s is None
    assert review.first_there == "P-03"
    assert [choice.sent for choice in review.choices] == [["P-02"], ["P-03"]]


async def test_two_units_are_not_held_against_each_other(story: Story) -> None:
    places = {"P-02": 5, "P-03": 4, "P-04": 0}
    rows = [await story.unit(name, column) for name, column in places.items()]
    incident = await story.room.open()
    orders = await story.room.send(incident, *rows[:2])
    for place, order in enumerate(orders):
        await story.goes_well(order, arrives_s=600 + 300 * place)

    review = await story.review(incident)

    assert [each.call_sign for each in review.orders] == [each.call_sign for each in orders]
    for told in review.orders:
        assert told.hindsight is not None
        assert [each.call_sign for each in told.hindsight.others] == ["P-04"]
    assert review.first_there == orders[0].call_sign
    assert review.response_s == pytest.approx(600, abs=1)


async def test_an_incident_that_nobody_ever_reached(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.levels("P-02-handset", (-600, 6), (-500, 5), (-400, 4))
    story.after(4000)
    current = (await story.room.incident(incident.id)).orders[0]
    await story.room.pipeline.cancel_order(
        order.id, ver=current.ver, reason="nobody answers", by=BY
    )
    await story.close(incident, 4100)

    review = await story.review(incident)

    (told,) = review.orders
    assert (review.first_there, review.response_s) == (None, None)
    delivery = links(told)["delivery"]
    assert delivery.verdict == "never"
    assert why(delivery) == ["taken_back", "offline", "battery_empty"]
    assert delivery.causes[-1].values["level_pct"] == 4
    assert told.unknown == ["never_arrived"]
    assert {each.verdict for each in told.links[1:]} == {"not_reached"}


async def test_an_open_incident_is_reviewed_as_far_as_it_got(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    await story.says(order, Report.RECEIVED, 2)
    story.after(25)

    review = await story.review(incident)

    assert review.incident.closed_at is None
    assert review.as_of == BEGIN + timedelta(seconds=25)
    assert links(review.orders[0])["acceptance"].verdict == "not_reached"
    assert links(review.orders[0])["display"].verdict == "waiting"
    assert review.broke == 0


async def test_an_incident_without_any_order(story: Story) -> None:
    incident = await story.room.open()
    await story.room.pipeline.recommend(incident.id, by=BY)
    story.after(300)

    review = await story.review(incident)

    decision, closing = review.links
    assert (decision.verdict, why(decision)) == ("overdue", ["nobody_free"])
    assert closing.verdict == "not_reached"
    assert review.orders == []


async def test_batteries_as_foretold_and_as_they_came(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    (outlook,) = found.candidates[0].batteries
    (order,) = await story.room.send(incident, unit, found=found)
    await story.levels("P-02-handset", *((each * 60.0, 80 - each // 4) for each in range(60)))
    await story.goes_well(order, arrives_s=600)

    (battery,) = (await story.review(incident)).orders[0].batteries

    assert battery.foretold_end_pct == outlook.battery_at_end_pct
    assert (battery.level_issued_pct, battery.level_arrival_pct) == (80, 78)
    assert battery.level_end_pct == 73
    assert battery.drain_pct_per_h == pytest.approx(15, rel=0.02)
    assert battery.level_pct[0] == 80
    assert battery.at_s == sorted(battery.at_s)


async def test_what_the_drive_taught(story: Story, small_map: RoadMap) -> None:
    """Two roads driven in one and a half times what the model says, and one that does not count."""
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.goes_well(order, arrives_s=600)
    model_s = travel_times_ms(small_map, Profile(mode=Mode.URGENT)) / 1000.0
    arcs = [0, 2, 4]
    leave_s = (np.cumsum(1.5 * model_s[arcs])).tolist()
    await story.room.pool.execute(
        """INSERT INTO matched_trip (id, order_id, unit_id, vehicle, mode, condition, map_id,
               from_at, to_at, fixes, unmatched_s, run, arc, begin_share, end_share, enter_s,
               leave_s, reach_m, left_out, matched_at)
           VALUES ($1, $2, $3, 'patrol_car', 'urgent', 'dry', $4, $5, $5, 9, 0, '{0,0,0}', $6,
               '{0,0,0}', '{1,1,1}', $7, $8, '{9,9,9}', '{f,f,t}', $5)""",
        new_id(), order.id, unit.id, small_map.meta.map_id, BEGIN, arcs, [0.0, *leave_s[:2]],
        leave_s,
    )  # fmt: skip

    drive = (await story.review(incident)).orders[0].drive

    assert drive is not None
    assert drive.factor == pytest.approx(1.5, rel=1e-3)
    assert drive.driven_s == pytest.approx(1.5 * float(model_s[arcs[:2]].sum()), rel=1e-3)
    assert drive.km == pytest.approx(float(small_map.edge_length_m[[0, 1, 2]].sum()) / 1000)
    assert drive.version is None


@pytest.mark.parametrize(
    ("lang", "said"),
    [("en", "Call to first on scene"), ("zh", "接警至首达")],
)
async def test_the_page_is_complete_in_itself(story: Story, lang: str, said: str) -> None:
    rows = [await story.unit("P-02", 5), await story.unit("P-03", 0)]
    incident = await story.room.open(note="<script>alert(1)</script>")
    (order,) = await story.room.send(incident, rows[0])
    await story.levels("P-02-handset", *((each * 60.0, 80 - each // 4) for each in range(60)))
    await story.goes_well(order, arrives_s=600)

    answer = await story.page(incident, lang=lang, tz="Asia/Shanghai")

    text = answer.text
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "<script" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert text.count("<svg") > 1
    assert said in text
    assert not re.search(r'(?:src|href)="', text)
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.S)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in answer.headers["content-security-policy"]
    local = (BEGIN + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M")
    assert local in text
    said_all = re.sub(r"<style>.*?</style>", "", text, flags=re.DOTALL)
    assert not re.search(r"\{\w+\}|None|undefined|>\w+\.\w+<", said_all)


async def test_photos_are_on_the_page_as_far_as_they_are_kept(
    story: Story, database_url: str
) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    task = (await story.room.tasks(order))["P-02-handset"]
    desk = PhotoDesk(
        pool=story.room.pool,
        fanout=LoudFanOut(),
        clock=lambda: BEGIN,
        limits=Limits(),
        metrics=Metrics(),
    )
    for number, colour in enumerate(("red", "green")):
        out = BytesIO()
        Image.new("RGB", (40, 30), colour).save(out, "PNG")
        image = out.getvalue()
        claim = Claim(order=task, sha256=hashlib.sha256(image).hexdigest(), size=len(image))
        await desk.begin("P-02-handset", f"photo-{number}", claim)
        assert (await desk.add("P-02-handset", f"photo-{number}", 0, image)).stored
    owner = await asyncpg.connect(database_url)
    await owner.execute(
        "DELETE FROM photo_image WHERE photo_id = (SELECT min(id::text)::uuid FROM photo)"
    )
    await owner.execute(
        "UPDATE photo SET gone_at = now(), gone_why = 'redacted', sha256 = '' "
        "WHERE id NOT IN (SELECT photo_id FROM photo_image)"
    )
    await owner.close()

    answer = await story.page(incident)

    text = answer.text
    (image64,) = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', text)
    with Image.open(BytesIO(base64.b64decode(image64))) as shown:
        assert shown.size == (40, 30)
    assert "img-src data:" in answer.headers["content-security-policy"]
    assert "<em>redacted</em>" in text
    found = await story.review(incident)
    assert [each.gone for each in found.photos] == ["redacted", None]


async def test_the_zone_of_a_page_is_that_of_the_incident_not_of_its_reader(story: Story) -> None:
    """Read half a year later, on the other side of a change to summer time."""
    incident = await story.room.open()
    review = await story.review(incident)
    zone = ZoneInfo("Europe/Andorra")

    text = page(replace(review, as_of=BEGIN + timedelta(days=182)), Words(language="en", zone=zone))

    hours = BEGIN.astimezone(zone).strftime("%z")[:3]
    assert f"Times in UTC{hours}:00" in text


@pytest.mark.parametrize("query", [{"lang": "fr"}, {"tz": "Mars/Base"}, {"tz": "../../etc/passwd"}])
async def test_a_page_in_a_tongue_or_zone_nobody_knows_is_refused(
    story: Story, query: dict[str, str]
) -> None:
    incident = await story.room.open()

    answer = await story.page(incident, **query)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "malformed")


async def test_reading_a_review_is_in_the_log(story: Story, api: Api) -> None:
    incident = await story.room.open()

    await story.review(incident)

    (entry,) = await story.room.fetch("SELECT * FROM journal_entry WHERE kind = 'review.read'")
    assert (entry["actor"], entry["subject"]) == ("user:supervisor", f"incident:{incident.id}")
    assert entry["body"] == {"number": incident.number}


@pytest.mark.parametrize("wrong", ["7", "none", "01a226c1-4629-7100-85ad-d8e9ecce3745"])
async def test_there_is_no_review_of_nothing(api: Api, wrong: str) -> None:
    async with api.signed_in("supervisor") as client:
        answer = await client.get(f"/api/incidents/{wrong}/review")

    assert answer.status_code == 404
    assert answer.json()["error"]["code"] == "not_found"
