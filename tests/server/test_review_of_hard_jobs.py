"""After-action reviews of jobs that did not go as planned: what is said of them is true."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.orders import OrderState
from server.dispatch.runcards import RunCard, plain
from server.dispatch.timers import PEACE_URGENT, TimerTable
from server.ids import new_id
from server.pipeline import NewDecision
from server.stores import reviews, timersets
from server.stores.replacing import Replaced
from tests.server.api_room import Api, an_api
from tests.server.dispatch_room import BY
from tests.server.review_story import BEGIN, Story, links, recall_of, why


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        yield api


@pytest.fixture
async def story(api: Api) -> AsyncIterator[Story]:
    async with api.signed_in("supervisor") as client:
        yield Story(api, client)


async def test_whoever_declined_is_not_the_one_that_should_have_been_sent(story: Story) -> None:
    """Declined by radio, before anything was on a screen; the next in line went instead."""
    near, far = await story.unit("P-02", 4), await story.unit("P-03", 0)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    (order,) = await story.room.send(incident, near, found=found)
    await story.sent(order, 1)
    await story.says(order, Report.RECEIVED, 2)
    story.after(15)
    await story.by_voice(order, OrderState.UNABLE, reason="the bridge is gone")
    story.after(30)
    (second,) = await story.room.send(incident, far, found=found)
    assert second.eta_s is not None
    await story.goes_well(second, arrives_s=second.eta_s + 30, begin_s=30)

    review = await story.review(incident)

    first, second_told = review.orders
    assert [name for name, link in links(first).items() if link.broken] == ["acceptance"]
    assert why(links(first)["acceptance"]) == ["declined"]
    hindsight = second_told.hindsight
    assert hindsight is not None
    assert (hindsight.others, hindsight.best, hindsight.tried) == ([], None, ["P-02"])
    assert hindsight.foreseen_s == 0


async def test_nobody_decided_late_where_nobody_was_free(story: Story) -> None:
    """The first unit came on duty five minutes later, and was sent at once."""
    incident = await story.room.open()
    story.after(10)
    await story.room.pipeline.recommend(incident.id, by=BY)
    story.after(300)
    unit = await story.unit("P-02", 5)
    await story.room.send(incident, unit)

    decision, _ = (await story.review(incident)).links

    assert (decision.verdict, why(decision)) == ("late", ["nobody_free"])


async def test_a_unit_that_never_said_so_was_there_by_its_position(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    for said, at_s in ((Report.RECEIVED, 2), (Report.ACCEPTED, 20), (Report.EN_ROUTE, 60)):
        await story.says(order, said, at_s)
    await story.room.pool.execute(
        "UPDATE dispatch_order SET at_place_at = $2 WHERE id = $1",
        order.id,
        BEGIN + timedelta(seconds=300),
    )
    story.after(400)

    review = await story.review(incident)
    page = (await story.page(incident)).text

    assert (review.first_there, review.first_order) == ("P-02", order.number)
    assert review.first_by_position
    assert review.response_s == 300
    assert "P-02 (by position)" in page


async def test_figures_are_of_the_order_that_came_first_not_of_the_unit(story: Story) -> None:
    """It was called off, and sent once more."""
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    (order,) = await story.room.send(incident, unit, found=found)
    story.after(20)
    await story.room.pipeline.cancel_order(order.id, ver=order.ver, reason="a hoax?", by=BY)
    story.after(60)
    (again,) = await story.room.send(incident, unit, found=found)
    await story.goes_well(again, arrives_s=660, begin_s=60)

    review = await story.review(incident)
    page = (await story.page(incident)).text

    assert review.first_order == again.number
    (eta,) = re.findall(r"<span>Travel time, foretold → came</span><strong>(.*?)</strong>", page)
    assert eta.endswith("→ 10 min")


async def test_a_unit_that_was_sent_elsewhere(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    for said, at_s in ((Report.RECEIVED, 2), (Report.SHOWN, 3), (Report.ACCEPTED, 10)):
        await story.says(order, said, at_s)
    story.after(30)
    other = await story.room.open(priority="emergency")
    found = await story.room.pipeline.recommend(other.id, by=BY)
    (successor,), _ = await story.room.pipeline.dispatch(
        other.id,
        NewDecision(
            request_id=new_id(),
            recommendation_id=found.id,
            unit_ids=[unit.id],
            instruction="",
            reason="lives at stake",
            replaces=(Replaced(order_id=order.id, ver=await story.version(order)),),
        ),
        by=BY,
    )
    at = story.after(40)
    recall = await recall_of(story, order)
    await story.room.report("P-02-handset", recall, Report.ACCEPTED, by="B-P-02", at=at)

    departure = links((await story.review(incident)).orders[0])["departure"]

    assert departure.verdict == "ended"
    assert why(departure) == ["sent_elsewhere"]
    assert departure.causes[0].values["successor"] == successor.number


async def test_a_silence_is_none_because_positions_are_left_out(
    story: Story, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long incident: of each device few positions are read, and it was never silent."""
    monkeypatch.setattr(reviews, "READINGS_MAX", 20)
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    await story.room.send(incident, unit)
    await story.levels("P-02-handset", *((each * 30.0, 80) for each in range(240)))
    story.after(7200)

    delivery = links((await story.review(incident)).orders[0])["delivery"]

    assert delivery.verdict == "overdue"
    assert why(delivery) == ["offline"]


async def test_of_coarse_positions_no_silence_is_told(story: Story, database_url: str) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    await story.levels("P-02-handset", (0, 4), (900, 4), (1800, 3))
    owner = await asyncpg.connect(database_url)
    await owner.execute("INSERT INTO position_coarse (day) VALUES ($1)", BEGIN.date())
    await owner.close()
    story.after(2000)

    (told,) = (await story.review(incident)).orders

    assert links(told)["delivery"].broken
    assert why(links(told)["delivery"]) == ["unknown"]
    assert "coarse" in told.unknown


async def test_timers_are_those_that_held_when_the_order_went_out(story: Story) -> None:
    """The log has them; what is set today is another matter."""
    slow = replace(PEACE_URGENT, receipt_s=500)
    await timersets.note(story.room.pool, TimerTable(peace_urgent=slow))
    unit = await story.unit("P-02", 5)
    story.room.now = datetime.now(UTC)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await timersets.note(story.room.pool, TimerTable())
    await timersets.note(story.room.pool, TimerTable())
    story.room.now += timedelta(seconds=400)

    (told,) = (await story.review(incident)).orders

    assert told.timers_kept
    assert links(told)["delivery"].due_at == order.issued_at + timedelta(seconds=500)
    assert links(told)["delivery"].verdict == "waiting"
    assert len(await story.room.fetch("SELECT 1 FROM journal_entry WHERE kind = 'timers.set'")) == 2


async def test_of_timers_that_nobody_kept_it_says_so(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)

    (told,) = (await story.review(incident)).orders
    page = (await story.page(incident)).text

    assert not told.timers_kept
    assert f"What the timers of order {order.number} were set to is not kept" in page


async def test_the_run_card_is_the_one_that_was_in_force(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    await set_receipt(story, incident.type, 7)
    (order,) = await story.room.send(incident, unit)
    await set_receipt(story, incident.type, 99)

    (told,) = (await story.review(incident)).orders

    assert links(told)["delivery"].due_at == order.issued_at + timedelta(seconds=7)


async def set_receipt(story: Story, type_code: str, seconds: float) -> None:
    """The run card of a type waits so long for the receipt of an order."""
    desk = story.room.run_cards
    cards = desk.in_force()

    def own(card: RunCard) -> RunCard:
        timers = {"receipt_s": seconds}
        return replace(card, timers=timers) if card.code == type_code else card

    said = plain(replace(cards, cards=tuple(map(own, cards.cards))))
    await desk.save(said, based_on=cards.version, by=BY, reason="a drill")


async def test_the_next_in_line_that_went_without_asking_is_no_choice_of_a_person(
    story: Story,
) -> None:
    """Nobody answered under an order of war: the server sent the next one of the same list."""
    near, far = await story.unit("P-02", 4), await story.unit("P-03", 0)
    incident = await story.room.open()
    found = await story.room.pipeline.recommend(incident.id, by=BY)
    await story.room.send(incident, near, found=found)
    story.after(60)
    offer = NewDecision(
        request_id=new_id(),
        recommendation_id=found.id,
        unit_ids=[far.id],
        instruction="",
        reason="nobody answered",
    )
    await story.room.pipeline.dispatch(incident.id, offer, by="system")

    review = await story.review(incident)
    page = (await story.page(incident)).text

    assert [(each.sent, each.automatic) for each in review.choices] == [
        (["P-02"], False), (["P-03"], True),
    ]  # fmt: skip
    assert "Sent without asking, as the next in line: P-03." in page


async def test_an_order_that_expired_on_a_screen(story: Story) -> None:
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    await story.sent(order, 1)
    await story.says(order, Report.RECEIVED, 2)
    await story.says(order, Report.SHOWN, 3)
    await story.levels("P-02-handset", *((each * 30.0, 60) for each in range(20)))
    story.after(500)
    await story.room.pool.execute(
        "UPDATE dispatch_order SET state = 'expired', closed_at = $2, state_at = $2 WHERE id = $1",
        order.id,
        story.room.now,
    )

    (told,) = (await story.review(incident)).orders

    assert [name for name, link in links(told).items() if link.broken] == ["acceptance"]
    assert why(links(told)["acceptance"]) == ["expired", "nobody_answered"]


async def test_a_unit_without_signal_for_twenty_minutes(story: Story) -> None:
    """On its way nothing was heard of it; what it did there came afterwards, and was in time."""
    unit = await story.unit("P-02", 5)
    incident = await story.room.open()
    (order,) = await story.room.send(incident, unit)
    assert order.eta_p90_s is not None
    await story.levels("P-02-handset", *((each, 60) for each in (0.0, 60.0, 110.0)))
    await story.sent(order, 1)
    for said, at_s in ((Report.RECEIVED, 2), (Report.SHOWN, 3), (Report.ACCEPTED, 20)):
        await story.says(order, said, at_s)
    await story.says(order, Report.EN_ROUTE, 60)
    there_s = 60 + min(600.0, order.eta_p90_s)
    await story.says(order, Report.ON_SCENE, there_s, heard_s=1310)
    await story.says(order, Report.FEEDBACK, there_s + 60, heard_s=1311)
    await story.levels("P-02-handset", (1310, 55))
    story.after(1400)

    (told,) = (await story.review(incident)).orders

    drive = links(told)["drive"]
    assert (drive.verdict, why(drive)) == ("in_time", ["silent", "told_late"])
    assert not links(told)["feedback"].broken
    since = datetime.fromisoformat(str(drive.causes[0].values["since"]))
    assert since == BEGIN + timedelta(seconds=111)
