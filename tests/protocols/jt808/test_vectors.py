"""Recorded frames of real terminals and of other people's codecs say what they are known to say."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from protocols.jt808.channel import Channel, Event, Received
from protocols.jt808.codec import BadFrame, encode
from protocols.jt808.location import Location
from protocols.jt808.plain import plain_body
from server.cli._jt808frames import frames_of as jt808_frames

FRAMES = json.loads((Path(__file__).parent / "frames.json").read_text())["frames"]
CHINA = timezone(timedelta(hours=8))
KMH_PER_KNOT = 1.852
BATTERY = {"batteryLevel": "battery_pct", "battery": "battery_v", "power": "external_v"}
BYTES = {"body", "packet", "reserves"}
"""Which the Java codec shows as numbers."""
NOT_OF_THE_BODY = {"messageId", "properties", "protocolVersion", "clientId", "serialNo", "verified"}


@pytest.fixture(scope="module")
def traccar(vectors_dir: Path) -> list[dict[str, Any]]:
    return list(json.loads((vectors_dir / "jt808_vectors.json").read_text())["vectors"])


@pytest.fixture(scope="module")
def yezhihao(vectors_dir: Path) -> list[dict[str, Any]]:
    return list(json.loads((vectors_dir / "jt808_yzh_vectors.json").read_text())["vectors"])


def received(wire: str) -> list[Event]:
    return Channel().receive(bytes.fromhex(wire), now=0)


def locations_of(event: Event) -> list[Location]:
    if not isinstance(event, Received):
        return []
    one = getattr(event.message, "location", None)
    return [one] if one else list(getattr(event.message, "locations", ()))


@pytest.mark.parametrize("frame", FRAMES, ids=lambda frame: frame["source"])
def test_committed_frames(frame: dict[str, Any]) -> None:
    [said] = jt808_frames([frame["hex"]])

    assert said["checksum_ok"]
    assert (said["message_id"], said["terminal_id"]) == (frame["message_id"], frame["terminal_id"])
    body = said["body"]
    found = body.get("locations", [body] if "lat" in body else [])
    assert len(found) == len(frame["locations"])
    for location, facts in zip(found, frame["locations"], strict=True):
        assert {name: location[name] for name in facts} == facts
    assert body.get("battery_pct") == frame.get("battery_pct")


def test_traccar_frames_that_must_decode(traccar: list[dict[str, Any]]) -> None:
    must = [each for each in traccar if each["tier"].startswith("core")]

    for vector in must:
        [event] = received(vector["hex_wire"])
        assert isinstance(event, Received), vector["line"]
        header, known = event.header, vector["analysis"]
        assert f"0x{header.message_id:04x}" == known["msg_id"]
        assert (header.phone.hex(), header.serial) == (known["phone"], known["serial"])
        candidates = vector["traccar"]["device_id_candidates"].split(",")
        assert header.display_id in [each.lstrip("0") or "0" for each in candidates]
        agree(event, vector)
    assert len(must) >= 50


def agree(event: Received, vector: dict[str, Any]) -> None:
    """With what Traccar made of it."""
    results = vector["traccar"]["result"]
    facts = results if isinstance(results, list) else [results]
    for location, known in zip(locations_of(event), facts, strict=False):
        assert (location.lat, location.lon) == pytest.approx((known["lat"], known["lon"]))
        assert location.altitude_m == known["altitude_m"]
        assert location.speed_kmh == pytest.approx(known["speed_knots"] * KMH_PER_KNOT, abs=1e-3)
        assert location.heading_deg == known["course"] % 360
        assert location.is_fixed == known["valid"]
        assert location.observed_at == datetime.fromisoformat(known["fix_time"])
    if isinstance(results, list):
        assert len(locations_of(event)) == len(results)


def test_battery_and_voltage_of_traccar_frames(traccar: list[dict[str, Any]]) -> None:
    asserted = [each for each in traccar if each.get("expected", {}).get("key") in BATTERY]
    asserted = [each for each in asserted if each["tier"] == "core+battery"]

    for vector in asserted:
        [event] = received(vector["hex_wire"])
        name, wanted = BATTERY[vector["expected"]["key"]], vector["expected"]["value"]
        found = [getattr(each.values, name) for each in locations_of(event)]
        assert wanted in found, vector["line"]
    assert len(asserted) >= 8


def test_every_other_traccar_frame_is_survived(traccar: list[dict[str, Any]]) -> None:
    for vector in traccar:
        wire = bytes.fromhex(vector.get("hex_wire") or vector.get("hex") or "")
        channel = Channel()

        events = channel.receive(wire, now=0)
        after = channel.receive(b"\x7e\x7e" + bytes.fromhex(FRAMES[-1]["hex"]), now=0)

        assert isinstance(after[-1], Received)
        if vector["tier"] == "invalid-frame":
            [bad] = events
            assert isinstance(bad, BadFrame)


def test_traccar_frames_without_escapes(traccar: list[dict[str, Any]]) -> None:
    """As they stand in its test: several in one text, `7e` and `7d` in their midst."""
    whole = [each for each in traccar if each["tier"].startswith("core")]

    found = jt808_frames([" ".join(each["hex"] for each in whole)])

    assert [each["serial"] for each in found] == [each["analysis"]["serial"] for each in whole]
    assert all(each["checksum_ok"] and "error" not in each for each in found)


def test_yezhihao_frames_there_and_back(yezhihao: list[dict[str, Any]]) -> None:
    for vector in yezhihao:
        [event] = received(vector["hex"])
        assert isinstance(event, Received), vector["msg_id"]

        again = encode(event.header, event.message.encode(event.header.dialect))

        if vector["msg_id"] != "0x8400":  # pads a text whose length is free
            assert again.hex() == vector["hex"]
        assert event.message.extra == b""
    assert len({each["msg_id"] for each in yezhihao}) >= 60


SPELLED_OTHERWISE = {"0x0104", "0x8103", "0x0900", "0x0200", "0x0705", "0x8a00", "0x0201"}
"""Vendors' own structures and arrays of bytes, which here are hex."""


def test_yezhihao_facts(yezhihao: list[dict[str, Any]]) -> None:
    """Each value that the Java codec finds is found."""
    for vector in yezhihao:
        [event] = received(vector["hex"])
        assert isinstance(event, Received)
        found = set(leaves(plain_body(event.message)))
        for wanted in leaves(vector["expected"]):
            if vector["msg_id"] not in SPELLED_OTHERWISE:
                assert spellings(wanted) & found, (vector["msg_id"], wanted)


def leaves(value: Any, name: str = "") -> Iterator[Any]:
    if isinstance(value, dict):
        for key, each in value.items():
            if key not in NOT_OF_THE_BODY:
                yield from leaves(each, key)
    elif isinstance(value, list):
        if name in BYTES:
            yield bytes(value).hex()
        else:
            for each in value:
                yield from leaves(each, name)
    else:
        yield value


def spellings(value: Any) -> set[Any]:
    """Java has local times, magnitudes in 10⁻⁶ degrees and speeds in 0.1 km/h."""
    if isinstance(value, str):
        for form in ("%Y-%m-%dT%H:%M:%S", "%y%m%d%H%M%S"):
            try:
                local = datetime.strptime(value, form).replace(tzinfo=CHINA)
            except ValueError:
                continue
            return {value, local.astimezone(UTC).isoformat().replace("+00:00", "Z")}
        return {value}
    return {value, value / 1e6, value / 10}
