"""`ridgeline decode jt808`: however a frame was pasted it is read, and what is wrong is said."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from protocols.jt808.channel import Channel
from protocols.jt808.fields import Dialect
from protocols.jt808.header import phone_of
from protocols.jt808.layout import Body
from protocols.jt808.location import Location, LocationReport
from protocols.jt808.parameters import Parameter, ParametersAnswer
from protocols.jt808.session import Heartbeat
from protocols.jt808.video import Recording, Recordings
from server.cli import main
from server.cli._jt808frames import frames_of as jt808_frames

PLACE = Location(
    alarm_bits=1,
    status_bits=0b0111,
    latitude_e6=27_500_000,
    longitude_e6=100_250_000,
    altitude_m=-3,
    speed_dkmh=365,
    direction=360,
    clock=b"",
    items=((0x30, b"\x7e"), (0xE4, b"\x00\x56"), (0x99, b"\x7d")),
)


def frame_of(message: Body, dialect: Dialect = Dialect.Y2013) -> str:
    channel = Channel(phone=phone_of("10000000001", dialect), dialect=dialect)
    return b"".join(channel.send(message).frames).hex()


def unescaped(frame: str) -> str:
    data = bytes.fromhex(frame)[1:-1].replace(b"\x7d\x02", b"\x7e").replace(b"\x7d\x01", b"\x7d")
    return (b"\x7e" + data + b"\x7e").hex()


REPORT = frame_of(LocationReport(location=PLACE))
BEAT = frame_of(Heartbeat(), Dialect.Y2019)


def run(*arguments: str, stdin: str = "") -> Result:
    return CliRunner().invoke(main, ["decode", "jt808", *arguments], input=stdin)


def objects(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_location_report_in_full() -> None:
    result = run(REPORT, "--json")

    [said] = objects(result)
    body = said.pop("body")
    assert said == {
        "message_id": "0x0200",
        "protocol_year": 2013,
        "terminal_id": "10000000001",
        "phone": "010000000001",
        "serial": 0,
        "checksum_ok": True,
        "message": "location report",
    }
    assert (body["lat"], body["lon"], body["altitude_m"]) == (-27.5, 100.25, -3)
    assert (body["speed_kmh"], body["heading_deg"], body["time"]) == (36.5, 0, None)
    assert body["alarms"] == ["emergency"]
    assert body["status"] == ["acc_on", "fixed", "south"]
    assert (body["battery_pct"], body["charging"], body["signal"]) == (86, True, 126)
    assert body["items"][2] == {"id": "0x99", "raw": "7d"}
    assert result.exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [REPORT + BEAT],
        [REPORT, BEAT],
        [unescaped(REPORT) + BEAT],
        [unescaped(REPORT)[2:-2], BEAT[2:-2]],
        [f"{unescaped(REPORT)[2:-2]} {BEAT[2:-2]}"],
        [unescaped(REPORT)[2:-2], BEAT],
        [", ".join(REPORT[i : i + 2] for i in range(0, len(REPORT), 2)) + BEAT],
        [REPORT.upper() + " " + BEAT.upper()],
        [b"junk".hex() + REPORT + "7e7e" + BEAT],
        [REPORT[:-2] + BEAT],
        ["0x" + " 0x".join(REPORT[i : i + 2] for i in range(0, len(REPORT), 2)), BEAT],
        [(REPORT + BEAT)[i : i + 2] for i in range(0, len(REPORT + BEAT), 2)],
        [REPORT[:2], REPORT[2:6], REPORT[6:50], REPORT[50:], BEAT],
    ],
    ids=lambda arguments: f"{len(arguments)} words {arguments[0][:8]}",
)
def test_however_it_was_pasted(arguments: list[str]) -> None:
    found = objects(run(*arguments, "--json"))

    assert [each["message_id"] for each in found] == ["0x0200", "0x0002"]
    assert [each["protocol_year"] for each in found] == [2013, 2019]
    assert all(each["checksum_ok"] and "error" not in each for each in found)


PAIRS = [REPORT[i : i + 2] for i in range(0, len(REPORT), 2)]
SPACED = " ".join(PAIRS)


def dump(*, colon: str = "", ascii_behind: str = "", pair_bytes: int = 1) -> str:
    rows = [PAIRS[i : i + 16] for i in range(0, len(PAIRS), 16)]
    return "\n".join(
        f"{16 * n:08x}{colon}  "
        + " ".join("".join(row[i : i + pair_bytes]) for i in range(0, len(row), pair_bytes))
        + ascii_behind
        for n, row in enumerate(rows)
    )


@pytest.mark.parametrize(
    "text",
    [
        f"2026-08-24 07:30:00.123 INFO [nio-1] >>> {REPORT}",
        f"2026-08-24 07:30:00 7E:{REPORT[2:]} 2026-08-24 07:30:01",
        f"2026-08-24T07:30:00Z recv 10.0.0.7:50123 ({len(PAIRS)} bytes): {SPACED.upper()}, ok",
        f"收到数据：{REPORT}",
        f"recv {unescaped(REPORT)[2:-2]} from 10.0.0.7",
        "07:30:00 recv\n" + "\n".join(SPACED[i : i + 48] for i in range(0, len(SPACED), 48)),
        f'{{"at": 1787556600, "hex": "{REPORT}"}}',
        "byte[] frame = {" + ", ".join(f"(byte)0x{pair}" for pair in PAIRS) + "};",
        "b'" + "".join(f"\\x{pair}" for pair in PAIRS) + "'",
        dump(),
        dump(colon=":", ascii_behind="  ~...&.4Vx...}...", pair_bytes=2),
        dump(ascii_behind="  |~...&.4Vx...}...|"),
    ],
)
def test_out_of_a_log_a_program_or_a_dump(text: str) -> None:
    for found in (objects(run(text, "--json")), objects(run("--json", stdin=text + "\n"))):
        assert [each.get("error") or each["message_id"] for each in found] == ["0x0200"]
        assert found[0]["body"]["lat"] == -27.5


def test_a_log_of_several_frames_says_of_each() -> None:
    log = "\n".join(
        (
            f"2026-08-24 07:30:00.123 >>> {REPORT}",
            "2026-08-24 07:30:00.200 link of 10.0.0.7 is up",
            f"2026-08-24 07:30:01.123 <<< {BEAT}{REPORT[:60]}",
            f"2026-08-24 07:30:02.123 >>> {REPORT}{BEAT[2:]}",
        )
    )

    found = objects(run("--json", stdin=log))

    ids = [each["message_id"] for each in found]
    assert ids == ["0x0200", "0x0002", "0x0200", "0x0200", "0x0002"]
    assert [n for n, each in enumerate(found) if "error" in each] == [2]


def test_standard_input_in_lines_and_in_a_dump_over_lines() -> None:
    lines = f"{REPORT}\n\n{BEAT}\n"
    dump = "\n".join(f"{REPORT}{BEAT}"[i : i + 32] for i in range(0, len(REPORT + BEAT), 32))

    for stdin in (lines, dump):
        assert [o["message_id"] for o in objects(run("--json", stdin=stdin))] == [
            "0x0200",
            "0x0002",
        ]
    assert len(objects(run(BEAT, "-", "--json", stdin=lines))) == 3


def test_a_wrong_check_byte_is_said_and_the_rest_read() -> None:
    wrong = REPORT[:-4] + f"{int(REPORT[-4:-2], 16) ^ 1:02x}" + "7e"

    result = run(wrong, BEAT, "--json")

    bad, good = objects(result)
    assert not bad["checksum_ok"]
    assert bad["error"].startswith("check: ")
    assert (bad["body"]["lat"], bad["terminal_id"]) == (-27.5, "10000000001")
    assert good["checksum_ok"]
    assert result.exit_code == 1


@pytest.mark.parametrize("text", ["", "7e", "7e7e", "7e0102037e", "no hex", "7e0", "7e7d097e"])
def test_what_is_no_frame_is_an_error_and_no_traceback(text: str) -> None:
    result = run(text, "--json")

    [said] = objects(result)
    assert said["error"]
    assert result.exit_code == 1
    assert "Traceback" not in result.output


def test_half_a_byte_costs_its_own_frame_alone() -> None:
    cut, good = objects(run(REPORT[:41], BEAT, "--json"))

    assert cut["error"]
    assert good["checksum_ok"]


def test_a_body_that_ends_early_shows_what_came() -> None:
    whole = bytes.fromhex(frame_of(ParametersAnswer(answers=7, parameters=())))
    body = whole[1:3] + b"\0\1" + whole[5:13] + b"\x09"
    check = 0
    for byte in body:
        check ^= byte

    [said] = jt808_frames([(b"\x7e" + body + bytes((check,)) + b"\x7e").hex()])

    assert said["checksum_ok"]
    assert said["error"].startswith("body: answers")
    assert said["body"] == {"raw": "09"}


def test_the_first_package_says_what_it_can_by_itself() -> None:
    recording = Recording(
        channel=1, begins_at=None, ends_at=None, alarm_bits=0, kind=2, stream=1, storage=1, bytes=9
    )
    frames = frame_of(Recordings(answers=7, recordings=(recording,) * 40))

    [first] = objects(run(frames[: frames.index("7e", 2) + 2], "--json"))

    assert first["body"]["answers"] == 7
    assert len(first["body"]["recordings"]) == 36
    assert first["body"]["recordings"][0]["bytes"] == 9


def test_packages_are_put_together_by_the_last() -> None:
    parameters = tuple(Parameter(id=0xF000 + n, data=bytes(200)) for n in range(9))
    frames = frame_of(ParametersAnswer(answers=7, parameters=parameters))

    first, last = objects(run(frames, "--json"))

    assert (first["package"], first["is_whole"]) == ({"number": 1, "total": 2}, False)
    assert first["body"]["answers"] == 7
    assert (last["package"], last["is_whole"]) == ({"number": 2, "total": 2}, True)
    assert len(last["body"]["parameters"]) == 9


def test_the_table_is_for_people() -> None:
    result = run(REPORT, BEAT)

    assert result.exit_code == 0
    for word in ("0x0200", "location report", "10000000001", "lat -27.5", "emergency"):
        assert word in result.stdout


@given(st.text(alphabet="0123456789abcdef7e ", max_size=200))
def test_no_hex_raises(text: str) -> None:
    json.dumps(jt808_frames([text]))


@given(st.text(alphabet="0127e:\n x(.", max_size=200))
def test_no_text_raises_more_than_that_it_is_no_hex(text: str) -> None:
    with suppress(ValueError):
        json.dumps(jt808_frames([text]))
