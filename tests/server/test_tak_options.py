"""What an operator may set about TAK clients, and ports that are taken."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from server.envvalues import SettingsError
from server.gateways.tak.wiring import _sockets
from server.listening import CannotListen
from server.tak.options import PORT_DEFAULT, TakOptions
from tests.server_process import free_port


def test_by_default_they_come_in_from_this_machine_alone() -> None:
    options = TakOptions.from_env({})

    assert (options.host, options.port, options.plain_port) == ("127.0.0.1", PORT_DEFAULT, None)
    assert not options.is_wanted
    assert options.reached_by == "127.0.0.1"


def test_everything_can_be_said() -> None:
    options = TakOptions.from_env(
        {
            "RIDGELINE_TAK_HOST": "*",
            "RIDGELINE_TAK_PORT": "18089",
            "RIDGELINE_TAK_WEB_PORT": "8443",
            "RIDGELINE_TAK_NAMES": "tak.county.test, 10.0.0.5 2001:db8::1",
            "RIDGELINE_TAK_CALLSIGN": "Room 1",
            "RIDGELINE_TAK_CONNECTIONS_MAX": "20",
        }
    )

    assert (options.host, options.port, options.web_port) == ("", 18089, 8443)
    assert options.is_wanted
    assert options.reached_by == "tak.county.test"
    assert set(options.certified_names) >= {"tak.county.test", "10.0.0.5", "2001:db8::1"}
    assert (options.callsign, options.connections_max) == ("Room 1", 20)


@pytest.mark.parametrize("text", ["off", "0", "no"])
def test_they_can_be_kept_out(text: str) -> None:
    assert not TakOptions.from_env({"RIDGELINE_TAK_PORT": text}).on


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RIDGELINE_TAK_PORT", "x"),
        ("RIDGELINE_TAK_PORT", "65536"),
        ("RIDGELINE_TAK_PORT", "-1"),
        ("RIDGELINE_TAK_NAMES", "tak county/"),
        ("RIDGELINE_TAK_NAMES", "-a.test"),
        ("RIDGELINE_TAK_NAMES", " ".join(f"n{each}" for each in range(21))),
        ("RIDGELINE_TAK_CALLSIGN", "x" * 41),
        ("RIDGELINE_TAK_CALLSIGN", "a\tb"),
        ("RIDGELINE_TAK_CONNECTIONS_MAX", "0"),
    ],
)
def test_what_cannot_be_is_refused_by_name(name: str, text: str) -> None:
    with pytest.raises(SettingsError, match=name):
        TakOptions.from_env({name: text})


def test_a_port_that_is_taken_stops_the_server_only_where_somebody_asked_for_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        asked: dict[str, Any] = {"port": taken.getsockname()[1]}

        with pytest.raises(CannotListen, match="RIDGELINE_TAK_PORT"):
            _sockets(TakOptions(**asked))
        found = _sockets(TakOptions(**asked, is_wanted=False))

    assert (found.secure, found.plain, found.web) == ([], [], [])
    assert "TAK clients are not let in" in caplog.text


def test_a_port_is_taken_before_another_server_can_come_between() -> None:
    first = _sockets(TakOptions(port=0, plain_port=0))
    port = first.secure[0].getsockname()[1]
    try:
        with pytest.raises(CannotListen, match="RIDGELINE_TAK_PORT"):
            _sockets(TakOptions(port=port))
        assert _sockets(TakOptions(port=port, is_wanted=False)).secure == []
    finally:
        for each in (*first.secure, *first.plain):
            each.close()


def test_the_web_port_cannot_be_the_other_one() -> None:
    port = free_port()

    with pytest.raises(CannotListen, match="RIDGELINE_TAK_WEB_PORT"):
        _sockets(TakOptions(port=port, web_port=port))


def test_the_web_port_needs_the_other_one() -> None:
    with pytest.raises(SettingsError, match="RIDGELINE_TAK_WEB_PORT needs RIDGELINE_TAK_PORT"):
        TakOptions.from_env({"RIDGELINE_TAK_PORT": "off", "RIDGELINE_TAK_WEB_PORT": "8446"})


def test_an_address_that_is_none_says_what_to_change() -> None:
    with pytest.raises(CannotListen, match="RIDGELINE_TAK_HOST"):
        _sockets(TakOptions(host="no such host", port=0))
