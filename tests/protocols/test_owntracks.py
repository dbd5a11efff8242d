"""OwnTracks' JSON: published vectors, types that mean nothing here, and whatever may come."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols import owntracks
from protocols.errors import ProtocolError
from protocols.owntracks import Message
from tests.protocols.test_osmand import json_values


def decoded(**said: Any) -> Message:
    body = {"_type": "location", "lat": 28.65, "lon": 104.9, "tst": 1769846400} | said
    [message] = owntracks.decode(json.dumps(body))
    return message


@pytest.mark.data
def test_published_vectors(data_dir: Path) -> None:
    vectors = json.loads((data_dir / "vectors" / "owntracks_vectors.json").read_bytes())["vectors"]
    for vector in vectors:
        [message] = owntracks.decode(vector["request"]["body"])

        assert message.device_id == vector["traccar"]["device_id_candidates"]
        expected = vector["traccar"]["result"]
        assert message.is_location
        assert (message.lat, message.lon) == (expected["lat"], expected["lon"])
        assert message.time == datetime.fromisoformat(expected["fix_time"])
        assert (message.altitude_m or 0) == expected["altitude_m"]
        assert (message.accuracy_m or 0) == expected["accuracy"]
        assert (message.heading_deg or 0) == expected["course"]
        knots = (message.speed_mps or 0) * 3600 / 1852
        assert knots == pytest.approx(expected["speed_knots"], abs=1e-4)
        attributes = expected["attributes"]
        assert message.battery_pct == attributes.pop("batteryLevel", None)
        assert message.attributes.items() >= attributes.items()


@pytest.mark.parametrize(
    ("bs", "charging"), [(0, None), (1, False), (2, True), (3, True), ("x", None)]
)
def test_battery_status(bs: Any, charging: bool | None) -> None:
    assert decoded(batt="46", bs=bs).charging is charging
    assert decoded(batt="46").battery_pct == 46


def test_names_of_networks_are_not_kept() -> None:
    message = decoded(SSID="home", BSSID="00:11", conn="w", tid="5t", inregions=["a"])

    assert message.attributes == {"conn": "w", "tid": "5t"}


def test_topic_is_an_identity_and_two_letters_are_none() -> None:
    assert decoded(topic="owntracks/forest/wang", tid="WA").has_topic
    assert not decoded(tid="WA").has_topic


@pytest.mark.parametrize("kind", ["lwt", "waypoint", "transition", "status", "card", "encrypted"])
def test_other_types_are_named_and_left_alone(kind: str) -> None:
    [message] = owntracks.decode(json.dumps({"_type": kind, "tst": "x", "data": "…"}))

    assert (message.kind, message.is_location) == (kind, False)


@pytest.mark.parametrize(
    "body",
    [
        *("", "{", "5", "null", "{}", '{"_type":5.5}', '{"_type":"location"}', "[[]]"),
        *('{"_type":"location","lat":"x","lon":1,"tst":1}', '{"_type":"location","lat":1,"lon":1}'),
    ],
)
def test_nonsense_is_refused(body: str) -> None:
    with pytest.raises(ProtocolError):
        owntracks.decode(body)


def test_answer_is_an_array() -> None:
    assert owntracks.answer() == b"[]"
    assert json.loads(owntracks.answer([owntracks.REPORT_LOCATION])) == [
        {"_type": "cmd", "action": "reportLocation"}
    ]


@given(st.binary(max_size=200))
def test_any_bytes_are_messages_or_refused(body: bytes) -> None:
    try:
        owntracks.decode(body)
    except ProtocolError:
        return


@given(
    st.dictionaries(st.sampled_from(["lat", "lon", "tst", "bs", "t", "topic", "vel"]), json_values)
)
def test_any_values_are_a_message_or_refused(said: dict[str, Any]) -> None:
    try:
        decoded(**said)
    except ProtocolError:
        return
