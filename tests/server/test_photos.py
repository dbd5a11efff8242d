"""Photos from devices: piece by piece, once in effect, within limits, and gone when they are to."""

from __future__ import annotations

import hashlib
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from typing import Any

import asyncpg
import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette
from starlette.middleware import Middleware

from server import holds, redaction
from server.http import photos
from server.http.errors import FailureMiddleware
from server.ids import new_id
from server.limits import Limits
from server.metrics import Metrics
from server.photodesk import PhotoDesk
from server.photofile import PIXELS_MAX, BadPhoto, look
from server.retention import step
from server.retentionpolicy import Policy
from server.stores.photos import due
from server.stores.pool import Pool
from tests.patience import PATIENCE_S
from tests.server.dispatch_room import LoudFanOut
from tests.server.field_room import TOKEN, OpenOrder, issue_order
from tests.server.sealed_log import seal

DEVICE = "cam-07"
CHUNK = 1000


def picture(side: int = 64, kind: str = "JPEG", seed: int = 1, **how: Any) -> bytes:
    """Of noise, so that it takes some bytes."""
    image = Image.frombytes("RGB", (side, side), random.Random(seed).randbytes(3 * side * side))
    out = BytesIO()
    image.save(out, kind, **how)
    return out.getvalue()


@dataclass(slots=True)
class Phone:
    """Sends photos as a handset does."""

    http: httpx.AsyncClient
    order: str
    device_id: str = DEVICE

    async def begin(self, image: bytes, photo: str = "photo-01", **changes: Any) -> httpx.Response:
        said = {
            "id": photo,
            "order": self.order,
            "sha256": hashlib.sha256(image).hexdigest(),
            "size": len(image),
            "by": "B-1042",
        }
        return await self.http.post(
            photos.DEVICE_PATH, params={"dev": self.device_id}, json=said | changes
        )

    async def put(self, part: bytes, at: int, photo: str = "photo-01") -> httpx.Response:
        params: dict[str, str | int] = {"dev": self.device_id, "at": at}
        return await self.http.put(f"{photos.DEVICE_PATH}/{photo}", params=params, content=part)

    async def send(self, image: bytes, photo: str = "photo-01", **changes: Any) -> httpx.Response:
        """The whole of it; the last answer."""
        answer = await self.begin(image, photo, **changes)
        while answer.status_code == 200 and not answer.json()["stored"]:
            at = answer.json()["received"]
            answer = await self.put(image[at : at + CHUNK], at, photo)
        return answer


@dataclass(slots=True)
class House:
    pool: Pool
    fanout: LoudFanOut
    metrics: Metrics
    order: OpenOrder
    phone: Phone


@asynccontextmanager
async def a_house(pool: Pool, **limits: Any) -> AsyncIterator[House]:
    fanout, metrics = LoudFanOut(), Metrics()

    class Services:
        photos = PhotoDesk(
            pool=pool,
            fanout=fanout,
            clock=lambda: datetime.now(UTC),
            limits=Limits(**limits),
            metrics=metrics,
        )

    Services.pool = pool  # type: ignore[attr-defined]
    routes: Any = photos.routes(Services())  # type: ignore[arg-type]
    app = Starlette(routes=routes, middleware=[Middleware(FailureMiddleware)])
    order = await issue_order(pool, device_id=DEVICE)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app),
        base_url="http://test",
        headers={"authorization": f"Bearer {TOKEN}"},
        timeout=PATIENCE_S,
    ) as http:
        yield House(pool, fanout, metrics, order, Phone(http, order.command_id))


@pytest.fixture
async def house(pool: Pool) -> AsyncIterator[House]:
    async with a_house(pool) as house:
        yield house


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


async def stored(pool: Pool) -> list[Any]:
    found: list[Any] = await pool.fetch(
        "SELECT photo.*, image, small FROM photo LEFT JOIN photo_image ON photo_id = id "
        "ORDER BY number"
    )
    return found


async def test_a_photo_comes_in_pieces_and_the_log_has_its_hash(house: House) -> None:
    image = picture()

    answer = await house.phone.send(image, at=1_790_000_000_000, lon=100.2, lat=27.5, acc=8)

    assert answer.json() == {"received": len(image), "stored": True}
    (row,) = await stored(house.pool)
    assert (row["image"], row["type"], row["width"]) == (image, "image/jpeg", 64)
    assert (row["lon"], row["lat"], row["badge"]) == (100.2, 27.5, "B-1042")
    assert row["incident_id"] == house.order.incident_id
    await seal(house.pool)
    (said,) = await house.pool.fetch("SELECT * FROM journal_entry WHERE kind = 'photo.stored'")
    assert said["subject"] == f"order:{house.order.order_id}"
    assert said["body"]["sha256"] == hashlib.sha256(image).hexdigest()
    assert said["body"]["bytes"] == len(image)
    assert house.fanout.published == [("incident", house.order.incident_id)]
    assert await house.pool.fetchval("SELECT count(*) FROM photo_part") == 0


async def test_whatever_is_repeated_after_a_lost_answer_changes_nothing(house: House) -> None:
    image = picture()
    await house.phone.begin(image)
    for _ in range(2):
        assert (await house.phone.put(image[:CHUNK], 0)).json()["received"] == CHUNK
    overlapping = await house.phone.put(image[CHUNK - 10 : CHUNK + 90], CHUNK - 10)
    assert overlapping.json()["received"] == CHUNK + 90
    assert (await house.phone.begin(image)).json()["received"] == CHUNK + 90

    answers = [await house.phone.put(image[CHUNK + 90 :], CHUNK + 90) for _ in range(2)]
    answers += [await house.phone.begin(image), await house.phone.send(image)]

    assert [each.json()["stored"] for each in answers] == [True] * 4
    assert len(await stored(house.pool)) == 1
    assert house.metrics.value("photos_stored") == 1
    count = "SELECT count(*) FROM journal_entry WHERE kind = 'photo.stored'"
    assert await house.pool.fetchval(count) == 1


async def test_a_chunk_out_of_order_is_told_where_to_go_on(house: House) -> None:
    image = picture()
    assert refused(await house.phone.put(image[:10], 0)) == (404, "no_upload")
    await house.phone.begin(image)
    await house.phone.put(image[:CHUNK], 0)

    answer = await house.phone.put(image[2 * CHUNK : 3 * CHUNK], 2 * CHUNK)

    assert refused(answer) == (409, "out_of_step")
    assert answer.json()["error"]["detail"] == {"received": CHUNK}
    assert (await house.phone.send(image)).json()["stored"]


HTML = b"<!doctype html><script>fetch('/api/users')</script>" + b" " * 200


def bomb() -> bytes:
    """A megabyte's worth of promise: 900 million pixels in a few hundred kilobytes."""
    out = BytesIO()
    Image.new("1", (30_000, 30_000)).save(out, "PNG")
    return out.getvalue()


def with_place() -> bytes:
    exif = Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    return picture(exif=exif)


@pytest.mark.parametrize(
    ("image", "why"),
    [
        (HTML, "not_an_image"),
        (b"\xff\xd8\xff\xe0" + HTML, "not_an_image"),
        (b"GIF89a" + HTML, "not_an_image"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "not_an_image"),
        (picture(kind="BMP"), "not_an_image"),
        (picture()[:-200], "not_an_image"),
        (bomb(), "too_many_pixels"),
        (with_place(), "has_place"),
        (
            picture(kind="WEBP", save_all=True, append_images=[Image.new("RGB", (64, 64))]),
            "animated",
        ),
    ],
    ids=["html", "html as jpeg", "html as gif", "svg", "bmp", "cut", "bomb", "place", "animated"],
)
async def test_what_is_no_photo_is_refused_and_leaves_nothing(
    house: House, image: bytes, why: str
) -> None:
    assert len(image) < Limits().photo_bytes_max

    assert refused(await house.phone.send(image)) == (422, why)

    assert await stored(house.pool) == []
    assert await house.pool.fetchval("SELECT count(*) FROM photo_upload") == 0
    assert house.metrics.value("photos_refused", why=why) == 1
    assert (await house.phone.send(picture())).json()["stored"], "the same id may begin anew"


async def test_a_wrong_hash_and_more_bytes_than_announced_are_refused(house: House) -> None:
    image = picture()

    assert refused(await house.phone.send(image, sha256="0" * 64)) == (422, "wrong_hash")
    await house.phone.begin(image, size=CHUNK)
    assert refused(await house.phone.put(image[: CHUNK + 1], 0)) == (422, "wrong_size")
    assert await stored(house.pool) == []


async def test_bytes_broken_at_random_are_a_photo_or_refused_and_nothing_else() -> None:
    chance = random.Random(7)
    refusals = 0
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = picture(24, kind)
        for _ in range(150):
            broken = bytearray(whole[: chance.randint(1, len(whole))])
            for _ in range(chance.randint(1, 8)):
                broken[chance.randrange(len(broken))] = chance.randrange(256)
            try:
                look(bytes(broken))
            except BadPhoto:
                refusals += 1
    assert refusals > 100


def test_what_is_shown_small_is_upright_and_says_nothing_of_itself() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side
    exif[0x010E] = "secret"
    image = Image.new("RGB", (2000, 1000), "red")
    out = BytesIO()
    image.save(out, "JPEG", exif=exif)

    seen = look(out.getvalue())

    with Image.open(BytesIO(seen.small)) as small:
        assert (small.format, small.size, len(small.getexif())) == ("JPEG", (240, 480), 0)
    assert (seen.width, seen.height) == (2000, 1000)
    assert seen.width * seen.height < PIXELS_MAX


async def test_only_the_device_that_has_the_order_may_send_a_photo_of_it(house: House) -> None:
    other = await issue_order(house.pool, device_id="cam-08", badge="B-2000")
    image = picture()

    async def as_device(device_id: str, token: str, order: str) -> tuple[int, str]:
        phone = Phone(house.phone.http, order, device_id)
        phone.http.headers["authorization"] = f"Bearer {token}"
        return refused(await phone.begin(image))

    assert await as_device(DEVICE, TOKEN, other.command_id) == (404, "no_order")
    assert await as_device(DEVICE, TOKEN, new_id()) == (404, "no_order")
    assert await as_device(DEVICE, "guessed", house.order.command_id) == (401, "not_accepted")
    assert await as_device("nobody", TOKEN, house.order.command_id) == (401, "not_accepted")
    await house.pool.execute("UPDATE device SET disabled_at = now() WHERE id = $1", DEVICE)
    assert await as_device(DEVICE, TOKEN, house.order.command_id) == (401, "not_accepted")


async def test_another_photo_under_the_same_id_is_refused(house: House) -> None:
    first, second = picture(), picture(seed=2)
    await house.phone.begin(first)
    assert refused(await house.phone.begin(second)) == (409, "another_photo")
    await house.phone.send(first)

    assert refused(await house.phone.begin(second)) == (409, "another_photo")


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "../../etc"},
        {"sha256": "x"},
        {"size": 0},
        {"order": "1"},
        {"lon": 10.0},
        {"lat": 91.0, "lon": 1.0},
        {"at": -1},
        {"more": 1},
    ],
)
async def test_what_is_malformed_is_told_so(house: House, wrong: dict[str, Any]) -> None:
    assert refused(await house.phone.begin(picture(), **wrong)) == (400, "malformed")


@pytest.mark.parametrize(
    ("limit", "refusal"),
    [
        ({"photo_bytes_max": 3000}, (422, "too_large")),
        ({"photos_per_order_max": 1}, (422, "order_full")),
        ({"photos_per_device_day_max": 1}, (429, "day_full")),
        ({"photos_total_bytes_max": 3_500}, (507, "photos_full")),
    ],
)
async def test_every_limit_says_that_it_is_reached(
    pool: Pool, limit: dict[str, Any], refusal: tuple[int, str]
) -> None:
    async with a_house(pool, **limit) as house:
        small = picture(20)
        assert (await house.phone.send(small)).json()["stored"]

        answer = await house.phone.send(picture(), "photo-02")

        assert refused(answer) == refusal
        assert ("retry-after" in answer.headers) == (refusal[0] != 422)
        assert house.metrics.value("photos_refused", why=refusal[1]) == 1
        assert (await house.phone.send(small)).json()["stored"], "what is here stays here"
        assert "ridgeline_photos_kept_bytes " in house.metrics.text()


async def test_uploads_that_stay_open_are_counted_and_forgotten_after_days(pool: Pool) -> None:
    async with a_house(pool, photo_uploads_per_device_max=1) as house:
        await house.phone.begin(picture())
        assert refused(await house.phone.begin(picture(), "photo-02")) == (429, "too_many_at_once")

        await pool.execute("UPDATE photo_upload SET last_at = now() - interval '8 days'")
        desk = PhotoDesk(
            pool=pool,
            fanout=house.fanout,
            clock=lambda: datetime.now(UTC),
            limits=Limits(),
            metrics=house.metrics,
        )
        await desk.forget_uploads()

        assert (await house.phone.send(picture(), "photo-02")).json()["stored"]


async def seq_of_photo(pool: Pool) -> int:
    await seal(pool)
    found: int = await pool.fetchval(
        "SELECT seq FROM journal_leaf JOIN journal_entry ON journal_entry.id = entry_id "
        "WHERE kind = 'photo.stored'"
    )
    return found


@pytest.mark.parametrize(
    ("field", "keeps_image"), [("body.sha256", False), ("body.photo", False), ("body.lon", True)]
)
async def test_with_its_entry_a_photo_is_redacted_and_comes_never_back(
    house: House, field: str, keeps_image: bool
) -> None:
    image = picture()
    await house.phone.send(image, lon=100.2, lat=27.5)
    seq = await seq_of_photo(house.pool)

    await redaction.redact(house.pool, seq, [field], by="user:li", reason="a bystander")

    assert (await house.phone.send(image, lon=100.2, lat=27.5)).json()["stored"]
    (row,) = await stored(house.pool)
    assert (row["image"] is not None) == keeps_image
    assert (row["lon"], row["lat"]) == (None, None)
    assert row["gone_why"] == (None if keeps_image else "redacted")
    if not keeps_image:
        assert row["sha256"] == b""


async def test_images_go_with_the_days_of_their_incident_but_not_while_it_is_held(
    house: House, database_url: str
) -> None:
    pool, today = house.pool, datetime.now(UTC).date()
    policy = Policy(exact_days=90, kept_days=365)
    await house.phone.send(picture(), lon=100.2, lat=27.5)
    owner = await asyncpg.connect(database_url)
    await owner.execute("UPDATE photo SET received_at = now() - interval '400 days'")
    await owner.close()

    assert not await step(pool, policy, today, by="system"), "the incident is open"
    closed_at = datetime.now(UTC) - timedelta(days=399)
    await pool.execute("UPDATE incident SET status = 'closed', closed_at = $1", closed_at)
    incident_id = house.order.incident_id
    now = datetime.now(UTC)
    await holds.hold(pool, incident_id, why="a complaint", by="user:li", at=now)
    assert not await step(pool, policy, today, by="system"), "it is held"
    await holds.release(pool, incident_id, why="settled", by="user:li", at=now)
    assert not await step(pool, Policy(exact_days=0, kept_days=0), today, by="system")
    async with pool.acquire() as conn:
        assert await due(conn, before=policy.kept_from(today)) == 1

    assert await step(pool, policy, today, by="system")

    (row,) = await stored(pool)
    assert (row["image"], row["gone_why"], row["lon"]) == (None, "retention", None)
    said = await pool.fetchrow("SELECT * FROM journal_entry WHERE kind = 'photo.dropped'")
    assert said["body"]["photos"] == 1


async def test_the_program_itself_may_neither_change_nor_take_away_a_photo(house: House) -> None:
    await house.phone.send(picture())

    for statement in (
        "DELETE FROM photo_image",
        "UPDATE photo SET badge = 'x'",
        "DELETE FROM photo",
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await house.pool.execute(statement)
    with pytest.raises(asyncpg.PostgresError, match="seven days"):
        await house.pool.execute("SELECT drop_photos(current_date, 'me')")
