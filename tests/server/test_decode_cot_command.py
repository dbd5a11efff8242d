"""`ridgeline decode cot`: XML, protobuf and hex of either, from arguments, files and pipes."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.cot import alerts, chat
from protocols.cot.event import EVENT_BYTES_MAX, Point
from protocols.cot.messages import write_datagram, write_frame, write_message
from protocols.cot.xmltext import write_document, write_event
from server.cli import main
from server.cli.decodecot import cot_events
from tests.protocols.cot_events import NOW, a_message, a_unit_report

ONE, TWO = a_unit_report("one"), a_unit_report("two")
BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]>' + write_event(ONE)


def run(*arguments: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(main, ["decode", "cot", *arguments], input=stdin)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


@pytest.mark.parametrize(
    "text",
    [
        write_event(ONE).decode(),
        write_document(ONE).decode() + "\n\n",
        "\n  " + write_event(ONE).decode(),
        "\ufeff" + write_document(ONE).decode(),
        write_document(ONE).hex(),
        write_frame(ONE).hex(),
        write_frame(ONE).hex(" ").upper(),
        "0x" + write_datagram(ONE).hex(":"),
        write_message(ONE).hex(),
    ],
)
def test_an_event_in_any_form_is_one_object(text: str, tmp_path: Path) -> None:
    file = tmp_path / "recorded"
    file.write_text(text)

    for result in run(text, "--json"), run(str(file), "--json"), run("--json", stdin=text.encode()):
        [said] = objects(result)
        assert (said["uid"], said["callsign"], said["battery_pct"]) == ("one", "队员一", 37)
        assert (said["lat"], said["lon"], said["le_m"]) == (28.650123, 104.900456, None)
        assert (said["terminal_id"], said["body"]["altitude_m"]) == ("one", said["hae_m"])
        assert (said["body"]["lat"], said["body"]["battery_pct"]) == (28.650123, 37)
        assert result.exit_code == 0


@pytest.mark.parametrize("write", [write_document, write_event, write_frame, write_datagram])
def test_a_recording_of_bytes_is_read_as_it_is(write: Any, tmp_path: Path) -> None:
    file = tmp_path / "recorded.bin"
    file.write_bytes(write(ONE))

    assert [each["uid"] for each in objects(run(str(file), "--json"))] == ["one"]
    assert [each["uid"] for each in objects(run("-", "--json", stdin=write(ONE)))] == ["one"]


def test_several_events_stand_in_lines_of_their_own() -> None:
    recorded = write_document(ONE) + b"\n" + write_frame(TWO)

    assert [each["uid"] for each in objects(run("--json", stdin=recorded))] == ["one", "two"]


def test_datagrams_in_hex_stand_one_in_a_line() -> None:
    recorded = f"{write_datagram(ONE).hex()}\n{write_datagram(TWO).hex()}\n"

    assert [e["uid"] for e in objects(run("--json", stdin=recorded.encode()))] == ["one", "two"]


def test_a_bad_event_is_told_and_the_next_is_read() -> None:
    recorded = b"<event uid='x'/>" + write_event(ONE)

    result = run("--json", stdin=recorded)

    assert [each.get("error", each.get("uid")) for each in objects(result)] == [
        "type is needed, at most 128 characters",
        "one",
    ]
    assert result.exit_code == 1


@pytest.mark.parametrize(
    ("recorded", "why"),
    [
        (b"", "no event"),
        (b"  \n", "no event"),
        (b"hello", "bytes that begin no event"),
        (b"abc", "bytes that begin no event"),
        (write_event(ONE)[:-3], "the last event is cut short"),
        (write_frame(ONE)[:-1], "the last event is cut short"),
        (write_datagram(ONE)[:-1], "field 2 is cut short"),
        (BOMB, "a document type is not accepted"),
        (b"\x0a\x02\x10\x01", "a message without an event"),
        (b"<a>" + b"x" * EVENT_BYTES_MAX + b"</a>", "an event of more than 262144 bytes"),
    ],
)
def test_what_is_no_event_is_an_error_in_words(recorded: bytes, why: str) -> None:
    result = run("--json", stdin=recorded)

    assert objects(result) == [{"error": why}]
    assert result.exit_code == 1


@pytest.mark.parametrize("write", [write_event, write_frame])
def test_of_a_bad_event_is_told_whose_it_is(write: Any) -> None:
    far_off = replace(ONE, point=Point(lon=200.0, lat=0.0))

    [said] = objects(run("--json", stdin=write(far_off)))

    assert (said["uid"], said["type"]) == ("one", "a-f-G-U-C")
    assert said["error"] == "the point needs lat in -90..90 and lon in -180..180"


def test_a_file_that_is_not_there_is_no_event() -> None:
    assert "error" in objects(run("/nowhere/recorded.xml", "--json"))[0]


def test_a_table_says_what_people_want_to_know() -> None:
    events = [
        a_unit_report(),
        chat.write_message(a_message()),
        chat.write_receipt(a_message(), chat.Outcome.READ, callsign="A", now=NOW),
        alerts.cancel_emergency("D", "[red]A", at=NOW, valid=NOW - NOW),
    ]

    result = run(stdin=b"".join(map(write_event, events)) + b"<event/>")

    for word in ("队员一", "37", "去2号卡点", "read", "[red]A", "uid is needed"):
        assert word in result.stdout


def test_a_call_for_help_is_among_the_alarms_until_it_is_cancelled() -> None:
    valid = timedelta(minutes=5)
    raised = alerts.write_emergency("D", "A", at=NOW, valid=valid)
    cancelled = alerts.cancel_emergency("D", "A", at=NOW, valid=valid)

    found = objects(run("--json", stdin=write_event(raised) + write_event(cancelled)))

    assert [each["body"]["alarms"] for each in found] == [["911 Alert"], []]


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200) | st.sampled_from([write_event(ONE), b"7e 01", BOMB])))
def test_any_bytes_are_told_in_json(recordings: list[bytes]) -> None:
    for each in cot_events(recordings):
        assert json.loads(json.dumps(each))
