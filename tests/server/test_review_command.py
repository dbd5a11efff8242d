"""`ridgeline review incident` on a real database: as JSON, as a page, and wrong wishes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from geo.roadmap import RoadMap
from server.cli.review import review_group
from server.stores.pool import open_pool
from tests.conftest import TestServers, fresh_database
from tests.server.dispatch_room import a_room
from tests.small_county import crossing


@pytest.fixture(scope="module")
def database(servers: TestServers, template_database: str, small_map: RoadMap) -> Iterator[str]:
    """With incident 1, to which a unit was sent."""
    with fresh_database(servers, template_database) as url:
        asyncio.run(_fill(url, small_map))
        yield url


async def _fill(url: str, roadmap: RoadMap) -> None:
    pool = await open_pool(url)
    async with a_room(pool, roadmap) as room:
        unit = await room.add_unit("P-02", crossing(5, 2))
        await room.send(await room.open(), unit)
    await pool.close()


@pytest.fixture
def run(database: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("DATABASE_URL", database)
    return Run(tmp_path)


class Run:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *arguments: str) -> Result:
        return CliRunner().invoke(
            review_group, ["incident", *arguments, "--data", str(self.folder)]
        )


def test_json_is_the_review_as_the_api_gives_it(run: Run) -> None:
    result = run("1", "--json")

    assert result.exit_code == 0, result.output
    found = json.loads(result.output)
    assert found["incident"]["number"] == 1
    assert [each["link"] for each in found["orders"][0]["links"]][:2] == ["delivery", "display"]


@pytest.mark.parametrize(("lang", "title"), [("en", "After-action review"), ("zh", "复盘报告")])
def test_the_page_is_written_to_a_file(run: Run, lang: str, title: str) -> None:
    file = run.folder / "incident.html"

    result = run("1", "--html", str(file), "--lang", lang)

    assert result.exit_code == 0, result.output
    assert f"<title>{title}" in file.read_text(encoding="utf-8")


def test_the_incident_is_written_for_other_systems(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RIDGELINE_AGENCY", "police.county.example")
    file = run.folder / "incident.json"

    result = run("1", "--eido", str(file))

    assert result.exit_code == 0, result.output
    found = json.loads(file.read_text(encoding="utf-8"))
    assert found["issuingElementIdentification"] == "police.county.example"
    assert found["incidentComponent"]["internalIncidentId"] == "1"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("7", "--json"), "There is no incident 7."),
        (("1",), "Say one of --json, --html FILE and --eido FILE."),
        (("1", "--json", "--html", "x"), "Say one of --json, --html FILE and --eido FILE."),
        (("1", "--html", "/nowhere/at/all.html"), "cannot be written"),
        (("0", "--json"), "NUMBER"),
    ],
)
def test_what_cannot_be_is_said_in_one_line(
    run: Run, arguments: tuple[str, ...], said: str
) -> None:
    result = run(*arguments)

    assert result.exit_code != 0
    assert said in result.output
    assert "Traceback" not in result.output
