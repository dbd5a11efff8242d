"""Native device protocol, version 1: message types and their JSON encoding.

One JSON object per WebSocket text frame, discriminated by `t`; uplink records (`"t":"up"`) by `k`.
Times on the wire are integer milliseconds since the Unix epoch, UTC. Positions are WGS-84 degrees.
The rules of the conversation (who may say what when) live in `devices.session` and
`devices.client`; this module only knows what a well-formed message looks like.
See docs/protocol.md.
"""

from __future__ import annotations

import contextlib
from enum import IntEnum, StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from protocols.errors import MALFORMED_JSON, FrameTooLarge, ProtocolError

SUBPROTOCOL = "ridgeline.v1.json"
FRAME_BYTES_MAX = 16 * 1024
"""A frame is one record or one command; 16 KiB leaves room for a long note."""
HEARTBEAT_S = 45
"""On duty (docs/protocol.md, keepalive); the peer is dead after two misses."""
STANDBY_HEARTBEAT_S = 240
"""Off duty; below the 4.5 min after which some carriers forget an idle connection."""

Text = Annotated[str, Meta(max_length=2000)]
Note = Annotated[str, Meta(max_length=1000)]
"""A signed checkpoint of the command log, as the server wrote it; nobody on the way reads it."""
Id = Annotated[str, Meta(min_length=1, max_length=64)]
Millis = Annotated[int, Meta(ge=0, le=253_402_300_799_999)]
Count = Annotated[int, Meta(ge=0, le=2**53)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Gauge = Annotated[int, Meta(ge=-10_000, le=10_000)]
"""A battery in percent as its gauge says it; some say 153. Whoever reads it judges it."""
Heartbeat = Annotated[int, Meta(ge=1, le=3600)]
Longitude = Annotated[float, Meta(ge=-180, le=180)]
Latitude = Annotated[float, Meta(ge=-90, le=90)]


class CloseCode(IntEnum):
    """Application close codes of the native protocol (RFC 6455 §7.4.2, private range)."""

    REPLACED = 4001
    """A newer socket of the same installation took over."""
    AUTH = 4002
    PROTOCOL = 4003
    SLOW_CONSUMER = 4004
    """The send queue overflowed; reconnect and resume, nothing is lost."""
    DRAINING = 4005
    """The server is stopping; reconnect after a moment."""


class Report(StrEnum):
    """What a device may say about an order it was given; the order is the rank."""

    RECEIVED = "received"
    SHOWN = "shown"
    STANDBY = "standby"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EN_ROUTE = "en_route"
    ON_SCENE = "on_scene"
    FEEDBACK = "feedback"
    DONE = "done"
    APPLIED = "applied"
    """A machine's word: it keeps the limits that it was sent. Beside the ranks of an order."""
    REFUSED = "refused"
    """A machine's word: it cannot keep or show the command, `reason` says why. Beside them, too."""


class Wire(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Common options of every message."""


# -- client to server ------------------------------------------------------------------


class Hello(Wire, frozen=True, tag_field="t", tag="hello"):
    """First frame of every connection."""

    dev: Id
    """Device id as enrolled."""
    inst: Id
    """Installation id: new whenever the client lost its storage."""
    tok: Annotated[str, Meta(max_length=200)] = ""
    """Device token, unless the Authorization header carried it."""
    epoch: Annotated[str, Meta(max_length=64)] = ""
    """Epoch of the downlink log the cursor belongs to; empty on first contact."""
    cur: Count = 0
    """Highest `seq` durably stored."""
    cur_id: Annotated[str, Meta(max_length=64)] = ""
    """`id` of the command that had this `seq`: whether the server's log is still the same one."""
    up_acked: Count = 0
    """Highest `n` the server has acknowledged, as the client knows it."""
    seen: Note = ""
    """The newest checkpoint of the command log that the device keeps."""
    caps: Annotated[list[Id], Meta(max_length=32)] = []
    app: Annotated[str, Meta(max_length=64)] = ""
    net: Annotated[str, Meta(max_length=16)] = ""
    bat: Gauge | None = None


class Location(Wire, frozen=True, tag_field="k", tag="loc"):
    """One fix, with the reporting device's own battery. Speed in m/s, heading in degrees."""

    n: Count
    at: Millis
    lat: Latitude
    lon: Longitude
    acc: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    spd: Annotated[float, Meta(ge=0, le=200)] | None = None
    hdg: Annotated[float, Meta(ge=0, le=360)] | None = None
    bat: Gauge | None = None
    chg: bool = False
    """Whether the device is charging."""
    mode: Annotated[str, Meta(max_length=16)] = ""
    """What drains it: standby, record or stream, with +screen and +ir where they are on."""
    tmp: Annotated[float, Meta(ge=-100, le=200)] | None = None
    """Of the battery, °C."""
    rsrp: Annotated[float, Meta(ge=-200, le=0)] | None = None
    """Received power of the mobile network's reference signal, dBm."""
    kbps: Annotated[float, Meta(ge=0, le=1_000_000)] | None = None
    """Of the stream, where it streams."""


class Limits(Wire, frozen=True):
    """What a device is to keep to, so that its battery lasts; what is absent is its own choice."""

    stream: Literal["off", "snippets", "low"] | None = None
    """At most: nothing, short pieces when asked for, about 0.5 Mbit/s."""
    rsrp_min: Annotated[int, Meta(ge=-160, le=0)] | None = None
    """Stream only where the signal has at least so many dBm."""
    fix_s: Annotated[int, Meta(ge=1, le=3600)] | None = None
    """At least so many seconds between two fixes."""
    lights: Literal[False] | None = None
    """False: screen and infrared light off."""


class State(Wire, frozen=True, tag_field="k", tag="state"):
    """A step of the order that came as command `id`."""

    n: Count
    id: Id
    s: Report
    at: Millis
    by: Annotated[str, Meta(max_length=64)] = ""
    """Badge of the officer; required from `accepted` on."""
    reason: Text = ""
    """Required with `declined`."""
    note: Text = ""
    until: Millis | None = None
    """With `standby`: until when the unit does not answer."""
    did: Limits | None = None
    """With `applied`: the limits that it keeps now."""
    seen: Note = ""
    """The newest checkpoint of the command log that the device keeps."""
    lat: Latitude | None = None
    lon: Longitude | None = None


class SosSays(StrEnum):
    """What an officer says with a call for help."""

    RAISED = "raised"
    WITHDRAWN = "withdrawn"
    """A false alarm, says the officer: a dispatcher still looks at it."""


class Sos(Wire, frozen=True, tag_field="k", tag="sos"):
    """An officer calls for help. Everything but `n` and `id` may be unknown."""

    n: Count
    id: Id
    """The device's own name of this call: saying it twice raises one alarm."""
    s: SosSays = SosSays.RAISED
    at: Millis | None = None
    by: Annotated[str, Meta(max_length=64)] = ""
    """Badge of the officer, where the device knows who holds it."""
    note: Text = ""
    lat: Latitude | None = None
    lon: Longitude | None = None
    acc: Annotated[float, Meta(ge=0, le=100_000)] | None = None
    fix: Millis | None = None
    """When that position was taken, where it is older than the call."""
    bat: Percent | None = None


class Ping(Wire, frozen=True, tag_field="t", tag="ping"):
    i: Count
    bat: Gauge | None = None


# -- server to client ------------------------------------------------------------------


class Welcome(Wire, frozen=True, tag_field="t", tag="welcome"):
    epoch: Id
    resumed: bool
    """False: the server could not continue from the client's cursor; the cursor restarts at 0."""
    head: Count
    """Highest `seq` the server has for this device."""
    up: Count
    """Highest `n` the server has stored from this installation."""
    hb: Heartbeat
    """Heartbeat interval in seconds."""
    now: Millis
    ckpt: Note = ""
    """The newest checkpoint of the command log, where it may be news."""


class Command(Wire, frozen=True, tag_field="t", tag="cmd"):
    """One entry of the downlink log. `prev` is the `seq` before it; on a gap, say hello again."""

    seq: Count
    prev: Count
    id: Id
    kind: Annotated[str, Meta(max_length=32)]
    """`task`: an order; `notice`: something to know; `recall`: let go of an order; `check`: is all
    well?; `advice`: something to do for a battery. `body.ref` names the task that the last four are
    about. `limits`: what the device itself is to keep to from now on, in place of what it kept."""
    pri: Literal["routine", "priority", "emergency"] = "routine"
    exp: Millis | None = None
    body: dict[str, Any] = {}


class Ack(Wire, frozen=True, tag_field="t", tag="ack"):
    """Everything up to `up` is stored; cumulative."""

    up: Count
    ckpt: Note = ""
    """The newest checkpoint of the command log, where it may be news."""


class Pong(Wire, frozen=True, tag_field="t", tag="pong"):
    """The answer to a ping; unasked (`i` = 0) when the heartbeat changes."""

    i: Count
    now: Millis
    hb: Heartbeat | None = None
    """Heartbeat interval in seconds from now on, where it differs from the welcome's."""


Uplink = Location | State | Sos
ClientMessage = Hello | Location | State | Sos | Ping
ServerMessage = Welcome | Command | Ack | Pong


class _Envelope(Struct):
    t: str


class _Numbered(Struct, tag_field="t", tag="up"):
    n: Count


class _RawSos(Struct, tag_field="k", tag="sos"):
    """A call for help whose values nobody has looked at."""

    n: Count
    id: Any = None
    s: Any = None
    at: Any = None
    by: Any = None
    note: Any = None
    lat: Any = None
    lon: Any = None
    acc: Any = None
    fix: Any = None
    bat: Any = None


_envelope = msgspec.json.Decoder(_Envelope)
_from_client: dict[str, msgspec.json.Decoder[ClientMessage]] = {
    "hello": msgspec.json.Decoder(Hello),
    "up": msgspec.json.Decoder(Uplink),
    "ping": msgspec.json.Decoder(Ping),
}
_numbered = msgspec.json.Decoder(_Numbered)
_raw_sos = msgspec.json.Decoder(_RawSos)
_from_server: msgspec.json.Decoder[ServerMessage] = msgspec.json.Decoder(ServerMessage)
_encoder = msgspec.json.Encoder()


def decode_client(frame: str | bytes) -> ClientMessage:
    """Decode one frame that a device sent. Raises `ProtocolError`."""
    _check_size(frame)
    try:
        decoder = _from_client[_envelope.decode(frame).t]
        return decoder.decode(frame)
    except KeyError as error:
        raise ProtocolError(f"unknown message type {error}") from None
    except MALFORMED_JSON as error:
        raise ProtocolError(f"malformed frame: {error}") from None


def decode_server(frame: str | bytes) -> ServerMessage:
    """Decode one frame that the server sent. Raises `ProtocolError`."""
    _check_size(frame)
    try:
        return _from_server.decode(frame)
    except MALFORMED_JSON as error:
        raise ProtocolError(f"malformed frame: {error}") from None


def record_number(frame: str | bytes) -> int | None:
    """The `n` of an uplink record that `decode_client` refused for its other values, if it has one.

    Lets the server step over a record that can never become valid by being sent again.
    """
    try:
        return _numbered.decode(frame).n
    except MALFORMED_JSON:
        return None


def salvage_sos(frame: str | bytes) -> Sos | None:
    """A call for help that `decode_client` refused, with what of it can be believed.

    An impossible battery must not silence it. None: the frame is none, or has no number. A call
    without a usable name is named after its number.
    """
    try:
        raw = _raw_sos.decode(frame)
    except MALFORMED_JSON:
        return None
    sos = Sos(n=raw.n, id=f"n{raw.n}")
    for name in _RawSos.__struct_fields__:
        if (value := getattr(raw, name)) is not None:
            with contextlib.suppress(msgspec.ValidationError):
                said = {"k": "sos", "n": raw.n, "id": sos.id, name: value}
                believed = getattr(msgspec.convert(said, Sos), name)
                sos = msgspec.structs.replace(sos, **{name: believed})
    return sos


def encode(message: ClientMessage | ServerMessage) -> bytes:
    """Encode one message as the UTF-8 text of a frame."""
    encoded = _encoder.encode(message)
    if isinstance(message, Uplink):
        return b'{"t":"up",' + encoded[1:]
    return encoded


def _check_size(frame: str | bytes) -> None:
    if len(frame) > FRAME_BYTES_MAX or _bytes_len(frame) > FRAME_BYTES_MAX:
        raise FrameTooLarge(f"frame over {FRAME_BYTES_MAX} bytes")


def _bytes_len(frame: str | bytes) -> int:
    """As UTF-8; nearly every frame is ASCII, and need not be encoded to be measured."""
    return len(frame) if isinstance(frame, bytes) or frame.isascii() else len(frame.encode())
