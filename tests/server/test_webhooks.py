"""Others are told what the command log says: signed, until they have it, or given up and said."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server import webhookform, webhooks
from server.dispatch.errors import Conflict, Impossible, NotFound
from server.ids import new_id
from server.journal.checkpoint import Checkpoint
from server.journal.kinds import JournalKind
from server.metrics import Metrics
from server.stores import journal, logsearch
from server.stores.logsearch import JournalFilter
from server.stores.users import Role
from server.webhooks import Webhooks
from server.webhookviews import NewWebhookView
from tests.http_server import serving
from tests.patience import PATIENCE_S
from tests.server.api_room import an_api
from tests.server.field_rows import store_outage, until
from tests.server.sealed_log import SIGNER, seal

START = datetime(2026, 3, 1, 8, tzinfo=UTC)


@dataclass
class Receiver:
    """Somebody's server: answers as it is told to, and keeps what it was sent."""

    answers: list[int] = field(default_factory=list)
    """The next ones; 204 when there are none."""
    got: list[tuple[dict[str, str], bytes]] = field(default_factory=list)
    holds: asyncio.Event | None = None
    """Answers once this is set."""

    async def take(self, request: Request) -> Response:
        self.got.append((dict(request.headers), await request.body()))
        if self.holds is not None:
            await self.holds.wait()
        return Response(status_code=self.answers.pop(0) if self.answers else 204)

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in self.got]


@dataclass
class Post:
    """The sender over a database, its clock, and a receiver on a real socket."""

    pool: Any
    desk: Webhooks
    client: httpx.AsyncClient
    receiver: Receiver
    url: str
    metrics: Metrics
    now: datetime = START

    async def add(self, *kinds: str) -> NewWebhookView:
        made, _ = await self.desk.add(
            request_id=new_id(), name="Province", url=self.url, kinds=list(kinds), by="user:admin"
        )
        return made

    async def say(self, kind: JournalKind, **body: Any) -> None:
        async with self.pool.acquire() as conn, conn.transaction():
            await journal.append(conn, actor="user:li", subject="incident:1", kind=kind, body=body)
        await seal(self.pool)

    async def send(self) -> None:
        while due := await self.desk.look():
            for each in due:
                while await self.desk.send(self.client, each):
                    pass

    async def journal(self, kind: str) -> list[dict[str, Any]]:
        await seal(self.pool)
        async with self.pool.acquire() as conn:
            page = await logsearch.search(conn, JournalFilter(kind=kind))
        return [each.body for each in page.entries]


@asynccontextmanager
async def a_post(pool: Any) -> AsyncIterator[Post]:
    receiver, metrics = Receiver(), Metrics()
    app = Starlette(routes=[Route("/told", receiver.take, methods=["POST"])])
    async with serving(app) as url, httpx.AsyncClient(timeout=None) as client:
        found: Post
        desk = Webhooks(pool=pool, clock=lambda: found.now, metrics=metrics, luck=lambda: 0.0)
        found = Post(pool, desk, client, receiver, f"{url}/told", metrics)
        yield found


@pytest.fixture
async def post(pool: Any, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Post]:
    """Its answers may take as long as a slow machine needs."""
    monkeypatch.setattr(webhooks, "ANSWER_S_MAX", PATIENCE_S)
    async with a_post(pool) as found:
        yield found


def test_signature_is_that_of_the_standards_own_example() -> None:
    """From the test vector that the Standard Webhooks libraries share."""
    made = webhookform.headers(
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
        secret="whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    )
    assert made["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_who_subscribed_to_orders_is_told_of_orders_and_can_check_who_says_it(
    post: Post,
) -> None:
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ACCEPTED, number=1)
    await post.say(JournalKind.INCIDENT_CLOSED, number=1)
    await post.send()
    [(headers, body)] = post.receiver.got
    said = json.loads(body)
    assert said["type"] == "order.accepted"
    assert said["data"]["body"] == {"number": 1}
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    mark = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{mark}"
    assert int(headers["webhook-timestamp"]) == int(START.timestamp())
    [view] = await post.desk.everybody()
    assert (view.waiting, view.dead, view.behind, view.delivered_at) == (0, 0, 0, START)


async def test_part_of_a_word_is_not_a_kind(post: Post) -> None:
    await post.add("order.accepted")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    assert post.receiver.got == []


async def test_receiver_that_fails_is_tried_again_later_with_the_same_id(post: Post) -> None:
    post.receiver.answers = [503, 302]
    await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    assert len(post.receiver.got) == 1
    post.now += timedelta(seconds=4)
    await post.send()
    assert len(post.receiver.got) == 1
    post.now += timedelta(seconds=1)
    await post.send()
    post.now += timedelta(seconds=60)
    await post.send()
    assert len(post.receiver.got) == 3
    assert len({headers["webhook-id"] for headers, _ in post.receiver.got}) == 1
    stamps = [int(headers["webhook-timestamp"]) for headers, _ in post.receiver.got]
    assert [each - stamps[0] for each in stamps] == [0, 5, 65]
    [view] = await post.desk.everybody()
    assert (view.waiting, view.dead) == (0, 0)


async def test_who_answers_too_late_has_not_answered(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    post.receiver.holds = asyncio.Event()
    await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    with monkeypatch.context() as hasty:
        hasty.setattr(webhooks, "ANSWER_S_MAX", 0.2)
        await post.send()
    error = await post.pool.fetchval("SELECT last_error FROM webhook_delivery")
    assert error == "no answer within 0.2 s"
    post.receiver.holds.set()
    post.now += timedelta(seconds=5)
    await post.send()
    assert [view.waiting for view in await post.desk.everybody()] == [0]
    assert len({headers["webhook-id"] for headers, _ in post.receiver.got}) == 1


async def test_nobody_at_the_address_is_a_failure_like_any_other(post: Post) -> None:
    post.url = "http://127.0.0.1:1/nobody"
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    assert (await post.desk.everybody())[0].waiting == 1
    await give_up(post)
    [dead] = (await post.desk.dead(made.webhook.id, before=None, limit=9)).deliveries
    assert dead.last_error.startswith("ConnectError")


async def give_up(post: Post) -> None:
    for _ in range(webhookform.ATTEMPTS_MAX):
        post.now += timedelta(days=2)
        await post.send()


async def test_what_fails_too_often_is_given_up_said_in_the_log_and_can_be_tried_again(
    post: Post,
) -> None:
    post.receiver.answers = [500] * webhookform.ATTEMPTS_MAX
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=7)
    await give_up(post)
    assert len(post.receiver.got) == webhookform.ATTEMPTS_MAX
    [dead] = (await post.desk.dead(made.webhook.id, before=None, limit=9)).deliveries
    assert (dead.kind, dead.last_error) == ("order.issued", "HTTP status 500")
    [gave_up] = await post.journal("webhook.gave_up")
    assert gave_up["attempts"] == webhookform.ATTEMPTS_MAX

    view = await post.desk.see_to_dead(made.webhook.id, number=None, again=True, by="user:admin")
    assert (view.waiting, view.dead) == (1, 0)
    await post.send()
    assert post.receiver.bodies[-1]["data"]["body"] == {"number": 7}
    assert await post.journal("webhook.retried") == [{"deliveries": 1}]


async def test_one_of_what_was_given_up_can_be_dropped(post: Post) -> None:
    post.receiver.answers = [500] * (2 * webhookform.ATTEMPTS_MAX)
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.say(JournalKind.ORDER_ISSUED, number=2)
    await give_up(post)
    page = await post.desk.dead(made.webhook.id, before=None, limit=1)
    [newest] = page.deliveries
    assert page.next is not None
    rest = await post.desk.dead(made.webhook.id, before=page.next, limit=9)
    assert [each.number for each in rest.deliveries] == [newest.number - 1]
    view = await post.desk.see_to_dead(
        made.webhook.id, number=newest.number, again=False, by="user:admin"
    )
    assert view.dead == 1
    assert await post.journal("webhook.dropped") == [{"deliveries": 1}]


async def test_receiver_that_is_gone_is_told_nothing_any_more(post: Post) -> None:
    post.receiver.answers = [410]
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    await post.say(JournalKind.ORDER_ISSUED, number=2)
    await post.send()
    assert len(post.receiver.got) == 1
    [view] = await post.desk.everybody()
    assert view.ended_at == post.now
    assert (view.ended_why, view.waiting) == ("HTTP status 410", 0)
    with pytest.raises(Conflict):
        await post.desk.see_to_dead(made.webhook.id, number=None, again=True, by="user:admin")


async def test_full_queue_waits_and_loses_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "QUEUE_LEN_MAX", 3)
    await post.add("order")
    for number in range(8):
        await post.say(JournalKind.ORDER_ISSUED, number=number)
    post.receiver.answers = [500, 500, 500]
    for _ in range(3):
        await post.send()
    assert len(post.receiver.got) == 3
    [view] = await post.desk.everybody()
    assert (view.waiting, view.behind) == (3, 5)
    assert post.metrics.value("webhook_queue_full") >= 1
    for _ in range(5):
        post.now += timedelta(minutes=1)
        await post.send()
    told = {each["data"]["body"]["number"] for each in post.receiver.bodies}
    assert told == set(range(8))


async def test_sender_that_dies_leaves_its_delivery_to_the_next(post: Post) -> None:
    await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)

    class Died(Exception):
        pass

    def die() -> datetime:
        raise Died

    def tells_the_time_once(times: list[datetime]) -> Any:
        return lambda: times.pop(0) if times else die()

    mortal = Webhooks(
        pool=post.pool, clock=tells_the_time_once([post.now, post.now, post.now]), metrics=Metrics()
    )
    [due] = await mortal.look()
    with pytest.raises(Died):
        await mortal.send(post.client, due)
    await post.send()
    assert post.receiver.got == []  # still his
    post.now += timedelta(seconds=webhooks.CLAIM_S)
    await post.send()
    assert len(post.receiver.got) == 1


@asynccontextmanager
async def running(post: Post, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The sender as the server runs it."""
    monkeypatch.setattr(webhooks, "LOOK_EVERY_S", 0.02)
    task = asyncio.create_task(post.desk.run())
    try:
        yield
        assert not task.done(), "it never ends by itself"
    finally:
        task.cancel()
        await asyncio.wait({task})


async def test_database_that_goes_while_something_is_on_its_way_stops_nobody(
    post: Post, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    post.receiver.holds = asyncio.Event()
    async with running(post, monkeypatch):
        await until(lambda: len(post.receiver.got) == 1)
        async with store_outage(database_url):
            post.receiver.holds.set()
            await until(lambda: post.metrics.value("webhook_store_away") >= 1)
        post.now += timedelta(seconds=webhooks.CLAIM_S)
        await until(lambda: post.metrics.value("webhook_delivered") == 1)
    assert len({headers["webhook-id"] for headers, _ in post.receiver.got}) == 1


async def test_receiver_that_never_answers_delays_no_other(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    silent = Receiver(holds=asyncio.Event())
    app = Starlette(routes=[Route("/told", silent.take, methods=["POST"])])
    async with serving(app) as url:
        well = post.url
        post.url = f"{url}/told"
        await post.add("order")
        post.url = well
        await post.add("order")
        for number in range(3 * webhooks.AT_ONCE_MAX):
            await post.say(JournalKind.ORDER_ISSUED, number=number)
        async with running(post, monkeypatch):
            await until(lambda: len(post.receiver.got) == 3 * webhooks.AT_ONCE_MAX)
            await until(lambda: bool(silent.got))
            assert len(silent.got) <= webhooks.AT_ONCE_MAX
            assert silent.holds is not None
            silent.holds.set()
            await until(lambda: len(silent.got) == 3 * webhooks.AT_ONCE_MAX)


async def test_full_list_of_what_was_given_up_waits_for_a_person_and_loses_nothing(
    post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "DEAD_LEN_MAX", 2)
    monkeypatch.setattr(webhooks, "QUEUE_LEN_MAX", 2)
    made = await post.add("order")
    for number in range(4):
        await post.say(JournalKind.ORDER_ISSUED, number=number)
    post.receiver.answers = [500] * (2 * webhookform.ATTEMPTS_MAX)
    await give_up(post)
    await post.send()
    [view] = await post.desk.everybody()
    assert (view.dead, view.waiting) == (2, 0)
    assert view.behind >= 2
    assert post.metrics.value("webhook_dead_full") >= 1
    await post.desk.see_to_dead(made.webhook.id, number=None, again=True, by="user:admin")
    await post.send()
    told = {each["data"]["body"]["number"] for each in post.receiver.bodies}
    assert told == set(range(4))


async def test_one_whose_secret_was_spoiled_fails_like_any_other(
    post: Post, database_url: str
) -> None:
    await post.add("order")
    await post.pool.execute("UPDATE webhook SET secret = 'whsec_!'")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    assert post.receiver.got == []
    assert (await post.desk.everybody())[0].waiting == 1


async def test_what_is_ended_meanwhile_says_nothing_more(post: Post) -> None:
    made = await post.add("order")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    post.receiver.answers = [500] * webhookform.ATTEMPTS_MAX
    for _ in range(webhookform.ATTEMPTS_MAX - 1):
        post.now += timedelta(days=2)
        await post.send()
    post.now += timedelta(days=2)
    post.receiver.holds = asyncio.Event()
    sending = asyncio.create_task(post.send())
    await until(lambda: len(post.receiver.got) == webhookform.ATTEMPTS_MAX)
    await post.desk.end(made.webhook.id, why="moved", by="user:admin")
    post.receiver.holds.set()
    await sending
    assert await post.journal("webhook.gave_up") == []
    assert await post.pool.fetchval("SELECT secret FROM webhook") == "", "it is of no use now"


async def test_two_servers_tell_it_once(post: Post) -> None:
    other = Webhooks(pool=post.pool, clock=lambda: post.now, metrics=Metrics())
    await post.add("order")
    for number in range(20):
        await post.say(JournalKind.ORDER_ISSUED, number=number)
    await asyncio.gather(post.send(), Post.send(replace(post, desk=other)))
    numbers = [each["data"]["body"]["number"] for each in post.receiver.bodies]
    assert sorted(numbers) == list(range(20))


async def test_outside_keeps_a_checkpoint_of_the_log_now_and_then(post: Post) -> None:
    await post.add("journal.checkpoint")
    await post.say(JournalKind.ORDER_ISSUED, number=1)
    await post.send()
    assert post.receiver.got == []
    post.now += webhooks.CHECKPOINT_EVERY
    await post.send()
    await post.send()
    [said] = post.receiver.bodies
    found = Checkpoint.verified(said["data"]["note"], SIGNER.verifier)
    assert said["type"] == "journal.checkpoint"
    assert found.size == said["data"]["size"]
    post.now += webhooks.CHECKPOINT_EVERY
    await post.send()
    assert len(post.receiver.got) == 1  # nothing new


async def test_webhook_that_fails_says_nothing_of_itself_to_anybody(post: Post) -> None:
    with pytest.raises(Impossible, match="says nothing of the kind webhook"):
        await post.add("webhook")


@pytest.mark.parametrize("kind", ["", "ord", "order.", "order.accepted.x", "*", "webhook.ended"])
async def test_kind_that_the_log_never_says_is_refused(post: Post, kind: str) -> None:
    with pytest.raises(Impossible):
        await post.add("order", kind)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "province.example/told",
        "ftp://province.example/told",
        "http://province.example/told",
        "http://192.168.1.7/told",
        "https://",
        "https://user:secret@province.example/",
        "https://province.example:99999/",
        "https://[::1/",
        "https://province.example/a b",
        "https://province.example/\n",
        "http://localhost.province.example/",
        "https://province.example/" + "x" * 2000,
    ],
)
def test_what_speaks_of_people_goes_over_https_or_stays_on_this_machine(url: str) -> None:
    assert webhookform.why_not(url) is not None


@pytest.mark.parametrize(
    "url", ["https://province.example/told?a=b", "http://127.0.0.1:8000/", "http://[::1]/x"]
)
def test_where_it_may_go(url: str) -> None:
    assert webhookform.why_not(url) is None


@given(st.text(max_size=60))
def test_address_that_is_let_through_is_one_for_who_sends_too(text: str) -> None:
    for url in (text, f"https://{text}", f"http://{text}"):
        if webhookform.why_not(url) is None:
            assert httpx.URL(url).host


async def test_asked_twice_adds_one_and_tells_its_secret_again_for_a_while(post: Post) -> None:
    asked: dict[str, Any] = {
        "request_id": new_id(),
        "name": "P",
        "url": post.url,
        "kinds": ["order", "sos"],
    }
    first, fresh = await post.desk.add(**asked, by="user:admin")
    second, again = await post.desk.add(**asked, by="user:admin")
    assert (fresh, again) == (True, False)
    assert first.secret == second.secret
    for other in ({"by": "user:eve"}, {"name": "Q"}, {"kinds": ["order"]}, {"url": post.url + "2"}):
        with pytest.raises(Conflict, match="another"):
            await post.desk.add(**{**asked, "by": "user:admin", **other})
    post.now += webhooks.SECRET_TOLD
    with pytest.raises(Conflict, match="secret"):
        await post.desk.add(**asked, by="user:admin")
    assert len(await post.desk.everybody()) == 1
    assert len(await post.journal("webhook.added")) == 1


async def test_what_is_secret_in_an_address_does_not_get_into_the_log(post: Post) -> None:
    post.url += "/hooks/T0ken?key=v3rysecret"
    await post.add("order")
    [said] = await post.journal("webhook.added")
    assert said["url"] == post.url.partition("/told")[0]


async def test_too_many_are_refused(post: Post, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("server.stores.webhooks.WEBHOOKS_MAX", 1)
    made = await post.add("order")
    with pytest.raises(Conflict, match="At most 1"):
        await post.add("order")
    await post.desk.end(made.webhook.id, why="moved", by="user:admin")
    await post.add("order")


async def test_unknown_one_is_not_found(post: Post) -> None:
    with pytest.raises(NotFound):
        await post.desk.end(new_id(), why="-", by="user:admin")


async def test_only_an_administrator_adds_lists_and_ends_webhooks(
    pool: Any, small_map: RoadMap
) -> None:
    wanted = {
        "request_id": new_id(),
        "name": "Province",
        "url": "https://province.example/told",
        "kinds": ["incident", "journal.checkpoint"],
    }
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as api:
        others: tuple[Role, ...] = ("dispatcher", "supervisor")
        for role in others:
            async with api.signed_in(role) as client:
                assert (await client.get("/api/webhooks")).status_code == 403
                assert (await client.post("/api/webhooks", json=wanted)).status_code == 403
        async with api.signed_in("admin") as client:
            made = await client.post("/api/webhooks", json=wanted)
            assert made.status_code == 201
            assert made.json()["secret"].startswith("whsec_")
            webhook_id = made.json()["webhook"]["id"]
            [listed] = (await client.get("/api/webhooks")).json()
            assert "secret" not in listed
            assert (await client.get(f"/api/webhooks/{webhook_id}/dead")).json() == {
                "deliveries": [],
                "next": None,
            }
            for step in ("retry", "drop"):
                done = await client.post(f"/api/webhooks/{webhook_id}/{step}", json={})
                assert done.status_code == 200
            ended = await client.post(f"/api/webhooks/{webhook_id}/end", json={"why": "moved"})
            assert ended.json()["ended_why"] == "moved"
            for bad in ({"url": "http://province.example"}, {"kinds": ["nothing"]}):
                refused = await client.post(
                    "/api/webhooks", json=wanted | {"request_id": new_id()} | bad
                )
                assert refused.status_code == 422
            for bad_id in ("nonsense", new_id()):
                answer = await client.post(f"/api/webhooks/{bad_id}/end", json={"why": "x"})
                assert answer.status_code == 404
