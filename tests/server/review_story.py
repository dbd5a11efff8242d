"""An incident as the server is told of it, minute by minute, and its review: real doors."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from msgspec import convert

from protocols.native import Report
from server.dispatch.orders import OrderState
from server.reviewviews import LinkView, OrderReviewView, ReviewView
from server.stores.units import UnitRow
from server.views import IncidentView, OrderView
from tests.server.api_room import Api
from tests.server.dispatch_room import BY
from tests.server.field_rows import POSITION_COLUMNS
from tests.small_county import crossing

BEGIN = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=3)
"""The history of positions takes what was received from yesterday on."""


class Story:
    """An incident as it is told to the server, minute by minute."""

    def __init__(self, api: Api, client: httpx.AsyncClient) -> None:
        self.room, self._client = api.room, client
        self.room.now = BEGIN

    def after(self, seconds: float) -> datetime:
        """It is so long after the beginning."""
        self.room.now = BEGIN + timedelta(seconds=seconds)
        return self.room.now

    async def unit(self, call_sign: str, column: int) -> UnitRow:
        return await self.room.add_unit(call_sign, crossing(column, 2), devices=("handset",))

    async def sent(self, order: OrderView, seconds: float) -> None:
        """A frame with the order was written to the unit's handset."""
        await self.room.pool.execute(
            "UPDATE command SET sent_at = $2 WHERE order_id = $1",
            order.id,
            BEGIN + timedelta(seconds=seconds),
        )

    async def says(
        self, order: OrderView, said: Report, at_s: float, *, heard_s: float | None = None
    ) -> None:
        """The unit's handset or its officer reports; heard at once, or at `heard_s`."""
        self.after(at_s if heard_s is None else heard_s)
        device_id = f"{order.call_sign}-handset"
        task = (await self.room.tasks(order))[device_id]
        at = BEGIN + timedelta(seconds=at_s)
        by = "" if said in (Report.RECEIVED, Report.SHOWN) else f"B-{order.call_sign}"
        await self.room.report(device_id, task, said, by=by, at=at)

    async def by_voice(self, order: OrderView, state: OrderState, *, reason: str = "") -> None:
        """The unit says so by radio, now."""
        ver = await self.version(order)
        await self.room.pipeline.report_by_voice(
            order.id, ver=ver, state=state, reason=reason, note="", by=BY
        )

    async def version(self, order: OrderView) -> int:
        incident = await self.room.incident(order.incident_id)
        return next(each.ver for each in incident.orders if each.id == order.id)

    async def goes_well(self, order: OrderView, *, arrives_s: float, begin_s: float = 0.0) -> None:
        await self.sent(order, begin_s + 1)
        for said, at_s in (
            (Report.RECEIVED, begin_s + 2), (Report.SHOWN, begin_s + 3),
            (Report.ACCEPTED, begin_s + 20), (Report.EN_ROUTE, begin_s + 60),
            (Report.ON_SCENE, arrives_s), (Report.FEEDBACK, arrives_s + 60),
            (Report.DONE, arrives_s + 1200),
        ):  # fmt: skip
            await self.says(order, said, at_s)

    async def levels(self, device_id: str, *readings: tuple[float, int]) -> None:
        """What a battery had so many seconds after the beginning."""
        lon, lat = crossing(1, 2)
        rows = [
            (device_id, at, at + timedelta(seconds=1), lon, lat, 5.0, 0.0, 0.0, pct, False, "")
            for at, pct in ((BEGIN + timedelta(seconds=each), pct) for each, pct in readings)
        ]
        for day in {row[2].date() for row in rows}:
            await self.room.pool.execute("SELECT ensure_position_partition($1)", day)
        await self.room.pool.copy_records_to_table(
            "position", records=rows, columns=POSITION_COLUMNS
        )

    async def close(self, incident: IncidentView, seconds: float) -> None:
        self.after(seconds)
        await self.room.pipeline.close_incident(incident.id, outcome="resolved", by=BY)

    async def page(self, incident: IncidentView, **query: str) -> httpx.Response:
        return await self._client.get(f"/api/incidents/{incident.id}/review.html", params=query)

    async def review(self, incident: IncidentView) -> ReviewView:
        answer = await self._client.get(f"/api/incidents/{incident.id}/review")
        assert answer.status_code == 200, answer.text
        return convert(answer.json(), ReviewView)


def links(order: OrderReviewView) -> dict[str, LinkView]:
    return {each.link: each for each in order.links}


def why(link: LinkView) -> list[str]:
    return [each.why for each in link.causes]


async def recall_of(story: Story, order: OrderView) -> str:
    (row,) = await story.room.fetch(
        "SELECT id FROM command WHERE order_id = $1 AND kind = 'recall'", order.id
    )
    command: str = row["id"]
    return command
