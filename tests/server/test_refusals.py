"""A device that cannot show an order says so: another may, or a person is told at once."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from geo.roadmap import RoadMap
from protocols.native import Report
from server.dispatch.orders import OrderState
from server.stores.ringing import NEXT_PATH
from tests.server.dispatch_room import BY
from tests.server.watch_room import CAMERA, HANDSET, Watch, a_watch


@pytest.fixture
async def watch(pool: Any, small_map: RoadMap) -> AsyncIterator[Watch]:
    async with a_watch(pool, small_map) as watch:
        yield watch


async def refuses(watch: Watch, device: str, reason: str = "no room") -> Any:
    return await watch.says(Report.REFUSED, device=device, by="", reason=reason)


async def test_while_another_device_may_show_it_nobody_is_troubled(watch: Watch) -> None:
    await refuses(watch, CAMERA)

    assert await watch.open() == {}
    now = await watch.now()
    assert (now.state, now.ver) == ("issued", watch.order.ver)
    event = now.events[-1]
    assert (event.state, event.applied, event.actor, event.reason) == (
        "undeliverable", False, f"device:{CAMERA}", "no room",
    )  # fmt: skip
    assert (await watch.room.kinds())[-1] == "order.device_refused"


async def test_the_last_device_makes_it_undeliverable_and_a_person_is_told_at_once(
    watch: Watch,
) -> None:
    await refuses(watch, CAMERA)
    said = await refuses(watch, HANDSET, "the screen is broken")

    item = (await watch.open())["undeliverable"]
    assert (item.severity, item.order_id) == ("warning", watch.order.id)
    assert (item.body["device"], item.body["reason"]) == (HANDSET, "the screen is broken")
    assert (NEXT_PATH, watch.order.id) in said.hints
    assert (await watch.now()).closed_at is None, "its unit may be told by voice"


async def test_said_again_it_is_the_same(watch: Watch) -> None:
    await refuses(watch, CAMERA)
    await refuses(watch, HANDSET)

    again = await refuses(watch, HANDSET)

    assert (again.applied, again.why) == (False, "late")
    assert (await watch.open())["undeliverable"].times == 1


async def test_it_is_settled_by_the_units_word_over_the_radio(watch: Watch) -> None:
    await refuses(watch, CAMERA)
    await refuses(watch, HANDSET)

    await watch.room.pipeline.report_by_voice(
        watch.order.id,
        ver=watch.order.ver,
        state=OrderState.ACCEPTED,
        reason="",
        note="by radio",
        by=BY,
    )
    await watch.after(5)

    assert await watch.open() == {}
    assert (await watch.settled())["undeliverable"].why == "accepted"


async def test_it_stays_until_the_order_is_over_and_then_until_another_goes(watch: Watch) -> None:
    await refuses(watch, CAMERA)
    await refuses(watch, HANDSET)
    await watch.after(5)
    assert "undeliverable" in await watch.open()

    await watch.after(4 * 3600)

    assert (await watch.now()).state == "undeliverable"
    assert (await watch.open())["undeliverable"].times == 2


async def test_what_devices_had_of_it_before_they_refused_settles_nothing(watch: Watch) -> None:
    await watch.says(Report.RECEIVED, device=CAMERA, by="")
    await watch.says(Report.SHOWN, device=HANDSET, by="")
    await refuses(watch, CAMERA)
    await refuses(watch, HANDSET)

    await watch.after(5)
    assert "undeliverable" in await watch.open()

    await watch.says(Report.STANDBY)
    await watch.after(5)
    assert (await watch.settled())["undeliverable"].why == "standby"


async def test_a_refusal_of_an_order_under_way_is_history(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)

    await refuses(watch, CAMERA)
    await refuses(watch, HANDSET)

    assert "undeliverable" not in await watch.open()


async def test_a_question_that_a_device_refuses_is_told_as_its_failure(watch: Watch) -> None:
    await watch.says(Report.ACCEPTED)
    now = await watch.now()
    await watch.room.order_desk.recall(now.id, ver=now.ver, reason="not needed", by=BY)

    await watch.answers("recall", Report.REFUSED, by="", reason="no room")

    item = (await watch.open())["delivery_failed"]
    assert (item.body["device"], item.body["why"], item.body["reported"], item.body["reason"]) == (
        HANDSET, "refused", "recall", "no room",
    )  # fmt: skip
