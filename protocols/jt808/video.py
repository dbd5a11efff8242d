"""The signalling of JT/T 1078-2016, which extends JT/T 808 over the same connection.

A request for video names an address: the terminal opens a new connection to it and streams there.
This product sends the address of a media server and never sees the stream.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, ClassVar

from protocols.jt808.fields import Size
from protocols.jt808.layout import U8, U16, U32, U64, Body, Layout, Many, Part, Text8, Time


class LiveType(IntEnum):
    """What 0x9101 asks for."""

    AUDIO_VIDEO = 0
    VIDEO = 1
    TALK = 2
    LISTEN = 3
    BROADCAST = 4
    TRANSPARENT = 5


class LiveCommand(IntEnum):
    """What 0x9102 does."""

    CLOSE = 0
    SWITCH_STREAM = 1
    PAUSE = 2
    RESUME = 3
    CLOSE_TALK = 4


class AskAvAttributes(Body, frozen=True, kw_only=True):
    """0x9003."""

    ID: ClassVar[int] = 0x9003


class AvAttributes(Body, frozen=True, kw_only=True):
    """0x1003. Codecs: 6 G.711A, 7 G.711U, 8 G.726, 19 AAC, 26 ADPCM; 98 H.264, 99 H.265."""

    ID: ClassVar[int] = 0x1003
    audio_codec: U8
    audio_channels: U8
    sampling: U8
    """0 8 kHz, 1 22.05 kHz, 2 44.1 kHz, 3 48 kHz."""
    bits: U8
    """0 8, 1 16, 2 32."""
    frame_bytes: U16
    audio_output: U8
    video_codec: U8
    audio_channels_max: U8
    video_channels_max: U8


class PassengerCount(Body, frozen=True, kw_only=True):
    """0x1005."""

    ID: ClassVar[int] = 0x1005
    begins_at: Time
    ends_at: Time
    got_on: U16
    got_off: U16


class Live(Body, frozen=True, kw_only=True):
    """0x9101: stream to this address. A port 0 is unused. Answered by 0x0001."""

    ID: ClassVar[int] = 0x9101
    host: Text8
    tcp_port: U16
    udp_port: U16
    channel: U8
    kind: U8
    stream: U8
    """0 main, 1 sub."""


class LiveControl(Body, frozen=True, kw_only=True):
    """0x9102. `close`: 0 all, 1 the sound, 2 the picture."""

    ID: ClassVar[int] = 0x9102
    channel: U8
    command: U8
    close: U8
    stream: U8


class LiveLoss(Body, frozen=True, kw_only=True):
    """0x9105: how much of the stream is lost on the way."""

    ID: ClassVar[int] = 0x9105
    channel: U8
    loss_pct: U8


class AskRecordings(Body, frozen=True, kw_only=True):
    """0x9205, answered by 0x1205. Channel 0: all; no time: any."""

    ID: ClassVar[int] = 0x9205
    channel: U8
    begins_at: Time
    ends_at: Time
    alarm_bits: U64
    kind: U8
    stream: U8
    storage: U8


class Recording(Layout, frozen=True, kw_only=True):
    channel: U8
    begins_at: Time
    ends_at: Time
    alarm_bits: U64
    kind: U8
    stream: U8
    storage: U8
    bytes: U32


class Recordings(Body, frozen=True, kw_only=True):
    """0x1205; in packages where there are many."""

    ID: ClassVar[int] = 0x1205
    answers: U16
    recordings: Annotated[tuple[Recording, ...], Many(Part(Recording), Size(4))]


class Playback(Body, frozen=True, kw_only=True):
    """0x9201: stream a recording to this address."""

    ID: ClassVar[int] = 0x9201
    host: Text8
    tcp_port: U16
    udp_port: U16
    channel: U8
    kind: U8
    stream: U8
    storage: U8
    mode: U8
    speed: U8
    begins_at: Time
    ends_at: Time


class PlaybackControl(Body, frozen=True, kw_only=True):
    """0x9202. `command`: 0 begin, 1 pause, 2 end, 3 fast, 4 back, 5 jump to `at`, 6 key frames."""

    ID: ClassVar[int] = 0x9202
    channel: U8
    command: U8
    speed: U8
    at: Time


class UploadRecordings(Body, frozen=True, kw_only=True):
    """0x9206: upload recordings by FTP, answered by 0x0001 and, when done, 0x1206."""

    ID: ClassVar[int] = 0x9206
    host: Text8
    port: U16
    user: Text8
    password: Text8
    path: Text8
    channel: U8
    begins_at: Time
    ends_at: Time
    alarm_bits: U64
    kind: U8
    stream: U8
    storage: U8
    conditions: U8
    """Bits: over Wi-Fi, a LAN, a mobile network."""


class UploadControl(Body, frozen=True, kw_only=True):
    """0x9207. `command`: 0 pause, 1 go on, 2 cancel."""

    ID: ClassVar[int] = 0x9207
    upload: U16
    """Serial of the 0x9206."""
    command: U8


class UploadDone(Body, frozen=True, kw_only=True):
    """0x1206: 0 done, 1 failed."""

    ID: ClassVar[int] = 0x1206
    answers: U16
    result: U8


class Turn(Body, frozen=True, kw_only=True):
    """0x9301: turn the camera. 0 stop, 1 up, 2 down, 3 left, 4 right."""

    ID: ClassVar[int] = 0x9301
    channel: U8
    direction: U8
    speed: U8


class _Camera(Body, frozen=True, kw_only=True):
    channel: U8
    value: U8


class Focus(_Camera, frozen=True, kw_only=True):
    """0x9302: 0 nearer, 1 farther."""

    ID: ClassVar[int] = 0x9302


class Iris(_Camera, frozen=True, kw_only=True):
    """0x9303: 0 wider, 1 narrower."""

    ID: ClassVar[int] = 0x9303


class Wiper(_Camera, frozen=True, kw_only=True):
    """0x9304: 0 off, 1 on."""

    ID: ClassVar[int] = 0x9304


class InfraredLight(_Camera, frozen=True, kw_only=True):
    """0x9305: 0 off, 1 on."""

    ID: ClassVar[int] = 0x9305


class Zoom(_Camera, frozen=True, kw_only=True):
    """0x9306: 0 in, 1 out."""

    ID: ClassVar[int] = 0x9306
