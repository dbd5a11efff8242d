"""OsmAnd's report: published vectors, both forms, and whatever bytes may come."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import osmand
from protocols.errors import ProtocolError
from protocols.osmand import MPS_PER_KNOT, Message

AT = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)


def decoded(said: str | bytes) -> Message:
    [message] = osmand.decode(said)
    return message


def published(data_dir: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(
        (data_dir / "vectors" / "osmand_vectors.json").read_bytes()
    )["vectors"]
    return found


@pytest.mark.data
def test_published_vectors(data_dir: Path) -> None:
    for vector in published(data_dir):
        request = vector["request"]
        message = decoded(request["body"] or request["uri"])

        assert message.device_id == vector["traccar"]["device_id_candidates"]
        expected = vector["traccar"]["result"]
        if expected is None:
            continue  # refused for its missing id
        assert (message.lat, message.lon) == (expected["lat"], expected["lon"])
        assert (message.altitude_m or 0) == expected["altitude_m"]
        assert (message.accuracy_m or 0) == expected["accuracy"]
        assert (message.heading_deg or 0) == expected["course"]
        assert (message.speed_mps or 0) / MPS_PER_KNOT == pytest.approx(
            expected["speed_knots"], abs=1e-3
        )
        if not vector.get("time_is_server_now"):
            assert message.time == datetime.fromisoformat(expected["fix_time"])
        attributes = dict(expected["attributes"])
        assert message.battery_pct == attributes.pop("batteryLevel", None)
        assert message.attributes == attributes


@pytest.mark.parametrize(
    "said",
    ["1769846400", "1769846400000", "2026-01-31T08:00:00Z", "2026-01-31T16:00:00+08:00",
     "2026-01-31T16:00:00%2B08:00", "2026-01-31+08:00:00", "2026-01-31T08:00:00.000Z"],
)  # fmt: skip
def test_times(said: str) -> None:
    assert decoded(f"/?id=1&timestamp={said}&lat=1&lon=2").time == AT


def test_query_form_and_address_say_the_same() -> None:
    query = "deviceid=7&location=28.65,104.9&batt=41.5&charge=true&valid=1&bearing=361"

    found = [decoded(query), decoded(f"/o/token?{query}"), decoded(query.encode())]

    assert found[0] == found[1] == found[2]
    message = found[0]
    assert (message.device_id, message.lat, message.lon) == ("7", 28.65, 104.9)
    assert (message.battery_pct, message.charging, message.has_position) == (41.5, True, True)


def test_message_without_a_position() -> None:
    message = decoded("id=7&notificationToken=abc:def&batt=80")

    assert not message.has_position
    assert message.attributes == {"notificationToken": "abc:def"}


def test_position_that_is_not_valid_is_none() -> None:
    assert not decoded("id=7&lat=1&lon=2&valid=false").has_position


def test_alarm_in_both_forms() -> None:
    assert decoded("id=7&lat=1&lon=2&alarm=sos").alarm == "sos"
    body = {"device_id": "7", "location": {"alarm": "sos", "coords": {}}}
    assert decoded(json.dumps(body)).alarm == "sos"


def test_attributes_are_typed_and_repeated_ones_kept() -> None:
    message = decoded("id=7&cell=460,0,1,2&cell=460,0,1,3&x=1.5&y=true&iccid=89860123456789012345")

    assert message.attributes == {
        "cell": "460,0,1,2;460,0,1,3", "x": 1.5, "y": True, "iccid": "89860123456789012345",
    }  # fmt: skip


def test_unknown_is_said_in_numbers_and_left_out() -> None:
    location = {
        "timestamp": "2026-01-31T08:00:00Z",
        "coords": {"latitude": 1, "longitude": 2, "speed": -1, "heading": -1, "accuracy": None},
        "battery": {"level": -1, "is_charging": False},
        "floor": None,
        "extras": {"note": "a", "deep": {"b": 1}, "none": None},
    }

    message = decoded(json.dumps({"device_id": 7, "location": location}))

    assert (message.device_id, message.speed_mps, message.heading_deg) == ("7", None, None)
    assert (message.accuracy_m, message.battery_pct, message.charging) == (None, None, False)
    assert message.attributes == {"note": "a"}


def test_field_that_cannot_be_read_is_named_and_costs_nothing_else() -> None:
    message = decoded("id=7&lat=1&lon=2&speed=fast&altitude=12")

    assert (message.speed_mps, message.altitude_m, message.unread) == (None, 12, ("speed",))


@pytest.mark.parametrize(
    "said",
    [
        *("", "?", "/", "&&&", "id=7&lat=1", "id=7&lat=x&lon=2", "id=7&location=1"),
        *("id=7&lat=nan&lon=2", "id=7&timestamp=yesterday", "id=7&timestamp=-5"),
        *("{", "{}x", '{"location":5}', '{"location":{"coords":{"latitude":"x"}}}', "[" * 100_000),
        *('{"location":{"timestamp":"x"}}', '{"a":' * 10_000, "&".join("a=1" for _ in range(300))),
    ],
)  # fmt: skip
def test_nonsense_is_refused(said: str) -> None:
    with pytest.raises(ProtocolError):
        osmand.decode(said)


def test_several_locations_in_their_order() -> None:
    body = {
        "device_id": "7",
        "location": [{"coords": {"latitude": n, "longitude": 1}} for n in (3, 2)],
    }

    assert [each.lat for each in osmand.decode(json.dumps(body))] == [3, 2]
    with pytest.raises(ProtocolError):
        osmand.decode(json.dumps({"location": [None] * (osmand.LOCATIONS_LEN_MAX + 1)}))


@given(st.binary(max_size=300) | st.text(max_size=300).map(lambda text: f"id=7&{text}".encode()))
def test_any_bytes_are_a_message_or_refused(said: bytes) -> None:
    try:
        messages = osmand.decode(said)
    except ProtocolError:
        return
    assert all(len(each.attributes) <= 64 for each in messages)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=10,
)
NAMES = ["timestamp", "coords", "battery", "extras", "latitude", "longitude", "level", "alarm"]


@given(st.dictionaries(st.sampled_from(["device_id", "location", *NAMES]), st.one_of(
    json_values, st.dictionaries(st.sampled_from(NAMES), st.one_of(
        json_values, st.dictionaries(st.sampled_from(NAMES), json_values))))))  # fmt: skip
def test_any_json_is_a_message_or_refused(body: dict[str, Any]) -> None:
    try:
        osmand.decode(json.dumps(body))
    except ProtocolError:
        return
