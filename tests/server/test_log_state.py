"""How the log is held, over HTTP and on the command line: state, checkpoint, code, one proof."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from click.testing import CliRunner
from PIL import Image

from geo.basemap.tiles import TileMaker
from geo.places import PlaceIndex
from geo.roadmap import RoadMap
from server.checkpointfile import CheckpointFile
from server.cli.audit import audit_group
from server.journal.checkpoint import Checkpoint
from server.journal.kinds import JournalKind
from server.journal.verifier import Verification
from server.metrics import Metrics
from server.stores import journal
from server.stores.pool import Pool, open_pool
from tests.server.api_room import Api, an_api
from tests.server.sealed_log import SIGNER, seal


@pytest.fixture
async def api(pool: Any, small_map: RoadMap) -> AsyncIterator[Api]:
    async with an_api(pool, small_map, TileMaker(small_map), PlaceIndex(small_map)) as found:
        yield found


async def log(pool: Pool, count: int = 1) -> None:
    for n in range(count):
        async with pool.acquire() as conn, conn.transaction():
            await journal.append(
                conn,
                actor="user:wang",
                subject="incident:1",
                kind=JournalKind.INCIDENT_OPENED,
                body={"n": n},
            )


async def test_before_anything_is_written_nothing_is_signed(api: Api) -> None:
    async with api.signed_in("supervisor") as supervisor:
        state = (await supervisor.get("/api/journal/checkpoint")).json()
        texts = [
            await supervisor.get(f"/api/journal/{path}")
            for path in ("checkpoint.txt", "checkpoint.svg", "1/proof", f"{2**70}/proof")
        ]

    assert (state["size"], state["signed"], state["note"], state["key"]) == (0, 0, None, None)
    assert [each.status_code for each in texts] == [404] * 4


async def test_a_supervisor_sees_what_is_sealed_and_takes_a_checkpoint_along(api: Api) -> None:
    await log(api.room.pool, 3)
    async with api.signed_in("supervisor") as supervisor:
        state = (await supervisor.get("/api/journal/checkpoint")).json()
        text = await supervisor.get("/api/journal/checkpoint.txt")
        code = await supervisor.get("/api/journal/checkpoint.svg")

    assert (state["size"], state["signed"], state["waiting"]) == (3, 3, 0)
    assert state["key"] == str(SIGNER.verifier)
    assert Checkpoint.verified(text.text, SIGNER.verifier).size == 3
    assert text.headers["content-disposition"] == 'attachment; filename="checkpoint.txt"'
    assert ElementTree.fromstring(code.content).tag.endswith("svg")


async def test_the_proof_of_one_entry_stands_alone_and_its_reading_is_logged(api: Api) -> None:
    await log(api.room.pool, 7)
    async with api.signed_in("supervisor") as supervisor:
        answer: httpx.Response = await supervisor.get("/api/journal/5/proof")

    verification = Verification(SIGNER.verifier)
    for line in answer.text.splitlines(keepends=True):
        verification.feed(line)
    report = verification.finish()
    assert report.findings == []
    assert (report.first, report.last, report.signed) == (5, 5, 7)
    assert '"body.n":' in answer.text
    said = "SELECT body->>'newest' FROM journal_entry WHERE kind = 'journal.read'"
    assert await api.room.pool.fetchval(said) == "5"


async def anything(note: str) -> bool:
    return True


async def test_the_newest_checkpoint_is_copied_to_a_file(pool: Pool, tmp_path: Path) -> None:
    await log(pool)
    sealer, path, metrics = await seal(pool), tmp_path / "copy.txt", Metrics()
    copy = CheckpointFile(path, newest=sealer.newest, fits=anything, metrics=metrics)
    await copy.copy()
    assert Checkpoint.verified(path.read_text(), SIGNER.verifier).size == 1

    await log(pool)
    await sealer.seal_batch()
    await copy.copy()
    assert Checkpoint.verified(path.read_text(), SIGNER.verifier).size == 2

    await asyncio.to_thread(path.unlink)
    await copy.copy()
    assert not path.exists(), "nothing is newer"
    away = CheckpointFile(
        tmp_path / "away" / "x", newest=sealer.newest, fits=anything, metrics=metrics
    )
    await away.copy()
    assert metrics.value("checkpoint_file_failures") == 1
    assert not (tmp_path / ".copy.txt.new").exists()


def test_the_command_writes_a_checkpoint_as_text_and_as_a_code(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", database_url)

    def run(*arguments: str) -> Any:
        return CliRunner().invoke(audit_group, ["checkpoint", *arguments])

    assert run().exit_code == 1, "nothing was signed yet"

    async def seed() -> None:
        pool = await open_pool(database_url)
        await log(pool, 2)
        await seal(pool)
        await pool.close()

    asyncio.run(seed())
    printed = run()
    text, png = tmp_path / "c.txt", tmp_path / "c.png"
    assert run("--out", str(text), "--qr", str(png)).exit_code == 0

    assert Checkpoint.verified(printed.output, SIGNER.verifier).size == 2
    assert text.read_text() == printed.output
    with Image.open(png) as image:
        assert min(image.size) > 100
    assert run("--qr", str(tmp_path / "c.gif")).exit_code == 1
