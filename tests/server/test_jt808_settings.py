"""Where JT/T 808 terminals connect, as an operator says it."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from server.envvalues import SettingsError
from server.jt808settings import Jt808Settings, MediaServer
from server.listening import CannotListen, bind
from server.settings import from_env


def test_it_is_on_for_this_machine_alone_unless_said_otherwise() -> None:
    found = Jt808Settings.from_env({})

    assert (found.host, found.port, found.udp, found.is_wanted) == ("127.0.0.1", 8808, True, False)


@pytest.mark.parametrize("text", ["off", "0", "no"])
def test_it_can_be_off(text: str) -> None:
    assert Jt808Settings.from_env({"RIDGELINE_JT808_PORT": text}).port is None


def test_an_operator_who_names_an_address_wants_it() -> None:
    env = {
        "RIDGELINE_JT808_HOST": "*",
        "RIDGELINE_JT808_PORT": "7611",
        "RIDGELINE_JT808_UDP": "no",
        "RIDGELINE_MEDIA_SERVER": "[::1]:10000",
    }

    found = Jt808Settings.from_env(env)

    assert (found.host, found.port, found.udp, found.is_wanted) == ("", 7611, False, True)
    assert found.media == MediaServer(host="::1", port=10000)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("RIDGELINE_JT808_PORT", "70000"),
        ("RIDGELINE_JT808_PORT", "every"),
        ("RIDGELINE_JT808_UDP", "maybe"),
        ("RIDGELINE_MEDIA_SERVER", "video.example.org"),
        ("RIDGELINE_MEDIA_SERVER", ":10000"),
        ("RIDGELINE_MEDIA_SERVER", "host:0"),
        ("RIDGELINE_LANGUAGE", "de"),
    ],
)
def test_a_wrong_value_is_named(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=name):
        from_env(data_dir=tmp_path, map_dir=tmp_path, env={name: text})


def test_a_port_that_is_taken_says_what_to_change() -> None:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        (first,) = bind("127.0.0.1", 0, choose=("HOST", "PORT"), kind=kind)
        if kind == socket.SOCK_STREAM:
            first.listen()
        with first, pytest.raises(CannotListen, match="choose another with PORT"):
            bind("127.0.0.1", first.getsockname()[1], choose=("HOST", "PORT"), kind=kind)
