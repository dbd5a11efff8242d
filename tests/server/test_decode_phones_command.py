"""`ridgeline decode osmand` and `owntracks`: arguments, standard input, and what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from server.cli import main

QUERY = "/?id=7&lat=28.65&lon=104.9&timestamp=1769846400&speed=10&batt=41&alarm=sos&rpm=933"


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["decode", *arguments], input=stdin)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_query_is_one_object() -> None:
    result = run("osmand", QUERY, "--json")

    assert objects(result) == [
        {
            "device_id": "7", "time": "2026-01-31T08:00:00Z", "lat": 28.65, "lon": 104.9,
            "altitude_m": None, "accuracy_m": None, "speed_kmh": 18.52, "heading_deg": None,
            "battery_pct": 41.0, "charging": None, "alarm": "sos", "attributes": {"rpm": 933.0},
            "valid": True, "terminal_id": "7",
            "body": {
                "time": "2026-01-31T08:00:00Z", "lat": 28.65, "lon": 104.9, "altitude_m": None,
                "speed_kmh": 18.52, "heading_deg": None, "battery_pct": 41.0, "alarms": ["sos"],
            },
        }
    ]  # fmt: skip
    assert result.exit_code == 0


def test_address_form_and_lines_of_standard_input_are_read() -> None:
    address = f"http://127.0.0.1:5055{QUERY}"
    lines = f"{QUERY}\n\n{QUERY[2:]}\n"

    assert objects(run("osmand", address, "--json")) == objects(run("osmand", QUERY, "--json"))
    assert [each["device_id"] for each in objects(run("osmand", "--json", stdin=lines))] == [
        "7"
    ] * 2


@pytest.mark.parametrize(
    "line",
    [
        f"POST {QUERY} HTTP/1.1",
        f'10.0.0.7 - - [31/Jan/2026:08:00:00 +0000] "GET {QUERY} HTTP/1.1" 200 0 "-" "okhttp"',
        f'10.0.0.7 - - [31/Jan/2026:08:00:00 +0000] "POST /o/x{QUERY[1:]} HTTP/2.0" 200 0',
    ],
)
def test_line_of_a_web_servers_log(line: str) -> None:
    assert objects(run("osmand", line, "--json")) == objects(run("osmand", QUERY, "--json"))
    assert run("osmand", "--json", stdin=line).exit_code == 0


def test_json_behind_the_time_of_a_log() -> None:
    location = '{"_type":"location","lat":28.65,"lon":104.9,"tst":1769846400,"tid":"WA"}'
    line = f"2026-01-31 08:00:00,123 INFO received: {location}"

    assert objects(run("owntracks", line, "--json")) == objects(
        run("owntracks", location, "--json")
    )
    assert objects(run("owntracks", f"x {{ {line}", "--json"))[0]["error"].startswith("no JSON")


def test_json_over_several_lines_is_one_text() -> None:
    location = {"timestamp": "2026-01-31T08:00:00.5Z", "coords": {"latitude": 1, "longitude": 2}}
    text = json.dumps({"device_id": "7", "location": location}, indent=1)

    [said] = objects(run("osmand", "--json", stdin=text))

    assert (said["time"], said["lat"]) == ("2026-01-31T08:00:00.500Z", 1)


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("lat=1&lon=2", "it says no device id"),
        ("id=7&lat=x&lon=2", "lat and lon are not two numbers"),
        ("{", "no JSON"),
        ("", "no message"),
    ],
)
def test_what_is_wrong_is_said(text: str, error: str) -> None:
    result = run("osmand", "--json", stdin=text)

    assert error in objects(result)[0]["error"]
    assert result.exit_code == 1


def test_owntracks_location_and_other_types() -> None:
    location = '{"_type":"location","lat":28.65,"lon":104.9,"tst":1769846400,"vel":36,"tid":"WA"}'
    result = run("owntracks", "--json", stdin=f'{location}\n{{"_type":"lwt","tst":1}}\n')

    first, second = objects(result)
    assert (first["type"], first["device_id"], first["speed_kmh"]) == ("location", "WA", 36)
    assert (second["type"], second["lat"]) == ("lwt", None)
    assert result.exit_code == 0


@pytest.mark.parametrize("text", ['{"_type":"encrypted","data":"…"}', "{}", "7"])
def test_owntracks_that_cannot_be_read(text: str) -> None:
    assert run("owntracks", text, "--json").exit_code == 1


def test_table_for_people() -> None:
    result = run("osmand", QUERY, "lat=1&lon=2")

    assert "28.65" in result.stdout
    assert "no device id" in result.stdout


@pytest.mark.data
@pytest.mark.parametrize("name", ["osmand", "owntracks"])
def test_published_vectors_are_said(name: str, data_dir: Path) -> None:
    vectors = json.loads((data_dir / "vectors" / f"{name}_vectors.json").read_bytes())["vectors"]
    for vector in vectors:
        request, expected = vector["request"], vector["traccar"]["result"]

        [said] = objects(run(name, request["body"] or request["uri"], "--json"))

        if expected is None:
            assert "error" in said
            continue
        assert (said["lat"], said["lon"]) == (expected["lat"], expected["lon"])
        knots = expected["speed_knots"]
        assert (said["speed_kmh"] or 0) == pytest.approx(knots * 1.852, abs=1e-3)
