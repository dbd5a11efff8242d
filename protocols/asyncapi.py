"""The device protocol as an AsyncAPI 3 document, made from the message types themselves.

    python -m protocols.asyncapi > docs/asyncapi.json

Message bodies, limits and enumerations are what `protocols.native` decodes by; here stand only the
channels, who may say what, and one example of each message. The rules of the conversation are in
docs/protocol.md: AsyncAPI has no words for them. A test keeps the file current.
"""

from __future__ import annotations

import sys
from typing import Any, Final

import msgspec

from protocols import native
from protocols.native import CloseCode

VERSION: Final = "1.0.0"
AT_MS: Final = 1_790_000_000_123
NOTE: Final = (
    "ridgeline/5c7e\n4711\nxTq1rSZwAI0ATDc2n9Y3c3LqJtmGzCPWq4bYDnCzm2k=\n"
    "\n\u2014 ridgeline YMDnOm9kZ2V\u2026\n"
)

FROM_DEVICE: Final[dict[str, native.ClientMessage]] = {
    "hello": native.Hello(
        dev="cam-07",
        inst="9f2c",
        epoch="e7",
        cur=412,
        cur_id="01a1",
        up_acked=9031,
        seen=NOTE,
        app="1.4",
        net="4g",
        bat=63,
    ),
    "location": native.Location(
        n=9032, at=AT_MS, lat=27.54, lon=100.26, acc=8, spd=1.2, hdg=90, bat=63, mode="record"
    ),
    "state": native.State(
        n=9033, id="01a2", s=native.Report.ACCEPTED, by="B-1042", at=AT_MS, lat=27.54, lon=100.26
    ),
    "sos": native.Sos(n=9034, id="77ab", at=AT_MS, by="B-1042", lat=27.54, lon=100.26),
    "ping": native.Ping(i=7, bat=62),
}
"""One example of everything a device says, by the message's name here."""
FROM_SERVER: Final[dict[str, native.ServerMessage]] = {
    "welcome": native.Welcome(
        epoch="e7", resumed=True, head=415, up=9031, hb=45, now=AT_MS, ckpt=NOTE
    ),
    "command": native.Command(
        seq=413,
        prev=412,
        id="01a2",
        kind="task",
        pri="emergency",
        exp=AT_MS + 4 * 3_600_000,
        body={"order": "01a1", "number": 17, "instruction": "Go by the upper road."},
    ),
    "ack": native.Ack(up=9034),
    "pong": native.Pong(i=7, now=AT_MS),
}
"""One example of everything the server says."""

UP_ONLY: Final = ("hello", "location", "state", "sos", "ping")
TITLES: Final = {
    "device": "One WebSocket: everything, both ways, one frame a message",
    "up": "Without a WebSocket: hello and records in the body, one a line",
    "cmd": "Without a WebSocket: the hello as a query, commands as they come",
}
ADDRESSES: Final = {"device": "/v1/device", "up": "/v1/up", "cmd": "/v1/cmd"}


def document() -> dict[str, Any]:
    """The whole document, as JSON-able values."""
    samples: dict[str, native.ClientMessage | native.ServerMessage] = {**FROM_DEVICE, **FROM_SERVER}
    kinds = [type(sample) for sample in samples.values()]
    _, schemas = msgspec.json.schema_components(kinds, ref_template="#/components/schemas/{name}")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Ridgeline device protocol",
            "version": VERSION,
            "description": "For makers of body cameras, car sets and apps. "
            "Frames and limits; the rules of the conversation are in docs/protocol.md.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            "device": _channel("device", samples) | {"bindings": {"ws": {"method": "GET"}}},
            "up": _channel("up", [*UP_ONLY, "welcome", "ack", "pong"]),
            "cmd": _channel("cmd", ["hello", "welcome", "command"]),
        },
        "operations": {
            "deviceSays": _operation("receive", "device", FROM_DEVICE),
            "serverSays": _operation("send", "device", FROM_SERVER),
            "up": _asked("up", "POST", UP_ONLY, ["welcome", "ack", "pong"]),
            "cmd": _asked("cmd", "GET", ["hello"], ["welcome", "command"]),
        },
        "components": {
            "messages": {name: _message(name, sample) for name, sample in samples.items()},
            "schemas": schemas,
            "securitySchemes": {"deviceToken": {"type": "http", "scheme": "bearer"}},
        },
        "x-limits": {
            "subprotocol": native.SUBPROTOCOL,
            "frame_bytes_max": native.FRAME_BYTES_MAX,
            "heartbeat_s": native.HEARTBEAT_S,
            "standby_heartbeat_s": native.STANDBY_HEARTBEAT_S,
            "close_codes": {code.name.lower(): int(code) for code in CloseCode},
        },
    }


def text() -> str:
    """As it is stored in docs/."""
    return msgspec.json.format(msgspec.json.encode(document()), indent=2).decode() + "\n"


def _channel(name: str, messages: Any) -> dict[str, Any]:
    return {
        "address": ADDRESSES[name],
        "title": TITLES[name],
        "messages": {each: {"$ref": f"#/components/messages/{each}"} for each in messages},
    }


def _operation(action: str, channel: str, messages: Any) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{channel}"},
        "security": [{"$ref": "#/components/securitySchemes/deviceToken"}],
        "messages": _messages_of(channel, messages),
    }


def _asked(channel: str, method: str, asked: Any, answered: Any) -> dict[str, Any]:
    """One HTTP request and its answer."""
    return _operation("receive", channel, asked) | {
        "bindings": {"http": {"method": method}},
        "reply": {
            "channel": {"$ref": f"#/channels/{channel}"},
            "messages": _messages_of(channel, answered),
        },
    }


def _messages_of(channel: str, messages: Any) -> list[dict[str, str]]:
    return [{"$ref": f"#/channels/{channel}/messages/{each}"} for each in messages]


def _message(name: str, sample: native.ClientMessage | native.ServerMessage) -> dict[str, Any]:
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{type(sample).__name__}"}
    if isinstance(sample, native.Uplink):
        up = {"type": "object", "required": ["t"], "properties": {"t": {"const": "up"}}}
        schema = {"allOf": [up, schema]}
    return {
        "name": name,
        "contentType": "application/json",
        "payload": schema,
        "examples": [{"payload": msgspec.json.decode(native.encode(sample))}],
    }


if __name__ == "__main__":
    sys.stdout.write(text())
