"""The published description of the protocol is the protocol."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from protocols import asyncapi, native
from protocols.native import decode_client, decode_server

DOCS = Path(__file__).parents[2] / "docs"
FRAMES = re.compile(r"^\| (device|server) \| (.+?) \|", re.MULTILINE)


def documented() -> list[tuple[str, str]]:
    """(who, frame) of every example in docs/protocol.md, with its gaps filled."""
    found = []
    for who, cell in FRAMES.findall((DOCS / "protocol.md").read_text()):
        for frame in re.findall(r"`(\{.*?\})`(?= |$|→)", cell + " "):
            filled = frame.replace("{…}", "{}").replace(":…", ":1")
            speaker = "server" if '"t":"pong"' in frame else who
            found.append((speaker, filled))
    return found


def references(node: Any) -> list[str]:
    if isinstance(node, dict):
        own = [node["$ref"]] if "$ref" in node else []
        return own + [each for value in node.values() for each in references(value)]
    if isinstance(node, list):
        return [each for value in node for each in references(value)]
    return []


def test_the_document_in_docs_is_current() -> None:
    stored = (DOCS / "asyncapi.json").read_text()

    assert stored == asyncapi.text(), "python -m protocols.asyncapi > docs/asyncapi.json"


def test_every_reference_leads_somewhere() -> None:
    document = asyncapi.document()

    for reference in references(document):
        node: Any = document
        for step in reference.removeprefix("#/").split("/"):
            node = node[step]


def test_every_message_of_the_wire_is_described() -> None:
    described = {type(each) for each in (*asyncapi.FROM_DEVICE.values(),)}
    said = {type(each) for each in (*asyncapi.FROM_SERVER.values(),)}

    assert described == set(native.ClientMessage.__args__)
    assert said == set(native.ServerMessage.__args__)


def test_examples_of_the_document_are_frames() -> None:
    messages = json.loads(asyncapi.text())["components"]["messages"]

    for name, message in messages.items():
        frame = json.dumps(message["examples"][0]["payload"])
        decode = decode_client if name in asyncapi.FROM_DEVICE else decode_server
        assert (
            type(decode(frame)).__name__
            == message["payload"]
            .get("$ref", message["payload"].get("allOf", [{}, {}])[-1].get("$ref", ""))
            .rsplit("/", 1)[-1]
        )


@pytest.mark.parametrize("number", range(9))
def test_example_frames_of_the_manual_decode(number: int) -> None:
    who, frame = documented()[number]

    (decode_client if who == "device" else decode_server)(frame)


def test_the_manual_has_an_example_of_every_message() -> None:
    shown = {
        type((decode_client if who == "device" else decode_server)(frame))
        for who, frame in documented()
    }

    assert shown == {*native.ClientMessage.__args__, *native.ServerMessage.__args__}
