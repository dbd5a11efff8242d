"""How the server is: each fact with its mark, the worst first, and only for administrators."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from server.health import GIB, Facts, Gateway, Mark, Stored, judge, worst
from server.http import health, pages
from tests.patience import PATIENCE_S
from tests.whole_server import whole_server

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
STORED = Stored(
    database_bytes=3 * GIB,
    devices=20,
    devices_heard=19,
    checkpoint_at=NOW - timedelta(seconds=30),
)
WELL = Facts(
    version="1.2.3",
    started_at=NOW - timedelta(hours=2),
    down=(),
    without=(),
    stored=STORED,
    disk_free_bytes=100 * GIB,
    disk_bytes=500 * GIB,
    waiting=3,
    unsigned=0,
    consoles=2,
    gateways=(
        Gateway(name="jt808", host="0.0.0.0", port=8808, clients=4),
        Gateway(name="tak", host="127.0.0.1", port=None, clients=0),
    ),
    certificate_days=200,
    dead_letters=0,
    photos_bytes=1.0,
    photos_bytes_max=100.0,
    map_name="Somewhere",
    map_id="0123456789abcdef",
    map_built_at="2026-01-01T00:00:00Z",
    map_synthetic=False,
)


def test_all_is_well_and_what_is_off_on_purpose_is_no_fault() -> None:
    findings = judge(WELL, NOW)

    assert {each.mark for each in findings} == {Mark.GOOD, Mark.OFF}
    assert [each.name for each in findings if each.mark is Mark.OFF] == ["tak"]
    assert worst(findings) is Mark.GOOD
    told = {each.name: each.values for each in findings}
    assert told["version"] == {"version": "1.2.3", "up_s": 7200}
    assert told["log"] == {"waiting": 3, "unsigned": 0, "checkpoint_s": 30}
    assert told["jt808"] == {"address": "0.0.0.0:8808", "clients": 4}


@pytest.mark.parametrize(
    ("change", "name", "mark"),
    [
        ({"stored": None, "down": ("postgresql",)}, "database", Mark.BAD),
        ({"without": ("valkey",)}, "valkey", Mark.LOOK),
        ({"down": ("gauge reader",)}, "other", Mark.BAD),
        ({"disk_free_bytes": 9 * GIB}, "disk", Mark.LOOK),
        ({"disk_free_bytes": GIB}, "disk", Mark.BAD),
        ({"waiting": 1_001}, "log", Mark.LOOK),
        ({"unsigned": 1}, "log", Mark.BAD),
        ({"stored": replace(STORED, devices_heard=10)}, "devices", Mark.LOOK),
        ({"certificate_days": 29.9}, "certificate", Mark.LOOK),
        ({"certificate_days": -1}, "certificate", Mark.BAD),
        ({"dead_letters": 2}, "webhooks", Mark.LOOK),
        ({"photos_bytes": 81.0}, "photos", Mark.LOOK),
        ({"photos_bytes": 96.0}, "photos", Mark.BAD),
        ({"map_synthetic": True}, "map", Mark.LOOK),
    ],
)
def test_what_is_wrong_comes_first_with_its_mark(
    change: dict[str, Any], name: str, mark: Mark
) -> None:
    findings = judge(replace(WELL, **change), NOW)

    assert (findings[0].name, findings[0].mark) == (name, mark)
    assert worst(findings) is mark


def test_one_silent_device_of_one_and_no_room_for_photos_are_no_fault() -> None:
    alone = replace(STORED, devices=1, devices_heard=0)
    without_photos = replace(WELL, stored=alone, photos_bytes=0.0, photos_bytes_max=0.0)

    assert worst(judge(without_photos, NOW)) is Mark.GOOD


async def test_the_server_tells_its_administrator_how_it_is(
    small_map_dir: Path,
    tmp_path: Path,
    database_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(health, "STORED_S_MAX", PATIENCE_S)  # a slow machine is well, too
    monkeypatch.setattr(pages, "READY_S_MAX", PATIENCE_S)
    async with (
        whole_server(
            map_dir=small_map_dir, data_dir=tmp_path, database_url=database_url, redis_url=redis_url
        ) as server,
        server.signed_in("admin") as admin,
    ):
        answer = await admin.get("/api/health")

    assert answer.status_code == 200
    told = {each["name"]: each for each in answer.json()["findings"]}
    assert told["database"]["mark"] == "good"
    assert told["database"]["values"]["size_gib"] > 0
    assert told["valkey"]["mark"] == "good"
    assert told["map"]["mark"] == "look", "the test's county is invented"
    assert answer.json()["worst"] in {"look", "bad"}, "bad: where this disk is nearly full"
